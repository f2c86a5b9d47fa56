//! A row as bytes: a key that says what it is about, and a value with a format, a checksum
//! over both, and the content. Profiles are the JSON objects that exports have, which later
//! releases will still read.

use flowrun_track::{Id, Profile, Remembered};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{Changes, Member, Row};

const MEMBER: u8 = b'm';
const NEXT: u8 = b'n';
const QUEUED: u8 = b'q';
const SCHEDULE: u8 = b's';

/// A value's first byte. Another one for every change to what follows.
const FORMAT: u8 = 1;

/// Format and checksum.
const HEAD: usize = 9;

pub(super) type Key = Box<[u8]>;

/// A changed row; without a value if it is gone.
pub(super) type Change = (Key, Option<Box<[u8]>>);

/// Changes as they are kept.
pub(super) fn encode(changes: Changes) -> impl Iterator<Item = Change> {
    let Changes { members, schedules, next, queued } = changes;
    let members = members.into_iter().map(|(id, member)| {
        let key = numbered(MEMBER, id.0);
        let value = member.map(|member| value(&key, |bytes| write(&member, bytes)));
        (key, value)
    });
    let schedules = schedules.into_iter().map(|(id, content)| {
        let key: Key = [&[SCHEDULE], id.as_bytes()].concat().into();
        let value = content.map(|content| value(&key, |bytes| bytes.extend_from_slice(&content)));
        (key, value)
    });
    let next = next.into_iter().map(|next| {
        let key: Key = Box::new([NEXT]);
        let value = value(&key, |bytes| bytes.extend_from_slice(&next.0.to_le_bytes()));
        (key, Some(value))
    });
    let queued = queued.into_iter().map(|(number, content)| {
        let key = numbered(QUEUED, number);
        let value = content.map(|content| value(&key, |bytes| bytes.extend_from_slice(&content)));
        (key, value)
    });
    members.chain(schedules).chain(next).chain(queued)
}

/// Reads a row back; or says what is wrong.
pub(super) fn decode(key: &[u8], value: &[u8]) -> Result<Row, String> {
    let said = |fault: &str| Err(format!("{}: {fault}", shown(key)));
    let Some((head, body)) = value.split_at_checked(HEAD) else { return said("it is cut off") };
    if head[0] != FORMAT {
        return said(&format!("it is of format {}, this release reads {FORMAT}", head[0]));
    }
    if head[1..] != checksum(key, body).to_le_bytes() {
        return said("its checksum is wrong");
    }
    match (key, number(&key[1.min(key.len())..])) {
        ([MEMBER, ..], Some(id)) => match read(body) {
            Ok(member) => Ok(Row::Member(Id(id), member)),
            Err(fault) => said(&fault),
        },
        ([NEXT], _) => match body.try_into().map(u64::from_le_bytes) {
            Ok(next) => Ok(Row::Next(Id(next))),
            Err(_) => said("it is no number"),
        },
        ([QUEUED, ..], Some(number)) => Ok(Row::Queued(number, body.to_vec())),
        ([SCHEDULE, id @ ..], _) => match std::str::from_utf8(id) {
            Ok(id) => Ok(Row::Schedule(id.to_owned(), body.to_vec())),
            Err(_) => said("its id is no text"),
        },
        _ => said("nothing of this kind is known"),
    }
}

fn numbered(kind: u8, number: u64) -> Key {
    let mut key = vec![kind];
    key.extend_from_slice(&number.to_be_bytes());
    key.into()
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// As messages name a row: never by what is in it.
fn shown(key: &[u8]) -> String {
    match (key, number(&key[1.min(key.len())..])) {
        ([MEMBER, ..], Some(id)) => format!("profile {id}"),
        ([NEXT], _) => "the next number".to_owned(),
        ([SCHEDULE, ..], _) => "a schedule".to_owned(),
        ([QUEUED, ..], Some(number)) => format!("what is queued as {number}"),
        _ => "a row".to_owned(),
    }
}

fn value(key: &[u8], write: impl FnOnce(&mut Vec<u8>)) -> Box<[u8]> {
    let mut bytes = vec![FORMAT];
    bytes.extend_from_slice(&[0; HEAD - 1]);
    write(&mut bytes);
    let checksum = checksum(key, &bytes[HEAD..]);
    bytes[1..HEAD].copy_from_slice(&checksum.to_le_bytes());
    bytes.into()
}

/// Covers the key, so that a value under another key is no value.
fn checksum(key: &[u8], body: &[u8]) -> u64 {
    xxh3_64_with_seed(body, xxh3_64(key))
}

fn write(member: &Member, bytes: &mut Vec<u8>) {
    let writes = postcard::to_extend(&member.writes, std::mem::take(bytes));
    *bytes = writes.expect("keys and numbers are plain data");
    serde_json::to_writer(bytes, &member.profile).expect("a profile is plain data");
}

fn read(body: &[u8]) -> Result<Member, String> {
    let Ok((writes, profile)) = postcard::take_from_bytes::<Vec<Remembered>>(body) else {
        return Err("its last writes can't be read".to_owned());
    };
    match serde_json::from_slice::<Profile>(profile) {
        Ok(profile) => Ok(Member { profile, writes }),
        Err(error) => Err(format!("it can't be read, at byte {}", error.column())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member() -> Member {
        let profile = serde_json::json!({
            "first_name": "Ann", "score": 0.1, "big": 9_007_199_254_740_993_i64, "email": "a@b.c",
            "tags": ["a", {"b": [1, 2.5]}], "$aliases": [["label", "name"]], "$updated": 5,
        });
        let writes = vec![Remembered { write: 1 << 100, objects: vec![(0, 0), (3, 70)] }];
        Member { profile: serde_json::from_value(profile).unwrap(), writes }
    }

    fn encoded(changes: Changes) -> (Key, Box<[u8]>) {
        let (key, value) = encode(changes).next().unwrap();
        (key, value.unwrap())
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let changes = Changes {
            members: vec![(Id(300), Some(member())), (Id(7), None)],
            schedules: vec![("s-1".into(), Some(b"content".to_vec())), ("s-2".into(), None)],
            next: Some(Id(301)),
            queued: vec![(5, Some(b"a write".to_vec())), (6, None)],
        };
        let (kept, gone): (Vec<_>, Vec<_>) =
            encode(changes).partition(|(_, value)| value.is_some());
        let rows: Vec<_> =
            kept.iter().map(|(key, value)| decode(key, value.as_ref().unwrap())).collect();
        assert_eq!(
            rows,
            [
                Ok(Row::Member(Id(300), member())),
                Ok(Row::Schedule("s-1".into(), b"content".to_vec())),
                Ok(Row::Next(Id(301))),
                Ok(Row::Queued(5, b"a write".to_vec())),
            ]
        );
        assert_eq!(gone.len(), 3);
    }

    #[test]
    fn whatever_is_not_this_row_is_refused() {
        let (key, good) =
            encoded(Changes { members: vec![(Id(9), Some(member()))], ..Changes::default() });
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        let last = good.len() - 1;
        let other = numbered(MEMBER, 10);
        for (key, value, expected) in [
            (&other, good.clone(), "profile 10: its checksum is wrong"),
            (&key, with(0, 2), "profile 9: it is of format 2, this release reads 1"),
            (&key, with(last, b' '), "profile 9: its checksum is wrong"),
            (&key, good[..last].into(), "profile 9: its checksum is wrong"),
            (&key, good[..5].into(), "profile 9: it is cut off"),
        ] {
            assert_eq!(decode(key, &value), Err(expected.to_owned()));
        }
        let strange = value(b"x", |_| {});
        assert_eq!(decode(b"x", &strange), Err("a row: nothing of this kind is known".into()));
        assert_eq!(decode(b"", &good), Err("a row: its checksum is wrong".into()));
    }
}
