//! Tasks that wait in lotus-miner's scheduler for a worker.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde::Deserialize;
use serde_json::json;

use crate::expose::{Samples, families};
use crate::rpc::Client;
use crate::tolerant::{Field, Int, List, Problems};

/// What SealingSchedDiag returns.
pub struct Facts {
    pub requests: Vec<Request>,
    is_whole: bool,
}

/// A task that waits.
pub struct Request {
    pub sector: u64,
    pub task: String,
    priority: Option<i32>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Diagnosis {
    sched_info: Field<SchedInfo>,
}

/// Null means no requests; a queue that was never reported is not an empty one.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SchedInfo {
    // With its own function, a missing field is an error.
    #[serde(deserialize_with = "Deserialize::deserialize")]
    requests: List<WaitingTask>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WaitingTask {
    sector: SectorId,
    task_type: String,
    #[serde(default)]
    priority: Field<Int>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SectorId {
    number: Int,
}

pub fn fetch(miner: &Client, problems: &mut Problems) -> Result<Facts> {
    // With true, the call would make the scheduler run.
    let diagnosis: Diagnosis = miner.call("SealingSchedDiag", json!([false]))?;
    let at = "SealingSchedDiag.SchedInfo";
    let info = match diagnosis.sched_info {
        Field::Good(info) => info,
        Field::Missing => bail!("{}: {at}: missing", miner.name()),
        Field::Bad(why) => bail!("{}: {at}: {why}", miner.name()),
    };
    let mut requests = Vec::new();
    let listed = info.requests.0.len();
    for (index, task) in info.requests.0.into_iter().enumerate() {
        let at = format!("{at}.Requests[{index}]");
        requests.extend(task.take(&at, problems).and_then(|task| read(task, &at, problems)));
    }
    Ok(Facts { is_whole: requests.len() == listed, requests })
}

fn read(task: WaitingTask, at: &str, problems: &mut Problems) -> Option<Request> {
    let Some(sector) = task.sector.number.to_u64() else {
        problems.note(format_args!("{at}.Sector: {} is not a sector's number", task.sector.number.0));
        return None;
    };
    if matches!(task.priority, Field::Missing) {
        problems.note(format_args!("{at}.Priority: missing"));
    }
    let priority = task.priority.take(&format!("{at}.Priority"), problems).and_then(|Int(number)| {
        let priority = i32::try_from(number).ok();
        if priority.is_none() {
            problems.note(format_args!("{at}.Priority: {number} is not a priority"));
        }
        priority
    });
    Some(Request { sector, task: task.task_type, priority })
}

pub fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    let mut queues: BTreeMap<&str, u64> = BTreeMap::new();
    // A task may wait twice for one sector, as for two pieces of it; the first one represents both.
    let mut rows: BTreeMap<(u64, &str), i32> = BTreeMap::new();
    for request in &facts.requests {
        *queues.entry(&request.task).or_default() += 1;
        if let Some(priority) = request.priority {
            let highest = rows.entry((request.sector, &request.task)).or_insert(priority);
            *highest = priority.max(*highest);
        }
    }
    for ((sector, task), priority) in rows {
        samples.add_row(
            &families::MINER_SCHEDULER_QUEUED_SECTOR,
            [miner_id, &sector.to_string(), task],
            f64::from(priority),
            // The scheduler takes the highest priority first.
            -f64::from(priority),
        );
    }
    // The queue of a request that cannot be read is unknown.
    if facts.is_whole {
        for (task, count) in queues {
            samples.add(&families::MINER_SCHEDULER_QUEUE, [miner_id, task], count);
        }
    }
}
