//! "Did you mean": the known name that a slip of the fingers was about.

/// Names longer than this are not compared: a hint is not worth quadratic work.
const LONGEST: usize = 64;

/// The known name closest to what was written, if one is close.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if written.is_empty() || written.len() > LONGEST {
        return None;
    }
    let written: Vec<char> = written.chars().flat_map(char::to_lowercase).collect();
    let allowed = (written.len() / 3).max(1);
    let mut row = Vec::new();
    let mut best: Option<(usize, &str)> = None;
    for name in known {
        if name.len() > LONGEST || name.len().abs_diff(written.len()) > allowed + 4 {
            continue;
        }
        let far = distance(&written, name, &mut row);
        // A single letter is a slip of a single letter only by chance.
        let close = far <= allowed && far < written.len();
        if close && best.is_none_or(|(least, _)| far < least) {
            best = Some((far, name));
        }
    }
    best.map(|(_, name)| name)
}

/// Insertions, deletions and exchanges of letters; a swap of two neighbours counts once.
fn distance(written: &[char], name: &str, rows: &mut Vec<usize>) -> usize {
    let name: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
    let width = name.len() + 1;
    // Three rows of the table, used in turn.
    rows.clear();
    rows.resize(3 * width, 0);
    for (column, cell) in rows[..width].iter_mut().enumerate() {
        *cell = column;
    }
    for line in 1..=written.len() {
        let (this, above, before) =
            (line % 3 * width, (line + 2) % 3 * width, (line + 1) % 3 * width);
        rows[this] = line;
        for column in 1..width {
            let changed = usize::from(written[line - 1] != name[column - 1]);
            let mut least = (rows[above + column] + 1)
                .min(rows[this + column - 1] + 1)
                .min(rows[above + column - 1] + changed);
            let swapped = line > 1
                && column > 1
                && written[line - 1] == name[column - 2]
                && written[line - 2] == name[column - 1];
            if swapped {
                least = least.min(rows[before + column - 2] + 1);
            }
            rows[this + column] = least;
        }
    }
    rows[written.len() % 3 * width + width - 1]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_name_and_nonsense_finds_none() {
        let known = ["delay", "message", "user_update", "gold_fr", "gold"];
        for (written, expected) in [
            ("dealy", Some("delay")),
            ("Message", Some("message")),
            ("user-update", Some("user_update")),
            ("userupdate", Some("user_update")),
            ("gold_rf", Some("gold_fr")),
            ("gld", Some("gold")),
            ("webhook", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, known), expected, "{written}");
        }
    }
}
