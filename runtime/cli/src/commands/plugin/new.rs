//! `flowrun plugin new`: a project with a plugin in it.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};
use flowrun_loader::scaffold::scaffold;
use flowrun_loader::sdk::plugin::abi::PluginKind;

use crate::console::{Console, printable};
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  flowrun plugin new tier_split                a step
  flowrun plugin new crm --kind backend        a profile backend
  flowrun plugin new pigeon --kind channel     a message channel

The project builds and passes its tests as it is, wherever it lies.";

/// Begin a plugin: a project that builds, with tests and a Canvas
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct New {
    /// What the plugin is called: in Canvases, and as a folder
    name: String,

    #[arg(long, value_enum, default_value_t)]
    kind: Kind,

    /// The folder to make [default: NAME]
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Kind {
    /// A step of Canvases
    #[default]
    Step,
    /// Where profiles are written
    Backend,
    /// Where messages go
    Channel,
}

impl New {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let kind = match self.kind {
            Kind::Step => PluginKind::Step,
            Kind::Backend => PluginKind::Backend,
            Kind::Channel => PluginKind::Channel,
        };
        if flowrun_steps::catalogue().get(&self.name).is_some() {
            bail!("a built-in step is called `{}`: choose another name", self.name)
        }
        let folder = self.path.clone().unwrap_or_else(|| PathBuf::from(&self.name));
        scaffold(&self.name, kind, &folder)?;
        let shown = printable(&folder.display().to_string());
        console.line(&format!(
            "{shown} has a {} that builds; now:\n  cd {shown} && cargo test",
            kind.word()
        ))?;
        Ok(Exit::Done)
    }
}
