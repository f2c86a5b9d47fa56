//! Parsing events and purchases: things that happened at a time, with properties.

use serde_json::{Map, Value as Json};

use super::nested::{self, Cleaner, Keys, Path, Skip};
use super::standard::time_text;
use super::{Event, Purchase, get, longer_than};
use crate::error::{ItemError, Reason, Warning};
use crate::limits::Limits;
use crate::name::Name;
use crate::value::Text;
use crate::values::{currency, date};

const EVENT_RESERVED: &[&str] = &["time", "event_name"];
const PURCHASE_RESERVED: &[&str] =
    &["time", "product_id", "quantity", "event_name", "price", "currency"];

/// A unit price beyond this is a mistake, and sums must stay within 64 bits.
const PRICE_MOST: f64 = 1e10;

pub(super) fn event(
    object: &Map<String, Json>,
    limits: &Limits,
    warnings: &mut Vec<Warning>,
) -> Result<Event, ItemError> {
    Ok(Event {
        name: name(object, "name", limits)?,
        time_ms: time(object)?,
        properties: properties(object, EVENT_RESERVED, limits, warnings)?,
    })
}

pub(super) fn purchase(
    object: &Map<String, Json>,
    limits: &Limits,
    warnings: &mut Vec<Warning>,
) -> Result<Purchase, ItemError> {
    Ok(Purchase {
        product_id: name(object, "product_id", limits)?,
        currency: currency(object)?,
        price_micros: price(object)?,
        quantity: quantity(object)?,
        time_ms: time(object)?,
        properties: properties(object, PURCHASE_RESERVED, limits, warnings)?,
    })
}

/// What refuses an event, of each key.
pub(super) fn event_faults(object: &Map<String, Json>, limits: &Limits) -> Vec<ItemError> {
    let keys = [name(object, "name", limits).err(), time(object).err()];
    keys.into_iter().flatten().chain(property_faults(object, EVENT_RESERVED, limits)).collect()
}

/// What refuses a purchase, of each key.
pub(super) fn purchase_faults(object: &Map<String, Json>, limits: &Limits) -> Vec<ItemError> {
    let keys = [
        name(object, "product_id", limits).err(),
        currency(object).err(),
        price(object).err(),
        quantity(object).err(),
        time(object).err(),
    ];
    keys.into_iter().flatten().chain(property_faults(object, PURCHASE_RESERVED, limits)).collect()
}

fn given<'a>(object: &'a Map<String, Json>, key: &str) -> Result<&'a Json, ItemError> {
    get(object, key).filter(|json| !json.is_null()).ok_or_else(|| ItemError::required(key))
}

fn name(object: &Map<String, Json>, key: &str, limits: &Limits) -> Result<Name, ItemError> {
    match given(object, key)?.as_str() {
        Some("") => Err(ItemError::required(key)),
        Some(name) if !longer_than(name, limits.name_chars) => Ok(Name::new(name)),
        _ => Err(ItemError::invalid(key)),
    }
}

fn time(object: &Map<String, Json>) -> Result<i64, ItemError> {
    let text = time_text(given(object, "time")?);
    let instant = text.and_then(date::event).ok_or_else(|| ItemError::invalid("time"))?;
    Ok(instant.ms())
}

fn currency(object: &Map<String, Json>) -> Result<Text, ItemError> {
    let code = given(object, "currency")?.as_str().and_then(currency::code);
    let code = code.ok_or_else(|| ItemError::invalid("currency"))?;
    Ok(code.iter().map(|byte| char::from(*byte)).collect())
}

fn price(object: &Map<String, Json>) -> Result<i64, ItemError> {
    match given(object, "price")?.as_f64() {
        Some(price) if price.abs() <= PRICE_MOST => Ok((price * 1e6).round() as i64),
        _ => Err(ItemError::invalid("price")),
    }
}

/// 1 when absent. Our choice: above 100 is refused with the vendor's string rather than cut, which would lose purchases.
fn quantity(object: &Map<String, Json>) -> Result<u32, ItemError> {
    match get(object, "quantity") {
        None | Some(Json::Null) => Ok(1),
        Some(json) => match json.as_u64() {
            Some(quantity @ 1..=100) => Ok(quantity as u32),
            _ => Err(ItemError::invalid("quantity")),
        },
    }
}

fn properties(
    object: &Map<String, Json>,
    reserved: &[&str],
    limits: &Limits,
    warnings: &mut Vec<Warning>,
) -> Result<Map<String, Json>, ItemError> {
    let invalid = |place: &str| Err(ItemError::plain(place, "Invalid 'properties' field"));
    let given = match get(object, "properties") {
        None | Some(Json::Null) => return Ok(Map::new()),
        Some(Json::Object(map)) => map,
        Some(_) => return invalid("properties"),
    };
    if let Some(key) = given.keys().find(|key| reserved.contains(&key.as_str())) {
        return invalid(&format!("properties.{key}"));
    }
    if given.len() > limits.properties {
        warnings.push(Warning { path: "properties".into(), reason: Reason::Properties });
    }
    let root = Path::root("properties");
    let mut kept = Map::with_capacity(given.len().min(limits.properties));
    for (key, json) in given.iter().take(limits.properties) {
        // One by one, so that a bad `$time` costs this property and not the event.
        let mut cleaner = Cleaner { keys: Keys::Property, keep_nulls: false, limits, warnings };
        match cleaner.entry(key, json, &root, &mut kept) {
            Ok(()) => {}
            Err(Skip::Refuse(error)) => return Err(error),
            Err(Skip::Time) => {
                let path = format!("properties.{}", crate::error::shown(key));
                warnings.push(Warning { path, reason: Reason::NestedTime });
            }
        }
    }
    if nested::map_bytes(&kept) > limits.object_bytes {
        return invalid("properties");
    }
    Ok(kept)
}

/// Of each property its own fault; and if none has one, that of all together.
fn property_faults(
    object: &Map<String, Json>,
    reserved: &[&str],
    limits: &Limits,
) -> Vec<ItemError> {
    let together =
        |object: &Map<String, Json>| properties(object, reserved, limits, &mut Vec::new()).err();
    let Some(Json::Object(given)) = get(object, "properties") else {
        return together(object).into_iter().collect();
    };
    let alone = |(key, json): (&String, &Json)| {
        let one = Map::from_iter([(key.clone(), json.clone())]);
        together(&Map::from_iter([("properties".to_owned(), Json::Object(one))]))
    };
    // What lies beyond the limit is dropped, unless its name alone refuses the object.
    let counts = |(at, (key, _)): &(usize, (&String, &Json))| {
        *at < limits.properties || reserved.contains(&key.as_str())
    };
    let judged = given.iter().enumerate().filter(counts);
    let faults: Vec<_> = judged.filter_map(|(_, property)| alone(property)).collect();
    match faults.is_empty() {
        true => together(object).into_iter().collect(),
        false => faults,
    }
}
