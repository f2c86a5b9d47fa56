//! Channels that don't always take a message.

use std::cell::RefCell;
use std::rc::Rc;

use flowrun_core::{Millis, Send, SendOutcome};

use super::plan::ChannelFaults;
use super::{Dice, Plan};
use crate::agenda::Aftermath;
use crate::oracle::{Ledger, Mark};
use crate::outside::Channel;

/// A channel that a plan has in hand, in front of the one that takes what gets through.
pub struct FaultyChannel<'a> {
    seed: u64,
    faults: ChannelFaults,
    end: Millis,
    ledger: Rc<RefCell<Ledger>>,
    inner: &'a mut dyn Channel,
}

impl<'a> FaultyChannel<'a> {
    pub fn new(
        seed: u64,
        plan: &Plan,
        end: Millis,
        ledger: Rc<RefCell<Ledger>>,
        inner: &'a mut dyn Channel,
    ) -> FaultyChannel<'a> {
        FaultyChannel { seed, faults: plan.channel, end, ledger, inner }
    }
}

impl Channel for FaultyChannel<'_> {
    fn send(&mut self, now: Millis, message: &Send) -> SendOutcome {
        let key = message.key.digest();
        let names = [3, key as u64, (key >> 64) as u64, u64::from(message.attempt)];
        let mut dice = Dice::new(self.seed, &names);
        let faults = if now < self.end { self.faults } else { ChannelFaults::default() };
        let outcome = if dice.percent(faults.refused) {
            SendOutcome::Refused("no such address".into())
        } else if dice.percent(faults.retry) {
            let after = [None, Some(Millis(0)), Some(Millis::from_secs(90))];
            SendOutcome::Retry { after: *dice.pick(&after), cause: "421 try later".into() }
        } else if dice.percent(faults.unknown) {
            self.ledger.borrow_mut().marks.hit(Mark::MessageUnknown);
            // Half of them went out.
            if dice.percent(50.0) {
                let _ = self.inner.send(now, message);
                self.ledger.borrow_mut().went_out(message);
            }
            SendOutcome::Unknown("the connection broke".into())
        } else {
            let outcome = self.inner.send(now, message);
            if outcome == SendOutcome::Sent {
                self.ledger.borrow_mut().went_out(message);
            }
            outcome
        };
        self.ledger.borrow_mut().handed_over(now, message);
        outcome
    }

    fn aftermath(&mut self) -> Option<Aftermath> {
        self.inner.aftermath()
    }
}
