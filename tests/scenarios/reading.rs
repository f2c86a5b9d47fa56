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

/// In the order in which a context step sets them, and whatever they are made of.
#[test]
fn a_variable_sees_those_that_its_step_sets_before_it() {
    for (set, condition, holds) in [
        (
            "a: '{{ 2 | plus: 1 }}', b: '{{ context.${a} | times: 2 }}'",
            "{{context.${b}}} == 6",
            true,
        ),
        ("a: 3, b: '{{ context.${a} }}', c: '{{ context.${b} }}'", "{{context.${c}}} == 3", true),
        ("a: [1, '{{ 7 }}'], b: '{{ context.${a} | last }}'", "{{context.${b}}} == 7", true),
        ("b: 'x{{ context.${a} }}', a: 1", "{{context.${b}}} == 'x'", true),
        // What was there before is seen until it is overwritten.
        ("b: '{{ context.${plan} }}', plan: free", "{{context.${b}}} == 'pro'", true),
        ("plan: free, b: '{{ context.${plan} }}'", "{{context.${b}}} == 'free'", true),
        (
            "plan: free, b: '{{ canvas_entry_properties.${plan} }}'",
            "{{context.${b}}} == 'free'",
            true,
        ),
    ] {
        let mut lab = Lab::new(&format!(
            "canvas: reading\nentry: {{ api: true }}\nsteps:\n  - id: set\n    \
             context: {{ set: {{ {set} }} }}\n  - id: split\n    \
             decision_split: {{ if: \"{condition}\", then: here, else: there }}\n  \
             - {{ id: here, exit: here }}\n  - {{ id: there, exit: there }}\n"
        ));
        let context = serde_json::json!({ "plan": "pro" });
        lab.enter_with("u1", context.as_object().cloned());
        let went = if holds { "then" } else { "else" };
        assert!(lab.way("u1").contains(&format!(">{went}")), "{set}: {}", lab.way("u1"));
    }
}
