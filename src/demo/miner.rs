//! A miner of the farm: what does not change about it, and who acts for it.
//!
//! The first two are of different kinds; all later ones are of these two kinds in turn, and nothing goes wrong at them.

use super::noise::hash;

/// The index of the miner that the Curio cluster serves.
pub(super) const OF_CURIO: usize = 1000;

/// The number of a miner's actor. The numbers after it are those of the accounts that act for it.
pub(super) fn id(index: usize) -> u64 {
    match index {
        0 => 3_100_100,
        1 => 3_100_200,
        OF_CURIO => 3_100_300,
        _ => 3_100_000 + 1000 * index as u64 + hash("miner", &[index as u64]) % 990,
    }
}

/// How large a miner is, compared with the others.
pub(super) fn weight(index: usize) -> u64 {
    match index {
        0 => 30,
        1 => 10,
        _ => 1 + hash("miner size", &[index as u64]) % 30,
    }
}

/// A miner has one sector of turnover for so many sectors. The first two have so much that FarcasterSectorsExpiring fires.
pub(super) fn sectors_per_turnover(index: usize) -> u64 {
    if index < 2 { 10 } else { 40 }
}

/// What does not change about one miner.
#[derive(Clone, Debug)]
pub(super) struct Miner {
    pub(super) index: usize,
    /// The actor's number: 1234 of f01234.
    pub(super) id: u64,
    /// Old sectors that are extended for ever; their numbers are 0 to `stock`.
    pub(super) stock: u64,
    /// About how many more are live at any time: each was sealed recently and expires soon.
    pub(super) turnover: u64,
    /// Seconds from one new sector to the next.
    pub(super) interval_seconds: f64,
    /// The miner's share of the network's power, which is its chance of a block; 0 below the minimum power.
    pub(super) expected_share: f64,
}

impl Miner {
    pub(super) fn address(&self) -> String {
        format!("f0{}", self.id)
    }

    /// Whether it is run as the first one is, by several machines, and not as the second, by one.
    pub(super) fn is_like_first(&self) -> bool {
        self.index.is_multiple_of(2)
    }

    /// Whether something goes wrong from time to time: faults, alerts, messages that are stuck.
    pub(super) fn has_troubles(&self) -> bool {
        self.index < 2
    }

    /// How many times smaller its funds are than those of the first.
    pub(super) fn funds_divisor(&self) -> u64 {
        if self.is_like_first() { 1 } else { 2 }
    }

    /// What the name of a machine begins with, so that no two miners share one.
    pub(super) fn host_prefix(&self) -> String {
        if self.index < 2 { String::new() } else { format!("f0{}-", self.id) }
    }

    /// The second miner's owner is a multisig, so it has no key.
    pub(super) fn owner(&self) -> u64 {
        self.id + 1
    }

    pub(super) fn worker(&self) -> u64 {
        self.id + 2
    }

    /// One of two control addresses.
    pub(super) fn control(&self, index: u64) -> u64 {
        self.id + 3 + index
    }

    /// The owner, or for the second miner someone else.
    pub(super) fn beneficiary(&self) -> u64 {
        if self.is_like_first() { self.owner() } else { self.id + 5 }
    }
}
