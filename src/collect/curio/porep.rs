//! Sectors that failed while they were sealed, by miner, and, rarely, which ones, and which are stuck.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Cluster;
use super::pipelines::{Problem, Tally};
use super::text::miner_of;
use crate::collect::run::Run;
use crate::collect::slow::Remembered;
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

/// The sectors with a problem, as they were last listed; none where Curio cannot.
pub type Listed = Remembered<Option<Tally>>;

/// Lists them once in a while: Curio reads the bitfields of all partitions of each miner for it.
pub fn fetch_list(curio: &Curio, cluster: &Cluster, run: &Run, problems: &mut Problems) -> Result<Listed> {
    if cluster.is_skiff() {
        return Ok(Listed::default());
    }
    let section = cluster.section("porep_sectors");
    Ok(Listed::renewed(
        run,
        &section,
        "PipelinePorepSectors",
        problems,
        |_| false,
        |listed, problems| {
            let (mut tally, mut bad, failures) = (Tally::default(), None, problems.failures());
            let answer = curio.each::<Sector>(methods::PIPELINE_POREP_SECTORS, |sector| match sector {
                Ok(sector) => {
                    let is_stuck = sector.missing_tasks.is_some_and(|Count(tasks)| tasks > 0);
                    let failed = sector.failed.unwrap_or(false);
                    let problem =
                        Problem::of(sector.address, sector.sector_number, failed, sector.failed_reason, is_stuck);
                    problem.into_iter().for_each(|problem| tally.add(problem));
                }
                Err(why) => bad = Some(why),
            });
            if let Some(why) = &bad {
                problems.note(format_args!("PipelinePorepSectors[]: {why}"));
            }
            let read = problems.if_supported(answer);
            if problems.failures() == failures {
                *listed = read.map(|()| tally);
            }
        },
    ))
}

pub fn expose_list(listed: &Listed, cluster: &Cluster, samples: &mut Samples) {
    if let Some(tally) = &listed.facts {
        tally.expose(cluster, "PoRep", samples);
    }
}
