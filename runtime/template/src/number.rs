//! Numbers as Shopify Liquid calculates with them: whole numbers without overflow surprises, and
//! fractions in decimal, so that `0.1 | plus: 0.2` is `0.3`.
//!
//! A fraction that does not fit 38 decimal digits falls back to floating point.

use crate::value::Value;
use serde_json::Value as Json;
use std::cmp::Ordering;

/// A number while it is calculated with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Int(i128),
    /// `digits / 10^scale`
    Decimal {
        digits: i128,
        scale: u32,
    },
    Float(f64),
}

/// Why a calculation has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undefined {
    DividedByZero,
    TooLarge,
}

impl Undefined {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::DividedByZero => "divided by 0",
            Self::TooLarge => "the number is too large",
        }
    }
}

type Outcome = Result<Number, Undefined>;

/// `Infinity` is nothing that a person or a profile should read.
fn finite(float: f64) -> Outcome {
    if float.is_finite() { Ok(Number::Float(float)) } else { Err(Undefined::TooLarge) }
}

impl Number {
    /// A value as a number; what is none counts as 0.
    pub(crate) fn of(value: Value<'_>) -> Number {
        match value {
            Value::Int(i) => Number::Int(i.into()),
            Value::Big(n) => Number::Int(*n),
            Value::Float(f) => Number::from_float(f),
            Value::Str(s) => Number::from_text(s),
            Value::Json(Json::Number(n)) => {
                n.as_u64().map_or(Number::Int(0), |n| Number::Int(n.into()))
            }
            _ => Number::Int(0),
        }
    }

    fn from_float(float: f64) -> Number {
        if !float.is_finite() {
            return Number::Float(float);
        }
        let mut buffer = String::with_capacity(24);
        crate::print::push_float(float, &mut buffer);
        Number::decimal(&buffer).unwrap_or(Number::Float(float))
    }

    /// `12`, `-1.5` and what starts with a whole number, as Ruby's `to_i` reads it.
    pub(crate) fn from_text(text: &str) -> Number {
        let trimmed = text.trim();
        if is_decimal(trimmed)
            && let Some(number) = Number::decimal(trimmed)
        {
            return number;
        }
        Number::Int(leading_int(trimmed))
    }

    /// `-12.5`, and `1.25e-07` as floats print.
    fn decimal(text: &str) -> Option<Number> {
        let (digits, exponent) = match text.split_once('e') {
            Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = digits.split_once('.')?;
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        if scale > 30 {
            return text.parse().ok().map(Number::Float);
        }
        let negative = whole.starts_with('-');
        let whole: i128 = whole.trim_start_matches('-').parse().ok()?;
        let unit = 10i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let size = whole.checked_mul(unit)?.checked_add(fraction.parse().ok()?)?;
        let size = size.checked_mul(10i128.checked_pow(u32::try_from(-scale).unwrap_or(0))?)?;
        let scale = u32::try_from(scale).unwrap_or(0);
        Some(Number::Decimal { digits: if negative { -size } else { size }, scale })
    }

    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Number::Int(i) => i as f64,
            Number::Float(f) => f,
            // Through text, because only that rounds once.
            Number::Decimal { digits, scale } => {
                format!("{digits}e-{scale}").parse().unwrap_or(f64::NAN)
            }
        }
    }

    /// Both numbers as decimals of one scale, where that fits.
    fn aligned(self, other: Number) -> Option<(i128, i128, u32)> {
        let (a, a_scale) = self.parts()?;
        let (b, b_scale) = other.parts()?;
        let scale = a_scale.max(b_scale);
        let a = a.checked_mul(10i128.checked_pow(scale - a_scale)?)?;
        let b = b.checked_mul(10i128.checked_pow(scale - b_scale)?)?;
        Some((a, b, scale))
    }

    fn parts(self) -> Option<(i128, u32)> {
        match self {
            Number::Int(i) => Some((i, 0)),
            Number::Decimal { digits, scale } => Some((digits, scale)),
            Number::Float(_) => None,
        }
    }

    fn is_zero(self) -> bool {
        match self {
            Number::Int(i) => i == 0,
            Number::Decimal { digits, .. } => digits == 0,
            Number::Float(f) => f == 0.0,
        }
    }

    fn combine(
        self,
        other: Number,
        whole: fn(i128, i128) -> Option<i128>,
        float: fn(f64, f64) -> f64,
    ) -> Outcome {
        if let (Number::Int(a), Number::Int(b)) = (self, other) {
            return whole(a, b).map(Number::Int).ok_or(Undefined::TooLarge);
        }
        let exact = self.aligned(other).and_then(|(a, b, scale)| Some((whole(a, b)?, scale)));
        match exact {
            Some((digits, scale)) => Ok(Number::Decimal { digits, scale }),
            None => finite(float(self.to_f64(), other.to_f64())),
        }
    }

    pub(crate) fn plus(self, other: Number) -> Outcome {
        self.combine(other, i128::checked_add, |a, b| a + b)
    }

    pub(crate) fn minus(self, other: Number) -> Outcome {
        self.combine(other, i128::checked_sub, |a, b| a - b)
    }

    pub(crate) fn times(self, other: Number) -> Outcome {
        if let (Number::Int(a), Number::Int(b)) = (self, other) {
            return a.checked_mul(b).map(Number::Int).ok_or(Undefined::TooLarge);
        }
        let exact = self.parts().zip(other.parts()).and_then(|(a, b)| {
            let digits = a.0.checked_mul(b.0)?;
            if digits == 0 && (a.0 < 0 || b.0 < 0) {
                return Some(Number::Float(-0.0));
            }
            Some(Number::Decimal { digits, scale: a.1 + b.1 })
        });
        exact
            .filter(|n| !matches!(n, Number::Decimal { scale, .. } if *scale > 60))
            .map_or_else(|| finite(self.to_f64() * other.to_f64()), Ok)
    }

    /// Whole numbers divide to the whole number below; with a fraction the result has one.
    pub(crate) fn divided_by(self, other: Number) -> Outcome {
        if other.is_zero() {
            return Err(Undefined::DividedByZero);
        }
        if let (Number::Int(a), Number::Int(b)) = (self, other) {
            return floor_div(a, b).map(Number::Int).ok_or(Undefined::TooLarge);
        }
        self.exact_quotient(other).map_or_else(|| finite(self.to_f64() / other.to_f64()), Ok)
    }

    /// At least twenty significant digits, which is beyond what a float shows.
    fn exact_quotient(self, other: Number) -> Option<Number> {
        let (a, b, _) = self.aligned(other)?;
        let length = |n: i128| n.unsigned_abs().checked_ilog10().unwrap_or(0);
        let wanted = 20 + length(b).saturating_sub(length(a));
        let scale = (0..=wanted)
            .rev()
            .find(|k| 10i128.checked_pow(*k).is_some_and(|p| a.checked_mul(p).is_some()))?;
        if scale + 3 < wanted {
            return None;
        }
        let digits = a.checked_mul(10i128.pow(scale))?.checked_div(b)?;
        Some(Number::Decimal { digits, scale })
    }

    pub(crate) fn modulo(self, other: Number) -> Outcome {
        if other.is_zero() {
            return Err(Undefined::DividedByZero);
        }
        self.combine(
            other,
            |a, b| Some(a - b.checked_mul(floor_div(a, b)?)?),
            |a, b| a - b * (a / b).floor(),
        )
    }

    pub(crate) fn abs(self) -> Number {
        match self {
            Number::Int(i) => Number::Int(i.saturating_abs()),
            Number::Decimal { digits, scale } => {
                Number::Decimal { digits: digits.saturating_abs(), scale }
            }
            Number::Float(f) => Number::Float(f.abs()),
        }
    }

    pub(crate) fn floor(self) -> Outcome {
        self.to_whole(floor_div, f64::floor)
    }

    pub(crate) fn ceil(self) -> Outcome {
        self.to_whole(|a, b| floor_div(a.checked_neg()?, b)?.checked_neg(), f64::ceil)
    }

    fn to_whole(self, whole: fn(i128, i128) -> Option<i128>, float: fn(f64) -> f64) -> Outcome {
        let exact = match self {
            Number::Int(i) => Some(i),
            Number::Decimal { digits, scale } => {
                10i128.checked_pow(scale).and_then(|unit| whole(digits, unit))
            }
            Number::Float(_) => None,
        };
        exact.map_or_else(|| whole_float(float(self.to_f64())), |i| Ok(Number::Int(i)))
    }

    /// Rounds half away from zero, to `places` digits behind the point.
    pub(crate) fn round(self, places: i64) -> Outcome {
        match self {
            Number::Int(i) if places >= 0 => Ok(Number::Int(i)),
            Number::Int(i) => Ok(Number::Int(round_at(i, -places))),
            Number::Decimal { digits, scale } => {
                let drop = i64::from(scale) - places;
                if places < 1 {
                    let whole = round_at(digits, drop) / 10i128.saturating_pow(scale);
                    Ok(Number::Int(whole))
                } else if drop <= 0 {
                    Ok(self)
                } else {
                    let digits = round_at(digits, drop);
                    Ok(Number::Decimal { digits, scale })
                }
            }
            Number::Float(f) if places < 1 => whole_float(f.round()),
            // Beyond thirty decimals: nothing that rounding would leave.
            Number::Float(f) if f.abs() < 1e-29 => Ok(Number::Float(0.0)),
            Number::Float(f) => Ok(Number::Float(f)),
        }
    }

    pub(crate) fn order(self, other: Number) -> Ordering {
        match self.aligned(other) {
            Some((a, b, _)) => a.cmp(&b),
            None => self.to_f64().partial_cmp(&other.to_f64()).unwrap_or(Ordering::Equal),
        }
    }

    /// The number as an index or a count.
    pub(crate) fn to_i64(self) -> i64 {
        let whole = match self.floor() {
            Ok(Number::Int(i)) if self.to_f64() >= 0.0 => i,
            Ok(Number::Int(i)) => match self.ceil() {
                Ok(Number::Int(up)) => up,
                _ => i,
            },
            _ => 0,
        };
        i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX })
    }
}

fn whole_float(float: f64) -> Outcome {
    if float.abs() < 1e38 { Ok(Number::Int(float as i128)) } else { Err(Undefined::TooLarge) }
}

fn floor_div(a: i128, b: i128) -> Option<i128> {
    let quotient = a.checked_div(b)?;
    let inexact = a % b != 0 && (a < 0) != (b < 0);
    Some(if inexact { quotient - 1 } else { quotient })
}

/// Rounds the last `drop` digits away, keeping the size of the number.
fn round_at(digits: i128, drop: i64) -> i128 {
    let Some(unit) = u32::try_from(drop).ok().and_then(|d| 10i128.checked_pow(d)) else {
        return if drop < 0 { digits } else { 0 };
    };
    let rest = digits % unit;
    let cut = digits - rest;
    if rest.abs() >= unit - rest.abs() { cut.saturating_add(unit * digits.signum()) } else { cut }
}

fn is_decimal(text: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    text.strip_prefix('-')
        .unwrap_or(text)
        .split_once('.')
        .is_some_and(|(whole, fraction)| digits(whole) && digits(fraction))
}

/// The whole number a text starts with; 0 if with none.
pub(crate) fn leading_int(text: &str) -> i128 {
    let text = text.trim_start();
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let mut number: i128 = 0;
    let mut may_underscore = false;
    for byte in digits.bytes() {
        match byte {
            b'0'..=b'9' => {
                number = number.saturating_mul(10).saturating_add(i128::from(byte - b'0'));
                may_underscore = true;
            }
            b'_' if may_underscore => may_underscore = false,
            _ => break,
        }
    }
    if negative { -number } else { number }
}

/// A value as a whole number where Liquid insists on one (`limit`, `slice`, `truncate`).
pub(crate) fn strict_int(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Int(i) => Some(i),
        Value::Big(n) => Some(if *n < 0 { i64::MIN } else { i64::MAX }),
        Value::Str(s) => {
            let s = s.trim();
            let digits = s.strip_prefix(['-', '+']).unwrap_or(s);
            let tidy = !digits.is_empty()
                && !digits.starts_with('_')
                && !digits.ends_with('_')
                && !digits.contains("__")
                && digits.bytes().all(|b| b.is_ascii_digit() || b == b'_');
            tidy.then(|| {
                let n = leading_int(s);
                i64::try_from(n).unwrap_or(if n < 0 { i64::MIN } else { i64::MAX })
            })
        }
        _ => None,
    }
}
