//! What a Canvas can say by its contract, and this version can't do yet. Refused in words:
//! a journey that ignores half of what its file says is worse than none.

use flowrun_sdk::Catalogue;

use crate::codes;
use crate::diagnostic::{Diagnostic, Span};
use crate::yaml::Entry;

const KINDS: [&str; 1] = ["action_paths"];

/// Keys that belong to the environment, not into a Canvas.
const ENVIRONMENT: [&str; 12] = [
    "api_key",
    "apikey",
    "backend",
    "backends",
    "base_url",
    "channel",
    "channels",
    "cluster",
    "endpoint",
    "key",
    "rest_endpoint",
    "url",
];

pub(crate) fn is_kind(name: &str) -> bool {
    KINDS.contains(&name)
}

/// The fault for a kind that is to come, unless a plugin has brought it.
pub(crate) fn kind(entry: &Entry<'_>, catalogue: &Catalogue) -> Option<Diagnostic> {
    if !is_kind(&entry.key) || catalogue.get(&entry.key).is_some() {
        return None;
    }
    let message = format!("`{}` is not supported yet in this version", entry.key);
    let hint = "branch on what the profile says: `decision_split` or `audience_paths`";
    Some(Diagnostic::error(codes::NOT_YET_KIND, entry.key_span.clone(), message).hint(hint))
}

/// The fault for a key of the file itself that is no unknown one.
pub(crate) fn key(within: &str, key: &str, span: Span) -> Option<Diagnostic> {
    let not_yet = |code, hint: &str| {
        let message = format!("`{key}` is not supported yet in this version");
        Some(Diagnostic::error(code, span.clone(), message).hint(hint))
    };
    match (within, key) {
        ("entry", "schedule") => not_yet(
            codes::NOT_YET_SCHEDULE,
            "without it users enter when the run starts, by `api: true`, or by `event: NAME`",
        ),
        ("", "exit_when") => not_yet(
            codes::NOT_YET_EXIT_WHEN,
            "ask with a `decision_split` after a wait whether the user should go on",
        ),
        ("", key) if ENVIRONMENT.contains(&key.to_ascii_lowercase().as_str()) => {
            let message = format!("`{key}` belongs to the environment, not into a Canvas");
            let hint =
                "write it into flowrun.toml, so that one Canvas runs in test, staging and live";
            Some(Diagnostic::error(codes::ENVIRONMENT, span, message).hint(hint))
        }
        _ => None,
    }
}
