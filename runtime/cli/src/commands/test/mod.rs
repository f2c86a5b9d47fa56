//! `flowrun test`: what is to come of a Canvas, tried in virtual time.
//!
//! Each test of a `*.test.yaml` is a rehearsal of its own: users, what they do, what goes wrong;
//! then what came of it is held against what was expected. An expectation that did not come true
//! is shown where it stands in the file, with the user's way and the reasons for it.

mod around;
mod coverage;
mod found;
mod golden;
mod judge;
mod junit;
mod play;
mod told;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{anyhow, bail};
use clap::Args;
use flowrun_canvas::test_file::{self, TestFile};
use flowrun_canvas::{Diagnostic, Source};

use crate::console::Console;
use crate::exit::Exit;
use crate::folder;
use crate::interrupt::Interrupt;
use crate::plugins::Plugins;

use around::{Around, Library};
use coverage::{Coverage, Percent};
use judge::Unmet;
use told::Teller;

const EXAMPLES: &str = "\
Examples:
  flowrun test flows                            all tests (*.test.yaml) below this folder
  flowrun test flows/vip.yaml                   the tests of one Canvas: flows/vip.test.yaml
  flowrun test flows --filter 'failure door'    only tests with this in their names
  flowrun test flows --coverage=100             and every step and every door has to be taken
  flowrun test flows --junit tests.xml          the same for CI

A test file:

  canvas: vip.yaml
  users:
    - { external_id: u1, first_name: Ada, country: FR }
  tests:
    - name: a French customer gets the French mail, after the write
      expect:
        u1:
          path: [thanks, cool_off, mark_vip, tier, gold_fr, done]
          messages: [{ step: gold_fr, contains: \"VIP\" }]
          never_before: { gold_fr: mark_vip }
    - name: a refused write takes the failure door
      faults: [{ step: mark_vip, user: u1, reply: { status: 400 } }]
      expect: { u1: { exit: update_failed } }

flows/README.md has all keys; `flowrun schema --test` prints the schema for editors.

Exit codes: 0 all passed, 1 a test failed or a file is wrong, 2 the command is (also if there is no
test to run), 130 Ctrl-C.";

/// Try Canvases: what their tests expect has to come true
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Test {
    /// Test files, Canvases with a NAME.test.yaml beside them, or folders with test files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Only tests with this in their name, or in `FILE: NAME`
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// What chance is drawn from, in place of what the test files say
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Show which steps and doors no test took; with a number, fail below so many percent
    #[arg(long, value_name = "PERCENT", num_args = 0..=1, require_equals = true)]
    coverage: Option<Option<Percent>>,

    /// Write the traces that tests name (`trace:`) instead of comparing with them
    #[arg(long)]
    update: bool,

    /// Write the results to this file, as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Print the results as one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    plugins: Plugins,
}

/// How one test went.
pub struct Outcome {
    pub file: String,
    pub name: String,
    pub unmet: Vec<Told>,
    /// How much virtual time has passed.
    pub passed_ms: i64,
    /// How much real time.
    pub took: std::time::Duration,
}

/// An expectation that did not come true, with all that is to be shown of it.
pub struct Told {
    pub diagnostic: Diagnostic,
    pub got: String,
    pub hint: Option<String>,
    pub user: Option<String>,
    /// The user's way, as text and as lines of the trace.
    pub timeline: Option<String>,
    pub lines: Vec<crate::trace::TraceLine>,
}

/// Everything together.
#[derive(Default)]
pub struct Results {
    pub outcomes: Vec<Outcome>,
    /// Test files that are wrong, or whose Canvas is.
    pub wrong: Vec<String>,
    /// What is wrong with them.
    pub diagnostics: Vec<Diagnostic>,
    pub sources: Vec<Source>,
    pub coverage: Coverage,
    pub written: Vec<String>,
}

impl Results {
    pub fn failed(&self) -> usize {
        self.outcomes.iter().filter(|outcome| !outcome.unmet.is_empty()).count()
    }

    fn add(&mut self, diagnostics: Vec<Diagnostic>, sources: Vec<Source>) {
        for diagnostic in diagnostics {
            if !self.diagnostics.contains(&diagnostic) {
                self.diagnostics.push(diagnostic);
            }
        }
        for source in sources {
            if !self.sources.iter().any(|known| known.path == source.path) {
                self.sources.push(source);
            }
        }
    }
}

impl Test {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let interrupt = Interrupt::listen();
        let paths = found::test_files(&self.paths)?;
        if let Some(junit) = &self.junit {
            refuse_overwriting(junit, &paths)?;
        }
        let mut results = Results::default();
        let mut library = Library::new(self.plugins.catalogue(console)?);
        let mut teller = Teller::new(console, self.json);
        for path in &paths {
            if interrupt.asked() {
                break;
            }
            self.file(path, &mut library, &mut results, &mut teller, &interrupt)?;
        }
        let ran = !results.outcomes.is_empty();
        if !ran && results.wrong.is_empty() && !interrupt.asked() {
            return Err(self.nothing_ran(&paths));
        }
        let wanted = self.coverage.map(|wanted| wanted.unwrap_or(Percent::NONE));
        let short = wanted.is_some_and(|wanted| results.coverage.is_below(wanted));
        if let Some(path) = &self.junit {
            std::fs::write(path, junit::written(&results))
                .map_err(|error| anyhow!("can't write `{}`: {error}", path.display()))?;
        }
        teller.end(&results, wanted)?;
        Ok(match (interrupt.asked(), results.failed() > 0 || !results.wrong.is_empty() || short) {
            (true, _) => Exit::Interrupted,
            (false, true) => Exit::Wrong,
            (false, false) => Exit::Done,
        })
    }

    fn nothing_ran(&self, paths: &[PathBuf]) -> anyhow::Error {
        let files = match paths {
            [only] => format!("`{}`", only.display()),
            several => format!("{} test files", several.len()),
        };
        match &self.filter {
            Some(filter) => anyhow!("no test in {files} has `{filter}` in its name"),
            None => anyhow!("there is no test in {files}"),
        }
    }

    fn file(
        &self,
        path: &Path,
        library: &mut Library,
        results: &mut Results,
        teller: &mut Teller<'_>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        let shown = path.display().to_string();
        let text =
            folder::text(path).map_err(|why| anyhow!("can't read the tests `{shown}`: {why}"))?;
        let mut around = Around::new(path, library);
        let read = test_file::read(Source { path: shown.clone(), text }, &mut around);
        let broken = around.broken;
        let Some(file) = read.file else {
            results.wrong.push(shown);
            results.add(read.diagnostics, vec![read.source]);
            for opened in broken {
                results.add(opened.0, opened.1);
            }
            return Ok(());
        };
        results.add(read.diagnostics, Vec::new());
        let mut begun = false;
        for test in &file.tests {
            let name = &test.name.value;
            let whole = format!("{shown}: {name}");
            if self.filter.as_ref().is_some_and(|filter| !whole.contains(filter.as_str())) {
                continue;
            }
            if interrupt.asked() {
                return Ok(());
            }
            if !begun {
                teller.begin(&shown)?;
                begun = true;
            }
            let outcome = self.one(path, &file, test, &read.source, results)?;
            teller.outcome(&outcome, &read.source)?;
            results.outcomes.push(outcome);
        }
        Ok(())
    }

    fn one(
        &self,
        path: &Path,
        file: &TestFile,
        test: &test_file::Test,
        source: &Source,
        results: &mut Results,
    ) -> anyhow::Result<Outcome> {
        let began = Instant::now();
        let seed = self.seed.unwrap_or(file.seed);
        let played = play::play(path, file, test, seed)?;
        results.coverage.add(file, &played);
        let mut unmet = judge::judge(test, &played);
        if let Some(trace) = &test.trace {
            match golden::compare(path, &trace.value, &played, self.update)? {
                golden::Golden::Alike => {}
                golden::Golden::Written(file) => results.written.push(file),
                golden::Golden::Other(why) => unmet.push(why.at(&trace.span)),
            }
        }
        let unmet = unmet.into_iter().map(|one| one.told(source, &played)).collect();
        Ok(Outcome {
            file: source.path.clone(),
            name: test.name.value.clone(),
            unmet,
            passed_ms: (played.rehearsal.now() - file.start).0,
            took: began.elapsed(),
        })
    }
}

impl Unmet {
    fn told(self, source: &Source, played: &play::Played) -> Told {
        let Unmet { span, message, got, hint, user, code } = self;
        let diagnostic = test_file::unmet(source, code, &span, &message, &got, hint.clone());
        let (timeline, lines) = match &user {
            Some(user) => {
                let timeline = played.timeline(user);
                let text = timeline.told(played.rehearsal.canvas(), crate::console::Palette::Plain);
                (Some(text), timeline.lines().to_vec())
            }
            None => (None, Vec::new()),
        };
        Told { diagnostic, got, hint, user, timeline, lines }
    }
}

/// A path that something is written to must not be one of those that are read.
fn refuse_overwriting(path: &Path, inputs: &[PathBuf]) -> anyhow::Result<()> {
    let same = |input: &PathBuf| match (input.canonicalize(), path.canonicalize()) {
        (Ok(input), Ok(path)) => input == path,
        _ => false,
    };
    match inputs.iter().find(|input| same(input)) {
        Some(input) => bail!("that would overwrite `{}`: name another file", input.display()),
        None => Ok(()),
    }
}
