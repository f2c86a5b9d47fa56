//! The plugins that a command may use: those named on the command line, and those of the
//! plugin folder.
//!
//! A file that is named is loaded on the word of who named it. The folder is `--plugins`, else
//! what `FLOWRUN_PLUGINS` names, else one of the user's own; never one beside a Canvas, since a
//! folder of Canvases that somebody sent must not bring code along.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use flowrun_loader::{Description, Folder, Installed, Isolation, Options, Plugin};

use crate::console::{Console, printable};
use crate::sdk::{Catalogue, Objects};
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
    /// fails its visits and nothing else)
    #[arg(long = "plugin-isolation", value_name = "KIND", value_enum, default_value_t)]
    pub isolation: Isolated,

    /// How long one call of a plugin may take before it is taken to hang
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
        let mut catalogue = flowrun_steps::catalogue();
        let options = self.options()?;
        for file in &self.files {
            let plugin = Arc::new(Plugin::open(file, &options)?);
            let Some(kind) = plugin.step_kind() else { continue };
            let shown = printable(&file.display().to_string());
            catalogue.add(kind).map_err(|why| anyhow!("can't use the plugin `{shown}`: {why}"))?;
        }
        for installed in self.installed(console)? {
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

    /// What all plugins say of themselves.
    pub fn described(&self, console: &Console) -> anyhow::Result<Vec<Description>> {
        let options = self.options()?;
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

    /// How plugins are run.
    pub fn options(&self) -> anyhow::Result<Options> {
        let isolation = match self.isolation {
            Isolated::None => Isolation::None,
            Isolated::Process => process()?,
        };
        let mut options = Options { isolation, compose: Arc::new(objects), ..Options::default() };
        options.patience = self.patience.unwrap_or(options.patience);
        Ok(options)
    }
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

fn patience(text: &str) -> Result<Duration, String> {
    let length: crate::sdk::Duration =
        text.parse().map_err(|error: crate::sdk::BadDuration| error.to_string())?;
    match u64::try_from(length.as_millis().0) {
        Ok(ms) if ms > 0 => Ok(Duration::from_millis(ms)),
        _ => Err("a plugin needs some time".to_owned()),
    }
}
