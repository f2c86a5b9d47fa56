//! `cargo bench -p flowrun-server`: bodies of 75/75/75 objects over loopback into profiles in memory, beside a bare pair of
//! hyper and serde_json that reads the same bodies and does nothing with them, in the same run on the same threads. Medians
//! of several rounds; time of the processors beside that of the clock, since only the former holds on a machine that has
//! other things to do. Both include the clients. Quote the ratio: it holds on other machines.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use flowrun_server::track::{Directory, Memory as Profiles};
use flowrun_server::{Keys, Memory, Options, Rates, Token, serve};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const OBJECTS: usize = 225;
const USERS: usize = 100_000;
const CONNECTIONS: usize = 4;
const REQUESTS: usize = 400;
const ROUNDS: usize = 9;

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(run());
}

async fn run() {
    let token = Token::random().expect("randomness");
    let requests: Arc<[Bytes]> =
        (0..REQUESTS).map(|number| request(&body(number), token.reveal(), None)).collect();
    let keyed: Arc<[Bytes]> = (0..REQUESTS)
        .map(|number| request(&body(number), token.reveal(), Some(&keys(number))))
        .collect();
    let (bare, ours) = (bare().await, ours(&token).await);
    // Once to create all profiles.
    let _ = (round(bare, &requests).await, round(ours, &requests).await);
    let (mut bare_ns, mut ours_ns, mut keyed_ns) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare_ns.push(round(bare, &requests).await);
        ours_ns.push(round(ours, &requests).await);
        keyed_ns.push(round(ours, &keyed).await);
    }
    let base = median(&mut bare_ns);
    println!("bodies of 75/75/75, {} bytes, over loopback, per object", requests[0].len());
    line("hyper and serde_json alone", base, base);
    line("POST /users/track into memory", median(&mut ours_ns), base);
    line("  resent under write keys", median(&mut keyed_ns), base);
}

fn line(what: &str, [wall, cpu]: [f64; 2], [base_wall, base_cpu]: [f64; 2]) {
    println!(
        "{what:<32} {wall:>6.0} ns ({:>5.2} M objects/s) {:>5.2} × bare   of the processors {cpu:>6.0} ns {:>5.2} × bare",
        1e3 / wall,
        wall / base_wall,
        cpu / base_cpu
    );
}

/// Of each of the two times by itself.
fn median(runs: &mut [[f64; 2]]) -> [f64; 2] {
    [0, 1].map(|which| {
        runs.sort_by(|a, b| a[which].total_cmp(&b[which]));
        runs[runs.len() / 2][which]
    })
}

/// Nanoseconds that processors have spent on this process; 0 where the system doesn't tell.
fn processor_ns() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let spent = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    spent.sum()
}

/// Nanoseconds per object of all requests, sent over some connections side by side: of the clock, and of processors.
async fn round(server: SocketAddr, requests: &Arc<[Bytes]>) -> [f64; 2] {
    let (start, spent) = (Instant::now(), processor_ns());
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|first| {
            let requests = requests.clone();
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(server).await.expect("the server listens");
                stream.set_nodelay(true).expect("a socket");
                let mut answer = vec![0; 4096];
                for request in requests.iter().skip(first).step_by(CONNECTIONS) {
                    stream.write_all(request).await.expect("the server reads");
                    read_answer(&mut stream, &mut answer).await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("no client fails");
    }
    let objects = (requests.len() * OBJECTS) as f64;
    [start.elapsed().as_nanos() as f64 / objects, (processor_ns() - spent) / objects]
}

/// Answers are short: their head says how long they are.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) {
    let mut filled = 0;
    loop {
        filled += stream.read(&mut buffer[filled..]).await.expect("the server answers");
        let text = std::str::from_utf8(&buffer[..filled]).expect("answers are text");
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        assert!(head.starts_with("HTTP/1.1 201"), "{text}");
        let head = head.to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).expect("a length");
        let length: usize = length.split("\r\n").next().unwrap_or("").parse().expect("a number");
        if body.len() >= length {
            return;
        }
    }
}

fn body(number: usize) -> String {
    let id = |n: usize| format!("user-{:07}", (number * 75 + n) * 7919 % USERS);
    let all = |object: &dyn Fn(usize) -> Json| (0..75).map(object).collect::<Vec<_>>();
    let time = "2026-01-01T00:00:00Z";
    json!({
        "attributes": all(&|n| json!({"external_id": id(n), "vip_member": true, "orders": {"inc": 1}})),
        "events": all(&|n| json!({"external_id": id(n), "name": "became_vip", "time": time})),
        "purchases": all(&|n| json!({
            "external_id": id(n), "product_id": "p1", "currency": "USD", "price": 9.99, "time": time,
        })),
    })
    .to_string()
}

fn keys(number: usize) -> String {
    let key = |at: usize| format!("{:032x}.{}", number * 75 + at % 75 + 1, at / 75);
    (0..OBJECTS).map(key).collect::<Vec<_>>().join(",")
}

fn request(body: &str, token: &str, keys: Option<&str>) -> Bytes {
    let keys = keys.map_or_else(String::new, |keys| format!("X-Flowrun-Keys: {keys}\r\n"));
    let length = body.len();
    Bytes::from(format!(
        "POST /users/track HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {token}\r\n{keys}Content-Length: {length}\r\n\r\n{body}"
    ))
}

async fn ours(token: &Token) -> SocketAddr {
    let (listener, address) = listener().await;
    let mut options = Options::new(Keys::full(token));
    options.rates = Rates { track: Vec::new(), ..Rates::default() };
    let workspace = Arc::new(Memory::new(Directory::new(Profiles::default()), None));
    tokio::spawn(serve(listener, workspace, options, std::future::pending()));
    address
}

async fn bare() -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let connection = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(read_and_forget));
            tokio::spawn(connection);
        }
    });
    address
}

async fn read_and_forget(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    let json: Json = serde_json::from_slice(&body).expect("JSON");
    let answer = match json["attributes"].as_array().map(Vec::len) {
        Some(75) => Response::builder().status(201),
        _ => Response::builder().status(400),
    };
    Ok(answer.body(Full::from(r#"{"message":"success"}"#)).expect("an answer"))
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}
