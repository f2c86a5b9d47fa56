//! A server that does with each request what a test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a server does, after it has read a request.
#[derive(Clone)]
pub enum Act {
    Say(Vec<u8>),
    /// Waits until the client goes away.
    Stall,
    /// One byte after the other, and never the last.
    Trickle(&'static [u8]),
    /// As fast as it can, for ever.
    Flood(&'static [u8]),
    /// Ends the connection as it should be ended.
    Close,
    /// Ends it the hard way.
    Reset,
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Method and path.
    pub line: String,
    /// In lower case, with all lines of a name joined by commas.
    pub head: String,
    pub body: String,
}

impl Heard {
    pub fn header(&self, name: &str) -> Option<String> {
        let prefix = format!("{name}: ");
        let lines: Vec<&str> =
            self.head.lines().filter_map(|line| line.strip_prefix(&prefix)).collect();
        (!lines.is_empty()).then(|| lines.join(","))
    }
}

pub struct Server {
    pub url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Server {
    /// Serves each request with what a function says.
    pub async fn start(act: impl Fn(&Heard) -> Vec<Act> + Send + Sync + 'static) -> Server {
        Server::at("127.0.0.1:0".parse().unwrap(), act).await
    }

    pub async fn at(
        place: SocketAddr,
        act: impl Fn(&Heard) -> Vec<Act> + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind(place).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let server = Server { url, heard: heard.clone() };
        let act = Arc::new(act);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(serve(tcp, act.clone(), heard.clone()));
            }
        });
        server
    }

    /// All requests so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

async fn serve(
    mut tcp: TcpStream,
    act: Arc<impl Fn(&Heard) -> Vec<Act>>,
    heard: Arc<Mutex<Vec<Heard>>>,
) {
    let _ = tcp.set_nodelay(true);
    while let Some(request) = read(&mut tcp).await {
        heard.lock().unwrap().push(request.clone());
        for one in act(&request) {
            match one {
                Act::Say(bytes) => {
                    if tcp.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Act::Stall => drop(tcp.read(&mut [0]).await),
                Act::Trickle(bytes) => {
                    let mut beat = tokio::time::interval(Duration::from_millis(5));
                    for byte in bytes.iter().cycle() {
                        beat.tick().await;
                        if tcp.write_all(&[*byte]).await.is_err() {
                            return;
                        }
                    }
                }
                Act::Flood(bytes) => {
                    let many = bytes.repeat((64 << 10) / bytes.len());
                    while tcp.write_all(&many).await.is_ok() {}
                    return;
                }
                Act::Close => return,
                Act::Reset => {
                    let _ = tcp.set_zero_linger();
                    return;
                }
            }
        }
    }
}

async fn read(tcp: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if tcp.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let (line, head) = text.split_once("\r\n")?;
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + 4 + length {
        if tcp.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[end + 4..].to_vec()).unwrap();
    let line = line.trim_end_matches(" HTTP/1.1").to_owned();
    Some(Heard { line, head: head.replace("\r\n", "\n"), body })
}

/// A whole reply with its length: status line and headers, and the body.
pub fn said(head: &str, body: &str) -> Vec<Act> {
    vec![Act::Say(bytes(head, body))]
}

pub fn bytes(head: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A reply in JSON.
pub fn json(status: u16, body: &serde_json::Value) -> Vec<Act> {
    said(&format!("{status} X\r\nContent-Type: application/json"), &body.to_string())
}
