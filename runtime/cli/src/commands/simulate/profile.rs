//! `--faults`: a profile by its name, or in a file.

use std::path::Path;

use anyhow::{anyhow, bail};

use super::declaration::nearest;
use crate::folder;
use crate::simulation::faults::Plan;

const NAMES: [&str; 3] = ["calm", "rough", "storm"];

/// The profile; none if nothing is to go wrong.
pub fn read(named: &str) -> anyhow::Result<Option<Plan>> {
    if let Some(plan) = Plan::named(named) {
        return Ok((named != "calm").then_some(plan));
    }
    let path = Path::new(named);
    if !path.is_file() && !named.contains(['.', '/']) {
        let near = nearest(named, NAMES.into_iter());
        let hint = near.map_or_else(
            || format!("there is `{}`, or name a file", NAMES.join("`, `")),
            |near| format!("did you mean `{near}`?"),
        );
        bail!("--faults: there is no profile `{named}`: {hint}")
    }
    let shown = path.display();
    let text =
        folder::text(path).map_err(|why| anyhow!("can't read the faults `{shown}`: {why}"))?;
    let plan: Plan = serde_yaml::from_str(&text).map_err(|error| {
        let place = error.location().map(|at| format!("{}:{}: ", at.line(), at.column()));
        let said = error.without_snippet().to_string();
        let said = said.lines().next().unwrap_or_default().to_owned();
        anyhow!("{shown}:{}{said}", place.unwrap_or_default())
    })?;
    match plan.fault() {
        Some(fault) => bail!("{shown}: {fault}"),
        None => Ok(Some(plan)),
    }
}
