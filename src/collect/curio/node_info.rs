//! What a cluster tells of each machine only one by one: its memory, and when it started.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::Cluster;
use super::machines;
use crate::collect::run::Run;
use crate::collect::slow;
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
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    tried_seconds: Option<f64>,
    obtained_seconds: Option<f64>,
    machines: BTreeMap<u64, Known>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Known {
    memory_bytes: Option<u64>,
    start_seconds: Option<f64>,
}

impl Facts {
    /// When, in Unix seconds.
    pub fn obtained_seconds(&self) -> Option<f64> {
        self.obtained_seconds
    }
}

pub fn fetch(cluster: &Cluster, run: &Run, listed: Option<&machines::Facts>, problems: &mut Problems) -> Result<Facts> {
    let section = cluster.section("node_info");
    let mut facts: Facts = run.state.recall(&section);
    let ids: Vec<u64> = listed
        .into_iter()
        .flat_map(|facts| &facts.machines)
        .filter_map(|machine| machine.id)
        .take(MAX_MACHINES)
        .collect();
    // A machine that came, or moved, is a new number.
    let is_new = ids.iter().any(|id| !facts.machines.contains_key(id));
    if !ids.is_empty() && (is_new || slow::is_due(facts.tried_seconds, run.now, run.slow_period_seconds)) {
        facts.tried_seconds = Some(run.now);
        let mut batch = CurioBatch::default();
        let tickets: Vec<_> =
            ids.into_iter().map(|id| (id, batch.add::<Answer>(methods::CLUSTER_NODE_INFO, json!([id])))).collect();
        let answers = cluster.curio.send(&batch);
        let (mut machines, mut is_possible) = (BTreeMap::new(), true);
        for (id, ticket) in tickets {
            let info = problems
                .if_supported(answers.get(ticket))
                .and_then(|answer| answer.info.take("ClusterNodeInfo.Info", problems));
            let known = info.map(|info| Known {
                memory_bytes: info.memory.take("ClusterNodeInfo.Info.Memory", problems).and_then(Int::to_u64),
                start_seconds: info.startup_time.as_deref().and_then(parse_rfc3339),
            });
            let bytes = known.as_ref().and_then(|known| known.memory_bytes);
            is_possible &= bytes.is_none_or(|bytes| Unit::Bytes.allows(bytes as f64, run.now));
            // One that failed is asked again in the next period.
            machines.insert(id, known.unwrap_or_default());
        }
        facts.machines = machines;
        facts.obtained_seconds = Some(run.now);
        // What cannot be is not kept, and asked again.
        if is_possible {
            run.state.remember(&section, &facts);
        }
    }
    let is_old = |obtained: f64| !slow::is_presentable(obtained, run.now, run.slow_period_seconds);
    if facts.obtained_seconds.is_some_and(is_old) {
        facts = Facts::default();
    }
    Ok(facts)
}

pub fn expose(facts: &Facts, cluster: &Cluster, listed: Option<&machines::Facts>, samples: &mut Samples) {
    for machine in listed.into_iter().flat_map(|facts| &facts.machines) {
        let Some(known) = machine.id.and_then(|id| facts.machines.get(&id)) else { continue };
        let labels = [cluster.only_miner(), &machine.worker, &machine.name];
        samples.add(&families::WORKER_MEMORY_BYTES, labels, known.memory_bytes.filter(|bytes| *bytes > 0));
        samples.add(&families::CURIO_MACHINE_START_TIME_SECONDS, [&cluster.name, &machine.name], known.start_seconds);
    }
}
