//! Tasks that wait in lotus-miner's scheduler for a worker.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use crate::expose::{Samples, families};
use crate::rpc::Client;
use crate::tolerant::{Int, List, Problems};

/// What SealingSchedDiag tells.
pub struct Facts {
    pub requests: Vec<Request>,
}

/// A task that waits.
pub struct Request {
    pub sector: u64,
    pub task: String,
    priority: i128,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Diagnosis {
    sched_info: Option<SchedInfo>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SchedInfo {
    requests: List<WaitingTask>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WaitingTask {
    sector: SectorId,
    task_type: String,
    priority: Int,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SectorId {
    number: Int,
}

pub fn fetch(miner: &Client, problems: &mut Problems) -> Result<Facts> {
    // With true, the call would make the scheduler run.
    let diagnosis: Diagnosis = miner.call("SealingSchedDiag", json!([false]))?;
    let requests = diagnosis.sched_info.unwrap_or_default().requests;
    let requests = requests.take("SealingSchedDiag.SchedInfo.Requests", problems);
    let requests = requests.into_iter().filter_map(|task| {
        Some(Request { sector: task.sector.number.to_u64()?, task: task.task_type, priority: task.priority.0 })
    });
    Ok(Facts { requests: requests.collect() })
}

pub fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    let mut queues: BTreeMap<&str, u64> = BTreeMap::new();
    for request in &facts.requests {
        *queues.entry(&request.task).or_default() += 1;
        samples.add_row(
            &families::MINER_SCHEDULER_QUEUED_SECTOR,
            [miner_id, &request.sector.to_string(), &request.task],
            Int(request.priority),
            // The scheduler takes the highest priority first.
            -(request.priority as f64),
        );
    }
    for (task, count) in queues {
        samples.add(&families::MINER_SCHEDULER_QUEUE, [miner_id, task], count);
    }
}
