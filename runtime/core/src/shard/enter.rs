//! `Enter`: a user wants into a Canvas. `Event`: what a user did lets them in.

use std::sync::Arc;

use flowrun_sdk::Millis;
use flowrun_template::Condition;

use super::Turn;
use crate::input::Context;
use crate::record::Change;
use crate::render::condition_holds;
use crate::view::UserView;
use crate::{CanvasIx, Reentry};

/// The longest id a user may have, in bytes (as in User Track).
pub const LONGEST_ID: usize = 987;

/// Why somebody is turned away. Not a fault: counted, and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum TurnedAway {
    BadId,
    OutsideAudience,
    AudienceError,
    NotAgain,
    Paused,
}

impl Turn<'_> {
    pub(super) fn enter(
        &mut self,
        canvas: CanvasIx,
        user: Box<str>,
        context: Option<Arc<Context>>,
    ) {
        let admitted = self.admit(canvas, &user, context.as_deref());
        let tally = &mut self.shard.state.tallies[canvas.index()];
        match admitted {
            Ok(()) => {}
            Err(TurnedAway::BadId) => return tally.bad_ids += 1,
            Err(TurnedAway::OutsideAudience) => return tally.outside_audience += 1,
            Err(TurnedAway::AudienceError) => return tally.audience_errors += 1,
            Err(TurnedAway::NotAgain) => return tally.not_again += 1,
            Err(TurnedAway::Paused) => return tally.paused += 1,
        }
        let journey = self.shard.state.journeys.vacant();
        self.emit(Change::Entered { journey, user, canvas, context });
        self.arrive(journey);
        if self.leaving.expected {
            self.note_for_leaving(journey);
        }
    }

    /// Whether a user has never entered a Canvas.
    pub(super) fn is_new_to(&self, canvas: CanvasIx, user: &str) -> bool {
        let state = &self.shard.state;
        let known = state.users.find(user);
        known.is_none_or(|user| state.users.entries(user, state.family(canvas)).0 == 0)
    }

    /// Every Canvas that waits for the event lets the user in, in the order of the Canvases.
    pub(super) fn event(&mut self, user: &str, name: &str, properties: Option<Arc<Context>>) {
        for canvas in self.shard.state.waiting_for(name) {
            if self.triggers(canvas, user, properties.as_deref()) {
                self.enter(canvas, user.into(), properties.clone());
            }
        }
    }

    /// Whether the Canvas's condition on the event holds. One that can't be evaluated does
    /// not, and is counted.
    fn triggers(&mut self, canvas: CanvasIx, user: &str, properties: Option<&Context>) -> bool {
        let state = &self.shard.state;
        let trigger = state.canvas(canvas).head.entry.event.as_ref();
        let trigger = trigger.expect("only Canvases with a trigger wait for an event");
        let Some(condition) = &trigger.condition else { return true };
        let holds = self.holds(condition, canvas, user, properties);
        let tally = &mut self.shard.state.tallies[canvas.index()];
        match holds {
            Ok(true) => return true,
            Ok(false) => tally.other_events += 1,
            Err(_) => tally.audience_errors += 1,
        }
        false
    }

    /// Whether a condition of the entry holds for a user who is not here yet.
    fn holds(
        &self,
        condition: &Condition,
        canvas: CanvasIx,
        user: &str,
        context: Option<&Context>,
    ) -> Result<bool, String> {
        let state = &self.shard.state;
        let plan = state.canvas(canvas);
        let profile = self.world.profile(state.number_of(user), user);
        let (now, answers) = (self.now(), &[][..]);
        let view = UserView { user, profile, context, canvas: plan, node: None, now, answers };
        condition_holds(condition, &view)
    }

    fn admit(
        &self,
        canvas: CanvasIx,
        user: &str,
        context: Option<&Context>,
    ) -> Result<(), TurnedAway> {
        if user.is_empty() || user.len() > LONGEST_ID {
            return Err(TurnedAway::BadId);
        }
        let state = &self.shard.state;
        if state.is_paused(canvas) {
            return Err(TurnedAway::Paused);
        }
        let plan = state.canvas(canvas);
        if let Some(user) = state.users.find(user) {
            let (entries, last) = state.users.entries(user, state.family(canvas));
            if entries > 0 && !may_enter_again(plan.head.entry.reentry, last, self.now()) {
                return Err(TurnedAway::NotAgain);
            }
        }
        let Some(audience) = &plan.head.entry.audience else { return Ok(()) };
        match self.holds(audience, canvas, user, context) {
            Ok(true) => Ok(()),
            Ok(false) => Err(TurnedAway::OutsideAudience),
            Err(_) => Err(TurnedAway::AudienceError),
        }
    }
}

fn may_enter_again(reentry: Reentry, last: Millis, now: Millis) -> bool {
    match reentry {
        Reentry::Never => false,
        Reentry::Always => true,
        Reentry::After(window) => now >= last + window,
    }
}
