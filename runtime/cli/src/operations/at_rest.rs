//! Answers from a state folder that nobody serves: what is asked is read where it stands; what
//! is decided is committed, and performed when a server is started next.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{anyhow, bail};
use flowrun_engine::log::{Folder, Kept};
use flowrun_engine::profile_backends::rows::Rows;
use flowrun_engine::{AtRest, StateFolder, Swept, sweep};
use flowrun_server::{Busy, Entry, Happened, Journeys, Memory, Stored, User, track::Array};

use super::desk::unknown_canvas;
use super::protocol::{Answer, Ask, Change, Deleted, LetterAt, Moment, Payloads, Wanted};
use super::protocol::{Verdict, Whereabouts};
use super::survey::{self, Deed};
use super::{delete_profile, socket};
use crate::console::Console;
use crate::core::{Canvas, CanvasIx, Input};
use crate::moment;
use crate::plugins::Plugins;
use crate::trace::TraceLine;
use crate::versions;

pub struct Resting {
    path: PathBuf,
    canvases: Vec<Arc<Canvas>>,
    /// Given up by a deletion.
    at_rest: Option<AtRest>,
}

impl Resting {
    pub fn open(path: &Path, plugins: &Plugins, console: &Console) -> anyhow::Result<Resting> {
        let state = StateFolder::existing(path)?;
        // Whoever left it died: nobody listens there, since the folder is ours.
        let _ = std::fs::remove_file(socket(path));
        let canvases = versions::kept(&state, &plugins.catalogue(console)?)?;
        let at_rest = Some(AtRest::open(state, &canvases)?);
        Ok(Resting { path: path.to_owned(), canvases, at_rest })
    }

    pub fn answer(&mut self, ask: Ask) -> anyhow::Result<Answer> {
        if let Ask::Delete(user) = ask {
            return Ok(Answer::Deleted(self.delete(&user)?));
        }
        let at_rest = self.at_rest.as_mut().ok_or_else(|| anyhow!("the folder was given up"))?;
        let now = moment::present();
        Ok(match ask {
            Ask::Overview => {
                let registry = &at_rest.state().registry;
                let all = (0..registry.versions().len()).map(|number| CanvasIx(number as u16));
                let closed = all.filter(|canvas| registry.is_closed(*canvas)).collect();
                let size = at_rest.size()?;
                let mut overview = survey::overview(&at_rest.shards(), &closed, now, size);
                let profiles = std::fs::metadata(self.path.join(Rows::FILE));
                overview.profiles_bytes = profiles.map_or(0, |file| file.len());
                overview.to_be_swept = Folder::has_leftovers(&self.path);
                Answer::Overview(overview)
            }
            Ask::Letters(wanted) => Answer::Letters(survey::letters(&at_rest.shards(), &wanted)),
            Ask::Replay(ids) => {
                let verdicts = replayable(at_rest, &ids);
                let inputs = survey::granted(&verdicts).into_iter();
                let inputs = inputs.map(|(shard, letter)| (shard, Input::Replay { letter }));
                at_rest.decide(now, inputs.collect())?;
                Answer::Verdicts(verdicts)
            }
            Ask::Discard(ids) => {
                let verdicts = survey::verdicts(&at_rest.shards(), &ids, Deed::Discard);
                let inputs = survey::granted(&verdicts).into_iter();
                let inputs = inputs.map(|(shard, letter)| (shard, Input::Discard { letter }));
                at_rest.decide(now, inputs.collect())?;
                Answer::Verdicts(verdicts)
            }
            Ask::Pause(canvas) => {
                let input = Input::Pause { canvas: canvas.as_str().into() };
                stand(at_rest, &canvas, &input, Wish::Pause)?
            }
            Ask::Resume(canvas) => {
                let input = Input::Resume { canvas: canvas.as_str().into() };
                stand(at_rest, &canvas, &input, Wish::Resume)?
            }
            Ask::Whereabouts { user, canvas } => {
                Answer::Whereabouts(whereabouts(at_rest, &self.canvases, user, canvas)?)
            }
            Ask::Newest => Answer::Newest(newest(at_rest.state().registry.versions())),
            Ask::Delete(_) => bail!("a deletion is answered before"),
        })
    }

    /// The profile, the journeys, and then their bytes: if it breaks off, it is to be asked
    /// for again.
    fn delete(&mut self, user: &str) -> anyhow::Result<Deleted> {
        let mut at_rest = self.at_rest.take().ok_or_else(|| anyhow!("the folder was given up"))?;
        Folder::note_leftovers(&self.path)?;
        let gone = Arc::new(Gone::default());
        let stored = Stored::read(at_rest.state(), &mut |_| {})?;
        let memory = Memory::durable(stored, Some(gone.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let profile = runtime.block_on(delete_profile(&memory, user))?;
        drop(memory);
        let mut names = std::mem::take(&mut *gone.0.lock().unwrap_or_else(PoisonError::into_inner));
        if !names.iter().any(|name| name == user) {
            names.push(user.to_owned());
        }
        let (mut journeys, mut dead_letters) = (0, 0);
        for name in &names {
            let shard = usize::from(at_rest.shard_of(name).0);
            let (own, letters) = survey::belongings(at_rest.shards()[shard].1, name);
            journeys += own;
            dead_letters += letters;
        }
        let inputs = names
            .iter()
            .map(|name| (at_rest.shard_of(name), Input::Delete { user: name.as_str().into() }));
        let inputs = inputs.collect();
        at_rest.decide(moment::present(), inputs)?;
        at_rest.snapshot()?;
        drop(at_rest);
        let swept = sweep(&self.path)? == Swept::Done;
        Ok(Deleted { profile, journeys, dead_letters, swept })
    }
}

/// Hears who is deleted.
#[derive(Default)]
struct Gone(Mutex<Vec<String>>);

impl Journeys for Gone {
    fn enter(&self, _: Vec<Entry>) -> Result<(), Busy> {
        Err(Busy::Stopping)
    }

    fn listens(&self, _: Array, _: &str) -> bool {
        false
    }

    fn happened(&self, _: Vec<Happened>) {}

    fn forget(&self, users: Vec<User>) {
        let names = users.into_iter().map(|user| user.journey_id);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
    }
}

/// What can be replayed without a server: a message that is to go out at most once can't, since
/// the next start would have to take it for one that may have gone out.
fn replayable(at_rest: &AtRest, ids: &[LetterAt]) -> Vec<Verdict> {
    let mut verdicts = survey::verdicts(&at_rest.shards(), ids, Deed::Replay);
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.refused.is_none()) {
        let wanted = Wanted {
            ids: vec![verdict.id],
            most: 1,
            payloads: Payloads::With,
            ..Wanted::default()
        };
        let letters = survey::letters(&at_rest.shards(), &wanted);
        let payload = letters.into_iter().find_map(|letter| letter.payload).unwrap_or_default();
        let message: Option<serde_json::Value> = serde_json::from_str(&payload).ok();
        if message.is_some_and(|message| message["delivery"] == "at_most_once") {
            let why = "it goes out at most once, and only a server at work can send it: start \
                       one, and replay it then";
            verdict.refused = Some(why.to_owned());
        }
    }
    verdicts
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Pause,
    Resume,
}

fn stand(at_rest: &mut AtRest, canvas: &str, input: &Input, wish: Wish) -> anyhow::Result<Answer> {
    let names = survey::names(&at_rest.shards());
    if !names.iter().any(|name| **name == *canvas) {
        return Ok(unknown_canvas(canvas, names.iter().map(|name| &**name)));
    }
    let is_paused = at_rest.shards().first().is_some_and(|(_, shard)| shard.is_paused(canvas));
    if is_paused == (wish == Wish::Pause) {
        return Ok(Answer::Paused(Change::WasSo));
    }
    let shards: Vec<_> = at_rest.state().shards().collect();
    let inputs = shards.into_iter().map(|shard| (shard, input.clone())).collect();
    at_rest.decide(moment::present(), inputs)?;
    Ok(Answer::Paused(Change::Done))
}

fn whereabouts(
    at_rest: &AtRest,
    canvases: &[Arc<Canvas>],
    user: String,
    canvas: String,
) -> anyhow::Result<Whereabouts> {
    let history = at_rest.history(&user)?;
    let (told_from, settings) = (history.begins(), at_rest.options().settings(history.shard));
    let mut lines = Vec::new();
    history.tell(canvases, settings, &mut |line| {
        if line.user.as_deref() == Some(&*user) && line.canvas.as_deref() == Some(&*canvas) {
            lines.push(line);
        }
    })?;
    let shards = at_rest.shards();
    let shard = shards[usize::from(at_rest.shard_of(&user).0)];
    Ok(Whereabouts {
        at: Moment(moment::present()),
        known: shard.1.knows(&user),
        paused: shard.1.is_paused(&canvas),
        journeys: survey::journeys(shard.1.journeys_of(&user), &canvas, &lines),
        dead_letters: survey::letters_of(shard, &user, &canvas),
        told_from: told_from.map(Moment),
        lines: lines.iter().map(TraceLine::of).collect(),
        user,
        canvas,
    })
}

/// The newest version of each Canvas.
pub fn newest(versions: &[Kept]) -> Vec<Kept> {
    let mut newest: Vec<Kept> = Vec::new();
    for kept in versions.iter().rev() {
        if !newest.iter().any(|other| other.canvas == kept.canvas) {
            newest.push(kept.clone());
        }
    }
    newest
}
