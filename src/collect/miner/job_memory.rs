//! Which jobs run, and how long those took that ended: what is remembered between runs.
//!
//! lotus-miner never reports how a job ended; it only stops listing it. A dead worker, a restart of lotus-miner, or an incomplete answer
//! look the same. So a job counts as ended if two complete lists in a row lack it while its worker and its lotus-miner are still running.
//! Jobs that end in any other way are not counted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A job that was last seen running longer ago may have ended at any time since, so its duration is not known.
const MAX_SECONDS_UNSEEN: f64 = 600.0;

/// Two times that differ by less are the same one, read twice.
const SAME_SECONDS: f64 = 1.0;

/// No total of counts or milliseconds comes near this, beyond which floating point cannot count; it is damage.
const MAX_TOTAL: u64 = 1 << 53;

/// The state of a job that a worker does.
pub const RUNNING: &str = "running";

/// One job, as it is in this run.
pub struct Job {
    pub id: String,
    pub sector: u64,
    pub task: String,
    pub state: &'static str,
    /// The id of the worker that has it.
    pub worker: String,
    pub worker_host: String,
    pub start_seconds: Option<f64>,
}

impl Job {
    fn is_running(&self) -> bool {
        self.state == RUNNING
    }

    /// What distinguishes it from others.
    pub fn key(&self) -> (&str, u64, &str, &str, &str) {
        (&self.id, self.sector, &self.task, self.state, &self.worker)
    }
}

/// What a run learned.
pub struct Told<'a> {
    pub jobs: &'a [Job],
    /// Whether that is all of them.
    pub is_whole: bool,
    /// The hosts of the connected workers by worker id, if known.
    pub worker_hosts: Option<&'a BTreeMap<&'a str, &'a str>>,
    /// When lotus-miner started, if known.
    pub miner_start_seconds: Option<f64>,
    /// When the run began.
    pub now: f64,
}

/// Jobs of one kind that were seen to end. Whole milliseconds, so that a sum that is remembered never shrinks by a rounding.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ended {
    pub task: String,
    pub worker_host: String,
    pub milliseconds: u64,
    pub count: u64,
}

/// A job that is running, or has not certainly ended yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Running {
    task: String,
    worker: String,
    /// None if two runs saw different starts.
    start_seconds: Option<f64>,
    /// When it was last seen running.
    seen_seconds: f64,
    /// When it was first seen to have stopped.
    gone_seconds: Option<f64>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The lotus-miner that gave out the jobs that run.
    miner_start_seconds: Option<f64>,
    /// By worker id. A worker has its host for life, and a new id when it starts again.
    hosts: BTreeMap<String, String>,
    /// By job id.
    running: BTreeMap<String, Running>,
    finished: Vec<Ended>,
}

impl Memory {
    /// Notes where the workers are.
    pub fn note_hosts(&mut self, worker_hosts: &BTreeMap<&str, &str>) {
        let known = worker_hosts.iter().filter(|(_, host)| !host.is_empty());
        self.hosts.extend(known.map(|(worker, host)| ((*worker).to_owned(), (*host).to_owned())));
    }

    /// The host of a worker that is or was connected; empty if it was never reported.
    pub fn host(&self, worker: &str) -> &str {
        self.hosts.get(worker).map(String::as_str).unwrap_or_default()
    }

    /// What ended so far.
    pub fn into_ended(self) -> Vec<Ended> {
        self.finished
    }

    /// Counts the jobs that have ended, and notes those that run now.
    pub fn update(&mut self, told: &Told) {
        self.finished.retain(|ended| ended.count < MAX_TOTAL && ended.milliseconds < MAX_TOTAL);
        // If this may be a different lotus-miner, nothing is known about the jobs of the previous one.
        if let Some(miner_start) = told.miner_start_seconds {
            let is_same = |known: f64| (known - miner_start).abs() < SAME_SECONDS;
            if !self.miner_start_seconds.is_some_and(is_same) {
                self.running.clear();
            }
            self.miner_start_seconds = Some(miner_start);
            self.note_running(told, miner_start);
            if told.is_whole {
                self.end_others(told, miner_start);
            }
        }
        self.forget_hosts(told);
    }

    fn note_running(&mut self, told: &Told, miner_start: f64) {
        for job in told.jobs.iter().filter(|job| job.is_running()) {
            // lotus-miner lists as running only what it gave out itself, so nothing that began before it did.
            let start = job.start_seconds.filter(|start| (miner_start..=told.now).contains(start));
            match (self.running.get_mut(&job.id), start) {
                (Some(known), start) => {
                    let is_other =
                        |start: f64| known.start_seconds.is_some_and(|known| (known - start).abs() >= SAME_SECONDS);
                    if start.is_some_and(is_other) {
                        known.start_seconds = None;
                    }
                    known.seen_seconds = told.now;
                    known.gone_seconds = None;
                }
                (None, Some(start)) => {
                    let (task, worker) = (job.task.clone(), job.worker.clone());
                    let seen_seconds = told.now;
                    let running =
                        Running { task, worker, start_seconds: Some(start), seen_seconds, gone_seconds: None };
                    self.running.insert(job.id.clone(), running);
                }
                (None, None) => {}
            }
        }
    }

    fn end_others(&mut self, told: &Told, miner_start: f64) {
        let now = told.now;
        let is_recent = |then: f64| (0.0..=MAX_SECONDS_UNSEEN).contains(&(now - then));
        let running: BTreeSet<&str> =
            told.jobs.iter().filter(|job| job.is_running()).map(|job| job.id.as_str()).collect();
        for (id, mut job) in std::mem::take(&mut self.running) {
            let is_connected = told.worker_hosts.is_some_and(|hosts| hosts.contains_key(job.worker.as_str()));
            match job.gone_seconds {
                _ if running.contains(id.as_str()) => drop(self.running.insert(id, job)),
                None if is_recent(job.seen_seconds) => {
                    job.gone_seconds = Some(now);
                    self.running.insert(id, job);
                }
                Some(gone) if is_recent(gone) && is_connected => self.end(job, gone, miner_start),
                Some(gone) if is_recent(gone) => drop(self.running.insert(id, job)),
                _ => {}
            }
        }
    }

    fn end(&mut self, job: Running, gone: f64, miner_start: f64) {
        // It ended at some time between then and now; the middle is right on average.
        let ended = (job.seen_seconds + gone) / 2.0;
        let Some(start) = job.start_seconds.filter(|start| (miner_start..=ended).contains(start)) else {
            return;
        };
        let milliseconds = ((ended - start) * 1000.0) as u64;
        let (task, worker_host) = (job.task, self.host(&job.worker).to_owned());
        let is_of_kind = |ended: &&mut Ended| ended.task == task && ended.worker_host == worker_host;
        match self.finished.iter_mut().find(is_of_kind) {
            Some(ended) => {
                ended.milliseconds = ended.milliseconds.saturating_add(milliseconds);
                ended.count = ended.count.saturating_add(1);
            }
            None => self.finished.push(Ended { task, worker_host, milliseconds, count: 1 }),
        }
    }

    /// Workers that are gone are forgotten with their last job.
    fn forget_hosts(&mut self, told: &Told) {
        if let Some(connected) = told.worker_hosts.filter(|_| told.is_whole) {
            let is_at_work = |worker: &str| {
                told.jobs.iter().any(|job| job.worker == worker)
                    || self.running.values().any(|job| job.worker == worker)
            };
            self.hosts.retain(|worker, _| connected.contains_key(worker.as_str()) || is_at_work(worker));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(id: &str, start: f64) -> Job {
        Job {
            id: id.to_owned(),
            sector: 1,
            task: "seal/v0/precommit/1".to_owned(),
            state: RUNNING,
            worker: "worker".to_owned(),
            worker_host: String::new(),
            start_seconds: Some(start),
        }
    }

    /// A run in which these jobs are all that there are; milliseconds and number of those that ended.
    fn run(memory: &mut Memory, jobs: &[Job], now: f64) -> (u64, u64) {
        let hosts = BTreeMap::from([("worker", "host")]);
        memory.note_hosts(&hosts);
        let worker_hosts = Some(&hosts);
        memory.update(&Told { jobs, is_whole: true, worker_hosts, miner_start_seconds: Some(50.0), now });
        memory.finished.iter().fold((0, 0), |sum, ended| (sum.0 + ended.milliseconds, sum.1 + ended.count))
    }

    #[test]
    fn a_job_that_is_gone_counts_once_from_its_start_to_the_middle_of_the_gap() {
        let mut memory = Memory::default();
        assert_eq!(run(&mut memory, &[running("a", 100.0)], 160.0), (0, 0));
        assert_eq!(run(&mut memory, &[], 220.0), (0, 0));
        assert_eq!(run(&mut memory, &[], 280.0), (90_000, 1));
        assert_eq!(run(&mut memory, &[], 340.0), (90_000, 1));
    }

    #[test]
    fn what_ended_between_runs_is_not_guessed() {
        let mut memory = Memory::default();
        run(&mut memory, &[running("a", 100.0)], 160.0);
        run(&mut memory, &[], 4000.0);
        run(&mut memory, &[running("b", 5000.0)], 5000.0);
        // The clock was set back.
        run(&mut memory, &[], 4000.0);
        assert_eq!(run(&mut memory, &[], 4060.0), (0, 0));
    }

    #[test]
    fn workers_that_are_gone_are_forgotten_with_their_last_job() {
        let mut memory = Memory::default();
        memory.note_hosts(&BTreeMap::from([("dead", "host"), ("busy", "host"), ("named", "")]));
        let mut of_dead_worker = running("a", 100.0);
        of_dead_worker.worker = "busy".to_owned();
        run(&mut memory, &[of_dead_worker], 160.0);
        assert_eq!(memory.hosts.keys().collect::<Vec<_>>(), ["busy", "worker"]);
        run(&mut memory, &[], 220.0);
        run(&mut memory, &[], 1000.0);
        assert_eq!(memory.hosts.keys().collect::<Vec<_>>(), ["worker"]);
    }
}
