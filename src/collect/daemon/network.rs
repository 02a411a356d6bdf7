//! The whole network: its power, its miners, and what a block earns.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Daemon;
use super::power::Power;
use crate::expose::{Samples, families};
use crate::lotus::fil::Fil;
use crate::lotus::issuance::{Curve, RewardState as MintingState};
use crate::lotus::reward::{self, Schedule};
use crate::lotus::tipset::TipSet;
use crate::rpc::Batch;
use crate::tolerant::{Field, Int, Problems};

/// The storage power actor.
const POWER_ACTOR: &str = "f04";

/// The reward actor.
const REWARD_ACTOR: &str = "f02";

/// How far ahead rewards are forecast.
const HORIZONS_DAYS: [i64; 3] = [30, 90, 365];

const EPOCHS_PER_DAY: i64 = 2880;

/// What the states of the power actor and the reward actor contain.
pub struct Facts {
    block_reward: Option<Fil>,
    /// What a win is expected to bring in each of the horizons.
    later_block_rewards: [Option<Fil>; HORIZONS_DAYS.len()],
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
    epoch: Field<Int>,
    effective_network_time: Field<Int>,
    effective_baseline_power: Field<Int>,
    this_epoch_baseline_power: Field<Int>,
    cumsum_baseline: Field<Int>,
    cumsum_realized: Field<Int>,
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
    let minting = reward.minting(problems);
    let reward = minting.reward;
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
    let power = told_to_a_miner.unwrap_or(power);
    let curve = minting.curve(power.raw_bytes);
    let reward_after = |days: i64| {
        let epochs = days * EPOCHS_PER_DAY;
        reward_of_a_win(daemon, curve?.reward_after(epochs), epochs)
    };
    Ok(Facts {
        block_reward: reward.and_then(|reward| reward_of_a_win(daemon, reward, 0)),
        later_block_rewards: HORIZONS_DAYS.map(reward_after),
        power,
        miners: of(state.miner_count, "StateReadState(f04).State.MinerCount"),
        miners_above_min_power: of(
            state.miner_above_min_power_count,
            "StateReadState(f04).State.MinerAboveMinPowerCount",
        ),
    })
}

/// What is known of how the network mints.
#[derive(Clone, Copy)]
struct Minting {
    reward: Option<Fil>,
    /// None where something of it is not known.
    state: Option<MintingState>,
}

impl RewardState {
    fn minting(self, problems: &mut Problems) -> Minting {
        let reward = self.this_epoch_reward.take("StateReadState(f02).State.ThisEpochReward", problems);
        let mut of = |field: Field<Int>, name: &str| field.take(&format!("StateReadState(f02).State.{name}"), problems);
        let epoch = of(self.epoch, "Epoch");
        let network_time = of(self.effective_network_time, "EffectiveNetworkTime");
        let effective_baseline = of(self.effective_baseline_power, "EffectiveBaselinePower");
        let baseline = of(self.this_epoch_baseline_power, "ThisEpochBaselinePower");
        let realized = of(self.cumsum_realized, "CumsumRealized");
        let rounded_up = of(self.cumsum_baseline, "CumsumBaseline").zip(realized);
        let state = || {
            let (Int(baseline_sum), Int(realized_sum)) = rounded_up?;
            Some(MintingState {
                epoch: i64::try_from(epoch?.0).ok()?,
                reward: reward?,
                network_time_epochs: i64::try_from(network_time?.0).ok()?,
                effective_baseline_bytes: effective_baseline?.0 as f64,
                rounded_up_byte_epochs: baseline_sum.checked_sub(realized_sum)? as f64,
                baseline_bytes: baseline?.0 as f64,
            })
        };
        Minting { reward, state: state() }
    }
}

impl Minting {
    fn curve(self, network_raw_bytes: Option<Int>) -> Option<Curve> {
        Curve::through(self.state?, network_raw_bytes?.0 as f64)
    }
}

/// What one win brings its miner so many epochs after the head; None where that is not known.
fn reward_of_a_win(daemon: &Daemon, epoch_reward: Fil, epochs_ahead: i64) -> Option<Fil> {
    let schedule = Schedule::of_network(daemon.network_name.as_deref(), daemon.solstice_height);
    let head_height = daemon.head.as_ref().map(TipSet::height);
    reward::of_a_win(epoch_reward, daemon.network_version?, schedule, head_height, epochs_ahead)
}

pub fn expose(facts: &Facts, samples: &mut Samples) {
    samples.add(&families::NETWORK_BLOCK_REWARD_FIL, [], facts.block_reward);
    for (days, reward) in HORIZONS_DAYS.iter().zip(facts.later_block_rewards) {
        samples.add(&families::NETWORK_BLOCK_REWARD_FORECAST_FIL, [&days.to_string()], reward);
    }
    let power = &families::NETWORK_POWER_BYTES;
    samples.add(power, ["raw"], facts.power.raw_bytes);
    samples.add(power, ["quality_adjusted"], facts.power.quality_adjusted_bytes);
    let miners = &families::NETWORK_MINERS;
    samples.add(miners, ["all"], facts.miners);
    samples.add(miners, ["above_min_power"], facts.miners_above_min_power);
}
