//! A real backend in a run: virtual time for the journeys, real requests for the writes.
//!
//! While all is well, virtual time jumps as it does otherwise. While the backend fails, it
//! doesn't: waits between attempts are then waited for in reality, since an endpoint that is
//! down or asks for patience needs time that passes for it, too.
//!
//! A run lives from its start to its end and remembers nothing of those before it. So the
//! keys that a backend sees are of this run: what a run writes is never taken for a resend of
//! what an earlier one wrote.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowrun_core::batcher::{Answers, Reply, Request};
use flowrun_core::{Millis, Outcome};
use flowrun_profiles::{About, ProfileBackend};
use tokio::runtime::{Builder, Runtime};

use crate::backend::{Backend, Replies};

/// How often somebody who waits looks whether to go on.
const LOOK: Duration = Duration::from_millis(50);

/// A backend that is not of the simulation's own making.
pub struct Remote {
    backend: Arc<dyn ProfileBackend>,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    /// How long a reply takes in virtual time.
    latency: Millis,
    /// What tells this run's writes from those of every other.
    life: Box<str>,
    /// Asked whether somebody wants to stop.
    stopped: Box<dyn Fn() -> bool>,
    /// When the backend failed last, in reality and in virtual time, if it fails.
    failed: Option<(Instant, Millis)>,
}

impl Remote {
    /// # Errors
    /// If the machine can't give it what it needs to wait for several replies at once.
    pub fn new(
        backend: Arc<dyn ProfileBackend>,
        latency: Millis,
        life: &str,
        stopped: impl Fn() -> bool + 'static,
    ) -> io::Result<Remote> {
        let runtime = Some(Builder::new_current_thread().enable_all().build()?);
        let (life, stopped) = (life.into(), Box::new(stopped));
        Ok(Remote { backend, runtime, latency, life, stopped, failed: None })
    }

    /// The request under keys of this run.
    fn own(&self, request: &Request) -> Request {
        let mut parts = request.parts.to_vec();
        for part in &mut parts {
            let key = &mut part.write.key;
            key.canvas = format!("{} of {}", key.canvas, self.life).into();
        }
        Request { parts: Arc::new(parts), ..request.clone() }
    }

    /// Lets as much real time pass since the last failure as virtual time has.
    fn wait(&self, now: Millis) {
        let Some((since, then)) = self.failed else { return };
        let wait = Duration::from_millis((now - then).0.max(0) as u64);
        while let Some(left) = wait.checked_sub(since.elapsed()).filter(|left| !left.is_zero()) {
            if (self.stopped)() {
                return;
            }
            let runtime = self.runtime.as_ref().expect("there is a runtime until the drop");
            // Inside, since a timer is made of the runtime that it is made in.
            runtime.block_on(async { tokio::time::sleep(left.min(LOOK)).await });
        }
    }

    /// The replies, in the order of the requests; none of those that somebody stopped.
    fn replies(&self, requests: &[Request]) -> Vec<Option<Reply>> {
        let runtime = self.runtime.as_ref().expect("there is a runtime until the drop");
        runtime.block_on(async {
            let tasks: Vec<_> = requests
                .iter()
                .map(|request| {
                    let (backend, request) = (self.backend.clone(), self.own(request));
                    tokio::spawn(async move { backend.commit(&request).await })
                })
                .collect();
            let mut replies = Vec::with_capacity(tasks.len());
            for mut task in tasks {
                let reply = loop {
                    match tokio::time::timeout(LOOK, &mut task).await {
                        Ok(reply) => break reply.ok(),
                        Err(_) if (self.stopped)() => {
                            task.abort();
                            break None;
                        }
                        Err(_) => {}
                    }
                };
                replies.push(reply);
            }
            replies
        })
    }
}

impl Backend for Remote {
    fn about(&self) -> &About {
        self.backend.about()
    }

    fn send(&mut self, now: Millis, requests: &[Request], replies: &mut Replies) {
        self.wait(now);
        let mut failed = false;
        for (request, reply) in requests.iter().zip(self.replies(requests)) {
            let reply = reply.unwrap_or_else(|| {
                Reply::new(None, Answers::All(Outcome::Unknown("stopped before a reply".into())))
            });
            let outcomes = reply.outcomes(&request.parts);
            failed |= outcomes.retry + outcomes.unknown > 0 || reply.pause.is_some();
            replies.send(now + self.latency, request.number, reply);
        }
        self.failed = failed.then(|| (Instant::now(), now + self.latency));
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // A look-up of a name that hangs must not hang the program at its end.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
