//! The compiled tree: what the renderer walks.

use crate::expression::{Call, Conditions, Expression, Filtered, Place};
use crate::request::{Caching, Method};

/// A list of nodes, and whether they can only ever print white space.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    pub(crate) nodes: Vec<Node>,
    pub(crate) blank: bool,
}

impl Body {
    /// A block that prints nothing but white space prints nothing at all.
    pub(crate) fn drop_text(&mut self) {
        self.nodes.retain(|node| !matches!(node, Node::Text(_)));
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Text(Box<str>),
    Output(Box<Filtered>),
    Assign(Box<Assign>),
    Capture(Box<Capture>),
    Count(Box<Count>),
    If(Box<If>),
    Case(Box<Case>),
    For(Box<For>),
    TableRow(Box<TableRow>),
    Cycle(Box<Cycle>),
    IfChanged(Box<Body>),
    Break,
    Continue,
    Abort(Box<str>),
    ConnectedContent(Box<ConnectedContent>),
    Block(Box<Block>),
}

#[derive(Clone, Debug)]
pub(crate) struct Assign {
    pub(crate) slot: u32,
    pub(crate) value: Filtered,
}

#[derive(Clone, Debug)]
pub(crate) struct Capture {
    pub(crate) slot: u32,
    pub(crate) body: Body,
    pub(crate) place: Place,
}

/// `increment` and `decrement`.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    pub(crate) name: u32,
    pub(crate) down: bool,
    pub(crate) place: Place,
}

#[derive(Clone, Debug)]
pub(crate) struct If {
    pub(crate) branches: Vec<Branch>,
}

/// A branch is taken if its conditions hold; `else` has none. `negated` for `unless`.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) conditions: Option<Conditions>,
    pub(crate) negated: bool,
    pub(crate) body: Body,
}

/// Every `when` that matches is rendered; an `else` only if none before it did.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) subject: Expression,
    pub(crate) place: Place,
    pub(crate) arms: Vec<Arm>,
}

#[derive(Clone, Debug)]
pub(crate) struct Arm {
    /// `None` for `else`.
    pub(crate) values: Option<Vec<Expression>>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) struct For {
    /// `item-collection`: what `offset: continue` goes by.
    pub(crate) name: Box<str>,
    pub(crate) collection: Expression,
    pub(crate) limit: Option<Expression>,
    pub(crate) offset: Offset,
    pub(crate) reversed: bool,
    /// The slot of the loop variable; `forloop` has the one after it.
    pub(crate) local: u32,
    pub(crate) body: Body,
    pub(crate) otherwise: Option<Body>,
    pub(crate) place: Place,
}

#[derive(Clone, Debug)]
pub(crate) enum Offset {
    None,
    Continue,
    At(Expression),
}

#[derive(Clone, Debug)]
pub(crate) struct TableRow {
    pub(crate) collection: Expression,
    pub(crate) columns: Option<Expression>,
    pub(crate) limit: Option<Expression>,
    pub(crate) offset: Option<Expression>,
    pub(crate) local: u32,
    pub(crate) body: Body,
    pub(crate) place: Place,
}

#[derive(Clone, Debug)]
pub(crate) struct Cycle {
    pub(crate) group: Group,
    pub(crate) values: Vec<Expression>,
    pub(crate) place: Place,
}

/// Which `cycle` tags share a counter.
#[derive(Clone, Debug)]
pub(crate) enum Group {
    /// Those whose name evaluates to the same.
    Named(Expression),
    /// Those with the same literals, or this one alone.
    Fixed(Box<str>),
}

#[derive(Clone, Debug)]
pub(crate) struct ConnectedContent {
    pub(crate) url: Body,
    pub(crate) method: Method,
    pub(crate) headers: Option<Body>,
    pub(crate) body: Option<Body>,
    pub(crate) content_type: Option<Body>,
    pub(crate) basic_auth: Option<Box<str>>,
    pub(crate) auth_credentials: Option<Box<str>>,
    pub(crate) caching: Caching,
    pub(crate) retry: bool,
    pub(crate) slot: u32,
    pub(crate) place: Place,
}

/// A content block put in at this place.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) name: Box<str>,
    pub(crate) body: Body,
    /// `{{content_blocks.${x} | upcase}}`
    pub(crate) filters: Box<[Call]>,
    pub(crate) place: Place,
}

/// A compiled template without its lint facts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub(crate) body: Body,
    pub(crate) names: Vec<Name>,
    /// How many names the template sets itself.
    pub(crate) slots: u32,
    /// How many loop slots the deepest place needs.
    pub(crate) locals: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: Box<str>,
    /// Where the template keeps it, if the template sets it.
    pub(crate) slot: Option<u32>,
    /// Whether `increment` or `decrement` use it.
    pub(crate) counted: bool,
}
