//! The slow tier: what is expensive for the nodes is done once in a period, and its result is published until it is too old.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::run::Run;
use crate::tolerant::Problems;

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

/// Facts that are remembered from run to run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered<T> {
    tried_seconds: Option<f64>,
    obtained_seconds: Option<f64>,
    /// None of which is older than presentable.
    pub facts: T,
}

impl<T: Default + Serialize + DeserializeOwned> Remembered<T> {
    /// Those of a section of the state, as they are.
    pub fn recalled(run: &Run, section: &str) -> Self {
        run.state.recall::<Self>(section).presentable(run)
    }

    /// Those of a section of the state, after `renew` where that is due, or they lack something. Where it reports a failure, they stay as old as
    /// they were. `call` is what it calls.
    pub fn renewed(
        run: &Run,
        section: &str,
        call: &str,
        problems: &mut Problems,
        lacks_some: impl FnOnce(&T) -> bool,
        renew: impl FnOnce(&mut T, &mut Problems),
    ) -> Self {
        let mut all: Self = run.state.recall(section);
        let is_tried = lacks_some(&all.facts) || is_due(all.tried_seconds, run.now, run.slow_period_seconds);
        if is_tried {
            let failures = problems.failures();
            renew(&mut all.facts, problems);
            all.tried_seconds = Some(run.now);
            if problems.failures() == failures {
                all.obtained_seconds = Some(run.now);
            }
            run.state.remember(section, &all);
        }
        let all = all.presentable(run);
        if all.obtained_seconds.is_none() && !is_tried {
            problems.note(format_args!("{call} failed when it was last called"));
        }
        all
    }

    fn presentable(self, run: &Run) -> Self {
        let is_presentable = |obtained: f64| is_presentable(obtained, run.now, run.slow_period_seconds);
        if self.obtained_seconds.is_none_or(is_presentable) { self } else { Self::default() }
    }

    /// When all of them were obtained, in Unix seconds.
    pub fn obtained_seconds(&self) -> Option<f64> {
        self.obtained_seconds
    }
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
