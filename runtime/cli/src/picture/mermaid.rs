//! A mermaid flowchart. Step ids are names of a limited alphabet, but nodes are numbered
//! all the same: an id such as `end` is a word of mermaid's own.

use super::Picture;

pub fn draw(picture: &Picture) -> String {
    let mut text = String::from("flowchart TD\n");
    let entered = picture.entered.map_or_else(String::new, |entered| format!("|{entered}|"));
    text.push_str(&format!("  entry([\"{}\"]) -->{entered} s0\n", escaped(&picture.title)));
    for (number, step) in picture.boxes.iter().enumerate() {
        let exited = match step.exited {
            Some(exited) if exited > 0 => format!("<br>{exited} exited"),
            _ => String::new(),
        };
        let label =
            format!("{}<br><small>{}</small>{exited}", escaped(&step.id), escaped(&step.kind));
        let (open, close) = if step.is_end { ("([", "])") } else { ("[", "]") };
        text.push_str(&format!("  s{number}{open}\"{label}\"{close}\n"));
    }
    for way in &picture.ways {
        let label = way.label();
        let label =
            if label.is_empty() { String::new() } else { format!("|\"{}\"|", escaped(&label)) };
        text.push_str(&format!("  s{} -->{label} s{}\n", way.from, way.to));
    }
    text
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("#quot;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            '#' => escaped.push_str("#35;"),
            '&' => escaped.push_str("#amp;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
