//! `flowrun pause`, `flowrun resume`: a Canvas stands still, and goes on.

use clap::Args;

use crate::console::Console;
use crate::exit::Exit;
use crate::operations::At;
use crate::operations::protocol::Change;
use serde_json::json;

const PAUSES: &str = "\
Examples:
  flowrun pause vip --state data       nobody enters, no wait ends, nothing new is written or sent
  flowrun resume vip --state data      they go on

All versions of the Canvas stand still. Updates that are held are still tried, so that no write
is in doubt; whoever they release stays at the next step. Triggers are answered 201 with a
notice, and let nobody in. Without a server the pause is kept for the next start.";

const RESUMES: &str = "\
Examples:
  flowrun resume vip --state data

What came due meanwhile is let go in its order, at most 1,000 a second or all in ten minutes.
Without a server this begins with the next start.";

/// Let a Canvas stand still, in all its versions
#[derive(Args, Debug)]
#[command(after_help = PAUSES)]
pub struct Pause {
    /// The Canvas, by its name
    #[arg(value_name = "CANVAS")]
    canvas: String,

    #[command(flatten)]
    at: At,

    /// Print what was done as one JSON object
    #[arg(long)]
    json: bool,
}

/// Let a paused Canvas go on
#[derive(Args, Debug)]
#[command(after_help = RESUMES)]
pub struct Resume {
    /// The Canvas, by its name
    #[arg(value_name = "CANVAS")]
    canvas: String,

    #[command(flatten)]
    at: At,

    /// Print what was done as one JSON object
    #[arg(long)]
    json: bool,
}

impl Pause {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let mut desk = self.at.desk(console)?;
        let change = desk.pause(&self.canvas)?;
        if self.json {
            console.line(
                &json!({ "canvas": self.canvas, "paused": true, "was": change == Change::WasSo })
                    .to_string(),
            )?;
            return Ok(Exit::Done);
        }
        let name = &self.canvas;
        console.line(&match change {
            Change::Done => format!("{name} is paused: `flowrun resume {name}` lets it go on"),
            Change::WasSo => format!("{name} was paused before"),
        })?;
        Ok(Exit::Done)
    }
}

impl Resume {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let mut desk = self.at.desk(console)?;
        let change = desk.resume(&self.canvas)?;
        if self.json {
            console.line(
                &json!({ "canvas": self.canvas, "paused": false, "was": change == Change::WasSo })
                    .to_string(),
            )?;
            return Ok(Exit::Done);
        }
        let name = &self.canvas;
        console.line(&match (change, desk.is_at_work()) {
            (Change::Done, true) => format!("{name} goes on"),
            (Change::Done, false) => format!("{name} goes on when a server is started"),
            (Change::WasSo, _) => format!("{name} was not paused"),
        })?;
        Ok(Exit::Done)
    }
}
