//! Parsing an attributes object: control keys, profile fields, and custom attributes by the shape of their value.
//!
//! | value | meaning |
//! |---|---|
//! | null | removes |
//! | `{"inc": n}` | adds to a number |
//! | `{"add": […]}`, `{"remove": […]}`, both | changes an array of scalars |
//! | `{"$add": […]}`, `{"$remove": […]}`, `{"$update": […]}` | changes an array of objects |
//! | `{"$time": text}` | a date |
//! | another object | replaces, or merges under `_merge_objects` |
//!
//! Our choices: an object counts as an operation only when it has no other key; in arrays of scalars numbers and booleans
//! stay what they are; an array that mixes scalars with objects, or holds arrays, refuses the object.

use serde_json::{Map, Value as Json};

use super::nested::{self, Cleaner, Keys, Path, Skip};
use super::{
    Change, Elements, MERGE_OBJECTS, Match, Objects, PUSH_TOKEN_IMPORT, UPDATE_EXISTING_ONLY,
    Update, cut, flag, longer_than, standard,
};
use crate::error::{ItemError, Reason, Warning};
use crate::field::Field;
use crate::limits::Limits;
use crate::name::Name;
use crate::value::{Text, Value};
use crate::values::date;

/// Entries of one `$remove` or `$update`. Our choice: each is compared with every element of the profile's array.
const OPERATIONS: usize = 250;

pub(super) fn parse(
    object: &Map<String, Json>,
    limits: &Limits,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Update>, ItemError> {
    let merge = flag(object, MERGE_OBJECTS)?.unwrap_or(false);
    flag(object, PUSH_TOKEN_IMPORT)?;
    let mut updates = Vec::with_capacity(object.len());
    for (name, json) in object {
        updates.extend(update(name, json, merge, limits, warnings)?);
    }
    Ok(updates)
}

/// What refuses the object, of each key.
pub(super) fn faults(object: &Map<String, Json>, limits: &Limits) -> Vec<ItemError> {
    let controls = [MERGE_OBJECTS, PUSH_TOKEN_IMPORT];
    let mut faults: Vec<_> =
        controls.into_iter().filter_map(|key| flag(object, key).err()).collect();
    let merge = flag(object, MERGE_OBJECTS).ok().flatten().unwrap_or(false);
    let mut warnings = Vec::new();
    let updates =
        object.iter().map(|(name, json)| update(name, json, merge, limits, &mut warnings));
    faults.extend(updates.filter_map(Result::err));
    faults
}

/// What one key says. `None` for a key that changes nothing, and for a value that is not stored.
fn update(
    name: &str,
    json: &Json,
    merge: bool,
    limits: &Limits,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Update>, ItemError> {
    match name {
        "external_id" | "braze_id" | "user_alias" | "app_id" | "bio" => return Ok(None),
        UPDATE_EXISTING_ONLY | MERGE_OBJECTS | PUSH_TOKEN_IMPORT => return Ok(None),
        _ => {}
    }
    if let Some(field) = Field::named(name) {
        let change = standard::parse(field, json, limits, warnings)?;
        return Ok(change.map(|change| Update::Field(field, change)));
    }
    if name.is_empty() || name.starts_with('$') || longer_than(name, limits.name_chars) {
        return Err(ItemError::invalid(name));
    }
    let mut custom = Custom { name, merge, limits, warnings };
    Ok(custom.parse(json)?.map(|change| Update::Custom(Name::new(name), change)))
}

struct Custom<'a> {
    name: &'a str,
    merge: bool,
    limits: &'a Limits,
    warnings: &'a mut Vec<Warning>,
}

type Parsed = Result<Option<Change>, ItemError>;

impl Custom<'_> {
    fn parse(&mut self, json: &Json) -> Parsed {
        match json {
            Json::Null => Ok(Some(Change::Remove)),
            Json::Bool(on) => Ok(Some(Change::Set(Value::Bool(*on)))),
            Json::Number(_) => Ok(Value::from_json(json).map(Change::Set)),
            Json::String(text) => Ok(Some(Change::Set(self.text(text)))),
            Json::Array(elements) => self.array(elements),
            Json::Object(map) => self.object(map),
        }
    }

    fn text(&mut self, text: &str) -> Value {
        if let Some(instant) = date::attribute(text)
            && !instant.plain
        {
            return Value::Str(Text::from(instant.iso()));
        }
        let (text, was_cut) = cut(text, self.limits.string_chars);
        if was_cut {
            self.warn(Reason::Cut);
        }
        Value::Str(Text::new(text))
    }

    fn object(&mut self, map: &Map<String, Json>) -> Parsed {
        let only =
            |names: &[&str]| !map.is_empty() && map.keys().all(|key| names.contains(&key.as_str()));
        if only(&["inc"]) {
            let by = integer(&map["inc"]).ok_or_else(|| self.invalid())?;
            return Ok(Some(Change::Increment(by)));
        }
        if only(&["add", "remove"]) {
            let add = self.scalars_of(map.get("add"))?;
            let remove = self.scalars_of(map.get("remove"))?;
            return Ok(Some(Change::Elements(Box::new(Elements { add: self.set(add), remove }))));
        }
        if only(&["$add", "$remove", "$update"]) {
            return self.objects(map);
        }
        if only(&["$time"]) {
            return self.time(&map["$time"]);
        }
        let keep_nulls = self.merge;
        let Some(map) = self.cleaned(keep_nulls, |cleaner, root| cleaner.object(map, root))? else {
            return Ok(None);
        };
        Ok(self.fits(nested::map_bytes(&map)).then(|| match self.merge {
            true => Change::Merge(Box::new(map)),
            false => Change::Set(Value::Json(Box::new(Json::Object(map)))),
        }))
    }

    fn time(&mut self, json: &Json) -> Parsed {
        match json.as_str().and_then(date::attribute) {
            Some(instant) if instant.plain => {
                Ok(Some(Change::Set(Value::from(json.as_str().unwrap_or_default()))))
            }
            Some(instant) => Ok(Some(Change::Set(Value::Str(Text::from(instant.iso()))))),
            None => {
                self.warn(Reason::NestedTime);
                Ok(None)
            }
        }
    }

    fn array(&mut self, elements: &[Json]) -> Parsed {
        if elements.iter().any(Json::is_object) {
            let list = self.only_objects(elements)?;
            return Ok(list.map(|list| Change::Set(Value::Json(Box::new(Json::Array(list))))));
        }
        let scalars = self.scalars(elements)?;
        let set = self.set(scalars);
        Ok(Some(Change::Set(Value::Json(Box::new(Json::Array(set))))))
    }

    fn objects(&mut self, map: &Map<String, Json>) -> Parsed {
        let list = |key: &str| match map.get(key) {
            None | Some(Json::Null) => Ok(&[][..]),
            Some(Json::Array(list)) => Ok(list.as_slice()),
            Some(one @ Json::Object(_)) => Ok(std::slice::from_ref(one)),
            Some(_) => Err(self.invalid()),
        };
        let (add, remove, update) = (list("$add")?, list("$remove")?, list("$update")?);
        if remove.len() > OPERATIONS || update.len() > OPERATIONS {
            return Err(self.invalid());
        }
        let Some(add) = self.only_objects(add)? else { return Ok(None) };
        let remove = remove.iter().map(|which| self.which(which)).collect::<Result<_, _>>()?;
        let mut changes = Vec::with_capacity(update.len());
        for one in update {
            let which = match self.which(one)? {
                which @ Match::Key(..) => which,
                Match::Whole(_) => return Err(self.invalid()),
            };
            let Some(Json::Object(new)) = one.get("$new_object") else {
                return Err(self.invalid());
            };
            let Some(new) = self.cleaned(false, |cleaner, root| cleaner.object(new, root))? else {
                return Ok(None);
            };
            changes.push((which, new));
        }
        let merge = self.merge;
        Ok(Some(Change::Objects(Box::new(Objects { add, remove, update: changes, merge }))))
    }

    /// By key and value as documented, or the whole object as an example of the vendor writes it.
    fn which(&self, json: &Json) -> Result<Match, ItemError> {
        let Json::Object(map) = json else { return Err(self.invalid()) };
        match (map.get("$identifier_key"), map.get("$identifier_value")) {
            (Some(Json::String(key)), Some(value)) if !value.is_array() && !value.is_object() => {
                Ok(Match::Key(key.clone(), value.clone()))
            }
            (None, None) if map.keys().all(|key| !key.starts_with('$')) => {
                Ok(Match::Whole(json.clone()))
            }
            _ => Err(self.invalid()),
        }
    }

    /// A list of objects; `None` when it is not stored.
    fn only_objects(&mut self, elements: &[Json]) -> Result<Option<Vec<Json>>, ItemError> {
        for element in elements {
            match element {
                Json::Object(_) => {}
                Json::Null => self.warn(Reason::NullElement),
                _ => return Err(self.invalid()),
            }
        }
        let list = self.cleaned(false, |cleaner, root| cleaner.array(elements, root))?;
        Ok(list.filter(|list| self.fits(nested::bytes_of(list))))
    }

    fn scalars_of(&mut self, json: Option<&Json>) -> Result<Vec<Json>, ItemError> {
        match json {
            None | Some(Json::Null) => Ok(Vec::new()),
            Some(Json::Array(elements)) => self.scalars(elements),
            Some(one) => self.scalars(std::slice::from_ref(one)),
        }
    }

    fn scalars(&mut self, elements: &[Json]) -> Result<Vec<Json>, ItemError> {
        let mut scalars = Vec::with_capacity(elements.len().min(1024));
        for element in elements {
            match element {
                Json::Null => self.warn(Reason::NullElement),
                Json::String(text) => {
                    let (text, was_cut) = cut(text, self.limits.string_chars);
                    if was_cut {
                        self.warn(Reason::Cut);
                    }
                    scalars.push(Json::from(text));
                }
                Json::Bool(_) | Json::Number(_) => scalars.push(element.clone()),
                Json::Array(_) | Json::Object(_) => return Err(self.invalid()),
            }
        }
        Ok(scalars)
    }

    /// Each element once, at its last place, and only the last ones that a profile keeps.
    fn set(&mut self, elements: Vec<Json>) -> Vec<Json> {
        let (set, dropped) = super::elements::last_distinct(elements, self.limits.elements);
        if dropped {
            self.warn(Reason::Elements);
        }
        set
    }

    /// `None` when a bad `$time` inside drops the attribute's update.
    fn cleaned<T>(
        &mut self,
        keep_nulls: bool,
        walk: impl FnOnce(&mut Cleaner, &Path) -> Result<T, Skip>,
    ) -> Result<Option<T>, ItemError> {
        let mut cleaner = Cleaner {
            keys: Keys::Attribute,
            keep_nulls,
            limits: self.limits,
            warnings: self.warnings,
        };
        match walk(&mut cleaner, &Path::root(self.name)) {
            Ok(cleaned) => Ok(Some(cleaned)),
            Err(Skip::Refuse(error)) => Err(error),
            Err(Skip::Time) => {
                self.warn(Reason::NestedTime);
                Ok(None)
            }
        }
    }

    fn fits(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.limits.object_bytes;
        if !fits {
            self.warn(Reason::Size);
        }
        fits
    }

    /// Once per attribute and reason: an array of a million nulls is one warning.
    fn warn(&mut self, reason: Reason) {
        let of_this = self.warnings.iter().rev().take_while(|known| known.path == self.name);
        if of_this.take(8).all(|known| known.reason != reason) {
            self.warnings.push(Warning { path: self.name.to_owned(), reason });
        }
    }

    fn invalid(&self) -> ItemError {
        ItemError::invalid(self.name)
    }
}

/// An integer, also when written with a zero fraction, as templates do (`2.0`).
fn integer(json: &Json) -> Option<i64> {
    json.as_i64().or_else(|| {
        let number = json.as_f64()?;
        (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
    })
}
