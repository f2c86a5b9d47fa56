//! The one thread that writes. It takes what has come while it was syncing, makes it durable
//! together, and only then answers.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::shelf::{Journal, Shelf, Waiting};
use super::{Changes, Error, Standing};

/// Rows to keep, and where to say that they are kept.
pub(super) struct Job {
    pub changes: Changes,
    pub answer: oneshot::Sender<Result<(), Error>>,
}

/// How many rows a commit has at most, unless a single job has more: bounds memory, and how
/// long the first waits for the last.
const MOST_ROWS: usize = 32_768;

/// Works until nobody can ask any more, or the file is lost. A full disk is tried `again` after
/// so long.
pub(super) fn run(
    shelf: &Shelf,
    mut journal: Journal,
    jobs: &Receiver<Job>,
    stand: &watch::Sender<Standing>,
    again: Duration,
) {
    // What could not be written while the disk was full is here, and goes first.
    let mut waiting = Waiting::default();
    loop {
        let group = match gather(jobs, &mut waiting, again) {
            Some(group) => group,
            // What waits for space was never acknowledged.
            None => return,
        };
        let saved = shelf.save(&mut journal, &mut waiting);
        match &saved {
            Ok(()) => {
                stand.send_if_modified(|standing| {
                    let was_full = matches!(standing, Standing::Full(_));
                    *standing = Standing::Fine;
                    was_full
                });
            }
            Err(error @ Error::Full { .. }) => {
                stand.send_replace(Standing::Full(error.clone()));
            }
            Err(error) => {
                stand.send_replace(Standing::Lost(error.clone()));
            }
        }
        for answer in group {
            // Whoever doesn't wait any more doesn't hear the answer, which harms nobody.
            let _ = answer.send(saved.clone());
        }
        if !matches!(saved, Ok(()) | Err(Error::Full { .. })) {
            return;
        }
    }
}

type Answers = Vec<oneshot::Sender<Result<(), Error>>>;

/// Takes what there is to do, in order; `None` when there will be nothing more.
fn gather(
    jobs: &Receiver<Job>,
    waiting: &mut Waiting,
    again: Duration,
) -> Option<Answers> {
    let mut answers = Vec::new();
    let first = if waiting.is_empty() {
        jobs.recv().ok()?
    } else {
        match jobs.recv_timeout(again) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => return Some(answers),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    };
    let mut next = Some(first);
    while let Some(Job { changes, answer }) = next {
        waiting.add(&changes);
        answers.push(answer);
        next = if waiting.rows < MOST_ROWS { jobs.try_recv().ok() } else { None };
    }
    Some(answers)
}
