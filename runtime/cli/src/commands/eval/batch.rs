//! Many templates, one per line: for programs that compare renderings.
//!
//! Every line in gives exactly one line out, in the same order, whatever the line holds.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::fetching::{self, Halt};
use crate::console::Console;
use crate::core::Millis;
use crate::exit::Exit;
use crate::simulation::Fetch;
use crate::template::{Fault, JsonView, Options, Stop, Template, line_and_column};

/// The longest line that is read, in bytes.
const LONGEST: u64 = 16 << 20;
/// Templates that are kept compiled: batches often have many users for few of them.
const KEPT: usize = 256;

/// Faults of one template that are told: nobody reads more.
const TOLD: usize = 100;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A line of the input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Task {
    template: String,
    #[serde(default)]
    user: Option<Map<String, Json>>,
    #[serde(default)]
    data: Option<Map<String, Json>>,
}

type Compiled = HashMap<String, Result<Template, String>>;

pub fn run(
    input: impl Read,
    console: &mut Console,
    blocks: &BTreeMap<String, String>,
    now: Millis,
    options: &Options,
    fetch: &mut dyn Fetch,
) -> anyhow::Result<Exit> {
    let mut input = BufReader::with_capacity(1 << 18, input);
    let mut compiled = Compiled::new();
    let mut line = Vec::new();
    // Some programs begin a file with a mark of its byte order.
    if input.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        input.consume(BYTE_ORDER_MARK.len());
    }
    loop {
        // Whoever waits for answers before asking on gets them.
        if input.buffer().is_empty() {
            console.flush()?;
        }
        line.clear();
        if input.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let answer = if line.len() as u64 == LONGEST && !line.ends_with(b"\n") {
            crate::users::skip_line(&mut input)?;
            json!({ "error": "the line is longer than 16 MiB" })
        } else {
            // A fence: a mistake of ours in one line must not take the others with it.
            let answered =
                AssertUnwindSafe(|| answer(&line, &mut compiled, blocks, now, options, fetch));
            catch_unwind(answered)
                .unwrap_or_else(|_| json!({ "error": "flowrun failed on this line" }))
        };
        serde_json::to_writer(&mut *console, &answer)?;
        console.print("\n")?;
    }
    Ok(Exit::Done)
}

fn answer(
    line: &[u8],
    compiled: &mut Compiled,
    blocks: &BTreeMap<String, String>,
    now: Millis,
    options: &Options,
    fetch: &mut dyn Fetch,
) -> Json {
    let Task { template, user, data } = match serde_json::from_slice(line) {
        Ok(task) => task,
        Err(error) => return json!({ "error": format!("the line is no task: {error}") }),
    };
    let user = Json::Object(user.unwrap_or_default());
    let data = Json::Object(data.unwrap_or_default());
    if compiled.len() >= KEPT && !compiled.contains_key(&template) {
        compiled.clear();
    }
    let source = template.clone();
    let template = compiled.entry(template).or_insert_with_key(|text| {
        Template::compile(text, blocks).map_err(|faults| in_words(text, &faults))
    });
    let template = match template {
        Ok(template) => template,
        Err(faults) => return json!({ "error": faults }),
    };
    let mut view = JsonView::new(&user, &data, now.0);
    let rendered = fetching::render(&mut view, now, fetch, |view| {
        let mut text = String::new();
        template.render(view, options, &mut text).map(|()| text)
    });
    in_json(rendered, &source, blocks)
}

/// What a render has come to.
pub fn in_json(
    rendered: Result<String, Halt>,
    source: &str,
    blocks: &BTreeMap<String, String>,
) -> Json {
    match rendered {
        Ok(text) => json!({ "text": text }),
        Err(Halt::Stopped(Stop::Abort(reason))) => json!({ "abort": reason }),
        Err(Halt::Stopped(Stop::Error(error))) => {
            let block = error.block.as_deref();
            let text = block.map_or(source, |name| blocks.get(name).map_or("", String::as_str));
            let (line, column) = line_and_column(text, error.span.start);
            let of = block.map_or_else(String::new, |name| format!(" of content block `{name}`"));
            json!({ "error": format!("{} at {line}:{column}{of}", error.message) })
        }
        Err(Halt::Stopped(stop)) => json!({ "error": stop.to_string() }),
        Err(Halt::Unanswered(why)) => json!({ "error": why }),
    }
}

/// The faults of a template, each with line and column in its text.
pub fn in_words(source: &str, faults: &[Fault]) -> String {
    let said = |fault: &Fault| {
        let (line, column) = line_and_column(source, fault.span.start);
        let hint = fault.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
        format!("{} at {line}:{column}{hint}", fault.message)
    };
    let mut all: Vec<String> = faults.iter().take(TOLD).map(said).collect();
    if faults.len() > TOLD {
        all.push(format!("and {} more faults", faults.len() - TOLD));
    }
    all.join("; ")
}
