//! The whole network: its power, its miners, and what a block earns.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Daemon;
use super::power::Power;
use crate::expose::{Samples, families};
use crate::lotus::fil::Fil;
use crate::lotus::reward::{self, SOLSTICE_NETWORK_VERSION, Schedule};
use crate::rpc::Batch;
use crate::tolerant::{Field, Int, Problems};

/// The storage power actor.
const POWER_ACTOR: &str = "f04";

/// The reward actor.
const REWARD_ACTOR: &str = "f02";

/// What the states of the power actor and the reward actor contain.
pub struct Facts {
    block_reward: Option<Fil>,
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

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RewardActor {
    state: Field<RewardState>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RewardState {
    this_epoch_reward: Field<Fil>,
}

/// The miners' own power comes with the network's, so that is used if there is a miner.
pub fn fetch(daemon: &Daemon, told_to_a_miner: Option<Power>, problems: &mut Problems) -> Result<Facts> {
    let mut batch = Batch::new();
    let actor = batch.add::<Actor>("StateReadState", json!([POWER_ACTOR, daemon.tipset_key]));
    let reward = batch.add::<RewardActor>("StateReadState", json!([REWARD_ACTOR, daemon.tipset_key]));
    let answers = daemon.client.send(&batch);
    answers.reached()?;
    let reward = problems.ok(answers.get(reward)).unwrap_or_default();
    let reward = reward.state.take("StateReadState(f02).State", problems).unwrap_or_default();
    let reward = reward.this_epoch_reward.take("StateReadState(f02).State.ThisEpochReward", problems);
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
        block_reward: reward.and_then(|reward| reward_of_a_win(daemon, reward)),
        power: told_to_a_miner.unwrap_or(power),
        miners: of(state.miner_count, "StateReadState(f04).State.MinerCount"),
        miners_above_min_power: of(
            state.miner_above_min_power_count,
            "StateReadState(f04).State.MinerAboveMinPowerCount",
        ),
    })
}

/// What one win brings its miner at the head, by the rule of the network's version; None where that is not known.
fn reward_of_a_win(daemon: &Daemon, epoch_reward: Fil) -> Option<Fil> {
    let minted = reward::minted(epoch_reward, 1);
    if daemon.network_version? < SOLSTICE_NETWORK_VERSION {
        return Some(minted);
    }
    let schedule = Schedule::of_network(daemon.network_name.as_deref(), daemon.solstice_height)?;
    Some(schedule.miners_part(minted, daemon.head.as_ref()?.height()))
}

pub fn expose(facts: &Facts, samples: &mut Samples) {
    samples.add(&families::NETWORK_BLOCK_REWARD_FIL, [], facts.block_reward);
    let power = &families::NETWORK_POWER_BYTES;
    samples.add(power, ["raw"], facts.power.raw_bytes);
    samples.add(power, ["quality_adjusted"], facts.power.quality_adjusted_bytes);
    let miners = &families::NETWORK_MINERS;
    samples.add(miners, ["all"], facts.miners);
    samples.add(miners, ["above_min_power"], facts.miners_above_min_power);
}
