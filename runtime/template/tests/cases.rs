//! The table of cases: every tag and filter, row by row, in `tests/cases/*.json`.
//!
//! A row has a template and what comes of it:
//! `gives` (the text), `value` (a typed value), `aborts` (the reason), `fails` (a part of the
//! render error's message), or `fault` (what the compiler says: `at` is the piece of the template
//! it points at). `user`, `data`, `blocks` and `answers` set the scene; the clock stands at
//! 2024-03-05 14:30:15.250 UTC. `why` says why a behaviour deliberately differs from Shopify's.

use flowrun_template::{Answer, Condition, JsonView, Options, Stop, Template};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NOW_MS: i64 = 1_709_649_015_250;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    template: String,
    #[serde(default)]
    user: Value,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    blocks: BTreeMap<String, String>,
    /// Bodies by address; `404` stands for that status.
    #[serde(default)]
    answers: BTreeMap<String, Value>,
    #[serde(default)]
    strict: bool,
    gives: Option<String>,
    value: Option<Value>,
    aborts: Option<String>,
    fails: Option<String>,
    fault: Option<Expected>,
    warns: Option<String>,
    #[serde(default)]
    #[allow(dead_code)]
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    code: String,
    at: String,
    says: String,
    hint: Option<String>,
}

fn check(name: &str, row: &Row) -> Result<(), String> {
    let differs = |what: &str, got: String, wanted: &str| {
        Err(format!("{name}: {}\n  {what} {got:?}\n  wanted {wanted:?}", row.template))
    };
    let template = match (Template::compile(&row.template, &row.blocks), &row.fault) {
        (Ok(template), None) => template,
        (Ok(_), Some(fault)) => return differs("compiles, but", String::new(), &fault.says),
        (Err(faults), None) => return differs("fault", faults[0].to_string(), "no fault"),
        (Err(faults), Some(wanted)) => {
            let fault = &faults[0];
            let at = &row.template[fault.span.clone()];
            let hint = fault.hint.clone().unwrap_or_default();
            if fault.code.name() != wanted.code || at != wanted.at {
                let got = format!("{} at {at}: {}", fault.code.name(), fault.message);
                return differs("fault", got, &format!("{} at {}", wanted.code, wanted.at));
            }
            if !fault.message.contains(&wanted.says) {
                return differs("fault", fault.message.clone(), &wanted.says);
            }
            return match &wanted.hint {
                Some(wanted) if !hint.contains(wanted.as_str()) => differs("hint", hint, wanted),
                _ => Ok(()),
            };
        }
    };
    if let Some(wanted) = &row.warns {
        let said = template.warnings().first().map(|warning| warning.message.clone());
        if !said.as_deref().is_some_and(|said| said.contains(wanted.as_str())) {
            return differs("warning", said.unwrap_or_default(), wanted);
        }
    }
    let got = run(row, &template);
    match (&row.gives, &row.aborts, &row.fails, got) {
        (Some(wanted), _, _, Ok(text)) if text == *wanted => {}
        (Some(wanted), _, _, Ok(text)) => return differs("gives", text, wanted),
        (_, Some(wanted), _, Err(Stop::Abort(reason))) if reason == *wanted => {}
        (_, _, Some(wanted), Err(Stop::Error(error))) if error.message.contains(wanted) => {}
        (None, None, None, _) => {}
        (.., got) => return differs("got", format!("{got:?}"), "what the row says"),
    }
    if let Some(wanted) = &row.value {
        let empty = json!({});
        let value = template.value(&view(row, &empty), &Options::default());
        if value.as_ref() != Ok(wanted) {
            return differs("value", format!("{value:?}"), &wanted.to_string());
        }
    }
    Ok(())
}

fn view<'a>(row: &'a Row, empty: &'a Value) -> JsonView<'a> {
    let or_empty = |value: &'a Value| if value.is_null() { empty } else { value };
    JsonView::new(or_empty(&row.user), or_empty(&row.data), NOW_MS)
}

/// Renders, answering requests by their address until nothing is asked any more.
fn run(row: &Row, template: &Template) -> Result<String, Stop> {
    let empty = json!({});
    let mut view = view(row, &empty);
    let options = Options { strict: row.strict, ..Options::default() };
    loop {
        let mut out = String::from(">");
        match template.render(&view, &options, &mut out) {
            Ok(()) => return Ok(out[1..].to_owned()),
            Err(Stop::Needs(requests)) => {
                assert_eq!(out, ">", "a stopped render leaves the text as it was");
                for request in requests {
                    let answer = match row.answers.get(&request.url) {
                        Some(Value::Number(status)) => Answer::new(
                            u16::try_from(status.as_u64().unwrap_or(0)).unwrap_or(0),
                            "",
                        ),
                        Some(Value::String(text)) => Answer::new(200, text.clone()),
                        Some(json) => Answer::new(200, json.to_string()),
                        None => return Err(Stop::Needs(vec![request])),
                    };
                    view.answered(request, answer);
                }
            }
            Err(stop) => {
                assert_eq!(out, ">", "a failed render leaves the text as it was");
                return Err(stop);
            }
        }
    }
}

fn table(file: &str) {
    let path = format!("{}/tests/cases/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the table can be read");
    let rows: Vec<Row> = serde_json::from_str(&text).expect("the table is well-formed");
    let wrong: Vec<String> = rows.iter().filter_map(|row| check(file, row).err()).collect();
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

macro_rules! tables {
    ($($name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            table(stringify!($name));
        }
    )*};
}

tables!(
    braze_fields,
    braze_tags,
    conditional_tags,
    loop_tags,
    variable_tags,
    verbatim_tags,
    values,
    array_filters,
    crypt_url_json_filters,
    date_filters,
    math_filters,
    text_filters,
    faults,
);

#[test]
fn conditions_hold_or_not() {
    let user =
        json!({"country": "FR", "language": "fr", "age": 30, "tags": ["a", "b"], "first name": ""});
    let data = json!({"context": {"total": 12.5}});
    let view = JsonView::new(&user, &data, NOW_MS);
    for (condition, holds) in [
        ("{{custom_attribute.${country}}} == 'FR' and ${language} contains 'f'", true),
        ("${language} contains 'x' or custom_attribute.${age} >= 30", true),
        ("custom_attribute.${tags} contains 'b'", true),
        ("custom_attribute.${first name} == blank", true),
        ("custom_attribute.${missing} != blank", false),
        ("{{context.${total}}} > 12", true),
        ("true", true),
        ("nil", false),
    ] {
        let compiled = Condition::compile(condition).expect(condition);
        let options = Options::default();
        assert_eq!(compiled.holds(&view, &options), Ok(holds), "{condition}");
    }
    for (condition, at, says) in [
        ("", "", "missing"),
        ("${a} = 1", "=", "unexpected character"),
        ("${a} == 'x' | upcase", "|", "expected `and`"),
        ("${a} == ", "==", "expected a value"),
        ("(${a} == 1) or ${b}", "==", "expected `..`"),
        ("{{${a} == 1", "{{", "not closed"),
    ] {
        let faults = Condition::compile(condition).expect_err(condition);
        assert_eq!(&condition[faults[0].span.clone()], at, "{condition}");
        assert!(faults[0].message.contains(says), "{condition}: {}", faults[0]);
    }
}
