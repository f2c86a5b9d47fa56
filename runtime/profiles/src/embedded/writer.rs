//! The one thread that changes the store. It takes what has come while it was syncing, does
//! it all, makes it durable together, and only then answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use flowrun_core::Millis;
use flowrun_core::batcher::{Part, Reply, Request};
use flowrun_track::{Object, Profile};
use tokio::sync::oneshot;

use super::shelf::{Change, Shelf};
use super::{Error, failed};
use crate::users::{self, NotKept, Parsed, User};

/// What the writer is asked for, and where the answer goes.
pub(super) enum Job {
    Commit(Request, oneshot::Sender<Reply>),
    Change(Work, oneshot::Sender<Result<(), Error>>),
}

/// A change to users that is not a request.
pub(super) enum Work {
    Put(Vec<Profile>),
    Delete(Vec<String>),
    Note(Vec<(String, Object)>),
    Acknowledge(Arc<Vec<Part>>, Reply),
}

/// How many users a commit has at most, unless a single request has more: bounds memory,
/// and how long the first waits for the last.
const MOST_USERS: usize = 32_768;

/// Works until nobody can ask any more.
pub(super) fn run(shelf: &Shelf, jobs: &Receiver<Job>, clock: &dyn Fn() -> Millis) {
    while let Ok(first) = jobs.recv() {
        let mut weight = first.users().count();
        let mut group = vec![first];
        while weight < MOST_USERS {
            let Ok(job) = jobs.try_recv() else { break };
            weight += job.users().count();
            group.push(job);
        }
        commit(shelf, clock(), group);
    }
}

fn commit(shelf: &Shelf, now: Millis, group: Vec<Job>) {
    let done = Bench::of(shelf, &group).and_then(|mut bench| {
        let replies: Vec<_> = group.iter().map(|job| bench.perform(now, job)).collect();
        shelf.save(bench.changes())?;
        Ok(replies)
    });
    let mut replies = done.map(Vec::into_iter);
    // Whoever doesn't wait any more doesn't hear the answer, which harms nobody.
    for job in group {
        match (job, &mut replies) {
            (Job::Commit(_, answer), Ok(replies)) => {
                let reply = replies.next().flatten().expect("a request has a reply");
                let _ = answer.send(reply);
            }
            (Job::Change(_, answer), Ok(replies)) => {
                replies.next();
                let _ = answer.send(Ok(()));
            }
            (Job::Commit(_, answer), Err(error)) => drop(answer.send(failed(error))),
            (Job::Change(_, answer), Err(error)) => drop(answer.send(Err(error.clone()))),
        }
    }
}

impl Job {
    /// The users that it is about, one as often as they are named.
    fn users(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        fn of(parts: &[Part]) -> impl Iterator<Item = &str> {
            parts.iter().map(|part| &*part.write.key.user)
        }
        match self {
            Job::Commit(request, _) => Box::new(of(&request.parts)),
            Job::Change(Work::Acknowledge(parts, _), _) => Box::new(of(parts)),
            Job::Change(Work::Put(profiles), _) => {
                Box::new(profiles.iter().filter_map(Profile::external_id))
            }
            Job::Change(Work::Delete(users), _) => Box::new(users.iter().map(|id| &**id)),
            Job::Change(Work::Note(objects), _) => Box::new(objects.iter().map(|(id, _)| &**id)),
        }
    }
}

/// The users of a group of jobs, taken from the shelf to be worked on. Nobody else sees them
/// before they are durable.
struct Bench {
    users: Vec<User>,
    state: Vec<State>,
    by_id: BTreeMap<Box<str>, usize>,
}

/// Whether a user is there, and to be saved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// As it was found.
    Untouched,
    /// Not there, and nothing has changed that.
    Absent,
    Changed,
    Deleted,
}

impl Bench {
    fn of(shelf: &Shelf, group: &[Job]) -> Result<Bench, Error> {
        let mut ids: Vec<&str> = group.iter().flat_map(Job::users).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = shelf.users(&ids)?;
        let mut bench = Bench { users: Vec::new(), state: Vec::new(), by_id: BTreeMap::new() };
        for (place, (id, user)) in ids.iter().zip(found).enumerate() {
            bench.by_id.insert((*id).into(), place);
            bench.state.push(if user.is_some() { State::Untouched } else { State::Absent });
            bench.users.push(user.unwrap_or_else(|| User::new(Profile::new(id))));
        }
        Ok(bench)
    }

    /// Where a user lies whom a job is about to change.
    fn place(&mut self, id: &str) -> usize {
        let place = self.by_id[id];
        if self.state[place] == State::Deleted {
            self.users[place] = User::new(Profile::new(id));
        }
        self.state[place] = State::Changed;
        place
    }

    fn perform(&mut self, now: Millis, job: &Job) -> Option<Reply> {
        match job {
            Job::Commit(request, _) => {
                let parts = request.parts.iter();
                let places: Vec<_> = parts.map(|part| self.place(&part.write.key.user)).collect();
                return Some(users::commit(
                    now,
                    request,
                    &places,
                    &mut self.users,
                    &mut NotKept::default(),
                ));
            }
            Job::Change(Work::Put(profiles), _) => {
                for profile in profiles {
                    let Some(id) = profile.external_id() else { continue };
                    let place = self.place(id);
                    self.users[place].profile = profile.clone();
                }
            }
            Job::Change(Work::Delete(users), _) => {
                for id in users {
                    self.state[self.by_id[&**id]] = State::Deleted;
                }
            }
            Job::Change(Work::Note(objects), _) => {
                for (id, object) in objects {
                    let place = self.place(id);
                    let _ = object.apply(&mut self.users[place].profile, now.0);
                }
            }
            Job::Change(Work::Acknowledge(parts, reply), _) => {
                let objects: Vec<Parsed> = users::parsed(parts).collect();
                for (part, object) in users::written(parts, reply) {
                    let place = self.place(&parts[part].write.key.user);
                    self.users[place].acknowledge(now, &parts[part], &objects[part], object);
                }
            }
        }
        None
    }

    fn changes(self) -> Vec<Change> {
        let users = self.by_id.into_iter().zip(self.users).zip(self.state);
        users
            .filter_map(|(((id, _), user), state)| match state {
                State::Changed => Some((id, Some(user))),
                State::Deleted => Some((id, None)),
                State::Untouched | State::Absent => None,
            })
            .collect()
    }
}
