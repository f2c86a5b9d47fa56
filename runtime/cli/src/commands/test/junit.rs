//! Results as JUnit XML, as CI reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use flowrun_canvas::render_text;

use super::{Outcome, Results};

pub fn written(results: &Results) -> String {
    let mut files: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in &results.outcomes {
        files.entry(&outcome.file).or_default().push(outcome);
    }
    let (tests, failures) = (results.outcomes.len(), results.failed());
    let errors = results.wrong.len();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuites name=\"flowrun\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\">",
        tests + errors
    );
    for (file, outcomes) in files {
        let failures = outcomes.iter().filter(|outcome| !outcome.unmet.is_empty()).count();
        let took: f64 = outcomes.iter().map(|outcome| outcome.took.as_secs_f64()).sum();
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" time=\"{took:.3}\">",
            escaped(file),
            outcomes.len(),
        );
        outcomes.into_iter().for_each(|outcome| case(&mut xml, outcome));
        xml.push_str("  </testsuite>\n");
    }
    for file in &results.wrong {
        let name = escaped(file);
        let text = render_text(&results.diagnostics, &results.sources, false);
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{name}\" tests=\"1\" failures=\"0\" errors=\"1\">\n    \
             <testcase classname=\"{name}\" name=\"the file\">\n      \
             <error message=\"the test file or its Canvas is wrong\">{}</error>\n    \
             </testcase>\n  </testsuite>",
            escaped(&text)
        );
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn case(xml: &mut String, outcome: &Outcome) {
    let (file, name) = (escaped(&outcome.file), escaped(&outcome.name));
    let took = outcome.took.as_secs_f64();
    let _ = write!(xml, "    <testcase classname=\"{file}\" name=\"{name}\" time=\"{took:.3}\"");
    if outcome.unmet.is_empty() {
        xml.push_str("/>\n");
        return;
    }
    xml.push_str(">\n");
    for told in &outcome.unmet {
        let place = format!("{}:{}", outcome.file, told.diagnostic.line());
        let mut text = format!("{place}: {}\n", told.diagnostic.message);
        for (word, said) in [("got", Some(&told.got)), ("hint", told.hint.as_ref())] {
            if let Some(said) = said.filter(|said| !said.is_empty()) {
                let _ = writeln!(text, "{word}: {said}");
            }
        }
        if let Some(timeline) = &told.timeline {
            text.push('\n');
            text.push_str(timeline);
        }
        let _ = writeln!(
            xml,
            "      <failure type=\"{}\" message=\"{}\">{}</failure>",
            told.diagnostic.code,
            escaped(&told.diagnostic.message),
            escaped(&text)
        );
    }
    xml.push_str("    </testcase>\n");
}

/// Text as XML has it; what XML can't have is shown instead.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(letter),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_xml_cannot_have_is_shown_instead() {
        assert_eq!(escaped("<a & \"b\">\n\u{1b}[0m"), "&lt;a &amp; &quot;b&quot;&gt;\n\u{fffd}[0m");
    }
}
