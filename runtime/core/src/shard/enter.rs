//! `Enter`: a user wants into a Canvas.

use std::sync::Arc;

use flowrun_sdk::Millis;

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
        }
        let journey = self.shard.state.journeys.vacant();
        self.emit(Change::Entered { journey, user, canvas, context });
        self.arrive(journey);
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
        let plan = state.canvas(canvas);
        if let Some(user) = state.users.find(user) {
            let (entries, last) = state.users.entries(user, state.family(canvas));
            if entries > 0 && !may_enter_again(plan.head.entry.reentry, last, self.now()) {
                return Err(TurnedAway::NotAgain);
            }
        }
        let Some(audience) = &plan.head.entry.audience else { return Ok(()) };
        let profile = self.world.profile(state.users.find(user), user);
        let (now, answers) = (self.now(), &[][..]);
        let view = UserView { user, profile, context, canvas: plan, node: None, now, answers };
        match condition_holds(audience, &view) {
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
