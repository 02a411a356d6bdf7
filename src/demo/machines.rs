//! Workers, their jobs and the scheduler's queue. A sector's task first waits in the queue for a part of the sector's
//! step, then runs on a worker until the step's end; near that end its result is on the way back to the miner.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Value, json};

use super::miner::Miner;
use super::noise::{between, cycle, fraction, hash, splitmix64};
use super::rules::SEAL_PROOF;
use super::text::{rfc3339, uuid};

const GIB: u64 = 1 << 30;
/// The worker of a job whose result is on the way back, and the id of a job that has not begun.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
/// Tasks that run where their data is, so that nothing is fetched for them.
const NOTHING_TO_FETCH: &[&str] = &["addpiece", "commit/2", "datacid", "provereplicaupdate/2"];
/// Seconds from a job's start in which it is assigned, then prepared.
const ASSIGNED_SECONDS: f64 = 4.0;
const PREPARED_SECONDS: f64 = 12.0;
/// Seconds to a step's end in which its job's result is on the way back.
const RETURNING_SECONDS: f64 = 6.0;
/// No task waits in the queue for longer than this part of its step.
const LONGEST_QUEUE: f64 = 0.35;

/// A worker, which may share its host with others.
struct Worker {
    host: &'static str,
    /// What it can do; see [`task_name`].
    tasks: &'static [&'static str],
    cpus: u64,
    memory_gib: u64,
    swap_gib: u64,
    gpus: &'static [&'static str],
}

const FIRST_MINERS_WORKERS: &[Worker] = &[
    Worker {
        host: "seal-01",
        tasks: &["addpiece", "datacid", "precommit/1"],
        cpus: 64,
        memory_gib: 1024,
        swap_gib: 128,
        gpus: &["NVIDIA RTX A6000", "NVIDIA RTX A6000"],
    },
    Worker {
        host: "seal-01",
        tasks: &["commit/2", "precommit/2", "provereplicaupdate/2", "replicaupdate"],
        cpus: 64,
        memory_gib: 1024,
        swap_gib: 128,
        gpus: &["NVIDIA RTX A6000", "NVIDIA RTX A6000"],
    },
    Worker {
        host: "seal-02",
        tasks: &["addpiece", "commit/2", "precommit/1", "precommit/2"],
        cpus: 96,
        memory_gib: 1536,
        swap_gib: 256,
        gpus: &["NVIDIA GeForce RTX 4090"],
    },
    Worker {
        host: "store-01",
        tasks: &["commit/1", "fetch", "finalize", "finalize/replicaupdate", "provereplicaupdate/1", "unseal"],
        cpus: 16,
        memory_gib: 128,
        swap_gib: 32,
        gpus: &[],
    },
];
const SECOND_MINERS_WORKERS: &[Worker] = &[Worker {
    host: "all-in-one",
    tasks: &[
        "addpiece",
        "commit/1",
        "commit/2",
        "datacid",
        "fetch",
        "finalize",
        "finalize/replicaupdate",
        "precommit/1",
        "precommit/2",
        "provereplicaupdate/1",
        "provereplicaupdate/2",
        "replicaupdate",
        "unseal",
    ],
    cpus: 128,
    memory_gib: 2048,
    swap_gib: 0,
    gpus: &[],
}];

/// Lotus' name of a sealing task.
fn task_name(task: &str) -> String {
    format!("seal/v0/{task}")
}

/// The key of a task in `TaskCounts`, with the type of proof, which tasks without a sector lack. A task being prepared counts as
/// its preparation: fetching data, or nothing, which has no name.
fn count_key(work: &Work) -> String {
    let proof = if work.task == "datacid" { 0 } else { SEAL_PROOF };
    match work.run_wait {
        0 => format!("{proof}:{}", task_name(work.task)),
        _ if NOTHING_TO_FETCH.contains(&work.task) => format!("{proof}:"),
        _ => format!("{proof}:{}", task_name("fetch")),
    }
}

/// What a running task uses: minimum and maximum memory, processors, and a GPU if there is one.
struct Needs {
    least_gib: u64,
    most_gib: u64,
    cpus: u64,
    gpu: bool,
}

fn needs(task: &str) -> Needs {
    let (least_gib, most_gib, cpus, gpu) = match task {
        "precommit/1" => (56, 64, 4, false),
        "precommit/2" => (15, 30, 8, true),
        "commit/2" | "provereplicaupdate/2" => (32, 160, 16, true),
        "replicaupdate" => (16, 32, 8, true),
        _ => (1, 4, 1, false),
    };
    Needs { least_gib, most_gib, cpus, gpu }
}

/// A task that a sector's step needs done.
struct Work {
    sector: u64,
    task: &'static str,
    id: u64,
    queued: bool,
    started: f64,
    /// As in `WorkerJobs`: 2 assigned, 1 prepared, 0 running, -1 returning.
    run_wait: i64,
    worker: usize,
}

impl Miner {
    fn workers(&self) -> &'static [Worker] {
        if self.is_like_first() { FIRST_MINERS_WORKERS } else { SECOND_MINERS_WORKERS }
    }

    fn host_of(&self, worker: &Worker) -> String {
        self.host_prefix() + worker.host
    }

    fn worker_id(&self, index: usize) -> String {
        uuid(hash("worker", &[self.id, index as u64]))
    }

    /// All tasks that are queued or being done, by sector.
    fn work(&self, now: f64) -> Vec<Work> {
        let recent = self.recent(now);
        let work = recent.iter().filter_map(|sector| {
            let stay = sector.stay(now)?;
            let task = stay.step.task?;
            let id = splitmix64(sector.seed ^ splitmix64(stay.index));
            let started = stay.from + (stay.until - stay.from) * LONGEST_QUEUE * fraction(id);
            self.do_work(sector.number, task, id, started..stay.until, now)
        });
        work.chain(self.unsealing(now)).collect()
    }

    fn do_work(&self, sector: u64, task: &'static str, id: u64, runs: Range<f64>, now: f64) -> Option<Work> {
        let elapsed = now - runs.start;
        let run_wait = if runs.end - now < RETURNING_SECONDS {
            -1
        } else if elapsed < ASSIGNED_SECONDS {
            2
        } else if elapsed < PREPARED_SECONDS {
            1
        } else {
            0
        };
        let workers = self.workers().iter().enumerate();
        let able: Vec<usize> =
            workers.filter(|(_, worker)| worker.tasks.contains(&task)).map(|(index, _)| index).collect();
        let worker = *able.get(sector as usize % able.len().max(1))?;
        Some(Work { sector, task, id, queued: elapsed < 0.0, started: runs.start, run_wait, worker })
    }

    /// Somebody requests data every half hour. Requests wait for longer than other tasks, since they come last for the workers, so one is
    /// always waiting, and most of the time one is running.
    fn unsealing(&self, now: f64) -> impl Iterator<Item = Work> {
        const PERIOD_SECONDS: f64 = 1800.0;
        const QUEUE_SECONDS: f64 = 2100.0;
        const RUN_SECONDS: f64 = 1200.0;
        let (newest, wanted) = cycle(now, PERIOD_SECONDS, "unsealing", self.id);
        let both = [(newest, wanted), (newest.wrapping_sub(1), wanted - PERIOD_SECONDS)];
        both.into_iter().filter(|_| self.stock > 0).filter_map(move |(number, wanted)| {
            let id = hash("unsealing", &[self.id, number]);
            let start = wanted + QUEUE_SECONDS;
            let work = self.do_work(id % self.stock, "unseal", id, start..start + RUN_SECONDS, now);
            work.filter(|_| now < start + RUN_SECONDS)
        })
    }

    fn sector_id(&self, number: u64) -> Value {
        json!({ "Miner": self.id, "Number": number })
    }
}

/// `WorkerStats`.
pub(super) fn workers(miner: &Miner, now: f64) -> Value {
    // Running or prepared.
    let work: Vec<Work> =
        miner.work(now).into_iter().filter(|work| !work.queued && [0, 1].contains(&work.run_wait)).collect();
    let workers = miner.workers();
    let stats = workers.iter().enumerate().map(|(index, worker)| {
        let (mut least_gib, mut most_gib, mut cpus, mut gpus) = (0, 0, 0, 0);
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        // Tasks that the worker has ever done stay in the counts.
        let done = worker.tasks.iter().filter(|task| **task != "datacid");
        counts.extend(done.map(|task| (format!("{SEAL_PROOF}:{}", task_name(task)), 0)));
        for work in work.iter().filter(|work| work.worker == index) {
            *counts.entry(count_key(work)).or_default() += 1;
            if work.run_wait == 0 {
                let needs = needs(work.task);
                least_gib += needs.least_gib;
                most_gib += needs.most_gib;
                cpus += needs.cpus;
                gpus += usize::from(needs.gpu);
            }
        }
        // As it was when the worker connected, before it had anything to do.
        let memory = worker.memory_gib * GIB;
        let used = memory as f64 * between(0.04, 0.06, worker.host, &[miner.id, index as u64]);
        let stats = json!({
            "Info": {
                "Hostname": miner.host_of(worker),
                "IgnoreResources": false,
                "Resources": {
                    "MemPhysical": memory,
                    "MemUsed": used as u64,
                    "MemSwap": worker.swap_gib * GIB,
                    "MemSwapUsed": worker.swap_gib * GIB / 64,
                    "CPUs": worker.cpus,
                    "GPUs": if worker.gpus.is_empty() { Value::Null } else { json!(worker.gpus) },
                    "Resources": null,
                },
            },
            "Tasks": worker.tasks.iter().map(|task| task_name(task)).collect::<Vec<_>>(),
            "Enabled": true,
            "MemUsedMin": least_gib * GIB,
            "MemUsedMax": most_gib * GIB,
            "GpuUsed": gpus.min(worker.gpus.len()) as f64,
            "CpuUse": cpus.min(worker.cpus),
            "TaskCounts": counts,
        });
        (miner.worker_id(index), stats)
    });
    stats.collect()
}

/// `WorkerJobs`: what is no longer in the queue.
pub(super) fn jobs(miner: &Miner, now: f64) -> Value {
    let mut jobs: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for work in miner.work(now).into_iter().filter(|work| !work.queued) {
        let returning = work.run_wait < 0;
        let worker = if returning { NOBODY.to_owned() } else { miner.worker_id(work.worker) };
        let id = match work.run_wait <= 0 {
            true => json!({ "Sector": miner.sector_id(work.sector), "ID": uuid(work.id) }),
            false => json!({ "Sector": { "Miner": 0, "Number": 0 }, "ID": NOBODY }),
        };
        let mut job = json!({
            "ID": id,
            "Sector": miner.sector_id(work.sector),
            "Task": task_name(work.task),
            "RunWait": work.run_wait,
            "Start": rfc3339(work.started, 1),
        });
        if returning {
            job["Hostname"] = miner.host_of(&miner.workers()[work.worker]).into();
        }
        jobs.entry(worker).or_default().push(job);
    }
    json!(jobs)
}

/// `SealingSchedDiag`: the requests that wait for a worker, null where there is none. The farm has no scheduler that the
/// call could wake, so both values of its parameter get the same answer.
pub(super) fn scheduler(miner: &Miner, now: f64) -> Value {
    let queued = miner.work(now).into_iter().filter(|work| work.queued);
    let request = |sector, task, priority, id| {
        json!({
            "Sector": miner.sector_id(sector),
            "TaskType": task_name(task),
            "Priority": priority,
            "SchedId": uuid(id),
        })
    };
    let priority = |work: &Work| if work.task == "unseal" { 0 } else { 1024 };
    let requests: Vec<Value> = queued.map(|work| request(work.sector, work.task, priority(&work), work.id)).collect();
    json!({
        "CallToWork": {},
        "EarlyRet": null,
        "ReturnedWork": null,
        "SchedInfo": {
            "OpenWindows": null,
            "Requests": if requests.is_empty() { Value::Null } else { requests.into() },
        },
        "Waiting": null,
    })
}
