//! Opening Canvas files: read, loaded, and what is to be said about them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use flowrun_canvas::{Diagnostic, Files, Loaded, Source, codes, load_bytes, unreadable};

use crate::config::BackendUrl;
use crate::console::{Console, printable};
use crate::core::Canvas;
use crate::folder::{Folder, LARGEST, said};
use crate::sdk::Catalogue;

/// A file, and what it turned out to be.
pub struct Opened {
    pub path: PathBuf,
    pub canvas: Option<Canvas>,
    pub diagnostics: Vec<Diagnostic>,
    pub sources: Vec<Source>,
    /// What lay beside it and went into it.
    pub beside: Beside,
}

/// Why there is nothing to check.
enum Missing {
    /// There is no such file, or it is a folder: a slip on the command line.
    Slip(anyhow::Error),
    /// The file is there and can't be read.
    Unreadable(String),
}

/// Reads and checks a Canvas.
///
/// # Errors
/// If there is no such file. What is wrong with it or *in* it is a diagnostic.
pub fn open(path: &Path, catalogue: &Catalogue) -> anyhow::Result<Opened> {
    match read(path) {
        Ok(bytes) => Ok(checked(path, bytes, catalogue)),
        Err(Missing::Unreadable(why)) => Ok(without(path, &why)),
        Err(Missing::Slip(error)) => Err(error),
    }
}

/// The same for one of many files: not even a missing one may hide the faults of the others.
pub fn open_one_of_many(path: &Path, catalogue: &Catalogue) -> Opened {
    match read(path) {
        Ok(bytes) => checked(path, bytes, catalogue),
        Err(Missing::Unreadable(why)) => without(path, &why),
        Err(Missing::Slip(_)) if path.is_dir() => without(path, "it is a folder"),
        Err(Missing::Slip(_)) => without(path, "there is no such file"),
    }
}

/// Says how many warnings there are for a run that writes to this backend: named on the
/// command line, else configured, else the one in memory.
pub fn note_warnings(
    file: &Opened,
    named: Option<&BackendUrl>,
    configured: Option<&BackendUrl>,
    console: &Console,
) {
    // A backend that knows write keys counts nothing twice.
    let remembers = named.or(configured).is_none_or(BackendUrl::remembers_keys);
    let counts = |one: &&Diagnostic| !(remembers && one.code == codes::MAY_COUNT_TWICE);
    let count = file.diagnostics.iter().filter(counts).count();
    if count == 0 {
        return;
    }
    let (path, word) = (file.path.display(), if count == 1 { "warning" } else { "warnings" });
    let backend = named.map_or_else(String::new, |url| format!(" --backend {url}"));
    console.note(&printable(&format!(
        "{count} {word} in {path}; read them with `flowrun check {path}{backend}`"
    )));
}

fn checked(path: &Path, bytes: Vec<u8>, catalogue: &Catalogue) -> Opened {
    let shown = path.display().to_string();
    let files = Noted::new(Folder::of(path));
    opened(path, load_bytes(shown, bytes, catalogue, &files), files.beside.into_inner())
}

fn without(path: &Path, why: &str) -> Opened {
    opened(path, unreadable(path.display().to_string(), why), Beside::default())
}

fn opened(path: &Path, loaded: Loaded, beside: Beside) -> Opened {
    let Loaded { canvas, diagnostics, sources } = loaded;
    Opened { path: path.to_owned(), canvas, diagnostics, sources, beside }
}

/// Files as a Canvas names them, and Content Blocks, with their texts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Beside {
    pub files: BTreeMap<String, String>,
    pub blocks: BTreeMap<String, String>,
}

/// A folder that keeps in mind what was read of it.
struct Noted {
    folder: Folder,
    beside: RefCell<Beside>,
}

impl Noted {
    fn new(folder: Folder) -> Noted {
        Noted { folder, beside: RefCell::default() }
    }
}

impl Files for Noted {
    fn read(&self, relative: &str) -> Result<String, String> {
        let text = self.folder.read(relative)?;
        self.beside.borrow_mut().files.insert(relative.to_owned(), text.clone());
        Ok(text)
    }

    fn block(&self, name: &str) -> Option<String> {
        let text = self.folder.block(name)?;
        self.beside.borrow_mut().blocks.insert(name.to_owned(), text.clone());
        Some(text)
    }

    fn block_names(&self) -> Vec<String> {
        self.folder.block_names()
    }
}

/// What lay beside a Canvas when it was kept.
impl Files for Beside {
    fn read(&self, relative: &str) -> Result<String, String> {
        let text = self.files.get(relative).cloned();
        text.ok_or_else(|| "there was no such file when this version was kept".to_owned())
    }

    fn block(&self, name: &str) -> Option<String> {
        self.blocks.get(name).cloned()
    }

    fn block_names(&self) -> Vec<String> {
        self.blocks.keys().cloned().collect()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Missing> {
    let shown = path.display();
    if path.is_dir() {
        return Err(Missing::Slip(anyhow!(
            "`{shown}` is a folder: name a Canvas in it, or see all its faults with `flowrun check {shown}`"
        )));
    }
    let cant = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Missing::Slip(anyhow!("can't read the Canvas `{shown}`: {}", said(&error)))
        }
        _ => Missing::Unreadable(said(&error)),
    };
    // One byte more than allowed, so that the loader sees that it is too large.
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(cant)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(cant)?;
    Ok(bytes)
}
