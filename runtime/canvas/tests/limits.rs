//! What a file may not do to the loader, whatever it holds: panic, hang, or take memory
//! beyond a small multiple of its size. And the codes that need a long file.

mod catalogue;

use std::time::{Duration, Instant};

use catalogue::load_text;
use flowrun_canvas::{codes, load_bytes, render_json, render_text, unreadable};

const MIB: usize = 1 << 20;

/// A million bytes of one thing after the other.
fn full_of(piece: &str) -> String {
    piece.repeat(MIB / piece.len())
}

#[test]
fn a_mebibyte_of_anything_is_refused_quickly() {
    let mut nasty: Vec<(String, String)> = [
        "[",
        "{",
        "- ",
        "{a: ",
        "[[",
        "? ",
        "&a ",
        "*a ",
        "!a ",
        "\"",
        "'",
        "|\n",
        ">\n",
        "a",
        "ä",
        "\t",
        "\n",
        " ",
        "#",
        "a: ",
        "a:\n",
        "- - ",
        "-\n",
        ": ",
        ",",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "a: b\n",
        "[],",
        "{},",
        "\u{feff}",
        "\r",
        "\u{85}",
        "- a\n",
        "<<: \n",
        "{{",
        "{%",
        "? a\n",
        "- [\n",
    ]
    .iter()
    .map(|piece| (format!("{piece:?}"), full_of(piece)))
    .collect();
    let headed = |body: String| format!("canvas: x\nsteps: {body}");
    nasty.push(("flow list of scalars".into(), headed(format!("[{}]", "a,".repeat(400_000)))));
    nasty.push(("deep and closed".into(), headed("[".repeat(60) + &"]".repeat(60))));
    nasty.push(("a scalar".into(), format!("canvas: {}", "a".repeat(MIB - 100))));
    nasty.push(("a quoted scalar".into(), format!("canvas: \"{}\"", "\\x41".repeat(MIB / 5))));
    nasty.push(("different keys".into(), (0..90_000).map(|n| format!("k{n}: 1\n")).collect()));
    nasty.push(("indented".into(), (0..1400).map(|n| format!("{}a:\n", " ".repeat(n))).collect()));
    nasty.push((
        "liquid".into(),
        format!(
            "canvas: x\nsteps:\n  - id: a\n    message: {{ channel: email, body: \"{}\" }}\n",
            "{{a|b}}".repeat(MIB / 7 - 20)
        ),
    ));
    nasty.push(("names".into(), {
        let step =
            |n| format!("- id: S{n}\n  next: t{n}\n  delay: {{ fro: 1, zone: Nowhere/{n} }}\n");
        format!("canvas: x\nsteps:\n{}", (0..9_999).map(step).collect::<String>())
    }));
    let templates = "\"{{x}}\",".repeat(100_000);
    nasty.push((
        "templates".into(),
        format!("canvas: x\nsteps:\n- id: a\n  user_update: {{ attributes: [{templates}] }}\n"),
    ));
    for (what, text) in nasty {
        let start = Instant::now();
        let loaded = load_text(&text);
        assert!(loaded.canvas.is_none(), "{what}");
        assert!(!loaded.diagnostics.is_empty(), "{what}");
        assert!(loaded.diagnostics.len() <= 1001, "{what}");
        let shown = render_text(&loaded.diagnostics, &loaded.sources, false);
        let told = render_json(&loaded.diagnostics, &loaded.sources);
        assert!(shown.len() < 16 * MIB && told.len() < 16 * MIB, "{what}");
        // Far above what it takes, and far below what a hang is; tests are not optimized.
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: {:?}", start.elapsed());
    }
}

/// A mebibyte of templates in which everything is to be warned of, in seconds.
#[test]
fn warnings_are_as_quick_as_errors() {
    let headed = |steps: String| format!("canvas: x\nsteps:\n{steps}");
    let step = |n: usize| {
        format!(
            "- id: s{n}\n  user_update: {{ json: '{{\"a\": {{{{${{q{n}}}}}}}{{{{x}}}}{{{{context.${{n{n}}}}}}}}}' }}\n"
        )
    };
    let slow = |n: usize| {
        format!(
            "- id: s{n}\n  user_update: {{ json: '{{% for i in (1..9999) %}}x{{% endfor %}}{{{{${{city}}}}}}' }}\n"
        )
    };
    for (what, text) in [
        (
            "names",
            format!(
                "canvas: x\nsteps:\n- id: a\n  message: {{ channel: email, body: \"{}\" }}\n",
                (0..60_000).map(|n| format!("{{{{${{n{n}}}}}}}")).collect::<String>()
            ),
        ),
        ("composers", headed((0..9_999).map(step).collect())),
        ("long visits", headed((0..9_999).map(slow).collect())),
    ] {
        let start = Instant::now();
        let loaded = load_text(&text);
        assert!(loaded.canvas.is_some(), "{what}: {:?}", loaded.diagnostics.first());
        assert!(what == "long visits" || loaded.diagnostics.len() == 1001, "{what}");
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: {:?}", start.elapsed());
    }
}

#[test]
fn limits_are_told() {
    let step = |number| format!("  - id: s{number}\n    exit: done\n");
    let cases = [
        (codes::TOO_LARGE, full_of("# more than enough\n") + &"#".repeat(64)),
        (codes::TOO_MANY, format!("canvas: x\nsteps: [{}]\n", "1,".repeat(200_001))),
        (codes::TOO_MANY_STEPS, {
            let steps: String = (0..10_001).map(step).collect();
            format!("canvas: x\nsteps:\n{steps}")
        }),
        (codes::AND_MORE, {
            let steps: String = (0..1200).map(|number| format!("  - id: S{number}\n")).collect();
            format!("canvas: x\nsteps:\n{steps}")
        }),
        (codes::TOO_DEEP, format!("canvas: x\nsteps:\n  {}", "- ".repeat(80))),
    ];
    for (code, text) in cases {
        let found = load_text(&text).diagnostics;
        assert!(found.iter().any(|one| one.code == code), "{code}: {:?}", found.first());
    }
}

#[test]
fn ten_thousand_steps_are_a_canvas() {
    let mut text = String::from("canvas: long\nsteps:\n");
    for number in 0..9_999 {
        text.push_str(&format!("  - id: s{number}\n    delay: {{ for: 1d }}\n"));
    }
    text.push_str("  - id: last\n    exit: done\n");
    let loaded = load_text(&text);
    assert_eq!(loaded.diagnostics, []);
    assert_eq!(loaded.canvas.map(|canvas| canvas.node_count()), Some(10_000));
}

#[test]
fn a_circle_of_ten_thousand_steps_is_named_in_short() {
    let mut text = String::from("canvas: long\nsteps:\n");
    for number in 0..9_999 {
        text.push_str(&format!("  - id: s{number}\n    delay: {{ for: 1d }}\n"));
    }
    text.push_str("  - id: last\n    delay: 1d\n    next: s0\n");
    let found = load_text(&text).diagnostics;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code, codes::CYCLE);
    assert!(found[0].message.len() < 300 && found[0].related.len() <= 12);
}

/// Bytes of a file, and what is said of them: code, line, column, words.
#[test]
fn what_is_not_utf8_has_a_place_and_hides_nothing() {
    let latin =
        b"canvas: a\ndescription: \xc3\xa9 caf\xe9 \xe9\nstps: []\nsteps:\n- id: b\n  exit: c\n";
    let utf16 = b"\xff\xfec\0a\0n\0v\0a\0s\0:\0".to_vec();
    let mut cut = "canvas: a\n".to_owned() + &"# ".repeat(MIB / 2);
    cut.push('é');
    let cut = cut.into_bytes()[..MIB + 1].to_vec();
    for (bytes, expected) in [
        (
            latin.to_vec(),
            &[
                ("FR0120", 2, 19, "save the file as UTF-8; there is one more such place"),
                ("FR0113", 3, 1, ""),
            ][..],
        ),
        (b"canvas: a\nsteps:\n- id: b\n  exit: c\n# \xe9".to_vec(), &[("FR0120", 5, 3, "")]),
        (utf16, &[("FR0120", 1, 1, "it looks like UTF-16: save the file as UTF-8")]),
        (cut, &[("FR0102", 1, 1, "")]),
        (b"canvas: a\nsteps: [{id: b, exit: c}]\n".to_vec(), &[]),
    ] {
        let path = "a.yaml".to_owned();
        let loaded = load_bytes(path, bytes, catalogue::catalogue(), &catalogue::Beside);
        assert_eq!(loaded.diagnostics.len(), expected.len(), "{:?}", loaded.diagnostics);
        for (found, (code, line, column, hint)) in loaded.diagnostics.iter().zip(expected) {
            assert_eq!((found.code.as_str(), found.line()), (*code, *line), "{found:?}");
            assert_eq!(found.column(), *column, "{found:?}");
            assert!(found.hint.as_deref().unwrap_or_default().contains(hint), "{found:?}");
        }
        assert_eq!(loaded.canvas.is_some(), expected.is_empty());
        let text = render_text(&loaded.diagnostics, &loaded.sources, false);
        assert_eq!(text.is_empty(), expected.is_empty());
    }
    let none = unreadable("none.yaml".to_owned(), "there is no such file");
    let text = render_text(&none.diagnostics, &none.sources, false);
    assert!(
        text.contains("error[FR0121]: the Canvas can't be read: there is no such file\n"),
        "{text}"
    );
    assert!(text.contains("--> none.yaml"), "{text}");
}

/// Files that are large and hold as much Liquid as fits: each name another text.
struct Dense;

impl flowrun_canvas::Files for Dense {
    fn read(&self, name: &str) -> Result<String, String> {
        match name {
            "plain.txt" => Ok("a".repeat(MIB)),
            _ => Ok(format!("{name}{}", "{{a}}".repeat(MIB / 8))),
        }
    }

    fn block(&self, _: &str) -> Option<String> {
        Some("{{a}}".repeat(10_000))
    }

    fn block_names(&self) -> Vec<String> {
        vec!["dense".to_owned()]
    }
}

#[test]
fn what_lies_beside_a_small_file_cannot_fill_the_memory() {
    let steps = |count: usize, message: &dyn Fn(usize) -> String| {
        let step = |n| format!("- {{ id: s{n}, message: {{ channel: email, {} }} }}\n", message(n));
        format!("canvas: x\nsteps:\n{}", (0..count).map(step).collect::<String>())
    };
    let block = "{{content_blocks.${dense}}}";
    for (text, refused) in [
        // One text that many steps have is compiled once.
        (steps(20, &|_| "body_file: same.liquid".to_owned()), None),
        (steps(20, &|n| format!("body_file: {n}.liquid")), Some("MiB of tags and outputs")),
        (steps(9000, &|n| format!("body: \"{n} {block}\"")), Some("MiB of tags and outputs")),
        (steps(9, &|_| "body_file: plain.txt".to_owned()), None),
        (steps(9000, &|_| "body_file: plain.txt".to_owned()), Some("the texts of a Canvas have")),
    ] {
        let began = Instant::now();
        let bytes = text.into_bytes();
        let loaded = load_bytes("x.yaml".to_owned(), bytes, catalogue::catalogue(), &Dense);
        let errors: Vec<_> = loaded
            .diagnostics
            .iter()
            .filter(|one| one.is_error())
            .map(|one| &one.message)
            .collect();
        let expected = usize::from(refused.is_some());
        assert_eq!(errors.len(), expected, "{errors:?}");
        assert!(errors.iter().all(|said| said.contains(refused.unwrap_or_default())), "{errors:?}");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}
