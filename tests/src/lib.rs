//! What tests of several crates share: Canvases from text, and a shard driven by hand.
#![forbid(unsafe_code)]

mod lab;

pub use lab::{CANVAS, Lab};
