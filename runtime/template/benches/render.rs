//! Renders a second of a User Update and of an HTML message, against minijinja on equivalent
//! templates, in one run.
//!
//! `cargo bench -p flowrun-template`. Every figure is the median of many short rounds; the two
//! engines take turns, so that both see the same machine. minijinja gets values it was built for
//! beforehand and a template compiled beforehand; what it renders is checked to be the same text.

use flowrun_template::{NoBlocks, Options, Root, Template, Value, View};
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 61;
const ROUND: Duration = Duration::from_millis(15);

const UPDATE: &str = r#"{"attributes":[{"vip":true,"tier":"{{custom_attribute.${tier} | default: 'none' | upcase}}","city":"{{${city} | json_escape}}","orders":{{custom_attribute.${orders} | plus: 1}}{% if custom_attribute.${tier} == 'gold' and ${country} contains 'F' %},"gift":"{{custom_attribute.${gifts}[0].name | json_escape}}"{% endif %}}]}"#;
const UPDATE_JINJA: &str = r#"{"attributes":[{"vip":true,"tier":"{{ (custom.tier or 'none') | upper }}","city":"{{ profile.city | jesc }}","orders":{{ custom.orders + 1 }}{% if custom.tier == 'gold' and 'F' in profile.country %},"gift":"{{ custom.gifts[0].name | jesc }}"{% endif %}}]}"#;

const ROW: &str = r#"<tr><td class="item" style="padding:8px 12px;border-bottom:1px solid #eeeeee;font-family:Helvetica,Arial,sans-serif;font-size:14px">{{ forloop.index }}. {{ item.name | escape }}</td><td class="price" style="padding:8px 12px;text-align:right;font-family:Helvetica,Arial,sans-serif">{% if item.sale %}<s>{{ item.price }}</s> <b style="color:#cc0000">{{ item.sale }}</b>{% else %}{{ item.price }}{% endif %}</td></tr>
"#;
const ROW_JINJA: &str = r#"<tr><td class="item" style="padding:8px 12px;border-bottom:1px solid #eeeeee;font-family:Helvetica,Arial,sans-serif;font-size:14px">{{ loop.index }}. {{ item.name | esc }}</td><td class="price" style="padding:8px 12px;text-align:right;font-family:Helvetica,Arial,sans-serif">{% if item.sale %}<s>{{ item.price }}</s> <b style="color:#cc0000">{{ item.sale }}</b>{% else %}{{ item.price }}{% endif %}</td></tr>
"#;

/// The host's data as flowrun keeps it: fields found by name, strings lent out.
struct User {
    profile: Vec<(&'static str, serde_json::Value)>,
    custom: Vec<(&'static str, serde_json::Value)>,
}

impl View for User {
    fn get(&self, root: Root, name: &str) -> Value<'_> {
        let fields = match root {
            Root::Profile => &self.profile,
            Root::Custom => &self.custom,
            _ => return Value::Nil,
        };
        let found = fields.iter().find(|(field, _)| *field == name);
        found.map_or(Value::Nil, |(_, value)| Value::json(value))
    }

    fn now(&self) -> i64 {
        1_700_000_000_000
    }
}

fn user() -> User {
    let items: Vec<serde_json::Value> = (1..=14)
        .map(|n| match n % 3 {
            0 => serde_json::json!({"name": format!("Thing & more {n}"), "price": "19.90", "sale": "9.90"}),
            _ => serde_json::json!({"name": format!("Plain thing {n}"), "price": "29.90"}),
        })
        .collect();
    User {
        profile: vec![
            ("first_name", "Ann".into()),
            ("last_name", "Lee".into()),
            ("email_address", "ann@example.com".into()),
            ("city", "Lyon \"centre\"".into()),
            ("country", "FR".into()),
            ("language", "fr".into()),
        ],
        custom: vec![
            ("tier", "gold".into()),
            ("orders", 41.into()),
            ("points", 1250.into()),
            ("gifts", serde_json::json!([{"name": "mug"}, {"name": "pen"}])),
            ("cart", items.into()),
        ],
    }
}

fn html() -> (String, String) {
    let head = "<html><head><title>News</title><style>body{margin:0;background:#f6f6f6;color:#222222}a{color:#0055cc}.item{width:70%}.price{width:30%}@media only screen and (max-width:480px){table{width:100%!important}h1{font-size:22px!important;line-height:28px!important}.price{white-space:nowrap}}</style></head>\n<body><table width=\"600\" align=\"center\" cellpadding=\"0\" cellspacing=\"0\" style=\"background:#ffffff\">\n";
    let hello = "<tr><td colspan=\"2\"><h1>Hi {NAME}!</h1><p>You have <b>{{ POINTS }}</b> points{% if POINTS > 1000 %}, enough for a gift{% endif %}. Here is what is waiting in your cart in CITY:</p></td></tr>\n";
    let foot = "</table><p style=\"font-size:11px;color:#888888\">You get this message because you asked for news. If you would rather not, <a href=\"https://example.com/unsubscribe?u={MAIL}\">tell us</a>.</p></body></html>\n";
    let ours = hello
        .replace("{NAME}", "{{${first_name} | default: 'there' | escape}}")
        .replace("POINTS", "custom_attribute.${points}")
        .replace("CITY", "{{${city} | escape}}");
    let theirs = hello
        .replace("{NAME}", "{{ (profile.first_name or 'there') | esc }}")
        .replace("POINTS", "custom.points")
        .replace("CITY", "{{ profile.city | esc }}");
    let source = format!(
        "{head}{ours}{{% for item in custom_attribute.${{cart}} %}}{ROW}{{% endfor %}}{}",
        foot.replace("{MAIL}", "{{${email_address} | url_encode}}")
    );
    let jinja = format!(
        "{head}{theirs}{{% for item in custom.cart %}}{ROW_JINJA}{{% endfor %}}{}",
        foot.replace("{MAIL}", "{{ profile.email_address | urlenc }}")
    );
    (source, jinja)
}

fn escaped(text: &str, replaced: &[(char, &str)]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match replaced.iter().find(|(plain, _)| *plain == c) {
            Some((_, safe)) => out.push_str(safe),
            None => out.push(c),
        }
    }
    out
}

fn jinja() -> minijinja::Environment<'static> {
    let mut environment = minijinja::Environment::new();
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    let mut syntax = minijinja::syntax::SyntaxConfig::builder();
    syntax.keep_trailing_newline(true);
    environment.set_syntax(syntax.build().expect("the syntax is valid"));
    environment.add_filter("jesc", |text: &str| escaped(text, &[('"', "\\\""), ('\\', "\\\\")]));
    environment.add_filter("esc", |text: &str| {
        let safe = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];
        escaped(text, &safe)
    });
    environment.add_filter("urlenc", |text: &str| escaped(text, &[('@', "%40")]));
    environment
}

fn main() {
    let user = user();
    let fields = |list: &[(&'static str, serde_json::Value)]| {
        let pairs =
            list.iter().map(|(k, v)| (*k, minijinja::Value::from(minijinja::value::Serde(v))));
        minijinja::Value::from_pairs(pairs)
    };
    let context = minijinja::Value::from_pairs([
        ("profile", fields(&user.profile)),
        ("custom", fields(&user.custom)),
    ]);
    let (message, message_jinja) = html();
    let cases = [
        ("User Update JSON", UPDATE.to_owned(), UPDATE_JINJA.to_owned()),
        ("HTML message", message, message_jinja),
    ];
    println!(
        "{:<18} {:>8} {:>8} {:>14} {:>14} {:>7}",
        "template", "source B", "output B", "flowrun /s", "minijinja /s", "ratio"
    );
    for (name, source, jinja_source) in cases {
        let template = Template::compile(&source, &NoBlocks).expect("the template compiles");
        let environment = jinja();
        let other =
            environment.template_from_str(&jinja_source).expect("the other template compiles");
        let mut out = String::new();
        template.render(&user, &Options::default(), &mut out).expect("the template renders");
        let same = other.render(&context).expect("the other template renders");
        assert_eq!(out, same, "{name}: the two engines must print the same");
        let (ours, theirs) = race(
            || {
                out.clear();
                _ = template.render(black_box(&user), &Options::default(), &mut out);
                black_box(&out);
            },
            || {
                black_box(other.render(black_box(&context)).ok());
            },
        );
        println!(
            "{name:<18} {:>8} {:>8} {ours:>14.0} {theirs:>14.0} {:>6.2}x",
            source.len(),
            same.len(),
            ours / theirs
        );
        let compiled = median(&mut (0..ROUNDS).map(|_| {
            let start = Instant::now();
            black_box(Template::compile(black_box(&source), &NoBlocks).ok());
            start.elapsed().as_secs_f64() * 1e6
        }));
        println!("{:<18} compile {compiled:.1} us", "");
    }
}

/// Runs of two things a second, in turns.
fn race(mut first: impl FnMut(), mut second: impl FnMut()) -> (f64, f64) {
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(rate(&mut first));
        two.push(rate(&mut second));
    }
    (median(&mut one.into_iter()), median(&mut two.into_iter()))
}

fn rate(run: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut count = 0u32;
    while start.elapsed() < ROUND {
        for _ in 0..64 {
            run();
        }
        count += 64;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

fn median(figures: &mut dyn Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
