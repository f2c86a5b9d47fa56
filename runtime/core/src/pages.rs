//! A list that grows page by page: what lies in it is never moved.
//!
//! Millions of users and journeys in one `Vec` would be copied whenever it is full, hundreds of
//! megabytes between two decisions; and the allocator keeps what the former ones took. A page
//! costs one more look at where it is: it has a fixed length, so that nothing else is to be
//! looked at. In a snapshot pages are a list like any other.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Items of a page: few, since a shard of one user has a page as well.
const PAGE: usize = 1 << 9;

pub(crate) struct Pages<T> {
    /// What is behind the end is vacant.
    pages: Vec<Box<[T; PAGE]>>,
    len: usize,
}

impl<T> Default for Pages<T> {
    fn default() -> Pages<T> {
        Pages { pages: Vec::new(), len: 0 }
    }
}

impl<T: Default> Pages<T> {
    pub fn push(&mut self, item: T) {
        if self.len == self.pages.len() * PAGE {
            let page: Box<[T]> = std::iter::repeat_with(T::default).take(PAGE).collect();
            let page = page.try_into().unwrap_or_else(|_| unreachable!("it is of this length"));
            self.pages.push(page);
        }
        self.len += 1;
        let last = self.len - 1;
        self[last] = item;
    }
}

impl<T> Pages<T> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn get(&self, at: usize) -> Option<&T> {
        (at < self.len).then(|| &self[at])
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flat_map(|page| page.iter()).take(self.len)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.pages.iter_mut().flat_map(|page| page.iter_mut()).take(self.len)
    }
}

impl<T> Index<usize> for Pages<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        debug_assert!(at < self.len, "nothing is behind the end");
        &self.pages[at / PAGE][at % PAGE]
    }
}

impl<T> IndexMut<usize> for Pages<T> {
    fn index_mut(&mut self, at: usize) -> &mut T {
        debug_assert!(at < self.len, "nothing is behind the end");
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

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Pages<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Pages<T>, D::Error> {
        from.deserialize_seq(List(PhantomData))
    }
}

struct List<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for List<T> {
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
