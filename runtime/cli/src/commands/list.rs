//! `flowrun list`: what there is to write in a Canvas, from the same declarations that the
//! loader reads.

use anyhow::bail;
use clap::{Args, ValueEnum};
use flowrun_loader::Description;
use flowrun_loader::sdk::plugin::abi::PluginKind;
use serde_json::{Map, Value as Json, json};

use crate::console::{Console, Look};
use crate::exit::Exit;
use crate::plugins::Plugins;
use crate::profiles::Memory;
use crate::sdk::{Catalogue, Kind};
use crate::template;

const EXAMPLES: &str = "\
Examples:
  flowrun list                        everything
  flowrun list steps                  the kinds of steps
  flowrun list steps user_update      one of them, with its settings and examples
  flowrun list filters --format json  for programs";

/// List step kinds, channels, backends, filters and tags
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct List {
    /// What to list [default: everything]
    #[arg(value_enum)]
    what: Option<What>,

    /// One of them, in detail
    name: Option<String>,

    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Print the same as JSON (`--format json`)
    #[arg(long, conflicts_with = "format")]
    json: bool,

    #[command(flatten)]
    plugins: Plugins,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum What {
    Steps,
    Channels,
    Backends,
    Filters,
    Tags,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

/// One thing of a list.
#[derive(Clone)]
struct Item {
    name: String,
    summary: String,
    /// What programs may want to know besides.
    more: Map<String, Json>,
}

impl Item {
    fn new(name: &str, summary: &str) -> Item {
        Item { name: name.to_owned(), summary: summary.to_owned(), more: Map::new() }
    }

    fn with(mut self, key: &str, value: Json) -> Item {
        self.more.insert(key.to_owned(), value);
        self
    }

    fn as_json(&self) -> Json {
        let mut map = Map::new();
        map.insert("name".to_owned(), json!(self.name));
        map.insert("summary".to_owned(), json!(self.summary));
        map.extend(self.more.clone());
        Json::Object(map)
    }
}

impl List {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let format = if self.json { Format::Json } else { self.format };
        let known = Known::of(&self.plugins, console)?;
        match (self.what, &self.name) {
            (Some(what), Some(name)) => one(what, name, &known, format, console)?,
            (what, _) => lists(what, &known, format, console)?,
        }
        Ok(Exit::Done)
    }
}

/// What there is beside the lists that never change.
struct Known {
    catalogue: Catalogue,
    /// Backends and channels that are plugins.
    plugins: Vec<(PluginKind, Item)>,
}

impl Known {
    fn of(plugins: &Plugins, console: &Console) -> anyhow::Result<Known> {
        let catalogue = plugins.catalogue(console)?;
        let described = plugins.described(console)?.into_iter();
        let item = |one: &Description| {
            Item::new(one.name(), one.summary())
                .with("plugin", json!(true))
                .with("settings", one.settings().clone())
        };
        let plugins = described.map(|one| (one.kind(), item(&one))).collect();
        Ok(Known { catalogue, plugins })
    }

    fn of_kind(&self, kind: PluginKind) -> impl Iterator<Item = Item> {
        self.plugins.iter().filter(move |(one, _)| *one == kind).map(|(_, item)| item.clone())
    }
}

fn lists(
    what: Option<What>,
    known: &Known,
    format: Format,
    console: &mut Console,
) -> anyhow::Result<()> {
    let all = match what {
        Some(what) => vec![what],
        None => What::value_variants().to_vec(),
    };
    let lists = all.iter().map(|what| (what.word(), what.items(known)));
    if format == Format::Json {
        let as_json = |items: &[Item]| items.iter().map(Item::as_json).collect::<Json>();
        let json: Json = match what {
            Some(what) => as_json(&what.items(known)),
            None => Json::Object(lists.map(|(word, items)| (word, as_json(&items))).collect()),
        };
        console.line(&serde_json::to_string_pretty(&json)?)?;
        return Ok(());
    }
    for (number, (word, items)) in lists.enumerate() {
        if what.is_none() {
            let space = if number > 0 { "\n" } else { "" };
            let word = console.palette.paint(Look::Bold, &word);
            console.line(&format!("{space}{word}"))?;
        }
        let width = items.iter().map(|item| item.name.len()).max().unwrap_or(0);
        for Item { name, summary, more } in items {
            let own =
                if more.get("braze") == Some(&Json::Bool(false)) { " (not in Braze)" } else { "" };
            let name = console.palette.paint(Look::Accent, &format!("{name:width$}"));
            console.line(&format!("{name}  {summary}{own}"))?;
        }
    }
    Ok(())
}

fn one(
    what: What,
    name: &str,
    known: &Known,
    format: Format,
    console: &mut Console,
) -> anyhow::Result<()> {
    let items = what.items(known);
    let Some(item) = items.iter().find(|item| item.name == name) else {
        let near = items
            .iter()
            .map(|item| (strsim::damerau_levenshtein(name, &item.name), &item.name))
            .min()
            .filter(|(far, near)| *far <= (near.len() / 3).max(1));
        let hint = near.map_or_else(String::new, |(_, near)| format!(": did you mean `{near}`?"));
        bail!("there is no `{name}` among the {}{hint}", what.word())
    };
    let kind = if what == What::Steps { known.catalogue.get(name) } else { None };
    if format == Format::Json {
        let mut json = item.as_json();
        if let Some(kind) = kind {
            json["settings"] = kind.settings.clone();
        }
        console.line(&serde_json::to_string_pretty(&json)?)?;
        return Ok(());
    }
    console.line(&format!("{}: {}", console.palette.paint(Look::Accent, name), item.summary))?;
    if let Some(kind) = kind {
        console.print(&detail(kind, console))?;
    }
    Ok(())
}

/// The settings of a step kind and its examples.
fn detail(kind: &Kind, console: &Console) -> String {
    let title = |text: &str| format!("\n{}\n", console.palette.paint(Look::Bold, text));
    let mut text = String::new();
    let required = kind.settings["required"].as_array();
    if let Some(properties) = kind.settings["properties"].as_object() {
        text.push_str(&title("settings"));
        let width = properties.keys().map(String::len).max().unwrap_or(0);
        for (name, schema) in properties {
            let needed = required.is_some_and(|all| all.iter().any(|one| one == name));
            let needed = if needed { "required. " } else { "" };
            let said = schema["description"].as_str().unwrap_or_default();
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            text.push_str(format!("{name:width$}  {needed}{said}").trim_end());
            text.push('\n');
        }
    }
    for example in &kind.declaration.examples {
        text.push_str(&title(&example.title));
        for line in example.yaml.trim_end().lines() {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

impl What {
    fn word(self) -> String {
        let value = self.to_possible_value().expect("every list has a name");
        value.get_name().to_owned()
    }

    fn items(self, known: &Known) -> Vec<Item> {
        match self {
            What::Steps => known.catalogue.iter().map(step).collect(),
            What::Channels => std::iter::once(Item::new(
                "console",
                "Tells messages in the run's story and trace; every channel that a Canvas names is this one",
            ))
            .chain(known.of_kind(PluginKind::Channel))
            .collect(),
            What::Backends => {
                let about = Memory::default().about().clone();
                let limits = about.batches.limits;
                let limits = json!({
                    "attributes": limits.attributes,
                    "events": limits.events,
                    "purchases": limits.purchases,
                });
                let summary = "Keeps profiles in memory, with the request limits of User Track";
                let memory = Item::new(&about.name, summary).with("objects_per_request", limits);
                std::iter::once(memory).chain(known.of_kind(PluginKind::Backend)).collect()
            }
            What::Filters => template::filters()
                .iter()
                .map(|doc| Item::new(doc.name, doc.summary).with("braze", json!(doc.braze)))
                .collect(),
            What::Tags => template::tags()
                .iter()
                .map(|doc| Item::new(doc.name, doc.summary).with("braze", json!(doc.braze)))
                .collect(),
        }
    }
}

fn step(kind: &Kind) -> Item {
    let declaration = &kind.declaration;
    let examples: Json = declaration
        .examples
        .iter()
        .map(|example| json!({ "title": example.title, "yaml": example.yaml }))
        .collect();
    Item::new(&declaration.name, &declaration.summary)
        .with("shorthand", json!(declaration.shorthand))
        .with("exits", json!(declaration.exits))
        .with("examples", examples)
}
