//! Proving: the 48 deadlines of a day, what has been proven of the open one, and which sectors are faulty.

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::json;

use super::Daemon;
use crate::expose::{Samples, families};
use crate::lotus::bitfield::BitField;
use crate::lotus::epoch::{ChainClock, DEADLINES_PER_PERIOD};
use crate::lotus::fil::Fil;
use crate::rpc::tolerant::{Field, List};
use crate::rpc::{Batch, Problems};

/// Recovering sectors are the least urgent of the faulty ones: their rows come after all others.
const RANK_OF_RECOVERING: f64 = 1e15;

/// What StateMinerProvingDeadline, StateMinerDeadlines and StateMinerPartitions tell.
pub struct Facts {
    schedule: Option<Schedule>,
    deadlines: Vec<Deadline>,
    clock: Option<ChainClock>,
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

/// One deadline. Partitions are absent where they could not be had.
struct Deadline {
    daily_fee: Option<Fil>,
    proven_partitions: Option<u64>,
    partitions: Option<Vec<Partition>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Partition {
    live_sectors: BitField,
    active_sectors: BitField,
    faulty_sectors: BitField,
    recovering_sectors: BitField,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DeadlineState {
    post_submissions: Field<BitField>,
    daily_fee: Field<Fil>,
}

pub fn fetch(daemon: &Daemon, miner_id: &str, problems: &mut Problems) -> Result<Facts> {
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

    let mut batch = Batch::new();
    let tickets: Vec<_> = (0..states.len())
        .map(|index| {
            let params = json!([miner_id, index, daemon.tipset_key]);
            batch.add::<Option<Vec<Partition>>>("StateMinerPartitions", params)
        })
        .collect();
    let answers = daemon.client.send(&batch);
    let deadlines = states.into_iter().zip(tickets).map(|(state, ticket)| {
        let state = state.take("StateMinerDeadlines", problems).unwrap_or_default();
        let submissions = state.post_submissions;
        let submissions = submissions.take("StateMinerDeadlines.PostSubmissions", problems);
        let partitions = problems.ok(answers.get(ticket));
        Deadline {
            daily_fee: state.daily_fee.take("StateMinerDeadlines.DailyFee", problems),
            proven_partitions: submissions.map(|bits| bits.count()),
            partitions: partitions.map(Option::unwrap_or_default),
        }
    });
    Ok(Facts { deadlines: deadlines.collect(), schedule, clock: daemon.clock })
}

impl Deadline {
    fn sectors(&self, of: impl Fn(&Partition) -> &BitField) -> Option<u64> {
        let partitions = self.partitions.as_ref()?;
        partitions.iter().try_fold(0u64, |sum, partition| sum.checked_add(of(partition).count()))
    }
}

impl Facts {
    /// A sum over all deadlines, which exists only where every deadline is known.
    fn total(&self, of: impl Fn(&Partition) -> &BitField) -> Option<u64> {
        self.deadlines.iter().try_fold(0u64, |sum, deadline| sum.checked_add(deadline.sectors(&of)?))
    }

    /// The live sectors of all deadlines, where every deadline is known.
    pub fn live_sectors(&self) -> Option<BitField> {
        let mut live = BitField::default();
        for deadline in &self.deadlines {
            for partition in deadline.partitions.as_ref()? {
                live = live.union(&partition.live_sectors);
            }
        }
        Some(live)
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
        let with_live = deadline.partitions.as_ref().map(|partitions| {
            let live = partitions.iter().filter(|partition| partition.live_sectors.count() > 0);
            live.count()
        });
        samples.add(&families::MINER_DEADLINE_PARTITIONS, labels, with_live);
        for (family, of) in SECTORS_BY_DEADLINE {
            samples.add(family, labels, deadline.sectors(of));
        }
    }
    for (family, of) in SECTORS_IN_ALL {
        samples.add(family, [miner_id], facts.total(of));
    }
    let daily_fees = facts.deadlines.iter().map(|deadline| deadline.daily_fee);
    let daily_fee: Option<Fil> = daily_fees.collect::<Option<Vec<Fil>>>().map(|fees| fees.into_iter().sum());
    samples.add(&families::MINER_DAILY_FEE_FIL, [miner_id], daily_fee);
    expose_faulty_sectors(facts, miner_id, max_rows, samples);
}

type Part = fn(&Partition) -> &BitField;

static SECTORS_BY_DEADLINE: [(&crate::expose::Family<2>, Part); 4] = [
    (&families::MINER_DEADLINE_LIVE_SECTORS, |partition| &partition.live_sectors),
    (&families::MINER_DEADLINE_ACTIVE_SECTORS, |partition| &partition.active_sectors),
    (&families::MINER_DEADLINE_FAULTY_SECTORS, |partition| &partition.faulty_sectors),
    (&families::MINER_DEADLINE_RECOVERING_SECTORS, |partition| &partition.recovering_sectors),
];

static SECTORS_IN_ALL: [(&crate::expose::Family<1>, Part); 4] = [
    (&families::MINER_LIVE_SECTORS, |partition| &partition.live_sectors),
    (&families::MINER_ACTIVE_SECTORS, |partition| &partition.active_sectors),
    (&families::MINER_FAULTY_SECTORS, |partition| &partition.faulty_sectors),
    (&families::MINER_RECOVERING_SECTORS, |partition| &partition.recovering_sectors),
];

fn expose_faulty_sectors(facts: &Facts, miner_id: &str, max_rows: usize, samples: &mut Samples) {
    for (index, deadline) in facts.deadlines.iter().enumerate() {
        let partitions = deadline.partitions.iter().flatten().enumerate();
        for (partition_index, partition) in partitions {
            for sector in partition.faulty_sectors.iter().take(max_rows) {
                let is_recovering = partition.recovering_sectors.contains(sector);
                let rank = if is_recovering { RANK_OF_RECOVERING } else { 0.0 };
                samples.add_row(
                    &families::MINER_FAULTY_SECTOR,
                    [
                        miner_id,
                        &sector.to_string(),
                        &index.to_string(),
                        &partition_index.to_string(),
                        if is_recovering { "1" } else { "0" },
                    ],
                    true,
                    rank + sector as f64,
                );
            }
            let left_out = partition.faulty_sectors.count().saturating_sub(max_rows as u64);
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
        let known = || Deadline { daily_fee: None, proven_partitions: None, partitions: Some(vec![]) };
        let unknown = Deadline { partitions: None, ..known() };
        let facts = |deadlines| Facts { schedule: None, deadlines, clock: None };
        let live: Part = |partition| &partition.live_sectors;
        assert_eq!(facts(vec![known(), known()]).total(live), Some(0));
        assert_eq!(facts(vec![known(), unknown]).total(live), None);
    }
}
