//! Nested objects: checking them, unwrapping `$time`, merging, measuring.
//!
//! Depth is bounded by [`Limits::depth`] before anything recurses further. A `$time` becomes the text of its date, as
//! top-level dates are kept. Our choice: the rule that one bad `$time` drops all nested updates of its attribute holds
//! per object, not across the objects of a request, so that a batch stays equal to its objects one by one.

use std::fmt;
use std::io;

use serde_json::{Map, Value as Json};

use super::{cut, longer_than};
use crate::error::{ItemError, Reason, Warning, shown};
use crate::limits::Limits;
use crate::values::date;

/// Whose key rules hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// Without blanks, dots and `$`.
    Attribute,
    /// Not beginning with `$`.
    Property,
}

/// Why a value as a whole is not taken.
pub(super) enum Skip {
    Refuse(ItemError),
    /// A null or unreadable `$time`.
    Time,
}

/// Where a walk is, for messages; costs nothing while all goes well.
pub(super) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    key: &'a str,
    depth: usize,
}

impl<'a> Path<'a> {
    pub fn root(name: &'a str) -> Path<'a> {
        Path { parent: None, key: name, depth: 0 }
    }

    fn then(&'a self, key: &'a str) -> Path<'a> {
        Path { parent: Some(self), key, depth: self.depth + 1 }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parent {
            Some(parent) if self.key.is_empty() => parent.fmt(f),
            Some(parent) => write!(f, "{parent}.{}", shown(self.key)),
            None => f.write_str(self.key),
        }
    }
}

pub(super) struct Cleaner<'a> {
    pub keys: Keys,
    /// Nulls stay, to remove keys in a merge; otherwise a key with null is left out.
    pub keep_nulls: bool,
    pub limits: &'a Limits,
    pub warnings: &'a mut Vec<Warning>,
}

impl Cleaner<'_> {
    pub fn clean(&mut self, json: &Json, path: &Path) -> Result<Json, Skip> {
        match json {
            Json::String(text) => Ok(Json::String(self.string(text, path))),
            Json::Object(map) => self.object(map, path).map(Json::Object),
            Json::Array(elements) => self.array(elements, path).map(Json::Array),
            scalar => Ok(scalar.clone()),
        }
    }

    pub fn object(
        &mut self,
        map: &Map<String, Json>,
        path: &Path,
    ) -> Result<Map<String, Json>, Skip> {
        self.check_depth(path)?;
        let mut clean = Map::with_capacity(map.len());
        for (key, json) in map {
            self.entry(key, json, path, &mut clean)?;
        }
        Ok(clean)
    }

    /// One key of an object, into what is kept of it.
    pub fn entry(
        &mut self,
        key: &str,
        json: &Json,
        path: &Path,
        clean: &mut Map<String, Json>,
    ) -> Result<(), Skip> {
        self.check_key(key, path)?;
        if json.is_null() {
            if self.keep_nulls {
                clean.insert(key.to_owned(), Json::Null);
            }
            return Ok(());
        }
        if let Json::Object(map) = json
            && map.len() == 1
            && let Some(time) = map.get("$time")
        {
            let text = self.time(time, &path.then(key))?;
            clean.extend(text.map(|text| (key.to_owned(), Json::String(text))));
            return Ok(());
        }
        clean.insert(key.to_owned(), self.clean(json, &path.then(key))?);
        Ok(())
    }

    pub fn array(&mut self, elements: &[Json], path: &Path) -> Result<Vec<Json>, Skip> {
        self.check_depth(path)?;
        // A null can't remove a key of an object inside an array, so none is kept below here.
        let keep_nulls = std::mem::replace(&mut self.keep_nulls, false);
        let mut clean = Vec::with_capacity(elements.len());
        for element in elements {
            if !element.is_null() {
                clean.push(self.clean(element, &path.then(""))?);
            }
        }
        self.keep_nulls = keep_nulls;
        Ok(clean)
    }

    /// The date's text; `None` when its year is out of range.
    fn time(&mut self, json: &Json, path: &Path) -> Result<Option<String>, Skip> {
        let text = json.as_str().ok_or(Skip::Time)?;
        let instant = date::parse(text).ok_or(Skip::Time)?;
        if !(0..=3000).contains(&instant.year) {
            self.warn(path, Reason::NestedYear);
            return Ok(None);
        }
        Ok(Some(if instant.plain { text.to_owned() } else { instant.iso() }))
    }

    fn string(&mut self, text: &str, path: &Path) -> String {
        let (short, was_cut) = cut(text, self.limits.string_chars);
        if was_cut {
            self.warn(path, Reason::Cut);
        }
        short.to_owned()
    }

    /// The first hundred tell the story; a hostile object could have thousands.
    fn warn(&mut self, path: &Path, reason: Reason) {
        if self.warnings.len() < 100 {
            self.warnings.push(Warning { path: path.to_string(), reason });
        }
    }

    fn check_depth(&self, path: &Path) -> Result<(), Skip> {
        if path.depth < self.limits.depth {
            return Ok(());
        }
        Err(self.refusal(path))
    }

    fn check_key(&self, key: &str, path: &Path) -> Result<(), Skip> {
        let bad = match self.keys {
            Keys::Attribute => key.contains([' ', '.', '$']),
            Keys::Property => key.starts_with('$'),
        };
        if !bad && !key.is_empty() && !longer_than(key, self.limits.name_chars) {
            return Ok(());
        }
        Err(self.refusal(&path.then(key)))
    }

    fn refusal(&self, path: &Path) -> Skip {
        let place = path.to_string();
        Skip::Refuse(match self.keys {
            Keys::Attribute => {
                let mut root = path;
                while let Some(parent) = root.parent {
                    root = parent;
                }
                ItemError { path: place, ..ItemError::invalid(root.key) }
            }
            Keys::Property => ItemError::plain(&place, "Invalid 'properties' field"),
        })
    }
}

/// Merges deeply: objects into objects, a null removes its key, all else replaces.
pub(super) fn merge(into: &mut Map<String, Json>, update: &Map<String, Json>) {
    for (key, new) in update {
        match (into.get_mut(key), new) {
            (_, Json::Null) => drop(into.shift_remove(key)),
            (Some(Json::Object(old)), Json::Object(new)) => merge(old, new),
            (Some(old), new) => *old = without_nulls(new),
            (None, new) => drop(into.insert(key.clone(), without_nulls(new))),
        }
    }
}

pub(super) fn without_nulls(json: &Json) -> Json {
    match json {
        Json::Object(map) => Json::Object(
            map.iter()
                .filter(|(_, v)| !v.is_null())
                .map(|(k, v)| (k.clone(), without_nulls(v)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// Arrays and objects nest deeper than `most`. Looks no deeper than that.
pub(crate) fn deeper_than(json: &Json, most: usize) -> bool {
    match json {
        Json::Array(all) => most == 0 || all.iter().any(|inner| deeper_than(inner, most - 1)),
        Json::Object(map) => most == 0 || map.values().any(|inner| deeper_than(inner, most - 1)),
        _ => false,
    }
}

/// Bytes of the JSON text.
pub(crate) fn bytes(json: &Json) -> usize {
    let mut count = Count(0);
    // Counting can't fail.
    let _ = serde_json::to_writer(&mut count, json);
    count.0
}

pub(super) fn map_bytes(map: &Map<String, Json>) -> usize {
    let mut count = Count(0);
    let _ = serde_json::to_writer(&mut count, map);
    count.0
}

pub(super) fn bytes_of(list: &[Json]) -> usize {
    let mut count = Count(0);
    let _ = serde_json::to_writer(&mut count, list);
    count.0
}

struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
