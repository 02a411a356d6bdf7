//! Sectors that lotus-miner still holds for proving although they expired on chain: they only take up storage.
//!
//! Neither side tells it. It takes the list of all sectors from lotus-miner, which is dear, so it is looked up when the sectors changed, and
//! else seldom; in between the last figure stands, with its own time.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{LotusMiner, Run, deadlines, sectors};
use crate::expose::{Samples, families};

const MIN_SECONDS_BETWEEN_LISTS: f64 = 300.0;
const MAX_SECONDS_BETWEEN_LISTS: f64 = 1800.0;

/// States in which lotus-miner takes a sector for one that is on chain.
const HELD_STATES: [&str; 2] = ["Proving", "Available"];

/// The last figure.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// When it was looked up; None if never.
    pub data_timestamp_seconds: Option<f64>,
    summary: BTreeMap<String, u64>,
    expired: u64,
}

pub fn fetch(
    miner: &LotusMiner,
    run: &Run,
    sectors: Option<&sectors::Facts>,
    deadlines: Option<&deadlines::Facts>,
) -> Result<Facts> {
    let section = format!("expired/{}", miner.id);
    let known: Facts = run.state.recall(&section);
    let summary = &sectors.context("sectors by state are not known")?.by_state;
    let age = known.data_timestamp_seconds.map(|looked_up| run.now - looked_up);
    let limit = if *summary == known.summary { MAX_SECONDS_BETWEEN_LISTS } else { MIN_SECONDS_BETWEEN_LISTS };
    if age.is_some_and(|age| (0.0..limit).contains(&age)) {
        return Ok(known);
    }
    let live = deadlines.and_then(|deadlines| deadlines.live_sectors());
    let live = live.context("the sectors on chain are not known")?;
    let held = miner.client.call::<Option<Vec<u64>>>("SectorsListInStates", json!([HELD_STATES]))?;
    let mut held = held.unwrap_or_default();
    // Lotus may name a sector twice.
    held.sort_unstable();
    held.dedup();
    let facts = Facts {
        data_timestamp_seconds: Some(run.now),
        summary: summary.clone(),
        expired: held.iter().filter(|number| !live.contains(**number)).count() as u64,
    };
    run.state.remember(&section, &facts);
    Ok(facts)
}

pub fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    samples.add(&families::MINER_EXPIRED_SECTORS, [miner_id], facts.expired);
}
