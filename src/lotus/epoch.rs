//! The chain's clock: epochs of 30 seconds, counted from the network's genesis. Constants from Lotus' build/buildconstants.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Epochs in a day.
pub const EPOCHS_PER_DAY: f64 = 2880.0;

/// Blocks that an epoch has on average, the expected leaders of the consensus.
pub const EXPECTED_LEADERS_PER_EPOCH: f64 = 5.0;

/// Epochs after which the expected consensus takes a tipset for final, with no help from F3 or from watching the chain.
pub const CHAIN_FINALITY_EPOCHS: i64 = 900;

/// Deadlines of a proving period, on every network (WPoStPeriodDeadlines of the miner actor's policy).
pub const DEADLINES_PER_PERIOD: usize = 48;

/// Mainnet's genesis, 2020-08-24T22:00:00Z in Unix seconds. No network that is still there is older.
pub const OLDEST_GENESIS_SECONDS: f64 = 1_598_306_400.0;

/// Clocks do not differ by more than a day.
pub const SECONDS_AHEAD: f64 = 86_400.0;

/// Go's zero times in Unix seconds: the year 1, and what becomes of it where nanoseconds are counted in 64 bits, in the year 1754.
const NEVER_SECONDS: [f64; 2] = [-62_135_596_800.0, -6_795_364_578.871_345];

/// Local times of old were off their zones, which are written in whole minutes, by some seconds.
const SECONDS_OFF_NEVER: f64 = 60.0;

/// No chain is as high: 950 years of epochs. Whatever is calculated with lower heights fits.
pub const MAX_HEIGHT: i64 = 1_000_000_000;

/// Reads a height that can be, for fields of answers that more is made of than a sample.
pub fn deserialize_height<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let height = i64::deserialize(deserializer)?;
    let can_be = (0..=MAX_HEIGHT).contains(&height);
    can_be.then_some(height).ok_or_else(|| Error::custom(format_args!("there is no height {height}")))
}

/// Turns epochs into times and back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChainClock {
    /// Unix seconds of epoch 0.
    pub genesis_timestamp_seconds: i64,
    /// Seconds an epoch takes.
    pub block_delay_seconds: i64,
}

impl ChainClock {
    /// Unix seconds at which an epoch begins.
    pub fn timestamp_seconds(&self, epoch: i64) -> f64 {
        self.genesis_timestamp_seconds as f64 + self.block_delay_seconds as f64 * epoch as f64
    }

    /// The epoch that a moment falls into.
    pub fn epoch_at(&self, timestamp_seconds: f64) -> f64 {
        let since_genesis = timestamp_seconds - self.genesis_timestamp_seconds as f64;
        (since_genesis / self.block_delay_seconds as f64).floor()
    }
}

/// A moment as Go writes it, in Unix seconds; None means "never".
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moment(pub Option<f64>);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        read_rfc3339(&text).ok_or_else(|| Error::custom("a string that is not a time"))
    }
}

/// Unix seconds of a time as Go writes it (RFC 3339: `2026-11-22T09:22:07.123456789Z`, or with an offset like `+08:00`).
/// None if it is not such a time, or is Go's zero time, which means "never".
pub fn parse_rfc3339(text: &str) -> Option<f64> {
    read_rfc3339(text)?.0
}

fn read_rfc3339(text: &str) -> Option<Moment> {
    let bytes = text.as_bytes();
    let [_, _, _, _, b'-', _, _, b'-', _, _, b'T' | b't' | b' ', _, _, b':', _, _, b':', ..] = bytes else {
        return None;
    };
    let digits = |from: usize, to: usize| {
        bytes[from..to]
            .iter()
            .try_fold(0, |number, byte| Some(number * 10 + i64::from(char::from(*byte).to_digit(10)?)))
    };
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let (hour, minute) = (digits(11, 13)?, digits(14, 16)?);
    let rest = text.get("2026-11-22T09:22:".len()..)?;
    let (second, zone) = rest.split_at(rest.bytes().position(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-'))?);
    let second: f64 = second.parse().ok()?;
    let in_range = (1..=12).contains(&month)
        && (1..=days_of_month(year, month)).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0.0..61.0).contains(&second);
    if !in_range {
        return None;
    }
    let minutes = days_since_1970(year, month, day) * 1440 + hour * 60 + minute;
    let seconds = (minutes - zone_minutes(zone)?) as f64 * 60.0 + second;
    let is_never = NEVER_SECONDS.iter().any(|never| (seconds - never).abs() < SECONDS_OFF_NEVER);
    Some(Moment(Some(seconds).filter(|_| !is_never)))
}

fn days_of_month(year: i64, month: i64) -> i64 {
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_since_1970(next_year, next_month, 1) - days_since_1970(year, month, 1)
}

fn zone_minutes(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let in_range = (0..24).contains(&hours) && (0..60).contains(&minutes);
    in_range.then(|| sign * (hours * 60 + minutes))
}

/// Days from 1970-01-01 in the Gregorian calendar, counting years from March so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// Days since 1970-01-01 of the first day of a month.
pub fn first_of_month(year: i64, month: i64) -> i64 {
    days_since_1970(year, month, 1)
}

/// Days since 1970-01-01 as year, month, day, by Howard Hinnant's `civil_from_days`.
pub fn civil_date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mainnet_epochs_and_times() {
        let mainnet = ChainClock { genesis_timestamp_seconds: 1_598_306_400, block_delay_seconds: 30 };
        assert_eq!(mainnet.epoch_at(1_598_306_459.9), 1.0);
        // UpgradeSolsticeHeight is 2026-10-19T12:59:30Z.
        let solstice = mainnet.timestamp_seconds(6_470_279);
        assert_eq!(parse_rfc3339("2026-10-19T12:59:30+00:00"), Some(solstice));
    }

    #[test]
    fn times_as_go_writes_them() {
        assert_eq!(parse_rfc3339("1970-01-01T00:00:00Z"), Some(0.0));
        assert_eq!(parse_rfc3339("2000-02-29T12:00:00.5Z"), Some(951_825_600.5));
        assert_eq!(parse_rfc3339("2026-11-22T17:22:07.25+08:00"), parse_rfc3339("2026-11-22T09:22:07.25Z"));
        assert_eq!(parse_rfc3339("2026-11-22T04:52:07-04:30"), parse_rfc3339("2026-11-22T09:22:07Z"));
        for no_time in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-22T09:22:07", "10000-01-01T00:00:00Z"] {
            assert_eq!(read_rfc3339(no_time), None, "{no_time}");
        }
    }

    #[test]
    fn days_that_do_not_exist() {
        for day in ["2026-02-29", "2026-02-31", "2026-04-31", "1900-02-29", "2026-11-00", "2026-12-32"] {
            assert_eq!(read_rfc3339(&format!("{day}T00:00:00Z")), None, "{day}");
        }
        for (day, next) in [("2028-02-29", "2028-03-01"), ("2026-12-31", "2027-01-01"), ("2000-02-29", "2000-03-01")] {
            let of = |day| parse_rfc3339(&format!("{day}T00:00:00Z"));
            assert_eq!(of(day).map(|seconds| seconds + 86_400.0), of(next), "{day}");
        }
    }

    #[test]
    fn both_of_gos_zero_times_are_never() {
        for never in [
            "0001-01-01T00:00:00Z",
            "0000-12-31T19:03:58-04:56",
            "0001-01-01T08:05:43+08:05",
            "1754-08-30T22:43:41.128654848Z",
            "1754-08-30T23:37:09.128654848+00:53",
        ] {
            assert_eq!(read_rfc3339(never), Some(Moment(None)), "{never}");
        }
        for time in ["0002-01-01T00:00:00Z", "1754-08-31T22:43:41Z", "9999-12-31T23:59:59Z"] {
            assert!(parse_rfc3339(time).is_some(), "{time} is a time, and refused where it is published");
        }
    }
}
