//! Canvases that nobody would write: drawn from a seed, each a valid one.

use std::fmt::Write;

use flowrun_simulation::faults::Dice;

/// How users get into a drawn Canvas.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    Start,
    Api,
    Event,
}

/// A drawn Canvas.
#[derive(Clone, Debug)]
pub struct Flow {
    pub name: String,
    pub yaml: String,
    pub entry: Entry,
}

const ZONES: [&str; 5] =
    ["Europe/Paris", "America/New_York", "UTC", "Australia/Lord_Howe", "Asia/Kolkata"];

/// Draws the Canvas of that number.
pub fn draw(seed: u64, number: usize) -> Flow {
    let mut dice = Dice::new(seed, &[10, number as u64]);
    let name = format!("flow{number}");
    let entry = *dice.pick(&[Entry::Start, Entry::Start, Entry::Api, Entry::Event]);
    let mut yaml = format!("canvas: {name}\ntime_zone: {}\n", dice.pick(&ZONES));
    yaml += match entry {
        Entry::Start => "entry:\n",
        Entry::Api => "entry:\n  api: true\n",
        Entry::Event => {
            "entry:\n  event: order\n  where: \"{{event_properties.${total}}} >= 10\"\n"
        }
    };
    yaml += *dice.pick::<&str>(&[
        "  reentry: never\n",
        "  reentry: always\n",
        "  reentry: { after: 1d }\n",
    ]);
    yaml += "steps:\n";
    let steps = 3 + dice.below(6) as usize;
    for step in 0..steps {
        let _ = writeln!(yaml, "  - id: s{step}");
        let later = |dice: &mut Dice| {
            let to = step as u64 + 1 + dice.below((steps - step) as u64);
            if to >= steps as u64 { "done".to_owned() } else { format!("s{to}") }
        };
        match dice.below(15) {
            0..=4 => update(&mut yaml, &mut dice, later),
            5..=7 => delay(&mut yaml, &mut dice),
            8 | 9 => message(&mut yaml, &mut dice, later),
            10 => {
                let (then, next) = (later(&mut dice), next(step, steps));
                let _ = writeln!(
                    yaml,
                    "    decision_split: {{ if: \"{{{{custom_attribute.${{n}}}}}} > 1\", \
                     then: {then}, else: {next} }}"
                );
            }
            11 => {
                let (a, next) = (later(&mut dice), next(step, steps));
                let share = 10 * dice.between(1, 9);
                let _ = writeln!(
                    yaml,
                    "    experiment_paths:\n      paths:\n        - {{ name: a, weight: {share}, \
                     next: {a} }}\n        - {{ name: b, weight: {}, next: {next} }}",
                    100 - share
                );
            }
            12 => {
                let _ = writeln!(
                    yaml,
                    "    context: {{ set: {{ seen: \"{{{{context.${{seen}} | plus: 1}}}}\" }} }}"
                );
            }
            13 => {
                let how = dice.pick(&["panics", "miscounts", "no_door", "moody"]);
                let _ = writeln!(yaml, "    unruly: {{ how: {how} }}");
                if dice.percent(50.0) {
                    let _ = writeln!(yaml, "    on_failure: {}", later(&mut dice));
                }
            }
            _ => {
                let _ = writeln!(
                    yaml,
                    "    webhook: {{ url: \"https://hooks.example.com/{step}\", body: \"{{}}\" }}"
                );
            }
        }
    }
    yaml += "  - id: done\n    exit: completed\n";
    yaml += "  - id: failed\n    exit: failed\n";
    // Somebody has to lead to it.
    yaml = yaml.replacen("steps:\n", "steps:\n  - id: first\n    decision_split: { if: \"{{custom_attribute.${never}}} == 'x'\", then: failed, else: s0 }\n", 1);
    Flow { name, yaml, entry }
}

fn next(step: usize, steps: usize) -> String {
    if step + 1 < steps { format!("s{}", step + 1) } else { "done".into() }
}

fn update(yaml: &mut String, dice: &mut Dice, later: impl Fn(&mut Dice) -> String) {
    let now = "{{ 'now' | date: '%Y-%m-%dT%H:%M:%SZ' }}";
    let json = match dice.below(8) {
        0 => r#"{"attributes": [{"vip": true, "n": {"inc": 1}}]}"#.to_owned(),
        1 => format!(
            r#"{{"attributes": [{{"tags": {{"add": ["a"]}}}}], "events": [{{"name": "seen", "time": "{now}"}}]}}"#
        ),
        2 => format!(
            r#"{{"purchases": [{{"product_id": "p", "currency": "EUR", "price": 1.5, "time": "{now}"}}]}}"#
        ),
        3 => r#"{"attributes": [{"last": "{{${user_id}}}"}, {"n": {"inc": 2}}, {"b": 1}]}"#.to_owned(),
        // Some users' updates can't be rendered, and some are aborted.
        4 => r#"{"attributes": [{"bucket": {% if {{${random_bucket_number}}} > 8000 %}oops{% else %}1{% endif %}}]}"#.to_owned(),
        5 => r#"{% if {{${random_bucket_number}}} < 2000 %}{% abort_message('not now') %}{% endif %}{"attributes": [{"asked": true}]}"#.to_owned(),
        // More than one request can take.
        6 if dice.percent(20.0) => {
            r#"{"events": [{% for i in (1..90) %}{"name": "e{{i}}", "time": "2026-01-01T00:00:00Z"}{% unless forloop.last %},{% endunless %}{% endfor %}]}"#.to_owned()
        }
        _ => r#"{"attributes": [{"n": {"inc": 1}}]}"#.to_owned(),
    };
    let _ = writeln!(yaml, "    user_update:\n      json: |\n        {json}");
    let timeout = dice.percent(40.0);
    if timeout {
        let _ = writeln!(yaml, "      timeout: {}", dice.pick(&["20s", "5m", "2h"]));
    }
    if dice.percent(50.0) {
        let to = if dice.percent(50.0) { "failed".to_owned() } else { later(dice) };
        let _ = writeln!(yaml, "    on_failure: {to}");
    }
    if timeout && dice.percent(50.0) {
        let _ = writeln!(yaml, "    on_timeout: {}", later(dice));
    }
}

fn delay(yaml: &mut String, dice: &mut Dice) {
    let lengths = ["30s", "5m", "1h", "8h", "1d", "2d", "3d 4h"];
    let zone = dice.pick(&["user", "Europe/Paris", "America/New_York"]);
    let _ = match dice.below(4) {
        0 => writeln!(yaml, "    delay: {{ weekday: monday, at: \"02:30\", zone: {zone} }}"),
        1 => {
            let at = dice.pick(&["02:30", "01:15", "09:00"]);
            writeln!(
                yaml,
                "    delay: {{ for: {}, at: \"{at}\", zone: {zone} }}",
                dice.pick(&["1d", "2d"])
            )
        }
        _ => writeln!(yaml, "    delay: {{ for: {} }}", dice.pick(&lengths)),
    };
}

fn message(yaml: &mut String, dice: &mut Dice, later: impl Fn(&mut Dice) -> String) {
    let delivery = dice.pick(&["at_least_once", "at_most_once"]);
    let body = dice.pick(&["Hello {{${first_name}}}", "n is {{custom_attribute.${n}}}"]);
    let _ =
        writeln!(yaml, "    message: {{ channel: email, body: \"{body}\", delivery: {delivery} }}");
    if dice.percent(40.0) {
        let _ = writeln!(yaml, "    on_failure: {}", later(dice));
    }
}
