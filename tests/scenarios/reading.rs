//! What conditions and texts see of a user on the way.

use flowrun_simulation::core::track::{Array, Object, Profile};
use flowrun_tests::Lab;

#[test]
fn conditions_read_profile_subscriptions_context_and_the_canvas() {
    let profile = serde_json::json!({
        "first_name": "Ada", "email": "ada@example.com", "home_city": "Paris", "orders": 3,
        "email_subscribe": "opted_in",
        "subscription_groups": [{ "subscription_group_id": "news", "subscription_state": "subscribed" }],
    });
    let rows = [
        ("{{${first_name}}} == 'Ada'", true),
        ("${email_address} contains '@'", true),
        ("${city} == 'Paris' and ${user_id} == 'u1'", true),
        ("{{custom_attribute.${orders}}} > 2", true),
        ("{{custom_attribute.${orders}}} > 3", false),
        ("{{custom_attribute.${missing}}} > 3", false),
        ("{{subscribed_state.${email_global}}} == 'opted_in'", true),
        ("{{subscribed_state.${push_global}}} == 'opted_in'", false),
        ("{{subscribed_state.${news}}} == 'subscribed'", true),
        ("{{subscribed_state.${other}}} == 'subscribed'", false),
        ("{{canvas_entry_properties.${plan}}} == 'pro' and {{context.${plan}}} == 'pro'", true),
        ("{{canvas.${name}}} == 'reading'", true),
    ];
    for (condition, holds) in rows {
        let mut lab = Lab::new(&format!(
            "canvas: reading\nentry: {{ api: true }}\nsteps:\n  - id: split\n    \
             decision_split: {{ if: \"{condition}\", then: here, else: there }}\n  \
             - {{ id: here, exit: here }}\n  - {{ id: there, exit: there }}\n"
        ));
        let object = Object::parse(Array::Attributes, profile.as_object().unwrap()).unwrap();
        let mut user = Profile::new("u1");
        let _ = object.apply(&mut user, 0);
        lab.world.put(user);
        let context = serde_json::json!({ "plan": "pro" });
        lab.enter_with("u1", context.as_object().cloned());
        let expected = if holds { "split >then here .here" } else { "split >else there .there" };
        assert_eq!(lab.way("u1"), expected, "{condition}");
    }
}

/// A dead letter names the place in the file as a person wrote it, not in what YAML or a
/// template made of it.
#[test]
fn an_error_of_a_template_names_its_line_in_the_file() {
    for (settings, place) in [
        ("message: { channel: email, body: \"{{ 'a' | divided_by: 0 }}\" }", "lab.yaml:4:"),
        (
            "user_update:\n      json: |\n        {\"attributes\": [\n          {\"ä\": {{ 1 | divided_by: 0 }}}]}",
            "lab.yaml:7:",
        ),
        (
            "user_update:\n      attributes:\n        - a: 'it''s {{ 1 | divided_by: 0 }}'",
            "lab.yaml:6:",
        ),
        ("decision_split: { if: \"1 > 'a'\", then: b }", "lab.yaml:4:"),
    ] {
        let canvas = format!(
            "canvas: c\nsteps:\n  - id: a\n    {settings}\n    on_failure: b\n  - {{ id: b, exit: done }}\n"
        );
        let mut lab = Lab::new(&canvas);
        lab.enter("u");
        let way = lab.way("u");
        assert!(way.contains(&format!(" at {place}")), "{settings}: {way}");
    }
}
