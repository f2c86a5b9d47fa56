//! What goes wrong, and how often: a fault profile.

use std::fmt;

use flowrun_core::Millis;
use flowrun_core::sdk::Duration;
use serde::{Deserialize, Deserializer};

/// A fault profile. All shares are percent; what is not named does not happen.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// Faults happen for so long after the start; then everything is well, and everyone has
    /// to get through. Default: half of the run.
    pub lasts: Option<Span>,
    /// The weather at the backend.
    pub backend: Weather,
    /// Times of much worse weather.
    pub brownouts: Option<Brownouts>,
    /// What the backend does with a write that comes again under its key.
    pub keys: Keys,
    /// The channels: shares of messages.
    pub channel: ChannelFaults,
    /// The machine that flowrun runs on.
    pub machine: MachineFaults,
}

/// What becomes of requests. The shares add up to 100 with those that go well.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weather {
    /// How long a reply takes, at least and at most.
    pub latency: (Span, Span),
    /// After so long a request counts as lost.
    pub deadline: Span,
    /// Requests whose reply takes up to the deadline.
    pub slow: f64,
    /// The request never arrives.
    pub timeout: f64,
    /// The request arrives and has its effect, and the reply never comes.
    pub timeout_with_effect: f64,
    /// The reply can't be understood; the request has had its effect.
    pub garbled: f64,
    /// 429, with and without a wait.
    pub rate_limited: f64,
    /// 5xx, without effect.
    pub server_error: f64,
    /// Each object fares on its own: some are applied, some not, of some nothing is said.
    pub partial: f64,
    /// 202: taken over, and applied after the reply.
    pub queued: f64,
    /// 401: the key is turned down, for a while.
    pub unauthorized: f64,
    /// Replies that come twice.
    pub duplicate_reply: f64,
    /// Replies that come after the deadline has passed.
    pub late_reply: f64,
    /// Objects (not requests) that the backend never takes.
    pub refused_objects: f64,
}

impl Default for Weather {
    fn default() -> Weather {
        Weather {
            latency: (Span(Millis(20)), Span(Millis(60))),
            deadline: Span(Millis::from_secs(30)),
            slow: 0.0,
            timeout: 0.0,
            timeout_with_effect: 0.0,
            garbled: 0.0,
            rate_limited: 0.0,
            server_error: 0.0,
            partial: 0.0,
            queued: 0.0,
            unauthorized: 0.0,
            duplicate_reply: 0.0,
            late_reply: 0.0,
            refused_objects: 0.0,
        }
    }
}

/// Every so often, for so long, so many percent of the requests fail with 503.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brownouts {
    pub every: Span,
    pub lasts: Span,
    pub share: f64,
}

/// What a backend does with a write that comes again under its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keys {
    /// It changes nothing again.
    #[default]
    Honoured,
    /// It is applied again: as with an endpoint that knows no keys.
    Ignored,
    /// It is applied again once the key is older than this.
    Forgotten(Span),
}

/// What becomes of messages.
#[derive(Clone, Copy, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelFaults {
    /// Not sent; may be tried again.
    pub retry: f64,
    /// Sent or not: nobody knows.
    pub unknown: f64,
    /// Never will be sent.
    pub refused: f64,
}

/// What the machine does.
#[derive(Clone, Copy, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MachineFaults {
    /// The share of beats (decided, committed, acted) at which it dies, and comes back.
    pub crashes: f64,
    pub clock: Clock,
}

/// How far the machine's clock can be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    #[default]
    Right,
    /// It is set forward and back by seconds and hours, stands still, and drifts.
    Jumps,
}

impl Plan {
    /// Nothing goes wrong.
    pub fn calm() -> Plan {
        Plan::default()
    }

    /// A bad month: every kind of fault, now and then.
    pub fn rough() -> Plan {
        Plan {
            backend: Weather {
                latency: (Span(Millis(20)), Span(Millis(2_000))),
                slow: 1.0,
                timeout: 0.5,
                timeout_with_effect: 0.5,
                garbled: 0.2,
                rate_limited: 1.0,
                server_error: 1.0,
                partial: 1.0,
                queued: 0.5,
                unauthorized: 0.05,
                duplicate_reply: 0.5,
                late_reply: 0.5,
                refused_objects: 0.1,
                ..Weather::default()
            },
            channel: ChannelFaults { retry: 1.0, unknown: 0.2, refused: 0.1 },
            machine: MachineFaults { crashes: 0.01, clock: Clock::Right },
            ..Plan::default()
        }
    }

    /// Everything at once: more goes wrong than right, with brown-outs and crashes.
    pub fn storm() -> Plan {
        Plan {
            backend: Weather {
                latency: (Span(Millis(20)), Span(Millis(10_000))),
                slow: 5.0,
                timeout: 8.0,
                timeout_with_effect: 8.0,
                garbled: 4.0,
                rate_limited: 8.0,
                server_error: 8.0,
                partial: 12.0,
                queued: 4.0,
                unauthorized: 0.5,
                duplicate_reply: 5.0,
                late_reply: 5.0,
                refused_objects: 1.0,
                ..Weather::default()
            },
            brownouts: Some(Brownouts {
                every: Span(Millis::from_secs(2 * 86_400)),
                lasts: Span(Millis::from_secs(3 * 3_600)),
                share: 30.0,
            }),
            channel: ChannelFaults { retry: 8.0, unknown: 3.0, refused: 1.0 },
            machine: MachineFaults { crashes: 0.5, clock: Clock::Jumps },
            ..Plan::default()
        }
    }

    /// A profile by its name.
    pub fn named(name: &str) -> Option<Plan> {
        match name {
            "calm" => Some(Plan::calm()),
            "rough" => Some(Plan::rough()),
            "storm" => Some(Plan::storm()),
            _ => None,
        }
    }

    /// Whether the machine is to be trusted: nothing dies and the clock is right.
    pub fn spares_the_machine(&self) -> bool {
        self.machine == MachineFaults::default()
    }

    /// What is wrong with the numbers, if anything.
    pub fn fault(&self) -> Option<String> {
        let weather = &self.backend;
        let shares = [
            ("backend.slow", weather.slow),
            ("backend.timeout", weather.timeout),
            ("backend.timeout_with_effect", weather.timeout_with_effect),
            ("backend.garbled", weather.garbled),
            ("backend.rate_limited", weather.rate_limited),
            ("backend.server_error", weather.server_error),
            ("backend.partial", weather.partial),
            ("backend.queued", weather.queued),
            ("backend.unauthorized", weather.unauthorized),
            ("backend.duplicate_reply", weather.duplicate_reply),
            ("backend.late_reply", weather.late_reply),
            ("backend.refused_objects", weather.refused_objects),
            ("brownouts.share", self.brownouts.map_or(0.0, |brownouts| brownouts.share)),
            ("channel.retry", self.channel.retry),
            ("channel.unknown", self.channel.unknown),
            ("channel.refused", self.channel.refused),
            ("machine.crashes", self.machine.crashes),
        ];
        let wrong = shares.iter().find(|(_, share)| !(0.0..=100.0).contains(share));
        if let Some((name, share)) = wrong {
            return Some(format!("`{name}` is a share in percent, from 0 to 100, not {share}"));
        }
        if weather.latency.0 > weather.latency.1 {
            return Some("`backend.latency` is at least and at most, in this order".to_owned());
        }
        let no_time = self.brownouts.is_some_and(|one| one.every.0 <= one.lasts.0);
        no_time.then(|| "`brownouts.every` is longer than `lasts`".to_owned())
    }
}

/// A length of time, written as `45s`, `15m`, `4h` or `2d`; below a second as `20ms`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Span(pub Millis);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time such as `20ms`, `45s` or `2d`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Span, E> {
                if let Some(Ok(millis)) =
                    text.strip_suffix("ms").map(|number| number.trim().parse())
                {
                    let fits = (0..=86_400_000).contains(&millis);
                    return fits.then_some(Span(Millis(millis))).ok_or_else(|| {
                        E::custom(format!("`{text}` is longer than a day: write days"))
                    });
                }
                let duration: Duration = text.parse().map_err(E::custom)?;
                Ok(Span(duration.as_millis()))
            }
        }
        from.deserialize_str(Visitor)
    }
}
