//! Something for each of many profiles, by their numbers: found without a search, and never moved.
//!
//! Numbers begin at 0 and are given in turn, so that nearly all of them are in use: they lie in pages, of which those that
//! hold nothing aren't there. A list in one piece would be copied whenever it is full, hundreds of megabytes between two
//! requests.

use std::array;

use super::Id;

/// Places of a page: few, since somebody with one profile has a page as well.
const PAGE: usize = 64;

type Page<T> = Box<[Option<T>; PAGE]>;

#[derive(Clone, Debug)]
pub(super) struct Places<T> {
    pages: Vec<Option<Page<T>>>,
    kept: usize,
}

impl<T> Default for Places<T> {
    fn default() -> Places<T> {
        Places { pages: Vec::new(), kept: 0 }
    }
}

impl<T> Places<T> {
    /// How many hold something.
    pub fn len(&self) -> usize {
        self.kept
    }

    pub fn get(&self, id: Id) -> Option<&T> {
        let (page, at) = place(id);
        self.pages.get(page)?.as_ref()?[at].as_ref()
    }

    pub fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        let (page, at) = place(id);
        self.pages.get_mut(page)?.as_mut()?[at].as_mut()
    }

    /// What is there, or else what is put there now.
    pub fn get_or_put(&mut self, id: Id, new: impl FnOnce() -> T) -> &mut T {
        let slot = slot(&mut self.pages, id);
        self.kept += usize::from(slot.is_none());
        slot.get_or_insert_with(new)
    }

    /// Puts something in the place of what was there.
    pub fn put(&mut self, id: Id, new: T) {
        self.kept += usize::from(slot(&mut self.pages, id).replace(new).is_none());
    }

    pub fn take(&mut self, id: Id) -> Option<T> {
        let (page, at) = place(id);
        let page = self.pages.get_mut(page)?;
        let slots = page.as_mut()?;
        let taken = slots[at].take()?;
        self.kept -= 1;
        if slots.iter().all(Option::is_none) {
            *page = None;
        }
        Some(taken)
    }

    /// In order of the numbers.
    pub fn iter(&self) -> impl Iterator<Item = (Id, &T)> {
        let pages = self.pages.iter().zip(0..);
        pages.filter_map(|(page, number)| Some((page.as_ref()?, number))).flat_map(
            |(page, number)| {
                let slots = page.iter().zip(number * PAGE as u64..);
                slots.filter_map(|(slot, id)| Some((Id(id), slot.as_ref()?)))
            },
        )
    }
}

fn slot<T>(pages: &mut Vec<Option<Page<T>>>, id: Id) -> &mut Option<T> {
    let (page, at) = place(id);
    if page >= pages.len() {
        pages.resize_with(page + 1, || None);
    }
    &mut pages[page].get_or_insert_with(|| Box::new(array::from_fn(|_| None)))[at]
}

/// Which page, and which place of it.
fn place(id: Id) -> (usize, usize) {
    (usize::try_from(id.0).unwrap_or(usize::MAX) / PAGE, id.0 as usize % PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_hold_what_a_map_holds() {
        let (mut places, mut map) = (Places::default(), std::collections::BTreeMap::new());
        let mut state = 7u64;
        for step in 0..5_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = (state >> 40) % 300 * if step % 7 == 0 { 40 } else { 1 };
            match state >> 62 {
                0 => {
                    places.put(Id(number), step);
                    map.insert(number, step);
                }
                1 => {
                    let there = *places.get_or_put(Id(number), || step);
                    assert_eq!(there, *map.entry(number).or_insert(step));
                }
                _ => assert_eq!(places.take(Id(number)), map.remove(&number)),
            }
            assert_eq!(places.get(Id(number)), map.get(&number));
            assert_eq!(places.get_mut(Id(number)), map.get_mut(&number));
            assert_eq!(places.len(), map.len());
        }
        assert!(places.iter().map(|(id, at)| (id.0, *at)).eq(map.clone()));
        for number in map.into_keys() {
            places.take(Id(number));
        }
        assert!(places.pages.iter().all(Option::is_none), "pages that hold nothing are gone");
        assert_eq!(places.get(Id(u64::MAX)), None);
        assert_eq!(places.take(Id(u64::MAX)), None);
    }
}
