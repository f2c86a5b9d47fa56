//! What templates and conditions see of a user: lent, never copied.

use flowrun_sdk::Millis;
use flowrun_template::{Answer, Request, Root, Value, View, track_field};
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
            // A standard field by this root, too: the two can't share a name, and users files
            // hold them side by side.
            Root::Custom => {
                self.attribute(self.profile.and_then(|profile| profile.attribute(name)))
            }
            Root::Context
            | Root::EntryProperties
            | Root::ApiTriggerProperties
            | Root::EventProperties => {
                self.context.and_then(|context| context.get(name)).map_or(Value::Nil, Value::json)
            }
            Root::Canvas if matches!(name, "name" | "api_id") => Value::Str(&self.canvas.head.name),
            Root::Subscribed => self.subscribed(name),
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
    fn profile_field(&self, name: &str) -> Value<'a> {
        match name {
            "user_id" => Value::Str(self.user),
            "random_bucket_number" => Value::Int(random_bucket(self.user)),
            _ => self.field(track_field(name)),
        }
    }

    fn field(&self, track_name: &str) -> Value<'a> {
        self.attribute(self.profile.and_then(|profile| profile.field(track_name)))
    }

    /// The state of a channel, or of the subscription group with this id.
    fn subscribed(&self, name: &str) -> Value<'a> {
        match name {
            "email_global" => return self.field("email_subscribe"),
            "push_global" => return self.field("push_subscribe"),
            _ => {}
        }
        let Value::Json(groups) = self.field("subscription_groups") else { return Value::Nil };
        let mut groups = groups.as_array().into_iter().flatten();
        let group = groups.find(|group| group["subscription_group_id"] == *name);
        group.map_or(Value::Nil, |group| Value::json(&group["subscription_state"]))
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
