//! Entry by event: whom what they did lets in, and with which properties.

use std::sync::Arc;

use flowrun_simulation::core::{Context, Input};
use flowrun_tests::Lab;
use serde_json::{Value, json};

const CANVAS: &str = r#"
canvas: orders
entry:
  event: order_completed
  where: "{{event_properties.${total}}} >= 500"
  audience: "{{${user_id}}} != 'banned'"
  reentry: { after: 1h }
steps:
  - id: big
    decision_split: { if: "{{context.${total}}} >= 900 and {{event_properties.${total}}} >= 900", then: huge, else: done }
  - id: huge
    exit: huge
  - id: done
    exit: completed
"#;

fn event(user: &str, name: &str, properties: &Value) -> Input {
    let properties: Option<Context> = properties.as_object().cloned();
    Input::Event { user: user.into(), name: name.into(), properties: properties.map(Arc::new) }
}

#[test]
fn an_event_lets_in_whom_the_canvas_waits_for() {
    let entered = "big >else done .completed";
    for (what, user, name, properties, way) in [
        ("the event", "u", "order_completed", json!({"total": 500}), entered),
        (
            "its properties go along",
            "u",
            "order_completed",
            json!({"total": 900}),
            "big >then huge .huge",
        ),
        ("another event", "u", "order_cancelled", json!({"total": 500}), ""),
        ("not by the condition", "u", "order_completed", json!({"total": 499}), ""),
        ("a property that isn't there", "u", "order_completed", json!({}), ""),
        ("no properties at all", "u", "order_completed", Value::Null, ""),
        ("a property of another type", "u", "order_completed", json!({"total": "much"}), ""),
        ("outside the audience", "banned", "order_completed", json!({"total": 500}), ""),
    ] {
        let mut lab = Lab::new(CANVAS);
        lab.step(vec![event(user, name, &properties)]);
        assert_eq!(lab.way(user), way, "{what}");
    }
}

#[test]
fn who_may_not_enter_again_yet_is_turned_away() {
    let mut lab = Lab::new(CANVAS);
    let order = || vec![event("u", "order_completed", &json!({"total": 500}))];
    let mut entries = Vec::new();
    for second in [0, 3599, 3600] {
        lab.until(second);
        lab.step(order());
        entries.push(lab.way("u").matches("big").count());
    }
    assert_eq!(entries, [1, 1, 2]);
}

#[test]
fn who_enters_after_a_change_enters_the_new_version() {
    let mut lab = Lab::new(CANVAS);
    let changed = Lab::new(&CANVAS.replace("exit: completed", "exit: changed")).canvas;
    lab.shard.add_canvas(changed);
    lab.step(vec![event("u", "order_completed", &json!({"total": 500}))]);
    assert_eq!(lab.way("u"), "big >else done .changed", "and only that one");
}
