//! What templates and conditions see of a user: lent, never copied.

use flowrun_sdk::Millis;
use flowrun_template::{Answer, Request, Root, Value, View};
use flowrun_track::Profile;

use crate::Canvas;
use crate::graph::Node;
use crate::input::Context;

/// Everything a template of one step may read for one user.
pub(crate) struct UserView<'a> {
    pub user: &'a str,
    pub profile: Option<&'a Profile>,
    pub context: Option<&'a Context>,
    pub canvas: &'a Canvas,
    /// The step whose texts are rendered; none for conditions of the entry.
    pub node: Option<&'a Node>,
    pub now: Millis,
    /// What templates of this visit asked for, with the answers that have come.
    pub answers: &'a [(Request, Option<Answer>)],
}

impl View for UserView<'_> {
    fn get(&self, root: Root, name: &str) -> Value<'_> {
        match root {
            Root::Profile => self.profile_field(name),
            Root::Custom => self.attribute(self.profile.and_then(|profile| profile.custom(name))),
            Root::Context | Root::EntryProperties | Root::ApiTriggerProperties => {
                self.context.and_then(|context| context.get(name)).map_or(Value::Nil, Value::json)
            }
            Root::Canvas if matches!(name, "name" | "api_id") => Value::Str(&self.canvas.head.name),
            Root::Campaign => match (name, self.node) {
                ("name" | "message_name", Some(node)) => Value::Str(&node.id),
                _ => Value::Nil,
            },
            _ => Value::Nil,
        }
    }

    fn now(&self) -> i64 {
        self.now.0
    }

    fn answer(&self, request: &Request) -> Option<&Answer> {
        self.answers.iter().find(|(asked, _)| asked == request)?.1.as_ref()
    }
}

impl<'a> UserView<'a> {
    /// Liquid's names for profile fields differ here and there from User Track's.
    fn profile_field(&self, name: &str) -> Value<'a> {
        let track_name = match name {
            "user_id" => return Value::Str(self.user),
            "random_bucket_number" => return Value::Int(random_bucket(self.user)),
            "email_address" => "email",
            "phone_number" => "phone",
            "city" => "home_city",
            "date_of_birth" => "dob",
            "most_recent_location" => "current_location",
            "last_used_app_date" => "date_of_last_session",
            "most_recent_locale" => "language",
            same => same,
        };
        self.attribute(self.profile.and_then(|profile| profile.field(track_name)))
    }

    fn attribute(&self, value: Option<&'a flowrun_track::Value>) -> Value<'a> {
        match value {
            None => Value::Nil,
            Some(flowrun_track::Value::Bool(flag)) => Value::Bool(*flag),
            Some(flowrun_track::Value::Int(number)) => Value::Int(*number),
            Some(flowrun_track::Value::Float(number)) => Value::Float(*number),
            Some(flowrun_track::Value::Str(text)) => Value::Str(text),
            Some(flowrun_track::Value::Json(json)) => Value::json(json),
        }
    }
}

/// Braze gives each user a number below 10,000 for good; here it follows from the id.
fn random_bucket(user: &str) -> i64 {
    (xxhash_rust::xxh3::xxh3_64(user.as_bytes()) % 10_000) as i64
}
