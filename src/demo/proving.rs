//! What is on chain of the miners' sectors: power, deadlines and partitions, faults.
//!
//! The stock is spread over the deadlines in blocks of consecutive numbers, so that a bitfield is a few runs,
//! however many there are. Recent sectors go to the deadlines in turn, each deadline having one more partition for them. Every eight
//! hours three neighbours in the stock are faulty for three hours, and for two more while they are recovering.

use std::ops::Range;

use serde_json::{Value, json};

use super::answer::{Answer, failed};
use super::chain::head_height;
use super::farm::Farm;
use super::miner::Miner;
use super::noise::{cycle, hash, wave};
use super::rules::{
    CONSENSUS_MINIMUM_BYTES, DAILY_FEE_ATTO, PARTITION_SECTORS, SEAL_PROOF, SECTOR_BYTES, epoch_start, sane,
};
use super::sealing::{Sector, is_verified};
use super::text::{self, Cid, bitfield, cid, cid_bytes};
use crate::base64;

const DEADLINES: u64 = 48;
const DEADLINE_EPOCHS: i64 = 60;
const PERIOD_EPOCHS: i64 = 2880;
const FAULT_SECTORS: u64 = 3;
/// An election uses the power of so many epochs before.
const LOOKBACK_EPOCHS: i64 = 900;

/// A number of sectors and their total quality: 10 for each that is verified or of full quality, 1 for the others.
#[derive(Clone, Copy)]
struct Power {
    sectors: u64,
    quality: u64,
}

impl Power {
    fn raw_bytes(self) -> u128 {
        u128::from(SECTOR_BYTES) * u128::from(self.sectors)
    }

    fn quality_adjusted_bytes(self) -> u128 {
        u128::from(SECTOR_BYTES) * u128::from(self.quality)
    }

    fn has_minimum(self) -> bool {
        self.raw_bytes() >= u128::from(CONSENSUS_MINIMUM_BYTES)
    }

    /// What `StateMinerPower` calls a claim.
    fn claim(self) -> Value {
        json!({
            "RawBytePower": self.raw_bytes().to_string(),
            "QualityAdjPower": self.quality_adjusted_bytes().to_string(),
        })
    }
}

/// Sets the miners' shares of the network, and returns the power of all others: so much that a farm above the minimum wins
/// about ten blocks a day whatever its size, but at least 100 PiB.
pub(super) fn share_network(miners: &mut [Miner]) -> u128 {
    let own: u128 = miners.iter().map(|miner| typical(miner).quality_adjusted_bytes()).sum();
    let others = (1500 * own).max(100 << 50);
    for miner in miners {
        let power = typical(miner);
        if power.has_minimum() {
            miner.expected_share = power.quality_adjusted_bytes() as f64 / (others + own) as f64;
        }
    }
    others
}

/// Gives a miner that joins a farm its share of the network.
pub(super) fn join_network(miner: &mut Miner, others_of_farm: &[Miner], others: u128) {
    let mut all = others_of_farm.to_vec();
    all.push(miner.clone());
    let total = all.iter().map(|miner| typical(miner).quality_adjusted_bytes()).sum::<u128>() + others;
    let power = typical(miner);
    if power.has_minimum() {
        miner.expected_share = power.quality_adjusted_bytes() as f64 / total as f64;
    }
}

/// The power that a miner has on average.
fn typical(miner: &Miner) -> Power {
    Power { sectors: miner.stock + miner.turnover, quality: stock_quality(0..miner.stock) + 10 * miner.turnover }
}

/// Quality of a run of the stock, which was sealed before network version 29: only verified data counts tenfold.
fn stock_quality(run: Range<u64>) -> u64 {
    let until = |end: u64| {
        let verified = |numbers: Range<u64>| numbers.filter(|number| is_verified(*number)).count() as u64;
        end + 9 * (end / 10 * verified(0..10) + verified(0..end % 10))
    };
    until(run.end) - until(run.start)
}

/// Sectors of the stock that cannot be proven now.
struct Faults {
    sectors: Range<u64>,
    recovering: bool,
}

/// A deadline as it is now.
struct Deadline {
    partitions: Vec<Partition>,
    open: bool,
    /// The partitions that need a proof, ascending.
    due: Vec<u64>,
    /// How many of these have it, while the deadline is open: the first ones.
    proven: usize,
}

/// A partition's sectors, each set as ascending runs of numbers.
struct Partition {
    all: Vec<Range<u64>>,
    live: Vec<Range<u64>>,
    faulty: Range<u64>,
    recovering: bool,
}

impl Partition {
    /// Live sectors that are not faulty; no sector waits for its first proof.
    fn active(&self) -> Vec<Range<u64>> {
        let around = |run: &Range<u64>| {
            let before = run.start..run.end.min(self.faulty.start);
            let after = run.start.max(self.faulty.end)..run.end;
            [before, after].into_iter().filter(|run| !run.is_empty())
        };
        self.live.iter().flat_map(around).collect()
    }

    /// Whether lotus-miner has anything to prove: sectors that are not faulty, or declared recovered.
    fn is_due(&self) -> bool {
        !self.active().is_empty() || !self.recovering().is_empty()
    }

    fn recovering(&self) -> Range<u64> {
        if self.recovering { self.faulty.clone() } else { 0..0 }
    }
}

impl Miner {
    /// How many sectors are live on chain.
    pub(super) fn live_sectors(&self, now: f64) -> u64 {
        self.stock + self.recent(now).iter().filter(|sector| sector.is_live(now)).count() as u64
    }

    fn power(&self, now: f64) -> Power {
        let live = self.live_sectors(now);
        let faulty = self.faults(now).sectors;
        Power {
            sectors: live - (faulty.end - faulty.start),
            quality: stock_quality(0..self.stock) + 10 * (live - self.stock) - stock_quality(faulty),
        }
    }

    /// The numbers of the stock that one deadline proves.
    fn stock_of(&self, deadline: u64) -> Range<u64> {
        let bound = |deadline: u64| (u128::from(self.stock) * u128::from(deadline) / u128::from(DEADLINES)) as u64;
        bound(deadline)..bound(deadline + 1)
    }

    fn faults(&self, now: f64) -> Faults {
        // The miners take turns, so that there is always something to see.
        let now = now + 4.0 * 3600.0 * self.index as f64;
        let (period, began) = cycle(now, 8.0 * 3600.0, "faults", 0);
        let deadline = hash("faulty deadline", &[self.id, period]) % DEADLINES;
        let block = self.stock_of(deadline);
        let end = block.end.min(block.start + FAULT_SECTORS);
        let sectors = if self.has_troubles() && now - began < 5.0 * 3600.0 { block.start..end } else { 0..0 };
        Faults { sectors, recovering: now - began >= 3.0 * 3600.0 }
    }

    /// The partitions of one deadline that have live sectors, in order; `recent` as [`Miner::recent`] gives it.
    fn partitions(&self, deadline: u64, recent: &[Sector], now: f64) -> Vec<Partition> {
        let faults = self.faults(now);
        let stock = self.stock_of(deadline);
        let starts = stock.clone().step_by(PARTITION_SECTORS as usize);
        let mut partitions: Vec<Partition> = starts
            .map(|start| {
                let run = start..stock.end.min(start + PARTITION_SECTORS);
                let faulty = if run.contains(&faults.sectors.start) { faults.sectors.clone() } else { 0..0 };
                Partition { all: vec![run.clone()], live: vec![run], faulty, recovering: faults.recovering }
            })
            .collect();
        let here = recent.iter().filter(|sector| sector.number % DEADLINES == deadline && sector.on_chain_from <= now);
        let (mut all, mut live) = (Vec::new(), Vec::new());
        for sector in here {
            let run = sector.number..sector.number + 1;
            live.extend(sector.is_live(now).then(|| run.clone()));
            all.push(run);
        }
        if !live.is_empty() {
            partitions.push(Partition { all, live, faulty: 0..0, recovering: false });
        }
        partitions
    }

    /// All deadlines. Proofs of the open one arrive one by one from its third minute on and are complete before its half.
    fn deadlines(&self, now: f64) -> Vec<Deadline> {
        let recent = self.recent(now);
        let (current, period_start) = self.current_deadline(head_height(now));
        let seconds = now - epoch_start(period_start + current * DEADLINE_EPOCHS);
        let part_done = ((seconds - 180.0) / 660.0).clamp(0.0, 1.0);
        let deadlines = (0..DEADLINES).map(|index| {
            let partitions = self.partitions(index, &recent, now);
            let open = index as i64 == current;
            let due: Vec<u64> = (0..).zip(&partitions).filter(|(_, it)| it.is_due()).map(|(index, _)| index).collect();
            let proven = if open { (due.len() as f64 * part_done) as usize } else { 0 };
            Deadline { partitions, open, due, proven }
        });
        deadlines.collect()
    }

    /// A hash that changes when a deadline turns, or the answer of `StateMinerDeadlines` or `StateMinerPartitions` does.
    pub(super) fn deadlines_hash(&self, now: f64) -> u64 {
        let (current, period_start) = self.current_deadline(head_height(now));
        let mut numbers = vec![self.id, current as u64, period_start as u64];
        numbers.extend(self.deadline_hashes(now));
        hash("deadlines", &numbers)
    }

    /// A hash for each deadline. Where its proofs count and where they can be disputed is not the same deadline to the chain.
    fn deadline_hashes(&self, now: f64) -> Vec<u64> {
        let of = |(index, deadline): (usize, &Deadline)| {
            let mut numbers = vec![self.id, index as u64, u64::from(deadline.open), deadline.proven as u64];
            for partition in &deadline.partitions {
                let (all, live) = (&partition.all, &partition.live);
                let faulty = [partition.faulty.clone(), partition.recovering()];
                numbers.extend([all.len() as u64, live.len() as u64]);
                numbers.extend(all.iter().chain(live).chain(&faulty).flat_map(|run| [run.start, run.end]));
            }
            hash("deadline", &numbers)
        };
        self.deadlines(now).iter().enumerate().map(of).collect()
    }

    /// Quality of runs of live sectors, none of which has both stock and recent ones.
    fn quality(&self, runs: &[Range<u64>]) -> u64 {
        let of = |run: &Range<u64>| match run.start < self.stock {
            true => stock_quality(run.clone()),
            false => 10 * (run.end - run.start),
        };
        runs.iter().map(of).sum()
    }

    /// The index of the open deadline, and the epoch in which its proving period began.
    pub(super) fn current_deadline(&self, epoch: i64) -> (i64, i64) {
        let offset = (hash("proving period", &[self.id]) % PERIOD_EPOCHS as u64) as i64;
        let elapsed = (epoch - offset).rem_euclid(PERIOD_EPOCHS);
        (elapsed / DEADLINE_EPOCHS, epoch - elapsed)
    }
}

/// The whole network's power: raw and quality-adjusted, bytes.
pub(super) fn network_power(farm: &Farm, now: f64) -> (u128, u128) {
    let others = farm.other_power_bytes as f64 * (1.0 + 0.002 * wave(now, 9.0 * 86_400.0, "network power", 0));
    let own: Vec<Power> = farm.miners.iter().map(|miner| miner.power(now)).collect();
    let raw = (others / 5.0) as u128 + own.iter().map(|power| power.raw_bytes()).sum::<u128>();
    let quality_adjusted = others as u128 + own.iter().map(|power| power.quality_adjusted_bytes()).sum::<u128>();
    (raw, quality_adjusted)
}

/// `StateMinerPower`.
pub(super) fn power(farm: &Farm, miner: &Miner, now: f64) -> Value {
    let power = miner.power(now);
    let (raw, quality_adjusted) = network_power(farm, now);
    json!({
        "MinerPower": power.claim(),
        "TotalPower": { "RawBytePower": raw.to_string(), "QualityAdjPower": quality_adjusted.to_string() },
        "HasMinPower": power.has_minimum(),
    })
}

/// `MinerGetBaseInfo` of the election in an epoch: with the power and the sectors of 900 epochs before, null for a miner without any. Unlike
/// elsewhere no tipset does not mean the head here.
pub(super) fn base_info(farm: &Farm, miner: &Miner, epoch: i64, tipset: &Value, now: f64) -> Answer {
    if tipset.as_array().is_none_or(Vec::is_empty) {
        return failed("failed to load tipset for mining base: NewTipSet called with zero length array of blocks");
    }
    let head = head_height(now);
    if epoch > head + 1 {
        return failed("waiting for beacon round: context deadline exceeded");
    }
    let now = sane(epoch_start(epoch.saturating_sub(LOOKBACK_EPOCHS)));
    let power = miner.power(now);
    let faulty = miner.faults(now).sectors;
    let Some(sector) = miner.live(now).find(|sector| !faulty.contains(&sector.number)) else {
        return Ok(Value::Null);
    };
    let chain = sector.on_chain(now);
    let entry = |epoch: i64| json!({ "Round": 17_133_832 + 10 * epoch, "Data": text::base64(hash("beacon", &[epoch as u64]), 48) });
    Ok(json!({
        "MinerPower": power.quality_adjusted_bytes().to_string(),
        "NetworkPower": network_power(farm, now).1.to_string(),
        "Sectors": [{
            "SealProof": SEAL_PROOF,
            "SectorNumber": sector.number,
            "SectorKey": chain.key_cid,
            "SealedCID": chain.sealed_cid,
        }],
        "WorkerKey": farm.worker_key(miner),
        "SectorSize": SECTOR_BYTES,
        "PrevBeaconEntry": entry(epoch.min(head)),
        "BeaconEntries": if epoch > head { json!([entry(epoch)]) } else { Value::Null },
        "EligibleForMining": power.has_minimum(),
    }))
}

/// `StateMinerProvingDeadline`.
pub(super) fn deadline_info(miner: &Miner, now: f64) -> Value {
    let epoch = head_height(now);
    let (index, period_start) = miner.current_deadline(epoch);
    let open = period_start + index * DEADLINE_EPOCHS;
    json!({
        "CurrentEpoch": epoch,
        "PeriodStart": period_start,
        "Index": index,
        "Open": open,
        "Close": open + DEADLINE_EPOCHS,
        "Challenge": open - 20,
        "FaultCutoff": open - 70,
        "WPoStPeriodDeadlines": DEADLINES,
        "WPoStProvingPeriod": PERIOD_EPOCHS,
        "WPoStChallengeWindow": DEADLINE_EPOCHS,
        "WPoStChallengeLookback": 20,
        "FaultDeclarationCutoff": 70,
    })
}

/// `StateMinerDeadlines`. The proofs of all deadlines but the open one can be disputed.
pub(super) fn deadlines(miner: &Miner, now: f64) -> Value {
    let deadlines = miner.deadlines(now);
    let shown = deadlines.iter().map(|deadline| {
        let partitions = &deadline.partitions;
        let quality: u64 = partitions.iter().map(|partition| miner.quality(&partition.live)).sum();
        let proven = deadline.due[..deadline.proven].iter().map(|index| *index..index + 1);
        json!({
            "PostSubmissions": bitfield(&proven.collect::<Vec<_>>()),
            "DisputableProofCount": if deadline.open { 0 } else { deadline.due.len() },
            "DailyFee": (quality * DAILY_FEE_ATTO).to_string(),
        })
    });
    shown.collect()
}

/// `ChainReadObj` of the object that a miner's state names for its deadlines: in CBOR an array of one array of their CIDs.
pub(super) fn deadlines_object(farm: &Farm, link: &Value, now: f64) -> Option<Value> {
    let miner = farm.miners.iter().find(|miner| cid(Cid::Chain, miner.deadlines_hash(now)) == *link)?;
    let mut object = vec![0x81, 0x98, DEADLINES as u8];
    for hash in miner.deadline_hashes(now) {
        let cid = cid_bytes(Cid::Chain, hash);
        object.extend([0xd8, 0x2a, 0x58, cid.len() as u8 + 1, 0]);
        object.extend(cid);
    }
    Some(base64::encode(&object).into())
}

/// `StateMinerPartitions` of one deadline: null where it has none.
pub(super) fn partitions(miner: &Miner, deadline: u64, now: f64) -> Answer {
    if deadline >= DEADLINES {
        return failed(format!("failed to load the deadline: invalid deadline {deadline}"));
    }
    let recent = miner.recent_among(now, |number| number % DEADLINES == deadline);
    let partitions = miner.partitions(deadline, &recent, now);
    if partitions.is_empty() {
        return Ok(Value::Null);
    }
    let shown = partitions.iter().map(|partition| {
        json!({
            "AllSectors": bitfield(&partition.all),
            "FaultySectors": bitfield(std::slice::from_ref(&partition.faulty)),
            "RecoveringSectors": bitfield(&[partition.recovering()]),
            "LiveSectors": bitfield(&partition.live),
            "ActiveSectors": bitfield(&partition.active()),
        })
    });
    Ok(shown.collect())
}

/// `StateMinerSectorCount`.
pub(super) fn sector_count(miner: &Miner, now: f64) -> Value {
    json!({
        "Live": miner.live_sectors(now),
        "Active": miner.power(now).sectors,
        "Faulty": miner.faults(now).sectors.count(),
    })
}

/// `StateMinerFaults`.
pub(super) fn faults(miner: &Miner, now: f64) -> Value {
    bitfield(&[miner.faults(now).sectors])
}

/// `StateMinerRecoveries`: the faulty sectors that have been declared recovered.
pub(super) fn recoveries(miner: &Miner, now: f64) -> Value {
    let faults = miner.faults(now);
    bitfield(&[if faults.recovering { faults.sectors } else { 0..0 }])
}
