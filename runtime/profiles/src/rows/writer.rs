//! The one thread that writes. It takes what has come while it was syncing, makes it durable
//! together, and only then answers.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::watch;

use super::shelf::{Journal, Shelf};
use super::waiting::{Answer, Queue, Waiting};
use super::{Error, Standing};

/// Works until nobody can ask any more, or the file is lost. A full disk is tried `again` after
/// so long.
pub(super) fn run(
    shelf: &Shelf,
    mut journal: Journal,
    queue: &Queue,
    news: &Receiver<()>,
    stand: &watch::Sender<Standing>,
    again: Duration,
) {
    // However this ends: nobody is to wait for it then.
    struct Close<'a>(&'a Queue);
    impl Drop for Close<'_> {
        fn drop(&mut self) {
            self.0.close();
        }
    }
    let _close = Close(queue);
    // What could not be written while the disk was full is here, and goes first.
    let (mut waiting, mut more) = (Waiting::default(), false);
    loop {
        // What waits for space was never acknowledged.
        let length = match (more, waiting.pieces.is_empty()) {
            (true, true) => Duration::ZERO,
            (_, false) => again,
            (false, true) => Duration::MAX,
        };
        let Some(gathered) = gather(queue, news, &mut waiting, length) else { return };
        let answers = gathered.0;
        more = gathered.1;
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
        for answer in answers {
            // Whoever doesn't wait any more doesn't hear the answer, which harms nobody.
            let _ = answer.send(saved.clone());
        }
        if !matches!(saved, Ok(()) | Err(Error::Full { .. })) {
            return;
        }
    }
}

/// Takes what there is to do, in order, or waits so long for it; `None` when there will be nothing
/// more. Also tells whether there is more already.
fn gather(
    queue: &Queue,
    news: &Receiver<()>,
    waiting: &mut Waiting,
    length: Duration,
) -> Option<(Vec<Answer>, bool)> {
    match news.recv_timeout(length) {
        Ok(()) | Err(RecvTimeoutError::Timeout) => {}
        // What was asked for before the end is done before it, unless the disk is full.
        Err(RecvTimeoutError::Disconnected) if length == Duration::ZERO => {}
        Err(RecvTimeoutError::Disconnected) => return None,
    }
    // What they tell of is in the queue by now.
    while news.try_recv().is_ok() {}
    Some(queue.take(waiting))
}
