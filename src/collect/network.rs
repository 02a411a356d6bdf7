//! The whole network: its power and its miners.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::{Daemon, power::Power};
use crate::expose::{Samples, families};
use crate::rpc::tolerant::{Field, Int};
use crate::rpc::{Batch, Problems};

/// The storage power actor.
const POWER_ACTOR: &str = "f04";

/// What the power actor's state tells.
pub struct Facts {
    power: Power,
    miners: Option<Int>,
    miners_above_min_power: Option<Int>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Actor {
    state: Field<PowerState>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct PowerState {
    total_raw_byte_power: Field<Int>,
    #[serde(rename = "TotalQualityAdjPower")]
    total_quality_adjusted_power: Field<Int>,
    miner_count: Field<Int>,
    miner_above_min_power_count: Field<Int>,
}

/// The miners were already told the network's power with their own, so that is used where there is a miner.
pub fn fetch(daemon: &Daemon, told_to_a_miner: Option<Power>, problems: &mut Problems) -> Result<Facts> {
    let mut batch = Batch::new();
    let actor = batch.add::<Actor>("StateReadState", json!([POWER_ACTOR, daemon.tipset_key]));
    let answers = daemon.client.send(&batch);
    answers.reached()?;
    let actor = problems.ok(answers.get(actor)).unwrap_or_default();
    let state = actor.state.take("StateReadState(f04).State", problems).unwrap_or_default();
    let mut of = |field: Field<Int>, name| field.take(name, problems);
    let power = Power {
        raw_bytes: of(state.total_raw_byte_power, "StateReadState(f04).State.TotalRawBytePower"),
        quality_adjusted_bytes: of(
            state.total_quality_adjusted_power,
            "StateReadState(f04).State.TotalQualityAdjPower",
        ),
    };
    Ok(Facts {
        power: told_to_a_miner.unwrap_or(power),
        miners: of(state.miner_count, "StateReadState(f04).State.MinerCount"),
        miners_above_min_power: of(
            state.miner_above_min_power_count,
            "StateReadState(f04).State.MinerAboveMinPowerCount",
        ),
    })
}

pub fn expose(facts: &Facts, samples: &mut Samples) {
    let power = &families::NETWORK_POWER_BYTES;
    samples.add(power, ["raw"], facts.power.raw_bytes);
    samples.add(power, ["quality_adjusted"], facts.power.quality_adjusted_bytes);
    let miners = &families::NETWORK_MINERS;
    samples.add(miners, ["all"], facts.miners);
    samples.add(miners, ["above_min_power"], facts.miners_above_min_power);
}
