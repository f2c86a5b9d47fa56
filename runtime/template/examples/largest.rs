//! Times compiling the largest templates that there may be: a mebibyte of as many filters,
//! outputs or tags as fit. `cargo run --release -p flowrun-template --example largest`.

use std::time::{Duration, Instant};

use flowrun_template::{NoBlocks, Template};

const MIB: usize = 1 << 20;

fn main() {
    let full = |before: &str, piece: &str, after: &str| {
        let room = MIB - before.len() - after.len();
        format!("{before}{}{after}", piece.repeat(room / piece.len()))
    };
    for (what, text) in [
        ("one output, all filters", full("{{1", "|abs", "}}")),
        ("an output each", full("", "{{1|abs}}", "")),
        ("shortest outputs", full("", "{{1}}", "")),
        ("filters with arguments", full("{{1", "|plus:1", "}}")),
        ("assigns", full("", "{%assign a=1%}", "")),
        ("conditions", full("", "{%if 1%}{%endif%}", "")),
        ("unknown filters", full("{{1", "|abz", "}}")),
        ("text", full("", "a", "")),
    ] {
        let mut best = Duration::MAX;
        let mut outcome = String::new();
        for _ in 0..5 {
            let start = Instant::now();
            let compiled = Template::compile(&text, &NoBlocks);
            best = best.min(start.elapsed());
            outcome = match &compiled {
                Ok(_) => "compiled".to_owned(),
                Err(faults) => format!("{} faults", faults.len()),
            };
        }
        println!("{what:24} {best:>10.1?}  {outcome}");
    }
}
