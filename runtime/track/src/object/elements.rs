//! Array attributes: ordered sets of scalars, and lists of objects.

use serde_json::{Map, Value as Json};

use super::{Elements, Match, Objects, nested};

/// Each value once, at its last place (adding a present value moves it to the end); at most the last `most`. The flag
/// says that distinct values were dropped.
pub(super) fn last_distinct(elements: Vec<Json>, most: usize) -> (Vec<Json>, bool) {
    let mut kept: Vec<Json> = Vec::with_capacity(elements.len().min(most));
    let mut dropped = false;
    for element in elements.into_iter().rev() {
        if kept.contains(&element) {
            continue;
        }
        if kept.len() == most {
            dropped = true;
            break;
        }
        kept.push(element);
    }
    kept.reverse();
    (kept, dropped)
}

/// Adds, then removes, then drops the oldest beyond `most`. True when some were dropped.
pub(super) fn change(set: &mut Vec<Json>, change: &Elements, most: usize) -> bool {
    for element in &change.add {
        if let Some(at) = set.iter().position(|known| known == element) {
            set.remove(at);
        }
        set.push(element.clone());
    }
    if !change.remove.is_empty() {
        set.retain(|element| !change.remove.contains(element));
    }
    let beyond = set.len().saturating_sub(most);
    set.drain(..beyond);
    beyond > 0
}

/// `$add`, then `$remove`, then `$update`, whatever their order in the JSON. `None` as soon as the list would be larger
/// than `most` bytes: one small new object can meet thousands of elements.
pub(super) fn change_objects(
    mut list: Vec<Json>,
    change: &Objects,
    most: usize,
) -> Option<Vec<Json>> {
    list.extend(change.add.iter().cloned());
    if !change.remove.is_empty() {
        list.retain(|element| !change.remove.iter().any(|which| which.meets(element)));
    }
    let mut bytes = nested::bytes_of(&list);
    for (which, new) in &change.update {
        for element in list.iter_mut().filter(|element| which.meets(element)) {
            bytes -= nested::bytes(element);
            match element.as_object_mut() {
                Some(old) if change.merge => nested::merge(old, new),
                _ => *element = Json::Object(new.clone()),
            }
            bytes += nested::bytes(element);
            if bytes > most {
                return None;
            }
        }
    }
    (bytes <= most).then_some(list)
}

impl Objects {
    /// A second time would add again, or meet what the first time made.
    pub(super) fn counts_twice(&self) -> bool {
        let made = |(at, (_, new)): (usize, &(Match, Map<String, Json>))| {
            let new = Json::Object(new.clone());
            self.update[..at].iter().any(|(which, _)| which.meets(&new))
                || self.remove.iter().any(|which| {
                    which.meets(&new) || self.merge && matches!(which, Match::Whole(_))
                })
        };
        !self.add.is_empty() || self.update.iter().enumerate().any(made)
    }
}

impl Match {
    fn meets(&self, element: &Json) -> bool {
        match self {
            Match::Key(key, value) => element.get(key).is_some_and(|found| same(found, value)),
            Match::Whole(whole) => element == whole,
        }
    }
}

/// Equal as values: `1` and `1.0` are the same identifier.
fn same(a: &Json, b: &Json) -> bool {
    a == b || matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if a == b)
}
