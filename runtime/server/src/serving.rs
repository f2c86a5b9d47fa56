//! Accepting connections and serving each, until told to stop; then what is under way is finished.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::api::Api;
use crate::connections::Open;
use crate::options::{Limits, Options};
use crate::routes;
use crate::strangers::From;
use crate::workspace::Workspace;

/// Serves the API on a listener until `shutdown` ends. Requests that are under way then are finished, as far as
/// [`Limits::drain_deadline`] goes; new ones are not taken. What goes wrong with one connection ends that connection, so
/// serving itself can't fail.
pub async fn serve(
    listener: TcpListener,
    workspace: Arc<dyn Workspace>,
    options: Options,
    shutdown: impl Future<Output = ()>,
) {
    let limits = options.limits;
    let api = Api::new(workspace, options);
    let router = routes::router(api.clone());
    let (stop, stopping) = watch::channel(());
    let mut tasks = JoinSet::new();
    let alarm = tokio::spawn(alarm(api.clone()));
    tracing::info!(address = ?listener.local_addr().ok(), "serving");
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // Ended connections are forgotten as they end.
            Some(_) = tasks.join_next() => continue,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, _)) => match api.connections.enter() {
                Some(open) => {
                    tasks.spawn(one(stream, open, router.clone(), limits, stopping.clone()));
                }
                None => turn_away(stream),
            },
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                // Out of descriptors or memory: what is idle makes room, and nobody spins meanwhile.
                tracing::warn!(%error, "no connection can be accepted; closing an idle one");
                api.connections.evict();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    drop(listener);
    drop(stop);
    tracing::info!(connections = tasks.len(), "stopping: finishing what is under way");
    let drained = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain_deadline, drained).await.is_err() {
        tracing::warn!(connections = tasks.len(), "stopped with requests under way");
    }
    tasks.shutdown().await;
    alarm.abort();
    tracing::info!("stopped");
}

/// The peer was gone before it was accepted.
fn is_of_the_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// All others are at work. Whoever comes now is told so, as far as that takes no waiting.
fn turn_away(stream: TcpStream) {
    const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n\
        Retry-After: 1\r\nConnection: close\r\nContent-Length: 33\r\n\r\n{\"message\":\"Service Unavailable\"}";
    let _ = stream.try_write(ANSWER);
}

/// Serves one connection to its end.
async fn one(
    stream: TcpStream,
    open: Open,
    router: Router,
    limits: Limits,
    mut stopping: watch::Receiver<()>,
) {
    let _ = stream.set_nodelay(true);
    let connection = open.connection.clone();
    let from = stream.peer_addr().ok().map(|address| From(address.ip()));
    let service = service_fn(move |mut request: Request<hyper::body::Incoming>| {
        connection.heard();
        request.extensions_mut().insert(connection.clone());
        if let Some(from) = from {
            request.extensions_mut().insert(from);
        }
        router.clone().oneshot(request.map(Body::new))
    });
    let mut http = http1::Builder::new();
    // A client that says nothing more after its request still gets its answer, and is served though it has gone.
    http.half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_deadline)
        .max_buf_size(limits.head_bytes.max(8 * 1024));
    let mut served = http.serve_connection(TokioIo::new(stream), service);
    let mut told = false;
    let end = loop {
        let turn = tokio::select! {
            end = poll_fn(|cx| served.poll_without_shutdown(cx)) => Some(end),
            () = open.connection.told_to_close() => return,
            // Only the end of the sender is waited for.
            _ = stopping.changed(), if !told => None,
        };
        match turn {
            Some(end) => break end,
            None => {
                told = true;
                std::pin::Pin::new(&mut served).graceful_shutdown();
            }
        }
    };
    match end {
        Ok(()) => linger(served.into_parts().io.into_inner(), &open, &limits).await,
        Err(error) => tracing::debug!(%error, "a connection ended early"),
    }
}

/// Closes so that the last answer arrives: a socket that is closed with unread bytes resets the connection, and what is
/// on its way to the client is lost. So the client is told that nothing more comes, and what it still sends is thrown away.
async fn linger(mut stream: TcpStream, open: &Open, limits: &Limits) {
    const MOST: Duration = Duration::from_secs(1);
    let most_bytes = 2 * limits.body_bytes as u64;
    let rest = async {
        stream.shutdown().await.ok()?;
        let mut sink = vec![0; 16 * 1024];
        let mut rest = stream.take(most_bytes);
        while rest.read(&mut sink).await.ok()? > 0 {}
        Some(())
    };
    tokio::select! {
        _ = tokio::time::timeout(MOST, rest) => {}
        () = open.connection.told_to_close() => {}
    }
}

/// Wakes the workspace for what is due by the clock.
async fn alarm(api: Arc<Api>) {
    const AT_MOST: Duration = Duration::from_secs(60);
    loop {
        let (workspace, now_ms) = (api.workspace.clone(), api.options.clock.now_ms());
        // A call that breaks off is tried again, like one that had nothing to say.
        let next = Api::whole(async move { workspace.wake(now_ms).await }).await.unwrap_or(None);
        let left = next.map(|next| next.saturating_sub(api.options.clock.now_ms()).max(1));
        let left = left.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        tokio::select! {
            () = tokio::time::sleep(left.unwrap_or(AT_MOST).min(AT_MOST)) => {}
            () = api.rescheduled.notified() => {}
        }
    }
}
