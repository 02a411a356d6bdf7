//! What it costs to get something onto the chain now: premiums for messages, pledge for a new sector.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;

use super::connect::Daemon;
use super::identity;
use crate::expose::{Samples, families};
use crate::lotus::fil::Fil;
use crate::lotus::quality::pledge_without_margin;
use crate::lotus::reward::SOLSTICE_NETWORK_VERSION;
use crate::rpc::Batch;
use crate::tolerant::Problems;

const HORIZONS_EPOCHS: [u32; 4] = [1, 2, 5, 10];

/// A message of typical size; the node only needs it to recognize large ones.
const GAS_LIMIT: u64 = 10_000_000;

/// 540 days in epochs: the sector lifetime that the pledge is calculated for.
const SECTOR_LIFE_EPOCHS: u64 = 540 * 2880;

const DEFAULT_SECTOR_SIZE_BYTES: u64 = 32 << 30;

/// What GasEstimateGasPremium and StateMinerInitialPledgeForSector return.
pub struct Facts {
    premiums: Vec<(u32, Option<Fil>)>,
    pledges: Vec<(u64, Option<Fil>)>,
    /// The pledges are those of sectors of full quality.
    is_full_quality: bool,
}

pub fn fetch(daemon: &Daemon, miners: &[(&str, &identity::Facts)], problems: &mut Problems) -> Result<Facts> {
    let mut sizes: Vec<u64> = miners.iter().filter_map(|(_, identity)| identity.sector_size_bytes).collect();
    sizes.sort_unstable();
    sizes.dedup();
    if sizes.is_empty() {
        sizes.push(DEFAULT_SECTOR_SIZE_BYTES);
    }
    // Lotus requires a sender, and treats all senders alike.
    let sender = miners.first().map_or("f00", |(miner_id, _)| miner_id);
    let mut batch = Batch::new();
    let premiums = HORIZONS_EPOCHS.map(|epochs| {
        let params = json!([epochs, sender, GAS_LIMIT, daemon.tipset_key]);
        (epochs, batch.add::<Fil>("GasEstimateGasPremium", params))
    });
    // Which pledge is right depends on the network's version: since Solstice the node requires the full size.
    let pledges: Vec<_> = daemon
        .network_version
        .into_iter()
        .flat_map(|version| sizes.iter().map(move |size| (version, *size)))
        .map(|(version, size)| {
            let verified_size = if version >= SOLSTICE_NETWORK_VERSION { size } else { 0 };
            let params = json!([SECTOR_LIFE_EPOCHS, size, verified_size, daemon.tipset_key]);
            (size, batch.add::<Fil>("StateMinerInitialPledgeForSector", params))
        })
        .collect();
    let answers = daemon.client.send(&batch);
    answers.reached()?;
    let mut of = |ticket| problems.if_supported(answers.get(ticket));
    Ok(Facts {
        is_full_quality: daemon.network_version.is_some_and(|version| version >= SOLSTICE_NETWORK_VERSION),
        premiums: premiums.into_iter().map(|(epochs, ticket)| (epochs, of(ticket))).collect(),
        pledges: pledges.into_iter().map(|(size, ticket)| (size, of(ticket))).collect(),
    })
}

impl Facts {
    /// What the chain takes for a new sector, by its size; none before Solstice, when that depended on what is in it.
    pub fn full_pledges(&self) -> BTreeMap<u64, Fil> {
        let pledges = self.pledges.iter().filter(|_| self.is_full_quality);
        pledges.filter_map(|(size, told)| Some((*size, pledge_without_margin((*told)?)))).collect()
    }
}

pub fn expose(facts: &Facts, samples: &mut Samples) {
    for (epochs, premium) in &facts.premiums {
        samples.add(&families::GAS_PREMIUM_FIL, [&epochs.to_string()], *premium);
    }
    for (size, pledge) in &facts.pledges {
        samples.add(&families::NETWORK_SECTOR_PLEDGE_FIL, [&size.to_string()], *pledge);
    }
}
