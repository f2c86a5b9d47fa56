//! Things going wrong, on purpose and by a plan: the backend, the channel, the machine and its
//! clock.
//!
//! Everything is drawn from the seed and from what is concerned (a request's number, an
//! object's key), so that a run can be repeated. Faults stop at a moment: after that everyone
//! must get through.

mod channel;
mod dice;
mod faulty;
mod machine;
mod plan;

pub use channel::FaultyChannel;
pub use dice::Dice;
pub use faulty::Faulty;
pub use machine::Machine;
pub use plan::{Clock, Keys, Plan, Span, Weather};
