//! The chain's clock: epochs of 30 seconds, counted from the network's genesis. Constants from Lotus' build/buildconstants.

/// Epochs in a day.
pub const EPOCHS_PER_DAY: f64 = 2880.0;

/// Blocks that an epoch has on average, the expected leaders of the consensus.
pub const EXPECTED_LEADERS_PER_EPOCH: f64 = 5.0;

/// Epochs after which the expected consensus takes a tipset for final, with no help from F3 or from watching the chain.
pub const CHAIN_FINALITY_EPOCHS: i64 = 900;

/// Deadlines of a proving period, on every network (WPoStPeriodDeadlines of the miner actor's policy).
pub const DEADLINES_PER_PERIOD: usize = 48;

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

/// Unix seconds of a time as Go writes it (RFC 3339: `2026-11-22T09:22:07.123456789Z`, or with an offset like `+08:00`).
/// None where it is no such time, or Go's zero time, which stands for "never".
pub fn parse_rfc3339(text: &str) -> Option<f64> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = rest.split_at(zone_at);
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut clock = time.splitn(3, ':');
    let hour: i64 = clock.next()?.parse().ok()?;
    let minute: i64 = clock.next()?.parse().ok()?;
    let second: f64 = clock.next()?.parse().ok()?;
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0.0..61.0).contains(&second);
    if !in_range || !(2..=9999).contains(&year) {
        return None;
    }
    let minutes = days_since_1970(year, month, day) * 1440 + hour * 60 + minute;
    Some((minutes - zone_minutes(zone)?) as f64 * 60.0 + second)
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
        for no_time in ["0001-01-01T00:00:00Z", "", "yesterday", "2026-13-01T00:00:00Z", "2026-11-22T09:22:07"] {
            assert_eq!(parse_rfc3339(no_time), None, "{no_time}");
        }
    }
}
