//! Which steps and doors tests have taken, and which none has.
//!
//! A door counts if it is a way in the Canvas: `on_failure` and `on_timeout` where they are
//! written, `next` where a step follows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use flowrun_canvas::test_file::TestFile;
use serde_json::{Value as Json, json};

use super::play::Played;
use crate::console::{Look, Palette};
use crate::core::trace::What;
use crate::core::{Canvas, NodeIx};

/// A share in hundredths of a percent, so that it is compared exactly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Percent(u32);

impl Percent {
    pub const NONE: Percent = Percent(0);
    const ALL: u32 = 10_000;

    /// Rounded down: all is all.
    fn of(part: usize, whole: usize) -> Percent {
        match whole {
            0 => Percent(Percent::ALL),
            whole => Percent((part as u64 * u64::from(Percent::ALL) / whole as u64) as u32),
        }
    }

    fn as_f64(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Percent, String> {
        let number: f64 = text.trim_end_matches('%').parse().unwrap_or(f64::NAN);
        match (0.0..=100.0).contains(&number) {
            true => Ok(Percent((number * 100.0).round() as u32)),
            false => Err("write a number from 0 to 100, such as --coverage=100".to_owned()),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 100 {
            0 => write!(f, "{} %", self.0 / 100),
            _ => write!(f, "{:.1} %", (self.as_f64() * 10.0).floor() / 10.0),
        }
    }
}

/// What was taken, by Canvas.
#[derive(Default)]
pub struct Coverage {
    canvases: BTreeMap<Arc<str>, Taken>,
}

struct Taken {
    canvas: Arc<Canvas>,
    tests: usize,
    /// Who came to a step, by its id.
    steps: BTreeMap<Arc<str>, u64>,
    doors: BTreeSet<(Arc<str>, Arc<str>)>,
}

/// A step, its users, and its doors with whether they were taken.
struct Row {
    step: Arc<str>,
    users: u64,
    doors: Vec<(Arc<str>, bool)>,
}

impl Coverage {
    pub fn add(&mut self, file: &TestFile, played: &Played) {
        let name = file.canvas.head.name.clone();
        let taken = self.canvases.entry(name).or_insert_with(|| Taken {
            canvas: file.canvas.clone(),
            tests: 0,
            steps: BTreeMap::new(),
            doors: BTreeSet::new(),
        });
        taken.tests += 1;
        for line in played.rehearsal.trace() {
            let Some(step) = &line.step else { continue };
            match &line.what {
                What::Arrived => *taken.steps.entry(step.clone()).or_default() += 1,
                What::Advanced { via, .. } => {
                    taken.doors.insert((step.clone(), via.clone()));
                }
                _ => {}
            }
        }
    }

    /// Whether any Canvas is below.
    pub fn is_below(&self, wanted: Percent) -> bool {
        self.canvases.values().any(|taken| taken.percent() < wanted)
    }

    pub fn as_text(&self, wanted: Percent, palette: Palette) -> String {
        let mut text = String::new();
        for (name, taken) in &self.canvases {
            let percent = taken.percent();
            let look = if percent < wanted { Look::Bad } else { Look::Good };
            let percent = palette.paint(look, &format!("{percent} covered"));
            let tests = if taken.tests == 1 { "1 test" } else { &format!("{} tests", taken.tests) };
            text.push_str(&format!("{} · {tests} · {percent}\n", palette.paint(Look::Bold, name)));
            text.push_str(&taken.table());
            text.push('\n');
        }
        text
    }

    pub fn as_json(&self) -> Json {
        self.canvases
            .iter()
            .map(|(name, taken)| {
                let rows: Vec<Json> = taken
                    .rows()
                    .iter()
                    .map(|row| {
                        let names = |wanted: bool| {
                            let doors = row.doors.iter().filter(move |(_, taken)| *taken == wanted);
                            doors.map(|(door, _)| &**door).collect::<Vec<_>>()
                        };
                        let (taken, missed) = (names(true), names(false));
                        json!({ "step": &*row.step, "users": row.users, "taken": taken, "missed": missed })
                    })
                    .collect();
                json!({
                    "canvas": &**name,
                    "percent": taken.percent().as_f64(),
                    "steps": rows,
                })
            })
            .collect()
    }
}

impl Taken {
    fn rows(&self) -> Vec<Row> {
        let graph = self.canvas.graph();
        let mut doors: Vec<Vec<(usize, Arc<str>)>> = vec![Vec::new(); self.canvas.node_count()];
        for edge in graph.edge_indices() {
            let (Some((from, _)), Some(door)) =
                (graph.edge_endpoints(edge), graph.edge_weight(edge))
            else {
                continue;
            };
            let number = usize::from(door.0);
            doors[from.index()].push((number, graph[from].doors[number].clone()));
        }
        let rows = doors.into_iter().enumerate().map(|(number, mut doors)| {
            doors.sort_unstable();
            let step = self.canvas.node(NodeIx(number as u16)).id.clone();
            let taken = |door: &Arc<str>| self.doors.contains(&(step.clone(), door.clone()));
            let doors = doors.into_iter().map(|(_, door)| (door.clone(), taken(&door)));
            let doors = doors.collect();
            Row { users: self.steps.get(&step).copied().unwrap_or(0), doors, step }
        });
        rows.collect()
    }

    fn percent(&self) -> Percent {
        let (mut taken, mut all) = (0, 0);
        for row in self.rows() {
            all += 1 + row.doors.len();
            taken += usize::from(row.users > 0);
            taken += row.doors.iter().filter(|(_, taken)| *taken).count();
        }
        Percent::of(taken, all)
    }

    fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(NOTHING).set_header(["step", "users", "doors", "no test took"]);
        for Row { step, users, doors } in self.rows() {
            let missed: Vec<&str> =
                doors.iter().filter(|(_, taken)| !taken).map(|(door, _)| &**door).collect();
            let count = format!("{}/{}", doors.len() - missed.len(), doors.len());
            let said = match (users, missed.is_empty()) {
                (0, _) => "the step".to_owned(),
                (_, true) => String::new(),
                (_, false) => missed.join(", "),
            };
            table.add_row([step.to_string(), users.to_string(), count, said]);
        }
        for column in table.column_iter_mut().skip(1).take(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let text = table.to_string();
        text.lines()
            .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line).trim_end()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_rounded_down_and_read_as_written() {
        for (part, whole, shown) in [
            (1, 3, "33.3 %"),
            (2999, 3000, "99.9 %"),
            (3, 3, "100 %"),
            (0, 7, "0 %"),
            (0, 0, "100 %"),
        ] {
            assert_eq!(Percent::of(part, whole).to_string(), shown, "{part}/{whole}");
        }
        assert_eq!("80".parse(), Ok(Percent(8000)));
        assert_eq!("99.5%".parse(), Ok(Percent(9950)));
        for wrong in ["", "all", "-1", "101", "NaN"] {
            assert!(wrong.parse::<Percent>().is_err(), "{wrong}");
        }
    }
}
