//! How a value is drawn, as it is written.
//!
//! | written                              | is                                             |
//! |--------------------------------------|------------------------------------------------|
//! | `gold`, `7`, `true`, `[a, b]`        | the same for everybody                         |
//! | `{ FR: 60, US: 40 }`                 | options with weights; `null` leaves it out     |
//! | `{ from: [Ada, Ben] }`               | options, equally often                         |
//! | `{ chance: 0.3 }`                    | true or false                                  |
//! | `{ integer: { min: 0, max: 9 } }`    | a whole number; so `uniform`, `normal`, …      |
//! | `{ date: { min: DAY, max: DAY } }`   | a day                                          |
//! | `{ by: country, of: { FR: … } }`     | by what was drawn before                       |
//! | `{ choice: { … } }`, `{ value: … }`  | weights, a fixed value, whatever the names are |

use jiff::civil::Date;
use serde_json::Value as Json;

use super::faults::{Faults, Fields, nearest};
use super::tree::{Key, Node, Value};
use crate::moment;
use crate::simulation::population::{
    After, Draw, Draws, LARGEST_WEIGHT, Number, Purpose, Shape, Weighted,
};
use crate::simulation::population::{Dice, Known};

/// Words that begin a way to draw.
const WAYS: [&str; 10] = [
    "from",
    "choice",
    "value",
    "chance",
    "integer",
    "uniform",
    "normal",
    "lognormal",
    "date",
    "by",
];

/// The deepest that `by` may be nested.
const DEEPEST: usize = 8;

/// Numbers beyond are no longer exact.
const LARGEST: f64 = 9e15;

/// Where a draw stands.
pub struct Site<'a> {
    /// What may be referred to by `by`.
    pub before: &'a [&'a str],
    /// Judges a value that may be drawn.
    pub judge: &'a dyn Fn(&Json) -> Result<(), String>,
}

/// Reads how a value is drawn. What is wrong is among the faults then.
pub fn draw(node: &Node, site: &Site<'_>, faults: &mut Faults) -> Option<Draw> {
    deep(node, site, faults, 0)
}

/// Reads named values, each of which may refer to those before it.
pub fn draws(node: &Node, within: &str, faults: &mut Faults) -> Option<Draws> {
    let Value::Map(entries) = &node.value else {
        faults.other(node, &format!("a map of {within}"));
        return None;
    };
    let mut before: Vec<&str> = Vec::new();
    let mut all = Vec::new();
    for (key, node) in entries {
        let site = Site { before: &before, judge: &|_| Ok(()) };
        if let Some(draw) = draw(node, &site, faults) {
            all.push((key.name.as_str().into(), draw));
        }
        before.push(&key.name);
    }
    Some(Draws(all))
}

fn deep(node: &Node, site: &Site<'_>, faults: &mut Faults, depth: usize) -> Option<Draw> {
    let Value::Map(entries) = &node.value else { return fixed(node, site, faults) };
    if depth > DEEPEST {
        faults.add(node.at, "`by` is nested too deep");
        return None;
    }
    let Some((first, inner)) = entries.first() else {
        faults.add(node.at, "nothing to draw from: write `{ FR: 60, US: 40 }`, or one value");
        return None;
    };
    let way = first.name.as_str();
    if !WAYS.contains(&way) {
        return weights(node, entries, site, faults).map(Draw::OneOf);
    }
    if way != "by" {
        for (key, _) in &entries[1..] {
            faults.unknown(key, &format!("a draw by `{way}`"), &[way]);
        }
    }
    match way {
        "value" => fixed(inner, site, faults),
        "from" => from(inner, site, faults),
        "choice" => match &inner.value {
            Value::Map(entries) => weights(inner, entries, site, faults).map(Draw::OneOf),
            _ => {
                faults.other(inner, "a map of options with their weights");
                None
            }
        },
        "chance" => chance(inner, site, faults),
        "date" => date(inner, site, faults),
        "by" => by(node, site, faults, depth),
        shape => {
            let number = number(inner, shape, &plain, faults)?;
            let drawn = Draw::Number(number);
            let sample = drawn.draw(&mut Dice::new(0, "", Purpose::of("")), &Known::nothing());
            judged(inner, &sample.unwrap_or_default(), site, faults)?;
            Some(drawn)
        }
    }
}

fn judged(node: &Node, json: &Json, site: &Site<'_>, faults: &mut Faults) -> Option<()> {
    (site.judge)(json).map_err(|why| faults.add(node.at, why)).ok()
}

fn fixed(node: &Node, site: &Site<'_>, faults: &mut Faults) -> Option<Draw> {
    let json = node.json();
    if json.is_null() {
        faults.add(node.at, "there is no value: leave the name out if nobody has one");
        return None;
    }
    judged(node, &json, site, faults)?;
    Some(Draw::Fixed(json))
}

fn from(node: &Node, site: &Site<'_>, faults: &mut Faults) -> Option<Draw> {
    let Value::List(list) = &node.value else {
        faults.other(node, "a list of values");
        return None;
    };
    let mut weighted = Weighted::default();
    for one in list {
        let json = one.json();
        let option = (!json.is_null()).then_some(json);
        if let Some(json) = &option {
            let _ = judged(one, json, site, faults);
        }
        weighted.add(option, 1.0);
    }
    if list.is_empty() {
        faults.add(node.at, "the list has no values to draw from");
        return None;
    }
    Some(Draw::OneOf(weighted))
}

fn weights(
    node: &Node,
    entries: &[(Key, Node)],
    site: &Site<'_>,
    faults: &mut Faults,
) -> Option<Weighted> {
    let mut weighted = Weighted::default();
    let mut wrong = false;
    for (key, weight) in entries {
        let Some(number) = weight.number() else {
            wrong = true;
            let near = nearest(&key.name, WAYS.into_iter());
            let hint = near.map_or_else(
                || {
                    format!(
                        "the weight of `{}` is a number, and this is {}",
                        key.name,
                        weight.noun()
                    )
                },
                |way| format!("`{}` is no way to draw a value: did you mean `{way}`?", key.name),
            );
            let at = if near.is_some() { key.at } else { weight.at };
            faults.add(at, hint);
            continue;
        };
        if !(0.0..=LARGEST_WEIGHT).contains(&number) {
            wrong = true;
            faults.add(weight.at, "a weight is from 0 to 1000000000");
            continue;
        }
        let option = (!key.json.is_null()).then(|| key.json.clone());
        if let Some(Err(why)) = option.as_ref().map(site.judge) {
            faults.add(key.at, why);
        }
        weighted.add(option, number);
    }
    if !wrong && !weighted.is_drawable() {
        faults.add(node.at, "all weights are 0: nothing can be drawn");
    }
    (!wrong && weighted.is_drawable()).then_some(weighted)
}

fn chance(node: &Node, site: &Site<'_>, faults: &mut Faults) -> Option<Draw> {
    let chance = probability(node, faults)?;
    let mut weighted = Weighted::default();
    for (value, weight) in [(true, chance), (false, 1.0 - chance)] {
        judged(node, &value.into(), site, faults)?;
        weighted.add(Some(value.into()), weight);
    }
    Some(Draw::OneOf(weighted))
}

/// A number from 0 to 1.
pub fn probability(node: &Node, faults: &mut Faults) -> Option<f64> {
    match node.number() {
        Some(number) if (0.0..=1.0).contains(&number) => Some(number),
        Some(_) => {
            faults.add(node.at, "a probability is from 0 to 1: 30 % is 0.3");
            None
        }
        None => {
            faults.other(node, "a probability from 0 to 1");
            None
        }
    }
}

fn date(node: &Node, site: &Site<'_>, faults: &mut Faults) -> Option<Draw> {
    let fields = Fields::of(node, "`date`", &["min", "max"], faults)?;
    let mut day = |name| {
        let node = fields.need(name, faults)?;
        let date = node.text().and_then(|text| text.trim().parse::<Date>().ok());
        let Some(date) = date else {
            faults.add(node.at, "a day is written as 2026-01-31");
            return None;
        };
        let since = date.since(Date::constant(1970, 1, 1)).ok()?;
        judged(node, &date.to_string().into(), site, faults)?;
        Some(i64::from(since.get_days()))
    };
    let (first, last) = (day("min"), day("max"));
    let (first, last) = (first?, last?);
    if first > last {
        faults.add(node.at, "`min` is after `max`");
        return None;
    }
    Some(Draw::Day { first, last })
}

fn by(node: &Node, site: &Site<'_>, faults: &mut Faults, depth: usize) -> Option<Draw> {
    let fields = Fields::of(node, "a draw by another value", &["by", "of", "else"], faults)?;
    let name = fields.need("by", faults)?;
    let known = name.text().filter(|text| site.before.contains(text));
    if known.is_none() {
        let text = name.text().unwrap_or("?");
        let near = nearest(text, site.before.iter().copied());
        let hint = match (near, site.before) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, []) => "nothing is drawn before this".to_owned(),
            (None, before) => format!("before it there is `{}`", before.join("`, `")),
        };
        faults.add(name.at, format!("`by` names what is drawn before it, not `{text}`: {hint}"));
    }
    let mut cases = Vec::new();
    match fields.need("of", faults).map(|of| (&of.value, of)) {
        Some((Value::Map(entries), _)) => {
            for (key, node) in entries {
                if let Some(draw) = deep(node, site, faults, depth + 1) {
                    cases.push((key.json.clone(), draw));
                }
            }
        }
        Some((_, of)) => faults.other(of, "a map of values and what is drawn then"),
        None => {}
    }
    let otherwise = fields.get("else").and_then(|node| deep(node, site, faults, depth + 1));
    Some(Draw::By { name: known?.into(), cases, otherwise: otherwise.map(Box::new) })
}

/// Reads one number of a shape: as a number, or as a length of time.
type Read<'a> = dyn Fn(&Node, &mut Faults) -> Option<f64> + 'a;

fn plain(node: &Node, faults: &mut Faults) -> Option<f64> {
    match node.number() {
        Some(number) if number.abs() <= LARGEST => Some(number),
        Some(_) => {
            faults.add(node.at, "the number is too large to be exact");
            None
        }
        None => {
            faults.other(node, "a number");
            None
        }
    }
}

fn number(node: &Node, shape: &str, read: &Read<'_>, faults: &mut Faults) -> Option<Number> {
    let known: &[&str] = match shape {
        "integer" => &["min", "max"],
        "uniform" => &["min", "max", "digits"],
        "normal" => &["mean", "sigma", "min", "max", "digits"],
        _ => &["mean", "median", "sigma", "min", "max", "digits"],
    };
    let fields = Fields::of(node, format!("`{shape}`"), known, faults)?;
    let need = |name, faults: &mut Faults| {
        let node = fields.need(name, faults)?;
        read(node, faults)
    };
    let bound = |name, faults: &mut Faults| fields.get(name).and_then(|node| read(node, faults));
    let (least, most) = (bound("min", faults), bound("max", faults));
    if least.zip(most).is_some_and(|(least, most)| least > most) {
        faults.add(node.at, "`min` is more than `max`");
        return None;
    }
    let digits = match (shape, fields.get("digits")) {
        ("integer", _) => 0,
        (_, None) => 2,
        (_, Some(node)) => match node.number() {
            Some(digits) if digits.fract() == 0.0 && (0.0..=6.0).contains(&digits) => digits as u8,
            _ => {
                faults.add(node.at, "`digits` is a whole number from 0 to 6");
                return None;
            }
        },
    };
    let shape = match shape {
        "integer" | "uniform" => {
            let (from, to) = (need("min", faults), need("max", faults));
            let (from, to) = (from?, to?);
            if digits == 0 && from.ceil() > to.floor() {
                faults.add(node.at, "there is no whole number from `min` to `max`");
                return None;
            }
            return Some(Number {
                shape: Shape::Uniform { from, to },
                least: None,
                most: None,
                digits,
            });
        }
        "normal" => {
            let (mean, sigma) = (need("mean", faults), need("sigma", faults));
            Shape::Normal { mean: mean?, sigma: positive(node, sigma?, faults)? }
        }
        _ => lognormal(node, &fields, read, faults)?,
    };
    Some(Number { shape, least, most, digits })
}

fn positive(node: &Node, sigma: f64, faults: &mut Faults) -> Option<f64> {
    if sigma < 0.0 {
        faults.add(node.at, "`sigma`, the spread, is not below 0");
        return None;
    }
    Some(sigma)
}

/// By its mean or its median; `sigma` is the spread of the logarithm.
fn lognormal(
    node: &Node,
    fields: &Fields<'_>,
    read: &Read<'_>,
    faults: &mut Faults,
) -> Option<Shape> {
    let sigma = fields.need("sigma", faults).and_then(|node| plain(node, faults));
    let middle = match (fields.get("mean"), fields.get("median")) {
        (Some(mean), None) => read(mean, faults).map(|mean| (mean, true)),
        (None, Some(median)) => read(median, faults).map(|median| (median, false)),
        _ => {
            faults.add(node.at, "`lognormal` has either a `mean` or a `median`, and a `sigma`");
            None
        }
    };
    let (sigma, (middle, is_mean)) = (positive(node, sigma?, faults)?, middle?);
    if sigma > 10.0 {
        faults.add(node.at, "`sigma` of `lognormal` is the spread of the logarithm: at most 10");
        return None;
    }
    if middle <= 0.0 {
        faults.add(node.at, "`lognormal` draws numbers above 0: so is its `mean` or `median`");
        return None;
    }
    Some(match is_mean {
        true => Shape::log_normal_around(middle, sigma),
        false => Shape::LogNormal { median: middle, sigma },
    })
}

/// Reads a length of time: `2h`, `1h..2d`, or one that is drawn.
pub fn after(node: &Node, faults: &mut Faults) -> Option<After> {
    if let Value::Map(entries) = &node.value {
        let shapes = ["uniform", "normal", "lognormal"];
        let [(key, inner)] = &entries[..] else {
            faults
                .add(node.at, "one way to draw a length of time: `uniform`, `normal`, `lognormal`");
            return None;
        };
        if !shapes.contains(&key.name.as_str()) {
            faults.unknown(key, "a length of time", &shapes);
            return None;
        }
        let number = number(inner, &key.name, &length, faults)?;
        return Some(After(Number { digits: 0, ..number }));
    }
    let text = node.text().or_else(|| {
        faults.other(node, "a length of time such as `2h`, or `1h..2d`");
        None
    })?;
    let parse = |text: &str, faults: &mut Faults| {
        let parsed = moment::parse_length(text);
        parsed.map_err(|error| faults.add(node.at, format!("{error:#}"))).ok()
    };
    let Some((from, to)) = text.split_once("..") else {
        return parse(text, faults).map(After::exactly);
    };
    let (from, to) = (parse(from, faults), parse(to, faults));
    let (from, to) = (from?, to?);
    if from > to {
        faults.add(node.at, format!("`{text}` ends before it begins"));
        return None;
    }
    Some(After::between(from, to))
}

/// A length of time in milliseconds, as a number of a shape.
fn length(node: &Node, faults: &mut Faults) -> Option<f64> {
    let Some(text) = node.text() else {
        faults.other(node, "a length of time such as `2h`");
        return None;
    };
    let parsed = moment::parse_length(text);
    let parsed = parsed.map_err(|error| faults.add(node.at, format!("{error:#}"))).ok()?;
    Some(parsed.0 as f64)
}
