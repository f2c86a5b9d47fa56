//! The values a template works with: views of the host's data and values made while rendering.
//!
//! A [`Value`] is `Copy` and 24 bytes. Nothing is copied out of the host's data; strings and lists
//! that a filter makes live in the arena of the render that made them.
//!
//! Invariant: `Json` holds only arrays, objects and whole numbers beyond 64 signed bits once it
//! has passed [`Value::json`].

use crate::looping::Loop;
use crate::moment::Moment;
use serde_json::Value as Json;

/// A value as a template sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Missing, or null.
    Nil,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A string of the host, or of the render.
    Str(&'a str),
    /// Anything JSON; arrays and objects are read in place.
    Json(&'a Json),
    /// A whole number beyond 64 bits.
    #[doc(hidden)]
    Big(&'a i128),
    /// A list made by a filter.
    #[doc(hidden)]
    List(&'a [Value<'a>]),
    /// An object made while rendering.
    #[doc(hidden)]
    Map(&'a [(&'a str, Value<'a>)]),
    /// `(a..b)`, both ends included.
    #[doc(hidden)]
    Range(i64, i64),
    /// A point in time in a zone, made by `time_zone`.
    #[doc(hidden)]
    Time(&'a Moment<'a>),
    /// `forloop` or `tablerowloop`.
    #[doc(hidden)]
    Loop(&'a Loop<'a>),
    /// The word `empty`.
    #[doc(hidden)]
    Empty,
    /// The word `blank`.
    #[doc(hidden)]
    Blank,
}

impl<'a> Value<'a> {
    /// The view of a JSON value: scalars by value, strings, arrays and objects in place.
    #[must_use]
    pub fn json(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(b) => Self::Bool(*b),
            Json::String(s) => Self::Str(s),
            Json::Number(n) => match n.as_i64() {
                Some(i) => Self::Int(i),
                // Whole, but beyond `i64`: read in place, so that no digit is lost.
                None if n.is_u64() => Self::Json(json),
                None => Self::Float(n.as_f64().unwrap_or(0.0)),
            },
            Json::Array(_) | Json::Object(_) => Self::Json(json),
        }
    }

    /// The value with a host's JSON scalar unwrapped.
    #[inline]
    pub(crate) fn plain(self) -> Self {
        match self {
            Self::Json(json) => Self::json(json),
            other => other,
        }
    }

    /// Everything but nil and false is true.
    #[must_use]
    pub fn is_truthy(&self) -> bool {
        !matches!(self, Self::Nil | Self::Bool(false))
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// An empty string, list or object.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Str(s) => s.is_empty(),
            Self::Json(Json::Array(a)) => a.is_empty(),
            Self::Json(Json::Object(o)) => o.is_empty(),
            Self::List(l) => l.is_empty(),
            Self::Map(m) => m.is_empty(),
            Self::Empty | Self::Blank => true,
            _ => false,
        }
    }

    /// Nothing to see: nil, false, empty, or white space only.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Self::Nil | Self::Bool(false) => true,
            Self::Str(s) => s.chars().all(char::is_whitespace),
            Self::Empty | Self::Blank => false,
            other => other.is_empty(),
        }
    }

    /// The elements, if the value is a list.
    pub(crate) fn items(&self) -> Option<Items<'a>> {
        match *self {
            Self::Json(Json::Array(a)) => Some(Items::Json(a)),
            Self::List(l) => Some(Items::Made(l)),
            _ => None,
        }
    }

    /// Whether the value is an object.
    pub(crate) fn is_map(&self) -> bool {
        matches!(self, Self::Json(Json::Object(_)) | Self::Map(_))
    }

    /// Number of entries of an object.
    pub(crate) fn map_len(&self) -> usize {
        match self {
            Self::Json(Json::Object(o)) => o.len(),
            Self::Map(m) => m.len(),
            _ => 0,
        }
    }

    /// The entries of an object in their order.
    pub(crate) fn entries(&self) -> Entries<'a> {
        match *self {
            Self::Json(Json::Object(o)) => Entries::Json(o.iter()),
            Self::Map(m) => Entries::Made(m.iter()),
            _ => Entries::Made([].iter()),
        }
    }

    /// The value under a key of an object; `None` if the key is not there.
    pub(crate) fn entry(&self, key: &str) -> Option<Value<'a>> {
        match *self {
            Self::Json(Json::Object(o)) => find(o, key).map(Value::json),
            Self::Map(m) => m.iter().find(|(k, _)| *k == key).map(|(_, v)| *v),
            _ => None,
        }
    }

    /// The name Ruby has for the type, as its error messages use it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Int(_) | Self::Big(_) => "Integer",
            Self::Float(_) => "Float",
            Self::Str(_) => "String",
            Self::Json(Json::Array(_)) | Self::List(_) => "Array",
            Self::Json(_) | Self::Map(_) => "Hash",
            Self::Range(..) => "Range",
            Self::Time(_) => "Time",
            Self::Loop(_) => "forloop",
            Self::Empty => "empty",
            Self::Blank => "blank",
        }
    }
}

/// A key of an object. Most objects of a profile are small, and then looking at each key is
/// several times faster than hashing the one that is wanted.
#[inline]
fn find<'a>(object: &'a serde_json::Map<String, Json>, key: &str) -> Option<&'a Json> {
    if object.len() <= 12 {
        object.iter().find(|(name, _)| *name == key).map(|(_, v)| v)
    } else {
        object.get(key)
    }
}

/// The elements of a list, wherever they live.
#[derive(Clone, Copy)]
pub(crate) enum Items<'a> {
    Json(&'a [Json]),
    Made(&'a [Value<'a>]),
    Range(i64, i64),
    /// One value that stands for itself.
    One(Value<'a>),
}

impl<'a> Items<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Json(a) => a.len(),
            Self::Made(l) => l.len(),
            Self::Range(a, b) => range_len(*a, *b),
            Self::One(_) => 1,
        }
    }

    pub(crate) fn get(&self, at: usize) -> Value<'a> {
        match self {
            Self::Json(a) => a.get(at).map_or(Value::Nil, Value::json),
            Self::Made(l) => l.get(at).copied().unwrap_or(Value::Nil),
            Self::Range(a, b) => match i64::try_from(at).ok().and_then(|i| a.checked_add(i)) {
                Some(n) if n <= *b => Value::Int(n),
                _ => Value::Nil,
            },
            Self::One(v) if at == 0 => *v,
            Self::One(_) => Value::Nil,
        }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Value<'a>> {
        (0..self.len()).map(move |at| self.get(at))
    }
}

/// How many numbers a range holds.
pub(crate) fn range_len(a: i64, b: i64) -> usize {
    if b < a {
        return 0;
    }
    usize::try_from(i128::from(b) - i128::from(a) + 1).unwrap_or(usize::MAX)
}

/// The entries of an object, wherever they live.
pub(crate) enum Entries<'a> {
    Json(serde_json::map::Iter<'a>),
    Made(std::slice::Iter<'a, (&'a str, Value<'a>)>),
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Json(entries) => entries.next().map(|(k, v)| (k.as_str(), Value::json(v))),
            Self::Made(entries) => entries.next().copied(),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Str(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(json: &'a Json) -> Self {
        Self::json(json)
    }
}

const _: () = assert!(size_of::<Value<'static>>() == 24);
