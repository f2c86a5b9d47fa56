//! Changes that are not in the journal yet, as pieces of it that aren't packed: whoever changes
//! rows writes them here, and the writer takes all that have come while it was busy.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::Error;

/// How much of the journal is packed into one value, to begin with, and at most.
pub(super) const PIECE: usize = 64 << 10;
pub(super) const LONGEST_PIECE: usize = 256 << 10;

/// So many pieces are kept to be used again.
const SPARE: usize = 32;

pub(super) struct Waiting {
    pub pieces: VecDeque<Vec<u8>>,
    /// How long a piece may get.
    pub most: usize,
    row: Vec<u8>,
    /// Pieces to be used again.
    spare: Vec<Vec<u8>>,
}

impl Default for Waiting {
    fn default() -> Waiting {
        let (pieces, row, spare) = Default::default();
        Waiting { pieces, most: PIECE, row, spare }
    }
}

impl Waiting {
    /// Writes the change of a row behind those that are there. By itself first, so that one which
    /// can't be written leaves the others whole.
    pub fn row(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.row.clear();
        write(&mut self.row);
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
    /// The writer has ended: nobody takes anything any more.
    closed: bool,
}

impl Queue {
    /// For one change, whose rows are to be together.
    pub fn open(&self) -> MutexGuard<'_, Open> {
        // A panic leaves whole rows.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that has come, in its order, and who is to hear of it.
    pub fn take(&self, waiting: &mut Waiting) -> Vec<Answer> {
        let mut open = self.open();
        waiting.take(&mut open.waiting);
        std::mem::take(&mut open.answers)
    }

    /// Whoever waits for an answer hears that there will be none.
    pub fn close(&self) {
        let mut open = self.open();
        (open.closed, open.answers) = (true, Vec::new());
    }
}

impl Open {
    /// The rows that were written are all; `answer` is given when they are durable.
    pub fn done(&mut self, answer: Answer) {
        if !self.closed {
            self.answers.push(answer);
        }
    }
}
