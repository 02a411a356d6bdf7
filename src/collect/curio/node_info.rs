//! What a cluster tells of each machine only one by one: its memory, and when it started.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::Cluster;
use super::machines;
use crate::collect::run::Run;
use crate::collect::slow::Remembered;
use crate::expose::{Samples, Unit, families};
use crate::lotus::epoch::parse_rfc3339;
use crate::rpc::curio::{CurioBatch, methods};
use crate::tolerant::{Field, Int, Problems};

/// As many machines are asked for at a time.
const MAX_MACHINES: usize = 200;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    info: Field<Info>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Info {
    memory: Field<Int>,
    startup_time: Option<String>,
}

/// What was last told of each machine, by its number.
pub type Facts = Remembered<BTreeMap<u64, Known>>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Known {
    memory_bytes: Option<u64>,
    start_seconds: Option<f64>,
}

pub fn fetch(cluster: &Cluster, run: &Run, listed: Option<&machines::Facts>, problems: &mut Problems) -> Result<Facts> {
    let listed = listed.into_iter().flat_map(|facts| &facts.machines);
    let ids: Vec<u64> = listed.filter_map(|machine| machine.id).take(MAX_MACHINES).collect();
    let section = cluster.section("machine_info");
    if ids.is_empty() {
        return Ok(Facts::recalled(run, &section));
    }
    // A machine that came, or moved, is a new number.
    let lacks_some = |machines: &BTreeMap<_, _>| ids.iter().any(|id| !machines.contains_key(id));
    Ok(Facts::renewed(run, &section, "ClusterNodeInfo", problems, lacks_some, |machines, problems| {
        let mut batch = CurioBatch::default();
        let asked = ids.iter().map(|id| (*id, batch.add::<Answer>(methods::CLUSTER_NODE_INFO, json!([id]))));
        let tickets: Vec<_> = asked.collect();
        let answers = cluster.curio.send(&batch);
        let before = std::mem::take(machines);
        for (id, ticket) in tickets {
            let failures = problems.failures();
            let answer = problems.if_supported(answers.get(ticket));
            let known =
                answer.and_then(|answer| answer.info.take("ClusterNodeInfo.Info", problems)).map(|info| Known {
                    memory_bytes: memory_bytes(info.memory, run.now, problems),
                    start_seconds: info.startup_time.as_deref().and_then(parse_rfc3339),
                });
            // One that failed is asked again in the next period, and is what it was meanwhile.
            let kept = before.get(&id).filter(|_| problems.failures() > failures).cloned();
            machines.insert(id, kept.or(known).unwrap_or_default());
        }
    }))
}

fn memory_bytes(answer: Field<Int>, now: f64, problems: &mut Problems) -> Option<u64> {
    const FIELD: &str = "ClusterNodeInfo.Info.Memory";
    let Int(bytes) = answer.take(FIELD, problems)?;
    if !Unit::Bytes.allows(bytes as f64, now) {
        problems.note(format_args!("{FIELD}: {bytes} is not {}", Unit::Bytes.words()));
        return None;
    }
    u64::try_from(bytes).ok()
}

pub fn expose(facts: &Facts, cluster: &Cluster, listed: Option<&machines::Facts>, samples: &mut Samples) {
    for machine in listed.into_iter().flat_map(|facts| &facts.machines) {
        let Some(known) = machine.id.and_then(|id| facts.facts.get(&id)) else { continue };
        let labels = [cluster.only_miner(), &machine.worker, &machine.name];
        samples.add(&families::WORKER_MEMORY_BYTES, labels, known.memory_bytes.filter(|bytes| *bytes > 0));
        samples.add(&families::CURIO_MACHINE_START_TIME_SECONDS, [&cluster.name, &machine.name], known.start_seconds);
    }
}
