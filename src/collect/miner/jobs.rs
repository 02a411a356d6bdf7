//! The jobs that workers are running, or have just been given.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::LotusMiner;
use super::job_memory::{Ended, Job, Memory, RUNNING, Told};
use crate::collect::run::Run;
use crate::expose::{Samples, Summary, families};
use crate::lotus::epoch::parse_rfc3339;
use crate::tolerant::{Field, Int, List, Map, Problems};

/// The id of a job that has not begun.
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// The host of a job whose worker could not be asked for it.
const UNKNOWN_HOST: &str = "[err]";

/// What WorkerJobs returns, and what it has returned so far.
pub struct Facts {
    pub jobs: Vec<Job>,
    is_whole: bool,
    ended: Vec<Ended>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WorkerJob {
    #[serde(rename = "ID")]
    id: Field<CallId>,
    sector: Field<SectorId>,
    task: Field<String>,
    run_wait: Field<Int>,
    start: Field<String>,
    hostname: Field<String>,
}

#[derive(Deserialize)]
struct CallId {
    #[serde(rename = "ID")]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SectorId {
    number: Int,
}

/// `worker_hosts` are the hosts of the connected workers by their ids, if the workers could be asked for.
pub fn fetch(
    miner: &LotusMiner,
    run: &Run,
    worker_hosts: Option<&BTreeMap<&str, &str>>,
    miner_start_seconds: Option<f64>,
    problems: &mut Problems,
) -> Result<Facts> {
    let by_worker: Map<List<WorkerJob>> = miner.client.call("WorkerJobs", json!([]))?;
    let section = format!("jobs/{}", miner.id);
    let mut memory: Memory = run.state.recall(&section);
    if let Some(worker_hosts) = worker_hosts {
        memory.note_hosts(worker_hosts);
    }
    let failures = problems.failures();
    let mut jobs = Vec::new();
    for (worker, list) in by_worker.take("WorkerJobs", problems) {
        let at = format!("WorkerJobs[{worker}]");
        for job in list.take(&at, problems) {
            jobs.extend(read(job, &worker, memory.host(&worker), &at, problems));
        }
    }
    let is_whole = problems.failures() == failures;
    memory.update(&Told { jobs: &jobs, is_whole, worker_hosts, miner_start_seconds, now: run.now });
    run.state.remember(&section, &memory);
    Ok(Facts { jobs, is_whole, ended: memory.into_ended() })
}

fn read(job: WorkerJob, worker: &str, known_host: &str, at: &str, problems: &mut Problems) -> Option<Job> {
    let sector = needed(job.sector, &format!("{at}.Sector"), problems)?.number;
    let Some(sector) = sector.to_u64() else {
        problems.note(format_args!("{at}.Sector: {} is not a sector's number", sector.0));
        return None;
    };
    let start = job.start.take(&format!("{at}.Start"), problems);
    // A job from before lotus-miner restarted is listed under no worker, and names the host it ran on.
    let told_host = job.hostname.take(&format!("{at}.Hostname"), problems);
    let told_host = told_host.filter(|host| !host.is_empty() && host != UNKNOWN_HOST);
    Some(Job {
        id: needed(job.id, &format!("{at}.ID"), problems)?.id,
        sector,
        task: needed(job.task, &format!("{at}.Task"), problems)?,
        state: state(needed(job.run_wait, &format!("{at}.RunWait"), problems)?, at, problems)?,
        worker: worker.to_owned(),
        worker_host: told_host.unwrap_or_else(|| known_host.to_owned()),
        start_seconds: start.and_then(|start| parse_rfc3339(&start)),
    })
}

/// A field without which there is no job.
fn needed<T>(field: Field<T>, name: &str, problems: &mut Problems) -> Option<T> {
    if matches!(field, Field::Missing) {
        problems.note(format_args!("{name}: missing"));
    }
    field.take(name, problems)
}

/// No worker has as many tasks waiting.
const LONGEST_QUEUE: i128 = 1_000_000;

/// Names for WorkerJobs.RunWait (storage/sealer/storiface/worker.go of Lotus). What is assigned has its place in the worker's queue.
fn state(Int(run_wait): Int, at: &str, problems: &mut Problems) -> Option<&'static str> {
    match run_wait {
        0 => Some(RUNNING),
        1 => Some("prepared"),
        2..=LONGEST_QUEUE => Some("assigned"),
        -1 | -2 => Some("returning"),
        -9..=-3 => Some("done"),
        _ => {
            problems.note(format_args!("{at}.RunWait: {run_wait} stands for no state"));
            None
        }
    }
}

pub fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    for job in rows(&facts.jobs) {
        if let Some(start) = job.start_seconds {
            let labels =
                [miner_id, &job.id, &job.sector.to_string(), &job.task, job.state, &job.worker, &job.worker_host];
            samples.add_row(&families::MINER_JOB_START_TIMESTAMP_SECONDS, labels, start, start);
        }
    }
    for ended in &facts.ended {
        let labels = [miner_id, &ended.task, &ended.worker_host];
        let sum = ended.milliseconds as f64 / 1000.0;
        let summary = Summary { quantiles: Vec::new(), sum, count: ended.count };
        samples.add_summary(&families::MINER_TASK_DURATION_SECONDS, labels, &summary);
    }
    if facts.is_whole {
        let mut counts: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
        for job in &facts.jobs {
            *counts.entry((&job.task, job.state, &job.worker_host)).or_default() += 1;
        }
        for ((task, state, host), count) in counts {
            samples.add(&families::MINER_JOBS, [miner_id, task, state, host], count);
        }
    }
}

/// The jobs by their keys. Those that have not begun have no id, so several may be identical: the oldest represents them.
fn rows(jobs: &[Job]) -> Vec<&Job> {
    let mut rows: Vec<&Job> = jobs.iter().collect();
    let start = |job: &Job| job.start_seconds.unwrap_or(f64::INFINITY);
    rows.sort_by(|a, b| a.key().cmp(&b.key()).then(start(a).total_cmp(&start(b))));
    rows.dedup_by(|later, earlier| later.id == NO_ID && later.key() == earlier.key());
    rows
}
