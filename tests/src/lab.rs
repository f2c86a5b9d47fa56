//! A shard driven by hand: the test is the host, and decides what the backend answers.

use std::sync::Arc;

use flowrun_canvas::{NoFiles, Source, load, render_text};
use flowrun_simulation::core::sdk::Catalogue;
use flowrun_simulation::core::trace::Line;
use flowrun_simulation::core::{
    Canvas, CanvasIx, Context, Decided, Effect, Input, Millis, Progress, Record, Send, SendOutcome,
    Settings, Shard, Write, WriteOutcome,
};
use flowrun_simulation::profiles::Memory;

/// A shard with one Canvas, its effects collected and nothing performed.
pub struct Lab {
    pub shard: Shard,
    pub world: Memory,
    pub canvas: Arc<Canvas>,
    /// Every record so far, as a log would hold them.
    pub records: Vec<Record>,
    pub lines: Vec<Line>,
    /// Effects not yet answered.
    pub writes: Vec<Write>,
    pub sends: Vec<Send>,
    now: Millis,
    settings: Settings,
    /// Whether messages are taken at once.
    pub sends_at_once: bool,
}

/// The only Canvas of a lab.
pub const CANVAS: CanvasIx = CanvasIx(0);

impl Lab {
    /// A lab for a Canvas given as YAML.
    ///
    /// # Panics
    /// With the loader's report, if the Canvas is wrong.
    pub fn new(yaml: &str) -> Lab {
        Lab::with(yaml, flowrun_steps::catalogue())
    }

    pub fn with(yaml: &str, catalogue: Catalogue) -> Lab {
        let source = Source { path: "lab.yaml".into(), text: yaml.into() };
        let loaded = load(source, &catalogue, &NoFiles);
        let report = render_text(&loaded.diagnostics, &loaded.sources, false);
        let canvas = Arc::new(loaded.canvas.unwrap_or_else(|| panic!("{report}")));
        let settings = Settings::default();
        let mut lab = Lab {
            shard: Shard::new(settings),
            world: Memory::default(),
            canvas: canvas.clone(),
            records: Vec::new(),
            lines: Vec::new(),
            writes: Vec::new(),
            sends: Vec::new(),
            now: Millis(0),
            settings,
            sends_at_once: true,
        };
        lab.shard.trace();
        lab.shard.add_canvas(canvas);
        lab
    }

    /// Lets time pass up to a moment, in seconds since the beginning, and timers fire.
    pub fn until(&mut self, seconds: i64) {
        let end = Millis::from_secs(seconds);
        while let Some(wake) = self.shard.next_wake().filter(|wake| *wake <= end) {
            self.now = self.now.max(wake);
            self.step(Vec::new());
        }
        self.now = end;
    }

    /// Seconds since the beginning.
    pub fn now(&self) -> i64 {
        self.now.0.div_euclid(1_000)
    }

    pub fn enter(&mut self, user: &str) {
        self.enter_with(user, None);
    }

    pub fn enter_with(&mut self, user: &str, context: Option<Context>) {
        let context = context.map(Arc::new);
        self.step(vec![Input::Enter { canvas: CANVAS, user: user.into(), context }]);
    }

    /// Answers the user's write that is under way.
    ///
    /// # Panics
    /// If the user has none.
    pub fn answer(&mut self, user: &str, outcome: WriteOutcome) {
        let write = self.take_write(user);
        self.settle(&write, outcome);
    }

    /// The user's write that is under way; it then counts as answered.
    pub fn take_write(&mut self, user: &str) -> Write {
        let found = self.writes.iter().position(|write| &*write.key.user == user);
        let found = found.unwrap_or_else(|| panic!("{user} has no write under way"));
        self.writes.remove(found)
    }

    /// Answers a write, under way or not.
    pub fn settle(&mut self, write: &Write, outcome: WriteOutcome) {
        let mut done = Progress::default();
        match outcome {
            WriteOutcome::Committed(_) => (0..write.objects.len()).for_each(|one| done.insert(one)),
            // The first object is the one that nobody wants.
            WriteOutcome::Refused(_) => {
                done.refuse(0);
                (1..write.objects.len()).for_each(|object| done.insert(object));
            }
            WriteOutcome::Again { .. } => {}
        }
        let (id, attempt) = (write.id, write.attempt);
        self.step(vec![Input::Settled { write: id, attempt, done, outcome }]);
    }

    pub fn sent(&mut self, send: &Send, outcome: SendOutcome) {
        let (message, attempt) = (send.id, send.attempt);
        self.step(vec![Input::Sent { message, attempt, outcome }]);
    }

    pub fn step(&mut self, mut inputs: Vec<Input>) {
        loop {
            let mut decided = Decided::default();
            self.shard.step(self.now, &mut inputs, &self.world, &mut decided);
            self.shard.check();
            self.records.push(decided.record);
            self.lines.append(&mut decided.lines);
            for effect in decided.effects {
                match effect {
                    Effect::Write(write) => self.writes.push(write),
                    Effect::Send(send) if self.sends_at_once => {
                        let (message, attempt) = (send.id, send.attempt);
                        let outcome = SendOutcome::Sent;
                        inputs.push(Input::Sent { message, attempt, outcome });
                    }
                    Effect::Send(send) => self.sends.push(send),
                    Effect::Fetch(_) => panic!("no template of a lab fetches"),
                    Effect::Withdraw(gone) => {
                        self.writes.retain(|write| !gone.writes.contains(&write.id));
                        self.sends.retain(|send| !gone.messages.contains(&send.id));
                    }
                    Effect::Recall(recall) => {
                        for send in self.sends.extract_if(.., |one| one.key.canvas == recall.canvas)
                        {
                            let (message, attempt) = (send.id, send.attempt);
                            let (after, cause) = (Some(Millis(0)), "it was called back".into());
                            let outcome = SendOutcome::Retry { after, cause };
                            inputs.push(Input::Sent { message, attempt, outcome });
                        }
                    }
                }
            }
            if inputs.is_empty() {
                return;
            }
        }
    }

    /// A new shard that has read the lab's log; its trace lines beside it.
    pub fn recovered(&self) -> (Shard, Vec<Line>) {
        let mut shard = Shard::new(self.settings);
        shard.trace();
        shard.add_canvas(self.canvas.clone());
        let mut lines = Vec::new();
        for record in &self.records {
            let bytes = record.encode();
            let record = Record::decode(&bytes).expect("what was encoded is read back");
            lines.append(&mut shard.replay(&record));
        }
        shard.check();
        (shard, lines)
    }

    /// The user's way so far: `step` where they arrived, `>door` where they left by,
    /// `!outcome` of updates, `.reason` at the end.
    pub fn way(&self, user: &str) -> String {
        use flowrun_simulation::core::trace::What;
        let lines = self.lines.iter().filter(|line| line.user.as_deref() == Some(user));
        let words = lines.filter_map(|line| match &line.what {
            What::Arrived => line.step.as_deref().map(str::to_owned),
            What::Advanced { via, .. } => Some(format!(">{via}")),
            What::Released { outcome, .. } => Some(format!("!{outcome}")),
            What::Exited { reason } => Some(format!(".{reason}")),
            What::DeadLetter { reason, .. } => Some(format!("({reason})")),
            _ => None,
        });
        words.collect::<Vec<_>>().join(" ")
    }
}
