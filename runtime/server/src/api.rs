//! One request from head to answer: who asks, whether they may, whether it's too much, what they say; then the endpoint.
//!
//! The order matters. A key in the header is checked before anything of the body is read, so that strangers can't make the
//! server read; a rate limit counts only requests of known senders; and JSON is parsed once the body is complete.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use serde_json::{Map, Value as Json};
use tokio::sync::Notify;

use crate::connections::{AtWork, Connection, Connections};
use crate::json;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::rates::{Group, Meter, Standing};
use crate::reading;
use crate::reply::{Fault, response};
use crate::routes::Endpoint;
use crate::strangers::{From, Guess, Strangers, seconds_left};
use crate::track::Reply;
use crate::workspace::{Body as Said, Busy, Workspace};

/// What all requests share.
pub(crate) struct Api {
    pub(crate) workspace: Arc<dyn Workspace>,
    pub(crate) options: Options,
    pub(crate) metrics: Metrics,
    pub(crate) connections: Arc<Connections>,
    /// Told when something is to happen at another time than the alarm knows of.
    pub(crate) rescheduled: Notify,
    meter: Meter,
    strangers: Strangers,
}

/// A request that was let in.
pub(crate) struct Call<'a> {
    pub(crate) api: &'a Arc<Api>,
    pub(crate) parts: Parts,
    /// Empty for a GET.
    pub(crate) said: Said,
    told: &'a mut Told,
}

/// What an answer's headers and the log tell besides the answer.
#[derive(Default)]
struct Told {
    key: Option<String>,
    standing: Option<Standing>,
    exceeded: bool,
}

impl Api {
    pub(crate) fn new(workspace: Arc<dyn Workspace>, options: Options) -> Arc<Api> {
        Arc::new(Api {
            workspace,
            metrics: Metrics::default(),
            connections: Connections::new(options.limits.connections),
            rescheduled: Notify::new(),
            meter: Meter::new(&options.rates),
            strangers: Strangers::new(options.limits.wrong_keys),
            options,
        })
    }

    /// Runs a call of the workspace to its end, even if the client hangs up meanwhile. A panic is an answer of 500.
    pub(crate) async fn whole<T: Send + 'static>(
        call: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Fault> {
        tokio::spawn(call).await.map_err(|error| {
            tracing::error!(panicked = error.is_panic(), "a call of the workspace broke off");
            Fault::Busy(Busy::Failed)
        })
    }

    fn admit(
        &self,
        endpoint: &Endpoint,
        token: &[u8],
        from: Option<From>,
        now_ms: i64,
        told: &mut Told,
    ) -> Result<(), Fault> {
        let Some((number, key)) = self.options.keys.numbered(token) else {
            return Err(self.guessed(from, now_ms));
        };
        if from.is_some_and(|from| !self.strangers.lets(from, number, now_ms)) {
            return Err(Fault::Guessing(seconds_left(now_ms)));
        }
        told.key = Some(key.name().to_owned());
        if !key.may(endpoint.permission) {
            return Err(Fault::Forbidden);
        }
        self.count(endpoint.group, now_ms, told)
    }

    /// What is said to a wrong key.
    fn guessed(&self, from: Option<From>, now_ms: i64) -> Fault {
        let Some(from) = from else { return Fault::Unauthorized };
        match self.strangers.failed(from, now_ms) {
            Guess::Counted => return Fault::Unauthorized,
            Guess::OneTooMany => {
                let From(address) = from;
                tracing::warn!(%address, "too many wrong keys from one address; it has to wait");
            }
            Guess::TooMany => {}
        }
        Fault::Guessing(seconds_left(now_ms))
    }

    fn count(&self, group: Group, now_ms: i64, told: &mut Told) -> Result<(), Fault> {
        match self.meter.take(group, now_ms) {
            Ok(standing) => told.standing = standing,
            Err(standing) => {
                (told.standing, told.exceeded) = (Some(standing), true);
                return Err(Fault::Exceeded);
            }
        }
        Ok(())
    }

    fn tell(&self, headers: &mut HeaderMap, group: Group, now_ms: i64, told: &Told) {
        let dialect = self.options.dialect;
        match told.standing {
            Some(standing) if told.exceeded => standing.tell_exceeded(headers, dialect),
            Some(standing) => standing.tell(headers, dialect),
            None => {
                if let Some(standing) = self.meter.look(group, now_ms) {
                    standing.tell(headers, dialect);
                }
            }
        }
    }

    /// An answer outside the endpoints: no such path, no such method.
    pub(crate) fn nowhere(&self, status: StatusCode, message: &str) -> Response<Body> {
        let mut response = response(Reply::new(status.as_u16(), message));
        let now_ms = self.options.clock.now_ms();
        self.tell(response.headers_mut(), Group::Other, now_ms, &Told::default());
        self.metrics.answered("", status.as_u16(), std::time::Duration::ZERO);
        response
    }
}

impl Call<'_> {
    /// Counts the request in a further group.
    pub(crate) fn count(&mut self, group: Group) -> Result<(), Fault> {
        self.api.count(group, self.said.at_ms, self.told)
    }
}

/// Answers a request to an endpoint.
pub(crate) async fn handle(
    api: Arc<Api>,
    endpoint: &'static Endpoint,
    request: Request<Body>,
) -> Response<Body> {
    let started = Instant::now();
    let now_ms = api.options.clock.now_ms();
    let mut told = Told::default();
    let answered = answer(&api, endpoint, request, now_ms, &mut told).await;
    let mut response = match answered {
        Ok(reply) => response(reply),
        Err(fault) => fault.response(),
    };
    api.tell(response.headers_mut(), endpoint.group, now_ms, &told);
    let (status, took) = (response.status().as_u16(), started.elapsed());
    api.metrics.answered(endpoint.path, status, took);
    let (path, key, us) = (endpoint.path, told.key, took.as_micros() as u64);
    match status {
        ..400 => tracing::debug!(path, status, key, us, "answered"),
        400..500 => tracing::info!(path, status, key, us, "refused"),
        _ => tracing::error!(path, status, key, us, "failed"),
    }
    response
}

async fn answer(
    api: &Arc<Api>,
    endpoint: &'static Endpoint,
    request: Request<Body>,
    now_ms: i64,
    told: &mut Told,
) -> Result<Reply, Fault> {
    let (parts, body) = request.into_parts();
    let token = presented(&parts.headers)?;
    let from = parts.extensions.get::<From>().copied();
    if let Some(token) = token {
        api.admit(endpoint, token, from, now_ms, told)?;
    }
    let connection = parts.extensions.get::<Arc<Connection>>().cloned();
    if endpoint.method == Method::GET {
        token.ok_or(Fault::Unauthorized)?;
        let _at_work = AtWork::on(connection);
        let said = Said { json: Map::new(), at_ms: now_ms };
        return endpoint.run(Call { api, parts, said, told }).await;
    }
    reading::check_head(&parts.headers, &api.options.limits)?;
    let bytes = reading::read(body, &api.options.limits, &api.metrics.reading).await?;
    let _at_work = AtWork::on(connection);
    let limits = &api.options.limits;
    let parsed = json::object(&bytes, limits.depth, limits.values);
    drop(bytes);
    let mut json = match parsed {
        Ok(json) => json,
        Err(_) if token.is_none() => return Err(Fault::Unauthorized),
        Err(json::Error::Syntax(said)) => return Err(Fault::Syntax(said)),
        Err(json::Error::Values) => return Err(Fault::TooManyObjects),
    };
    // Where keys stood before they moved to the header. It goes no further than here.
    let older = json.shift_remove("api_key");
    if token.is_none() {
        let older = older.as_ref().and_then(Json::as_str).ok_or(Fault::Unauthorized)?;
        api.admit(endpoint, older.as_bytes(), from, now_ms, told)?;
    }
    let said = Said { json, at_ms: now_ms };
    endpoint.run(Call { api, parts, said, told }).await
}

/// The token of the `Authorization` header. Two headers, or something else than a bearer's, are nobody's.
fn presented(headers: &HeaderMap) -> Result<Option<&[u8]>, Fault> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => {
            let (scheme, token) = one.as_bytes().split_at(one.len().min(7));
            match scheme.eq_ignore_ascii_case(b"bearer ") {
                true => Ok(Some(token.trim_ascii())),
                false => Err(Fault::Unauthorized),
            }
        }
        _ => Err(Fault::Unauthorized),
    }
}
