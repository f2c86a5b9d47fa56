//! Test files: every fault has its code and place, and what is right is read whole.

mod catalogue;

use std::collections::BTreeSet;
use std::sync::Arc;

use flowrun_canvas::test_file::{self, Beside, Cast, Event, Hit, Member, What, When, Whose};
use flowrun_canvas::{NoFiles, Source, codes, load};
use flowrun_core::{Canvas, Millis};
use serde_json::{Map, Value as Json};

/// The Canvas that the pages are about.
const VIP: &str = "
canvas: vip
steps:
  - id: thanks
    message: { channel: email, subject: Hi, body: Hi }
  - id: mark_vip
    user_update: { attributes: [{ vip: true }] }
  - id: done
    exit: completed
";

/// `vip.yaml`, `users.ndjson` with u1 and u2, and nothing else.
struct Table;

impl Beside for Table {
    fn canvas(&mut self, path: &str) -> Result<Option<Arc<Canvas>>, String> {
        match path {
            "vip.yaml" => {
                let source = Source { path: path.to_owned(), text: VIP.to_owned() };
                Ok(load(source, catalogue::catalogue(), &NoFiles).canvas.map(Arc::new))
            }
            "broken.yaml" => Ok(None),
            _ => Err("there is no such file".to_owned()),
        }
    }

    fn users(&mut self, path: &str) -> Result<BTreeSet<String>, String> {
        match path {
            "users.ndjson" => Ok(["u1", "u2"].map(str::to_owned).into()),
            _ => Err("there is no such file".to_owned()),
        }
    }

    fn user(&mut self, user: &Map<String, Json>) -> Result<(), Vec<String>> {
        match user["external_id"].as_str() {
            Some("") => Err(vec!["`external_id` is empty".to_owned()]),
            _ => Ok(()),
        }
    }

    fn event(&mut self, event: &Event) -> Result<(), String> {
        match event.name.len() {
            0..256 => Ok(()),
            _ => Err("its name is too long".to_owned()),
        }
    }

    fn fixtures(&mut self, _: &str) -> Result<(), String> {
        Err("there is no such file".to_owned())
    }

    fn rows(&mut self, _: &Json) -> Result<(), String> {
        Ok(())
    }
}

fn read(text: &str) -> test_file::ReadTest {
    test_file::read(Source { path: "vip.test.yaml".into(), text: text.into() }, &mut Table)
}

/// The only test of a file, which has these keys beside its name and users.
fn only(keys: &str) -> test_file::Test {
    let text = format!(
        "canvas: vip.yaml\nusers: [{{ external_id: u1 }}]\ntests:\n  - name: it\n    {keys}\n"
    );
    let read = read(&text);
    assert_eq!(read.diagnostics, [], "{text}");
    read.file.expect("a file").tests.remove(0)
}

#[test]
fn every_page_is_right_about_its_examples() {
    for page in codes::all().filter(|page| page.code.as_str().starts_with("FR06")) {
        assert_eq!(read(page.right).diagnostics, [], "{}", page.code);
        assert!(read(page.right).file.is_some(), "{}", page.code);
        if page.wrong.is_empty() {
            // These come of running a test.
            assert!([codes::UNMET, codes::NO_END].contains(&page.code), "{}", page.code);
            continue;
        }
        let found = read(page.wrong);
        assert!(found.file.is_none(), "{}", page.code);
        let found = found.diagnostics;
        assert!(found.iter().any(|one| one.code == page.code), "{}: {found:#?}", page.code);
        let related = |code| code == page.code || code == codes::MISSING_IN_TEST;
        assert!(found.iter().all(|one| related(one.code)), "{}: {found:#?}", page.code);
    }
}

#[test]
fn a_broken_canvas_does_not_hide_the_faults_of_the_file() {
    let found = read("canvas: broken.yaml\ntests: [{ name: x, expct: {} }]\n");
    assert!(found.file.is_none());
    let codes: Vec<_> = found.diagnostics.iter().map(|one| one.code).collect();
    assert_eq!(codes, [codes::UNKNOWN_IN_TEST]);
    let found = read("canvas: broken.yaml\ntests: [{ name: x, expect: {} }]\n");
    assert!(found.file.is_none(), "there is nothing to test");
    assert_eq!(found.diagnostics, []);
}

#[test]
fn users_are_listed_named_or_made_alike() {
    for (users, expected) in [
        ("users.ndjson", Cast::File("users.ndjson".to_owned())),
        (
            "{ count: 3, prefix: n }",
            Cast::Alike { count: 3, prefix: "n".to_owned(), attributes: Map::new() },
        ),
        ("[u1]", Cast::Listed(vec![Member::Known("u1".to_owned())])),
    ] {
        let test = only(&format!("users: {users}\n    expect: {{}}"));
        assert_eq!(test.users, Some(expected), "{users}");
    }
    let found = read(
        "canvas: vip.yaml\nusers: { count: 2, prefix: n }\n\
         tests: [{ name: x, expect: { n2: { exit: a }, n3: { exit: a } } }]\n",
    );
    let codes: Vec<_> = found.diagnostics.iter().map(|one| one.code).collect();
    assert_eq!(codes, [codes::NO_SUCH_USER]);
}

#[test]
fn times_are_moments_or_count_from_the_start() {
    let start = test_file::START;
    let day = Millis(86_400_000);
    let at = |keys: &str| only(&format!("{keys}\n    expect: {{}}"));
    let events = "events: [{ user: u1, name: a }, { user: u9, name: b, after: 1d }]";
    let moments: Vec<_> = at(events).events.iter().map(|event| event.at).collect();
    assert_eq!(moments, [None, Some(start + day)]);
    assert_eq!(at("for: 1d").until, Some(start + day));
    assert_eq!(at("until: 2026-01-06T09:00:00Z").until, Some(start + day));
    let fault = at("faults: [{ from: 1d, until: 2026-01-07, reply: { status: 503 } }]");
    let fault = &fault.faults[0];
    assert_eq!((fault.from, fault.reply.hit), (Some(start + day), Hit::Status(503)));
    assert_eq!(fault.until, Some(start + day + Millis(54_000_000)));
}

#[test]
fn each_expectation_knows_its_place() {
    let keys = "expect:
      u1:
        - { path: [thanks, done], profile: { vip: true, gone: null } }
        - { exit: null, arrived: { done: { after: 2d } }, messages: [] }
      all: { never_before: { thanks: mark_vip } }
      count: { exits: { completed: 2 } }
      objects: { events: 0 }";
    let expect = only(keys).expect;
    let of = |entry| Whose::User { id: "u1".to_owned(), entry: Some(entry) };
    let whose: Vec<_> = expect.iter().map(|one| one.whose.clone()).collect();
    let run = Whose::Run;
    assert_eq!(whose, [of(1), of(1), of(1), of(2), of(2), of(2), Whose::All, run.clone(), run]);
    let What::Path(steps) = &expect[0].what else { panic!("{expect:?}") };
    assert_eq!(steps[1].value, "done");
    assert_eq!(expect[2].what, What::Profile { name: "gone".into(), value: Json::Null });
    assert_eq!(expect[3].what, What::Exit(None));
    let when = When::After(Millis(172_800_000));
    assert_eq!(expect[4].what, What::Arrived { step: "done".into(), when });
    assert_eq!(expect[5].what, What::MessageCount(0));
}

#[test]
fn no_text_makes_the_reader_fail() {
    let right = codes::page("FR0601").expect("a page").right;
    for end in (0..right.len()).filter(|end| right.is_char_boundary(*end)) {
        let _ = read(&right[..end]);
        let mut text = right.to_owned();
        text.replace_range(end..end + 1, "{");
        let _ = read(&text);
    }
    for text in ["", "[]", "7", "canvas: [x]\ntests: {}", "tests: [[]]", "expect: {", "\0"] {
        assert!(read(text).file.is_none(), "{text:?}");
        assert_ne!(read(text).diagnostics, [], "{text:?}");
    }
}
