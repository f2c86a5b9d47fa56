//! The endpoints: one table, from which routes, permissions and rate limits follow.

mod blocks;
mod canvases;
mod health;
mod query;
mod schedules;
mod triggers;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, get, on};

use crate::api::{Api, Call, handle};
use crate::keys::Permission;
use crate::rates::Group;
use crate::reply::Fault;
use crate::track::Reply;
use crate::workspace::Neighbour;

/// One endpoint of the API.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) permission: Permission,
    pub(crate) group: Group,
    does: Does,
}

#[derive(Clone, Copy, Debug)]
enum Does {
    Track,
    Users(Neighbour),
    TriggerNow,
    ScheduleCreate,
    ScheduleUpdate,
    ScheduleDelete,
    CanvasList,
    CanvasDetails,
    ContentBlockList,
    ContentBlockInfo,
}

const fn post(path: &'static str, permission: Permission, group: Group, does: Does) -> Endpoint {
    Endpoint { method: Method::POST, path, permission, group, does }
}

const fn read(path: &'static str, permission: Permission, does: Does) -> Endpoint {
    Endpoint { method: Method::GET, path, permission, group: Group::Other, does }
}

use Permission as P;

static ENDPOINTS: [Endpoint; 15] = [
    post("/users/track", P::UsersTrack, Group::Track, Does::Track),
    post(
        "/users/track/sync",
        P::UsersTrackSync,
        Group::TrackSync,
        Does::Users(Neighbour::TrackSync),
    ),
    post("/users/identify", P::UsersIdentify, Group::Users, Does::Users(Neighbour::Identify)),
    post("/users/merge", P::UsersMerge, Group::Users, Does::Users(Neighbour::Merge)),
    post("/users/delete", P::UsersDelete, Group::Users, Does::Users(Neighbour::Delete)),
    post("/users/alias/new", P::UsersAliasNew, Group::Users, Does::Users(Neighbour::NewAliases)),
    post("/users/export/ids", P::UsersExportIds, Group::Export, Does::Users(Neighbour::Export)),
    post("/canvas/trigger/send", P::CanvasTriggerSend, Group::Triggers, Does::TriggerNow),
    post(
        "/canvas/trigger/schedule/create",
        P::CanvasTriggerScheduleCreate,
        Group::Triggers,
        Does::ScheduleCreate,
    ),
    post(
        "/canvas/trigger/schedule/update",
        P::CanvasTriggerScheduleUpdate,
        Group::Other,
        Does::ScheduleUpdate,
    ),
    post(
        "/canvas/trigger/schedule/delete",
        P::CanvasTriggerScheduleDelete,
        Group::Other,
        Does::ScheduleDelete,
    ),
    read("/canvas/list", P::CanvasList, Does::CanvasList),
    read("/canvas/details", P::CanvasDetails, Does::CanvasDetails),
    read("/content_blocks/list", P::ContentBlocksList, Does::ContentBlockList),
    read("/content_blocks/info", P::ContentBlocksInfo, Does::ContentBlockInfo),
];

impl Endpoint {
    pub(crate) async fn run(&self, call: Call<'_>) -> Result<Reply, Fault> {
        match self.does {
            Does::Track => users::track(call).await,
            Does::Users(neighbour) => users::neighbour(call, neighbour).await,
            Does::TriggerNow => triggers::now(call).await,
            Does::ScheduleCreate => schedules::create(call).await,
            Does::ScheduleUpdate => schedules::update(call).await,
            Does::ScheduleDelete => schedules::delete(call).await,
            Does::CanvasList => Ok(canvases::list(&call)),
            Does::CanvasDetails => Ok(canvases::details(&call)),
            Does::ContentBlockList => Ok(blocks::list(&call)),
            Does::ContentBlockInfo => Ok(blocks::one(&call)),
        }
    }
}

pub(crate) fn router(api: Arc<Api>) -> Router {
    let mut router =
        Router::new().route("/health", get(health::health)).route("/metrics", get(health::metrics));
    for endpoint in &ENDPOINTS {
        let method = MethodFilter::try_from(endpoint.method.clone()).expect("GET or POST");
        let run =
            move |State(api): State<Arc<Api>>, request: Request| handle(api, endpoint, request);
        router = router.route(endpoint.path, on(method, run));
    }
    router
        .fallback(|State(api): State<Arc<Api>>| async move {
            api.nowhere(StatusCode::NOT_FOUND, "Not Found")
        })
        .method_not_allowed_fallback(|State(api): State<Arc<Api>>| async move {
            api.nowhere(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        })
        .with_state(api)
}
