//! The engine in virtual time: tokio's clock is paused, so that waits take none, and a backend says what the test wants.

mod alike;
mod bounds;
mod draining;
mod here;
mod hold;
mod kept;
mod log;
mod operations;
mod recovery;
mod stage;
