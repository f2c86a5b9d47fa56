//! Names of time zones.

use jiff::tz;

/// Whether the name is of a zone of the IANA database. Exactly so: what is accepted in
/// another case here would be a different text elsewhere.
pub(crate) fn exists(name: &str) -> bool {
    // Offsets and POSIX rules are no names; a real one is short and plain.
    let plain = name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte));
    plain && tz::db().get(name).is_ok_and(|zone| zone.iana_name() == Some(name))
}

/// All names, for "did you mean".
pub(crate) fn names() -> Vec<String> {
    tz::db().available().map(|name| name.to_string()).collect()
}
