//! Plugins from the outside: real libraries, good and bad ones, built here and run through a
//! Canvas by the program.
//!
//! Libraries in C are written against `flowrun_plugin.h` and built with `cc`; those in Rust are
//! projects of their own, built with `cargo` into one folder that is kept between runs.

mod faults;
mod folder;
mod isolation;
mod outlets;
mod samples;
mod scaffolding;
mod strangers;
mod workshop;
