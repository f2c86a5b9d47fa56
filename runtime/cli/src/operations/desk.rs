//! Where commands ask: a process that holds the state folder, or the folder itself.

use std::path::Path;

use anyhow::{anyhow, bail};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::at_rest::Resting;
use super::protocol::{
    Answer, Ask, Change, Deleted, Letter, LetterAt, Overview, Verdict, Wanted, Whereabouts,
};
#[cfg(unix)]
use super::wire::{self, Wire};
use crate::console::Console;
use crate::plugins::Plugins;
use flowrun_engine::StateError;
use flowrun_engine::log::Kept;

/// How often a folder that is held by somebody who doesn't answer is asked again, and how long
/// it is left alone in between: it may just be starting, or another command at work.
#[cfg(unix)]
const TRIES: u32 = 100;
#[cfg(unix)]
const BETWEEN: std::time::Duration = std::time::Duration::from_millis(50);

/// Who answers.
pub enum Desk {
    #[cfg(unix)]
    Server(Wire),
    Folder(Box<Resting>),
}

impl Desk {
    /// # Errors
    /// If it is no state folder, can't be read, or is held by somebody who can't be asked.
    pub fn at(folder: &Path, plugins: &Plugins, console: &Console) -> anyhow::Result<Desk> {
        if !folder.is_dir() {
            let shown = folder.display();
            bail!(
                "there is no state folder `{shown}`: name the one that was given to `flowrun serve --state`"
            )
        }
        Desk::find(folder, plugins, console)
    }

    #[cfg(unix)]
    fn find(folder: &Path, plugins: &Plugins, console: &Console) -> anyhow::Result<Desk> {
        let mut said = None;
        for _ in 0..TRIES {
            match wire::call(folder) {
                Ok(Some(wire)) => return Ok(Desk::Server(wire)),
                Ok(None) => {}
                Err(error) => said = Some(error),
            }
            match Resting::open(folder, plugins, console) {
                Ok(resting) => return Ok(Desk::Folder(Box::new(resting))),
                Err(error) if is_held(&error) => std::thread::park_timeout(BETWEEN),
                Err(error) => return Err(error),
            }
        }
        let why = said.map_or_else(
            || "it is still starting, or another command is at work: try again".to_owned(),
            |error| error.to_string(),
        );
        bail!("a process holds the state folder `{}`, but can't be asked: {why}", folder.display())
    }

    #[cfg(not(unix))]
    fn find(folder: &Path, plugins: &Plugins, console: &Console) -> anyhow::Result<Desk> {
        match Resting::open(folder, plugins, console) {
            Ok(resting) => Ok(Desk::Folder(Box::new(resting))),
            Err(error) if is_held(&error) => bail!(
                "a process holds the state folder `{}`, and can't be asked on this system: stop \
                 it first",
                folder.display()
            ),
            Err(error) => Err(error),
        }
    }

    /// Whether a process moves users meanwhile.
    pub fn is_at_work(&self) -> bool {
        !matches!(self, Desk::Folder(_))
    }

    pub fn overview(&mut self) -> anyhow::Result<Overview> {
        self.ask(Ask::Overview, "overview")
    }

    pub fn letters(&mut self, wanted: Wanted) -> anyhow::Result<Vec<Letter>> {
        self.ask(Ask::Letters(wanted), "letters")
    }

    pub fn replay(&mut self, ids: Vec<LetterAt>) -> anyhow::Result<Vec<Verdict>> {
        self.ask(Ask::Replay(ids), "verdicts")
    }

    pub fn discard(&mut self, ids: Vec<LetterAt>) -> anyhow::Result<Vec<Verdict>> {
        self.ask(Ask::Discard(ids), "verdicts")
    }

    pub fn pause(&mut self, canvas: &str) -> anyhow::Result<Change> {
        self.ask(Ask::Pause(canvas.to_owned()), "paused")
    }

    pub fn resume(&mut self, canvas: &str) -> anyhow::Result<Change> {
        self.ask(Ask::Resume(canvas.to_owned()), "paused")
    }

    pub fn delete(&mut self, user: &str) -> anyhow::Result<Deleted> {
        self.ask(Ask::Delete(user.to_owned()), "deleted")
    }

    pub fn whereabouts(&mut self, user: &str, canvas: &str) -> anyhow::Result<Whereabouts> {
        let (user, canvas) = (user.to_owned(), canvas.to_owned());
        self.ask(Ask::Whereabouts { user, canvas }, "whereabouts")
    }

    pub fn newest(&mut self) -> anyhow::Result<Vec<Kept>> {
        self.ask(Ask::Newest, "newest")
    }

    /// Asks, and takes the answer of this kind out of its envelope.
    fn ask<T: DeserializeOwned>(&mut self, ask: Ask, kind: &str) -> anyhow::Result<T> {
        let answer = match self {
            #[cfg(unix)]
            Desk::Server(wire) => wire.ask(&ask)?,
            Desk::Folder(resting) => serde_json::to_value(resting.answer(ask)?)?,
        };
        if let Some(why) = answer.get("refused").and_then(Json::as_str) {
            bail!("{why}")
        }
        let own = answer.get(kind).cloned();
        let own = own.and_then(|answer| serde_json::from_value(answer).ok());
        own.ok_or_else(|| {
            anyhow!("the server's answer makes no sense here: is it of another release?")
        })
    }
}

/// What is said of a name that no Canvas has.
pub fn unknown_canvas<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Answer {
    let known: Vec<&str> = known.collect();
    let near = known.iter().map(|other| (strsim::damerau_levenshtein(name, other), *other)).min();
    let near = near.filter(|(far, other)| *far <= (other.len() / 3).max(1));
    let hint = match near {
        Some((_, other)) => format!(": did you mean `{other}`?"),
        None => format!("; there are: {}", known.join(", ")),
    };
    Answer::Refused(format!("there is no Canvas `{name}` in this state folder{hint}"))
}

fn is_held(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<StateError>(), Some(StateError::InUse { .. }))
}
