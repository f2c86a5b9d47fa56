//! Whatever a template tries, it ends: soon, in little memory, and with an error that says why.

use flowrun_template::{
    Budget, FaultCode, JsonView, NoBlocks, Options, Stop, Template, filters, tags,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Generous: tests run unoptimized and beside each other.
const SOON: Duration = Duration::from_secs(5);

fn render(source: &str) -> Result<String, Stop> {
    let template = Template::compile(source, &NoBlocks).expect(source);
    let user = json!({"name": "Ann"});
    let data = json!({"list": [1, 2, 3], "text": "x".repeat(1000)});
    let mut out = String::new();
    let started = Instant::now();
    let result = template.render(&JsonView::new(&user, &data, 0), &Options::default(), &mut out);
    assert!(started.elapsed() < SOON, "{source} took {:?}", started.elapsed());
    result.map(|()| out)
}

fn stops(source: &str, says: &str) {
    match render(source) {
        Err(Stop::Error(error)) => {
            assert!(error.message.contains(says), "{source}: {}", error.message);
        }
        other => panic!("{source}: {:?}", other.map(|text| text.len())),
    }
}

#[test]
fn endless_work_stops() {
    let steps = "step budget";
    stops("{% for i in (1..9999999999) %}{{ '' }}{% endfor %}", steps);
    stops("{% for i in (1..9999999999) %}{% endfor %}", steps);
    stops(
        "{% for i in (1..9999) %}{% for j in (1..9999) %}{% assign x = j %}{% endfor %}{% endfor %}",
        steps,
    );
    stops("{% tablerow i in (1..9999999999) %}{% endtablerow %}", "");
    stops("{{ (1..9999999999) | join: '' }}", steps);
    stops("{{ (1..9999999999) | size }}{{ (1..9999999999) | reverse }}", steps);
    stops("{{ (1..100000) | sort | reverse | sort }}", "budget");
    stops(
        "{% assign a = (1..3000) | join: ',' | split: ',' %}{% for i in a %}{{ a | sort | uniq | size }}{% endfor %}",
        "budget",
    );
    stops(
        "{% for i in (1..9999999) offset: 9223372036854775807 limit: 9223372036854775807 %}x{% endfor %}{% for i in (1..9999999) %}x{% endfor %}",
        "",
    );
}

#[test]
fn growth_stops() {
    let double = "{% assign s = s | append: s %}".repeat(40);
    stops(&format!("{{% assign s = 'xxxxxxxx' %}}{double}{{{{ s }}}}"), "memory budget");
    let double = "{% capture s %}{{ s }}{{ s }}{% endcapture %}".repeat(40);
    stops(&format!("{{% assign s = 'xxxxxxxx' %}}{double}"), "");
    let grow = "{% assign s = s | replace: 'x', 'xxxxxxxxxxxxxxxx' %}".repeat(40);
    stops(&format!("{{% assign s = 'x' %}}{grow}"), "memory budget");
    let list = "{% assign s = s | concat: s %}".repeat(40);
    stops(&format!("{{% assign s = 'x,y' | split: ',' %}}{list}"), "budget");
    stops("{% for i in (1..99999) %}{{ text }}{% endfor %}", "prints too much");
    stops(
        "{{ 'now' | date: '%1024Y%1024Y' | append: 'x' | split: '' | join: text | split: '' | join: text }}",
        "",
    );
    stops(&format!("{{{{ 'now' | date: '{}' }}}}", "%1024Y".repeat(60_000)), "");
}

#[test]
fn a_smaller_budget_is_kept() {
    let template =
        Template::compile("{% for i in (1..100) %}{{ i }}{% endfor %}", &NoBlocks).unwrap();
    let empty = json!({});
    let view = JsonView::new(&empty, &empty, 0);
    let mut options = Options::default();
    let mut out = String::from("before");
    assert_eq!(template.render(&view, &options, &mut out), Ok(()));
    out.truncate(6);
    for budget in [
        Budget { steps: 50, ..Budget::default() },
        Budget { output_bytes: 50, ..Budget::default() },
        Budget { depth: 1, ..Budget::default() },
    ] {
        options.budget = budget;
        assert!(matches!(template.render(&view, &options, &mut out), Err(Stop::Error(_))));
        assert_eq!(out, "before");
    }
}

#[test]
fn deep_sources_are_faults_and_not_crashes() {
    for source in [
        "{% if a %}".repeat(100_000),
        "{% for a in b %}".repeat(60_000),
        "{% capture a %}".repeat(60_000),
        "{% case a %}{% when 1 %}".repeat(40_000),
        "{% comment %}".repeat(70_000),
        "{% raw %}".repeat(100_000),
        "{% liquid liquid ".repeat(60_000),
        format!("{{{{ {} }}}}", "(".repeat(1 << 20)),
        format!("{{{{ {} }}}}", "[".repeat(1 << 20)),
        format!("{{{{ a{} }}}}", "[a".repeat(1 << 19)),
        format!("{{% if {} %}}", "(".repeat(1 << 20)),
        "{{".repeat(500_000),
        "{%".repeat(500_000),
        "${".repeat(500_000),
        "{{${".repeat(250_000),
        "{{ ' ".repeat(200_000),
        format!("{{{{ a {} }}}}", "| upcas ".repeat(120_000)),
        "{% iff %}".repeat(100_000),
        "{{ custom.${x} }}".repeat(100_000),
        "x".repeat(3 << 20),
    ] {
        let started = Instant::now();
        let compiled = Template::compile(&source, &NoBlocks);
        let head: String = source.chars().take(20).collect();
        assert!(started.elapsed() < SOON, "{head} took {:?}", started.elapsed());
        if !head.starts_with("${") {
            let faults = compiled.expect_err(&head);
            assert!(faults.len() <= 100 && !faults.is_empty(), "{head}");
        }
    }
    let nested = "{% if true %}".repeat(99) + "x" + &"{% endif %}".repeat(99);
    assert_eq!(render(&nested), Ok("x".to_owned()));
    let deeper = "{% if true %}".repeat(101) + "x" + &"{% endif %}".repeat(101);
    let faults = Template::compile(&deeper, &NoBlocks).expect_err("too deep");
    assert_eq!(faults[0].code, FaultCode::TooDeep);
    assert_eq!(faults.len(), 1, "one fault is enough: {faults:?}");
}

#[test]
fn long_chains_compile_and_render() {
    let filters = " | append: 'x'".repeat(2000);
    assert_eq!(render(&format!("{{{{ 'a'{filters} | size }}}}")), Ok("2001".to_owned()));
    let joined = "a or ".repeat(5000);
    assert_eq!(render(&format!("{{% if {joined} true %}}y{{% endif %}}")), Ok("y".to_owned()));
    let keys = ".a".repeat(50_000);
    assert_eq!(render(&format!("{{{{ a{keys} }}}}")), Ok(String::new()));
}

#[test]
fn blocks_are_bounded() {
    let mut blocks = BTreeMap::new();
    blocks.insert("a".to_owned(), "{{content_blocks.${b}}}".repeat(1000));
    blocks.insert("b".to_owned(), "x".repeat(50_000));
    let faults = Template::compile("{{content_blocks.${a}}}", &blocks).expect_err("too large");
    assert_eq!(faults[0].code, FaultCode::TooLarge);
    let mut blocks = BTreeMap::new();
    blocks.insert("a".to_owned(), "{{content_blocks.${a}}}{{content_blocks.${a}}}".repeat(50));
    let faults = Template::compile("{{content_blocks.${a}}}", &blocks).expect_err("recursive");
    assert_eq!(faults[0].code, FaultCode::BlockTooDeep);
}

#[test]
fn all_faults_are_found_in_one_go() {
    let source = "{{ a | nope }}{% if b = 1 %}{{ c | upcase: 2 }}{% endif %}{% wat %}{{ d | }}";
    let faults = Template::compile(source, &NoBlocks).expect_err("five faults");
    let at: Vec<&str> = faults.iter().map(|f| &source[f.span.clone()]).collect();
    assert_eq!(at, ["nope", "=", "upcase: 2", "{% wat %}", "|"]);
}

#[test]
fn the_catalogue_is_in_order() {
    assert!(tags().windows(2).all(|pair| pair[0].name < pair[1].name));
    assert!(filters().iter().filter(|filter| filter.braze).count() >= 60);
    let beyond = filters().iter().filter(|filter| !filter.braze).count();
    assert!(beyond > 5 && beyond < 25, "{beyond}");
}
