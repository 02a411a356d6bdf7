//! The ledger of won blocks: what is remembered of the walk along the chain, and the totals of each miner. Nothing here asks a node.
//!
//! A cursor goes over all epochs, one after the other. An epoch is settled when it is [`DEPTH_EPOCHS`] deep; the newer ones are looked at, so
//! that own blocks which the chain then drops are known. What is settled is never taken back: the totals are counters. After a reorganization
//! that is deeper, the cursor goes back and walks again, and blocks are known by their CID, so none counts twice.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::lotus::address;
use crate::lotus::epoch::CHAIN_FINALITY_EPOCHS;
use crate::lotus::fil::Fil;

/// Blocks count when their tipset is so deep under the head.
pub const DEPTH_EPOCHS: i64 = 5;

/// How far back the first walk begins: a day.
const LOOK_BACK_EPOCHS: i64 = 2880;

/// Epochs settled in one run at most. With the newest ones and the cursor's own they make less than a hundred calls.
const PIECE_EPOCHS: i64 = 90;

/// A miner's wins to expect are remembered in these units, whole, so that no rounding makes a counter fall.
const NANO: i128 = 1_000_000_000;

const EXPECTED_LEADERS: i128 = 5;

/// A tipset, as far as it tells who won.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TipSet {
    cids: Vec<Link>,
    blocks: Vec<Block>,
    height: i64,
}

/// A CID as it stands in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// In its text form.
    #[serde(rename = "/")]
    pub cid: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Block {
    miner: String,
    timestamp: i64,
    #[serde(default)]
    election_proof: Option<ElectionProof>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ElectionProof {
    win_count: i64,
}

/// How far the chain is settled.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cursor {
    height: i64,
    /// The tipset at the height, or before it where that is a null round; not known at first, and after going back.
    key: Option<Vec<Link>>,
}

/// An own block that is not yet deep enough to count.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Seen {
    miner_id: String,
    height: i64,
}

/// A block that counts, of whose reward nothing is known yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unpaid {
    /// Who won it.
    pub miner_id: String,
    /// Its CID.
    pub cid: String,
    /// Its epoch.
    pub height: i64,
    /// Its tipset.
    pub key: Vec<Link>,
    /// How often it won in the epoch.
    pub win_count: u64,
    /// How often the node was asked in vain.
    pub attempts: u32,
}

/// What a block brought its miner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reward {
    /// The miner's part of the block reward, without gas.
    pub block: Fil,
    /// From the messages, where that is told.
    pub gas: Option<Fil>,
}

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
    pub last_block: Option<LastBlock>,
}

/// The newest block of a miner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastBlock {
    pub height: i64,
    pub timestamp_seconds: i64,
}

/// The memory of the walk.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    cursor: Option<Cursor>,
    /// The walk does not go back before this.
    begins: i64,
    /// The highest epoch that was ever settled.
    highest: i64,
    /// Own blocks that count, with their heights, for as long as the cursor may go back to them.
    counted: BTreeMap<String, i64>,
    seen: BTreeMap<String, Seen>,
    /// Blocks whose rewards are to be asked for.
    pub unpaid: Vec<Unpaid>,
    /// By the miners' ids.
    pub miners: BTreeMap<String, Totals>,
    /// Runs in a row in which nothing could be settled.
    pub failures: u32,
    /// Of these, those in which the node said that it does not have what comes next.
    pub refusals: u32,
    /// When the walk last went as it should, Unix seconds.
    pub walked_seconds: Option<f64>,
}

/// Which tipsets to ask for.
pub struct Plan {
    /// The cursor's own, to see whether it is still on the chain.
    pub check: Option<i64>,
    /// To be settled.
    pub settle: RangeInclusive<i64>,
    /// To be looked at.
    pub look: RangeInclusive<i64>,
}

impl TipSet {
    /// Whether it can be the tipset at an epoch or before it.
    fn check(&self, height: i64) -> Result<(), &'static str> {
        if self.cids.is_empty() || self.cids.len() != self.blocks.len() {
            return Err("it has no blocks, or not as many as CIDs");
        }
        if self.height > height {
            return Err("it lies after the epoch that was asked for");
        }
        Ok(())
    }

    fn own_blocks<'a>(&'a self, miner_ids: &'a [&'a str]) -> impl Iterator<Item = (&'a str, &'a str, &'a Block)> {
        self.cids.iter().zip(&self.blocks).filter_map(|(link, block)| {
            let miner_id = miner_ids.iter().find(|id| address::same(id, &block.miner))?;
            Some((*miner_id, link.cid.as_str(), block))
        })
    }
}

impl Totals {
    /// Wins to expect in the epochs walked so far: a network has five in an epoch on average, and each miner its share of them.
    pub fn expected_wins(&self) -> Option<f64> {
        self.expected_nano_wins.map(|nano_wins| nano_wins as f64 / NANO as f64)
    }

    /// The miner's part of the rewards; none while it has blocks and no reward of them is known.
    pub fn known_rewards(&self) -> Option<Fil> {
        (self.blocks == 0 || self.rewards != Fil::default()).then_some(self.rewards)
    }

    /// Whether the miner's power is needed.
    pub fn is_to_be_weighed(&self) -> bool {
        self.unweighed_epochs > 0
    }

    /// Takes the epochs that wait at this share of the network's quality-adjusted power.
    pub fn weigh(&mut self, miner_bytes: i128, network_bytes: i128) {
        let share_of = |wins: i128| {
            let miner_bytes = miner_bytes.clamp(0, network_bytes.max(0));
            wins.checked_mul(miner_bytes)?.checked_div(network_bytes)
        };
        let nano_wins = share_of(NANO * EXPECTED_LEADERS * i128::from(self.unweighed_epochs)).unwrap_or(0);
        let before = self.expected_nano_wins.unwrap_or(0);
        self.expected_nano_wins = Some(before.saturating_add(u64::try_from(nano_wins).unwrap_or(0)));
        self.unweighed_epochs = 0;
    }
}

impl Ledger {
    /// Begins to walk, where that has not happened yet, and to keep totals of these miners.
    pub fn begin(&mut self, head_height: i64, miner_ids: &[&str]) {
        for id in miner_ids {
            self.miners.entry((*id).to_owned()).or_default();
        }
        if self.cursor.is_none() {
            self.start_at((head_height - DEPTH_EPOCHS - LOOK_BACK_EPOCHS).max(0));
        }
    }

    fn start_at(&mut self, height: i64) {
        self.cursor = Some(Cursor { height, key: None });
        self.begins = height;
        self.highest = self.highest.max(height);
    }

    /// The epoch up to which all is settled.
    pub fn height(&self) -> i64 {
        self.cursor.as_ref().map_or(0, |cursor| cursor.height)
    }

    /// The tipset there.
    pub fn key(&self) -> Option<&[Link]> {
        self.cursor.as_ref()?.key.as_deref()
    }

    /// What to ask for in this run. Nothing while the head is below the cursor: such a node catches up, and tells nothing new.
    pub fn plan(&self, head_height: i64) -> Option<Plan> {
        let at = self.height();
        if head_height <= at {
            return None;
        }
        // A node that is too slow for a piece gets a smaller one next time.
        let piece = PIECE_EPOCHS >> self.failures.min(4);
        let last = (head_height - DEPTH_EPOCHS).min(at + piece).max(at);
        Some(Plan {
            check: self.key().map(|_| at),
            settle: at + 1..=last,
            look: (last + 1).max(head_height - DEPTH_EPOCHS + 1)..=head_height,
        })
    }

    /// Whether the cursor's tipset is this one, which the chain has at its height or before it. The error says what does not fit.
    pub fn is_at(&self, tipset: &TipSet) -> Result<bool, &'static str> {
        tipset.check(self.height())?;
        Ok(self.key() == Some(&tipset.cids))
    }

    /// Goes back as far as a reorganization can reach.
    pub fn go_back(&mut self) {
        let height = (self.highest - CHAIN_FINALITY_EPOCHS).max(self.begins).min(self.height());
        self.cursor = Some(Cursor { height, key: None });
    }

    /// Goes on after a gap: `first` is the first epoch that can be settled again. Of what lies before, nothing will be known.
    pub fn jump_to(&mut self, first: i64) {
        self.start_at(first - 1);
        self.seen.retain(|_, seen| seen.height >= first);
    }

    /// Settles the epoch after the cursor with what the chain has at it or before it. The error says what does not fit; then nothing happened.
    pub fn settle(&mut self, tipset: &TipSet, miner_ids: &[&str]) -> Result<(), &'static str> {
        let Some(cursor) = &self.cursor else {
            return Err("there is no cursor");
        };
        let height = cursor.height + 1;
        tipset.check(height)?;
        let is_null_round = tipset.height < height;
        if is_null_round && cursor.key.as_ref().is_some_and(|key| *key != tipset.cids) {
            return Err("it is another one than was answered for the epoch before");
        }
        let mut won = Vec::new();
        for (miner_id, cid, block) in tipset.own_blocks(miner_ids).filter(|_| !is_null_round) {
            let win_count = block.election_proof.as_ref().and_then(|proof| u64::try_from(proof.win_count).ok());
            let Some(win_count) = win_count.filter(|wins| *wins > 0) else {
                return Err("a block of ours has no ElectionProof.WinCount");
            };
            won.push((miner_id, cid, win_count, block.timestamp));
        }

        for (miner_id, cid, win_count, timestamp_seconds) in won {
            if self.counted.insert(cid.to_owned(), height).is_some() {
                continue;
            }
            let totals = self.miners.entry(miner_id.to_owned()).or_default();
            totals.blocks += 1;
            totals.wins = totals.wins.saturating_add(win_count);
            if totals.last_block.is_none_or(|last| last.height < height) {
                totals.last_block = Some(LastBlock { height, timestamp_seconds });
            }
            self.unpaid.push(Unpaid {
                miner_id: miner_id.to_owned(),
                cid: cid.to_owned(),
                height,
                key: tipset.cids.clone(),
                win_count,
                attempts: 0,
            });
        }
        let (settled, still_new) =
            std::mem::take(&mut self.seen).into_iter().partition(|(_, seen): &(_, Seen)| seen.height <= height);
        self.seen = still_new;
        let settled: BTreeMap<String, Seen> = settled;
        for (_, seen) in settled.into_iter().filter(|(cid, _)| !self.counted.contains_key(cid)) {
            self.miners.entry(seen.miner_id).or_default().orphaned += 1;
        }
        if height > self.highest {
            self.highest = height;
            for id in miner_ids {
                self.miners.entry((*id).to_owned()).or_default().unweighed_epochs += 1;
            }
        }
        self.cursor = Some(Cursor { height, key: Some(tipset.cids.clone()) });
        let oldest = self.highest - 2 * CHAIN_FINALITY_EPOCHS;
        self.counted.retain(|_, height| *height >= oldest);
        Ok(())
    }

    /// Notes the own blocks of a tipset that is not deep enough to count.
    pub fn look(&mut self, tipset: &TipSet, miner_ids: &[&str]) {
        if tipset.height <= self.height() {
            return;
        }
        for (miner_id, cid, _) in tipset.own_blocks(miner_ids).filter(|(_, cid, _)| !self.counted.contains_key(*cid)) {
            self.seen.insert(cid.to_owned(), Seen { miner_id: miner_id.to_owned(), height: tipset.height });
        }
    }

    /// The CIDs of the blocks that count and are remembered.
    #[cfg(test)]
    pub fn counted(&self) -> impl Iterator<Item = &str> {
        self.counted.keys().map(String::as_str)
    }

    /// Adds the reward of a block.
    pub fn pay(&mut self, miner_id: &str, reward: Reward) {
        let totals = self.miners.entry(miner_id.to_owned()).or_default();
        totals.rewards += reward.block;
        if let Some(gas) = reward.gas {
            *totals.gas_rewards.get_or_insert_default() += gas;
        }
    }
}
