//! `flowrun run --clock real`: the users of the users file through Canvases, as time passes.
//!
//! In a state folder a run can be stopped and goes on with the next start, after a crash as
//! well. Each user of the file enters each Canvas once in the folder's life: an entry that is
//! committed is known by the shard that has it, so the file is simply read again, and whoever
//! has entered is left out there.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use flowrun_engine::{Answers, Busy, Entrance, Status};
use flowrun_server::Maintenance;
use tokio::runtime::Builder;

use super::{Output, Run};
use crate::canvases::Opened;
use crate::commands::serve::{outward, signals::Signals, stage, twice::Twice};
use crate::config::Config;
use crate::console::Console;
use crate::core::{Canvas, CanvasIx, DeadLetter, Millis};
use crate::exit::Exit;
use crate::live::{Durable, Live, Parts, sweep_after};
use crate::moment;
use crate::progress::Progress;
use crate::report::{self, Outcome};
use crate::scene;
use crate::simulation::Totals;
use crate::trace::Contents;
use crate::users::Roster;
use crate::versions::Versions;

/// So many users are handed over at once.
const AT_ONCE: usize = 4_096;

/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// How long threads that block may go on after everything has ended.
const LEFTOVERS: Duration = Duration::from_secs(1);

/// A user who will enter.
struct Coming {
    at: Millis,
    canvas: Arc<str>,
    entrance: Entrance,
}

/// How a run was left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Ended,
    /// The time that was given for it is over.
    TimeIsUp,
    BySignal,
}

pub fn run(run: &Run, output: Output, console: &mut Console) -> anyhow::Result<Exit> {
    if run.setting.events.is_some() {
        bail!("`--events` is for virtual time: in real time events come through `flowrun serve`")
    }
    if run.setting.start.is_some() {
        bail!("`--start` is for virtual time: in real time a run starts now")
    }
    run.trace.as_deref().map_or(Ok(()), |path| run.spare_inputs(path))?;
    let start = moment::present();
    let until = scene::until(&run.setting, start)?;
    let mut durable = run.state.as_deref().map(Durable::open).transpose()?;
    let first = run.flows.first().map(PathBuf::as_path);
    let config = Config::open(run.setting.source.config(), first)?;
    let named = run.backend.as_ref();
    let (backend, endpoint) = stage::backend(named, &run.setting.plugins, &config, console)?;
    let catalogue = run.setting.plugins.catalogue_for(&config.plugins, console)?;
    let opened = scene::open_by(&run.flows, &config, named, &catalogue, console)?;
    let Some(mut opened) = opened else { return Ok(Exit::Wrong) };
    let (fixtures, egress) =
        run.setting.source.parts(opened.iter().map(|one| &*one.path), &config)?;
    let twice = Twice::of(&opened, backend.as_deref(), endpoint);
    let (roster, coming) = users(run, &opened, start, console)?;
    let names: Vec<Arc<str>> = opened
        .iter()
        .filter_map(|one| one.canvas.as_ref().map(|canvas| canvas.head.name.clone()))
        .collect();
    let Versions { canvases, closed } = match &mut durable {
        Some(durable) => durable.settle(&mut opened, &catalogue)?,
        None => Versions::of_files(&mut opened),
    };
    let messages = match output {
        Output::Told => outward::Messages::Plain,
        Output::Tables | Output::Json => outward::Messages::Unseen,
        Output::TablesAside => outward::Messages::Aside,
    };
    let contents = if run.redact { Contents::Hashed } else { Contents::InFull };
    let parts = Parts {
        canvases: canvases.clone(),
        closed,
        profiles: roster.profiles.iter().cloned().collect(),
        durable,
        backend,
        channels: outward::channels(&config, &egress, messages, &run.setting.plugins, console)?,
        fetch: Arc::new(Answers::new(fixtures, egress)),
        trace: outward::trace(run.trace.as_deref(), contents)?,
        seed: run.setting.seed,
        maintenance: Maintenance::Ends,
    };
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let signals = Signals::listen()?;
        let live = Live::begin(parts, console).await?;
        twice.tell();
        let left = go(&live, coming, until, &signals).await?;
        let letters = letters(&live).await;
        let stopped = live.stop(console).await?;
        if left != Left::Ended || stopped.unfinished > 0 {
            console.note(&stopped.told());
        }
        anyhow::Ok((left, letters, live.engine.status(), live.engine.tallies()))
    });
    runtime.shutdown_timeout(LEFTOVERS);
    let (left, letters, status, tallies) = result?;
    sweep_after(run.state.as_deref(), console);
    let told = canvases.iter().zip(tallies).filter(|(canvas, tally)| {
        // An earlier version that nobody was on has nothing to tell.
        let has_moved = tally.entered > 0 || names.contains(&canvas.head.name);
        has_moved && !canvas.is_retired()
    });
    let outcome = Outcome {
        canvases: told.map(|(canvas, tally)| (&**canvas, tally)).collect(),
        letters,
        totals: totals(&status),
        start,
        end: moment::present(),
        seed: run.setting.seed,
    };
    let exit = match (left, outcome.letters.is_empty()) {
        (Left::BySignal, _) => Exit::Interrupted,
        (_, false) => Exit::DeadLetters,
        (_, true) => Exit::Done,
    };
    if left == Left::BySignal {
        console.note(match run.state {
            Some(_) => "stopped; the same command goes on from here",
            None => "stopped; this is how far it got",
        });
    }
    match output {
        Output::Json => {
            let result = report::as_json(&outcome, exit);
            console.line(&serde_json::to_string_pretty(&result)?)?;
        }
        Output::TablesAside => {
            io::stderr().write_all(report::as_text(&outcome, console.palette).as_bytes())?
        }
        Output::Told | Output::Tables => {
            console.print(&report::as_text(&outcome, console.palette))?
        }
    }
    Ok(exit)
}

/// Who will enter what, in the order of their moments.
fn users(
    run: &Run,
    opened: &[Opened],
    start: Millis,
    console: &Console,
) -> anyhow::Result<(Roster, VecDeque<Coming>)> {
    let mut roster = Roster::new(start);
    let mut progress = Progress::new();
    let mut coming = Vec::new();
    for file in scene::users_files(&run.setting, opened)? {
        let entrants = roster.read(&file.path, &mut |read| {
            progress.reading(read);
            ControlFlow::Continue(())
        })?;
        for number in &file.into {
            let Some(Canvas { head, .. }) = &opened[*number].canvas else { continue };
            coming.extend(entrants.iter().map(|entrant| Coming {
                at: entrant.at.unwrap_or(start).max(start),
                canvas: head.name.clone(),
                entrance: Entrance {
                    canvas: CanvasIx(0),
                    user: entrant.user.clone(),
                    context: entrant.entry_properties.clone(),
                },
            }));
        }
    }
    progress.clear();
    if let Some(warnings) = roster.warnings() {
        console.note(&format!("profiles don't hold everything as it is written\n{warnings}"));
    }
    coming.sort_by_key(|one| one.at);
    Ok((roster, coming.into()))
}

/// Lets users in as their time comes, until all journeys have ended or somebody stops it.
async fn go(
    live: &Live,
    mut coming: VecDeque<Coming>,
    until: Option<Millis>,
    signals: &Signals,
) -> anyhow::Result<Left> {
    let all = coming.len() as u64;
    let mut progress = Progress::new();
    let failed = live.failed();
    let mut failed = std::pin::pin!(failed);
    let mut asked = std::pin::pin!(signals.first());
    let left = loop {
        let now = live.clock.now();
        let handed_over = enter(live, &mut coming, now)?;
        if handed_over {
            match live.engine.committed().await {
                Ok(()) | Err(Busy::Full | Busy::NoSpace | Busy::Unsaved) => {}
                Err(busy) => return Err(anyhow!("{busy}")),
            }
        }
        let status = live.engine.status();
        progress.running(ended(&status) + status.turned_away, all.max(status.entered), now);
        if coming.is_empty() && !handed_over && is_over(&status) {
            break Left::Ended;
        }
        if until.is_some_and(|until| now >= until) {
            break Left::TimeIsUp;
        }
        tokio::select! {
            () = &mut asked => break Left::BySignal,
            fault = &mut failed => match fault {
                Some(fault) => return Err(fault.into()),
                // Its error is told by the stop.
                None => break Left::Ended,
            },
            () = tokio::time::sleep(LOOK), if !handed_over => {}
            () = std::future::ready(()), if handed_over => {}
        }
    };
    progress.clear();
    Ok(left)
}

/// Hands over whose time has come, a part at a time. Whoever doesn't get in now stays in front.
fn enter(live: &Live, coming: &mut VecDeque<Coming>, now: Millis) -> anyhow::Result<bool> {
    let due = coming.iter().take(AT_ONCE).take_while(|one| one.at <= now);
    let due: Vec<Entrance> = due
        .map(|one| {
            let canvas = live.engine.canvas(&one.canvas).unwrap_or(one.entrance.canvas);
            Entrance { canvas, ..one.entrance.clone() }
        })
        .collect();
    let count = due.len();
    if count == 0 {
        return Ok(false);
    }
    let handed_over = match live.is_durable() {
        true => live.engine.hand_over_first(due),
        false => live.engine.hand_over(due),
    };
    match handed_over {
        Ok(()) => drop(coming.drain(..count)),
        Err(Busy::Full | Busy::NoSpace) => return Ok(false),
        Err(busy) => bail!("{busy}"),
    }
    Ok(true)
}

fn ended(status: &Status) -> u64 {
    status.completed + status.exited + status.failed + status.deleted
}

/// Nobody is on the way, and nothing of what they have left behind either.
fn is_over(status: &Status) -> bool {
    let under_way = status.writes + status.posting + status.fetching + status.queued;
    status.entered == ended(status) && under_way == 0
}

/// The dead letters that are kept.
async fn letters(live: &Live) -> Vec<DeadLetter> {
    let look = live.engine.look(|shards| {
        shards.iter().flat_map(|(_, shard)| shard.dead_letters().collect::<Vec<_>>()).collect()
    });
    look.await.unwrap_or_default()
}

fn totals(status: &Status) -> Totals {
    Totals {
        users: status.users,
        entered: status.entered,
        completed: status.completed,
        exited: status.exited,
        failed: status.failed,
        waiting: status.waiting,
        held: status.held,
        sending: status.sending,
        dead_letters: status.letters,
        objects: status.objects,
        requests: status.requests,
        messages: status.messages,
        turned_away: status.turned_away,
        ..Totals::default()
    }
}
