//! Names of users, one behind the other in pages: no allocation for each, and none of them is
//! copied when more come.

/// Bytes of a page. A name lies in one page, and its place is the page and where in it.
const PAGE: usize = 1 << 16;

#[derive(Default)]
pub(crate) struct Names {
    /// The first grows like any text: most shards are small.
    pages: Vec<String>,
    bytes: usize,
}

impl Names {
    /// Adds a name, and gives its place.
    pub fn push(&mut self, name: &str) -> u32 {
        assert!(name.len() <= PAGE, "inputs bound the length of names");
        if self.pages.last().is_none_or(|page| page.len() + name.len() > PAGE) {
            let first = self.pages.is_empty();
            self.pages.push(String::with_capacity(if first { 0 } else { PAGE }));
        }
        let number = self.pages.len() - 1;
        let page = &mut self.pages[number];
        let place = number * PAGE + page.len();
        page.push_str(name);
        self.bytes += name.len();
        place.try_into().expect("a shard's names are below 4 GiB")
    }

    /// The name of so many bytes at a place.
    pub fn at(&self, place: u32, length: usize) -> &str {
        if length == 0 {
            return "";
        }
        let (page, from) = split(place);
        &self.pages[page][from..from + length]
    }

    /// Overwrites a name: it leaves a hole.
    pub fn blank(&mut self, place: u32, length: usize) {
        if length > 0 {
            let (page, from) = split(place);
            self.pages[page].replace_range(from..from + length, &" ".repeat(length));
        }
    }

    /// Of all names, holes included.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

fn split(place: u32) -> (usize, usize) {
    (place as usize / PAGE, place as usize % PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_they_were_put_and_leave_holes() {
        let long = "é".repeat(PAGE / 4);
        let list = ["ada", "", &long, "bo", &long, &long, "cyd", "日本"];
        let mut names = Names::default();
        let places: Vec<u32> = list.iter().map(|name| names.push(name)).collect();
        for (name, place) in list.iter().zip(&places) {
            assert_eq!(names.at(*place, name.len()), *name);
        }
        assert_eq!(names.bytes(), list.iter().map(|name| name.len()).sum::<usize>());
        names.blank(places[2], long.len());
        assert!(names.at(places[2], long.len()).bytes().all(|byte| byte == b' '));
        assert_eq!((names.at(places[3], 2), names.at(places[7], 6)), ("bo", "日本"));
    }
}
