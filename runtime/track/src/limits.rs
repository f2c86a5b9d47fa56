//! Sizes that bound what one object, one request and one profile may hold.
//!
//! The defaults are those of the vendor's early-access documents. Where later documentation allows more, the field says
//! so; raise it there rather than in the code that obeys it.

/// Bounds of the model. `Limits::default()` is what the founding documents say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Characters of a custom string value. Our choice: a longer one is cut to this length and a warning says so,
    /// because a refusal would take every other attribute of the object with it.
    pub string_chars: usize,
    /// Characters of a name: custom attribute, event, product, property, key inside an object. Our choice: a longer one
    /// refuses the object, since a shortened name would be another attribute.
    pub name_chars: usize,
    /// Elements of an array attribute; the oldest are dropped. Founding documents: 25, raisable to 100; now 500.
    pub elements: usize,
    /// Bytes of JSON of an object, an array of objects, or the properties of an event.
    pub object_bytes: usize,
    /// Properties of an event or purchase that are kept; further ones are dropped with a warning.
    pub properties: usize,
    /// Nesting of objects and arrays inside one value. Our choice.
    pub depth: usize,
    /// Distinct event names, and distinct products, summarized in one profile. Our choice, after the 5,000 products that
    /// the vendor's dashboard shows.
    pub summaries: usize,
    /// Characters of composer JSON.
    pub composer_chars: usize,
    /// Objects of one array of a request.
    pub per_array: usize,
    /// Objects of all arrays of a request together; newer contracts say 75, the founding documents nothing.
    pub combined: Option<usize>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            string_chars: 255,
            name_chars: 255,
            elements: 25,
            object_bytes: 100 * 1024,
            properties: 256,
            depth: 32,
            summaries: 5_000,
            composer_chars: 65_536,
            per_array: 75,
            combined: None,
        }
    }
}
