//! What comes from outside: a bounded queue in front of the rounds.
//!
//! Many calls are handed over together, all or none of them. A mark in the queue tells when all
//! that was handed over before it is committed.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flowrun_core::{Input, Shard, ShardId};
use flowrun_log::ShardLog;
use tokio::sync::{Notify, oneshot};

use crate::error::Busy;

/// What waits for its round.
pub(crate) enum Item {
    Input(ShardId, Input),
    /// To be told when everything before it is committed.
    Mark(Mark),
}

/// What an operator asks for: taken before anything else, even while nobody may enter.
pub(crate) enum Command {
    Input(ShardId, Input),
    Mark(Mark),
    /// Looks at the shards and their log between two rounds.
    Look(Look),
}

pub(crate) type Look = Box<dyn FnOnce(&[(ShardId, &Shard)], &dyn ShardLog) + Send>;

/// Where to say that what was handed over is committed, or can't be now.
pub(crate) type Mark = oneshot::Sender<Result<(), Busy>>;

/// Whether the queue takes anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Door {
    Open,
    /// The backend can't keep up.
    Crowded,
    /// The disk is full.
    NoSpace,
    Stopping,
    /// Nobody takes anything out any more.
    Stopped,
    Failed,
}

impl Door {
    fn is_final(self) -> bool {
        matches!(self, Door::Stopped | Door::Failed)
    }
}

pub(crate) struct Intake {
    queue: Mutex<Queue>,
    most: usize,
    news: Notify,
}

struct Queue {
    items: VecDeque<Item>,
    commands: VecDeque<Command>,
    inputs: usize,
    door: Door,
    handed_over: u64,
}

impl Intake {
    pub fn new(most: usize) -> Intake {
        let (items, commands) = (VecDeque::new(), VecDeque::new());
        let queue = Queue { items, commands, inputs: 0, door: Door::Open, handed_over: 0 };
        Intake { queue: Mutex::new(queue), most, news: Notify::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all or none. More than the whole queue holds is taken while nothing else waits:
    /// otherwise it could never be.
    pub fn offer(&self, inputs: Vec<(ShardId, Input)>) -> Result<(), Busy> {
        let mut queue = self.queue();
        queue.lets_in()?;
        if queue.inputs > 0 && queue.inputs + inputs.len() > self.most {
            return Err(Busy::Full);
        }
        queue.take(inputs);
        drop(queue);
        self.news.notify_one();
        Ok(())
    }

    /// Takes what has happened already and can't be refused any more. Whoever calls this has
    /// asked for [`Self::room`] before it happened.
    pub fn insist(&self, inputs: Vec<(ShardId, Input)>) {
        let mut queue = self.queue();
        if !queue.door.is_final() {
            queue.take(inputs);
        }
        drop(queue);
        self.news.notify_one();
    }

    /// Whether there is room for more.
    pub fn room(&self) -> Result<(), Busy> {
        let queue = self.queue();
        queue.lets_in()?;
        if queue.inputs < self.most { Ok(()) } else { Err(Busy::Full) }
    }

    /// Ends when all that was handed over before is committed.
    pub fn mark(&self) -> Result<oneshot::Receiver<Result<(), Busy>>, Busy> {
        let mut queue = self.queue();
        if queue.door.is_final() {
            return Err(queue.lets_in().err().unwrap_or(Busy::Failed));
        }
        let (sender, receiver) = oneshot::channel();
        queue.items.push_back(Item::Mark(sender));
        drop(queue);
        self.news.notify_one();
        Ok(receiver)
    }

    /// Takes an operator's inputs. Whoever waits to enter and is deleted does not enter. The
    /// mark tells of the commit.
    pub fn command(
        &self,
        inputs: Vec<(ShardId, Input)>,
    ) -> Result<oneshot::Receiver<Result<(), Busy>>, Busy> {
        let mut queue = self.queue();
        if queue.door.is_final() {
            return Err(queue.lets_in().err().unwrap_or(Busy::Failed));
        }
        if !queue.commands.is_empty() && queue.commands.len() + inputs.len() > self.most {
            return Err(Busy::Full);
        }
        queue.forget(&inputs);
        queue
            .commands
            .extend(inputs.into_iter().map(|(shard, input)| Command::Input(shard, input)));
        let (sender, receiver) = oneshot::channel();
        queue.commands.push_back(Command::Mark(sender));
        drop(queue);
        self.news.notify_one();
        Ok(receiver)
    }

    /// Lets somebody look at the shards.
    pub fn look(&self, look: Look) -> Result<(), Busy> {
        let mut queue = self.queue();
        if queue.door.is_final() {
            return Err(queue.lets_in().err().unwrap_or(Busy::Failed));
        }
        if queue.commands.len() >= self.most {
            return Err(Busy::Full);
        }
        queue.commands.push_back(Command::Look(look));
        drop(queue);
        self.news.notify_one();
        Ok(())
    }

    /// What operators have asked for, in its order.
    pub fn take_commands(&self, each: &mut dyn FnMut(Command)) {
        self.queue().commands.drain(..).for_each(each);
    }

    /// How many inputs were ever handed over.
    pub fn handed_over(&self) -> u64 {
        self.queue().handed_over
    }

    pub fn waiting(&self) -> usize {
        self.queue().inputs
    }

    /// Up to so many inputs in their order, and the marks between them.
    pub fn take(&self, most: usize, each: &mut dyn FnMut(Item)) {
        let mut queue = self.queue();
        for _ in 0..most {
            let Some(item) = queue.items.pop_front() else { return };
            if matches!(item, Item::Input(..)) {
                queue.inputs -= 1;
            }
            each(item);
        }
    }

    /// The marks that wait, taken out: what they stand behind stays.
    pub fn take_marks(&self) -> Vec<Mark> {
        let mut queue = self.queue();
        let (mut marks, mut inputs) = (Vec::new(), VecDeque::new());
        let (waiting, commands) = std::mem::take(&mut queue.commands)
            .into_iter()
            .partition(|command| matches!(command, Command::Mark(_)));
        queue.commands = commands;
        let waiting: VecDeque<Command> = waiting;
        marks.extend(waiting.into_iter().filter_map(|command| match command {
            Command::Mark(mark) => Some(mark),
            _ => None,
        }));
        for item in queue.items.drain(..) {
            match item {
                Item::Mark(mark) => marks.push(mark),
                input => inputs.push_back(input),
            }
        }
        queue.items = inputs;
        marks
    }

    /// Lets in or not, as long as nobody has stopped it for good.
    pub fn is_now(&self, door: Door) {
        let mut queue = self.queue();
        if matches!(queue.door, Door::Open | Door::Crowded | Door::NoSpace) {
            queue.door = door;
        }
    }

    pub fn stop(&self) {
        let mut queue = self.queue();
        if !queue.door.is_final() {
            queue.door = Door::Stopping;
        }
        drop(queue);
        self.news.notify_one();
    }

    /// Nobody takes anything out any more: what waits is dropped, and whoever waits is told.
    pub fn end(&self, door: Door) {
        let mut queue = self.queue();
        if !queue.door.is_final() {
            queue.door = door;
        }
        queue.items.clear();
        queue.commands.clear();
        queue.inputs = 0;
    }

    pub fn is_stopping(&self) -> bool {
        self.queue().door == Door::Stopping
    }

    /// Something has come, or the door has changed.
    pub async fn news(&self) {
        self.news.notified().await;
    }
}

impl Queue {
    /// Drops what waits of users who are deleted.
    fn forget(&mut self, inputs: &[(ShardId, Input)]) {
        let deleted = inputs.iter().filter_map(|(_, input)| match input {
            Input::Delete { user } => Some(&**user),
            _ => None,
        });
        let deleted: BTreeSet<&str> = deleted.collect();
        if deleted.is_empty() {
            return;
        }
        let before = self.items.len();
        self.items.retain(|item| match item {
            Item::Input(_, Input::Enter { user, .. } | Input::Event { user, .. }) => {
                !deleted.contains(&**user)
            }
            Item::Input(..) | Item::Mark(_) => true,
        });
        self.inputs -= before - self.items.len();
    }

    fn lets_in(&self) -> Result<(), Busy> {
        match self.door {
            Door::Open => Ok(()),
            Door::Crowded => Err(Busy::Full),
            Door::NoSpace => Err(Busy::NoSpace),
            Door::Stopping | Door::Stopped => Err(Busy::Stopping),
            Door::Failed => Err(Busy::Failed),
        }
    }

    fn take(&mut self, inputs: Vec<(ShardId, Input)>) {
        self.inputs += inputs.len();
        self.handed_over += inputs.len() as u64;
        self.items.extend(inputs.into_iter().map(|(shard, input)| Item::Input(shard, input)));
    }
}
