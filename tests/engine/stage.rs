//! An engine with a Canvas, a backend that follows a script, and everything it did written down.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use flowrun_canvas::{NoFiles, Source, load, render_text};
use flowrun_engine::clock::{Anchored, Clock};
use flowrun_engine::core::batcher::{Answers, BatcherSettings, Reply, Request};
use flowrun_engine::core::trace::{Line, What};
use flowrun_engine::core::{Canvas, CanvasIx, Millis, Outcome, Send as Message, SendOutcome};
use flowrun_engine::core::{DeadLetter, ShardId};
use flowrun_engine::log::{
    Append, Epoch, Error, Keep, Memory as Log, Records, Sequence, ShardLog, Size, Snapshot,
};
use flowrun_engine::profile_backends::{About, Memory, ProfileBackend};
use flowrun_engine::{Channel, Channels, Engine, Local, NoAnswers, Options, Setup, Trace, Writes};

/// Friday, 27 March 2026, 10:00 UTC.
pub const START: Millis = Millis(1_774_605_600_000);

/// Writes, then tells what was written.
pub const NOTE: &str = r#"
canvas: note
entry: { api: true, reentry: always }
steps:
  - id: note
    user_update:
      json: '{"attributes": [{"visits": {"inc": 1}}]}'
    on_failure: sorry
  - id: tell
    message: { channel: email, body: "visits {{custom_attribute.${visits}}}" }
  - id: done
    exit: completed
  - id: sorry
    exit: not_noted
"#;

pub fn canvas(yaml: &str) -> Arc<Canvas> {
    let source = Source { path: "stage.yaml".into(), text: yaml.into() };
    let loaded = load(source, &flowrun_steps::catalogue(), &NoFiles);
    let report = render_text(&loaded.diagnostics, &loaded.sources, false);
    Arc::new(loaded.canvas.unwrap_or_else(|| panic!("{report}")))
}

/// How long a backend takes, and what it answers, by the number of the request from 1.
pub type Script = Box<dyn Fn(u64, &Request) -> (u64, Answers) + Send + Sync>;

pub fn applied(ms: u64) -> Script {
    Box::new(move |_, _| (ms, Answers::All(Outcome::Applied)))
}

/// A request as the backend saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub keys: Vec<u128>,
}

pub struct Scripted {
    about: About,
    script: Script,
    pub seen: Mutex<Vec<Seen>>,
    under_way: AtomicUsize,
    pub most_under_way: AtomicUsize,
}

impl Scripted {
    pub fn new(batches: BatcherSettings, script: Script) -> Scripted {
        let about = About { name: "scripted".into(), batches, remembers_keys: true };
        let (under_way, most_under_way) = Default::default();
        Scripted { about, script, seen: Mutex::default(), under_way, most_under_way }
    }
}

#[async_trait]
impl ProfileBackend for Scripted {
    fn about(&self) -> &About {
        &self.about
    }

    async fn commit(&self, request: &Request) -> Reply {
        let seen =
            Seen { keys: request.parts.iter().map(|part| part.write.key.digest()).collect() };
        let number = {
            let mut all = self.seen.lock().unwrap();
            all.push(seen);
            all.len() as u64
        };
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(now, Ordering::SeqCst);
        let (ms, answers) = (self.script)(number, request);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        Reply::new(Some(201), answers)
    }
}

/// A log that others can look at, that outlives an engine, and that fails when it is told to.
#[derive(Clone)]
pub struct Shared {
    pub log: Arc<Mutex<Log>>,
    /// So many appends are left.
    pub left: Arc<AtomicUsize>,
    /// Its disk has no space.
    pub full: Arc<AtomicBool>,
}

impl Shared {
    pub fn new() -> Shared {
        let log = Arc::new(Mutex::new(Log::new(Keep::Records)));
        Shared { log, left: Arc::new(AtomicUsize::new(usize::MAX)), full: Arc::default() }
    }

    pub fn records(&self) -> usize {
        self.log.lock().unwrap().size().unwrap().records as usize
    }
}

impl ShardLog for Shared {
    fn open(&mut self, shard: ShardId) -> Result<Epoch, Error> {
        Ok(self.log.lock().unwrap().open(shard))
    }

    fn append_all(&mut self, appends: &[Append<'_>]) -> Result<Vec<Sequence>, Error> {
        if self.full.load(Ordering::SeqCst) {
            return Err(Error::Full { place: "the log".into(), cause: "as told".into() });
        }
        let left = self.left.load(Ordering::SeqCst);
        if left == 0 {
            return Err(Error::Dropped { shard: 0, first: 0 });
        }
        self.left.store(left - 1, Ordering::SeqCst);
        self.log.lock().unwrap().append_all(appends)
    }

    fn read_from(&self, shard: ShardId, from: Sequence) -> Result<Records<'_>, Error> {
        let records = self.log.lock().unwrap().read_from(shard, from)?;
        Ok(Box::new(records.into_iter().zip(1..).map(|(record, at)| Ok((Sequence(at), record)))))
    }

    fn snapshot(&mut self, _: ShardId, _: Epoch, _: Sequence, _: &[u8]) -> Result<(), Error> {
        // The records stay, and are all that is needed.
        Ok(())
    }

    fn latest_snapshot(&self, _: ShardId) -> Result<Option<Snapshot>, Error> {
        Ok(None)
    }

    fn last(&self, shard: ShardId) -> Result<Sequence, Error> {
        self.log.lock().unwrap().last(shard)
    }

    fn size(&self) -> Result<Size, Error> {
        self.log.lock().unwrap().size()
    }
}

/// What was sent, as `user: text`.
#[derive(Clone, Default)]
pub struct Post(pub Arc<Mutex<Vec<String>>>);

impl Channel for Post {
    fn send(&self, _: Millis, messages: &[Message]) -> Vec<SendOutcome> {
        let texts = messages.iter().map(|one| format!("{}: {}", one.key.user, one.message.body));
        self.0.lock().unwrap().extend(texts);
        vec![SendOutcome::Sent; messages.len()]
    }
}

#[derive(Clone, Default)]
pub struct Lines(pub Arc<Mutex<Vec<Line>>>, pub Arc<Mutex<Vec<String>>>);

impl Trace for Lines {
    fn line(&mut self, line: &Line) {
        self.0.lock().unwrap().push(line.clone());
    }

    fn dead_letter(&mut self, letter: &DeadLetter) {
        self.1.lock().unwrap().push(format!("{}: {}", letter.key.user, letter.reason));
    }
}

pub struct Stage {
    pub engine: Engine,
    pub backend: Arc<Scripted>,
    pub post: Post,
    pub lines: Lines,
    pub log: Shared,
    pub clock: Arc<Anchored>,
}

pub const CANVAS: CanvasIx = CanvasIx(0);

impl Stage {
    pub fn new(yaml: &str, script: Script) -> Stage {
        Stage::with(yaml, Options::default(), BatcherSettings::default(), script)
    }

    pub fn with(yaml: &str, options: Options, batches: BatcherSettings, script: Script) -> Stage {
        Stage::on(Shared::new(), yaml, options, batches, script)
    }

    pub fn on(
        log: Shared,
        yaml: &str,
        options: Options,
        batches: BatcherSettings,
        script: Script,
    ) -> Stage {
        let clock = Arc::new(Anchored::at(START));
        let local = Arc::new(Local::new(Memory::default(), clock.clone()));
        let backend = Arc::new(Scripted::new(batches, script));
        let (post, lines) = (Post::default(), Lines::default());
        let setup = Setup {
            canvases: vec![canvas(yaml)],
            log: Box::new(log.clone()),
            profiles: local.clone(),
            writes: Writes::Elsewhere(backend.clone()),
            channels: Channels::all(Arc::new(post.clone())),
            fetch: Arc::new(NoAnswers),
            clock: clock.clone(),
            trace: Box::new(lines.clone()),
        };
        let engine = Engine::start(options, setup).unwrap();
        Stage { engine, backend, post, lines, log, clock }
    }

    pub async fn enter(&self, user: &str) {
        self.engine.enter(CANVAS, user, None).await.unwrap();
    }

    /// Lets virtual time pass.
    pub async fn pass(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// Lets virtual time pass until something is so.
    pub async fn until(&self, is_so: impl Fn(&Stage) -> bool) {
        for _ in 0..100_000 {
            if is_so(self) {
                return;
            }
            self.pass(10).await;
        }
        panic!("it never was so: {:?}\n{:#?}", self.engine.status(), self.kinds());
    }

    pub fn sent(&self) -> Vec<String> {
        self.post.0.lock().unwrap().clone()
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.backend.seen.lock().unwrap().clone()
    }

    /// What happened, as `kind user`, with the reason of endings.
    pub fn kinds(&self) -> Vec<String> {
        let lines = self.lines.0.lock().unwrap();
        let shown = lines.iter().map(|line| {
            let more = match &line.what {
                What::Exited { reason } => format!(" {reason}"),
                What::Advanced { via, .. } => format!(" {via}"),
                _ => String::new(),
            };
            format!("{} {}{more}", line.what.kind(), line.user.as_deref().unwrap_or("-"))
        });
        shown.collect()
    }

    pub fn now(&self) -> i64 {
        self.clock.now().0 - START.0
    }
}
