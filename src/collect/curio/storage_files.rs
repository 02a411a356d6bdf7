//! The sector files in each storage path, which a cluster counts path by path, over all that it stores.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Cluster;
use super::storage;
use crate::collect::run::Run;
use crate::collect::slow::Remembered;
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

/// How many files of each kind there are, by path; None where that was never answered.
pub type Facts = Remembered<BTreeMap<String, Option<BTreeMap<String, u64>>>>;

pub fn fetch(cluster: &Cluster, run: &Run, listed: Option<&storage::Facts>, problems: &mut Problems) -> Result<Facts> {
    let ids: Vec<&str> = listed.into_iter().flat_map(storage::Facts::ids).take(MAX_PATHS).collect();
    let section = cluster.section("files_of_paths");
    if ids.is_empty() {
        return Ok(Facts::recalled(run, &section));
    }
    let lacks_some = |paths: &BTreeMap<_, _>| ids.iter().any(|id| !paths.contains_key(*id));
    Ok(Facts::renewed(run, &section, "StoragePathDetail", problems, lacks_some, |paths, problems| {
        let mut batch = CurioBatch::default();
        let asked = ids.iter().map(|id| (*id, batch.add::<Answer>(methods::STORAGE_PATH_DETAIL, json!([id]))));
        let tickets: Vec<_> = asked.collect();
        let answers = cluster.curio.send(&batch);
        let before = std::mem::take(paths);
        for (id, ticket) in tickets {
            let failures = problems.failures();
            let answer = problems.if_supported(answers.get(ticket));
            let counts = answer.and_then(|answer| counts(id, answer, problems));
            // One that failed is asked again in the next period, and has what it had meanwhile.
            let has_failed = problems.failures() > failures;
            paths.insert(id.to_owned(), if has_failed { before.get(id).cloned().flatten() } else { counts });
        }
    }))
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
        for (kind, count) in facts.facts.get(id).into_iter().flatten().flatten() {
            samples.add(&families::STORAGE_SECTOR_FILES, [cluster.only_miner(), id, kind], *count);
        }
    }
}
