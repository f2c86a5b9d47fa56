//! Coming back after a crash: records are applied, steps are not asked.

use flowrun_sdk::Delivery;

use super::Shard;
use crate::effect::Effect;
use crate::journey::State as Rest;
use crate::outbox::Stage;
use crate::planted::{Bug, is_planted};
use crate::record::Record;

impl Shard {
    /// Makes the changes of a record that was read back from the log. Returns the trace
    /// lines again, where the shard traces.
    pub fn replay(&mut self, record: &Record) -> Vec<crate::trace::Line> {
        self.now = self.now.max(record.at);
        for change in &record.changes {
            self.state.apply(record.at, change);
        }
        self.state.lines.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What was committed to be done and has no final outcome: to be performed (again)
    /// after the last record was replayed. Visits that were waiting for answers start
    /// over with the next step. A message that may go out at most once is not among them:
    /// it may have gone out, and is settled as unknown with the next step. Nor is one whose
    /// Canvas is paused.
    #[must_use]
    pub fn recover(&mut self) -> Vec<Effect> {
        let writes = self.state.writes.iter().filter(|(_, write)| write.stage == Stage::InFlight);
        let writes: Vec<_> = writes.map(|(id, _)| id).collect();
        let messages = self.state.messages.iter();
        let messages = messages.filter(|(_, message)| message.stage == Stage::InFlight);
        let (again, in_doubt): (Vec<_>, Vec<_>) = messages.partition(|(_, message)| {
            let again = message.content.delivery == Delivery::AtLeastOnce;
            (again || is_planted(Bug::AtMostOnceResent))
                && !self.state.is_paused(message.origin.canvas)
        });
        let messages: Vec<_> = again.into_iter().map(|(id, _)| id).collect();
        let in_doubt = in_doubt.into_iter().map(|(id, _)| id).collect();
        let fetching = self.state.journeys.iter();
        let fetching =
            fetching.filter(|(_, journey)| matches!(journey.state, Rest::Fetching { .. }));
        self.resume = fetching.map(|(ix, _)| ix).collect();
        self.in_doubt = in_doubt;
        let writes = writes.into_iter().map(|id| self.write_effect(id));
        writes.chain(messages.into_iter().map(|id| self.send_effect(id))).collect()
    }
}
