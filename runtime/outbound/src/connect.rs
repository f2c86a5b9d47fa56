//! To a target's address: found, judged, connected to, in this order and without a second
//! look.
//!
//! A name may lead to one address when it is judged and to another a moment later. So the
//! name is resolved once, and the connection is made to an address that was judged.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use url::Host;

use crate::address::refusal;
use crate::cidr::Cidr;
use crate::error::Error;
use crate::missed::{Failed, Missed};
use crate::resolve::Resolve;
use crate::target::Target;

/// How many addresses of a name are tried.
const TRIES: usize = 3;
/// How long an address is tried while there is another.
const PATIENCE: Duration = Duration::from_millis(600);

/// Connects to targets.
pub(crate) struct Connector {
    resolver: Arc<dyn Resolve>,
    tls: TlsConnector,
}

/// A connection that a request can be sent on.
pub(crate) enum Line {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connector {
    /// A connector that trusts these authorities.
    pub fn new(resolver: Arc<dyn Resolve>, roots: RootCertStore) -> Connector {
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has ciphers for TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Connector { resolver, tls: TlsConnector::from(Arc::new(config)) }
    }

    pub async fn connect(&self, target: &Target, allowed: &[Cidr]) -> Result<Line, Failed> {
        let found = self.addresses(&target.host).await?;
        let addresses = permitted(&target.host, found, allowed)?;
        Ok(self.line(target, &addresses).await?)
    }

    /// As [`Self::connect`], to wherever the name leads: for addresses that the operator
    /// wrote down, where no rule of templates applies.
    pub async fn connect_anywhere(&self, target: &Target) -> Result<Line, Missed> {
        let addresses = self.addresses(&target.host).await?;
        self.line(target, &addresses).await
    }

    async fn line(&self, target: &Target, addresses: &[IpAddr]) -> Result<Line, Missed> {
        let tcp = reach(addresses, target.port).await?;
        // Requests are written in one go; waiting for more to send only costs time.
        let _ = tcp.set_nodelay(true);
        if !target.tls {
            return Ok(Line::Plain(tcp));
        }
        let name = server_name(&target.host)?;
        let tls = self.tls.connect(name, tcp).await.map_err(|_| Missed::Insecure)?;
        Ok(Line::Tls(Box::new(tls)))
    }

    async fn addresses(&self, host: &Host<String>) -> Result<Vec<IpAddr>, Missed> {
        match host {
            Host::Ipv4(v4) => Ok(vec![(*v4).into()]),
            Host::Ipv6(v6) => Ok(vec![(*v6).into()]),
            Host::Domain(name) => {
                self.resolver.resolve(name).await.map_err(|_| Missed::Unreachable)
            }
        }
    }
}

/// The addresses that may be connected to. If there were some and none is left, a rule is
/// broken.
fn permitted(
    host: &Host<String>,
    found: Vec<IpAddr>,
    allowed: &[Cidr],
) -> Result<Vec<IpAddr>, Failed> {
    let mut refused = None;
    let mut left = Vec::new();
    for address in found {
        match refusal(address, allowed) {
            None => left.push(address),
            Some(what) => {
                refused.get_or_insert(Error::Address { host: host.to_string(), address, what });
            }
        }
    }
    match refused {
        Some(error) if left.is_empty() => Err(error.into()),
        _ => Ok(left),
    }
}

async fn reach(addresses: &[IpAddr], port: u16) -> Result<TcpStream, Missed> {
    let tried = &addresses[..addresses.len().min(TRIES)];
    for (number, address) in tried.iter().enumerate() {
        let connecting = TcpStream::connect(SocketAddr::new(*address, port));
        let last = number + 1 == tried.len();
        let connected = match last {
            true => connecting.await.ok(),
            false => timeout(PATIENCE, connecting).await.ok().and_then(Result::ok),
        };
        if let Some(tcp) = connected {
            return Ok(tcp);
        }
    }
    Err(Missed::Unreachable)
}

fn server_name(host: &Host<String>) -> Result<ServerName<'static>, Missed> {
    match host {
        Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|_| Missed::Insecure),
        Host::Ipv4(v4) => Ok(ServerName::IpAddress(IpAddr::from(*v4).into())),
        Host::Ipv6(v6) => Ok(ServerName::IpAddress(IpAddr::from(*v6).into())),
    }
}
