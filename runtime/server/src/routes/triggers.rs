//! `POST /canvas/trigger/send`: users enter a Canvas now.

use std::sync::Arc;

use crate::api::{Api, Call};
use crate::rates::Group;
use crate::reply::{Fault, refused, success};
use crate::track::{Recipients, Reply, Trigger};
use crate::workspace::{Canvas, Dispatch, EntryKind, State};

const PAUSED: &str =
    "The Canvas is paused. Resume the Canvas to ensure trigger requests will take effect.";
const ARCHIVED: &str =
    "The Canvas is archived. Unarchive the Canvas to ensure trigger requests will take effect.";

pub(super) async fn now(mut call: Call<'_>) -> Result<Reply, Fault> {
    let (trigger, notice) = match read(&mut call)? {
        Ok(read) => read,
        Err(refused) => return Ok(refused),
    };
    let dispatch = Dispatch::random()?;
    if notice.is_none() {
        let (workspace, at_ms) = (call.api.workspace.clone(), call.said.at_ms);
        let sent = dispatch.clone();
        let entered =
            Api::whole(async move { workspace.trigger(trigger, &sent, at_ms).await }).await?;
        if let Err(refusal) = entered {
            return refused(refusal);
        }
    }
    Ok(answer(notice).with("dispatch_id", dispatch.0).with("message", "success"))
}

/// The trigger, and what to tell of its Canvas, which takes nobody if there is something to tell. The inner error is a
/// refusal in the vendor's shape.
pub(super) fn read(
    call: &mut Call<'_>,
) -> Result<Result<(Trigger, Option<&'static str>), Reply>, Fault> {
    let about = call.api.workspace.about();
    let trigger = match Trigger::parse(&call.said.json, &about.limits) {
        Ok(trigger) => trigger,
        Err(refused) => return Ok(Err(refused)),
    };
    let notice = match canvas(&call.api.workspace.canvases(), &trigger.canvas_id) {
        Ok(notice) => notice,
        Err(refused) => return Ok(Err(refused)),
    };
    if matches!(trigger.to, Recipients::Everybody) {
        call.count(Group::Broadcasts)?;
    }
    Ok(Ok((trigger, notice)))
}

fn canvas(all: &Arc<[Canvas]>, id: &str) -> Result<Option<&'static str>, Reply> {
    let invalid = || Reply::new(400, "Invalid Canvas ID");
    let canvas = all.iter().find(|canvas| canvas.id == id).ok_or_else(invalid)?;
    if canvas.entry != EntryKind::Api {
        let hint = "the Canvas isn't entered by API: its 'entry' must say 'api: true'";
        return Err(invalid().with("errors", vec![hint]));
    }
    match canvas.state {
        State::Active => Ok(None),
        State::Paused => Ok(Some(PAUSED)),
        State::Archived => Ok(Some(ARCHIVED)),
        State::Draft => Err(invalid().with("errors", vec!["the Canvas is a draft"])),
    }
}

pub(super) fn answer(notice: Option<&'static str>) -> Reply {
    match notice {
        Some(notice) => success(201).with("notice", notice),
        None => success(201),
    }
}
