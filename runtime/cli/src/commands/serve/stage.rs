//! What a server needs before the first request: Canvases, Content Blocks, profiles, answers.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use anyhow::bail;
use flowrun_engine::outbound::Egress;
use flowrun_engine::{Answers, Fetch};
use flowrun_server::{Canvas as Shown, ContentBlock, hosted};

use super::Serve;
use super::twice::Twice;
use crate::backend;
use crate::canvases::Opened;
use crate::commands::check::canvas_files;
use crate::config::{BackendUrl, Config};
use crate::console::Console;
use crate::core::{Canvas, CanvasIx};
use crate::folder::Folder;
use crate::live::Durable;
use crate::moment;
use crate::plugins::Plugins;
use crate::profiles::http::Notice;
use crate::profiles::{Http, ProfileBackend};
use crate::scene;
use crate::track::Profile;
use crate::users::Roster;
use crate::versions::Versions;

pub struct Stage {
    pub config: Config,
    pub canvases: Vec<Arc<Canvas>>,
    pub shown: Vec<Shown>,
    pub blocks: Vec<ContentBlock>,
    pub closed: Vec<CanvasIx>,
    pub profiles: Vec<Profile>,
    pub durable: Option<Durable>,
    pub fetch: Arc<dyn Fetch>,
    /// What may be called from Canvases.
    pub egress: Egress,
    /// Where updates are written, if not to the profiles here.
    pub backend: Option<Arc<dyn ProfileBackend>>,
    pub twice: Twice,
}

impl Stage {
    /// Reads everything; `None` after the faults of Canvases were shown.
    pub fn set(
        serve: &Serve,
        mut durable: Option<Durable>,
        console: &Console,
    ) -> anyhow::Result<Option<Stage>> {
        let folder = &serve.canvases;
        if !folder.is_dir() {
            bail!("`{}` is no folder: name the one with the Canvases", folder.display())
        }
        // The configuration is the folder's, wherever below it the first Canvas is.
        let config = Config::open(serve.source.config(), Some(&folder.join("-")))?;
        let (backend, endpoint) =
            backend(serve.backend.as_ref(), &serve.plugins, &config, console)?;
        let files = canvas_files(std::slice::from_ref(folder))?;
        let named = serve.backend.as_ref();
        let catalogue = serve.plugins.catalogue_for(&config.plugins, console)?;
        let opened = scene::open_by(&files, &config, named, &catalogue, console)?;
        let Some(mut opened) = opened else {
            return Ok(None);
        };
        let profiles = profiles(serve.users.as_deref(), console)?;
        let paths = opened.iter().map(|one| &*one.path);
        let (fixtures, egress) = serve.source.parts(paths, &config)?;
        let fetch = Arc::new(Answers::new(fixtures, egress.clone()));
        let twice = Twice::of(&opened, backend.as_deref(), endpoint);
        let blocks = blocks(&opened);
        let present = opened.iter().filter_map(|one| Some((one.canvas.as_ref()?, &one.path)));
        let shown = present.map(|(canvas, path)| hosted::shown(canvas, edited_ms(path))).collect();
        let Versions { canvases, closed } = match &mut durable {
            Some(durable) => durable.settle(&mut opened, &catalogue)?,
            None => Versions::of_files(&mut opened),
        };
        Ok(Some(Stage {
            config,
            canvases,
            shown,
            blocks,
            closed,
            profiles,
            durable,
            fetch,
            egress,
            backend,
            twice,
        }))
    }
}

/// A backend; and once more as the endpoint that it is, if it is one.
type Chosen = (Option<Arc<dyn ProfileBackend>>, Option<Arc<Http>>);

/// Where updates go; nowhere else if nobody says.
pub fn backend(
    named: Option<&BackendUrl>,
    plugins: &Plugins,
    config: &Config,
    console: &Console,
) -> anyhow::Result<Chosen> {
    Ok(match named.or(config.backend.url.as_ref()) {
        None | Some(BackendUrl::Memory) => (None, None),
        Some(BackendUrl::Http(url)) => {
            let http = Arc::new(backend::http(url, &config.backend, told)?);
            (Some(http.clone()), Some(http))
        }
        Some(BackendUrl::Plugin(name)) => {
            let plugin = plugins.backend(name, &config.plugins, console)?;
            (Some(Arc::new(plugin.held_to(&config.backend)?)), None)
        }
        Some(BackendUrl::Embedded(folder)) => bail!(
            "`--backend embedded:{folder}` is for virtual time: in real time `--state DIR` keeps profiles, and updates are written there, to an endpoint that speaks User Track (https://…), or to a plugin"
        ),
    })
}

/// Tells the operator what the endpoint is like, without a word of its own.
fn told(notice: &Notice) {
    let said = notice.brief();
    match notice {
        Notice::TurnedDown { .. } => tracing::error!("backend: {said}"),
        Notice::Unreachable { .. } | Notice::NoReadBack { .. } => tracing::warn!("backend: {said}"),
        Notice::Probed(_) | Notice::Recovered => tracing::info!("backend: {said}"),
    }
}

fn profiles(users: Option<&Path>, console: &Console) -> anyhow::Result<Vec<Profile>> {
    let mut roster = Roster::new(moment::present());
    if let Some(file) = users {
        let entrants = roster.read(file, &mut |_| ControlFlow::Continue(()))?;
        let timed = entrants.iter().filter(|one| one.at.is_some()).count();
        if timed > 0 {
            console.note(&format!("{timed} of the users have an `enter_at`: nobody enters by the users file, only by the API and by events"));
        }
        if let Some(warnings) = roster.warnings() {
            console.note(&format!("profiles don't hold everything as it is written\n{warnings}"));
        }
    }
    Ok(roster.profiles.iter().cloned().collect())
}

/// The Content Blocks of all folders that Canvases lie in, by name; the first of a name counts.
fn blocks(opened: &[Opened]) -> Vec<ContentBlock> {
    let folders: BTreeSet<PathBuf> =
        opened.iter().map(|one| one.path.parent().unwrap_or(Path::new("")).to_owned()).collect();
    let mut blocks: BTreeMap<String, ContentBlock> = BTreeMap::new();
    for folder in folders {
        let at = if folder.as_os_str().is_empty() { Path::new(".") } else { &*folder };
        for (name, content) in Folder::at(at).blocks() {
            let tag = format!("content_blocks.${{{name}}}");
            let includes =
                |one: &&Opened| one.sources.iter().any(|source| source.text.contains(&tag));
            let including = opened.iter().filter(includes);
            let including = including.filter_map(|one| one.canvas.as_ref());
            let block = ContentBlock {
                id: name.clone(),
                name: name.clone(),
                content,
                description: String::new(),
                tags: Vec::new(),
                created_ms: 0,
                edited_ms: 0,
                included_by: including.map(|canvas| canvas.head.name.to_string()).collect(),
            };
            blocks.entry(name).or_insert(block);
        }
    }
    blocks.into_values().collect()
}

/// When the file was last changed, if the system knows.
fn edited_ms(path: &Path) -> i64 {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    let since = modified.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0)
}
