//! Variables that nothing can set: a template that reads one finds it empty for every user.
//!
//! Two of the questions can be answered where a text is read: whether Braze has such a
//! profile field, and whether the text sets a plain name itself. What the journey carries
//! (context, entry properties) is judged when all steps are known.
//!
//! Told once per name and text. A variable read in a Content Block has its place where the
//! block is put in.

use std::collections::{BTreeMap, BTreeSet};

use flowrun_core::template::{Root, Use, Uses};
use flowrun_core::track::Field;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::codes;
use crate::diagnostic::{Diagnostic, Span};
use crate::load::MAX_DIAGNOSTICS;
use crate::nearest::nearest;
use crate::schema::short;
use crate::yaml::{self, Plain, Value};

/// Liquid's names for what a profile has, where they are not User Track's.
const FIELDS: [&str; 14] = [
    "braze_id",
    "city",
    "date_of_birth",
    "email_address",
    "last_used_app_date",
    "most_recent_app_version",
    "most_recent_locale",
    "most_recent_location",
    "phone_number",
    "random_bucket_number",
    "set_user_to_opted_in_url",
    "set_user_to_subscribed_url",
    "set_user_to_unsubscribed_url",
    "user_id",
];

/// Names that are compared with others for "did you mean", in one Canvas.
const COMPARED: usize = 200;

/// By what users enter, as far as it decides which variables they bring.
pub(crate) struct Entrance {
    api: bool,
    event: bool,
}

impl Entrance {
    /// As it is written; `None` where that can't be made out.
    pub(crate) fn of(root: &yaml::Node<'_>) -> Option<Entrance> {
        let Some(entry) = root.map()?.get("entry") else {
            return Some(Entrance { api: false, event: false });
        };
        let map = match &entry.value.value {
            Value::Map(map) if !map.partial => map,
            _ => return None,
        };
        let api = map.get("api").and_then(|api| api.value.scalar());
        let api = api.is_some_and(|api| api.plain() == Plain::Flag(true));
        Some(Entrance { api, event: map.get("event").is_some() })
    }
}

/// What the texts of a Canvas read, until it is known who could set it.
#[derive(Default)]
pub(crate) struct Variables {
    warnings: Vec<Diagnostic>,
    carried: Vec<Carried>,
    compared: usize,
    /// The step whose texts are being read.
    step: Option<usize>,
}

/// A variable of the journey that a text reads.
struct Carried {
    root: Root,
    name: String,
    file: String,
    span: Span,
    in_block: bool,
    step: Option<usize>,
}

/// Where the variables of the context come from.
pub(crate) struct Sources {
    /// By step, what it sets.
    pub(crate) sets: Vec<Vec<String>>,
    /// By step, what of it the step's own settings read further down.
    pub(crate) early: Vec<Vec<String>>,
    /// The ways between the steps, if none was lost to a fault.
    pub(crate) ways: Option<DiGraph<(), ()>>,
}

impl Sources {
    fn names(&self) -> BTreeSet<&str> {
        self.sets.iter().flatten().map(String::as_str).collect()
    }

    /// Whether the step that reads the variable has set it before.
    fn set_in(&self, step: usize, carried: &Carried) -> bool {
        self.early.get(step).is_some_and(|names| names.contains(&carried.name))
    }

    /// The steps that users come to after one that sets the variable.
    fn behind(&self, name: &str) -> Option<BTreeSet<usize>> {
        let ways = self.ways.as_ref()?;
        let sets = |(_, names): &(usize, &Vec<String>)| names.iter().any(|set| set == name);
        let setting = self.sets.iter().enumerate().filter(sets);
        let mut open: Vec<NodeIndex> =
            setting.flat_map(|(step, _)| ways.neighbors(NodeIndex::new(step))).collect();
        let mut behind = BTreeSet::new();
        while let Some(node) = open.pop() {
            if behind.insert(node.index()) {
                open.extend(ways.neighbors(node));
            }
        }
        Some(behind)
    }
}

impl Variables {
    /// What is read from here on stands in this step.
    pub(crate) fn enter(&mut self, step: usize) {
        self.step = Some(step);
    }

    /// Takes note of what a text reads. `place` finds the file and its bytes for bytes of
    /// the text.
    pub(crate) fn read<'f>(
        &mut self,
        text: &str,
        uses: &Uses,
        place: impl Fn(&Span) -> (&'f str, Span),
    ) {
        let mut seen = BTreeSet::new();
        for read in &uses.reads {
            if self.warnings.len() + self.carried.len() > MAX_DIAGNOSTICS {
                return;
            }
            if !seen.insert((read.root, read.name.as_str())) {
                continue;
            }
            let written = text.get(read.span.clone()).unwrap_or_default();
            let in_block = written.contains("content_blocks");
            let fault = match read.root {
                Root::Profile if !is_field(&read.name) => self.no_field(read, written),
                Root::Variable => self.never_set(read, written),
                Root::Context
                | Root::EntryProperties
                | Root::EventProperties
                | Root::ApiTriggerProperties => {
                    let (file, span) = place(&read.span);
                    let (root, name) = (read.root, read.name.clone());
                    let file = file.to_owned();
                    let step = self.step;
                    self.carried.push(Carried { root, name, file, span, in_block, step });
                    continue;
                }
                _ => continue,
            };
            let (file, span) = place(&read.span);
            self.warnings.push(fault.at(file, span, in_block));
        }
    }

    fn no_field(&mut self, read: &Use, written: &str) -> Fault {
        let name = &read.name;
        let message =
            format!("there is no profile field `${{{}}}`: it is always empty", short(name));
        let custom = Root::Custom.written(name);
        let fields = Field::ALL.iter().map(|field| field.name()).chain(FIELDS);
        let (meant, hint) = match self.near(name, fields) {
            Some(field) => {
                let meant = Root::Profile.written(&field);
                let hint =
                    format!("did you mean `{meant}`? A custom attribute is `{}`", short(&custom));
                (meant, hint)
            }
            None => {
                let hint = format!("a custom attribute is `{}`", short(&custom));
                (custom, hint)
            }
        };
        let whole = written == Root::Profile.written(name);
        Fault { code: codes::UNKNOWN_FIELD, message, hint, meant: whole.then_some(meant) }
    }

    fn never_set(&mut self, read: &Use, written: &str) -> Fault {
        let name = &read.name;
        let message = format!("nothing sets `{}`: it is always empty", short(name));
        let (before, meant) = match read.path.first() {
            // `custom_attribute.country` lacks its `${…}`.
            Some(key) => match Root::NAMED.into_iter().find(|root| root.word() == name) {
                Some(root) => (format!("{name}.{key}"), Some(root.written(key))),
                None => (String::new(), None),
            },
            None => {
                let field = is_field(name).then(|| Root::Profile.written(name));
                (name.clone(), field)
            }
        };
        let hint = match &meant {
            Some(meant) => format!("did you mean `{}`?", short(meant)),
            None => {
                let name = short(name);
                format!(
                    "an attribute is `custom_attribute.${{{name}}}`, a variable of the journey \
                     `context.${{{name}}}`; `{{% assign {name} = … %}}` sets one of the text"
                )
            }
        };
        let meant = meant.filter(|_| written == before);
        Fault { code: codes::NEVER_SET, message, hint, meant }
    }

    /// The nearest name, as long as not too many were asked for.
    fn near<'n>(&mut self, name: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
        self.compared += 1;
        if self.compared > COMPARED {
            return None;
        }
        nearest(name, known).map(str::to_owned)
    }

    /// All warnings. Variables of the journey are judged only if it is known how users enter
    /// and what `sets` all steps have.
    pub(crate) fn judge(
        mut self,
        entrance: Option<Entrance>,
        sources: Option<Sources>,
        faults: &mut Vec<Diagnostic>,
    ) {
        if let (Some(entrance), Some(sources)) = (entrance, sources) {
            let sets = sources.names();
            let mut behind: BTreeMap<String, Option<BTreeSet<usize>>> = BTreeMap::new();
            for carried in std::mem::take(&mut self.carried) {
                let fault = match carried.root {
                    Root::EventProperties if !entrance.event => without_event(&carried),
                    Root::EventProperties => continue,
                    _ if entrance.api || entrance.event => continue,
                    _ if sets.contains(carried.name.as_str()) => {
                        let Some(step) = carried.step else { continue };
                        if behind.len() >= COMPARED && !behind.contains_key(&carried.name) {
                            continue;
                        }
                        let behind = behind
                            .entry(carried.name.clone())
                            .or_insert_with(|| sources.behind(&carried.name));
                        match behind {
                            Some(behind)
                                if !behind.contains(&step) && !sources.set_in(step, &carried) =>
                            {
                                too_early(&carried)
                            }
                            _ => continue,
                        }
                    }
                    _ => self.not_brought(&carried, &sets),
                };
                self.warnings.push(fault.at(&carried.file, carried.span, carried.in_block));
            }
        }
        faults.extend(self.warnings);
    }

    fn not_brought(&mut self, carried: &Carried, sets: &BTreeSet<&str>) -> Fault {
        let written = carried.root.written(&carried.name);
        let message = format!("nothing in this Canvas sets `{}`", short(&written));
        let near = self.near(&carried.name, sets.iter().copied());
        let hint = match near {
            Some(near) => format!("did you mean `{}`?", carried.root.written(&near)),
            None => "set it in a `context` step, or let users enter by `entry: { api: true }`; as \
                     it is, only `entry_properties` of a users file bring it"
                .to_owned(),
        };
        Fault { code: codes::NOT_BROUGHT, message, hint, meant: None }
    }
}

fn too_early(carried: &Carried) -> Fault {
    let written = carried.root.written(&carried.name);
    let message = format!("`{}` is read before any step sets it", short(&written));
    let hint = "move the `context` step that sets it before this one; as it is, only \
                `entry_properties` of a users file bring it"
        .to_owned();
    Fault { code: codes::NOT_BROUGHT, message, hint, meant: None }
}

fn without_event(carried: &Carried) -> Fault {
    let written = carried.root.written(&carried.name);
    let message = format!("`{}` is always empty: no event brings users here", short(&written));
    let hint = format!(
        "what a call of the API brings is `{}`",
        short(&Root::EntryProperties.written(&carried.name))
    );
    Fault { code: codes::NO_EVENT, message, hint, meant: None }
}

/// A warning that has no place yet.
struct Fault {
    code: codes::Code,
    message: String,
    hint: String,
    /// What to write instead.
    meant: Option<String>,
}

impl Fault {
    fn at(self, file: &str, span: Span, in_block: bool) -> Diagnostic {
        let mut diagnostic =
            Diagnostic::warning(self.code, span.clone(), self.message).file(file).hint(self.hint);
        if in_block {
            return diagnostic.label("in this Content Block");
        }
        if let Some(meant) = self.meant {
            diagnostic = diagnostic.suggest(span, meant);
        }
        diagnostic
    }
}

fn is_field(name: &str) -> bool {
    FIELDS.contains(&name) || Field::named(name).is_some()
}
