//! Settings of steps.

use super::{Code, Page};

pub const REFUSED: Code = Code("FR0500");
pub const UNKNOWN_SETTING: Code = Code("FR0501");
pub const MISSING_SETTING: Code = Code("FR0502");
pub const WRONG_TYPE: Code = Code("FR0503");
pub const NOT_ALLOWED: Code = Code("FR0504");
pub const OUT_OF_RANGE: Code = Code("FR0505");
pub const BAD_DURATION: Code = Code("FR0506");
pub const BAD_ZONE: Code = Code("FR0507");
pub const NO_FILE: Code = Code("FR0508");
pub const BAD_SCHEMA: Code = Code("FR0509");
pub const LIQUID_KEY: Code = Code("FR0510");

pub(super) const PAGES: &[Page] = &[
    Page {
        code: REFUSED,
        title: "the step refuses its settings",
        meaning: "
Every setting is right by itself, but the step can't work with them together. The message is
the step's own; `flowrun list steps` leads to its page.
",
        wrong: "
canvas: welcome
steps:
  - id: wait
    delay: {}
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
    Page {
        code: UNKNOWN_SETTING,
        title: "an unknown setting",
        meaning: "
The step kind has no setting of this name. It is refused rather than ignored, since it was
surely meant to do something.
",
        wrong: "
canvas: welcome
steps:
  - id: wait
    delay: { fro: 2d, for: 2d }
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
    Page {
        code: MISSING_SETTING,
        title: "a setting is missing",
        meaning: "
The step can't work without this setting.
",
        wrong: "
canvas: welcome
steps:
  - id: hello
    message: { channel: email }
",
        right: "
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: Hello }
",
    },
    Page {
        code: WRONG_TYPE,
        title: "not the kind of value that is wanted",
        meaning: "
A setting is text, a number, true or false, a list or a map, and this one is something else.
Text that looks like a number must be quoted; `yes` and `no` are words, the values are
`true` and `false`.
",
        wrong: "
canvas: welcome
steps:
  - id: hello
    message: { channel: email, body: 2026 }
",
        right: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "2026" }
"#,
    },
    Page {
        code: NOT_ALLOWED,
        title: "not one of the words that are allowed",
        meaning: "
The setting takes one of a few words, and this is none of them.
",
        wrong: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d, weekday: mondey }
",
        right: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d, weekday: monday }
",
    },
    Page {
        code: OUT_OF_RANGE,
        title: "too small or too large",
        meaning: "
A number is smaller or larger than the setting allows, a text or a list shorter or longer;
or a number has more digits than can be kept exactly.
",
        wrong: "
canvas: welcome
steps:
  - id: test
    experiment_paths:
      paths: [{ name: a, weight: 200, next: done }]
  - id: done
    exit: done
",
        right: "
canvas: welcome
steps:
  - id: test
    experiment_paths:
      paths: [{ name: a, weight: 100, next: done }]
  - id: done
    exit: done
",
    },
    Page {
        code: BAD_DURATION,
        title: "this is no duration",
        meaning: "
Durations are `45s`, `15m`, `4h`, `2d`, `1w`, put together (`1d 12h`), or ISO 8601
(`P1DT12H`). Days are days of the calendar; months and years have no fixed length.
",
        wrong: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2 days }
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
    Page {
        code: BAD_ZONE,
        title: "there is no such time zone",
        meaning: "
Time zones have IANA names: `Europe/Paris`, `America/New_York`, `UTC`. In a step, `user` is
the zone of the user.
",
        wrong: r#"
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d, at: "09:00", zone: Europe/Pariss }
"#,
        right: r#"
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d, at: "09:00", zone: Europe/Paris }
"#,
    },
    Page {
        code: NO_FILE,
        title: "a file can't be read",
        meaning: "
Files that a Canvas names stand beside it or below its folder.
",
        wrong: "
canvas: welcome
steps:
  - id: hello
    message: { channel: email, body_file: helo.liquid }
",
        right: "
canvas: welcome
steps:
  - id: hello
    message: { channel: email, body_file: hello.liquid }
",
    },
    Page {
        code: BAD_SCHEMA,
        title: "the step's schema is unusable",
        meaning: "
The schema that a plugin gave for its settings refers to something that is not there, or to
itself, or is too involved. Tell the plugin's author: nothing is wrong with the Canvas.
",
        wrong: "
canvas: welcome
steps:
  - id: broken
    broken: { anything: 1 }
",
        right: "",
    },
    Page {
        code: LIQUID_KEY,
        title: "Liquid in a key",
        meaning: "
In structured settings the values are Liquid, and the keys are taken as they stand: the
attribute would be called `seen_{{…}}`. The composer of an update (`json:`) is rendered as a
whole, its keys too.
",
        wrong: "
canvas: welcome
steps:
  - id: write
    user_update:
      attributes: [{ \"seen_{{${country}}}\": true }]
",
        right: r#"
canvas: welcome
steps:
  - id: write
    user_update: { json: '{"attributes": [{"seen_{{${country} | json_escape}}": true}]}' }
"#,
    },
];
