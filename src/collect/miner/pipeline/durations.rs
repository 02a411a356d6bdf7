//! How long sealing took.

use serde::{Deserialize, Serialize};

use crate::expose::Summary;

/// Durations that quantiles are calculated from.
const RECENT: usize = 100;

/// Nothing takes so long, nor has any miner so many sectors.
const MAX_SECONDS: u64 = 1_000_000_000;

/// From packed to proving, of the sectors seen to get there. Whole seconds, so that a sum that is remembered never shrinks by a rounding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Durations {
    recent_seconds: Vec<u64>,
    sum_seconds: u64,
    count: u64,
}

impl Durations {
    /// Nothing, where what is remembered cannot be.
    pub fn healed(self) -> Self {
        let can_be = |seconds: &u64| *seconds <= MAX_SECONDS;
        let is_good = self.recent_seconds.iter().all(can_be)
            && self.count <= MAX_SECONDS
            && self.sum_seconds <= MAX_SECONDS.saturating_mul(self.count);
        if is_good { self } else { Durations::default() }
    }

    pub fn add(&mut self, seconds: u64) {
        self.sum_seconds = self.sum_seconds.saturating_add(seconds);
        self.count = self.count.saturating_add(1);
        self.recent_seconds.push(seconds);
        let excess = self.recent_seconds.len().saturating_sub(RECENT);
        self.recent_seconds.drain(..excess);
    }

    pub fn summary(&self) -> Summary {
        let mut sorted = self.recent_seconds.clone();
        sorted.sort_unstable();
        // The smallest value that so large a part of them does not exceed.
        let nearest_rank = |quantile: f64| (quantile * sorted.len() as f64).ceil().max(1.0) as usize - 1;
        let quantiles = [0.5, 0.9].map(|quantile| Some((quantile, *sorted.get(nearest_rank(quantile))? as f64)));
        Summary {
            quantiles: quantiles.into_iter().flatten().collect(),
            sum: self.sum_seconds as f64,
            count: self.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_last_hundred_and_the_sum_of_all() {
        let mut durations = Durations::default();
        assert_eq!(durations.summary().quantiles, []);
        for seconds in 1..=150 {
            durations.add(seconds);
        }
        let summary = durations.summary();
        assert_eq!(summary.quantiles, [(0.5, 100.0), (0.9, 140.0)]);
        assert_eq!((summary.sum, summary.count), (11_325.0, 150));
    }

    #[test]
    fn what_a_damaged_file_may_hold_does_not_overflow() {
        let mut durations = Durations { recent_seconds: Vec::new(), sum_seconds: u64::MAX, count: u64::MAX };
        durations.add(u64::MAX);
        assert_eq!(durations.summary().count, u64::MAX);
    }
}
