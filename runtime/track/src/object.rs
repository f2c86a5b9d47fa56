//! One object of the arrays of `POST /users/track`, parsed and validated, ready to be applied to any number of profiles.
//!
//! Parsing does all that doesn't depend on the profile: types, forms, limits, the shape of array and nested operations.
//! Applying is then a short walk over typed changes, which can't fail: what a profile's present value forbids (an increment
//! of a text) is left undone and said in a [`Warning`].
//!
//! The keys that say whom an object is about (`external_id`, `braze_id`, `user_alias`) are skipped here, see
//! [`crate::identify`]; so is `app_id`, which no profile keeps, and `bio`, which the vendor ignores.

mod apply;
mod attributes;
mod elements;
pub(crate) mod nested;
mod occurrence;
mod standard;

use std::fmt;

use serde_json::{Map, Value as Json};

pub use apply::Applied;
pub(crate) use standard::{ENTRIES, bad_email};

use crate::error::{ItemError, Warning};
use crate::field::Field;
use crate::limits::Limits;
use crate::name::Name;
use crate::value::{Text, Value};

/// The array that an object stands in: `input_array` of a reply. In the order in which a request is processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Array {
    Attributes,
    Events,
    Purchases,
}

impl Array {
    pub const ALL: [Array; 3] = [Array::Attributes, Array::Events, Array::Purchases];

    pub const fn name(self) -> &'static str {
        match self {
            Array::Attributes => "attributes",
            Array::Events => "events",
            Array::Purchases => "purchases",
        }
    }
}

impl fmt::Display for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A validated object. Applying it any number of times to different profiles gives each what it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    body: Body,
    warnings: Vec<Warning>,
    update_existing_only: Option<bool>,
    limits: Limits,
}

#[derive(Clone, Debug, PartialEq)]
enum Body {
    Attributes(Vec<Update>),
    Event(Event),
    Purchase(Purchase),
}

/// A custom event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub name: Name,
    /// As written; when applied, a time in the future becomes now.
    pub time_ms: i64,
    pub properties: Map<String, Json>,
}

/// `quantity` purchases of one unit each.
#[derive(Clone, Debug, PartialEq)]
pub struct Purchase {
    pub product_id: Name,
    /// ISO 4217, upper case.
    pub currency: Text,
    /// Of one unit, in millionths; negative for a refund.
    pub price_micros: i64,
    /// 1 to 100.
    pub quantity: u32,
    pub time_ms: i64,
    pub properties: Map<String, Json>,
}

#[derive(Clone, Debug, PartialEq)]
enum Update {
    Field(Field, Change),
    Custom(Name, Change),
}

#[derive(Clone, Debug, PartialEq)]
enum Change {
    Set(Value),
    Remove,
    Increment(i64),
    /// A profile time; one in the future becomes now.
    Time(i64, Value),
    /// `add` and `remove` of an array of scalars.
    Elements(Box<Elements>),
    /// A nested object under `_merge_objects`; its nulls remove keys.
    Merge(Box<Map<String, Json>>),
    /// `$add`, `$remove`, `$update` of an array of objects.
    Objects(Box<Objects>),
    /// Subscription groups or push tokens: entries that replace those with the same keys.
    Entries(Box<[Json]>),
}

#[derive(Clone, Debug, PartialEq)]
struct Elements {
    add: Vec<Json>,
    remove: Vec<Json>,
}

#[derive(Clone, Debug, PartialEq)]
struct Objects {
    add: Vec<Json>,
    remove: Vec<Match>,
    update: Vec<(Match, Map<String, Json>)>,
    merge: bool,
}

/// Which elements of an array of objects are meant.
#[derive(Clone, Debug, PartialEq)]
enum Match {
    Key(String, Json),
    Whole(Json),
}

impl Object {
    /// Parses with the default limits. Identifiers are not required.
    pub fn parse(array: Array, object: &Map<String, Json>) -> Result<Object, ItemError> {
        Object::parse_within(array, object, &Limits::default())
    }

    pub fn parse_within(
        array: Array,
        object: &Map<String, Json>,
        limits: &Limits,
    ) -> Result<Object, ItemError> {
        let mut warnings = Vec::new();
        let update_existing_only = flag(object, UPDATE_EXISTING_ONLY)?;
        let body = match array {
            Array::Attributes => {
                Body::Attributes(attributes::parse(object, limits, &mut warnings)?)
            }
            Array::Events => Body::Event(occurrence::event(object, limits, &mut warnings)?),
            Array::Purchases => {
                Body::Purchase(occurrence::purchase(object, limits, &mut warnings)?)
            }
        };
        Ok(Object { body, warnings, update_existing_only, limits: *limits })
    }

    /// Everything that refuses an object, for a person who mends it in one go: of each key its first fault. Empty if it
    /// parses. Costs more than parsing it.
    pub fn faults(array: Array, object: &Map<String, Json>, limits: &Limits) -> Vec<ItemError> {
        let mut faults: Vec<_> = flag(object, UPDATE_EXISTING_ONLY).err().into_iter().collect();
        faults.extend(match array {
            Array::Attributes => attributes::faults(object, limits),
            Array::Events => occurrence::event_faults(object, limits),
            Array::Purchases => occurrence::purchase_faults(object, limits),
        });
        faults
    }

    pub fn array(&self) -> Array {
        match self.body {
            Body::Attributes(_) => Array::Attributes,
            Body::Event(_) => Array::Events,
            Body::Purchase(_) => Array::Purchases,
        }
    }

    /// Applying it a second time would change more: an increment, an addition to an array of objects (or updates of one
    /// that meet each other's results), an event or a purchase. Without a write key such an object must not be resent lightly.
    pub fn counts_twice(&self) -> bool {
        let twice = |change: &Change| match change {
            Change::Increment(by) => *by != 0,
            Change::Objects(objects) => objects.counts_twice(),
            _ => false,
        };
        match &self.body {
            Body::Attributes(updates) => updates
                .iter()
                .any(|(Update::Field(_, change) | Update::Custom(_, change))| twice(change)),
            Body::Event(_) | Body::Purchase(_) => true,
        }
    }

    /// It may change what profiles are looked up by: an address, a number, or a push token.
    pub fn writes_keys(&self) -> bool {
        match &self.body {
            Body::Attributes(updates) => updates.iter().any(|update| {
                matches!(update, Update::Field(Field::Email | Field::Phone | Field::PushTokens, _))
            }),
            Body::Event(_) | Body::Purchase(_) => false,
        }
    }

    /// Nothing would be written: an attributes object without attributes.
    pub fn is_empty(&self) -> bool {
        matches!(&self.body, Body::Attributes(updates) if updates.is_empty())
    }

    /// What the object says but a profile won't get, as far as it shows before applying.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    pub fn update_existing_only(&self) -> Option<bool> {
        self.update_existing_only
    }

    pub fn event(&self) -> Option<&Event> {
        match &self.body {
            Body::Event(event) => Some(event),
            _ => None,
        }
    }

    pub fn purchase(&self) -> Option<&Purchase> {
        match &self.body {
            Body::Purchase(purchase) => Some(purchase),
            _ => None,
        }
    }

    /// Names of the attributes it writes, as written.
    pub fn writes(&self) -> impl Iterator<Item = &str> {
        let updates = match &self.body {
            Body::Attributes(updates) => updates.as_slice(),
            _ => &[],
        };
        updates.iter().map(|update| match update {
            Update::Field(field, _) => field.name(),
            Update::Custom(name, _) => name,
        })
    }
}

pub(crate) const UPDATE_EXISTING_ONLY: &str = "_update_existing_only";
pub(crate) const MERGE_OBJECTS: &str = "_merge_objects";
pub(crate) const PUSH_TOKEN_IMPORT: &str = "push_token_import";

/// The value under `key`. Objects are short, and comparing a few keys is faster than hashing one.
pub(crate) fn get<'a>(object: &'a Map<String, Json>, key: &str) -> Option<&'a Json> {
    if object.len() > 16 {
        return object.get(key);
    }
    object.iter().find(|(known, _)| *known == key).map(|(_, json)| json)
}

/// A control key: true, false, or absent (null counts as absent).
pub(crate) fn flag(object: &Map<String, Json>, key: &str) -> Result<Option<bool>, ItemError> {
    match get(object, key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Bool(on)) => Ok(Some(*on)),
        Some(_) => Err(ItemError::invalid(key)),
    }
}

/// A string of at most `most` characters; the flag says that it was cut.
fn cut(text: &str, most: usize) -> (&str, bool) {
    if text.len() <= most {
        return (text, false);
    }
    match text.char_indices().nth(most) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    }
}

fn longer_than(text: &str, most: usize) -> bool {
    cut(text, most).1
}
