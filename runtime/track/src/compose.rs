//! The composer of a User Update: what it renders is JSON like a request's body, about the user at the step.
//!
//! The step adds the user, the key and the address itself, so everything that names a user, a key or a server is refused,
//! as is the import of push tokens. Each object is then checked as the endpoint would check it.
//!
//! Our choices: blank text is an empty update (a template whose only branch was not taken); null stands for an absent
//! array, `{}` in an array for no object; `_update_existing_only` is allowed and kept, since it is part of the object and
//! an author may want no profile to be created; `partner` and every other top-level key is refused.

mod forbidden;
mod locate;
mod strict;

use forbidden::{forbidden, not_an_object, top_key};
use serde_json::{Map, Value as Json};

use crate::error::{ItemError, shown};
use crate::limits::Limits;
use crate::object::{Array, Object};

/// The objects of one update, without the user they are about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Composed {
    pub attributes: Vec<Map<String, Json>>,
    pub events: Vec<Map<String, Json>>,
    pub purchases: Vec<Map<String, Json>>,
}

impl Composed {
    pub fn is_empty(&self) -> bool {
        Array::ALL.iter().all(|array| self.objects(*array).is_empty())
    }

    /// Objects of all arrays together.
    pub fn len(&self) -> usize {
        Array::ALL.iter().map(|array| self.objects(*array).len()).sum()
    }

    pub fn objects(&self, array: Array) -> &[Map<String, Json>] {
        match array {
            Array::Attributes => &self.attributes,
            Array::Events => &self.events,
            Array::Purchases => &self.purchases,
        }
    }

    fn array_mut(&mut self, array: Array) -> &mut Vec<Map<String, Json>> {
        match array {
            Array::Attributes => &mut self.attributes,
            Array::Events => &mut self.events,
            Array::Purchases => &mut self.purchases,
        }
    }
}

/// Why composer JSON is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    pub kind: Kind,
    /// Bytes into the text, where the fault stands. None for the structured form.
    pub offset: Option<usize>,
    pub message: String,
    pub hint: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Not JSON. Line and column count from 1, the column in characters.
    InvalidJson {
        line: usize,
        column: usize,
    },
    /// One object has a key twice.
    DuplicateKey {
        key: String,
    },
    /// Nested beyond [`Limits::depth`].
    TooDeep,
    /// More than [`Limits::composer_chars`].
    TooLong {
        characters: usize,
    },
    /// The top level, an array's value, or an array's element is of another kind.
    NotAnObject {
        array: Option<Array>,
        index: Option<usize>,
    },
    UnknownTopKey {
        key: String,
    },
    /// A key that a step may not write. `array` and `index` are absent at the top level.
    Forbidden {
        key: String,
        array: Option<Array>,
        index: Option<usize>,
    },
    /// An object that the endpoint would refuse.
    Item {
        array: Array,
        index: usize,
        error: Box<ItemError>,
    },
}

/// Reads rendered text; stops at the first fault.
pub fn compose(text: &str) -> Result<Composed, Error> {
    compose_within(text, &Limits::default())
}

/// Reads rendered text under other limits.
pub fn compose_within(text: &str, limits: &Limits) -> Result<Composed, Error> {
    read(text, limits, 1).map_err(first)
}

/// Faults that are told of one update that a person wrote: nobody reads more.
const TOLD: usize = 100;

/// Reads text that a person wrote and wants to mend in one go: of each key of each object the first fault.
pub fn compose_checked(text: &str) -> Result<Composed, Vec<Error>> {
    read(text, &Limits::default(), TOLD)
}

/// Reads the structured form, whose leaves are rendered already; stops at the first fault.
pub fn compose_value(json: Json) -> Result<Composed, Error> {
    read_value(json, 1).map_err(first)
}

/// Reads the structured form that a person wrote, as [`compose_checked`] reads text.
pub fn compose_value_checked(json: Json) -> Result<Composed, Vec<Error>> {
    read_value(json, TOLD)
}

fn read_value(json: Json, most: usize) -> Result<Composed, Vec<Error>> {
    let limits = Limits::default();
    if crate::object::nested::deeper_than(&json, limits.depth + 3) {
        return Err(vec![strict::too_deep(None)]);
    }
    take(json, &limits, most)
        .map_err(|refusals| refusals.into_iter().map(|refusal| *refusal.error).collect())
}

/// What stopped after one fault has one.
fn first(mut errors: Vec<Error>) -> Error {
    errors.swap_remove(0)
}

fn read(text: &str, limits: &Limits, most: usize) -> Result<Composed, Vec<Error>> {
    check_length(text, limits).map_err(|error| vec![error])?;
    if text.trim().is_empty() {
        return Ok(Composed::default());
    }
    let json = strict::parse(text, limits.depth + 3).map_err(|error| vec![error])?;
    take(json, limits, most).map_err(|refusals| {
        let placed = |refusal: Refused| Error {
            offset: locate::offset(text, &refusal.place),
            ..*refusal.error
        };
        refusals.into_iter().map(placed).collect()
    })
}

fn check_length(text: &str, limits: &Limits) -> Result<(), Error> {
    if text.len() <= limits.composer_chars {
        return Ok(());
    }
    let characters = text.chars().count();
    if characters <= limits.composer_chars {
        return Ok(());
    }
    Err(Error {
        kind: Kind::TooLong { characters },
        offset: None,
        message: format!(
            "{characters} characters of JSON; at most {} are taken",
            limits.composer_chars
        ),
        hint: Some("split the update over several steps".into()),
    })
}

/// A refusal and the keys and indices that lead to the fault.
struct Refused {
    error: Box<Error>,
    place: Vec<locate::Part>,
}

impl Refused {
    fn new(error: Error, place: Vec<locate::Part>) -> Refused {
        Refused { error: Box::new(error), place }
    }
}

/// All objects, or the first `most` refusals.
fn take(json: Json, limits: &Limits, most: usize) -> Result<Composed, Vec<Refused>> {
    let top = match json {
        Json::Object(top) => top,
        Json::Null => return Ok(Composed::default()),
        other => return Err(vec![not_an_object(None, None, &other, Vec::new())]),
    };
    let mut composed = Composed::default();
    let mut refusals = Vec::new();
    for (key, json) in top {
        let Some(array) = Array::ALL.into_iter().find(|array| array.name() == key) else {
            refusals.push(top_key(&key));
            if refusals.len() >= most {
                return Err(refusals);
            }
            continue;
        };
        let taken = composed.array_mut(array);
        for (index, json) in elements(array, json).into_iter().enumerate() {
            let left = most - refusals.len();
            match object(array, index, json, limits, left) {
                Ok(object) => taken.extend(object),
                Err(refused) => refusals.extend(refused),
            }
            if refusals.len() >= most {
                return Err(refusals);
            }
        }
    }
    match refusals.is_empty() {
        true => Ok(composed),
        false => Err(refusals),
    }
}

/// The elements of an array; a single value stands for an array of one.
fn elements(array: Array, json: Json) -> Vec<Result<Json, Refused>> {
    match json {
        Json::Null => Vec::new(),
        Json::Array(elements) => elements.into_iter().map(Ok).collect(),
        one @ Json::Object(_) => vec![Ok(one)],
        other => {
            let place = vec![locate::Part::key(array.name())];
            vec![Err(not_an_object(Some(array), None, &other, place))]
        }
    }
}

/// One element, checked; otherwise its first `most` faults, at least one. `None` for an empty attributes object, which
/// writes nothing.
fn object(
    array: Array,
    index: usize,
    json: Result<Json, Refused>,
    limits: &Limits,
    most: usize,
) -> Result<Option<Map<String, Json>>, Vec<Refused>> {
    let place = || vec![locate::Part::key(array.name()), locate::Part::Index(index)];
    let object = match json.map_err(|refusal| vec![refusal])? {
        Json::Object(object) => object,
        other => return Err(vec![not_an_object(Some(array), Some(index), &other, place())]),
    };
    if object.is_empty() && array == Array::Attributes {
        return Ok(None);
    }
    let mut refused = check(array, index, &object, limits, most);
    if refused.is_empty() {
        return Ok(Some(object));
    }
    for refusal in &mut refused {
        refusal.place.splice(..0, place());
    }
    Err(refused)
}

/// One object: no forbidden key, and nothing the endpoint would refuse. The places are those within the object.
fn check(
    array: Array,
    index: usize,
    object: &Map<String, Json>,
    limits: &Limits,
    most: usize,
) -> Vec<Refused> {
    let forbidden = object.keys().filter_map(|key| Some((key, forbidden(key)?)));
    let mut refused: Vec<Refused> =
        forbidden.take(most).map(|(key, hint)| forbids(array, index, key, hint)).collect();
    if refused.len() >= most {
        return refused;
    }
    let Err(fault) = Object::parse_within(array, object, limits) else { return refused };
    if most == 1 {
        return vec![wrong(array, index, object, fault)];
    }
    let faults = Object::faults(array, object, limits);
    // A forbidden key is to be taken out, whatever its value is.
    let told =
        |fault: &ItemError| fault.path.split('.').next().is_none_or(|key| !is_forbidden(key));
    let rest = faults.into_iter().filter(told).take(most - refused.len());
    refused.extend(rest.map(|fault| wrong(array, index, object, fault)));
    refused
}

fn is_forbidden(key: &str) -> bool {
    forbidden(key).is_some()
}

fn forbids(array: Array, index: usize, key: &str, hint: &str) -> Refused {
    let error = Error {
        kind: Kind::Forbidden { key: key.to_owned(), array: Some(array), index: Some(index) },
        offset: None,
        message: format!("'{key}' may not stand in a User Update ({array}[{index}])"),
        hint: Some(hint.into()),
    };
    Refused::new(error, vec![locate::Part::key(key)])
}

fn wrong(array: Array, index: usize, object: &Map<String, Json>, fault: ItemError) -> Refused {
    let at = match fault.path.as_str() {
        "" => String::new(),
        path => format!(".{}", shown(path)),
    };
    let message = format!("{array}[{index}]{at}: {}", fault.message);
    // Inner keys can't hold dots, but attribute names can: look for the whole path first.
    let place = match object.contains_key(&fault.path) {
        true => vec![locate::Part::key(&fault.path)],
        false => {
            let parts = fault.path.split('.').filter(|part| !part.is_empty());
            parts.map(locate::Part::key).collect()
        }
    };
    let kind = Kind::Item { array, index, error: Box::new(fault) };
    Refused::new(Error { kind, offset: None, message, hint: None }, place)
}
