//! One request out, one answer in, and never more of it than is allowed.

use std::future::poll_fn;
use std::pin::pin;

use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::{StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use crate::connect::Line;
use crate::missed::Missed;

/// The largest body that is read, in bytes: Braze's limit.
const LARGEST_BODY: usize = 1 << 20;
/// The most that all headers of an answer may take, in bytes.
pub(crate) const LARGEST_HEAD: usize = 32 << 10;
pub(crate) const MOST_HEADERS: usize = 100;

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub text: String,
    /// What the header `Retry-After` says.
    pub retry_after: Option<String>,
}

pub(crate) async fn exchange(line: Line, call: hyper::Request<String>) -> Result<Reply, Missed> {
    match line {
        Line::Plain(tcp) => over(tcp, call).await,
        Line::Tls(tls) => over(tls, call).await,
    }
}

async fn over<Io>(io: Io, call: hyper::Request<String>) -> Result<Reply, Missed>
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.max_buf_size(LARGEST_HEAD).max_headers(MOST_HEADERS);
    let (mut sender, connection) = http.handshake(TokioIo::new(io)).await.map_err(missed)?;
    // Dropped, and with it the connection, as soon as the answer is read or given up.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(call).await.map_err(missed)?;
    let (head, body) = response.into_parts();
    let retry_after = head.headers.get(header::RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let reply = |text| Reply { status: head.status.as_u16(), text, retry_after };
    // What will not be used is not read either.
    if unused(head.status) {
        return Ok(reply(String::new()));
    }
    if head.headers.get_all(header::CONTENT_ENCODING).iter().any(|coding| coding != "identity") {
        return Err(Missed::Garbled);
    }
    let text = String::from_utf8_lossy(&read(body, LARGEST_BODY).await?).into_owned();
    Ok(reply(text))
}

/// Answers without a text: redirects are not followed, and what is not there is empty.
pub(crate) fn unused(status: StatusCode) -> bool {
    status.is_redirection() || status == StatusCode::NOT_FOUND
}

/// Reads a body to its end, or until it is larger than so many bytes.
pub(crate) async fn read(body: Incoming, largest: usize) -> Result<Vec<u8>, Missed> {
    if body.size_hint().lower() > largest as u64 {
        return Err(Missed::TooLarge);
    }
    let mut body = pin!(body);
    let mut read = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        // Trailers are read past.
        let Ok(data) = frame.map_err(missed)?.into_data() else { continue };
        if read.len() + data.len() > largest {
            return Err(Missed::TooLarge);
        }
        read.extend_from_slice(&data);
    }
    Ok(read)
}

/// Headers beyond their limit are no HTTP either.
pub(crate) fn missed(error: hyper::Error) -> Missed {
    if error.is_parse() { Missed::Garbled } else { Missed::Unreachable }
}
