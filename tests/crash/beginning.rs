//! A state folder whose beginning, or whose next Canvas version, was cut off: at each write,
//! sync and rename. A file is written under another name, synced, renamed, and then its folder
//! is synced, before the next one is touched; so after a cut the files before are there, and
//! of the one under way either nothing, or a part under its other name, or all under either.

use std::fs;
use std::path::Path;

use flowrun_engine::StateFolder;
use flowrun_engine::log::{Kept, Sequence, ShardLog};
use flowrun_engine::profile_backends::rows::RowsSettings;
use flowrun_simulation::core::{ShardId, Version};

/// The files of a folder in the order in which they come to be, with the names that they are
/// written under before.
const FILES: [(&str, &str); 5] = [
    ("state.json", "state.new"),
    ("log.redb", "log.new"),
    ("directory.redb", "directory.new"),
    ("registry/00000.json", "registry/00000.new"),
    ("registry/00001.json", "registry/00001.new"),
];

/// What is left of the file under way.
#[derive(Clone, Copy, Debug)]
enum Left {
    Nothing,
    /// So many hundredths of it; the rest is missing, or was never written.
    Part(usize, Rest),
    /// All of it, under the other name.
    Unnamed,
    Named,
}

#[derive(Clone, Copy, Debug)]
enum Rest {
    Missing,
    Zeros,
}

fn version(number: u64) -> Kept {
    Kept {
        canvas: "a".into(),
        version: Version(number),
        path: "a.yaml".into(),
        text: format!("canvas: a # {number}"),
        files: Default::default(),
        blocks: Default::default(),
    }
}

/// Begins a folder, or goes on with one, until two versions are kept. Gives how many were there.
fn go_on(folder: &Path) -> Result<usize, String> {
    let said = |error: flowrun_engine::StateError| error.to_string();
    let mut state = StateFolder::open(folder, 3, "a life").map_err(said)?;
    assert_eq!(state.holder.life(), "a life");
    let rows = state.rows(RowsSettings::default(), &mut |row| panic!("a row: {row:?}"));
    drop(rows.map_err(said)?);
    assert_eq!(state.log.shards(), 3);
    for shard in state.shards().collect::<Vec<ShardId>>() {
        assert_eq!(state.log.last(shard).map_err(said)?, Sequence(0));
        state.log.open(shard).map_err(said)?;
    }
    let there = state.registry.versions().len();
    for number in there..2 {
        state.registry.add(version(number as u64)).map_err(said)?;
    }
    let expected: Vec<Kept> = (0..2).map(version).collect();
    assert_eq!(state.registry.versions(), expected);
    Ok(there)
}

fn copied(from: &Path, to: &Path, files: &[(&str, &str)]) {
    for (name, _) in files {
        fs::create_dir_all(to.join(name).parent().expect("a folder")).expect("a folder");
        fs::copy(from.join(name), to.join(name)).expect("a file");
    }
}

#[test]
fn a_folder_that_was_cut_off_at_any_moment_is_begun_or_goes_on() {
    let whole = tempfile::tempdir().expect("a folder");
    go_on(whole.path()).expect("a folder is begun");
    let mut lefts = vec![Left::Nothing, Left::Unnamed, Left::Named];
    for hundredths in [0, 1, 10, 50, 90, 99] {
        lefts.extend([Rest::Missing, Rest::Zeros].map(|rest| Left::Part(hundredths, rest)));
    }
    let mut cuts = 0;
    for at in 0..FILES.len() {
        let (name, other) = FILES[at];
        let content = fs::read(whole.path().join(name)).expect("a file");
        for left in &lefts {
            let place = format!("{name}: {left:?}");
            let folder = tempfile::tempdir().expect("a folder");
            copied(whole.path(), folder.path(), &FILES[..at]);
            let beside = folder.path().join(name);
            fs::create_dir_all(beside.parent().expect("a folder")).expect("a folder");
            match left {
                Left::Nothing => {}
                Left::Part(hundredths, rest) => {
                    let mut part = content[..content.len() * hundredths / 100].to_vec();
                    if let Rest::Zeros = rest {
                        part.resize(content.len(), 0);
                    }
                    fs::write(folder.path().join(other), part).expect("a file");
                }
                Left::Unnamed => {
                    fs::write(folder.path().join(other), &content).expect("a file");
                }
                Left::Named => {
                    fs::write(folder.path().join(name), &content).expect("a file");
                }
            }
            let there = go_on(folder.path()).unwrap_or_else(|why| panic!("{place}: {why}"));
            let named = at + usize::from(matches!(left, Left::Named));
            assert_eq!(there, named.saturating_sub(3), "{place}");
            cuts += 1;
        }
    }
    assert_eq!(cuts, 75);
}

#[test]
fn what_was_there_and_is_gone_is_missed() {
    let whole = tempfile::tempdir().expect("a folder");
    go_on(whole.path()).expect("a folder is begun");
    for (at, expected) in [
        (0, "it is no state folder"),
        (1, "`log.redb` is missing"),
        (2, "`directory.redb` is missing"),
        (3, "`00000.json` is missing"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let others: Vec<_> =
            (0..FILES.len()).filter(|one| *one != at).map(|one| FILES[one]).collect();
        copied(whole.path(), folder.path(), &others);
        let error = go_on(folder.path()).expect_err("it is not as it was");
        assert!(error.contains(expected), "{}: {error}", FILES[at].0);
    }
}
