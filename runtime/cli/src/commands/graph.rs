//! `flowrun graph`: the picture of a Canvas, with counts on its ways if a trace is named.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};
use flowrun_canvas::render_text;

use crate::canvases;
use crate::console::{Console, aside};
use crate::exit::Exit;
use crate::picture::{Counts, Picture, dot, json, mermaid, svg, text};
use crate::plugins::Plugins;
use crate::trace;

const EXAMPLES: &str = "\
Examples:
  flowrun graph flows/vip.yaml                           for Markdown that knows mermaid
  flowrun graph flows/vip.yaml --format svg > vip.svg    for everything else
  flowrun graph flows/vip.yaml --format text             for a terminal
  flowrun graph flows/vip.yaml --trace run.trace         how many went which way";

/// Print the picture of a Canvas
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Graph {
    /// The Canvas
    #[arg(value_name = "FLOW")]
    flow: PathBuf,

    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Print steps and ways as JSON (`--format json`)
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// The trace of a run, whose counts are put on the ways
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    #[command(flatten)]
    plugins: Plugins,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Format {
    /// A flowchart for Markdown
    #[default]
    Mermaid,
    /// For Graphviz
    Dot,
    /// A list for terminals
    Text,
    /// A drawing for browsers
    Svg,
    /// Steps and ways, for programs
    Json,
}

impl Graph {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let opened = canvases::open(&self.flow, &self.plugins.catalogue(console)?)?;
        let Some(canvas) = opened.canvas else {
            let colors = console.notes.has_colors();
            aside(render_text(&opened.diagnostics, &opened.sources, colors).trim_end_matches('\n'));
            return Ok(Exit::Wrong);
        };
        let counts = match &self.trace {
            None => None,
            Some(file) => {
                let mut counts = Counts::default();
                let unread = trace::read(file, |line| {
                    if line.canvas.as_deref() == Some(&*canvas.head.name) {
                        counts.add(&line);
                    }
                })?;
                if unread > 0 {
                    let shown = file.display();
                    console.note(&format!(
                        "{unread} lines of `{shown}` are no lines of a trace, and left out"
                    ));
                }
                if counts.is_empty() {
                    bail!(
                        "`{}` has no line about the Canvas `{}`",
                        file.display(),
                        canvas.head.name
                    )
                }
                Some(counts)
            }
        };
        let picture = Picture::of(&canvas, counts.as_ref());
        let format = if self.json { Format::Json } else { self.format };
        console.print(&match format {
            Format::Mermaid => mermaid::draw(&picture),
            Format::Dot => dot::draw(&picture),
            Format::Text => text::draw(&picture),
            Format::Svg => svg::draw(&picture),
            Format::Json => format!("{:#}\n", json::draw(&picture)),
        })?;
        Ok(Exit::Done)
    }
}
