//! TLS: who is believed and who is not.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

use super::certificate::certificate;
use super::*;
use crate::resolve::{Addresses, Resolve};

/// All names are on this machine.
struct Here;

impl Resolve for Here {
    fn resolve<'a>(&'a self, _: &'a str) -> Addresses<'a> {
        Box::pin(async { Ok(vec![IpAddr::from([127, 0, 0, 1])]) })
    }
}

enum Trust {
    Its,
    Browsers,
}

/// Calls a server that shows a certificate for a name, valid up to a year.
fn called(host: &str, shown: &str, last_year: &str, trust: Trust) -> u16 {
    let (shown, key) = certificate(shown, last_year);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let config =
            ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![shown.clone()], key)
                .unwrap();
        tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            let Ok(mut tls) = TlsAcceptor::from(Arc::new(config)).accept(tcp).await else { return };
            let _ = tls.read(&mut [0; 4096]).await;
            let _ = tls.write_all(http("200 OK", "x").as_bytes()).await;
            let _ = tls.shutdown().await;
        });
        let mut roots = RootCertStore::empty();
        match trust {
            Trust::Its => roots.add(shown).unwrap(),
            Trust::Browsers => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        let door =
            Door::with_roots(Egress { http: false, ..egress(&[port]) }, Arc::new(Here), roots);
        let request = get(&format!("https://{host}:{port}/"));
        let answer =
            tokio::time::timeout(Duration::from_secs(10), door.answer(Millis(0), &request));
        answer.await.expect("the door has its own deadline").unwrap().status()
    })
}

#[test]
fn only_a_server_that_is_who_it_should_be_is_talked_to() {
    assert_eq!(called("api.test", "api.test", "2999", Trust::Its), 200);
    assert_eq!(called("api.test", "api.test", "2999", Trust::Browsers), 598, "made by itself");
    assert_eq!(called("api.test", "other.test", "2999", Trust::Its), 598, "of another name");
    assert_eq!(called("api.test", "api.test", "2001", Trust::Its), 598, "expired");
    assert_eq!(called("127.0.0.1", "api.test", "2999", Trust::Its), 598, "a name for an address");
}

#[test]
fn a_server_that_speaks_no_tls_is_no_answer() {
    let server = Server::saying(http("200 OK", "x"));
    let door = blocking(Egress { http: false, ..egress(&[server.port]) });
    let answer = door.answer(Millis(0), &get(&format!("https://127.0.0.1:{}/", server.port)));
    assert_eq!(answer, Ok(Answer::none()));
}
