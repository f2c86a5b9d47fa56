//! The commands, one file each: its arguments, and what it does.

pub mod check;
pub mod completions;
pub mod dead_letters;
pub mod delete;
pub mod eval;
pub mod explain;
pub mod graph;
pub mod list;
pub mod new;
pub mod pause;
pub mod plugin;
pub mod run;
pub mod schema;
pub mod serve;
pub mod simulate;
pub mod status;
pub mod test;
