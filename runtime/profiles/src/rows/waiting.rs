//! Changes that are not in the journal yet, as pieces of it that aren't packed: whoever changes
//! rows writes them here, and the writer takes all that have come while it was busy.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::Error;

/// How much of the journal is packed into one value, to begin with, and at most.
pub(super) const PIECE: usize = 64 << 10;
pub(super) const LONGEST_PIECE: usize = 256 << 10;

/// How many rows a commit has, and the last change with its rows: bounds how long the first
/// waits for the last.
const MOST_ROWS: usize = 32_768;

/// So many pieces are kept to be used again.
const SPARE: usize = 32;

pub(super) struct Waiting {
    pub pieces: VecDeque<Vec<u8>>,
    /// How long a piece may get.
    pub most: usize,
    rows: usize,
    row: Vec<u8>,
    /// Pieces to be used again.
    spare: Vec<Vec<u8>>,
}

impl Default for Waiting {
    fn default() -> Waiting {
        let (pieces, rows, row, spare) = Default::default();
        Waiting { pieces, most: PIECE, rows, row, spare }
    }
}

impl Waiting {
    /// Writes the change of a row behind those that are there. By itself first, so that one which
    /// can't be written leaves the others whole.
    pub fn row(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.row.clear();
        write(&mut self.row);
        self.rows += 1;
        let fits = |piece: &&mut Vec<u8>| piece.len() + self.row.len() <= self.most;
        match self.pieces.back_mut().filter(fits) {
            Some(piece) => piece.extend_from_slice(&self.row),
            None => {
                let mut piece = self.spare.pop().unwrap_or_default();
                piece.extend_from_slice(&self.row);
                self.pieces.push_back(piece);
            }
        }
    }

    /// Takes what others have written, for pieces to write in.
    fn take(&mut self, from: &mut Waiting) {
        self.pieces.append(&mut from.pieces);
        from.rows = 0;
        from.most = self.most;
        from.row.shrink_to(LONGEST_PIECE);
        from.spare.append(&mut self.spare);
        from.spare.truncate(SPARE);
    }

    /// They are in the journal.
    pub fn clear(&mut self) {
        self.spare.extend(self.pieces.drain(..).take(SPARE).map(|mut piece| {
            piece.clear();
            piece.shrink_to(LONGEST_PIECE);
            piece
        }));
    }
}

pub(super) type Answer = oneshot::Sender<Result<(), Error>>;

/// What lies between those who change rows and the writer.
#[derive(Default)]
pub(super) struct Queue(Mutex<Open>);

#[derive(Default)]
pub(super) struct Open {
    pub waiting: Waiting,
    answers: Vec<Answer>,
    /// Changes that came before these, as much as a commit has.
    before: VecDeque<(VecDeque<Vec<u8>>, Vec<Answer>)>,
    /// The writer has ended: nobody takes anything any more.
    closed: bool,
}

impl Queue {
    /// For one change, whose rows are to be together.
    pub fn open(&self) -> MutexGuard<'_, Open> {
        // A panic leaves whole rows.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has come, in its order, as much as a commit has, and who is to hear of it; and whether
    /// there is more.
    pub fn take(&self, waiting: &mut Waiting) -> (Vec<Answer>, bool) {
        let mut open = self.open();
        let Some((mut pieces, answers)) = open.before.pop_front() else {
            waiting.take(&mut open.waiting);
            return (std::mem::take(&mut open.answers), false);
        };
        waiting.pieces.append(&mut pieces);
        (answers, true)
    }

    /// Whoever waits for an answer hears that there will be none.
    pub fn close(&self) {
        *self.open() = Open { closed: true, ..Open::default() };
    }
}

impl Open {
    /// The rows that were written are all; `answer` is given when they are durable.
    pub fn done(&mut self, answer: Answer) {
        if self.closed {
            self.waiting = Waiting::default();
            return;
        }
        self.answers.push(answer);
        if self.waiting.rows >= MOST_ROWS {
            self.waiting.rows = 0;
            let pieces = std::mem::take(&mut self.waiting.pieces);
            self.before.push_back((pieces, std::mem::take(&mut self.answers)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_has_whole_changes_and_not_all_that_wait() {
        let (queue, mut heard) = (Queue::default(), Vec::new());
        for change in 0..5u8 {
            let mut open = queue.open();
            (0..MOST_ROWS / 2).for_each(|_| open.waiting.row(|bytes| bytes.push(change)));
            let (answer, answered) = oneshot::channel();
            open.done(answer);
            heard.push(answered);
        }
        let mut commits = Vec::new();
        loop {
            let mut waiting = Waiting::default();
            let (answers, more) = queue.take(&mut waiting);
            let mut changes: Vec<u8> = waiting.pieces.into_iter().flatten().collect();
            assert_eq!(changes.len(), answers.len() * (MOST_ROWS / 2), "with all their rows");
            changes.dedup();
            commits.push(changes);
            if !more {
                break;
            }
        }
        assert_eq!(commits, [vec![0, 1], vec![2, 3], vec![4]]);
        queue.close();
        let (answer, mut answered) = oneshot::channel();
        let mut open = queue.open();
        open.waiting.row(|bytes| bytes.push(6));
        open.done(answer);
        assert!(open.waiting.pieces.is_empty(), "nobody takes it any more");
        assert!(answered.try_recv().is_err());
    }
}
