//! A row as bytes: a key that says what it is about, and a value with a format, a checksum
//! over both, and the content. Profiles are the JSON objects that exports have, which later
//! releases will still read.

use flowrun_track::{Id, Profile, Remembered};
use serde::Serialize;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{Member, Row};

const MEMBER: u8 = b'm';
const NEXT: u8 = b'n';
const QUEUED: u8 = b'q';
const SCHEDULE: u8 = b's';

/// A value's first byte. Another one for every change to what follows.
const FORMAT: u8 = 1;

/// Format and checksum.
const HEAD: usize = 9;

/// The length that stands for no value: the row is gone.
const GONE: u32 = u32::MAX;

/// A row's key, and its value unless it is gone.
pub(super) type Change<'a> = (&'a [u8], Option<&'a [u8]>);

/// Writes the change of a row behind others, as [`changes`] reads them: a profile with what is
/// remembered of its writes, a list of [`Remembered`].
pub(super) fn member(id: Id, member: Option<(&Profile, impl Serialize)>, bytes: &mut Vec<u8>) {
    let body = member.map(|(profile, writes)| {
        move |bytes: &mut Vec<u8>| {
            let written = postcard::to_extend(&writes, std::mem::take(bytes));
            *bytes = written.expect("keys and numbers are plain data");
            serde_json::to_writer(bytes, profile).expect("a profile is plain data");
        }
    });
    change(&numbered(MEMBER, id.0), body, bytes);
}

pub(super) fn schedule(id: &str, content: Option<&[u8]>, bytes: &mut Vec<u8>) {
    change(&[&[SCHEDULE], id.as_bytes()].concat(), content.map(plain), bytes);
}

pub(super) fn next(next: Id, bytes: &mut Vec<u8>) {
    change(&[NEXT], Some(plain(&next.0.to_le_bytes())), bytes);
}

pub(super) fn queued(number: u64, content: Option<&[u8]>, bytes: &mut Vec<u8>) {
    change(&numbered(QUEUED, number), content.map(plain), bytes);
}

fn plain(content: &[u8]) -> impl FnOnce(&mut Vec<u8>) {
    |bytes| bytes.extend_from_slice(content)
}

/// One change: key and value, each after its length; the value is format, checksum and body.
fn change(key: &[u8], body: Option<impl FnOnce(&mut Vec<u8>)>, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
    bytes.extend_from_slice(key);
    let Some(body) = body else { return bytes.extend_from_slice(&GONE.to_le_bytes()) };
    let length = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    let value = bytes.len();
    bytes.push(FORMAT);
    bytes.extend_from_slice(&[0; HEAD - 1]);
    body(bytes);
    let checksum = checksum(key, &bytes[value + HEAD..]);
    bytes[value + 1..value + HEAD].copy_from_slice(&checksum.to_le_bytes());
    let len = (bytes.len() - value) as u32;
    bytes[length..value].copy_from_slice(&len.to_le_bytes());
}

/// Reads changes back, in the order in which they were written; or says that they are cut off.
pub(super) fn changes(mut bytes: &[u8]) -> Result<Vec<Change<'_>>, &'static str> {
    // As many as there are: a list that grows takes twice the room for a while.
    let (mut count, mut rest) = (0, bytes);
    while taken(&mut rest).is_some() {
        count += 1;
    }
    let mut changes = Vec::with_capacity(count);
    while !bytes.is_empty() {
        changes.push(taken(&mut bytes).ok_or("a change in the journal is cut off")?);
    }
    Ok(changes)
}

fn taken<'a>(rest: &mut &'a [u8]) -> Option<Change<'a>> {
    let len = length(rest)?;
    let key = part(rest, len)?;
    let value = match length(rest)? {
        GONE => None,
        len => Some(part(rest, len)?),
    };
    Some((key, value))
}

fn length(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(part(rest, 4)?.try_into().ok()?))
}

fn part<'a>(rest: &mut &'a [u8], len: u32) -> Option<&'a [u8]> {
    let (part, more) = rest.split_at_checked(len as usize)?;
    *rest = more;
    Some(part)
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

/// Where a key stands among others: the order of their bytes, which for numbers is told at once.
pub(super) fn place(key: &[u8]) -> (Option<u8>, u64, &[u8]) {
    let mut first = [0; 8];
    match key {
        [_, number @ ..] if number.len() == 8 => first.copy_from_slice(number),
        [_, rest @ ..] => rest.iter().zip(&mut first).for_each(|(byte, to)| *to = *byte),
        [] => {}
    }
    (key.first().copied(), u64::from_be_bytes(first), key)
}

fn numbered(kind: u8, number: u64) -> [u8; 9] {
    let mut key = [kind; 9];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
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

/// Covers the key, so that a value under another key is no value.
fn checksum(key: &[u8], body: &[u8]) -> u64 {
    xxh3_64_with_seed(body, xxh3_64(key))
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
    use super::super::waiting::Waiting;
    use super::super::{Changes, Changing};
    use super::*;

    fn member() -> Member {
        let profile = serde_json::json!({
            "first_name": "Ann", "score": 0.1, "big": 9_007_199_254_740_993_i64, "email": "a@b.c",
            "tags": ["a", {"b": [1, 2.5]}], "$aliases": [["label", "name"]], "$updated": 5,
        });
        let writes = vec![Remembered { write: 1 << 100, objects: vec![(0, 0), (3, 70)] }];
        Member { profile: serde_json::from_value(profile).unwrap(), writes }
    }

    fn encoded(changes: &Changes) -> Vec<u8> {
        let mut waiting = Waiting::default();
        changes.write(&mut Changing { waiting: &mut waiting, removes: false });
        waiting.pieces.into_iter().flatten().collect()
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let changes = Changes {
            members: vec![(Id(300), Some(member())), (Id(7), None)],
            schedules: vec![("s-1".into(), Some(b"content".to_vec())), ("s-2".into(), None)],
            next: Some(Id(301)),
            queued: vec![(5, Some(b"a write".to_vec())), (6, None)],
        };
        let bytes = encoded(&changes);
        let read = super::changes(&bytes).unwrap();
        let (kept, gone): (Vec<Change<'_>>, Vec<_>) =
            read.into_iter().partition(|(_, value)| value.is_some());
        let rows: Vec<_> = kept.iter().map(|(key, value)| decode(key, value.unwrap())).collect();
        assert_eq!(
            rows,
            [
                Ok(Row::Member(Id(300), member())),
                Ok(Row::Schedule("s-1".into(), b"content".to_vec())),
                Ok(Row::Next(Id(301))),
                Ok(Row::Queued(5, b"a write".to_vec())),
            ]
        );
        let gone: Vec<&[u8]> = gone.iter().map(|(key, _)| *key).collect();
        assert_eq!(gone, [&numbered(MEMBER, 7)[..], b"ss-2", &numbered(QUEUED, 6)]);
        let whole = (0..=bytes.len()).filter(|end| super::changes(&bytes[..*end]).is_ok());
        assert_eq!(
            whole.count(),
            1 + kept.len() + gone.len(),
            "cut off anywhere else it is a fault"
        );
    }

    #[test]
    fn keys_stand_in_the_order_of_their_bytes() {
        let numbers = [0, 1, 255, 256, 1 << 40, u64::MAX];
        let numbered = numbers.iter().flat_map(|id| [numbered(MEMBER, *id), numbered(QUEUED, *id)]);
        let mut keys: Vec<Vec<u8>> = numbered.map(|key| key.to_vec()).collect();
        let texts = ["", "n", "s", "sa", "sa\0", "s12345678", "s1234567", "s123456789", "sz", "z"];
        keys.extend(texts.map(|text| text.as_bytes().to_vec()));
        let mut by_place = keys.clone();
        by_place.sort_by(|a, b| place(a).cmp(&place(b)));
        keys.sort();
        assert_eq!(by_place, keys);
    }

    #[test]
    fn whatever_is_not_this_row_is_refused() {
        let members = vec![(Id(9), Some(member()))];
        let bytes = encoded(&Changes { members, ..Changes::default() });
        let [(key, Some(good))] = super::changes(&bytes).unwrap()[..] else { panic!("one row") };
        let with = |at: usize, byte: u8| {
            let mut bytes = good.to_vec();
            bytes[at] = byte;
            bytes
        };
        let last = good.len() - 1;
        let other = numbered(MEMBER, 10);
        for (key, value, expected) in [
            (&other[..], good.to_vec(), "profile 10: its checksum is wrong"),
            (key, with(0, 2), "profile 9: it is of format 2, this release reads 1"),
            (key, with(last, b' '), "profile 9: its checksum is wrong"),
            (key, good[..last].into(), "profile 9: its checksum is wrong"),
            (key, good[..5].into(), "profile 9: it is cut off"),
        ] {
            assert_eq!(decode(key, &value), Err(expected.to_owned()));
        }
        let mut strange = Vec::new();
        change(b"x", Some(plain(b"")), &mut strange);
        let [(_, Some(strange))] = super::changes(&strange).unwrap()[..] else { panic!("one row") };
        assert_eq!(decode(b"x", strange), Err("a row: nothing of this kind is known".into()));
        assert_eq!(decode(b"", good), Err("a row: its checksum is wrong".into()));
    }
}
