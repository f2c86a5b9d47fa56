//! How attempts end.

use flowrun_sdk::Millis;
use serde::{Deserialize, Serialize};

/// What a backend answers for one object of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Written; whoever reads the backend now sees it.
    Applied,
    /// Taken over by the backend, which will write it (201/202 of an endpoint that queues).
    Accepted,
    /// Never will be written, for this reason.
    Refused(String),
    /// Not written; try again, after so long where the backend says so.
    Retry { after: Option<Millis>, cause: String },
    /// Nobody knows: the request may have had its effect. Sent again under the same key.
    Unknown(String),
}

impl Outcome {
    /// Whether the object needs no further attempt.
    pub fn is_final(&self) -> bool {
        matches!(self, Outcome::Applied | Outcome::Accepted | Outcome::Refused(_))
    }

    /// The word for it in traces.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Applied => "applied",
            Outcome::Accepted => "accepted",
            Outcome::Refused(_) => "refused",
            Outcome::Retry { .. } => "retry",
            Outcome::Unknown(_) => "unknown",
        }
    }
}

/// How far a write has got when it is committed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum CommitLevel {
    Accepted,
    Applied,
}

impl CommitLevel {
    pub fn word(self) -> &'static str {
        match self {
            CommitLevel::Accepted => "accepted",
            CommitLevel::Applied => "applied",
        }
    }
}

/// How an attempt at a whole write (all its objects) ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum WriteOutcome {
    /// All objects are in.
    Committed(CommitLevel),
    /// At least one object never will be; the others are in.
    Refused(String),
    /// Some objects need another attempt. `refused` says why an object of this or an
    /// earlier attempt never will be written.
    Again { after: Option<Millis>, cause: String, refused: Option<Box<str>> },
}

/// How an attempt at sending a message ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SendOutcome {
    Sent,
    Refused(String),
    Retry {
        after: Option<Millis>,
        cause: String,
    },
    /// It may have gone out.
    Unknown(String),
}

/// Which objects of a write are settled: attributes, then events, then purchases.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Progress(Bits);

/// Few writes have more than 64 objects; those need no heap.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Bits {
    Few(u64),
    Many(Box<[u64]>),
}

impl Default for Progress {
    fn default() -> Progress {
        Progress(Bits::Few(0))
    }
}

impl Progress {
    pub fn contains(&self, object: usize) -> bool {
        let words = self.words();
        words.get(object / 64).is_some_and(|word| word & (1 << (object % 64)) != 0)
    }

    pub fn insert(&mut self, object: usize) {
        let word = object / 64;
        if self.words().len() <= word {
            let mut words = self.words().to_vec();
            words.resize(word + 1, 0);
            self.0 = Bits::Many(words.into());
        }
        let words = match &mut self.0 {
            Bits::Few(word) => std::slice::from_mut(word),
            Bits::Many(words) => words,
        };
        words[word] |= 1 << (object % 64);
    }

    pub fn count(&self) -> usize {
        self.words().iter().map(|word| word.count_ones() as usize).sum()
    }

    fn words(&self) -> &[u64] {
        match &self.0 {
            Bits::Few(word) => std::slice::from_ref(word),
            Bits::Many(words) => words,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_holds_what_was_put_in() {
        let objects = [0, 63, 64, 5000];
        let mut progress = Progress::default();
        objects.into_iter().for_each(|object| progress.insert(object));
        let held: Vec<usize> = (0..6000).filter(|&object| progress.contains(object)).collect();
        assert_eq!(held, objects);
        assert_eq!(progress.count(), 4);
    }
}
