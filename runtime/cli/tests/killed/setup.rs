//! A folder with Canvases, a server in it, and the backend that its updates go to; killed
//! again and again, and held against the books in the end.

use std::fmt;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::books::{Books, Dice};
use crate::check;
use crate::client::{figure, profiles};
use crate::endpoint::{Endpoint, Memory, marks};
use crate::server::Server;
use crate::traffic;

/// Greets, waits, writes, tells; the telling goes into a file.
const LATER: &str = r#"
canvas: later
entry: { api: true, reentry: always }
steps:
  - id: hello
    message: { channel: push, body: "hello {{context.${r}}}" }
  - id: moment
    delay: { for: 1s }
  - id: note
    user_update:
      json: '{"attributes": [{"j{{context.${r}}}": true, "visits": {"inc": 1}}]}'
  - id: tell
    message: { channel: email, body: "past {{context.${r}}} visit {{custom_attribute.${visits}}}" }
"#;

/// Writes at once, and tells on standard output.
const SIGNED: &str = r#"
canvas: signed
entry: { event: signed_up, reentry: always }
steps:
  - id: note
    user_update:
      json: '{"attributes": [{"j{{event_properties.${r}}}": true, "visits": {"inc": 1}}]}'
  - id: tell
    message: { channel: push, body: "past {{event_properties.${r}}} visit {{custom_attribute.${visits}}}" }
"#;

const OUTBOX: &str = "[channel.email]\ntype = 'file'\npath = '../outbox.ndjson'\n";

/// Clients side by side.
const CLIENTS: u64 = 3;
/// Everybody is through by then.
const TO_END: Duration = Duration::from_secs(120);

/// Where updates go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// To the server's own profiles.
    Own,
    /// To an endpoint that remembers write keys.
    Keys,
    /// To one that doesn't.
    Keyless,
    /// To another flowrun, which is killed as well.
    Twin,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Own, Kind::Keys, Kind::Keyless, Kind::Twin];
}

pub struct Setup {
    pub kind: Kind,
    seed: u64,
    dice: Dice,
    folder: tempfile::TempDir,
    other: tempfile::TempDir,
    pub endpoint: Endpoint,
    pub books: Arc<Mutex<Books>>,
    /// How far the file of messages was read.
    read: u64,
    kills: u32,
    early: u32,
}

/// A life: the server, and the one behind it if there is one.
struct Life {
    server: Server,
    twin: Option<(Server, String)>,
}

/// What came of a setup.
pub struct Ended {
    pub title: String,
    pub figures: Vec<(&'static str, u64)>,
    pub faults: Vec<String>,
}

impl Ended {
    pub fn broken(kind: Kind) -> Ended {
        let faults = vec!["the test broke off".to_owned()];
        Ended { title: format!("{kind:?}"), figures: Vec::new(), faults }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}:", self.title)?;
        for (what, count) in &self.figures {
            write!(f, " {count} {what},")?;
        }
        write!(f, " {} faults", self.faults.len())?;
        self.faults.iter().take(12).try_for_each(|fault| write!(f, "\n    {fault}"))
    }
}

impl Setup {
    pub fn new(kind: Kind, seed: u64) -> Setup {
        let folder = || {
            let folder = tempfile::tempdir().expect("a temporary folder");
            fs::create_dir(folder.path().join("flows")).expect("a folder");
            folder
        };
        let (folder, other) = (folder(), folder());
        let flows = folder.path().join("flows");
        for (name, text) in
            [("later.yaml", LATER), ("signed.yaml", SIGNED), ("flowrun.toml", OUTBOX)]
        {
            fs::write(flows.join(name), text).expect("a file");
        }
        fs::write(other.path().join("flows/later.yaml"), LATER).expect("a file");
        let memory = if kind == Kind::Keyless { Memory::None } else { Memory::Keys };
        let endpoint = Endpoint::start(memory, seed);
        let (dice, books) = (Dice::new(seed), Arc::default());
        Setup { kind, seed, dice, folder, other, endpoint, books, read: 0, kills: 0, early: 0 }
    }

    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn run(mut self, cycles: u32) -> Ended {
        for cycle in 0..cycles {
            if !self.cycle(cycle) {
                break;
            }
            self.kills += 1;
        }
        if self.books().faults.is_empty() {
            self.settle(cycles);
        }
        let mut figures = check::figures(&self);
        figures.insert(0, ("kills", u64::from(self.kills)));
        figures.insert(1, ("of them while it started", u64::from(self.early)));
        let title = format!("{:?} (seed {})", self.kind, self.seed);
        let mut faults = std::mem::take(&mut self.books().faults);
        if !faults.is_empty() {
            let said = fs::read_to_string(self.folder.path().join("said.txt")).unwrap_or_default();
            faults.extend(said.lines().rev().take(4).map(|line| format!("it said: {line}")));
        }
        Ended { title, figures, faults }
    }

    fn start(&self) -> Option<Life> {
        let twin = (self.kind == Kind::Twin).then(|| {
            let server = Server::start(self.other.path(), "127.0.0.1:0", None, |_| {});
            let address = server.ready();
            address.map(|address| (server, address))
        });
        let twin = match twin {
            Some(None) => return None,
            twin => twin.flatten(),
        };
        let backend = match (&twin, self.kind) {
            (_, Kind::Own) => None,
            (Some((_, address)), _) => Some(format!("http://{address}")),
            (None, _) => Some(format!("http://{}", self.endpoint.address)),
        };
        let (books, endpoint) = (self.books.clone(), self.endpoint.clone());
        let is_fake = matches!(self.kind, Kind::Keys | Kind::Keyless);
        let message = move |line: &str| {
            let mut books = books.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(past) = books.message(line) else { return };
            if is_fake && !endpoint.truth().marks.contains_key(&past) {
                books.faults.push(format!("{past:?} is past an update that was not written"));
            }
        };
        let server = Server::start(self.folder.path(), "127.0.0.1:0", backend.as_deref(), message);
        Some(Life { server, twin })
    }

    /// A life and its end. Says whether to go on.
    fn cycle(&mut self, cycle: u32) -> bool {
        let Some(life) = self.start() else { return self.fault("the other server didn't start") };
        if self.dice.roll(8) == 0 {
            self.early += 1;
            std::thread::park_timeout(Duration::from_millis(self.dice.roll(150)));
            return true;
        }
        let Some(address) = life.server.ready() else { return self.fault("it didn't start") };
        if !self.is_kept(&life, &address) {
            return false;
        }
        let over = AtomicBool::new(false);
        let until = Duration::from_millis(100 + self.dice.roll(900));
        let seeds: Vec<u64> = (0..CLIENTS).map(|_| self.dice.roll(1 << 30)).collect();
        let books = self.books.clone();
        std::thread::scope(|scope| {
            for seed in seeds {
                let (over, address, books) = (&over, &address, &*books);
                scope.spawn(move || traffic::ask(address, cycle, books, Dice::new(seed), over));
            }
            std::thread::park_timeout(until);
            drop(life);
            over.store(true, Ordering::SeqCst);
        });
        self.read_outbox();
        true
    }

    fn fault(&self, fault: &str) -> bool {
        self.books().faults.push(fault.to_owned());
        false
    }

    /// Of whom it was said before the kill that they are past their update, has the write.
    fn is_kept(&self, life: &Life, address: &str) -> bool {
        let past = std::mem::take(&mut self.books().past);
        let asked = match (&life.twin, self.kind) {
            (Some((_, twin)), _) => twin,
            (None, Kind::Own) => address,
            _ => return true,
        };
        let mut users: Vec<&str> = past.iter().map(|(user, _)| &**user).collect();
        users.sort_unstable();
        users.dedup();
        let Some(profiles) = profiles(asked, &users) else { return self.fault("no profiles") };
        for (user, number) in &past {
            let profile = profiles.iter().find(|profile| profile["external_id"] == **user);
            let written = profile.map(|profile| marks(&profile["custom_attributes"], 'j'));
            if !written.is_some_and(|written| written.contains(number)) {
                return self.fault(&format!("{user} is past update {number}, which is not there"));
            }
        }
        true
    }

    /// The messages that went into the file since it was last read.
    fn read_outbox(&mut self) {
        let mut text = String::new();
        let Ok(mut file) = fs::File::open(self.folder.path().join("outbox.ndjson")) else { return };
        file.seek(SeekFrom::Start(self.read)).expect("a file has places");
        file.read_to_string(&mut text).expect("it holds text");
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        self.read += whole as u64;
        let is_fake = matches!(self.kind, Kind::Keys | Kind::Keyless);
        for line in text[..whole].lines().filter(|line| !line.is_empty()) {
            let past = self.books().message(line);
            let Some(past) = past else { continue };
            if is_fake && !self.endpoint.truth().marks.contains_key(&past) {
                self.fault(&format!("{past:?} is past an update that was not written"));
            }
        }
    }

    /// No more faults, no more traffic: everybody has to get through.
    fn settle(&mut self, cycles: u32) -> bool {
        self.endpoint.recover();
        let Some(life) = self.start() else { return self.fault("the other didn't start") };
        let Some(address) = life.server.ready() else { return self.fault("it didn't start") };
        if !self.is_kept(&life, &address) {
            return false;
        }
        let give_up = Instant::now() + TO_END;
        let names = ["waiting", "held", "sending"].map(|is| format!("flowrun_journeys_{is}"));
        loop {
            let left: Option<u64> = names.iter().map(|name| figure(&address, name)).sum();
            if left == Some(0) {
                break;
            }
            if Instant::now() > give_up {
                return self.fault(&format!("{left:?} journeys never ended"));
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        let users: Vec<String> = (0..cycles)
            .flat_map(|cycle| (0..traffic::USERS).map(move |number| traffic::user(cycle, number)))
            .collect();
        let users: Vec<&str> = users.iter().map(|user| &**user).collect();
        let here = profiles(&address, &users);
        let there = life.twin.as_ref().map(|(_, twin)| profiles(twin, &users));
        drop(life);
        self.read_outbox();
        match (here, there) {
            (Some(here), None) => check::check(self, &here, None),
            (Some(here), Some(Some(there))) => check::check(self, &here, Some(&there)),
            _ => return self.fault("the profiles can't be read in the end"),
        }
        true
    }
}
