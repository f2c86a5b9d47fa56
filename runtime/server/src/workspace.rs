//! What stands behind the HTTP layer: the trait, and the values that go through it.
//!
//! Two doors, for two kinds of implementations. For a durable engine [`Workspace`] is implemented as a whole (in this crate
//! or above it, since the engine doesn't know of HTTP): an answer is given after the commit that it speaks of.
//! [`crate::Memory`] implements it over profiles in memory, and reports entries and events to [`Journeys`].

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json};

use crate::track::{Array, Id, Limits, Reply, Trigger, WriteKey};

/// Everything the API can be asked for. Calls run side by side, each in a task of its own: a client that hangs up doesn't
/// break one off, and a panic of one is an answer of 500.
#[async_trait]
pub trait Workspace: Send + Sync + 'static {
    fn about(&self) -> About;

    /// `POST /users/track`. `keys`, when given, has one key per object: attributes, then events, then purchases; an object
    /// whose key is known already is answered as a success without being applied. The answer follows the commit.
    async fn track(&self, body: Body, keys: Option<Vec<WriteKey>>) -> Answer;

    /// The other endpoints over users: see [`Neighbour`].
    async fn users(&self, neighbour: Neighbour, body: Body) -> Answer;

    /// Enters users into a Canvas now. The server has checked that the Canvas exists, is active and is entered by API; the
    /// workspace still asks for the Canvas's own audience.
    async fn trigger(
        &self,
        trigger: Trigger,
        dispatch: &Dispatch,
        at_ms: i64,
    ) -> Result<(), Refusal>;

    /// Enters users into a Canvas at a time. The server makes the ids.
    async fn schedule(
        &self,
        planned: Planned,
        dispatch: &Dispatch,
        schedule: &ScheduleId,
        timing: Timing,
        at_ms: i64,
    ) -> Result<(), Refusal>;

    /// Changes the time of a schedule. False when there is none of that id for that Canvas.
    async fn reschedule(
        &self,
        canvas: &str,
        schedule: &ScheduleId,
        timing: Timing,
        at_ms: i64,
    ) -> Result<bool, Refusal>;

    /// Forgets a schedule. False when there is none of that id for that Canvas.
    async fn unschedule(&self, canvas: &str, schedule: &ScheduleId) -> Result<bool, Refusal>;

    /// All Canvases, in the order of the list.
    fn canvases(&self) -> Arc<[Canvas]>;

    /// All Content Blocks, in the order of the list.
    fn content_blocks(&self) -> Arc<[ContentBlock]>;

    /// Called now and then, for what is due by the clock alone. Answers when to be called next.
    async fn wake(&self, at_ms: i64) -> Option<i64>;

    /// Begins or ends a maintenance: between the two, writes are queued (202), and at its end they are applied in their
    /// order. Doing what is done already changes nothing. Ends when that is as durable as other changes.
    async fn maintain(&self, maintenance: Maintenance);

    /// Figures for `GET /metrics` beside the server's own. They tell of no user.
    fn figures(&self) -> Vec<Figure> {
        Vec::new()
    }
}

/// A figure: a counter if its name ends in `_total`, else a gauge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    pub name: &'static str,
    pub help: &'static str,
    pub value: u64,
}

/// What `GET /health` tells a writer about what an answer of this server means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    pub commit: Commit,
    /// A resend under the same `X-Flowrun-Keys` changes nothing again.
    pub write_keys: bool,
    /// Writes are queued (202) and applied later.
    pub maintenance: bool,
    /// What was answered with 2xx outlives the process, and the machine's power.
    pub durable: bool,
    /// What objects are held to. The server reads the attributes of recipients by them.
    pub limits: Limits,
}

/// Whether writes are queued or applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maintenance {
    Begins,
    Ends,
}

/// What is true when `/users/track` has answered 201.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Taken over; it will be written.
    Accepted,
    /// Written; whoever reads now sees it.
    Applied,
}

impl Commit {
    pub const fn word(self) -> &'static str {
        match self {
            Commit::Accepted => "accepted",
            Commit::Applied => "applied",
        }
    }
}

/// A request's body, and when it came.
#[derive(Clone, Debug)]
pub struct Body {
    pub json: Map<String, Json>,
    pub at_ms: i64,
}

/// A status and a body in the vendor's shape, or why there can't be one.
pub type Answer = Result<Reply, Busy>;

/// The workspace can't do it now; nothing was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// A queue is full; the client is to come again later (503 with `Retry-After`).
    #[error("too much is queued; send it again later")]
    Full,
    /// The disk is full, and was so before anything was changed (503 with `Retry-After`).
    #[error("the disk is full, and nothing of this request was kept; send it again later")]
    NoSpace,
    /// The disk was full when it came to this (503 with `Retry-After`). Sent again under the same key it counts once.
    #[error(
        "the disk is full; this request is kept when there is space, unless the server ends before that: send it again later, \
         under the same keys if it has any"
    )]
    Unsaved,
    /// The process is going down (503).
    #[error("the server is stopping; send it again later")]
    Stopping,
    /// The commit failed (500). It may have happened: the client should send it again under the same key.
    #[error("the write could not be stored")]
    Failed,
}

/// Why users don't enter: a reply in the vendor's shape, or a busy workspace.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    Reply(Reply),
    Busy(Busy),
}

/// Endpoints over users besides `/users/track`. Those that `track` implements over a directory of profiles are
/// `track_sync`, `neighbours::{identify, merge, delete, new_aliases}` and `export::export`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Neighbour {
    TrackSync,
    Identify,
    Merge,
    Delete,
    NewAliases,
    Export,
}

/// When a schedule enters its users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// At one instant for everybody.
    At { ms: i64 },
    /// When clocks show this where the user is: milliseconds since 1970 as if in UTC. Users without a zone: UTC.
    Local { civil_ms: i64 },
}

/// A trigger for later, and the request that it was read from: what is kept of it by who outlives the process.
#[derive(Clone, Debug)]
pub struct Planned {
    pub trigger: Trigger,
    pub written: Map<String, Json>,
}

/// One request to send: `dispatch_id` of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch(pub String);

/// `schedule_id` of an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScheduleId(pub String);

impl Dispatch {
    /// 32 hexadecimal digits.
    pub(crate) fn random() -> Result<Dispatch, Busy> {
        Ok(Dispatch(hex(&random()?)))
    }
}

impl ScheduleId {
    /// 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12.
    pub(crate) fn random() -> Result<ScheduleId, Busy> {
        let bytes = random()?;
        let groups = [&bytes[..4], &bytes[4..6], &bytes[6..8], &bytes[8..10], &bytes[10..]];
        Ok(ScheduleId(groups.map(hex).join("-")))
    }
}

fn random() -> Result<[u8; 16], Busy> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Busy::Failed)?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A Canvas as `/canvas/list` and `/canvas/details` show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Canvas {
    /// What a client calls `canvas_id`: the name in the file.
    pub id: String,
    pub name: String,
    pub description: String,
    pub state: State,
    pub entry: EntryKind,
    pub tags: Vec<String>,
    pub created_ms: i64,
    pub edited_ms: i64,
    pub first_entry_ms: Option<i64>,
    pub last_entry_ms: Option<i64>,
    /// In the order of the file; the first is where users begin.
    pub steps: Vec<Step>,
}

/// Whether a Canvas takes users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Active,
    Draft,
    Paused,
    Archived,
}

/// How users come into a Canvas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    Api,
    Event,
    Schedule,
}

/// A step of a Canvas, as `/canvas/details` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub id: String,
    /// The kind key: `message`, `delay`, `user_update`…
    pub kind: String,
    /// What it may send, as it is written.
    pub messages: Vec<Message>,
    /// Ways out: a name as in the file, and the step it leads to.
    pub next: Vec<(String, String)>,
}

/// A message of a step, as `/canvas/details` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub id: String,
    pub channel: String,
    /// Its texts by what they are, with what is still to be rendered.
    pub texts: BTreeMap<String, String>,
}

/// A Content Block as `/content_blocks/list` and `/info` show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentBlock {
    pub id: String,
    pub name: String,
    pub content: String,
    pub description: String,
    pub tags: Vec<String>,
    pub created_ms: i64,
    pub edited_ms: i64,
    /// Canvases that include it.
    pub included_by: Vec<String>,
}

/// Who enters, or to whom something happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct User {
    /// The number of the profile.
    pub id: Id,
    /// Absent for users known by an alias, an address or a number only.
    pub external_id: Option<String>,
    /// What journeys tell them apart by: the external id, else `braze_id:` and the braze_id.
    pub journey_id: String,
}

/// A user enters a Canvas.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Shared by the entries of one request.
    pub canvas: Arc<str>,
    pub user: User,
    /// Entry properties: those of the request with those of the recipient over them.
    pub context: Arc<Map<String, Json>>,
    pub at_ms: i64,
}

/// An event of `/users/track`, after it was applied to the profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    pub user: User,
    /// The name of the event; of a purchase, the product.
    pub name: String,
    pub kind: Array,
    pub properties: Map<String, Json>,
    /// When it happened; never later than now.
    pub time_ms: i64,
}

/// Where [`crate::Memory`] reports what may start or move journeys. Calls are made after the profiles were changed, in the
/// order of the changes; they must not block, and must not call the workspace.
pub trait Journeys: Send + Sync + 'static {
    /// Users enter, all of one request together. An error refuses the request: nobody has entered.
    fn enter(&self, entries: Vec<Entry>) -> Result<(), Busy>;
    /// Whether anybody may enter now: asked before anything is changed.
    fn room(&self) -> Result<(), Busy> {
        Ok(())
    }
    /// Whether anything waits for events of this name; those nobody waits for aren't reported.
    fn listens(&self, kind: Array, name: &str) -> bool;
    fn happened(&self, events: Vec<Happened>);
    /// A user's data is gone; nothing more may be done for them.
    fn forget(&self, users: Vec<User>);
}
