//! A built-in step, exported as a stranger would export theirs.

flowrun_sdk::export_step!(flowrun_steps::DecisionSplit);
