//! `--report FILE.html`: everything about a simulation on one page that needs nothing else:
//! no network, no script, no font.
//!
//! It holds no moment of its making and no name of a machine, so that the same run gives the
//! same page, to the byte. What comes from files is escaped.

mod chart;
mod html;
mod parts;
mod style;

use self::html::{Column, count, escaped, table};
use self::style::STYLE;
use crate::commands::simulate::comparison::{self, Figure};
use crate::commands::simulate::outcome::Outcome;

/// The page.
pub fn page(outcomes: &[Outcome], command: &str) -> String {
    let names: Vec<&str> = outcomes.iter().map(Outcome::name).collect();
    let title = escaped(&names.join(" · "));
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <title>{title} – simulation</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    );
    text.push_str(&format!("<header>\n<h1>{title}</h1>\n"));
    if let Some(first) = outcomes.first() {
        text.push_str(&format!("<p class=\"quiet\">{}</p>\n", escaped(&parts::frame(first))));
    }
    text.push_str("</header>\n<main>\n");
    if let [one, other] = outcomes {
        text.push_str(&compared(one, other));
    }
    for (number, outcome) in outcomes.iter().enumerate() {
        let heading = match outcomes {
            [one, other] => {
                let names = comparison::names(one, other);
                Some(if number == 0 { names.0 } else { names.1 })
            }
            _ => None,
        };
        text.push_str(&parts::canvas(outcome, number, heading.as_deref()));
    }
    text.push_str(
        "<h2>Repeat it</h2>\n<p>The same seed gives the same users and the same run.</p>\n",
    );
    text.push_str(&format!("<pre><code>{}</code></pre>\n", escaped(command)));
    text.push_str(
        "</main>\n<footer class=\"quiet\"><p>Made by flowrun.</p></footer>\n</body>\n</html>\n",
    );
    text
}

fn compared(one: &Outcome, other: &Outcome) -> String {
    let names = comparison::names(one, other);
    let said = |figure: Option<Figure>| match figure {
        Some(Figure::Count(number)) => count(number),
        Some(length) => escaped(&length.said()),
        None => "–".to_owned(),
    };
    let rows: Vec<Vec<String>> = comparison::rows(one, other)
        .into_iter()
        .map(|row| {
            let name = format!("<span class=\"quiet\">{}</span> {}", row.group, escaped(&row.name));
            vec![name, said(row.one), said(row.other), escaped(&row.difference())]
        })
        .collect();
    let columns = [
        ("", Column::Text),
        (names.0.as_str(), Column::Number),
        (names.1.as_str(), Column::Number),
        ("difference", Column::Number),
    ];
    let table = table("The same users through both Canvases", &columns, &rows);
    format!("<h2>Side by side</h2>\n{table}")
}
