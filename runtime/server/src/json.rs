//! Bodies as JSON: bounded in depth and in the number of values, and without a key that stands twice in one object, whose
//! first value would be lost in silence.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};

/// Why a body can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// What is wrong and where, without a word of the body.
    Syntax(String),
    /// More values than a body may have.
    Values,
}

/// Reads an object.
pub(crate) fn object(
    bytes: &[u8],
    depth: usize,
    values: usize,
) -> Result<Map<String, Json>, Error> {
    let left = Cell::new(values);
    let fault = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let tree = Tree { depth, left: &left, fault: &fault };
    let parsed = tree.deserialize(&mut deserializer);
    let parsed = parsed.and_then(|json| deserializer.end().map(|()| json));
    match parsed {
        Ok(Json::Object(map)) => Ok(map),
        Ok(_) => Err(Error::Syntax("the body must be an object".into())),
        Err(_) if left.get() == 0 && fault.get() == Some(Fault::Values) => Err(Error::Values),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let what = match fault.get() {
                Some(Fault::Twice) => "a key stands twice in one object",
                Some(Fault::Deep) => "objects and arrays are nested too deeply",
                _ => return Err(Error::Syntax(error.to_string())),
            };
            Err(Error::Syntax(format!("{what} at line {line} column {column}")))
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Twice,
    Deep,
    Values,
}

#[derive(Clone, Copy)]
struct Tree<'a> {
    depth: usize,
    left: &'a Cell<usize>,
    fault: &'a Cell<Option<Fault>>,
}

impl<'a> Tree<'a> {
    fn fail<E: serde::de::Error>(self, fault: Fault) -> E {
        self.fault.set(Some(fault));
        E::custom("stopped")
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Tree<'a>, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Tree { depth, ..self }),
            None => Err(self.fail(Fault::Deep)),
        }
    }

    fn count<E: serde::de::Error>(self) -> Result<(), E> {
        match self.left.get().checked_sub(1) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(self.fail(Fault::Values)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Json, E> {
        Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(json) = elements.next_element_seed(inner)? {
            list.push(json);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.insert(key, entries.next_value_seed(inner)?).is_some() {
                return Err(self.fail(Fault::Twice));
            }
        }
        Ok(Json::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_reads_as_serde_reads_it() {
        let text = r#"{"a":[1,-2,3.5,null,true,"é\n",{"b":{}}],"c":18446744073709551615}"#;
        assert_eq!(object(text.as_bytes(), 4, 12), Ok(serde_json::from_str(text).unwrap()));
    }

    #[test]
    fn what_can_not_be_read_is_refused_with_its_place() {
        let said = |bytes: &[u8]| match object(bytes, 3, 8) {
            Err(Error::Syntax(said)) => said,
            other => panic!("{other:?}"),
        };
        let table: [(&[u8], &str); 10] = [
            (b"", "EOF while parsing a value at line 1 column 0"),
            (b"[]", "the body must be an object"),
            (b"{\"a\":1,}", "trailing comma at line 1 column 8"),
            (b"{\"a\":1}x", "trailing characters at line 1 column 8"),
            (b"{\"a\":[[[1]]]}", "objects and arrays are nested too deeply at line 1 column 8"),
            (b"{\"a\":1,\"a\":2}", "a key stands twice in one object at line 1 column 13"),
            (b"{\"a\":{\"b\":1,\n\"b\":2}}", "a key stands twice in one object at line 2 column 6"),
            (b"{\"a\":\"\xff\"}", "invalid unicode code point at line 1 column 7"),
            (b"{\"a\":\"\\ud800\"}", "unexpected end of hex escape at line 1 column 13"),
            (b"{\"a\":1e999}", "number out of range at line 1 column 10"),
        ];
        for (bytes, wanted) in table {
            assert_eq!(said(bytes), wanted, "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(object(b"{\"a\":[1,2,3,4,5,6,7]}", 3, 8), Err(Error::Values));
        assert!(object("[".repeat(1_000_000).as_bytes(), 64, 200_000).is_err());
    }
}
