//! The shard: a deterministic state machine that moves users through Canvases.
#![forbid(unsafe_code)]

mod graph;

pub use graph::{Canvas, Entry, Head, Node, NodeIx, Reentry, Slot, Version};
