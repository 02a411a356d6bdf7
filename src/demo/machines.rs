//! Workers, their jobs and the scheduler's queue. A task of a sector first waits in the queue for a part of the sector's
//! step, then runs on a worker until the step's end; near that end its result is on the way back to the miner.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::miner::Miner;
use super::noise::{cycle, fraction, hash, splitmix64, wave};
use super::text::{rfc3339, uuid};

const GIB: u64 = 1 << 30;
/// The worker of a job whose result is on the way back.
const NO_WORKER: &str = "00000000-0000-0000-0000-000000000000";
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

/// What a running task takes: memory at least and at most, processors, and a GPU if there is one.
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
        if self.index == 0 { FIRST_MINERS_WORKERS } else { SECOND_MINERS_WORKERS }
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
            let elapsed = now - started;
            let run_wait = if stay.until - now < RETURNING_SECONDS {
                -1
            } else if elapsed < ASSIGNED_SECONDS {
                2
            } else if elapsed < PREPARED_SECONDS {
                1
            } else {
                0
            };
            let able: Vec<usize> = self
                .workers()
                .iter()
                .enumerate()
                .filter(|(_, worker)| worker.tasks.contains(&task))
                .map(|(index, _)| index)
                .collect();
            let worker = *able.get(sector.number as usize % able.len().max(1))?;
            Some(Work { sector: sector.number, task, id, queued: elapsed < 0.0, started, run_wait, worker })
        });
        work.collect()
    }

    fn sector_id(&self, number: u64) -> Value {
        json!({ "Miner": self.id, "Number": number })
    }
}

/// `WorkerStats`.
pub(super) fn workers(miner: &Miner, now: f64) -> Value {
    let work: Vec<Work> = miner.work(now).into_iter().filter(|work| !work.queued && work.run_wait >= 0).collect();
    let running = |index: usize| work.iter().filter(move |work| work.worker == index);
    let workers = miner.workers();
    let stats = workers.iter().enumerate().map(|(index, worker)| {
        let (mut least_gib, mut most_gib, mut cpus, mut gpus) = (0, 0, 0, 0);
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for job in running(index) {
            let needs = needs(job.task);
            least_gib += needs.least_gib;
            most_gib += needs.most_gib;
            cpus += needs.cpus;
            gpus += usize::from(needs.gpu);
            *counts.entry(task_name(job.task)).or_default() += 1;
        }
        // The host's memory also holds what the other workers on it do.
        let neighbours = (0..workers.len()).filter(|other| workers[*other].host == worker.host);
        let tasks_gib: u64 = neighbours.flat_map(running).map(|job| needs(job.task).least_gib).sum();
        let system_gib = worker.memory_gib as f64 * (0.05 + 0.01 * wave(now, 2600.0, worker.host, miner.id));
        let used = ((tasks_gib as f64 + system_gib) * GIB as f64) as u64;
        let memory = worker.memory_gib * GIB;
        let stats = json!({
            "Info": {
                "Hostname": worker.host,
                "IgnoreResources": false,
                "Resources": {
                    "MemPhysical": memory,
                    "MemUsed": used.min(memory),
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

/// `WorkerJobs`: what is not in the queue any more.
pub(super) fn jobs(miner: &Miner, now: f64) -> Value {
    let mut jobs: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for work in miner.work(now).into_iter().filter(|work| !work.queued) {
        let returning = work.run_wait < 0;
        let worker = if returning { NO_WORKER.to_owned() } else { miner.worker_id(work.worker) };
        let mut job = json!({
            "ID": { "Sector": miner.sector_id(work.sector), "ID": uuid(work.id) },
            "Sector": miner.sector_id(work.sector),
            "Task": task_name(work.task),
            "RunWait": work.run_wait,
            "Start": rfc3339(work.started, 1),
        });
        if returning {
            job["Hostname"] = miner.workers()[work.worker].host.into();
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
    let mut requests: Vec<Value> = queued.map(|work| request(work.sector, work.task, 1024, work.id)).collect();
    // Somebody always waits for data, which is the last thing that the workers find time for.
    if miner.stock > 0 {
        let id = hash("unsealing", &[miner.id, cycle(now, 3600.0, "unsealing", miner.id).0]);
        requests.push(request(id % miner.stock, "unseal", 0, id));
    }
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
