//! What a Canvas can say by its contract, and this version can't do yet. (FR0901 was entry by event, while
//! that was to come.)

use super::{Code, Page};

pub const NOT_YET_SCHEDULE: Code = Code("FR0902");
pub const NOT_YET_EXIT_WHEN: Code = Code("FR0903");
pub const NOT_YET_KIND: Code = Code("FR0904");

pub(super) const PAGES: &[Page] = &[
    Page {
        code: NOT_YET_SCHEDULE,
        title: "entry by schedule is not supported yet",
        meaning: "
Entering by a schedule is part of the file format and not of this version.
",
        wrong: "
canvas: welcome
entry: { schedule: daily }
steps:
  - id: done
    exit: done
",
        right: "
canvas: welcome
steps:
  - id: done
    exit: done
",
    },
    Page {
        code: NOT_YET_EXIT_WHEN,
        title: "`exit_when` is not supported yet",
        meaning: "
Leaving a journey on an event (`exit_when:`) is part of the file format and not of this
version. Until then, ask after a wait whether the user should go on.
",
        wrong: "
canvas: welcome
exit_when: [{ event: account_closed }]
steps:
  - id: done
    exit: done
",
        right: "
canvas: welcome
steps:
  - id: done
    exit: done
",
    },
    Page {
        code: NOT_YET_KIND,
        title: "a step kind that is not supported yet",
        meaning: "
This step kind (`action_paths`) is part of the file format and not of this version.
",
        wrong: "
canvas: welcome
steps:
  - id: tier
    action_paths: { within: 2d }
",
        right: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d }
  - id: done
    exit: done
",
    },
];
