//! `flowrun replay`: dead letters are done again, under their keys, once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::{PAGE, Which, all};
use crate::commands::status::shortened;
use crate::console::{Console, printable};
use crate::exit::Exit;
use crate::moment;
use crate::operations::protocol::{Letter, LetterAt, Wanted};
use crate::operations::{At, Desk};

/// How often what is under way is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// What can't be done is told of so many.
const TOLD: usize = 20;

const EXAMPLES: &str = "\
Examples:
  flowrun replay 2-17 2-18 --state data
  flowrun replay --all --canvas vip --step mark_vip --state data
  flowrun replay --all --state data --wait 5m        wait longer for what becomes of them

What is left of an update is written again under its key, so that a backend that remembers keys
applies nothing twice; a message is sent again under its id. The user's journey has gone on by
`on_failure` and is not changed. With a server at work the command waits for the outcome, and
ends with 3 if some have come back or are still under way; without one they go out when a server is started next.";

/// Do dead letters again, after what was wrong is mended
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Replay {
    /// Which, as `flowrun dead-letters` lists them
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<LetterAt>,

    /// All that can be, or those of --canvas and --step
    #[arg(long, conflicts_with = "ids")]
    all: bool,

    #[command(flatten)]
    which: Which,

    /// How long to wait for what becomes of them: `30s`, `5m`
    #[arg(long, value_name = "LENGTH", default_value = "30s")]
    wait: String,

    #[command(flatten)]
    at: At,

    /// Print what has become of them as one JSON object
    #[arg(long)]
    json: bool,
}

/// What has become of dead letters.
#[derive(Default)]
struct Outcome {
    done: Vec<LetterAt>,
    /// Still under way when the time was up, or until a server is started.
    queued: Vec<LetterAt>,
    /// They have come back.
    failed: Vec<Letter>,
    refused: BTreeMap<LetterAt, String>,
}

impl Replay {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let wait = moment::parse_length(&self.wait)?;
        let wait = Duration::from_millis(u64::try_from(wait.0).unwrap_or(0));
        if !self.all && (self.which.canvas.is_some() || self.which.step.is_some()) {
            bail!("--canvas and --step choose among all: add --all, or leave out the ids")
        }
        let mut desk = self.at.desk(console)?;
        let (ids, left_out) = match self.all {
            false => (self.ids.clone(), 0),
            true => {
                let letters = all(&mut desk, &self.which)?;
                let possible = letters.iter().filter(|letter| letter.obstacle.is_none());
                let ids: Vec<LetterAt> = possible.map(|letter| letter.id).collect();
                let left_out = letters.len() - ids.len();
                (ids, left_out)
            }
        };
        let outcome = replay(&ids, Instant::now() + wait, &mut desk)?;
        self.tell(&outcome, &desk, console)?;
        if left_out > 0 {
            console.note(&format!(
                "{left_out} can't be done again; `flowrun dead-letters` says why of each"
            ));
        }
        let remain =
            !outcome.failed.is_empty() || (desk.is_at_work() && !outcome.queued.is_empty());
        Ok(match (outcome.refused.is_empty(), remain) {
            (false, _) => Exit::Usage,
            (true, true) => Exit::DeadLetters,
            (true, false) => Exit::Done,
        })
    }

    fn tell(&self, outcome: &Outcome, desk: &Desk, console: &mut Console) -> anyhow::Result<()> {
        let Outcome { done, queued, failed, refused } = outcome;
        if self.json {
            let refused: Vec<_> =
                refused.iter().map(|(id, why)| json!({ "id": id, "refused": why })).collect();
            let told =
                json!({ "done": done, "queued": queued, "failed": failed, "refused": refused });
            console.line(&told.to_string())?;
            return Ok(());
        }
        if desk.is_at_work() {
            let came_back = failed.len();
            console.line(&format!(
                "{} done · {came_back} came back · {} under way",
                done.len(),
                queued.len()
            ))?;
        } else {
            let count = queued.len();
            console.line(&format!("{count} queued, to go out when a server is started"))?;
        }
        if self.ids.len() <= TOLD && !self.all {
            for (ids, said) in [(done, "done"), (queued, "under way")] {
                for id in ids.iter().filter(|_| desk.is_at_work()) {
                    console.line(&format!("  {id}  {said}"))?;
                }
            }
        }
        for letter in failed.iter().take(TOLD) {
            let (user, reason) = (shortened(&letter.user, 40), shortened(&letter.reason, 200));
            console.line(&format!("  {}  came back: {user}  {reason}", letter.id))?;
        }
        if failed.len() > TOLD {
            console.line("  and more: see `flowrun dead-letters`")?;
        }
        for (id, why) in refused {
            console.note(&format!("{id}: {}", printable(why)));
        }
        Ok(())
    }
}

fn replay(ids: &[LetterAt], until: Instant, desk: &mut Desk) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for ids in ids.chunks(PAGE) {
        let mut under_way = Vec::new();
        for verdict in desk.replay(ids.to_vec())? {
            match verdict.refused {
                None => under_way.push(verdict.id),
                Some(why) => drop(outcome.refused.insert(verdict.id, why)),
            }
        }
        while desk.is_at_work() && !under_way.is_empty() {
            let wanted = Wanted { ids: under_way.clone(), most: PAGE, ..Wanted::default() };
            let left = desk.letters(wanted)?;
            let is_left = |id: &LetterAt| left.iter().any(|letter| letter.id == *id);
            outcome.done.extend(under_way.iter().filter(|id| !is_left(id)));
            let (pending, failed): (Vec<Letter>, Vec<Letter>) =
                left.into_iter().partition(|letter| letter.under_way);
            outcome.failed.extend(failed);
            under_way = pending.iter().map(|letter| letter.id).collect();
            if under_way.is_empty() || Instant::now() >= until {
                break;
            }
            std::thread::park_timeout(LOOK);
        }
        outcome.queued.extend(under_way);
    }
    Ok(outcome)
}
