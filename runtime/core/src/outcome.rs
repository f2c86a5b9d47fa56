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

/// Which objects of a write are settled, and which of these were refused: attributes, then
/// events, then purchases.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Progress(Bits);

/// Few writes have more than 64 objects, or refused ones; the others need no heap.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Bits {
    Few(u64),
    Many(Box<[u64]>),
    Mixed(Box<Mixed>),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Mixed {
    settled: Box<[u64]>,
    refused: Box<[u64]>,
}

impl Default for Progress {
    fn default() -> Progress {
        Progress(Bits::Few(0))
    }
}

impl Progress {
    pub fn contains(&self, object: usize) -> bool {
        has(self.settled(), object)
    }

    /// The object is in.
    pub fn insert(&mut self, object: usize) {
        if let Bits::Mixed(mixed) = &mut self.0 {
            return set(&mut mixed.settled, object);
        }
        let word = object / 64;
        if self.settled().len() <= word {
            let mut words = self.settled().to_vec();
            words.resize(word + 1, 0);
            self.0 = Bits::Many(words.into());
        }
        let words = match &mut self.0 {
            Bits::Few(word) => std::slice::from_mut(word),
            Bits::Many(words) => words,
            Bits::Mixed(mixed) => &mut mixed.settled,
        };
        words[word] |= 1 << (object % 64);
    }

    /// The object never will be in.
    pub fn refuse(&mut self, object: usize) {
        if !matches!(self.0, Bits::Mixed(_)) {
            let (settled, refused) = (self.settled().into(), Box::default());
            self.0 = Bits::Mixed(Box::new(Mixed { settled, refused }));
        }
        if let Bits::Mixed(mixed) = &mut self.0 {
            set(&mut mixed.settled, object);
            set(&mut mixed.refused, object);
        }
    }

    /// How many objects are settled.
    pub fn count(&self) -> usize {
        self.settled().iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Only the objects that are in: what is left for another attempt is all the others.
    #[must_use]
    pub fn applied(&self) -> Progress {
        let Bits::Mixed(mixed) = &self.0 else { return self.clone() };
        let Mixed { settled, refused } = &**mixed;
        let mut applied = Progress::default();
        let in_there = |object: &usize| has(settled, *object) && !has(refused, *object);
        (0..settled.len() * 64).filter(in_there).for_each(|object| applied.insert(object));
        applied
    }

    fn settled(&self) -> &[u64] {
        match &self.0 {
            Bits::Few(word) => std::slice::from_ref(word),
            Bits::Many(words) => words,
            Bits::Mixed(mixed) => &mixed.settled,
        }
    }
}

fn has(words: &[u64], object: usize) -> bool {
    words.get(object / 64).is_some_and(|word| word & (1 << (object % 64)) != 0)
}

fn set(words: &mut Box<[u64]>, object: usize) {
    let word = object / 64;
    if words.len() <= word {
        let mut more = words.to_vec();
        more.resize(word + 1, 0);
        *words = more.into();
    }
    words[word] |= 1 << (object % 64);
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
        assert_eq!(progress.applied(), progress);
    }

    #[test]
    fn what_was_refused_is_settled_and_not_in() {
        let mut progress = Progress::default();
        progress.insert(1);
        [70, 3].into_iter().for_each(|object| progress.refuse(object));
        progress.insert(200);
        let held: Vec<usize> = (0..300).filter(|&object| progress.contains(object)).collect();
        assert_eq!((held, progress.count()), (vec![1, 3, 70, 200], 4));
        let applied = progress.applied();
        let held: Vec<usize> = (0..300).filter(|&object| applied.contains(object)).collect();
        assert_eq!(held, [1, 200]);
    }
}
