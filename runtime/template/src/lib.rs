//! Braze Liquid: Shopify's Liquid 5 with `${…}`, `abort_message`, Connected Content and content
//! blocks.
//!
//! A text is compiled once ([`Template::compile`]) and rendered for every user against a [`View`]
//! of the host's data, which is read in place. The crate is pure: no clock, no network, no files,
//! no randomness; what a render may use is counted ([`Budget`]).
//!
//! ```
//! use flowrun_template::{JsonView, NoBlocks, Options, Template};
//!
//! let template = Template::compile("Hi {{${first_name} | default: 'there'}}!", &NoBlocks).unwrap();
//! let user = serde_json::json!({"first_name": "Ann"});
//! let data = serde_json::json!({});
//! let mut out = String::new();
//! template
//!     .render(&JsonView::new(&user, &data, 0), &Options::default(), &mut out)
//!     .unwrap();
//! assert_eq!(out, "Hi Ann!");
//! ```
//!
//! The way of a text: `scan` cuts it into pieces, `token` and `compile` read them into the tree of
//! `node` and `expression`, `render` and `evaluate` walk that tree. Tags live in `tags`, one file
//! per family, filters in `filters`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod arena;
mod budget;
mod compare;
mod compile;
mod evaluate;
mod expression;
mod fault;
mod filters;
mod json_view;
mod looping;
mod moment;
mod node;
mod number;
mod origin;
mod print;
mod render;
mod request;
mod scan;
mod stop;
mod tags;
mod template;
mod token;
mod uses;
mod value;
mod view;

pub use budget::{Budget, Options};
pub use fault::{Fault, FaultCode, Span};
pub use filters::{FilterDoc, filters};
pub use json_view::{JsonView, track_field};
pub use origin::{Origin, line_and_column};
pub use request::{Answer, Caching, Method, Request};
pub use stop::{RenderError, Stop};
pub use tags::{TagDoc, tags};
pub use template::{Condition, Template};
pub use uses::{Output, Use, Uses};
pub use value::Value;
pub use view::{Blocks, NoBlocks, Root, View};
