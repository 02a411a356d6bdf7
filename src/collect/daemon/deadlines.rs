//! Proving: the 48 deadlines of a day, how much of the open one is proven, and which sectors are faulty.
//!
//! Reading the partitions takes a call for each deadline. The miner's state has one CID for all its deadlines, and a CID identifies its
//! content: as long as it stays the same, what was read before is still true, down to the last sector and proof. The object that it names
//! has a CID for each deadline, so where something changed, only those are read where it did. A node that does not show the object is
//! asked for all of them.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::Daemon;
use crate::base64;
use crate::collect::run::Run;
use crate::expose::{Samples, families};
use crate::lotus::bitfield::BitField;
use crate::lotus::deadlines::hashes;
use crate::lotus::epoch::{ChainClock, DEADLINES_PER_PERIOD};
use crate::lotus::fil::Fil;
use crate::rpc::Batch;
use crate::tolerant::{Field, List, Problems};

/// Recovering sectors are the least urgent of the faulty ones: their rows come after all others.
const RANK_OF_RECOVERING: f64 = 1e15;

/// What StateMinerProvingDeadline, StateMinerDeadlines and StateMinerPartitions return.
pub struct Facts {
    schedule: Option<Schedule>,
    deadlines: Vec<Deadline>,
    clock: Option<ChainClock>,
    /// All live sectors, in runs that read every partition without fail.
    pub live_sectors: Option<BitField>,
}

/// Which deadline is open, and when; epochs.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Schedule {
    index: u32,
    open: i64,
    close: i64,
    #[serde(rename = "WPoStProvingPeriod")]
    proving_period: i64,
    #[serde(rename = "WPoStChallengeWindow")]
    challenge_window: i64,
}

/// One deadline. Sectors are absent where they could not be had.
struct Deadline {
    daily_fee: Option<Fil>,
    /// The partitions that are proven, while the deadline is open.
    submissions: Option<BitField>,
    sectors: Option<Sectors>,
}

/// What is worth knowing of a deadline's partitions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sectors {
    partitions_with_live: u64,
    /// The partitions that lotus-miner has to prove (storage/wdpost/wdpost_run.go).
    due_partitions: Vec<u64>,
    live: u64,
    active: u64,
    faulty: u64,
    recovering: u64,
    faults: Vec<Faults>,
}

/// The faulty sectors of a partition that has any.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Faults {
    partition: usize,
    faulty: BitField,
    recovering: BitField,
}

/// The deadlines as they were when the miner's state had this CID for them: as long as it has, nothing about them changed.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    deadlines_cid: String,
    /// What tells the CID of each deadline from others; empty where the node did not show them.
    hashes: Vec<String>,
    sectors: Vec<Sectors>,
}

impl Memory {
    /// What is still true of a deadline now that it has this hash.
    fn of(&self, index: usize, hash: Option<&String>) -> Option<&Sectors> {
        self.sectors.get(index).filter(|_| hash.is_some() && hash == self.hashes.get(index))
    }
}

/// What other answers of this run say about the miner.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    /// The CID of its deadlines.
    pub deadlines_cid: Option<&'a str>,
    /// How many active sectors have the power that it has.
    pub active_sectors: Option<u64>,
}

/// A set that is null is empty, as Go writes it; one that is left out is not known, and must not count as empty,
/// which serde would do without the attributes.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Partition {
    #[serde(deserialize_with = "BitField::deserialize")]
    live_sectors: BitField,
    #[serde(deserialize_with = "BitField::deserialize")]
    active_sectors: BitField,
    #[serde(deserialize_with = "BitField::deserialize")]
    faulty_sectors: BitField,
    #[serde(deserialize_with = "BitField::deserialize")]
    recovering_sectors: BitField,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DeadlineState {
    post_submissions: Field<BitField>,
    daily_fee: Field<Fil>,
}

/// Partitions are asked for where the CID of a deadline is not the one that is remembered, or all when `wants_live_sectors`.
pub fn fetch(
    daemon: &Daemon,
    run: &Run,
    miner_id: &str,
    told: Told,
    wants_live_sectors: bool,
    problems: &mut Problems,
) -> Result<Facts> {
    let mut batch = Batch::new();
    let params = || json!([miner_id, daemon.tipset_key]);
    let schedule = batch.add::<Schedule>("StateMinerProvingDeadline", params());
    let states = batch.add::<List<DeadlineState>>("StateMinerDeadlines", params());
    let answers = daemon.client.send(&batch);
    let schedule = problems.ok(answers.get(schedule)).filter(|schedule| schedule.is_possible(problems));
    let states = answers.get(states)?.0;
    // Sums over fewer would say that the miner has fewer sectors than it has.
    let (node, count) = (daemon.client.name(), states.len());
    ensure!(
        count == DEADLINES_PER_PERIOD,
        "{node}: StateMinerDeadlines: {count} deadlines, not {DEADLINES_PER_PERIOD}"
    );
    let deadlines = states.into_iter().map(|state| {
        let state = state.take("StateMinerDeadlines", problems).unwrap_or_default();
        Deadline {
            daily_fee: state.daily_fee.take("StateMinerDeadlines.DailyFee", problems),
            submissions: state.post_submissions.take("StateMinerDeadlines.PostSubmissions", problems),
            sectors: None,
        }
    });
    let mut facts = Facts { deadlines: deadlines.collect(), schedule, clock: daemon.clock, live_sectors: None };

    let section = format!("deadlines/{miner_id}");
    let memory: Memory = run.state.recall(&section);
    let is_unchanged = told.deadlines_cid == Some(&*memory.deadlines_cid) && memory.sectors.len() == count;
    if is_unchanged && !wants_live_sectors {
        for (deadline, sectors) in facts.deadlines.iter_mut().zip(memory.sectors) {
            deadline.sectors = Some(sectors);
        }
        return Ok(facts);
    }
    let hashes = told.deadlines_cid.and_then(|cid| deadline_hashes(daemon, cid)).unwrap_or_default();
    if !wants_live_sectors {
        for (index, deadline) in facts.deadlines.iter_mut().enumerate() {
            deadline.sectors = memory.of(index, hashes.get(index)).cloned();
        }
    }
    facts.ask(daemon, miner_id, problems);
    facts.doubt(told.active_sectors, problems);
    let sectors = facts.deadlines.iter().map(|deadline| deadline.sectors.clone()).collect();
    if let (Some(cid), Some(sectors)) = (told.deadlines_cid, sectors) {
        run.state.remember(&section, &Memory { deadlines_cid: cid.to_owned(), hashes, sectors });
    }
    Ok(facts)
}

/// None where the node does not show them: then it only costs more calls.
fn deadline_hashes(daemon: &Daemon, deadlines_cid: &str) -> Option<Vec<String>> {
    let object: String = daemon.client.call("ChainReadObj", json!([{ "/": deadlines_cid }])).ok()?;
    hashes(&base64::decode(&object)?)
}

/// The counts; None where they overflow.
fn count(partitions: &[Partition]) -> Option<Sectors> {
    let mut sectors = Sectors::default();
    for (index, partition) in partitions.iter().enumerate() {
        let live = partition.live_sectors.count();
        sectors.partitions_with_live += u64::from(live > 0);
        if partition.is_due() {
            sectors.due_partitions.push(index as u64);
        }
        sectors.live = sectors.live.checked_add(live)?;
        sectors.active = sectors.active.checked_add(partition.active_sectors.count())?;
        sectors.faulty = sectors.faulty.checked_add(partition.faulty_sectors.count())?;
        sectors.recovering = sectors.recovering.checked_add(partition.recovering_sectors.count())?;
        if !partition.faulty_sectors.is_empty() {
            sectors.faults.push(Faults {
                partition: index,
                faulty: partition.faulty_sectors.clone(),
                recovering: partition.recovering_sectors.clone(),
            });
        }
    }
    Some(sectors)
}

impl Partition {
    /// Whether anything in it is to be proven: live sectors that are not faulty, proven before or not, and those that are declared recovered.
    fn is_due(&self) -> bool {
        let has_healthy = self.live_sectors.union(&self.faulty_sectors) != self.faulty_sectors;
        has_healthy || !self.recovering_sectors.is_empty()
    }
}

impl Facts {
    /// Reads the partitions of the deadlines whose sectors are not known yet.
    fn ask(&mut self, daemon: &Daemon, miner_id: &str, problems: &mut Problems) {
        let mut batch = Batch::new();
        let mut tickets = Vec::new();
        let is_all = self.deadlines.iter().all(|deadline| deadline.sectors.is_none());
        for (index, deadline) in
            self.deadlines.iter_mut().enumerate().filter(|(_, deadline)| deadline.sectors.is_none())
        {
            let params = json!([miner_id, index, daemon.tipset_key]);
            tickets.push((deadline, batch.add::<Option<Vec<Partition>>>("StateMinerPartitions", params)));
        }
        let answers = daemon.client.send(&batch);
        let mut live = is_all.then(BitField::default);
        for (deadline, ticket) in tickets {
            let partitions = problems.ok(answers.get(ticket)).map(Option::unwrap_or_default);
            deadline.sectors = partitions.as_ref().and_then(|partitions| count(partitions));
            if partitions.is_some() && deadline.sectors.is_none() {
                problems.note("StateMinerPartitions: more sectors than can exist");
            }
            live = live.zip(partitions).map(|(live, partitions)| {
                partitions.iter().fold(live, |live, partition| live.union(&partition.live_sectors))
            });
        }
        self.live_sectors = live;
    }

    /// Go writes null for what is empty, so a deadline without live sectors is nothing odd, unless another answer says that it has some. What
    /// it has is not known then.
    fn doubt(&mut self, active_sectors: Option<u64>, problems: &mut Problems) {
        let active = self.total(|sectors| sectors.active);
        let missing = active.zip(active_sectors).filter(|(counted, told)| counted < told);
        let mut doubtful = Vec::new();
        for (index, deadline) in self.deadlines.iter_mut().enumerate() {
            let is_empty = deadline.sectors.as_ref().is_some_and(|sectors| sectors.live == 0);
            let has_proof = deadline.submissions.as_ref().is_some_and(|partitions| !partitions.is_empty());
            let has_fee = deadline.daily_fee.is_some_and(|fee| fee != Fil::default());
            if is_empty && (missing.is_some() || has_proof || has_fee) {
                deadline.sectors = None;
                doubtful.push(index);
            }
        }
        if doubtful.is_empty() {
            return;
        }
        self.live_sectors = None;
        match missing {
            Some((counted, told)) => problems.note(format_args!(
                "StateMinerPartitions: {counted} active sectors in all, but the miner has the power of {told}"
            )),
            None => problems.note(format_args!(
                "StateMinerPartitions: no live sectors in {doubtful:?}, but StateMinerDeadlines has proofs or fees of these deadlines"
            )),
        }
    }

    /// A sum over all deadlines, which exists only where every deadline is known.
    fn total(&self, of: impl Fn(&Sectors) -> u64) -> Option<u64> {
        let known = self.deadlines.iter().map(|deadline| deadline.sectors.as_ref());
        known.into_iter().try_fold(0u64, |sum, sectors| sum.checked_add(of(sectors?)))
    }

    /// The faulty sectors, as far as they are known.
    pub fn faulty_sectors(&self) -> BitField {
        let sectors = self.deadlines.iter().flat_map(|deadline| &deadline.sectors);
        let faults = sectors.flat_map(|sectors| &sectors.faults);
        faults.fold(BitField::default(), |all, faults| all.union(&faults.faulty))
    }

    /// How many sectors are live, where that is known.
    pub fn live_count(&self) -> Option<u64> {
        self.total(|sectors| sectors.live)
    }
}

impl Deadline {
    /// How many of the partitions that are due are proven.
    fn proven_partitions(&self) -> Option<usize> {
        let (sectors, submissions) = (self.sectors.as_ref()?, self.submissions.as_ref()?);
        Some(sectors.due_partitions.iter().filter(|partition| submissions.contains(**partition)).count())
    }
}

impl Schedule {
    /// Whether there is such a deadline, and it is as long as each of them is.
    fn is_possible(&self, problems: &mut Problems) -> bool {
        let is_deadline = (self.index as usize) < DEADLINES_PER_PERIOD;
        let is_length = self.challenge_window > 0
            && self.close.checked_sub(self.open) == Some(self.challenge_window)
            && self.challenge_window.checked_mul(DEADLINES_PER_PERIOD as i64) == Some(self.proving_period);
        if !is_deadline || !is_length {
            problems.note(format_args!(
                "StateMinerProvingDeadline: no deadline {} can be open from epoch {} to {}",
                self.index, self.open, self.close
            ));
        }
        is_deadline && is_length
    }

    /// The epochs at which a deadline opens and closes, this time if it is open, else the next time.
    fn window(&self, index: usize) -> (i64, i64) {
        let windows_ahead = index as i64 - i64::from(self.index);
        let mut shift = windows_ahead.saturating_mul(self.challenge_window);
        if windows_ahead < 0 {
            shift = shift.saturating_add(self.proving_period);
        }
        (self.open.saturating_add(shift), self.close.saturating_add(shift))
    }
}

pub fn expose(facts: &Facts, miner_id: &str, max_rows: usize, samples: &mut Samples) {
    let current = facts.schedule.map(|schedule| schedule.index as usize);
    samples.add(&families::MINER_DEADLINE_CURRENT, [miner_id], current);
    for (index, deadline) in facts.deadlines.iter().enumerate() {
        let labels = [miner_id, &index.to_string()];
        if let (Some(schedule), Some(clock)) = (&facts.schedule, &facts.clock) {
            let (open, close) = schedule.window(index);
            let (open, close) = (clock.timestamp_seconds(open), clock.timestamp_seconds(close));
            samples.add(&families::MINER_DEADLINE_OPEN_TIMESTAMP_SECONDS, labels, open);
            samples.add(&families::MINER_DEADLINE_CLOSE_TIMESTAMP_SECONDS, labels, close);
        }
        if current == Some(index) {
            let proven = deadline.proven_partitions();
            samples.add(&families::MINER_DEADLINE_PROVEN_PARTITIONS, labels, proven);
        }
        samples.add(&families::MINER_DEADLINE_DAILY_FEE_FIL, labels, deadline.daily_fee);
        if let Some(sectors) = &deadline.sectors {
            samples.add(&families::MINER_DEADLINE_PARTITIONS, labels, sectors.partitions_with_live);
            samples.add(&families::MINER_DEADLINE_DUE_PARTITIONS, labels, sectors.due_partitions.len());
            samples.add(&families::MINER_DEADLINE_LIVE_SECTORS, labels, sectors.live);
            samples.add(&families::MINER_DEADLINE_ACTIVE_SECTORS, labels, sectors.active);
            samples.add(&families::MINER_DEADLINE_FAULTY_SECTORS, labels, sectors.faulty);
            samples.add(&families::MINER_DEADLINE_RECOVERING_SECTORS, labels, sectors.recovering);
        }
    }
    samples.add(&families::MINER_LIVE_SECTORS, [miner_id], facts.live_count());
    samples.add(&families::MINER_ACTIVE_SECTORS, [miner_id], facts.total(|sectors| sectors.active));
    samples.add(&families::MINER_FAULTY_SECTORS, [miner_id], facts.total(|sectors| sectors.faulty));
    samples.add(&families::MINER_RECOVERING_SECTORS, [miner_id], facts.total(|sectors| sectors.recovering));
    let daily_fees = facts.deadlines.iter().map(|deadline| deadline.daily_fee);
    let daily_fee: Option<Fil> = daily_fees.collect::<Option<Vec<Fil>>>().map(|fees| fees.into_iter().sum());
    samples.add(&families::MINER_DAILY_FEE_FIL, [miner_id], daily_fee);
    expose_faulty_sectors(facts, miner_id, max_rows, samples);
}

fn expose_faulty_sectors(facts: &Facts, miner_id: &str, max_rows: usize, samples: &mut Samples) {
    for (index, deadline) in facts.deadlines.iter().enumerate() {
        let faults = deadline.sectors.iter().flat_map(|sectors| &sectors.faults);
        for Faults { partition, faulty, recovering } in faults {
            for sector in faulty.iter().take(max_rows) {
                let is_recovering = recovering.contains(sector);
                let rank = if is_recovering { RANK_OF_RECOVERING } else { 0.0 };
                samples.add_row(
                    &families::MINER_FAULTY_SECTOR,
                    [
                        miner_id,
                        &sector.to_string(),
                        &index.to_string(),
                        &partition.to_string(),
                        if is_recovering { "1" } else { "0" },
                    ],
                    true,
                    rank + sector as f64,
                );
            }
            let left_out = faulty.count().saturating_sub(max_rows as u64);
            samples.left_out(&families::MINER_FAULTY_SECTOR, left_out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_that_have_passed_open_again_in_the_next_period() {
        let schedule = Schedule { index: 16, open: 1000, close: 1060, proving_period: 2880, challenge_window: 60 };
        assert_eq!(schedule.window(16), (1000, 1060));
        assert_eq!(schedule.window(47), (2860, 2920));
        assert_eq!(schedule.window(0), (2920, 2980));
        assert_eq!(schedule.window(15), (3820, 3880));
    }

    #[test]
    fn a_total_needs_every_deadline() {
        let deadline = |sectors| Deadline { daily_fee: None, submissions: None, sectors };
        let known = || deadline(Some(Sectors { live: 2, ..Sectors::default() }));
        let facts = |deadlines| Facts { schedule: None, deadlines, clock: None, live_sectors: None };
        assert_eq!(facts(vec![known(), known()]).live_count(), Some(4));
        assert_eq!(facts(vec![known(), deadline(None)]).live_count(), None);
    }
}
