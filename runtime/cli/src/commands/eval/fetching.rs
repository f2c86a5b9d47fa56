//! A render that may ask for Connected Content: asked, answered, and done again.

use crate::core::Millis;
use crate::simulation::Fetch;
use crate::template::{JsonView, Stop};

/// Why there is no text.
pub enum Halt {
    Stopped(Stop),
    /// A request that nothing may or can answer.
    Unanswered(String),
}

/// Renders until no answer lacks. Ends, since a render may make only so many requests, and
/// every turn answers one more of them.
pub fn render(
    view: &mut JsonView<'_>,
    now: Millis,
    fetch: &mut dyn Fetch,
    render: impl Fn(&JsonView<'_>) -> Result<String, Stop>,
) -> Result<String, Halt> {
    loop {
        match render(view) {
            Ok(text) => return Ok(text),
            Err(Stop::Needs(requests)) => {
                for request in requests {
                    let answer = fetch.answer(now, &request).map_err(Halt::Unanswered)?;
                    view.answered(request, answer);
                }
            }
            Err(stop) => return Err(Halt::Stopped(stop)),
        }
    }
}
