//! A run of a few users, told as it happens: by virtual time, who is where, and what
//! becomes of them.
//!
//! What follows from the line before is left out (arriving at a step, leaving by `next`),
//! so that every line says something.

use unicode_width::UnicodeWidthStr;

use crate::console::{Look, Palette, printable};
use crate::core::batcher::Limits;
use crate::core::trace::{Counts, Line, What};
use crate::core::{Canvas, Millis};
use crate::moment;

/// The widest that a user's or step's column gets.
const WIDEST: usize = 32;
/// The longest text of a message or reason that is told, in columns.
const LONGEST_TEXT: usize = 72;

/// Turns lines of a trace into lines for people.
pub struct Narrator {
    palette: Palette,
    user_width: usize,
    step_width: usize,
    /// Whether steps are told with their Canvas: where there are several.
    places: Places,
    limits: Limits,
    /// The time that stands on the page.
    told: String,
    year: i16,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Places {
    Steps,
    CanvasesAndSteps,
}

impl Narrator {
    pub fn new<'a>(
        canvases: impl Iterator<Item = &'a Canvas> + Clone,
        users: impl Iterator<Item = &'a str>,
        limits: Limits,
        start: Millis,
        palette: Palette,
    ) -> Narrator {
        let places = match canvases.clone().count() {
            1 => Places::Steps,
            _ => Places::CanvasesAndSteps,
        };
        let steps = canvases.flat_map(|canvas| {
            let head = canvas.head.name.clone();
            canvas.graph().node_weights().map(move |node| place(places, &head, &node.id).width())
        });
        let step_width = steps.max().unwrap_or(0).min(WIDEST);
        let user_width = users.map(|user| printable(user).width()).max().unwrap_or(0).min(WIDEST);
        let (told, year) = (String::new(), moment::year(start));
        Narrator { palette, user_width, step_width, places, limits, told, year }
    }

    /// The line as a person reads it, with its time if that is news. Empty if the line
    /// says nothing that isn't said already.
    pub fn tell(&mut self, line: &Line) -> String {
        let Some((look, said)) = self.said(&line.what) else { return String::new() };
        let mut text = String::new();
        let year = moment::year(line.at);
        if year != self.year {
            self.year = year;
            text.push_str(&format!("{}\n", self.palette.paint(Look::Bold, &year.to_string())));
        }
        let time = moment::short(line.at);
        let shown = if time == self.told { " ".repeat(time.len()) } else { time.clone() };
        self.told = time;
        let user = fitted(line.user.as_deref().unwrap_or(""), self.user_width);
        let step = match (&line.canvas, &line.step, &line.what) {
            (Some(canvas), None, _) | (Some(canvas), _, What::Entered { .. }) => {
                match self.places {
                    Places::CanvasesAndSteps => canvas.to_string(),
                    Places::Steps => String::new(),
                }
            }
            (Some(canvas), Some(step), _) => place(self.places, canvas, step),
            _ => String::new(),
        };
        let step = fitted(&step, self.step_width);
        let (paint, dim) = (|look, text: &str| self.palette.paint(look, text), Look::Dim);
        let said = match look {
            Some(look) => paint(look, &said),
            None => said,
        };
        let (shown, step) = (paint(dim, &shown), paint(Look::Accent, &step));
        text.push_str(format!("{shown}  {user}  {step}  {said}").trim_end());
        text.push('\n');
        text
    }

    fn said(&self, what: &What) -> Option<(Option<Look>, String)> {
        Some(match what {
            What::Arrived => return None,
            What::Entered { .. } => (None, "enters".to_owned()),
            What::Waiting { until: Some(until), .. } => (
                Some(Look::Dim),
                format!("waits until {}", moment::short(*until).replace("  ", " ")),
            ),
            What::Waiting { until: None, for_what } => {
                (Some(Look::Dim), format!("waits for {for_what}"))
            }
            What::Held { objects, .. } => {
                (Some(Look::Note), format!("held until written: {}", in_words(objects)))
            }
            What::Request { backend, request, objects, users, attempt } => {
                let Limits { attributes, events, purchases, .. } = self.limits;
                let again = match attempt {
                    0 | 1 => String::new(),
                    attempt => format!(", attempt {attempt}"),
                };
                let users = plural(*users, "user", "users");
                let filled =
                    format!("{}/{}/{}", objects.attributes, objects.events, objects.purchases);
                let room = format!("{attributes}/{events}/{purchases}");
                let said =
                    format!("request {request} to {backend}: {filled} of {room}, {users}{again}");
                (None, said)
            }
            What::Reply { request, status, outcomes } => {
                let status = status.map_or("no status".to_owned(), |status| status.to_string());
                let counts = [
                    (outcomes.applied, "applied"),
                    (outcomes.accepted, "accepted"),
                    (outcomes.refused, "refused"),
                    (outcomes.retry, "to be tried again"),
                    (outcomes.unknown, "unknown"),
                ];
                let counts = counts.iter().filter(|(count, _)| *count > 0);
                let counts: Vec<_> =
                    counts.map(|(count, word)| format!("{count} {word}")).collect();
                (None, format!("reply {request}: {status}, {}", counts.join(", ")))
            }
            What::Released { outcome, .. } => {
                let look = if *outcome == "refused" { Look::Bad } else { Look::Good };
                (Some(look), format!("released: {outcome}"))
            }
            What::Sent { channel, subject, body, .. } => {
                let text = subject.as_deref().unwrap_or(body);
                (None, format!("✉ {channel} “{}”", cut(text.trim())))
            }
            What::Advanced { via, to, reason } => {
                if &**via == "next" && reason.is_none() {
                    return None;
                }
                let to = to.as_deref().map_or_else(String::new, |to| format!(" → {to}"));
                let why =
                    reason.as_deref().map_or_else(String::new, |why| format!(" ({})", cut(why)));
                (None, format!("{via}{to}{why}"))
            }
            What::Exited { reason } => (Some(Look::Bold), format!("exits: {}", cut(reason))),
            What::DeadLetter { reason, .. } => {
                (Some(Look::Bad), format!("dead letter: {}", cut(reason)))
            }
            What::Deleted => (Some(Look::Bold), "is deleted".to_owned()),
            What::Replayed { .. } => (None, "its dead letter is replayed".to_owned()),
        })
    }
}

fn place(places: Places, canvas: &str, step: &str) -> String {
    match places {
        Places::Steps => step.to_owned(),
        Places::CanvasesAndSteps => format!("{canvas}/{step}"),
    }
}

fn in_words(objects: &Counts) -> String {
    let counts = [
        (objects.attributes, "attributes object", "attributes objects"),
        (objects.events, "event", "events"),
        (objects.purchases, "purchase", "purchases"),
    ];
    let counts = counts.iter().filter(|(count, ..)| *count > 0);
    counts.map(|(count, one, many)| plural(*count, one, many)).collect::<Vec<_>>().join(", ")
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn cut(text: &str) -> String {
    let text = printable(text);
    if text.width() <= LONGEST_TEXT { text } else { shortened(&text, LONGEST_TEXT) }
}

fn shortened(text: &str, width: usize) -> String {
    let mut short = String::new();
    for c in text.chars() {
        if short.width() + c.to_string().width() + 1 > width {
            break;
        }
        short.push(c);
    }
    short + "…"
}

/// The text in so many columns, shortened or filled up.
fn fitted(text: &str, width: usize) -> String {
    let text = printable(text);
    let text = if text.width() > width { shortened(&text, width) } else { text };
    let gap = width.saturating_sub(text.width());
    text + &" ".repeat(gap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_look() {
        for (text, width, expected) in [
            ("ada", 5, "ada  "),
            ("絵美", 5, "絵美 "),
            ("abcdef", 4, "abc…"),
            ("絵美絵", 4, "絵… "),
        ] {
            let fitted = fitted(text, width);
            assert_eq!(fitted.width(), width, "{text}");
            assert_eq!(fitted, expected);
        }
    }
}
