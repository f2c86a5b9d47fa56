//! The channels of a configuration, made ready to send.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use flowrun_engine::{Channel, Outbox, Webhook};
use flowrun_loader::PluginChannel;
use flowrun_loader::sdk::backend::Outcome;
use flowrun_loader::sdk::channel::{Letter, Post};

use crate::config::{Channel as Written, Config, WEBHOOK};
use crate::console::{Console, printable};
use crate::core::{Millis, Send as Message, SendOutcome};
use crate::folder::said;
use crate::plugins::Plugins;
use crate::simulation;
use crate::simulation::outbound::Egress;
use crate::simulation::outbound::hook::Hooks;

/// Channels that are more than a console, by the names that Canvases call them by.
pub type Real = BTreeMap<String, Arc<dyn Channel>>;

/// The channels that a file names.
pub fn real(
    config: &Config,
    egress: &Egress,
    plugins: &Plugins,
    console: &Console,
) -> anyhow::Result<Real> {
    let mut real = Real::new();
    // Two channels that write to one file take turns.
    let mut files: BTreeMap<&str, Arc<dyn Channel>> = BTreeMap::new();
    for (name, written) in &config.channels {
        let channel = match written {
            Written::Console => continue,
            Written::File(path) => match files.get(path.as_str()) {
                Some(file) => file.clone(),
                None => {
                    let opened: Arc<dyn Channel> = Arc::new(outbox(name, &config.beside(path))?);
                    files.insert(path, opened.clone());
                    opened
                }
            },
            Written::Webhook(webhook) => {
                let can_not = |why: String| anyhow!("[channel.{name}]: {why}");
                let credential = webhook.credential.clone();
                if let Some(name) =
                    credential.as_ref().filter(|name| !egress.credentials.contains_key(*name))
                {
                    return Err(can_not(format!("there is no [egress.credentials.{name}]")));
                }
                let made = match &webhook.url {
                    Some(url) => {
                        let hooks = Hooks::to(url, egress.clone(), credential);
                        Webhook::to(url.clone(), hooks.map_err(|why| can_not(why.to_string()))?)
                    }
                    None => Webhook::of_messages(Hooks::within(egress.clone(), credential)),
                };
                Arc::new(made.map_err(|error| can_not(said(&error)))?)
            }
            Written::Plugin(plugin) => {
                let made = plugins.channel(plugin, &config.plugins, console)?;
                Arc::new(Outsourced(made))
            }
        };
        real.insert(name.clone(), channel);
    }
    Ok(real)
}

/// What is really sent on the word of a file that nobody named: it may have come with a stranger's
/// Canvas.
pub fn unasked(config: &Config) -> Option<String> {
    let file = config.found.as_ref()?;
    let leaves = |(name, written): (&String, &Written)| match written {
        Written::Console | Written::File(_) => None,
        Written::Webhook(webhook) => match &webhook.url {
            Some(url) => Some(format!("{name} to {}", printable(url))),
            None => Some(format!("{name} to where the Canvas says")),
        },
        Written::Plugin(plugin) => Some(format!("{name} by the plugin {}", printable(plugin))),
    };
    let told: Vec<String> = config.channels.iter().filter_map(leaves).collect();
    let shown = printable(&file.display().to_string());
    let what = told.join(", ");
    (!told.is_empty())
        .then(|| format!("{shown} really sends messages of {what} (`--config none` keeps them)"))
}

/// What the step `webhook` calls by if no file says otherwise: within the rules of egress.
pub fn webhook(egress: &Egress) -> anyhow::Result<Arc<dyn Channel>> {
    let made = Webhook::of_messages(Hooks::within(egress.clone(), None));
    Ok(Arc::new(made.map_err(|error| anyhow!("can't make calls: {}", said(&error)))?))
}

/// Whether a file says what becomes of the step `webhook`.
pub fn names_webhook(config: &Config) -> bool {
    config.channels.contains_key(WEBHOOK)
}

fn outbox(name: &str, place: &Path) -> anyhow::Result<Outbox> {
    Outbox::open(place).map_err(|error| {
        let place = printable(&place.display().to_string());
        anyhow!("can't open `{place}` for [channel.{name}]: {}", said(&error))
    })
}

/// A plugin's channel. It blocks while it sends, as all channels may.
struct Outsourced(PluginChannel);

impl Channel for Outsourced {
    fn send(&self, now: Millis, messages: &[Message]) -> Vec<SendOutcome> {
        let ids: Vec<String> = messages.iter().map(|message| message.key.to_string()).collect();
        let letter = |(message, id)| {
            let message: &Message = message;
            let (user, content) = (&*message.key.user, (*message.message).clone());
            Letter { user, id, attempt: message.attempt, message: content }
        };
        let letters = messages.iter().zip(ids.iter().map(String::as_str)).map(letter).collect();
        self.0.send(&Post { now, letters }).into_iter().map(outcome).collect()
    }
}

fn outcome(told: Outcome) -> SendOutcome {
    match told {
        Outcome::Applied | Outcome::Accepted => SendOutcome::Sent,
        Outcome::Refused(reason) => SendOutcome::Refused(reason),
        Outcome::Retry { after, cause } => SendOutcome::Retry { after, cause },
        Outcome::Unknown(said) => SendOutcome::Unknown(said),
    }
}

/// The channels of a run: messages of those that a file names really go out, all others are only
/// told. In virtual time the waits between two attempts pass at once.
pub struct Posting(pub Real);

impl simulation::Channel for Posting {
    fn send(&mut self, now: Millis, message: &Message) -> SendOutcome {
        let Some(channel) = self.0.get(&*message.message.channel) else { return SendOutcome::Sent };
        let unknown = || SendOutcome::Unknown("the channel said nothing".to_owned());
        channel.send(now, std::slice::from_ref(message)).pop().unwrap_or_else(unknown)
    }
}
