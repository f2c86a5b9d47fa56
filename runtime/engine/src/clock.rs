//! The time: the one place of the hosts that reads it.
//!
//! There are two. [`Clock::now`] is what the machine's clock shows: journeys go by it. It may be set
//! while the engine runs, so that whoever waits looks at it again at least once a minute; that a
//! timer never fires early is the shard's rule. [`Clock::steady`] runs evenly whatever the clock is
//! set to: the pace of requests and the time for a stop go by it, so that a clock that is set back
//! doesn't bring writing to a halt.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use flowrun_core::Millis;
use tokio::time::{Instant, sleep};

/// Where the time comes from.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// What the clock shows.
    fn now(&self) -> Millis;

    /// Time that only goes forward, and evenly.
    fn steady(&self) -> Millis;

    /// Waits so long, or less: whoever waits looks at the clock again.
    async fn wait(&self, length: Millis) {
        // At least a millisecond, so that a clock which stands still makes nobody spin.
        let length = Duration::from_millis(u64::try_from(length.0).unwrap_or(0).max(1));
        sleep(length.min(AT_MOST)).await;
    }
}

/// The longest that a wait lasts before the clock is looked at again.
const AT_MOST: Duration = Duration::from_secs(60);

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct System {
    anchored: Anchored,
}

impl System {
    #[must_use]
    pub fn new() -> System {
        System { anchored: Anchored::at(shown()) }
    }
}

impl Default for System {
    fn default() -> System {
        System::new()
    }
}

impl Clock for System {
    fn now(&self) -> Millis {
        shown()
    }

    fn steady(&self) -> Millis {
        self.anchored.steady()
    }
}

fn shown() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A clock that showed a given moment when it was made, and goes on by tokio's timers. Where
/// these are paused, time jumps to whatever is waited for next.
#[derive(Clone, Copy, Debug)]
pub struct Anchored {
    start: Millis,
    made: Instant,
}

impl Anchored {
    #[must_use]
    pub fn at(start: Millis) -> Anchored {
        Anchored { start, made: Instant::now() }
    }
}

impl Clock for Anchored {
    fn now(&self) -> Millis {
        self.steady()
    }

    fn steady(&self) -> Millis {
        let since = self.made.elapsed().as_millis();
        Millis(self.start.0.saturating_add(i64::try_from(since).unwrap_or(i64::MAX)))
    }
}
