//! What operators do in a run: taken before anything else, even while nobody may enter.

use flowrun_core::{Input, Replay, ShardId};

use crate::agenda::{Coming, Operation, Order};
use crate::host::Simulation;
use crate::place::Place;

impl Simulation {
    /// What operators will do, and when.
    pub fn add_operations(&mut self, operations: impl IntoIterator<Item = Operation>) {
        self.operations.add(operations.into_iter().map(Coming::Operation));
    }

    pub(crate) fn take_operations(&mut self) {
        while let Some(coming) = self.operations.pop_due(self.now()) {
            if let Coming::Operation(operation) = coming {
                self.take_operation(operation);
            }
        }
    }

    fn take_operation(&mut self, operation: Operation) {
        let noted = self.may_die().then(|| Coming::Operation(operation.clone()));
        let tell = |place: &mut Place, inputs: Vec<Input>| {
            if !inputs.is_empty() {
                place.unacknowledged.extend(noted.clone());
                place.inputs.extend(inputs);
            }
        };
        if let Order::Delete { user } = &operation.order {
            let shard = ShardId::of(user, self.places().len() as u16);
            let input = Input::Delete { user: user.clone() };
            return tell(&mut self.places()[usize::from(shard.0)], vec![input]);
        }
        for place in self.places() {
            let letters = || place.shard.dead_letters();
            let inputs = match &operation.order {
                Order::Delete { .. } => continue,
                Order::Pause { canvas } => vec![Input::Pause { canvas: canvas.clone() }],
                Order::Resume { canvas } => vec![Input::Resume { canvas: canvas.clone() }],
                Order::ReplayAll => letters()
                    .filter(|letter| letter.replay == Replay::Possible)
                    .map(|letter| Input::Replay { letter: letter.id })
                    .collect(),
                Order::DiscardAll => {
                    letters().map(|letter| Input::Discard { letter: letter.id }).collect()
                }
            };
            tell(place, inputs);
        }
    }
}
