//! One suite for every trait that has several implementations: each row of a table is a
//! scenario, and every implementation goes through all of them. Then long random histories
//! are played on all side by side, and whatever they answer must be the same.

mod dice;
mod former;
mod log_histories;
mod log_scenarios;
mod profile_histories;
mod profile_scenarios;
mod profile_store;
mod renewed;
mod shard_log;
