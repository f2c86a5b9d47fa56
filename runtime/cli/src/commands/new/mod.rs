//! `flowrun new`: a Canvas to begin with, its users, and tests that pass.
//!
//! Nothing that is there already is written over: if one of the files exists, none is made.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value as Json;

use crate::console::{Console, printable};
use crate::exit::Exit;
use crate::folder::said;

const EXAMPLES: &str = "\
Examples:
  flowrun new spring_sale                 spring_sale.yaml with users and tests, here
  flowrun new spring_sale --path flows    the same in a folder

The Canvas runs and its tests pass as they are. The JSON Schemas beside it let an editor complete
and check what is written.";

/// The longest name; with its endings it is the name of a file.
const LONGEST: usize = 100;

/// Begin a Canvas: with users, and tests that pass
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct New {
    /// What the Canvas is called: small letters, digits, `_` and `-`
    name: String,

    /// The folder that the files go into [default: this one]
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
}

impl New {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let name = &self.name;
        if !is_name(name) {
            bail!(
                "a Canvas can't be called `{}`: a name begins with a small letter and has at most \
                 {LONGEST} small letters, digits, `_` and `-`",
                printable(name)
            )
        }
        let folder = self.path.clone().unwrap_or_default();
        let named = |text: &str| text.replace("NAME", name);
        let files = [
            (format!("{name}.yaml"), named(include_str!("canvas.yaml"))),
            (format!("{name}.users.ndjson"), include_str!("users.ndjson").to_owned()),
            (format!("{name}.test.yaml"), named(include_str!("test.yaml"))),
        ];
        if let Some((taken, _)) = files.iter().find(|(file, _)| folder.join(file).exists()) {
            let taken = folder.join(taken);
            bail!("`{}` is there already: nothing was written", printable(&shown(&taken)))
        }
        if !folder.as_os_str().is_empty() {
            fs::create_dir_all(&folder)
                .with_context(|| format!("can't make the folder `{}`", shown(&folder)))?;
        }
        for (file, text) in &files {
            write(&folder.join(file), text)?;
        }
        let schemas = [
            ("canvas", flowrun_canvas::schema(&flowrun_steps::catalogue())),
            ("test", flowrun_canvas::test_file::schema()),
        ];
        for (of, schema) in schemas {
            schema_beside(&folder, of, &schema)?;
        }
        let canvas = printable(&shown(&folder.join(format!("{name}.yaml"))));
        let tests = canvas.replace(".yaml", ".test.yaml");
        console.line(&format!(
            "{canvas} is there with users and tests; now:\n  flowrun {canvas}\n  flowrun test {tests}"
        ))?;
        Ok(Exit::Done)
    }
}

/// Canvases of one folder share the schema; one that is there may know more kinds.
fn schema_beside(folder: &Path, of: &str, schema: &Json) -> anyhow::Result<()> {
    let path = folder.join(format!("{of}.schema.json"));
    if path.exists() {
        return Ok(());
    }
    write(&path, &format!("{}\n", serde_json::to_string_pretty(schema)?))
}

fn is_name(name: &str) -> bool {
    name.len() <= LONGEST
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

/// Also if somebody else has made the file in the meantime, it stays theirs.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let cant = |error: std::io::Error| {
        anyhow::anyhow!("can't write `{}`: {}", printable(&shown(path)), said(&error))
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(cant)?;
    file.write_all(text.as_bytes()).map_err(cant)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
