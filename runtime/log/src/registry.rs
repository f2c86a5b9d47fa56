//! The Canvas versions that records speak of, as texts, in the order of their numbers.
//!
//! A record calls a version by its number ([`CanvasIx`]), so a version that anybody entered
//! must be there, under its number, for as long as the log is. Each is a file of its own,
//! which never changes: what it was made of, as it was read then. Numbers have no gaps.
//!
//! A version that nothing speaks of any more can be *retired*: it keeps its number and its texts,
//! but need not be made again. `marks.json` has the numbers of these, and of those whose file was
//! gone at the last start; without it, all are needed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use flowrun_core::{CanvasIx, Version};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::Error;
use crate::files::Dir;
use crate::folder::Folder;

/// The folder's name in the state folder.
const NAME: &str = "registry";
/// What is noted of versions beside them.
const MARKS: &str = "marks.json";
const FORMAT: u64 = 1;
/// Versions that numbers can tell apart; the last number stands for none.
const MOST: usize = u16::MAX as usize;

/// A version, with all that is needed to make it again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// The Canvas's name.
    pub canvas: String,
    pub version: Version,
    /// Where it was read from, for messages.
    pub path: String,
    pub text: String,
    /// Files that it names, by the names it has for them.
    pub files: BTreeMap<String, String>,
    /// Content Blocks that it includes.
    pub blocks: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u64,
    checksum: u64,
    kept: Kept,
}

/// What may change about versions.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Marks {
    format: u64,
    /// Numbers of those that nothing speaks of any more.
    retired: BTreeSet<u16>,
    /// Numbers of newest versions whose file is gone.
    closed: BTreeSet<u16>,
}

impl Kept {
    /// Whether it is made of the same texts.
    pub fn is_made_like(&self, other: &Kept) -> bool {
        self.text == other.text && self.files == other.files && self.blocks == other.blocks
    }

    fn checksum_of_texts(&self) -> u64 {
        let mut hash = Xxh3::new();
        let mut take = |text: &str| {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        take(&self.text);
        for (name, text) in self.files.iter().chain(&self.blocks) {
            take(name);
            take(text);
        }
        hash.digest()
    }
}

/// All versions that there ever were in a state folder.
#[derive(Debug)]
pub struct Registry {
    place: String,
    dir: Dir,
    versions: Vec<Kept>,
    marks: Marks,
}

impl Registry {
    /// Reads the registry of a state folder.
    ///
    /// # Errors
    /// If it can't be read, is of another format, or a version is damaged or missing.
    pub fn open(folder: &Folder) -> Result<Registry, Error> {
        let place = format!("the registry of Canvas versions in {}", folder.path().display());
        let (dir, marks) = (folder.dir().dir(NAME), Marks::default());
        let mut registry = Registry { place, dir, versions: Vec::new(), marks };
        registry.dir.create().map_err(|error| registry.unopened(&error))?;
        // A version that is read here is one that records may speak of from now on, even if whoever
        // put it there died before its name was durable.
        registry.dir.sync().map_err(|error| registry.unopened(&error))?;
        let numbers = registry.numbers().map_err(|error| registry.unopened(&error))?;
        for (number, expected) in numbers.into_iter().zip(0..) {
            if number != expected {
                return Err(registry.damaged(format!("`{}` is missing", file(expected))));
            }
            let kept = registry.read(number)?;
            registry.versions.push(kept);
        }
        registry.marks = registry.read_marks()?;
        Ok(registry)
    }

    /// In the order of their numbers.
    pub fn versions(&self) -> &[Kept] {
        &self.versions
    }

    /// The newest version of a Canvas.
    pub fn newest(&self, canvas: &str) -> Option<(CanvasIx, &Kept)> {
        let at = self.versions.iter().rposition(|kept| kept.canvas == canvas)?;
        Some((CanvasIx(at as u16), &self.versions[at]))
    }

    /// Keeps a version under the next number. When this returns, it survives.
    ///
    /// # Errors
    /// If it can't be written, or there are no numbers left.
    pub fn add(&mut self, kept: Kept) -> Result<CanvasIx, Error> {
        let number = self.versions.len();
        if number >= MOST {
            return Err(Error::Versions { place: self.place.clone(), most: MOST });
        }
        let stored = Stored { format: FORMAT, checksum: kept.checksum_of_texts(), kept };
        let bytes = serde_json::to_vec_pretty(&stored).expect("texts are plain data");
        self.dir.replace(&file(number), &bytes).map_err(|error| self.unopened(&error))?;
        self.versions.push(stored.kept);
        Ok(CanvasIx(number as u16))
    }

    /// Whether nothing speaks of a version any more.
    pub fn is_retired(&self, canvas: CanvasIx) -> bool {
        self.marks.retired.contains(&canvas.0)
    }

    /// Whether it is of a Canvas whose file was gone at the last start.
    pub fn is_closed(&self, canvas: CanvasIx) -> bool {
        self.marks.closed.contains(&canvas.0)
    }

    /// Notes which Canvases have no file any more, by their newest versions.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn close(&mut self, canvases: impl IntoIterator<Item = CanvasIx>) -> Result<(), Error> {
        let closed = canvases.into_iter().map(|canvas| canvas.0).collect();
        self.mark(Marks { closed, ..self.marks.clone() })
    }

    /// Keeps in mind that nothing speaks of these versions: no record, no snapshot but by their
    /// number, and nobody who may enter.
    ///
    /// # Errors
    /// If it can't be written; then none is retired that wasn't.
    pub fn retire(&mut self, canvases: impl IntoIterator<Item = CanvasIx>) -> Result<(), Error> {
        let more = canvases.into_iter().map(|canvas| canvas.0);
        let retired = self.marks.retired.iter().copied().chain(more).collect();
        self.mark(Marks { retired, ..self.marks.clone() })
    }

    /// Takes that back, before anybody enters. When this returns, it survives.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn revive(&mut self, canvas: CanvasIx) -> Result<(), Error> {
        let mut marks = self.marks.clone();
        marks.retired.remove(&canvas.0);
        self.mark(marks)
    }

    fn mark(&mut self, marks: Marks) -> Result<(), Error> {
        if marks == self.marks {
            return Ok(());
        }
        let marks = Marks { format: FORMAT, ..marks };
        let bytes = serde_json::to_vec(&marks).expect("numbers are plain data");
        self.dir.replace(MARKS, &bytes).map_err(|error| self.unopened(&error))?;
        self.marks = marks;
        Ok(())
    }

    fn read_marks(&self) -> Result<Marks, Error> {
        let bytes = self.dir.read(MARKS).map_err(|error| self.unopened(&error))?;
        let Some(bytes) = bytes else {
            return Ok(Marks { format: FORMAT, ..Marks::default() });
        };
        let read = serde_json::from_slice::<Marks>(&bytes).ok().filter(|read| {
            let mut all = read.retired.iter().chain(&read.closed);
            all.all(|number| usize::from(*number) < self.versions.len())
        });
        match read {
            Some(marks) if marks.format == FORMAT => Ok(marks),
            Some(Marks { format: found, .. }) => {
                Err(Error::Format { place: self.place.clone(), found, known: FORMAT })
            }
            None => Err(self.damaged(format!("`{MARKS}` can't be read"))),
        }
    }

    fn numbers(&self) -> io::Result<Vec<usize>> {
        let names = self.dir.files().names(self.dir.path())?;
        // What was being written when the power went was never spoken of by a record.
        let number = |name: &String| name.strip_suffix(".json")?.parse::<usize>().ok();
        let mut numbers: Vec<usize> = names.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn read(&self, number: usize) -> Result<Kept, Error> {
        let name = file(number);
        let bytes = self.dir.read(&name).map_err(|error| self.unopened(&error))?;
        let stored: Option<Stored> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let Some(stored) = stored else {
            return Err(self.damaged(format!("`{name}` can't be read")));
        };
        if stored.format != FORMAT {
            let place = self.place.clone();
            return Err(Error::Format { place, found: stored.format, known: FORMAT });
        }
        if stored.checksum != stored.kept.checksum_of_texts() {
            return Err(self.damaged(format!("the checksum of `{name}` is wrong")));
        }
        Ok(stored.kept)
    }

    fn unopened(&self, error: &io::Error) -> Error {
        Error::Unopened { place: self.place.clone(), cause: error.to_string() }
    }

    fn damaged(&self, fault: String) -> Error {
        Error::Damaged { place: self.place.clone(), fault }
    }
}

fn file(number: usize) -> String {
    format!("{number:05}.json")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::folder::Begin;

    fn kept(canvas: &str, text: &str) -> Kept {
        let one = |name: &str| BTreeMap::from([(name.to_owned(), text.to_owned())]);
        let (canvas, path) = (canvas.to_owned(), format!("flows/{canvas}.yaml"));
        let (files, blocks) = (one("body.liquid"), one("foot"));
        Kept { canvas, version: Version(7), path, text: text.to_owned(), files, blocks }
    }

    fn open(dir: &tempfile::TempDir) -> Result<Registry, Error> {
        Registry::open(&Folder::open(&dir.path().join("state"), Begin::As("a"))?)
    }

    #[test]
    fn versions_come_back_under_their_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let all = [kept("a", "one"), kept("b", "one"), kept("a", "two")];
        let mut registry = open(&dir).unwrap();
        for (kept, number) in all.iter().zip(0..) {
            assert_eq!(registry.add(kept.clone()).unwrap(), CanvasIx(number));
        }
        let registry = open(&dir).unwrap();
        assert_eq!(registry.versions(), all);
        assert_eq!(registry.newest("a"), Some((CanvasIx(2), &all[2])));
        assert_eq!(registry.newest("c"), None);
        assert!(all[0].is_made_like(&kept("other", "one")) && !all[0].is_made_like(&all[2]));
    }

    #[test]
    fn what_is_missing_or_changed_is_not_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let mut registry = open(&dir).unwrap();
        for text in ["one", "two"] {
            registry.add(kept("a", text)).unwrap();
        }
        let (first, second) =
            (registry.dir.path().join(file(0)), registry.dir.path().join(file(1)));
        fs::write(registry.dir.path().join("00002.new"), "half").unwrap();
        assert_eq!(open(&dir).unwrap().versions().len(), 2);
        let written = fs::read_to_string(&second).unwrap();
        for (text, expected) in [
            (written.replace("two", "six"), "the checksum of `00001.json` is wrong"),
            (written.replace("\"format\": 1", "\"format\": 2"), "written in format 2"),
            (written[..40].to_owned(), "`00001.json` can't be read"),
        ] {
            fs::write(&second, text).unwrap();
            let error = open(&dir).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        fs::write(&second, written).unwrap();
        fs::remove_file(first).unwrap();
        let error = open(&dir).unwrap_err().to_string();
        assert!(error.contains("`00000.json` is missing"), "{error}");
    }

    #[test]
    fn who_is_retired_stays_so_until_revived() {
        let dir = tempfile::tempdir().unwrap();
        let mut registry = open(&dir).unwrap();
        for text in ["one", "two", "three"] {
            registry.add(kept("a", text)).unwrap();
        }
        let retired = |registry: &Registry| [0, 1, 2].map(|at| registry.is_retired(CanvasIx(at)));
        registry.retire([CanvasIx(0)]).unwrap();
        registry.retire([CanvasIx(1)]).unwrap();
        let mut registry = open(&dir).unwrap();
        assert_eq!((registry.versions().len(), retired(&registry)), (3, [true, true, false]));
        registry.revive(CanvasIx(1)).unwrap();
        registry.close([CanvasIx(2)]).unwrap();
        let again = open(&dir).unwrap();
        assert_eq!(retired(&again), [true, false, false]);
        assert_eq!([1, 2].map(|at| again.is_closed(CanvasIx(at))), [false, true]);
        let file = registry.dir.path().join(MARKS);
        for (text, expected) in [
            (r#"{"format":1,"retired":[3],"closed":[]}"#, "`marks.json` can't be read"),
            ("{", "`marks.json` can't be read"),
            (r#"{"format":2,"retired":[],"closed":[]}"#, "written in format 2"),
        ] {
            fs::write(&file, text).unwrap();
            let error = open(&dir).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
