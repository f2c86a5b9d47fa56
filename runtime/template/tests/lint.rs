//! What a checker learns about a template without rendering it.

use flowrun_template::{NoBlocks, Root, Template};
use std::collections::BTreeMap;

fn compile(source: &str) -> Template {
    Template::compile(source, &NoBlocks).expect(source)
}

fn reads(source: &str) -> Vec<String> {
    let uses = compile(source);
    let reads = uses.uses().reads.iter();
    reads
        .map(|read| {
            let mut name = read.root.written(&read.name);
            for key in &read.path {
                name += ".";
                name += key;
            }
            assert!(source[read.span.clone()].contains(read.name.as_str()), "{source}");
            name
        })
        .collect()
}

#[test]
fn everything_read_is_listed_with_its_place() {
    for (source, wanted) in [
        ("{{${first_name}}} {{${first_name}}}", vec!["${first_name}", "${first_name}"]),
        ("{{custom_attribute.${a b}.c[0].d}}", vec!["custom_attribute.${a b}.c"]),
        (
            "{% if {{context.${x}}} == event_properties.${y} %}{% endif %}",
            vec!["context.${x}", "event_properties.${y}"],
        ),
        ("{{ a.b['c'] | append: d }}", vec!["a.b.c", "d"]),
        ("{% assign a = b %}{{ a }}{{ c }}", vec!["b", "c"]),
        ("{{ a }}{% assign a = 1 %}", vec![]),
        ("{% for x in list %}{{ x.y }}{{ forloop.index }}{% endfor %}{{ x }}", vec!["list", "x"]),
        ("{% capture c %}{{ d }}{% endcapture %}{% increment n %}{{ c }}{{ n }}", vec!["d"]),
        ("{{ m[k] }}{{ ['lit'] }}", vec!["k", "m", "lit"]),
        (
            "{% connected_content https://x.org/{{${user_id}}} :save r %}{{ r.v }}",
            vec!["${user_id}"],
        ),
        ("{% raw %}{{ a }}{% endraw %}{% comment %}{{ b }}{% endcomment %}", vec![]),
    ] {
        assert_eq!(reads(source), wanted, "{source}");
    }
    let template = compile("{{${a}}}{{custom_attribute.${b}}}");
    assert_eq!(template.uses().of(Root::Custom).count(), 1);
}

#[test]
fn blocks_network_and_aborts_are_listed() {
    let blocks = BTreeMap::from([
        ("a".to_owned(), "{{content_blocks.${b}}}{{ v }}".to_owned()),
        ("b".to_owned(), "{% abort_message('x') %}".to_owned()),
    ]);
    let source = "x {{content_blocks.${a}}} {% connected_content https://x.org %}";
    let template = Template::compile(source, &blocks).expect("it compiles");
    let uses = template.uses();
    let names: Vec<&str> = uses.blocks.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(&source[uses.blocks[1].1.clone()], "content_blocks.${a}");
    assert_eq!(&source[uses.reads[0].span.clone()], "content_blocks.${a}");
    assert_eq!(&source[uses.aborts[0].clone()], "content_blocks.${a}");
    assert!(uses.needs_network());
    assert_eq!(&source[uses.connected_content[0].clone()], "{% connected_content https://x.org %}");
}

#[test]
fn values_in_json_are_judged() {
    let source = concat!(
        r#"{"a":"{{ a }}","b":"{{ b | json_escape }}","c":{{ c | as_json_string }},"#,
        r#""d":{{ d }},"e":{{ e | plus: 1 }},"f":"\"{{ f }}","g":"{{ 'lit' }}""#,
        r#"{% if x %},"h":"{{ h }}"{% else %},"i":"{{ i }}"{% endif %}}"#
    );
    let template = compile(source);
    let judged: Vec<(&str, Option<bool>, bool, bool, bool)> = template
        .outputs()
        .iter()
        .map(|o| {
            (
                &source[o.span.clone()],
                o.inside_json_string,
                o.escaped_for_json,
                o.prints_quotes,
                o.is_literal,
            )
        })
        .collect();
    assert_eq!(
        judged,
        [
            ("{{ a }}", Some(true), false, false, false),
            ("{{ b | json_escape }}", Some(true), true, false, false),
            ("{{ c | as_json_string }}", Some(false), true, true, false),
            ("{{ d }}", Some(false), false, false, false),
            ("{{ e | plus: 1 }}", Some(false), true, false, false),
            ("{{ f }}", Some(true), false, false, false),
            ("{{ 'lit' }}", Some(true), false, false, true),
            ("{{ h }}", Some(true), false, false, false),
            ("{{ i }}", Some(true), false, false, false),
        ]
    );
    assert_eq!(compile("Hi {{ a }}").outputs()[0].inside_json_string, None);
}

#[test]
fn plain_text_and_single_values_are_recognised() {
    for (source, constant, single) in [
        ("", Some(""), false),
        ("plain { text }", Some("plain { text }"), false),
        ("a{% comment %}x{% endcomment %}b{% raw %}{{c}}{% endraw %}", Some("ab{{c}}"), false),
        ("{{ a }}", None, true),
        ("{{ a | plus: 1 }}", None, true),
        (" {{ a }}", None, false),
        ("{% if a %}{% endif %}", None, false),
    ] {
        let template = compile(source);
        assert_eq!(template.constant(), constant, "{source}");
        assert_eq!(template.single_output(), single, "{source}");
    }
}

#[test]
fn likely_mistakes_are_warnings() {
    for (source, at) in [
        ("{% if a == '{{b}}' %}{% endif %}", "{{"),
        ("{% case a b %}{% endcase %}", "b"),
        ("{% case a %}{% when 1 and 2 %}{% endcase %}", "and 2"),
    ] {
        let template = compile(source);
        assert_eq!(&source[template.warnings()[0].span.clone()], at, "{source}");
    }
}
