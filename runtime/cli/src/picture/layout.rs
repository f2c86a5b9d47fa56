//! Where boxes and ways lie: in layers, from the entry downwards.
//!
//! A box lies below all that lead to it. A way that passes layers gets a bend in each of
//! them, which takes part in the ordering, so that ways run between boxes and seldom
//! across each other. Everything is settled in a fixed number of rounds: the same Canvas
//! gives the same picture.

/// A place on the page, in pixels.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// Everything in its place.
pub struct Layout {
    pub width: f64,
    pub height: f64,
    /// The middles of the boxes.
    pub middles: Vec<Point>,
    /// Of each way: from the lower edge of a box, over its bends, to the upper edge of another.
    pub routes: Vec<Vec<Point>>,
}

pub const BOX_HEIGHT: f64 = 46.0;
const LAYER_HEIGHT: f64 = 104.0;
const GAP: f64 = 34.0;
const BEND_WIDTH: f64 = 14.0;
const MARGIN: f64 = 24.0;
/// Ways leave and reach a box side by side, so far apart at most.
const PORTS: f64 = 26.0;

const ORDERINGS: usize = 8;
const SETTLINGS: usize = 12;
/// With more bends than this, long ways go straight: nobody can follow them anyway.
const MOST_BENDS: usize = 20_000;

/// A box, or a bend of a way.
struct Item {
    width: f64,
    layer: usize,
    x: f64,
    above: Vec<usize>,
    below: Vec<usize>,
}

/// Lays out boxes of these widths. The ways must not form a circle.
pub fn layout(widths: &[f64], ways: &[(usize, usize)]) -> Layout {
    let layers_of = layers(widths.len(), ways);
    let mut items: Vec<Item> =
        widths.iter().zip(&layers_of).map(|(width, layer)| Item::new(*width, *layer)).collect();
    let chains = bends(&mut items, ways, &layers_of);
    let mut rows = order(&mut items);
    settle(&mut items, &mut rows);
    draw(&items, &rows, widths.len(), &chains)
}

impl Item {
    fn new(width: f64, layer: usize) -> Item {
        Item { width, layer, x: 0.0, above: Vec::new(), below: Vec::new() }
    }
}

/// The longest way from any beginning to each box, in steps.
fn layers(boxes: usize, ways: &[(usize, usize)]) -> Vec<usize> {
    let mut layers = vec![0; boxes];
    let mut open = vec![0; boxes];
    ways.iter().for_each(|(_, to)| open[*to] += 1);
    let mut ready: Vec<usize> = (0..boxes).filter(|one| open[*one] == 0).collect();
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); boxes];
    ways.iter().for_each(|(from, to)| out[*from].push(*to));
    while let Some(from) = ready.pop() {
        for &to in &out[from] {
            layers[to] = layers[to].max(layers[from] + 1);
            open[to] -= 1;
            if open[to] == 0 {
                ready.push(to);
            }
        }
    }
    layers
}

/// Puts bends in, and gives each way as the chain of items that it runs over.
fn bends(items: &mut Vec<Item>, ways: &[(usize, usize)], layers: &[usize]) -> Vec<Vec<usize>> {
    let spans = ways.iter().map(|(from, to)| layers[*to] - layers[*from] - 1);
    let too_many = spans.sum::<usize>() > MOST_BENDS;
    let mut chains = Vec::with_capacity(ways.len());
    for &(from, to) in ways {
        let mut chain = vec![from];
        if !too_many {
            for layer in layers[from] + 1..layers[to] {
                chain.push(items.len());
                items.push(Item::new(BEND_WIDTH, layer));
            }
        }
        chain.push(to);
        for pair in chain.windows(2) {
            items[pair[0]].below.push(pair[1]);
            items[pair[1]].above.push(pair[0]);
        }
        chains.push(chain);
    }
    chains
}

/// Items by layer, ordered by where their neighbours are, in turn from above and below.
fn order(items: &mut [Item]) -> Vec<Vec<usize>> {
    let count = items.iter().map(|item| item.layer + 1).max().unwrap_or(0);
    let mut rows = vec![Vec::new(); count];
    for (number, item) in items.iter().enumerate() {
        rows[item.layer].push(number);
    }
    let mut place = vec![0.0; items.len()];
    let note = |row: &[usize], place: &mut Vec<f64>| {
        let middle = (row.len() as f64 - 1.0) / 2.0;
        row.iter().enumerate().for_each(|(at, item)| place[*item] = at as f64 - middle);
    };
    rows.iter().for_each(|row| note(row, &mut place));
    for round in 0..ORDERINGS {
        let downwards = round % 2 == 0;
        let turns: Vec<usize> =
            if downwards { (0..count).collect() } else { (0..count).rev().collect() };
        for layer in turns {
            let mut keyed: Vec<(f64, usize)> = rows[layer]
                .iter()
                .map(|&item| {
                    let near = if downwards { &items[item].above } else { &items[item].below };
                    (mean(near.iter().map(|other| place[*other])).unwrap_or(place[item]), item)
                })
                .collect();
            keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
            rows[layer] = keyed.into_iter().map(|(_, item)| item).collect();
            note(&rows[layer], &mut place);
        }
    }
    rows
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// Draws items towards their neighbours, as far as those beside them allow.
fn settle(items: &mut [Item], rows: &mut [Vec<usize>]) {
    for row in rows.iter() {
        let total: f64 = row.iter().map(|item| items[*item].width + GAP).sum();
        let mut x = -total / 2.0;
        for &item in row {
            items[item].x = x + (items[item].width + GAP) / 2.0;
            x += items[item].width + GAP;
        }
    }
    for round in 0..SETTLINGS {
        let turns: Vec<usize> = match round % 2 {
            0 => (0..rows.len()).collect(),
            _ => (0..rows.len()).rev().collect(),
        };
        for layer in turns {
            let wanted: Vec<f64> = rows[layer]
                .iter()
                .map(|&item| {
                    let near = items[item].above.iter().chain(&items[item].below);
                    mean(near.map(|other| items[*other].x)).unwrap_or(items[item].x)
                })
                .collect();
            apart(items, &rows[layer], &wanted);
        }
    }
    straighten(items, rows);
}

/// Puts what only follows one item right below it, where there is room.
fn straighten(items: &mut [Item], rows: &[Vec<usize>]) {
    for row in rows {
        let wanted: Vec<f64> = row
            .iter()
            .map(|&item| match items[item].above[..] {
                [above] if items[above].below.len() == 1 => items[above].x,
                _ => items[item].x,
            })
            .collect();
        apart(items, row, &wanted);
    }
}

/// The places nearest to those wanted at which nothing overlaps: as far left as needed and
/// as far right as needed, and the middle of the two.
fn apart(items: &mut [Item], row: &[usize], wanted: &[f64]) {
    let room =
        |one: usize, other: usize| (items[row[one]].width + items[row[other]].width) / 2.0 + GAP;
    let mut from_left = wanted.to_vec();
    for at in 1..row.len() {
        from_left[at] = from_left[at].max(from_left[at - 1] + room(at - 1, at));
    }
    let mut from_right = wanted.to_vec();
    for at in (1..row.len()).rev() {
        from_right[at - 1] = from_right[at - 1].min(from_right[at] - room(at - 1, at));
    }
    for (at, item) in row.iter().enumerate() {
        items[*item].x = (from_left[at] + from_right[at]) / 2.0;
    }
}

fn draw(items: &[Item], rows: &[Vec<usize>], boxes: usize, chains: &[Vec<usize>]) -> Layout {
    let edges = || items.iter().map(|item| (item.x - item.width / 2.0, item.x + item.width / 2.0));
    let left = edges().map(|(left, _)| left).fold(f64::INFINITY, f64::min);
    let right = edges().map(|(_, right)| right).fold(f64::NEG_INFINITY, f64::max);
    let middle = |item: &Item| Point {
        x: item.x - left + MARGIN,
        y: item.layer as f64 * LAYER_HEIGHT + MARGIN + BOX_HEIGHT / 2.0,
    };
    // A bend runs straight past the boxes of its layer.
    let past = |item: usize| {
        let Point { x, y } = middle(&items[item]);
        [Point { x, y: y - BOX_HEIGHT / 2.0 }, Point { x, y: y + BOX_HEIGHT / 2.0 }]
    };
    let mut routes: Vec<Vec<Point>> = chains
        .iter()
        .map(|chain| {
            let bends = chain[1..chain.len() - 1].iter().flat_map(|bend| past(*bend));
            let ends = [Point::default(); 1];
            ends.into_iter().chain(bends).chain(ends).collect()
        })
        .collect();
    let mut leaving = vec![Vec::new(); boxes];
    let mut reaching = vec![Vec::new(); boxes];
    for (way, chain) in chains.iter().enumerate() {
        let last = chain.len() - 1;
        leaving[chain[0]].push((way, items[chain[1]].x));
        reaching[chain[last]].push((way, items[chain[last - 1]].x));
    }
    for (number, (leaving, reaching)) in leaving.into_iter().zip(reaching).enumerate() {
        let (at, width) = (middle(&items[number]), items[number].width);
        for (way, shift) in ports(leaving, width) {
            routes[way][0] = Point { x: at.x + shift, y: at.y + BOX_HEIGHT / 2.0 };
        }
        for (way, shift) in ports(reaching, width) {
            let last = routes[way].len() - 1;
            routes[way][last] = Point { x: at.x + shift, y: at.y - BOX_HEIGHT / 2.0 };
        }
    }
    Layout {
        width: right - left + 2.0 * MARGIN,
        height: (rows.len() as f64 - 1.0) * LAYER_HEIGHT + BOX_HEIGHT + 2.0 * MARGIN,
        middles: items[..boxes].iter().map(middle).collect(),
        routes,
    }
}

/// How far from the middle of a box its ways meet it, ordered by where they come from.
fn ports(mut ways: Vec<(usize, f64)>, width: f64) -> Vec<(usize, f64)> {
    ways.sort_by(|one, other| one.1.total_cmp(&other.1));
    let space = PORTS.min(width / (ways.len() + 1) as f64);
    let middle = (ways.len() as f64 - 1.0) / 2.0;
    ways.into_iter().enumerate().map(|(at, (way, _))| (way, (at as f64 - middle) * space)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_lie_below_what_leads_to_them_and_never_on_each_other() {
        // A split into four, two of them joined, and a way that passes two layers.
        let ways = [(0, 1), (0, 2), (0, 3), (0, 4), (1, 5), (2, 5), (5, 6), (0, 6)];
        let widths = [120.0; 7];
        let layout = layout(&widths, &ways);
        for (from, to) in ways {
            assert!(layout.middles[from].y < layout.middles[to].y, "{from} {to}");
        }
        for one in 0..7 {
            for other in 0..one {
                let (a, b) = (layout.middles[one], layout.middles[other]);
                let apart = (a.x - b.x).abs() >= 120.0 || (a.y - b.y).abs() >= BOX_HEIGHT;
                assert!(apart, "{one} {other}");
            }
        }
        assert_eq!(layout.routes[7].len(), 6, "bends in the two layers between");
        assert!(layout.middles.iter().all(|at| at.x > 0.0 && at.x < layout.width));
    }

    #[test]
    fn a_canvas_of_thousands_of_steps_is_laid_out() {
        let ways: Vec<_> = (1..5000).flat_map(|to| [(to - 1, to), (0, to)]).skip(1).collect();
        let layout = layout(&[120.0; 5000], &ways);
        assert_eq!(layout.middles.len(), 5000);
    }
}
