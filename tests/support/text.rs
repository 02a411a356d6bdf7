//! Reads the Prometheus text format 0.0.4, and panics if a text breaks one of its rules or contradicts the family table.

use std::collections::{BTreeMap, BTreeSet};

use lotus_farcaster::expose::{Kind, families};

/// A sample: its name and labels are in the key.
type Key = (String, BTreeMap<String, String>);

/// The samples of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics(pub BTreeMap<Key, f64>);

impl Metrics {
    /// Reads a text and checks every rule: one HELP and one TYPE before a family's samples, families in order, no series twice, labels as
    /// the table has them, finite values, no timestamps, a newline at the end.
    pub fn parse(text: &str) -> Metrics {
        assert!(text.is_empty() || text.ends_with('\n'), "the last line does not end");
        let mut samples = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut lines = text.split_terminator('\n').peekable();
        while let Some(line) = lines.next() {
            let help = line.strip_prefix("# HELP ").unwrap_or_else(|| panic!("a family starts without HELP: {line:?}"));
            let (family, help) = help.split_once(' ').unwrap();
            let known = families::ALL.iter().find(|known| known.name == family);
            let known = known.unwrap_or_else(|| panic!("{family} is not in the table"));
            assert_eq!(help, known.help, "{family}");
            assert!(seen.last().is_none_or(|last: &String| last.as_str() < family), "{family} is out of order");
            assert!(seen.insert(family.to_owned()), "{family} comes twice");
            let kind = format!("{:?}", known.kind).to_lowercase();
            assert_eq!(lines.next(), Some(format!("# TYPE {family} {kind}").as_str()));
            let mut count = 0;
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                let (name, labels, value) = sample(line);
                let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{line:?} stands under {family}"));
                let mut names: Vec<&str> = labels.iter().map(|(name, _)| name.as_str()).collect();
                match (known.kind, suffix) {
                    (Kind::Summary, "") => assert_eq!(names.pop(), Some("quantile"), "{line:?}"),
                    (Kind::Summary, "_sum" | "_count") | (_, "") => {}
                    _ => panic!("{line:?} stands under {family}"),
                }
                assert_eq!(names, known.labels, "{line:?}");
                let key = (name, labels.into_iter().collect());
                assert!(samples.insert(key, value).is_none(), "{line:?} comes twice");
                count += 1;
            }
            assert!(count > 0, "{family} has no samples");
        }
        Metrics(samples)
    }

    /// All series of a family, with their values.
    pub fn family(&self, name: &str) -> Vec<(&BTreeMap<String, String>, f64)> {
        let of = self.0.iter().filter(|((of, _), _)| of == name);
        of.map(|((_, labels), value)| (labels, *value)).collect()
    }

    /// The values of all series of a family that have these labels among theirs.
    pub fn values(&self, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        let has = |of: &BTreeMap<String, String>| {
            labels.iter().all(|(name, value)| of.get(*name).is_some_and(|found| found == value))
        };
        self.family(name).into_iter().filter(|(of, _)| has(of)).map(|(_, value)| value).collect()
    }

    /// The value of the only series of a family that has these labels among its own; None where there is none.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let values = self.values(name, labels);
        assert!(values.len() <= 1, "{name}{labels:?} is not one series but {}", values.len());
        values.first().copied()
    }

    /// Whether a family has a series with these labels among its own.
    pub fn has(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        !self.values(name, labels).is_empty()
    }

    /// The different values of a label in a family.
    pub fn label(&self, name: &str, label: &str) -> BTreeSet<&str> {
        self.family(name).into_iter().map(|(labels, _)| labels[label].as_str()).collect()
    }

    /// Whether a collector succeeded; None where it did not run. `miner_id` is empty for those of the full node.
    pub fn success(&self, collector: &str, miner_id: &str) -> Option<bool> {
        let labels = [("collector", collector), ("miner_id", miner_id)];
        self.value("farcaster_collector_success", &labels).map(|value| value == 1.0)
    }

    /// The collectors that failed, as `name` or `name f01234`.
    pub fn failed(&self) -> Vec<String> {
        let failed = self.family("farcaster_collector_success").into_iter().filter(|(_, value)| *value == 0.0);
        failed.map(|(labels, _)| format!("{} {}", labels["collector"], labels["miner_id"]).trim().to_owned()).collect()
    }
}

fn sample(line: &str) -> (String, Vec<(String, String)>, f64) {
    let bad = |why: &str| -> ! { panic!("{why}: {line:?}") };
    let end = line.find(['{', ' ']).unwrap_or_else(|| bad("no value"));
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            if !labels.is_empty() {
                rest = rest.strip_prefix(',').unwrap_or_else(|| bad("no comma between labels"));
            }
            let (label, after) = rest.split_once("=\"").unwrap_or_else(|| bad("a label without a value"));
            let (value, after) = unescape(after).unwrap_or_else(|| bad("a label's value that is wrongly escaped"));
            labels.push((label.to_owned(), value));
            rest = after;
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| bad("no space before the value"));
    if value.contains(' ') {
        bad("something after the value");
    }
    let value: f64 = value.parse().unwrap_or_else(|_| bad("no number"));
    if !value.is_finite() {
        bad("a made up number");
    }
    (name.to_owned(), labels, value)
}

/// A label's value up to its quote, and what comes after.
fn unescape(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                quoted @ ('\\' | '"') => quoted,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}
