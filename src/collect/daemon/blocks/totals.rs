//! The totals of a miner, and of the network: what it won, what that earned, and what was expected. Nothing here asks a node.

use serde::{Deserialize, Serialize};

use crate::lotus::election::{self, PowerShare};
use crate::lotus::fil::Fil;

/// No outage is longer than this many epochs, a year; a state that claims otherwise is damaged.
const MAX_UNWEIGHED_EPOCHS: u32 = 366 * 2880;

/// The totals of a miner.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    pub blocks: u64,
    pub wins: u64,
    pub orphaned: u64,
    pub rewards: Fil,
    /// None until a node has reported any.
    pub gas_rewards: Option<Fil>,
    /// None until the miner's power is known.
    expected_nano_wins: Option<u64>,
    /// Settled epochs that wait for the miner's power, from which the wins expected in them follow.
    unweighed_epochs: i64,
    /// The share of the network's power that was last accepted.
    share: Option<f64>,
    /// A share that differs too much from that to be accepted at once.
    doubted_share: Option<f64>,
    pub whole: Whole,
    pub last_block: Option<LastBlock>,
}

/// What all miners of the network won, to compare one's own with.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// Settled epochs whose blocks are counted, null rounds among them.
    pub epochs: u64,
    pub blocks: u64,
    pub wins: u64,
    /// Blocks that the chain had when it was looked at, and then dropped.
    pub orphaned: u64,
    /// Whether the walk has been at the end of the chain. Before that a growing counter looks like news.
    pub is_whole: bool,
}

impl Network {
    /// One more epoch is settled, with so many blocks and wins.
    pub fn add_epoch(&mut self, blocks: u64, wins: u64) {
        self.epochs = self.epochs.saturating_add(1);
        self.blocks = self.blocks.saturating_add(blocks);
        self.wins = self.wins.saturating_add(wins);
    }
}

/// Which totals have been complete once: back to where the walk began, nothing was missing from them. Before that they must not be
/// published as counters, since a growing counter looks like news.
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
    /// From the messages, if that is reported.
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

    /// Applies this share of the network's power to the waiting epochs. A share that differs greatly from the last accepted one has to be
    /// reported twice, so that no single answer spoils the sum. Returns whether it was accepted.
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

    /// The share that was last accepted.
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
