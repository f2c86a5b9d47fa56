//! A drawing for browsers: one file that needs nothing else, and reads well on a light and
//! on a dark page.

use super::Picture;
use super::layout::{BOX_HEIGHT, Point, layout};

const STYLE: &str = "\
    svg { --page: #ffffff; --ink: #1f2328; --faint: #656d76; --line: #8c959f; --box: #f6f8fa;
      --edge: #d0d7de; --start: #0969da; --end: #1a7f37; }
    @media (prefers-color-scheme: dark) {
      svg { --page: #0d1117; --ink: #e6edf3; --faint: #8d96a0; --line: #6e7681; --box: #161b22;
        --edge: #30363d; --start: #4493f8; --end: #3fb950; }
    }
    .page { fill: var(--page); }
    .box { fill: var(--box); stroke: var(--edge); stroke-width: 1.2; }
    .start { stroke: var(--start); stroke-width: 1.8; }
    .end { stroke: var(--end); }
    .way { fill: none; stroke: var(--line); stroke-width: 1.3; }
    .tip { fill: var(--line); }
    text { font-family: ui-sans-serif, system-ui, sans-serif; text-anchor: middle; }
    .id { fill: var(--ink); font-size: 13px; font-weight: 600; }
    .kind { fill: var(--faint); font-size: 11px; }
    .door { fill: var(--faint); font-size: 11px; paint-order: stroke; stroke: var(--page);
      stroke-width: 5px; stroke-linejoin: round; }
";

/// Pixels of a character of an id, generously.
const CHARACTER: f64 = 8.0;
const NARROWEST: f64 = 116.0;

pub fn draw(picture: &Picture) -> String {
    let kinds: Vec<String> =
        (0..picture.boxes.len()).map(|number| below(picture, number)).collect();
    let widths: Vec<f64> = picture
        .boxes
        .iter()
        .zip(&kinds)
        .map(|(step, kind)| {
            let longest = step.id.chars().count().max(kind.chars().count());
            (longest as f64 * CHARACTER + 28.0).max(NARROWEST)
        })
        .collect();
    let ways: Vec<(usize, usize)> = picture.ways.iter().map(|way| (way.from, way.to)).collect();
    let layout = layout(&widths, &ways);
    let (width, height) = (round(layout.width), round(layout.height));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\">\n  <title>{}</title>\n  <style>\n{STYLE}  </style>\n",
        escaped(&picture.title)
    );
    text.push_str(
        "  <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
         markerHeight=\"7\" orient=\"auto\"><path class=\"tip\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
    );
    text.push_str("  <rect class=\"page\" width=\"100%\" height=\"100%\"/>\n");
    for route in &layout.routes {
        let curve = curve(route);
        text.push_str(&format!("  <path class=\"way\" marker-end=\"url(#tip)\" d=\"{curve}\"/>\n"));
    }
    for (number, step) in picture.boxes.iter().enumerate() {
        let (at, width) = (layout.middles[number], widths[number]);
        let class = match (number, step.is_end) {
            (0, _) => "box start",
            (_, true) => "box end",
            _ => "box",
        };
        let corner = if step.is_end { BOX_HEIGHT / 2.0 } else { 9.0 };
        let (left, top) = (round(at.x - width / 2.0), round(at.y - BOX_HEIGHT / 2.0));
        text.push_str(&format!(
            "  <rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{BOX_HEIGHT}\" rx=\"{corner}\"/>\n",
            round(width)
        ));
        let (x, id, kind) = (round(at.x), escaped(&step.id), escaped(&kinds[number]));
        let (upper, lower) = (round(at.y - 3.0), round(at.y + 13.0));
        text.push_str(&format!("  <text class=\"id\" x=\"{x}\" y=\"{upper}\">{id}</text>\n"));
        text.push_str(&format!("  <text class=\"kind\" x=\"{x}\" y=\"{lower}\">{kind}</text>\n"));
    }
    // Last, so that no line runs through them.
    for (way, route) in picture.ways.iter().zip(&layout.routes) {
        let label = way.label();
        if !label.is_empty() {
            let at =
                Point { x: (route[0].x + route[1].x) / 2.0, y: (route[0].y + route[1].y) / 2.0 };
            let (x, y, label) = (round(at.x), round(at.y + 3.0), escaped(&label));
            text.push_str(&format!("  <text class=\"door\" x=\"{x}\" y=\"{y}\">{label}</text>\n"));
        }
    }
    text.push_str("</svg>\n");
    text
}

/// What stands below a step's id: its kind, and how many came in and ended there.
fn below(picture: &Picture, number: usize) -> String {
    let step = &picture.boxes[number];
    let mut parts = vec![step.kind.clone()];
    if let (0, Some(entered)) = (number, picture.entered) {
        parts.push(format!("{entered} entered"));
    }
    if let Some(exited) = step.exited.filter(|exited| *exited > 0) {
        parts.push(format!("{exited} exited"));
    }
    parts.join(" · ")
}

/// A line that leaves each point downwards and reaches the next from above.
fn curve(route: &[Point]) -> String {
    let mut path = format!("M{} {}", round(route[0].x), round(route[0].y));
    for pair in route.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let middle = round((from.y + to.y) / 2.0);
        let (x, to_x, to_y) = (round(from.x), round(to.x), round(to.y));
        path.push_str(&format!(" C{x} {middle} {to_x} {middle} {to_x} {to_y}"));
    }
    path
}

fn round(value: f64) -> f64 {
    // Adding zero makes a negative zero a plain one.
    (value * 10.0).round() / 10.0 + 0.0
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
