//! The last blocks that the cluster won, of which Curio tells eight.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Cluster;
use super::text::{miner_of, seconds};
use crate::expose::{Samples, families};
use crate::lotus::epoch::{Moment, parse_rfc3339};
use crate::rpc::curio::{CurioBatch, methods};
use crate::rpc::{Answers, Ticket};
use crate::tolerant::{Field, List, Problems, present};

/// A block that is not sent by now will not be in its epoch.
const SECONDS_TO_SUBMIT: f64 = 300.0;

const OUTCOMES: [&str; 4] = ["included", "not_included", "not_checked", "not_submitted"];

pub struct Tickets(Ticket<List<Answer>>);

/// Before Curio v1.27.2 what is not there is null.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    miner: Option<String>,
    base_compute_time: Option<String>,
    #[serde(deserialize_with = "present")]
    submitted_at: Option<Field<Moment>>,
    included_str: Option<String>,
    compute_time: Option<String>,
}

#[derive(Default)]
struct OfMiner {
    outcomes: BTreeMap<&'static str, u64>,
    last_seconds: Option<f64>,
    lost_seconds: Option<f64>,
    /// When the latest block was begun whose proof is done, and how long that took.
    computed: Option<(f64, f64)>,
}

/// What became of the blocks of each miner.
pub struct Facts(BTreeMap<String, OfMiner>);

pub fn ask(batch: &mut CurioBatch) -> Tickets {
    Tickets(batch.add(methods::WIN_STATS, json!([])))
}

pub fn fetch(
    cluster: &Cluster,
    now: f64,
    answers: &Answers,
    Tickets(wins): Tickets,
    problems: &mut Problems,
) -> Result<Facts> {
    let Some(wins) = problems.if_supported(answers.get(wins)) else { return Ok(Facts(BTreeMap::new())) };
    let (mut miners, failures) = (BTreeMap::<String, OfMiner>::new(), problems.failures());
    for win in wins.take("WinStats", problems) {
        let Some(id) = miner_of(win.miner, "WinStats", problems) else { continue };
        let miner = miners.entry(id).or_default();
        let begun = win.base_compute_time.as_deref().and_then(parse_rfc3339);
        let Some(submitted) = win.submitted_at else {
            problems.note("WinStats[].SubmittedAt is missing");
            continue;
        };
        let submitted = submitted.take("WinStats[].SubmittedAt", problems);
        let is_submitted = submitted.is_some_and(|Moment(seconds)| seconds.is_some());
        let outcome = match win.included_str.as_deref() {
            Some("Included") => "included",
            Some("Not Included") => "not_included",
            _ if is_submitted => "not_checked",
            _ => "not_submitted",
        };
        *miner.outcomes.entry(outcome).or_default() += 1;
        let is_late = begun.is_some_and(|begun| now - begun > SECONDS_TO_SUBMIT);
        if outcome == "not_included" || outcome == "not_submitted" && is_late {
            miner.lost_seconds = miner.lost_seconds.into_iter().chain(begun).reduce(f64::max);
        }
        miner.last_seconds = miner.last_seconds.into_iter().chain(begun).reduce(f64::max);
        // Zero is that of a block that is still being computed.
        let took = win.compute_time.as_deref().and_then(seconds).filter(|took| *took > 0.0);
        let computed = begun.zip(took);
        if computed > miner.computed {
            miner.computed = computed;
        }
    }
    // What became of blocks that could not be read is not known, nor that others have none.
    if problems.failures() > failures {
        return Ok(Facts(BTreeMap::new()));
    }
    cluster.miner_ids.iter().for_each(|id| _ = miners.entry(id.clone()).or_default());
    Ok(Facts(miners))
}

pub fn expose(Facts(miners): &Facts, cluster: &Cluster, samples: &mut Samples) {
    for (id, miner) in miners {
        let labels = [cluster.name.as_str(), id.as_str()];
        for outcome in OUTCOMES {
            let count = miner.outcomes.get(outcome).copied().unwrap_or(0);
            samples.add(&families::CURIO_RECENT_BLOCKS, [labels[0], labels[1], outcome], count);
        }
        samples.add(&families::CURIO_LAST_WIN_TIMESTAMP_SECONDS, labels, miner.last_seconds);
        samples.add(&families::CURIO_LAST_LOST_BLOCK_TIMESTAMP_SECONDS, labels, miner.lost_seconds);
        samples.add(&families::CURIO_BLOCK_COMPUTE_DURATION_SECONDS, labels, miner.computed.map(|(_, took)| took));
    }
}
