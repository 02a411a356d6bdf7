//! The workers that lotus-miner has, and how much of them is in use.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use crate::expose::{Family, Samples, families};
use crate::rpc::Client;
use crate::tolerant::{Field, Float, Int, Map, Problems};

/// What WorkerStats returns.
pub struct Facts {
    workers: Vec<Worker>,
}

struct Worker {
    id: String,
    host: String,
    gpus: Option<Vec<String>>,
    is_enabled: Option<bool>,
    numbers: Vec<(&'static Family<3>, Option<f64>)>,
    tasks: BTreeMap<String, u64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Stats {
    info: Field<Info>,
    enabled: Field<bool>,
    mem_used_min: Field<Int>,
    mem_used_max: Field<Int>,
    gpu_used: Field<Float>,
    cpu_use: Field<Int>,
    /// By the type of the sector's proof and the task: `8:seal/v0/precommit/1`.
    task_counts: Field<Map<Int>>,
}

/// What lotus-miner asked the worker when that connected, and never again (newWorkerHandle in storage/sealer of Lotus).
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Info {
    hostname: Field<String>,
    resources: Field<Resources>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Resources {
    mem_physical: Field<Int>,
    mem_used: Field<Int>,
    mem_swap: Field<Int>,
    mem_swap_used: Field<Int>,
    #[serde(rename = "CPUs")]
    cpus: Field<Int>,
    #[serde(rename = "GPUs")]
    gpus: Field<Vec<String>>,
}

pub fn fetch(miner: &Client, problems: &mut Problems) -> Result<Facts> {
    let stats: Map<Stats> = miner.call("WorkerStats", json!([]))?;
    let stats = stats.take("WorkerStats", problems).into_iter();
    Ok(Facts { workers: stats.map(|(id, stats)| worker(id, stats, problems)).collect() })
}

fn worker(id: String, stats: Stats, problems: &mut Problems) -> Worker {
    let at = format!("WorkerStats[{id}]");
    let info = stats.info.take(&format!("{at}.Info"), problems).unwrap_or_default();
    let resources = info.resources.take(&format!("{at}.Info.Resources"), problems);
    let resources = resources.unwrap_or_default();
    let host = info.hostname.take(&format!("{at}.Info.Hostname"), problems);
    let gpus = resources.gpus.take(&format!("{at}.Info.Resources.GPUs"), problems);
    let is_enabled = stats.enabled.take(&format!("{at}.Enabled"), problems);
    let tasks = stats.task_counts.take(&format!("{at}.TaskCounts"), problems);
    let tasks = task_counts(tasks.unwrap_or_default(), &format!("{at}.TaskCounts"), problems);
    let mut int = |field: Field<Int>, name| {
        let number = field.take(&format!("{at}.{name}"), problems);
        number.map(|Int(number)| number as f64)
    };
    use families::*;
    let mut numbers = vec![
        (&WORKER_CPUS, int(resources.cpus, "Info.Resources.CPUs")),
        (&WORKER_CPUS_USED, int(stats.cpu_use, "CpuUse")),
        (&WORKER_MEMORY_BYTES, int(resources.mem_physical, "Info.Resources.MemPhysical")),
        (&WORKER_MEMORY_TASKS_BYTES, int(stats.mem_used_min, "MemUsedMin")),
        (&WORKER_MEMORY_USED_AT_CONNECT_BYTES, int(resources.mem_used, "Info.Resources.MemUsed")),
        (&WORKER_SWAP_BYTES, int(resources.mem_swap, "Info.Resources.MemSwap")),
        (&WORKER_SWAP_USED_AT_CONNECT_BYTES, int(resources.mem_swap_used, "Info.Resources.MemSwapUsed")),
        (&WORKER_VIRTUAL_MEMORY_TASKS_BYTES, int(stats.mem_used_max, "MemUsedMax")),
    ];
    let gpus_used = stats.gpu_used.take(&format!("{at}.GpuUsed"), problems);
    numbers.push((&WORKER_GPUS_USED, gpus_used.map(|Float(used)| used)));
    numbers.push((&WORKER_GPUS, gpus.as_ref().map(|gpus| gpus.len() as f64)));
    Worker { host: host.unwrap_or_default(), gpus, is_enabled, numbers, tasks, id }
}

/// How many of each task there are, over all proof types; none for a task if one of its counts is impossible.
fn task_counts(counts: Map<Int>, at: &str, problems: &mut Problems) -> BTreeMap<String, u64> {
    let mut tasks: BTreeMap<String, Option<u64>> = BTreeMap::new();
    for (key, count) in counts.0 {
        let at = format!("{at}[{key:?}]");
        let count = count.take(&at, problems).and_then(|Int(count)| {
            let known = u64::try_from(count).ok();
            if known.is_none() {
                problems.note(format_args!("{at}: {count} is not a count"));
            }
            known
        });
        let sum = tasks.entry(task_name(&key).to_owned()).or_insert(Some(0));
        *sum = sum.zip(count).and_then(|(sum, count)| sum.checked_add(count));
    }
    tasks.into_iter().filter_map(|(task, count)| Some((task, count?))).collect()
}

/// The task in a key of TaskCounts, as jobs and the scheduler's queue call it. `8:` alone is what needs nothing fetched before it can begin
/// (SealTaskType and TTNoop in storage/sealer/sealtasks of Lotus).
fn task_name(key: &str) -> &str {
    let typed = key.split_once(':').filter(|(proof, _)| proof.parse::<i64>().is_ok());
    typed.map_or(key, |(_, task)| task)
}

impl Facts {
    /// The host of each connected worker by its id; empty if it was not reported.
    pub fn hosts(&self) -> BTreeMap<&str, &str> {
        let hosts = self.workers.iter();
        hosts.map(|worker| (worker.id.as_str(), worker.host.as_str())).collect()
    }
}

/// GPUs as a person would say them: `2 x NVIDIA A6000, NVIDIA T4`.
fn gpu_names(gpus: &[String]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for gpu in gpus {
        *counts.entry(gpu).or_default() += 1;
    }
    let names = counts.into_iter().map(|(name, count)| match count {
        1 => name.to_owned(),
        _ => format!("{count} x {name}"),
    });
    names.collect::<Vec<_>>().join(", ")
}

pub fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    for worker in &facts.workers {
        let (id, host) = (worker.id.as_str(), worker.host.as_str());
        let gpus = gpu_names(worker.gpus.as_deref().unwrap_or_default());
        samples.add(&families::WORKER_INFO, [miner_id, id, host, &gpus], true);
        samples.add(&families::WORKER_ENABLED, [miner_id, id, host], worker.is_enabled);
        for (family, number) in &worker.numbers {
            samples.add(family, [miner_id, id, host], *number);
        }
        for (task, count) in &worker.tasks {
            samples.add(&families::WORKER_TASKS, [miner_id, id, host, task], *count);
        }
    }
}
