//! `flowrun eval`: a template, rendered for a user, without a Canvas around it.

mod batch;
mod fetching;
mod place;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde_json::{Map, Value as Json, json};

use self::fetching::Halt;
use crate::answers::Source;
use crate::console::{Console, Look, aside, printable};
use crate::core::Millis;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::moment;
use crate::simulation::Fetch;
use crate::template::{Condition, Fault, JsonView, Options, Stop, Template};
use crate::users;

/// The largest template that is read, in bytes.
const LARGEST: u64 = 4 << 20;

const EXAMPLES: &str = "\
Examples:
  flowrun eval \"Hi {{${first_name} | default: 'there'}}!\" --user ada.json
  flowrun eval '{{ total | times: 2 }}' --data '{\"total\": 21}'
  flowrun eval --condition \"{{custom_attribute.${orders}}} > 3\" --user ada.json
  flowrun eval - < thanks.liquid
  flowrun eval --batch < cases.ndjson

The text is followed by a line break that is not part of it. Content Blocks are the files
in content_blocks/ of this folder. A template that has faults, fails or aborts gives exit
code 1, and says why on standard error.

Connected Content is answered from --fixtures FILE, or fetched from hosts that --allow-host
or the flowrun.toml of this folder names, and is an error otherwise.

--batch reads lines {\"template\": …, \"user\"?: {…}, \"data\"?: {…}} and writes for each one
line {\"text\": …}, {\"abort\": …} or {\"error\": …}.";

/// Render a template for a user
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Eval {
    /// The template (`-`: standard input)
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    template: Option<String>,

    /// The user: a file with one User Track attributes object
    #[arg(long, value_name = "FILE", conflicts_with = "batch")]
    user: Option<PathBuf>,

    /// Which user, if the file has several: an `external_id`
    #[arg(long, value_name = "ID", requires = "user")]
    id: Option<String>,

    /// Top-level variables, as a JSON object; `context`, `canvas_entry_properties` and
    /// `event_properties` in it are what those names read
    #[arg(long, value_name = "JSON", conflicts_with = "batch")]
    data: Option<String>,

    /// What `now` is [default: the present]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,

    /// Evaluate a condition, as in `{% if … %}`: prints true or false
    #[arg(long, conflicts_with = "batch")]
    condition: bool,

    /// Missing values are errors instead of empty
    #[arg(long)]
    strict: bool,

    /// Print {"text": …}, {"abort": …} or {"error": …}, as `--batch` does for each line
    #[arg(long)]
    json: bool,

    /// Render many: NDJSON in, NDJSON out
    #[arg(long)]
    batch: bool,

    #[command(flatten)]
    source: Source,
}

impl Eval {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let now = match &self.now {
            Some(text) => moment::parse_or_now(text).map_err(|error| anyhow!("--now: {error}"))?,
            None => moment::present(),
        };
        let options = Options { strict: self.strict, ..Options::default() };
        let blocks = Folder::at(Path::new(".")).blocks();
        let mut answers = self.source.open(std::iter::empty())?;
        match &self.template {
            None => batch::run(io::stdin().lock(), console, &blocks, now, &options, &mut answers),
            Some(template) => self.one(template, console, &blocks, now, &options, &mut answers),
        }
    }

    fn one(
        &self,
        template: &str,
        console: &mut Console,
        blocks: &BTreeMap<String, String>,
        now: Millis,
        options: &Options,
        fetch: &mut dyn Fetch,
    ) -> anyhow::Result<Exit> {
        let template = match template {
            "-" => from_stdin()?,
            template => template.to_owned(),
        };
        let mut user = self.user_object()?;
        let mut data = match &self.data {
            Some(text) => data(text)?,
            None => Map::new(),
        };
        // A row of a users file brings what the user enters with.
        user.remove("enter_at");
        if let Some(properties) = user.remove("entry_properties") {
            for name in ["canvas_entry_properties", "context"] {
                data.entry(name).or_insert_with(|| properties.clone());
            }
        }
        let (user, data) = (Json::Object(user), Json::Object(data));
        let mut view = JsonView::new(&user, &data, now.0);
        let rendered = if self.condition {
            match Condition::compile(&template) {
                Ok(condition) => fetching::render(&mut view, now, fetch, |view| {
                    condition.holds(view, options).map(|holds| holds.to_string())
                }),
                Err(faults) => return self.faulty(&template, &faults, console),
            }
        } else {
            match Template::compile(&template, blocks) {
                Ok(compiled) => fetching::render(&mut view, now, fetch, |view| {
                    let mut text = String::new();
                    compiled.render(view, options, &mut text).map(|()| text)
                }),
                Err(faults) => return self.faulty(&template, &faults, console),
            }
        };
        if self.json {
            let exit = if rendered.is_ok() { Exit::Done } else { Exit::Wrong };
            console.line(&batch::in_json(rendered, &template, blocks).to_string())?;
            return Ok(exit);
        }
        match rendered {
            Ok(text) => {
                console.line(&text)?;
                Ok(Exit::Done)
            }
            Err(Halt::Stopped(stop)) => stopped(&template, stop, blocks, console),
            Err(Halt::Unanswered(why)) => {
                say(console, &why, "", None);
                Ok(Exit::Wrong)
            }
        }
    }

    fn faulty(
        &self,
        template: &str,
        faults: &[Fault],
        console: &mut Console,
    ) -> anyhow::Result<Exit> {
        if self.json {
            console.line(&json!({ "error": batch::in_words(template, faults) }).to_string())?;
            return Ok(Exit::Wrong);
        }
        for fault in faults {
            let drawn = place::draw("template", template, &fault.span);
            say(console, &fault.message, &drawn, fault.hint.as_deref());
        }
        Ok(Exit::Wrong)
    }

    fn user_object(&self) -> anyhow::Result<Map<String, Json>> {
        let Some(file) = &self.user else { return Ok(Map::new()) };
        let shown = file.display();
        // One more than can be meant, to see that there are several.
        let most = if self.id.is_some() { usize::MAX } else { 2 };
        let mut found = Vec::new();
        for row in users::raw(file, most)? {
            let object = row.object.map_err(|why| anyhow!("{shown}:{}: {why}", row.line))?;
            let id = object.get("external_id").and_then(Json::as_str);
            if self.id.is_none() || self.id.as_deref() == id {
                found.push(object);
            }
        }
        match (found.len(), &self.id) {
            (0, Some(id)) => bail!("there is no user `{}` in `{shown}`", printable(id)),
            (0, None) => bail!("there is no user in `{shown}`"),
            (1, _) | (_, Some(_)) => Ok(found.swap_remove(0)),
            (_, None) => bail!("`{shown}` has several users: say which with --id ID"),
        }
    }
}

fn from_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    io::stdin().take(LARGEST + 1).read_to_string(&mut text).context("can't read the template")?;
    match text.len() as u64 > LARGEST {
        true => bail!("the template is larger than 4 MiB"),
        false => Ok(text),
    }
}

fn data(text: &str) -> anyhow::Result<Map<String, Json>> {
    match serde_json::from_str(text) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => bail!("--data is a JSON object: {{\"name\": value, …}}"),
        Err(error) => bail!("--data is a JSON object, and this is not JSON: {error}"),
    }
}

fn stopped(
    template: &str,
    stop: Stop,
    blocks: &BTreeMap<String, String>,
    console: &Console,
) -> anyhow::Result<Exit> {
    match stop {
        Stop::Abort(reason) => {
            let word = console.notes.paint(Look::Note, "aborted:");
            aside(&format!("{word} {}", printable(&reason)));
        }
        Stop::Needs(requests) => {
            let urls: Vec<&str> = requests.iter().map(|request| request.url.as_str()).collect();
            let message = format!("the template asks for {}", printable(&urls.join(", ")));
            say(console, &message, "", None);
        }
        Stop::Error(error) => {
            let drawn = match error.block.as_deref() {
                Some(block) => {
                    let text = blocks.get(block).map_or("", String::as_str);
                    place::draw(&format!("content block {block}"), text, &error.span)
                }
                None => place::draw("template", template, &error.span),
            };
            say(console, &error.message, &drawn, None);
        }
    }
    Ok(Exit::Wrong)
}

/// An error, where it is, and what to do.
fn say(console: &Console, message: &str, drawn: &str, hint: Option<&str>) {
    let word = console.notes.paint(Look::Bad, "error:");
    let hint = hint.map_or_else(String::new, |hint| format!("  = {}\n", printable(hint)));
    aside(format!("{word} {}\n{drawn}{hint}", printable(message)).trim_end_matches('\n'));
}
