//! The API over real sockets: what a client of any language sees.

mod abuse;
mod access;
mod canvases;
mod faulty;
mod flood;
mod limits;
mod logs;
mod schedules;
mod stage;
mod tracking;
mod triggers;
mod users;
mod writes;
