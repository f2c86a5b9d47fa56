//! `--events`: users who enter by what they do.

use crate::Stage;

const CANVAS: &str = "
canvas: buyers
entry:
  event: bought
  where: \"{{event_properties.${total}}} >= 500\"
  reentry: always
steps:
  - id: thanks
    message: { channel: email, subject: 'Thank you, {{${first_name} | default: \"friend\"}}', body: 'For {{canvas_entry_properties.${total}}}.' }
";

const USERS: &str =
    "{\"external_id\": \"ada\", \"first_name\": \"Ada\"}\n{\"external_id\": \"bela\"}\n";

const EVENTS: &str = r#"{"external_id": "ada", "name": "bought", "time": "2026-01-06T10:00:00Z", "properties": {"total": 900}}
{"external_id": "bela", "name": "bought", "time": "2026-01-07", "properties": {"total": 7}}
{"external_id": "ada", "name": "looked", "time": "2026-01-07"}
{"external_id": "new", "name": "bought", "time": "2026-01-08T00:00:00Z", "properties": {"total": 500}}
"#;

fn stage() -> Stage {
    let stage = Stage::new();
    stage.write("buyers.yaml", CANVAS).write("buyers.users.ndjson", USERS);
    stage
}

#[test]
fn events_let_users_in() {
    let stage = stage();
    stage.write("buyers.events.ndjson", EVENTS);
    insta::assert_snapshot!(stage.run(&["buyers.yaml"]).all());
    let explained = stage.run(&["explain", "buyers.yaml", "--user", "new"]);
    assert!(
        explained.out.contains("gets a message by email: “Thank you, friend”"),
        "{}",
        explained.out
    );
}

#[test]
fn events_are_written_in_any_of_four_ways() {
    let stage = stage();
    let json = format!("[{}]", EVENTS.trim().replace('\n', ","));
    let yaml = "- { external_id: ada, name: bought, time: 2026-01-06T10:00:00Z, properties: { total: 900 } }\n\
                - { external_id: new, name: bought, properties: { total: 500 } }\n";
    let csv = "external_id,name,time,properties.total\nada,bought,2026-01-06T10:00:00Z,900\n\
               bela,bought,,7\nnew,bought,,500\n";
    for (name, text) in [("e.ndjson", EVENTS), ("e.json", &json), ("e.yaml", yaml), ("e.csv", csv)]
    {
        stage.write(name, text);
        let done = stage.run(&["buyers.yaml", "-q", "--events", name]);
        assert!(done.closing().contains("completed 2 "), "{name}: {}{}", done.out, done.err);
        assert_eq!(done.code, 0, "{name}");
    }
}

#[test]
fn events_before_the_start_happen_at_its_start() {
    let stage = stage();
    stage.write("buyers.events.ndjson", EVENTS);
    let done = stage.run(&["buyers.yaml", "-q", "--start", "2026-01-07T12:00:00Z"]);
    assert!(done.err.contains("3 of the events lie before the run starts"), "{}", done.err);
    assert!(done.closing().contains("completed 2 "), "{}", done.out);
}

#[test]
fn without_events_nobody_can_enter_and_that_is_said() {
    let done = stage().run(&["buyers.yaml", "-q"]);
    assert_eq!(done.code, 0);
    let said = "nobody enters buyers: users do by the event `bought`, and there are no events";
    assert!(done.err.contains(said) && done.err.contains("buyers.events.ndjson"), "{}", done.err);
    assert!(done.closing().contains("completed 0 "), "{}", done.out);
}

#[test]
fn users_need_no_file_where_events_bring_them() {
    let stage = Stage::new();
    stage.write("buyers.yaml", CANVAS).write("buyers.events.ndjson", EVENTS);
    let done = stage.run(&["buyers.yaml", "-q"]);
    assert!(done.closing().starts_with("users 2 · completed 2 "), "{}{}", done.out, done.err);
}

#[test]
fn with_api_users_enter_at_the_start_too() {
    let stage = stage();
    stage.write("buyers.yaml", CANVAS.replace("entry:\n", "entry:\n  api: true\n"));
    let done = stage.run(&["buyers.yaml", "-q"]);
    assert!(done.closing().contains("completed 2 "), "{}", done.out);
}

#[test]
fn all_faults_of_an_events_file_come_at_once() {
    let stage = stage();
    for (name, text) in [
        (
            "e.ndjson",
            "{\"external_id\": 7, \"name\": \"x\", \"time\": \"soon\"}\n{}\n[1]\n{\"external_id\": \"a\", \"name\": \"x\", \"properties\": 3}\nnope\n",
        ),
        ("e.csv", "external_id,time\na,\n"),
        ("e.yaml", "external_id: a\n"),
        ("e.json", "7"),
        ("e.txt", "hello"),
    ] {
        stage.write(name, text);
        let done = stage.run(&["buyers.yaml", "--events", name]);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{name}");
        insta::assert_snapshot!(format!("faults of {name}"), done.err);
    }
}
