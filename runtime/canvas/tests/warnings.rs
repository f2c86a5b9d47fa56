//! When the checker warns, and when it must not: a row per text, with the codes it gives.

mod catalogue;

use catalogue::load_text;

/// The codes of the warnings of a Canvas with these steps.
fn codes_of(head: &str, steps: &str) -> Vec<&'static str> {
    let loaded = load_text(&format!("canvas: x\n{head}\nsteps:\n{steps}"));
    assert!(loaded.canvas.is_some(), "{steps}: {:#?}", loaded.diagnostics);
    loaded.diagnostics.iter().map(|one| one.code.as_str()).collect()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn message(text: &str) -> String {
    format!("  - {{ id: a, message: {{ channel: email, body: {} }} }}\n", quoted(text))
}

fn update(text: &str) -> String {
    format!("  - {{ id: a, user_update: {{ json: {} }} }}\n", quoted(text))
}

fn webhook(kind: &str, text: &str) -> String {
    format!(
        "  - {{ id: a, webhook: {{ url: 'https://x.example', headers: {{ Content-Type: {kind} }}, \
         raw: {} }} }}\n",
        quoted(text)
    )
}

#[test]
fn names_that_nothing_can_set_are_told_once_per_text() {
    for (text, expected) in [
        ("{{${first_name}}} {{${email_address}}} {{${email}}} {{${city}}} {{${home_city}}}", ""),
        (
            "{{${user_id}}} {{${braze_id}}} {{${random_bucket_number}}} {{${most_recent_locale}}}",
            "",
        ),
        ("{{${set_user_to_unsubscribed_url}}} {{${push_subscribe}}} {{${date_of_birth}}}", ""),
        ("{{${nick}}}", "FR0413"),
        ("{{${nick}}} {{${nick} | upcase}} {% if ${nick} == 'x' %}{% endif %}", "FR0413"),
        ("{{${nick}}} {{${name}}}", "FR0413 FR0413"),
        ("{{custom_attribute.${nick}}} {{subscribed_state.${email_global}}} {{app.${name}}}", ""),
        ("{{ nick }}", "FR0414"),
        ("{{ nick }}{{ nick.first }}{% if nick %}{% endif %}", "FR0414"),
        ("{% assign nick = 'x' %}{{ nick }}", ""),
        ("{{ nick }}{% capture nick %}x{% endcapture %}", ""),
        ("{% increment n %}{{ n }}", ""),
        ("{% for n in (1..3) %}{{ n }}{{ forloop.index }}{% endfor %}", ""),
        ("{% for n in (1..3) %}{% endfor %}{{ n }}", "FR0414"),
        ("{% connected_content https://x.example %}{{ connected.a }}", ""),
        ("{% connected_content https://x.example :save y %}{{ y.a }}{{ z }}", "FR0414"),
        ("{% if true == nil or blank == empty %}{{ 'now' | date: '%s' }}{% endif %}", ""),
        ("{% raw %}{{ nick }}{% endraw %}{% comment %}{{ nick }}{% endcomment %}", ""),
        ("{{content_blocks.${badge}}} {{content_blocks.${footer}}}", "FR0413"),
    ] {
        assert_eq!(codes_of("", &message(text)).join(" "), expected, "{text}");
    }
}

#[test]
fn what_the_journey_carries_is_judged_by_the_whole_canvas() {
    let reads = message("{{context.${tier}}}");
    let sets = "  - { id: b, context: { set: { tier: 1 } } }\n".to_owned();
    let entry = message("{{canvas_entry_properties.${tier}}} {{api_trigger_properties.${tier}}}");
    let event = message("{{event_properties.${tier}}}");
    let asked = "  - { id: a, decision_split: { if: 'context.${tier} == 1', then: c } }\n  \
                 - { id: c, exit: x }\n";
    for (head, steps, expected) in [
        ("", reads.clone(), "FR0415"),
        ("entry: { api: false }", reads.clone(), "FR0415"),
        ("entry: { api: true }", reads.clone(), ""),
        ("", sets.clone() + &reads, ""),
        ("", asked.to_owned(), "FR0415"),
        ("", sets.clone() + asked, ""),
        ("", entry.clone(), "FR0415 FR0415"),
        ("entry: { api: true }", entry, ""),
        ("", event.clone(), "FR0416"),
        ("entry: { api: true }", event, "FR0416"),
        ("entry: { audience: 'context.${tier} == 1' }", message("x"), "FR0415"),
    ] {
        assert_eq!(codes_of(head, &steps).join(" "), expected, "{head} {steps}");
    }
}

#[test]
fn nothing_is_said_of_the_journey_while_a_step_that_may_set_it_is_wrong() {
    let text = format!(
        "canvas: x\nsteps:\n  - {{ id: b, context: {{ ste: {{ tier: 1 }} }} }}\n{}",
        message("{{context.${tier}}} {{${nick}}}")
    );
    let found = load_text(&text).diagnostics;
    let codes: Vec<_> = found.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(codes, ["FR0501", "FR0413"], "{found:#?}");
}

#[test]
fn values_are_escaped_where_the_text_becomes_json() {
    let quoted = r#"{"name": "{{${first_name}}}"}"#;
    let json = "application/json";
    for (steps, expected) in [
        (update(quoted), "FR0420"),
        (update(r#"{"name": "{{${first_name} | upcase}}"}"#), "FR0420"),
        (update(r#"{"name": "{{${first_name} | json_escape | upcase}}"}"#), "FR0420"),
        (update(r#"{"name": "{% echo ${first_name} %}"}"#), "FR0420"),
        (update(r#"{"name": "{{${first_name} | json_escape}}"}"#), ""),
        (update(r#"{"name": {{${first_name} | as_json_string}}}"#), ""),
        (update(r#"{"n": {{custom_attribute.${n} | plus: 1}}}"#), ""),
        (update(r#"{"n": "{{custom_attribute.${n} | plus: 1}}"}"#), ""),
        (update(r#"{"n": "{{ 'now' }}"}"#), ""),
        (webhook(json, quoted), "FR0420"),
        (webhook("text/plain", quoted), ""),
        (message(quoted), ""),
        (message(r#"[Sale] "{{${first_name}}}""#), ""),
        (
            "  - { id: a, user_update: { attributes: [{ n: '[\"{{${first_name}}}\"]' }] } }\n"
                .into(),
            "",
        ),
    ] {
        assert_eq!(codes_of("", &steps).join(" "), expected, "{steps}");
    }
}

#[test]
fn an_update_is_tried_for_a_user_without_attributes() {
    let bare = r#"{"n": {{custom_attribute.${n}}}}"#;
    for (head, text, expected) in [
        ("", bare, "FR0311"),
        ("strict: true", bare, ""),
        ("", r#"{"n": {{${country}}}}"#, "FR0311"),
        ("", r#"{"n": {{custom_attribute.${n} | default: 0}}}"#, ""),
        ("", r#"{"n": {{custom_attribute.${n} | as_json_string}}}"#, ""),
        ("", r#"{"n": {{custom_attribute.${n} | plus: 1}}}"#, ""),
        ("", r#"{"n": "{{custom_attribute.${n} | json_escape}}"}"#, ""),
        ("", r#"{ {% if custom_attribute.${n} %}"n": {{custom_attribute.${n}}}{% endif %}}"#, ""),
        (
            "",
            r#"{% if custom_attribute.${n} == nil %}{% abort_message %}{% endif %}{"n": {{custom_attribute.${n}}}}"#,
            "",
        ),
        (
            "",
            r#"{% connected_content https://x.example :save y %}{"n": {{custom_attribute.${n}}}}"#,
            "",
        ),
        ("", r#"{"level": {{custom_attribute.${n} | minus: 1}}}"#, "FR0311"),
        // What the journey carries is there.
        ("entry: { api: true }", r#"{"n": {{context.${n}}}}"#, ""),
        ("entry: { api: true }", r#"{"n": "{{context.${n} | json_escape}}"}"#, ""),
        (
            "entry: { api: true }",
            r#"[{{context.${n} | as_json_string}}, {{custom_attribute.${n}}}]"#,
            "FR0311",
        ),
        (
            "entry: { api: true }",
            r#"{"a": {{context.${n}}}, "b": {{custom_attribute.${n}}}}"#,
            "FR0311",
        ),
        // Nothing that an attribute may be would mend it.
        ("entry: { api: true }", r#"{"a": x{{context.${n}}}, "b": {{custom_attribute.${n}}}}"#, ""),
        // More than a visit may take: nothing can be said.
        ("", r#"{% for i in (1..9999) %}{% endfor %}{"n": {{custom_attribute.${n}}}}"#, ""),
    ] {
        assert_eq!(codes_of(head, &update(text)).join(" "), expected, "{head} {text}");
    }
}

/// Rows: the ids of steps in their order, and whether reading at `read` is warned of.
#[test]
fn a_variable_that_no_step_before_sets_is_empty() {
    let set = "- { id: set, context: { set: { x: 1 } } }";
    let read = "- { id: read, message: { channel: email, body: '{{context.${x}}}' } }";
    let own = "- { id: read, context: { set: { x: '{{context.${x}}}' } } }";
    let twice = "- { id: read, context: { set: { x: 1, y: '{{context.${x}}}' } } }";
    let later = "- { id: read, context: { set: { y: '{{context.${x}}}', x: 1 } } }";
    let split = "- { id: split, decision_split: { if: 'true', then: read, else: set } }";
    for (entry, steps, warned) in [
        ("", &[set, read][..], false),
        ("", &[read, set], true),
        ("", &[own], true),
        ("", &[twice], false),
        ("", &[later], true),
        ("", &[split, set, read], false),
        ("entry: { api: true }\n", &[read, set], false),
    ] {
        let text = format!("canvas: c\n{entry}steps:\n{}\n", steps.join("\n"));
        let found = load_text(&text).diagnostics;
        let said = found.iter().any(|one| one.code.as_str() == "FR0415");
        assert_eq!(said, warned, "{text}: {found:?}");
    }
}
