//! What durable journeys cost on one machine, with fsync on, against what the disk and the
//! memory can do at best: measured in the same run, in the same folder.
//!
//!     cargo bench -p flowrun-tests --bench durable
//!     cargo bench -p flowrun-tests --bench durable -- --large         with 10 million users, too
//!     cargo bench -p flowrun-tests --bench durable -- --users 50000   bulk of so many only
//!     cargo bench -p flowrun-tests --bench durable -- --only bulk     one part, for a profiler
//!
//! Each part runs in a process of its own, so that memory and processor time are its own. Before
//! one with users in bulk this one takes some gigabytes and gives them back: a machine that is
//! lent its memory has it then, and the part pays less for that.
//! Every figure has the aim beside it, where there is one.

mod machine;
mod place;
mod singles;
mod through;
mod waiting;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use waiting::{After, Who};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a user takes in memory in the bulk part, about, with profile and all that comes and goes.
const EACH: usize = 2_000;

/// A part in a process of its own.
const CHILD: &str = "FLOWRUN_BENCH_PART";

struct Settings {
    folder: PathBuf,
    only: Option<String>,
    large: bool,
    users: Option<usize>,
}

fn settings() -> Result<Settings, String> {
    let folder = std::env::temp_dir().join(format!("flowrun-durable-{}", std::process::id()));
    let mut settings = Settings { folder, only: None, large: false, users: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut next = || arguments.next().ok_or(format!("{argument} wants a value"));
        match argument.as_str() {
            "--folder" => settings.folder = next()?.into(),
            "--only" => settings.only = Some(next()?),
            "--users" => {
                settings.users = Some(next()?.parse().map_err(|_| "--users wants a number")?);
            }
            "--large" => settings.large = true,
            "--bench" => {}
            other => return Err(format!("no such argument: {other}")),
        }
    }
    Ok(settings)
}

fn main() -> ExitCode {
    if let Ok(part) = std::env::var(CHILD) {
        let words: Vec<&str> = part.split(' ').collect();
        child(&words);
        return ExitCode::SUCCESS;
    }
    let settings = match settings() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let wanted = |part: &str| settings.only.as_ref().is_none_or(|only| only == part);
    println!("{:<58} {:>14} {:>14}", "", "aim", "measured");
    // The first is what the others are compared with.
    let mut sizes = settings.users.map_or(vec![100_000, 10_000, 1_000_000], |users| vec![users]);
    if settings.large && settings.users.is_none() {
        sizes.push(10_000_000);
    }
    for users in sizes.into_iter().filter(|_| wanted("bulk")) {
        part(&settings.folder, "bulk", users);
    }
    if wanted("singles") {
        part(&settings.folder, "singles", 10_000);
    }
    let sizes = if settings.large { &[1_000_000, 10_000_000][..] } else { &[1_000_000] };
    for users in sizes.iter().copied().filter(|_| wanted("waiting")) {
        part(&settings.folder, "wait", users);
        part(&settings.folder, "again", users);
        part(&settings.folder, "stopped", users);
    }
    if wanted("profiles") {
        part(&settings.folder, "profiles", 1_000_000);
        part(&settings.folder, "read", 1_000_000);
    }
    let _ = std::fs::remove_dir_all(&settings.folder);
    let _ = std::fs::remove_file(settings.folder.with_extension("compared"));
    ExitCode::SUCCESS
}

/// `wait` leaves its folder as a kill would, to `again`, and that one leaves it to `stopped`;
/// `profiles` leaves it to `read`.
fn part(folder: &Path, name: &str, users: usize) {
    if matches!(name, "bulk" | "singles" | "wait" | "profiles") {
        let _ = std::fs::remove_dir_all(folder);
    }
    if name == "bulk" {
        let lent = (users * EACH).clamp(3 << 30, 8 << 30).min(machine::available() / 2);
        let each = machine::lend(lent).as_secs_f64() / (lent as f64 / f64::from(1 << 30));
        line("memory that the machine is lent before, a GiB", "", &format!("{each:.2} s"));
    }
    let this = std::env::current_exe().expect("this program has a file");
    let part = format!("{name} {users} {}", folder.display());
    let ended = Command::new(this).env(CHILD, part).status().expect("it runs again");
    assert!(ended.success(), "{name} broke off: {ended}");
}

fn child(words: &[&str]) {
    let [name, users, folder] = words else { panic!("a part has three words: {words:?}") };
    let (folder, users) = (Path::new(folder), users.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    match *name {
        "bulk" => through::bulk(&runtime, folder, users),
        "singles" => singles::singles(&runtime, folder, users),
        "wait" => waiting::wait(runtime, folder, users, Who::Journeys),
        "again" => waiting::again(&runtime, folder, users, Who::Journeys, After::Kill),
        "stopped" => waiting::again(&runtime, folder, users, Who::Journeys, After::Stop),
        "profiles" => waiting::wait(runtime, folder, users, Who::WithProfiles),
        "read" => waiting::again(&runtime, folder, users, Who::WithProfiles, After::Kill),
        other => panic!("no such part: {other}"),
    }
}

/// One line of the table.
pub fn line(what: &str, aim: &str, measured: &str) {
    println!("{what:<58} {aim:>14} {measured:>14}");
}
