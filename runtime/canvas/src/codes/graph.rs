//! The steps and the ways between them.

use super::{Code, Page};

pub const UNKNOWN_TARGET: Code = Code("FR0201");
pub const DUPLICATE_ID: Code = Code("FR0202");
pub const CYCLE: Code = Code("FR0203");
pub const UNREACHABLE: Code = Code("FR0204");
pub const BAD_WEIGHTS: Code = Code("FR0205");
pub const BAD_ID: Code = Code("FR0206");
pub const NO_KIND: Code = Code("FR0207");
pub const TWO_KINDS: Code = Code("FR0208");
pub const UNKNOWN_KIND: Code = Code("FR0209");
pub const NO_SUCH_DOOR: Code = Code("FR0210");
pub const NO_STEPS: Code = Code("FR0211");
pub const NO_ID: Code = Code("FR0212");

pub(super) const PAGES: &[Page] = &[
    Page {
        code: UNKNOWN_TARGET,
        title: "a way leads to no step",
        meaning: "
`next`, `on_failure`, `on_timeout` and the doors in the settings of a step (`then`, `else`,
…) name the step to go to by its `id`. There is no step with this id.
",
        wrong: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d }
    next: dnoe
  - id: done
    exit: done
",
        right: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d }
    next: done
  - id: done
    exit: done
",
    },
    Page {
        code: DUPLICATE_ID,
        title: "two steps have one id",
        meaning: "
The id is the identity of a step: for users in flight, for tests, for traces. Each step has
its own.
",
        wrong: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d }
  - id: wait
    delay: { for: 3d }
",
        right: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d }
  - id: wait_more
    delay: { for: 3d }
",
    },
    Page {
        code: CYCLE,
        title: "the steps run in a circle",
        meaning: "
A Canvas only goes forward: a user who could come back to a step would have two stays there,
and a journey might never end. The message names the whole circle; every way in it is shown.
A step without `next` goes on to the one below it, which may be the way that was not seen.

To repeat something, copy the steps; to let a user start over, end the journey and allow
`reentry`.
",
        wrong: "
canvas: welcome
steps:
  - id: ask
    message: { channel: email, body: Are you there? }
  - id: wait
    delay: { for: 2d }
    next: ask
",
        right: "
canvas: welcome
steps:
  - id: ask
    message: { channel: email, body: Are you there? }
  - id: wait
    delay: { for: 2d }
  - id: ask_again
    message: { channel: email, body: Are you still there? }
",
    },
    Page {
        code: UNREACHABLE,
        title: "no way leads to a step",
        meaning: "
Users enter at the first step and follow its ways. No way leads here, so the step would
never be visited.
",
        wrong: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d }
    next: done
  - id: forgotten
    delay: { for: 1d }
  - id: done
    exit: done
",
        right: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d }
  - id: forgotten
    delay: { for: 1d }
  - id: done
    exit: done
",
    },
    Page {
        code: BAD_WEIGHTS,
        title: "weights don't sum to 100",
        meaning: "
The weights of the paths are percent, with at most two decimals, and sum to exactly 100: every
user takes one of them.
",
        wrong: "
canvas: welcome
steps:
  - id: test
    experiment_paths:
      paths:
        - { name: a, weight: 50, next: done }
        - { name: b, weight: 40, next: done }
  - id: done
    exit: done
",
        right: "
canvas: welcome
steps:
  - id: test
    experiment_paths:
      paths:
        - { name: a, weight: 50, next: done }
        - { name: b, weight: 50, next: done }
  - id: done
    exit: done
",
    },
    Page {
        code: BAD_ID,
        title: "this is no name",
        meaning: "
Names of Canvases and ids of steps begin with a small letter and go on with small letters,
digits, `_` and `-`.
",
        wrong: "
canvas: welcome
steps:
  - id: Wait 2 days
    delay: { for: 2d }
",
        right: "
canvas: welcome
steps:
  - id: wait_2_days
    delay: { for: 2d }
",
    },
    Page {
        code: NO_KIND,
        title: "a step has no kind",
        meaning: "
Beside its id and its ways a step has exactly one key that says what it does: `message`,
`delay`, … `flowrun list steps` shows all.
",
        wrong: "
canvas: welcome
steps:
  - id: wait
",
        right: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d }
",
    },
    Page {
        code: TWO_KINDS,
        title: "a step has two kinds",
        meaning: "
A step does one thing. Make two steps of it; without `next` the first goes on to the second.
",
        wrong: "
canvas: welcome
steps:
  - id: hello
    delay: { for: 2d }
    message: { channel: email, body: Hello }
",
        right: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d }
  - id: hello
    message: { channel: email, body: Hello }
",
    },
    Page {
        code: UNKNOWN_KIND,
        title: "there is no such kind of step",
        meaning: "
No step kind has this name, neither a built-in one nor one of a loaded plugin. `flowrun list
steps` shows all.
",
        wrong: "
canvas: welcome
steps:
  - id: wait
    dealy: { for: 2d }
",
        right: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d }
",
    },
    Page {
        code: NO_SUCH_DOOR,
        title: "the kind has no such way out",
        meaning: "
Not every kind leaves by every way: an `exit` ends the journey, so it has no `next`; only
kinds that hold users have `on_timeout`.
",
        wrong: "
canvas: welcome
steps:
  - id: done
    exit: done
    next: done
",
        right: "
canvas: welcome
steps:
  - id: done
    exit: done
",
    },
    Page {
        code: NO_STEPS,
        title: "there are no steps",
        meaning: "
A Canvas has at least one step: it is where users enter.
",
        wrong: "
canvas: welcome
steps: []
",
        right: "
canvas: welcome
steps:
  - id: done
    exit: done
",
    },
    Page {
        code: NO_ID,
        title: "a step has no id",
        meaning: "
Every step has an `id`: tests, traces, jumps and users in flight know it by that.
",
        wrong: "
canvas: welcome
steps:
  - delay: { for: 2d }
",
        right: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d }
",
    },
];
