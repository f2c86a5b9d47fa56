//! What a test file names: Canvases, users, fixtures, as files around it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flowrun_canvas::test_file::{Beside, Event, START};
use flowrun_canvas::{Diagnostic, Source};
use serde_json::{Map, Value as Json};

use crate::canvases;
use crate::core::Canvas;
use crate::folder::said;
use crate::sdk::Catalogue;
use crate::simulation::Rehearsal;
use crate::simulation::outbound::Fixtures;
use crate::users::{Record, Roster};

/// The kinds of steps, and the Canvases that were opened: several test files may be about one.
pub struct Library {
    catalogue: Catalogue,
    canvases: BTreeMap<PathBuf, Arc<Canvas>>,
}

impl Library {
    pub fn new(catalogue: Catalogue) -> Library {
        Library { catalogue, canvases: BTreeMap::new() }
    }
}

/// The largest file of fixtures, in bytes.
const LARGEST: u64 = 16 << 20;

pub struct Around<'a> {
    folder: PathBuf,
    library: &'a mut Library,
    /// What is wrong with Canvases.
    pub broken: Vec<(Vec<Diagnostic>, Vec<Source>)>,
}

/// A path that a test file names, seen from here.
pub fn seen_from(test_file: &Path, path: &str) -> PathBuf {
    test_file.parent().unwrap_or(Path::new("")).join(path)
}

impl<'a> Around<'a> {
    pub fn new(test_file: &Path, library: &'a mut Library) -> Around<'a> {
        Around { folder: seen_from(test_file, ""), library, broken: Vec::new() }
    }
}

impl Beside for Around<'_> {
    fn canvas(&mut self, path: &str) -> Result<Option<Arc<Canvas>>, String> {
        let path = self.folder.join(path);
        if let Some(known) = self.library.canvases.get(&path) {
            return Ok(Some(known.clone()));
        }
        let file = std::fs::metadata(&path).map_err(|error| said(&error))?;
        if !file.is_file() {
            return Err("it is no file".to_owned());
        }
        let opened = canvases::open(&path, &self.library.catalogue);
        let opened = opened.map_err(|error| format!("{error:#}"))?;
        let Some(canvas) = opened.canvas.map(Arc::new) else {
            self.broken.push((opened.diagnostics, opened.sources));
            return Ok(None);
        };
        self.library.canvases.insert(path, canvas.clone());
        Ok(Some(canvas))
    }

    fn users(&mut self, path: &str) -> Result<BTreeSet<String>, String> {
        let mut roster = Roster::new(START);
        let path = self.folder.join(path);
        let entrants = roster.read(&path, &mut |_| ControlFlow::Continue(()));
        let entrants = entrants.map_err(|error| format!("{error:#}").replace('\n', "; "))?;
        Ok(entrants.into_iter().map(|entrant| String::from(entrant.user)).collect())
    }

    fn user(&mut self, user: &Map<String, Json>) -> Result<(), Vec<String>> {
        Record::parse(user.clone()).map(|_| ())
    }

    fn event(&mut self, event: &Event) -> Result<(), String> {
        Rehearsal::happening(START, &event.user, object_of(event)).map(|_| ())
    }

    fn fixtures(&mut self, path: &str) -> Result<(), String> {
        fixtures(&self.folder.join(path)).map(|_| ())
    }

    fn rows(&mut self, rows: &Json) -> Result<(), String> {
        Fixtures::parse(&rows.to_string()).map(|_| ()).map_err(|wrong| wrong.message)
    }
}

/// An event as an object of User Track.
pub fn object_of(event: &Event) -> Map<String, Json> {
    let mut object = Map::new();
    object.insert("name".to_owned(), event.name.as_str().into());
    if let Some(properties) = &event.properties {
        object.insert("properties".to_owned(), Json::Object(Map::clone(properties)));
    }
    object
}

/// The fixtures in a file.
pub fn fixtures(path: &Path) -> Result<Fixtures, String> {
    use std::io::Read;

    let file = std::fs::File::open(path).map_err(|error| said(&error))?;
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text).map_err(|error| said(&error))?;
    Fixtures::parse(&text).map_err(|wrong| wrong.to_string())
}
