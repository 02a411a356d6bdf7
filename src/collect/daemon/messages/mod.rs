//! Messages that were executed, and what they cost: of every address of the miners, of the node's wallets and of watched addresses.
//!
//! An account's nonce tells whether anything of it landed, whoever sent it. A run in which nothing did asks for one tipset, five epochs deep,
//! and for the accounts' nonces there. Otherwise it finds the tipsets between this one and the last run's where a nonce moved, and reads the
//! messages and receipts of these.
//!
//! The state that a node looks up for a tipset is its parent state (Lotus' `StateManager.LoadActor`, Forest's `StateGetActor`): what its
//! parents' messages made of it. So where the nonce at a tipset is above that at its parents, the parents hold the messages, and the tipset's
//! blocks name the receipts: ChainGetParentMessages and ChainGetParentReceipts of one of them, in the same order.

mod landed;
mod ledger;
#[cfg(test)]
mod tests;

use std::time::Instant;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Daemon;
use super::identity;
use super::wallets::Wallet;
use crate::collect::run::Run;
use crate::expose::{Samples, families};
use crate::lotus::tipset::TipSet;
use crate::rpc::{Batch, CallError, Cause, Client};
use crate::tolerant::Problems;
use ledger::{Account, All, DEPTH_EPOCHS, Due, Failed, Ledger, Sender};

/// The section of the state.
const SECTION: &str = "messages";

/// The part of a run's time after which nothing further is asked for.
const SHARE_OF_RUN: u32 = 2;

/// Pieces settled in one run at most.
const MAX_PIECES: u32 = 16;

/// Tipsets whose messages are read in one run at most: some are half a megabyte.
const MAX_TIPSETS_READ: u32 = 20;

/// What a node answers in so many runs in a row that it does not have, it does not have. Before that, it may be temporary.
const ATTEMPTS: u32 = 10;

/// No account sends as many messages.
pub(super) const MAX_NONCE: u64 = 1 << 40;

const TIPSET: &str = "ChainGetTipSetByHeight";

/// What is wrong with tipsets that are not one chain.
const NO_CHAIN: &str = "it does not follow the tipset before";

/// The parts of what a message costs, as the label `part` names them.
const PARTS: [&str; 3] = ["base_fee_burn", "over_estimation_burn", "miner_tip"];

/// Those whose messages are counted, and whether these are all there are.
pub struct Senders {
    senders: Vec<Sender>,
    are_all: bool,
}

impl Senders {
    /// The wallets, and which miners they are addresses of. They are all there are if nothing about them failed.
    pub fn of(wallets: &[Wallet], miners: &[(&str, &identity::Facts)], are_all: bool) -> Senders {
        let of_miner = |wallet: &Wallet, identity: &identity::Facts| {
            identity.addresses.iter().any(|role| wallet.is(&role.address) || wallet.is(&role.id_address))
        };
        let senders = wallets.iter().map(|wallet| Sender {
            address: wallet.address.clone(),
            id_address: wallet.id_address.clone(),
            name: wallet.name.clone(),
            miner_ids: miners
                .iter()
                .filter(|(_, facts)| of_miner(wallet, facts))
                .map(|(id, _)| (*id).to_owned())
                .collect(),
        });
        Senders { senders: senders.collect(), are_all }
    }
}

/// The totals of each account, and its newest failed messages.
pub struct Facts {
    accounts: Vec<Account>,
    failed: Vec<Failed>,
    all: All,
    walked_seconds: Option<f64>,
}

/// Without a full node the totals stay as they were.
pub fn fetch(
    daemon: Result<&Daemon>,
    run: &Run,
    senders: &Senders,
    miner_ids: &[&str],
    problems: &mut Problems,
) -> Result<Facts> {
    let started = Instant::now();
    let mut ledger: Ledger = run.state.recall(SECTION);
    ledger.know(&senders.senders, senders.are_all, run.now);
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
    ledger.forget_old();
    run.state.remember(SECTION, &ledger);
    let Ledger { accounts, failed, all, walked_seconds, .. } = ledger;
    let accounts = accounts.into_iter().filter(|account| account.nonce.is_some() && !account.is_gone).collect();
    Ok(Facts { accounts, failed, all, walked_seconds })
}

/// The walk in one run.
struct Walk<'a> {
    daemon: &'a Daemon,
    client: &'a Client,
    miner_ids: &'a [&'a str],
    now: f64,
    has_time: &'a dyn Fn() -> bool,
}

/// Why a piece is not settled to its end.
enum Stop {
    /// Enough for this run.
    Enough,
    /// The chain could not be read.
    Chain(CallError),
    /// The messages of a tipset could not be read.
    Messages(CallError),
}

/// StateGetActor; null where there is no such actor, as Forest answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Actor {
    pub(super) nonce: u64,
}

impl Walk<'_> {
    fn do_all(&self, ledger: &mut Ledger, problems: &mut Problems) {
        if ledger.accounts.is_empty() {
            return;
        }
        let Some(head) = &self.daemon.head else {
            problems.error("the head of the chain is not known, so messages are not counted in this run");
            return;
        };
        let (deep, last_possible) = (head.height() - DEPTH_EPOCHS, self.daemon.last_possible_height(self.now));
        if head.height() > last_possible {
            problems.error(format_args!(
                "{}: the head of the chain, epoch {}, cannot be at this time, so messages are not counted in this run; are the clocks right?",
                self.client.name(),
                head.height()
            ));
            return;
        }
        if deep <= 0 {
            return;
        }
        let begins = ledger.begin(deep, last_possible);
        let mut reads = MAX_TIPSETS_READ;
        for _ in 0..MAX_PIECES {
            if ledger.height() >= deep || !(self.has_time)() {
                break;
            }
            let from = ledger.height();
            let settled = self.settle_piece(deep, ledger, &mut reads, problems);
            if ledger.height() > from {
                (ledger.failures, ledger.refusals) = (0, 0);
            }
            match settled {
                Ok(()) => {}
                Err(Stop::Enough) => break,
                Err(Stop::Messages(error)) => {
                    problems.error(error);
                    break;
                }
                Err(Stop::Chain(error)) => {
                    self.stopped(error, deep, ledger, problems);
                    break;
                }
            }
        }
        if begins && ledger.height() < deep {
            // Where the walk begins is not remembered before the node has shown it.
            ledger.lose_cursor();
        }
        // A node that is behind what is settled has nothing new.
        if ledger.height() >= deep && !problems.is_failure() {
            ledger.walked_seconds = Some(self.now);
        }
    }

    fn settle_piece(
        &self,
        deep: i64,
        ledger: &mut Ledger,
        reads: &mut u32,
        problems: &mut Problems,
    ) -> Result<(), Stop> {
        let from = ledger.height();
        let to = deep.min(from + ledger.piece_epochs());
        let end = self.tipsets([to].into_iter())?;
        let Some(end) = end.into_iter().next() else {
            return Err(Stop::Enough);
        };
        let accounts: Vec<usize> = (0..ledger.accounts.len()).collect();
        let nonces = self.nonces(&[&end], &accounts, ledger, problems)?;
        let nonces = nonces.into_iter().next().unwrap_or_default();
        if !ledger.can_be(&nonces) {
            let why = format!("at epoch {to}, no account exists that has sent messages");
            return Err(Stop::Chain(self.client.misshaped("StateGetActor", why)));
        }
        ledger.meet(&nonces, end.height());
        let told = |(account, nonce): (usize, &Option<u64>)| nonce.map(|nonce| (account, nonce));
        let moved: Vec<usize> =
            ledger.due(nonces.iter().enumerate().filter_map(told)).iter().map(|due| due.account).collect();
        if moved.is_empty() {
            ledger.advance(to);
            return Ok(());
        }

        let mut tipsets = self.tipsets(from..to)?;
        let between: Vec<&TipSet> = tipsets.iter().filter(|tipset| tipset.height() < end.height()).collect();
        let mut at_each = self.nonces(&between, &moved, ledger, problems)?;
        if between.last().is_some_and(|last| !end.follows(last)) {
            return Err(Stop::Chain(self.client.misshaped(TIPSET, format!("at epoch {to}, {NO_CHAIN}"))));
        }
        tipsets.truncate(between.len());
        at_each.push(moved.iter().map(|account| nonces.get(*account).copied().flatten()).collect());
        tipsets.push(end);
        let due_at = |place: usize, ledger: &Ledger| {
            let nonces = at_each.get(place).into_iter().flatten();
            ledger.due(moved.iter().zip(nonces).filter_map(|(account, nonce)| nonce.map(|nonce| (*account, nonce))))
        };

        let before = due_at(0, ledger);
        if !before.is_empty() {
            if ledger.go_back(from) {
                return Ok(());
            }
            self.give_up(&before, "nothing is known of them", ledger, problems);
        }
        for (place, pair) in tipsets.windows(2).enumerate() {
            let [tipset, child] = pair else {
                break;
            };
            let due = due_at(place + 1, ledger);
            if !due.is_empty() {
                self.count((tipset, child), &due, ledger, reads, problems)?;
            }
            ledger.advance(child.height());
        }
        ledger.advance(to);
        Ok(())
    }

    /// Counts what is due of a tipset. What could not be read often enough is given up.
    fn count(
        &self,
        (tipset, child): (&TipSet, &TipSet),
        due: &[Due],
        ledger: &mut Ledger,
        reads: &mut u32,
        problems: &mut Problems,
    ) -> Result<(), Stop> {
        if *reads == 0 || !(self.has_time)() {
            return Err(Stop::Enough);
        }
        *reads -= 1;
        let error = match self.read((tipset, child), due, &ledger.accounts, problems) {
            Ok(read) => {
                for (account, messages) in &read.landed {
                    ledger.count(*account, messages);
                }
                if read.error.is_none() {
                    ledger.all.add(read.all);
                }
                read.error
            }
            Err(error) => Some(error),
        };
        let Some(error) = error else {
            ledger.unread = 0;
            return Ok(());
        };
        if error.cause.is_answer() {
            ledger.unread = ledger.unread.saturating_add(1);
        }
        if ledger.unread < ATTEMPTS {
            return Err(Stop::Messages(error));
        }
        let nonces = due.iter().map(|due| (due.account, due.nonces.end));
        let left = ledger.due(nonces);
        self.give_up(&left, &error.to_string(), ledger, problems);
        Ok(())
    }

    /// Gives up messages that the node cannot tell. A gap is reported where it begins.
    fn give_up(&self, due: &[Due], why: &str, ledger: &mut Ledger, problems: &mut Problems) {
        let missed = ledger.miss(due);
        if missed > 0 && ledger.unread <= ATTEMPTS {
            let messages = if missed == 1 { "a message".to_owned() } else { format!("{missed} messages") };
            problems.remark(format_args!(
                "{}: cannot tell what {messages} of ours did and cost, and perhaps others that landed then; only \
                 farcaster_messages_missed_total counts them: {why}",
                self.client.name()
            ));
        }
    }

    /// The chain could not be read on. What the node refuses again and again it does not have, like what lies before the snapshot that it
    /// was restored from: then the walk continues where it has the chain and its state.
    fn stopped(&self, error: CallError, deep: i64, ledger: &mut Ledger, problems: &mut Problems) {
        ledger.failures = ledger.failures.saturating_add(1);
        let is_refused = error.cause.is_refusal();
        ledger.refusals = if is_refused { ledger.refusals.saturating_add(1) } else { 0 };
        let why = error.to_string();
        problems.if_supported::<()>(Err(error));
        if ledger.refusals < ATTEMPTS {
            return;
        }
        match self.first_after_gap(ledger, deep, problems) {
            Ok((height, nonces)) => {
                let told = nonces.into_iter().enumerate().filter_map(|(account, nonce)| Some((account, nonce?)));
                let due = ledger.due(told);
                self.give_up(&due, &why, ledger, problems);
                ledger.advance(height);
                (ledger.failures, ledger.refusals) = (0, 0);
            }
            Err(Stop::Chain(error) | Stop::Messages(error)) => problems.error(error),
            Err(Stop::Enough) => {}
        }
    }

    /// The first epoch from the cursor's on that the node has a tipset and state for, by halving what lies between, and the nonces there.
    fn first_after_gap(
        &self,
        ledger: &Ledger,
        deep: i64,
        problems: &mut Problems,
    ) -> Result<(i64, Vec<Option<u64>>), Stop> {
        let accounts: Vec<usize> = (0..ledger.accounts.len()).collect();
        let mut nonces_at = |height: i64| {
            let tipsets = self.tipsets([height].into_iter())?;
            let nonces = self.nonces(&tipsets.iter().collect::<Vec<_>>(), &accounts, ledger, problems)?;
            Ok(nonces.into_iter().next().unwrap_or_default())
        };
        let (mut missing, mut there) = (ledger.height() - 1, deep);
        let mut found = nonces_at(deep)?;
        while there - missing > 1 {
            let middle = missing + (there - missing) / 2;
            match nonces_at(middle) {
                Ok(nonces) => (there, found) = (middle, nonces),
                Err(Stop::Chain(error)) if error.cause.is_refusal() => missing = middle,
                Err(stop) => return Err(stop),
            }
        }
        Ok((there, found))
    }

    /// The tipsets at these epochs or before them, each once.
    fn tipsets(&self, heights: impl Iterator<Item = i64>) -> Result<Vec<TipSet>, Stop> {
        let mut batch = Batch::new();
        let tickets: Vec<_> = heights
            .map(|height| (height, batch.add::<TipSet>(TIPSET, json!([height, self.daemon.tipset_key]))))
            .collect();
        let answers = self.client.send(&batch);
        let mut tipsets: Vec<TipSet> = Vec::new();
        for (height, ticket) in tickets {
            let tipset = answers.get(ticket).map_err(Stop::Chain)?;
            let fits = match tipsets.last() {
                Some(last) if last.height() == tipset.height() => last.key() == tipset.key(),
                Some(last) => tipset.height() == height && tipset.follows(last),
                None => true,
            };
            if !fits || tipset.height() > height || tipset.first_cid().is_none() {
                return Err(Stop::Chain(self.client.misshaped(TIPSET, format!("at epoch {height}, {NO_CHAIN}"))));
            }
            if tipsets.last().is_none_or(|last| last.height() < tipset.height()) {
                tipsets.push(tipset);
            }
        }
        Ok(tipsets)
    }

    /// The nonces of these accounts at each of the tipsets. One that the node cannot tell at a single tipset is reported, and left out; with
    /// several tipsets, or none told, that is an error.
    fn nonces(
        &self,
        tipsets: &[&TipSet],
        accounts: &[usize],
        ledger: &Ledger,
        problems: &mut Problems,
    ) -> Result<Vec<Vec<Option<u64>>>, Stop> {
        let mut batch = Batch::new();
        let mut tickets = Vec::new();
        for tipset in tipsets {
            let of_tipset = accounts.iter().filter_map(|index| ledger.accounts.get(*index)).map(|account| {
                let ticket = batch.add::<Option<Actor>>("StateGetActor", json!([account.address, tipset.key()]));
                (account, batch.expect(ticket, is_no_actor))
            });
            tickets.push(of_tipset.collect::<Vec<_>>());
        }
        let answers = self.client.send(&batch);
        let (mut nonces, mut errors, mut told) = (Vec::new(), Vec::new(), 0);
        for of_tipset in tickets {
            let mut of_accounts = Vec::new();
            for (account, ticket) in of_tipset {
                let nonce = self.nonce(account, answers.get(ticket));
                told += usize::from(nonce.is_ok());
                of_accounts.push(nonce.map_err(|error| errors.push(error)).ok());
            }
            nonces.push(of_accounts);
        }
        match errors.into_iter().next() {
            Some(error) if told == 0 || tipsets.len() > 1 => Err(Stop::Chain(error)),
            Some(error) => {
                problems.error(error);
                Ok(nonces)
            }
            None => Ok(nonces),
        }
    }

    /// An actor that does not exist has sent nothing yet.
    fn nonce(&self, account: &Account, answer: Result<Option<Actor>, CallError>) -> Result<u64, CallError> {
        match answer {
            Ok(Some(Actor { nonce })) if nonce > MAX_NONCE => {
                let why = format!("{}: its nonce is impossible", account.address);
                Err(self.client.misshaped("StateGetActor", why))
            }
            Ok(actor) => Ok(actor.map_or(0, |actor| actor.nonce)),
            Err(error) if is_no_actor(&error.cause) => Ok(0),
            Err(error) => Err(error),
        }
    }
}

/// Whether an error means that the actor does not exist.
pub(super) fn is_no_actor(cause: &Cause) -> bool {
    matches!(cause, Cause::Refused { message, .. } if message.contains("actor not found"))
}

impl Facts {
    /// When the walk last went as it should, Unix seconds.
    pub fn walked_seconds(&self) -> Option<f64> {
        self.walked_seconds
    }
}

pub fn expose(facts: &Facts, samples: &mut Samples) {
    for account in &facts.accounts {
        let (from, name) = (account.address.as_str(), account.name.as_str());
        samples.add(&families::MESSAGES_MISSED_TOTAL, [from, name], account.missed);
        for kind in &account.kinds {
            let labels = [from, name, &kind.miner_id, &kind.method, &kind.exit_code];
            samples.add(&families::MESSAGES_EXECUTED_TOTAL, labels, kind.messages);
            samples.add(&families::MESSAGES_GAS_LIMIT_TOTAL, labels, kind.gas_limit);
            samples.add(&families::MESSAGES_VALUE_FIL_TOTAL, labels, kind.value);
            let [from, name, miner_id, method, exit_code] = labels;
            for (part, amount) in PARTS.into_iter().zip([kind.base_fee_burn, kind.over_estimation_burn, kind.miner_tip])
            {
                let labels = [from, name, miner_id, method, exit_code, part];
                samples.add(&families::MESSAGES_GAS_FIL_TOTAL, labels, amount);
            }
        }
    }
    if facts.walked_seconds.is_some() {
        samples.add(&families::NETWORK_MESSAGES_GAS_LIMIT_TOTAL, [], facts.all.gas_limit);
        samples.add(&families::NETWORK_MESSAGES_TIP_FIL_TOTAL, [], facts.all.miner_tip);
    }
    for failed in &facts.failed {
        let Some(account) = facts.accounts.iter().find(|account| account.is(&failed.from)) else {
            continue;
        };
        let Failed { cid, from, to, miner_id, method, exit_code, timestamp_seconds, .. } = failed;
        let labels: [&str; 7] = [cid, from, &account.name, to, miner_id, method, exit_code];
        let newest_first = -(*timestamp_seconds as f64);
        samples.add_row(&families::MESSAGE_FAILED_TIMESTAMP_SECONDS, labels, *timestamp_seconds, newest_first);
    }
}
