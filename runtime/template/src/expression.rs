//! Expressions as compiled: literals, paths into the data, ranges, and chains of filters.

use crate::filters::Filter;
use crate::token::Operator;
use crate::view::Root;

/// A place in a source text in 8 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl From<crate::Span> for Place {
    fn from(span: crate::Span) -> Self {
        Self {
            start: u32::try_from(span.start).unwrap_or(u32::MAX),
            end: u32::try_from(span.end).unwrap_or(u32::MAX),
        }
    }
}

impl From<Place> for crate::Span {
    fn from(place: Place) -> Self {
        place.start as usize..place.end as usize
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Expression {
    Literal(Literal),
    Path(Box<Path>),
    Range(Box<(Expression, Expression)>),
    /// `$isoTimestamp`
    IsoTimestamp,
}

#[derive(Clone, Debug)]
pub(crate) enum Literal {
    Nil,
    Bool(bool),
    Int(i64),
    Big(Box<i128>),
    Float(f64),
    Text(Box<str>),
    Empty,
    Blank,
}

#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) base: Base,
    pub(crate) steps: Box<[Step]>,
    pub(crate) place: Place,
}

/// Where a path starts.
#[derive(Clone, Debug)]
pub(crate) enum Base {
    /// The host's data.
    Data(Root, Box<str>),
    /// A plain name: set by the template, or else the host's.
    Name(u32),
    /// A loop variable, `forloop` or `tablerowloop`: known where it is from the text alone.
    Local(u32),
    /// `[expression]`
    Dynamic(Box<Expression>),
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// `.key`
    Key(Box<str>),
    /// `[expression]`
    Index(Expression),
}

/// An expression followed by filters.
#[derive(Clone, Debug)]
pub(crate) struct Filtered {
    pub(crate) base: Expression,
    pub(crate) filters: Box<[Call]>,
    pub(crate) place: Place,
}

/// One filter with its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) filter: &'static Filter,
    pub(crate) arguments: Box<[Expression]>,
    pub(crate) place: Place,
}

/// Comparisons joined by `and` and `or`. They group from the right, and stop early from the left:
/// `a and b or c` is `a and (b or c)`.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    pub(crate) first: Comparison,
    pub(crate) rest: Box<[(Join, Comparison)]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    And,
    Or,
}

#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub(crate) left: Expression,
    pub(crate) right: Option<(Operator, Expression)>,
    pub(crate) place: Place,
}
