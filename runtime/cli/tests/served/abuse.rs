//! The program under abuse: what it answers, what it takes of memory, and who is served meanwhile.
//!
//! One server goes through all rows of the table. Each row is done by several clients at once, over and over, until a good
//! client beside them was served three times more; every one of them gets the documented answer. Slow clients hold out all
//! the time. In the end the most that the process ever had resident is held against what the limits allow.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::stage::{KEY, Served, folder, until};

const CANVAS: &str = "canvas: c\nentry: { api: true }\nsteps:\n  - id: done\n    exit: done\n";
const PATH: &str = "/users/track";
const LARGEST: usize = 4 << 20;
/// Clients that do the same at once.
const AT_ONCE: usize = 4;
/// Bodies being read have 64 MiB together; the trees of the few that are parsed at once, and what allocators keep back,
/// stand beside them. The bomb alone would take twice as much if it were unpacked.
const MOST_MEMORY: u64 = 200 << 20;
const BOMB: usize = 400 << 20;
/// Far longer than anything takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Row {
    name: &'static str,
    request: Vec<u8>,
    /// Status, and words of the answer.
    answer: (u16, &'static str),
}

fn request(lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n{lines}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

const KIND: &str = "Content-Type: application/json\r\n";
const CHUNKED: &str = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";

fn json_of(body: impl AsRef<[u8]>) -> Vec<u8> {
    request(KIND, body.as_ref())
}

fn chunked_head() -> String {
    format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n{CHUNKED}\r\n")
}

fn objects(count: usize) -> String {
    let each: Vec<Json> = (0..count).map(|n| json!({ "external_id": format!("u{n}") })).collect();
    json!({ "attributes": each }).to_string()
}

/// A real one: zeros, packed by gzip to a thousandth.
fn bomb() -> Vec<u8> {
    let packed = Command::new("sh")
        .args(["-c", &format!("head -c {BOMB} /dev/zero | gzip -1 -c")])
        .output()
        .expect("there is a shell with gzip");
    assert!(packed.stdout.len() > 100_000 && packed.stdout.len() < LARGEST, "it is packed");
    packed.stdout
}

fn rows() -> Vec<Row> {
    let row = |name, request, answer| Row { name, request, answer };
    let large = " ".repeat(LARGEST + 1);
    let mut in_chunks = chunked_head().into_bytes();
    in_chunks.extend(format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len()).bytes());
    let get = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n")
            .into_bytes()
    };
    let bad = "Error while parsing request body. Please check your syntax.";
    let deep = format!("{{\"attributes\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let packed = format!("{KIND}Content-Encoding: gzip\r\n");
    vec![
        row("76 objects", json_of(objects(76)), (400, "Max Input Length Exceeded")),
        row(
            "0 objects",
            json_of(r#"{"attributes":[]}"#),
            (
                400,
                "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields.",
            ),
        ),
        row("4 MB + 1", json_of(&large), (413, "Request Entity Too Large")),
        row("4 MB + 1 in chunks", in_chunks, (413, "Request Entity Too Large")),
        row("deep JSON", json_of(deep), (400, "nested too deeply")),
        row(
            "2,000,000 values",
            json_of(format!("{{\"attributes\":[{}0]}}", "0,".repeat(2_000_000))),
            (400, "Max Input Length Exceeded"),
        ),
        row(
            "a key twice",
            json_of(r#"{"attributes":[{"external_id":"a","external_id":"b"}]}"#),
            (400, "a key stands twice in one object"),
        ),
        row("bad UTF-8", json_of(b"{\"attributes\":[{\"external_id\":\"\xff\xfe\"}]}"), (400, bad)),
        row("no JSON", json_of("{"), (400, bad)),
        row("a wrong method", get(PATH), (405, "Method Not Allowed")),
        row("no such path", get("/users/track/"), (404, "Not Found")),
        row(
            "a wrong type",
            request("Content-Type: text/plain\r\n", b"{}"),
            (415, "Unsupported Media Type"),
        ),
        row(
            "a wrong encoding",
            request(&format!("{KIND}Content-Encoding: br\r\n"), b"{}"),
            (415, "Unsupported Media Type"),
        ),
        row("a gzip bomb", request(&packed, &bomb()), (415, "Unsupported Media Type")),
    ]
}

/// Status and body of one answer; `None` if the connection ends before.
fn read(stream: &mut TcpStream) -> Option<(u16, String)> {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let (mut bytes, mut part) = (Vec::new(), [0; 16 << 10]);
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let status = head.split(' ').nth(1)?.parse().ok()?;
            let lines = head.to_ascii_lowercase();
            let length = lines.split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
            if body.len() >= length {
                return Some((status, body.to_owned()));
            }
        }
        match stream.read(&mut part) {
            Ok(0) => return None,
            Ok(read) => bytes.extend_from_slice(&part[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("no answer within a minute: {error}"),
        }
    }
}

fn send(address: &str, request: &[u8]) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    // A server that has answered already may not read the rest.
    let _ = stream.write_all(request);
    read(&mut stream)
}

/// Chunks until the server won't have any more: how many bytes that were, and its answer.
fn without_end(address: &str) -> (usize, Option<(u16, String)>) {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.write_all(chunked_head().as_bytes()).expect("it reads");
    let chunk = format!("{:x}\r\n{}\r\n", 65_536, " ".repeat(65_536));
    let mut sent = 0;
    while sent < 40 * LARGEST && stream.write_all(chunk.as_bytes()).is_ok() {
        sent += chunk.len();
    }
    (sent, read(&mut stream))
}

/// A client that means well: one request after the other, each over a connection of its own.
#[derive(Default)]
struct Good {
    served: AtomicU32,
    stop: AtomicBool,
}

impl Good {
    fn go_on(&self, address: &str) {
        for number in 0.. {
            if self.stop.load(SeqCst) {
                return;
            }
            let user = json!({ "attributes": [{ "external_id": format!("good{}", number % 10) }] });
            let (began, answer) = (Instant::now(), send(address, &json_of(user.to_string())));
            let (status, body) = answer.expect("a good client is answered");
            assert_eq!(status, 201, "{body}");
            assert!(began.elapsed() < PATIENCE / 4, "served after {:?}", began.elapsed());
            self.served.fetch_add(1, SeqCst);
        }
    }

    fn served(&self) -> u32 {
        self.served.load(SeqCst)
    }
}

/// The most memory that a process ever had resident, in bytes.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it lives");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("on Linux");
    let kib: u64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("KiB");
    kib << 10
}

/// Descriptors that this process may have open.
fn descriptors() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    line.and_then(|line| line.split_whitespace().nth(3)?.parse().ok()).unwrap_or(1024)
}

#[cfg(target_os = "linux")]
#[test]
fn each_gets_its_answer_in_bounded_memory_beside_a_good_client() {
    let rows = rows();
    let folder = folder(&[("c.yaml", CANVAS)]);
    let served = Served::start(folder.path(), &[]);
    let (address, good) = (&*served.address, Arc::new(Good::default()));
    let text = json_of(objects(1));
    let (before, mut seen) = (peak(served.child.id()), Vec::new());
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| good.go_on(address));
        let more = |since: u32| {
            assert!(!beside.is_finished(), "the good client goes on");
            good.served() < since + 3
        };
        // Half a head, and a body that lacks its last byte: they have 15 and 30 seconds.
        let slow: Vec<_> = [40, text.len() - 1]
            .into_iter()
            .cycle()
            .take(20)
            .map(|part| {
                let begun = &text[..part];
                (part, scope.spawn(move || send(address, begun)))
            })
            .collect();
        for row in &rows {
            let since = good.served();
            std::thread::scope(|scope| {
                for _ in 0..AT_ONCE {
                    scope.spawn(|| {
                        let mut first = true;
                        while std::mem::take(&mut first) || more(since) {
                            let answer = send(address, &row.request);
                            let (status, body) = answer.unwrap_or_else(|| panic!("{}", row.name));
                            assert_eq!(status, row.answer.0, "{}: {body}", row.name);
                            assert!(body.contains(row.answer.1), "{}: {body}", row.name);
                        }
                    });
                }
            });
            seen.push((row.name, peak(served.child.id()) >> 20));
        }
        let since = good.served();
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    let mut first = true;
                    while std::mem::take(&mut first) || more(since) {
                        let (sent, answer) = without_end(address);
                        assert!(sent < 10 * LARGEST, "it read {sent} bytes");
                        // What was still on its way may have torn the answer off.
                        assert!(answer.is_none_or(|(status, _)| status == 413));
                    }
                });
            }
        });
        seen.push(("chunks without end", peak(served.child.id()) >> 20));
        for (part, client) in slow {
            let answer = client.join().expect("it was let go");
            match part {
                40 => assert!(answer.is_none(), "a head: closed without a word, not {answer:?}"),
                _ => assert_eq!(answer.expect("an answer").0, 408, "a body"),
            }
        }
        seen.push(("slow heads and bodies", peak(served.child.id()) >> 20));

        // Where fewer can be opened, as many as can; always far more than there is room for.
        let count = 10_000.min(descriptors().saturating_sub(600));
        assert!(count > 1_000, "more open files are needed: ulimit -n 20000");
        let since = good.served();
        let idle: Vec<TcpStream> =
            (0..count).map(|_| TcpStream::connect(address).expect("it listens")).collect();
        until("the good client is served", || match more(since) {
            true => Err(good.served().to_string()),
            false => Ok(()),
        });
        seen.push(("idle connections", peak(served.child.id()) >> 20));
        drop(idle);
        good.stop.store(true, SeqCst);
    });
    let most = peak(served.child.id());
    assert!(most - before < MOST_MEMORY, "{} MiB at first, then {seen:?}", before >> 20);
    assert_eq!(served.get("/health")["status"], "ok");
    // Nothing of it was written.
    let users = json!({ "external_ids": ["u0", "a", "b"], "fields_to_export": ["external_id"] });
    assert_eq!(served.post("/users/export/ids", &users).1["users"], json!([]));
}

/// Who goes away in the middle is nobody's loss.
#[test]
fn clients_that_break_off_leave_nothing_behind() {
    let folder = folder(&[("c.yaml", CANVAS)]);
    let served = Served::start(folder.path(), &[]);
    let text = json_of(objects(1));
    for part in [0, 1, 40, text.len() / 2, text.len() - 1].into_iter().cycle().take(200) {
        let mut stream = TcpStream::connect(&served.address).expect("it listens");
        stream.write_all(&text[..part]).expect("it reads");
        let _ = stream.shutdown(Shutdown::Both);
    }
    until("they are let go", || {
        let (_, metrics) = served.ask("GET", "/metrics", KEY, "");
        let line = metrics.lines().find(|line| line.starts_with("flowrun_http_connections "));
        let open = line.and_then(|line| line.rsplit(' ').next()?.parse::<u32>().ok());
        // Only the one that asks.
        if open == Some(1) && metrics.contains("reading_bytes 0") { Ok(()) } else { Err(metrics) }
    });
}
