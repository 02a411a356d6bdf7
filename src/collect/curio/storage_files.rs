//! The sector files in each storage path, which a cluster counts path by path, over all that it stores.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::Cluster;
use super::storage;
use crate::collect::run::Run;
use crate::collect::slow;
use crate::expose::{Samples, families};
use crate::rpc::curio::{CurioBatch, methods};
use crate::tolerant::{Field, Int, List, Problems, present};

/// As many paths are asked for at a time.
const MAX_PATHS: usize = 200;

/// The kinds as Lotus has them too, of which a path without files has none.
const KINDS: [&str; 6] = ["unsealed", "sealed", "cache", "update", "update_cache", "piece"];

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    #[serde(deserialize_with = "present")]
    by_type: Option<List<Count>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Count {
    file_type: Option<String>,
    count: Field<Int>,
}

/// How many files of each kind there are, by path.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    tried_seconds: Option<f64>,
    obtained_seconds: Option<f64>,
    paths: BTreeMap<String, Option<BTreeMap<String, u64>>>,
}

impl Facts {
    /// When, in Unix seconds.
    pub fn obtained_seconds(&self) -> Option<f64> {
        self.obtained_seconds
    }
}

pub fn fetch(cluster: &Cluster, run: &Run, listed: Option<&storage::Facts>, problems: &mut Problems) -> Result<Facts> {
    let section = cluster.section("storage_files");
    let mut facts: Facts = run.state.recall(&section);
    let ids: Vec<&str> = listed.into_iter().flat_map(storage::Facts::ids).take(MAX_PATHS).collect();
    let is_new = ids.iter().any(|id| !facts.paths.contains_key(*id));
    if !ids.is_empty() && (is_new || slow::is_due(facts.tried_seconds, run.now, run.slow_period_seconds)) {
        let mut batch = CurioBatch::default();
        let tickets: Vec<_> =
            ids.into_iter().map(|id| (id, batch.add::<Answer>(methods::STORAGE_PATH_DETAIL, json!([id])))).collect();
        let answers = cluster.curio.send(&batch);
        let failures = problems.failures();
        let before = std::mem::take(&mut facts.paths);
        for (id, ticket) in tickets {
            let answer = problems.if_supported(answers.get(ticket));
            // One that failed is asked again in the next period, and has what it had meanwhile.
            let counts = answer.and_then(|answer| counts(id, answer, problems));
            facts.paths.insert(id.to_owned(), counts.or_else(|| before.get(id).cloned().flatten()));
        }
        facts.tried_seconds = Some(run.now);
        if problems.failures() == failures {
            facts.obtained_seconds = Some(run.now);
        }
        run.state.remember(&section, &facts);
    } else if facts.tried_seconds.is_some() && facts.obtained_seconds.is_none() {
        problems.note("StoragePathDetail failed when it was last asked");
    }
    let is_old = |obtained: f64| !slow::is_presentable(obtained, run.now, run.slow_period_seconds);
    if facts.obtained_seconds.is_some_and(is_old) {
        facts = Facts::default();
    }
    Ok(facts)
}

/// A kind of which there are no files is not in the answer. Where one of them cannot be read, nothing is known of the path.
fn counts(id: &str, answer: Answer, problems: &mut Problems) -> Option<BTreeMap<String, u64>> {
    let place = format!("StoragePathDetail[{id}].ByType");
    let failures = problems.failures();
    let mut counts: BTreeMap<_, _> = KINDS.map(|kind| (kind.to_owned(), 0)).into();
    for row in answer.by_type?.take(&place, problems) {
        let count = row.count.take(&format!("{place}[].Count"), problems).and_then(Int::to_u64);
        match row.file_type.zip(count) {
            Some((kind, count)) => _ = counts.insert(kind.replace('-', "_"), count),
            None => problems.note(format_args!("{place}: a row without a kind of file or its count")),
        }
    }
    (problems.failures() == failures).then_some(counts)
}

pub fn expose(facts: &Facts, cluster: &Cluster, listed: Option<&storage::Facts>, samples: &mut Samples) {
    for id in listed.into_iter().flat_map(storage::Facts::ids) {
        for (kind, count) in facts.paths.get(id).into_iter().flatten().flatten() {
            samples.add(&families::STORAGE_SECTOR_FILES, [cluster.only_miner(), id, kind], *count);
        }
    }
}
