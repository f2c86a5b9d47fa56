//! The parser's tree with places, and words for what is wrong in it. No message quotes a
//! value: only keys, and what kind of thing was found.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong, and where it begins in the text, in bytes.
#[derive(Debug)]
pub struct Fault {
    pub at: usize,
    pub said: String,
}

impl Fault {
    pub fn new(at: usize, said: String) -> Fault {
        Fault { at, said }
    }
}

pub type Read<T> = Result<T, Fault>;

/// What is wrong so far: a person mends all of it in one go.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// What was read, or nothing and one more fault.
    pub fn take<T>(&mut self, read: Read<T>) -> Option<T> {
        read.map_err(|fault| self.push(fault)).ok()
    }

    /// In the order of the text.
    pub fn into_sorted(mut self) -> Vec<Fault> {
        self.0.sort_by_key(|fault| fault.at);
        self.0
    }
}

/// A table with its values in the order of the text.
pub struct Table<'t> {
    /// As a message writes it: `[egress]`.
    pub name: String,
    pub at: usize,
    pub values: Vec<Value<'t>>,
}

/// A value and the key it stands under; one of a list stands under the list's key.
pub struct Value<'t> {
    pub key: &'t str,
    key_at: usize,
    pub at: usize,
    value: &'t DeValue<'t>,
}

impl<'t> Table<'t> {
    pub fn new(name: String, at: usize, table: &'t DeTable<'t>) -> Table<'t> {
        let value = |(key, value): (&'t Spanned<_>, &'t Spanned<_>)| {
            let key: (&'t std::borrow::Cow<'t, str>, _) = (key.get_ref(), key.span().start);
            Value { key: key.0, key_at: key.1, at: value.span().start, value: value.get_ref() }
        };
        let mut values: Vec<Value<'t>> = table.iter().map(value).collect();
        values.sort_by_key(|value| value.key_at);
        Table { name, at, values }
    }

    /// Refuses a key, and names the one that was meant, or all that there are.
    pub fn unknown(&self, value: &Value<'_>, known: &[&str]) -> Fault {
        let far = |name: &str| strsim::damerau_levenshtein(value.key, name);
        let near = known.iter().map(|name| (far(name), *name)).min();
        let hint = match near.filter(|(far, name)| *far <= (name.len() / 3).max(1)) {
            Some((_, name)) => format!("did you mean `{name}`?"),
            None => format!("this version knows `{}`", known.join("`, `")),
        };
        let said = format!("`{}` is unknown in {}: {hint}", value.key, self.name);
        Fault::new(value.key_at, said)
    }
}

impl<'t> Value<'t> {
    pub fn table(&self, name: String) -> Read<Table<'t>> {
        match self.value {
            DeValue::Table(table) => Ok(Table::new(name, self.key_at, table)),
            _ => Err(self.other("a table")),
        }
    }

    pub fn text(&self) -> Read<&'t str> {
        match self.value {
            DeValue::String(text) => Ok(text),
            _ => Err(self.other("a text")),
        }
    }

    pub fn flag(&self) -> Read<bool> {
        match self.value {
            DeValue::Boolean(flag) => Ok(*flag),
            _ => Err(self.other("true or false")),
        }
    }

    pub fn port(&self) -> Read<u16> {
        let port = match self.value {
            DeValue::Integer(number) => u16::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        port.filter(|port| *port > 0).ok_or_else(|| {
            Fault::new(self.at, format!("`{}` holds numbers from 1 to 65535", self.key))
        })
    }

    /// A number within bounds.
    pub fn number(&self, least: u32, most: u32) -> Read<u32> {
        let number = match self.value {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => return Err(self.other("a whole number")),
        };
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| Fault::new(self.at, format!("`{}` is from {least} to {most}", self.key)))
    }

    /// Each of a list that can be read.
    pub fn each<T>(
        &self,
        faults: &mut Faults,
        read: impl Fn(&Value<'t>) -> Read<T>,
    ) -> Option<Vec<T>> {
        let DeValue::Array(list) = self.value else {
            faults.push(self.other("a list"));
            return None;
        };
        let one = |one: &'t Spanned<DeValue<'t>>| {
            read(&Value { at: one.span().start, value: one.get_ref(), ..*self })
        };
        Some(list.iter().filter_map(|item| faults.take(one(item))).collect())
    }

    pub fn is_empty_list(&self) -> bool {
        matches!(self.value, DeValue::Array(list) if list.is_empty())
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Read<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, meant)| *meant).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let said = format!("`{}` is one of \"{}\"", self.key, known.join("\", \""));
            Fault::new(self.at, said)
        })
    }

    /// The text, as something else reads it.
    pub fn parsed<T>(&self, parse: impl Fn(&str) -> Result<T, String>) -> Read<T> {
        parse(self.text()?).map_err(|why| Fault::new(self.at, why))
    }

    /// The value as JSON, for settings that only somebody else understands.
    pub fn json(&self) -> Read<serde_json::Value> {
        use serde_json::Value as Json;
        let inner = |value: &'t Spanned<DeValue<'t>>| {
            Value { at: value.span().start, value: value.get_ref(), ..*self }.json()
        };
        Ok(match self.value {
            DeValue::String(text) => Json::from(&**text),
            DeValue::Boolean(flag) => Json::from(*flag),
            DeValue::Integer(number) => {
                let read = i64::from_str_radix(number.as_str(), number.radix());
                Json::from(read.map_err(|_| self.other("a number of 64 bits"))?)
            }
            DeValue::Float(number) => {
                let read: Option<f64> = number.as_str().parse().ok();
                let read = read.filter(|number| number.is_finite());
                Json::from(read.ok_or_else(|| self.other("a finite number"))?)
            }
            DeValue::Datetime(_) => return Err(self.other("a text")),
            DeValue::Array(list) => list.iter().map(inner).collect::<Read<Vec<_>>>()?.into(),
            DeValue::Table(table) => {
                let pair = |(key, value): (&'t Spanned<_>, &'t Spanned<_>)| {
                    let key: &std::borrow::Cow<'t, str> = key.get_ref();
                    Ok((key.clone().into_owned(), inner(value)?))
                };
                table.iter().map(pair).collect::<Read<serde_json::Map<_, _>>>()?.into()
            }
        })
    }

    fn other(&self, expected: &str) -> Fault {
        let found = match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a moment",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        Fault::new(self.at, format!("`{}`: {expected} belongs here, and this is {found}", self.key))
    }
}
