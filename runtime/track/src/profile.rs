//! One user's profile, laid out to be small: a million of them are held in memory.
//!
//! Standard fields are keyed by a byte, custom attributes by names shared between profiles; both lists are sorted, so that
//! two profiles with the same content are laid out and printed alike. What few users have (aliases, summaries, a foreign
//! braze_id) sits behind one pointer.

mod flat;

use crate::field::Field;
use crate::name::Name;
use crate::summary::{Summaries, Summary};
use crate::value::{Text, Value};

/// A user alias: another name for a user, unique per label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alias {
    pub label: Text,
    pub name: Text,
}

/// A user's attributes and what is summarized of their events and purchases.
///
/// Two profiles are equal when nothing a user could see differs; when they were last updated doesn't count.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    pub(crate) external_id: Option<Text>,
    fields: Vec<(Field, Value)>,
    custom: Vec<(Name, Value)>,
    rare: Option<Box<Rare>>,
    pub(crate) updated_ms: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rare {
    pub braze_id: Option<Text>,
    /// In order of label; one per label.
    pub aliases: Vec<Alias>,
    pub events: Summaries,
    pub purchases: Summaries,
    /// Millionths of each currency, in order of currency.
    pub revenue: Vec<(Text, i64)>,
}

impl Profile {
    pub fn new(external_id: &str) -> Profile {
        Profile { external_id: Some(Text::new(external_id)), ..Profile::default() }
    }

    /// A profile without an external id: known by an alias, an address, or a push token only.
    pub fn anonymous() -> Profile {
        Profile::default()
    }

    pub fn external_id(&self) -> Option<&str> {
        self.external_id.as_deref()
    }

    pub fn set_external_id(&mut self, id: &str) {
        self.external_id = Some(Text::new(id));
    }

    /// A braze_id that came with the profile. One that a [`crate::Directory`] derives is not kept in the profile.
    pub fn braze_id(&self) -> Option<&str> {
        self.rare.as_ref()?.braze_id.as_deref()
    }

    pub fn set_braze_id(&mut self, id: &str) {
        self.rare_mut().braze_id = Some(Text::new(id));
    }

    pub fn aliases(&self) -> &[Alias] {
        self.rare.as_ref().map_or(&[], |rare| &rare.aliases)
    }

    /// False when the label is taken: an alias can't be removed or replaced.
    pub fn add_alias(&mut self, alias: Alias) -> bool {
        let aliases = &mut self.rare_mut().aliases;
        match aliases.binary_search_by(|known| known.label.cmp(&alias.label)) {
            Ok(_) => false,
            Err(at) => {
                aliases.insert(at, alias);
                true
            }
        }
    }

    /// When an object was last applied, in milliseconds; 0 if never.
    pub fn updated_ms(&self) -> i64 {
        self.updated_ms
    }

    /// Reads where the values lie, and tells nothing. To read many profiles that were not read
    /// for long, touch all of them before: the waits for memory then overlap.
    pub fn touch(&self) -> usize {
        let field = self.fields.first().map_or(0, |(field, _)| *field as usize);
        let custom = self.custom.first().map_or(0, |(name, _)| name.as_str().len());
        field + custom
    }

    /// A standard field by its User Track name (`first_name`, `email`, `time_zone`…).
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.get(Field::named(name)?)
    }

    pub fn get(&self, field: Field) -> Option<&Value> {
        self.fields.iter().find(|(key, _)| *key == field).map(|(_, value)| value)
    }

    /// A custom attribute by its exact name.
    pub fn custom(&self, name: &str) -> Option<&Value> {
        self.find(name).ok().map(|at| &self.custom[at].1)
    }

    /// A standard field or a custom attribute. The two can't share a name.
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        match Field::named(name) {
            Some(field) => self.get(field),
            None => self.custom(name),
        }
    }

    pub fn fields(&self) -> impl Iterator<Item = (Field, &Value)> {
        self.fields.iter().map(|(field, value)| (*field, value))
    }

    pub fn customs(&self) -> impl Iterator<Item = (&Name, &Value)> {
        self.custom.iter().map(|(name, value)| (name, value))
    }

    /// Standard fields, then custom attributes in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        let fields = self.fields.iter().map(|(field, value)| (field.name(), value));
        fields.chain(self.custom.iter().map(|(name, value)| (name.as_str(), value)))
    }

    /// Custom events, in order of name.
    pub fn events(&self) -> &[Summary] {
        self.rare.as_ref().map_or(&[], |rare| rare.events.list())
    }

    pub fn event(&self, name: &str) -> Option<&Summary> {
        self.rare.as_ref()?.events.get(name)
    }

    /// Purchases by product, in order of product id.
    pub fn purchases(&self) -> &[Summary] {
        self.rare.as_ref().map_or(&[], |rare| rare.purchases.list())
    }

    pub fn purchase(&self, product_id: &str) -> Option<&Summary> {
        self.rare.as_ref()?.purchases.get(product_id)
    }

    /// Price × quantity of all purchases in `currency`, in millionths. Nothing is converted: rates belong to the world.
    pub fn revenue_micros(&self, currency: &str) -> i64 {
        let revenue = self.rare.as_ref().map_or(&[][..], |rare| &rare.revenue);
        revenue.iter().find(|(code, _)| code == currency).map_or(0, |(_, sum)| *sum)
    }

    /// Puts a field without any of the rules of an update; `None` removes. For stores and tests.
    pub fn set_field(&mut self, field: Field, value: Option<Value>) {
        match (self.fields.binary_search_by_key(&field, |(key, _)| *key), value) {
            (Ok(at), Some(value)) => self.fields[at].1 = value,
            (Ok(at), None) => drop(self.fields.remove(at)),
            (Err(at), Some(value)) => {
                grow(&mut self.fields);
                self.fields.insert(at, (field, value));
            }
            (Err(_), None) => {}
        }
    }

    /// Puts a custom attribute without any of the rules of an update; `None` removes.
    pub fn set_custom(&mut self, name: &Name, value: Option<Value>) {
        match (self.find(name), value) {
            (Ok(at), Some(value)) => self.custom[at].1 = value,
            (Ok(at), None) => drop(self.custom.remove(at)),
            (Err(at), Some(value)) => self.insert_custom(at, name.clone(), value),
            (Err(_), None) => {}
        }
    }

    pub(crate) fn find(&self, name: &str) -> Result<usize, usize> {
        self.custom.binary_search_by(|(key, _)| key.as_str().cmp(name))
    }

    pub(crate) fn custom_at(&mut self, at: usize) -> &mut Value {
        &mut self.custom[at].1
    }

    pub(crate) fn remove_at(&mut self, at: usize) {
        self.custom.remove(at);
    }

    pub(crate) fn insert_custom(&mut self, at: usize, name: Name, value: Value) {
        grow(&mut self.custom);
        self.custom.insert(at, (name, value));
    }

    pub(crate) fn rare(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    pub(crate) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Bytes of this profile, its heap blocks included and shared names left out.
    pub fn footprint(&self) -> usize {
        let text = |text: &Text| if text.is_heap_allocated() { text.capacity() } else { 0 };
        let value = |value: &Value| match value {
            Value::Str(s) => text(s),
            Value::Json(json) => crate::object::nested::bytes(json) * 4,
            _ => 0,
        };
        size_of::<Profile>()
            + self.external_id.as_ref().map_or(0, text)
            + self.fields.capacity() * size_of::<(Field, Value)>()
            + self.custom.capacity() * size_of::<(Name, Value)>()
            + self.iter().map(|(_, v)| value(v)).sum::<usize>()
            + self.rare.as_ref().map_or(0, |_| size_of::<Rare>())
    }
}

impl PartialEq for Profile {
    fn eq(&self, other: &Profile) -> bool {
        let empty = Rare::default();
        self.external_id == other.external_id
            && self.fields == other.fields
            && self.custom == other.custom
            && self.rare().unwrap_or(&empty) == other.rare().unwrap_or(&empty)
    }
}

/// Room in small steps: doubling would waste more than it saves in lists of half a dozen.
fn grow<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 4).max(2));
    }
}
