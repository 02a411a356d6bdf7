//! The text of a run, read back: a screen for people may show only what was published.

use std::collections::BTreeMap;

use super::Family;
use super::text::{self, Labels};

/// The samples of one text.
pub struct Facts {
    samples: BTreeMap<String, Vec<(Labels, f64)>>,
}

/// One sample of a family, its labels' values in the order of the family's labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact<const N: usize> {
    /// The values of the labels.
    pub labels: [String; N],
    /// The value.
    pub value: f64,
}

impl Facts {
    /// Reads what [`Samples::render`](super::Samples::render) wrote.
    pub fn read(text: &str) -> Facts {
        let mut samples: BTreeMap<String, Vec<(Labels, f64)>> = BTreeMap::new();
        for (name, labels, value) in text.lines().filter_map(text::sample) {
            samples.entry(name.to_owned()).or_default().push((labels, value));
        }
        Facts { samples }
    }

    /// Every sample of a family, in the order of the text. Of a summary, its quantiles.
    pub fn all<const N: usize>(&self, family: &Family<N>) -> Vec<Fact<N>> {
        let samples = self.samples.get(family.name).map_or(&[][..], Vec::as_slice);
        samples.iter().map(|(labels, value)| Fact { labels: ordered(family, labels), value: *value }).collect()
    }

    /// Every sample of a family whose first label, like `miner_id`, is this.
    pub fn of<const N: usize>(&self, family: &Family<N>, first: &str) -> Vec<Fact<N>> {
        let samples = self.samples.get(family.name).map_or(&[][..], Vec::as_slice);
        let is_of = |labels: &Labels| {
            family
                .labels
                .first()
                .is_some_and(|name| labels.iter().any(|(known, value)| known == name && value == first))
        };
        let samples = samples.iter().filter(|(labels, _)| is_of(labels));
        samples.map(|(labels, value)| Fact { labels: ordered(family, labels), value: *value }).collect()
    }

    /// The mean of a summary's observations with these labels, where there are at least so many.
    pub fn mean<const N: usize>(&self, family: &Family<N>, labels: [&str; N], at_least: f64) -> Option<f64> {
        let of = |suffix: &str| {
            let samples = self.samples.get(&format!("{}{suffix}", family.name))?;
            samples.iter().find(|(known, _)| ordered(family, known) == labels).map(|(_, value)| *value)
        };
        let (sum, count) = (of("_sum")?, of("_count")?);
        (count >= at_least && count > 0.0).then(|| sum / count)
    }

    /// The value of the sample with these labels.
    pub fn get<const N: usize>(&self, family: &Family<N>, labels: [&str; N]) -> Option<f64> {
        self.all(family).into_iter().find(|fact| fact.labels == labels).map(|fact| fact.value)
    }
}

fn ordered<const N: usize>(family: &Family<N>, labels: &Labels) -> [String; N] {
    family.labels.map(|name| {
        let label = labels.iter().find(|(known, _)| known == name);
        label.map(|(_, value)| value.clone()).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Samples, Unit};
    use super::*;

    static SPACE: Family<2> = Family {
        name: "test_space_bytes",
        kind: Kind::Gauge,
        unit: Unit::Bytes,
        help: "space",
        labels: ["host", "path"],
    };

    #[test]
    fn what_was_written_is_read_back() {
        let hostile = "a\"b\\c\nd, {e}=\"";
        let mut samples = Samples::new(1_795_392_000.0);
        samples.add(&SPACE, ["one", hostile], 1.5);
        samples.add(&SPACE, ["two", ""], 2e15);
        let facts = Facts::read(&samples.render().0);
        assert_eq!(facts.get(&SPACE, ["one", hostile]), Some(1.5));
        assert_eq!(facts.get(&SPACE, ["two", ""]), Some(2e15));
        assert_eq!(facts.get(&SPACE, ["two", "three"]), None);
        assert_eq!(facts.all(&SPACE).len(), 2);
        let of_two = Fact { labels: ["two".to_owned(), String::new()], value: 2e15 };
        assert_eq!(facts.of(&SPACE, "two"), [of_two]);
        assert_eq!(facts.of(&SPACE, ""), []);
    }

    #[test]
    fn a_mean_is_of_enough_observations() {
        static TIMES: Family<1> =
            Family { name: "test_times", kind: Kind::Summary, unit: Unit::Seconds, help: "", labels: ["task"] };
        let facts = Facts::read(
            "test_times_sum{task=\"a\"} 60\ntest_times_count{task=\"a\"} 5\ntest_times_sum{task=\"b\"} 0\n",
        );
        assert_eq!(facts.mean(&TIMES, ["a"], 5.0), Some(12.0));
        assert_eq!(facts.mean(&TIMES, ["a"], 6.0), None);
        assert_eq!(facts.mean(&TIMES, ["b"], 0.0), None);
    }
}
