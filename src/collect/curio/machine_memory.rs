//! The machines that a cluster had. Curio deletes one from its list after ten minutes of silence, so that it would be forgotten just then.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// As long as one that nobody removed on purpose is to be missed: a machine lost on a Friday night still shows on Monday.
const SECONDS_TO_MISS: f64 = 3.0 * 86_400.0;

/// More than any cluster has.
const MAX_MACHINES: usize = 2000;

/// What is remembered of the machines, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Memory(BTreeMap<String, f64>);

impl Memory {
    /// Takes up the list of now, with the time of each machine's last contact, and returns those that have left it.
    pub fn update<'a>(&mut self, list: impl Iterator<Item = (&'a str, Option<f64>)>, now: f64) -> Vec<(String, f64)> {
        let mut gone = std::mem::take(&mut self.0);
        let mut listed = BTreeMap::new();
        for (name, contact) in list {
            let before = gone.remove(name);
            listed.insert(name.to_owned(), contact.or(before).unwrap_or(now));
        }
        gone.retain(|_, contact| (-60.0..SECONDS_TO_MISS).contains(&(now - *contact)));
        self.0 = gone.clone();
        self.0.extend(listed);
        while self.0.len() > MAX_MACHINES {
            self.0.pop_last();
        }
        gone.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_left_the_list_is_missed_for_three_days() {
        let mut memory = Memory::default();
        let gone = |memory: &mut Memory, list: &[(&str, f64)], now| {
            memory.update(list.iter().map(|(name, contact)| (*name, Some(*contact))), now)
        };
        assert_eq!(gone(&mut memory, &[("a", 100.0), ("b", 90.0)], 110.0), []);
        assert_eq!(gone(&mut memory, &[("a", 800.0)], 800.0), [("b".to_owned(), 90.0)]);
        assert_eq!(gone(&mut memory, &[("a", 900.0), ("b", 890.0)], 900.0), []);
        let (last, late) = (890.0, 890.0 + SECONDS_TO_MISS);
        assert_eq!(gone(&mut memory, &[("a", late - 1.0)], late - 1.0), [("b".to_owned(), last)]);
        assert_eq!(gone(&mut memory, &[("a", late)], late), []);
        // A time that cannot be is of no machine.
        assert_eq!(Memory([("c".to_owned(), 1e30)].into()).update(std::iter::empty(), 900.0), []);
    }
}
