//! A plugin's channel, in plain types: a runtime puts its own interface around it.

use flowrun_sdk::backend::Outcome;
use flowrun_sdk::channel::Post;
use flowrun_sdk::plugin::exported::letter_column;
use flowrun_sdk::plugin::{Ask, CellBytes};
use flowrun_sdk::{Delivery, Fault};
use serde_json::Value as Json;

use crate::Description;
use crate::backend::{outcome, read};
use crate::plugin::Plugin;
use crate::port::{CallError, Instance};
use crate::step::create;

/// A channel with its settings. Calls block: a runtime makes them where that does no harm.
pub struct PluginChannel {
    name: String,
    instance: Box<dyn Instance>,
}

impl PluginChannel {
    pub(crate) fn create(plugin: &Plugin, settings: &Json) -> Result<PluginChannel, Vec<Fault>> {
        let name = plugin.name();
        let Description::Channel(_) = plugin.description() else {
            let kind = plugin.kind().word();
            return Err(vec![Fault::error("", format!("plugin `{name}` is a {kind}, no channel"))]);
        };
        let (instance, _) = create(plugin, settings)?;
        Ok(PluginChannel { name: name.to_owned(), instance })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends the messages. Whatever goes wrong is an outcome.
    pub fn send(&self, post: &Post<'_>) -> Vec<Outcome> {
        let sent = self.ask(post);
        sent.unwrap_or_else(|error| vec![outcome(&self.name, &error); post.letters.len()])
    }

    fn ask(&self, post: &Post<'_>) -> Result<Vec<Outcome>, CallError> {
        let bytes = self.instance.call(lay(post)?)?;
        Ok(read(&bytes, post.letters.len())?.0)
    }
}

fn lay(post: &Post<'_>) -> Result<Vec<u8>, CallError> {
    let mut ask = Ask::new(post.now, 0, "", "", 0, letter_column::COUNT);
    ask.reserve(post.letters.len(), post.letters.len() * 256);
    for letter in &post.letters {
        let message = &letter.message;
        ask.row(letter.user);
        ask.cell(CellBytes::Text(letter.id));
        ask.cell(CellBytes::Int(letter.attempt.into()));
        ask.cell(CellBytes::Text(&message.channel));
        ask.cell(match &message.subject {
            Some(subject) => CellBytes::Text(subject),
            None => CellBytes::Empty,
        });
        ask.cell(CellBytes::Text(&message.body));
        let fields: Json = message.fields.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        ask.cell(CellBytes::Json(&fields.to_string()));
        ask.cell(CellBytes::Int((message.delivery == Delivery::AtMostOnce).into()));
    }
    ask.finish().map_err(|why| CallError::Malformed(format!("can't be asked: {why}")))
}
