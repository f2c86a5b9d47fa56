//! `flowrun check --state`: whom a changed file would touch.
//!
//! Nobody who is on the way: a journey ends on the version it began. So what is told is who
//! ends on which version, and how the steps of the file differ from the newest that is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use flowrun_engine::log::Kept;
use serde::Serialize;
use serde_json::Value as Json;

use crate::canvases::Opened;
use crate::commands::status::cut;
use crate::console::{Console, Look, Palette, printable};
use crate::operations::Desk;
use crate::operations::protocol::{CanvasRow, StepRow};
use crate::plugins::Plugins;
use crate::versions;

/// One Canvas, in the folder and in the file.
#[derive(Serialize, Debug)]
pub struct Touched {
    pub canvas: String,
    /// The file, if there is one.
    pub file: Option<String>,
    pub standing: Standing,
    pub paused: bool,
    /// Versions that somebody is on.
    pub versions: Vec<OnVersion>,
    /// Against the newest version that is kept.
    pub steps: Steps,
    /// Files and Content Blocks beside it whose text has changed.
    pub texts: Vec<String>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The file is the newest version that is kept.
    Same,
    /// The file would be a new version.
    Changed,
    /// No version of the Canvas is kept.
    New,
    /// The Canvas has no file any more.
    Removed,
}

#[derive(Serialize, Debug)]
pub struct OnVersion {
    pub version: String,
    pub newest: bool,
    pub journeys: u64,
    /// Who is at which step.
    pub steps: BTreeMap<String, u64>,
}

/// Steps by what the file does to them.
#[derive(Serialize, Default, PartialEq, Eq, Debug)]
pub struct Steps {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
    /// From, to: the same step under another id.
    pub renamed: Vec<(String, String)>,
}

/// Compares files with a state folder. With a folder of Canvases those that have no file any
/// more are told as well.
pub fn find(
    state: &Path,
    opened: &[Opened],
    whole: Whole,
    plugins: &Plugins,
    console: &Console,
) -> anyhow::Result<Vec<Touched>> {
    let mut desk = Desk::at(state, plugins, console)?;
    let (newest, overview) = (desk.newest()?, desk.overview()?);
    let mut found: Vec<Touched> = Vec::new();
    for one in opened {
        let Some(canvas) = &one.canvas else { continue };
        let written = versions::written(one, canvas);
        let known = newest.iter().find(|kept| kept.canvas == written.canvas);
        found.push(touched(&written, known, &overview.canvases));
    }
    let gone = newest.iter().filter(|kept| !found.iter().any(|one| one.canvas == kept.canvas));
    let gone: Vec<Touched> = match whole {
        Whole::No => Vec::new(),
        Whole::Yes => gone
            .map(|kept| Touched {
                file: None,
                standing: Standing::Removed,
                ..touched(kept, Some(kept), &overview.canvases)
            })
            .collect(),
    };
    found.extend(gone);
    Ok(found)
}

/// Whether the files are all that would be served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whole {
    Yes,
    No,
}

fn touched(written: &Kept, known: Option<&Kept>, rows: &[CanvasRow]) -> Touched {
    let rows = rows.iter().filter(|row| row.canvas == written.canvas);
    let standing = match known {
        None => Standing::New,
        Some(known) if known.is_made_like(written) => Standing::Same,
        Some(_) => Standing::Changed,
    };
    let texts = known.map(|known| changed_texts(known, written)).unwrap_or_default();
    let steps = match known {
        Some(known) if standing == Standing::Changed => {
            compared(&steps_of(&known.text), &steps_of(&written.text), &texts)
        }
        _ => Steps::default(),
    };
    Touched {
        canvas: written.canvas.clone(),
        file: Some(written.path.clone()),
        standing,
        paused: rows.clone().any(|row| row.paused),
        versions: rows.filter(|row| row.journeys > 0).map(on_version).collect(),
        steps,
        texts: texts.into_iter().collect(),
    }
}

fn on_version(row: &CanvasRow) -> OnVersion {
    let steps = row.steps.iter().filter(|step| step.all() > 0);
    OnVersion {
        version: row.version.clone(),
        newest: row.newest,
        journeys: row.journeys,
        steps: steps.map(|step| (step.step.clone(), StepRow::all(step))).collect(),
    }
}

fn changed_texts(known: &Kept, written: &Kept) -> BTreeSet<String> {
    let pairs = [(&known.files, &written.files), (&known.blocks, &written.blocks)];
    let names = pairs.into_iter().flat_map(|(old, new)| {
        let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        all.into_iter().filter(move |name| old.get(*name) != new.get(*name))
    });
    names.cloned().collect()
}

/// The steps of a file as they are written, in its order.
fn steps_of(text: &str) -> Vec<(String, Json)> {
    // Both texts were read as Canvases before.
    let file: Json = serde_yaml::from_str(text).unwrap_or_default();
    let steps = file.get("steps").and_then(Json::as_array).cloned().unwrap_or_default();
    let named = steps.into_iter().filter_map(|mut step| {
        let id = step.as_object_mut()?.shift_remove("id")?;
        Some((id.as_str()?.to_owned(), step))
    });
    named.collect()
}

fn compared(old: &[(String, Json)], new: &[(String, Json)], texts: &BTreeSet<String>) -> Steps {
    let of = |steps: &[(String, Json)], id: &str| {
        steps.iter().find(|(own, _)| own == id).map(|(_, step)| step.clone())
    };
    let mut steps = Steps::default();
    for (id, step) in new {
        match of(old, id) {
            None => steps.added.push(id.clone()),
            Some(before) if before != *step || names_any(step, texts) => {
                steps.changed.push(id.clone());
            }
            Some(_) => {}
        }
    }
    steps.removed =
        old.iter().filter(|(id, _)| of(new, id).is_none()).map(|(id, _)| id.clone()).collect();
    for removed in steps.removed.clone() {
        let before = of(old, &removed);
        let same = |id: &&String| before.is_some() && of(new, id) == before;
        let Some(to) = steps.added.iter().find(same).cloned() else { continue };
        steps.added.retain(|id| *id != to);
        steps.removed.retain(|id| *id != removed);
        steps.renamed.push((removed, to));
    }
    steps
}

/// Whether a step speaks of one of these files or Content Blocks.
fn names_any(step: &Json, texts: &BTreeSet<String>) -> bool {
    match step {
        Json::String(text) => texts
            .iter()
            .any(|name| text == name || text.contains(&format!("content_blocks.${{{name}}}"))),
        Json::Array(all) => all.iter().any(|one| names_any(one, texts)),
        Json::Object(map) => map.values().any(|one| names_any(one, texts)),
        _ => false,
    }
}

pub fn told(found: &[Touched], palette: Palette) -> String {
    let mut text = String::new();
    for one in found {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&canvas(one, palette));
    }
    text
}

fn canvas(one: &Touched, palette: Palette) -> String {
    let all: u64 = one.versions.iter().map(|version| version.journeys).sum();
    let name = palette.paint(Look::Bold, &printable(&one.canvas));
    let file = printable(one.file.as_deref().unwrap_or_default());
    let said = match one.standing {
        Standing::Same => format!("{file} is the newest version of the folder: nothing changes"),
        Standing::Changed => format!("{file} would be a new version"),
        Standing::New => format!("{file} is new to the folder: nobody is on it"),
        Standing::Removed => {
            "has no file any more: nobody enters from the next start on".to_owned()
        }
    };
    let paused = if one.paused { " (paused)" } else { "" };
    let mut text = format!("{name}{paused}: {said}\n");
    for version in &one.versions {
        let which = if version.newest { "newest" } else { "earlier" };
        text.push_str(&format!(
            "  on {which} version {}: {}\n",
            version.version,
            people(version.journeys)
        ));
        for (step, count) in &version.steps {
            let fate = match version.newest {
                true => fate(step, &one.steps),
                false => String::new(),
            };
            text.push_str(format!("    {:<24} {count:>9}  {fate}", cut(step)).trim_end());
            text.push('\n');
        }
    }
    for (title, ids) in [
        ("added", &one.steps.added),
        ("removed", &one.steps.removed),
        ("changed", &one.steps.changed),
        ("changed texts", &one.texts),
    ] {
        if !ids.is_empty() {
            text.push_str(&format!("  {title}: {}\n", printable(&ids.join(", "))));
        }
    }
    for (from, to) in &one.steps.renamed {
        text.push_str(&format!("  renamed: {} to {}\n", printable(from), printable(to)));
    }
    if all > 0 && one.standing != Standing::Same {
        let who = if all == 1 { "it ends on its version" } else { "they end on their versions" };
        text.push_str(&format!(
            "  {}: {who}; who enters after the next start takes {}\n",
            people(all),
            match one.standing {
                Standing::Removed => "nothing of it",
                _ => "the new one",
            }
        ));
    }
    text
}

fn people(count: u64) -> String {
    match count {
        1 => "1 journey".to_owned(),
        count => format!("{count} journeys"),
    }
}

/// What the file does to a step that somebody is at.
fn fate(step: &str, steps: &Steps) -> String {
    let has = |ids: &[String]| ids.iter().any(|id| id == step);
    if let Some((_, to)) = steps.renamed.iter().find(|(from, _)| from == step) {
        return format!("renamed to {}", cut(to));
    }
    match (has(&steps.removed), has(&steps.changed)) {
        (true, _) => "removed".to_owned(),
        (_, true) => "changed".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "
canvas: c
steps:
  - id: a
    delay: { for: 1d }
  - id: b
    message: { channel: email, body_file: b.liquid }
  - id: c
    delay: { for: 2d }
  - id: d
    exit: done
";

    #[test]
    fn steps_are_compared_by_id_and_by_what_they_say() {
        for (new, texts, expected) in [
            (OLD.to_owned(), "", [""; 4]),
            (OLD.replace("1d", "3d"), "", ["", "", "a", ""]),
            (OLD.to_owned(), "b.liquid", ["", "", "b", ""]),
            (OLD.replace("id: c", "id: x"), "", ["", "", "", "c>x"]),
            (OLD.replace("id: c", "id: x").replace("2d", "5d"), "", ["x", "c", "", ""]),
        ] {
            let texts: BTreeSet<String> = [texts]
                .iter()
                .filter(|text| !text.is_empty())
                .map(|text| text.to_string())
                .collect();
            let found = compared(&steps_of(OLD), &steps_of(&new), &texts);
            let renamed: Vec<String> =
                found.renamed.iter().map(|(from, to)| format!("{from}>{to}")).collect();
            let all = [found.added, found.removed, found.changed, renamed];
            assert_eq!(all.map(|ids| ids.join(",")), expected, "{new}");
        }
    }
}
