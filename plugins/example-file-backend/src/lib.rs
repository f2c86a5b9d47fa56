//! A profile backend that appends what is written to a file, a line of JSON for each object.
//!
//! ```toml
//! [backend]
//! url = "plugin:file_backend"
//!
//! [plugin.file_backend.settings]
//! path = "profiles.ndjson"
//! ```
//!
//! Users are held until their lines are on the disk. Every line has the key of its write, and
//! what is already in the file is not written again: a write that comes a second time, after a
//! crash or a lost answer, changes nothing. That is what `remembers_keys` promises.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::sync::Mutex;

use flowrun_sdk::backend::{About, Backend, Batch, Declaration, Object, Outcome, Reply};
use flowrun_sdk::{Fault, Millis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The file to append to; made if it isn't there.
    path: PathBuf,
}

pub struct FileBackend {
    store: Mutex<Store>,
}

struct Store {
    file: File,
    /// Which objects are in: the write's key, and the object's number in it.
    written: HashSet<(String, u32)>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    user: &'a str,
    array: &'a str,
    key: &'a str,
    number: u32,
    #[serde(borrow)]
    object: &'a RawValue,
}

impl Backend for FileBackend {
    type Settings = Settings;

    fn declare() -> Declaration {
        let about = About {
            attributes: 1000,
            events: 1000,
            purchases: 1000,
            // Lines of two batches would take turns for the disk anyway.
            in_flight: 1,
            remembers_keys: true,
            ..About::default()
        };
        Declaration::new("file_backend", "Append what is written to a file.").about(about)
    }

    fn create(settings: Settings) -> Result<FileBackend, Vec<Fault>> {
        let fault = |error: std::io::Error| {
            vec![Fault::error(
                "/path",
                format!("can't open `{}`: {error}", settings.path.display()),
            )]
        };
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(&settings.path);
        let mut file = file.map_err(fault)?;
        let mut written = HashSet::new();
        let mut ends_in_a_line = true;
        for line in BufReader::new(&file).split(b'\n') {
            let line = line.map_err(fault)?;
            // What a crash cut off was never acknowledged; it comes again.
            let read = serde_json::from_slice::<Line>(&line);
            ends_in_a_line = line.is_empty() || read.is_ok();
            if let Ok(line) = read {
                written.insert((line.key.to_owned(), line.number));
            }
        }
        if !ends_in_a_line {
            file.write_all(b"\n").map_err(fault)?;
        }
        Ok(FileBackend { store: Mutex::new(Store { file, written }) })
    }

    fn commit(&self, batch: &Batch<'_>) -> Reply {
        // A panic in here leaves at most keys unknown: their objects come again.
        let mut store = self.store.lock().unwrap_or_else(|broken| broken.into_inner());
        let (mut lines, mut new, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
        for object in &batch.objects {
            let name = (object.key.to_owned(), object.number);
            if store.written.contains(&name) {
                outcomes.push(Outcome::Applied);
                continue;
            }
            match line(object) {
                Ok(line) => {
                    lines.extend_from_slice(&line);
                    new.push(name);
                    outcomes.push(Outcome::Applied);
                }
                Err(error) => outcomes.push(Outcome::Refused(format!("it is no JSON: {error}"))),
            }
        }
        // One write and one sync for the whole batch: that is what batches are for.
        let appended = store.file.write_all(&lines).and_then(|()| store.file.sync_data());
        match appended {
            Ok(()) => {
                store.written.extend(new);
                Reply { outcomes, pause: None }
            }
            // Some lines may be in: under their keys the next attempt does no harm.
            Err(error) => {
                let cause = format!("the file can't be written: {error}");
                let after = Some(Millis::from_secs(1));
                Reply::all(batch, Outcome::Retry { after, cause })
            }
        }
    }
}

fn line(object: &Object<'_>) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Line {
        user: object.user,
        array: object.array.word(),
        key: object.key,
        number: object.number,
        object: serde_json::from_str(object.json)?,
    })?;
    line.push(b'\n');
    Ok(line)
}

flowrun_sdk::export_backend!(FileBackend);

#[cfg(test)]
mod tests {
    use flowrun_sdk::backend::Array;

    use super::*;

    fn object<'a>(user: &'a str, key: &'a str, json: &'a str) -> Object<'a> {
        Object { array: Array::Attributes, user, key, number: 0, attempt: 1, json }
    }

    fn batch<'a>(objects: &[Object<'a>]) -> Batch<'a> {
        Batch { now: Millis(0), objects: objects.to_vec() }
    }

    #[test]
    fn a_write_that_comes_again_changes_nothing_even_after_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profiles.ndjson");
        let open = || FileBackend::create(Settings { path: path.clone() }).unwrap();
        let (ada, bo) = (object("ada", "k1", "{\"vip\":true}"), object("bo", "k2", "{\"n\":1}"));
        let applied = |count| Reply { outcomes: vec![Outcome::Applied; count], pause: None };
        let backend = open();
        assert_eq!(backend.commit(&batch(&[ada])), applied(1));
        assert_eq!(backend.commit(&batch(&[ada, bo])), applied(2));
        drop(backend);
        // A crash in the middle of a line.
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"user\":\"cy").unwrap();
        assert_eq!(open().commit(&batch(&[bo, object("cy", "k3", "{}")])), applied(2));
        let text = std::fs::read_to_string(&path).unwrap();
        for user in ["ada", "bo"] {
            assert_eq!(text.matches(&format!("{{\"user\":\"{user}\"")).count(), 1, "{text}");
        }
        assert!(
            text.contains("\n{\"user\":\"cy\",\"array\":\"attributes\",\"key\":\"k3\""),
            "{text}"
        );
    }

    #[test]
    fn an_object_that_is_no_json_hurts_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let backend = FileBackend::create(Settings { path: folder.path().join("p") }).unwrap();
        let reply = backend.commit(&batch(&[object("a", "1", "{"), object("b", "2", "{}")]));
        assert!(matches!(reply.outcomes[..], [Outcome::Refused(_), Outcome::Applied]));
    }

    #[test]
    fn a_path_that_can_not_be_opened_is_told_at_load() {
        let faults = FileBackend::create(Settings { path: "/no/such/folder/p".into() });
        assert_eq!(faults.err().unwrap()[0].at, "/path");
    }
}
