//! Values that differ from user to user, and how they are drawn.

use std::sync::LazyLock;

use flowrun_core::track::Profile;
use flowrun_core::track::date;
use flowrun_core::{Context, Millis};
use serde_json::Value as Json;

use super::dice::{Dice, Purpose};

/// How a value is drawn. What draws nothing leaves the value out.
#[derive(Clone, PartialEq, Debug)]
pub enum Draw {
    Fixed(Json),
    OneOf(Weighted),
    Number(Number),
    /// A day, as `2026-01-31`: the first and the last that may be drawn, in days since 1970.
    Day {
        first: i64,
        last: i64,
    },
    /// By what the user has drawn before under a name.
    By {
        name: Box<str>,
        cases: Vec<(Json, Draw)>,
        otherwise: Option<Box<Draw>>,
    },
}

/// Values with weights.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Weighted {
    /// Sums of weights up to and with each option, in millionths.
    sums: Vec<u64>,
    options: Vec<Option<Json>>,
}

/// The largest weight, so that sums can't overflow.
pub const LARGEST_WEIGHT: f64 = 1e9;

impl Weighted {
    /// Adds an option; `None` leaves the value out. Weights are finite and not negative.
    pub fn add(&mut self, option: Option<Json>, weight: f64) {
        let millionths = (weight.clamp(0.0, LARGEST_WEIGHT) * 1e6).round() as u64;
        self.sums.push(self.sums.last().unwrap_or(&0) + millionths);
        self.options.push(option);
    }

    /// All weights together are more than nothing.
    pub fn is_drawable(&self) -> bool {
        self.sums.last().is_some_and(|sum| *sum > 0)
    }

    pub fn options(&self) -> impl Iterator<Item = &Json> {
        self.options.iter().flatten()
    }

    fn draw(&self, dice: &mut Dice) -> usize {
        let drawn = dice.below(*self.sums.last().unwrap_or(&0));
        self.sums.partition_point(|sum| *sum <= drawn)
    }
}

/// A number.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Number {
    pub shape: Shape,
    pub least: Option<f64>,
    pub most: Option<f64>,
    /// Decimals that are kept; with none it is a whole number.
    pub digits: u8,
}

/// How often which number is drawn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Shape {
    /// All from one number to another, equally often.
    Uniform {
        from: f64,
        to: f64,
    },
    Normal {
        mean: f64,
        sigma: f64,
    },
    /// Its logarithm is normal: few large ones, as of money and of patience.
    LogNormal {
        median: f64,
        sigma: f64,
    },
}

/// How often a number outside the bounds is drawn anew before it is moved to the bound.
const TRIES: usize = 16;

impl Number {
    pub fn draw(&self, dice: &mut Dice) -> f64 {
        if let (Shape::Uniform { from, to }, 0) = (self.shape, self.digits) {
            // Both ends as likely as what is between them.
            let (from, to) = (from.ceil(), to.floor());
            return from + dice.below((to - from).max(0.0) as u64 + 1) as f64;
        }
        let (least, most) =
            (self.least.unwrap_or(f64::NEG_INFINITY), self.most.unwrap_or(f64::INFINITY));
        let mut drawn = self.shape.draw(dice);
        for _ in 0..TRIES {
            if (least..=most).contains(&drawn) {
                break;
            }
            drawn = self.shape.draw(dice);
        }
        let step = libm::pow(10.0, f64::from(self.digits));
        (drawn.max(least).min(most) * step).round() / step
    }

    fn json(&self, dice: &mut Dice) -> Json {
        let drawn = self.draw(dice);
        match self.digits {
            0 => Json::from(drawn as i64),
            _ => Json::from(drawn),
        }
    }
}

impl Shape {
    /// The one whose draws have this mean: it lies above the median, the more so the wider
    /// the spread.
    pub fn log_normal_around(mean: f64, sigma: f64) -> Shape {
        Shape::LogNormal { median: mean * libm::exp(-sigma * sigma / 2.0), sigma }
    }

    fn draw(self, dice: &mut Dice) -> f64 {
        match self {
            Shape::Uniform { from, to } => from + (to - from) * dice.share(),
            Shape::Normal { mean, sigma } => mean + sigma * dice.normal(),
            Shape::LogNormal { median, sigma } => median * libm::exp(sigma * dice.normal()),
        }
    }
}

/// A length of time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct After(pub Number);

impl After {
    pub fn exactly(length: Millis) -> After {
        After::between(length, length)
    }

    pub fn between(from: Millis, to: Millis) -> After {
        let (from, to) = (from.0 as f64, to.0 as f64);
        After(Number { shape: Shape::Uniform { from, to }, least: None, most: None, digits: 0 })
    }

    /// In whole seconds, and never nothing: what follows comes after what it follows.
    pub fn draw(&self, dice: &mut Dice) -> Millis {
        let seconds = (self.0.draw(dice) / 1000.0).round();
        Millis((seconds.clamp(1.0, 1e9) as i64) * 1000)
    }
}

/// What is known of a user when a value is drawn.
pub struct Known<'a> {
    pub profile: &'a Profile,
    /// What was drawn before it in the same list.
    pub drawn: &'a Context,
}

impl Known<'_> {
    /// Nothing is known.
    pub fn nothing() -> Known<'static> {
        static NOTHING: LazyLock<(Profile, Context)> = LazyLock::new(Default::default);
        Known { profile: &NOTHING.0, drawn: &NOTHING.1 }
    }

    fn is(&self, name: &str, value: &Json) -> bool {
        if let Some(drawn) = self.drawn.get(name) {
            return drawn == value;
        }
        self.profile.attribute(name).is_some_and(|known| known.to_json() == *value)
    }
}

impl Draw {
    pub fn draw(&self, dice: &mut Dice, known: &Known<'_>) -> Option<Json> {
        match self {
            Draw::Fixed(json) => Some(json.clone()),
            Draw::OneOf(weighted) => weighted.options.get(weighted.draw(dice))?.clone(),
            Draw::Number(number) => Some(number.json(dice)),
            Draw::Day { first, last } => {
                let day = first + dice.below((last - first).max(0) as u64 + 1) as i64;
                Some(date::iso_ms(day * DAY)[..10].into())
            }
            Draw::By { name, cases, otherwise } => {
                let case = cases.iter().find(|(value, _)| known.is(name, value));
                match case {
                    Some((_, draw)) => draw.draw(dice, known),
                    None => otherwise.as_deref()?.draw(dice, known),
                }
            }
        }
    }

    /// Whether everybody gets the same.
    pub fn is_fixed(&self) -> bool {
        matches!(self, Draw::Fixed(_))
    }

    /// The number of the option that is drawn, where options are all there is.
    pub(super) fn option(&self, dice: &mut Dice) -> Option<usize> {
        match self {
            Draw::Fixed(_) => Some(0),
            Draw::OneOf(weighted) => Some(weighted.draw(dice)),
            _ => None,
        }
    }

    /// All options in order, where options are all there is.
    pub(super) fn options(&self) -> Option<Vec<Option<&Json>>> {
        match self {
            Draw::Fixed(json) => Some(vec![Some(json)]),
            Draw::OneOf(weighted) => Some(weighted.options.iter().map(Option::as_ref).collect()),
            _ => None,
        }
    }
}

const DAY: i64 = 86_400_000;

/// Named values, drawn one after another.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Draws(pub Vec<(Box<str>, Draw)>);

impl Draws {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_fixed(&self) -> bool {
        self.0.iter().all(|(_, draw)| draw.is_fixed())
    }

    /// All values for a user.
    pub fn draw(&self, dice: &Dice, profile: &Profile) -> Context {
        let mut drawn = Context::new();
        for (name, draw) in &self.0 {
            let mut own = dice.clone().apart(Purpose::of(name));
            if let Some(json) = draw.draw(&mut own, &Known { profile, drawn: &drawn }) {
                drawn.insert(name.to_string(), json);
            }
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(draw: &Draw, users: usize) -> Vec<Option<Json>> {
        let (profile, before) = (Profile::new("u"), Context::new());
        let known = Known { profile: &profile, drawn: &before };
        let dice = |user| Dice::new(1, &format!("user-{user}"), Purpose::of("x"));
        (0..users).map(|user| draw.draw(&mut dice(user), &known)).collect()
    }

    #[test]
    fn options_are_drawn_by_their_weights_and_nothing_is_an_option() {
        let mut weighted = Weighted::default();
        weighted.add(Some("a".into()), 0.5);
        weighted.add(None, 0.25);
        weighted.add(Some("never".into()), 0.0);
        weighted.add(Some("b".into()), 0.25);
        let all = drawn(&Draw::OneOf(weighted), 20_000);
        for (option, share) in
            [(Some("a"), 0.5), (None, 0.25), (Some("b"), 0.25), (Some("never"), 0.0)]
        {
            let count = all.iter().filter(|one| one.as_ref().and_then(Json::as_str) == option);
            let count = count.count() as f64 / 20_000.0;
            assert!((count - share).abs() < 0.015, "{option:?}: {count}");
        }
    }

    #[test]
    fn numbers_keep_to_their_bounds_and_digits() {
        let number = |shape, digits| Number { shape, least: Some(18.0), most: Some(30.0), digits };
        for (number, whole) in [
            (number(Shape::Uniform { from: 18.0, to: 30.0 }, 0), true),
            (number(Shape::Normal { mean: 20.0, sigma: 30.0 }, 0), true),
            (number(Shape::LogNormal { median: 20.0, sigma: 2.0 }, 2), false),
            // Nothing is within: the nearest bound.
            (number(Shape::Normal { mean: 900.0, sigma: 1.0 }, 1), false),
        ] {
            let all = drawn(&Draw::Number(number), 2000);
            let all: Vec<Json> = all.into_iter().flatten().collect();
            assert_eq!(all.iter().all(|one| one.is_i64()), whole, "{number:?}");
            let within = |one: &Json| (18.0..=30.0).contains(&one.as_f64().unwrap());
            assert!(all.iter().all(within), "{number:?}");
        }
        let ends = drawn(
            &Draw::Number(Number {
                shape: Shape::Uniform { from: 0.0, to: 1.0 },
                least: None,
                most: None,
                digits: 0,
            }),
            1000,
        );
        let ones = ends.iter().flatten().filter(|one| **one == 1).count();
        assert!((400..600).contains(&ones), "{ones}");
    }

    #[test]
    fn a_lognormal_draw_has_the_mean_that_was_asked_for() {
        let shape = Shape::log_normal_around(80.0, 0.8);
        let number = Number { shape, least: None, most: None, digits: 2 };
        let all = drawn(&Draw::Number(number), 40_000);
        let sum: f64 = all.iter().flatten().filter_map(Json::as_f64).sum();
        assert!((sum / 40_000.0 - 80.0).abs() < 2.0, "{}", sum / 40_000.0);
    }

    #[test]
    fn a_value_may_depend_on_one_drawn_before() {
        let by = |otherwise| Draw::By {
            name: "country".into(),
            cases: vec![("FR".into(), Draw::Fixed("Europe/Paris".into()))],
            otherwise,
        };
        for (country, otherwise, expected) in [
            ("FR", None, Some("Europe/Paris")),
            ("US", None, None),
            ("US", Some(Box::new(Draw::Fixed("UTC".into()))), Some("UTC")),
        ] {
            let draws = Draws(vec![
                ("country".into(), Draw::Fixed(country.into())),
                ("zone".into(), by(otherwise)),
            ]);
            let dice = Dice::new(1, "u", Purpose::of("x"));
            let context = draws.draw(&dice, &Profile::new("u"));
            assert_eq!(context.get("zone").and_then(Json::as_str), expected, "{country}");
        }
    }

    #[test]
    fn days_are_drawn_with_both_ends() {
        let days = drawn(&Draw::Day { first: 20_454, last: 20_455 }, 200);
        let count = |day: &str| days.iter().flatten().filter(|one| **one == day).count();
        assert!(count("2026-01-01") > 60 && count("2026-01-02") > 60, "{days:?}");
        assert_eq!(count("2026-01-01") + count("2026-01-02"), 200);
    }

    #[test]
    fn what_follows_comes_later_in_whole_seconds() {
        for after in [After::exactly(Millis(0)), After::between(Millis(1), Millis(90_000))] {
            for user in 0..100 {
                let drawn = after.draw(&mut Dice::new(1, &user.to_string(), Purpose::of("x")));
                assert!(drawn >= Millis(1000) && drawn.0 % 1000 == 0, "{drawn:?}");
            }
        }
    }
}
