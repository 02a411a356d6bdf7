//! Workers, their jobs, and what waits for them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::expected::Expected;
use crate::recording::Recording;
use crate::values::{items, number, seconds, text, yes};

pub fn expect(recording: &Recording, node: &str, miner_id: &str, expected: &mut Expected) {
    let workers = recording.result(node, "WorkerStats", &json!([])).as_object().unwrap();
    for (worker, stats) in workers {
        of_worker(miner_id, worker, stats, expected);
    }
    let host = |worker: &str| workers.get(worker).map_or("", |stats| text(&stats["Info"]["Hostname"]));
    let jobs = recording.result(node, "WorkerJobs", &json!([]));
    let mut counts: BTreeMap<(&str, &str, &str), f64> = BTreeMap::new();
    for (worker, jobs) in jobs.as_object().unwrap() {
        for job in items(jobs) {
            // Lotus adds the host where the worker is gone.
            let host = job["Hostname"].as_str().filter(|name| !name.is_empty()).unwrap_or_else(|| host(worker));
            let (task, state) = (text(&job["Task"]), job_state(number(&job["RunWait"])));
            *counts.entry((task, state, host)).or_default() += 1.0;
            let labels = [
                ("miner_id", miner_id),
                ("job_id", text(&job["ID"]["ID"])),
                ("sector", &job["Sector"]["Number"].to_string()),
                ("task", task),
                ("state", state),
                ("worker", worker),
                ("worker_host", host),
            ];
            expected.add("farcaster_miner_job_start_timestamp_seconds", &labels, seconds(&job["Start"]));
        }
    }
    for ((task, state, host), count) in counts {
        let labels = [("miner_id", miner_id), ("task", task), ("state", state), ("worker_host", host)];
        expected.add("farcaster_miner_jobs", &labels, count);
    }
    scheduler(recording, node, miner_id, expected);
    expected.nothing_more_of(&[
        "farcaster_miner_job_start_timestamp_seconds",
        "farcaster_miner_jobs",
        // A job is seen to finish by a second run.
        "farcaster_miner_task_duration_seconds",
    ]);
}

fn of_worker(miner_id: &str, worker: &str, stats: &Value, expected: &mut Expected) {
    let (info, resources) = (&stats["Info"], &stats["Info"]["Resources"]);
    let labels = [("miner_id", miner_id), ("worker", worker), ("worker_host", text(&info["Hostname"]))];
    let gpus = items(&resources["GPUs"]);
    assert!(gpus.is_empty(), "the machine of the devnet has no GPU");
    expected.add("farcaster_worker_info", &[labels[0], labels[1], labels[2], ("gpus", "")], 1.0);
    expected.add("farcaster_worker_enabled", &labels, yes(&stats["Enabled"]));
    for (name, value) in [
        ("cpus", &resources["CPUs"]),
        ("cpus_used", &stats["CpuUse"]),
        ("gpus_used", &stats["GpuUsed"]),
        ("memory_bytes", &resources["MemPhysical"]),
        ("memory_used_at_connect_bytes", &resources["MemUsed"]),
        ("memory_tasks_bytes", &stats["MemUsedMin"]),
        ("swap_bytes", &resources["MemSwap"]),
        ("swap_used_at_connect_bytes", &resources["MemSwapUsed"]),
        ("virtual_memory_tasks_bytes", &stats["MemUsedMax"]),
    ] {
        expected.add(&format!("farcaster_worker_{name}"), &labels, number(value));
    }
    expected.add("farcaster_worker_gpus", &labels, gpus.len() as f64);
    tasks(&labels, &stats["TaskCounts"], expected);
}

/// Lotus counts tasks by proof type and task, like `5:seal/v0/precommit/1`, and by proof type alone, like `5:`, what is prepared with nothing to
/// fetch. What is published is the task, over all proof types.
fn tasks(labels: &[(&str, &str); 3], counts: &Value, expected: &mut Expected) {
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for (key, count) in counts.as_object().unwrap() {
        let (_, task) = key.split_once(':').unwrap();
        *sums.entry(task).or_default() += number(count);
    }
    expected.nothing_more_of(&["farcaster_worker_tasks"]);
    for (task, count) in sums {
        expected.add("farcaster_worker_tasks", &[labels[0], labels[1], labels[2], ("task", task)], count);
    }
}

fn scheduler(recording: &Recording, node: &str, miner_id: &str, expected: &mut Expected) {
    let diagnosis = recording.result(node, "SealingSchedDiag", &json!([false]));
    let mut queues: BTreeMap<&str, f64> = BTreeMap::new();
    for request in items(&diagnosis["SchedInfo"]["Requests"]) {
        let task = text(&request["TaskType"]);
        *queues.entry(task).or_default() += 1.0;
        let sector = request["Sector"]["Number"].to_string();
        let labels = [("miner_id", miner_id), ("sector", &*sector), ("task", task)];
        expected.add("farcaster_miner_scheduler_queued_sector", &labels, number(&request["Priority"]));
    }
    for (task, count) in queues {
        expected.add("farcaster_miner_scheduler_queue", &[("miner_id", miner_id), ("task", task)], count);
    }
    expected.nothing_more_of(&["farcaster_miner_scheduler_queue", "farcaster_miner_scheduler_queued_sector"]);
}

/// WorkerJobs.RunWait (storage/sealer/storiface/worker.go).
fn job_state(run_wait: f64) -> &'static str {
    match run_wait {
        0.0 => "running",
        1.0 => "prepared",
        2.0.. => "assigned",
        -1.0 | -2.0 => "returning",
        _ => "done",
    }
}
