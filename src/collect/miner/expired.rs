//! Sectors that lotus-miner still holds for proving although they expired on chain: they only take up storage.
//!
//! Neither side reports it. It takes the list of all sectors from lotus-miner, which is expensive, so it is in the slow tier.

use std::collections::BTreeSet;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::LotusMiner;
use crate::collect::run::Run;
use crate::collect::slow;
use crate::expose::{Samples, families};
use crate::lotus::bitfield::{BitField, MAX_COUNT, MAX_SECTOR_NUMBER};
use crate::lotus::sector_state::states_at_rest;
use crate::tolerant::Problems;

/// More expired sectors than this are not kept in mind.
const MAX_EXPIRED: usize = 500_000;

/// The last figure.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// When it was obtained, Unix seconds; None if never, or too long ago to be meaningful.
    pub obtained_seconds: Option<f64>,
    expired: u64,
}

fn section(miner_id: &str) -> String {
    format!("expired/{miner_id}")
}

/// What is remembered, where it can be.
fn recall(run: &Run, miner_id: &str) -> Facts {
    let known: Facts = run.state.recall(&section(miner_id));
    Some(known).filter(|known| known.expired <= MAX_COUNT).unwrap_or_default()
}

/// Whether the figure should be obtained in this run, for which it needs the live sectors.
pub fn is_due(run: &Run, miner_id: &str) -> bool {
    let known = recall(run, miner_id);
    slow::is_due(known.obtained_seconds, run.now, run.slow_period_seconds)
}

/// `live_sectors` are those of the head, where this run read them. If there is no new figure, the last one remains.
pub fn fetch(miner: &LotusMiner, run: &Run, live_sectors: Option<&BitField>, problems: &mut Problems) -> Result<Facts> {
    let mut facts = recall(run, &miner.id);
    let is_due = is_due(run, &miner.id);
    if is_due && live_sectors.is_none() {
        problems.consequence();
    }
    if let Some(live) = live_sectors.filter(|_| is_due) {
        // Lotus may name a sector twice.
        let (mut expired, mut wrong) = (BTreeSet::new(), None);
        let listed =
            miner.client.each::<u64>("SectorsListInStates", json!([states_at_rest()]), |number| match number {
                Ok(number) if number > MAX_SECTOR_NUMBER => wrong = Some(format!("there is no sector {number}")),
                Ok(number) if live.contains(number) || expired.len() > MAX_EXPIRED => {}
                Ok(number) => _ = expired.insert(number),
                Err(why) => wrong = wrong.take().or(Some(why)),
            });
        if let Some(why) = wrong.or((expired.len() > MAX_EXPIRED).then(|| "more sectors than can be".to_owned())) {
            problems.note(format_args!("SectorsListInStates: {why}"));
        } else if problems.ok(listed).is_some() {
            facts = Facts { obtained_seconds: Some(run.now), expired: expired.len() as u64 };
            run.state.remember(&section(&miner.id), &facts);
        }
    }
    let is_presentable = |obtained: &f64| slow::is_presentable(*obtained, run.now, run.slow_period_seconds);
    facts.obtained_seconds = facts.obtained_seconds.filter(is_presentable);
    Ok(facts)
}

pub fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    let expired = facts.obtained_seconds.map(|_| facts.expired);
    samples.add(&families::MINER_EXPIRED_SECTORS, [miner_id], expired);
}
