//! The jobs that workers do now, or have just been given.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use crate::expose::{Samples, families};
use crate::lotus::epoch::parse_rfc3339;
use crate::rpc::tolerant::{Field, Int, List, Map};
use crate::rpc::{Client, Problems};

/// What WorkerJobs tells.
pub struct Facts {
    pub jobs: Vec<Job>,
}

/// One job.
pub struct Job {
    id: String,
    pub sector: u64,
    pub task: String,
    pub state: &'static str,
    worker: String,
    worker_host: String,
    start_seconds: Option<f64>,
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

/// `worker_hosts` are the hosts of the workers by their ids, where they are known.
pub fn fetch(miner: &Client, worker_hosts: &BTreeMap<&str, &str>, problems: &mut Problems) -> Result<Facts> {
    let by_worker: Map<List<WorkerJob>> = miner.call("WorkerJobs", json!([]))?;
    let mut jobs = Vec::new();
    for (worker, list) in by_worker.take("WorkerJobs", problems) {
        let at = format!("WorkerJobs[{worker}]");
        for job in list.take(&at, problems) {
            let known_host = worker_hosts.get(worker.as_str()).copied();
            jobs.extend(read(job, &worker, known_host, &at, problems));
        }
    }
    Ok(Facts { jobs })
}

fn read(job: WorkerJob, worker: &str, known_host: Option<&str>, at: &str, problems: &mut Problems) -> Option<Job> {
    let sector = job.sector.take(&format!("{at}.Sector"), problems)?;
    let start = job.start.take(&format!("{at}.Start"), problems);
    // A job whose worker is gone says where it ran.
    let told_host = job.hostname.take(&format!("{at}.Hostname"), problems);
    let told_host = told_host.filter(|host| !host.is_empty());
    Some(Job {
        id: job.id.take(&format!("{at}.ID"), problems)?.id,
        sector: sector.number.to_u64()?,
        task: job.task.take(&format!("{at}.Task"), problems)?,
        state: state(job.run_wait.take(&format!("{at}.RunWait"), problems)?),
        worker: worker.to_owned(),
        worker_host: told_host.unwrap_or_else(|| known_host.unwrap_or_default().to_owned()),
        start_seconds: start.and_then(|start| parse_rfc3339(&start)),
    })
}

/// Names for WorkerJobs.RunWait (storage/sealer/storiface/worker.go of Lotus).
fn state(Int(run_wait): Int) -> &'static str {
    match run_wait {
        0 => "running",
        1 => "prepared",
        2.. => "assigned",
        -1 | -2 => "returning",
        _ => "done",
    }
}

pub fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    let mut counts: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for job in &facts.jobs {
        let kind = (job.task.as_str(), job.state, job.worker_host.as_str());
        *counts.entry(kind).or_default() += 1;
        if let Some(start) = job.start_seconds {
            samples.add_row(
                &families::MINER_JOB_START_TIMESTAMP_SECONDS,
                [miner_id, &job.id, &job.sector.to_string(), &job.task, job.state, &job.worker, &job.worker_host],
                start,
                start,
            );
        }
    }
    for ((task, state, host), count) in counts {
        samples.add(&families::MINER_JOBS, [miner_id, task, state, host], count);
    }
}
