//! Thousands of damaged Canvases, the same ones in every run. Whatever the text is, a load
//! ends, says something sensible, and every place it names lies within the text.
//!
//! The corpus is `corpus/` and `faults/`; a text that once broke something goes there.
//! `FUZZ_ROUNDS=1000000 cargo test -p flowrun-canvas --release --test fuzz` looks longer.

mod catalogue;

use std::path::Path;

use catalogue::load_text;
use flowrun_canvas::{Loaded, codes, render_json, render_sarif, render_text};

/// A small generator of numbers: the point is that every run is the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // Marsaglia's xorshift with a multiplication behind it.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides.max(1)
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.roll(of.len())]
    }
}

/// Pieces that mean something to YAML, to Liquid or to a Canvas.
const PIECES: [&str; 62] = [
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ": ",
    "- ",
    "? ",
    "|",
    ">",
    "|-\n",
    ">+\n",
    "&a ",
    "*a",
    "!t ",
    "!!str ",
    "<<: ",
    "\"",
    "'",
    "\\",
    "\n",
    "\n  ",
    "\n      ",
    "\t",
    " ",
    "#",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "~",
    "null",
    "true",
    "09:00",
    "010",
    "1e999",
    "\u{feff}",
    "\u{0}",
    "ä",
    "\u{202e}",
    "😀",
    "\r\n",
    "\u{85}",
    "\u{2028}",
    "{{",
    "}}",
    "{%",
    "%}",
    "${",
    "id: ",
    "next: ",
    "steps:\n",
    "canvas: ",
    "delay: ",
    "message: ",
    "exit: ",
    "if: ",
    "$slot",
    "paths:\n",
    "hello.liquid",
    "{{content_blocks.${outer}}}",
    "\\u00",
];

fn mutate(text: &str, other: &str, dice: &mut Dice) -> String {
    let mut text = text.to_owned();
    for _ in 0..=dice.roll(4) {
        let at = place(&text, dice);
        match dice.roll(6) {
            0 => text.insert_str(at, dice.pick(&PIECES)),
            1 => {
                let end = place(&text, dice).clamp(at, text.len().min(at + 40).max(at));
                let end = boundary(&text, end);
                text.replace_range(at..end.max(at), "");
            }
            2 => {
                let end = boundary(&text, (at + dice.roll(60)).min(text.len())).max(at);
                let piece = text[at..end].to_owned();
                let to = place(&text, dice);
                text.insert_str(to, &piece);
            }
            3 => text.truncate(at),
            4 => {
                let from = place(other, dice);
                let end = boundary(other, (from + dice.roll(200)).min(other.len())).max(from);
                text.insert_str(at, &other[from..end]);
            }
            _ => {
                let times = 1 + dice.roll(90);
                let piece = dice.pick(&PIECES).repeat(times);
                text.insert_str(at, &piece);
            }
        }
    }
    text
}

fn place(text: &str, dice: &mut Dice) -> usize {
    boundary(text, dice.roll(text.len() + 1))
}

fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Steps that are put together from parts that may fit or not.
fn made_up(dice: &mut Dice) -> String {
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h", "A", "~", "[x]"];
    let kinds = [
        "delay: 1d",
        "delay: { for: 2d, at: 09:00 }",
        "exit: done",
        "exit:",
        "delay:",
        "message: { channel: email, body: \"{{${x}}}\" }",
        "message: { channel: emial, body_file: hello.liquid }",
        "decision_split: { if: \"{{${x}}} == 1\", then: b, else: c }",
        "decision_split: { if: true, then: a }",
        "decision_split: { if: [1], then: {} }",
        "audience_paths: { paths: [{ if: \"x\", next: c }, { if: true, name: y }], else: d }",
        "experiment_paths: { paths: [{ name: x, weight: 50, next: e }, { name: y, weight: 50 }] }",
        "user_update: { attributes: [{ a: \"{{${x}}}\", $slot: 1 }], timeout: 10m }",
        "user_update:\n      json: |\n        {\"a\": \"{{ ${x} | nix }}\"}",
        "webhook: { url: x, login: { type: token, named: y, more: z } }",
        "user_update: { json: '{\"a\": {{custom_attribute.${x}}}, \"b\": {{ context.${y} }}}' }",
        "context: { set: { x: 1, y: \"{{x}}{{event_properties.${z}}}\" } }",
        "broken: { anything: 1, circle: [] }",
        "action_paths: {}",
        "unknown: 1",
        "",
    ];
    let mut text = String::from("canvas: made_up\nsteps:\n");
    for _ in 0..dice.roll(5) {
        text.push_str(&format!("  - id: {}\n    {}\n", dice.pick(&ids), dice.pick(&kinds)));
        for door in ["next", "on_failure", "on_timeout"] {
            if dice.roll(6) == 0 {
                text.push_str(&format!("    {door}: {}\n", dice.pick(&ids)));
            }
        }
    }
    text
}

fn check(text: &str) {
    let loaded = load_text(text);
    let errors = loaded.diagnostics.iter().any(|one| one.is_error());
    assert_eq!(loaded.canvas.is_some(), !errors, "{text:?}");
    for one in &loaded.diagnostics {
        assert!(codes::page(one.code.as_str()).is_some(), "{} has a page", one.code);
        assert!(!one.message.contains(char::is_control), "{:?}", one.message);
        within(&loaded, &one.file, &one.span, text);
        assert!(one.line() >= 1 && one.column() >= 1 && one.start() <= one.end());
        for label in &one.related {
            within(&loaded, &label.file, &label.span, text);
        }
        if let Some(suggestion) = &one.suggestion {
            within(&loaded, &one.file, &suggestion.span, text);
        }
    }
    render_text(&loaded.diagnostics, &loaded.sources, false);
    render_json(&loaded.diagnostics, &loaded.sources);
    render_sarif(&loaded.diagnostics, &loaded.sources);
}

fn within(loaded: &Loaded, file: &str, span: &std::ops::Range<usize>, text: &str) {
    let source = loaded.sources.iter().find(|source| source.path == file);
    let source = source.unwrap_or_else(|| panic!("{file} is a source of {text:?}"));
    assert!(source.text.get(span.clone()).is_some(), "{span:?} in {file} of {text:?}");
}

fn corpus() -> Vec<String> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files: Vec<_> = ["corpus", "faults"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(tests.join(folder)).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    let files = files.iter().map(|path| std::fs::read(path).expect("a file"));
    let mut texts: Vec<String> =
        files.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
    texts.extend(codes::all().flat_map(|page| [page.wrong.to_owned(), page.right.to_owned()]));
    texts
}

fn rounds(usual: usize) -> usize {
    std::env::var("FUZZ_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn damaged_canvases_are_survived() {
    let corpus = corpus();
    corpus.iter().for_each(|text| check(text));
    let mut dice = Dice(0x5EED_0001);
    for _ in 0..rounds(2_500) {
        let (text, other) = (dice.roll(corpus.len()), dice.roll(corpus.len()));
        let mut text = mutate(&corpus[text], &corpus[other], &mut dice);
        text.truncate(boundary(&text, text.len().min(20_000)));
        check(&text);
    }
}

#[test]
fn made_up_canvases_are_survived() {
    let mut dice = Dice(0x5EED_0002);
    let mut sound = 0;
    for _ in 0..rounds(2_500) {
        let text = made_up(&mut dice);
        check(&text);
        sound += usize::from(load_text(&text).canvas.is_some());
    }
    assert!(sound > 20, "some of them are right, so that graphs are made: {sound}");
}
