//! The jobs that workers do now, or have just been given.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::LotusMiner;
use crate::collect::run::Run;
use crate::expose::{Samples, Summary, families};
use crate::lotus::epoch::parse_rfc3339;
use crate::tolerant::{Field, Int, List, Map, Problems};

/// A job that was last seen longer ago may have ended at any time since, so its duration is not known.
const MAX_SECONDS_UNSEEN: f64 = 600.0;

/// What WorkerJobs tells, and what it told until now.
pub struct Facts {
    pub jobs: Vec<Job>,
    finished: Vec<Finished>,
}

/// Jobs of one kind that were seen to finish. Whole milliseconds, so that a sum that is remembered never shrinks by a rounding.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Finished {
    task: String,
    worker_host: String,
    milliseconds: u64,
    count: u64,
}

/// A job that was running when it was last seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Running {
    task: String,
    worker_host: String,
    start_seconds: f64,
    seen_seconds: f64,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    running: BTreeMap<String, Running>,
    finished: Vec<Finished>,
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
pub fn fetch(
    miner: &LotusMiner,
    run: &Run,
    worker_hosts: &BTreeMap<&str, &str>,
    problems: &mut Problems,
) -> Result<Facts> {
    let by_worker: Map<List<WorkerJob>> = miner.client.call("WorkerJobs", json!([]))?;
    let mut jobs = Vec::new();
    for (worker, list) in by_worker.take("WorkerJobs", problems) {
        let at = format!("WorkerJobs[{worker}]");
        for job in list.take(&at, problems) {
            let known_host = worker_hosts.get(worker.as_str()).copied();
            jobs.extend(read(job, &worker, known_host, &at, problems));
        }
    }
    let section = format!("jobs/{}", miner.id);
    let mut memory: Memory = run.state.recall(&section);
    memory.update(&jobs, run.now);
    run.state.remember(&section, &memory);
    Ok(Facts { jobs, finished: memory.finished })
}

impl Memory {
    /// Counts the jobs that were running and are not any more, and notes those that run now.
    fn update(&mut self, jobs: &[Job], now: f64) {
        let running: BTreeMap<String, Running> = jobs
            .iter()
            .filter(|job| job.state == "running")
            .filter_map(|job| {
                let running = Running {
                    task: job.task.clone(),
                    worker_host: job.worker_host.clone(),
                    start_seconds: job.start_seconds?,
                    seen_seconds: now,
                };
                Some((job.id.clone(), running))
            })
            .collect();
        for (id, job) in std::mem::replace(&mut self.running, running) {
            let is_recent = (0.0..=MAX_SECONDS_UNSEEN).contains(&(now - job.seen_seconds));
            if !self.running.contains_key(&id) && is_recent {
                // It ended at some time between then and now; the middle is right on average.
                let ended = (job.seen_seconds + now) / 2.0;
                self.finish(job.task, job.worker_host, ended - job.start_seconds);
            }
        }
    }

    fn finish(&mut self, task: String, worker_host: String, seconds: f64) {
        let milliseconds = (seconds.max(0.0) * 1000.0) as u64;
        let is_of_kind = |finished: &&mut Finished| finished.task == task && finished.worker_host == worker_host;
        match self.finished.iter_mut().find(is_of_kind) {
            Some(finished) => {
                finished.milliseconds = finished.milliseconds.saturating_add(milliseconds);
                finished.count += 1;
            }
            None => self.finished.push(Finished { task, worker_host, milliseconds, count: 1 }),
        }
    }
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
    for finished in &facts.finished {
        let labels = [miner_id, &finished.task, &finished.worker_host];
        let sum = finished.milliseconds as f64 / 1000.0;
        let summary = Summary { quantiles: Vec::new(), sum, count: finished.count };
        samples.add_summary(&families::MINER_TASK_DURATION_SECONDS, labels, &summary);
    }
    for ((task, state, host), count) in counts {
        samples.add(&families::MINER_JOBS, [miner_id, task, state, host], count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: &str, state: &'static str, start: f64) -> Job {
        Job {
            id: id.to_owned(),
            sector: 1,
            task: "seal/v0/precommit/1".to_owned(),
            state,
            worker: String::new(),
            worker_host: "host".to_owned(),
            start_seconds: Some(start),
        }
    }

    fn totals(memory: &Memory) -> (u64, u64) {
        let finished = memory.finished.iter();
        finished.fold((0, 0), |sum, finished| (sum.0 + finished.milliseconds, sum.1 + finished.count))
    }

    #[test]
    fn a_job_that_is_gone_counts_once_from_its_start_to_the_middle_of_the_gap() {
        let mut memory = Memory::default();
        memory.update(&[job("a", "running", 100.0), job("b", "assigned", 100.0)], 160.0);
        assert_eq!(totals(&memory), (0, 0));
        memory.update(&[job("a", "returning", 100.0)], 220.0);
        assert_eq!(totals(&memory), (90_000, 1));
        memory.update(&[], 280.0);
        assert_eq!(totals(&memory), (90_000, 1));
    }

    #[test]
    fn what_ended_while_nobody_looked_is_not_guessed() {
        let mut memory = Memory::default();
        memory.update(&[job("a", "running", 100.0)], 160.0);
        memory.update(&[], 4000.0);
        memory.update(&[job("b", "running", 5000.0)], 5000.0);
        // The clock was set back.
        memory.update(&[], 4000.0);
        assert_eq!(totals(&memory), (0, 0));
    }
}
