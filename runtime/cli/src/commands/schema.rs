//! `flowrun schema`: the JSON Schema of Canvas files and of test files, for editors.

use clap::Args;

use crate::console::Console;
use crate::exit::Exit;
use crate::plugins::Plugins;

const EXAMPLES: &str = "\
Examples:
  flowrun schema > flows/canvas.schema.json
  flowrun schema --test > flows/test.schema.json

and then, as the first line of a Canvas, or of a test file:
  # yaml-language-server: $schema=./canvas.schema.json
  # yaml-language-server: $schema=./test.schema.json";

/// Print the JSON Schema of Canvas files, or of test files
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Schema {
    /// The schema of test files (`*.test.yaml`)
    #[arg(long)]
    test: bool,

    /// A schema is JSON anyway
    #[arg(long, hide = true)]
    json: bool,

    #[command(flatten)]
    plugins: Plugins,
}

impl Schema {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let schema = match self.test {
            true => flowrun_canvas::test_file::schema(),
            false => flowrun_canvas::schema(&self.plugins.catalogue(console)?),
        };
        console.line(&serde_json::to_string_pretty(&schema)?)?;
        Ok(Exit::Done)
    }
}
