//! The composer of a User Update: what it renders is JSON like a request's body, about the user at the step.
//!
//! The step adds the user, the key and the address itself, so everything that names a user, a key or a server is refused,
//! as is the import of push tokens. Each object is then checked as the endpoint would check it.
//!
//! Our choices: blank text is an empty update (a template whose only branch was not taken); null stands for an absent
//! array, `{}` in an array for no object; `_update_existing_only` is allowed and kept, since it is part of the object and
//! an author may want no profile to be created; `partner` and every other top-level key is refused.

mod locate;
mod strict;

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

/// Reads rendered text.
pub fn compose(text: &str) -> Result<Composed, Error> {
    compose_within(text, &Limits::default())
}

/// Reads rendered text under other limits.
pub fn compose_within(text: &str, limits: &Limits) -> Result<Composed, Error> {
    if text.len() > limits.composer_chars {
        let characters = text.chars().count();
        if characters > limits.composer_chars {
            return Err(Error {
                kind: Kind::TooLong { characters },
                offset: None,
                message: format!(
                    "{characters} characters of JSON; at most {} are taken",
                    limits.composer_chars
                ),
                hint: Some("split the update over several steps".into()),
            });
        }
    }
    if text.trim().is_empty() {
        return Ok(Composed::default());
    }
    let json = strict::parse(text, limits.depth + 3)?;
    take(json, limits).map_err(|refusal| {
        let offset = locate::offset(text, &refusal.place);
        Error { offset, ..*refusal.error }
    })
}

/// Reads the structured form, whose leaves are rendered already.
pub fn compose_value(json: &Json) -> Result<Composed, Error> {
    let limits = Limits::default();
    if crate::object::nested::deeper_than(json, limits.depth + 3) {
        return Err(strict::too_deep(None));
    }
    take(json.clone(), &limits).map_err(|refusal| *refusal.error)
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

fn take(json: Json, limits: &Limits) -> Result<Composed, Refused> {
    let top = match json {
        Json::Object(top) => top,
        Json::Null => return Ok(Composed::default()),
        other => return Err(not_an_object(None, None, &other, Vec::new())),
    };
    let mut composed = Composed::default();
    for (key, json) in top {
        let Some(array) = Array::ALL.into_iter().find(|array| array.name() == key) else {
            return Err(top_key(&key));
        };
        let objects = match json {
            Json::Null => continue,
            Json::Array(objects) => objects,
            one @ Json::Object(_) => vec![one],
            other => {
                return Err(not_an_object(
                    Some(array),
                    None,
                    &other,
                    vec![locate::Part::key(&key)],
                ));
            }
        };
        let taken = composed.array_mut(array);
        for (index, json) in objects.into_iter().enumerate() {
            let place = || vec![locate::Part::key(&key), locate::Part::Index(index)];
            let object = match json {
                Json::Object(object) => object,
                other => return Err(not_an_object(Some(array), Some(index), &other, place())),
            };
            if object.is_empty() && array == Array::Attributes {
                continue;
            }
            check(array, index, &object, limits).map_err(|mut refusal| {
                refusal.place.splice(..0, place());
                refusal
            })?;
            taken.push(object);
        }
    }
    Ok(composed)
}

/// One object: no forbidden key, and nothing the endpoint would refuse. The place is that within the object.
fn check(
    array: Array,
    index: usize,
    object: &Map<String, Json>,
    limits: &Limits,
) -> Result<(), Refused> {
    if let Some((key, hint)) = object.keys().find_map(|key| Some((key, forbidden(key)?))) {
        let error = Error {
            kind: Kind::Forbidden { key: key.clone(), array: Some(array), index: Some(index) },
            offset: None,
            message: format!("'{key}' may not stand in a User Update ({array}[{index}])"),
            hint: Some(hint.into()),
        };
        return Err(Refused::new(error, vec![locate::Part::key(key)]));
    }
    Object::parse_within(array, object, limits).map(|_| ()).map_err(|error| {
        let at = match error.path.as_str() {
            "" => String::new(),
            path => format!(".{}", shown(path)),
        };
        let message = format!("{array}[{index}]{at}: {}", error.message);
        // Inner keys can't hold dots, but attribute names can: look for the whole path first.
        let place = match object.contains_key(&error.path) {
            true => vec![locate::Part::key(&error.path)],
            false => error
                .path
                .split('.')
                .filter(|part| !part.is_empty())
                .map(locate::Part::key)
                .collect(),
        };
        let kind = Kind::Item { array, index, error: Box::new(error) };
        Refused::new(Error { kind, offset: None, message, hint: None }, place)
    })
}

/// Why `key` may not be written by a step; `None` when it may.
fn forbidden(key: &str) -> Option<&'static str> {
    match key {
        "external_id" | "braze_id" | "user_alias" => Some("the step adds the user who is at it"),
        "push_token_import" | "push_tokens" => {
            Some("push tokens are imported by the endpoint, not by a step")
        }
        _ if KEYS.iter().any(|known| reads(key, known)) => {
            Some("the key belongs to the backend's settings")
        }
        _ if ADDRESSES.iter().any(|known| reads(key, known)) => {
            Some("the address belongs to the backend's settings")
        }
        _ => None,
    }
}

const KEYS: [&str; 3] = ["apikey", "restapikey", "brazeapikey"];
const ADDRESSES: [&str; 9] = [
    "resturl",
    "restapiurl",
    "restendpoint",
    "restapiendpoint",
    "resthost",
    "clusterurl",
    "brazecluster",
    "brazeurl",
    "brazeendpoint",
];
/// At the top level these can only mean the server; within an object they may be about the user.
const TOP_ADDRESSES: [&str; 7] =
    ["url", "cluster", "endpoint", "host", "instance", "instanceurl", "baseurl"];

/// Equal but for case and anything that is no letter or digit: `API-Key` reads `apikey`.
fn reads(key: &str, known: &str) -> bool {
    let letters =
        key.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    key.len() <= 64 && letters.eq(known.bytes())
}

fn top_key(key: &str) -> Refused {
    let hint = forbidden(key).or_else(|| {
        TOP_ADDRESSES
            .iter()
            .any(|known| reads(key, known))
            .then_some("the address belongs to the backend's settings")
    });
    let shown_key = shown(key);
    let error = match hint {
        Some(hint) => Error {
            kind: Kind::Forbidden { key: key.to_owned(), array: None, index: None },
            offset: None,
            message: format!("'{shown_key}' may not stand in a User Update"),
            hint: Some(hint.into()),
        },
        None => Error {
            kind: Kind::UnknownTopKey { key: key.to_owned() },
            offset: None,
            message: format!("'{shown_key}' is none of attributes, events, purchases"),
            hint: Some(format!(
                "to write an attribute: {{\"attributes\": [{{\"{shown_key}\": …}}]}}"
            )),
        },
    };
    Refused::new(error, vec![locate::Part::key(key)])
}

fn not_an_object(
    array: Option<Array>,
    index: Option<usize>,
    found: &Json,
    place: Vec<locate::Part>,
) -> Refused {
    let found = match found {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    };
    let (what, hint) = match (array, index) {
        (Some(array), Some(index)) => {
            (format!("{array}[{index}]"), "each element is an object".to_owned())
        }
        (Some(array), None) => (format!("'{array}'"), format!("\"{array}\": [{{…}}]")),
        _ => (
            "a User Update".to_owned(),
            r#"{"attributes": [{…}], "events": [{…}], "purchases": [{…}]}"#.to_owned(),
        ),
    };
    let error = Error {
        kind: Kind::NotAnObject { array, index },
        offset: None,
        message: format!("{what} must hold objects, not {found}"),
        hint: Some(hint),
    };
    Refused::new(error, place)
}
