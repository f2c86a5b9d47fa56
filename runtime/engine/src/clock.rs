//! The time: the one place of the hosts that reads it.
//!
//! A machine's clock may be set while the engine runs. Whoever waits looks at it again at least
//! once a minute, so that a timer fires soon after its moment whatever the clock did meanwhile;
//! that it never fires early is the shard's rule, which goes by [`Clock::now`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use flowrun_core::Millis;
use tokio::time::{Instant, sleep};

/// Where the time comes from.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Millis;

    /// Waits until the clock shows this moment, or for a while: whoever waits asks again.
    async fn wait_until(&self, moment: Millis);
}

/// The longest that a wait lasts before the clock is looked at again.
const AT_MOST: Duration = Duration::from_secs(60);

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

#[async_trait]
impl Clock for System {
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    async fn wait_until(&self, moment: Millis) {
        wait(moment.0.saturating_sub(self.now().0)).await;
    }
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

#[async_trait]
impl Clock for Anchored {
    fn now(&self) -> Millis {
        let since = self.made.elapsed().as_millis();
        Millis(self.start.0.saturating_add(i64::try_from(since).unwrap_or(i64::MAX)))
    }

    async fn wait_until(&self, moment: Millis) {
        wait(moment.0.saturating_sub(self.now().0)).await;
    }
}

/// At least a millisecond, so that a clock which stands still makes nobody spin.
async fn wait(ms: i64) {
    let left = Duration::from_millis(u64::try_from(ms).unwrap_or(0).max(1));
    sleep(left.min(AT_MOST)).await;
}
