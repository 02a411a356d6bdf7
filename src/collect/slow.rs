//! The slow tier: what is expensive for the nodes is done once in a period, and its result is published until it is too old.

/// A result older than this many periods is dropped: better none than an old one.
const PERIODS_TO_LIVE: f64 = 4.0;

/// Whether something that was last done then has to be done again. Also when that lies in the future, after a clock was set back.
pub fn is_due(last_seconds: Option<f64>, now: f64, period_seconds: f64) -> bool {
    // Runs do not start to the millisecond: one that comes a little early is not to wait for the next.
    let period = period_seconds * 0.99;
    last_seconds.is_none_or(|last| !(0.0..period).contains(&(now - last)))
}

/// Whether a result of then may still be published.
pub fn is_presentable(obtained_seconds: f64, now: f64, period_seconds: f64) -> bool {
    now - obtained_seconds <= PERIODS_TO_LIVE * period_seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_once_in_a_period_and_when_the_clock_was_set_back() {
        assert!(is_due(None, 1000.0, 1800.0));
        assert!(!is_due(Some(1000.0), 1000.0, 1800.0));
        assert!(!is_due(Some(1000.0), 2700.0, 1800.0));
        assert!(is_due(Some(1000.0), 2790.0, 1800.0));
        assert!(is_due(Some(1000.0), 999.0, 1800.0));
    }

    #[test]
    fn presentable_for_four_periods() {
        assert!(is_presentable(1000.0, 8200.0, 1800.0));
        assert!(!is_presentable(1000.0, 8201.0, 1800.0));
    }
}
