//! The file as a whole, and its YAML.

use super::{Code, Page};

pub const NOT_YAML: Code = Code("FR0101");
pub const TOO_LARGE: Code = Code("FR0102");
pub const TOO_DEEP: Code = Code("FR0103");
pub const TOO_MANY: Code = Code("FR0104");
pub const ANCHOR: Code = Code("FR0105");
pub const TAG: Code = Code("FR0106");
pub const MERGE: Code = Code("FR0107");
pub const DOCUMENTS: Code = Code("FR0108");
pub const DUPLICATE_KEY: Code = Code("FR0109");
pub const BAD_KEY: Code = Code("FR0110");
pub const CLOCK: Code = Code("FR0111");
pub const EMPTY: Code = Code("FR0112");
pub const UNKNOWN_KEY: Code = Code("FR0113");
pub const MISSING_KEY: Code = Code("FR0114");
pub const ENVIRONMENT: Code = Code("FR0115");
pub const SECRET: Code = Code("FR0116");
pub const TOO_MANY_STEPS: Code = Code("FR0117");
pub const RESERVED: Code = Code("FR0118");
pub const WHERE_ALONE: Code = Code("FR0119");
pub const NOT_UTF8: Code = Code("FR0120");
pub const UNREADABLE: Code = Code("FR0121");
pub const AND_MORE: Code = Code("FR0199");

pub(super) const PAGES: &[Page] = &[
    Page {
        code: NOT_YAML,
        title: "the file is not YAML",
        meaning: "
The YAML parser can't go on at this place, so nothing behind it was looked at. Usual causes:
an indentation that fits nothing above it, a tab, a quote that is never closed, text with `:
` or with braces at its beginning that is not quoted.
",
        wrong: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d
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
        code: TOO_LARGE,
        title: "the file is too large",
        meaning: "
A Canvas has at most 1 MiB of text. Put long bodies into files of their own (`body_file:`).
",
        wrong: "",
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
        code: TOO_DEEP,
        title: "lists and maps stand too deep in each other",
        meaning: "
No Canvas needs lists and maps more than 64 deep in each other. Most likely brackets were
repeated by accident.
",
        wrong: "
canvas: welcome
steps: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
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
        code: TOO_MANY,
        title: "the Canvas holds too much",
        meaning: "
A Canvas has at most 200,000 values, twenty for each of ten thousand steps, and 30,000
templates and conditions. All its texts together, those of files that it names included, have
at most 16 MiB, and 1 MiB of that may be tags and outputs; a Content Block counts at each use.
",
        wrong: "",
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
        code: ANCHOR,
        title: "an anchor or an alias",
        meaning: "
Anchors (`&name`) and aliases (`*name`) are refused: a step is read, reviewed and compared
by itself, and must not change because another one does. Write the value out where it is
used. A text that begins with `&` or `*` must be quoted.
",
        wrong: "
canvas: welcome
steps:
  - id: wait
    delay: { for: &long 2d }
  - id: again
    delay: { for: *long }
",
        right: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d }
  - id: again
    delay: { for: 2d }
",
    },
    Page {
        code: TAG,
        title: "a tag",
        meaning: "
YAML tags (`!name`, `!!str`) are refused: the kind of a setting follows from the step. A
text that begins with `!` must be quoted.
",
        wrong: "
canvas: welcome
steps:
  - id: wait
    delay: { for: !!str 2d }
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
        code: MERGE,
        title: "a merge key",
        meaning: "
The merge key `<<` is refused, as aliases are: write the keys out where they are used.
",
        wrong: "
canvas: welcome
steps:
  - id: wait
    delay: { <<: { for: 1d }, for: 2d }
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
        code: DOCUMENTS,
        title: "more than one document",
        meaning: "
A file holds one Canvas. What stands behind the second `---` is not read; put it into a file
of its own.
",
        wrong: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d }
  - id: done
    exit: done
---
canvas: second
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
        code: DUPLICATE_KEY,
        title: "a key stands twice",
        meaning: "
One map has the same key twice. YAML readers differ in which one counts, so neither does
here: keep one.
",
        wrong: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d, for: 3d }
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
        code: BAD_KEY,
        title: "a key is not a word",
        meaning: "
Keys are words. A list or a map as a key is nearly always Liquid that was not quoted: to YAML
`{{ … }}` at the beginning of a value is a map in a map.
",
        wrong: "
canvas: welcome
steps:
  - id: hello
    message: { channel: email, body: {{name}: x} }
",
        right: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "{{${first_name}}}" }
"#,
    },
    Page {
        code: CLOCK,
        title: "a clock time without quotes",
        meaning: r#"
Some readers of YAML take `19:00` for the number 1140, others for text. So clock times are
quoted: `"19:00"`.
"#,
        wrong: "
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d, at: 19:00 }
",
        right: r#"
canvas: welcome
steps:
  - id: wait
    delay: { for: 2d, at: "19:00" }
"#,
    },
    Page {
        code: EMPTY,
        title: "the file is empty",
        meaning: "
There is nothing in the file but white space and comments. A Canvas has at least a name and
one step.
",
        wrong: "
# nothing yet
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
        code: UNKNOWN_KEY,
        title: "an unknown key",
        meaning: "
The file, its `entry`, or a step has a key that means nothing here. It is refused rather
than ignored, since it was surely meant to do something.
",
        wrong: "
canvas: welcome
timezone: Europe/Paris
steps:
  - id: done
    exit: done
",
        right: "
canvas: welcome
time_zone: Europe/Paris
steps:
  - id: done
    exit: done
",
    },
    Page {
        code: MISSING_KEY,
        title: "a key is missing",
        meaning: "
A Canvas has a name (`canvas:`) and a list of `steps:`; `entry: { reentry: { after: … } }`
has a duration.
",
        wrong: "
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
        code: ENVIRONMENT,
        title: "the environment in a Canvas",
        meaning: "
Backend, keys, channels and limits are not part of a Canvas, so that one file runs in test,
in staging and live. They stand in `flowrun.toml`, in environment variables and in flags.
",
        wrong: "
canvas: welcome
backend: https://rest.iad-01.braze.com
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
        code: SECRET,
        title: "a secret that is written out",
        meaning: "
A text in the Canvas looks like a key or a token. A Canvas is reviewed, copied and
committed: it names secrets and never holds one. This is a warning, since it goes by the
looks of the text.
",
        wrong: r#"
canvas: welcome
steps:
  - id: call
    webhook:
      url: https://example.com/hook
      headers: { Authorization: "Bearer 9f8e7d6c5b4a39281706" }
"#,
        right: "
canvas: welcome
steps:
  - id: call
    webhook:
      url: https://example.com/hook
      headers: { X-Source: flowrun }
",
    },
    Page {
        code: TOO_MANY_STEPS,
        title: "too many steps",
        meaning: "
A Canvas has at most 10,000 steps.
",
        wrong: "",
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
        code: RESERVED,
        title: "a reserved key",
        meaning: "
`$slot` is how the runtime marks what it renders for each user. It can't be a key of
structured settings.
",
        wrong: "
canvas: welcome
steps:
  - id: write
    user_update:
      attributes: [{ $slot: 1 }]
",
        right: "
canvas: welcome
steps:
  - id: write
    user_update:
      attributes: [{ slot: 1 }]
",
    },
    Page {
        code: WHERE_ALONE,
        title: "`where` without an event",
        meaning: "
`where` is a condition on the event that lets users in, so it needs `event`. A condition on
the user alone is the `audience`.
",
        wrong: "
canvas: welcome
entry: { where: \"{{event_properties.${total}}} >= 500\" }
steps:
  - id: done
    exit: done
",
        right: "
canvas: welcome
entry: { event: order_completed, where: \"{{event_properties.${total}}} >= 500\" }
steps:
  - id: done
    exit: done
",
    },
    Page {
        code: NOT_UTF8,
        title: "the file is not UTF-8",
        meaning: "
A Canvas is text in UTF-8, and there is a byte here that stands for nothing in it: the file
was probably saved in an older encoding such as Latin-1, or as UTF-16. Save it as UTF-8; most
editors ask for the encoding under \"Save as\".
",
        wrong: "",
        right: "
canvas: welcome
description: Café
steps:
  - id: done
    exit: done
",
    },
    Page {
        code: UNREADABLE,
        title: "the file can't be read",
        meaning: "
There is no such file, it is a folder, or reading it is not permitted. The other files of the
same check were looked at all the same.
",
        wrong: "",
        right: "",
    },
    Page {
        code: AND_MORE,
        title: "more faults than are shown",
        meaning: "
A file with more than a thousand faults has the first thousand shown, errors before
warnings.
",
        wrong: "",
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
