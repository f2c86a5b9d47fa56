//! `flowrun serve` as a whole, for what one part alone can't show.

mod details;
mod stage;
mod unidentified;
