//! What a good file becomes.

mod catalogue;

use flowrun_canvas::{NoFiles, Source, load};
use flowrun_core::{Canvas, NodeIx, Reentry, Slot};
use flowrun_sdk::{Door, Millis};

fn good(text: &str) -> Canvas {
    let loaded = catalogue::load_text(text);
    assert_eq!(loaded.diagnostics, []);
    loaded.canvas.expect("a Canvas")
}

/// All ways as `step -door-> step`, with `.` for the end of the journey.
fn ways(canvas: &Canvas) -> Vec<String> {
    let mut ways = Vec::new();
    for index in 0..canvas.node_count() {
        let from = canvas.node(NodeIx(index as u16));
        for (door, name) in from.doors.iter().enumerate() {
            let to = canvas.way(NodeIx(index as u16), Door(door as u16));
            if let Some(to) = to {
                ways.push(format!("{} -{name}-> {}", from.id, canvas.node(to).id));
            }
        }
    }
    ways
}

#[test]
fn a_whole_canvas_is_wired() {
    let canvas = good(include_str!("corpus/good.yaml"));
    assert_eq!(&*canvas.head.name, "good");
    assert_eq!(canvas.head.time_zone, "Europe/Paris");
    assert!(canvas.head.strict && canvas.head.entry.api);
    assert!(canvas.head.entry.audience.is_some());
    assert_eq!(canvas.head.entry.reentry, Reentry::After(Millis::from_secs(90 * 86_400)));
    assert_eq!(
        ways(&canvas),
        [
            "hello -next-> wait",
            "wait -next-> write",
            "write -next-> tier",
            "write -on_failure-> sorry",
            "write -on_timeout-> sorry",
            "tier -gold-> gold",
            "tier -path 2-> done",
            "tier -else-> coin",
            "gold -next-> coin",
            "coin -heads-> call",
            "coin -tails-> shout",
            "shout -next-> done",
            "call -next-> done",
        ]
    );
    let slots = |index: u16| {
        let kinds = canvas.node(NodeIx(index)).slots.iter().map(|slot| match slot {
            Slot::Text(_) => "text",
            Slot::Condition(_) => "condition",
            Slot::Value(_) => "value",
        });
        kinds.collect::<Vec<_>>()
    };
    assert_eq!(slots(0), ["text", "text"]);
    assert_eq!(slots(3), ["condition", "condition"]);
    assert_eq!(slots(4), ["value", "value"], "constant leaves take no slot");
}

#[test]
fn a_door_that_is_not_written_leads_where_next_leads() {
    let canvas = good(
        "canvas: x\nsteps:\n  - id: ask\n    decision_split: { if: true, else: b }\n    next: c\n  \
         - id: b\n    delay: 1d\n  - id: c\n    exit:\n",
    );
    assert_eq!(ways(&canvas), ["ask -else-> b", "ask -then-> c", "b -next-> c"]);
}

#[test]
fn nobody_leaves_a_split_by_next() {
    let canvas = good(
        "canvas: x\nsteps:\n  - id: groups\n    audience_paths: { paths: [{ name: a, if: true }], else: c }\n  \
         - id: coin\n    experiment_paths: { paths: [{ name: h, weight: 50 }, { name: t, weight: 50, next: c }] }\n    \
         next: d\n  - id: c\n    delay: 1d\n  - id: d\n    exit:\n",
    );
    let expected =
        ["groups -a-> coin", "groups -else-> c", "coin -h-> d", "coin -t-> c", "c -next-> d"];
    assert_eq!(ways(&canvas), expected);
    assert_eq!(canvas.graph().edge_count(), expected.len(), "no edge that no user takes");
}

#[test]
fn the_version_covers_every_text() {
    let text = "canvas: x\nsteps:\n  - id: a\n    message: { channel: email, body: hi }\n";
    let one = good(text).head.version;
    assert_eq!(good(text).head.version, one);
    assert_ne!(good(&format!("{text}# more\n")).head.version, one);
    let file = text.replace("body: hi", "body_file: hello.liquid");
    let block = text.replace("body: hi", "body: \"{{content_blocks.${footer}}}\"");
    for (text, sources) in [(text.to_owned(), 1), (file, 2), (block, 2)] {
        let loaded = catalogue::load_text(&text);
        assert_eq!(loaded.sources.len(), sources, "{text}");
    }
}

#[test]
fn with_nothing_beside_it_a_canvas_that_names_no_file_loads() {
    let source =
        Source { path: "x.yaml".into(), text: "canvas: x\nsteps: [{ id: a, exit: b }]".into() };
    let loaded = load(source, catalogue::catalogue(), &NoFiles);
    assert!(loaded.canvas.is_some(), "{:?}", loaded.diagnostics);
}
