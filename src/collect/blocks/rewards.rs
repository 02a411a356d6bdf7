//! What a block brought its miner: as the node tells it for the block's tipset, else worked out from the reward of its epoch.

use serde::Deserialize;
use serde_json::json;

use super::super::Daemon;
use super::ledger::{Link, Reward, Unpaid};
use crate::lotus::fil::Fil;
use crate::rpc::tolerant::Int;
use crate::rpc::{Batch, CallError, Cause, Client};

/// The reward actor.
const REWARD_ACTOR: &str = "f02";

/// From this network version on the block reward is split (FIP-0118).
const SOLSTICE_VERSION: i64 = 29;

/// A node that so often could not tell what a tipset brought, whether out of time or without its state, is not asked to execute it again.
const ATTEMPTS_TO_EXECUTE: u32 = 3;

const EXPECTED_LEADERS: i128 = 5;

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

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkParams {
    fork_upgrade_params: Upgrades,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Upgrades {
    upgrade_solstice_height: Option<Int>,
}

/// How the miners' part of the block reward shrinks.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    activation_height: i64,
    duration_epochs: i64,
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
    let params = batch.add::<NetworkParams>("StateGetNetworkParams", json!([]));
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
    let minted = minted(epoch_reward, block.win_count);
    if answers.get(version)? < SOLSTICE_VERSION {
        return Ok(Reward { block: minted, gas: None });
    }
    let told_height = answers.get(params).ok().and_then(|params| params.fork_upgrade_params.upgrade_solstice_height);
    let told_height = told_height.and_then(|Int(height)| i64::try_from(height).ok());
    match Schedule::of_network(daemon.network_name.as_deref(), told_height) {
        Some(schedule) => Ok(Reward { block: schedule.miners_part(minted, block.height), gas: None }),
        None => {
            Err(misshaped(client, "StateGetNetworkParams", "no UpgradeSolsticeHeight, which the reward depends on"))
        }
    }
}

fn misshaped(client: &Client, method: &'static str, why: &str) -> CallError {
    CallError { node: client.name().to_owned(), method: method.into(), cause: Cause::Shape(why.to_owned()) }
}

/// What the wins of a block mint: `this_epoch_reward * win_count / expected_leaders_per_epoch`, rounded down (AwardBlockReward of the reward
/// actor in builtin-actors).
fn minted(epoch_reward: Fil, win_count: u64) -> Fil {
    Fil { atto: epoch_reward.atto.saturating_mul(i128::from(win_count)) / EXPECTED_LEADERS }
}

impl Schedule {
    fn of_network(name: Option<&str>, told_height: Option<i64>) -> Option<Schedule> {
        let (known_height, quarter_epochs) = match name {
            Some("calibrationnet") => (Some(4_109_133), 2880),
            Some("mainnet") => (Some(6_470_279), 262_974),
            _ => (None, 262_974),
        };
        Some(Schedule { activation_height: told_height.or(known_height)?, duration_epochs: 9 * quarter_epochs })
    }

    /// The consensus stream's part of what is minted: 95 % when FIP-0118 begins, falling in a straight line to 50 % over nine quarters; the
    /// miner gets it rounded down.
    fn miners_part(self, minted: Fil, height: i64) -> Fil {
        let elapsed = i128::from((height - self.activation_height).clamp(0, self.duration_epochs));
        let duration = i128::from(self.duration_epochs);
        Fil { atto: minted.atto.saturating_mul(95 * duration - 45 * elapsed) / (100 * duration) }
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_block_before_solstice_brings_a_fifth_of_the_epochs_reward_for_each_win() {
        // 66.268 FIL in the epoch, two wins: 66.268 x 2 / 5 = 26.5072.
        let epoch_reward = Fil { atto: 66_268_000_000_000_000_000 };
        assert_eq!(minted(epoch_reward, 2).atto, 26_507_200_000_000_000_000);
        // 7 attoFIL x 1 / 5 = 1.4, rounded down.
        assert_eq!(minted(Fil { atto: 7 }, 1).atto, 1);
    }

    #[test]
    fn a_block_since_solstice_brings_the_consensus_streams_part() {
        let mainnet = Schedule::of_network(Some("mainnet"), None).expect("mainnet is known");
        let part = |minted: i128, height| mainnet.miners_part(Fil { atto: minted }, height).atto;
        // At activation 95 %.
        assert_eq!(part(1_000_000, 6_470_279), 950_000);
        // After one of nine quarters, 262,974 epochs, 95 % - 45 % / 9 = 90 %.
        assert_eq!(part(1_000_000, 6_470_279 + 262_974), 900_000);
        // 100,800 epochs (35 days) on: 95 % - 45 % x 100,800 / 2,366,766 = 95 % - 1.916539 % = 93.083461 %.
        // Of one win in 66.268 FIL, which is 13.2536 FIL: 13.2536e18 x 220,306,770 / 236,676,600 = 12.336909550297748066e18, where
        // 220,306,770 = 95 x 2,366,766 - 45 x 100,800 and 236,676,600 = 100 x 2,366,766.
        let one_win = minted(Fil { atto: 66_268_000_000_000_000_000 }, 1);
        assert_eq!(one_win.atto, 13_253_600_000_000_000_000);
        let paid = mainnet.miners_part(one_win, 6_470_279 + 100_800).atto;
        assert_eq!(paid, 12_336_909_550_297_748_066);
        // At the end and for ever after 50 %.
        assert_eq!(part(1_000_000, 6_470_279 + 9 * 262_974), 500_000);
        assert_eq!(part(1_000_001, i64::MAX / 2), 500_000);
    }

    #[test]
    fn the_upgrades_height_is_the_networks_own() {
        let calibration = Schedule::of_network(Some("calibrationnet"), None).expect("calibration is known");
        // Half of nine quarters of 2880 epochs: 95 % - 22.5 % = 72.5 %.
        assert_eq!(calibration.miners_part(Fil { atto: 1000 }, 4_109_133 + 12_960).atto, 725);
        let told = Schedule::of_network(Some("a devnet"), Some(100)).expect("the node told it");
        assert_eq!(told.miners_part(Fil { atto: 1000 }, 100).atto, 950);
        assert!(Schedule::of_network(Some("a devnet"), None).is_none());
    }
}
