//! Templates and conditions: Braze Liquid.

use super::{Code, Page};

pub const LIQUID_SYNTAX: Code = Code("FR0401");
pub const UNCLOSED: Code = Code("FR0402");
pub const UNKNOWN_TAG: Code = Code("FR0403");
pub const UNSUPPORTED_TAG: Code = Code("FR0404");
pub const UNKNOWN_FILTER: Code = Code("FR0405");
pub const BAD_ARGUMENT: Code = Code("FR0406");
pub const UNKNOWN_BLOCK: Code = Code("FR0407");
pub const BLOCK_TOO_DEEP: Code = Code("FR0408");
pub const BAD_CONDITION: Code = Code("FR0409");
pub const TEMPLATE_TOO_DEEP: Code = Code("FR0410");
pub const TEMPLATE_TOO_LARGE: Code = Code("FR0411");
pub const SUSPICIOUS: Code = Code("FR0412");
pub const UNKNOWN_FIELD: Code = Code("FR0413");
pub const NEVER_SET: Code = Code("FR0414");
pub const NOT_BROUGHT: Code = Code("FR0415");
pub const NO_EVENT: Code = Code("FR0416");
pub const UNESCAPED_JSON: Code = Code("FR0420");

pub(super) const PAGES: &[Page] = &[
    Page {
        code: LIQUID_SYNTAX,
        title: "Liquid that can't be read",
        meaning: "
What stands between the braces is not Liquid. Attributes are `${first_name}`, custom
attributes `custom_attribute.${name}`, texts stand in quotes.
",
        wrong: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "{{ ${first_name} | }}" }
"#,
        right: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "{{${first_name}}}" }
"#,
    },
    Page {
        code: UNCLOSED,
        title: "something is opened and never closed",
        meaning: "
A `{{`, a `{%` or a block such as `{% if %}` is opened and never closed, or closed and never
opened.
",
        wrong: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "Hello {{${first_name}" }
"#,
        right: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "Hello {{${first_name}}}" }
"#,
    },
    Page {
        code: UNKNOWN_TAG,
        title: "there is no such tag",
        meaning: "
Liquid has no tag of this name.
",
        wrong: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "{% fi true %}yes{% endfi %}" }
"#,
        right: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "{% if true %}yes{% endif %}" }
"#,
    },
    Page {
        code: UNSUPPORTED_TAG,
        title: "a tag that is not supported",
        meaning: "
Braze has this tag, flowrun has not.
",
        wrong: "",
        right: "
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: Hello }
",
    },
    Page {
        code: UNKNOWN_FILTER,
        title: "there is no such filter",
        meaning: "
Liquid has no filter of this name.
",
        wrong: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "{{${first_name} | upcaes}}" }
"#,
        right: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "{{${first_name} | upcase}}" }
"#,
    },
    Page {
        code: BAD_ARGUMENT,
        title: "an argument that can't be used",
        meaning: "
A filter or a tag has too few or too many arguments, or an option that means nothing.
",
        wrong: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "{{${first_name} | upcase: 1, 2, 3}}" }
"#,
        right: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "{{${first_name} | upcase}}" }
"#,
    },
    Page {
        code: UNKNOWN_BLOCK,
        title: "there is no such Content Block",
        meaning: "
Content Blocks are files in the folder `content_blocks` beside the Canvas; the name is the
file's without its ending.
",
        wrong: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "{{content_blocks.${fooetr}}}" }
"#,
        right: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "{{content_blocks.${footer}}}" }
"#,
    },
    Page {
        code: BLOCK_TOO_DEEP,
        title: "Content Blocks stand too deep in each other",
        meaning: "
A Content Block may use another one, and that one no third, as in Braze.
",
        wrong: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "{{content_blocks.${outer}}}" }
"#,
        right: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: "{{content_blocks.${footer}}}" }
"#,
    },
    Page {
        code: BAD_CONDITION,
        title: "this is no condition",
        meaning: "
A condition compares: `{{custom_attribute.${vip}}} == true and {{${country}}} == 'FR'`. The
double braces are optional.
",
        wrong: r#"
canvas: welcome
steps:
  - id: tier
    decision_split: { if: "", then: done }
  - id: done
    exit: done
"#,
        right: r#"
canvas: welcome
steps:
  - id: tier
    decision_split: { if: "{{${country}}} == 'FR'", then: done }
  - id: done
    exit: done
"#,
    },
    Page {
        code: TEMPLATE_TOO_DEEP,
        title: "a template is nested too deep",
        meaning: "
Tags, brackets or conditions stand too deep in each other.
",
        wrong: "",
        right: "
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: Hello }
",
    },
    Page {
        code: TEMPLATE_TOO_LARGE,
        title: "a template is too large",
        meaning: "
The text with its Content Blocks is larger than a template may be.
",
        wrong: "",
        right: "
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: Hello }
",
    },
    Page {
        code: SUSPICIOUS,
        title: "most likely not what was meant",
        meaning: "
The template can be rendered, but not to what was most likely meant. This is a warning.
",
        wrong: "",
        right: "
canvas: welcome
steps:
  - id: hello
    message: { channel: email, subject: Hello, body: Hello }
",
    },
    Page {
        code: UNKNOWN_FIELD,
        title: "there is no such profile field",
        meaning: "
`${name}` alone is a field that every profile has, such as `${first_name}`, `${country}` or
`${email_address}`. Everything else that a profile holds is a custom attribute:
`custom_attribute.${name}`. A field that does not exist is empty for every user. This is a
warning.
",
        wrong: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, body: "Hello {{${nickname} | default: 'you'}}" }
"#,
        right: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, body: "Hello {{custom_attribute.${nickname} | default: 'you'}}" }
"#,
    },
    Page {
        code: NEVER_SET,
        title: "a variable that the text never sets",
        meaning: "
A plain name is a variable of the text itself: `assign`, `capture`, a loop or Connected
Content sets it, in this very text. A variable of another text is not seen. What is known of
the user is written `${country}` or `custom_attribute.${name}`, what the journey carries
`context.${name}`. This is a warning.
",
        wrong: r#"
canvas: welcome
steps:
  - id: tier
    decision_split: { if: "country == 'FR'", then: done }
  - id: done
    exit: done
"#,
        right: r#"
canvas: welcome
steps:
  - id: tier
    decision_split: { if: "${country} == 'FR'", then: done }
  - id: done
    exit: done
"#,
    },
    Page {
        code: NOT_BROUGHT,
        title: "nothing in this Canvas sets the variable",
        meaning: "
`context.${name}` is what a `context` step of the same Canvas has set, or an entry property;
entry properties come with the call of the API by which users enter (`entry: { api: true }`).
This Canvas has neither for this name, or the step that sets it lies on no way to this place.
In a run, a users file may give `entry_properties` all the same. This is a warning.
",
        wrong: r#"
canvas: welcome
steps:
  - id: hello
    message: { channel: email, body: "Your offer: {{context.${offer}}}" }
"#,
        right: r#"
canvas: welcome
entry: { api: true }
steps:
  - id: hello
    message: { channel: email, body: "Your offer: {{context.${offer}}}" }
"#,
    },
    Page {
        code: NO_EVENT,
        title: "there is no event that brings users here",
        meaning: "
`event_properties.${name}` are the properties of the event by which a user entered. Users
don't enter this Canvas by an event, so they are always empty. What a call of the API brings
is `canvas_entry_properties.${name}`. This is a warning.
",
        wrong: r#"
canvas: welcome
entry: { api: true }
steps:
  - id: hello
    message: { channel: email, body: "You paid {{event_properties.${total}}}" }
"#,
        right: r#"
canvas: welcome
entry: { api: true }
steps:
  - id: hello
    message: { channel: email, body: "You paid {{canvas_entry_properties.${total}}}" }
"#,
    },
    Page {
        code: UNESCAPED_JSON,
        title: "a value goes into JSON as it is",
        meaning: "
A user's value is printed into a JSON document without being escaped: a quote or a line
break in it breaks the document, and the update ends in the dead letter. Let `json_escape`
be the last filter between the quotes of a string, or print the whole string with
`as_json_string`. This is a warning.
",
        wrong: r#"
canvas: welcome
steps:
  - id: write
    user_update: { json: '{"attributes": [{"nick": "{{${first_name}}}"}]}' }
"#,
        right: r#"
canvas: welcome
steps:
  - id: write
    user_update: { json: '{"attributes": [{"nick": "{{${first_name} | json_escape}}"}]}' }
"#,
    },
];
