//! Won blocks, what they earned, and how many were expected.
//!
//! One walk along the chain for all miners, epoch by epoch, in pieces of one batch: see `ledger.rs` for what counts when. A run in which all is
//! well asks for the tipsets since the last run, the newest five and the one at the cursor, for each miner's power where the piece ends, and for
//! the rewards of own blocks only.

mod ledger;
mod luck;
mod rewards;
#[cfg(test)]
mod tests;
mod totals;

use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use crate::collect::daemon::Daemon;
use crate::collect::run::Run;
use crate::expose::{Samples, families};
use crate::lotus::tipset::TipSet as Head;
use crate::rpc::{Batch, CallError, Cause, Client};
use crate::tolerant::Problems;
use ledger::{DEPTH_EPOCHS, Ledger, TipSet};
use totals::{Network, Totals};

/// The section of the state.
const SECTION: &str = "blocks";

/// The part of a run's time after which nothing further is asked for.
const SHARE_OF_RUN: u32 = 2;

/// If the node reports this often that it does not have an epoch, its chain has a gap. Before that, it may be temporary.
const REFUSALS_TO_SKIP: u32 = 3;

/// The totals of each miner, and of the network.
pub struct Facts {
    miners: Vec<(String, Totals)>,
    network: Network,
    walked_seconds: Option<f64>,
}

/// Without a full node the totals stay as they were.
pub fn fetch(daemon: Result<&Daemon>, run: &Run, miner_ids: &[&str], problems: &mut Problems) -> Result<Facts> {
    let started = Instant::now();
    let mut ledger: Ledger = run.state.recall(SECTION);
    match daemon {
        Ok(daemon) => {
            // Nobody else has to suffer when the node is slow with this.
            let client = daemon.client.apart();
            let has_time = || started.elapsed() < run.timeout / SHARE_OF_RUN;
            let walk = Walk { daemon, client: &client, miner_ids, now: run.now, has_time: &has_time };
            walk.do_all(&mut ledger, problems);
        }
        Err(error) => problems.error(error),
    }
    run.state.remember(SECTION, &ledger);
    let totals_of = |id: &&str| ledger.miners.remove(*id).map(|totals| ((*id).to_owned(), totals));
    let miners = miner_ids.iter().filter_map(totals_of).collect();
    Ok(Facts { miners, network: ledger.network, walked_seconds: ledger.walked_seconds })
}

/// The walk in one run.
struct Walk<'a> {
    daemon: &'a Daemon,
    client: &'a Client,
    miner_ids: &'a [&'a str],
    now: f64,
    has_time: &'a dyn Fn() -> bool,
}

/// How settling a piece went.
#[derive(PartialEq)]
enum Step {
    /// As far as it went.
    On,
    /// The chain is another one: the cursor had to go back.
    Back,
    /// The node did not confirm its head, so nothing that it returned is about the end of the chain.
    HeadDoubted,
}

impl Walk<'_> {
    fn do_all(&self, ledger: &mut Ledger, problems: &mut Problems) {
        let Some(head) = &self.daemon.head else {
            problems.error("the head of the chain is not known, so blocks are not counted in this run");
            return;
        };
        let height_before = ledger.height();
        let is_head_confirmed = self.advance(head, ledger, problems);
        let settled = ledger.height().saturating_sub(height_before);
        self.ask_for_rewards(head, settled, ledger, problems);
        if is_head_confirmed {
            ledger.note_what_is_whole(head.height(), self.miner_ids);
        }
    }

    /// Settles the next part of the chain, and weighs it. Returns whether the node still confirms its head.
    fn advance(&self, head: &Head, ledger: &mut Ledger, problems: &mut Problems) -> bool {
        let last_possible = self.daemon.last_possible_height(self.now);
        if !(0..=last_possible).contains(&head.height()) {
            problems.error(format_args!(
                "{}: the head of the chain, epoch {}, cannot be at this time, so blocks are not counted in this run; are the clocks right?",
                self.client.name(),
                head.height()
            ));
            return false;
        }
        if ledger.is_lost(last_possible.max(head.height())) {
            problems.remark(
                "the walk along the chain is remembered at an epoch that cannot be: walking the last day again",
            );
            ledger.lose_cursor();
        }
        let begins = ledger.begin(head.height(), self.miner_ids);
        let mut step = Step::HeadDoubted;
        let mut is_well = true;
        for _ in 0..ledger.pieces(head.height()) {
            let (from, failures) = (ledger.height(), problems.failures());
            step = self.settle_piece(head, ledger, problems);
            if step == Step::Back {
                problems.remark(format_args!(
                    "{}: the chain was reorganized more than {DEPTH_EPOCHS} epochs deep; walking it again from epoch {}",
                    self.client.name(),
                    ledger.height()
                ));
                step = self.settle_piece(head, ledger, problems);
            }
            is_well &= problems.failures() == failures;
            self.weigh(head, ledger, problems);
            if ledger.height() <= from || ledger.has_arrived(head.height()) || !(self.has_time)() {
                break;
            }
        }
        if is_well {
            ledger.walked_seconds = Some(self.now);
        }
        let is_head_confirmed = step != Step::HeadDoubted;
        if is_head_confirmed {
            ledger.last_head = Some(head.height());
        } else if begins && ledger.key().is_none() {
            // Where the walk begins is not remembered before.
            ledger.lose_cursor();
        }
        is_head_confirmed
    }

    fn settle_piece(&self, head: &Head, ledger: &mut Ledger, problems: &mut Problems) -> Step {
        let Some(plan) = ledger.plan(head.height()) else {
            return Step::HeadDoubted;
        };
        let mut batch = Batch::new();
        let mut ask =
            |height: i64| batch.add::<TipSet>("ChainGetTipSetByHeight", json!([height, self.daemon.tipset_key]));
        let check = plan.check.map(&mut ask);
        let settle: Vec<_> = plan.settle.map(&mut ask).collect();
        let look: Vec<_> = plan.look.map(|height| (height, ask(height))).collect();
        let answers = self.client.send(&batch);

        let look: Vec<_> = look.into_iter().map(|(height, ticket)| (height, answers.get(ticket))).collect();
        // The newest one is the head itself.
        match look.last() {
            Some((height, Ok(tipset))) if !tipset.is(*height, &self.daemon.tipset_key) => {
                problems
                    .note(format_args!("ChainGetTipSetByHeight({height}): it is not the head that ChainHead returned"));
                return Step::HeadDoubted;
            }
            Some((_, Err(error))) => {
                ledger.failures = ledger.failures.saturating_add(1);
                problems.error(error);
                return Step::HeadDoubted;
            }
            _ => {}
        }
        let from = ledger.height();
        match check.map(|ticket| answers.get(ticket)) {
            Some(Ok(tipset)) => match ledger.is_at(&tipset) {
                Ok(true) => {}
                Ok(false) => {
                    ledger.go_back();
                    return Step::Back;
                }
                Err(why) => {
                    problems.note(format_args!("ChainGetTipSetByHeight({from}): {why}"));
                    return Step::On;
                }
            },
            Some(Err(error)) => {
                self.stopped(error, head.height(), ledger, problems);
                return Step::On;
            }
            None => {}
        }
        let is_anything_to_settle = !settle.is_empty();
        for ticket in settle {
            match answers.get(ticket) {
                Ok(tipset) => {
                    if let Err(why) = ledger.settle(&tipset, self.miner_ids, self.now) {
                        problems.note(format_args!("ChainGetTipSetByHeight({}): {why}", ledger.height() + 1));
                        break;
                    }
                }
                Err(error) if ledger.height() > from => {
                    problems.error(error);
                    break;
                }
                Err(error) => {
                    self.stopped(error, head.height(), ledger, problems);
                    break;
                }
            }
        }
        if ledger.height() > from || !is_anything_to_settle {
            (ledger.failures, ledger.refusals) = (0, 0);
        }
        for (height, answer) in look {
            match answer {
                Ok(tipset) => ledger.look(height, &tipset, self.miner_ids),
                Err(error) => {
                    // One line is enough where the node answers nothing.
                    if !problems.is_failure() {
                        problems.error(error);
                    }
                    break;
                }
            }
        }
        Step::On
    }

    /// Nothing could be settled. What the node refuses again and again it does not have, like what lies before the snapshot that it was
    /// restored from: then the walk continues where its chain begins.
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
}

impl Facts {
    /// When the walk last went as it should, Unix seconds.
    pub fn walked_seconds(&self) -> Option<f64> {
        self.walked_seconds
    }
}

pub fn expose(facts: &Facts, samples: &mut Samples) {
    if facts.network.is_whole {
        samples.add(&families::NETWORK_EPOCHS_TOTAL, [], facts.network.epochs);
        samples.add(&families::NETWORK_BLOCKS_TOTAL, [], facts.network.blocks);
        samples.add(&families::NETWORK_WINS_TOTAL, [], facts.network.wins);
        samples.add(&families::NETWORK_BLOCKS_ORPHANED_TOTAL, [], facts.network.orphaned);
    }
    for (miner_id, totals) in &facts.miners {
        let (id, whole) = ([miner_id.as_str()], totals.whole);
        if whole.wins {
            samples.add(&families::MINER_BLOCKS_WON_TOTAL, id, totals.blocks);
            samples.add(&families::MINER_WINS_TOTAL, id, totals.wins);
            samples.add(&families::MINER_BLOCKS_ORPHANED_TOTAL, id, totals.orphaned);
            samples.add(&families::MINER_LAST_BLOCK_HEIGHT, id, totals.last_block.map(|block| block.height));
            let timestamp = totals.last_block.map(|block| block.timestamp_seconds);
            samples.add(&families::MINER_LAST_BLOCK_TIMESTAMP_SECONDS, id, timestamp);
        }
        if whole.expected {
            samples.add(&families::MINER_EXPECTED_WINS_TOTAL, id, totals.expected_wins());
        }
        if whole.rewards {
            samples.add(&families::MINER_REWARDS_FIL_TOTAL, id, totals.known_rewards());
            samples.add(&families::MINER_GAS_REWARDS_FIL_TOTAL, id, totals.gas_rewards);
        }
    }
}
