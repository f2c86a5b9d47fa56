//! A digraph for Graphviz.

use super::Picture;

pub fn draw(picture: &Picture) -> String {
    let mut text = format!("digraph \"{}\" {{\n", escaped(&picture.title));
    text.push_str("  rankdir=TB;\n");
    text.push_str("  node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=11];\n");
    text.push_str("  edge [fontname=\"sans-serif\", fontsize=9];\n");
    text.push_str(&format!("  entry [shape=plaintext, label=\"{}\"];\n", escaped(&picture.title)));
    let entered = picture.entered.map_or_else(String::new, |count| format!(" [label=\"{count}\"]"));
    text.push_str(&format!("  entry -> s0{entered};\n"));
    for (number, step) in picture.boxes.iter().enumerate() {
        let exited = match step.exited {
            Some(exited) if exited > 0 => format!("\\n{exited} exited"),
            _ => String::new(),
        };
        let label = format!("{}\\n{}{exited}", escaped(&step.id), escaped(&step.kind));
        let end = if step.is_end { ", peripheries=2" } else { "" };
        text.push_str(&format!("  s{number} [label=\"{label}\"{end}];\n"));
    }
    for way in &picture.ways {
        let label = way.label();
        let label = if label.is_empty() {
            String::new()
        } else {
            format!(" [label=\"{}\"]", escaped(&label))
        };
        text.push_str(&format!("  s{} -> s{}{label};\n", way.from, way.to));
    }
    text.push_str("}\n");
    text
}

fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
