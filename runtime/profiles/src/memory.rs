//! The profile store in memory, and the backend that writes to it.
//!
//! It remembers of each user the key of the last write, and which of its objects are in.
//! That is enough to apply every write once: writes of a user arrive in the order of
//! their commits, and the next one only after the former has its final outcome.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use flowrun_core::batcher::{Answers, BatcherSettings, Limits, Part, Reply, Request};
use flowrun_core::sdk::Objects;
use flowrun_core::{Millis, Outcome, Progress, UserIx, World};
use flowrun_track::{Array, Object, Profile};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::About;

/// Profiles by external id.
pub struct Memory {
    about: About,
    /// In the order of coming, and found by a table of places: users who came together are
    /// met together later, too, and then lie side by side.
    users: Vec<User>,
    by_id: HashTable<u32>,
}

struct User {
    profile: Profile,
    last_key: u128,
    applied: Progress,
}

impl User {
    fn id(&self) -> &str {
        self.profile.external_id().expect("only profiles with an id are put")
    }

    /// Another write than the last one begins with nothing applied.
    fn begin(&mut self, key: u128) {
        if self.last_key != key {
            (self.last_key, self.applied) = (key, Progress::default());
        }
    }
}

fn hash(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

const ARRAYS: [Array; 3] = [Array::Attributes, Array::Events, Array::Purchases];

impl Default for Memory {
    /// With the limits of User Track, so that a run shows the requests that it would make.
    fn default() -> Memory {
        Memory::new(BatcherSettings {
            limits: Limits::USER_TRACK,
            in_flight: 256,
            per_minute: None,
            ..BatcherSettings::default()
        })
    }
}

impl Memory {
    pub fn new(batches: BatcherSettings) -> Memory {
        let about = About { name: "memory".into(), batches, remembers_keys: true };
        Memory { about, users: Vec::new(), by_id: HashTable::new() }
    }

    /// Puts a profile in, in place of what was there.
    pub fn put(&mut self, profile: Profile) {
        let Some(id) = profile.external_id() else { return };
        match self.find(id) {
            Some(place) => self.users[place].profile = profile,
            None => {
                let (hash, place) = (hash(id), self.users.len() as u32);
                self.users.push(User { profile, last_key: 0, applied: Progress::default() });
                let users = &self.users;
                self.by_id
                    .insert_unique(hash, place, |&place| self::hash(users[place as usize].id()));
            }
        }
    }

    pub fn get(&self, user: &str) -> Option<&Profile> {
        self.find(user).map(|place| &self.users[place].profile)
    }

    fn find(&self, id: &str) -> Option<usize> {
        let found = self.by_id.find(hash(id), |&place| self.users[place as usize].id() == id);
        found.map(|&place| place as usize)
    }

    pub fn len(&self) -> usize {
        self.users.len()
    }

    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    pub fn reserve(&mut self, users: usize) {
        self.users.reserve(users);
        let known = &self.users;
        self.by_id.reserve(users, |&place| hash(known[place as usize].id()));
    }

    /// Profiles in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.users.iter().map(|user| &user.profile)
    }

    /// Where the user of a write lies; they come into being if need be.
    fn place(&mut self, id: &str) -> usize {
        self.find(id).unwrap_or_else(|| {
            self.put(Profile::new(id));
            self.users.len() - 1
        })
    }

    /// Takes note of something that a user has done.
    pub fn note(&mut self, now: Millis, user: &str, object: &Object) {
        let place = self.place(user);
        let _ = object.apply(&mut self.users[place].profile, now.0);
    }

    /// Applies what another backend says it has written, each object once: from then on it
    /// is what steps read.
    pub fn acknowledge(&mut self, now: Millis, parts: &[Part], reply: &Reply) {
        let mut written: Vec<(usize, usize)> = Vec::new();
        reply.each(parts, |part, object, _, outcome| {
            if matches!(outcome, Outcome::Applied | Outcome::Accepted) {
                written.push((part, object as usize));
            }
        });
        let objects: Vec<Parsed> = parsed(parts).collect();
        for (part, object) in written {
            let key = parts[part].write.key.digest();
            let place = self.place(&parts[part].write.key.user);
            let user = &mut self.users[place];
            user.begin(key);
            if let (Ok(known), false) = (&objects[part][object], user.applied.contains(object)) {
                let _ = known.apply(&mut user.profile, now.0);
                user.applied.insert(object);
            }
        }
    }

    fn apply(&mut self, now: Millis, job: &Job<'_>, array: usize, outcomes: &mut Vec<Outcome>) {
        let mut numbers = job.part.texts(array).map(|(object, _)| object as usize).peekable();
        if numbers.peek().is_none() {
            return;
        }
        let user = &mut self.users[job.place];
        user.begin(job.key);
        for number in numbers {
            outcomes.push(match &job.objects[number] {
                Err(reason) => Outcome::Refused(reason.clone()),
                Ok(_) if user.applied.contains(number) => Outcome::Applied,
                Ok(object) => {
                    let _ = object.apply(&mut user.profile, now.0);
                    user.applied.insert(number);
                    Outcome::Applied
                }
            });
        }
    }
}

/// A part of a request, with all that is needed to apply it.
struct Job<'a> {
    part: &'a Part,
    place: usize,
    key: u128,
    objects: Parsed,
}

/// A write's objects; why one can't be, in place of those that can't.
type Parsed = Rc<[Result<Object, String>]>;

/// The parsed objects of each part. Users of one cohort often share one update.
fn parsed<'a>(parts: &'a [Part]) -> impl Iterator<Item = Parsed> + 'a {
    let mut last: Option<(&'a Arc<Objects>, Parsed)> = None;
    parts.iter().map(move |part| {
        let objects = &part.write.objects;
        match &last {
            Some((known, parsed)) if Arc::ptr_eq(known, objects) => parsed.clone(),
            _ => {
                let texts = [&objects.attributes, &objects.events, &objects.purchases];
                let all = ARRAYS.iter().zip(texts);
                let all =
                    all.flat_map(|(array, texts)| texts.iter().map(|text| parse(*array, text)));
                let parsed: Parsed = all.collect();
                last = Some((objects, parsed.clone()));
                parsed
            }
        }
    })
}

fn parse(array: Array, text: &str) -> Result<Object, String> {
    let object = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Object::parse(array, &object).map_err(|error| error.message.clone())
}

impl Memory {
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Writes a request's objects and says of each what became of it.
    pub fn commit(&mut self, now: Millis, request: &Request) -> Reply {
        // All users are looked up before the first is touched: look-ups that don't wait for
        // each other cost a fraction.
        let places: Vec<usize> =
            request.parts.iter().map(|part| self.place(&part.write.key.user)).collect();
        let parts = request.parts.iter().zip(places).zip(parsed(&request.parts));
        let jobs: Vec<Job<'_>> = parts
            .map(|((part, place), objects)| Job {
                part,
                place,
                key: part.write.key.digest(),
                objects,
            })
            .collect();
        let mut outcomes = [Vec::new(), Vec::new(), Vec::new()];
        // Attributes of all users first, then events, then purchases: as User Track does.
        for (array, outcomes) in outcomes.iter_mut().enumerate() {
            for job in &jobs {
                self.apply(now, job, array, outcomes);
            }
        }
        let [attributes, events, purchases] = outcomes;
        let all = [&attributes, &events, &purchases];
        let answers = if all.iter().all(|array| array.iter().all(|one| *one == Outcome::Applied)) {
            Answers::All(Outcome::Applied)
        } else {
            Answers::Each { attributes, events, purchases }
        };
        Reply::new(Some(201), answers)
    }
}

impl World for Memory {
    fn profile(&self, _: Option<UserIx>, id: &str) -> Option<&Profile> {
        self.get(id)
    }
}

/// What one shard sees of the store: each user is looked up once, and then known by the
/// shard's number.
#[derive(Default)]
pub struct Known {
    /// The place of each user in the store, by the shard's number; `UNKNOWN` before.
    places: RefCell<Vec<u32>>,
}

const UNKNOWN: u32 = u32::MAX;

impl Known {
    /// The store as a world for the shard that these places belong to.
    pub fn of<'a>(&'a self, store: &'a Memory) -> impl World + 'a {
        KnownWorld { known: self, store }
    }
}

struct KnownWorld<'a> {
    known: &'a Known,
    store: &'a Memory,
}

impl World for KnownWorld<'_> {
    fn profile(&self, number: Option<UserIx>, id: &str) -> Option<&Profile> {
        let Some(number) = number else { return self.store.get(id) };
        let mut places = self.known.places.borrow_mut();
        if places.len() <= number.index() {
            places.resize(number.index() + 1, UNKNOWN);
        }
        let place = &mut places[number.index()];
        if *place == UNKNOWN {
            // Places never change: the store only grows.
            *place = self.store.find(id)? as u32;
        }
        Some(&self.store.users[*place as usize].profile)
    }
}
