//! How long a Canvas of a thousand steps takes to load, beside what the bare YAML takes.
//!
//! Figures depend on the machine, so the ratio is the one to look at: the same text read
//! by the same parser into a generic value, with no place, check, template or graph.
//! `cargo bench -p flowrun-canvas`

#[path = "../tests/catalogue/mod.rs"]
mod catalogue;

use std::hint::black_box;
use std::time::{Duration, Instant};

use flowrun_canvas::{Source, load, render_text};

const REPEATS: usize = 31;

fn main() {
    println!("{:<28} {:>9} {:>9} {:>9} {:>9}", "", "bytes", "yaml ms", "load ms", "ratio");
    for (name, text) in [
        ("1,000 steps with templates", canvas(1_000)),
        ("4,000 steps with templates", canvas(4_000)),
        ("1,000 steps, 250 faults", canvas(1_000).replace("upcase", "upcaes")),
    ] {
        let yaml = median(|| {
            let value: serde_json::Value = serde_yaml::from_str_with_options(
                &text,
                serde_yaml::options! { budget: serde_yaml::budget! { max_nodes: 1_000_000 } },
            )
            .expect("YAML");
            black_box(value);
        });
        let loaded = median(|| {
            let source = Source { path: "bench.yaml".to_owned(), text: text.clone() };
            let loaded = load(source, catalogue::catalogue(), &catalogue::Beside);
            assert_eq!(loaded.canvas.is_some(), !text.contains("upcaes"));
            black_box(render_text(&loaded.diagnostics, &loaded.sources, false));
        });
        println!(
            "{name:<28} {:>9} {:>9.2} {:>9.2} {:>9.2}",
            text.len(),
            millis(yaml),
            millis(loaded),
            millis(loaded) / millis(yaml)
        );
    }
}

/// The median of many runs: the least disturbed figure that is still honest.
fn median(mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..REPEATS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[REPEATS / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// What people write: a message, a wait, an update, a split, again and again.
fn canvas(steps: usize) -> String {
    let mut text = String::from("canvas: bench\ntime_zone: Europe/Paris\nsteps:\n");
    for number in 0..steps / 4 {
        text.push_str(&format!(
            "  - id: mail_{number}\n    message:\n      channel: email\n      subject: \"Hello {{{{${{first_name}} | upcase}}}}\"\n      body: |\n        Dear {{{{${{first_name}} | default: 'friend'}}}},\n        your points: {{{{custom_attribute.${{points}}}}}}{{% if custom_attribute.${{vip}} %}} and a gift{{% endif %}}.\n\
             \x20 - id: wait_{number}\n    delay: {{ for: 2d, at: \"09:00\", zone: user }}\n\
             \x20 - id: write_{number}\n    user_update:\n      json: '{{\"attributes\": [{{\"step\": {number}, \"nick\": \"{{{{${{first_name}} | json_escape}}}}\"}}]}}'\n      timeout: 10m\n    on_failure: sorry\n\
             \x20 - id: tier_{number}\n    audience_paths:\n      paths:\n        - {{ name: gold, if: \"{{{{custom_attribute.${{points}}}}}} > {number}\", next: sorry }}\n"
        ));
    }
    text.push_str("  - id: end\n    exit: completed\n  - id: sorry\n    exit: update_failed\n");
    text
}
