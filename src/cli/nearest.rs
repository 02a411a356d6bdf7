//! "Did you mean": the known word that a mistyped one is nearest to.

/// The nearest of the known words, where one is near enough to be meant: a third of its letters wrong, or only its beginning typed.
pub fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (typed.chars().count() / 3).clamp(1, 3);
    let begins = |word: &str| typed.len() >= 3 && word.starts_with(typed);
    let distances = known.map(|word| (if begins(word) { 1 } else { distance(typed, word) }, word));
    distances.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance).map(|(_, word)| word)
}

/// The end of a message: `: did you mean WORD?`, or nothing.
pub fn hint<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(typed, known).map(|word| format!(": did you mean {word}?")).unwrap_or_default()
}

/// Letters to insert, to leave out, to replace, or to swap with their neighbour, until one word is the other: the optimal string alignment.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (i, letter) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, against) in other.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(letter != against);
            let mut least = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && one[i - 1] == *against && other[j - 1] == *letter {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_most_likely_meant() {
        let known = || ["check", "status", "bundle", "healthcheck", "completions"].into_iter();
        for (typed, meant) in [
            ("chek", Some("check")),
            ("hcekc", None),
            ("statsu", Some("status")),
            ("bundel", Some("bundle")),
            ("comp", Some("completions")),
            ("health-check", Some("healthcheck")),
            ("x", None),
            ("", None),
            ("frobnicate", None),
        ] {
            assert_eq!(nearest(typed, known()), meant, "{typed}");
        }
    }

    #[test]
    fn distances() {
        for (one, other, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("ab", "ba", 1),
            ("interval", "intervall", 1),
            ("deamon", "daemon", 1),
            ("miner", "boost", 5),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
    }
}
