//! Dead letters come into being, are replayed, and go: `Replay`, `Discard`.

use flowrun_sdk::Millis;

use super::{State, Turn};
use crate::letters::{Again, Left, Letter, payload_of};
use crate::outbox::{Origin, PendingMessage, PendingWrite, Stage};
use crate::planted::{Bug, is_planted};
use crate::record::{Change, Misfit};
use crate::trace::What;
use crate::users::NONE;
use crate::{CanvasIx, ItemId, JourneyIx, LetterId, NodeIx, Progress, Replay};

impl Turn<'_> {
    /// A step could not do its work for a user.
    pub(super) fn bury(&mut self, journey: JourneyIx, reason: String, payload: String) {
        let state = &self.shard.state;
        let key = state.key(state.origin(journey));
        let misfit = Misfit { at: self.now(), key, reason, payload };
        self.emit(Change::DeadLetter(Box::new(misfit)));
        self.tell_of_letter(None);
    }

    pub(super) fn bury_write(&mut self, write: ItemId, done: Progress, reason: Box<str>) {
        let letter = self.shard.state.writes.get(write).and_then(|write| write.letter);
        self.emit(Change::WriteBuried { write, done, reason });
        self.tell_of_letter(letter);
    }

    pub(super) fn bury_message(&mut self, message: ItemId, reason: Box<str>) {
        let letter = self.shard.state.messages.get(message).and_then(|message| message.letter);
        self.emit(Change::MessageBuried { message, reason });
        self.tell_of_letter(letter);
    }

    /// The host learns of the letter: one that was there already, or the one that has come.
    fn tell_of_letter(&mut self, letter: Option<LetterId>) {
        let letter = letter.or(self.shard.state.letters.newest());
        self.decided.letters.extend(letter);
    }

    /// Does again what a letter holds, unless that is impossible or under way: asking twice
    /// does it once.
    pub(super) fn replay(&mut self, id: LetterId) {
        let state = &self.shard.state;
        let Some(letter) = state.letters.get(id) else { return };
        if letter.replay() != Replay::Possible || state.is_paused(letter.origin.canvas) {
            return;
        }
        let user = letter.origin.user;
        match letter.left {
            Left::Write { .. } => {
                let write = state.writes.vacant();
                let first = state.users.first_write(user) == NONE;
                self.emit(Change::WriteReplayed { letter: id, write });
                if first {
                    let effect = self.shard.write_effect(write);
                    self.perform(effect);
                }
            }
            Left::Message(_) => {
                let message = state.messages.vacant();
                self.emit(Change::MessageReplayed { letter: id, message });
                let effect = self.shard.send_effect(message);
                self.perform(effect);
            }
            Left::Text(_) | Left::InDoubt(_) => unreachable!("it can't be replayed"),
        }
    }

    /// What is being replayed is not discarded: its outcome says what becomes of it.
    pub(super) fn discard(&mut self, id: LetterId) {
        let letter = self.shard.state.letters.get(id);
        if letter.is_some_and(|letter| letter.under_way.is_none()) {
            self.emit(Change::Discarded { letter: id });
        }
    }
}

impl State {
    pub(super) fn misfit(&mut self, misfit: &Misfit) {
        let Misfit { at, key, reason, payload } = misfit;
        let canvas = self.canvases.iter().position(|canvas| {
            canvas.head.name == key.canvas && canvas.head.version == key.version
        });
        let canvas = CanvasIx(canvas.expect("a dead letter is of a loaded Canvas") as u16);
        let mut steps = self.canvas(canvas).graph().node_weights();
        let node = steps.position(|node| node.id == key.step);
        let node = NodeIx(node.expect("a dead letter is of a step of its Canvas") as u16);
        let user = self.users.find(&key.user).expect("who has a dead letter is known");
        let origin = Origin { user, canvas, node, entry: key.entry };
        let left = Left::Text(payload.as_str().into());
        self.letter_came(*at, origin, reason, left);
    }

    pub(super) fn write_buried(&mut self, at: Millis, id: ItemId, done: &Progress, reason: &str) {
        let write = self.writes.get(id).expect("the write is in the outbox");
        let (origin, letter, objects) = (write.origin, write.letter, write.objects.clone());
        let left = Left::Write { objects, done: done.applied() };
        self.letter_came_or_returned(at, origin, letter, reason, left);
    }

    pub(super) fn message_buried(&mut self, at: Millis, id: ItemId, reason: &str) {
        let message = self.messages.get(id).expect("it is in the outbox");
        let (origin, letter, content) = (message.origin, message.letter, message.content.clone());
        self.letter_came_or_returned(at, origin, letter, reason, Left::Message(content));
    }

    fn letter_came_or_returned(
        &mut self,
        at: Millis,
        origin: Origin,
        letter: Option<LetterId>,
        reason: &str,
        left: Left,
    ) {
        let Some(letter) = letter else { return self.letter_came(at, origin, reason, left) };
        self.letter_line(at, origin, reason, &left);
        self.letters.renew(letter, at, reason, left);
    }

    fn letter_came(&mut self, at: Millis, origin: Origin, reason: &str, left: Left) {
        self.tallies[origin.canvas.index()].dead_letters += 1;
        self.step_tally(origin.canvas, origin.node).failed += 1;
        self.letter_line(at, origin, reason, &left);
        let reason = reason.into();
        self.letters.add(Letter { at, origin, reason, left, under_way: None });
    }

    fn letter_line(&mut self, at: Millis, origin: Origin, reason: &str, left: &Left) {
        self.line_of(at, origin, |key| What::DeadLetter {
            key,
            reason: reason.to_owned(),
            payload: match left {
                Left::Text(text) => text.to_string(),
                Left::Write { objects, .. } => objects.to_json(),
                Left::Message(content) | Left::InDoubt(content) => payload_of(content),
            },
        });
    }

    pub(super) fn write_replayed(&mut self, at: Millis, id: LetterId, write: ItemId) {
        let letter = self.letters.get(id).expect("only what is there is replayed");
        let Left::Write { objects, done } = &letter.left else {
            unreachable!("only what is left of a write is written again")
        };
        let (mut origin, objects, done) = (letter.origin, objects.clone(), done.clone());
        if is_planted(Bug::ReplayedUnderAnotherKey) {
            origin.entry += 1_000;
        }
        self.letters.begin(id, Again::Write(write));
        self.line_of(at, origin, |key| What::Replayed { key });
        self.queue(
            write,
            PendingWrite {
                origin,
                journey: None,
                objects,
                done,
                refused: None,
                attempt: 1,
                failures: 0,
                stage: Stage::Queued,
                deadline: None,
                next: NONE,
                letter: Some(id),
            },
        );
    }

    pub(super) fn message_replayed(&mut self, at: Millis, id: LetterId, message: ItemId) {
        let letter = self.letters.get(id).expect("only what is there is replayed");
        let Left::Message(content) = &letter.left else {
            unreachable!("only a message is sent again")
        };
        let (origin, content, stage) = (letter.origin, content.clone(), Stage::InFlight);
        self.letters.begin(id, Again::Message(message));
        self.line_of(at, origin, |key| What::Replayed { key });
        let (attempt, failures, letter) = (1, 0, Some(id));
        let pending =
            PendingMessage { origin, journey: None, content, attempt, failures, stage, letter };
        self.messages.insert(message, pending);
    }
}
