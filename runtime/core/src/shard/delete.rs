//! `Delete`: a user is forgotten.
//!
//! Their journeys end where they are, what has not started is withdrawn from the host, and
//! nothing of them is kept. What is under way already can't be called back; its reply finds
//! nobody. Who comes anew under the same id is somebody new, whose write keys were never used
//! before (see `Users::floor`).

use flowrun_sdk::Millis;
use hashbrown::{HashMap, HashSet};

use super::{State, Turn};
use crate::effect::{Effect, Withdraw};
use crate::journey::{Journey, State as Rest};
use crate::letters::Again;
use crate::outbox::Stage;
use crate::planted::{Bug, is_planted};
use crate::record::{Change, Ending};
use crate::trace::{Line, What};
use crate::users::{FixedState, NONE};
use crate::{Input, JourneyIx, UserIx};

/// The deletions of one call.
#[derive(Default)]
pub(super) struct Leaving {
    /// Of users who will be deleted in this call: journeys that are or were theirs. One pass
    /// over the journeys finds those of all of them.
    journeys: HashMap<UserIx, Vec<JourneyIx>, FixedState>,
    /// Whether anybody is deleted in this call.
    pub expected: bool,
    withdrawn: Withdraw,
}

impl Turn<'_> {
    /// Looks for the journeys of those whom the inputs delete. Without deletions this costs a
    /// look at each input's kind.
    pub(super) fn look_for_leaving(&mut self, inputs: &[Input]) {
        let names = inputs.iter().filter_map(|input| match input {
            Input::Delete { user } => Some(&**user),
            _ => None,
        });
        for name in names {
            self.leaving.expected = true;
            if let Some(user) = self.shard.state.users.find(name) {
                self.leaving.journeys.insert(user, Vec::new());
            }
        }
        if self.leaving.journeys.is_empty() {
            return;
        }
        for (ix, journey) in self.shard.state.journeys.iter() {
            if let Some(theirs) = self.leaving.journeys.get_mut(&journey.user) {
                theirs.push(ix);
            }
        }
    }

    /// Somebody enters in a call in which somebody is deleted: it may be the same.
    pub(super) fn note_for_leaving(&mut self, ix: JourneyIx) {
        let user = self.shard.state.journeys.at(ix).user;
        self.leaving.journeys.entry(user).or_default().push(ix);
    }

    pub(super) fn delete(&mut self, name: Box<str>) {
        let Some(user) = self.shard.state.users.find(&name) else { return };
        for journey in self.leaving.journeys.remove(&user).unwrap_or_default() {
            let theirs = self.shard.state.journeys.get(journey);
            if theirs.is_some_and(|theirs| theirs.user == user) {
                self.end_of_deleted(journey);
            }
        }
        let state = &self.shard.state;
        let mut slot = state.users.first_write(user);
        while slot != NONE && !is_planted(Bug::DeletedStaysInOutbox) {
            let (id, write) = state.writes.in_slot(slot).expect("a queue has no hole");
            if write.stage == Stage::InFlight {
                self.leaving.withdrawn.writes.push(id);
            }
            slot = write.next;
        }
        for letter in state.letters.of(user) {
            let letter = state.letters.get(letter).expect("just found");
            if let Some(Again::Message(message)) = letter.under_way {
                self.leaving.withdrawn.messages.push(message);
            }
        }
        self.emit(Change::Deleted { user: name });
    }

    fn end_of_deleted(&mut self, journey: JourneyIx) {
        let Journey { canvas, node, state, .. } = *self.shard.state.journeys.at(journey);
        match state {
            Rest::Ready => {
                // They have come to their step in this very call.
                let ready = &mut self.shard.ready[canvas.index()][node.index()];
                ready.retain(|other| *other != journey);
            }
            Rest::Sending { message } => self.leaving.withdrawn.messages.push(message),
            Rest::Fetching { .. } => self.leaving.withdrawn.visits.push(journey),
            Rest::Waiting { .. } | Rest::Held { .. } | Rest::Parked { .. } => {}
        }
        self.shard.answers.remove(&journey);
        self.emit(Change::Exited { journey, ending: Ending::Deleted });
    }

    /// Lets nothing out of this call that it has withdrawn, and tells the host of the rest.
    pub(super) fn withdraw(&mut self) {
        let mut withdrawn = std::mem::take(&mut self.leaving.withdrawn);
        withdrawn.shard = self.shard.settings.id;
        let Withdraw { writes, messages, visits, .. } = &withdrawn;
        if writes.is_empty() && messages.is_empty() && visits.is_empty() {
            return;
        }
        let gone_writes: HashSet<_, FixedState> = writes.iter().copied().collect();
        let gone_messages: HashSet<_, FixedState> = messages.iter().copied().collect();
        self.decided.effects.retain(|effect| match effect {
            Effect::Write(write) => !gone_writes.contains(&write.id),
            Effect::Send(send) => !gone_messages.contains(&send.id),
            Effect::Fetch(_) | Effect::Withdraw(_) | Effect::Recall(_) => true,
        });
        // Before anything else: a slot may be in another use by now.
        self.decided.effects.insert(0, Effect::Withdraw(withdrawn));
    }
}

impl State {
    /// Leaves a journey that is about to end by deletion without what it rests in.
    pub(super) fn torn_off(&mut self, ix: JourneyIx) {
        let state = self.journeys.at(ix).state;
        match state {
            Rest::Ready => return,
            Rest::Held { write } => {
                let write = self.writes.get_mut(write).expect("a held journey has a live write");
                write.journey = None;
            }
            Rest::Sending { message } => drop(self.messages.remove(message)),
            Rest::Waiting { .. } | Rest::Fetching { .. } | Rest::Parked { .. } => {}
        }
        self.rest(ix, Rest::Ready);
    }

    pub(super) fn deleted(&mut self, at: Millis, name: &str) {
        let user = self.users.find(name).expect("only who is known is deleted");
        for id in self.letters.of(user) {
            let letter = self.letters.get(id).expect("just found");
            if let Some(Again::Message(message)) = letter.under_way {
                self.messages.remove(message);
            }
            self.letters.remove(id);
        }
        let mut slot = self.users.first_write(user);
        while slot != NONE {
            let (id, _) = self.writes.in_slot(slot).expect("a queue has no hole");
            slot = self.writes.remove(id).next;
        }
        self.users.set_writes(user, NONE, NONE);
        self.users.forget(user, self.canvases.len());
        let (canvas, entry, step) = (None, None, None);
        let user = self.lines.is_some().then(|| name.into());
        self.push_line(Line { at, canvas, user, entry, step, what: What::Deleted });
    }
}
