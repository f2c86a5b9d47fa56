//! Servers in threads of their own. Each ends when its listener is dropped or its client
//! goes away; none outlives the test program.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A server on a free port of the loopback.
pub struct Server {
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    sent: Arc<AtomicUsize>,
}

impl Server {
    /// Serves each connection with a function that is given the request.
    fn start(serve: impl Fn(TcpStream, &AtomicUsize) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (heard, sent) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let server = Server { port, heard: heard.clone(), sent: sent.clone() };
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let (serve, heard, sent) = (serve.clone(), heard.clone(), sent.clone());
                thread::spawn(move || {
                    let request = request(&mut stream);
                    heard.lock().unwrap().push(request);
                    serve(stream, &sent);
                });
            }
        });
        server
    }

    /// Answers with these bytes and hangs up.
    pub fn saying(bytes: impl Into<Vec<u8>>) -> Server {
        let bytes = bytes.into();
        Server::start(move |mut stream, _| {
            let _ = stream.write_all(&bytes);
        })
    }

    /// Takes the request and never answers.
    pub fn silent() -> Server {
        Server::start(|mut stream, _| drop(stream.read(&mut [0])))
    }

    /// Begins well, and goes on in drops without an end.
    pub fn trickling(begin: &'static str, drop: &'static str) -> Server {
        Server::start(move |mut stream, _| {
            let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
            let mut going = stream.write_all(begin.as_bytes()).is_ok();
            while going {
                // The wait between drops; ends at once when the client hangs up.
                let gone = matches!(stream.read(&mut [0]), Ok(0));
                going = !gone && stream.write_all(drop.as_bytes()).is_ok();
            }
        })
    }

    /// Sends as fast as it can, for ever.
    pub fn endless(begin: &'static str) -> Server {
        Server::start(move |mut stream, sent| {
            let _ = stream.write_all(begin.as_bytes());
            while let Ok(count) = stream.write(&[b'x'; 1 << 16]) {
                sent.fetch_add(count, Ordering::SeqCst);
            }
        })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// All requests so far.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// How many bytes an endless server has got rid of.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }
}

/// Reads a request with its body, if its length is told.
fn request(stream: &mut TcpStream) -> String {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let mut read = Vec::new();
    let mut part = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_lowercase();
            let length =
                lower.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            if body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut part) {
            Ok(count) if count > 0 => read.extend_from_slice(&part[..count]),
            _ => return text,
        }
    }
}
