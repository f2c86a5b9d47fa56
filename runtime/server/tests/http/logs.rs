//! What is logged: which endpoint, which status, whose key by its name; nothing that came in.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::stage::{KEY, Stage, request};

/// Keeps every event as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Line(&mut self.0.lock().unwrap()));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Line(&mut self.0.lock().unwrap()));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut log = self.0.lock().unwrap();
        log.push('\n');
        event.record(&mut Line(&mut log));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_log_tells_what_happened_and_to_nobody_whom() {
    let log = Log::default();
    // One thread runs client and server, and so the log of this thread is all there is.
    let _guard = tracing::subscriber::set_default(log.clone());
    let stage = Stage::new().await;
    let canary = "canary@example.com";
    let user = json!({"external_id": canary, "email": canary, "first_name": canary});
    let event = json!({"external_id": canary, "name": canary, "time": canary});
    let calls = [
        ("/users/track", json!({"attributes": [user], "events": [event]})),
        ("/users/track", json!({"attributes": [event], "api_key": canary})),
        ("/users/export/ids", json!({"external_ids": [canary]})),
        (
            "/canvas/trigger/send",
            json!({"canvas_id": canary, "recipients": [{"external_user_id": canary}]}),
        ),
        ("/users/delete", json!({"external_ids": [canary]})),
        ("/canary@example.com", json!({})),
    ];
    for (path, body) in calls {
        stage.post(path, body).await;
    }
    stage.post_with("/users/track", "", &format!("{{\"{canary}\"}}")).await;
    stage.post_with("/users/track", &format!("X-Flowrun-Keys: {canary}\r\n"), "{}").await;
    stage.raw(request("/users/track", "", "{}").replace(KEY, canary)).await;
    stage.get(&format!("/canvas/details?canvas_id={canary}&api_key={KEY}")).await;
    let log = log.0.lock().unwrap();
    assert!(!log.contains("canary") && !log.contains(KEY), "{log}");
    let wanted =
        ["path=\"/users/track\" status=201 key=\"full\"", "path=\"/users/track\" status=401"];
    assert!(wanted.iter().all(|line| log.contains(line)), "{log}");
}
