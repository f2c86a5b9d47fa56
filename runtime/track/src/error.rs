//! What a refused object says, and what an accepted one didn't store.

use std::fmt;

/// Why one object of an array is refused. `message` is what stands in `errors[].type` of a reply.
///
/// Strings that the vendor documents, or that were seen in its replies, are exact. For faults without a known string our
/// choice is its own pattern: `'FIELD' is not valid` and `'FIELD' is required`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ItemError {
    /// The vendor's code, where it has one.
    pub code: Option<&'static str>,
    pub message: String,
    /// The key at fault, inner keys after dots; empty when the object as a whole is at fault.
    pub path: String,
}

impl ItemError {
    pub(crate) fn coded(code: &'static str, path: &str, message: impl Into<String>) -> ItemError {
        ItemError { code: Some(code), message: message.into(), path: path.into() }
    }

    pub(crate) fn plain(path: &str, message: impl Into<String>) -> ItemError {
        ItemError { code: None, message: message.into(), path: path.into() }
    }

    pub(crate) fn invalid(path: &str) -> ItemError {
        // The message names the attribute itself; the path keeps the inner place.
        let name = path.split_once(['.', '[']).map_or(path, |(head, _)| head);
        ItemError::plain(path, format!("'{}' is not valid", shown(name)))
    }

    pub(crate) fn required(path: &str) -> ItemError {
        ItemError::plain(path, format!("'{path}' is required"))
    }
}

/// A name as it may stand in a message: a hostile one of megabytes is cut.
pub(crate) fn shown(name: &str) -> String {
    match name.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// A part of an accepted object that was not stored, or not as written. The vendor answers success in these cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The attribute, inner keys after dots.
    pub path: String,
    pub reason: Reason,
}

/// Why something was not stored as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// `country` maps to no ISO 3166-1 code; the profile's country is now empty.
    Country,
    /// `language` maps to no ISO 639-1 code; the profile keeps the former one.
    Language,
    /// `gender` is none of M, F, O, N, P; the profile keeps the former one.
    Gender,
    /// `time_zone` is no IANA or Rails name; the profile keeps the former one.
    TimeZone,
    /// A profile field that holds a time or date could not be read; the profile keeps the former one.
    Date,
    /// A `$time` was null or unreadable: no nested update of this attribute was made.
    NestedTime,
    /// A `$time` outside the years 0 to 3000: this key was not stored.
    NestedYear,
    /// The string was cut to the length limit.
    Cut,
    /// The array had more elements than a profile keeps; the oldest were dropped.
    Elements,
    /// The object or array would exceed 100 KB; the update was dropped.
    Size,
    /// `inc` on a value that is no number; the value stays.
    NoNumber,
    /// `inc` beyond 64 bits; the value stays.
    Overflow,
    /// `add`/`remove` or `$add`/`$remove`/`$update` on a value of another kind; the value stays.
    OtherKind,
    /// More properties than are kept; the rest was dropped.
    Properties,
    /// The profile already has the most distinct names it summarizes; this one is not counted.
    Summaries,
    /// A null inside an array: dropped.
    NullElement,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = match self.reason {
            Reason::Country => "no such country, the profile's country is now empty",
            Reason::Language => "no such language, not stored",
            Reason::Gender => "not one of M, F, O, N, P; not stored",
            Reason::TimeZone => "no such time zone, not stored",
            Reason::Date => "not a readable date, not stored",
            Reason::NestedTime => {
                "a '$time' inside is unreadable, nothing of this attribute was stored"
            }
            Reason::NestedYear => "a '$time' outside the years 0 to 3000, not stored",
            Reason::Cut => "longer than a profile keeps, cut",
            Reason::Elements => "more elements than a profile keeps, the oldest were dropped",
            Reason::Size => "would be larger than a profile keeps, not stored",
            Reason::NoNumber => "the value is no number, not incremented",
            Reason::Overflow => "the sum does not fit, not incremented",
            Reason::OtherKind => "the value is of another kind, not changed",
            Reason::Properties => "more properties than are kept, the rest was dropped",
            Reason::Summaries => "more distinct names than a profile counts, not counted",
            Reason::NullElement => "a null inside an array, dropped",
        };
        write!(f, "{}: {said}", self.path)
    }
}
