//! Answers operators' questions for an engine at work: looks between two of its rounds, and
//! tells it what is wanted, which is committed when the answer goes out.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;
use flowrun_engine::log::{Folder, Kept};
use flowrun_engine::profile_backends::rows::Rows;
use flowrun_engine::{Busy, Engine, Status};
use flowrun_server::Memory;

use crate::core::CanvasIx;
use crate::moment;
use crate::operations::desk::unknown_canvas;
use crate::operations::protocol::{Answer, Ask, Change, Deleted, LetterAt, Moment, Overview};
use crate::operations::protocol::{Verdict, Whereabouts};
use crate::operations::survey::{self, Deed};
use crate::operations::{at_rest, delete_profile};
use crate::trace::TraceLine;

pub struct Clerk {
    pub engine: Engine,
    pub memory: Arc<Memory>,
    /// The state folder.
    pub path: PathBuf,
    pub versions: Vec<Kept>,
    /// The newest versions of Canvases that have no file any more.
    pub closed: BTreeSet<CanvasIx>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Pause,
    Resume,
}

impl Clerk {
    pub async fn answer(&self, ask: Ask) -> Answer {
        let answer = match ask {
            Ask::Overview => self.overview().await.map(Answer::Overview),
            Ask::Letters(wanted) => {
                let page = self.engine.look(move |shards| survey::letters(shards, &wanted)).await;
                page.map(Answer::Letters).map_err(said)
            }
            Ask::Replay(ids) => self.decide(ids, Deed::Replay).await,
            Ask::Discard(ids) => self.decide(ids, Deed::Discard).await,
            Ask::Pause(canvas) => self.stand(canvas, Wish::Pause).await,
            Ask::Resume(canvas) => self.stand(canvas, Wish::Resume).await,
            Ask::Delete(user) => self.delete(user).await.map(Answer::Deleted),
            Ask::Whereabouts { user, canvas } => {
                self.whereabouts(user, canvas).await.map(Answer::Whereabouts)
            }
            Ask::Newest => Ok(Answer::Newest(at_rest::newest(&self.versions))),
        };
        answer.unwrap_or_else(|error| Answer::Refused(format!("{error:#}")))
    }

    async fn overview(&self) -> anyhow::Result<Overview> {
        let (now, status) = (moment::present(), self.engine.status());
        let size = self.engine.log_size().await.map_err(said)??;
        let closed = self.closed.clone();
        let look = self.engine.look(move |shards| survey::overview(shards, &closed, now, size));
        let overview = look.await.map_err(said)?;
        let profiles = fs::metadata(self.path.join(Rows::FILE));
        Ok(Overview {
            running: true,
            overload: overload(&status, overview.overload),
            log: crate::operations::protocol::LogRow {
                snapshotted: status.logged.snapshotted.map(Moment),
                ..overview.log
            },
            profiles_bytes: profiles.map_or(0, |file| file.len()),
            to_be_swept: Folder::has_leftovers(&self.path),
            ..overview
        })
    }

    async fn decide(&self, ids: Vec<LetterAt>, deed: Deed) -> anyhow::Result<Answer> {
        let look = self.engine.look(move |shards| survey::verdicts(shards, &ids, deed));
        let verdicts: Vec<Verdict> = look.await.map_err(said)?;
        let granted = survey::granted(&verdicts);
        let done = match deed {
            Deed::Replay => self.engine.replay(&granted).await,
            Deed::Discard => self.engine.discard(&granted).await,
        };
        done.map_err(said)?;
        Ok(Answer::Verdicts(verdicts))
    }

    async fn stand(&self, canvas: String, wish: Wish) -> anyhow::Result<Answer> {
        let canvases = self.engine.canvases();
        if !canvases.iter().any(|one| *one.head.name == *canvas) {
            return Ok(unknown_canvas(&canvas, canvases.iter().map(|one| &*one.head.name)));
        }
        let name = canvas.clone();
        let look = self
            .engine
            .look(move |shards| shards.first().is_some_and(|(_, shard)| shard.is_paused(&name)));
        if look.await.map_err(said)? == (wish == Wish::Pause) {
            return Ok(Answer::Paused(Change::WasSo));
        }
        let done = match wish {
            Wish::Pause => self.engine.pause(&canvas).await,
            Wish::Resume => self.engine.resume(&canvas).await,
        };
        done.map_err(said)?;
        Ok(Answer::Paused(Change::Done))
    }

    async fn delete(&self, user: String) -> anyhow::Result<Deleted> {
        Folder::note_leftovers(&self.path)?;
        let (shards, name) = (self.engine.options().shards, user.clone());
        let look = self.engine.look(move |all| {
            let own = crate::core::ShardId::of(&name, shards.max(1));
            let own = all.iter().find(|(id, _)| *id == own);
            own.map_or((0, 0), |(_, shard)| survey::belongings(shard, &name))
        });
        let (journeys, dead_letters) = look.await.map_err(said)?;
        let profile = delete_profile(&self.memory, &user).await?;
        // Journeys may be all that is known of them.
        self.engine.delete(&[&user]).await.map_err(said)?;
        Ok(Deleted { profile, journeys, dead_letters, swept: false })
    }

    async fn whereabouts(&self, user: String, canvas: String) -> anyhow::Result<Whereabouts> {
        let history = self.engine.history(&user).await.map_err(said)??;
        let (shard, told_from) = (history.shard, history.begins());
        let settings = self.engine.options().settings(shard);
        let canvases = self.engine.canvases().to_vec();
        let (who, which) = (user.clone(), canvas.clone());
        let told = tokio::task::spawn_blocking(move || {
            let mut lines = Vec::new();
            let told = history.tell(&canvases, settings, &mut |line| {
                let own = line.user.as_deref() == Some(&*who);
                if own && line.canvas.as_deref() == Some(&*which) {
                    lines.push(line);
                }
            });
            told.map(|()| lines)
        });
        let lines = told.await??;
        let (who, which) = (user.clone(), canvas.clone());
        let look = self.engine.look(move |shards| {
            let own = shards.iter().find(|(id, _)| *id == shard);
            own.map(|own| {
                let letters = survey::letters_of(*own, &who, &which);
                let looks = own.1.journeys_of(&who);
                (own.1.knows(&who), own.1.is_paused(&which), looks, letters)
            })
        });
        let look = look.await.map_err(said)?;
        let (known, paused, looks, dead_letters) = look.ok_or_else(|| anyhow!("a lost shard"))?;
        Ok(Whereabouts {
            at: Moment(moment::present()),
            known,
            paused,
            journeys: survey::journeys(looks, &canvas, &lines),
            dead_letters,
            told_from: told_from.map(Moment),
            lines: lines.iter().map(TraceLine::of).collect(),
            user,
            canvas,
        })
    }
}

/// Why an engine lets nobody in.
fn overload(status: &Status, burdened: Vec<String>) -> Vec<String> {
    let mut reasons = burdened;
    if status.disk_full {
        reasons.push("the disk is full: nobody enters until there is space".to_owned());
    } else if status.crowded && reasons.is_empty() {
        reasons.push(format!(
            "the backend or a channel can't keep up ({} writes, {} messages wait): nobody enters \
             and no wait ends meanwhile",
            status.writes, status.posting
        ));
    }
    reasons
}

fn said(busy: Busy) -> anyhow::Error {
    match busy {
        Busy::Full => {
            anyhow!("too much is asked of the engine at once: see `flowrun status`, and try again")
        }
        Busy::NoSpace => {
            anyhow!("the disk is full, and nothing was done: make room, and try again")
        }
        Busy::Unsaved => anyhow!(
            "the disk is full: it is done when there is space, unless the server ends before; see \
             `flowrun status`"
        ),
        Busy::Stopping => anyhow!("the server is stopping: try again when it has stopped"),
        Busy::Failed => {
            anyhow!("the engine has failed: start the server again, it goes on from the disk")
        }
    }
}
