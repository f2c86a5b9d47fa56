//! What tells an operator, and a writer, how the server is. Neither needs a key; neither tells of any user.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Response, header};

use crate::api::Api;
use crate::reply::{response, success};

pub(super) async fn health(State(api): State<Arc<Api>>) -> Response<Body> {
    let about = api.workspace.about();
    let status = if about.maintenance { "maintenance" } else { "ok" };
    response(
        success(200)
            .with("status", status)
            .with("write_keys", about.write_keys)
            .with("commit", about.commit.word())
            .with("version", env!("CARGO_PKG_VERSION")),
    )
}

pub(super) async fn metrics(State(api): State<Arc<Api>>) -> Response<Body> {
    let mut response = Response::new(Body::from(api.metrics.text(&api.connections)));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
