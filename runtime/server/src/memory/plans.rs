//! Schedules: triggers that wait for their time.
//!
//! A schedule by the clocks of users is looked at every quarter of an hour while that time goes round the earth, since all
//! zones differ from UTC by quarters. Whoever is due enters, once; where a user is, is asked when the time comes. If
//! journeys are full, a schedule stays as it is and is tried again.

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::{Memory, State};
use crate::track::{
    Directory, Id, Limits, Profile, Properties, Recipient, Recipients, Reply, Trigger,
};
use crate::workspace::{Busy, Planned, Timing};

/// Schedules that may wait.
pub(super) const MOST: usize = 10_000;

const QUARTER_MS: i64 = 15 * 60_000;
/// Clocks show a time at most so long before they do in UTC, and so long after.
const EARLIEST_MS: i64 = 15 * 3_600_000;
const LATEST_MS: i64 = 13 * 3_600_000;
/// When to try again what journeys had no room for.
const AGAIN_MS: i64 = 1_000;

pub(super) struct Plan {
    trigger: Trigger,
    /// The request, from which the trigger is read again.
    written: Map<String, Json>,
    timing: Timing,
    /// Who has entered already, of a schedule that goes round the earth.
    entered: BTreeSet<Id>,
    /// Named recipients who haven't, by their place in the request.
    left: Vec<usize>,
}

impl Plan {
    pub fn new(Planned { trigger, written }: Planned, timing: Timing) -> Plan {
        let named = match &trigger.to {
            Recipients::Named(named) => named.len(),
            Recipients::Everybody => 0,
        };
        Plan { trigger, written, timing, entered: BTreeSet::new(), left: (0..named).collect() }
    }

    /// As bytes, for a store.
    pub fn encode(&self) -> Vec<u8> {
        let timing = match self.timing {
            Timing::At { ms } => json!({ "at": ms }),
            Timing::Local { civil_ms } => json!({ "local": civil_ms }),
        };
        let entered: Vec<u64> = self.entered.iter().map(|id| id.0).collect();
        let kept = json!({
            "request": self.written, "timing": timing, "entered": entered, "left": self.left,
        });
        kept.to_string().into_bytes()
    }

    /// Reads a plan back; `None` if these bytes are none.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Option<Plan> {
        let Json::Object(mut kept) = serde_json::from_slice(bytes).ok()? else { return None };
        let Some(Json::Object(written)) = kept.remove("request") else { return None };
        let trigger = Trigger::parse(&written, limits).ok()?;
        let timing = kept.get("timing")?;
        let timing = match (timing["at"].as_i64(), timing["local"].as_i64()) {
            (Some(ms), _) => Timing::At { ms },
            (None, Some(civil_ms)) => Timing::Local { civil_ms },
            (None, None) => return None,
        };
        let numbers = |key: &str| -> Option<Vec<u64>> {
            kept.get(key)?.as_array()?.iter().map(Json::as_u64).collect()
        };
        let entered = numbers("entered")?.into_iter().map(Id).collect();
        let mut plan = Plan::new(Planned { trigger, written }, timing);
        let named = plan.left.len();
        plan.left =
            numbers("left")?.into_iter().filter_map(|at| usize::try_from(at).ok()).collect();
        let fits = plan.left.iter().all(|at| *at < named);
        fits.then_some(Plan { entered, ..plan })
    }

    /// Whom it names, by their places, as far as they are known.
    pub fn named(&self, directory: &Directory) -> Vec<Option<Id>> {
        match &self.trigger.to {
            Recipients::Named(named) => named.iter().map(|one| directory.known(one)).collect(),
            Recipients::Everybody => Vec::new(),
        }
    }

    /// Without the recipients at these places, and all that was written of them; `None` if
    /// nobody is left.
    pub fn without(&self, gone: &[usize], limits: &Limits) -> Option<Plan> {
        let mut written = self.written.clone();
        let recipients = written.get_mut("recipients")?.as_array_mut()?;
        let mut at = 0;
        recipients.retain(|_| {
            at += 1;
            !gone.contains(&(at - 1))
        });
        if recipients.is_empty() {
            return None;
        }
        let trigger = Trigger::parse(&written, limits).ok()?;
        let moved = |at: &usize| at - gone.iter().filter(|gone| *gone < at).count();
        let left = self.left.iter().filter(|at| !gone.contains(at)).map(moved).collect();
        Some(Plan { trigger, written, timing: self.timing, entered: self.entered.clone(), left })
    }

    pub fn is_of(&self, canvas: &str) -> bool {
        self.trigger.canvas_id == canvas
    }

    pub fn move_to(&mut self, timing: Timing) {
        self.timing = timing;
    }

    /// When it is to be looked at next.
    fn next_ms(&self, now_ms: i64) -> i64 {
        match self.timing {
            Timing::At { ms } => ms,
            Timing::Local { civil_ms } => {
                let first = civil_ms.saturating_sub(EARLIEST_MS);
                let quarter = now_ms.div_euclid(QUARTER_MS).saturating_add(1);
                first.max(quarter.saturating_mul(QUARTER_MS))
            }
        }
    }

    fn is_due(&self, now_ms: i64) -> bool {
        match self.timing {
            Timing::At { ms } => ms <= now_ms,
            Timing::Local { civil_ms } => civil_ms.saturating_sub(EARLIEST_MS) <= now_ms,
        }
    }
}

impl Memory {
    /// Enters who is due. Answers when to look again.
    pub(crate) fn run_plans(&self, now_ms: i64) -> Option<i64> {
        let mut state = self.state();
        if state.queue.is_some() {
            return Some(now_ms.saturating_add(AGAIN_MS));
        }
        let due: Vec<_> = state.plans.iter().filter(|(_, plan)| plan.is_due(now_ms)).collect();
        let mut due: Vec<_> =
            due.into_iter().map(|(id, plan)| (plan.next_ms(0), id.clone())).collect();
        due.sort();
        let mut full = false;
        for (_, id) in due {
            let Some(mut plan) = state.plans.remove(&id) else { continue };
            state.ran.insert(id.clone());
            match self.run_plan(&mut state, &mut plan, now_ms) {
                Ok(true) => {}
                Ok(false) => drop(state.plans.insert(id, plan)),
                Err(_) => {
                    full = true;
                    state.plans.insert(id, plan);
                }
            }
        }
        let next = state.plans.values().map(|plan| plan.next_ms(now_ms)).min();
        if full { Some(now_ms.saturating_add(AGAIN_MS)) } else { next }
    }

    /// Keeps how far schedules have come. Until then a crash lets those of the last round in again, rather than never: so
    /// this is to be called after those who enter by them are committed.
    pub(crate) async fn keep_ran(&self) {
        let (ran, kept) = {
            let mut state = self.state();
            let ran = std::mem::take(&mut state.ran);
            let kept = self.keep_with(&mut state, ran.clone());
            (ran, kept)
        };
        if kept.done().await.is_err() {
            // Rows that wait for space are kept in time; of a lost file nobody asks any more.
            tracing::warn!(schedules = ran.len(), "how far schedules have come is not kept yet");
        }
    }

    /// True when nothing of it is left.
    fn run_plan(&self, state: &mut State, plan: &mut Plan, now_ms: i64) -> Result<bool, Busy> {
        let civil_ms = match plan.timing {
            Timing::At { .. } if plan.entered.is_empty() => {
                return self.enter(state, &plan.trigger, now_ms).map(|()| true);
            }
            // Some have entered by their clocks before it was changed.
            Timing::At { .. } => i64::MIN / 2,
            Timing::Local { civil_ms } => civil_ms,
        };
        let over = now_ms >= civil_ms.saturating_add(LATEST_MS);
        let is_due = |profile: Option<&Profile>| over || due_ms(profile, civil_ms) <= now_ms;
        let canvas = plan.trigger.canvas_id.as_str().into();
        let audience = plan.trigger.audience.as_ref();
        match &plan.trigger.to {
            Recipients::Named(named) => {
                let here = |at: &usize| {
                    let id = state.directory.known(&named[*at]);
                    is_due(id.and_then(|id| state.directory.profiles.profile(id)))
                };
                let (due, left): (Vec<usize>, Vec<usize>) =
                    plan.left.iter().partition(|at| here(at));
                let due: Vec<Recipient> = due.into_iter().map(|at| named[at].clone()).collect();
                let entering = state.directory.recipients(&due, audience, now_ms);
                self.hand_over(state, &canvas, entering, now_ms)?;
                plan.left = left;
                Ok(over || plan.left.is_empty())
            }
            Recipients::Everybody => {
                let all = state.directory.profiles.iter();
                let entering: Vec<(Id, Properties)> = all
                    .filter(|(id, profile)| !plan.entered.contains(id) && is_due(Some(profile)))
                    .filter(|(_, profile)| {
                        audience.is_none_or(|audience| audience.contains(profile, now_ms))
                    })
                    .map(|(id, _)| (id, plan.trigger.context.clone()))
                    .collect();
                let ids: Vec<Id> = entering.iter().map(|(id, _)| *id).collect();
                self.hand_over(state, &canvas, entering, now_ms)?;
                plan.entered.extend(ids);
                Ok(over)
            }
        }
    }
}

/// The reply to a trigger with recipients who can't enter for want of an external id.
pub(super) fn unidentified(recipients: &[usize]) -> Reply {
    const WHY: &str = "'external_user_id' is required: updates are written to another endpoint, \
                       where a user without an external id is unknown; identify them first";
    let error = |index: &usize| json!({"type": WHY, "input_array": "recipients", "index": index});
    Reply::new(400, WHY).with("errors", recipients.iter().map(error).collect::<Vec<_>>())
}

/// When the user's clock shows the time. In a gap of the clocks, as much later as the gap is long.
fn due_ms(profile: Option<&Profile>, civil_ms: i64) -> i64 {
    let zone = profile.and_then(|profile| profile.field("time_zone")?.as_str());
    let there = |zone: &str| {
        let zone = TimeZone::get(zone).ok()?;
        let since = SignedDuration::from_millis(civil_ms);
        let epoch: DateTime = TimeZone::UTC.to_datetime(Timestamp::UNIX_EPOCH);
        let civil = epoch.checked_add(since).ok()?;
        Some(zone.to_ambiguous_zoned(civil).compatible().ok()?.timestamp().as_millisecond())
    };
    zone.and_then(there).unwrap_or(civil_ms)
}
