//! The election of an epoch's leaders: what a miner may expect from it, and which answers about it are impossible.

use super::epoch::{EPOCHS_PER_DAY, EXPECTED_LEADERS_PER_EPOCH};

/// Most wins that a block can hold (MaxWinCount of Lotus' chain/types: thrice the expected leaders).
pub const MAX_WIN_COUNT: u64 = 15;

/// More power than any network has: hundreds of times what mainnet ever had.
pub const MAX_POWER_BYTES: i128 = 10_000_000_000_000_000_000_000;

/// A billionth of a win. Whole numbers of them can be summed without rounding.
const NANO_WINS: i128 = 1_000_000_000;

/// A miner's part of the network's quality-adjusted power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerShare {
    miner_bytes: i128,
    network_bytes: i128,
}

impl PowerShare {
    /// What a miner has that may not take part.
    pub const NONE: PowerShare = PowerShare { miner_bytes: 0, network_bytes: 1 };

    /// None where the two cannot be the powers of a network and of a miner in it.
    pub fn new(miner_bytes: i128, network_bytes: i128) -> Option<PowerShare> {
        let is_possible = (1..=MAX_POWER_BYTES).contains(&network_bytes) && (0..=network_bytes).contains(&miner_bytes);
        is_possible.then_some(PowerShare { miner_bytes, network_bytes })
    }

    /// As a number from 0 to 1.
    pub fn ratio(self) -> f64 {
        self.miner_bytes as f64 / self.network_bytes as f64
    }

    /// Wins to expect in a day.
    pub fn wins_per_day(self) -> f64 {
        EPOCHS_PER_DAY * EXPECTED_LEADERS_PER_EPOCH * self.miner_bytes as f64 / self.network_bytes as f64
    }

    /// Expected wins in this many epochs, in billionths, rounded down. Exact for up to a year.
    pub fn nano_wins(self, epochs: u32) -> u64 {
        let all = NANO_WINS * EXPECTED_LEADERS_PER_EPOCH as i128 * i128::from(epochs);
        u64::try_from(all.saturating_mul(self.miner_bytes) / self.network_bytes).unwrap_or(u64::MAX)
    }
}

/// Wins, from billionths of them.
pub fn wins(nano_wins: u64) -> f64 {
    nano_wins as f64 / NANO_WINS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_power_wins_a_tenth_of_the_leaders() {
        let share = PowerShare::new(1 << 60, 10 << 60);
        // Five leaders in each of 2880 epochs.
        assert_eq!(share.map(PowerShare::wins_per_day), Some(1440.0));
        assert_eq!(share.map(|share| wins(share.nano_wins(10))), Some(5.0));
        let all = PowerShare::new(MAX_POWER_BYTES, MAX_POWER_BYTES);
        assert_eq!(all.map(|share| wins(share.nano_wins(366 * 2880))), Some(5.0 * 366.0 * 2880.0));
        assert_eq!(PowerShare::NONE.nano_wins(u32::MAX), 0);
    }

    #[test]
    fn impossible_powers_are_refused() {
        for (miner, network) in [(0, 0), (1, 0), (-1, 10), (11, 10), (1, -10), (1, i128::MAX), (i128::MAX, i128::MAX)] {
            assert_eq!(PowerShare::new(miner, network), None, "{miner} of {network}");
        }
        assert!(PowerShare::new(0, 1).is_some() && PowerShare::new(10, 10).is_some());
    }
}
