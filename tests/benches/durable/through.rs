//! Many users at once through the whole journey: what a step costs, how many a second are
//! durable, what is written of each journey, and whether that is the same for more users.
//!
//! Some others go through it before in the same process, and are not counted: memory that is
//! used for the first time costs more than a small run itself, and depends on the machine.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use flowrun_engine::core::Millis;
use tokio::runtime::Runtime;

use crate::place::{JOURNEY, NODES, Place};
use crate::{line, machine};

/// Users of one round, so that the record is of a round's size.
const AT_ONCE: usize = 16_384;

/// Users who go before the others.
const BEFORE: usize = 20_000;

/// Of so many users a run is that others are compared with.
const COMPARED: usize = 100_000;

pub fn bulk(runtime: &Runtime, folder: &Path, users: usize) {
    runtime.block_on(async {
        let place = Place::open(folder, JOURNEY, BEFORE + users).await;
        through(&place, 0..BEFORE).await;
        let (began, processor) = (Instant::now(), machine::processor());
        let system = machine::system();
        let written = machine::written();
        place.let_in(BEFORE..BEFORE + users, AT_ONCE).await;
        let came = began.elapsed();
        place.until(|status| status.waiting == users as u64).await;
        let rest = began.elapsed();
        place.clock.on(Millis::from_secs(2 * 86_400));
        place.until(|status| status.completed == (BEFORE + users) as u64).await;
        let took = began.elapsed();
        let processor = machine::processor() - processor;
        let system = machine::system() - system;
        let written = machine::written() - written;
        let records = place.engine.status().logged.size;
        let steps = (users * NODES) as f64;
        println!(
            "{users} users in bulk: message, update held on the profiles here, delay, message"
        );
        let each = processor.as_secs_f64() * 1e6 / steps;
        line("  processor time of a node-step, all threads", "<= 2 us", &format!("{each:.2} us"));
        compare(folder, users, each);
        let share = system.as_secs_f64() / processor.as_secs_f64();
        let share = format!("{:.0} %", share * 100.0);
        line("  of it the system's: fresh memory, the disk, waking", "", &share);
        let rate = steps / took.as_secs_f64();
        line("  durable node-steps a second", ">= 500,000", &format!("{rate:.0}"));
        let bytes = written as f64 / users as f64;
        line("  bytes written of a journey", "<= 400 B", &format!("{bytes:.0} B"));
        let parts = [came, rest - came, took - rest].map(|part| part.as_secs_f64());
        let [came, rest, took_rest] = parts;
        line(
            "  entries durable | at the delay | through",
            "",
            &format!("{came:.2} {rest:.2} {took_rest:.2} s"),
        );
        let size = written as usize / ((users * NODES) / AT_ONCE).max(1);
        let sync = machine::sync(folder, size.clamp(4_096, 8 << 20));
        let best = AT_ONCE as f64 / sync.as_secs_f64();
        let kib = size / 1024;
        line(
            &format!("  limit: one sync for each {AT_ONCE} node-steps, {kib} KiB"),
            "",
            &format!("{best:.0}/s"),
        );
        line("  of that limit", "", &format!("1/{:.1}", best / rate));
        let copies = written as f64 / machine::copying() / took.as_secs_f64();
        line("  copying what was written, of the time", "", &format!("{:.2} %", copies * 100.0));
        let kept = records.record_bytes + records.snapshot_bytes;
        line("  log at the end: records and snapshots", "", &format!("{} KiB", kept / 1024));
        let memory = machine::resident() / (BEFORE + users) as u64;
        line("  memory of each, with profile, caches and this bench", "", &format!("{memory} B"));
        place.engine.stop().await.expect("it stops");
    });
}

/// Lets users through the whole journey.
async fn through(place: &Place, users: Range<usize>) {
    let end = users.end as u64;
    place.let_in(users, AT_ONCE).await;
    place.until(|status| status.waiting + status.completed == end).await;
    place.clock.on(Millis::from_secs(2 * 86_400));
    place.until(|status| status.completed == end).await;
}

/// Says how a run is to the one that all are compared with, which comes before those of more
/// users; parts are processes, so that a file beside the folder carries it over.
fn compare(folder: &Path, users: usize, each: f64) {
    let path = folder.with_extension("compared");
    if users == COMPARED {
        fs::write(&path, each.to_string()).expect("a file");
    }
    let compared = fs::read_to_string(&path).ok().and_then(|text| text.parse::<f64>().ok());
    let Some(compared) = compared else { return };
    line(
        &format!("  against the run of {COMPARED} users"),
        "<= 1.20",
        &format!("{:.2}", each / compared),
    );
}
