//! Digests and Base64.

use super::{Filter, argument};
use crate::arena::{Arena, Outcome, Refusal};
use crate::value::Value;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

pub(super) const FILTERS: &[Filter] = &[
    Filter::value("base64_decode", (0, 0), "undoes `base64_encode`", base64_decode).beyond(),
    Filter::text("base64_encode", "in Base64", base64_encode),
    Filter::value("base64_url_safe_decode", (0, 0), "undoes its encoding", url_safe_decode)
        .beyond(),
    Filter::text("base64_url_safe_encode", "in Base64 with `-` and `_`", url_safe_encode).beyond(),
    Filter::value("hmac_sha1", (1, 1), "HMAC-SHA1 with a key, in hex", hmac_sha1),
    Filter::value("hmac_sha1_base64", (1, 1), "HMAC-SHA1, in Base64", hmac_sha1_base64),
    Filter::value("hmac_sha1_hex", (1, 1), "HMAC-SHA1, in hex", hmac_sha1),
    Filter::value("hmac_sha256", (1, 1), "HMAC-SHA256, in hex", hmac_sha256),
    Filter::value("hmac_sha256_base64", (1, 1), "HMAC-SHA256, in Base64", hmac_sha256_base64),
    Filter::value("hmac_sha256_hex", (1, 1), "HMAC-SHA256, in hex", hmac_sha256),
    Filter::value("hmac_sha512", (1, 1), "HMAC-SHA512, in hex", hmac_sha512),
    Filter::text("md5", "MD5, in hex", |text, out| hex(&Md5::digest(text), out)),
    Filter::text("sha1", "SHA-1, in hex", |text, out| hex(&Sha1::digest(text), out)),
    Filter::text("sha2", "SHA-256, in hex", |text, out| hex(&Sha256::digest(text), out)),
];

fn hex(bytes: &[u8], out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(HEX[usize::from(byte >> 4)] as char);
        out.push(HEX[usize::from(byte & 15)] as char);
    }
}

/// The digest of the input under the key that is the first argument.
fn keyed<'r, M: Mac + KeyInit>(
    arena: &Arena<'r>,
    input: Value<'r>,
    arguments: &[Value<'r>],
    print: fn(&[u8], &mut String),
) -> Outcome<'r> {
    let text = arena.written(input)?;
    let key = arena.written(argument(arguments, 0))?;
    arena.read(text.len() + key.len())?;
    let mut mac = <M as KeyInit>::new_from_slice(key.as_bytes())
        .map_err(|_| Refusal::from("the key can't be used"))?;
    mac.update(text.as_bytes());
    let digest = mac.finalize().into_bytes();
    Ok(Value::Str(arena.build(128, |out| print(&digest, out))?))
}

fn base64(bytes: &[u8], out: &mut String) {
    BASE64_STANDARD.encode_string(bytes, out);
}

fn hmac_sha1<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    keyed::<Hmac<Sha1>>(arena, input, arguments, hex)
}

fn hmac_sha1_base64<'r>(
    arena: &Arena<'r>,
    input: Value<'r>,
    arguments: &[Value<'r>],
) -> Outcome<'r> {
    keyed::<Hmac<Sha1>>(arena, input, arguments, base64)
}

fn hmac_sha256<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    keyed::<Hmac<Sha256>>(arena, input, arguments, hex)
}

fn hmac_sha256_base64<'r>(
    arena: &Arena<'r>,
    input: Value<'r>,
    arguments: &[Value<'r>],
) -> Outcome<'r> {
    keyed::<Hmac<Sha256>>(arena, input, arguments, base64)
}

fn hmac_sha512<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    keyed::<Hmac<Sha512>>(arena, input, arguments, hex)
}

fn base64_encode(text: &str, out: &mut String) {
    base64(text.as_bytes(), out);
}

fn url_safe_encode(text: &str, out: &mut String) {
    BASE64_URL_SAFE.encode_string(text, out);
}

fn base64_decode<'r>(arena: &Arena<'r>, input: Value<'r>, _: &[Value<'r>]) -> Outcome<'r> {
    let text = arena.written(input)?;
    decoded(arena, &BASE64_STANDARD, text, "base64_decode")
}

fn url_safe_decode<'r>(arena: &Arena<'r>, input: Value<'r>, _: &[Value<'r>]) -> Outcome<'r> {
    /// The padding may be there or not.
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::URL_SAFE,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let text = arena.written(input)?;
    decoded(arena, &LENIENT, text, "base64_url_safe_decode")
}

/// Bytes that are no UTF-8 are replaced, because a template's values are text.
fn decoded<'r>(
    arena: &Arena<'r>,
    engine: &GeneralPurpose,
    text: &str,
    filter: &str,
) -> Outcome<'r> {
    arena.reserve(text.len())?;
    match engine.decode(text) {
        Ok(bytes) => Ok(Value::Str(arena.text(&String::from_utf8_lossy(&bytes))?)),
        Err(_) => Err(format!("invalid base64 provided to {filter}").into()),
    }
}
