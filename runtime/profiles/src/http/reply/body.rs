//! The body of a reply, as far as it can be relied on.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::http::wire::ARRAYS;

/// Known fields stand in it once and have the type they should have; others are read past.
#[derive(Deserialize)]
pub(super) struct Body {
    message: Option<Json>,
    error: Option<Json>,
    errors: Option<Json>,
    attributes_processed: Option<u64>,
    events_processed: Option<u64>,
    purchases_processed: Option<u64>,
}

const KEY: &str = "invalid api key";

/// An entry of `errors`.
pub(super) struct Complaint {
    /// Which array it is about; `None` if it doesn't say, or names none that there is.
    pub array: Option<usize>,
    /// Which object of the array.
    pub index: Option<usize>,
    /// Whether it names a place, but none that there can be.
    pub misplaced: bool,
    pub text: String,
}

impl Body {
    pub fn processed(&self) -> [Option<u64>; 3] {
        [self.attributes_processed, self.events_processed, self.purchases_processed]
    }

    /// Whether it counts anything.
    pub fn counts(&self) -> bool {
        self.processed().iter().any(Option::is_some)
    }

    pub fn says_success(&self) -> bool {
        matches!(&self.message, Some(Json::String(text)) if text == "success" || text == "queued")
    }

    /// Whether it turns down the key. An object may hold these words, too, but an endpoint
    /// that quotes it says so in its errors.
    pub fn is_about_the_key(&self) -> bool {
        let text = [&self.message, &self.error].into_iter().flatten().find_map(Json::as_str);
        let begins = text.and_then(|text| text.get(..KEY.len()));
        begins.is_some_and(|begin| begin.eq_ignore_ascii_case(KEY)) && self.complaints().is_empty()
    }

    /// The message and the first error, for people.
    pub fn words(&self) -> Option<String> {
        let text = |json: &Json| json.as_str().map(str::to_owned);
        let message = [&self.message, &self.error].into_iter().flatten().find_map(text);
        let first = self.complaints().into_iter().next().map(|one| one.text);
        match (message, first) {
            (Some(message), Some(first)) => Some(format!("{message} ({first})")),
            (message, first) => message.or(first),
        }
    }

    pub fn complaints(&self) -> Vec<Complaint> {
        match &self.errors {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::Array(entries)) => entries.iter().map(Complaint::of).collect(),
            // Something is wrong, and it isn't said where.
            Some(other) => vec![Complaint::of(other)],
        }
    }
}

impl Complaint {
    fn of(entry: &Json) -> Complaint {
        let field = |name: &str| entry.get(name).filter(|value| !value.is_null());
        let (array, index) = (field("input_array"), field("index"));
        let known = array
            .and_then(Json::as_str)
            .and_then(|name| ARRAYS.iter().position(|array| *array == name));
        let number = index.and_then(Json::as_u64).and_then(|index| usize::try_from(index).ok());
        let text = ["type", "message", "error"].into_iter().filter_map(field);
        let text = text.chain([entry]).find_map(Json::as_str);
        Complaint {
            array: known,
            index: number,
            misplaced: array.is_some() != known.is_some() || index.is_some() != number.is_some(),
            text: text.map_or_else(|| entry.to_string(), str::to_owned),
        }
    }
}
