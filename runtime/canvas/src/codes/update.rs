//! User Update. The step itself finds these; here are their pages.

use super::{Code, Page};

pub const NOT_JSON: Code = Code("FR0301");
pub const FORBIDDEN_FIELD: Code = Code("FR0302");
pub const BAD_OBJECT: Code = Code("FR0303");
pub const UPDATE_TOO_LONG: Code = Code("FR0304");
pub const MAY_COUNT_TWICE: Code = Code("FR0310");
pub const PLAIN_USER: Code = Code("FR0311");
pub const WRITES_NOTHING: Code = Code("FR0312");
pub const NOT_KEPT: Code = Code("FR0313");

pub(super) const PAGES: &[Page] = &[
    Page {
        code: NOT_JSON,
        title: "the update is not JSON",
        meaning: "
The composer's text must be JSON after rendering. Here it can't be, whatever the user's
values are.
",
        wrong: r#"
canvas: welcome
steps:
  - id: write
    user_update: { json: '{"attributes": [}' }
"#,
        right: r#"
canvas: welcome
steps:
  - id: write
    user_update: { json: '{"attributes": [{"vip": true}]}' }
"#,
    },
    Page {
        code: FORBIDDEN_FIELD,
        title: "a field that a User Update may not have",
        meaning: "
The step adds the current user, and the environment adds where to write. So no user
identifier (`external_id`, `braze_id`, `user_alias`), no API key, no cluster URL and no
field of a push token import stands in an update; nothing of it is ever sent.
",
        wrong: "
canvas: welcome
steps:
  - id: write
    user_update:
      attributes: [{ external_id: someone, vip: true }]
",
        right: "
canvas: welcome
steps:
  - id: write
    user_update:
      attributes: [{ vip: true }]
",
    },
    Page {
        code: BAD_OBJECT,
        title: "an object that would be refused",
        meaning: "
An attributes, events or purchases object has a form that the backend refuses, for instance
an event without a name. See the page of `user_update`.
",
        wrong: r#"
canvas: welcome
steps:
  - id: write
    user_update: { json: '{"events": [{}]}' }
"#,
        right: r#"
canvas: welcome
steps:
  - id: write
    user_update: { json: '{"events": [{"name": "became_vip", "time": "2026-01-01T00:00:00Z"}]}' }
"#,
    },
    Page {
        code: UPDATE_TOO_LONG,
        title: "the update is too long",
        meaning: "
The composer holds at most 65,536 characters before rendering.
",
        wrong: "",
        right: r#"
canvas: welcome
steps:
  - id: write
    user_update: { json: '{"attributes": [{"vip": true}]}' }
"#,
    },
    Page {
        code: MAY_COUNT_TWICE,
        title: "may count twice",
        meaning: "
flowrun's own backends remember which updates they have written, so sending one again
changes nothing. A backend without such a memory (Braze) may see an update twice after a
crash or a lost reply: an `inc`, an event or a purchase then counts twice. Attributes that
are set to a value are safe.

This is a warning. If a rare double count does no harm, leave it.
",
        wrong: r#"
canvas: welcome
steps:
  - id: write
    user_update: { json: '{"attributes": [{"orders": {"inc": 1}}]}' }
"#,
        right: r#"
canvas: welcome
steps:
  - id: write
    user_update: { json: '{"attributes": [{"vip": true}]}' }
"#,
    },
    Page {
        code: PLAIN_USER,
        title: "an update that fails for a user without attributes",
        meaning: "
A missing value renders empty. Here that leaves no JSON, or an object that is refused: the
update of every user who lacks the attribute ends in the dead letter, and the user leaves by
`on_failure`. Say what stands for a missing value with `default`, print texts with
`as_json_string`, or leave the key out with `{% if %}`.

The step was asked once for a user of whom nothing is known but the id; what the journey
carries (`context`, entry properties) was taken to be there. Not asked are texts with
Connected Content and Canvases that are `strict`. This is a warning.
",
        wrong: r#"
canvas: welcome
steps:
  - id: write
    user_update: { json: '{"attributes": [{"level": {{custom_attribute.${points}}}}]}' }
"#,
        right: r#"
canvas: welcome
steps:
  - id: write
    user_update: { json: '{"attributes": [{"level": {{custom_attribute.${points} | default: 0}}}]}' }
"#,
    },
    Page {
        code: WRITES_NOTHING,
        title: "an update that writes nothing",
        meaning: "
The update holds no object, whoever is at the step: users go on at once, and their profiles
stay as they are. Write what is to change, or take the step out. This is a warning.
",
        wrong: "
canvas: welcome
steps:
  - id: write
    user_update: { json: '' }
",
        right: r#"
canvas: welcome
steps:
  - id: write
    user_update: { json: '{"attributes": [{"vip": true}]}' }
"#,
    },
    Page {
        code: NOT_KEPT,
        title: "a value that the profile doesn't keep as it is written",
        meaning: "
The write succeeds, and yet this value isn't in the profile afterwards, or not so: a country,
language, gender, time zone or date that can't be read, a text beyond the length that is kept,
a list with too many elements. Write a value that is kept. This is a warning.
",
        wrong: r#"
canvas: welcome
steps:
  - id: write
    user_update: { json: '{"attributes": [{"country": "Atlantis"}]}' }
"#,
        right: r#"
canvas: welcome
steps:
  - id: write
    user_update: { json: '{"attributes": [{"country": "FR"}]}' }
"#,
    },
];
