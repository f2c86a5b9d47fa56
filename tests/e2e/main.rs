//! A client that others wrote, against our server: the npm package `braze-api`, unmodified, in the version and with the
//! dependencies that the lock file beside this file names.

mod npm;

use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};

use flowrun_server::track::{Array, Directory, Memory as Profiles};
use flowrun_server::{
    Busy, Canvas, ContentBlock, Entry, EntryKind, Happened, Journeys, Keys, Memory, Options, State,
    Step, Token, User, serve,
};
use serde_json::json;

/// What the client's calls have led to.
#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl Seen {
    fn note(&self, what: &str, user: &User, more: String) {
        let user = user.external_id.as_deref().unwrap_or("?");
        self.0.lock().unwrap().push(format!("{what} {user} {more}"));
    }
}

impl Journeys for Seen {
    fn enter(&self, entries: Vec<Entry>) -> Result<(), Busy> {
        for entry in &entries {
            self.note("enters", &entry.user, format!("{} {}", entry.canvas, json!(*entry.context)));
        }
        Ok(())
    }

    fn listens(&self, _: Array, _: &str) -> bool {
        true
    }

    fn happened(&self, events: Vec<Happened>) {
        for event in &events {
            self.note("event", &event.user, format!("{} {}", event.name, json!(event.properties)));
        }
    }

    fn forget(&self, users: Vec<User>) {
        users.iter().for_each(|user| self.note("gone", user, String::new()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_client_works_unmodified() {
    let folder = npm::installed();
    let seen = Arc::new(Seen::default());
    let token = Token::random().unwrap();
    let (address, memory) = served(&token, seen.clone()).await;
    let mut node = Command::new("node");
    node.arg(folder.join("client.cjs")).arg(format!("http://{address}")).arg(token.reveal());
    let output = tokio::task::spawn_blocking(move || node.output()).await.unwrap();
    let output = output.expect("node runs: it was there a moment ago");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let done: Vec<String> =
        serde_json::from_slice(&output.stdout).expect("the client tells what it did");
    assert_eq!(done.len(), 24, "{done:?}");
    let seen = seen.0.lock().unwrap();
    let wanted = [
        r#"event ada order {"total":5}"#,
        "event bob p1 {}",
        // Merged into ada, and deleted.
        "gone eve ",
        "gone bob ",
        r#"enters ada welcome {"plan":"pro"}"#,
        r#"enters new welcome {"plan":"free"}"#,
        "enters ada welcome {}",
    ];
    assert_eq!(*seen, wanted);
    let tier = memory.read(|directory| {
        let new = directory.profiles.by_external_id("new");
        new.and_then(|profile| profile.custom("tier").map(|tier| tier.to_json()))
    });
    assert_eq!(tier, Some(json!("lead")));
}

async fn served(token: &Token, seen: Arc<Seen>) -> (SocketAddr, Arc<Memory>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let memory = Arc::new(Memory::new(Directory::new(Profiles::default()), Some(seen)));
    let canvas = |id: &str, state| Canvas {
        id: id.into(),
        name: id.into(),
        description: String::new(),
        state,
        entry: EntryKind::Api,
        tags: vec![],
        created_ms: 0,
        edited_ms: 0,
        first_entry_ms: None,
        last_entry_ms: None,
        steps: vec![Step {
            id: "done".into(),
            kind: "exit".into(),
            messages: vec![],
            next: vec![],
        }],
    };
    memory.set_canvases(vec![canvas("welcome", State::Active), canvas("paused", State::Paused)]);
    memory.set_content_blocks(vec![ContentBlock {
        id: "b1".into(),
        name: "footer".into(),
        content: "Bye".into(),
        description: String::new(),
        tags: vec![],
        created_ms: 0,
        edited_ms: 0,
        included_by: vec!["welcome".into()],
    }]);
    let options = Options::new(Keys::full(token));
    tokio::spawn(serve(listener, memory.clone(), options, std::future::pending()));
    (address, memory)
}
