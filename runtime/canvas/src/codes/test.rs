//! Test files, and what comes of tests. The examples are test files of the Canvas `vip`, which has
//! the steps `thanks`, `mark_vip` and `done`.

use super::{Code, Page};

pub const UNKNOWN_IN_TEST: Code = Code("FR0601");
pub const MISSING_IN_TEST: Code = Code("FR0602");
pub const NO_SUCH_STEP: Code = Code("FR0603");
pub const NO_SUCH_USER: Code = Code("FR0604");
pub const NOT_BESIDE: Code = Code("FR0605");
pub const NO_MOMENT: Code = Code("FR0606");
pub const NO_USER: Code = Code("FR0607");
pub const TOGETHER: Code = Code("FR0608");
pub const TEST_TWICE: Code = Code("FR0609");
pub const UNMET: Code = Code("FR0650");
pub const NO_END: Code = Code("FR0651");

const RIGHT: &str = "
canvas: vip.yaml
users:
  - { external_id: u1, country: FR }
tests:
  - name: a good customer becomes a VIP
    expect:
      u1: { path: [thanks, mark_vip, done], exit: completed }
";

pub(super) const PAGES: &[Page] = &[
    Page {
        code: UNKNOWN_IN_TEST,
        title: "a key that doesn't belong there, in a test file",
        meaning: "
The key has no meaning at this place of a test file. `flowrun schema --test` prints the schema
with all keys, and flows/README.md tells them with examples.
",
        wrong: "
canvas: vip.yaml
users:
  - { external_id: u1, country: FR }
tests:
  - name: a good customer becomes a VIP
    expects:
      u1: { exit: completed }
",
        right: RIGHT,
    },
    Page {
        code: MISSING_IN_TEST,
        title: "a key is missing in a test file",
        meaning: "
A test file has a `canvas` and `tests`; a test has a `name` and what to `expect`; an event has a
`user` and a `name`.
",
        wrong: "
canvas: vip.yaml
users:
  - { country: FR }
tests:
  - name: a good customer becomes a VIP
    expect: {}
",
        right: RIGHT,
    },
    Page {
        code: NO_SUCH_STEP,
        title: "a test names a step that the Canvas doesn't have",
        meaning: "
Steps are called by their `id`. A fault can be about a User Update, a message or a webhook only:
other steps write and send nothing.
",
        wrong: "
canvas: vip.yaml
users:
  - { external_id: u1, country: FR }
tests:
  - name: a good customer becomes a VIP
    expect:
      u1: { path: [thanks, mark_pip, done] }
",
        right: RIGHT,
    },
    Page {
        code: NO_SUCH_USER,
        title: "a test names a user that it doesn't have",
        meaning: "
What is expected, and what goes wrong, is told of users of the test: those of its `users` (or the
file's), and those who do something in its `events`.
",
        wrong: "
canvas: vip.yaml
users:
  - { external_id: u1, country: FR }
tests:
  - name: a good customer becomes a VIP
    expect:
      u2: { exit: completed }
",
        right: RIGHT,
    },
    Page {
        code: NOT_BESIDE,
        title: "a file that a test file names can't be used",
        meaning: "
The Canvas, the users, the fixtures and the trace of a test file are paths, seen from the folder of
the test file.
",
        wrong: "
canvas: vpi.yaml
users:
  - { external_id: u1, country: FR }
tests:
  - name: a good customer becomes a VIP
    expect:
      u1: { exit: completed }
",
        right: RIGHT,
    },
    Page {
        code: NO_MOMENT,
        title: "a moment can't be read, or lies outside the test",
        meaning: "
Moments are written as 2026-03-27T18:30:00Z, or with another zone; without one they are in UTC.
Lengths are written as 2d or 1d 12h.
",
        wrong: "
canvas: vip.yaml
start: tomorrow
users:
  - { external_id: u1, country: FR }
tests:
  - name: a good customer becomes a VIP
    expect:
      u1: { exit: completed }
",
        right: RIGHT,
    },
    Page {
        code: NO_USER,
        title: "a user or an event that is none",
        meaning: "
Users and events are objects of User Track: attributes and properties have the types and the limits
that they have there.
",
        wrong: "
canvas: vip.yaml
users:
  - { external_id: \"\", country: FR }
tests:
  - name: a good customer becomes a VIP
    expect:
      count: { completed: 1 }
",
        right: RIGHT,
    },
    Page {
        code: TOGETHER,
        title: "keys of a test that don't go together",
        meaning: "
Some keys say the same thing in two ways (`at` and `after`, `until` and `for`): write one of them.
A `reply` is a `status`, a `timeout` or a `refuse`; with `delay` or `copies` alone, all is written.
",
        wrong: "
canvas: vip.yaml
users:
  - { external_id: u1, country: FR }
tests:
  - name: a good customer becomes a VIP
    until: 2026-02-01
    for: 2d
    expect:
      u1: { exit: completed }
",
        right: RIGHT,
    },
    Page {
        code: TEST_TWICE,
        title: "two tests have one name",
        meaning: "
Reports and `--filter` know tests by their names, so that each has one of its own.
",
        wrong: "
canvas: vip.yaml
users:
  - { external_id: u1, country: FR }
tests:
  - name: a good customer becomes a VIP
    expect: { u1: { exit: completed } }
  - name: a good customer becomes a VIP
    expect: { u1: { exit: completed } }
",
        right: RIGHT,
    },
    Page {
        code: UNMET,
        title: "an expectation of a test did not come true",
        meaning: "
The test ran, and something else came of it. The place in the test file is shown, what came instead,
the nearest difference, and the user's way with the reason for each move.
",
        wrong: "",
        right: RIGHT,
    },
    Page {
        code: NO_END,
        title: "a test has no end",
        meaning: "
Something is tried again for ever, for instance a write that a fault without `times` answers with
429 and `retry_after`. Say how often (`times:`), or how long the test goes on (`for:`).
",
        wrong: "",
        right: RIGHT,
    },
];
