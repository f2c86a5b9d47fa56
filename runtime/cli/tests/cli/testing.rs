//! `flowrun test`.

use std::process::Stdio;

use crate::Stage;

/// The Canvas of the file format's page, entered by an event; the audience asks for the standard
/// field that the users of the page's test have.
const VIP: &str = r#"
canvas: vip                          # [a-z][a-z0-9_-]*
description: Welcome a new VIP once the profile says so.
time_zone: Europe/Paris              # the "company" zone: fallback for users without one

entry:
  event: order_completed             # or `schedule: …`, or `api: true`; none: users enter when the run starts
  where: "{{event_properties.${total}}} >= 500"
  audience: "{{${country}}} == 'FR'"
  reentry: { after: 90d }            # never (default) | always | { after: DURATION }

steps:
  - id: thanks
    message: { channel: email, subject: "Thank you, {{${first_name} | default: 'friend'}}", body_file: thanks.liquid }

  - id: cool_off
    delay: { for: 2d, at: "09:00", zone: user }

  - id: mark_vip
    user_update:
      json: |
        {"attributes": [{"vip_member": true, "orders": {"inc": 1}}],
         "events": [{"name": "became_vip", "time": "{{ 'now' | date: '%Y-%m-%dT%H:%M:%SZ' }}"}]}
      timeout: 10m
    on_failure: apologise

  - id: tier
    decision_split: { if: "{{custom_attribute.${vip_member}}} == true and {{${country}}} == 'FR'", then: gold_fr, else: gold }

  - id: gold_fr
    message: { channel: email, body_file: gold.fr.liquid }
    next: done
  - id: gold
    message: { channel: push, body: "You are VIP now." }
    next: done
  - id: apologise
    exit: update_failed
  - id: done
    exit: completed
"#;

/// The test file of the same page, word for word.
const VIP_TEST: &str = r#"
canvas: vip.yaml
start: 2026-03-27T18:30:00Z
users:
  - { external_id: u1, first_name: Ada, country: FR, time_zone: Europe/Paris }
tests:
  - name: a French customer gets the French mail, after the write
    events: [{ user: u1, name: order_completed, properties: { total: 900 } }]
    expect:
      u1:
        path: [thanks, cool_off, mark_vip, tier, gold_fr, done]
        profile: { vip_member: true, orders: 1 }
        messages: [{ step: gold_fr, contains: "VIP" }]
  - name: a refused write takes the failure door
    events: [{ user: u1, name: order_completed, properties: { total: 900 } }]
    faults: [{ step: mark_vip, user: u1, reply: { status: 400 } }]
    expect: { u1: { exit: update_failed } }
"#;

/// A short Canvas with a branch, for tests that fail.
const GATE: &str = "
canvas: gate
steps:
  - id: hello
    message: { channel: email, subject: 'Hello, {{${first_name}}}', body: Welcome. }
  - id: wait
    delay: { for: 2d }
  - id: mark
    user_update: { attributes: [{ seen: true }] }
    on_failure: sorry
  - id: split
    decision_split: { if: \"{{${country}}} == 'FR'\", then: bonjour, else: bye }
  - id: bonjour
    message: { channel: push, body: Bonjour. }
    next: bye
  - id: sorry
    exit: sorry
  - id: bye
    exit: completed
";

fn vip() -> Stage {
    let stage = Stage::new();
    stage.write("vip.yaml", VIP).write("vip.test.yaml", VIP_TEST);
    stage.write("thanks.liquid", "Thank you.").write("gold.fr.liquid", "Vous êtes VIP.");
    stage
}

/// The gate with this test file beside it.
fn gate(tests: &str) -> Stage {
    let stage = Stage::new();
    stage.write("gate.yaml", GATE).write("gate.test.yaml", tests);
    stage
}

const PEOPLE: &str = "
canvas: gate.yaml
users:
  - { external_id: ada, first_name: Ada, country: FR }
  - { external_id: bela, first_name: Béla, country: HU }
";

#[test]
fn the_example_of_the_file_format_works_as_it_stands() {
    insta::assert_snapshot!(vip().run(&["test", "vip.test.yaml"]).all());
}

#[test]
fn a_path_is_a_folder_a_canvas_or_a_test_file() {
    let stage = vip();
    stage.write("more/deep/x.test.yml", VIP_TEST.replace("vip.yaml", "../../vip.yaml"));
    for (path, passed) in [("vip.yaml", 2), ("vip.test.yaml", 2), (".", 4), ("more", 2)] {
        let done = stage.run(&["test", path]);
        assert_eq!(done.closing(), format!("{passed} passed, 0 failed"), "{path}: {}", done.err);
        assert_eq!(done.code, 0, "{path}");
    }
    let twice = stage.run(&["test", "vip.yaml", "vip.test.yaml"]);
    assert_eq!(twice.closing(), "2 passed, 0 failed");
}

#[test]
fn what_did_not_come_true_is_shown_with_the_way_and_its_reasons() {
    let stage = gate(&format!(
        "{PEOPLE}
tests:
  - name: everybody is greeted in French
    expect:
      ada: {{ path: [hello, wait, mark, split, bonjour, bye], exit: completed }}
      bela:
        path: [hello, wait, mark, split, bonjour, bye]
        profile: {{ seen: false, first_name: Béla }}
        messages:
          - {{ step: hello, subject: \"Hello, Ada\" }}
        arrived: {{ mark: {{ after: 1d }} }}
        waiting: {{ step: wait }}
      all: {{ never_before: {{ hello: mark }} }}
      count: {{ completed: 3 }}
      requests: 2
"
    ));
    let done = stage.run(&["test", "gate.yaml"]);
    assert_eq!(done.code, 1);
    insta::assert_snapshot!(done.all());
}

#[test]
fn all_faults_of_a_test_file_come_at_once() {
    let stage = gate(
        "canvas: gate.yaml
stat: 2026-01-01
users: [{ external_id: ada, country: FR }, { external_id: '' }]
tests:
  - name: one
    events: [{ user: ada }]
    faults: [{ step: split, reply: {} }, { step: mork, user: eda, reply: { status: 400 } }]
    until: 2025-01-01
    expect:
      bela: { path: [hello, bonjur], eixt: completed }
  - name: one
    expect: {}
",
    );
    let done = stage.run(&["test", "gate.test.yaml"]);
    assert_eq!(done.code, 1);
    insta::assert_snapshot!(done.all());
}

#[test]
fn a_broken_canvas_is_shown_and_hides_no_other_tests() {
    let stage = vip();
    stage.write("bad.yaml", "canvas: bad\nsteps:\n  - id: x\n    exit: done\n    next: nowhere\n");
    stage.write("bad.test.yaml", "canvas: bad.yaml\ntests: [{ name: x, expect: {} }]\n");
    stage.write("gone.test.yaml", "canvas: gone.yaml\ntests: [{ name: x, expect: {} }]\n");
    let done = stage.run(&["test", "."]);
    assert_eq!(done.code, 1);
    assert_eq!(done.closing(), "2 passed, 0 failed, 2 files are wrong");
    for expected in ["bad.yaml:5", "gone.test.yaml:1:9", "there is no such file", "FR0605"] {
        assert!(done.out.contains(expected), "{expected}: {}", done.out);
    }
}

#[test]
fn without_a_test_to_run_the_command_is_wrong() {
    let stage = vip();
    stage.write("empty/readme", "");
    for (args, expected) in [
        (&["empty"][..], "there are no tests (*.test.yaml) in `empty`"),
        (&["nope"], "there is no file or folder `nope`"),
        (&["nope.test.yaml"], "can't read the tests `nope.test.yaml`: there is no such file"),
        (&["tour.yaml"], "`tour.yaml` has no tests: write some to `tour.test.yaml`"),
        (&["vip.yaml", "--filter", "zebra"], "has `zebra` in its name"),
        (&["vip.yaml", "--coverage=most"], "write a number from 0 to 100"),
        (&["vip.yaml", "--junit", "vip.test.yaml"], "would overwrite `vip.test.yaml`"),
        (&["vip.yaml", "--junit", "no/such/x.xml"], "can't write `no/such/x.xml`"),
        (&[], "<PATH>"),
    ] {
        let mut all = vec!["test"];
        all.extend_from_slice(args);
        let done = stage.run(&all);
        assert!(done.err.contains(expected), "{args:?}: {}", done.err);
        assert_eq!(done.code, 2, "{args:?}");
    }
    assert_eq!(
        stage.run(&["test", "vip.yaml", "--filter", "refused"]).closing(),
        "1 passed, 0 failed"
    );
}

#[test]
fn coverage_names_what_no_test_took() {
    let stage = vip();
    let done = stage.run(&["test", "vip.yaml", "--coverage", "--filter", "French mail"]);
    assert_eq!(done.code, 0);
    insta::assert_snapshot!(done.all());
    for (wanted, code) in [("--coverage=50", 0), ("--coverage=90", 1), ("--coverage=100%", 1)] {
        assert_eq!(stage.run(&["test", "vip.yaml", wanted]).code, code, "{wanted}");
    }
}

#[test]
fn golden_traces_are_written_on_demand_and_compared_to_the_byte() {
    let tests = VIP_TEST.replacen("    expect:", "    trace: vip.golden.ndjson\n    expect:", 1);
    let stage = vip();
    stage.write("vip.test.yaml", tests);
    let missing = stage.run(&["test", "vip.yaml"]);
    assert!(missing.out.contains("there is no trace `vip.golden.ndjson` yet"), "{}", missing.out);
    assert_eq!(missing.code, 1);
    let written = stage.run(&["test", "vip.yaml", "--update"]);
    assert!(written.err.contains("the trace is kept in `vip.golden.ndjson`"), "{}", written.err);
    assert_eq!((written.code, stage.run(&["test", "vip.yaml"]).code), (0, 0));
    let golden = stage.read("vip.golden.ndjson");
    assert!(golden.lines().count() > 10 && golden.contains("\"kind\":\"held\""), "{golden}");
    stage.write("vip.golden.ndjson", golden.replacen("applied", "accepted", 1));
    let other = stage.run(&["test", "vip.yaml"]);
    assert!(other.out.contains("the trace is another one from line"), "{}", other.out);
    assert_eq!(other.code, 1);
}

#[test]
fn faults_do_what_they_say() {
    // One fault each, and what comes of it for the user it is about and for the other.
    for (faults, expect) in [
        (
            "{ step: mark, user: ada, reply: { status: 400 } }",
            "ada: { exit: sorry }, bela: { exit: completed }, requests: 1",
        ),
        (
            "{ step: mark, user: ada, reply: { status: 503 }, times: 2 }",
            "all: { exit: completed }, dead_letters: 0",
        ),
        (
            "{ step: mark, reply: { status: 429, retry_after: 1h }, times: 1 }",
            "all: { exit: completed, arrived: { split: { after: 2d 1h } } }",
        ),
        ("{ step: mark, reply: { status: 501 } }", "all: { exit: sorry }, dead_letters: 2"),
        (
            "{ step: mark, reply: { timeout: without_effect } }",
            "all: { exit: sorry, written: { seen: null } }",
        ),
        (
            "{ step: mark, user: ada, reply: { timeout: with_effect }, times: 1 }",
            "all: { exit: completed, profile: { seen: true } }, requests: 3",
        ),
        (
            "{ step: mark, reply: { delay: 5s, copies: 2 } }",
            "all: { exit: completed, arrived: { split: { after: 2d 5s } } }, requests: 1",
        ),
        (
            "{ step: mark, reply: { status: 202 } }",
            "all: { exit: completed, written: { seen: true } }",
        ),
        (
            "{ step: mark, reply: { refuse: attributes, reason: no } }",
            "all: { exit: sorry, dead_letters: 1 }",
        ),
        ("{ step: mark, reply: { refuse: events } }", "all: { exit: completed }"),
        ("{ step: mark, from: 3d, reply: { status: 400 } }", "all: { exit: completed }"),
        ("{ step: mark, attempt: 2, reply: { status: 400 } }", "all: { exit: completed }"),
        (
            "{ step: hello, user: bela, reply: { status: 400 } }",
            "ada: { exit: completed }, bela: { exit: send_failed, messages: [] }",
        ),
        (
            "{ step: hello, reply: { status: 503 }, times: 1 }",
            "all: { exit: completed }, count: { messages: 3 }",
        ),
    ] {
        let stage = gate(&format!(
            "{PEOPLE}\ntests:\n  - name: it\n    faults: [{faults}]\n    expect: {{ {expect} }}\n"
        ));
        let done = stage.run(&["test", "gate.yaml"]);
        assert_eq!(done.closing(), "1 passed, 0 failed", "{faults}\n{}{}", done.out, done.err);
    }
}

#[test]
fn a_test_without_an_end_says_so() {
    let stage = gate(&format!(
        "{PEOPLE}
tests:
  - name: for ever
    faults: [{{ step: mark, reply: {{ status: 429, retry_after: 1s }} }}]
    expect: {{ ada: {{ exit: null }} }}
  - name: for a while
    for: 3d
    faults: [{{ step: mark, reply: {{ status: 429, retry_after: 1h }} }}]
    expect: {{ ada: {{ held: {{ step: mark, attempt: 24 }} }}, count: {{ held: 2 }} }}
"
    ));
    let done = stage.run(&["test", "gate.yaml"]);
    assert_eq!(done.closing(), "1 passed, 1 failed", "{}", done.out);
    assert!(
        done.out.contains("FR0651") && done.out.contains("give the fault `times`"),
        "{}",
        done.out
    );
}

#[test]
fn users_come_from_a_list_a_file_or_in_numbers() {
    for (users, expect) in [
        ("[{ external_id: a, country: FR }]", "count: { entered: 1, arrived: { bonjour: 1 } }"),
        ("people.csv", "count: { entered: 2 }, x: { profile: { orders: 7 } }"),
        (
            "{ count: 100, prefix: n, attributes: { country: FR } }",
            "count: { completed: 100 }, all: { exit: completed }, n100: { path: [hello, wait, mark, split, bonjour, bye] }, requests: 2, objects: 100",
        ),
    ] {
        let stage = gate(&format!(
            "canvas: gate.yaml\nusers: {users}\ntests:\n  - name: it\n    expect: {{ {expect} }}\n"
        ));
        stage.write("people.csv", "external_id,orders\nx,7\ny,8\n");
        let done = stage.run(&["test", "gate.yaml"]);
        assert_eq!(done.closing(), "1 passed, 0 failed", "{users}\n{}{}", done.out, done.err);
    }
}

#[test]
fn connected_content_and_webhooks_are_answered_from_fixtures() {
    let stage = Stage::new();
    stage.write(
        "call.yaml",
        "canvas: call
steps:
  - id: ask
    message: { channel: email, subject: 'x', body: '{% connected_content https://a.test/x :save w %}{{w.sky}}' }
  - id: hook
    webhook: { url: 'https://b.test/y', body: '{}' }
    on_failure: lost
  - id: done
    exit: completed
  - id: lost
    exit: lost
",
    );
    for (status, exit) in [(200, "completed"), (404, "lost")] {
        stage.write(
            "call.test.yaml",
            format!(
                "canvas: call.yaml
users: [{{ external_id: a }}]
fixtures:
  - {{ url: 'https://a.test/*', json: {{ sky: blue }} }}
  - {{ url: 'https://b.test/*', status: {status} }}
tests:
  - name: it
    expect: {{ a: {{ exit: {exit}, messages: [{{ step: ask, body: blue }}] }} }}
"
            ),
        );
        let done = stage.run(&["test", "call.yaml"]);
        assert_eq!(done.closing(), "1 passed, 0 failed", "{status}\n{}{}", done.out, done.err);
    }
}

#[test]
fn results_are_told_to_programs() {
    let stage = gate(&format!(
        "{PEOPLE}\ntests:\n  - name: 'a <good> one'\n    expect: {{ ada: {{ exit: completed }} }}\n  \
         - name: a bad one\n    expect: {{ bela: {{ exit: other }} }}\n"
    ));
    let done = stage.run(&["test", "gate.yaml", "--json", "--junit", "out.xml", "--coverage"]);
    assert_eq!(done.code, 1);
    let json = done.json();
    assert_eq!((json["passed"].as_u64(), json["failed"].as_u64()), (Some(1), Some(1)));
    let failure = &json["tests"][1]["failures"][0];
    assert_eq!((failure["line"].as_u64(), failure["user"].as_str()), (Some(11), Some("bela")));
    assert_eq!(failure["timeline"][0]["kind"], "entered");
    assert_eq!(json["coverage"][0]["steps"][2]["missed"][0], "on_failure");
    let xml = stage.read("out.xml");
    let started = "<testsuites name=\"flowrun\" tests=\"2\" failures=\"1\" errors=\"0\">";
    for expected in [started, "name=\"a &lt;good&gt; one\"", "<failure type=\"FR0650\"", "bela"] {
        assert!(xml.contains(expected), "{expected}: {xml}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let stage = vip();
    let mut child = stage.command(&["test", "vip.yaml"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let colours = stage.run(&["test", "vip.yaml", "--color", "always"]);
    assert!(colours.out.contains('\u{1b}'));
    assert!(!stage.run(&["test", "vip.yaml"]).out.contains('\u{1b}'));
}
