//! Reading a body: of the right type, within bytes and time, and within what all bodies together may take.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;

use crate::options::Limits;
use crate::reply::Fault;

/// What the head alone shows to be unacceptable.
pub(crate) fn check_head(headers: &HeaderMap, limits: &Limits) -> Result<(), Fault> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (types.next(), types.next()) else { return Err(Fault::MediaType) };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    if !kind.trim().eq_ignore_ascii_case("application/json") {
        return Err(Fault::MediaType);
    }
    // Bodies come as they are: nothing is unpacked, so nothing small can become large.
    let packed =
        |value: &axum::http::HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().any(packed) {
        return Err(Fault::Encoding);
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match length.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > limits.body_bytes as u64 => Err(Fault::TooLarge),
        _ => Ok(()),
    }
}

/// The whole body.
pub(crate) async fn read(
    body: Body,
    limits: &Limits,
    reading: &AtomicUsize,
) -> Result<Vec<u8>, Fault> {
    let whole = collect(body, limits, reading);
    let deadline: Duration = limits.body_deadline;
    tokio::time::timeout(deadline, whole).await.unwrap_or(Err(Fault::Slow))
}

/// Bytes that are held while a body is read; given back when the reading ends, however it ends.
struct Share<'a> {
    reading: &'a AtomicUsize,
    bytes: usize,
}

impl Share<'_> {
    fn grow(&mut self, bytes: usize, most: usize) -> Result<(), Fault> {
        self.bytes += bytes;
        let before = self.reading.fetch_add(bytes, Relaxed);
        match before + bytes <= most {
            true => Ok(()),
            false => Err(Fault::Busy(crate::workspace::Busy::Full)),
        }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.reading.fetch_sub(self.bytes, Relaxed);
    }
}

async fn collect(mut body: Body, limits: &Limits, reading: &AtomicUsize) -> Result<Vec<u8>, Fault> {
    let mut share = Share { reading, bytes: 0 };
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Fault::BrokenOff)?;
        let Ok(bytes) = frame.into_data() else { continue };
        if whole.len() + bytes.len() > limits.body_bytes {
            return Err(Fault::TooLarge);
        }
        share.grow(bytes.len(), limits.reading_bytes)?;
        whole.extend_from_slice(&bytes);
    }
    Ok(whole)
}
