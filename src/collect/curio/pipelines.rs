//! Sectors in the pipelines by stage, and the upgrades (Snap) that failed or are stuck.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Cluster;
use crate::expose::{Samples, families};
use crate::lotus::address;
use crate::rpc::curio::{CurioBatch, methods};
use crate::rpc::{Answers, Gather, Ticket};
use crate::tolerant::{Count, Field, Int, List, Problems};

/// Sectors with a problem that are kept; all are counted.
pub const MAX_PROBLEMS: usize = 1000;

/// Curio's words are one or two.
const MAX_REASON_CHARS: usize = 60;

pub struct Tickets {
    stages: Ticket<List<Stage>>,
    upgrades: Ticket<Upgrades>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Stage {
    pipeline_type: Option<String>,
    stage: Option<String>,
    count: Field<Int>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Upgrade {
    miner: Option<String>,
    sector_num: Option<Int>,
    failed: Option<bool>,
    failed_reason: Option<String>,
    missing_tasks: Option<Count>,
}

/// A sector that failed, or waits for a task that is not there.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, Deserialize)]
#[serde(default)]
pub struct Problem {
    pub miner_id: String,
    pub sector: u64,
    pub is_failed: bool,
    pub reason: String,
}

impl Problem {
    /// If there is one.
    pub fn of(
        miner: Option<String>,
        sector: Option<Int>,
        failed: bool,
        reason: Option<String>,
        is_stuck: bool,
    ) -> Option<Problem> {
        let miner_id = miner.filter(|miner| address::actor_id(miner).is_some())?;
        let reason = reason.unwrap_or_default().chars().filter(|c| !c.is_control()).take(MAX_REASON_CHARS).collect();
        let sector = sector.and_then(Int::to_u64)?;
        (failed || is_stuck).then_some(Problem { miner_id, sector, is_failed: failed, reason })
    }
}

/// Counts by miner, and the sectors themselves.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Of each miner: failed, stuck.
    pub counts: BTreeMap<String, [u64; 2]>,
    pub problems: Vec<Problem>,
}

impl Tally {
    pub fn add(&mut self, problem: Problem) {
        let counts = self.counts.entry(problem.miner_id.clone()).or_default();
        counts[usize::from(!problem.is_failed)] += 1;
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    /// Publishes the sectors, and how many are stuck: none of those miners that have none.
    pub fn expose(&self, cluster: &Cluster, pipeline: &str, samples: &mut Samples) {
        let of = cluster.name.as_str();
        for (miner, [_, stuck]) in self.of_miners(cluster) {
            samples.add(&families::CURIO_PIPELINE_STUCK_SECTORS, [of, miner, pipeline], stuck);
        }
        for (rank, problem) in self.problems.iter().enumerate() {
            let (sector, word) = (problem.sector.to_string(), if problem.is_failed { "failed" } else { "stuck" });
            let labels = [of, &problem.miner_id, &sector, pipeline, word, &problem.reason];
            samples.add_row(&families::CURIO_PIPELINE_PROBLEM_SECTOR, labels, true, rank as f64);
        }
    }

    fn of_miners<'a>(&'a self, cluster: &'a Cluster) -> BTreeMap<&'a str, [u64; 2]> {
        let none = cluster.miner_ids.iter().map(|id| (id.as_str(), [0, 0]));
        none.chain(self.counts.iter().map(|(id, counts)| (id.as_str(), *counts))).collect()
    }
}

#[derive(Default)]
struct Upgrades {
    tally: Tally,
    bad: Option<String>,
}

impl Gather for Upgrades {
    type Element = Upgrade;

    fn take(&mut self, element: Result<Upgrade, String>) {
        match element {
            Ok(upgrade) => {
                let is_stuck = upgrade.missing_tasks.is_some_and(|Count(tasks)| tasks > 0);
                let failed = upgrade.failed.unwrap_or(false);
                let problem = Problem::of(upgrade.miner, upgrade.sector_num, failed, upgrade.failed_reason, is_stuck);
                problem.into_iter().for_each(|problem| self.tally.add(problem));
            }
            Err(why) => self.bad = Some(why),
        }
    }
}

pub struct Facts {
    stages: Vec<(String, String, Option<Int>)>,
    upgrades: Option<Tally>,
}

pub fn ask(batch: &mut CurioBatch) -> Tickets {
    let stages = batch.add(methods::SECTOR_PIPELINE_STATS, json!([]));
    Tickets { stages, upgrades: batch.add_each(methods::UPGRADE_SECTORS) }
}

pub fn fetch(answers: &Answers, tickets: Tickets, problems: &mut Problems) -> Result<Facts> {
    let stages = problems.if_supported(answers.get(tickets.stages)).unwrap_or_default();
    let stages = stages.take("SectorPipelineStats", problems).into_iter().filter_map(|stage| {
        let (pipeline, name) = (stage.pipeline_type?, stage.stage?);
        let count = stage.count.take(&format!("SectorPipelineStats[{pipeline} {name}].count"), problems);
        Some((pipeline, name, count))
    });
    let stages = stages.collect();
    let upgrades = problems.if_supported(answers.get(tickets.upgrades));
    let bad = upgrades.as_ref().and_then(|upgrades| upgrades.bad.as_deref());
    let is_whole = bad.is_none();
    if let Some(why) = bad {
        problems.note(format_args!("UpgradeSectors[]: {why}"));
    }
    Ok(Facts { stages, upgrades: upgrades.filter(|_| is_whole).map(|upgrades| upgrades.tally) })
}

pub fn expose(facts: &Facts, cluster: &Cluster, samples: &mut Samples) {
    let of = cluster.name.as_str();
    for (pipeline, stage, count) in &facts.stages {
        samples.add(&families::CURIO_PIPELINE_SECTORS, [of, pipeline, stage], *count);
    }
    let Some(upgrades) = &facts.upgrades else { return };
    for (miner, [failed, _]) in upgrades.of_miners(cluster) {
        samples.add(&families::CURIO_PIPELINE_FAILED_SECTORS, [of, miner, "Snap"], failed);
    }
    upgrades.expose(cluster, "Snap", samples);
}
