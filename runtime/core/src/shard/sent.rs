//! `Sent`: an attempt at sending a message has ended.

use flowrun_sdk::{Delivery, Door};

use super::Turn;
use crate::outbox::Stage;
use crate::record::{Change, FinalSend};
use crate::{ItemId, SendOutcome};

impl Turn<'_> {
    pub(super) fn message_answered(&mut self, id: ItemId, attempt: u32, outcome: SendOutcome) {
        let Some(message) = self.shard.state.messages.get(id) else { return };
        if message.attempt != attempt || message.stage != Stage::InFlight {
            return;
        }
        let policy = self.shard.settings.retry;
        let failures = message.failures + 1;
        let (due, failures) = match outcome {
            SendOutcome::Sent => return self.take_sent(id, FinalSend::Sent, None),
            SendOutcome::Refused(reason) => return self.give_up_sending(id, reason),
            SendOutcome::Unknown(cause) if message.content.delivery == Delivery::AtMostOnce => {
                let why = format!("unknown whether it was sent: {cause}").into();
                return self.take_sent(id, FinalSend::Unknown, Some(why));
            }
            SendOutcome::Retry { after: Some(after), .. } => {
                (self.now() + policy.told(after), message.failures)
            }
            SendOutcome::Retry { after: None, cause } | SendOutcome::Unknown(cause)
                if failures >= policy.attempts =>
            {
                let reason = format!("gave up after {failures} attempts; the last: {cause}");
                return self.give_up_sending(id, reason);
            }
            SendOutcome::Retry { .. } | SendOutcome::Unknown(_) => {
                (self.now() + policy.delay(failures, self.shard.salt(id)), failures)
            }
        };
        self.emit(Change::SendRetry { message: id, due, failures });
    }

    fn take_sent(&mut self, id: ItemId, outcome: FinalSend, why: Option<Box<str>>) {
        let journey = self.shard.state.messages.get(id).expect("the caller has found it").journey;
        self.emit(Change::Sent { message: id, outcome });
        if let Some(journey) = journey {
            self.leave(journey, Door::NEXT, why);
        }
    }

    fn give_up_sending(&mut self, id: ItemId, reason: String) {
        let journey = self.shard.state.messages.get(id).expect("the caller has found it").journey;
        self.bury_message(id, reason.as_str().into());
        let outcome = FinalSend::Refused(reason.into());
        self.emit(Change::Sent { message: id, outcome });
        if let Some(journey) = journey {
            self.leave(journey, Door::ON_FAILURE, None);
        }
    }
}
