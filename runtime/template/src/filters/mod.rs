//! The filters, one file per family. A filter declares itself once: name, arguments, what it is
//! for, and whether Braze has it; the compiler, the renderer and the manual read that.

mod array;
mod array_by_property;
mod crypt;
mod date;
mod html;
mod json;
mod math;
mod other;
mod text;
mod text_parts;
mod url;

use crate::arena::{Arena, Outcome};
use crate::value::Value;
use std::sync::LazyLock;

/// One filter as the manual lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterDoc {
    /// The word after `|`.
    pub name: &'static str,
    /// Whether Braze has it; if not, a template that uses it can't be pasted back.
    pub braze: bool,
    /// What it does, in one line.
    pub summary: &'static str,
}

/// Every filter, in alphabetical order.
#[must_use]
pub fn filters() -> &'static [FilterDoc] {
    static DOCS: LazyLock<Vec<FilterDoc>> = LazyLock::new(|| {
        let mut docs: Vec<FilterDoc> = all()
            .map(|filter| FilterDoc {
                name: filter.name,
                braze: filter.braze,
                summary: filter.summary,
            })
            .collect();
        docs.sort_by_key(|doc| doc.name);
        docs
    });
    &DOCS
}

/// A filter as it declares itself.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) name: &'static str,
    /// Fewest and most positional arguments.
    pub(crate) least: u8,
    pub(crate) most: u8,
    /// A named argument, handed over behind the positional ones.
    pub(crate) named: Option<&'static str>,
    pub(crate) braze: bool,
    pub(crate) safety: Safety,
    pub(crate) summary: &'static str,
    pub(crate) run: Run,
}

/// How a filter works.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Run {
    /// From any value, with arguments.
    Value(for<'r> fn(&Arena<'r>, Value<'r>, &[Value<'r>]) -> Outcome<'r>),
    /// From text to text, without arguments; can write straight into the output.
    Text(fn(&str, &mut String)),
    /// The same, but nil stays nil.
    TextOrNil(fn(&str, &mut String)),
}

/// What a filter's result can't do to a JSON document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Safety {
    /// It may break it.
    None,
    /// It can't break out of a JSON string.
    Text,
    /// It is a JSON value of its own.
    Json,
    /// It is a number.
    Number,
}

impl Filter {
    const fn value(
        name: &'static str,
        arguments: (u8, u8),
        summary: &'static str,
        run: for<'r> fn(&Arena<'r>, Value<'r>, &[Value<'r>]) -> Outcome<'r>,
    ) -> Filter {
        Filter {
            name,
            least: arguments.0,
            most: arguments.1,
            named: None,
            braze: true,
            safety: Safety::None,
            summary,
            run: Run::Value(run),
        }
    }

    const fn text(name: &'static str, summary: &'static str, run: fn(&str, &mut String)) -> Filter {
        Filter {
            name,
            least: 0,
            most: 0,
            named: None,
            braze: true,
            safety: Safety::None,
            summary,
            run: Run::Text(run),
        }
    }

    /// A filter that Shopify has and Braze has not.
    const fn beyond(mut self) -> Filter {
        self.braze = false;
        self
    }

    const fn safe(mut self, safety: Safety) -> Filter {
        self.safety = safety;
        self
    }

    const fn keeps_nil(mut self) -> Filter {
        if let Run::Text(run) = self.run {
            self.run = Run::TextOrNil(run);
        }
        self
    }

    const fn named(mut self, name: &'static str) -> Filter {
        self.named = Some(name);
        self
    }
}

const FAMILIES: [&[Filter]; 11] = [
    array::FILTERS,
    array_by_property::FILTERS,
    crypt::FILTERS,
    date::FILTERS,
    html::FILTERS,
    json::FILTERS,
    math::FILTERS,
    other::FILTERS,
    text::FILTERS,
    text_parts::FILTERS,
    url::FILTERS,
];

pub(crate) fn all() -> impl Iterator<Item = &'static Filter> {
    FAMILIES.into_iter().flatten()
}

pub(crate) fn find(name: &str) -> Option<&'static Filter> {
    all().find(|filter| filter.name == name)
}

/// The argument at a position; nil if it was not given.
fn argument<'r>(arguments: &[Value<'r>], at: usize) -> Value<'r> {
    arguments.get(at).copied().unwrap_or(Value::Nil)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_unique_and_every_filter_fits_the_call() {
        let docs = filters();
        assert!(docs.windows(2).all(|pair| pair[0].name < pair[1].name));
        for filter in all() {
            let most = usize::from(filter.most) + usize::from(filter.named.is_some());
            assert!(filter.least <= filter.most && most <= crate::evaluate::MOST_ARGUMENTS);
            assert!(!filter.summary.is_empty() && !filter.summary.ends_with('.'));
        }
    }
}
