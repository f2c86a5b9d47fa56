//! Points in time with a zone: what the `date` and `time_zone` filters work with.
//!
//! Zones come from the bundled IANA database, so the same template prints the same bytes on every
//! machine. The process's own zone plays no part; without a zone a time is UTC.

mod format;
mod read;
mod zones;

use crate::value::Value;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

pub(crate) use format::strftime;
pub(crate) use zones::zone;

/// A point in time, its offset from UTC and the name of its zone, if it has one.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment<'a> {
    seconds: i64,
    nanoseconds: i32,
    offset_seconds: i32,
    /// `UTC`, `PST`, …; empty for a bare offset.
    zone: &'a str,
}

impl<'a> Moment<'a> {
    pub(crate) fn utc(seconds: i64, nanoseconds: i32) -> Option<Moment<'a>> {
        Timestamp::new(seconds, nanoseconds).ok()?;
        Some(Moment { seconds, nanoseconds, offset_seconds: 0, zone: "UTC" })
    }

    pub(crate) fn from_ms(ms: i64) -> Option<Moment<'a>> {
        let seconds = ms.div_euclid(1000);
        let nanoseconds = i32::try_from(ms.rem_euclid(1000)).ok()? * 1_000_000;
        Moment::utc(seconds, nanoseconds)
    }

    fn at_offset(local: DateTime, offset_seconds: i32, zone: &'a str) -> Option<Moment<'a>> {
        let offset = Offset::from_seconds(offset_seconds).ok()?;
        let timestamp = offset.to_timestamp(local).ok()?;
        Some(Moment {
            seconds: timestamp.as_second(),
            nanoseconds: timestamp.subsec_nanosecond(),
            offset_seconds,
            zone,
        })
    }

    /// Seconds and nanoseconds since 1970-01-01 UTC.
    pub(crate) fn instant(&self) -> (i64, i32) {
        (self.seconds, self.nanoseconds)
    }

    /// The same point in time in another zone; `name` keeps the zone's short name.
    pub(crate) fn in_zone<E>(
        &self,
        zone: &TimeZone,
        name: impl FnOnce(&str) -> Result<&'a str, E>,
    ) -> Result<Moment<'a>, E> {
        let timestamp = self.timestamp();
        let info = zone.to_offset_info(timestamp);
        Ok(Moment {
            offset_seconds: info.offset().seconds(),
            zone: name(info.abbreviation())?,
            ..*self
        })
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp::new(self.seconds, self.nanoseconds).unwrap_or_default()
    }

    fn civil(&self) -> DateTime {
        Offset::from_seconds(self.offset_seconds)
            .unwrap_or(Offset::UTC)
            .to_datetime(self.timestamp())
    }

    /// As Ruby prints a time: `2024-01-02 03:04:05 UTC`, or with an offset.
    pub(crate) fn show(&self, out: &mut String) {
        let format =
            if self.zone == "UTC" { "%Y-%m-%d %H:%M:%S UTC" } else { "%Y-%m-%d %H:%M:%S %z" };
        strftime(self, format, out);
    }
}

/// Reads a value as a time; `None` if it is none. A number is seconds since 1970.
pub(crate) fn read<'a>(value: Value<'a>, now_ms: i64) -> Option<Moment<'a>> {
    match value {
        Value::Time(moment) => Some(*moment),
        Value::Int(seconds) => Moment::utc(seconds, 0),
        Value::Str(text) => read::time(text, now_ms),
        _ => None,
    }
}

/// `2024-01-02T03:04:05.678Z`, for `{{$isoTimestamp}}`.
pub(crate) fn iso(now_ms: i64, out: &mut String) {
    if let Some(moment) = Moment::from_ms(now_ms) {
        strftime(&moment, "%Y-%m-%dT%H:%M:%S.%LZ", out);
    }
}
