//! The ledger of won blocks: what is remembered of the walk along the chain, and the totals of each miner. Nothing here asks a node.
//!
//! A cursor passes over all epochs, one after another. An epoch is settled when it is [`DEPTH_EPOCHS`] deep; the newer ones are looked at,
//! so that blocks which the chain then drops are known. What is settled is never taken back: the totals are counters. After a
//! reorganization that is deeper, the cursor goes back and walks again, and blocks are known by their CID, so none counts twice.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::totals::{LastBlock, Network, Reward, Totals};
use crate::lotus::address;
use crate::lotus::election::MAX_WIN_COUNT;
use crate::lotus::epoch::{CHAIN_FINALITY_EPOCHS, OLDEST_GENESIS_SECONDS, SECONDS_AHEAD};
use crate::lotus::tipset::Link;

/// Blocks count when their tipset is so deep under the head.
pub const DEPTH_EPOCHS: i64 = 5;

/// How far back the first walk begins: a day.
const LOOK_BACK_EPOCHS: i64 = 2880;

/// Epochs settled in one piece at most. With the newest ones and the cursor's own they make less than a hundred calls.
const PIECE_EPOCHS: i64 = 90;

/// Pieces settled in one run at most, where runs are so far apart that one is not enough.
const MAX_PIECES: i64 = 8;

/// The part of a tipset that shows who won.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TipSet {
    cids: Vec<Link>,
    blocks: Vec<Block>,
    height: i64,
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
    /// That tipset's own height.
    #[serde(default)]
    tipset_height: Option<i64>,
}

/// A block that is not yet deep enough to count.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Seen {
    /// Which of our miners won it; empty if none did.
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
    /// Of all miners together.
    pub network: Network,
    /// Runs in a row in which nothing could be settled.
    pub failures: u32,
    /// How many of these had the node answer that it does not have what comes next.
    pub refusals: u32,
    /// When the walk last went as it should, Unix seconds.
    pub walked_seconds: Option<f64>,
    /// The head of the last run in which the node stood by it.
    pub last_head: Option<i64>,
    /// How often a request for rewards took too long, less the runs since in which none did.
    pub reward_failures: u32,
    /// The network version in which the node answered that it cannot report any tipset's rewards.
    pub untold_version: Option<i64>,
    /// The node turned out to lack the state that shows who was elected with how much power.
    pub is_state_missing: bool,
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

/// An own block of a tipset, with what was checked of it.
struct Won<'a> {
    miner_id: &'a str,
    cid: &'a str,
    win_count: u64,
    timestamp_seconds: i64,
}

impl TipSet {
    /// Whether it can be the tipset at an epoch or before it.
    fn check(&self, height: i64) -> Result<(), &'static str> {
        if self.cids.is_empty() || self.cids.len() != self.blocks.len() {
            return Err("it has no blocks, or not as many as CIDs");
        }
        if self.height > height {
            return Err("it is after the epoch that was asked for");
        }
        Ok(())
    }

    /// Whether it is the tipset of this height and key.
    pub fn is(&self, height: i64, key: &Value) -> bool {
        self.height == height && (key.is_null() || json!(self.cids) == *key)
    }

    /// The own blocks, where all of them can be.
    fn won<'a>(&'a self, miner_ids: &'a [&'a str], now: f64) -> Result<Vec<Won<'a>>, &'static str> {
        let own_blocks = self.own_blocks(miner_ids).map(|(miner_id, cid, block)| {
            let win_count = block.election_proof.as_ref().and_then(|proof| u64::try_from(proof.win_count).ok());
            let Some(win_count) = win_count.filter(|wins| (1..=MAX_WIN_COUNT).contains(wins)) else {
                return Err("a block of ours has no ElectionProof.WinCount from 1 to 15");
            };
            if !(OLDEST_GENESIS_SECONDS..now + SECONDS_AHEAD).contains(&(block.timestamp as f64)) {
                return Err("a block of ours has an impossible Timestamp");
            }
            Ok(Won { miner_id, cid, win_count, timestamp_seconds: block.timestamp })
        });
        own_blocks.collect()
    }

    /// How often all its blocks won, where each can have won so.
    fn wins(&self) -> Option<u64> {
        let win_count = |block: &Block| u64::try_from(block.election_proof.as_ref()?.win_count).ok();
        let wins = self.blocks.iter().map(|block| win_count(block).filter(|wins| (1..=MAX_WIN_COUNT).contains(wins)));
        wins.sum()
    }

    fn has(&self, cid: &str) -> bool {
        self.cids.iter().any(|link| link.cid == cid)
    }

    fn own_blocks<'a>(&'a self, miner_ids: &'a [&'a str]) -> impl Iterator<Item = (&'a str, &'a str, &'a Block)> {
        self.cids.iter().zip(&self.blocks).filter_map(|(link, block)| {
            let miner_id = miner_ids.iter().find(|id| address::same(id, &block.miner))?;
            Some((*miner_id, link.cid.as_str(), block))
        })
    }
}

impl Ledger {
    /// Begins to walk, where that has not happened yet, and to keep totals of these miners. Whether it began now.
    pub fn begin(&mut self, head_height: i64, miner_ids: &[&str]) -> bool {
        for id in miner_ids {
            self.miners.entry((*id).to_owned()).or_default();
        }
        let begins = self.cursor.is_none();
        if begins {
            // After a memory that could not be, what counts already does not count again.
            let counted = self.counted.values().max().copied().unwrap_or(0);
            self.start_at(head_height.saturating_sub(DEPTH_EPOCHS + LOOK_BACK_EPOCHS).max(counted));
        }
        begins
    }

    /// Forgets where the walk is, to begin again.
    pub fn lose_cursor(&mut self) {
        (self.cursor, self.begins, self.highest) = (None, 0, 0);
        self.seen.clear();
    }

    /// Whether the walk claims an impossible position, beyond the last possible epoch.
    pub fn is_lost(&self, last_possible: i64) -> bool {
        let possible = 0..=last_possible;
        self.cursor.is_some()
            && ![self.height(), self.begins, self.highest].iter().all(|height| possible.contains(height))
    }

    fn start_at(&mut self, height: i64) {
        self.cursor = Some(Cursor { height, key: None, tipset_height: None });
        self.begins = height;
        self.highest = self.highest.max(height);
    }

    /// How many pieces may be settled in this run: more than one only where the chain grew that much since the last run.
    pub fn pieces(&self, head_height: i64) -> i64 {
        let grown = head_height.saturating_sub(self.last_head.unwrap_or(head_height));
        (1 + 2 * grown.clamp(0, MAX_PIECES * PIECE_EPOCHS) / PIECE_EPOCHS).min(MAX_PIECES)
    }

    /// The epoch up to which all is settled.
    pub fn height(&self) -> i64 {
        self.cursor.as_ref().map_or(0, |cursor| cursor.height)
    }

    /// The tipset there.
    pub fn key(&self) -> Option<&[Link]> {
        self.cursor.as_ref()?.key.as_deref()
    }

    /// The height and key of the newest tipset that is settled.
    pub fn tipset(&self) -> Option<(i64, &[Link])> {
        let cursor = self.cursor.as_ref()?;
        Some((cursor.tipset_height.unwrap_or(cursor.height), cursor.key.as_deref()?))
    }

    /// Whether all is settled that is deep enough.
    pub fn has_arrived(&self, head_height: i64) -> bool {
        self.cursor.is_some() && self.height() >= head_height.saturating_sub(DEPTH_EPOCHS)
    }

    /// What to ask for next. Nothing while the head is below the cursor: such a node is catching up, and has nothing new.
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

    /// Whether the cursor's tipset is this one, which the chain has at its height or before it. The error describes the mismatch.
    pub fn is_at(&self, tipset: &TipSet) -> Result<bool, &'static str> {
        tipset.check(self.height())?;
        Ok(self.key() == Some(&tipset.cids))
    }

    /// Goes back as far as a reorganization can reach.
    pub fn go_back(&mut self) {
        let height = self.highest.saturating_sub(CHAIN_FINALITY_EPOCHS).max(self.begins).min(self.height());
        self.cursor = Some(Cursor { height, key: None, tipset_height: None });
    }

    /// Goes on after a gap: `first` is the first epoch that can be settled again. Of what lies before, nothing will be known.
    pub fn jump_to(&mut self, first: i64) {
        self.start_at(first - 1);
        self.seen.retain(|_, seen| seen.height >= first);
    }

    /// Settles the epoch after the cursor with what the chain has at it or before it. On a mismatch, which the error describes, nothing has
    /// changed.
    pub fn settle(&mut self, tipset: &TipSet, miner_ids: &[&str], now: f64) -> Result<(), &'static str> {
        let Some(cursor) = &self.cursor else {
            return Err("there is no cursor");
        };
        let height = cursor.height.saturating_add(1);
        tipset.check(height)?;
        let is_null_round = tipset.height < height;
        if is_null_round && cursor.key.as_ref().is_some_and(|key| *key != tipset.cids) {
            return Err("it differs from the answer for the epoch before");
        }
        let won = if is_null_round { Vec::new() } else { tipset.won(miner_ids, now)? };

        for Won { miner_id, cid, win_count, timestamp_seconds } in won {
            if self.counted.insert(cid.to_owned(), height).is_some() {
                continue;
            }
            let totals = self.miners.entry(miner_id.to_owned()).or_default();
            totals.blocks = totals.blocks.saturating_add(1);
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
        for (cid, seen) in settled.into_iter().filter(|(cid, _)| !self.counted.contains_key(cid)) {
            if !seen.miner_id.is_empty() {
                let totals = self.miners.entry(seen.miner_id).or_default();
                totals.orphaned = totals.orphaned.saturating_add(1);
            } else if seen.height < height || (!is_null_round && tipset.has(&cid)) {
                continue;
            }
            self.network.orphaned = self.network.orphaned.saturating_add(1);
        }
        if height > self.highest {
            self.highest = height;
            let (blocks, wins) = if is_null_round { (0, Some(0)) } else { (tipset.blocks.len(), tipset.wins()) };
            if let Some(wins) = wins {
                self.network.add_epoch(blocks as u64, wins);
            }
            for id in miner_ids {
                self.miners.entry((*id).to_owned()).or_default().add_epoch();
            }
        }
        let key = Some(tipset.cids.clone());
        self.cursor = Some(Cursor { height, key, tipset_height: Some(tipset.height) });
        let oldest = self.highest.saturating_sub(2 * CHAIN_FINALITY_EPOCHS);
        self.counted.retain(|_, height| *height >= oldest);
        Ok(())
    }

    /// Notes the blocks of a tipset that is not deep enough to count, as the chain has it at this height or before it.
    pub fn look(&mut self, height: i64, tipset: &TipSet, miner_ids: &[&str]) {
        if tipset.height <= self.height() || tipset.check(height).is_err() {
            return;
        }
        let own: BTreeMap<&str, &str> =
            tipset.own_blocks(miner_ids).map(|(miner_id, cid, _)| (cid, miner_id)).collect();
        for Link { cid } in tipset.cids.iter().filter(|link| !self.counted.contains_key(&link.cid)) {
            let miner_id = own.get(cid.as_str()).map_or("", |miner_id| *miner_id).to_owned();
            self.seen.insert(cid.clone(), Seen { miner_id, height: tipset.height });
        }
    }

    /// The CIDs of the blocks that count and are remembered.
    #[cfg(test)]
    pub fn counted(&self) -> impl Iterator<Item = &str> {
        self.counted.keys().map(String::as_str)
    }

    /// Adds the reward of a block.
    pub fn pay(&mut self, miner_id: &str, reward: Reward) {
        self.miners.entry(miner_id.to_owned()).or_default().pay(reward);
    }

    /// Notes which totals are whole, in a run at whose end the walk is here.
    pub fn note_what_is_whole(&mut self, head_height: i64, miner_ids: &[&str]) {
        if !self.has_arrived(head_height) {
            return;
        }
        self.network.is_whole = true;
        for id in miner_ids {
            let is_paid = !self.unpaid.iter().any(|block| block.miner_id == *id);
            if let Some(totals) = self.miners.get_mut(*id) {
                totals.arrive(is_paid);
            }
        }
    }
}
