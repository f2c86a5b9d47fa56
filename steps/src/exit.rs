//! `exit`: ends the journey with a reason.
//!
//! The reason is what reports count by and what tests expect, so it is a plain word or
//! two and not a template: a hundred thousand different reasons would count nothing.
//! The last step of a Canvas need not be an exit; a journey that ends by itself has the
//! reason `completed`.

use flowrun_sdk::{Decision, Declaration, Exits, Fault, Step, Visit};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Why the journey ends: letters, digits, spaces, `_`, `.` and `-`, at most 100.
    #[schemars(length(min = 1, max = 100), regex(pattern = "^[A-Za-z0-9_ .-]+$"))]
    reason: String,
}

/// Ends the journey.
pub struct Exit {
    reason: String,
}

impl Step for Exit {
    type Settings = Settings;

    fn declare() -> Declaration {
        Declaration::new("exit", "End the journey with a reason.")
            .shorthand("reason")
            .exits(Exits::None)
            .example("The journey did what it should", "exit: completed")
            .example("A reason of two words", "exit: { reason: no consent }")
    }

    fn create(settings: Settings) -> Result<Exit, Vec<Fault>> {
        let reason = settings.reason;
        let plain = |c: char| c.is_ascii_alphanumeric() || "_ .-".contains(c);
        if reason.trim().is_empty() || reason.len() > 100 || !reason.chars().all(plain) {
            let fault = Fault::error("/reason", "this can't be a reason to exit")
                .hint("1 to 100 letters, digits, spaces, `_`, `.` and `-`, as in `no_consent`");
            return Err(vec![fault]);
        }
        Ok(Exit { reason })
    }

    fn decide(&self, _: Visit<'_>) -> Decision {
        Decision::Exit(self.reason.clone())
    }
}

#[cfg(test)]
mod tests {
    use flowrun_sdk::testing::{Trial, User};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_journey_ends_with_the_reason_as_it_is_written() {
        for settings in [json!("no consent"), json!({ "reason": "no consent" })] {
            let exit = Trial::of::<Exit>(settings).unwrap();
            assert_eq!(exit.decide_one(&User::new("u1")), Decision::Exit("no consent".to_owned()));
        }
    }

    #[test]
    fn what_reports_could_not_count_by_is_no_reason() {
        for (reason, good) in [
            ("completed", true),
            ("v1.2 a_b-c", true),
            (&"x".repeat(100), true),
            (&"x".repeat(101), false),
            ("", false),
            ("   ", false),
            ("{{${first_name}}}", false),
            ("two\nlines", false),
            ("é", false),
        ] {
            let faults = Trial::of::<Exit>(json!(reason)).err();
            assert_eq!(faults.is_none(), good, "{reason}: {faults:?}");
            assert!(faults.is_none_or(|faults| faults[0].at == "/reason"));
        }
    }
}
