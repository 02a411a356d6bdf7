//! One miner: power and wins, deadlines and faults, sectors and jobs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::facts::{Chain, Rows, is_complete, is_so, known};
use super::machines::{Path, Worker};
use super::money::{Deals, Money};
use crate::expose::{Fact, Facts, Family, families as f};

/// A miner.
#[derive(Serialize)]
pub struct Miner {
    pub miner_id: String,
    /// Whether a lotus-miner that runs it is known, up or down.
    pub has_lotus_miner: bool,
    /// Whether a Curio that serves it is known, up or down.
    pub has_curio: bool,
    pub lotus_miner_version: Option<String>,
    pub lotus_miner_start_timestamp_seconds: Option<f64>,
    pub sector_size_bytes: Option<f64>,
    pub power: Power,
    pub wins: Wins,
    pub current_deadline: Option<u32>,
    pub deadlines: Rows<Deadline>,
    pub sectors: Sectors,
    pub sectors_by_state: Rows<StateSectors>,
    pub pipeline: Rows<PipelineSector>,
    pub jobs: Rows<Job>,
    pub waiting_tasks: Rows<WaitingTasks>,
    pub workers: Rows<Worker>,
    pub storage_paths: Rows<Path>,
    pub money: Money,
    /// None where no Boost is known.
    pub deals: Option<Deals>,
    /// Alerts of lotus-miner's own that are active.
    pub lotus_alerts: Rows<String>,
}

/// What the miner wins by.
#[derive(Serialize)]
pub struct Power {
    pub quality_adjusted_bytes: Option<f64>,
    pub raw_bytes: Option<f64>,
    pub network_share_ratio: Option<f64>,
    pub has_min_power: Option<bool>,
    pub may_win_blocks: Option<bool>,
    pub is_f3_participant: Option<bool>,
}

/// What it has won since the exporter remembers.
#[derive(Serialize)]
pub struct Wins {
    pub wins: Option<f64>,
    pub expected_wins: Option<f64>,
    pub luck_ratio: Option<f64>,
    pub expected_wins_per_day: Option<f64>,
    pub blocks_won: Option<f64>,
    pub blocks_orphaned: Option<f64>,
    pub rewards_fil: Option<f64>,
    pub last_block_height_epochs: Option<f64>,
    pub last_block_timestamp_seconds: Option<f64>,
}

/// One of the 48 windows of a day.
#[derive(Serialize)]
pub struct Deadline {
    pub deadline: u32,
    pub open_timestamp_seconds: Option<f64>,
    pub close_timestamp_seconds: Option<f64>,
    pub partitions: Option<f64>,
    pub due_partitions: Option<f64>,
    pub proven_partitions: Option<f64>,
    pub live_sectors: Option<f64>,
    pub faulty_sectors: Option<f64>,
    pub recovering_sectors: Option<f64>,
}

/// Sectors on chain.
#[derive(Serialize)]
pub struct Sectors {
    pub live_sectors: Option<f64>,
    pub active_sectors: Option<f64>,
    pub faulty_sectors: Option<f64>,
    pub recovering_sectors: Option<f64>,
    /// Those whose files are in no storage path.
    pub missing_sectors: Option<f64>,
    pub expiring_within_7_days_sectors: Option<f64>,
    pub expiring_within_30_days_sectors: Option<f64>,
    /// When expirations were last read.
    pub expirations_timestamp_seconds: Option<f64>,
}

/// Sectors of lotus-miner in a state.
#[derive(Serialize)]
pub struct StateSectors {
    pub state: String,
    pub phase: String,
    pub sectors: f64,
}

/// A sector that is not at rest.
#[derive(Serialize)]
pub struct PipelineSector {
    pub sector: String,
    pub state: Option<String>,
    pub phase: Option<String>,
    pub content: Option<String>,
    pub state_timestamp_seconds: Option<f64>,
    pub progress_timestamp_seconds: Option<f64>,
    pub created_timestamp_seconds: Option<f64>,
    pub retries: Option<f64>,
    pub error: Option<String>,
}

/// A job of a worker.
#[derive(Serialize)]
pub struct Job {
    pub sector: String,
    pub task: String,
    pub state: String,
    pub worker_host: String,
    pub start_timestamp_seconds: f64,
    /// How long such jobs took on that host, where enough were seen to end.
    pub mean_duration_seconds: Option<f64>,
}

/// Tasks that wait for a worker.
#[derive(Serialize)]
pub struct WaitingTasks {
    pub task: String,
    pub tasks: f64,
}

/// The facts of one miner.
pub struct Of<'a> {
    pub facts: &'a Facts,
    pub id: &'a str,
}

impl Of<'_> {
    pub fn one(&self, family: &Family<1>) -> Option<f64> {
        self.facts.get(family, [self.id])
    }

    pub fn with(&self, family: &Family<2>, label: &str) -> Option<f64> {
        self.facts.get(family, [self.id, label])
    }

    pub fn rows<const N: usize>(&self, family: &Family<N>) -> Vec<Fact<N>> {
        self.facts.of(family, self.id)
    }

    pub fn is_complete(&self, collector: &str) -> bool {
        is_complete(self.facts, collector, self.id)
    }
}

impl Miner {
    /// How many of lotus-miner's sectors are in such states.
    pub fn sectors_in(&self, is_such: impl Fn(&StateSectors) -> bool) -> f64 {
        self.sectors_by_state.rows.iter().filter(|state| is_such(state)).map(|state| state.sectors).sum()
    }

    /// Reads it.
    pub fn read(facts: &Facts, id: &str, chain: &Chain) -> Miner {
        let of = Of { facts, id };
        let info = of.rows(&f::MINER_INFO).into_iter().next();
        let power = Power::read(&of, chain);
        let endpoints = facts.all(&f::ENDPOINT_UP);
        let has = |kind: &str| endpoints.iter().any(|fact| fact.labels[0] == kind && fact.labels[2] == id);
        let is_served = facts.all(&f::CURIO_MINER_INFO).iter().any(|fact| fact.labels[1] == id);
        let alerts = of.rows(&f::MINER_ALERT_ACTIVE).into_iter().filter(|fact| is_so(fact.value));
        Miner {
            miner_id: id.to_owned(),
            has_lotus_miner: has("miner"),
            has_curio: has("curio") || is_served,
            lotus_miner_version: info.and_then(|Fact { labels: [_, version, ..], .. }| known(version)),
            lotus_miner_start_timestamp_seconds: of.one(&f::MINER_START_TIME_SECONDS),
            sector_size_bytes: of.one(&f::MINER_SECTOR_SIZE_BYTES),
            power,
            wins: Wins::read(&of),
            current_deadline: of.one(&f::MINER_DEADLINE_CURRENT).map(|deadline| deadline as u32),
            deadlines: Rows { is_complete: of.is_complete("deadlines"), rows: deadlines(&of) },
            sectors: Sectors::read(&of),
            sectors_by_state: Rows { is_complete: of.is_complete("sectors"), rows: sectors_by_state(&of) },
            pipeline: Rows { is_complete: of.is_complete("pipeline"), rows: pipeline(&of) },
            jobs: Rows { is_complete: of.is_complete("jobs"), rows: jobs(&of) },
            waiting_tasks: Rows { is_complete: of.is_complete("scheduler"), rows: waiting_tasks(&of) },
            workers: Worker::read(&of),
            storage_paths: Path::read(&of),
            money: Money::read(&of),
            deals: has("boost").then(|| Deals::read(&of)),
            lotus_alerts: Rows {
                is_complete: of.is_complete("alerts"),
                rows: alerts
                    .map(|Fact { labels: [_, system, subsystem], .. }| format!("{system} {subsystem}"))
                    .collect(),
            },
        }
    }
}

impl Power {
    fn read(of: &Of, chain: &Chain) -> Power {
        let quality_adjusted = of.with(&f::MINER_POWER_BYTES, "quality_adjusted");
        let network = chain.network_power_quality_adjusted_bytes.filter(|network| *network > 0.0);
        Power {
            quality_adjusted_bytes: quality_adjusted,
            raw_bytes: of.with(&f::MINER_POWER_BYTES, "raw"),
            network_share_ratio: quality_adjusted.zip(network).map(|(mine, all)| mine / all),
            has_min_power: of.one(&f::MINER_HAS_MIN_POWER).map(is_so),
            may_win_blocks: of.one(&f::MINER_MINING_ELIGIBLE).map(is_so),
            is_f3_participant: of.one(&f::MINER_F3_PARTICIPATING).map(is_so),
        }
    }
}

impl Wins {
    fn read(of: &Of) -> Wins {
        let (wins, expected) = (of.one(&f::MINER_WINS_TOTAL), of.one(&f::MINER_EXPECTED_WINS_TOTAL));
        let luck = wins.zip(expected).filter(|(_, expected)| *expected > 0.0).map(|(wins, expected)| wins / expected);
        Wins {
            wins,
            expected_wins: expected,
            luck_ratio: luck,
            expected_wins_per_day: of.one(&f::MINER_EXPECTED_WINS_PER_DAY),
            blocks_won: of.one(&f::MINER_BLOCKS_WON_TOTAL),
            blocks_orphaned: of.one(&f::MINER_BLOCKS_ORPHANED_TOTAL),
            rewards_fil: of.one(&f::MINER_REWARDS_FIL_TOTAL),
            last_block_height_epochs: of.one(&f::MINER_LAST_BLOCK_HEIGHT),
            last_block_timestamp_seconds: of.one(&f::MINER_LAST_BLOCK_TIMESTAMP_SECONDS),
        }
    }
}

impl Sectors {
    fn read(of: &Of) -> Sectors {
        Sectors {
            live_sectors: of.one(&f::MINER_LIVE_SECTORS),
            active_sectors: of.one(&f::MINER_ACTIVE_SECTORS),
            faulty_sectors: of.one(&f::MINER_FAULTY_SECTORS),
            recovering_sectors: of.one(&f::MINER_RECOVERING_SECTORS),
            missing_sectors: of.one(&f::MINER_MISSING_SECTORS),
            expiring_within_7_days_sectors: of.with(&f::MINER_EXPIRING_SECTORS, "7"),
            expiring_within_30_days_sectors: of.with(&f::MINER_EXPIRING_SECTORS, "30"),
            expirations_timestamp_seconds: of
                .facts
                .get(&f::COLLECTOR_DATA_TIMESTAMP_SECONDS, ["sectors_on_chain", of.id, ""]),
        }
    }
}

fn deadlines(of: &Of) -> Vec<Deadline> {
    let column = |family: &Family<2>| -> BTreeMap<u32, f64> {
        let rows = of.rows(family).into_iter();
        rows.filter_map(|Fact { labels: [_, deadline], value }| Some((deadline.parse().ok()?, value))).collect()
    };
    let open = column(&f::MINER_DEADLINE_OPEN_TIMESTAMP_SECONDS);
    let close = column(&f::MINER_DEADLINE_CLOSE_TIMESTAMP_SECONDS);
    let partitions = column(&f::MINER_DEADLINE_PARTITIONS);
    let due = column(&f::MINER_DEADLINE_DUE_PARTITIONS);
    let proven = column(&f::MINER_DEADLINE_PROVEN_PARTITIONS);
    let live = column(&f::MINER_DEADLINE_LIVE_SECTORS);
    let faulty = column(&f::MINER_DEADLINE_FAULTY_SECTORS);
    let recovering = column(&f::MINER_DEADLINE_RECOVERING_SECTORS);
    let all: std::collections::BTreeSet<u32> =
        close.keys().chain(partitions.keys()).chain(faulty.keys()).copied().collect();
    let deadline = |deadline: u32| Deadline {
        deadline,
        open_timestamp_seconds: open.get(&deadline).copied(),
        close_timestamp_seconds: close.get(&deadline).copied(),
        partitions: partitions.get(&deadline).copied(),
        due_partitions: due.get(&deadline).copied(),
        proven_partitions: proven.get(&deadline).copied(),
        live_sectors: live.get(&deadline).copied(),
        faulty_sectors: faulty.get(&deadline).copied(),
        recovering_sectors: recovering.get(&deadline).copied(),
    };
    all.into_iter().map(deadline).collect()
}

fn sectors_by_state(of: &Of) -> Vec<StateSectors> {
    let rows = of.rows(&f::MINER_SECTORS).into_iter();
    rows.map(|Fact { labels: [_, state, phase], value }| StateSectors { state, phase, sectors: value }).collect()
}

/// Those first that have made no progress for longest.
fn pipeline(of: &Of) -> Vec<PipelineSector> {
    let column = |family: &Family<2>| -> BTreeMap<String, f64> {
        of.rows(family).into_iter().map(|Fact { labels: [_, sector], value }| (sector, value)).collect()
    };
    let progress = column(&f::MINER_PIPELINE_SECTOR_PROGRESS_TIMESTAMP_SECONDS);
    let created = column(&f::MINER_PIPELINE_SECTOR_CREATED_TIMESTAMP_SECONDS);
    let retries = column(&f::MINER_PIPELINE_SECTOR_RETRIES);
    let mut states: BTreeMap<String, Fact<5>> = BTreeMap::new();
    for fact in of.rows(&f::MINER_PIPELINE_SECTOR_STATE_TIMESTAMP_SECONDS) {
        states.insert(fact.labels[1].clone(), fact);
    }
    let errors = of.rows(&f::MINER_PIPELINE_SECTOR_ERROR_INFO).into_iter();
    let mut errors: BTreeMap<String, String> =
        errors.map(|Fact { labels: [_, sector, error], .. }| (sector, error)).collect();
    let all: std::collections::BTreeSet<String> =
        states.keys().chain(progress.keys()).chain(retries.keys()).cloned().collect();
    let sector = |sector: String| {
        let state = states.remove(&sector);
        let state_timestamp_seconds = state.as_ref().map(|fact| fact.value);
        let [state, phase, content] = match state {
            Some(Fact { labels: [_, _, state, phase, content], .. }) => [state, phase, content].map(known),
            None => [None, None, None],
        };
        PipelineSector {
            state,
            phase,
            content,
            state_timestamp_seconds,
            progress_timestamp_seconds: progress.get(&sector).copied(),
            created_timestamp_seconds: created.get(&sector).copied(),
            retries: retries.get(&sector).copied(),
            error: errors.remove(&sector),
            sector,
        }
    };
    let mut sectors: Vec<PipelineSector> = all.into_iter().map(sector).collect();
    let age = |sector: &PipelineSector| sector.progress_timestamp_seconds.unwrap_or(f64::MAX);
    sectors.sort_by(|a, b| age(a).total_cmp(&age(b)));
    sectors
}

fn jobs(of: &Of) -> Vec<Job> {
    // FarcasterJobSlow asks for as many.
    const ENOUGH: f64 = 5.0;
    let job = |Fact { labels: [_, _, sector, task, state, _, worker_host], value }| Job {
        mean_duration_seconds: of.facts.mean(&f::MINER_TASK_DURATION_SECONDS, [of.id, &task, &worker_host], ENOUGH),
        sector,
        task,
        state,
        worker_host,
        start_timestamp_seconds: value,
    };
    let mut jobs: Vec<Job> = of.rows(&f::MINER_JOB_START_TIMESTAMP_SECONDS).into_iter().map(job).collect();
    jobs.sort_by(|a, b| a.start_timestamp_seconds.total_cmp(&b.start_timestamp_seconds));
    jobs
}

fn waiting_tasks(of: &Of) -> Vec<WaitingTasks> {
    let rows = of.rows(&f::MINER_SCHEDULER_QUEUE).into_iter();
    rows.map(|Fact { labels: [_, task], value }| WaitingTasks { task, tasks: value }).collect()
}
