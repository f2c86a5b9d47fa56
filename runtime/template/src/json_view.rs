//! A ready-made [`View`] over two JSON objects: a user as User Track knows it, and everything
//! else a template may read.

use crate::request::{Answer, Request};
use crate::value::Value;
use crate::view::{Root, View};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// A view over a user object and a data object.
///
/// `${x}` reads the user object under the name User Track has for it (`email_address` is `email`
/// there); `custom_attribute.${x}` reads its other keys. A plain name reads the data object, and
/// so do the other roots: `context.${x}` reads `x` in the data's `context`. What the data doesn't
/// say of `subscribed_state`, the user object does.
#[derive(Clone, Debug)]
pub struct JsonView<'a> {
    user: &'a Json,
    data: &'a Json,
    now_ms: i64,
    answers: BTreeMap<Request, Answer>,
}

impl<'a> JsonView<'a> {
    /// A view at a point in time (milliseconds since 1970-01-01 UTC).
    #[must_use]
    pub fn new(user: &'a Json, data: &'a Json, now_ms: i64) -> Self {
        Self { user, data, now_ms, answers: BTreeMap::new() }
    }

    /// Adds the answer to a Connected Content request.
    pub fn answered(&mut self, request: Request, answer: Answer) {
        self.answers.insert(request, answer);
    }
}

impl JsonView<'_> {
    fn given(&self, root: Root, name: &str) -> Option<&Json> {
        self.data.get(root.word())?.get(name)
    }

    /// The state of a channel, or of the subscription group with this id.
    fn subscribed(&self, name: &str) -> Option<&Json> {
        match name {
            "email_global" => self.user.get("email_subscribe"),
            "push_global" => self.user.get("push_subscribe"),
            id => {
                let mut groups = self.user.get("subscription_groups")?.as_array()?.iter();
                let group = groups.find(|group| group["subscription_group_id"] == *id)?;
                group.get("subscription_state")
            }
        }
    }
}

/// The name User Track has for a profile field of Liquid.
#[must_use]
pub fn track_field(liquid: &str) -> &str {
    match liquid {
        "email_address" => "email",
        "phone_number" => "phone",
        "city" => "home_city",
        "date_of_birth" => "dob",
        "user_id" => "external_id",
        "most_recent_location" => "current_location",
        "last_used_app_date" => "date_of_last_session",
        "most_recent_locale" => "language",
        other => other,
    }
}

impl View for JsonView<'_> {
    fn get(&self, root: Root, name: &str) -> Value<'_> {
        let found = match root {
            Root::Profile => self.user.get(track_field(name)).or_else(|| self.user.get(name)),
            Root::Custom => self.user.get(name),
            Root::Variable => self.data.get(name),
            Root::Subscribed => self.given(root, name).or_else(|| self.subscribed(name)),
            other => self.given(other, name),
        };
        found.map_or(Value::Nil, Value::json)
    }

    fn now(&self) -> i64 {
        self.now_ms
    }

    fn answer(&self, request: &Request) -> Option<&Answer> {
        self.answers.get(request)
    }
}
