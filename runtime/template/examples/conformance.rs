//! Measures the engine against a file of golden-liquid cases, which is not part of this project.
//!
//! `cargo run -p flowrun-template --example conformance -- CASES.json [--all]`
//!
//! Prints how many cases pass and which do not. Cases with partial templates (`include`,
//! `render`) are counted apart, because Braze has none. `--all` prints what came out as well.

use flowrun_template::{JsonView, NoBlocks, Options, Template};
use serde_json::{Value, json};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(path) = arguments.next() else {
        eprintln!("usage: conformance CASES.json [--all]");
        std::process::exit(2);
    };
    let all = arguments.any(|argument| argument == "--all");
    let text = std::fs::read_to_string(&path).expect("the file of cases can be read");
    let suite: Value = serde_json::from_str(&text).expect("the file of cases is JSON");
    let cases = suite["tests"].as_array().expect("the file has `tests`");
    let (mut passed, mut failed, mut partials) = (0, 0, 0);
    for case in cases {
        if uses_partials(case) {
            partials += 1;
            continue;
        }
        let got = run(case);
        if fits(case, &got) {
            passed += 1;
            continue;
        }
        failed += 1;
        println!("{}", case["name"].as_str().unwrap_or("?"));
        if all {
            println!("    template {}", case["template"]);
            println!("    data     {}", case["data"]);
            println!("    got      {got:?}");
            println!("    expected {}", expected(case));
        }
    }
    println!("passed {passed}, failed {failed}, with partials (not run) {partials}");
}

fn uses_partials(case: &Value) -> bool {
    let tags = case["tags"].as_array();
    case.get("templates").is_some()
        || tags
            .is_some_and(|tags| tags.iter().any(|tag| tag == "include tag" || tag == "render tag"))
}

fn run(case: &Value) -> Result<String, String> {
    let source = case["template"].as_str().unwrap_or_default();
    let template = Template::compile(source, &NoBlocks).map_err(|faults| faults[0].to_string())?;
    let empty = json!({});
    let data = case.get("data").filter(|data| data.is_object());
    let view = JsonView::new(&empty, data.unwrap_or(&empty), 1_700_000_000_000);
    let mut out = String::new();
    template.render(&view, &Options::default(), &mut out).map_err(|stop| stop.to_string())?;
    Ok(out)
}

fn fits(case: &Value, got: &Result<String, String>) -> bool {
    if case["invalid"] == json!(true) {
        return got.is_err();
    }
    let Ok(got) = got else { return false };
    match case.get("results") {
        Some(results) => results
            .as_array()
            .is_some_and(|results| results.iter().any(|result| result == got.as_str())),
        None => case["result"] == got.as_str(),
    }
}

fn expected(case: &Value) -> String {
    match (case.get("invalid"), case.get("results")) {
        (Some(_), _) => "an error".to_owned(),
        (None, Some(results)) => results.to_string(),
        (None, None) => case["result"].to_string(),
    }
}
