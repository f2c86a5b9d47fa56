//! What the boundary costs: the same step built in, as a plugin in this process, and as one in
//! a process of its own, per user, in cohorts of 1, 100 and 1,000.
//!
//! `cargo bench -p flowrun-loader` prints medians, and the best of all repeats: on a busy machine
//! a plugin's thread waits for its turn, which is not the boundary's cost. The figures to trust
//! are the ratios; the cost of the boundary is the difference to the built-in step.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowrun_loader::sdk::{Cell, Cohort, CohortBuilder, Decide, Decision, Kind, Millis};
use flowrun_loader::{Isolation, Options, Plugin};
use serde_json::json;

#[path = "counter/src/lib.rs"]
mod counter;

fn main() {
    let args: Vec<OsString> = std::env::args_os().collect();
    if args.get(1).is_some_and(|arg| arg == "plugin-host") {
        return flowrun_loader::host::serve(Path::new(&args[2])).expect("the pipe is there");
    }
    let library = build();
    let program = std::env::current_exe().expect("this program");
    let process = Isolation::Process(vec![program.into(), "plugin-host".into()]);
    let steps = [
        ("built in", create(&Kind::of::<counter::Counter>())),
        ("plugin", create(&load(&library, Isolation::None))),
        ("process", create(&load(&library, process))),
    ];
    println!("a step that reads two attributes; nanoseconds per user: median and best");
    println!(
        "{:>8} {:>10} {:>10} {:>12} {:>12} {:>12} {:>14}",
        "cohort", "step", "per user", "best", "x built in", "boundary", "best boundary"
    );
    for rows in [1, 100, 1000] {
        let mut base = None;
        for (name, step) in &steps {
            let (median, best) = per_user(&**step, rows);
            let (base_median, base_best) = *base.get_or_insert((median, best));
            println!(
                "{rows:>8} {name:>10} {median:>7.0} ns {best:>9.0} ns {:>11.1}x {:>9.0} ns {:>11.0} ns",
                best / base_best,
                median - base_median,
                best - base_best
            );
        }
    }
}

fn create(kind: &Kind) -> Box<dyn Decide> {
    kind.create(json!({ "at_least": 3, "then": 3 })).expect("the settings are right")
}

fn load(library: &Path, isolation: Isolation) -> Kind {
    let options = Options { isolation, ..Options::default() };
    let plugin = Plugin::open(library, &options).expect("the plugin loads");
    Arc::new(plugin).step_kind().expect("it is a step")
}

/// Median and best.
fn per_user(step: &dyn Decide, rows: usize) -> (f64, f64) {
    const REPEATS: usize = 15;
    let names: Vec<String> = (0..rows).map(|number| format!("user-{number}")).collect();
    let reads = step.reads();
    let cohort = cohort(&names, &reads);
    let calls = (20_000 / rows).max(20);
    let mut times: Vec<Duration> = (0..REPEATS)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..calls {
                let mut decisions = Vec::with_capacity(rows);
                step.decide_cohort(&cohort, &mut decisions);
                assert!(!matches!(decisions[0], Decision::Fail { .. }), "{:?}", decisions[0]);
            }
            begun.elapsed()
        })
        .collect();
    times.sort();
    let each = |time: Duration| time.as_nanos() as f64 / (calls * rows) as f64;
    (each(times[REPEATS / 2]), each(times[0]))
}

fn cohort<'a>(names: &'a [String], reads: &'a [String]) -> Cohort<'a> {
    let mut cohort = CohortBuilder::new(Millis(0), 7, "vip/count", "Europe/Paris", 0, reads);
    for (number, name) in names.iter().enumerate() {
        cohort.cell(Cell::Int(number as i64 % 7));
        cohort.text(if number.is_multiple_of(2) { "FR" } else { "DE" });
        cohort.visit(name);
    }
    cohort.build()
}

/// The same source as a library.
fn build() -> PathBuf {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/counter");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--offline", "--quiet"]).current_dir(project);
    let status = command.env("CARGO_TARGET_DIR", &target).status().expect("cargo runs");
    assert!(status.success(), "the step builds as a library");
    let ending = if cfg!(target_os = "macos") { "dylib" } else { "so" };
    target.join(format!("release/libcounter.{ending}"))
}
