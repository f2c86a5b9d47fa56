//! `flowrun check`: everything that is wrong with Canvases, before anyone is in them.

mod touched;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use flowrun_canvas::{Diagnostic, Source, codes, render_json, render_sarif, render_text};
use serde_json::{Value as Json, json};

use self::touched::Whole;
use crate::canvases::{self, Opened};
use crate::config::plugins::Plugin as Configured;
use crate::config::{BackendUrl, Config};
use crate::console::{Console, aside};
use crate::exit::Exit;
use crate::plugins::Plugins;

const EXAMPLES: &str = "\
Examples:
  flowrun check flows/vip.yaml                      one Canvas
  flowrun check . --deny-warnings                   all below this folder, strictly
  flowrun check flows --format sarif > check.sarif  for code scanners
  flowrun check --explain FR0203                    what a code means, with examples
  flowrun check flows --state data                  whom the files would touch if they were served

In folders, *.yaml and *.yml are Canvases, except *.test.yaml, *.users.yaml, *.simulate.yaml,
*.fixtures.yaml and *.events.yaml. Diagnostics are on standard output, the summary on standard error.";

/// Find all faults of Canvases
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Check {
    /// Canvas files, or folders with Canvases
    #[arg(required_unless_present = "explain", value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Warnings are errors
    #[arg(long)]
    deny_warnings: bool,

    /// Where updates will be written (`memory`, `embedded:DIR`, `https://…`, `plugin:NAME`):
    /// what doesn't remember them may count some twice, which is then warned of [default: what
    /// flowrun.toml beside each Canvas says]
    #[arg(long, value_name = "URL", value_parser = BackendUrl::parse)]
    backend: Option<BackendUrl>,

    /// The configuration to go by; `none` for no file [default: flowrun.toml beside each Canvas]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Print the same as JSON (`--format json`)
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// Say what a code means
    #[arg(long, value_name = "CODE", conflicts_with = "paths")]
    explain: Option<String>,

    /// Say whom the files would touch: who is on which version in this state folder, and how
    /// the files differ from it
    #[arg(long, value_name = "DIR", conflicts_with = "explain")]
    state: Option<PathBuf>,

    #[command(flatten)]
    plugins: Plugins,
}

/// How diagnostics are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Format {
    /// For people, with the offending text underlined
    #[default]
    Text,
    /// For programs
    Json,
    /// For code scanners
    Sarif,
}

impl Check {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        if let Some(code) = &self.explain {
            return explain(code, self.format(), console);
        }
        let files = canvas_files(&self.paths)?;
        let catalogue = self.plugins.catalogue_for(&self.configured(&files), console)?;
        let (mut found, mut all) = (Found::default(), Vec::new());
        let mut configurations = Configurations::default();
        for path in &files {
            // A single path that isn't there is a slip; one of many must not hide the rest.
            let opened = match files.len() {
                1 => canvases::open(path, &catalogue)?,
                _ => canvases::open_one_of_many(path, &catalogue),
            };
            let mut diagnostics = opened.diagnostics.clone();
            if configurations.backend_of(path, self).is_none_or(|url| url.remembers_keys()) {
                diagnostics.retain(|one| one.code != codes::MAY_COUNT_TWICE);
            }
            found.add(diagnostics, opened.sources.clone());
            if self.state.is_some() {
                all.push(Opened { diagnostics: Vec::new(), ..opened });
            }
        }
        for said in configurations.faults() {
            aside(&format!("error: {said}"));
        }
        if let Some(state) = &self.state {
            return self.touched(state, &found, &all, console);
        }
        let Found { diagnostics, sources } = &found;
        console.print(&match self.format() {
            Format::Text => render_text(diagnostics, sources, console.palette.has_colors()),
            Format::Json => render_json(diagnostics, sources),
            Format::Sarif => render_sarif(diagnostics, sources),
        })?;
        console.flush()?;
        let errors = diagnostics.iter().filter(|one| one.is_error()).count()
            + configurations.faults().count();
        let warnings = diagnostics.iter().filter(|one| !one.is_error()).count();
        aside(&summary(files.len(), errors, warnings));
        Ok(if errors > 0 || (self.deny_warnings && warnings > 0) {
            Exit::Wrong
        } else {
            Exit::Done
        })
    }
}

impl Check {
    /// Whom the files would touch; nobody, while they have faults.
    fn touched(
        &self,
        state: &Path,
        found: &Found,
        opened: &[Opened],
        console: &mut Console,
    ) -> anyhow::Result<Exit> {
        let Found { diagnostics, sources } = found;
        let errors = diagnostics.iter().filter(|one| one.is_error()).count();
        if errors > 0 || (self.deny_warnings && !diagnostics.is_empty()) {
            let colors = console.notes.has_colors();
            aside(render_text(diagnostics, sources, colors).trim_end_matches('\n'));
            aside(&summary(opened.len(), errors, diagnostics.len() - errors));
            return Ok(Exit::Wrong);
        }
        let whole = match self.paths.iter().any(|path| path.is_dir()) {
            true => Whole::Yes,
            false => Whole::No,
        };
        let touched = touched::find(state, opened, whole, &self.plugins, console)?;
        match self.format() {
            Format::Text => console.print(&touched::told(&touched, console.palette))?,
            Format::Json => console.line(&serde_json::to_string_pretty(&touched)?)?,
            Format::Sarif => bail!("--format sarif is for faults: with --state take text or json"),
        }
        Ok(Exit::Done)
    }

    /// How plugins are run; what is wrong with the file is told with the Canvases it is for.
    fn configured(&self, files: &[PathBuf]) -> BTreeMap<String, Configured> {
        let first = files.first().map(|file| &**file);
        Config::open(self.config.as_deref(), first).map(|config| config.plugins).unwrap_or_default()
    }

    fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

/// What the configurations beside the Canvases say, each read once.
#[derive(Default)]
struct Configurations {
    read: BTreeMap<PathBuf, Result<Config, String>>,
}

impl Configurations {
    /// Where the updates of this Canvas go; the one in memory if nobody says.
    fn backend_of(&mut self, canvas: &Path, check: &Check) -> Option<BackendUrl> {
        if let Some(named) = &check.backend {
            return Some(named.clone());
        }
        let folder = match &check.config {
            Some(_) => PathBuf::new(),
            None => canvas.parent().unwrap_or(Path::new("")).to_owned(),
        };
        let read = self.read.entry(folder).or_insert_with(|| {
            Config::open(check.config.as_deref(), Some(canvas)).map_err(|why| format!("{why:#}"))
        });
        read.as_ref().ok()?.backend.url.clone()
    }

    /// What is wrong with them: one text for each file.
    fn faults(&self) -> impl Iterator<Item = &str> {
        self.read.values().filter_map(|read| read.as_ref().err().map(String::as_str))
    }
}

/// What all files together have.
#[derive(Default)]
struct Found {
    diagnostics: Vec<Diagnostic>,
    sources: Vec<Source>,
}

impl Found {
    /// A text that several Canvases use is listed once, and so is what is wrong with it.
    fn add(&mut self, diagnostics: Vec<Diagnostic>, sources: Vec<Source>) {
        let shared = |one: &Diagnostic| sources.first().is_some_and(|own| own.path != one.file);
        for diagnostic in diagnostics {
            if !shared(&diagnostic) || !self.diagnostics.contains(&diagnostic) {
                self.diagnostics.push(diagnostic);
            }
        }
        for source in sources {
            if !self.sources.iter().any(|known| known.path == source.path) {
                self.sources.push(source);
            }
        }
    }
}

fn summary(files: usize, errors: usize, warnings: usize) -> String {
    let count = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    let checked = count(files, "Canvas", "Canvases");
    match (errors, warnings) {
        (0, 0) => format!("{checked} checked: all is well"),
        _ => {
            let errors = count(errors, "error", "errors");
            let warnings = count(warnings, "warning", "warnings");
            format!("{checked} checked: {errors}, {warnings}")
        }
    }
}

/// The Canvases that the paths stand for, each once, folders in the order of names.
pub(super) fn canvas_files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            walk(path, &mut files)?;
            if files.len() == before {
                bail!("there is no Canvas (*.yaml, *.yml) in `{}`", path.display())
            }
        } else {
            files.push(path.clone());
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|path| seen.insert(path.clone()));
    Ok(files)
}

/// Links to folders are not followed, so that no circle of them is either.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder)
        .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
        .with_context(|| format!("can't read the folder `{}`", folder.display()))?;
    let mut entries: Vec<_> = entries.into_iter().map(|entry| (entry.path(), entry)).collect();
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (path, entry) in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let kind = entry.file_type()?;
        if kind.is_dir() && !name.starts_with('.') {
            walk(&path, files)?;
        } else if !kind.is_dir() && is_canvas(&name) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_canvas(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")) else {
        return false;
    };
    let other = [".test", ".users", ".events", ".fixtures", ".simulate"]
        .iter()
        .any(|ending| stem.ends_with(ending));
    !other && !stem.is_empty() && !stem.starts_with('.')
}

fn explain(code: &str, format: Format, console: &mut Console) -> anyhow::Result<Exit> {
    if let Some(page) = codes::page(code) {
        console.print(&match format {
            Format::Text => page.to_string(),
            Format::Json | Format::Sarif => format!("{:#}\n", page_as_json(page)),
        })?;
        return Ok(Exit::Done);
    }
    let known: Vec<&str> = codes::all().map(|page| page.code.as_str()).collect();
    let written = code.trim().to_uppercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&written, known);
    // Of equally near ones, the one of the same group.
    let shared =
        |known: &str| known.chars().zip(written.chars()).take_while(|(a, b)| a == b).count();
    let near = known.iter().min_by_key(|known| (distance(known), usize::MAX - shared(known)));
    let near = near.filter(|known| distance(known) <= 2);
    let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    bail!("there is no code `{code}`{hint}\nThe codes are: {}", known.join(", "))
}

fn page_as_json(page: &codes::Page) -> Json {
    json!({
        "code": page.code.as_str(),
        "title": page.title,
        "meaning": page.meaning.trim(),
        "wrong": page.wrong.trim_start(),
        "right": page.right.trim_start(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_users_and_events_are_no_canvases() {
        for (name, expected) in [
            ("vip.yaml", true),
            ("vip.yml", true),
            ("vip.test.yaml", false),
            ("vip.users.yml", false),
            ("vip.events.yaml", false),
            ("vip.fixtures.yaml", false),
            ("vip.simulate.yaml", false),
            (".hidden.yaml", false),
            (".yaml", false),
            ("vip.json", false),
        ] {
            assert_eq!(is_canvas(name), expected, "{name}");
        }
    }
}
