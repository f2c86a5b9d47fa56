//! Applying a parsed object to a profile.

use serde_json::{Map, Value as Json};

use super::standard::ENTRIES;
use super::{Body, Change, Elements, Object, Objects, Update, elements, nested};
use crate::error::{Reason, Warning};
use crate::field::Field;
use crate::name::Name;
use crate::profile::Profile;
use crate::summary::Summary;
use crate::value::{Text, Value};
use crate::values::date;

/// What applying an object did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The profile is not what it was before.
    pub changed: bool,
    /// The address or number changed: look-ups by it must follow.
    pub email: bool,
    pub phone: bool,
    /// The object set an e-mail subscription state; it holds for every profile with the same address, changed here or not.
    pub email_subscribe: bool,
    pub push_subscribe: bool,
    pub subscription_groups: bool,
    pub push_tokens: bool,
    /// Events or purchases counted.
    pub counted: u32,
    /// What was not stored, or not as written.
    pub warnings: Vec<Warning>,
}

impl Object {
    /// Changes `profile` as the object says. Never fails: what can't be done is left and said in [`Applied::warnings`].
    pub fn apply(&self, profile: &mut Profile, now_ms: i64) -> Applied {
        let mut applied = Applied { warnings: self.warnings.clone(), ..Applied::default() };
        profile.updated_ms = profile.updated_ms.max(now_ms);
        match &self.body {
            Body::Attributes(updates) => {
                let mut work = Work { object: self, profile, now_ms, applied: &mut applied };
                for update in updates {
                    match update {
                        Update::Field(field, change) => work.field(*field, change),
                        Update::Custom(name, change) => work.custom(name, change),
                    }
                }
            }
            Body::Event(event) => {
                let at = event.time_ms.min(now_ms);
                let seen =
                    Summary { name: event.name.clone(), first_ms: at, last_ms: at, count: 1 };
                let counted = profile.rare_mut().events.add(seen, self.limits.summaries);
                applied.count(counted, 1, &event.name);
            }
            Body::Purchase(purchase) => {
                let at = purchase.time_ms.min(now_ms);
                let count = u64::from(purchase.quantity);
                let seen =
                    Summary { name: purchase.product_id.clone(), first_ms: at, last_ms: at, count };
                let rare = profile.rare_mut();
                let counted = rare.purchases.add(seen, self.limits.summaries);
                let sum = purchase.price_micros.saturating_mul(i64::from(purchase.quantity));
                rare.add_revenue(&purchase.currency, sum);
                applied.count(counted, purchase.quantity, &purchase.product_id);
            }
        }
        applied
    }
}

impl Applied {
    fn count(&mut self, counted: bool, count: u32, name: &str) {
        self.changed = true;
        match counted {
            true => self.counted = count,
            false => {
                self.warnings.push(Warning { path: name.to_owned(), reason: Reason::Summaries })
            }
        }
    }
}

impl crate::profile::Rare {
    pub(crate) fn add_revenue(&mut self, currency: &Text, micros: i64) {
        match self.revenue.binary_search_by(|(code, _)| code.cmp(currency)) {
            Ok(at) => self.revenue[at].1 = self.revenue[at].1.saturating_add(micros),
            Err(at) => self.revenue.insert(at, (currency.clone(), micros)),
        }
    }
}

struct Work<'a> {
    object: &'a Object,
    profile: &'a mut Profile,
    now_ms: i64,
    applied: &'a mut Applied,
}

impl Work<'_> {
    fn field(&mut self, field: Field, change: &Change) {
        let value = match change {
            Change::Set(value) => Some(value.clone()),
            Change::Remove => None,
            Change::Time(at, value) => Some(match *at > self.now_ms {
                true => Value::Str(Text::from(date::iso_ms(self.now_ms))),
                false => value.clone(),
            }),
            Change::Entries(entries) => Some(self.entries(field, entries)),
            // The parser makes the other changes for custom attributes only.
            _ => return,
        };
        let changed = self.profile.get(field) != value.as_ref();
        let sets = value.is_some();
        if changed {
            self.profile.set_field(field, value);
            self.applied.changed = true;
        }
        match field {
            Field::Email => self.applied.email |= changed,
            Field::Phone => self.applied.phone |= changed,
            Field::EmailSubscribe => self.applied.email_subscribe |= sets,
            Field::PushSubscribe => self.applied.push_subscribe |= sets,
            Field::SubscriptionGroups => self.applied.subscription_groups |= sets,
            Field::PushTokens => self.applied.push_tokens |= changed,
            _ => {}
        }
    }

    /// Entries with the same keys are replaced in place, others join at the end.
    fn entries(&mut self, field: Field, entries: &[Json]) -> Value {
        let keys: &[&str] = match field {
            Field::PushTokens => &["app_id", "token"],
            _ => &["subscription_group_id"],
        };
        let mut all = match self.profile.get(field) {
            Some(Value::Json(json)) => json.as_array().cloned().unwrap_or_default(),
            _ => Vec::new(),
        };
        for entry in entries {
            match all
                .iter_mut()
                .find(|known| keys.iter().all(|key| known.get(*key) == entry.get(*key)))
            {
                Some(known) => *known = entry.clone(),
                None => all.push(entry.clone()),
            }
        }
        let beyond = all.len().saturating_sub(ENTRIES);
        if beyond > 0 {
            all.drain(..beyond);
            self.warn(field.name(), Reason::Elements);
        }
        Value::Json(Box::new(Json::Array(all)))
    }

    fn custom(&mut self, name: &Name, change: &Change) {
        let place = self.profile.find(name);
        match (change, place) {
            (Change::Set(value), Ok(at)) => {
                let old = self.profile.custom_at(at);
                if old != value {
                    old.clone_from(value);
                    self.applied.changed = true;
                }
            }
            (Change::Set(value), Err(at)) => self.insert(at, name, value.clone()),
            (Change::Remove, Ok(at)) => {
                self.profile.remove_at(at);
                self.applied.changed = true;
            }
            (Change::Remove, Err(_)) => {}
            (Change::Increment(by), Ok(at)) => self.increment(at, name, *by),
            (Change::Increment(by), Err(at)) => self.insert(at, name, Value::Int(*by)),
            (Change::Elements(change), Ok(at)) => self.elements(at, name, change),
            (Change::Elements(change), Err(at)) => {
                let mut set = Vec::new();
                let dropped = elements::change(&mut set, change, self.object.limits.elements);
                if dropped {
                    self.warn(name, Reason::Elements);
                }
                if !change.add.is_empty() {
                    self.insert(at, name, list(set));
                }
            }
            (Change::Merge(update), Ok(at)) => self.merge(at, name, update),
            (Change::Merge(update), Err(at)) => {
                let mut map = Map::new();
                nested::merge(&mut map, update);
                self.insert(at, name, Value::Json(Box::new(Json::Object(map))));
            }
            (Change::Objects(change), Ok(at)) => self.objects(at, name, change),
            (Change::Objects(change), Err(at)) => {
                if change.add.is_empty() {
                    return;
                }
                match elements::change_objects(Vec::new(), change, self.object.limits.object_bytes)
                {
                    Some(objects) => self.insert(at, name, list(objects)),
                    None => self.warn(name, Reason::Size),
                }
            }
            (Change::Time(..) | Change::Entries(_), _) => {}
        }
    }

    fn insert(&mut self, at: usize, name: &Name, value: Value) {
        self.profile.insert_custom(at, name.clone(), value);
        self.applied.changed = true;
    }

    fn increment(&mut self, at: usize, name: &Name, by: i64) {
        let old = self.profile.custom_at(at);
        let new = match old {
            Value::Int(n) => n.checked_add(by).map(Value::Int),
            Value::Float(f) => Some(Value::Float(*f + by as f64)),
            _ => return self.warn(name, Reason::NoNumber),
        };
        let Some(new) = new else { return self.warn(name, Reason::Overflow) };
        self.applied.changed |= *old != new;
        *old = new;
    }

    fn elements(&mut self, at: usize, name: &Name, change: &Elements) {
        let most = self.object.limits.elements;
        let Some(set) = array(self.profile.custom_at(at)) else {
            return self.warn(name, Reason::OtherKind);
        };
        if set.iter().any(Json::is_object) {
            return self.warn(name, Reason::OtherKind);
        }
        let before = set.clone();
        let dropped = elements::change(set, change, most);
        self.applied.changed |= *set != before;
        if dropped {
            self.warn(name, Reason::Elements);
        }
    }

    fn merge(&mut self, at: usize, name: &Name, update: &Map<String, Json>) {
        let most = self.object.limits.object_bytes;
        let value = self.profile.custom_at(at);
        let mut map = match value {
            Value::Json(json) => json.as_object().cloned().unwrap_or_default(),
            _ => Map::new(),
        };
        nested::merge(&mut map, update);
        if nested::map_bytes(&map) > most {
            return self.warn(name, Reason::Size);
        }
        let new = Value::Json(Box::new(Json::Object(map)));
        self.applied.changed |= *value != new;
        *value = new;
    }

    fn objects(&mut self, at: usize, name: &Name, change: &Objects) {
        let most = self.object.limits.object_bytes;
        let Some(list) = array(self.profile.custom_at(at)) else {
            return self.warn(name, Reason::OtherKind);
        };
        if list.iter().any(|element| !element.is_object()) {
            return self.warn(name, Reason::OtherKind);
        }
        let Some(new) = elements::change_objects(list.clone(), change, most) else {
            return self.warn(name, Reason::Size);
        };
        self.applied.changed |= *list != new;
        *list = new;
    }

    fn warn(&mut self, path: &str, reason: Reason) {
        self.applied.warnings.push(Warning { path: path.to_owned(), reason });
    }
}

fn array(value: &mut Value) -> Option<&mut Vec<Json>> {
    match value {
        Value::Json(json) => json.as_array_mut(),
        _ => None,
    }
}

fn list(elements: Vec<Json>) -> Value {
    Value::Json(Box::new(Json::Array(elements)))
}
