//! What tells an operator, and a writer, how the server is. Neither needs a key; neither tells of any user.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Response, header};
use serde_json::{Map, Value as Json};

use crate::api::Api;
use crate::reply::{response, success};

pub(super) async fn health(State(api): State<Arc<Api>>) -> Response<Body> {
    let about = api.workspace.about();
    let status = if about.maintenance { "maintenance" } else { "ok" };
    let mut reply = success(200)
        .with("status", status)
        .with("write_keys", about.write_keys)
        .with("durable", about.durable)
        .with("commit", about.commit.word())
        .with("version", env!("CARGO_PKG_VERSION"));
    let figures = api.workspace.figures();
    if !figures.is_empty() {
        let figures = figures.iter().map(|one| (one.name.to_owned(), Json::from(one.value)));
        reply = reply.with("figures", figures.collect::<Map<_, _>>());
    }
    response(reply)
}

pub(super) async fn metrics(State(api): State<Arc<Api>>) -> Response<Body> {
    let mut response =
        Response::new(Body::from(api.metrics.text(&api.connections, &api.workspace.figures())));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
