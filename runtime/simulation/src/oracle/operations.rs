//! What operators do: who was deleted, what is paused, what is replayed. I21, I25.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use flowrun_core::{Change, Millis, Record, ShardId};

use super::{Ledger, Mark};

#[derive(Default)]
pub(super) struct Operations {
    /// Canvases in the order of their coming, by name: records call them by number.
    pub canvases: Vec<String>,
    /// The shard that the lines are of.
    shard: Option<ShardId>,
    shard_of: HashMap<String, ShardId>,
    /// Which Canvas stands still in which shard.
    paused: BTreeSet<(ShardId, String)>,
    /// Pauses of the last record: its own lines may still be from before.
    beginning: Vec<(ShardId, String)>,
    /// When a Canvas last went on.
    went_on: BTreeMap<String, Millis>,
    pub anybody_deleted: bool,
    /// By Canvas and user: the highest entry of somebody who was deleted.
    pub used: HashMap<(String, String), u32>,
}

impl Ledger {
    /// A shard has made a record durable; the lines that follow are its.
    pub(crate) fn recorded(&mut self, shard: ShardId, record: &Record) {
        let Operations { paused, beginning, .. } = &mut self.operations;
        paused.extend(beginning.drain(..));
        self.operations.shard = Some(shard);
        for change in &record.changes {
            match change {
                Change::Paused { canvas } => {
                    let name = self.operations.canvases[canvas.index()].clone();
                    self.operations.beginning.push((shard, name));
                    if self.writes.anybody_held() {
                        self.marks.hit(Mark::PausedWhileHeld);
                    }
                }
                Change::Unpaused { canvas } => {
                    let name = self.operations.canvases[canvas.index()].clone();
                    self.operations.paused.remove(&(shard, name.clone()));
                    self.operations.beginning.retain(|other| *other != (shard, name.clone()));
                    self.operations.went_on.insert(name, record.at);
                }
                _ => {}
            }
        }
    }

    /// Nothing of a user is to start any more: I21.
    pub(super) fn deleted(&mut self, user: &str) {
        self.operations.anybody_deleted = true;
        self.forget_journeys(user);
        self.forget_messages(user);
        if self.forget_writes(user) {
            self.marks.hit(Mark::DeletionWhileHeld);
        }
    }

    /// A line of a user: from now on it is known which shard they belong to.
    pub(super) fn seen(&mut self, user: &str) {
        if let (Some(shard), false) =
            (self.operations.shard, self.operations.shard_of.contains_key(user))
        {
            self.operations.shard_of.insert(user.to_owned(), shard);
        }
    }

    /// I25: while a Canvas is paused, its users do nothing new.
    pub(super) fn while_running(&mut self, canvas: &str, user: &str, what: &str) {
        let Some(shard) = self.operations.shard_of.get(user) else { return };
        if self.operations.paused.contains(&(*shard, canvas.to_owned())) {
            self.broken("I25", Some(user), format!("{what} while `{canvas}` is paused"));
        }
    }

    /// The moment at which a wait can end: its own, or when its Canvas went on.
    pub(super) fn may_end(&self, canvas: &str, until: Millis) -> Millis {
        self.operations.went_on.get(canvas).map_or(until, |went_on| until.max(*went_on))
    }
}
