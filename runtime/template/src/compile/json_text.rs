//! Follows the plain text of a template as if it were JSON, to know whether a value is printed
//! between quotes. Only a lint uses this; it may be wrong where branches disagree.

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct JsonText {
    kind: Looks,
    in_string: bool,
    escaped: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Looks {
    #[default]
    Unknown,
    LikeJson,
    Otherwise,
}

impl JsonText {
    pub(crate) fn text(&mut self, text: &str) {
        if self.kind == Looks::Unknown {
            self.kind = match text.trim_start().bytes().next() {
                None => Looks::Unknown,
                Some(b'{' | b'[') => Looks::LikeJson,
                Some(_) => Looks::Otherwise,
            };
        }
        if self.kind != Looks::LikeJson {
            return;
        }
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ => {}
            }
        }
    }

    pub(crate) fn inside_string(&self) -> Option<bool> {
        (self.kind == Looks::LikeJson).then_some(self.in_string)
    }
}
