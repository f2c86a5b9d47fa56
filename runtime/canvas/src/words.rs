//! Lists of names in a sentence.

/// `a`, `b` and `c`.
pub(crate) fn list(names: &[&str], and: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} {and} {last}", most.join(", ")),
    }
}

/// `the kinds are …`, unless there are too many to be of help.
pub(crate) fn offer(kinds: &[&str]) -> Option<String> {
    (1..=20).contains(&kinds.len()).then(|| format!("the kinds are {}", list(kinds, "and")))
}
