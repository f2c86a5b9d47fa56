//! What an operator should know about the endpoint.

use std::fmt;

use flowrun_core::Millis;

use super::Endpoint;

/// Something happened that no single update is to blame for. Says what to do; never shows
/// the API key, though servers quote it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// `GET /health` was answered, or given up.
    Probed(Endpoint),
    /// The endpoint refuses every request: the key, its rights, or the address is wrong.
    TurnedDown { status: u16, why: String, pause: Millis },
    /// No connection could be made several times in a row.
    Unreachable { why: String, pause: Millis },
    /// It answers again as it should.
    Recovered,
    /// The commit level is `applied`, and the endpoint doesn't show profiles.
    NoReadBack { status: u16, why: String },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Probed(Endpoint { write_keys: true, .. }) => {
                f.write_str("the endpoint remembers write keys: every update is applied once")
            }
            Notice::Probed(_) => f.write_str(
                "the endpoint doesn't remember write keys: an update whose reply got lost is \
                 sent again, and what it counts may count twice",
            ),
            Notice::TurnedDown { why, pause, .. } => write!(
                f,
                "the endpoint turns every request down: {why}. Nothing is lost: updates are \
                 held, and the next try is in {}",
                seconds(*pause)
            ),
            Notice::Unreachable { why, pause } => write!(
                f,
                "the endpoint can't be reached: {why}. Updates are held, and the next try is \
                 in {}",
                seconds(*pause)
            ),
            Notice::Recovered => f.write_str("the endpoint takes updates again"),
            Notice::NoReadBack { why, .. } => write!(
                f,
                "written values can't be read back: {why}. Updates count as committed when \
                 they are accepted; give the API key the right `users.export.ids`, or set \
                 the commit level to `accepted`"
            ),
        }
    }
}

impl Notice {
    /// The same for a log: without a word of the endpoint's own, since that may quote anybody.
    #[must_use]
    pub fn brief(&self) -> String {
        match self {
            Notice::TurnedDown { status, pause, .. } => format!(
                "the endpoint turns every request down (status {status}): check the API key, its \
                 rights and the address. Updates are held, and the next try is in {}",
                seconds(*pause)
            ),
            Notice::NoReadBack { status, .. } => format!(
                "written values can't be read back (status {status}): updates count as committed \
                 when they are accepted"
            ),
            Notice::Probed(_) | Notice::Unreachable { .. } | Notice::Recovered => self.to_string(),
        }
    }
}

/// A pause for people, in seconds.
pub(super) fn seconds(pause: Millis) -> String {
    match pause.0 % 1000 {
        0 => format!("{} s", pause.0 / 1000),
        _ => format!("{:.1} s", pause.0 as f64 / 1000.0),
    }
}
