//! A rehearsal and its script, by what a person who tests a Canvas would ask.

use std::sync::Arc;

use flowrun_canvas::{NoFiles, Source, load, render_text};
use flowrun_simulation::core::track::Array;
use flowrun_simulation::core::{Canvas, Millis};
use flowrun_simulation::{Rehearsal, Response, Rule, State};
use serde_json::json;

const GOLD: &str = "
canvas: gold
entry: { api: true, event: bought, where: '{{event_properties.${total}}} >= 10', reentry: always }
steps:
  - id: cool_off
    delay: { for: 2d }
  - id: mark
    user_update:
      attributes: [{ vip: true, orders: { inc: 1 } }]
      events: [{ name: became_vip, time: '2026-01-01T00:00:00Z' }]
      timeout: 3h
    on_failure: sorry
  - id: tell
    message: { channel: push, body: 'You are VIP now.' }
  - id: done
    exit: completed
  - id: sorry
    exit: sorry
";

fn canvas() -> Arc<Canvas> {
    let source = Source { path: "gold.yaml".into(), text: GOLD.into() };
    let loaded = load(source, &flowrun_steps::catalogue(), &NoFiles);
    let report = render_text(&loaded.diagnostics, &loaded.sources, false);
    Arc::new(loaded.canvas.unwrap_or_else(|| panic!("{report}")))
}

/// Two users who are held in one request, two days after the start.
fn held() -> Rehearsal {
    let mut rehearsal = Rehearsal::new(canvas());
    for user in ["ada", "bela"] {
        rehearsal.user(json!({"external_id": user, "orders": 4}));
        rehearsal.enter(user);
    }
    rehearsal
}

fn reason(rehearsal: &Rehearsal, user: &str) -> String {
    match rehearsal.whereabouts(user).map(|here| here.state) {
        Some(State::Ended { reason, .. }) => reason,
        other => format!("{other:?}"),
    }
}

#[test]
fn a_script_hits_whom_it_is_about() {
    let mark = |response| Rule::new(response).step("mark");
    let ada = |response| mark(response).user("ada");
    let hour = Millis::from_secs(3600);
    // A rule; how both end; how often each of both has an order counted; requests.
    for (rule, ends, orders, requests) in [
        (Rule::new(Response::status(400)).step("other"), ["completed", "completed"], [5, 5], 1),
        (ada(Response::status(400)), ["sorry", "completed"], [4, 5], 1),
        (ada(Response::status(404)), ["sorry", "completed"], [4, 5], 1),
        (ada(Response::status(413)), ["sorry", "completed"], [4, 5], 1),
        // Both are in the request; it comes again, perhaps in two.
        (
            ada(Response::status(429).retry_after(hour)).times(1),
            ["completed", "completed"],
            [5, 5],
            2,
        ),
        (ada(Response::status(401)).times(1), ["completed", "completed"], [5, 5], 2),
        (ada(Response::status(403)).times(1), ["completed", "completed"], [5, 5], 2),
        (ada(Response::status(501)), ["sorry", "sorry"], [4, 4], 1),
        (mark(Response::status(202)), ["completed", "completed"], [5, 5], 1),
        (ada(Response::refused_object(Array::Events, Some(0))), ["sorry", "completed"], [5, 5], 1),
        (
            ada(Response::refused_object(Array::Events, Some(1))),
            ["completed", "completed"],
            [5, 5],
            1,
        ),
        (
            ada(Response::refused_object(Array::Purchases, None)),
            ["completed", "completed"],
            [5, 5],
            1,
        ),
        (
            mark(Response::applied().delayed(hour).duplicated(3)),
            ["completed", "completed"],
            [5, 5],
            1,
        ),
        (mark(Response::status(400)).attempts(2..=9), ["completed", "completed"], [5, 5], 1),
        (mark(Response::status(400)).until(Millis(0)), ["completed", "completed"], [5, 5], 1),
    ] {
        let mut rehearsal = held();
        rehearsal.script().rule(rule.clone());
        assert!(rehearsal.to_the_end(), "{rule:?}");
        assert_eq!(["ada", "bela"].map(|user| reason(&rehearsal, user)), ends, "{rule:?}");
        let counted = ["ada", "bela"].map(|user| rehearsal.attribute(user, "orders"));
        assert_eq!(counted, orders.map(|count| Some(json!(count))), "{rule:?}");
        let truth = ["ada", "bela"].map(|user| {
            let truth = rehearsal.script().truth(user).expect("a profile");
            truth.attribute("orders").expect("orders").to_json()
        });
        assert_eq!(truth, orders.map(|count| json!(count)), "what the backend has: {rule:?}");
        let sent = rehearsal.requests().len();
        assert!(sent == requests || (requests == 2 && sent == 3), "{sent} requests: {rule:?}");
    }
}

#[test]
fn what_was_never_answered_counts_once() {
    for (response, before) in
        [(Response::timeout_with_effect(), 5), (Response::timeout_without_effect(), 4)]
    {
        let mut rehearsal = held();
        rehearsal.script().rule(Rule::new(response).user("ada").times(1));
        rehearsal.advance("2d");
        rehearsal.advance("10s");
        let truth = |rehearsal: &Rehearsal| {
            rehearsal.script().truth("ada").and_then(|ada| Some(ada.attribute("orders")?.to_json()))
        };
        assert_eq!(truth(&rehearsal), Some(json!(before)));
        assert_eq!(rehearsal.attribute("ada", "orders"), Some(json!(4)), "nothing is known of it");
        assert_eq!(rehearsal.whereabouts("ada").unwrap().state, State::Held { attempt: 1 });
        assert!(rehearsal.messages("ada").is_empty());
        rehearsal.to_the_end();
        assert_eq!(
            (truth(&rehearsal), reason(&rehearsal, "ada")),
            (Some(json!(5)), "completed".into())
        );
    }
}

#[test]
fn one_can_ask_where_everybody_is() {
    let mut rehearsal = held();
    assert_eq!(rehearsal.whereabouts("ada"), None);
    rehearsal.script().rule(Rule::new(Response::status(503)).user("bela"));
    rehearsal.advance("1d");
    let due = rehearsal.now() + Millis::from_secs(86_400);
    let ada = rehearsal.whereabouts("ada").unwrap();
    let waits = State::Waiting { until: Some(due), for_what: "time" };
    assert_eq!((ada.entry, ada.step.as_str(), ada.state), (1, "cool_off", waits));
    rehearsal.advance("1d 1m");
    let State::Held { attempt } = rehearsal.whereabouts("bela").unwrap().state else { panic!() };
    assert!(attempt > 2, "{attempt}");
    // The wait is over after three hours, and the write goes on being tried.
    rehearsal.advance("4h");
    assert_eq!(reason(&rehearsal, "bela"), "sorry");
    rehearsal.to_the_end();
    assert_eq!(rehearsal.dead_letters().count(), 1);
    let request = &rehearsal.requests()[0];
    let part = request.parts().next().unwrap();
    assert_eq!(part.attributes[0]["vip"], true);
    assert_eq!((part.events[0]["name"].as_str(), part.purchases.len()), (Some("became_vip"), 0));
}

#[test]
fn events_let_users_in_again_and_again() {
    let mut rehearsal = Rehearsal::new(canvas());
    rehearsal.event("new", "bought", json!({"total": 5}));
    rehearsal.event("new", "looked", json!({"total": 50}));
    rehearsal.event("new", "bought", json!({"total": 50}));
    rehearsal.advance("1d");
    rehearsal.event("new", "bought", json!({"total": 60}));
    rehearsal.advance("1d");
    let all = rehearsal.all_whereabouts("new");
    let steps: Vec<_> = all.iter().map(|here| (here.entry, here.step.as_str())).collect();
    assert_eq!(steps, [(1, "mark"), (2, "cool_off")]);
    rehearsal.until_time("2026-02-01");
    assert_eq!(rehearsal.path("new"), ["cool_off", "mark", "tell", "done"]);
    assert_eq!(rehearsal.messages("new").len(), 2);
    assert_eq!(rehearsal.profile("new").unwrap().event("bought").map(|event| event.count), Some(3));
    assert_eq!((rehearsal.totals().completed, rehearsal.tally().other_events), (2, 1));
}

#[test]
fn without_a_rule_the_trace_is_that_of_a_run_and_a_seed_gives_the_same() {
    let trace = || {
        let mut rehearsal = held();
        rehearsal.to_the_end();
        rehearsal.trace().to_vec()
    };
    let first = trace();
    assert_eq!(first, trace());
    let text = serde_json::to_string(&first).unwrap();
    assert!(text.contains("\"backend\":\"memory\"") && text.contains("\"status\":201"), "{text}");
}

#[test]
fn who_tries_for_ever_is_stopped() {
    let mut rehearsal = held();
    let at_once = Response::status(429).retry_after(Millis(1));
    rehearsal.script().rule(Rule::new(at_once));
    assert!(!rehearsal.to_the_end());
    assert!(rehearsal.whereabouts("ada").is_some());
}
