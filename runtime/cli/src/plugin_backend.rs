//! A plugin's backend as a profile backend of the runtime.
//!
//! A plugin blocks while it writes, so that within a tokio runtime it is asked on a thread that
//! may block; elsewhere the caller waits.

use std::sync::Arc;

use anyhow::bail;
use async_trait::async_trait;
use flowrun_loader::PluginBackend;
use flowrun_loader::sdk::backend::{self, Batch, Object};

use crate::config::{Backend, Commit, ObjectLimits};
use crate::core::batcher::{Answers, BatcherSettings, Limits, Part, Reply, Request};
use crate::core::{Millis, Outcome};
use crate::moment;
use crate::profiles::{About, ProfileBackend};

/// A loaded backend with its settings.
pub struct Outsourced {
    about: About,
    plugin: Arc<PluginBackend>,
}

impl Outsourced {
    pub fn new(plugin: PluginBackend) -> Outsourced {
        let said = plugin.about();
        let limits = Limits {
            attributes: said.attributes as usize,
            events: said.events as usize,
            purchases: said.purchases as usize,
            combined: said.combined.map(|combined| combined as usize),
        };
        let batches = BatcherSettings {
            limits,
            linger: Millis(said.linger_ms.into()),
            in_flight: said.in_flight as usize,
            per_minute: said.per_minute,
        };
        let name = format!("plugin:{}", plugin.name());
        let about = About { name, batches, remembers_keys: said.remembers_keys };
        Outsourced { about, plugin: Arc::new(plugin) }
    }

    /// Within what the file says of the backend as well. A plugin's own limits are what it can
    /// take, so that the file may only lower them.
    pub fn held_to(mut self, config: &Backend) -> anyhow::Result<Outsourced> {
        let limits = &mut self.about.batches.limits;
        let lower = |limit: &mut usize, written: Option<u32>| {
            *limit = written.map_or(*limit, |written| (*limit).min(written as usize));
        };
        match config.objects_per_request {
            None => {}
            Some(ObjectLimits::Each { attributes, events, purchases }) => {
                lower(&mut limits.attributes, attributes);
                lower(&mut limits.events, events);
                lower(&mut limits.purchases, purchases);
            }
            Some(ObjectLimits::Combined(combined)) => {
                let most = limits.combined.unwrap_or(usize::MAX);
                limits.combined = Some(most.min(combined as usize));
            }
        }
        let per_minute = &mut self.about.batches.per_minute;
        *per_minute = [*per_minute, config.requests_per_minute].into_iter().flatten().min();
        let accepts = self.plugin.about().commit == backend::CommitPoint::Accepted;
        if accepts && config.commit == Some(Commit::Applied) {
            let name = self.plugin.name();
            bail!(
                "[backend] commit = \"applied\": the plugin `{name}` only says when an update is \
                 accepted"
            )
        }
        Ok(self)
    }
}

#[async_trait]
impl ProfileBackend for Outsourced {
    fn about(&self) -> &About {
        &self.about
    }

    async fn commit(&self, request: &Request) -> Reply {
        let (plugin, parts) = (self.plugin.clone(), request.parts.clone());
        let write = move || commit(&plugin, &parts);
        match tokio::runtime::Handle::try_current() {
            Err(_) => write(),
            Ok(runtime) => runtime.spawn_blocking(write).await.unwrap_or_else(|error| {
                let said = format!("the thread that asked the plugin ended: {error}");
                Reply::new(None, Answers::All(Outcome::Unknown(said)))
            }),
        }
    }
}

const ARRAYS: [backend::Array; 3] = backend::Array::ALL;

fn commit(plugin: &PluginBackend, parts: &[Part]) -> Reply {
    let keys: Vec<String> = parts.iter().map(|part| part.write.key.to_string()).collect();
    let mut counts = [0; 3];
    let mut objects = Vec::new();
    for (number, array) in ARRAYS.into_iter().enumerate() {
        for (part, key) in parts.iter().zip(&keys) {
            let before = objects.len();
            objects.extend(part.texts(number).map(|(object, json)| Object {
                array,
                user: &part.write.key.user,
                key,
                number: object,
                attempt: part.write.attempt,
                json,
            }));
            counts[number] += objects.len() - before;
        }
    }
    let reply = plugin.commit(&Batch { now: moment::present(), objects });
    let mut outcomes = reply.outcomes.into_iter().map(outcome);
    let mut of_array = |count| outcomes.by_ref().take(count).collect();
    let answers = Answers::Each {
        attributes: of_array(counts[0]),
        events: of_array(counts[1]),
        purchases: of_array(counts[2]),
    };
    Reply { pause: reply.pause, ..Reply::new(None, answers) }
}

fn outcome(told: backend::Outcome) -> Outcome {
    match told {
        backend::Outcome::Applied => Outcome::Applied,
        backend::Outcome::Accepted => Outcome::Accepted,
        backend::Outcome::Refused(reason) => Outcome::Refused(reason),
        backend::Outcome::Retry { after, cause } => Outcome::Retry { after, cause },
        backend::Outcome::Unknown(said) => Outcome::Unknown(said),
    }
}
