//! The tags, one file per family: how each is read, and how it is rendered.

mod conditional;
mod connected_content;
mod content_blocks;
mod loops;
mod output;
mod variables;
mod verbatim;

use crate::compile::Compiler;
use crate::fault::{Fault, FaultCode};
use crate::node::{Body, Node};
use crate::scan::Tag;

/// One tag as the manual lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagDoc {
    /// The word after `{%`.
    pub name: &'static str,
    /// Whether Braze has it; if not, a template that uses it can't be pasted back.
    pub braze: bool,
    /// What it does, in one line.
    pub summary: &'static str,
}

const fn doc(name: &'static str, braze: bool, summary: &'static str) -> TagDoc {
    TagDoc { name, braze, summary }
}

/// Every tag, in alphabetical order.
#[must_use]
pub fn tags() -> &'static [TagDoc] {
    TAGS
}

const TAGS: &[TagDoc] = &[
    doc("#", false, "a comment inside the tag itself"),
    doc("abort_message", true, "stops: nothing is sent or written, the reason is logged"),
    doc("assign", true, "sets a variable"),
    doc("break", true, "leaves the loop"),
    doc("capture", true, "renders its inside into a variable"),
    doc("case", true, "compares one value with many: `when`, `else`"),
    doc("comment", true, "prints nothing of what is inside"),
    doc("connected_content", true, "asks a web address and keeps or prints the answer"),
    doc("continue", true, "goes on with the loop's next turn"),
    doc("cycle", true, "prints its values in turn"),
    doc("decrement", true, "counts down and prints"),
    doc("doc", false, "prints nothing of what is inside; may not nest"),
    doc("echo", true, "prints a value, like `{{ }}`"),
    doc("for", true, "repeats: `limit`, `offset`, `reversed`, `else`"),
    doc("if", true, "a condition: `elsif`, `else`"),
    doc("ifchanged", false, "prints its inside if it differs from the last time"),
    doc("increment", true, "prints and counts up"),
    doc("liquid", true, "several tags, one on each line"),
    doc("message_extras", true, "accepted, does nothing"),
    doc("raw", true, "prints its inside as it stands"),
    doc("tablerow", true, "repeats, as rows and cells of an HTML table"),
    doc("unless", true, "the opposite of `if`"),
];

/// Tags of Braze that flowrun does not have.
const UNSUPPORTED: [&str; 3] = ["catalog_items", "catalog_selection_items", "shopping_cart"];

impl Compiler<'_> {
    pub(crate) fn tag(&mut self, body: &mut Body, tag: Tag) {
        let name = self.slice(&tag.name);
        let read = match name {
            "#" => self.inline_comment(&tag),
            "abort_message" => self.abort(body, &tag),
            "assign" => self.assign(body, &tag),
            "break" => {
                body.blank = false;
                body.nodes.push(Node::Break);
                Ok(())
            }
            "capture" => self.capture(body, &tag),
            "case" => self.case(body, &tag),
            "comment" => self.comment(&tag),
            "connected_content" => self.connected_content(body, &tag),
            "continue" => {
                body.blank = false;
                body.nodes.push(Node::Continue);
                Ok(())
            }
            "cycle" => self.cycle(body, &tag),
            "decrement" => self.count(body, &tag, true),
            "doc" => self.doc(&tag),
            "echo" => {
                self.echo(body, &tag);
                Ok(())
            }
            "for" => self.for_loop(body, &tag),
            "if" => self.if_tag(body, &tag, false),
            "ifchanged" => self.if_changed(body, &tag),
            "increment" => self.count(body, &tag, false),
            "liquid" => {
                let mut inner = self.lines(tag.markup.clone());
                body.blank &= inner.blank;
                body.nodes.append(&mut inner.nodes);
                Ok(())
            }
            "message_extras" => Ok(()),
            "raw" => self.raw(body, &tag),
            "tablerow" => self.table_row(body, &tag),
            "unless" => self.if_tag(body, &tag, true),
            other => Err(unknown(other, &tag)),
        };
        if let Err(fault) = read {
            body.blank = false;
            self.fault(fault);
            self.skip_inside(&tag);
        }
    }

    /// After a fault in an opening tag its inside is still read, for more faults and so that its
    /// end finds its start.
    fn skip_inside(&mut self, tag: &Tag) {
        let (name, ends): (&'static str, &'static [&'static str]) = match self.slice(&tag.name) {
            "if" => ("if", &["elsif", "else", "endif"]),
            "unless" => ("unless", &["elsif", "else", "endunless"]),
            "case" => ("case", &["when", "else", "endcase"]),
            "for" => ("for", &["else", "endfor"]),
            "tablerow" => ("tablerow", &["endtablerow"]),
            "capture" => ("capture", &["endcapture"]),
            _ => return,
        };
        loop {
            let (_, end) = self.block(name, tag, ends);
            match end {
                Some(end) if !self.slice(&end.name).starts_with("end") => {}
                _ => return,
            }
        }
    }
}

fn unknown(name: &str, tag: &Tag) -> Fault {
    let span = tag.span.clone();
    if UNSUPPORTED.contains(&name) {
        let message = format!("`{name}` is not supported");
        let fault = Fault::new(span, FaultCode::UnsupportedTag, message);
        return fault.hint("put the catalog's values into the context, or fetch them");
    }
    if matches!(name, "include" | "render") {
        let message = format!("there is no tag `{name}`");
        let fault = Fault::new(span, FaultCode::UnknownTag, message);
        return fault.hint("put shared text into a content block: {{content_blocks.${name}}}");
    }
    let closes = name.strip_prefix("end").filter(|opening| {
        let block = ["if", "unless", "case", "for", "tablerow", "capture", "raw", "comment"];
        block.contains(opening)
    });
    if closes.is_some() || matches!(name, "else" | "elsif" | "when") {
        let message = match closes {
            Some(opening) => format!("`{name}` closes nothing: no `{opening}` is open here"),
            None => format!("`{name}` stands outside of the tag it belongs to"),
        };
        return Fault::new(span, FaultCode::Unclosed, message);
    }
    let fault = Fault::new(span, FaultCode::UnknownTag, format!("there is no tag `{name}`"));
    match name {
        "elseif" | "elif" => fault.hint("did you mean `elsif`?"),
        "set" | "let" | "var" => fault.hint("did you mean `assign`?"),
        "switch" => fault.hint("did you mean `case`?"),
        _ => fault.meant(
            name,
            TAGS.iter().map(|tag| tag.name).chain([
                "elsif",
                "else",
                "endif",
                "endfor",
                "endcase",
                "endunless",
                "when",
            ]),
        ),
    }
}
