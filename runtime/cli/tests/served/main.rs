//! `flowrun serve` as a whole, for what one part alone can't show.

mod abuse;
mod details;
mod logs;
mod maintenance;
mod posting;
mod receiver;
mod stage;
mod unidentified;
#[cfg(target_os = "linux")]
mod unsynced;
mod wide;
