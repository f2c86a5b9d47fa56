//! The backend of a run, as the command line or flowrun.toml names it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use tokio::runtime::{Builder, Runtime};

use crate::config::{Backend, BackendUrl, Commit, ObjectLimits};
use crate::console::{aside, printable};
use crate::core::batcher::Limits;
use crate::core::{CommitLevel, Millis};
use crate::folder;
use crate::interrupt::Interrupt;
use crate::moment;
use crate::plugin_backend::Outsourced;
use crate::profiles::embedded::{self, EmbeddedSettings};
use crate::profiles::http::Notice;
use crate::profiles::{Embedded, Http, HttpSettings, ProfileBackend};
use crate::simulation::outbound::Secret;
use crate::simulation::{Remote, Simulation};

/// Where the key of an endpoint is when nothing else is said.
const KEY: &str = "FLOWRUN_API_KEY";

/// How long a reply takes in virtual time, however long it takes.
const LATENCY: Millis = Millis(40);

/// Lets a run write to the backend that is named, on the command line before the file.
pub fn attach(
    simulation: &mut Simulation,
    named: Option<&BackendUrl>,
    config: &Backend,
    plugin: impl FnOnce(&str) -> anyhow::Result<Outsourced>,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let backend: Arc<dyn ProfileBackend> = match named.or(config.url.as_ref()) {
        None | Some(BackendUrl::Memory) => return Ok(()),
        Some(BackendUrl::Http(url)) => {
            Arc::new(http(url, config, |notice| aside(&format!("note: {notice}")))?)
        }
        Some(BackendUrl::Embedded(folder)) => {
            let folder = Path::new(folder);
            let said = |error| anyhow!("--backend embedded:{}: {error}", folder.display());
            let store =
                Embedded::open(folder, EmbeddedSettings::default(), Arc::new(moment::present));
            let store = store.map_err(said)?;
            let waiting = Builder::new_current_thread().build()?;
            meet(simulation, &store, &waiting).map_err(said)?;
            Arc::new(store)
        }
        Some(BackendUrl::Plugin(name)) => Arc::new(plugin(name)?.held_to(config)?),
    };
    let interrupt = interrupt.clone();
    let life = format!("{}-{}", moment::present().0, std::process::id());
    let remote = Remote::new(backend, LATENCY, &life, move || interrupt.asked());
    simulation.write_to(Box::new(remote.context("can't wait for the backend")?));
    Ok(())
}

/// An endpoint, and who is told what an operator should know of it.
pub fn http(
    url: &str,
    config: &Backend,
    told: impl Fn(&Notice) + Send + Sync + 'static,
) -> anyhow::Result<Http> {
    let mut settings = HttpSettings::at(url);
    settings.key = Some(key(config)?);
    settings.limits = limits(config.objects_per_request);
    settings.per_minute = config.requests_per_minute.or(settings.per_minute);
    settings.level = match config.commit {
        Some(Commit::Applied) => CommitLevel::Applied,
        Some(Commit::Accepted) | None => CommitLevel::Accepted,
    };
    settings.authorities = config.ca_file.as_deref().map(authorities).transpose()?;
    Http::new(settings, told).map_err(|error| anyhow!("--backend {url}: {error}"))
}

fn authorities(file: &Path) -> anyhow::Result<String> {
    let shown = printable(&file.display().to_string());
    folder::text(file).map_err(|why| anyhow!("can't read `ca_file` of [backend], `{shown}`: {why}"))
}

fn key(config: &Backend) -> anyhow::Result<Secret> {
    if let Some(key) = &config.api_key {
        return key.get().cloned().map_err(|why| anyhow!("the backend's key: {why}"));
    }
    match std::env::var(KEY) {
        Ok(key) if !key.is_empty() => Ok(Secret::new(key)),
        Ok(_) | Err(std::env::VarError::NotPresent) => bail!(
            "the backend wants a key: set {KEY}, or name another variable in flowrun.toml \
             ([backend] api_key = \"env:NAME\")"
        ),
        Err(std::env::VarError::NotUnicode(_)) => bail!("{KEY} is not UTF-8"),
    }
}

fn limits(written: Option<ObjectLimits>) -> Limits {
    let usual = Limits::USER_TRACK;
    let or = |written: Option<u32>, usual: usize| written.map_or(usual, |limit| limit as usize);
    match written {
        None => usual,
        Some(ObjectLimits::Each { attributes, events, purchases }) => Limits {
            attributes: or(attributes, usual.attributes),
            events: or(events, usual.events),
            purchases: or(purchases, usual.purchases),
            combined: None,
        },
        Some(ObjectLimits::Combined(combined)) => {
            let each = combined as usize;
            Limits { attributes: each, events: each, purchases: each, combined: Some(each) }
        }
    }
}

/// How many users are looked up at once.
const MEET: usize = 10_000;

/// Who is in the store already is taken as they are there; who isn't comes in as the users
/// file has them.
fn meet(
    simulation: &mut Simulation,
    store: &Embedded,
    waiting: &Runtime,
) -> Result<(), embedded::Error> {
    let profiles: Vec<_> = simulation.profiles().iter().cloned().collect();
    for profiles in profiles.chunks(MEET) {
        let ids: Vec<&str> = profiles.iter().filter_map(|profile| profile.external_id()).collect();
        let mut new = Vec::new();
        for (profile, known) in profiles.iter().zip(store.load(&ids)?) {
            match known {
                Some(known) => simulation.put_profile(known),
                None => new.push(profile.clone()),
            }
        }
        waiting.block_on(store.put(new))?;
    }
    Ok(())
}
