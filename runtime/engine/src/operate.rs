//! What operators do with a running engine: delete, pause, resume, replay, discard, and look.
//!
//! All of it is taken even while the engine is crowded, and ends when it is committed.

use flowrun_core::{Input, LetterId, Shard, ShardId};
use flowrun_log::Size;
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::error::{Busy, Error};
use crate::recovery::History;

impl Engine {
    /// Forgets users: their journeys end, what has not started never does, and the next
    /// snapshot holds nothing of them. Profiles are the backend's to delete.
    pub async fn delete(&self, users: &[&str]) -> Result<(), Busy> {
        let inputs = users.iter();
        let inputs =
            inputs.map(|user| (self.shard_of(user), Input::Delete { user: (*user).into() }));
        self.command(inputs.collect()).await
    }

    /// The same without waiting for the commit: [`Self::commanded`] does.
    pub fn forget<'a>(&self, users: impl IntoIterator<Item = &'a str>) -> Result<(), Busy> {
        let inputs = users.into_iter();
        let inputs = inputs.map(|user| (self.shard_of(user), Input::Delete { user: user.into() }));
        self.intake().command(inputs.collect()).map(drop)
    }

    /// Ends when whatever operators have asked for before is committed.
    pub async fn commanded(&self) -> Result<(), Busy> {
        self.command(Vec::new()).await
    }

    /// Stops a Canvas, in all its versions: nobody enters, no wait ends, nothing new is held or
    /// sent. Of a name that no Canvas has, nothing is paused.
    pub async fn pause(&self, canvas: &str) -> Result<(), Busy> {
        self.command_all(|| Input::Pause { canvas: canvas.into() }).await
    }

    /// Lets a paused Canvas go on: what came due meanwhile fires in its order, spread as after
    /// a restart.
    pub async fn resume(&self, canvas: &str) -> Result<(), Busy> {
        self.command_all(|| Input::Resume { canvas: canvas.into() }).await
    }

    /// Does again what dead letters hold. Whether one can be replayed at all, and why not, is
    /// to be asked before: see [`flowrun_core::DeadLetter::replay`]. What can't be, is left.
    pub async fn replay(&self, letters: &[(ShardId, LetterId)]) -> Result<(), Busy> {
        let inputs = self.of_known(letters);
        self.command(inputs.map(|(shard, letter)| (shard, Input::Replay { letter })).collect())
            .await
    }

    /// Drops dead letters, but for those that are being replayed.
    pub async fn discard(&self, letters: &[(ShardId, LetterId)]) -> Result<(), Busy> {
        let inputs = self.of_known(letters);
        self.command(inputs.map(|(shard, letter)| (shard, Input::Discard { letter })).collect())
            .await
    }

    /// Looks at the shards, between two rounds: nobody is moved meanwhile, so it should be brief.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&[(ShardId, &Shard)]) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (sender, receiver) = oneshot::channel();
        self.intake().look(Box::new(move |shards, _| {
            let _ = sender.send(look(shards));
        }))?;
        receiver.await.map_err(|_| Busy::Failed)
    }

    /// How much the log holds now.
    pub async fn log_size(&self) -> Result<Result<Size, Error>, Busy> {
        let (sender, receiver) = oneshot::channel();
        self.intake().look(Box::new(move |_, log| {
            let _ = sender.send(log.size().map_err(Error::from));
        }))?;
        receiver.await.map_err(|_| Busy::Failed)
    }

    /// Takes what the log has of a user's shard, to be read elsewhere: users stand only while it
    /// is copied.
    pub async fn history(&self, user: &str) -> Result<Result<History, Error>, Busy> {
        let (sender, receiver) = oneshot::channel();
        let shard = self.shard_of(user);
        self.intake().look(Box::new(move |_, log| {
            let _ = sender.send(History::of(log, shard));
        }))?;
        receiver.await.map_err(|_| Busy::Failed)
    }

    async fn command(&self, inputs: Vec<(ShardId, Input)>) -> Result<(), Busy> {
        self.intake().command(inputs)?.await.unwrap_or(Err(Busy::Failed))
    }

    async fn command_all(&self, input: impl Fn() -> Input) -> Result<(), Busy> {
        self.command(self.shard_ids().map(|shard| (shard, input())).collect()).await
    }

    /// Those of shards that there are.
    fn of_known<'a>(
        &self,
        letters: &'a [(ShardId, LetterId)],
    ) -> impl Iterator<Item = (ShardId, LetterId)> + use<'a> {
        let shards = self.shard_ids().count();
        letters.iter().copied().filter(move |(shard, _)| usize::from(shard.0) < shards)
    }
}
