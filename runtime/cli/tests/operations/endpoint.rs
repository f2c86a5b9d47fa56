//! An endpoint of User Track that can be mended.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// An endpoint that refuses every write until it is mended.
pub struct Endpoint {
    pub url: String,
    mended: Arc<AtomicBool>,
    /// Writes that it has taken.
    pub taken: Arc<AtomicU64>,
    pub bodies: Arc<Mutex<Vec<String>>>,
}

impl Endpoint {
    pub fn start() -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let endpoint =
            Endpoint { url, mended: Arc::default(), taken: Arc::default(), bodies: Arc::default() };
        let (mended, taken) = (endpoint.mended.clone(), endpoint.taken.clone());
        let bodies = endpoint.bodies.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(body) = body(&stream) else { continue };
                bodies.lock().unwrap().push(body);
                let (status, said) = match mended.load(Ordering::SeqCst) {
                    true => ("201 Created", r#"{"message":"success","attributes_processed":1}"#),
                    false => ("400 Bad Request", r#"{"message":"no such city"}"#),
                };
                if mended.load(Ordering::SeqCst) {
                    taken.fetch_add(1, Ordering::SeqCst);
                }
                let reply = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n\
                     Content-Length: {}\r\n\r\n{said}",
                    said.len()
                );
                let _ = (&stream).write_all(reply.as_bytes());
            }
        });
        endpoint
    }

    pub fn mend(&self) {
        self.mended.store(true, Ordering::SeqCst);
    }
}

/// A request's body.
fn body(mut stream: &TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
            });
            if body.len() >= length? {
                return Some(body.to_owned());
            }
        }
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
    }
}
