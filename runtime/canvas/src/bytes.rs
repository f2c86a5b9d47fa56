//! A file as it comes from a disk: bytes that should be UTF-8, or none at all.
//!
//! Where it isn't text the first wrong byte is a diagnostic with a place like any other, and
//! the rest of the file is still looked at.

use flowrun_sdk::Catalogue;

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::load::{finish, load_beside};
use crate::yaml::MAX_BYTES;
use crate::{Files, Loaded, Source};

/// Reads a Canvas from the bytes of its file.
pub fn load_bytes(
    path: String,
    bytes: Vec<u8>,
    catalogue: &Catalogue,
    files: &dyn Files,
) -> Loaded {
    let error = match String::from_utf8(bytes) {
        Ok(text) => return load_beside(Source { path, text }, Vec::new(), catalogue, files),
        Err(error) => error,
    };
    let (bytes, good) = (error.as_bytes(), error.utf8_error().valid_up_to());
    let text = String::from_utf8_lossy(bytes).into_owned();
    let source = Source { path, text };
    if bytes.len() > MAX_BYTES {
        // Whoever cut it there may have cut through a character.
        return load_beside(source, Vec::new(), catalogue, files);
    }
    let place = good..good + char::REPLACEMENT_CHARACTER.len_utf8();
    let message = format!("this is not UTF-8: the byte 0x{:02X} begins no character", bytes[good]);
    let fault = Diagnostic::error(codes::NOT_UTF8, place, message);
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        // All else that could be said of it would be noise.
        let faults = vec![fault.hint("it looks like UTF-16: save the file as UTF-8")];
        return nothing(source, faults);
    }
    let more = source.text[good..].matches(char::REPLACEMENT_CHARACTER).count() - 1;
    let hint = match more {
        0 => "save the file as UTF-8".to_owned(),
        1 => "save the file as UTF-8; there is one more such place".to_owned(),
        more => format!("save the file as UTF-8; there are {more} more such places"),
    };
    load_beside(source, vec![fault.hint(hint)], catalogue, files)
}

/// What is to be said of a file that can't be read. `why` is the end of a sentence: "there
/// is no such file".
pub fn unreadable(path: String, why: &str) -> Loaded {
    let message = format!("the Canvas can't be read: {why}");
    let source = Source { path, text: String::new() };
    nothing(source, vec![Diagnostic::error(codes::UNREADABLE, 0..0, message)])
}

fn nothing(source: Source, faults: Vec<Diagnostic>) -> Loaded {
    let sources = vec![source];
    Loaded { canvas: None, diagnostics: finish(faults, &sources), sources }
}
