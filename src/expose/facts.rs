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
    }
}
