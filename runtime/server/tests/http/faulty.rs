//! A workspace that can't: the client is told, and everybody else goes on being served.

use std::sync::Arc;

use async_trait::async_trait;
use flowrun_server::track::{Limits, Reply, Trigger, WriteKey};
use flowrun_server::{
    About, Answer, Body, Busy, Canvas, ContentBlock, Dispatch, Maintenance, Memory, Neighbour,
    Planned, Refusal, ScheduleId, Timing, Workspace,
};
use serde_json::{Value as Json, json};

use crate::stage::{Stage, options};

/// Does what the first attribute of a write says.
struct Faulty(Arc<Memory>);

#[async_trait]
impl Workspace for Faulty {
    fn about(&self) -> About {
        self.0.about()
    }

    async fn track(&self, body: Body, keys: Option<Vec<WriteKey>>) -> Answer {
        match body.json["attributes"][0]["do"].as_str() {
            Some("panic") => panic!("as told"),
            Some("fail") => Err(Busy::Failed),
            Some("stop") => Err(Busy::Stopping),
            Some("full") => Err(Busy::Full),
            _ => self.0.track(body, keys).await,
        }
    }

    async fn users(&self, _: Neighbour, _: Body) -> Answer {
        panic!("as ever")
    }

    async fn trigger(&self, _: Trigger, _: &Dispatch, _: i64) -> Result<(), Refusal> {
        Err(Refusal::Reply(Reply::new(400, "No message to send")))
    }

    async fn schedule(
        &self,
        _: Planned,
        _: &Dispatch,
        _: &ScheduleId,
        _: Timing,
        _: i64,
    ) -> Result<(), Refusal> {
        Err(Refusal::Busy(Busy::Stopping))
    }

    async fn reschedule(
        &self,
        _: &str,
        _: &ScheduleId,
        _: Timing,
        _: i64,
    ) -> Result<bool, Refusal> {
        Ok(false)
    }

    async fn unschedule(&self, _: &str, _: &ScheduleId) -> Result<bool, Refusal> {
        Ok(false)
    }

    fn canvases(&self) -> Arc<[Canvas]> {
        self.0.canvases()
    }

    fn content_blocks(&self) -> Arc<[ContentBlock]> {
        self.0.content_blocks()
    }

    async fn maintain(&self, _: Maintenance) {}

    async fn wake(&self, _: i64) -> Option<i64> {
        None
    }
}

#[tokio::test]
async fn a_workspace_that_can_not_is_an_answer() {
    let stage =
        Stage::before(options(), Limits::default(), |memory| Arc::new(Faulty(memory))).await;
    let track = |what: &str| json!({"attributes": [{"external_id": "u", "do": what}]});
    let later = |body: Json| {
        let mut body = body;
        body["schedule"] = json!({"time": "2026-06-02T00:00:00Z"});
        body
    };
    let everybody = json!({"canvas_id": "welcome", "broadcast": true});
    let table = [
        ("/users/track", track("panic"), 500, "Internal Server Error"),
        ("/users/track", track("fail"), 500, "Internal Server Error"),
        ("/users/track", track("stop"), 503, "Service Unavailable"),
        ("/users/track", track("full"), 503, "Service Unavailable"),
        ("/users/delete", json!({"external_ids": ["u"]}), 500, "Internal Server Error"),
        ("/canvas/trigger/send", everybody.clone(), 400, "No message to send"),
        ("/canvas/trigger/schedule/create", later(everybody), 503, "Service Unavailable"),
        ("/users/track", track("nothing"), 201, "success"),
    ];
    for (path, body, status, message) in table {
        let answer = stage.post(path, body.clone()).await;
        assert_eq!((answer.status, answer.message()), (status, message.into()), "{path} {body}");
        assert_eq!(answer.header("retry-after").is_some(), status == 503, "{path} {body}");
    }
}
