//! `flowrun simulate`: populations, what is said of them, and the page.

use crate::Stage;

/// A Canvas with all that a population can do to it.
const SHOP: &str = r#"
canvas: shop
description: "<b>not</b> markup & \"quoted\""
steps:
  - id: hello
    message: { channel: email, subject: "Hi {{${first_name} | default: 'you'}}", body: hi }
  - id: wait
    delay: { for: 1d }
  - id: opened
    decision_split: { if: "{{custom_attribute.${opened}}} == true", then: note, else: remind }
  - id: remind
    message: { channel: push, body: again }
    next: note
  - id: note
    user_update: { json: '{"attributes": [{"score": {{custom_attribute.${score} | default: "nothing"}}}]}' }
    on_failure: lost
  - id: done
    exit: completed
  - id: lost
    exit: lost
"#;

const CROWD: &str = "
users:
  first_name: { from: [Ada, Ben, '<script>alert(1)</script>'] }
  score: { 1: 50, 2: 48, null: 2 }
enter: { over: 3d }
reactions:
  - { to: hello, probability: 0.4, after: 10m..3h, set: { opened: true } }
";

fn shop() -> Stage {
    let stage = Stage::new();
    stage.write("shop.yaml", SHOP).write("shop.simulate.yaml", CROWD);
    stage
}

#[test]
fn a_population_is_counted() {
    let done = shop().run(&["simulate", "shop.yaml", "--users", "300", "--for", "30d"]);
    insta::assert_snapshot!(done.all());
}

#[test]
fn json_has_all_of_it() {
    let done = shop().run(&["simulate", "shop.yaml", "--users", "50", "--json"]);
    assert_eq!(done.code, 3, "{}", done.err);
    let mut json = done.json();
    json["version"] = "…".into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());
}

#[test]
fn the_same_seed_gives_the_same_to_the_byte_on_any_number_of_threads() {
    let stage = shop();
    let run = |page: &str, threads: &str, seed: &str| {
        let args = ["simulate", "shop.yaml", "--users", "12k", "--for", "20d", "--report", page];
        let done = stage.run(&[&args[..], &["--threads", threads, "--seed", seed]].concat());
        assert_eq!(done.code, 3, "{}", done.err);
        (done.out, stage.read(page))
    };
    let one = run("one.html", "1", "5");
    for (page, threads) in [("two.html", "2"), ("three.html", "7")] {
        assert_eq!(one, run(page, threads, "5"), "{threads} threads");
    }
    assert_ne!(one.0, run("four.html", "1", "6").0);
}

#[test]
fn more_users_leave_the_first_what_they_were() {
    // Whoever enters is the same among 40 as among 400: what they do, too.
    let stage = shop();
    stage.write("all.simulate.yaml", CROWD.replace("over: 3d", "per_day: 40"));
    let run = |users: &str| {
        let args = ["simulate", "shop.yaml", "--population", "all.simulate.yaml", "--json"];
        let done = stage.run(&[&args[..], &["--users", users, "--for", "20h"]].concat());
        let json = done.json();
        (json["steps"].clone(), json["messages"].clone())
    };
    assert_eq!(run("40"), run("400"));
}

#[test]
fn users_may_come_from_a_file_or_be_sampled_from_one() {
    let stage = shop();
    stage.write("crowd.csv", "external_id,score\na,1\nb,2\nc,\n");
    stage.write("sampled.yaml", "sample: crowd.csv\nenter: { per_day: 10 }\n");
    for (args, users, exit) in [
        (&["--users", "crowd.csv"][..], 3, 3),
        (&["--users", "500", "--population", "sampled.yaml"], 500, 3),
        (&["--users", "2"], 2, 0),
    ] {
        let done = stage.run(&[&["simulate", "shop.yaml", "--json"][..], args].concat());
        assert_eq!(done.code, exit, "{args:?} {}", done.err);
        assert_eq!(done.json()["totals"]["entered"], users, "{args:?}");
    }
}

#[test]
fn who_enters_by_an_event_does_so_here_too() {
    let stage = Stage::new();
    let entry = "entry: { event: order, where: \"{{event_properties.${total}}} > 50\" }\nsteps:";
    let text = SHOP.replace("steps:", entry);
    stage.write("shop.yaml", text);
    let crowd = "event: { name: order, properties: { total: { 10: 1, 90: 1 } } }\n\
                 users: { score: 1 }\n";
    stage.write("shop.simulate.yaml", crowd);
    let done = stage.run(&["simulate", "shop.yaml", "--users", "400", "--json"]);
    let json = done.json();
    let entered = json["totals"]["entered"].as_u64().unwrap();
    assert!((150..250).contains(&entered), "{json} {}", done.err);
    assert_eq!(json["turned_away"]["other_events"].as_u64().unwrap(), 400 - entered);
}

#[test]
fn two_canvases_are_compared_with_the_same_users() {
    let stage = shop();
    stage.write("other.yaml", SHOP.replace("canvas: shop", "canvas: other").replace("1d", "12h"));
    let args = ["simulate", "shop.yaml", "--users", "200", "--compare", "other.yaml"];
    insta::assert_snapshot!(stage.run(&args).all());
    let done = stage.run(&[&args[..], &["--json", "--report", "both.html"]].concat());
    let json = done.json();
    assert_eq!(json["compare"]["one"], "shop");
    assert_eq!(json["other"]["canvas"], "other");
    assert_eq!(json["totals"]["entered"], json["other"]["totals"]["entered"]);
    let page = stage.read("both.html");
    assert_well_formed(&page);
    assert!(page.contains("Side by side"), "{page}");
}

#[test]
fn faults_are_survived_and_promises_checked() {
    let stage = shop();
    for profile in ["rough", "storm"] {
        let args = ["simulate", "shop.yaml", "--users", "60", "--for", "8d", "--faults", profile];
        let done = stage.run(&[&args[..], &["--seed", "11", "--json"]].concat());
        assert!([0, 3].contains(&done.code), "{profile}: {}", done.err);
        let json = done.json();
        assert_eq!(json["violations"], serde_json::json!([]), "{profile}");
        assert!(json["requests"]["again"].as_u64().unwrap() > 0, "{profile}: nothing went wrong");
    }
    stage.write("mine.yaml", "backend: { server_error: 40 }\n");
    let args = ["simulate", "shop.yaml", "--users", "60", "--faults", "mine.yaml", "--json"];
    assert!(stage.run(&args).json()["requests"]["again"].as_u64().unwrap() > 0);
}

#[test]
fn what_is_wrong_is_said_and_nothing_runs() {
    let stage = shop();
    stage.write("bad.simulate.yaml", "users: { contry: { FR: x } }\nenter: never\nreactionz: []\n");
    stage.write("bad.faults.yaml", "backend: { server_eror: 4 }\n");
    stage.write("much.faults.yaml", "backend: { server_error: 400 }\n");
    for (args, expected) in [
        (&["--users", "0"][..], "from 1 to 100M users"),
        (&["--users", "12 users"], "neither a number (1000, 10k, 1M) nor a file"),
        (&["--users", "none.csv"], "can't read the users file `none.csv`"),
        (&["--for", "soon"], "--for: "),
        (&["--start", "soon"], "--start: "),
        (&["--population", "none.yaml"], "can't read the population `none.yaml`"),
        (&["--population", "bad.simulate.yaml"], "the population has 3 faults"),
        (&["--faults", "strom"], "did you mean `storm`?"),
        (&["--faults", "none.yaml"], "can't read the faults"),
        (&["--faults", "bad.faults.yaml"], "bad.faults.yaml:1:"),
        (&["--faults", "much.faults.yaml"], "from 0 to 100"),
        (&["--compare", "none.yaml"], "none.yaml"),
        (&["--report", "shop.yaml"], "the report would overwrite"),
        (&["--report", "no/such/folder.html"], "can't write the report"),
    ] {
        let done = stage.run(&[&["simulate", "shop.yaml"][..], args].concat());
        assert!(done.err.contains(expected), "{args:?}: {}", done.err);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{args:?}");
    }
    assert_eq!(stage.read("shop.yaml"), SHOP);
}

#[test]
fn help_has_examples() {
    let done = Stage::new().run(&["simulate", "--help"]);
    // Options that other commands have, too, are theirs to change.
    let own = done.out.split_once("Examples:\n").map(|(_, examples)| examples);
    insta::assert_snapshot!(own.expect("examples"));
    for option in ["--users <N|FILE>", "--for <LENGTH>", "--faults <PROFILE|FILE>", "--report"] {
        assert!(done.out.contains(option), "{option}");
    }
}

#[test]
fn the_page_needs_nothing_else_and_lets_nothing_in() {
    let stage = shop();
    let args = ["simulate", "shop.yaml", "--users", "300", "--for", "30d", "--report", "page.html"];
    assert_eq!(stage.run(&args).code, 3);
    let page = stage.read("page.html");
    assert_well_formed(&page);
    for forbidden in ["<script", "<link", "<iframe", "http:", "src=", "@import", "url(", "onload"] {
        let found = page.replace("url(#tip-0)", "").replace("http://www.w3.org/2000/svg", "");
        assert!(!found.contains(forbidden), "{forbidden}");
    }
    for expected in [
        "&lt;b&gt;not&lt;/b&gt; markup &amp; &quot;quoted&quot;",
        "prefers-color-scheme: dark",
        "name=\"viewport\"",
        "<html lang=\"en\">",
        "flowrun simulate shop.yaml --users 300 --for 30d --seed 0",
        "<h2>Funnel</h2>",
        "<h2>Dead letters</h2>",
        "role=\"img\"",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
    assert_eq!(page.matches("<h1>").count(), 1);
}

/// Every tag is closed in order, attributes are quoted, and no id is there twice.
fn assert_well_formed(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut ids = std::collections::BTreeSet::new();
    let mut rest = page.strip_prefix("<!doctype html>").expect("a doctype");
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "a stray `>` before {}", &rest[..at]);
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().expect("a name"));
        }
        if let Some(id) = tag.split(" id=\"").nth(1).and_then(|id| id.split('"').next()) {
            assert!(ids.insert(id), "{id} is there twice");
        }
        rest = &rest[end + 1..];
        // A style is no markup.
        if tag == "style" {
            rest = &rest[rest.find("</style>").expect("a style ends")..];
        }
    }
    assert_eq!(open, Vec::<&str>::new(), "left open");
}
