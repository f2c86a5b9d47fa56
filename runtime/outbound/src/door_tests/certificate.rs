//! A certificate made for the occasion, so that no key lies in the repository.

use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The algorithm Ed25519 (1.3.101.112).
const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];

/// A certificate for a name, signed with its own key.
pub fn certificate(
    name: &str,
    last_year: &str,
) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    let common_name =
        der(0x30, &[&[0x06, 0x03, 0x55, 0x04, 0x03], &*der(0x0c, &[name.as_bytes()])]);
    let subject = der(0x30, &[&der(0x31, &[&common_name])]);
    let moment = |year: &str| der(0x18, &[format!("{year}0101000000Z").as_bytes()]);
    let names = der(0x04, &[&der(0x30, &[&der(0x82, &[name.as_bytes()])])]);
    let extension = der(0x30, &[&[0x06, 0x03, 0x55, 0x1d, 0x11], &*names]);
    let body = der(
        0x30,
        &[
            &der(0xa0, &[&[0x02, 0x01, 0x02]]),
            &[0x02, 0x01, 0x01],
            ED25519,
            &subject,
            &der(0x30, &[&moment("2000"), &moment(last_year)]),
            &subject,
            &der(0x30, &[ED25519, &bits(key.public_key().as_ref())]),
            &der(0xa3, &[&der(0x30, &[&extension])]),
        ],
    );
    let whole = der(0x30, &[&body, ED25519, &bits(key.sign(&body).as_ref())]);
    let key = PrivatePkcs8KeyDer::from(document.as_ref().to_vec());
    (CertificateDer::from(whole), PrivateKeyDer::from(key))
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    der(0x03, &[&[0], bytes])
}

/// A value with its tag and length.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut whole = vec![tag];
    match content.len() {
        short @ 0..0x80 => whole.push(short as u8),
        middle @ 0x80..0x100 => whole.extend([0x81, middle as u8]),
        long => whole.extend([0x82, (long >> 8) as u8, long as u8]),
    }
    whole.extend(content);
    whole
}
