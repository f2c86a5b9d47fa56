//! Threads that plugins run on, so that whoever asks can stop waiting.
//!
//! A thread can't be ended from outside. One that doesn't come back is left to itself: it
//! holds what it was given, and never gets another job. Idle ones are used again; there are as
//! many as calls at once, plus those lost.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

type Job = Box<dyn FnOnce() + Send>;

/// How long a caller looks for the answer before it goes to sleep: waking up costs more than
/// most calls take.
const LOOKS_FOR: Duration = Duration::from_micros(20);

#[derive(Default)]
pub(crate) struct Workers {
    idle: Mutex<Vec<Sender<Job>>>,
}

/// The job didn't come back in time.
pub(crate) struct Late;

impl Workers {
    /// Does the job on another thread, and waits so long for its result.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        patience: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Late> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let worker = idle.unwrap_or_else(begin);
        let (tell, told) = channel();
        let job: Job = Box::new(move || {
            // Who asked may have given up.
            let _ = tell.send(job());
        });
        worker.send(job).map_err(|_| Late)?;
        let result = wait(&told, patience).ok_or(Late)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        Ok(result)
    }
}

fn begin() -> Sender<Job> {
    let (give, jobs) = channel::<Job>();
    let work = move || jobs.into_iter().for_each(|job| job());
    let name = "flowrun plugin".to_owned();
    // Without a thread nothing takes the job, and the caller is told that nobody answered.
    let _ = thread::Builder::new().name(name).stack_size(8 << 20).spawn(work);
    give
}

fn wait<T>(told: &Receiver<T>, patience: Duration) -> Option<T> {
    let begun = Instant::now();
    loop {
        match told.try_recv() {
            Ok(result) => return Some(result),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) if begun.elapsed() >= LOOKS_FOR => break,
            Err(TryRecvError::Empty) => std::hint::spin_loop(),
        }
    }
    told.recv_timeout(patience).ok()
}
