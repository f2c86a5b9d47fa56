//! A step that misbehaves as its setting says: as a stranger's plugin may.
//!
//! Its panics are caught where the loader catches a library's, in front of the runtime, and
//! are told as the loader tells them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use flowrun_simulation::core::sdk::{
    Catalogue, Cohort, Decision, Declaration, Door, Fault, Kind, Step, Visit, schemars, serde,
};

pub struct Unruly {
    how: How,
}

#[derive(Clone, Copy, serde::Deserialize, schemars::JsonSchema)]
#[serde(crate = "serde", rename_all = "snake_case")]
#[schemars(crate = "schemars")]
enum How {
    /// For some users.
    Panics,
    /// Answers for one visit more than it was asked about, now and then.
    Miscounts,
    /// Leaves by a door that it has not.
    NoDoor,
    /// Answers differently each time it is asked about the same visit.
    Moody,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(crate = "serde", deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct Settings {
    how: How,
}

impl Step for Unruly {
    type Settings = Settings;

    fn declare() -> Declaration {
        Declaration::new("unruly", "Misbehave.").example("It panics", "unruly: { how: panics }\n")
    }

    fn create(settings: Settings) -> Result<Unruly, Vec<Fault>> {
        Ok(Unruly { how: settings.how })
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        match self.how {
            How::Panics if visit.bucket(3) == 0 => panic!("I can't stand this one"),
            How::NoDoor if visit.bucket(2) == 0 => Decision::Go(Door(77)),
            _ => Decision::Go(visit.next()),
        }
    }

    fn decide_cohort(&self, cohort: &Cohort<'_>, decisions: &mut Vec<Decision>) {
        for (place, visit) in cohort.visits().enumerate() {
            let fenced = catch_unwind(AssertUnwindSafe(|| self.decide(visit)));
            decisions.push(match (self.how, fenced) {
                // After a crash others may be asked about with it, at another moment.
                (How::Moody, _) if (place as i64 + cohort.now().0) % 2 == 0 => {
                    let variables = vec![("mood".into(), (cohort.len() as u64).into())];
                    Decision::Remember { variables, then: Door::NEXT }
                }
                (_, Ok(decision)) => decision,
                (_, Err(_)) => {
                    let reason = "plugin `unruly`: it panicked: I can't stand this one".into();
                    Decision::Fail { reason, payload: String::new() }
                }
            });
        }
        if matches!(self.how, How::Miscounts) && cohort.now().0 % 2 == 0 {
            decisions.push(Decision::Go(Door::NEXT));
        }
    }
}

/// All steps that there are, and this one.
pub fn catalogue() -> Catalogue {
    let mut catalogue = flowrun_steps::catalogue();
    catalogue.add(Kind::of::<Unruly>()).expect("no other step is called so");
    catalogue
}
