//! YAML as a person wrote it: a tree in which everything knows its place.
//!
//! The parser underneath gives events; the tree is built here, and not through serde,
//! because a Canvas needs what a data model drops: *every* duplicate key, anchors and tags
//! as things to be refused at their place, and whether a scalar was quoted.
//!
//! A scalar stays text until a schema says what is wanted: `no` and `010` are words
//! unless someone asks for a truth value or a number.

mod build;
mod offsets;
mod plain;
mod syntax;
mod tree;

pub(crate) use build::{MAX_BYTES, parse};
pub(crate) use offsets::Offsets;
pub(crate) use plain::Plain;
pub(crate) use tree::{Entry, Map, Node, Scalar, Style, Value};
