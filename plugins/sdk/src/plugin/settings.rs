//! Settings on their way to `create`: as JSON, and beside it each leaf under its pointer, so
//! that a plugin without a JSON parser finds `/after` by comparing texts.

use serde_json::Value as Json;

use super::{Ask, Asked, CellBytes, Malformed};
use crate::Millis;

/// Settings in the layout of [`Ask`]: a row for each leaf, whose "user" is the JSON pointer
/// and whose one cell is the value; the place is the whole as JSON.
pub struct Settings;

impl Settings {
    pub fn lay(json: &Json) -> Result<Vec<u8>, Malformed> {
        let mut ask = Ask::new(Millis(0), 0, &json.to_string(), "", 0, 1);
        leaves(json, &mut String::new(), &mut ask);
        ask.finish()
    }
}

fn leaves(json: &Json, pointer: &mut String, ask: &mut Ask) {
    let length = pointer.len();
    let cell = match json {
        Json::Object(object) => {
            for (key, value) in object {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                leaves(value, pointer, ask);
                pointer.truncate(length);
            }
            return;
        }
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                leaves(item, pointer, ask);
                pointer.truncate(length);
            }
            return;
        }
        Json::Null => CellBytes::Empty,
        Json::Bool(flag) => CellBytes::Flag(*flag),
        Json::String(text) => CellBytes::Text(text),
        Json::Number(number) => match number.as_i64() {
            Some(number) => CellBytes::Int(number),
            None => CellBytes::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
    };
    ask.row(pointer);
    ask.cell(cell);
}

/// The JSON of settings that were laid.
pub fn json_of(bytes: &[u8]) -> Result<&str, Malformed> {
    Ok(Asked::read(bytes)?.place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_stand_under_their_pointers() {
        let json =
            serde_json::json!({ "after": 5, "a/b": [true, "x", null], "deep": { "f": 0.5 } });
        let bytes = Settings::lay(&json).unwrap();
        assert_eq!(serde_json::from_str::<Json>(json_of(&bytes).unwrap()).unwrap(), json);
        let asked = Asked::read(&bytes).unwrap();
        let rows: Vec<_> = (0..asked.rows)
            .map(|row| (asked.user(row).unwrap(), asked.cell(row, 0).unwrap()))
            .collect();
        assert_eq!(
            rows,
            [
                ("/after", CellBytes::Int(5)),
                ("/a~1b/0", CellBytes::Flag(true)),
                ("/a~1b/1", CellBytes::Text("x")),
                ("/a~1b/2", CellBytes::Empty),
                ("/deep/f", CellBytes::Float(0.5)),
            ]
        );
    }
}
