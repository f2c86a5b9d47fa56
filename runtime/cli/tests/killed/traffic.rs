//! Clients that track, trigger and tell of events, until the server is gone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::books::{Ask, Books, Dice};
use crate::client::post;

/// Users that each cycle brings.
pub const USERS: u64 = 6;
/// Requests of one client in one life of the server.
const MOST: usize = 30;

pub fn user(cycle: u32, number: u64) -> String {
    format!("c{cycle}u{number}")
}

/// Asks for this and that, for users of this cycle and of the one before.
pub fn ask(address: &str, cycle: u32, books: &Mutex<Books>, mut dice: Dice, over: &AtomicBool) {
    let books = || books.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..MOST {
        if over.load(Ordering::SeqCst) {
            return;
        }
        let user = user(cycle.saturating_sub(dice.roll(2) as u32), dice.roll(USERS));
        let ask = [Ask::Track, Ask::Enter, Ask::Event][dice.roll(3) as usize];
        let number = books().ask(&user, ask);
        let (path, body) = request(ask, &user, number);
        // Whatever is no answer of 2xx may have happened, or not.
        if let Some((200..=299, _)) = post(address, path, &body) {
            books().acknowledge(number);
        }
        std::thread::park_timeout(Duration::from_millis(dice.roll(12)));
    }
}

fn request(ask: Ask, user: &str, number: u64) -> (&'static str, Json) {
    let time = "2026-03-27T10:00:00Z";
    match ask {
        Ask::Track => {
            let mut attributes = json!({ "external_id": user, "a": {"inc": 1}, "b": {"inc": 1} });
            attributes[format!("r{number}")] = json!(true);
            let purchase = json!({
                "external_id": user, "product_id": "thing", "currency": "EUR", "price": 1.0,
                "time": time,
            });
            let event = json!({ "external_id": user, "name": "seen", "time": time });
            let body = json!({
                "attributes": [attributes], "events": [event], "purchases": [purchase],
            });
            ("/users/track", body)
        }
        Ask::Enter => {
            let mut attributes = json!({});
            attributes[format!("t{number}")] = json!(true);
            let recipient = json!({
                "external_user_id": user, "send_to_existing_only": false,
                "attributes": attributes, "canvas_entry_properties": { "r": number },
            });
            let body = json!({ "canvas_id": "later", "recipients": [recipient] });
            ("/canvas/trigger/send", body)
        }
        Ask::Event => {
            let event = json!({
                "external_id": user, "name": "signed_up", "time": time,
                "properties": { "r": number },
            });
            ("/users/track", json!({ "events": [event] }))
        }
    }
}
