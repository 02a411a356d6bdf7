//! What blocks earned their miners: as the node reports it for their tipset, otherwise calculated from the reward of their epoch.

use std::collections::{BTreeSet, VecDeque};

use serde::Deserialize;
use serde_json::json;

use super::ledger::{Ledger, Unpaid};
use super::totals::Reward;
use super::{Head, Walk};
use crate::lotus::fil::Fil;
use crate::lotus::reward::{self, SOLSTICE_NETWORK_VERSION, Schedule};
use crate::lotus::tipset::Link;
use crate::rpc::{Batch, CallError, Cause};
use crate::tolerant::Problems;

/// The reward actor.
const REWARD_ACTOR: &str = "f02";

/// The node executes a tipset to report its rewards, so a backlog takes several runs. In any case as many are asked for as were settled in
/// the run, so that none grows.
const TIPSETS_PER_RUN: i64 = 20;

/// Tipsets in a request at most.
const TIPSETS_PER_REQUEST: usize = 10;

/// Epochs around an upgrade in which the head may be on the other side of it than the network's version.
const UPGRADE_EPOCHS: i64 = 10;

/// A node that has failed this often to report what a tipset earned, for lack of time or of its state, is not asked to execute it again.
const ATTEMPTS_TO_EXECUTE: u32 = 3;

/// A reward that no answer has reported after this many runs is given up, with a message.
const ATTEMPTS_TO_GIVE_UP: u32 = 10;

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

/// `MintedReward` = `MinerReward` + `ExplicitReward` + `BurnAllocation` is what the block's wins mint, of which `MinerReward` is the
/// miner's stream: its share of the block reward, without gas. `MessageReward` is the gas, which comes on top. `MinerPaid` is neither of
/// these: it is all that the miner was paid, gas included.
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

/// Own blocks of one tipset.
struct Group {
    blocks: Vec<Unpaid>,
}

impl Group {
    fn key(&self) -> &[Link] {
        self.blocks.first().map_or(&[], |block| &block.key)
    }

    fn height(&self) -> i64 {
        self.blocks.first().map_or(0, |block| block.height)
    }

    fn attempts(&self) -> u32 {
        self.blocks.iter().map(|block| block.attempts).max().unwrap_or(0)
    }
}

/// Blocks by their tipsets, in the order of the first of each.
fn by_tipset(blocks: Vec<Unpaid>) -> VecDeque<Group> {
    let mut groups: VecDeque<Group> = VecDeque::new();
    for block in blocks {
        match groups.iter_mut().rev().find(|group| group.key() == block.key) {
            Some(group) => group.blocks.push(block),
            None => groups.push_back(Group { blocks: vec![block] }),
        }
    }
    groups
}

impl Walk<'_> {
    /// Asks for the rewards of blocks that count, after so many epochs were settled in this run. A block whose reward is not told stays, to be
    /// asked for in the next run.
    pub(super) fn ask_for_rewards(&self, head: &Head, settled: i64, ledger: &mut Ledger, problems: &mut Problems) {
        if ledger.unpaid.is_empty() {
            return;
        }
        if self.is_at_odds(head.height()) {
            problems.error(format_args!(
                "{}: its network version contradicts UpgradeSolsticeHeight, so no reward is computed in this run",
                self.client.name()
            ));
            return;
        }
        let mut waiting = by_tipset(std::mem::take(&mut ledger.unpaid));
        let mut allowed = usize::try_from(settled.max(TIPSETS_PER_RUN)).unwrap_or(usize::MAX);
        let mut failed = Vec::new();
        let mut is_reachable = true;
        let (mut said, failures_before) = (BTreeSet::new(), ledger.reward_failures);
        while allowed > 0 && !waiting.is_empty() && is_reachable && (self.has_time)() {
            // A node that is too slow for a request gets a smaller one.
            let count = (TIPSETS_PER_REQUEST >> ledger.reward_failures.min(4)).max(1).min(allowed).min(waiting.len());
            allowed -= count;
            let groups: Vec<Group> = waiting.drain(..count).collect();
            let (to_tell, mut to_estimate): (Vec<Group>, Vec<Group>) =
                groups.into_iter().partition(|group| self.can_be_told(group, ledger));
            let mut outcomes = self.told(to_tell, &mut to_estimate, ledger);
            outcomes.extend(self.estimated(to_estimate));
            for (block, outcome) in outcomes {
                match outcome {
                    Ok(reward) => ledger.pay(&block.miner_id, reward),
                    Err(error) => {
                        let is_answer = error.cause.is_answer();
                        is_reachable &= is_answer || matches!(error.cause, Cause::TimedOut(_));
                        // Blocks of one request fail for one reason.
                        if said.insert(error.to_string()) {
                            problems.error(&error);
                        }
                        failed.extend(not_told(block, &error, is_answer, problems));
                    }
                }
            }
        }
        // After a run in which all was in time, a larger one is tried.
        if ledger.reward_failures == failures_before {
            ledger.reward_failures = failures_before.saturating_sub(1);
        }
        ledger.unpaid.extend(waiting.into_iter().flat_map(|group| group.blocks));
        ledger.unpaid.extend(failed);
    }

    /// Whether the network's version and the height of its upgrade contradict each other, but for the epochs around it.
    fn is_at_odds(&self, head_height: i64) -> bool {
        let (Some(schedule), Some(version)) = (self.schedule(), self.daemon.network_version) else {
            return false;
        };
        let is_new = version >= SOLSTICE_NETWORK_VERSION;
        let around = [head_height.saturating_sub(UPGRADE_EPOCHS), head_height.saturating_add(UPGRADE_EPOCHS)];
        around.into_iter().all(|height| schedule.has_begun(height) != is_new)
    }

    /// Whether the block reward was not split yet at this height, as far as that is known.
    fn is_before_solstice(&self, height: i64) -> Option<bool> {
        match self.schedule() {
            Some(schedule) => Some(!schedule.has_begun(height)),
            None => self.daemon.network_version.map(|version| version < SOLSTICE_NETWORK_VERSION),
        }
    }

    /// Whether the node can report what the tipset earned: not before network version 29, nor once it has answered that it cannot.
    fn can_be_told(&self, group: &Group, ledger: &Ledger) -> bool {
        let version = self.daemon.network_version;
        let is_refused = version.is_some() && version == ledger.untold_version;
        group.attempts() < ATTEMPTS_TO_EXECUTE && !is_refused && self.is_before_solstice(group.height()) != Some(true)
    }

    fn schedule(&self) -> Option<Schedule> {
        Schedule::of_network(self.daemon.network_name.as_deref(), self.daemon.solstice_height)
    }

    /// What the node tells. Of what it has no method for, or no such reward actor yet ("requires reward actor v19"), the rest is to be estimated.
    fn told(&self, groups: Vec<Group>, to_estimate: &mut Vec<Group>, ledger: &mut Ledger) -> Vec<Outcome> {
        if groups.is_empty() {
            return Vec::new();
        }
        let mut batch = Batch::new();
        let tickets: Vec<_> = groups
            .iter()
            .map(|group| batch.add::<Distribution>("StateRewardDistribution", json!([{ "key": group.key() }])))
            .collect();
        let answers = self.client.send_to("/rpc/v2", &batch);
        if answers.reached().is_err() {
            ledger.reward_failures = ledger.reward_failures.saturating_add(1);
        }
        let mut outcomes = Vec::new();
        for (group, ticket) in groups.into_iter().zip(tickets) {
            match answers.get(ticket) {
                Ok(distribution) => outcomes.extend(group.blocks.into_iter().map(|block| {
                    let told = distribution.blocks.iter().find(|one| one.block.cid == block.cid);
                    let possible = told.map(|one| &one.amounts).filter(|amounts| {
                        reward::is_possible(amounts.miner_reward) && reward::is_possible(amounts.message_reward)
                    });
                    let why = "a block of the tipset is missing, or its reward is impossible";
                    let reward = possible
                        .map(|amounts| Reward { block: amounts.miner_reward, gas: Some(amounts.message_reward) })
                        .ok_or_else(|| self.client.misshaped("StateRewardDistribution", why));
                    (block, reward)
                })),
                Err(error) => match &error.cause {
                    Cause::NoSuchMethod | Cause::NeedsPermission(_) => to_estimate.push(group),
                    Cause::Refused { message, .. } if message.contains("reward actor") => {
                        ledger.untold_version = self.daemon.network_version;
                        to_estimate.push(group);
                    }
                    _ => outcomes.extend(group.blocks.into_iter().map(|block| (block, Err(error.clone())))),
                },
            }
        }
        outcomes
    }

    /// If no node reports it: the block's wins times the epoch's reward, of which the miner gets its share. Of a tipset whose state the
    /// node has no more, the reward of the epoch is taken from the head, which differs by some hundredths of a percent a day.
    fn estimated(&self, groups: Vec<Group>) -> Vec<Outcome> {
        if groups.is_empty() {
            return Vec::new();
        }
        let mut batch = Batch::new();
        let tickets: Vec<_> = groups
            .iter()
            .map(|group| {
                let actor = batch.add::<RewardActor>("StateReadState", json!([REWARD_ACTOR, group.key()]));
                let is_before = self.is_before_solstice(group.height());
                let ask = || batch.add::<i64>("StateNetworkVersion", json!([group.key()]));
                (actor, is_before, is_before.is_none().then(ask))
            })
            .collect();
        let answers = self.client.send(&batch);
        let mut of_head = None;
        let mut outcomes = Vec::new();
        for (group, (actor, is_before, version)) in groups.into_iter().zip(tickets) {
            let actor = match answers.get(actor) {
                Err(error) if matches!(error.cause, Cause::Refused { .. }) => {
                    let ask = || {
                        self.client.call::<RewardActor>("StateReadState", json!([REWARD_ACTOR, self.daemon.tipset_key]))
                    };
                    of_head.get_or_insert_with(|| ask().map(|actor| actor.state.this_epoch_reward)).clone()
                }
                answer => answer.map(|actor| actor.state.this_epoch_reward),
            };
            let is_before = match version {
                None => Ok(is_before == Some(true)),
                Some(ticket) => answers.get(ticket).map(|version| version < SOLSTICE_NETWORK_VERSION),
            };
            for block in group.blocks {
                let reward = actor.clone().and_then(|reward| self.estimate(reward, is_before.clone()?, &block));
                outcomes.push((block, reward));
            }
        }
        outcomes
    }

    fn estimate(&self, epoch_reward: Fil, is_before: bool, block: &Unpaid) -> Result<Reward, CallError> {
        let minted = reward::minted(epoch_reward, block.win_count);
        if !reward::is_possible(minted) {
            return Err(self.client.misshaped("StateReadState", "State.ThisEpochReward is impossible"));
        }
        if is_before {
            return Ok(Reward { block: minted, gas: None });
        }
        match self.schedule() {
            Some(schedule) => Ok(Reward { block: schedule.miners_part(minted, block.height), gas: None }),
            None => {
                let why = "no UpgradeSolsticeHeight, which the reward depends on";
                Err(self.client.misshaped("StateGetNetworkParams", why))
            }
        }
    }
}

/// A block and its reward. An error means that it is not known now.
type Outcome = (Unpaid, Result<Reward, CallError>);

/// The block, to be asked for again, unless it has been asked for often enough.
fn not_told(mut block: Unpaid, error: &CallError, is_answer: bool, problems: &mut Problems) -> Option<Unpaid> {
    if is_answer || matches!(error.cause, Cause::TimedOut(_)) {
        block.attempts = block.attempts.saturating_add(1);
    }
    if !is_answer || block.attempts < ATTEMPTS_TO_GIVE_UP {
        return Some(block);
    }
    problems.remark(format_args!(
        "the reward of {}'s block {} at epoch {} was not reported, and is missing from the sum of its rewards",
        block.miner_id, block.cid, block.height
    ));
    None
}
