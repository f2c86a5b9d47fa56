//! What is wrong with a users file, with places, and not more of it than anyone reads.

use std::fmt;

/// The most that are shown.
const MOST: usize = 20;

/// Things to be said about rows.
#[derive(Default, Debug)]
pub struct Faults {
    shown: Vec<String>,
    all: u64,
}

impl Faults {
    pub fn add(&mut self, file: &str, line: u64, what: &str) {
        self.all += 1;
        if self.shown.len() < MOST {
            self.shown.push(format!("{file}:{line}: {}", crate::console::printable(what)));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.all == 0
    }

    pub fn count(&self) -> u64 {
        self.all
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown.join("\n"))?;
        match self.all - self.shown.len() as u64 {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_faults_are_shown() {
        let mut faults = Faults::default();
        (1..=23).for_each(|line| faults.add("u.csv", line, "bad"));
        let text = faults.to_string();
        assert!(text.starts_with("u.csv:1: bad\n"), "{text}");
        assert!(text.ends_with("u.csv:20: bad\nand 3 more"), "{text}");
        assert_eq!(text.lines().count(), 21);
    }
}
