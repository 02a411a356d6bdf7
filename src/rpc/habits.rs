//! What was learnt about a node and holds until it changes: methods that it does not have, and methods that keep it busy.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// A node that reports no version may have changed after this long.
const SECONDS_TO_TRUST: f64 = 86_400.0;

/// What is remembered of a node from run to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Habits {
    /// The version of the node that this is about; empty if it reports none.
    version: String,
    /// When it was found out first, Unix seconds.
    since_seconds: f64,
    /// Methods that it does not have.
    missing: BTreeSet<String>,
    /// Methods that did not answer in time while others did.
    slow: BTreeSet<String>,
}

/// Habits that threads share.
#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<Habits>);

impl Habits {
    /// Forgets what may have changed since, if the node reports no version.
    pub fn at(self, now: f64) -> Self {
        let is_fresh = (0.0..SECONDS_TO_TRUST).contains(&(now - self.since_seconds));
        match (self.version.is_empty(), is_fresh) {
            (true, false) => Habits { since_seconds: now, slow: self.slow, ..Habits::default() },
            _ => self,
        }
    }
}

impl Shared {
    pub(super) fn new(habits: Habits) -> Self {
        Shared(Mutex::new(habits))
    }

    fn with<T>(&self, use_them: impl FnOnce(&mut Habits) -> T) -> T {
        use_them(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn get(&self) -> Habits {
        self.with(|habits| habits.clone())
    }

    /// The node is of this version: one that changed may have other methods.
    pub(super) fn is_version(&self, version: &str) {
        self.with(|habits| {
            if habits.version != version {
                *habits = Habits { version: version.to_owned(), ..Habits::default() };
            }
        });
    }

    pub(super) fn forget(&self) {
        self.with(|habits| *habits = Habits::default());
    }

    pub(super) fn lacks(&self, method: &str) -> bool {
        self.with(|habits| habits.missing.contains(method))
    }

    pub(super) fn is_slow(&self, method: &str) -> bool {
        self.with(|habits| habits.slow.contains(method))
    }

    pub(super) fn note_missing(&self, method: &str) {
        self.with(|habits| habits.missing.insert(method.to_owned()));
    }

    pub(super) fn note_speed(&self, method: &str, is_slow: bool) {
        self.with(|habits| if is_slow { habits.slow.insert(method.to_owned()) } else { habits.slow.remove(method) });
    }
}
