//! How long the endpoint wants to be left alone.
//!
//! Two dialects are spoken. Braze's usual one says in `X-RateLimit-Reset` *when* (seconds
//! since 1970); its newer contracts say there *in how many seconds*, and on a 429 only in
//! `X-Ratelimit-Retry-After`. Proxies in between say `Retry-After`, in seconds or as a date.
//! Whatever is said is believed between a second and five minutes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flowrun_core::Millis;

/// No wait is shorter or longer, whatever the endpoint says.
const SHORTEST: f64 = 1.0;
const LONGEST: f64 = 300.0;

/// A number of seconds that can't be a wait is a moment: it lies after September 2001.
const MOMENT: f64 = 1e9;
/// And one that can't be a moment in seconds is one in milliseconds.
const MOMENT_MS: f64 = 1e11;

/// The wait after a request too many, if the headers say.
pub(super) fn limited<'a>(
    header: impl Fn(&str) -> Option<&'a str>,
    now: SystemTime,
) -> Option<Millis> {
    let number = |name| header(name).and_then(seconds).map(|number| within(left(number, now)));
    number("x-ratelimit-retry-after")
        .or_else(|| busy(&header, now))
        .or_else(|| number("x-ratelimit-reset"))
}

/// The wait that an endpoint in trouble asks for. Its rate limit stands in its headers as
/// in those of every reply, and has nothing to do with that.
pub(super) fn busy<'a>(
    header: impl Fn(&str) -> Option<&'a str>,
    now: SystemTime,
) -> Option<Millis> {
    let text = header("retry-after")?;
    let number = seconds(text).map(|number| left(number, now));
    number.or_else(|| Some(until(httpdate::parse_http_date(text.trim()).ok()?, now))).map(within)
}

/// The wait after which there are requests left again, if this was the last.
pub(super) fn spent<'a>(
    header: impl Fn(&str) -> Option<&'a str>,
    now: SystemTime,
) -> Option<Millis> {
    let remaining = header("x-ratelimit-remaining").and_then(seconds)?;
    let reset = header("x-ratelimit-reset").and_then(seconds)?;
    (remaining <= 0.0).then(|| within(left(reset, now)))
}

fn within(seconds: f64) -> Millis {
    Millis((seconds.clamp(SHORTEST, LONGEST) * 1000.0) as i64)
}

fn seconds(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

fn left(number: f64, now: SystemTime) -> f64 {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64();
    match number {
        moment if moment >= MOMENT_MS => moment / 1000.0 - now,
        moment if moment >= MOMENT => moment - now,
        seconds => seconds,
    }
}

fn until(moment: SystemTime, now: SystemTime) -> f64 {
    moment.duration_since(now).map_or(0.0, |left| left.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 was too early for moments to be told apart from waits.
    const NOW: u64 = 1_800_000_000;

    #[test]
    fn every_dialect_is_understood_and_capped() {
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        let (soon, past) = ((NOW + 30).to_string(), (NOW - 30).to_string());
        let (soon_ms, date) =
            (format!("{}000", NOW + 30), httpdate::fmt_http_date(now + Duration::from_secs(20)));
        for (headers, expected) in [
            (&[][..], None),
            (&[("retry-after", "7")][..], Some(7_000)),
            (&[("retry-after", " 7.5 ")], Some(7_500)),
            (&[("retry-after", &date)], Some(20_000)),
            (&[("retry-after", "Fri, 01 Jan 2010 00:00:00 GMT")], Some(1_000)),
            (&[("retry-after", "Tue, 01 Jan 2999 00:00:00 GMT")], Some(300_000)),
            (&[("retry-after", "Fri, 01 Jan 2999 00:00:00 GMT")], None),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "-7")], Some(1_000)),
            (&[("retry-after", "0")], Some(1_000)),
            (&[("retry-after", "99999999999999999999999")], Some(300_000)),
            (&[("retry-after", "1e400")], None),
            (&[("retry-after", "NaN")], None),
            (&[("x-ratelimit-reset", &soon)], Some(30_000)),
            (&[("x-ratelimit-reset", &soon_ms)], Some(30_000)),
            (&[("x-ratelimit-reset", &past)], Some(1_000)),
            (&[("x-ratelimit-reset", "3")], Some(3_000)),
            (&[("x-ratelimit-reset", "3600")], Some(300_000)),
            (&[("x-ratelimit-retry-after", "2"), ("x-ratelimit-reset", &soon)], Some(2_000)),
            (&[("x-ratelimit-retry-after", "?"), ("retry-after", "4")], Some(4_000)),
        ] {
            let header =
                |name: &str| headers.iter().find(|(one, _)| *one == name).map(|(_, text)| *text);
            assert_eq!(limited(header, now), expected.map(Millis), "{headers:?}");
        }
    }

    #[test]
    fn a_pause_is_made_before_the_limit_is_broken() {
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        let soon = (NOW + 30).to_string();
        for (remaining, reset, expected) in [
            (Some("1"), Some(&*soon), None),
            (Some("0"), Some(&soon), Some(30_000)),
            (Some("-1"), Some("2"), Some(2_000)),
            (Some("0"), None, None),
            (None, Some(&soon), None),
            (Some("x"), Some(&soon), None),
        ] {
            let header = |name: &str| match name {
                "x-ratelimit-remaining" => remaining,
                "x-ratelimit-reset" => reset,
                _ => None,
            };
            assert_eq!(spent(header, now), expected.map(Millis), "{remaining:?} {reset:?}");
        }
    }
}
