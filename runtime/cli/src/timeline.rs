//! One user's way through a Canvas, with the reason for each move.
//!
//! Read from the lines of a trace, wherever it comes from. Reasons are what the trace says
//! (a door's name, an outcome, a dead letter), put into a sentence by the kind of step
//! that was left.

use std::collections::BTreeMap;

use crate::console::{Look, Palette, printable};
use crate::core::{Canvas, Millis};
use crate::moment;
use crate::trace::{Counted, TraceLine};

/// What has happened to one user, in order.
#[derive(Default)]
pub struct Timeline {
    lines: Vec<TraceLine>,
}

impl Timeline {
    pub fn add(&mut self, line: TraceLine) {
        self.lines.push(line);
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub fn lines(&self) -> &[TraceLine] {
        &self.lines
    }

    /// The timeline as text: entries one after another, moves by time.
    pub fn told(&self, canvas: &Canvas, palette: Palette) -> String {
        let kinds: BTreeMap<&str, &str> =
            canvas.graph().node_weights().map(|node| (&*node.id, &*node.kind)).collect();
        let width = self.lines.iter().filter_map(|line| line.step.as_deref());
        let width = width.map(|step| step.chars().count()).max().unwrap_or(0);
        let mut by_entry: BTreeMap<u32, Vec<&TraceLine>> = BTreeMap::new();
        for line in &self.lines {
            by_entry.entry(line.entry.unwrap_or(1)).or_default().push(line);
        }
        let several = by_entry.len() > 1;
        let mut text = String::new();
        for (entry, lines) in by_entry {
            if several {
                text.push_str(&format!(
                    "{}\n",
                    palette.paint(Look::Bold, &format!("entry {entry}"))
                ));
            }
            text.push_str(&one_entry(&lines, &kinds, width, palette));
        }
        text
    }
}

fn one_entry(
    lines: &[&TraceLine],
    kinds: &BTreeMap<&str, &str>,
    width: usize,
    palette: Palette,
) -> String {
    let mut text = String::new();
    let mut journey = Journey::default();
    let mut told = String::new();
    for line in lines {
        let at = moment::parse(&line.at).ok();
        let Some(said) = journey.says(line, at, kinds) else { continue };
        let time = at.map_or_else(|| printable(&line.at), moment::long);
        let shown = if time == told { " ".repeat(time.chars().count()) } else { time.clone() };
        told = time;
        let step = printable(line.step.as_deref().unwrap_or_default());
        let (shown, step) = (
            palette.paint(Look::Dim, &format!("{shown:<22}")),
            palette.paint(Look::Accent, &format!("{step:<width$}")),
        );
        text.push_str(format!("{shown}  {step}  {said}").trim_end());
        text.push('\n');
    }
    text
}

/// What has to be remembered from line to line to give reasons.
#[derive(Default)]
struct Journey {
    entered: Option<Millis>,
    held: Option<Millis>,
    /// How the write that was waited for ended.
    outcome: Option<String>,
    failed: Option<String>,
}

impl Journey {
    fn says(
        &mut self,
        line: &TraceLine,
        at: Option<Millis>,
        kinds: &BTreeMap<&str, &str>,
    ) -> Option<String> {
        let since = |then: Option<Millis>| match (then, at) {
            (Some(then), Some(at)) if at > then => format!(" after {}", moment::length(at - then)),
            _ => String::new(),
        };
        let reason = line.reason.as_deref().map(printable);
        Some(match line.kind.as_str() {
            "entered" => {
                self.entered = at;
                "enters".to_owned()
            }
            "arrived" => {
                self.held = None;
                self.outcome = None;
                self.failed = None;
                return None;
            }
            "waiting" => {
                let until = line.until.as_deref().and_then(|until| moment::parse(until).ok());
                match until {
                    Some(until) => format!("waits until {}", moment::long(until)),
                    None => {
                        format!("waits for {}", line.for_what.as_deref().unwrap_or("something"))
                    }
                }
            }
            "held" => {
                self.held = at;
                let objects = line.objects.map(in_words).unwrap_or_default();
                format!("held until its update is written ({objects})")
            }
            "released" => {
                self.outcome.clone_from(&line.outcome);
                let outcome = line.outcome.as_deref().unwrap_or("settled");
                format!("the update is {outcome}{}", since(self.held))
            }
            "sent" => {
                let channel = printable(line.channel.as_deref().unwrap_or("?"));
                let text = line.subject.as_deref().or(line.body.as_deref()).unwrap_or_default();
                format!("gets a message by {channel}: “{}”", first(&printable(text)))
            }
            "advanced" => self.moves(line, reason, kinds),
            "dead_letter" => {
                let reason = reason.unwrap_or_else(|| "no reason is given".to_owned());
                self.failed = Some(reason.clone());
                format!("could not be done, is in the dead letters: {reason}")
            }
            "deleted" => "is deleted: nothing of them is kept".to_owned(),
            "replayed" => "what was in the dead letters is tried again".to_owned(),
            "exited" => {
                let why = match self.failed.as_deref() {
                    Some(_) => ", because the step failed and nothing is wired to `on_failure`",
                    None => "",
                };
                let reason = reason.unwrap_or_default();
                format!("exits: {reason}{}{why}", since(self.entered))
            }
            _ => return None,
        })
    }

    /// Where the user goes and why.
    fn moves(
        &self,
        line: &TraceLine,
        reason: Option<String>,
        kinds: &BTreeMap<&str, &str>,
    ) -> String {
        let via = line.via.as_deref().unwrap_or("next");
        let kind = line.step.as_deref().and_then(|step| kinds.get(step)).copied();
        let why = reason.unwrap_or_else(|| self.why(via, kind));
        match &line.to {
            Some(to) => format!("goes on to {}: {why}", printable(to)),
            None => format!("has no further step: {why}"),
        }
    }

    fn why(&self, via: &str, kind: Option<&str>) -> String {
        let said = match (via, kind) {
            ("then", _) => "the condition holds",
            ("else", Some("decision_split")) => "the condition does not hold",
            ("else", _) => "no other path is for them",
            ("on_failure", _) => match &self.failed {
                Some(reason) => return format!("`on_failure`, because it failed: {reason}"),
                None => "`on_failure`, because it failed",
            },
            ("on_timeout", _) => "`on_timeout`, because it took too long",
            ("next", Some("delay")) => "the wait is over",
            ("next", Some("message" | "webhook")) => "the message was taken",
            ("next", Some("user_update")) if self.outcome.is_some() => "what it wrote is committed",
            ("next", Some("context")) => "the variables are set",
            ("next", _) => "by `next`",
            (path, Some("experiment_paths")) => return format!("drawn for `{}`", printable(path)),
            (path, Some("audience_paths")) => {
                return format!("`{}` is the first path that is for them", printable(path));
            }
            (path, _) => return format!("by `{}`", printable(path)),
        };
        said.to_owned()
    }
}

fn in_words(objects: Counted) -> String {
    let counts = [
        (objects.attributes, "attributes"),
        (objects.events, "events"),
        (objects.purchases, "purchases"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    counts.map(|(count, array)| format!("{array} {count}")).collect::<Vec<_>>().join(", ")
}

fn first(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
