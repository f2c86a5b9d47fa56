//! Recovery asks no step: what was decided is in the log, and a step that would decide
//! otherwise now, or can't decide at all any more, changes nothing of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use flowrun_canvas::{NoFiles, Source, load};
use flowrun_engine::clock::Anchored;
use flowrun_engine::core::sdk::{
    Catalogue, Cohort, Decision, Declaration, Door, Fault, Kind, Step, Visit, schemars, serde,
};
use flowrun_engine::core::{Canvas, Millis};
use flowrun_engine::log::Embedded;
use flowrun_engine::profile_backends::Memory;
use flowrun_engine::{Channels, Engine, Local, NoAnswers, Nobody, Options, Setup, Writes};

use crate::stage::{CANVAS, Post, START};

/// How often the step was asked.
static ASKED: AtomicUsize = AtomicUsize::new(0);
/// Whoever asks it now has made a mistake.
static BROKEN: AtomicBool = AtomicBool::new(false);

struct Fragile;

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(crate = "serde")]
#[schemars(crate = "schemars")]
struct Nothing {}

impl Step for Fragile {
    type Settings = Nothing;

    fn declare() -> Declaration {
        Declaration::new("fragile", "Wait for a while, as long as it can be asked.")
    }

    fn create(_: Nothing) -> Result<Fragile, Vec<Fault>> {
        Ok(Fragile)
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        assert!(!BROKEN.load(Ordering::SeqCst), "a step was asked while its answer is known");
        let asked = ASKED.fetch_add(1, Ordering::SeqCst);
        match asked % 2 {
            0 => Decision::WaitUntil { until: visit.now() + Millis(60_000), then: Door::NEXT },
            _ => Decision::Go(Door::NEXT),
        }
    }

    fn decide_cohort(&self, cohort: &Cohort<'_>, decisions: &mut Vec<Decision>) {
        decisions.extend(cohort.visits().map(|visit| self.decide(visit)));
    }
}

fn catalogue() -> Catalogue {
    let mut catalogue = flowrun_steps::catalogue();
    catalogue.add(Kind::of::<Fragile>()).expect("no other step is called so");
    catalogue
}

fn canvas() -> Arc<Canvas> {
    let text = "
canvas: fragile
entry: { api: true, reentry: always }
steps:
  - id: first
    fragile: {}
  - id: note
    user_update: { json: '{\"attributes\": [{\"noted\": true}]}' }
  - id: tell
    message: { channel: email, body: through }
";
    let source = Source { path: "fragile.yaml".into(), text: text.into() };
    load(source, &catalogue(), &NoFiles).canvas.expect("a Canvas").into()
}

fn on_disk(folder: &Path, start: Millis, options: Options) -> (Engine, Post) {
    let clock = Arc::new(Anchored::at(start));
    let local = Arc::new(Local::new(Memory::default(), clock.clone()));
    let post = Post::default();
    let setup = Setup {
        canvases: vec![canvas()],
        log: Box::new(Embedded::open(folder, options.shards).expect("a log")),
        profiles: local.clone(),
        writes: Writes::Here(local),
        channels: Channels::all(Arc::new(post.clone())),
        fetch: Arc::new(NoAnswers),
        clock,
        trace: Box::new(Nobody),
    };
    (Engine::start(options, setup).expect("an engine"), post)
}

#[tokio::test(start_paused = true)]
async fn a_step_is_not_asked_again_by_a_restart() {
    for snapshot_after in [None, Some(1), Some(60)] {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options { snapshot_after, ..Options::default() };
        let (engine, _) = on_disk(folder.path(), START, options);
        for user in 0..20 {
            engine.enter(CANVAS, &format!("u{user}"), None).await.expect("there is room");
        }
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        let before = engine.status();
        assert_eq!((before.waiting, before.completed), (10, 10), "every other one waits");
        engine.stop().await.expect("it stops");
        let asked = ASKED.load(Ordering::SeqCst);
        BROKEN.store(true, Ordering::SeqCst);
        // Nobody was there when the minute was over.
        let (engine, post) = on_disk(folder.path(), START + Millis(3_600_000), options);
        let status = engine.status();
        assert_eq!((status.entered, status.waiting, status.completed), (20, 10, 10));
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
        assert_eq!(engine.status().completed, 20);
        assert_eq!(post.0.lock().expect("no panic").len(), 10, "only who waited is told");
        assert_eq!(ASKED.load(Ordering::SeqCst), asked, "snapshots after {snapshot_after:?}");
        BROKEN.store(false, Ordering::SeqCst);
        engine.stop().await.expect("it stops");
    }
}
