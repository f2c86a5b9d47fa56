//! What every profile store does, as a table; and what the embedded one does besides.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use flowrun_simulation::core::Millis;
use flowrun_simulation::core::track::Profile;
use flowrun_simulation::profiles::embedded::Error;
use flowrun_simulation::profiles::{Embedded, EmbeddedSettings, ProfileBackend};

use crate::profile_store::{Bench, block_on, open, outcomes, request, write};

/// A call to a store, and what it answers.
enum Line {
    /// One request: of each write user, step, attributes and events; then the outcomes.
    Commit(
        &'static [(&'static str, &'static str, &'static [&'static str], &'static [&'static str])],
        &'static str,
    ),
    /// Puts a profile, as JSON.
    Put(&'static str),
    Profiles(&'static [&'static str], &'static str),
    At(i64),
    Reopen,
}
use Line::*;

const INC: &str = r#"{"n": {"inc": 1}}"#;

const SCENARIOS: &[(&str, &[Line])] = &[
    (
        "what was committed is read, by whoever reads next and after opening again",
        &[
            Profiles(&["u1"], "-"),
            Commit(&[("u1", "a", &[r#"{"vip": true}"#], &[])], "applied"),
            Profiles(&["u1", "u2"], r#"{"external_id":"u1","vip":true} -"#),
            Reopen,
            Profiles(&["u2", "u1"], r#"- {"external_id":"u1","vip":true}"#),
        ],
    ),
    (
        "a write that comes again under its key changes nothing again",
        &[
            Commit(&[("u1", "a", &[INC], &[])], "applied"),
            Commit(&[("u1", "a", &[INC], &[])], "applied"),
            Profiles(&["u1"], r#"{"external_id":"u1","n":1}"#),
            Reopen,
            Commit(&[("u1", "a", &[INC], &[])], "applied"),
            Profiles(&["u1"], r#"{"external_id":"u1","n":1}"#),
            Commit(&[("u1", "b", &[INC], &[])], "applied"),
            Profiles(&["u1"], r#"{"external_id":"u1","n":2}"#),
        ],
    ),
    (
        "a refused object doesn't hinder its neighbours, and is refused again",
        &[
            Commit(
                &[
                    ("u1", "a", &[INC, "[]", r#"{"x": 1}"#], &[]),
                    ("u2", "a", &[r#"{"x": 2}"#], &[r#"{"name": ""}"#]),
                ],
                "applied refused (invalid type: sequence, expected a map at line 1 column 0) \
                 applied applied refused ('name' is required)",
            ),
            Commit(
                &[("u1", "a", &[INC, "{", r#"{"x": 1}"#], &[])],
                "applied refused (EOF while parsing an object at line 1 column 1) applied",
            ),
            Profiles(
                &["u1", "u2"],
                r#"{"external_id":"u1","n":1,"x":1} {"external_id":"u2","x":2}"#,
            ),
        ],
    ),
    (
        "one user twice in a request is written twice, in order",
        &[
            Commit(
                &[("u1", "a", &[INC, r#"{"x": 1}"#], &[]), ("u1", "b", &[INC, r#"{"x": 2}"#], &[])],
                "applied applied applied applied",
            ),
            Profiles(&["u1"], r#"{"external_id":"u1","n":2,"x":2}"#),
        ],
    ),
    (
        "a profile that is put replaces what was there, and not what is remembered of writes",
        &[
            Put(r#"{"external_id": "u1", "first_name": "Ann", "n": 10}"#),
            Commit(&[("u1", "a", &[INC], &[])], "applied"),
            Put(r#"{"external_id": "u1", "n": 0}"#),
            Commit(&[("u1", "a", &[INC], &[])], "applied"),
            Profiles(&["u1"], r#"{"external_id":"u1","n":0}"#),
            Put(r#"{"first_name": "Nobody"}"#),
            Reopen,
            Profiles(&["u1"], r#"{"external_id":"u1","n":0}"#),
        ],
    ),
    (
        "values come back as they were",
        &[
            Put(
                r#"{"external_id": "ü/1 ", "f": 0.1, "g": 5e-324, "big": 9007199254740993, "t": ["a", {"b": [1, 2.0]}], "s": "\u0000\n"}"#,
            ),
            Reopen,
            Profiles(
                &["ü/1 "],
                r#"{"external_id":"ü/1 ","big":9007199254740993,"f":0.1,"g":5e-324,"s":"\u0000\n","t":["a",{"b":[1,2.0]}]}"#,
            ),
        ],
    ),
    (
        "an event without a time happened when it was committed",
        &[
            At(1_767_225_600_000),
            Commit(&[("u1", "a", &[], &[r#"{"name": "seen"}"#])], "refused ('time' is required)"),
            Commit(&[("u1", "b", &[r#"{"since": {"inc": 2}}"#], &[])], "applied"),
            Profiles(&["u1"], r#"{"external_id":"u1","since":2}"#),
        ],
    ),
];

fn play(bench: &mut Bench, line: &Line) -> Option<(String, String)> {
    let (found, expected) = match *line {
        Commit(writes, expected) => {
            let writes = writes.iter();
            let writes = writes.map(|(user, step, attributes, events)| {
                write(user, step, [attributes, events, &[]])
            });
            let request = request(writes.collect());
            let reply = bench.commit(&request);
            (outcomes(&request, &reply), expected)
        }
        Profiles(users, expected) => (bench.profiles(users), expected),
        Put(profile) => {
            bench.put(serde_json::from_str(profile).expect("a profile"));
            return None;
        }
        At(now) => {
            bench.at(now);
            return None;
        }
        Reopen => {
            bench.reopen();
            return None;
        }
    };
    (found != expected).then(|| (found, expected.to_owned()))
}

#[test]
fn every_store_does_what_the_table_says() {
    let mut wrong = Vec::new();
    for (title, lines) in SCENARIOS {
        for mut bench in Bench::all() {
            for (number, line) in lines.iter().enumerate() {
                if let Some((found, expected)) = play(&mut bench, line) {
                    let place = format!("{}: {title}, line {}", bench.name, number + 1);
                    wrong.push(format!("{place}\n  expected {expected}\n  found    {found}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn embedded(fresh_bytes: usize) -> (tempfile::TempDir, Embedded) {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = EmbeddedSettings { fresh_bytes, ..EmbeddedSettings::default() };
    let store = open(folder.path(), settings, &Arc::new(AtomicI64::new(0)));
    (folder, store)
}

#[test]
fn a_deleted_user_is_gone_for_good() {
    for fresh_bytes in [0, 64 << 20] {
        let (folder, store) = embedded(fresh_bytes);
        let profiles = ["a", "b", "c"].map(Profile::new).to_vec();
        block_on(store.put(profiles)).unwrap();
        let request = request(vec![write("b", "s", [&[INC], &[], &[]])]);
        block_on(store.commit(&request));
        block_on(store.delete(vec!["b".into(), "nobody".into()])).unwrap();
        let ids = |store: &Embedded| {
            let page = store.page(None, 10).unwrap();
            page.iter().filter_map(|profile| profile.external_id().map(String::from)).collect()
        };
        let there: Vec<String> = ids(&store);
        assert_eq!(there, ["a", "c"]);
        drop(store);
        let store = open(folder.path(), EmbeddedSettings::default(), &Arc::new(AtomicI64::new(0)));
        let there: Vec<String> = ids(&store);
        assert_eq!(there, ["a", "c"]);
        // Who comes again begins anew: nothing is remembered of what was written.
        block_on(store.commit(&request));
        let again = store.load(&["b"]).unwrap().remove(0).unwrap();
        assert_eq!(again.custom("n").and_then(|n| n.as_i64()), Some(1));
    }
}

#[test]
fn requests_side_by_side_are_all_committed() {
    let (_folder, store) = embedded(20_000);
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let store = &store;
            scope.spawn(move || {
                for step in 0..15 {
                    // Each thread has users of its own, and all have one in common.
                    let own = format!("u{thread}");
                    let step = format!("{thread}-{step}");
                    let writes = [&*own, "all"].map(|user| write(user, &step, [&[INC], &[], &[]]));
                    let request = request(writes.to_vec());
                    let reply = block_on(store.commit(&request));
                    assert_eq!(outcomes(&request, &reply), "applied applied");
                }
            });
        }
    });
    let count = |user: &str| {
        let profile = store.load(&[user]).unwrap().remove(0).expect("the user is there");
        profile.custom("n").and_then(|n| n.as_i64())
    };
    assert_eq!(count("all"), Some(90));
    assert!((0..6).all(|thread| count(&format!("u{thread}")) == Some(15)));
}

#[test]
fn thousands_of_objects_fit_one_request() {
    let (folder, store) = embedded(64 << 20);
    let users: Vec<String> = (0..5_000).map(|user| format!("user {user}")).collect();
    let writes = users.iter().map(|user| write(user, "s", [&[INC], &[], &[]])).collect();
    let request = request(writes);
    for _ in 0..2 {
        let reply = block_on(store.commit(&request));
        assert!(outcomes(&request, &reply).split(' ').all(|outcome| outcome == "applied"));
    }
    drop(store);
    let store = open(folder.path(), EmbeddedSettings::default(), &Arc::new(AtomicI64::new(0)));
    let ids: Vec<&str> = users.iter().map(|user| &**user).collect();
    let found = store.load(&ids).unwrap();
    assert!(
        found.iter().flatten().all(|user| user.custom("n").and_then(|n| n.as_i64()) == Some(1))
    );
    assert_eq!(found.iter().flatten().count(), 5_000);
}

#[test]
fn a_folder_has_one_holder() {
    let (folder, store) = embedded(0);
    let clock = Arc::new(|| Millis(0));
    let second = Embedded::open(folder.path(), EmbeddedSettings::default(), clock.clone());
    let error = second.err().expect("it is refused");
    assert!(matches!(error, Error::InUse { .. }));
    let said = error.to_string();
    assert!(
        said.ends_with("is in use by another process: stop it, or use another folder"),
        "{said}"
    );
    drop(store);
    assert!(Embedded::open(folder.path(), EmbeddedSettings::default(), clock).is_ok());
}
