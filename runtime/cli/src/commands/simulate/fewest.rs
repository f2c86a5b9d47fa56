//! A broken promise is easier to look into among few users: how few still show it.
//!
//! Users follow from the seed and their number alone, so that the first ones of a large
//! population are a small one. Halving finds the fewest as long as more users show no less;
//! where they do, it finds few.

/// The fewest users that still show it, of as many as do: `shows` runs with so many.
///
/// # Errors
/// Those of the runs.
pub fn fewest<E>(users: u64, shows: &mut dyn FnMut(u64) -> Result<bool, E>) -> Result<u64, E> {
    let (mut too_few, mut enough) = (0, users);
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        match shows(middle)? {
            true => enough = middle,
            false => too_few = middle,
        }
    }
    Ok(enough)
}

/// The command line with another number of users.
pub fn with_users(words: impl Iterator<Item = String>, users: u64) -> Vec<String> {
    let mut changed = Vec::new();
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        if word == "--users" {
            words.next();
            changed.extend([word, users.to_string()]);
        } else if word.starts_with("--users=") {
            changed.push(format!("--users={users}"));
        } else {
            changed.push(word);
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_users_are_found_in_few_runs() {
        for (users, least) in [(1, 1), (2, 1), (2, 2), (1000, 1), (1000, 137), (1000, 1000)] {
            let mut runs = 0;
            let mut shows = |count: u64| {
                runs += 1;
                Ok::<bool, ()>(count >= least)
            };
            assert_eq!(fewest(users, &mut shows), Ok(least), "{users} {least}");
            assert!(runs <= 10, "{runs} runs for {users}");
        }
        assert_eq!(fewest(9, &mut |_| Err("stopped")), Err("stopped"));
    }

    #[test]
    fn the_command_is_the_same_but_for_its_users() {
        for (words, expected) in [
            ("simulate a.yaml --users 10k --seed 3", "simulate a.yaml --users 7 --seed 3"),
            ("simulate --users=1M a.yaml", "simulate --users=7 a.yaml"),
        ] {
            let changed = with_users(words.split(' ').map(str::to_owned), 7);
            assert_eq!(changed.join(" "), expected);
        }
    }
}
