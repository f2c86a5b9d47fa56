//! The plugins that a command may use: those named on the command line, and those of the
//! plugin folder.
//!
//! A file that is named is loaded on the word of who named it. The folder is `--plugins`, else
//! what `FLOWRUN_PLUGINS` names, else one of the user's own; never one beside a Canvas, since a
//! folder of Canvases that somebody sent must not bring code along.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use flowrun_loader::{Description, Folder, Installed, Isolation, Options, Plugin, PluginChannel};

use serde_json::Value as Json;

use crate::config::plugins::Plugin as Configured;
use crate::console::{Console, printable};
use crate::plugin_backend::Outsourced;
use crate::sdk::{Catalogue, Fault, Objects};
use crate::track::{Array, compose};

/// The variable that names the plugin folder.
const VARIABLE: &str = "FLOWRUN_PLUGINS";

/// Which plugins there are.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Plugins")]
pub struct Plugins {
    /// Load a plugin from this file, on your own word that it does no harm; can be repeated
    #[arg(long = "plugin", value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// The folder of installed plugins [default: $FLOWRUN_PLUGINS, else
    /// ~/.local/share/flowrun/plugins]
    #[arg(long = "plugins", value_name = "DIR")]
    pub folder: Option<PathBuf>,

    /// Whether plugins run in this process (fast) or in processes of their own (a crash then
    /// fails its visits and nothing else) [default: as flowrun.toml says, else none]
    #[arg(long = "plugin-isolation", value_name = "KIND", value_enum)]
    pub isolation: Option<Isolated>,

    /// How long one call of a plugin may take before it is taken to hang: 500ms, 10s
    /// [default: as flowrun.toml says, else 10s]
    #[arg(long = "plugin-timeout", value_name = "LENGTH", value_parser = patience)]
    pub patience: Option<Duration>,
}

/// Where plugins run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Isolated {
    #[default]
    None,
    Process,
}

impl Plugins {
    /// The built-in kinds of steps and those of plugins. What is wrong with a plugin that
    /// nobody named is a note: no Canvas may need it.
    pub fn catalogue(&self, console: &Console) -> anyhow::Result<Catalogue> {
        self.catalogue_for(&BTreeMap::new(), console)
    }

    /// The same, with plugins run as `flowrun.toml` says.
    pub fn catalogue_for(
        &self,
        configured: &BTreeMap<String, Configured>,
        console: &Console,
    ) -> anyhow::Result<Catalogue> {
        let mut catalogue = flowrun_steps::catalogue();
        for file in &self.files {
            let plugin = Arc::new(self.open(file, configured)?);
            let Some(kind) = plugin.step_kind() else { continue };
            let shown = printable(&file.display().to_string());
            catalogue.add(kind).map_err(|why| anyhow!("can't use the plugin `{shown}`: {why}"))?;
        }
        for installed in self.installed(console)? {
            let options = self.options_for(configured.get(installed.name()))?;
            let Some(kind) = installed.step_kind(&options) else { continue };
            // A file that was named stands in for what is installed.
            if self.files.is_empty() || catalogue.get(installed.name()).is_none() {
                catalogue.add(kind).unwrap_or_else(|why| {
                    let shown = printable(&installed.file().display().to_string());
                    console.note(&format!("the plugin `{shown}` is left out: {why}"));
                });
            }
        }
        Ok(catalogue)
    }

    /// The backend that is called so, with its settings.
    pub fn backend(
        &self,
        name: &str,
        configured: &BTreeMap<String, Configured>,
        console: &Console,
    ) -> anyhow::Result<Outsourced> {
        let (plugin, settings) = self.set(name, configured, console)?;
        let backend = plugin.backend(&settings).map_err(|faults| told(name, &faults))?;
        Ok(Outsourced::new(backend))
    }

    /// The channel that is called so, with its settings.
    pub fn channel(
        &self,
        name: &str,
        configured: &BTreeMap<String, Configured>,
        console: &Console,
    ) -> anyhow::Result<PluginChannel> {
        let (plugin, settings) = self.set(name, configured, console)?;
        plugin.channel(&settings).map_err(|faults| told(name, &faults))
    }

    /// A plugin that was named, and its settings.
    fn set(
        &self,
        name: &str,
        configured: &BTreeMap<String, Configured>,
        console: &Console,
    ) -> anyhow::Result<(Plugin, Json)> {
        let own = configured.get(name);
        let settings = own.map_or_else(|| Ok(serde_json::json!({})), Configured::settings);
        let settings = settings.map_err(|why| anyhow!("[plugin.{name}.settings]: {why}"))?;
        let plugin = self.find(name, configured, console)?.ok_or_else(|| {
            anyhow!(
                "there is no plugin `{name}`: install it with `flowrun plugin install FILE`, or \
                 name its file with --plugin"
            )
        })?;
        Ok((plugin, settings))
    }

    fn find(
        &self,
        name: &str,
        configured: &BTreeMap<String, Configured>,
        console: &Console,
    ) -> anyhow::Result<Option<Plugin>> {
        for file in &self.files {
            let plugin = self.open(file, configured)?;
            if plugin.name() == name {
                return Ok(Some(plugin));
            }
        }
        let installed = self.installed(console)?.into_iter().find(|one| one.name() == name);
        let Some(installed) = installed else { return Ok(None) };
        Ok(Some(installed.load(&self.options_for(configured.get(name))?)?))
    }

    /// What all plugins say of themselves.
    pub fn described(&self, console: &Console) -> anyhow::Result<Vec<Description>> {
        let options = self.apart()?;
        let named = self.files.iter().map(|file| Plugin::open(file, &options));
        let mut described = Vec::new();
        for plugin in named {
            described.push(plugin?.description().clone());
        }
        let installed = self.installed(console)?;
        described.extend(installed.iter().map(|installed| installed.description().clone()));
        Ok(described)
    }

    /// What is installed; a folder that was named has to be there.
    pub fn installed(&self, console: &Console) -> anyhow::Result<Vec<Installed>> {
        let (path, named) = match self.place() {
            Some(place) => place,
            None => return Ok(Vec::new()),
        };
        if !named && !path.exists() {
            return Ok(Vec::new());
        }
        let folder = Folder::open(&path).context("can't use the plugin folder")?;
        let all = folder.plugins().into_iter().filter_map(|found| {
            found.inspect_err(|error| console.note(&format!("a plugin is left out: {error}"))).ok()
        });
        Ok(all.collect())
    }

    /// The plugin folder, and whether somebody named it.
    pub fn place(&self) -> Option<(PathBuf, bool)> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let named = self.folder.clone().or_else(|| variable(VARIABLE).map(PathBuf::from));
        if let Some(folder) = named {
            return Some((folder, true));
        }
        let own = variable("XDG_DATA_HOME").map(PathBuf::from);
        let own = own.filter(|path| path.is_absolute());
        let own = own.or_else(|| Some(Path::new(&variable("HOME")?).join(".local/share")))?;
        Some((own.join("flowrun/plugins"), false))
    }

    /// Opens a file that was named, as its plugin is to be run. Which plugin that is has to be
    /// asked first.
    fn open(
        &self,
        file: &Path,
        configured: &BTreeMap<String, Configured>,
    ) -> anyhow::Result<Plugin> {
        let asked = Plugin::open(file, &self.apart()?)?;
        let options = self.options_for(configured.get(asked.name()))?;
        Ok(Plugin::open(file, &options)?)
    }

    /// How a file of which nothing is known is asked what it is: in a process of its own, so that
    /// one that hangs or crashes while it is opened does so there.
    pub fn apart(&self) -> anyhow::Result<Options> {
        let options = self.options()?;
        if cfg!(not(unix)) {
            return Ok(options);
        }
        Ok(Options { isolation: process()?, ..options })
    }

    /// How plugins are run.
    pub fn options(&self) -> anyhow::Result<Options> {
        self.options_for(None)
    }

    /// How this one is run: the command line comes before the file.
    fn options_for(&self, configured: Option<&Configured>) -> anyhow::Result<Options> {
        let isolation = self.isolation.or(configured.and_then(|one| one.isolation));
        let isolation = match isolation.unwrap_or_default() {
            Isolated::None => Isolation::None,
            Isolated::Process => process()?,
        };
        let mut options = Options { isolation, compose: Arc::new(objects), ..Options::default() };
        let patience = self.patience.or(configured.and_then(|one| one.timeout));
        options.patience = patience.unwrap_or(options.patience);
        Ok(options)
    }
}

/// What a plugin says of the settings it was given.
fn told(name: &str, faults: &[Fault]) -> anyhow::Error {
    let told = faults.iter().map(|fault| {
        let at = fault.at.trim_start_matches('/').replace('/', ".");
        let at = if at.is_empty() { at } else { format!(" {at}") };
        format!("[plugin.{name}.settings]{at}: {}", printable(&fault.message))
    });
    anyhow!("{}", told.collect::<Vec<_>>().join("\n"))
}

/// This program again, which then serves a plugin.
fn process() -> anyhow::Result<Isolation> {
    let program = std::env::current_exe().context("can't find this program to start it again")?;
    Ok(Isolation::Process(vec![program.into(), "plugin-host".into()]))
}

/// The objects of a plugin's User Update, held to what the built-in step is held to.
fn objects(json: &str) -> Result<Objects, String> {
    let composed = compose(json).map_err(|error| error.to_string())?;
    let texts = |array| {
        let objects = composed.objects(array).iter();
        objects.map(|object| serde_json::json!(object).to_string().into()).collect()
    };
    Ok(Objects {
        attributes: texts(Array::Attributes),
        events: texts(Array::Events),
        purchases: texts(Array::Purchases),
    })
}

pub fn patience(text: &str) -> Result<Duration, String> {
    // A step that takes half a second is slow, so that seconds are too coarse here.
    if let Some(ms) = text.strip_suffix("ms").and_then(|ms| ms.trim().parse().ok()) {
        return match ms {
            0 => Err("a plugin needs some time".to_owned()),
            ms => Ok(Duration::from_millis(ms)),
        };
    }
    let length: crate::sdk::Duration =
        text.parse().map_err(|error: crate::sdk::BadDuration| error.to_string())?;
    match u64::try_from(length.as_millis().0) {
        Ok(ms) if ms > 0 => Ok(Duration::from_millis(ms)),
        _ => Err("a plugin needs some time".to_owned()),
    }
}
