//! `StateMinerSectors`: what the chain knows about each sector: its expiration, pledge, fee and contents.
//!
//! The stock was sealed before network version 29, so its sectors' quality comes from what they hold; recent ones have
//! the full quality whatever they hold, and all their data counts as verified (FIP-0118).

use serde_json::{Value, json};

use super::answer::{Answer, failed};
use super::miner::Miner;
use super::noise::splitmix64;
use super::rules::{DAILY_FEE_ATTO, SEAL_PROOF, SECTOR_BYTES, epoch_at};
use super::sealing::{Content, Sector, content, is_verified};
use super::text::{Cid, cid};
use crate::lotus::bitfield::BitField;

/// A sector's pledge is the smallest one plus zero to six steps, by its number: 0.15 FIL on average.
const LEAST_PLEDGE_ATTO: u64 = 135_012_345_678_901_234;
const PLEDGE_STEP_ATTO: u64 = 4_998_765_432_109_876;
const PLEDGES: u64 = 7;

/// Minimum and maximum number of days by which a sector of the stock is repeatedly extended, as the chain allows.
const LEAST_TERM_DAYS: u64 = 180;
const MOST_TERM_DAYS: u64 = 1278;
const DAY_EPOCHS: i64 = 2880;

/// SectorOnChainInfo's flags: quality by weight and duration alone, and the full quality.
const SIMPLE_QA_POWER: u64 = 1;
const FULL_QA_POWER: u64 = 2;

/// What the chain knows about one sector. Weights are bytes times epochs.
pub(super) struct OnChain {
    pub(super) activation: i64,
    pub(super) expiration: i64,
    /// When it was sealed, upgraded or extended last.
    power_base_epoch: i64,
    pub(super) deal_weight: u128,
    pub(super) verified_deal_weight: u128,
    pub(super) pledge_atto: u64,
    pub(super) sealed_cid: Value,
    /// Its first sealed CID, if it has been upgraded.
    pub(super) key_cid: Value,
    flags: u64,
    daily_fee_atto: u64,
}

impl Sector {
    /// A hash for one of the sector's properties.
    pub(super) fn part(&self, property: u64) -> u64 {
        splitmix64(self.seed.wrapping_add(property))
    }

    /// The CID of its first replica, CommR.
    pub(super) fn comm_r(&self) -> Value {
        cid(Cid::Sealed, self.part(2))
    }

    /// What the chain knows about a sector that it has accepted.
    pub(super) fn on_chain(&self, now: f64) -> OnChain {
        let activation = epoch_at(self.on_chain_from);
        let upgraded = self.happened("SectorReplicaUpdateLanded", now).map(epoch_at);
        let (extended, expiration) = if self.is_stock() {
            let term = DAY_EPOCHS * (LEAST_TERM_DAYS + self.seed % (MOST_TERM_DAYS - LEAST_TERM_DAYS + 1)) as i64;
            let extended = activation + (epoch_at(now) - activation).div_euclid(term) * term;
            (extended, extended + term)
        } else {
            (activation, epoch_at(self.on_chain_until))
        };
        let power_base_epoch = upgraded.unwrap_or(activation).max(extended);

        let holds_data = upgraded.is_some() || content(self.number) != Content::Capacity;
        let epochs = if holds_data { (expiration - power_base_epoch).unsigned_abs() } else { 0 };
        let weight = u128::from(SECTOR_BYTES) * u128::from(epochs);
        let full_quality = is_verified(self.number) || !self.is_stock();
        let (deal_weight, verified_deal_weight) = if full_quality { (0, weight) } else { (weight, 0) };
        let (sealed_cid, key_cid) = match upgraded {
            Some(_) => (cid(Cid::Sealed, self.part(9)), self.comm_r()),
            None => (self.comm_r(), Value::Null),
        };
        OnChain {
            activation,
            expiration,
            power_base_epoch,
            deal_weight,
            verified_deal_weight,
            pledge_atto: pledge_atto(self.number),
            sealed_cid,
            key_cid,
            flags: if self.is_stock() { SIMPLE_QA_POWER } else { SIMPLE_QA_POWER | FULL_QA_POWER },
            daily_fee_atto: if full_quality { 10 * DAILY_FEE_ATTO } else { DAILY_FEE_ATTO },
        }
    }

    /// SectorOnChainInfo, as Lotus writes it since v1.32.
    fn on_chain_info(&self, now: f64) -> Value {
        let chain = self.on_chain(now);
        json!({
            "SectorNumber": self.number,
            "SealProof": SEAL_PROOF,
            "SealedCID": chain.sealed_cid,
            "Activation": chain.activation,
            "Expiration": chain.expiration,
            "DealWeight": chain.deal_weight.to_string(),
            "VerifiedDealWeight": chain.verified_deal_weight.to_string(),
            "InitialPledge": chain.pledge_atto.to_string(),
            "ExpectedDayReward": null,
            "ExpectedStoragePledge": null,
            "PowerBaseEpoch": chain.power_base_epoch,
            "ReplacedDayReward": null,
            "SectorKeyCID": chain.key_cid,
            "Flags": chain.flags,
            "DailyFee": chain.daily_fee_atto.to_string(),
        })
    }
}

fn pledge_atto(number: u64) -> u64 {
    LEAST_PLEDGE_ATTO + number % PLEDGES * PLEDGE_STEP_ATTO
}

impl Miner {
    /// The live sectors, ascending.
    pub(super) fn live(&self, now: f64) -> impl Iterator<Item = Sector> {
        let recent = self.recent(now).into_iter().filter(move |sector| sector.is_live(now));
        (0..self.stock).map(|number| self.stock_sector(number)).chain(recent)
    }

    /// Initial pledge of all live sectors.
    pub(super) fn initial_pledge_atto(&self, now: f64) -> u128 {
        let (rounds, rest) = (self.stock / PLEDGES, self.stock % PLEDGES);
        let steps = rounds * (PLEDGES * (PLEDGES - 1) / 2) + rest * rest.saturating_sub(1) / 2;
        let stock =
            u128::from(self.stock) * u128::from(LEAST_PLEDGE_ATTO) + u128::from(steps) * u128::from(PLEDGE_STEP_ATTO);
        let recent = self.recent(now);
        let live = recent.iter().filter(|sector| sector.is_live(now));
        stock + live.map(|sector| u128::from(pledge_atto(sector.number))).sum::<u128>()
    }
}

/// `StateMinerSectors`: the sectors of a bitfield, or all live ones without. An expired sector stays on chain until the
/// miner forgets it, as on a real chain, where it stays until its partition is compacted.
pub(super) fn sectors(miner: &Miner, numbers: Option<&BitField>, now: f64) -> Answer {
    let Some(numbers) = numbers else {
        return Ok(miner.live(now).map(|sector| sector.on_chain_info(now)).collect());
    };
    let mut recent = miner.recent(now);
    recent.retain(|sector| sector.on_chain_from <= now);
    let find = |number: u64| recent.binary_search_by_key(&number, |sector| sector.number);
    if let Some(unknown) = numbers.iter().find(|number| *number >= miner.stock && find(*number).is_err()) {
        return failed(format!("can't find sector {unknown}"));
    }
    let infos = numbers.iter().map(|number| match find(number) {
        Ok(index) => recent[index].on_chain_info(now),
        Err(_) => miner.stock_sector(number).on_chain_info(now),
    });
    Ok(infos.collect())
}
