//! What must be published, and how what is published differs from it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use lotus_farcaster::expose::families;

use crate::support::Metrics;

type Labels = BTreeMap<String, String>;

/// The samples that a run must publish.
#[derive(Default)]
pub struct Expected {
    samples: BTreeMap<(String, Labels), RangeInclusive<f64>>,
    /// Every family that the oracle has an expectation for, even if it is nothing.
    families: BTreeSet<String>,
}

impl Expected {
    /// A sample; none where there is no value.
    pub fn add(&mut self, name: &str, labels: &[(&str, &str)], value: impl Into<Option<f64>>) {
        self.families.insert(family_of(name));
        if let Some(value) = value.into() {
            self.add_within(name, labels, value..=value);
        }
    }

    /// A sample of which only this much is known.
    pub fn add_within(&mut self, name: &str, labels: &[(&str, &str)], range: RangeInclusive<f64>) {
        self.families.insert(family_of(name));
        let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
        let before = self.samples.insert((name.to_owned(), labels), range);
        assert!(before.is_none(), "the oracle expects {name}{labels:?} twice", labels = self.samples.keys().last());
    }

    /// Families of which nothing is expected as long as the nodes report nothing about them.
    pub fn nothing_more_of(&mut self, families: &[&str]) {
        self.families.extend(families.iter().map(|family| (*family).to_owned()));
    }

    /// Whether it has an expectation for samples of this name, even if it is nothing.
    pub fn knows(&self, name: &str) -> bool {
        self.families.contains(&family_of(name))
    }

    /// The families without any expectation.
    pub fn without_oracle(&self) -> Vec<&'static str> {
        let names = families::ALL.iter().map(|family| family.name);
        names.filter(|name| !self.knows(name)).collect()
    }

    /// What is missing, differs, or is unexpected; `when` names the run.
    pub fn differences(&self, published: &Metrics, when: &str) -> Vec<String> {
        let mut differences = Vec::new();
        let mut differs = |(name, labels): &(String, Labels), how: String| {
            differences.push(format!("{when}: {name}{labels:?} {how}"));
        };
        for (key, range) in &self.samples {
            match published.0.get(key) {
                None => differs(key, format!("is missing, and must be {}", shown(range))),
                Some(value) if !range.contains(value) => {
                    differs(key, format!("is {value}, and must be {}", shown(range)));
                }
                Some(_) => {}
            }
        }
        for (key, value) in &published.0 {
            if !self.samples.contains_key(key) {
                differs(key, format!("is {value}, and must not be there"));
            }
        }
        differences
    }
}

fn shown(range: &RangeInclusive<f64>) -> String {
    let (start, end) = (range.start(), range.end());
    if start == end { start.to_string() } else { format!("between {start} and {end}") }
}

/// The family of a sample by its name, which for sums and counts of summaries is longer.
fn family_of(name: &str) -> String {
    let stems = [Some(name), name.strip_suffix("_sum"), name.strip_suffix("_count")];
    let is_family = |stem: &&str| families::ALL.iter().any(|family| family.name == *stem);
    stems.into_iter().flatten().find(is_family).unwrap_or(name).to_owned()
}
