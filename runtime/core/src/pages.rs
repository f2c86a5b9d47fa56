//! A list that grows page by page: what lies in it is never moved.
//!
//! Millions of users and journeys in one `Vec` would be copied whenever it is full, hundreds of
//! megabytes between two decisions; and the allocator keeps what the former ones took. Pages
//! cost one more look at where the page is. In a snapshot they are a list like any other.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Items of a page.
const PAGE: usize = 1 << 12;

pub(crate) struct Pages<T> {
    /// All but the last are full. The first grows like any `Vec`: most shards are small.
    pages: Vec<Vec<T>>,
}

impl<T> Default for Pages<T> {
    fn default() -> Pages<T> {
        Pages { pages: Vec::new() }
    }
}

impl<T> Pages<T> {
    pub fn push(&mut self, item: T) {
        if let Some(page) = self.pages.last_mut().filter(|page| page.len() < PAGE) {
            return page.push(item);
        }
        let mut page = Vec::with_capacity(if self.pages.is_empty() { 4 } else { PAGE });
        page.push(item);
        self.pages.push(page);
    }

    pub fn len(&self) -> usize {
        self.pages.last().map_or(0, |last| (self.pages.len() - 1) * PAGE + last.len())
    }

    pub fn get(&self, at: usize) -> Option<&T> {
        self.pages.get(at / PAGE)?.get(at % PAGE)
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flatten()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.pages.iter_mut().flatten()
    }
}

impl<T> Index<usize> for Pages<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.pages[at / PAGE][at % PAGE]
    }
}

impl<T> IndexMut<usize> for Pages<T> {
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.pages[at / PAGE][at % PAGE]
    }
}

impl<T: Serialize> Serialize for Pages<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(Some(self.len()))?;
        self.iter().try_for_each(|item| list.serialize_element(item))?;
        list.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pages<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Pages<T>, D::Error> {
        from.deserialize_seq(List(PhantomData))
    }
}

struct List<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
    type Value = Pages<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pages<T>, A::Error> {
        let mut pages = Pages::default();
        while let Some(item) = list.next_element()? {
            pages.push(item);
        }
        Ok(pages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_a_list() {
        for count in [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE] {
            let list: Vec<usize> = (0..count).map(|item| item * 7).collect();
            let mut pages = Pages::default();
            list.iter().for_each(|item| pages.push(*item));
            assert_eq!((pages.len(), pages.get(count)), (count, None));
            assert!(pages.iter().eq(&list), "{count}");
            assert!((0..count).all(|at| pages.get(at) == Some(&pages[at])), "{count}");
            let bytes = postcard::to_allocvec(&pages).unwrap();
            assert_eq!(bytes, postcard::to_allocvec(&list).unwrap(), "{count}");
            let again: Pages<usize> = postcard::from_bytes(&bytes).unwrap();
            assert!(again.iter().eq(&list), "{count}");
            pages.iter_mut().for_each(|item| *item += 1);
            assert!((0..count).all(|at| pages[at] == list[at] + 1), "{count}");
        }
    }

    #[test]
    fn what_lies_there_stays_there() {
        let mut pages = Pages::default();
        (0..2 * PAGE).for_each(|item| pages.push(item));
        let place: *const usize = &raw const pages[PAGE];
        (0..100 * PAGE).for_each(|item| pages.push(item));
        assert_eq!(place, &raw const pages[PAGE]);
    }
}
