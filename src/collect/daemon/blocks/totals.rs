//! The totals of a miner: what it won, what that brought, and what was to be expected. Nothing here asks a node.

use serde::{Deserialize, Serialize};

use crate::lotus::election::{self, PowerShare};
use crate::lotus::fil::Fil;

/// No outage is longer than so many epochs, a year; a memory that says otherwise is damaged.
const MAX_UNWEIGHED_EPOCHS: u32 = 366 * 2880;

/// The totals of a miner.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    pub blocks: u64,
    pub wins: u64,
    pub orphaned: u64,
    pub rewards: Fil,
    /// None until a node has told any.
    pub gas_rewards: Option<Fil>,
    /// None until the miner's power was told.
    expected_nano_wins: Option<u64>,
    /// Epochs that are settled, and wait for the miner's power to tell what was to be expected in them.
    unweighed_epochs: i64,
    /// The part of the network's power that was believed last.
    share: Option<f64>,
    /// One that differs too much from that to be believed at once.
    doubted_share: Option<f64>,
    pub whole: Whole,
    pub last_block: Option<LastBlock>,
}

/// Which totals have been whole once: as far back as the walk began, nothing was missing in them. Before, they are no counters to publish,
/// since whoever sees a counter grow takes that for news.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Whole {
    pub wins: bool,
    pub expected: bool,
    pub rewards: bool,
}

/// The newest block of a miner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastBlock {
    pub height: i64,
    pub timestamp_seconds: i64,
}

/// What a block brought its miner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reward {
    /// The miner's part of the block reward, without gas.
    pub block: Fil,
    /// From the messages, where that is told.
    pub gas: Option<Fil>,
}

impl Totals {
    /// Wins to expect in the epochs walked so far: a network has five in an epoch on average, and each miner its share of them.
    pub fn expected_wins(&self) -> Option<f64> {
        self.expected_nano_wins.map(election::wins)
    }

    /// The miner's part of the rewards; none while it has blocks and no reward of them is known.
    pub fn known_rewards(&self) -> Option<Fil> {
        (self.blocks == 0 || self.rewards != Fil::default()).then_some(self.rewards)
    }

    /// Adds the reward of a block.
    pub fn pay(&mut self, reward: Reward) {
        self.rewards += reward.block;
        if let Some(gas) = reward.gas {
            *self.gas_rewards.get_or_insert_default() += gas;
        }
    }

    /// One more epoch is settled.
    pub fn add_epoch(&mut self) {
        self.unweighed_epochs = self.unweighed_epochs.max(0).saturating_add(1);
    }

    /// Whether the miner's power is needed.
    pub fn is_to_be_weighed(&self) -> bool {
        self.unweighed_epochs > 0
    }

    /// Takes the epochs that wait at this share of the network's power. One that differs much from what was believed last has to be told
    /// twice, so that no single answer spoils the sum. Whether it was believed.
    pub fn weigh(&mut self, share: PowerShare) -> bool {
        let ratio = share.ratio();
        if ![self.share, self.doubted_share].into_iter().flatten().any(|known| is_alike(known, ratio)) {
            self.doubted_share = Some(ratio);
            return false;
        }
        (self.share, self.doubted_share) = (Some(ratio), None);
        let epochs = u32::try_from(self.unweighed_epochs).ok().filter(|epochs| *epochs <= MAX_UNWEIGHED_EPOCHS);
        let before = self.expected_nano_wins.unwrap_or(0);
        self.expected_nano_wins = Some(before.saturating_add(share.nano_wins(epochs.unwrap_or(0))));
        self.unweighed_epochs = 0;
        true
    }

    /// The share that was believed last.
    pub fn share(&self) -> Option<f64> {
        self.share
    }

    /// Notes which totals are whole, where the walk has arrived at the chain's end. What was whole once stays so.
    pub fn arrive(&mut self, is_paid: bool) {
        self.whole.wins = true;
        self.whole.expected |= self.unweighed_epochs <= 0 && self.expected_nano_wins.is_some();
        self.whole.rewards |= is_paid;
    }
}

fn is_alike(one: f64, other: f64) -> bool {
    one <= 2.0 * other && other <= 2.0 * one
}
