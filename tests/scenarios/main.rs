//! What a shard and a batcher do, told as tables: the core's promises one by one.

mod batching;
mod entry;
mod hold;
mod messages;
mod old_log;
mod operations;
mod reading;
mod replay;
mod resting;
