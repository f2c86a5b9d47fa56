//! Many who wait: what each takes in memory and on the disk, and how long a restart takes,
//! after a kill and after a stop.

use std::path::Path;
use std::time::Instant;

use tokio::runtime::Runtime;

use crate::place::{JOURNEY, Place, WAIT};
use crate::{line, machine};

/// How the process before ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum After {
    Kill,
    Stop,
}

/// Whether users have profiles: these are not the journeys' own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Journeys,
    /// Each has got one by an update.
    WithProfiles,
}

impl Who {
    fn canvas(self) -> &'static str {
        if self == Who::Journeys { WAIT } else { JOURNEY }
    }
}

/// Lets them in, and ends as by a kill.
pub fn wait(runtime: Runtime, folder: &Path, users: usize, who: Who) {
    runtime.block_on(async {
        let place = Place::open(folder, who.canvas(), 0).await;
        let began = Instant::now();
        place.let_in(0..users, 16_384).await;
        place.until(|status| status.waiting == users as u64).await;
        let rate = users as f64 / began.elapsed().as_secs_f64();
        let with = if who == Who::Journeys { "" } else { ", each with a profile" };
        println!("{users} users wait at a delay{with}");
        line("  came to it, users a second", "", &format!("{rate:.0}"));
    });
    // Whatever is not on the disk now never will be.
    std::process::exit(0);
}

pub fn again(runtime: &Runtime, folder: &Path, users: usize, who: Who, after: After) {
    runtime.block_on(async {
        let (began, before) = (Instant::now(), machine::resident());
        let place = Place::open(folder, who.canvas(), 0).await;
        let took = began.elapsed().as_secs_f64();
        place.until(|status| status.waiting == users as u64).await;
        let aim = |aim: &'static str| if who == Who::Journeys { aim } else { "" };
        let in_time = aim(if users > 1_000_000 { "<= 30 s" } else { "<= 3 s" });
        let what = if after == After::Kill { "after a kill" } else { "after a stop" };
        line(&format!("  restart {what}"), in_time, &format!("{took:.2} s"));
        let each = (machine::resident() - before) / users as u64;
        // The database keeps pages that it has read; they are of a fixed number.
        let small = if users > 1_000_000 { aim("<= 128 B") } else { "" };
        line("  memory of each, database's cache included", small, &format!("{each} B"));
        let size = place.engine.status().logged.size;
        let bytes = size.file_bytes / users as u64;
        line("  the log's file, of each", "", &format!("{bytes} B"));
        line(
            "  records to read | snapshots",
            "",
            &format!("{} | {} KiB", size.records, size.snapshot_bytes / 1024),
        );
        line("  a look at where everybody is, 9 times", "", &looked(&place, users).await);
        let began = Instant::now();
        place.engine.stop().await.expect("it stops");
        line("  stop, with snapshots", "", &format!("{:.2} s", began.elapsed().as_secs_f64()));
    });
}

/// How long everybody stands while an operator looks: half of the times no longer than this.
async fn looked(place: &Place, users: usize) -> String {
    let mut took = Vec::new();
    for _ in 0..9 {
        let look = place.engine.look(|shards| {
            let began = Instant::now();
            let steps = shards.iter().flat_map(|(_, shard)| shard.steps()).flatten();
            (steps.map(|step| step.waiting).sum::<u64>(), began.elapsed())
        });
        let (waiting, elapsed) = look.await.expect("the engine is at work");
        assert_eq!(waiting, users as u64);
        took.push(elapsed);
    }
    took.sort_unstable();
    format!("{:.1} ms", took[took.len() / 2].as_secs_f64() * 1e3)
}
