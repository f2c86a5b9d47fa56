//! The fence at a plugin's edge: no panic passes it, what it said does.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use super::abi::status;

thread_local! {
    static FENCED: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Calls, and turns whatever comes of it into a status and bytes: the result, the text of an
/// error, or what a panic said and where.
pub fn guard(call: impl FnOnce() -> Result<Vec<u8>, Vec<u8>>) -> (i32, Vec<u8>) {
    notice_places();
    FENCED.set(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    FENCED.set(false);
    match result {
        Ok(Ok(bytes)) => (status::OK, bytes),
        Ok(Err(text)) => (status::ERROR, text),
        Err(payload) => (status::PANIC, said(payload).into_bytes()),
    }
}

fn said(payload: Box<dyn Any + Send>) -> String {
    let text = match payload.downcast_ref::<&str>() {
        Some(text) => (*text).to_owned(),
        None => payload.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic".to_owned()),
    };
    // Dropping what a stranger threw might panic, and nothing catches it here.
    std::mem::forget(payload);
    let place = PLACE.take();
    if place.is_empty() { text } else { format!("{text} ({place})") }
}

/// Panics behind the fence are told by the host: the default would print them as well, and
/// know where they happened, which the payload doesn't.
fn notice_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let otherwise = take_hook();
        set_hook(Box::new(move |panic| {
            if !FENCED.get() {
                return otherwise(panic);
            }
            if let Some(place) = panic.location() {
                PLACE.replace(format!("{}:{}", place.file(), place.line()));
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_call_does_becomes_a_status_and_bytes() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("in drop");
            }
        }
        assert_eq!(guard(|| Ok(vec![1])), (status::OK, vec![1]));
        assert_eq!(guard(|| Err(b"no".to_vec())), (status::ERROR, b"no".to_vec()));
        let (status, bytes) = guard(|| panic!("number {}", 5));
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(status, status::PANIC);
        assert!(text.starts_with("number 5 (") && text.contains("guard.rs:"), "{text}");
        assert_eq!(guard(|| std::panic::panic_any(7)).0, status::PANIC);
        assert_eq!(guard(|| std::panic::panic_any(Bomb)).0, status::PANIC);
    }
}
