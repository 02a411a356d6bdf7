//! Sets of sector numbers as Lotus writes them: run lengths `[zeros, ones, zeros, ones, …]`, the first run counting zeros.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::Error;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::tolerant::Int;

/// The largest sector number (MaxSectorNumber of go-state-types).
pub const MAX_SECTOR_NUMBER: u64 = i64::MAX as u64;

/// No set of Lotus' has more numbers. A miner can have 48 deadlines of 3000 partitions of 2349 sectors.
pub const MAX_COUNT: u64 = 48 * 3000 * 2349;

/// A set of numbers, kept as ascending ranges that neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BitField {
    ranges: Vec<Range<u64>>,
}

impl BitField {
    /// How many numbers are in the set.
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// The numbers in ascending order. There may be billions: take only as many as needed.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.ranges.iter().cloned().flatten()
    }

    /// Whether the number is in the set.
    pub fn contains(&self, number: u64) -> bool {
        let after = self.ranges.partition_point(|range| range.start <= number);
        after > 0 && number < self.ranges[after - 1].end
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Takes the smallest numbers out of the set, at most this many.
    pub fn take_smallest(&mut self, mut count: u64) -> BitField {
        let mut taken = Vec::new();
        let mut whole = 0;
        for range in &mut self.ranges {
            let length = (range.end - range.start).min(count);
            if length > 0 {
                taken.push(range.start..range.start + length);
            }
            range.start += length;
            count -= length;
            if range.start < range.end {
                break;
            }
            whole += 1;
        }
        self.ranges.drain(..whole);
        BitField { ranges: taken }
    }

    /// The numbers of either set.
    pub fn union(&self, other: &BitField) -> BitField {
        let mut all = [self.ranges.as_slice(), other.ranges.as_slice()].concat();
        all.sort_by_key(|range| range.start);
        let mut ranges: Vec<Range<u64>> = Vec::with_capacity(all.len());
        for range in all {
            match ranges.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => ranges.push(range),
            }
        }
        BitField { ranges }
    }

    /// The numbers of this set that are not in the other.
    pub fn difference(&self, other: &BitField) -> BitField {
        let mut ranges = Vec::new();
        for Range { mut start, end } in self.ranges.iter().cloned() {
            let from = other.ranges.partition_point(|range| range.end <= start);
            for taken in other.ranges[from..].iter().take_while(|range| range.start < end) {
                if start < taken.start {
                    ranges.push(start..taken.start);
                }
                start = taken.end;
            }
            if start < end {
                ranges.push(start..end);
            }
        }
        BitField { ranges }
    }

    /// The numbers that are in both sets.
    pub fn intersection(&self, other: &BitField) -> BitField {
        self.difference(&self.difference(other))
    }
}

/// Numbers that come in no order, to be made into a set: a bit for each.
#[derive(Debug, Default)]
pub struct Unordered {
    /// By the number of the first bit, divided by 64.
    words: BTreeMap<u64, u64>,
}

/// Numbers in more words are too many to keep: some ten megabytes.
const MAX_WORDS: usize = 1 << 19;

impl Unordered {
    /// Adds a number; false where there are too many.
    pub fn insert(&mut self, number: u64) -> bool {
        *self.words.entry(number / 64).or_default() |= 1 << (number % 64);
        self.words.len() <= MAX_WORDS
    }
}

impl From<Unordered> for BitField {
    fn from(Unordered { words }: Unordered) -> Self {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        let bits = |word: u64| (0..64).filter(move |bit| word >> bit & 1 == 1);
        for number in words.into_iter().flat_map(|(index, word)| bits(word).map(move |bit| index * 64 + bit)) {
            match ranges.last_mut() {
                Some(last) if last.end == number => last.end += 1,
                _ => ranges.push(number..number + 1),
            }
        }
        BitField { ranges }
    }
}

impl Serialize for BitField {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_empty() {
            return [0].serialize(serializer);
        }
        let mut runs = serializer.serialize_seq(Some(self.ranges.len() * 2))?;
        let mut position = 0;
        for range in &self.ranges {
            runs.serialize_element(&(range.start - position))?;
            runs.serialize_element(&(range.end - range.start))?;
            position = range.end;
        }
        runs.end()
    }
}

impl<'de> Deserialize<'de> for BitField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let runs: Option<Vec<Int>> = Option::deserialize(deserializer)?;
        let mut ranges: Vec<Range<u64>> = Vec::new();
        let (mut position, mut count) = (0u64, 0u64);
        for (index, run) in runs.unwrap_or_default().into_iter().enumerate() {
            let end = run.to_u64().and_then(|length| position.checked_add(length));
            let end = end.filter(|end| *end <= MAX_SECTOR_NUMBER + 1);
            let end = end.ok_or_else(|| {
                Error::custom("a run without a valid length, or one that ends beyond the last sector number")
            })?;
            if index % 2 == 1 && end > position {
                count += end - position;
                if count > MAX_COUNT {
                    return Err(Error::custom("more sectors than a miner can have"));
                }
                match ranges.last_mut() {
                    Some(last) if last.end == position => last.end = end,
                    _ => ranges.push(position..end),
                }
            }
            position = end;
        }
        Ok(BitField { ranges })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn field(json: &str) -> BitField {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn runs_alternate_from_zeros() {
        let set = field("[16,1,95,1,47,2]");
        assert_eq!(set.count(), 4);
        assert_eq!(set.iter().collect::<Vec<_>>(), [16, 112, 160, 161]);
        assert!(set.contains(161) && !set.contains(162) && !set.contains(15));
        assert_eq!(field("[0,3]").iter().collect::<Vec<_>>(), [0, 1, 2]);
        for empty in ["[0]", "[]", "null", "[7]", "[5,0,5]"] {
            assert_eq!(field(empty).count(), 0, "{empty}");
        }
        assert_eq!(field("[0,2,0,2]"), field("[0,4]"));
    }

    #[test]
    fn hostile_runs_are_refused_or_harmless() {
        for hostile in [
            "[1,18446744073709551615]",
            "[0,18446744073709551615]",
            "[9223372036854775808,1]",
            "[18446744073709551615]",
            "[0,338256001]",
            "[0,338256000,1,1]",
            "[0,-1]",
        ] {
            assert!(serde_json::from_str::<BitField>(hostile).is_err(), "{hostile}");
        }
        let vast = field("[0,338256000]");
        assert_eq!(vast.count(), MAX_COUNT);
        assert_eq!(vast.iter().take(2).count(), 2);
        assert_eq!(field("[9223372036854775807,1]").iter().collect::<Vec<_>>(), [MAX_SECTOR_NUMBER]);
    }

    #[test]
    fn sets_are_written_as_lotus_writes_them() {
        for runs in ["[16,1,95,1,47,2]", "[0,3]", "[0]"] {
            assert_eq!(serde_json::to_string(&field(runs)).unwrap(), runs);
        }
    }

    #[test]
    fn a_set_can_be_taken_apart() {
        let mut set = field("[2,3,5,4]");
        assert_eq!(set.take_smallest(4), field("[2,3,5,1]"));
        assert_eq!(set, field("[11,3]"));
        assert_eq!(set.take_smallest(100), field("[11,3]"));
        assert!(set.is_empty() && set.take_smallest(1).is_empty());
    }

    #[test]
    fn numbers_and_unions() {
        let set = field("[9,1]").union(&field("[3,3]"));
        assert_eq!(set, field("[3,3,3,1]"));
        assert_eq!(set.union(&field("[6,3]")), field("[3,7]"));
        assert_eq!(set.union(&BitField::default()), set);
    }

    #[test]
    fn differences_and_intersections() {
        let cases = [
            ("[2,6]", "[3,1,1,1]", "[2,1,1,1,1,2]", "[3,1,1,1]"),
            ("[2,6]", "[0,3,4,9]", "[3,4]", "[2,1,4,1]"),
            ("[2,2,2,2]", "[0,20]", "[0]", "[2,2,2,2]"),
            ("[2,2,2,2]", "[4,2]", "[2,2,2,2]", "[0]"),
            ("[0]", "[4,2]", "[0]", "[0]"),
            ("[4,2]", "[0]", "[4,2]", "[0]"),
        ];
        for (one, other, difference, intersection) in cases {
            assert_eq!(field(one).difference(&field(other)), field(difference), "{one} {other}");
            assert_eq!(field(one).intersection(&field(other)), field(intersection), "{one} {other}");
        }
    }

    #[test]
    fn numbers_in_no_order_become_a_set() {
        let mut numbers = Unordered::default();
        assert!([64, 5, 63, 5, 200, MAX_SECTOR_NUMBER].into_iter().all(|number| numbers.insert(number)));
        let set = BitField::from(numbers);
        assert_eq!(set.iter().collect::<Vec<_>>(), [5, 63, 64, 200, MAX_SECTOR_NUMBER]);
        assert_eq!(set.union(&BitField::default()), set, "ranges that neither touch nor overlap");
        let mut numbers = Unordered::default();
        assert!(!(0..=MAX_WORDS as u64).all(|index| numbers.insert(index * 64)));
    }
}
