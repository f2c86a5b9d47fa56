//! Canvas versions of a state folder: the files that are there now against those that are kept.
//!
//! A file whose text is that of the newest kept version of its Canvas is that version; any
//! other is a new one, which is kept before anybody can enter. Older versions, and those whose
//! file is gone, are made again from what is kept: their journeys end on them, and nobody
//! enters. What a version is made of decides, not its hash: a release that counts otherwise
//! makes no new versions.
//!
//! A version that nothing speaks of any more is retired at a clean stop: it isn't made again, so
//! that a plugin which only it needs may go. It keeps its number, and is made live again if its
//! file comes back as the newest of its Canvas.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{anyhow, bail};
use flowrun_canvas::{Diagnostic, Source, load};
use flowrun_engine::log::{Kept, Registry, Sequence, ShardLog};
use flowrun_engine::{StateError, StateFolder};

use crate::canvases::{Beside, Opened};
use crate::console::printable;
use crate::core::{Canvas, CanvasIx, Census};
use crate::sdk::Catalogue;

/// All versions of a state folder, by their numbers.
pub struct Versions {
    pub canvases: Vec<Arc<Canvas>>,
    /// Of Canvases whose file is gone: the newest version, which takes nobody any more.
    pub closed: Vec<CanvasIx>,
}

impl Versions {
    /// Those of files alone, where nothing is kept. The Canvases are taken out of what was opened.
    pub fn of_files(opened: &mut [Opened]) -> Versions {
        let canvases = opened.iter_mut().filter_map(|one| one.canvas.take());
        Versions { canvases: canvases.map(Arc::new).collect(), closed: Vec::new() }
    }
}

/// Makes every version that is kept, as it was: for who looks at a folder without a server.
pub fn kept(state: &StateFolder, catalogue: &Catalogue) -> anyhow::Result<Vec<Arc<Canvas>>> {
    let all = 0..state.registry.versions().len();
    all.map(|number| again(state, number, catalogue)).collect()
}

/// Sets the Canvases of files beside what is kept, and keeps what is new. The Canvases are
/// taken out of what was opened.
pub fn settle(
    state: &mut StateFolder,
    opened: &mut [Opened],
    catalogue: &Catalogue,
) -> anyhow::Result<Versions> {
    let mut canvases: Vec<Option<Arc<Canvas>>> = vec![None; state.registry.versions().len()];
    let mut new = Vec::new();
    let mut present = BTreeSet::new();
    for one in opened {
        let Some(mut canvas) = one.canvas.take() else { continue };
        present.insert(canvas.head.name.clone());
        let written = written(one, &canvas);
        match state.registry.newest(&written.canvas) {
            Some((at, known)) if known.is_made_like(&written) => {
                canvas.head.version = known.version;
                canvases[at.index()] = Some(Arc::new(canvas));
                state.registry.revive(at)?;
            }
            _ => new.push((written, canvas)),
        }
    }
    for (number, canvas) in canvases.iter_mut().enumerate() {
        if canvas.is_none() {
            *canvas = Some(again(state, number, catalogue)?);
        }
    }
    for (written, canvas) in new {
        state.registry.add(written)?;
        canvases.push(Some(Arc::new(canvas)));
    }
    let canvases: Vec<Arc<Canvas>> = canvases.into_iter().flatten().collect();
    let closed = canvases.iter().enumerate().filter(|(at, canvas)| {
        let name = &canvas.head.name;
        let is_newest = !canvases[at + 1..].iter().any(|later| later.head.name == *name);
        is_newest && !present.contains(name)
    });
    let closed: Vec<CanvasIx> = closed.map(|(at, _)| CanvasIx(at as u16)).collect();
    state.registry.close(closed.iter().copied())?;
    Ok(Versions { canvases, closed })
}

/// Retires what is neither entered nor spoken of any more. To be called after a clean stop, with
/// what the log still speaks of.
///
/// # Errors
/// If it can't be noted; all of it is then made again at the next start.
pub fn retire(
    registry: &mut Registry,
    entered: &BTreeSet<CanvasIx>,
    in_use: &BTreeSet<CanvasIx>,
) -> Result<(), StateError> {
    let all = (0..registry.versions().len()).map(|number| CanvasIx(number as u16));
    let over = all.filter(|canvas| !entered.contains(canvas) && !in_use.contains(canvas));
    registry.retire(over)
}

/// What a Canvas is made of.
pub fn written(opened: &Opened, canvas: &Canvas) -> Kept {
    let Beside { files, blocks } = opened.beside.clone();
    Kept {
        canvas: canvas.head.name.to_string(),
        version: canvas.head.version,
        path: opened.path.display().to_string(),
        text: opened.sources.first().map(|source| source.text.clone()).unwrap_or_default(),
        files,
        blocks,
    }
}

/// Makes a version from what is kept of it. Whoever may enter enters a newer one, if there is
/// any, and by events none of the older ones.
fn again(state: &StateFolder, number: usize, catalogue: &Catalogue) -> anyhow::Result<Arc<Canvas>> {
    let kept = &state.registry.versions()[number];
    if state.registry.is_retired(CanvasIx(number as u16)) {
        return Ok(Arc::new(Canvas::retired(kept.canvas.as_str().into(), kept.version)));
    }
    let source = Source { path: kept.path.clone(), text: kept.text.clone() };
    let beside = Beside { files: kept.files.clone(), blocks: kept.blocks.clone() };
    let loaded = load(source, catalogue, &beside);
    if let Some(mut canvas) = loaded.canvas {
        // Records, write keys and snapshots call it by the hash that it had then.
        canvas.head.version = kept.version;
        canvas.head.entry.event = None;
        return Ok(Arc::new(canvas));
    }
    let fault = loaded.diagnostics.iter().find(|one| one.is_error());
    let fault = fault.map_or("it has faults", |one: &Diagnostic| &one.message);
    let (name, version) = (printable(&kept.canvas), kept.version);
    let standing = match standing(state, CanvasIx(number as u16))? {
        0 => "nobody is on it, but its log is still read".to_owned(),
        1 => "1 user is on it".to_owned(),
        count => format!("{count} users are on it"),
    };
    bail!(
        "an earlier version of the Canvas `{name}` ({version}, kept in {}) can't be made any more: \
         {}; {standing}. Install again what it needs (see --plugin), and start anew; after a clean \
         stop with nobody on it, it isn't made any more",
        state.holder.path().join("registry").display(),
        printable(fault),
    )
}

/// How many journeys have not ended of a version that can't be made, so that no shard can be
/// asked.
fn standing(state: &StateFolder, canvas: CanvasIx) -> anyhow::Result<u64> {
    let mut count = 0;
    for shard in state.shards() {
        let snapshot = state.log.latest_snapshot(shard)?;
        let upto = snapshot.as_ref().map_or(0, |snapshot| snapshot.upto.0);
        let mut census = Census::default();
        if let Some(snapshot) = snapshot {
            census = Census::of(&snapshot.bytes).map_err(|why| anyhow!("{why}"))?;
        }
        for read in state.log.read_from(shard, Sequence(upto + 1))? {
            census.take(&read?.1);
        }
        count += census.on(canvas);
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvases;

    const FIRST: &str =
        "canvas: vip\nsteps:\n  - id: a\n    message: { channel: email, body_file: a.txt }\n";
    const SECOND: &str = "canvas: vip\nsteps:\n  - id: b\n    delay: { for: 1h }\n";

    struct Desk {
        dir: tempfile::TempDir,
    }

    impl Desk {
        fn new() -> Desk {
            Desk { dir: tempfile::tempdir().unwrap() }
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.dir.path().join(name), text).unwrap();
        }

        /// Opens the folder with these files, and tells each version as `name/first step`.
        fn settle(&self, files: &[&str], catalogue: &Catalogue) -> anyhow::Result<Vec<String>> {
            self.settle_and_retire(files, catalogue, &[0, 1, 2, 3, 4])
        }

        /// The same, and stops where these versions are still spoken of.
        fn settle_and_retire(
            &self,
            files: &[&str],
            catalogue: &Catalogue,
            in_use: &[u16],
        ) -> anyhow::Result<Vec<String>> {
            let mut state = StateFolder::open(&self.dir.path().join("state"), 1, "a")?;
            drop(state.rows(Default::default(), &mut |_| {})?);
            let all = flowrun_steps::catalogue();
            let open = |name: &&str| canvases::open(&self.dir.path().join(name), &all).unwrap();
            let mut opened: Vec<Opened> = files.iter().map(open).collect();
            let Versions { canvases, closed } = settle(&mut state, &mut opened, catalogue)?;
            let in_use = in_use.iter().map(|number| CanvasIx(*number)).collect();
            let newest = |name: &str| canvases.iter().rposition(|one| *one.head.name == *name);
            let entered = canvases.iter().filter_map(|one| newest(&one.head.name));
            let entered = entered.map(|at| CanvasIx(at as u16));
            let entered = entered.filter(|at| !closed.contains(at)).collect();
            retire(&mut state.registry, &entered, &in_use)?;
            let shown = canvases.iter().enumerate().map(|(at, canvas)| {
                let is_closed = closed.contains(&CanvasIx(at as u16));
                let step = &canvas.node(canvas.start()).id;
                format!("{}/{step}{}", canvas.head.name, if is_closed { " closed" } else { "" })
            });
            Ok(shown.collect())
        }
    }

    #[test]
    fn every_change_is_a_version_and_nothing_else_is() {
        let (desk, all) = (Desk::new(), flowrun_steps::catalogue());
        desk.write("a.txt", "hello");
        desk.write("vip.yaml", FIRST);
        let settled = |files: &[&str]| desk.settle(files, &all).unwrap();
        assert_eq!(settled(&["vip.yaml"]), ["vip/a"]);
        assert_eq!(settled(&["vip.yaml"]), ["vip/a"], "the same file is the same version");
        desk.write("a.txt", "good day");
        assert_eq!(settled(&["vip.yaml"]), ["vip/a", "vip/a"], "what it names is a part of it");
        desk.write("vip.yaml", SECOND);
        desk.write("new.yaml", &SECOND.replace("vip", "new"));
        assert_eq!(settled(&["vip.yaml", "new.yaml"]), ["vip/a", "vip/a", "vip/b", "new/b"]);
        std::fs::remove_file(desk.dir.path().join("a.txt")).unwrap();
        let gone = ["vip/a", "vip/a", "vip/b closed", "new/b"];
        assert_eq!(settled(&["new.yaml"]), gone, "older versions are made from what is kept");
        // Back as it was once, it is still the newest.
        desk.write("a.txt", "hello");
        desk.write("vip.yaml", FIRST);
        assert_eq!(settled(&["vip.yaml"]).last().unwrap(), "vip/a");
    }

    #[test]
    fn a_version_that_nothing_speaks_of_is_not_made_again() {
        let (desk, all) = (Desk::new(), flowrun_steps::catalogue());
        let none = Catalogue::default();
        desk.write("a.txt", "hello");
        for text in [FIRST, SECOND] {
            desk.write("vip.yaml", text);
            desk.settle(&["vip.yaml"], &all).unwrap();
        }
        desk.write("new.yaml", &SECOND.replace("vip", "new"));
        let settled =
            |files: &[&str], in_use: &[u16]| desk.settle_and_retire(files, &all, in_use).unwrap();
        assert_eq!(settled(&["vip.yaml", "new.yaml"], &[2]), ["vip/a", "vip/b", "new/b"]);
        assert_eq!(settled(&["new.yaml"], &[]), ["vip/retired", "vip/b closed", "new/b"]);
        // The step of all of them is gone, and nothing speaks of any.
        let error = desk.settle(&[], &none).unwrap_err().to_string();
        assert!(error.contains("Canvas `new`"), "who was entered last is not retired: {error}");
        assert_eq!(settled(&[], &[]), ["vip/retired", "vip/retired closed", "new/b closed"]);
        let gone = ["vip/retired", "vip/retired closed", "new/retired closed"];
        assert_eq!(desk.settle(&[], &none).unwrap(), gone);
        // The file comes back: it is the same version, under the same number.
        let back = ["vip/retired", "vip/b", "new/retired closed"];
        assert_eq!(settled(&["vip.yaml"], &[]), back);
        assert_eq!(settled(&["vip.yaml"], &[]), back);
    }

    #[test]
    fn a_version_that_cannot_be_made_any_more_is_named() {
        let (desk, all) = (Desk::new(), flowrun_steps::catalogue());
        desk.write("vip.yaml", SECOND);
        desk.settle(&["vip.yaml"], &all).unwrap();
        let error = desk.settle(&[], &Catalogue::default()).unwrap_err().to_string();
        for part in ["Canvas `vip`", "can't be made any more", "`delay`", "nobody is on it"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
