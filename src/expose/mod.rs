//! From facts to text: the table of metric families, the samples that collectors add, and the Prometheus text format.

mod facts;
pub mod families;
mod text;
mod unit;

use std::collections::BTreeMap;

pub use facts::{Fact, Facts};
pub use unit::Unit;

use crate::lotus::fil::Fil;
use crate::tolerant::{Float, Int};

/// The Prometheus type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only grows, except when what it counts starts again.
    Counter,
    /// Quantiles, a sum and a count of observed values.
    Summary,
}

/// The values of a summary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Quantiles, from 0 to 1, and their values.
    pub quantiles: Vec<(f64, f64)>,
    /// The sum of all values ever observed.
    pub sum: f64,
    /// How many there were.
    pub count: u64,
}

/// A metric family with `N` labels. The table in [`families`] has them all.
#[derive(Debug)]
pub struct Family<const N: usize> {
    /// The name, unit included.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
    /// What its values are numbers of.
    pub unit: Unit,
    /// The HELP text: what it is, and the Lotus method and field that it comes from.
    pub help: &'static str,
    /// The names of the labels.
    pub labels: [&'static str; N],
}

/// A family without its number of labels, for lists of families.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The name, unit included.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
    /// What its values are numbers of.
    pub unit: Unit,
    /// The HELP text.
    pub help: &'static str,
    /// The names of the labels.
    pub labels: &'static [&'static str],
}

impl<const N: usize> Family<N> {
    /// The family without its number of labels.
    pub const fn describe(&'static self) -> Description {
        Description { name: self.name, kind: self.kind, unit: self.unit, help: self.help, labels: &self.labels }
    }
}

/// What can be the value of a sample. What is absent adds no sample, so that nothing is made up.
pub trait Value {
    /// The value as Prometheus has it.
    fn number(self) -> Option<f64>;
}

impl Value for f64 {
    fn number(self) -> Option<f64> {
        self.is_finite().then_some(self)
    }
}

impl Value for u64 {
    fn number(self) -> Option<f64> {
        Some(self as f64)
    }
}

impl Value for i64 {
    fn number(self) -> Option<f64> {
        Some(self as f64)
    }
}

impl Value for usize {
    fn number(self) -> Option<f64> {
        Some(self as f64)
    }
}

impl Value for bool {
    fn number(self) -> Option<f64> {
        Some(if self { 1.0 } else { 0.0 })
    }
}

impl Value for Fil {
    fn number(self) -> Option<f64> {
        self.to_f64().number()
    }
}

impl Value for Int {
    fn number(self) -> Option<f64> {
        Some(self.0 as f64)
    }
}

impl Value for Float {
    fn number(self) -> Option<f64> {
        self.0.number()
    }
}

impl<V: Value> Value for Option<V> {
    fn number(self) -> Option<f64> {
        self.and_then(V::number)
    }
}

/// Samples on their way to the text, by family. Numbers that cannot be are refused.
pub struct Samples {
    now: f64,
    families: BTreeMap<&'static str, Block>,
    refused: BTreeMap<&'static str, Refused>,
}

/// What was refused of a family: the first in words, and how many came after it.
struct Refused {
    first: String,
    more: usize,
}

struct Block {
    description: Description,
    samples: Vec<Sample>,
    left_out: u64,
    has_rows: bool,
}

struct Sample {
    /// What follows the family's name: `_sum` and `_count` of a summary.
    suffix: &'static str,
    labels: String,
    value: f64,
    /// The smallest are kept where rows are limited; other samples have none.
    rank: Option<f64>,
}

impl Samples {
    /// No samples yet of a run that began at `now`, Unix seconds.
    pub fn new(now: f64) -> Self {
        Samples { now, families: BTreeMap::new(), refused: BTreeMap::new() }
    }

    /// Adds a sample. Label values are in the order of the family's labels.
    pub fn add<const N: usize>(&mut self, family: &'static Family<N>, labels: [&str; N], value: impl Value) {
        self.push(family, labels, value, None);
    }

    /// Adds a row: a sample about one of many things, of which only those with the smallest `rank` are kept (the oldest or worst first).
    pub fn add_row<const N: usize>(
        &mut self,
        family: &'static Family<N>,
        labels: [&str; N],
        value: impl Value,
        rank: f64,
    ) {
        self.push(family, labels, value, Some(rank));
    }

    /// Adds a summary: all of it, or nothing if one of its numbers is impossible.
    pub fn add_summary<const N: usize>(&mut self, family: &'static Family<N>, labels: [&str; N], summary: &Summary) {
        let (_, most) = family.unit.bounds(self.now);
        let impossible = summary.quantiles.iter().find(|(_, value)| !family.unit.allows(*value, self.now));
        if let Some((_, value)) = impossible {
            return self.refuse(family, &labels, *value, &family.unit.words());
        }
        if !Unit::Count.allows(summary.count as f64, self.now) {
            return self.refuse(family, &labels, summary.count as f64, &Unit::Count.words());
        }
        if !(0.0..=most * summary.count as f64).contains(&summary.sum) {
            return self.refuse(family, &labels, summary.sum, &format!("the sum of {} such values", summary.count));
        }
        let samples = &mut self.block(family).samples;
        let mut push = |suffix, labels, value| samples.push(Sample { suffix, labels, value, rank: None });
        for (quantile, value) in &summary.quantiles {
            let names = [&family.labels[..], &["quantile"]].concat();
            let quantile = quantile.to_string();
            let values = [&labels[..], &[&quantile]].concat();
            push("", text::labels(&names, &values), *value);
        }
        push("_sum", text::labels(&family.labels, &labels), summary.sum);
        push("_count", text::labels(&family.labels, &labels), summary.count as f64);
    }

    /// Counts rows that a collector did not even add, because there are so many.
    pub fn left_out<const N: usize>(&mut self, family: &'static Family<N>, rows: u64) {
        if rows > 0 {
            let block = self.block(family);
            block.has_rows = true;
            block.left_out = block.left_out.saturating_add(rows);
        }
    }

    fn push<const N: usize>(
        &mut self,
        family: &'static Family<N>,
        labels: [&str; N],
        value: impl Value,
        rank: Option<f64>,
    ) {
        let Some(value) = value.number() else {
            return;
        };
        if !family.unit.allows(value, self.now) {
            return self.refuse(family, &labels, value, &family.unit.words());
        }
        // An empty sum of floats is -0.
        let value = value + 0.0;
        let block = self.block(family);
        block.has_rows |= rank.is_some();
        block.samples.push(Sample { suffix: "", labels: text::labels(&family.labels, &labels), value, rank });
    }

    fn refuse<const N: usize>(&mut self, family: &'static Family<N>, labels: &[&str; N], value: f64, wanted: &str) {
        let refused = self.refused.entry(family.name).and_modify(|refused| refused.more += 1);
        refused.or_insert_with(|| {
            let labels = text::labels(&family.labels, labels);
            let value = text::number(value);
            Refused { first: format!("{}{labels}: {value} is not {wanted}", family.name), more: 0 }
        });
    }

    /// What was refused since this was last asked, a line for each family.
    pub fn take_refused(&mut self) -> Vec<String> {
        let lines = std::mem::take(&mut self.refused).into_values().map(|Refused { first, more }| match more {
            0 => first,
            _ => format!("{first}, and {more} more of this family"),
        });
        lines.collect()
    }

    fn block<const N: usize>(&mut self, family: &'static Family<N>) -> &mut Block {
        self.families.entry(family.name).or_insert_with(|| Block {
            description: family.describe(),
            samples: Vec::new(),
            left_out: 0,
            has_rows: false,
        })
    }

    /// Takes over the samples of another set.
    pub fn append(&mut self, other: Samples) {
        for (name, refused) in other.refused {
            let mine = self.refused.entry(name).and_modify(|mine| mine.more += 1 + refused.more);
            mine.or_insert(refused);
        }
        for (name, mut block) in other.families {
            match self.families.get_mut(name) {
                Some(mine) => {
                    mine.samples.append(&mut block.samples);
                    mine.left_out = mine.left_out.saturating_add(block.left_out);
                    mine.has_rows |= block.has_rows;
                }
                None => {
                    self.families.insert(name, block);
                }
            }
        }
    }

    /// Keeps at most `max_rows` rows a family, and reports for each family with rows how many were left out.
    pub fn limit_rows(&mut self, max_rows: usize) {
        let mut truncated = Vec::new();
        for block in self.families.values_mut().filter(|block| block.has_rows) {
            // Families about the same things have the same ranks in the same order, so the sort must be stable.
            block.samples.sort_by(|a, b| a.rank.unwrap_or(f64::MIN).total_cmp(&b.rank.unwrap_or(f64::MIN)));
            let excess = block.samples.len().saturating_sub(max_rows);
            block.samples.truncate(max_rows);
            truncated.push((block.description.name, block.left_out.saturating_add(excess as u64)));
        }
        for (name, left_out) in truncated {
            self.add(&families::TRUNCATED_ROWS, [name], left_out);
        }
    }

    /// The whole text, and the series that were there twice and are in it once.
    pub fn render(self) -> (String, Vec<String>) {
        text::render(self.families.into_values())
    }
}
