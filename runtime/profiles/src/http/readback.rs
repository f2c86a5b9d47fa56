//! Looks whether what was accepted has been applied.
//!
//! Only what is simply set can be looked for, and only where an export shows it as it was
//! sent: custom attributes that are a number, a truth value, null or a text that is no date,
//! and names. An object is applied as a whole: where one of its values shows, all of it is in.
//! A value that a later object of the same user sets again isn't looked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::time::Duration;

use flowrun_core::Outcome;
use flowrun_core::batcher::Request;
use flowrun_core::track::{Field, date};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use tokio::time::Instant;

use super::attempt::Attempt;
use super::wire::{Item, items};
use super::{Http, Notice};

/// Users in one export, as Braze limits them.
const USERS: usize = 50;
/// The largest export that is read, in bytes.
const LARGEST: usize = 16 << 20;
/// The longest text that is kept whole, in characters.
const LONGEST_TEXT: usize = 255;

/// Standard fields that an export shows as they were sent.
const FIELDS: [&str; 3] = ["first_name", "home_city", "last_name"];

/// What is looked for at one user.
#[derive(Default)]
struct Sought<'a> {
    /// By field: the value, and the item that set it last. `None`: somebody changed it in a
    /// way that can't be foretold.
    fields: BTreeMap<String, Option<(Json, usize)>>,
    items: Vec<(usize, Item<'a>, Only)>,
    /// Whether an export has shown the profile, or that there is none.
    looked: bool,
}

/// Whether an object does nothing but set values: then writing it again changes nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Only {
    Sets,
    More,
}

#[derive(Deserialize)]
struct Export {
    users: Vec<Shown>,
}

/// A profile as an export has it.
type Shown = Map<String, Json>;

impl Http {
    /// Turns `Accepted` into `Applied` where profiles show it, and into `Unknown` where they
    /// go on not to. No look begins after the end.
    pub(super) async fn read_back<'a>(
        &self,
        attempt: &mut Attempt<'a>,
        request: &'a Request,
        end: Instant,
    ) {
        let items = items(&request.parts);
        let mut sought: HashMap<&str, Sought<'a>> = HashMap::new();
        let written = items.iter().filter(|item| item.array == 0 && attempt.accepted(item));
        for (number, item) in written.enumerate() {
            let user = &*request.parts[item.part].write.key.user;
            sought.entry(user).or_default().add(number, *item);
        }
        sought.retain(|_, one| one.fields.values().any(Option::is_some));
        let mut wait = self.settings.read_back.first.0.unsigned_abs();
        for _ in 0..self.settings.read_back.looks {
            if sought.is_empty() || self.blind.load(Ordering::Relaxed) || Instant::now() > end {
                break;
            }
            tokio::time::sleep(Duration::from_millis(wait)).await;
            wait = wait.saturating_mul(4);
            let mut users: Vec<&str> = sought.keys().copied().collect();
            users.sort_unstable();
            for users in users.chunks(USERS) {
                let Some(shown) = self.export(users).await else { continue };
                for user in users {
                    let Some(one) = sought.get_mut(user) else { continue };
                    one.looked = true;
                    if one.shows(shown.get(*user)) {
                        one.applied(attempt);
                        sought.remove(user);
                    }
                }
            }
        }
        for one in sought.values().filter(|one| one.looked) {
            one.missing(attempt);
        }
    }

    async fn export(&self, users: &[&str]) -> Option<HashMap<String, Shown>> {
        let mut fields = vec!["external_id", "custom_attributes"];
        fields.extend(FIELDS);
        let body = json!({ "external_ids": users, "fields_to_export": fields }).to_string();
        let heard = self.peer.post("/users/export/ids", body, Vec::new(), LARGEST).await.ok()?;
        if matches!(heard.status, 300..=428 | 431..=499 | 501) {
            let words = heard.body.as_ref().map_or(String::new(), |body| self.quote.bytes(body));
            let why = format!("/users/export/ids answers {}: {words}", heard.status);
            if !self.blind.swap(true, Ordering::Relaxed) {
                (self.notify)(&Notice::NoReadBack { status: heard.status, why });
            }
            return None;
        }
        let body = heard.body.as_ref().ok().filter(|_| matches!(heard.status, 200 | 201))?;
        let export: Export = serde_json::from_slice(body).ok()?;
        let id = |user: &Shown| Some(user.get("external_id")?.as_str()?.to_owned());
        Some(export.users.into_iter().filter_map(|user| Some((id(&user)?, user))).collect())
    }
}

impl<'a> Sought<'a> {
    fn add(&mut self, number: usize, item: Item<'a>) {
        let Ok(object) = serde_json::from_str::<Map<String, Json>>(item.text) else { return };
        // Of a user who doesn't exist nothing shows, and nothing should.
        let existing = object.get("_update_existing_only") == Some(&Json::Bool(true));
        let mut only = Only::Sets;
        for (name, value) in object {
            if name.starts_with('_') {
                continue;
            }
            if matches!(value, Json::Object(_) | Json::Array(_)) {
                only = Only::More;
            }
            let plain = !existing && comparable(&name, &value);
            self.fields.insert(name, plain.then_some((value, number)));
        }
        self.items.push((number, item, only));
    }

    /// Whether a profile has all that is looked for.
    fn shows(&self, shown: Option<&Shown>) -> bool {
        let Some(shown) = shown else { return false };
        let mut wanted =
            self.fields.iter().filter_map(|(name, want)| Some((name, &want.as_ref()?.0)));
        wanted.all(|(name, want)| {
            let has = match FIELDS.contains(&name.as_str()) {
                true => shown.get(name),
                false => shown.get("custom_attributes").and_then(|customs| customs.get(name)),
            };
            same(want, has.unwrap_or(&Json::Null))
        })
    }

    /// Whether anything of an item is looked for.
    fn seeks(&self, number: usize) -> bool {
        self.fields.values().flatten().any(|(_, item)| *item == number)
    }

    fn applied(&self, attempt: &mut Attempt<'a>) {
        let seen = self.items.iter().filter(|(number, ..)| self.seeks(*number));
        seen.for_each(|(_, item, _)| attempt.settle(item, Outcome::Applied));
    }

    fn missing(&self, attempt: &mut Attempt<'a>) {
        // What counts would count twice: then it is only known to be accepted.
        let sets = self.items.iter().filter(|(_, _, only)| *only == Only::Sets);
        for (_, item, _) in sets.filter(|(number, ..)| self.seeks(*number)) {
            let cause = "it was accepted, but the profile doesn't show it".to_owned();
            attempt.settle(item, Outcome::Unknown(cause));
        }
    }
}

/// Whether an export shows a value as it was sent.
fn comparable(name: &str, value: &Json) -> bool {
    if Field::named(name).is_some() && !FIELDS.contains(&name) {
        return false;
    }
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => true,
        Json::String(text) => {
            let kept = text.trim() == text && !text.is_empty();
            kept && text.chars().count() <= LONGEST_TEXT && date::attribute(text).is_none()
        }
        Json::Array(_) | Json::Object(_) => false,
    }
}

fn same(want: &Json, has: &Json) -> bool {
    match (want, has) {
        (Json::Number(a), Json::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => want == has,
    }
}
