//! FIL by the calendar month in which it comes free.

use serde::{Deserialize, Serialize};

use super::epoch::{ChainClock, MAX_HEIGHT, civil_date, first_of_month};
use super::fil::Fil;

/// Months told apart, the present one among them.
const MONTHS: usize = 12;

const SECONDS_PER_DAY: f64 = 86_400.0;

/// Amounts by calendar month in UTC, from a month on; what comes after the last of them is one more amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Months {
    /// The first month, counted from January of the year 0.
    first: i64,
    /// The epochs at which the months end.
    ends: [i64; MONTHS],
    amounts: [Fil; MONTHS],
    later: Fil,
}

impl Months {
    /// No amounts yet, from the month that an epoch is in.
    pub fn from(epoch: i64, clock: ChainClock) -> Months {
        let (year, month, _) = civil_date((clock.timestamp_seconds(epoch) / SECONDS_PER_DAY).floor() as i64);
        let first = year * 12 + month - 1;
        let end = |index: usize| {
            let next = first + index as i64 + 1;
            let seconds = first_of_month(next.div_euclid(12), next.rem_euclid(12) + 1) as f64 * SECONDS_PER_DAY;
            // The epoch that a month ends in is still its own.
            clock.epoch_at(seconds - 1.0) as i64 + 1
        };
        Months { first, ends: std::array::from_fn(end), amounts: [Fil::default(); MONTHS], later: Fil::default() }
    }

    /// Adds an amount that comes free at an epoch. What should have come free already does so next.
    pub fn add(&mut self, epoch: i64, amount: Fil) {
        let index = self.ends.partition_point(|end| *end <= epoch);
        *self.amounts.get_mut(index).unwrap_or(&mut self.later) += amount;
    }

    /// The amounts by month, like `2026-12`, and last what is `later`.
    pub fn iter(&self) -> impl Iterator<Item = (String, Fil)> + '_ {
        let months = self.amounts.iter().enumerate().map(|(index, amount)| {
            let month = self.first + index as i64;
            (format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1), *amount)
        });
        months.chain([("later".to_owned(), self.later)])
    }

    /// Whether a miner can have as much, and when: for what was remembered.
    pub fn can_be(&self) -> bool {
        let amounts = self.amounts.iter().chain([&self.later]);
        let years = self.first.div_euclid(12);
        (2020..=9999).contains(&years)
            && self.ends.iter().all(|end| (0..=MAX_HEIGHT).contains(end))
            && self.ends.is_sorted()
            && amounts.clone().all(|amount| amount.atto >= 0 && amount.can_exist())
            && amounts.copied().sum::<Fil>().can_exist()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::lotus::epoch::parse_rfc3339;

    const MAINNET: ChainClock = ChainClock { genesis_timestamp_seconds: 1_598_306_400, block_delay_seconds: 30 };

    fn epoch(time: &str) -> i64 {
        MAINNET.epoch_at(parse_rfc3339(time).unwrap()) as i64
    }

    #[test]
    fn amounts_fall_into_calendar_months() {
        let mut months = Months::from(epoch("2026-11-26T18:00:00Z"), MAINNET);
        for (time, amount) in [
            // Overdue.
            ("2026-10-31T00:00:00Z", 1),
            ("2026-11-30T23:59:30Z", 2),
            ("2026-12-01T00:00:00Z", 4),
            ("2027-02-28T23:59:59Z", 8),
            ("2027-03-01T00:00:00Z", 16),
            ("2027-10-31T23:59:59Z", 32),
            ("2027-11-01T00:00:00Z", 64),
            ("2030-01-01T00:00:00Z", 128),
        ] {
            months.add(epoch(time), Fil { atto: amount });
        }
        assert!(months.can_be());
        let found: Vec<(String, i128)> = months.iter().map(|(month, amount)| (month, amount.atto)).collect();
        assert_eq!(found.len(), 13);
        assert_eq!(found.iter().map(|(_, amount)| amount).sum::<i128>(), 255);
        let of = |month: &str| found.iter().find(|(name, _)| name == month).unwrap().1;
        let named = ["2026-11", "2026-12", "2027-01", "2027-02", "2027-03", "2027-10", "later"].map(of);
        assert_eq!(named, [3, 4, 0, 8, 16, 32, 192]);
    }

    #[test]
    fn a_memory_that_cannot_be_is_found_out() {
        let months = Months::from(epoch("2026-11-26T18:00:00Z"), MAINNET);
        assert!(months.can_be());
        assert!(!Months { first: i64::MAX, ..months.clone() }.can_be());
        assert!(!Months { later: Fil { atto: -1 }, ..months.clone() }.can_be());
        assert!(!Months { amounts: [Fil::ALL; MONTHS], ..months.clone() }.can_be());
        assert!(!Months { ends: [i64::MAX; MONTHS], ..months }.can_be());
    }
}
