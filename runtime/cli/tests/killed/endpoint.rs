//! An endpoint that speaks User Track, with a truth of its own: what it applied, and how
//! often. It is slow at times, and drops connections before or after it has applied.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value as Json;

use crate::books::Dice;

/// Whether an endpoint applies each object once per key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Memory {
    Keys,
    None,
}

/// What it was given.
#[derive(Default)]
pub struct Truth {
    /// How often each journey's mark was written, by user and number.
    pub marks: BTreeMap<(String, u64), u32>,
    pub visits: BTreeMap<String, i64>,
    keys: BTreeSet<String>,
    /// Objects that came again under a key that is known.
    pub again: u64,
    pub requests: u64,
}

#[derive(Clone)]
pub struct Endpoint {
    pub address: String,
    memory: Memory,
    truth: Arc<Mutex<Truth>>,
    fails: Arc<AtomicBool>,
}

impl Endpoint {
    /// Listens until the process ends.
    pub fn start(memory: Memory, seed: u64) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let fails = Arc::new(AtomicBool::new(true));
        let endpoint = Endpoint { address, memory, truth: Arc::default(), fails };
        let serving = endpoint.clone();
        std::thread::spawn(move || {
            for (stream, number) in listener.incoming().flatten().zip(1..) {
                let (serving, dice) = (serving.clone(), Dice::new(seed ^ (number << 32)));
                // Whoever breaks off is gone.
                std::thread::spawn(move || drop(serving.converse(stream, dice)));
            }
        });
        endpoint
    }

    pub fn truth(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it is as good as gold.
    pub fn recover(&self) {
        self.fails.store(false, Ordering::SeqCst);
    }

    fn converse(&self, stream: TcpStream, mut dice: Dice) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut writer = stream;
        while let Some((first, keys, body)) = heard(&mut reader)? {
            if first.starts_with("GET /health") {
                let keys = self.memory == Memory::Keys;
                let said = format!(r#"{{"status":"ok","write_keys":{keys},"commit":"applied"}}"#);
                answer(&mut writer, "200 OK", &said)?;
                continue;
            }
            let fault = if self.fails.load(Ordering::SeqCst) { dice.roll(12) } else { 11 };
            if fault == 0 {
                return Ok(());
            }
            if fault < 5 {
                std::thread::park_timeout(Duration::from_millis(5 + dice.roll(40)));
            }
            self.apply(&keys, &serde_json::from_str(&body).unwrap_or_default());
            if fault == 1 {
                return Ok(());
            }
            answer(&mut writer, "201 Created", r#"{"message":"success"}"#)?;
        }
        Ok(())
    }

    fn apply(&self, keys: &str, body: &Json) {
        let mut truth = self.truth();
        truth.requests += 1;
        let mut keys = keys.split(',').map(|key| key.trim().to_owned());
        for object in body["attributes"].as_array().into_iter().flatten() {
            let key = keys.next().unwrap_or_default();
            if self.memory == Memory::Keys && !truth.keys.insert(key) {
                truth.again += 1;
                continue;
            }
            let user = object["external_id"].as_str().unwrap_or_default();
            let inc = object["visits"]["inc"].as_i64().unwrap_or(0);
            *truth.visits.entry(user.to_owned()).or_default() += inc;
            for number in marks(object, 'j') {
                *truth.marks.entry((user.to_owned(), number)).or_default() += 1;
            }
        }
    }
}

/// The numbers of an object's marks of a kind: `j17` is one.
pub fn marks(object: &Json, kind: char) -> BTreeSet<u64> {
    let keys = object.as_object().into_iter().flat_map(|object| object.keys());
    keys.filter_map(|key| key.strip_prefix(kind)?.parse().ok()).collect()
}

/// A request: its first line, its keys, its body. Nothing at the end of the connection.
fn heard(reader: &mut impl BufRead) -> io::Result<Option<(String, String, String)>> {
    let (mut first, mut keys, mut length) = (String::new(), String::new(), 0);
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "x-flowrun-keys" => keys = value.trim().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((first, keys, String::from_utf8_lossy(&body).into_owned())))
}

fn answer(writer: &mut impl Write, status: &str, body: &str) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n");
    let length = body.len();
    // In one piece, so that none of it waits for the other's word.
    writer.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes())
}
