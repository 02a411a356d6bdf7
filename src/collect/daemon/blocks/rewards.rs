//! What a block brought its miner: as the node tells it for the block's tipset, else worked out from the reward of its epoch.

use serde::Deserialize;
use serde_json::json;

use super::ledger::{Link, Reward, Unpaid};
use crate::collect::daemon::Daemon;
use crate::lotus::fil::Fil;
use crate::lotus::reward::{self, SOLSTICE_NETWORK_VERSION, Schedule};
use crate::rpc::{Batch, CallError, Cause, Client};

/// The reward actor.
const REWARD_ACTOR: &str = "f02";

/// A node that so often could not tell what a tipset brought, whether out of time or without its state, is not asked to execute it again.
const ATTEMPTS_TO_EXECUTE: u32 = 3;

/// The answer of StateRewardDistribution.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Distribution {
    blocks: Vec<BlockReward>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BlockReward {
    block: Link,
    amounts: Amounts,
}

/// `MintedReward` = `MinerReward` + `ExplicitReward` + `BurnAllocation` is what the block's wins mint, of which `MinerReward` is the miner's
/// stream: its part of the block reward, without gas. `MessageReward` is the gas, which comes on top. `MinerPaid` is no figure for either:
/// it is all that the miner was paid, gas included.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Amounts {
    miner_reward: Fil,
    message_reward: Fil,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RewardActor {
    state: RewardState,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RewardState {
    this_epoch_reward: Fil,
}

/// The reward of a block. An error means that it is not known now.
pub fn of(client: &Client, daemon: &Daemon, block: &Unpaid) -> Result<Reward, CallError> {
    if block.attempts < ATTEMPTS_TO_EXECUTE
        && let Some(reward) = told(client, block)?
    {
        return Ok(reward);
    }
    estimated(client, daemon, block)
}

/// What the node tells; None where it has no such method, or the network is not yet at version 29: "requires reward actor v19".
fn told(client: &Client, block: &Unpaid) -> Result<Option<Reward>, CallError> {
    let mut batch = Batch::new();
    let ticket = batch.add::<Distribution>("StateRewardDistribution", json!([{ "key": block.key }]));
    let distribution = match client.send_to("/rpc/v2", &batch).get(ticket) {
        Ok(distribution) => distribution,
        Err(error) => {
            let can_never_tell = match &error.cause {
                Cause::NoSuchMethod | Cause::NeedsPermission(_) => true,
                Cause::Refused { message, .. } => message.contains("reward actor"),
                _ => false,
            };
            return if can_never_tell { Ok(None) } else { Err(error) };
        }
    };
    let amounts = distribution.blocks.into_iter().find(|one| one.block.cid == block.cid).map(|one| one.amounts);
    match amounts.filter(|amounts| amounts.miner_reward.atto >= 0 && amounts.message_reward.atto >= 0) {
        Some(amounts) => Ok(Some(Reward { block: amounts.miner_reward, gas: Some(amounts.message_reward) })),
        None => Err(misshaped(client, "StateRewardDistribution", "a block of the tipset is missing or below zero")),
    }
}

/// Where nobody tells: the block's wins in the reward of the epoch, of which the miner has its part. Of a tipset whose state the node has no
/// more, the reward of the epoch is taken from the head, which differs by some hundredths of a percent a day.
fn estimated(client: &Client, daemon: &Daemon, block: &Unpaid) -> Result<Reward, CallError> {
    let mut batch = Batch::new();
    let actor = batch.add::<RewardActor>("StateReadState", json!([REWARD_ACTOR, block.key]));
    let version = batch.add::<i64>("StateNetworkVersion", json!([block.key]));
    let answers = client.send(&batch);
    let actor = match answers.get(actor) {
        Err(error) if matches!(error.cause, Cause::Refused { .. }) => {
            client.call::<RewardActor>("StateReadState", json!([REWARD_ACTOR, daemon.tipset_key]))?
        }
        answer => answer?,
    };
    let epoch_reward = actor.state.this_epoch_reward;
    if epoch_reward.atto < 0 {
        return Err(misshaped(client, "StateReadState", "State.ThisEpochReward is below zero"));
    }
    let minted = reward::minted(epoch_reward, block.win_count);
    if answers.get(version)? < SOLSTICE_NETWORK_VERSION {
        return Ok(Reward { block: minted, gas: None });
    }
    match Schedule::of_network(daemon.network_name.as_deref(), daemon.solstice_height) {
        Some(schedule) => Ok(Reward { block: schedule.miners_part(minted, block.height), gas: None }),
        None => {
            Err(misshaped(client, "StateGetNetworkParams", "no UpgradeSolsticeHeight, which the reward depends on"))
        }
    }
}

fn misshaped(client: &Client, method: &'static str, why: &str) -> CallError {
    CallError {
        node: client.name().to_owned(),
        about: String::new(),
        method: method.into(),
        cause: Cause::Shape(why.to_owned()),
    }
}
