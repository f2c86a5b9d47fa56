//! A server on a port of its own, with a workspace in memory that the test can look into, and a client that sends bytes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use flowrun_server::track::{Array, Directory, Limits as Objects, Memory as Profiles};
use flowrun_server::{
    Busy, Canvas, Clock, ContentBlock, Entry, EntryKind, Happened, Journeys, Keys, Memory, Message,
    Options, State, Step, Token, User, Workspace, serve,
};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// 1 June 2026, noon, UTC.
pub const NOON: i64 = 1_780_315_200_000;
pub const KEY: &str = "a-key-for-tests-only-that-opens-everything-here";

pub struct Stage {
    pub address: SocketAddr,
    pub memory: Arc<Memory>,
    pub journeys: Arc<Recorder>,
    now_ms: Arc<AtomicI64>,
    stop: Option<oneshot::Sender<()>>,
    pub server: JoinHandle<()>,
}

/// What journeys were told.
#[derive(Default)]
pub struct Recorder {
    pub entries: Mutex<Vec<Entry>>,
    pub events: Mutex<Vec<Happened>>,
    pub gone: Mutex<Vec<User>>,
    pub full: AtomicBool,
}

impl Journeys for Recorder {
    fn enter(&self, entries: Vec<Entry>) -> Result<(), Busy> {
        if self.full.load(Relaxed) {
            return Err(Busy::Full);
        }
        self.entries.lock().unwrap().extend(entries);
        Ok(())
    }

    fn listens(&self, _: Array, name: &str) -> bool {
        name != "unheard"
    }

    fn happened(&self, events: Vec<Happened>) {
        self.events.lock().unwrap().extend(events);
    }

    fn forget(&self, users: Vec<User>) {
        self.gone.lock().unwrap().extend(users);
    }
}

impl Recorder {
    /// `canvas/user`, with entry properties where there are some; in the order of entering.
    pub fn entered(&self) -> Vec<String> {
        let taken = std::mem::take(&mut *self.entries.lock().unwrap());
        let shown = |entry: Entry| {
            let user = match entry.user.external_id {
                Some(id) => id,
                // The rest is a number of the store.
                None if entry.user.journey_id.starts_with("braze_id:") => "?".into(),
                None => entry.user.journey_id,
            };
            match entry.context.is_empty() {
                true => format!("{}/{user}", entry.canvas),
                false => format!("{}/{user} {}", entry.canvas, json!(*entry.context)),
            }
        };
        taken.into_iter().map(shown).collect()
    }
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }
}

pub fn options() -> Options {
    Options::new(Keys::full(&Token::new(KEY).unwrap()))
}

impl Stage {
    pub async fn new() -> Stage {
        Stage::with(options()).await
    }

    pub async fn with(options: Options) -> Stage {
        Stage::holding(options, Objects::default()).await
    }

    pub async fn holding(options: Options, objects: Objects) -> Stage {
        Stage::before(options, objects, |memory| memory).await
    }

    /// With a workspace of the test's own in front of the one in memory.
    pub async fn before<W: Workspace>(
        mut options: Options,
        objects: Objects,
        front: impl FnOnce(Arc<Memory>) -> Arc<W>,
    ) -> Stage {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let now_ms = Arc::new(AtomicI64::new(NOON));
        let clock = now_ms.clone();
        options.clock = Clock::new(move || clock.load(Relaxed));
        let journeys = Arc::new(Recorder::default());
        let mut directory = Directory::new(Profiles::default());
        directory.limits = objects;
        let memory = Arc::new(Memory::new(directory, Some(journeys.clone())));
        memory.set_canvases(canvases());
        memory.set_content_blocks(blocks());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = serve(listener, front(memory.clone()), options, async {
            let _ = stopped.await;
        });
        let server = tokio::spawn(serving);
        Stage { address, memory, journeys, now_ms, stop: Some(stop), server }
    }

    pub fn set_now(&self, ms: i64) {
        self.now_ms.store(ms, Relaxed);
    }

    pub fn stop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes over a new connection and reads one answer.
    pub async fn raw(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut stream = self.connect().await;
        // A server that has answered already may not read the rest.
        let _ = stream.write_all(request.as_ref()).await;
        read(&mut stream).await.expect("an answer")
    }

    pub async fn post(&self, path: &str, body: Json) -> Answer {
        self.post_with(path, "", &body.to_string()).await
    }

    /// With further lines of the head, each ended.
    pub async fn post_with(&self, path: &str, head: &str, body: &str) -> Answer {
        self.raw(request(path, head, body)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.raw(format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n\r\n"
        ))
        .await
    }

    /// Lets the server work until something is true; panics if that takes far too long.
    pub async fn until(&self, what: &str, mut is: impl AsyncFnMut(&Stage) -> bool) {
        let waiting = async {
            while !is(self).await {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(30), waiting).await;
        assert!(waited.is_ok(), "{what}");
    }

    /// An attribute of a user; null if there is none.
    pub fn attribute(&self, user: &str, name: &str) -> Json {
        self.memory.read(|directory| {
            let profile = directory.profiles.by_external_id(user);
            profile
                .and_then(|profile| profile.attribute(name))
                .map_or(Json::Null, |value| value.to_json())
        })
    }

    pub fn users(&self) -> usize {
        self.memory.read(|directory| directory.profiles.len())
    }
}

pub fn request(path: &str, head: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer {KEY}\r\n\
         {head}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// One answer; `None` if the connection ends before a whole one came.
pub async fn read(stream: &mut TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let status = head.split(' ').nth(1)?.parse().ok()?;
            let answer = Answer { status, head: head.into(), body: body.into() };
            let length = answer.header("content-length").and_then(|text| text.parse().ok());
            if answer.body.len() >= length.unwrap_or(0) {
                return Some(answer);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn canvases() -> Vec<Canvas> {
    let canvas = |id: &str, state, entry| Canvas {
        id: id.into(),
        name: id.into(),
        description: "says what it does".into(),
        state,
        entry,
        tags: vec!["lifecycle".into()],
        created_ms: NOON - 86_400_000,
        edited_ms: NOON,
        first_entry_ms: None,
        last_entry_ms: None,
        steps: vec![
            Step {
                id: "hello".into(),
                kind: "message".into(),
                messages: vec![Message {
                    id: "welcome/hello/1".into(),
                    channel: "email".into(),
                    texts: [("subject", "Hi"), ("body", "{{${first_name}}}")]
                        .map(|(name, text)| (name.to_owned(), text.to_owned()))
                        .into(),
                }],
                next: vec![("next".into(), "bye".into())],
            },
            Step { id: "bye".into(), kind: "exit".into(), messages: vec![], next: vec![] },
        ],
    };
    vec![
        canvas("welcome", State::Active, EntryKind::Api),
        canvas("paused", State::Paused, EntryKind::Api),
        canvas("archived", State::Archived, EntryKind::Api),
        canvas("draft", State::Draft, EntryKind::Api),
        canvas("on_order", State::Active, EntryKind::Event),
    ]
}

fn blocks() -> Vec<ContentBlock> {
    let block = |number: i64| ContentBlock {
        id: format!("block-{number}"),
        name: format!("footer_{number}"),
        content: ["Bye", "<p>Bye</p>"][number as usize % 2].into(),
        description: String::new(),
        tags: vec![],
        created_ms: NOON,
        edited_ms: NOON + number * 1000,
        included_by: vec!["welcome".into()],
    };
    (1..=3).map(block).collect()
}
