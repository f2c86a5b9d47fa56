//! Random and broken templates: nothing panics, everything ends, spans lie on the text.
//!
//! The generator is seeded, so every run tries the same templates. `tests/corpus` keeps nasty
//! inputs, one per file; each is compiled, rendered, and taken apart.

use flowrun_template::{Budget, Condition, JsonView, NoBlocks, Options, Stop, Template};
use serde_json::{Value, json};

/// A small generator of numbers (splitmix64); what it yields is pinned by its seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap_or(0)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const VALUES: &[&str] = &[
    "a",
    "b.c",
    "list",
    "list[0]",
    "list[-1]",
    "obj",
    "obj.k",
    "text",
    "text.size",
    "nil",
    "true",
    "false",
    "empty",
    "blank",
    "1",
    "-2",
    "3.75",
    "99999999999999999999",
    "'x'",
    "''",
    "\"é ü\"",
    "(1..4)",
    "(a..b)",
    "${name}",
    "custom_attribute.${x y}",
    "custom_attribute.${arr}[0].k",
    "context.${t}.z",
    "$isoTimestamp",
    "[text]",
    "forloop.index",
    "forloop.parentloop.first",
    "'now'",
    "1709649015",
    "'2024-02-30'",
    "obj[text][0]",
    "deep",
];

const OPERATORS: &[&str] = &["==", "!=", "<>", "<", "<=", ">", ">=", "contains", "and", "or"];

const SCRAPS: &[&str] = &[
    "{{",
    "}}",
    "{%",
    "%}",
    "{%-",
    "-%}",
    "{{-",
    "-}}",
    "${",
    "}",
    "|",
    "'",
    "\"",
    "(",
    ")",
    "[",
    "]",
    "..",
    ".",
    ":",
    ",",
    "endif",
    "{% endif %}",
    "{% else %}",
    "é",
    "\u{0}",
    "\r\n",
    "-",
    "#",
    "{% raw %}",
    "{% endraw %}",
    "{% comment %}",
    "{% endcomment %}",
    "{% liquid",
    "%",
    "{",
    " ",
];

fn expression(dice: &mut Dice) -> String {
    let mut text = dice.pick(VALUES).to_owned();
    let filters = flowrun_template::filters();
    for _ in 0..dice.below(4) {
        text += " | ";
        text += filters[dice.below(filters.len())].name;
        for at in 0..dice.below(3) {
            text += if at == 0 { ": " } else { ", " };
            text += dice.pick(VALUES);
        }
    }
    text
}

fn condition(dice: &mut Dice) -> String {
    let mut text = dice.pick(VALUES).to_owned();
    for _ in 0..dice.below(3) {
        text += " ";
        text += dice.pick(OPERATORS);
        text += " ";
        text += dice.pick(VALUES);
    }
    text
}

fn body(dice: &mut Dice, depth: usize) -> String {
    let mut text = String::new();
    for _ in 0..dice.below(4) + 1 {
        text += &piece(dice, depth);
    }
    text
}

fn piece(dice: &mut Dice, depth: usize) -> String {
    let simple = depth == 0;
    match dice.below(if simple { 7 } else { 15 }) {
        0 => "text \n".to_owned(),
        1 | 2 => format!("{{{{ {} }}}}", expression(dice)),
        3 => format!(
            "{{% assign {} = {} %}}",
            dice.pick(&["a", "b", "text", "list"]),
            expression(dice)
        ),
        4 => format!("{{% cycle {}, {} %}}", dice.pick(VALUES), dice.pick(VALUES)),
        5 => dice
            .pick(&[
                "{% increment a %}",
                "{% decrement b %}",
                "{% break %}",
                "{% continue %}",
                "{% # c %}",
                "{% abort_message('x') %}",
            ])
            .to_owned(),
        6 => format!("{{%- echo {} -%}}", expression(dice)),
        7 => format!("{{% if {} %}}{}{{% endif %}}", condition(dice), body(dice, depth - 1)),
        8 => format!(
            "{{% unless {} %}}{}{{% elsif {} %}}{}{{% else %}}{}{{% endunless %}}",
            condition(dice),
            body(dice, depth - 1),
            condition(dice),
            body(dice, depth - 1),
            body(dice, depth - 1)
        ),
        9 | 10 => format!(
            "{{% for i in {} {} %}}{}{{% else %}}-{{% endfor %}}",
            dice.pick(VALUES),
            dice.pick(&["", "reversed", "limit: 2", "offset: continue", "limit: a offset: b"]),
            body(dice, depth - 1)
        ),
        11 => format!(
            "{{% tablerow i in {} cols: {} %}}{}{{% endtablerow %}}",
            dice.pick(VALUES),
            dice.pick(VALUES),
            body(dice, depth - 1)
        ),
        12 => format!(
            "{{% case {} %}}{{% when {}, {} %}}{}{{% else %}}{}{{% endcase %}}",
            dice.pick(VALUES),
            dice.pick(VALUES),
            dice.pick(VALUES),
            body(dice, depth - 1),
            body(dice, depth - 1)
        ),
        13 => format!("{{% capture b %}}{}{{% endcapture %}}{{{{ b }}}}", body(dice, depth - 1)),
        _ => format!("{{% ifchanged %}}{}{{% endifchanged %}}", body(dice, depth - 1)),
    }
}

/// Cuts, doubles, swaps and adds at random places.
fn broken(dice: &mut Dice, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..dice.below(4) + 1 {
        let at = dice.below(chars.len() + 1);
        let until = (at + dice.below(12)).min(chars.len());
        match dice.below(4) {
            0 => drop(chars.drain(at..until)),
            1 => {
                let copy: Vec<char> = chars[at..until].to_vec();
                chars.splice(at..at, copy);
            }
            2 => chars.truncate(at),
            _ => drop(chars.splice(at..at, dice.pick(SCRAPS).chars())),
        }
    }
    chars.into_iter().collect()
}

fn scene() -> (Value, Value) {
    let mut deep = json!("bottom");
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let user = json!({"name": "Ann \"Q\" <b>", "x y": 5, "arr": [{"k": "v"}, 2], "t": {"z": null}});
    let data = json!({
        "a": 3, "b": {"c": 4.5}, "list": [3, "x", null, {"k": [1, {"q": 2}]}, [1, [2]]],
        "obj": {"k": "v", "size": 1, "héllo wörld ": [7]}, "text": "héllo wörld ", "deep": deep,
        "context": {"t": {"z": "t"}},
    });
    (user, data)
}

fn options() -> Options {
    let budget =
        Budget { steps: 3000, output_bytes: 20_000, made_bytes: 100_000, ..Budget::default() };
    Options { strict: false, budget }
}

/// Compiles and renders; whatever comes of it is fine, as long as it keeps the rules.
fn try_out(source: &str, scene: &(Value, Value)) -> bool {
    match Template::compile(source, &NoBlocks) {
        Err(faults) => {
            assert!(!faults.is_empty(), "{source}");
            for fault in faults {
                assert!(source.get(fault.span.clone()).is_some(), "{source}: {fault:?}");
                assert!(!fault.message.is_empty());
            }
            false
        }
        Ok(template) => {
            let view = JsonView::new(&scene.0, &scene.1, 1_709_649_015_250);
            let mut out = String::from("start");
            match template.render(&view, &options(), &mut out) {
                Ok(()) => assert!(out.len() <= 5 + 20_000, "{source}"),
                Err(stop) => {
                    assert_eq!(out, "start", "{source}");
                    if let Stop::Error(error) = stop {
                        assert!(source.get(error.span).is_some(), "{source}");
                    }
                }
            }
            let mut again = String::from("start");
            _ = template.render(&view, &options(), &mut again);
            assert_eq!(out, again, "{source}: the same data gives the same text");
            _ = template.value(&view, &options());
            for used in &template.uses().reads {
                assert!(source.get(used.span.clone()).is_some(), "{source}: {used:?}");
            }
            true
        }
    }
}

#[test]
fn random_templates_keep_the_rules() {
    let scene = scene();
    let mut dice = Dice(20_240_305);
    let mut compiled = 0;
    for _ in 0..3000 {
        let source = body(&mut dice, 3);
        compiled += usize::from(try_out(&source, &scene));
        try_out(&broken(&mut dice, &source), &scene);
    }
    assert!(compiled > 300, "only {compiled} random templates are well-formed");
}

#[test]
fn heaps_of_scraps_keep_the_rules() {
    let scene = scene();
    let mut dice = Dice(7);
    for _ in 0..2000 {
        let mut source = String::new();
        for _ in 0..dice.below(30) {
            source += dice.pick(SCRAPS);
            source += dice.pick(VALUES);
        }
        try_out(&source, &scene);
        if let Ok(condition) = Condition::compile(&source) {
            let view = JsonView::new(&scene.0, &scene.1, 0);
            _ = condition.holds(&view, &options());
        }
    }
}

#[test]
fn nasty_inputs_keep_the_rules() {
    let scene = scene();
    let folder = format!("{}/tests/corpus", env!("CARGO_MANIFEST_DIR"));
    let mut dice = Dice(1);
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus can be read") {
        let path = entry.expect("the corpus can be listed").path();
        let source = std::fs::read_to_string(&path).expect("an input is text");
        count += 1;
        try_out(&source, &scene);
        for (at, _) in source.char_indices().step_by(3) {
            try_out(&source[..at], &scene);
        }
        for _ in 0..50 {
            try_out(&broken(&mut dice, &source), &scene);
        }
    }
    assert!(count >= 10);
}
