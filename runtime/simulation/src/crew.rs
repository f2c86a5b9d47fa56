//! The threads that decide: this one, and some that stand by while a run goes on.
//!
//! A run in virtual time is a great many short rounds. Starting a thread costs more than most
//! of them, so further ones are started once, and handed shards to decide for. They watch for
//! the next round a while before they lie down: most rounds follow one another at once.
//!
//! Shards don't know of each other, so that how many threads there are makes no difference to
//! what comes out.

use std::any::Any;
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle, Thread, current, park};

use flowrun_core::Millis;
use flowrun_profiles::Memory;

use crate::place::Place;

/// From how much work on it is worth handing some over.
const WORTH_HANDING_OVER: usize = 64;

/// How often somebody looks up before they lie down: for about a tenth of a millisecond.
const LOOKS: u32 = 4_000;

/// Threads that decide beside the one that runs the simulation.
pub(crate) struct Crew {
    threads: usize,
    /// Started with the first round that is worth it.
    mates: Vec<Mate>,
}

impl Crew {
    pub fn new(threads: usize) -> Crew {
        Crew { threads: threads.max(1), mates: Vec::new() }
    }

    /// Lets all shards decide.
    pub fn decide(&mut self, shards: &mut Vec<Place>, now: Millis, store: &Arc<Memory>) {
        let threads = self.threads.min(shards.len());
        let work: usize = shards.iter().map(Place::work).sum();
        if threads < 2 || work < WORTH_HANDING_OVER || !self.is_there(threads - 1) {
            return shards.iter_mut().for_each(|place| place.decide(now, store));
        }
        let each = shards.len().div_ceil(threads);
        let mates = &self.mates[..threads - 1];
        // From behind, so that they come back in order.
        for (before, mate) in mates.iter().enumerate().rev() {
            let first = ((before + 1) * each).min(shards.len());
            mate.hand_over(shards.drain(first..), now, store);
        }
        shards.iter_mut().for_each(|place| place.decide(now, store));
        let mut panicked = None;
        for mate in mates {
            panicked = mate.take_back(shards).or(panicked);
        }
        if let Some(panicked) = panicked {
            resume_unwind(panicked);
        }
    }

    /// Whether so many mates stand by; where threads can't be had, this one does it all.
    fn is_there(&mut self, mates: usize) -> bool {
        while self.mates.len() < mates {
            match Mate::start() {
                Some(mate) => self.mates.push(mate),
                None => {
                    self.threads = self.mates.len() + 1;
                    return false;
                }
            }
        }
        true
    }
}

/// A thread that stands by, and the desk between it and the run.
struct Mate {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

/// Where a round lies that is handed over or done.
struct Desk {
    stage: AtomicU8,
    round: Mutex<Round>,
}

/// What lies on the desk. Whose turn it is, is in the stage: the lock is always free.
#[derive(Default)]
struct Round {
    places: Vec<Place>,
    now: Millis,
    store: Option<Arc<Memory>>,
    /// Who is to be woken when it is done.
    boss: Option<Thread>,
    panicked: Option<Box<dyn Any + Send>>,
}

/// The run may put a round on the desk.
const FREE: u8 = 0;
/// A round is to be decided.
const GIVEN: u8 = 1;
/// It is decided, or has panicked.
const DONE: u8 = 2;
/// The run is over.
const OVER: u8 = 3;

impl Desk {
    fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks up until the stage is one of two.
    fn wait_for(&self, stages: [u8; 2]) -> u8 {
        let mut looks = 0;
        loop {
            let stage = self.stage.load(Ordering::Acquire);
            if stages.contains(&stage) {
                return stage;
            }
            looks += 1;
            if looks < LOOKS {
                spin_loop();
            } else {
                // Whoever changes the stage wakes this thread, now or before.
                park();
            }
        }
    }
}

impl Mate {
    fn start() -> Option<Mate> {
        let desk = Desk { stage: AtomicU8::new(FREE), round: Mutex::default() };
        let desk = Arc::new(desk);
        let own = desk.clone();
        let thread = Builder::new().name("decides".into()).spawn(move || stand_by(&own)).ok()?;
        Some(Mate { desk, thread: Some(thread) })
    }

    fn hand_over(&self, places: impl Iterator<Item = Place>, now: Millis, store: &Arc<Memory>) {
        let mut round = self.desk.round();
        round.places.extend(places);
        round.now = now;
        round.store = Some(store.clone());
        round.boss.get_or_insert_with(current);
        drop(round);
        self.enter(GIVEN);
    }

    /// The shards, once they have decided; or why they never will.
    fn take_back(&self, shards: &mut Vec<Place>) -> Option<Box<dyn Any + Send>> {
        self.desk.wait_for([DONE, OVER]);
        let mut round = self.desk.round();
        shards.append(&mut round.places);
        let panicked = round.panicked.take();
        drop(round);
        self.desk.stage.store(FREE, Ordering::Release);
        panicked
    }

    fn enter(&self, stage: u8) {
        self.desk.stage.store(stage, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Mate {
    fn drop(&mut self) {
        self.enter(OVER);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What a mate does: decides for the shards it is handed, until the run is over.
fn stand_by(desk: &Desk) {
    while desk.wait_for([GIVEN, OVER]) == GIVEN {
        let mut round = desk.round();
        let Round { places, now, store, .. } = &mut *round;
        let decided = store.take().map(|store| {
            let decide = || places.iter_mut().for_each(|place| place.decide(*now, &store));
            catch_unwind(AssertUnwindSafe(decide))
        });
        if let Some(Err(panicked)) = decided {
            round.panicked = Some(panicked);
        }
        let boss = round.boss.clone();
        drop(round);
        // Not if it is over: the run has panicked meanwhile, and waits for this thread to end.
        let _ = desk.stage.compare_exchange(GIVEN, DONE, Ordering::AcqRel, Ordering::Acquire);
        if let Some(boss) = boss {
            boss.unpark();
        }
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
    fn who_panics_on_another_thread_panics_here() {
        let store = Arc::new(Memory::default());
        let mut shards = places(2);
        // An entry into a Canvas that isn't there.
        let canvas = flowrun_core::CanvasIx(7);
        shards[1].inputs.push(Input::Enter { canvas, user: "u".into(), context: None });
        let mut crew = Crew::new(2);
        let decide = AssertUnwindSafe(|| crew.decide(&mut shards, Millis(1), &store));
        assert!(catch_unwind(decide).is_err());
    }
}
