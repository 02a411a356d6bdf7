//! What the values of a family are numbers of, and which numbers those can be.
//!
//! Nodes answer impossible ones: Go's unsigned differences that wrapped around (2^64 - 1), a size of -1, a time in the year 9999. They are
//! rejected here, where answers become samples, for all families alike.

use crate::lotus::epoch::{MAX_HEIGHT, OLDEST_GENESIS_SECONDS};
use crate::lotus::fil::ALL_FIL;

const SECONDS_PER_DAY: f64 = 86_400.0;

/// No count of anything comes near, and every 64-bit number that wrapped around is far above.
const MOST: f64 = 1e12;

/// Half of what Go's signed sizes hold: more than any file system has, and less than any size that wrapped around.
const MOST_BYTES: f64 = (1u64 << 62) as f64;

/// Power is the one size that outgrows 64 bits: the network has had 2.5e19 bytes of it, quality-adjusted.
const MOST_POWER_BYTES: f64 = 1e22;

/// Thirty years: nothing that is timed here takes as long.
const MOST_SECONDS: f64 = 1e9;

/// All blocks of twenty years, each full of gas.
const MOST_GAS: f64 = 1e18;

/// What the values of a family are numbers of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things, or whether something is so.
    Count,
    /// A number of a scale, which may be negative.
    Scale,
    /// Units of gas, summed up.
    Gas,
    /// Epochs, and heights.
    Epochs,
    /// Sizes.
    Bytes,
    /// Power, which is in bytes too.
    PowerBytes,
    /// Money.
    Fil,
    /// Money with debts already deducted.
    FilLessDebts,
    /// Durations.
    Seconds,
    /// Moments in Unix seconds: those that have been, and those that many days ahead.
    Time {
        /// One for what has been, in case clocks differ.
        days_ahead: u16,
    },
}

impl Unit {
    /// The unit that a family's name ends in.
    pub const fn of(name: &str) -> Unit {
        let mut name = name.as_bytes();
        if ends_with(name, b"_total") {
            name = name.split_at(name.len() - b"_total".len()).0;
        }
        if ends_with(name, b"_fil") {
            Unit::Fil
        } else if ends_with(name, b"_power_bytes") {
            Unit::PowerBytes
        } else if ends_with(name, b"_bytes") {
            Unit::Bytes
        } else if ends_with(name, b"_timestamp_seconds") || ends_with(name, b"_time_seconds") {
            Unit::Time { days_ahead: 1 }
        } else if ends_with(name, b"_seconds") {
            Unit::Seconds
        } else if ends_with(name, b"_height") || ends_with(name, b"_epochs") {
            Unit::Epochs
        } else {
            Unit::Count
        }
    }

    /// The smallest and the largest number that can be, at a moment in Unix seconds.
    pub fn bounds(self, now: f64) -> (f64, f64) {
        match self {
            Unit::Count => (0.0, MOST),
            Unit::Scale => (-MOST, MOST),
            Unit::Gas => (0.0, MOST_GAS),
            Unit::Epochs => (0.0, MAX_HEIGHT as f64),
            Unit::Bytes => (0.0, MOST_BYTES),
            Unit::PowerBytes => (0.0, MOST_POWER_BYTES),
            Unit::Fil => (0.0, ALL_FIL),
            Unit::FilLessDebts => (-ALL_FIL, ALL_FIL),
            Unit::Seconds => (0.0, MOST_SECONDS),
            // A clock that was never set is before everything.
            Unit::Time { days_ahead } => {
                (OLDEST_GENESIS_SECONDS.min(now), now + f64::from(days_ahead) * SECONDS_PER_DAY)
            }
        }
    }

    /// Whether a number can be, at a moment in Unix seconds.
    pub fn allows(self, number: f64, now: f64) -> bool {
        let (least, most) = self.bounds(now);
        (least..=most).contains(&number)
    }

    /// What can be, in words that are the same in every run.
    pub fn words(self) -> String {
        match self {
            Unit::Count => "a count of 0 to 1e12".to_owned(),
            Unit::Scale => "a number of -1e12 to 1e12".to_owned(),
            Unit::Gas => "an amount of gas of 0 to 1e18".to_owned(),
            Unit::Epochs => "a number of epochs of 0 to 1e9".to_owned(),
            Unit::Bytes => "a size of 0 to 2^62 bytes".to_owned(),
            Unit::PowerBytes => "a power of 0 to 1e22 bytes".to_owned(),
            Unit::Fil => "an amount of 0 to 2e9 FIL".to_owned(),
            Unit::FilLessDebts => "an amount of -2e9 to 2e9 FIL".to_owned(),
            Unit::Seconds => "a duration of 0 to 1e9 seconds".to_owned(),
            Unit::Time { days_ahead: 1 } => "a time since August 2020, and not after tomorrow".to_owned(),
            Unit::Time { days_ahead } => format!("a time since August 2020, and at most {days_ahead} days ahead"),
        }
    }
}

const fn ends_with(name: &[u8], end: &[u8]) -> bool {
    if name.len() < end.len() {
        return false;
    }
    let mut index = 0;
    while index < end.len() {
        if name[name.len() - end.len() + index] != end[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: f64 = 1_795_392_000.0;

    #[test]
    fn a_name_determines_its_unit() {
        for (name, unit) in [
            ("farcaster_wallet_balance_fil", Unit::Fil),
            ("farcaster_miner_rewards_fil_total", Unit::Fil),
            ("farcaster_boost_receive_bytes_total", Unit::Bytes),
            ("farcaster_network_power_bytes", Unit::PowerBytes),
            ("farcaster_miner_start_time_seconds", Unit::Time { days_ahead: 1 }),
            ("farcaster_run_timestamp_seconds", Unit::Time { days_ahead: 1 }),
            ("farcaster_run_timeout_seconds", Unit::Seconds),
            ("farcaster_miner_last_block_height", Unit::Epochs),
            ("farcaster_chain_behind_epochs", Unit::Epochs),
            ("farcaster_miner_wins_total", Unit::Count),
            ("fil", Unit::Count),
        ] {
            assert_eq!(Unit::of(name), unit, "{name}");
        }
    }

    #[test]
    fn what_wrapped_around_is_impossible() {
        let wrapped = [-1.0, -(2f64.powi(63)), 2f64.powi(63), 2f64.powi(64), 2f64.powi(127), 1e29];
        let past = Unit::Time { days_ahead: 1 };
        for unit in [Unit::Count, Unit::Epochs, Unit::Bytes, Unit::Fil, Unit::Seconds, past] {
            assert!(wrapped.iter().all(|number| !unit.allows(*number, NOW)), "{unit:?}");
        }
        for unit in [Unit::Scale, Unit::FilLessDebts] {
            assert!(unit.allows(-1.0, NOW));
            assert!(wrapped[1..].iter().all(|number| !unit.allows(*number, NOW)), "{unit:?}");
        }
        assert!(Unit::PowerBytes.allows(2.5e19, NOW) && !Unit::PowerBytes.allows(1e29, NOW));
    }

    #[test]
    fn times_are_those_of_the_network() {
        let allows = |days_ahead, seconds| Unit::Time { days_ahead }.allows(seconds, NOW);
        assert!(allows(1, NOW) && allows(1, NOW + 86_400.0) && !allows(1, NOW + 86_401.0));
        assert!(allows(2, NOW + 86_401.0));
        assert!(allows(1, OLDEST_GENESIS_SECONDS) && !allows(1, 0.0) && !allows(1, OLDEST_GENESIS_SECONDS - 1.0));
        // The clock was never set: this run's own times are still published.
        assert!(Unit::Time { days_ahead: 1 }.allows(7.0, 7.0));
    }
}
