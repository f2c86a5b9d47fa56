//! One test, played: its users, what they do and what goes wrong, in a rehearsal of its own.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use flowrun_canvas::test_file::{Cast, Fault, Fixtures, Hit, Member, Test, TestFile};
use serde_json::{Map, Value as Json};

use super::around::{fixtures, object_of, seen_from};
use crate::core::{CanvasIx, Millis};
use crate::simulation::{Arrival, Rehearsal, Response, Rule};
use crate::timeline::Timeline;
use crate::trace::TraceLine;
use crate::track::{Array, Profile};
use crate::users::{Entrant, Record, Roster};

/// A test after its end.
pub struct Played {
    pub rehearsal: Rehearsal,
    /// Who took part, in the order of the file.
    pub users: Vec<String>,
    /// False if something is tried again for ever.
    pub ended: bool,
}

impl Played {
    pub fn timeline(&self, user: &str) -> Timeline {
        let mut timeline = Timeline::default();
        self.rehearsal
            .timeline(user)
            .into_iter()
            .for_each(|line| timeline.add(TraceLine::of(line)));
        timeline
    }
}

pub fn play(path: &Path, file: &TestFile, test: &Test, seed: u64) -> anyhow::Result<Played> {
    let mut rehearsal = Rehearsal::with(file.canvas.clone(), file.start, seed);
    let entry = &file.canvas.head.entry;
    let enters = entry.event.is_none() || entry.api;
    let (users, known) = Default::default();
    let mut troupe = Troupe { path, rehearsal: &mut rehearsal, users, known, start: file.start };
    match &test.users {
        Some(cast) => troupe.cast(cast, &file.users, enters)?,
        None => troupe.cast(&file.users, &Cast::Nobody, enters)?,
    }
    let (mut users, mut known) = (troupe.users, troupe.known);
    let answers = match &file.fixtures {
        Some(Fixtures::File(name)) => Some(read(&seen_from(path, name))?),
        Some(Fixtures::Rows(rows)) => Some(
            crate::simulation::outbound::Fixtures::parse(&rows.to_string())
                .map_err(|wrong| anyhow!("the fixtures can't be used: {}", wrong.message))?,
        ),
        None => beside(&seen_from(path, &file.path.value))?,
    };
    if let Some(answers) = answers {
        rehearsal.answer_from(answers);
    }
    for fault in &test.faults {
        rehearsal.script().rule(rule(fault));
    }
    for event in &test.events {
        let at = event.at.unwrap_or(file.start);
        let happening = Rehearsal::happening(at, &event.user, object_of(event));
        rehearsal.happen(happening.map_err(|why| anyhow!("`{}` is no event: {why}", event.name))?);
        if known.insert(event.user.clone()) {
            users.push(event.user.clone());
        }
    }
    let ended = match test.until {
        Some(until) => rehearsal.until(until),
        None => rehearsal.to_the_end(),
    };
    Ok(Played { rehearsal, users, ended })
}

fn read(path: &Path) -> anyhow::Result<crate::simulation::outbound::Fixtures> {
    fixtures(path).map_err(|why| anyhow!("can't read the fixtures `{}`: {why}", path.display()))
}

/// The fixtures beside a Canvas, as a run takes them.
fn beside(canvas: &Path) -> anyhow::Result<Option<crate::simulation::outbound::Fixtures>> {
    let named = ["yaml", "json"].map(|end| canvas.with_extension(format!("fixtures.{end}")));
    named.iter().find(|path| path.is_file()).map(|path| read(path)).transpose()
}

/// Puts users on the stage.
struct Troupe<'a> {
    path: &'a Path,
    rehearsal: &'a mut Rehearsal,
    users: Vec<String>,
    /// The same, to be looked up.
    known: BTreeSet<String>,
    start: Millis,
}

impl Troupe<'_> {
    fn cast(&mut self, cast: &Cast, base: &Cast, enters: bool) -> anyhow::Result<()> {
        match cast {
            Cast::Nobody => {}
            Cast::Listed(members) => {
                for member in members {
                    match member {
                        Member::User(user) => self.user(user.clone(), enters)?,
                        Member::Known(id) => self.known(id, base, enters)?,
                    }
                }
            }
            Cast::File(name) => {
                let (roster, entrants) = self.roster(name)?;
                roster.profiles.iter().for_each(|profile| self.rehearsal.put(profile.clone()));
                entrants.into_iter().for_each(|entrant| self.enter(entrant, enters));
            }
            Cast::Alike { count, prefix, attributes } => {
                for number in 1..=*count {
                    self.user(alike(prefix, number, attributes), enters)?;
                }
            }
        }
        Ok(())
    }

    /// A user of the file, by id.
    fn known(&mut self, id: &str, base: &Cast, enters: bool) -> anyhow::Result<()> {
        match base {
            Cast::Nobody => {}
            Cast::Listed(members) => {
                for member in members {
                    if let Member::User(user) = member
                        && user.get("external_id").is_some_and(|known| known == id)
                    {
                        self.user(user.clone(), enters)?;
                    }
                }
            }
            Cast::File(name) => {
                let (roster, entrants) = self.roster(name)?;
                roster.profiles.get(id).into_iter().for_each(|one| self.rehearsal.put(one.clone()));
                let mine = entrants.into_iter().filter(|entrant| &*entrant.user == id);
                mine.for_each(|entrant| self.enter(entrant, enters));
            }
            Cast::Alike { prefix, attributes, .. } => {
                let number = id.strip_prefix(prefix.as_str()).and_then(|rest| rest.parse().ok());
                self.user(alike(prefix, number.unwrap_or(1), attributes), enters)?;
            }
        }
        Ok(())
    }

    fn roster(&self, name: &str) -> anyhow::Result<(Roster, Vec<Entrant>)> {
        let mut roster = Roster::new(self.start);
        let path = seen_from(self.path, name);
        let entrants = roster.read(&path, &mut |_| ControlFlow::Continue(()))?;
        Ok((roster, entrants))
    }

    fn user(&mut self, user: Map<String, Json>, enters: bool) -> anyhow::Result<()> {
        let record = Record::parse(user).map_err(|all| anyhow!(all.join("; ")));
        let record = record.context("a user of the test is none")?;
        let Record { external_id, attributes, entry_properties, enter_at } = record;
        // Who is listed again enters again; what is new about them is added.
        let known = self.rehearsal.profile(&external_id).cloned();
        let mut profile = known.unwrap_or_else(|| Profile::new(&external_id));
        let _ = attributes.apply(&mut profile, self.start.0);
        self.rehearsal.put(profile);
        let user = external_id.into();
        self.enter(Entrant { user, at: enter_at, entry_properties }, enters);
        Ok(())
    }

    fn enter(&mut self, entrant: Entrant, enters: bool) {
        let Entrant { user, at, entry_properties: context } = entrant;
        if self.known.insert(user.to_string()) {
            self.users.push(user.to_string());
        }
        if enters {
            let (at, canvas) = (at.unwrap_or(self.start), CanvasIx(0));
            self.rehearsal.arrive(Arrival { at, canvas, user, context });
        }
    }
}

fn alike(prefix: &str, number: u32, attributes: &Map<String, Json>) -> Map<String, Json> {
    let mut user = attributes.clone();
    user.insert("external_id".to_owned(), format!("{prefix}{number}").into());
    user
}

fn rule(fault: &Fault) -> Rule {
    let reply = &fault.reply;
    let mut response = match reply.hit {
        Hit::Status(status) => Response::status(status),
        Hit::Applied => Response::applied(),
        Hit::TimeoutWithEffect => Response::timeout_with_effect(),
        Hit::TimeoutWithoutEffect => Response::timeout_without_effect(),
        Hit::Refuse { array, index } => {
            let array = match array {
                "attributes" => Array::Attributes,
                "events" => Array::Events,
                _ => Array::Purchases,
            };
            Response::refused_object(array, index)
        }
    };
    if let Some(reason) = &reply.reason {
        response = response.because(reason);
    }
    if let Some(after) = reply.retry_after {
        response = response.retry_after(after);
    }
    if let Some(delay) = reply.delay {
        response = response.delayed(delay);
    }
    let mut rule = Rule::new(response.duplicated(reply.copies));
    if let Some(step) = &fault.step {
        rule = rule.step(step);
    }
    if let Some(user) = &fault.user {
        rule = rule.user(user);
    }
    if let Some(attempt) = fault.attempt {
        rule = rule.attempts(attempt..=attempt);
    }
    if let Some(times) = fault.times {
        rule = rule.times(times);
    }
    if let Some(from) = fault.from {
        rule = rule.from(from);
    }
    if let Some(until) = fault.until {
        rule = rule.until(until);
    }
    rule
}
