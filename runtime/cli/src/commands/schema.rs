//! `flowrun schema`: the JSON Schema of Canvas files, for editors.

use clap::Args;

use crate::console::Console;
use crate::exit::Exit;
use crate::plugins::Plugins;

const EXAMPLES: &str = "\
Examples:
  flowrun schema > flows/canvas.schema.json

and then, as the first line of a Canvas:
  # yaml-language-server: $schema=./canvas.schema.json";

/// Print the JSON Schema of Canvas files
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Schema {
    /// A schema is JSON anyway
    #[arg(long, hide = true)]
    json: bool,

    #[command(flatten)]
    plugins: Plugins,
}

impl Schema {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let schema = flowrun_canvas::schema(&self.plugins.catalogue(console)?);
        console.line(&serde_json::to_string_pretty(&schema)?)?;
        Ok(Exit::Done)
    }
}
