//! What can be asked, and what is answered: the words between a command and whoever holds the
//! state folder. Each is one line of JSON on the socket; `--json` prints answers as they are.

use std::fmt;
use std::str::FromStr;

use flowrun_engine::log::Kept;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::core::trace::rfc3339;
use crate::core::{LetterId, Millis, ShardId};
use crate::moment;
use crate::trace::TraceLine;

#[derive(Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    Overview,
    Letters(Wanted),
    Replay(Vec<LetterAt>),
    Discard(Vec<LetterAt>),
    /// A Canvas, by its name.
    Pause(String),
    Resume(String),
    /// A user, by the external id.
    Delete(String),
    Whereabouts {
        user: String,
        canvas: String,
    },
    /// What the newest version of every Canvas is made of.
    Newest,
}

#[derive(Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Overview(Overview),
    Letters(Vec<Letter>),
    Verdicts(Vec<Verdict>),
    /// A pause or its end: how it is now, and was before.
    Paused(Change),
    Deleted(Deleted),
    Whereabouts(Whereabouts),
    Newest(Vec<Kept>),
    Refused(String),
}

/// Which dead letters, a page at a time: in the order of shards and numbers.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
pub struct Wanted {
    /// These, if there are any.
    pub ids: Vec<LetterAt>,
    pub canvas: Option<String>,
    pub step: Option<String>,
    pub after: Option<LetterAt>,
    pub most: usize,
    pub payloads: Payloads,
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "snake_case")]
pub enum Payloads {
    With,
    #[default]
    Without,
}

/// A dead letter's place: `2-17` is number 17 of shard 2.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LetterAt {
    pub shard: ShardId,
    pub id: LetterId,
}

impl fmt::Display for LetterAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.shard.0, self.id.0)
    }
}

impl FromStr for LetterAt {
    type Err = String;

    fn from_str(text: &str) -> Result<LetterAt, String> {
        let parts = text.split_once('-');
        let parsed = parts.and_then(|(shard, id)| Some((shard.parse().ok()?, id.parse().ok()?)));
        let Some((shard, id)) = parsed else {
            return Err(
                "a dead letter's id looks like 2-17 (`flowrun dead-letters` has them)".into()
            );
        };
        Ok(LetterAt { shard: ShardId(shard), id: LetterId(id) })
    }
}

impl Serialize for LetterAt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LetterAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LetterAt, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A moment, as RFC 3339.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Moment(pub Millis);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        let text = String::deserialize(deserializer)?;
        moment::parse(&text).map(Moment).map_err(serde::de::Error::custom)
    }
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Overview {
    pub at: Moment,
    /// Whether a process holds the folder and moves users.
    pub running: bool,
    /// Why nobody enters or no wait ends now; empty where all is well.
    pub overload: Vec<String>,
    pub users: u64,
    /// Timers that came due while nobody was there, and wait to be let go.
    pub overdue: u64,
    /// Versions that somebody is on, and the newest of each Canvas.
    pub canvases: Vec<CanvasRow>,
    pub dead_letters: Burden,
    pub log: LogRow,
    /// What the profiles take on the disk.
    pub profiles_bytes: u64,
    /// Whether files may still hold bytes of users who were deleted.
    pub to_be_swept: bool,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Burden {
    pub count: u64,
    pub bytes: u64,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct LogRow {
    /// Records that no snapshot stands for.
    pub records: u64,
    pub record_bytes: u64,
    pub snapshot_bytes: u64,
    pub file_bytes: u64,
    /// When a snapshot was last taken by the process that is at work.
    pub snapshotted: Option<Moment>,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct CanvasRow {
    pub canvas: String,
    pub version: String,
    /// Whether it is the last version that was kept.
    pub newest: bool,
    /// Whether its Canvas had no file any more at the last start, so that nobody enters.
    pub has_no_file: bool,
    pub paused: bool,
    /// Journeys on this version that have not ended.
    pub journeys: u64,
    pub steps: Vec<StepRow>,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct StepRow {
    pub step: String,
    pub kind: String,
    pub waiting: u64,
    /// The earliest moment at which one of them goes on.
    pub earliest_due: Option<Moment>,
    pub fetching: u64,
    pub held: u64,
    pub sending: u64,
    pub parked: u64,
    pub parked_since: Option<Moment>,
    /// When the one came here who has stood here for the longest, to the second.
    pub oldest_since: Option<Moment>,
    /// The same of those who wait, are held, and are sending.
    pub waiting_since: Option<Moment>,
    pub held_since: Option<Moment>,
    pub sending_since: Option<Moment>,
    pub attempts: AttemptsRow,
}

/// How far the writes of who is held are, and the messages of who is sending.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct AttemptsRow {
    pub queued: u64,
    pub under_way: u64,
    pub again: u64,
    pub most: u32,
    pub next: Option<Moment>,
    pub earliest_deadline: Option<Moment>,
}

impl StepRow {
    pub fn all(&self) -> u64 {
        self.waiting + self.fetching + self.held + self.sending + self.parked
    }
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Letter {
    pub id: LetterAt,
    pub at: Moment,
    pub canvas: String,
    pub version: String,
    pub step: String,
    pub user: String,
    pub entry: u32,
    pub key: String,
    pub reason: String,
    /// Why it can't be replayed now; none if it can.
    pub obstacle: Option<String>,
    /// Whether it is on its way.
    pub under_way: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

/// What was decided of one dead letter.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Verdict {
    pub id: LetterAt,
    /// Why nothing was done; none if it was.
    pub refused: Option<String>,
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Done,
    WasSo,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Deleted {
    /// Whether there was a profile.
    pub profile: bool,
    pub journeys: u64,
    pub dead_letters: u64,
    /// Whether the files are free of their bytes already.
    pub swept: bool,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Whereabouts {
    pub user: String,
    pub canvas: String,
    pub at: Moment,
    /// Whether anything is known of the user by any Canvas.
    pub known: bool,
    pub paused: bool,
    pub journeys: Vec<JourneyRow>,
    pub dead_letters: Vec<Letter>,
    /// What was before this moment is in no record any more.
    pub told_from: Option<Moment>,
    /// What happened since, as in a trace.
    pub lines: Vec<TraceLine>,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct JourneyRow {
    pub version: String,
    pub entry: u32,
    pub step: String,
    pub state: Rest,
    /// When they came to the step, or were parked there; to the second, unless a record still
    /// tells.
    pub since: Option<Moment>,
    /// The next moment at which something happens without anybody's doing.
    pub due: Option<Moment>,
    /// When a held user goes on without the write.
    pub deadline: Option<Moment>,
    pub key: Option<String>,
    /// The attempt that is under way or next.
    pub attempt: Option<u32>,
}

/// What a journey rests in.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    Waiting,
    Fetching,
    /// Behind an earlier write of the same user.
    HeldBehind,
    Held,
    Sending,
    Parked,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_is_called_by_shard_and_number() {
        let at: LetterAt = "2-17".parse().unwrap();
        assert_eq!((at.shard, at.id, at.to_string()), (ShardId(2), LetterId(17), "2-17".into()));
        for wrong in ["", "17", "-", "2-", "-17", "a-1", "2-17-3", "70000-1", "2--1"] {
            assert!(wrong.parse::<LetterAt>().is_err(), "{wrong}");
        }
    }
}
