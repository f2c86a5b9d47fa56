//! The threads that decide: this one, and some that stand by while a run goes on.
//!
//! A run in virtual time is a great many short rounds. Starting a thread costs more than most
//! of them, so further ones are started once. Whoever is free takes the next shard, so that a
//! thread that the machine holds up holds up one shard and not a share of them. They watch for
//! the next round a while before they lie down: most rounds follow one another at once.
//!
//! Shards don't know of each other, so that neither how many threads there are nor who decides
//! for which makes a difference to what comes out.

use std::any::Any;
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle, Thread, current, park};

use flowrun_core::Millis;
use flowrun_profiles::Memory;

use crate::place::Place;

/// From how much work on it is worth handing some over.
const WORTH_HANDING_OVER: usize = 24;

/// How often somebody looks up before they lie down: for about a tenth of a millisecond.
const LOOKS: u32 = 4_000;

/// Threads that decide beside the one that runs the simulation.
pub(crate) struct Crew {
    threads: usize,
    desk: Arc<Desk>,
    /// Started with the first round that is worth it.
    mates: Vec<JoinHandle<()>>,
}

impl Crew {
    pub fn new(threads: usize) -> Crew {
        Crew { threads: threads.max(1), desk: Arc::default(), mates: Vec::new() }
    }

    /// Lets all shards decide.
    pub fn decide(&mut self, shards: &mut Vec<Place>, now: Millis, store: &Arc<Memory>) {
        let threads = self.threads.min(shards.len());
        let work: usize = shards.iter().map(Place::work).sum();
        if threads < 2 || work < WORTH_HANDING_OVER || !self.is_there(threads - 1) {
            return shards.iter_mut().for_each(|place| place.decide(now, store));
        }
        self.desk.lay_out(shards, now, store);
        self.mates.iter().for_each(|mate| mate.thread().unpark());
        self.desk.work();
        wait_until(|| self.desk.left.load(Ordering::Acquire) == 0);
        let mut round = self.desk.round();
        round.decided.sort_unstable_by_key(|(number, _)| *number);
        shards.extend(round.decided.drain(..).map(|(_, place)| place));
        if let Some(panicked) = round.panicked.take() {
            drop(round);
            resume_unwind(panicked);
        }
    }

    /// Whether so many mates stand by; where threads can't be had, this one does it all.
    fn is_there(&mut self, mates: usize) -> bool {
        while self.mates.len() < mates {
            let desk = self.desk.clone();
            let mate = Builder::new().name("decides".into()).spawn(move || desk.stand_by());
            match mate {
                Ok(mate) => self.mates.push(mate),
                Err(_) => {
                    self.threads = self.mates.len() + 1;
                    return false;
                }
            }
        }
        true
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.desk.number.store(OVER, Ordering::Release);
        for mate in self.mates.drain(..) {
            mate.thread().unpark();
            let _ = mate.join();
        }
    }
}

/// Where the shards of a round lie, for whoever is free.
#[derive(Default)]
struct Desk {
    /// Which round it is; or that the run is over.
    number: AtomicU64,
    /// Shards of this round that have not decided.
    left: AtomicUsize,
    round: Mutex<Round>,
}

/// No round has this number.
const OVER: u64 = u64::MAX;

#[derive(Default)]
struct Round {
    /// To be decided for, the last one first.
    waiting: Vec<(usize, Place)>,
    decided: Vec<(usize, Place)>,
    now: Millis,
    store: Option<Arc<Memory>>,
    /// Who is to be woken when all have decided.
    boss: Option<Thread>,
    panicked: Option<Box<dyn Any + Send>>,
}

impl Desk {
    fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lay_out(&self, shards: &mut Vec<Place>, now: Millis, store: &Arc<Memory>) {
        let mut round = self.round();
        self.left.store(shards.len(), Ordering::Release);
        round.waiting.extend(shards.drain(..).enumerate().rev());
        round.now = now;
        round.store = Some(store.clone());
        round.boss.get_or_insert_with(current);
        self.number.fetch_add(1, Ordering::Release);
    }

    /// Decides for one shard after the other, until none waits.
    fn work(&self) {
        loop {
            let mut round = self.round();
            let Some((number, mut place)) = round.waiting.pop() else { return };
            let now = round.now;
            // Whoever takes the last one gives the profiles back with it.
            let store =
                if round.waiting.is_empty() { round.store.take() } else { round.store.clone() };
            drop(round);
            let decided =
                store.map(|store| catch_unwind(AssertUnwindSafe(|| place.decide(now, &store))));
            let mut round = self.round();
            round.decided.push((number, place));
            if let Some(Err(panicked)) = decided {
                round.panicked = Some(panicked);
            }
            if self.left.fetch_sub(1, Ordering::AcqRel) == 1
                && let Some(boss) = &round.boss
            {
                boss.unpark();
            }
        }
    }

    /// What a mate does: looks for the next round, until the run is over.
    fn stand_by(&self) {
        let mut seen = 0;
        loop {
            wait_until(|| self.number.load(Ordering::Acquire) != seen);
            seen = self.number.load(Ordering::Acquire);
            if seen == OVER {
                return;
            }
            self.work();
        }
    }
}

/// Looks up until it is so. Whoever brings it about wakes this thread, now or before.
fn wait_until(is_so: impl Fn() -> bool) {
    let mut looks = 0;
    while !is_so() {
        looks += 1;
        if looks < LOOKS { spin_loop() } else { park() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowrun_core::{Input, Settings, ShardId};
    use flowrun_log::Epoch;

    fn places(count: u16) -> Vec<Place> {
        let place = |id| {
            let settings = Settings { id: ShardId(id), ..Settings::default() };
            let mut place = Place::new(settings, Epoch(u64::from(id)));
            // Nobody's event, often enough to be worth handing over.
            let input = Input::Event { user: "u".into(), name: "e".into(), properties: None };
            place.inputs = vec![input; 1 + WORTH_HANDING_OVER];
            place.quiet = false;
            place
        };
        (0..count).map(place).collect()
    }

    #[test]
    fn all_shards_decide_and_come_back_in_order() {
        let store = Arc::new(Memory::default());
        for (threads, count) in [(1, 3), (2, 1), (2, 2), (2, 5), (3, 8), (5, 8), (8, 3)] {
            let mut crew = Crew::new(threads);
            for round in 1..=3 {
                let mut shards = places(count);
                crew.decide(&mut shards, Millis(round), &store);
                let order: Vec<u64> = shards.iter().map(|place| place.epoch.0).collect();
                assert_eq!(order, (0..u64::from(count)).collect::<Vec<_>>(), "{threads} {count}");
                let decided = |place: &Place| {
                    place.inputs.is_empty() && place.decided.record.at == Millis(round)
                };
                assert!(shards.iter().all(decided), "{threads} threads, {count} shards");
            }
            assert_eq!(Arc::strong_count(&store), 1, "profiles are given back");
        }
    }

    #[test]
    fn who_panics_on_any_thread_panics_here_once_all_have_decided() {
        let store = Arc::new(Memory::default());
        let mut crew = Crew::new(2);
        for panics in 0..8 {
            let mut shards = places(8);
            // An entry into a Canvas that isn't there.
            let canvas = flowrun_core::CanvasIx(7);
            shards[panics].inputs.push(Input::Enter { canvas, user: "u".into(), context: None });
            let decide = AssertUnwindSafe(|| crew.decide(&mut shards, Millis(1), &store));
            assert!(catch_unwind(decide).is_err(), "{panics}");
            assert_eq!(shards.len(), 8, "nobody is lost with the one who panicked");
            assert_eq!(Arc::strong_count(&store), 1, "profiles are given back");
        }
    }
}
