//! A peer against servers on this machine: which connections are kept, whom it believes,
//! and whether it knows what was sent.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, crypto};

use super::*;
use crate::door::tests::certificate::certificate;

const KEY: &str = "b7c1a6de-0000-4444-8888-0123456789ab";

fn settings(url: String) -> Settings {
    Settings {
        url,
        bearer: Some(Secret::new(KEY)),
        deadline: Duration::from_millis(300),
        connect: Duration::from_millis(300),
        idle: 2,
        authorities: None,
    }
}

/// What a server does with a connection: says these things, each after a request, and
/// then hangs up.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<String>>>,
    closed: Arc<tokio::sync::Notify>,
}

impl Server {
    /// The first connection is served with the first list, and so on; the last for ever.
    async fn saying(lists: &[&[&str]]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (connections, heard) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<_>>::default());
        let closed = Arc::new(tokio::sync::Notify::new());
        let lists: Vec<Vec<String>> =
            lists.iter().map(|list| list.iter().map(|text| (*text).to_owned()).collect()).collect();
        let server = Server {
            url,
            connections: connections.clone(),
            heard: heard.clone(),
            closed: closed.clone(),
        };
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let number = connections.fetch_add(1, Ordering::SeqCst);
                let list = lists.get(number).or(lists.last()).cloned().unwrap_or_default();
                let (heard, closed) = (heard.clone(), closed.clone());
                tokio::spawn(async move {
                    serve(tcp, &list, &heard).await;
                    closed.notify_one();
                });
            }
        });
        server
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(mut tcp: TcpStream, list: &[String], heard: &Mutex<Vec<String>>) {
    for reply in list {
        let mut request = vec![0; 64 << 10];
        let Ok(read) = tcp.read(&mut request).await else { return };
        heard.lock().unwrap().push(String::from_utf8_lossy(&request[..read]).into_owned());
        let _ = tcp.write_all(reply.as_bytes()).await;
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn one_connection_serves_many_calls_and_a_closed_one_is_replaced() {
    let (one, two, three) = (ok("1"), ok("2"), ok("3"));
    let server = Server::saying(&[&[&one, &two], &[&three]]).await;
    let peer = Peer::new(&settings(server.url.clone() + "/base")).unwrap();
    for (expected, connections) in [("1", 1), ("2", 1), ("3", 2)] {
        if connections == 2 {
            server.closed.notified().await;
        }
        let said = vec![("x-a", "b".to_owned())];
        let heard = peer.post("/p", "{}".into(), said, 10).await.unwrap();
        assert_eq!((heard.status, heard.body), (200, Ok(expected.into())));
        assert_eq!(server.connections(), connections);
    }
    for request in server.heard.lock().unwrap().iter() {
        assert!(request.starts_with("POST /base/p HTTP/1.1\r\n"), "{request}");
        let lower = request.to_lowercase();
        for header in [
            &*format!("authorization: bearer {KEY}"),
            "content-type: application/json",
            "content-length: 2",
            "x-a: b",
        ] {
            assert!(lower.contains(&format!("\r\n{header}\r\n")), "{header}: {request}");
        }
        assert!(!lower.contains("accept-encoding") && !lower.contains("cookie"), "{request}");
    }
}

#[tokio::test]
async fn what_was_sent_and_what_was_not_are_told_apart() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
    let large = ok("12345678901");
    let gzip = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx";
    for (reply, expected) in [
        ("", Err(Lost::Sent(Fault::Broken))),
        ("HTTP/1.1 20", Err(Lost::Sent(Fault::Broken))),
        ("SSH-2.0-OpenSSH_9.6\r\n", Err(Lost::Sent(Fault::Garbled))),
        (cut, Ok(Err(Fault::Broken))),
        (&large, Ok(Err(Fault::TooLarge))),
        (gzip, Ok(Err(Fault::Garbled))),
        ("HTTP/1.1 200 OK\r\n\r\nabc", Ok(Ok("abc"))),
    ] {
        let server = Server::saying(&[&[reply]]).await;
        let peer = Peer::new(&settings(server.url.clone())).unwrap();
        let heard = peer.get("/p", 10).await.map(|heard| heard.body);
        assert_eq!(heard, expected.map(|body| body.map(|text| text.as_bytes().to_vec())));
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let peer = Peer::new(&settings(format!("http://{nobody}"))).unwrap();
    assert_eq!(peer.get("/", 1).await.unwrap_err(), Lost::Unsent(Fault::Unreachable));
    let silent = Server::saying(&[&["", "HTTP/1.1 200 OK\r\n\r\n"]]).await;
    let peer = Peer::new(&settings(silent.url.clone())).unwrap();
    assert_eq!(peer.get("/", 1).await.unwrap_err(), Lost::Sent(Fault::Late));
}

#[tokio::test]
async fn an_answer_that_comes_twice_is_not_taken_for_the_next_one() {
    let twice = ok("1") + &ok("1");
    let (two, three) = (ok("2"), ok("3"));
    let server = Server::saying(&[&[&twice, &two], &[&three]]).await;
    let peer = Peer::new(&settings(server.url.clone())).unwrap();
    assert_eq!(peer.get("/", 1).await.unwrap().body, Ok(b"1".to_vec()));
    assert_eq!(peer.get("/", 1).await.unwrap().body, Ok(b"3".to_vec()));
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn only_a_server_that_is_who_it_should_be_is_talked_to() {
    let here = |name: &str| certificate(name, "2999");
    for (shown, trusted, expected) in [
        (here("localhost"), true, Ok(200)),
        (here("localhost"), false, Err(Lost::Unsent(Fault::Insecure))),
        (here("other.test"), true, Err(Lost::Unsent(Fault::Insecure))),
    ] {
        let (shown, key) = shown;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![shown.clone()], key)
            .unwrap();
        tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            let Ok(mut tls) = TlsAcceptor::from(Arc::new(config)).accept(tcp).await else { return };
            let _ = tls.read(&mut [0; 4096]).await;
            let _ = tls.write_all(ok("").as_bytes()).await;
        });
        let mut settings = settings(format!("https://localhost:{port}"));
        settings.authorities = trusted.then(|| pem(&shown));
        (settings.deadline, settings.connect) = (Duration::from_secs(5), Duration::from_secs(5));
        let peer = Peer::new(&settings).unwrap();
        assert_eq!(peer.get("/", 10).await.map(|heard| heard.status), expected);
    }
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

#[test]
fn authorities_that_are_none_are_said() {
    for text in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let settings =
            Settings { authorities: Some(text.to_owned()), ..settings("https://localhost".into()) };
        let said = Peer::new(&settings).map(|_| ()).unwrap_err();
        assert!(said.to_string().contains("BEGIN CERTIFICATE"), "{text}: {said}");
    }
}

#[test]
fn a_key_that_fits_in_no_header_is_said_without_being_shown() {
    for key in ["", " ", "a b", "hunter2\n", "schlüssel-hunter2"] {
        let settings =
            Settings { bearer: Some(Secret::new(key)), ..settings("http://localhost".into()) };
        let said = Peer::new(&settings).map(|_| ()).unwrap_err();
        assert_eq!(said, Error::Key);
        assert!(!said.to_string().contains("hunter2") && !format!("{settings:?}").contains(KEY));
    }
}
