//! What is under way outside: requests to the backend, messages, fetches. Each comes back as a
//! [`Reply`].
//!
//! How many are under way is bounded: requests by the batcher, messages by one batch per channel,
//! fetches by a number. What waits here stands in the outbox of a shard as well, so that nothing
//! is lost with this memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use flowrun_core::batcher::{self, Answers, Request};
use flowrun_core::{
    Fetch as Asked, Input, Millis, Outcome, Recall, Send as Message, SendOutcome, ShardId, Withdraw,
};
use flowrun_profiles::ProfileBackend;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinHandle, spawn_blocking};

use crate::channels::{Channel, Channels};
use crate::fetch::Fetch;

/// Fetches under way at once.
const FETCHES: usize = 64;

/// Room of batches that are larger is not kept.
const LARGEST_SPARE: usize = 8_192;

/// What came back.
pub(crate) enum Reply {
    Written {
        request: u64,
        reply: batcher::Reply,
    },
    /// Of a channel that broke off there are fewer outcomes than messages.
    Sent {
        channel: Arc<str>,
        batch: Arc<Vec<Message>>,
        outcomes: Vec<SendOutcome>,
    },
    Fetched {
        shard: ShardId,
        input: Input,
    },
}

pub(crate) struct Outgoing {
    backend: Arc<dyn ProfileBackend>,
    channels: Channels,
    fetch: Arc<dyn Fetch>,
    replies: mpsc::UnboundedSender<Reply>,
    requests: usize,
    lanes: BTreeMap<Arc<str>, Lane>,
    messages: usize,
    /// Room of former batches, to be used again.
    spare: Vec<Vec<Message>>,
    asked: VecDeque<Asked>,
    fetching: usize,
    tasks: Vec<AbortHandle>,
}

/// A channel with what waits for it.
struct Lane {
    channel: Arc<dyn Channel>,
    waiting: VecDeque<Message>,
    busy: bool,
}

impl Outgoing {
    pub fn new(
        backend: Arc<dyn ProfileBackend>,
        channels: Channels,
        fetch: Arc<dyn Fetch>,
        replies: mpsc::UnboundedSender<Reply>,
    ) -> Outgoing {
        Outgoing {
            backend,
            channels,
            fetch,
            replies,
            requests: 0,
            lanes: BTreeMap::new(),
            messages: 0,
            spare: Vec::new(),
            asked: VecDeque::new(),
            fetching: 0,
            tasks: Vec::new(),
        }
    }

    pub fn write(&mut self, request: Request) {
        self.requests += 1;
        let (backend, replies, number) =
            (self.backend.clone(), self.replies.clone(), request.number);
        self.spawn(async move {
            let committing = tokio::spawn(async move { backend.commit(&request).await });
            let reply = whole(committing).await.unwrap_or_else(|| {
                // Nobody knows how far it had got.
                let unknown = Outcome::Unknown("the backend broke off".to_owned());
                batcher::Reply::new(None, Answers::All(unknown))
            });
            let _ = replies.send(Reply::Written { request: number, reply });
        });
    }

    pub fn send(&mut self, message: Message) {
        let name = message.message.channel.clone();
        let channels = &self.channels;
        let lane = self.lanes.entry(name.clone()).or_insert_with(|| Lane {
            channel: channels.named(&name),
            waiting: VecDeque::new(),
            busy: false,
        });
        lane.waiting.push_back(message);
        self.messages += 1;
    }

    pub fn ask(&mut self, asked: Asked) {
        self.asked.push_back(asked);
    }

    /// Drops what has not been started.
    pub fn withdraw(&mut self, withdrawn: &Withdraw) {
        let Withdraw { shard, messages, visits, .. } = withdrawn;
        let messages: BTreeSet<_> = messages.iter().collect();
        for lane in self.lanes.values_mut() {
            let before = lane.waiting.len();
            lane.waiting.retain(|one| one.shard != *shard || !messages.contains(&one.id));
            self.messages -= before - lane.waiting.len();
        }
        self.asked.retain(|asked| asked.shard != *shard || !visits.contains(&asked.journey));
    }

    /// Hands back the messages of a Canvas that have not been started, as to be tried again.
    pub fn recall(&mut self, recall: &Recall) -> Vec<(ShardId, Input)> {
        let is_called =
            |one: &Message| one.shard == recall.shard && one.key.canvas == recall.canvas;
        let mut back = Vec::new();
        for lane in self.lanes.values_mut() {
            let before = lane.waiting.len();
            lane.waiting.retain(|one| {
                if is_called(one) {
                    let (after, cause) = (Some(Millis(0)), "its Canvas was paused".to_owned());
                    let outcome = SendOutcome::Retry { after, cause };
                    let (message, attempt) = (one.id, one.attempt);
                    back.push((one.shard, Input::Sent { message, attempt, outcome }));
                }
                !is_called(one)
            });
            self.messages -= before - lane.waiting.len();
        }
        back
    }

    /// Starts whatever may start.
    pub fn go_on(&mut self, now: Millis) {
        let mut batches = Vec::new();
        for (name, lane) in self.lanes.iter_mut().filter(|(_, lane)| !lane.busy) {
            let most = lane.waiting.len().min(lane.channel.at_once());
            if most > 0 {
                let mut batch = self.spare.pop().unwrap_or_default();
                batch.extend(lane.waiting.drain(..most));
                lane.busy = true;
                batches.push((name.clone(), lane.channel.clone(), Arc::new(batch)));
            }
        }
        for (name, channel, batch) in batches {
            let replies = self.replies.clone();
            self.spawn(async move {
                let messages = batch.clone();
                let sent = spawn_blocking(move || channel.send(now, &messages)).await;
                let outcomes = sent.unwrap_or_default();
                let _ = replies.send(Reply::Sent { channel: name, batch, outcomes });
            });
        }
        while self.fetching < FETCHES {
            let Some(asked) = self.asked.pop_front() else { break };
            self.fetching += 1;
            let (fetch, replies) = (self.fetch.clone(), self.replies.clone());
            self.spawn(async move {
                let Asked { shard, journey, visit, requests } = asked;
                let count = requests.len();
                let answering = tokio::spawn(async move {
                    let mut answers = Vec::with_capacity(requests.len());
                    for request in &requests {
                        answers.push(fetch.answer(now, request).await);
                    }
                    answers
                });
                let answers = whole(answering).await;
                let broken = || vec![Err("the fetch broke off".to_owned()); count];
                let answers = answers.unwrap_or_else(broken);
                let input = Input::Fetched { journey, visit, answers };
                let _ = replies.send(Reply::Fetched { shard, input });
            });
        }
    }

    /// Notes that something has come back.
    pub fn came_back(&mut self, reply: &Reply) {
        match reply {
            Reply::Written { .. } => self.requests -= 1,
            Reply::Fetched { .. } => self.fetching -= 1,
            Reply::Sent { channel, batch, .. } => {
                self.messages -= batch.len();
                if let Some(lane) = self.lanes.get_mut(channel) {
                    lane.busy = false;
                }
            }
        }
    }

    /// The room of a batch that nobody needs any more.
    pub fn take_room(&mut self, batch: Arc<Vec<Message>>) {
        let Ok(mut batch) = Arc::try_unwrap(batch) else { return };
        batch.clear();
        if self.spare.len() <= self.lanes.len() && batch.capacity() <= LARGEST_SPARE {
            self.spare.push(batch);
        }
    }

    /// Requests under way.
    pub fn requests(&self) -> usize {
        self.requests
    }

    /// Messages that have no outcome yet.
    pub fn messages(&self) -> usize {
        self.messages
    }

    /// Fetches that have no answer yet.
    pub fn fetches(&self) -> usize {
        self.asked.len() + self.fetching
    }

    /// Nobody waits for replies any more.
    pub fn break_off(&mut self) {
        self.tasks.drain(..).for_each(|task| task.abort());
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        if self.tasks.len() >= 2 * (FETCHES + self.requests + self.lanes.len()) {
            self.tasks.retain(|task| !task.is_finished());
        }
        self.tasks.push(tokio::spawn(task).abort_handle());
    }
}

/// What a task comes to; none if it panics. It ends with whoever waits for it.
async fn whole<T>(task: JoinHandle<T>) -> Option<T> {
    struct Leash(AbortHandle);
    impl Drop for Leash {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
    let _leash = Leash(task.abort_handle());
    task.await.ok()
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.break_off();
    }
}
