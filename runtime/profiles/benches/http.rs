//! `cargo bench -p flowrun-profiles`: objects a second in full requests of 75/75/75 over the
//! loopback, beside a bare hyper client that writes and reads its JSON with serde_json, in
//! the same run. Quote the ratios: they hold on other machines.
//!
//! Two servers: one that reads a request and says success (so that the client is what is
//! measured), and one that parses every body with serde_json. Server and client have a
//! thread each.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Instant;

use flowrun_core::batcher::{Batcher, BatcherSettings, Limits, Request};
use flowrun_core::sdk::Objects;
use flowrun_core::{ItemId, Millis, Progress, ShardId, Version, Write, WriteKey};
use flowrun_profiles::http::WriteKeys;
use flowrun_profiles::{Http, HttpSettings, ProfileBackend as _};
use hyper::body::{Body as _, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// Requests under way at once.
const IN_FLIGHT: usize = 8;
/// Requests in a run, and runs of which the median is taken.
const REQUESTS: usize = 4_000;
const RUNS: usize = 9;
const OBJECTS: usize = 225;

const SUCCESS: &str = r#"{"message":"success","attributes_processed":75,"events_processed":75,"purchases_processed":75}"#;

fn texts(user: usize) -> [String; 3] {
    [
        format!(r#"{{"vip_member":true,"tier":"gold","orders":{user}}}"#),
        r#"{"name":"became_vip","time":"2026-01-01T00:00:00Z"}"#.to_owned(),
        r#"{"product_id":"p1","currency":"USD","price":9.99,"time":"2026-01-01T00:00:00Z"}"#
            .to_owned(),
    ]
}

fn id(user: usize) -> String {
    format!("user-{:07}", user * 7919 % 1_000_000)
}

/// A full request, as the batcher makes it.
fn request(number: usize) -> Request {
    let mut batcher =
        Batcher::new(BatcherSettings { limits: Limits::USER_TRACK, ..BatcherSettings::default() });
    for user in number * 75..(number + 1) * 75 {
        let [attributes, events, purchases] = texts(user).map(|text| vec![text.into()]);
        let key = WriteKey {
            canvas: "welcome".into(),
            version: Version(1),
            user: id(user).into(),
            entry: 1,
            step: "vip".into(),
        };
        batcher.push(
            Millis(0),
            Write {
                shard: ShardId(0),
                id: ItemId { slot: user as u32, use_no: 0 },
                attempt: 1,
                key,
                objects: Arc::new(Objects { attributes, events, purchases }),
                done: Progress::default(),
                refused: None,
            },
        );
    }
    let request = batcher.poll(Millis(0)).remove(0);
    assert_eq!(request.objects.total(), OBJECTS);
    request
}

/// The same as a value, for the bare client.
fn value(number: usize) -> Json {
    let mut arrays = [Vec::new(), Vec::new(), Vec::new()];
    for user in number * 75..(number + 1) * 75 {
        for (array, text) in arrays.iter_mut().zip(texts(user)) {
            let mut object: Json = serde_json::from_str(&text).unwrap();
            object["external_id"] = id(user).into();
            array.push(object);
        }
    }
    let [attributes, events, purchases] = arrays;
    json!({ "attributes": attributes, "events": events, "purchases": purchases })
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A server on a thread of its own, which lives as long as the program.
fn serve<F>(connection: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            while let Ok((tcp, _)) = listener.accept().await {
                tcp.set_nodelay(true).unwrap();
                tokio::spawn(connection(tcp));
            }
        });
    });
    told.recv().unwrap()
}

/// Reads requests and says success, without a look at them.
async fn stub(mut tcp: TcpStream) {
    let reply = format!(
        "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{SUCCESS}",
        SUCCESS.len()
    );
    let mut bytes = Vec::with_capacity(128 << 10);
    loop {
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if tcp.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let whole = end + length.and_then(|length| length.parse::<usize>().ok()).unwrap();
        while bytes.len() < whole {
            if tcp.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        }
        bytes.drain(..whole);
        if tcp.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// hyper and serde_json: parses a body, counts its objects, and says so.
async fn parsing(tcp: TcpStream) {
    let service = hyper::service::service_fn(|request: hyper::Request<Incoming>| async {
        let body: Json = serde_json::from_slice(&read(request.into_body()).await).unwrap();
        let count = |array: &str| body[array].as_array().map_or(0, Vec::len);
        let reply = json!({
            "message": "success",
            "attributes_processed": count("attributes"),
            "events_processed": count("events"),
            "purchases_processed": count("purchases"),
        });
        let mut response = hyper::Response::new(reply.to_string());
        *response.status_mut() = hyper::StatusCode::CREATED;
        Ok::<_, Infallible>(response)
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(tcp), service)
        .await;
}

async fn read(body: Incoming) -> Vec<u8> {
    let mut body = pin!(body);
    let mut read = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        read.extend_from_slice(frame.unwrap().data_ref().unwrap());
    }
    read
}

/// Objects a second of the backend.
fn backend(server: SocketAddr, keys: WriteKeys, requests: &Arc<Vec<Request>>) -> f64 {
    runtime().block_on(async {
        let settings = HttpSettings {
            write_keys: keys,
            in_flight: IN_FLIGHT,
            ..HttpSettings::at(format!("http://{server}"))
        };
        let http = Arc::new(Http::new(settings, |_| {}).unwrap());
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for task in 0..IN_FLIGHT {
            let (http, requests) = (http.clone(), requests.clone());
            tasks.spawn(async move {
                for number in (task..REQUESTS).step_by(IN_FLIGHT) {
                    let reply = http.commit(&requests[number % requests.len()]).await;
                    assert_eq!(reply.status, Some(201), "{reply:?}");
                }
            });
        }
        tasks.join_all().await;
        (REQUESTS * OBJECTS) as f64 / start.elapsed().as_secs_f64()
    })
}

/// Objects a second of hyper and serde_json alone.
fn bare(server: SocketAddr, bodies: &Arc<Vec<Json>>) -> f64 {
    runtime().block_on(async {
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for task in 0..IN_FLIGHT {
            let bodies = bodies.clone();
            tasks.spawn(async move {
                let tcp = TcpStream::connect(server).await.unwrap();
                tcp.set_nodelay(true).unwrap();
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await.unwrap();
                tokio::spawn(connection);
                for number in (task..REQUESTS).step_by(IN_FLIGHT) {
                    let body = serde_json::to_string(&bodies[number % bodies.len()]).unwrap();
                    let request = hyper::Request::post("/users/track")
                        .header("host", "127.0.0.1")
                        .header("content-type", "application/json")
                        .body(body)
                        .unwrap();
                    sender.ready().await.unwrap();
                    let response = sender.send_request(request).await.unwrap();
                    assert_eq!(response.status(), 201);
                    let reply: Json =
                        serde_json::from_slice(&read(response.into_body()).await).unwrap();
                    assert_eq!(reply["message"], "success");
                }
            });
        }
        tasks.join_all().await;
        (REQUESTS * OBJECTS) as f64 / start.elapsed().as_secs_f64()
    })
}

fn median(mut runs: Vec<f64>) -> f64 {
    runs.sort_by(f64::total_cmp);
    runs[runs.len() / 2]
}

fn main() {
    let requests: Arc<Vec<Request>> = Arc::new((0..64).map(request).collect());
    let bodies: Arc<Vec<Json>> = Arc::new((0..64).map(value).collect());
    let bytes = serde_json::to_string(&bodies[0]).unwrap().len();
    println!("{OBJECTS} objects in a request of {bytes} bytes, {IN_FLIGHT} requests under way");
    for (name, server) in
        [("a server that says success", serve(stub)), ("a server that parses", serve(parsing))]
    {
        // Turn by turn, so that a busy machine is busy for all of them.
        let mut runs = [const { Vec::new() }; 3];
        for _ in 0..RUNS {
            runs[0].push(bare(server, &bodies));
            runs[1].push(backend(server, WriteKeys::Ignored, &requests));
            runs[2].push(backend(server, WriteKeys::Honoured, &requests));
        }
        let [bare, http, keys] = runs.map(median);
        println!("\n{name}");
        for (what, objects) in
            [("bare hyper + serde_json", bare), ("http", http), ("http with write keys", keys)]
        {
            println!("  {what:<24} {:>10.0} objects/s  {:>5.2} × bare", objects, objects / bare);
        }
    }
}
