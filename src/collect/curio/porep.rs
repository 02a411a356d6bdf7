//! Sectors that failed while they were sealed, by miner, and, rarely, which ones, and which are stuck.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::Cluster;
use super::pipelines::{Problem, Tally};
use super::text::miner_of;
use crate::collect::run::Run;
use crate::collect::slow;
use crate::expose::{Samples, families};
use crate::rpc::curio::{Curio, methods};
use crate::tolerant::{Count, Field, Int, List, Problems};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Summary {
    actor: Option<String>,
    count_failed: Field<Int>,
}

/// Failed sectors by miner.
pub struct Failed(BTreeMap<String, Option<Int>>);

pub fn fetch(curio: &Curio, cluster: &Cluster, problems: &mut Problems) -> Result<Failed> {
    let Some(summary) = problems.if_supported(curio.call::<List<Summary>>(methods::POREP_PIPELINE_SUMMARY, json!([])))
    else {
        return Ok(Failed(BTreeMap::new()));
    };
    let (mut failed, failures) = (BTreeMap::new(), problems.failures());
    for summary in summary.take("PorepPipelineSummary", problems) {
        let Some(actor) = miner_of(summary.actor, "PorepPipelineSummary", problems) else { continue };
        let count = summary.count_failed.take(&format!("PorepPipelineSummary[{actor}].CountFailed"), problems);
        failed.insert(actor, count);
    }
    // A miner without any sector in the pipeline is not in the answer.
    if problems.failures() == failures {
        cluster.miner_ids.iter().for_each(|id| _ = failed.entry(id.clone()).or_insert(Some(Int(0))));
    }
    Ok(Failed(failed))
}

pub fn expose(Failed(failed): &Failed, cluster: &Cluster, samples: &mut Samples) {
    for (miner, count) in failed {
        samples.add(&families::CURIO_PIPELINE_FAILED_SECTORS, [&cluster.name, miner, "PoRep"], *count);
    }
}

/// What is read of each sector in the pipeline.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Sector {
    address: Option<String>,
    sector_number: Option<Int>,
    failed: Option<bool>,
    failed_reason: Option<String>,
    missing_tasks: Option<Count>,
}

/// The sectors with a problem, as they were last listed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Listed {
    tried_seconds: Option<f64>,
    obtained_seconds: Option<f64>,
    tally: Tally,
}

impl Listed {
    /// When, in Unix seconds.
    pub fn obtained_seconds(&self) -> Option<f64> {
        self.obtained_seconds
    }
}

/// Lists them once in a while: Curio reads the bitfields of all partitions of each miner for it.
pub fn fetch_list(curio: &Curio, cluster: &Cluster, run: &Run, problems: &mut Problems) -> Result<Listed> {
    let section = cluster.section("porep");
    let mut listed: Listed = run.state.recall(&section);
    if slow::is_due(listed.tried_seconds, run.now, run.slow_period_seconds) && !cluster.is_skiff() {
        listed.tried_seconds = Some(run.now);
        let (mut tally, mut bad) = (Tally::default(), None);
        let answer = curio.each::<Sector>(methods::PIPELINE_POREP_SECTORS, |sector| match sector {
            Ok(sector) => {
                let is_stuck = sector.missing_tasks.is_some_and(|Count(tasks)| tasks > 0);
                let failed = sector.failed.unwrap_or(false);
                let problem = Problem::of(sector.address, sector.sector_number, failed, sector.failed_reason, is_stuck);
                problem.into_iter().for_each(|problem| tally.add(problem));
            }
            Err(why) => bad = Some(why),
        });
        if let Some(why) = &bad {
            problems.note(format_args!("PipelinePorepSectors[]: {why}"));
        }
        if problems.if_supported(answer).is_some() && bad.is_none() {
            listed = Listed { tried_seconds: Some(run.now), obtained_seconds: Some(run.now), tally };
        }
        run.state.remember(&section, &listed);
    }
    let is_old = |obtained: f64| !slow::is_presentable(obtained, run.now, run.slow_period_seconds);
    if listed.obtained_seconds.is_some_and(is_old) {
        listed = Listed { tried_seconds: listed.tried_seconds, ..Listed::default() };
    }
    Ok(listed)
}

pub fn expose_list(listed: &Listed, cluster: &Cluster, samples: &mut Samples) {
    if listed.obtained_seconds.is_some() {
        listed.tally.expose(cluster, "PoRep", samples);
    }
}
