//! How many sectors lotus-miner has in each state, for the price of one call whatever their number.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;

use crate::expose::{Samples, families};
use crate::lotus::sector_state::phase;
use crate::rpc::Client;
use crate::tolerant::{Int, Map, Problems};

/// What SectorsSummary returns: sectors by state.
pub struct Facts {
    pub by_state: BTreeMap<String, u64>,
}

pub fn fetch(miner: &Client, problems: &mut Problems) -> Result<Facts> {
    let summary: Map<Int> = miner.call("SectorsSummary", json!([]))?;
    let counts = summary.take("SectorsSummary", problems).into_iter();
    Ok(Facts { by_state: counts.filter_map(|(state, count)| Some((state, count.to_u64()?))).collect() })
}

pub fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    for (state, count) in &facts.by_state {
        let labels = [miner_id, state, phase(state).as_str()];
        samples.add(&families::MINER_SECTORS, labels, *count);
    }
}
