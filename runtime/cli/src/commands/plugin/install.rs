//! `flowrun plugin install`: a library into the plugin folder, with a manifest.

use std::path::PathBuf;

use anyhow::{anyhow, bail};
use clap::Args;
use flowrun_loader::{Folder, Plugin};

use crate::console::{Console, printable};
use crate::exit::Exit;
use crate::plugins::Plugins;

const EXAMPLES: &str = "\
Examples:
  flowrun plugin install target/release/libtier_split.so
  flowrun plugin install libtier_split.so --plugins ./plugins   into a folder of your choice

The manifest NAME.plugin.json holds what the plugin says of itself and its SHA-256. A library
that is not what was installed is not loaded.";

/// Put a plugin into the plugin folder
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Install {
    /// The library
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    plugins: Plugins,
}

impl Install {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let (folder, _) = self.plugins.place().ok_or_else(|| {
            anyhow!("there is no home to install into: name a folder with --plugins DIR")
        })?;
        let plugin = Plugin::open(&self.file, &self.plugins.apart()?)?;
        let name = plugin.name();
        if flowrun_steps::catalogue().get(name).is_some() {
            bail!("a built-in step is called `{name}`: give the plugin another name")
        }
        let installed = Folder::install(&folder, &plugin)?;
        let kind = installed.description().kind().word();
        let shown = printable(&installed.file().display().to_string());
        console.line(&format!("installed the {kind} `{name}` as {shown}"))?;
        Ok(Exit::Done)
    }
}
