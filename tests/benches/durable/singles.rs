//! Users who arrive one at a time: how long each waits until its entry is durable.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::place::{CANVAS, JOURNEY, Place, name};
use crate::{line, machine};

const PER_SECOND: usize = 2_000;

pub fn singles(runtime: &Runtime, folder: &Path, users: usize) {
    runtime.block_on(async {
        let place = Place::open(folder, JOURNEY, users).await;
        let processor = machine::processor();
        let mut arriving = Vec::with_capacity(users);
        let (began, mut next) = (Instant::now(), 0);
        while next < users {
            let due = (began.elapsed().as_secs_f64() * PER_SECOND as f64) as usize;
            for user in next..due.min(users) {
                // Late are those whom the timer below wakes late: it counts for them.
                let meant = began + Duration::from_secs_f64(user as f64 / PER_SECOND as f64);
                let engine = place.engine.clone();
                arriving.push(tokio::spawn(async move {
                    engine.enter(CANVAS, &name(user), None).await.expect("there is room");
                    meant.elapsed()
                }));
            }
            next = due.min(users).max(next);
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        let mut waits = Vec::with_capacity(users);
        for one in arriving {
            waits.push(one.await.expect("it enters"));
        }
        let took = began.elapsed();
        waits.sort();
        let at = |share: f64| waits[((users as f64 * share) as usize).min(users - 1)];
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        place.until(|status| status.waiting == users as u64).await;
        let processor = machine::processor() - processor;
        println!("{users} users one at a time, {:.0} a second", users as f64 / took.as_secs_f64());
        line("  entry to durable, median", "", &ms(at(0.5)));
        line("  entry to durable, 99 of 100", "<= 20 ms", &ms(at(0.99)));
        line("  the longest", "", &ms(at(1.0)));
        line("  limit: one sync of 4 KiB", "", &ms(machine::sync(folder, 4_096)));
        let share = processor.as_secs_f64() / took.as_secs_f64();
        line("  processors in use", "", &format!("{share:.2}"));
        place.engine.stop().await.expect("it stops");
    });
}
