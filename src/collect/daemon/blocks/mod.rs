//! Won blocks, what they brought, and how many were to be expected.
//!
//! One walk along the chain for all miners, epoch by epoch, in pieces of one batch: see `ledger.rs` for what counts when. A run in which all is
//! well asks for the tipsets since the last run, the newest five and the one at the cursor, for each miner's power where the piece ends, and for
//! the rewards of own blocks only.

mod ledger;
mod rewards;
#[cfg(test)]
mod tests;

use std::time::Instant;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use crate::collect::daemon::Daemon;
use crate::collect::run::Run;
use crate::expose::{Samples, families};
use crate::rpc::{Batch, CallError, Cause, Client};
use crate::tolerant::{Int, Problems};
use ledger::{DEPTH_EPOCHS, Ledger, TipSet, Totals, Unpaid};

/// The section of the state.
const SECTION: &str = "blocks";

/// The part of a run's time after which no further reward is asked for.
const SHARE_OF_RUN: u32 = 8;

/// The node executes a tipset to tell its rewards, so only so many are asked for in a run.
const REWARDS_PER_RUN: usize = 20;

/// A reward that no answer tells after so many runs is given up, with a line that says so.
const ATTEMPTS_TO_GIVE_UP: u32 = 10;

/// What the node so often says it does not have is a gap in its chain. Before, it may be something that passes.
const REFUSALS_TO_SKIP: u32 = 3;

/// The totals of each miner.
pub struct Facts {
    miners: Vec<(String, Totals)>,
    walked_seconds: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MinerPower {
    miner_power: Claim,
    total_power: Claim,
    has_min_power: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Claim {
    quality_adj_power: Int,
}

/// Without a full node the totals stand as they were.
pub fn fetch(daemon: Result<&Daemon>, run: &Run, miner_ids: &[&str], problems: &mut Problems) -> Result<Facts> {
    let started = Instant::now();
    let mut ledger: Ledger = run.state.recall(SECTION);
    match daemon {
        Ok(daemon) => {
            // Nobody else has to suffer when the node is slow with this.
            let client = daemon.client.apart();
            let walk = Walk { daemon, client: &client, miner_ids };
            if walk.advance(&mut ledger, problems) {
                ledger.walked_seconds = Some(run.now);
            }
            walk.weigh(&mut ledger, problems);
            walk.ask_for_rewards(&mut ledger, problems, || started.elapsed() < run.timeout / SHARE_OF_RUN);
        }
        Err(error) => problems.error(error),
    }
    run.state.remember(SECTION, &ledger);
    // Before the chain was ever walked, zeros would be made up.
    let totals_of =
        |id: &&str| ledger.walked_seconds.and(ledger.miners.remove(*id)).map(|totals| ((*id).to_owned(), totals));
    Ok(Facts { miners: miner_ids.iter().filter_map(totals_of).collect(), walked_seconds: ledger.walked_seconds })
}

/// The walk in one run.
struct Walk<'a> {
    daemon: &'a Daemon,
    client: &'a Client,
    miner_ids: &'a [&'a str],
}

impl Walk<'_> {
    /// Settles the next piece of the chain. Whether it went as it should.
    fn advance(&self, ledger: &mut Ledger, problems: &mut Problems) -> bool {
        let Some(head) = &self.daemon.head else {
            problems.error("the head of the chain is not known, so blocks are not counted in this run");
            return false;
        };
        ledger.begin(head.height(), self.miner_ids);
        let before = problems.failures();
        if self.advance_to(head.height(), ledger, problems) {
            problems.remark(format_args!(
                "{}: the chain was reorganized more than {DEPTH_EPOCHS} epochs deep; walking it again from epoch {}",
                self.client.name(),
                ledger.height()
            ));
            self.advance_to(head.height(), ledger, problems);
        }
        problems.failures() == before
    }

    /// Whether the cursor had to go back instead.
    fn advance_to(&self, head_height: i64, ledger: &mut Ledger, problems: &mut Problems) -> bool {
        let Some(plan) = ledger.plan(head_height) else {
            return false;
        };
        let mut batch = Batch::new();
        let mut ask =
            |height: i64| batch.add::<TipSet>("ChainGetTipSetByHeight", json!([height, self.daemon.tipset_key]));
        let check = plan.check.map(&mut ask);
        let settle: Vec<_> = plan.settle.map(&mut ask).collect();
        let look: Vec<_> = plan.look.map(&mut ask).collect();
        let answers = self.client.send(&batch);

        let from = ledger.height();
        match check.map(|ticket| answers.get(ticket)) {
            Some(Ok(tipset)) => match ledger.is_at(&tipset) {
                Ok(true) => {}
                Ok(false) => {
                    ledger.go_back();
                    return true;
                }
                Err(why) => {
                    problems.note(format_args!("ChainGetTipSetByHeight({from}): {why}"));
                    return false;
                }
            },
            Some(Err(error)) => {
                self.stopped(error, head_height, ledger, problems);
                return false;
            }
            None => {}
        }
        let is_anything_to_settle = !settle.is_empty();
        for ticket in settle {
            match answers.get(ticket) {
                Ok(tipset) => {
                    if let Err(why) = ledger.settle(&tipset, self.miner_ids) {
                        problems.note(format_args!("ChainGetTipSetByHeight({}): {why}", ledger.height() + 1));
                        break;
                    }
                }
                Err(error) if ledger.height() > from => {
                    problems.error(error);
                    break;
                }
                Err(error) => {
                    self.stopped(error, head_height, ledger, problems);
                    break;
                }
            }
        }
        if ledger.height() > from || !is_anything_to_settle {
            (ledger.failures, ledger.refusals) = (0, 0);
        }
        for ticket in look {
            match answers.get(ticket) {
                Ok(tipset) => ledger.look(&tipset, self.miner_ids),
                Err(error) => {
                    // One line is enough where the node answers nothing.
                    if !problems.is_failure() {
                        problems.error(error);
                    }
                    break;
                }
            }
        }
        false
    }

    /// Nothing could be settled. What the node refuses again and again it does not have, like what lies before the snapshot that it was
    /// restored from: then the walk goes on where its chain begins.
    fn stopped(&self, error: CallError, head_height: i64, ledger: &mut Ledger, problems: &mut Problems) {
        ledger.failures = ledger.failures.saturating_add(1);
        let is_refused = matches!(error.cause, Cause::Refused { .. });
        ledger.refusals = if is_refused { ledger.refusals.saturating_add(1) } else { 0 };
        problems.error(error);
        if ledger.refusals < REFUSALS_TO_SKIP {
            return;
        }
        match self.first_after_gap(ledger.height(), head_height) {
            Ok(first) => {
                let missing = ledger.height() + 1..first;
                if !missing.is_empty() {
                    problems.remark(format_args!(
                        "{}: has no tipsets for the epochs from {} to {}: blocks won there are not counted",
                        self.client.name(),
                        missing.start,
                        missing.end - 1
                    ));
                }
                ledger.jump_to(first);
                (ledger.failures, ledger.refusals) = (0, 0);
            }
            Err(error) => problems.error(error),
        }
    }

    /// The first epoch after one that the node does not have, by halving what lies between it and the head.
    fn first_after_gap(&self, height: i64, head_height: i64) -> Result<i64, CallError> {
        let (mut missing, mut there) = (height, head_height);
        while there - missing > 1 {
            let middle = missing + (there - missing) / 2;
            match self.client.call::<TipSet>("ChainGetTipSetByHeight", json!([middle, self.daemon.tipset_key])) {
                Ok(_) => there = middle,
                Err(error) if matches!(error.cause, Cause::Refused { .. }) => missing = middle,
                Err(error) => return Err(error),
            }
        }
        Ok(there)
    }

    /// Tells what was to be expected in the epochs just settled, from each miner's power where they end. Of a tipset whose state the node has no
    /// more, the head's is taken.
    fn weigh(&self, ledger: &mut Ledger, problems: &mut Problems) {
        let key = json!(ledger.key());
        let to_weigh: Vec<&str> = self.miner_ids.iter().copied().filter(|id| is_to_be_weighed(ledger, id)).collect();
        let mut batch = Batch::new();
        let tickets: Vec<_> =
            to_weigh.iter().map(|id| batch.add::<MinerPower>("StateMinerPower", json!([id, key]))).collect();
        if tickets.is_empty() {
            return;
        }
        let answers = self.client.send(&batch);
        if let Err(error) = answers.reached() {
            problems.error(error);
            return;
        }
        for (id, ticket) in to_weigh.into_iter().zip(tickets) {
            let power = match answers.get(ticket) {
                Err(error) if matches!(error.cause, Cause::Refused { .. }) => {
                    self.client.call("StateMinerPower", json!([id, self.daemon.tipset_key]))
                }
                answer => answer,
            };
            let Some(power) = problems.ok(power) else {
                continue;
            };
            let miner_bytes = if power.has_min_power { power.miner_power.quality_adj_power.0 } else { 0 };
            if let Some(totals) = ledger.miners.get_mut(id) {
                totals.weigh(miner_bytes, power.total_power.quality_adj_power.0);
            }
        }
    }

    /// Asks for the rewards of blocks that count. A block whose reward is not told stays, to be asked for in the next run.
    fn ask_for_rewards(&self, ledger: &mut Ledger, problems: &mut Problems, has_time: impl Fn() -> bool) {
        let (mut failed, mut asked, mut is_reachable) = (Vec::new(), 0, true);
        let mut waiting = std::mem::take(&mut ledger.unpaid).into_iter();
        while asked < REWARDS_PER_RUN
            && is_reachable
            && has_time()
            && let Some(mut block) = waiting.next()
        {
            asked += 1;
            let error = match rewards::of(self.client, self.daemon, &block) {
                Ok(reward) => {
                    ledger.pay(&block.miner_id, reward);
                    continue;
                }
                Err(error) => error,
            };
            is_reachable = error.cause.is_answer();
            if is_reachable || matches!(error.cause, Cause::TimedOut(_)) {
                block.attempts = block.attempts.saturating_add(1);
            }
            problems.error(&error);
            if is_reachable && block.attempts >= ATTEMPTS_TO_GIVE_UP {
                given_up(&block, problems);
            } else {
                failed.push(block);
            }
        }
        ledger.unpaid.extend(waiting);
        ledger.unpaid.extend(failed);
    }
}

fn is_to_be_weighed(ledger: &Ledger, miner_id: &str) -> bool {
    ledger.miners.get(miner_id).is_some_and(Totals::is_to_be_weighed)
}

fn given_up(block: &Unpaid, problems: &mut Problems) {
    problems.remark(format_args!(
        "the reward of {}'s block {} at epoch {} is not told, and missing in the sum of its rewards",
        block.miner_id, block.cid, block.height
    ));
}

impl Facts {
    /// When the walk last went as it should, Unix seconds.
    pub fn walked_seconds(&self) -> Option<f64> {
        self.walked_seconds
    }
}

pub fn expose(facts: &Facts, samples: &mut Samples) {
    for (miner_id, totals) in &facts.miners {
        let id = [miner_id.as_str()];
        samples.add(&families::MINER_BLOCKS_WON_TOTAL, id, totals.blocks);
        samples.add(&families::MINER_WINS_TOTAL, id, totals.wins);
        samples.add(&families::MINER_EXPECTED_WINS_TOTAL, id, totals.expected_wins());
        samples.add(&families::MINER_REWARDS_FIL_TOTAL, id, totals.known_rewards());
        samples.add(&families::MINER_GAS_REWARDS_FIL_TOTAL, id, totals.gas_rewards);
        samples.add(&families::MINER_BLOCKS_ORPHANED_TOTAL, id, totals.orphaned);
        samples.add(&families::MINER_LAST_BLOCK_HEIGHT, id, totals.last_block.map(|block| block.height));
        let timestamp = totals.last_block.map(|block| block.timestamp_seconds);
        samples.add(&families::MINER_LAST_BLOCK_TIMESTAMP_SECONDS, id, timestamp);
    }
}
