//! Proving: the 48 deadlines of a day, what has been proven of the open one, and which sectors are faulty.
//!
//! Reading the partitions takes a call for each deadline. The miner's state has one CID for all its deadlines, so as long as that stays the
//! same, what was read before is still true to the last sector.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::Daemon;
use crate::collect::run::Run;
use crate::expose::{Samples, families};
use crate::lotus::bitfield::BitField;
use crate::lotus::epoch::{ChainClock, DEADLINES_PER_PERIOD};
use crate::lotus::fil::Fil;
use crate::rpc::Batch;
use crate::tolerant::{Field, List, Problems};

/// Recovering sectors are the least urgent of the faulty ones: their rows come after all others.
const RANK_OF_RECOVERING: f64 = 1e15;

/// What StateMinerProvingDeadline, StateMinerDeadlines and StateMinerPartitions tell.
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
    proven_partitions: Option<u64>,
    sectors: Option<Sectors>,
}

/// What is worth knowing of a deadline's partitions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sectors {
    partitions_with_live: u64,
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
    sectors: Vec<Sectors>,
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

/// `deadlines_cid` is that of the miner's deadlines, where it is known. Partitions are asked for when it changed, or when `wants_live_sectors`.
pub fn fetch(
    daemon: &Daemon,
    run: &Run,
    miner_id: &str,
    deadlines_cid: Option<&str>,
    wants_live_sectors: bool,
    problems: &mut Problems,
) -> Result<Facts> {
    let mut batch = Batch::new();
    let params = || json!([miner_id, daemon.tipset_key]);
    let schedule = batch.add::<Schedule>("StateMinerProvingDeadline", params());
    let states = batch.add::<List<DeadlineState>>("StateMinerDeadlines", params());
    let answers = daemon.client.send(&batch);
    let schedule = problems.ok(answers.get(schedule));
    let states = answers.get(states)?.0;
    // Sums over fewer would say that the miner has fewer sectors than it has.
    let (node, count) = (daemon.client.name(), states.len());
    ensure!(
        count == DEADLINES_PER_PERIOD,
        "{node}: StateMinerDeadlines: {count} deadlines, not {DEADLINES_PER_PERIOD}"
    );

    let section = format!("deadlines/{miner_id}");
    let memory: Memory = run.state.recall(&section);
    let is_unchanged = deadlines_cid == Some(&*memory.deadlines_cid) && memory.sectors.len() == states.len();
    let known = if is_unchanged && !wants_live_sectors { memory.sectors } else { Vec::new() };
    let open = schedule.map(|schedule| schedule.index as usize);
    let (sectors, live_sectors) = ask(daemon, miner_id, states.len(), known, open, problems);
    if let (Some(cid), Some(sectors)) = (deadlines_cid, sectors.iter().cloned().collect()) {
        run.state.remember(&section, &Memory { deadlines_cid: cid.to_owned(), sectors });
    }
    let deadlines = states.into_iter().zip(sectors).map(|(state, sectors)| {
        let state = state.take("StateMinerDeadlines", problems).unwrap_or_default();
        let submissions = state.post_submissions;
        let submissions = submissions.take("StateMinerDeadlines.PostSubmissions", problems);
        Deadline {
            daily_fee: state.daily_fee.take("StateMinerDeadlines.DailyFee", problems),
            proven_partitions: submissions.map(|bits| bits.count()),
            sectors,
        }
    });
    Ok(Facts { deadlines: deadlines.collect(), schedule, clock: daemon.clock, live_sectors })
}

/// Reads the partitions of every deadline that is not known, and the live sectors of all where none was. What costs most when it goes wrong is
/// read in any case: the open deadline, its neighbours, and those with faults.
fn ask(
    daemon: &Daemon,
    miner_id: &str,
    deadlines: usize,
    known: Vec<Sectors>,
    open: Option<usize>,
    problems: &mut Problems,
) -> (Vec<Option<Sectors>>, Option<BitField>) {
    let mut sectors: Vec<Option<Sectors>> = known.into_iter().map(Some).collect();
    sectors.resize(deadlines, None);
    let is_near_open = |index: usize| {
        open.is_none_or(|open| [open, open + 1, open + deadlines - 1].iter().any(|near| near % deadlines == index))
    };
    let is_to_ask = |(index, known): &(usize, &Option<Sectors>)| {
        is_near_open(*index) || known.as_ref().is_none_or(|sectors| !sectors.faults.is_empty())
    };
    let to_ask: Vec<usize> = sectors.iter().enumerate().filter(is_to_ask).map(|(index, _)| index).collect();

    let mut batch = Batch::new();
    let tickets: Vec<_> = to_ask
        .iter()
        .map(|index| {
            let params = json!([miner_id, index, daemon.tipset_key]);
            (*index, batch.add::<Option<Vec<Partition>>>("StateMinerPartitions", params))
        })
        .collect();
    let answers = daemon.client.send(&batch);
    let mut live = (to_ask.len() == deadlines).then(BitField::default);
    for (index, ticket) in tickets {
        let partitions = problems.ok(answers.get(ticket)).map(Option::unwrap_or_default);
        sectors[index] = partitions.as_ref().and_then(|partitions| count(partitions));
        if partitions.is_some() && sectors[index].is_none() {
            problems.note("StateMinerPartitions: more sectors than can exist");
        }
        live = live.zip(partitions).map(|(live, partitions)| {
            partitions.iter().fold(live, |live, partition| live.union(&partition.live_sectors))
        });
    }
    (sectors, live)
}

/// The counts; None where they overflow.
fn count(partitions: &[Partition]) -> Option<Sectors> {
    let mut sectors = Sectors::default();
    for (index, partition) in partitions.iter().enumerate() {
        let live = partition.live_sectors.count();
        sectors.partitions_with_live += u64::from(live > 0);
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

impl Facts {
    /// A sum over all deadlines, which exists only where every deadline is known.
    fn total(&self, of: impl Fn(&Sectors) -> u64) -> Option<u64> {
        let known = self.deadlines.iter().map(|deadline| deadline.sectors.as_ref());
        known.into_iter().try_fold(0u64, |sum, sectors| sum.checked_add(of(sectors?)))
    }

    /// How many sectors are live, where that is known.
    pub fn live_count(&self) -> Option<u64> {
        self.total(|sectors| sectors.live)
    }
}

impl Schedule {
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
            let proven = deadline.proven_partitions;
            samples.add(&families::MINER_DEADLINE_PROVEN_PARTITIONS, labels, proven);
        }
        samples.add(&families::MINER_DEADLINE_DAILY_FEE_FIL, labels, deadline.daily_fee);
        if let Some(sectors) = &deadline.sectors {
            samples.add(&families::MINER_DEADLINE_PARTITIONS, labels, sectors.partitions_with_live);
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
        let deadline = |sectors| Deadline { daily_fee: None, proven_partitions: None, sectors };
        let known = || deadline(Some(Sectors { live: 2, ..Sectors::default() }));
        let facts = |deadlines| Facts { schedule: None, deadlines, clock: None, live_sectors: None };
        assert_eq!(facts(vec![known(), known()]).live_count(), Some(4));
        assert_eq!(facts(vec![known(), deadline(None)]).live_count(), None);
    }
}
