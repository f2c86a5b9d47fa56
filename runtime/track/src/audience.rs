//! A connected audience: the filter that a trigger of a Canvas may carry, over what profiles hold.
//!
//! A profile that lacks the attribute meets what is said in the negative (`not_equal`, `does_not_exist`…) and nothing else.
//! A comparison with a value of another kind than the profile's is likewise not met, so that `greater_than` never compares
//! texts. Filters are bounded in number, depth and length, and patterns run in time linear in the text.

mod comparison;

use serde_json::{Map, Value as Json};

use comparison::Comparison;

use crate::field::Field;
use crate::profile::Profile;
use crate::value::Value;
use crate::values::date;

/// Filters of one audience, the inner ones counted too. Our choice, as the next.
const FILTERS: usize = 100;
const DEPTH: usize = 8;

/// A filter over profiles.
#[derive(Clone, Debug)]
pub struct Audience(Filter);

#[derive(Clone, Debug)]
enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Custom(String, Comparison),
    /// The subscription state is, or is not, this one.
    Subscription(Field, Is, String),
    /// The last session was after, or before, a moment.
    LastUsedApp(When, i64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Is {
    Is,
    IsNot,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    After,
    Before,
}

/// What is wrong with an audience, and where (`audience.AND[1].custom_attribute`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{path}' {message}")]
pub struct AudienceError {
    pub path: String,
    pub message: String,
}

impl AudienceError {
    fn new(path: &str, message: impl Into<String>) -> AudienceError {
        AudienceError { path: path.into(), message: message.into() }
    }
}

impl Audience {
    pub fn parse(json: &Json) -> Result<Audience, AudienceError> {
        let mut left = FILTERS;
        filter(json, "audience", DEPTH, &mut left).map(Audience)
    }

    pub fn contains(&self, profile: &Profile, now_ms: i64) -> bool {
        self.0.holds(profile, now_ms)
    }
}

impl Filter {
    fn holds(&self, profile: &Profile, now_ms: i64) -> bool {
        match self {
            Filter::All(filters) => filters.iter().all(|filter| filter.holds(profile, now_ms)),
            Filter::Any(filters) => filters.iter().any(|filter| filter.holds(profile, now_ms)),
            Filter::Custom(name, comparison) => comparison.holds(profile.custom(name), now_ms),
            Filter::Subscription(field, is, wanted) => {
                // Users are subscribed until they say otherwise.
                let state = profile.get(*field).and_then(Value::as_str).unwrap_or("subscribed");
                (state == wanted) == (*is == Is::Is)
            }
            Filter::LastUsedApp(when, ms) => {
                let last = profile.get(Field::DateOfLastSession).and_then(Value::time_ms);
                last.is_some_and(|last| match when {
                    When::After => last > *ms,
                    When::Before => last < *ms,
                })
            }
        }
    }
}

fn filter(
    json: &Json,
    path: &str,
    depth: usize,
    left: &mut usize,
) -> Result<Filter, AudienceError> {
    *left = left.checked_sub(1).ok_or_else(|| {
        AudienceError::new("audience", format!("has more than {FILTERS} filters"))
    })?;
    let mut entries = json.as_object().into_iter().flatten();
    let (Some((kind, value)), None) = (entries.next(), entries.next()) else {
        return Err(AudienceError::new(path, "must be an object with one filter"));
    };
    match kind.as_str() {
        "AND" | "OR" => {
            let path = format!("{path}.{kind}");
            let Some(list) = value.as_array().filter(|list| !list.is_empty()) else {
                return Err(AudienceError::new(&path, "must be an array of filters"));
            };
            let depth = depth
                .checked_sub(1)
                .ok_or_else(|| AudienceError::new("audience", "is nested too deeply"))?;
            let each = list.iter().enumerate();
            let filters: Result<Vec<_>, _> = each
                .map(|(index, json)| filter(json, &format!("{path}[{index}]"), depth, left))
                .collect();
            filters.map(if kind == "AND" { Filter::All } else { Filter::Any })
        }
        "custom_attribute" => custom(object(value, path, kind)?, &format!("{path}.{kind}")),
        "push_subscription_status" => subscription(Field::PushSubscribe, value, path, kind),
        "email_subscription_status" => subscription(Field::EmailSubscribe, value, path, kind),
        "last_used_app" => last_used(object(value, path, kind)?, &format!("{path}.{kind}")),
        _ => Err(AudienceError::new(
            path,
            "has none of 'AND', 'OR', 'custom_attribute', 'push_subscription_status', 'email_subscription_status', \
             'last_used_app'",
        )),
    }
}

fn object<'a>(
    value: &'a Json,
    path: &str,
    kind: &str,
) -> Result<&'a Map<String, Json>, AudienceError> {
    value
        .as_object()
        .ok_or_else(|| AudienceError::new(&format!("{path}.{kind}"), "must be an object"))
}

fn text<'a>(
    object: &'a Map<String, Json>,
    path: &str,
    key: &str,
) -> Result<&'a str, AudienceError> {
    let text = object.get(key).and_then(Json::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| AudienceError::new(&format!("{path}.{key}"), "must be a string"))
}

fn custom(object: &Map<String, Json>, path: &str) -> Result<Filter, AudienceError> {
    let name = text(object, path, "custom_attribute_name")?;
    let comparison = text(object, path, "comparison")?;
    let comparison = Comparison::parse(comparison, object.get("value").unwrap_or(&Json::Null))
        .map_err(|(key, message)| AudienceError::new(&format!("{path}.{key}"), message))?;
    Ok(Filter::Custom(name.to_owned(), comparison))
}

fn subscription(
    field: Field,
    value: &Json,
    path: &str,
    kind: &str,
) -> Result<Filter, AudienceError> {
    let object = object(value, path, kind)?;
    let path = format!("{path}.{kind}");
    let is = match text(object, &path, "comparison")? {
        "is" => Is::Is,
        "is_not" => Is::IsNot,
        _ => {
            let path = format!("{path}.comparison");
            return Err(AudienceError::new(&path, "must be 'is' or 'is_not'"));
        }
    };
    let wanted = text(object, &path, "value")?;
    if !["opted_in", "subscribed", "unsubscribed"].contains(&wanted) {
        let message = "must be 'opted_in', 'subscribed' or 'unsubscribed'";
        return Err(AudienceError::new(&format!("{path}.value"), message));
    }
    Ok(Filter::Subscription(field, is, wanted.to_owned()))
}

fn last_used(object: &Map<String, Json>, path: &str) -> Result<Filter, AudienceError> {
    let when = match text(object, path, "comparison")? {
        "after" => When::After,
        "before" => When::Before,
        _ => {
            let path = format!("{path}.comparison");
            return Err(AudienceError::new(&path, "must be 'after' or 'before'"));
        }
    };
    let moment = date::attribute(text(object, path, "value")?);
    let moment =
        moment.ok_or_else(|| AudienceError::new(&format!("{path}.value"), "must be a time"))?;
    Ok(Filter::LastUsedApp(when, moment.ms()))
}
