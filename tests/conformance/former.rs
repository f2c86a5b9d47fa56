//! Files that a former release has left are read as they are, and are of this release from the
//! first write on: the former one then says so instead of misreading them.

use std::fs;
use std::path::{Path, PathBuf};

use flowrun_simulation::core::ShardId;
use flowrun_simulation::log::file::{Care, Kind, Store};
use flowrun_simulation::log::{Dir, Embedded, Sequence, ShardLog};
use flowrun_simulation::profiles::rows::{Row, Rows, RowsSettings};

/// A copy of what the first release has left.
fn left(file: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/state-1/state");
    fs::copy(fixtures.join(file), folder.path().join(file)).expect("a copy");
    folder
}

/// What a release that reads only the first format says of a file.
fn said_by_the_first(folder: &Path, file: &str) -> Option<String> {
    let place = "the file".to_owned();
    let kind = Kind { place, formats: 1..=1, care: Care::CheckAll, cache_bytes: 1 << 20 };
    Store::in_folder(&Dir::from(folder), file, kind).err().map(|error| error.to_string())
}

const REFUSED: &str = "the file is written in format 2, and this release reads format 1: use a \
                       release that reads both";

fn log(folder: &Path) -> (Embedded, Vec<String>) {
    let log = Embedded::open(folder, 1).expect("it opens");
    let shards = (0..log.shards()).map(|shard| {
        let snapshot = log.latest_snapshot(ShardId(shard)).expect("it is read");
        let first = Sequence(snapshot.as_ref().map_or(0, |snapshot| snapshot.upto.0) + 1);
        let records = log.read_from(ShardId(shard), first).expect("it is read");
        format!("{snapshot:?} {:?}", records.collect::<Result<Vec<_>, _>>().expect("in order"))
    });
    let shards = shards.collect();
    (log, shards)
}

#[test]
fn a_log_of_format_1_is_read_and_written_on() {
    let folder = left(Embedded::FILE);
    let (opened, there) = log(folder.path());
    assert!(there.iter().any(|shard| shard.contains("at:")), "{there:?}");
    drop(opened);
    assert_eq!(said_by_the_first(folder.path(), Embedded::FILE), None, "it was only read");
    let (mut opened, _) = log(folder.path());
    opened.open(ShardId(0)).expect("it is written");
    drop(opened);
    assert_eq!(said_by_the_first(folder.path(), Embedded::FILE).as_deref(), Some(REFUSED));
    assert_eq!(log(folder.path()).1, there);
}

#[test]
fn rows_of_format_1_are_taken_over() {
    let folder = left(Rows::FILE);
    assert_eq!(said_by_the_first(folder.path(), Rows::FILE), None);
    let read = || {
        let mut rows: Vec<Row> = Vec::new();
        let opened = Rows::open(folder.path(), RowsSettings::default(), &mut |row| rows.push(row));
        drop(opened.expect("it opens"));
        rows.sort_by_key(|row| format!("{row:?}"));
        rows
    };
    let there = read();
    let members = there.iter().filter(|row| matches!(row, Row::Member(..))).count();
    assert!(members > 0 && there.iter().any(|row| matches!(row, Row::Schedule(..))), "{there:?}");
    assert_eq!(said_by_the_first(folder.path(), Rows::FILE).as_deref(), Some(REFUSED));
    assert_eq!(read(), there);
}
