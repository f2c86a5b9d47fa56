//! Charts as inline SVG: one colour, a baseline, few labels, and a sentence for who can't
//! see them.

use super::html::{count, escaped};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 26.0;

/// A bar: what it stands for, and how high it is.
pub struct Bar {
    pub name: String,
    pub value: u64,
}

/// Where the plot lies.
struct Plot {
    width: f64,
    height: f64,
}

impl Plot {
    const ALL: Plot = Plot { width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM };

    fn x(&self, share: f64) -> f64 {
        round(LEFT + self.width * share)
    }

    fn y(&self, share: f64) -> f64 {
        round(TOP + self.height * (1.0 - share))
    }
}

/// Bars side by side, with the first, the middle and the last of them named.
pub fn bars(title: &str, described: &str, bars: &[Bar], edges: [&str; 3]) -> String {
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or(0).max(1);
    let plot = Plot::ALL;
    let mut text = begin(title, described);
    text.push_str(&grid(&plot, &count(most)));
    let each = 1.0 / bars.len().max(1) as f64;
    // Bars touch where they are many, and keep apart where they are few.
    let gap = if bars.len() > 40 { 0.08 } else { 0.18 };
    for (number, bar) in bars.iter().enumerate().filter(|(_, bar)| bar.value > 0) {
        let (left, right) = (
            plot.x((number as f64 + gap / 2.0) * each),
            plot.x((number as f64 + 1.0 - gap / 2.0) * each),
        );
        // What there is, is seen.
        let top = plot.y(bar.value as f64 / most as f64).min(plot.y(0.0) - 1.0);
        let (width, height) = (round(right - left), round(plot.y(0.0) - top));
        text.push_str(&format!(
            "<rect class=\"bar\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"><title>{}: {}</title></rect>\n",
            escaped(&bar.name),
            count(bar.value),
        ));
    }
    text.push_str(&edges_of(&plot, edges));
    text.push_str("</svg>\n");
    text
}

/// A rising line: which share has been reached at each point, evenly apart.
pub fn rise(title: &str, described: &str, shares: &[f64], edges: [&str; 3]) -> String {
    let plot = Plot::ALL;
    let mut text = begin(title, described);
    text.push_str(&grid(&plot, "100 %"));
    let last = (shares.len().max(2) - 1) as f64;
    let points: Vec<String> = shares
        .iter()
        .enumerate()
        .map(|(number, share)| format!("{} {}", plot.x(number as f64 / last), plot.y(*share)))
        .collect();
    let line = points.join(" L");
    let (from, to, floor) = (plot.x(0.0), plot.x(1.0), plot.y(0.0));
    text.push_str(&format!(
        "<path class=\"area\" d=\"M{from} {floor} L{line} L{to} {floor} Z\"/>\n"
    ));
    text.push_str(&format!("<path class=\"line\" d=\"M{line}\"/>\n"));
    text.push_str(&edges_of(&plot, edges));
    text.push_str("</svg>\n");
    text
}

fn begin(title: &str, described: &str) -> String {
    format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}: {}\">\n",
        escaped(title),
        escaped(described),
    )
}

fn grid(plot: &Plot, most: &str) -> String {
    let mut text = String::new();
    let (from, to) = (plot.x(0.0), plot.x(1.0));
    for (share, class) in [(1.0, "grid"), (0.5, "grid"), (0.0, "base")] {
        let y = plot.y(share);
        text.push_str(&format!(
            "<line class=\"{class}\" x1=\"{from}\" x2=\"{to}\" y1=\"{y}\" y2=\"{y}\"/>\n"
        ));
    }
    let x = round(from - 8.0);
    for (share, label) in [(1.0, most), (0.0, "0")] {
        let y = round(plot.y(share) + 4.0);
        text.push_str(&format!(
            "<text class=\"left\" x=\"{x}\" y=\"{y}\">{}</text>\n",
            escaped(label)
        ));
    }
    text
}

fn edges_of(plot: &Plot, edges: [&str; 3]) -> String {
    let y = HEIGHT - 8.0;
    let places = [(0.0, "from"), (0.5, "mid"), (1.0, "left")];
    let labels = places.into_iter().zip(edges).filter(|(_, label)| !label.is_empty());
    labels
        .map(|((share, class), label)| {
            format!(
                "<text class=\"{class}\" x=\"{}\" y=\"{y}\">{}</text>\n",
                plot.x(share),
                escaped(label)
            )
        })
        .collect()
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_lies_outside_of_a_chart() {
        let all: Vec<Bar> =
            (0..200).map(|n| Bar { name: n.to_string(), value: n * 1_000_000_007 }).collect();
        for text in [
            bars("t", "d", &all, ["a", "b", "c"]),
            bars("t", "d", &[], ["", "", ""]),
            rise("t", "d", &[0.0, 0.3, 1.0], ["a", "", "c"]),
            rise("t", "d", &[], ["a", "", "c"]),
        ] {
            assert!(
                !text.contains("NaN") && !text.contains("inf") && !text.contains("=\"-"),
                "{text}"
            );
        }
    }
}
