//! Opening Canvas files: read, loaded, and what is to be said about them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use flowrun_canvas::{Diagnostic, Source, load};

use crate::core::Canvas;
use crate::folder::{Folder, LARGEST, said};
use crate::sdk::Catalogue;

/// A file, and what it turned out to be.
pub struct Opened {
    pub path: PathBuf,
    pub canvas: Option<Canvas>,
    pub diagnostics: Vec<Diagnostic>,
    pub sources: Vec<Source>,
}

/// Reads and checks a Canvas.
///
/// # Errors
/// If there is no such file, or none that is text. What is wrong *in* it is a diagnostic.
pub fn open(path: &Path, catalogue: &Catalogue) -> anyhow::Result<Opened> {
    let text = read(path)?;
    let source = Source { path: path.display().to_string(), text };
    let loaded = load(source, catalogue, &Folder::of(path));
    Ok(Opened {
        path: path.to_owned(),
        canvas: loaded.canvas,
        diagnostics: loaded.diagnostics,
        sources: loaded.sources,
    })
}

fn read(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    if path.is_dir() {
        bail!(
            "`{shown}` is a folder: name a Canvas in it, or see all its faults with `flowrun check {shown}`"
        )
    }
    let file = File::open(path)
        .map_err(|error| anyhow::anyhow!("can't read the Canvas `{shown}`: {}", said(&error)))?;
    // One byte more than allowed, so that the loader sees that it is too large.
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("can't read the Canvas `{shown}`"))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        // The cut may have gone through a character.
        Err(error) if error.as_bytes().len() as u64 > LARGEST => {
            Ok(String::from_utf8_lossy(error.as_bytes()).into_owned())
        }
        Err(error) => {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
            bail!("the Canvas `{shown}` is not UTF-8 text (line {line}): save it as UTF-8")
        }
    }
}
