//! A user as bytes: a format, a checksum, the key and progress of the last write, and the
//! profile as the JSON object that exports have, which later releases will still read.

use flowrun_core::Progress;
use flowrun_track::Profile;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::users::User;

/// The first byte. Another one for every change to what follows.
const FORMAT: u8 = 1;

/// Format and checksum.
const HEAD: usize = 9;

pub(super) fn encode(user: &User) -> Vec<u8> {
    let mut bytes = vec![FORMAT];
    bytes.extend_from_slice(&[0; HEAD - 1]);
    let bytes = postcard::to_extend(&(user.last_key, &user.applied), bytes);
    let mut bytes = bytes.expect("a key and bits are plain data");
    serde_json::to_writer(&mut bytes, &user.profile).expect("a profile is plain data");
    let checksum = checksum(user.id(), &bytes[HEAD..]);
    bytes[1..HEAD].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Reads a user back; or says what is wrong.
pub(super) fn decode(id: &str, bytes: &[u8]) -> Result<User, String> {
    let fault = |fault: &str| Err(format!("user {id:?}: {fault}"));
    let Some((head, body)) = bytes.split_at_checked(HEAD) else { return fault("it is cut off") };
    if head[0] != FORMAT {
        return fault(&format!("it is of format {}, this release reads {FORMAT}", head[0]));
    }
    if head[1..] != checksum(id, body).to_le_bytes() {
        return fault("its checksum is wrong");
    }
    let Ok(((last_key, applied), profile)) = postcard::take_from_bytes::<(u128, Progress)>(body)
    else {
        return fault("its last write can't be read");
    };
    match serde_json::from_slice::<Profile>(profile) {
        Ok(profile) if profile.external_id() == Some(id) => Ok(User { profile, last_key, applied }),
        Ok(_) => fault("it is another user's profile"),
        Err(error) => fault(&format!("its profile can't be read, at byte {}", error.column())),
    }
}

/// Covers the id, so that a row under another id is no row.
fn checksum(id: &str, body: &[u8]) -> u64 {
    xxh3_64_with_seed(body, xxh3_64(id.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        let profile = serde_json::json!({
            "external_id": "u1", "first_name": "Ann", "score": 0.1, "big": 9_007_199_254_740_993_i64,
            "tags": ["a", {"b": [1, 2.5]}], "$aliases": [["label", "name"]], "$updated": 5,
        });
        let profile = serde_json::from_value(profile).unwrap();
        let mut applied = Progress::default();
        [0, 3, 70].into_iter().for_each(|object| applied.insert(object));
        User { profile, last_key: 1 << 100, applied }
    }

    #[test]
    fn a_user_comes_back_as_it_was() {
        let back = decode("u1", &encode(&user())).unwrap();
        assert_eq!(back.profile, user().profile);
        assert_eq!((back.last_key, back.applied), (1 << 100, user().applied));
        assert_eq!(back.profile.updated_ms(), 5);
    }

    #[test]
    fn whatever_is_not_this_user_is_refused() {
        let good = encode(&user());
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        let last = good.len() - 1;
        let rows = [
            ("u2", good.clone(), "its checksum is wrong"),
            ("u1", with(0, 2), "it is of format 2, this release reads 1"),
            ("u1", with(last, b' '), "its checksum is wrong"),
            ("u1", with(HEAD, 0), "its checksum is wrong"),
            ("u1", good[..last].to_vec(), "its checksum is wrong"),
            ("u1", good[..5].to_vec(), "it is cut off"),
        ];
        for (id, bytes, expected) in rows {
            let fault = decode(id, &bytes).unwrap_err();
            assert_eq!(fault, format!("user {id:?}: {expected}"));
        }
    }
}
