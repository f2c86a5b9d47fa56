//! What must hold of a shard between two calls, whatever has happened to it.
//!
//! Checked after every call in debug builds (of large shards: after every 64th), by
//! simulations, and after every recovery. A violation is a bug of flowrun: a panic.

use hashbrown::HashSet;

use crate::journey::State as Rest;
use crate::letters::Again;
use crate::outbox::Stage;
use crate::shard::{Shard, State};
use crate::tally::Tally;
use crate::users::{FixedState, NONE};

/// Up to this many journeys, debug builds check after every call.
const SMALL: usize = 256;

impl Shard {
    pub(crate) fn check_now_and_then(&self) {
        if cfg!(debug_assertions)
            && (self.state().journeys.len() <= SMALL || self.calls().is_multiple_of(64))
        {
            self.check();
        }
    }

    /// Checks every invariant.
    ///
    /// # Panics
    /// If one is broken, naming it.
    pub fn check(&self) {
        let state = self.state();
        assert!(self.nobody_is_ready(), "everybody rests between calls");
        journeys_and_their_items_agree(state);
        letters_and_their_items_agree(state);
        users_queues_are_in_order(state);
        counters_agree(state);
    }
}

/// I2: a held journey has exactly one live write, a sending one exactly one message; and
/// nothing in the outbox belongs to a journey that rests elsewhere.
fn journeys_and_their_items_agree(state: &State) {
    for (ix, journey) in state.journeys.iter() {
        match journey.state {
            Rest::Ready => panic!("I12: journey {ix:?} is at a step between calls"),
            Rest::Held { write } => {
                let write = state.writes.get(write).expect("I2: a held journey has a live write");
                assert_eq!(write.journey, Some(ix), "I2: the write knows who it holds");
                assert_eq!(write.origin, state.origin(ix), "I2: the write is of this step");
            }
            Rest::Sending { message } => {
                let message = state.messages.get(message).expect("I9: a message to be sent");
                assert_eq!(message.journey, Some(ix), "I9: the message knows who waits for it");
            }
            Rest::Waiting { .. } | Rest::Fetching { .. } | Rest::Parked { .. } => {}
        }
        assert!(!state.users.is_free(journey.user), "I21: a journey is of somebody");
        let nodes = state.canvas(journey.canvas).node_count();
        assert!(journey.node.index() < nodes, "I12: a journey is at a step of its Canvas");
    }
    for (id, write) in state.writes.iter() {
        if let Some(journey) = write.journey {
            let rest = state.journeys.get(journey).map(|journey| journey.state);
            assert_eq!(rest, Some(Rest::Held { write: id }), "I2: who a write holds is held by it");
        }
    }
    for (id, message) in state.messages.iter() {
        let Some(journey) = message.journey else {
            assert!(message.letter.is_some(), "I9: a message is a journey's or a dead letter's");
            continue;
        };
        let rest = state.journeys.get(journey).map(|journey| journey.state);
        assert_eq!(rest, Some(Rest::Sending { message: id }), "I9: somebody waits for the message");
    }
}

/// I9: what is under way for a dead letter knows it, and the other way round.
fn letters_and_their_items_agree(state: &State) {
    assert!(state.letters.agree(), "I19: dead letters are counted");
    for (id, letter) in state.letters.iter() {
        assert!(!state.users.is_free(letter.origin.user), "I21: a dead letter is of somebody");
        let of = match letter.under_way {
            None => continue,
            Some(Again::Write(write)) => state.writes.get(write).and_then(|write| write.letter),
            Some(Again::Message(message)) => {
                state.messages.get(message).and_then(|message| message.letter)
            }
        };
        assert_eq!(of, Some(id), "I9: what a dead letter waits for is under way");
    }
    let writes =
        state.writes.iter().filter_map(|(id, write)| Some((write.letter?, Again::Write(id))));
    let messages = state.messages.iter();
    let messages = messages.filter_map(|(id, one)| Some((one.letter?, Again::Message(id))));
    for (letter, again) in writes.chain(messages) {
        let known = state.letters.get(letter).and_then(|letter| letter.under_way);
        assert_eq!(known, Some(again), "I9: what is under way for a dead letter is its");
    }
}

/// I6, I7: of a user's writes only the first is at the backend, and none is left out.
fn users_queues_are_in_order(state: &State) {
    let mut queued: HashSet<u32, FixedState> = HashSet::default();
    let heads = state.writes.iter().filter(|(_, write)| write.stage != Stage::Queued);
    for (id, write) in heads {
        let user = write.origin.user;
        assert_eq!(state.users.first_write(user), id.slot, "I7: one write per user is on its way");
        let (mut slot, mut last) = (id.slot, NONE);
        while slot != NONE {
            assert!(queued.insert(slot), "I6: a queue has no loop");
            let (_, write) = state.writes.in_slot(slot).expect("I6: a queue has no hole");
            assert_eq!(write.origin.user, user, "I6: a queue is of one user");
            (last, slot) = (slot, write.next);
        }
        assert_eq!(state.users.last_write(user), last, "I6: the queue ends where it should");
    }
    assert_eq!(queued.len(), state.writes.len(), "I9: no write is forgotten");
}

/// I11: nobody gets lost or counted twice.
fn counters_agree(state: &State) {
    let mut resting: Vec<Tally> = state.tallies.clone();
    for tally in &mut resting {
        for step in &mut tally.steps {
            (step.waiting, step.held, step.sending) = (0, 0, 0);
        }
    }
    let mut active = vec![0; state.tallies.len()];
    for (_, journey) in state.journeys.iter() {
        active[journey.canvas.index()] += 1;
        let step = &mut resting[journey.canvas.index()].steps[journey.node.index()];
        match journey.state {
            Rest::Waiting { .. } | Rest::Fetching { .. } | Rest::Parked { .. } => {
                step.waiting += 1;
            }
            Rest::Held { .. } => step.held += 1,
            Rest::Sending { .. } => step.sending += 1,
            Rest::Ready => {}
        }
    }
    for ((tally, resting), active) in state.tallies.iter().zip(&resting).zip(active) {
        assert_eq!(tally.entered, active + tally.ended(), "I11: who entered is here or has ended");
        assert_eq!(tally.steps, resting.steps, "I11: the counters of who rests where");
    }
}
