//! One attribute value as a profile keeps it: 24 bytes, scalars and strings up to 24 bytes without a heap block.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use crate::values::date;

/// Text of a value. Derefs to `str`; short texts lie inline.
pub type Text = compact_str::CompactString;

/// One attribute value. There is no null: a null removes the attribute.
///
/// Integers and decimals stay what the JSON said (`1` and `1.0` differ). Dates are text in ISO 8601, see [`date`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Text),
    /// An array or an object, never a scalar.
    Json(Box<Json>),
}

impl Value {
    /// `None` for null. An integer beyond `i64` becomes a decimal.
    pub fn from_json(json: &Json) -> Option<Value> {
        Some(match json {
            Json::Null => return None,
            Json::Bool(b) => Value::Bool(*b),
            Json::Number(n) => match n.as_i64() {
                Some(i) => Value::Int(i),
                None => Value::Float(n.as_f64()?),
            },
            Json::String(s) => Value::Str(Text::new(s)),
            Json::Array(_) | Json::Object(_) => Value::Json(Box::new(json.clone())),
        })
    }

    pub fn to_json(&self) -> Json {
        match self {
            Value::Bool(b) => Json::Bool(*b),
            Value::Int(i) => Json::from(*i),
            Value::Float(f) => Json::from(*f),
            Value::Str(s) => Json::String(s.to_string()),
            Value::Json(json) => (**json).clone(),
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(s) => Some(s),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int(i) => Some(*i),
            _ => None,
        }
    }

    /// The number, integer or decimal.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Int(i) => Some(*i as f64),
            Value::Float(f) => Some(*f),
            _ => None,
        }
    }

    /// The array or object.
    pub fn as_json(&self) -> Option<&Json> {
        match self {
            Value::Json(json) => Some(json),
            _ => None,
        }
    }

    /// Milliseconds since 1970 of a value that is a date in any accepted form.
    pub fn time_ms(&self) -> Option<i64> {
        date::attribute(self.as_str()?).map(|instant| instant.ms())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Str(Text::new(text))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Int(i) => serializer.serialize_i64(*i),
            Value::Float(f) => serializer.serialize_f64(*f),
            Value::Str(s) => serializer.serialize_str(s),
            Value::Json(json) => json.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Value::from_json(&json)
            .ok_or_else(|| serde::de::Error::custom("an attribute is never null"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_24_bytes() {
        assert_eq!(size_of::<Value>(), 24);
    }
}
