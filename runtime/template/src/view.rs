//! What a host lends to a render: the user's data, the clock's reading, fetched answers, and the
//! texts of content blocks.

use crate::request::{Answer, Request};
use crate::value::Value;

/// Which of the host's data a name belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Root {
    /// `${first_name}`: a standard field of the profile.
    Profile,
    /// `custom_attribute.${x}`
    Custom,
    /// `context.${x}`
    Context,
    /// `canvas_entry_properties.${x}`
    EntryProperties,
    /// `event_properties.${x}`
    EventProperties,
    /// `api_trigger_properties.${x}`
    ApiTriggerProperties,
    /// `canvas.${x}`
    Canvas,
    /// `campaign.${x}`
    Campaign,
    /// `subscribed_state.${x}`
    Subscribed,
    /// `most_recently_used_device.${x}`
    Device,
    /// `targeted_device.${x}`
    TargetedDevice,
    /// `app.${x}`
    App,
    /// `sms.${x}`
    Sms,
    /// `whats_app.${x}`
    WhatsApp,
    /// `card.${x}`
    Card,
    /// `x`: a plain top-level name.
    Variable,
}

impl Root {
    /// Every root that is written with a word before `.${…}`.
    pub const NAMED: [Root; 14] = [
        Root::Custom,
        Root::Context,
        Root::EntryProperties,
        Root::EventProperties,
        Root::ApiTriggerProperties,
        Root::Canvas,
        Root::Campaign,
        Root::Subscribed,
        Root::Device,
        Root::TargetedDevice,
        Root::App,
        Root::Sms,
        Root::WhatsApp,
        Root::Card,
    ];

    /// The word before `.${…}`; empty for the profile and for plain names.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Root::Profile | Root::Variable => "",
            Root::Custom => "custom_attribute",
            Root::Context => "context",
            Root::EntryProperties => "canvas_entry_properties",
            Root::EventProperties => "event_properties",
            Root::ApiTriggerProperties => "api_trigger_properties",
            Root::Canvas => "canvas",
            Root::Campaign => "campaign",
            Root::Subscribed => "subscribed_state",
            Root::Device => "most_recently_used_device",
            Root::TargetedDevice => "targeted_device",
            Root::App => "app",
            Root::Sms => "sms",
            Root::WhatsApp => "whats_app",
            Root::Card => "card",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Root> {
        Root::NAMED.into_iter().find(|root| root.word() == word)
    }

    /// The place as a person would write it, for instance `custom_attribute.${x}`.
    #[must_use]
    pub fn written(self, name: &str) -> String {
        match self {
            Root::Variable => name.to_owned(),
            Root::Profile => format!("${{{name}}}"),
            other => format!("{}.${{{name}}}", other.word()),
        }
    }
}

/// The host's data, viewed and never copied.
pub trait View {
    /// The value of `name` under `root`; [`Value::Nil`] when there is none.
    fn get(&self, root: Root, name: &str) -> Value<'_>;

    /// The present, in milliseconds since 1970-01-01 UTC.
    fn now(&self) -> i64;

    /// The answer to a Connected Content request, if it has been fetched.
    fn answer(&self, request: &Request) -> Option<&Answer> {
        let _ = request;
        None
    }
}

/// The texts of content blocks, by name.
pub trait Blocks {
    /// The text of the block called `name`.
    fn block(&self, name: &str) -> Option<&str>;
    /// All names, for hints.
    fn names(&self) -> Vec<String>;
}

/// No content blocks at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBlocks;

impl Blocks for NoBlocks {
    fn block(&self, _name: &str) -> Option<&str> {
        None
    }
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Blocks for std::collections::BTreeMap<String, String> {
    fn block(&self, name: &str) -> Option<&str> {
        self.get(name).map(String::as_str)
    }
    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}
