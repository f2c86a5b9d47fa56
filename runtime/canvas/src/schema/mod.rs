//! JSON Schema over a YAML tree: checks settings with places, and makes of them what a
//! step is created from.
//!
//! Schemas come from outside (a plugin brings its own), so nothing in one may make the
//! loader panic or run for ever: unknown words are ignored, references have a limit, and
//! the whole walk has a budget. What is understood is what schemars writes for settings,
//! and the formats of [`flowrun_sdk::settings::format`].

mod branches;
mod formats;
mod scalars;
mod view;
mod walker;

pub(crate) use scalars::short;
pub(crate) use walker::{Area, At, OwnDoor, Walker, listing};

/// The pattern of names: of a Canvas, of a step.
pub(crate) const NAME_PATTERN: &str = "^[a-z][a-z0-9_-]*$";

/// Whether the references of a schema lead somewhere, and not in a circle.
pub(crate) fn is_usable(root: &serde_json::Value, schema: &serde_json::Value) -> bool {
    view::View::of(root, schema).is_ok()
}

/// Whether a text is a name as of [`NAME_PATTERN`].
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}
