//! How tasks ended in the last day.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Cluster;
use crate::expose::{Samples, families};
use crate::rpc::curio::{CurioBatch, methods};
use crate::rpc::{Answers, Ticket};
use crate::tolerant::{Field, Int, List, Problems};

pub struct Tickets(Ticket<List<Answer>>);

/// Curio before v1.28.2 counts attempts, under other names.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    #[serde(alias = "Name")]
    name: Option<String>,
    #[serde(alias = "TrueCount")]
    success: Field<Int>,
    #[serde(alias = "FalseCount")]
    failure: Field<Int>,
}

/// Each kind of task, and how many worked or did not.
pub struct Facts(Vec<(String, [Option<Int>; 2])>);

pub fn ask(batch: &mut CurioBatch) -> Tickets {
    Tickets(batch.add(methods::HARMONY_TASK_STATS, json!([])))
}

pub fn fetch(answers: &Answers, Tickets(stats): Tickets, problems: &mut Problems) -> Result<Facts> {
    let stats = answers.get(stats)?.take("HarmonyTaskStats", problems);
    let stats = stats.into_iter().filter_map(|answer| {
        let name = answer.name.filter(|name| !name.is_empty())?;
        let counts = [
            answer.success.take(&format!("HarmonyTaskStats[{name}].success"), problems),
            answer.failure.take(&format!("HarmonyTaskStats[{name}].failure"), problems),
        ];
        Some((name, counts))
    });
    Ok(Facts(stats.collect()))
}

pub fn expose(Facts(stats): &Facts, cluster: &Cluster, samples: &mut Samples) {
    for (task, counts) in stats {
        for (result, count) in ["success", "failure"].into_iter().zip(counts) {
            samples.add(&families::CURIO_TASKS_FINISHED_24H, [&cluster.name, task, result], *count);
        }
    }
}
