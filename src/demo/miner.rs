//! A miner of the farm: what does not change about it, and who acts for it.

/// What does not change about one miner.
#[derive(Clone, Debug)]
pub(super) struct Miner {
    pub(super) index: usize,
    /// The actor's number: 1234 of f01234.
    pub(super) id: u64,
    /// Sectors that have been there for long and are extended for ever; their numbers are 0 to `stock`.
    pub(super) stock: u64,
    /// About how many more are live at any time: each was sealed lately and expires soon.
    pub(super) turnover: u64,
    /// Seconds from one new sector to the next.
    pub(super) interval_seconds: f64,
    /// The miner's part of the network's power, which is its chance of a block; 0 under the minimum power.
    pub(super) expected_share: f64,
}

impl Miner {
    pub(super) fn address(&self) -> String {
        format!("f0{}", self.id)
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
        if self.index == 0 { self.owner() } else { self.id + 5 }
    }
}
