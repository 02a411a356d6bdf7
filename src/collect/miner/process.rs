//! The process itself: when it started.

use anyhow::Result;
use serde_json::json;

use crate::expose::{Samples, families};
use crate::lotus::epoch::parse_rfc3339;
use crate::rpc::{Batch, Client};
use crate::tolerant::Problems;

/// What StartTime returns.
pub struct Facts {
    pub start_time_seconds: Option<f64>,
}

/// Lotus before v1.13.1 does not report it.
pub fn fetch(miner: &Client, problems: &mut Problems) -> Result<Facts> {
    let mut batch = Batch::new();
    let start_time = batch.add::<String>("StartTime", json!([]));
    let answers = miner.send(&batch);
    let start_time = problems.if_supported(answers.get(start_time));
    Ok(Facts { start_time_seconds: start_time.and_then(|time| parse_rfc3339(&time)) })
}

pub fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    samples.add(&families::MINER_START_TIME_SECONDS, [miner_id], facts.start_time_seconds);
}
