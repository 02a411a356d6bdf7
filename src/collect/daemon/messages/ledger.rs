//! The ledger of executed messages: how far the chain is settled, and the totals of each account. Nothing here asks a node.
//!
//! An account's nonce counts its messages, so each nonce counts once, in its order, and a nonce that was passed over is a message that was
//! missed. That holds whatever the chain does: after a reorganization that is deeper than what is settled, messages land again under nonces
//! that are counted, and what was counted is never taken back.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::lotus::address;
use crate::lotus::epoch::CHAIN_FINALITY_EPOCHS;
use crate::lotus::fil::Fil;
use crate::lotus::gas::Cost;

/// Messages count when the tipset whose state shows them is so deep under the head.
pub const DEPTH_EPOCHS: i64 = 5;

/// Epochs settled in one piece at most.
const PIECE_EPOCHS: i64 = 90;

/// Nonces that a piece may take to ask for, about; and the epochs that it has in any case.
const PIECE_NONCES: i64 = 1000;
const LEAST_PIECE_EPOCHS: i64 = 4;

/// An account that has not been among the senders for so long is forgotten. Before that, an answer may have been incomplete.
const SECONDS_TO_FORGET: f64 = 86_400.0;

/// A failed message is shown for so long: a day.
const EPOCHS_NEW: i64 = 2880;

/// Failed messages remembered at most, the newest.
const MAX_FAILED: usize = 1000;

/// Kinds of messages told apart for an account at most. A watched address may belong to anybody.
const MAX_KINDS: usize = 500;

/// What stands for the method and exit code of any further kind.
const OTHER: &str = "other";

/// An address whose messages are counted.
#[derive(Clone, Debug, Default)]
pub struct Sender {
    /// The key address, or the id if there is no key.
    pub address: String,
    /// The id, or empty where the chain does not know the address yet.
    pub id_address: String,
    /// How it is called; may be empty.
    pub name: String,
    /// The miners that it is an address of.
    pub miner_ids: Vec<String>,
}

/// What is remembered of a sender.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    pub address: String,
    id_address: String,
    pub name: String,
    miner_ids: Vec<String>,
    /// When it was last among the senders, Unix seconds.
    known_seconds: f64,
    /// It is not among the senders any more.
    #[serde(skip)]
    pub is_gone: bool,
    /// The nonce of the next message to count; none until the node has told one.
    pub nonce: Option<u64>,
    /// The epoch from which on the chain's nonce has been lower than that.
    lower_since: Option<i64>,
    /// Messages that are known to have landed, and of which nothing else is known.
    pub missed: u64,
    pub kinds: Vec<Kind>,
}

/// Messages of an account that are alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kind {
    /// The miner whose business they are; may be empty.
    pub miner_id: String,
    pub method: String,
    pub exit_code: String,
    pub messages: u64,
    pub base_fee_burn: Fil,
    pub over_estimation_burn: Fil,
    pub miner_tip: Fil,
    pub gas_limit: u64,
    pub value: Fil,
}

/// All messages of the tipsets with messages of ours, whoever sent them.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct All {
    pub gas_limit: u64,
    pub miner_tip: Fil,
}

/// A message that failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failed {
    pub cid: String,
    pub from: String,
    pub to: String,
    pub miner_id: String,
    pub method: String,
    pub exit_code: String,
    /// The epoch of the tipset that included it, and its time.
    pub height: i64,
    pub timestamp_seconds: i64,
}

/// A message that was executed.
#[derive(Clone, Debug)]
pub struct Landed {
    pub cid: String,
    pub nonce: u64,
    pub to: String,
    /// The miner of ours that it was sent to, or empty.
    pub to_miner: String,
    pub method: String,
    pub exit_code: i64,
    pub cost: Cost,
    /// The gas that it reserved, for which it pays the tip.
    pub gas_limit: u64,
    /// What it transfers, unless it failed.
    pub value: Fil,
    /// Of the tipset that included it.
    pub height: i64,
    pub timestamp_seconds: i64,
}

/// Messages of an account, by its place in the ledger, which landed and are not counted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub account: usize,
    pub nonces: Range<u64>,
}

/// The memory of the walk.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// All is counted that is executed in the state of the tipset at this epoch, or before it where that is a null round.
    height: Option<i64>,
    pub accounts: Vec<Account>,
    /// Failed messages, the oldest first.
    pub failed: Vec<Failed>,
    pub all: All,
    /// Where the walk was when it last had to go back.
    back_from: Option<i64>,
    /// Runs in a row in which nothing could be settled.
    pub failures: u32,
    /// How many of these had the node answer that it does not have what comes next.
    pub refusals: u32,
    /// How often, in a row, the messages of a tipset could not be read although the node answered.
    pub unread: u32,
    /// When the walk last arrived, Unix seconds.
    pub walked_seconds: Option<f64>,
}

impl Account {
    /// Whether a message with this sender is this account's.
    pub fn is(&self, address: &str) -> bool {
        is_one_of(&self.address, &self.id_address, address)
    }

    /// Whose business a message is: that of the miner it was sent to, or of the only one that the account belongs to.
    fn miner_of<'a>(&'a self, message: &'a Landed) -> &'a str {
        match self.miner_ids.as_slice() {
            [only] if message.to_miner.is_empty() => only,
            _ => &message.to_miner,
        }
    }

    fn kind(&mut self, miner_id: &str, method: &str, exit_code: &str) -> Option<&mut Kind> {
        let is = |kind: &Kind, method: &str, exit_code: &str| {
            kind.miner_id == miner_id && kind.method == method && kind.exit_code == exit_code
        };
        let found = self.kinds.iter().position(|kind| is(kind, method, exit_code));
        let (method, exit_code) = match found {
            None if self.kinds.len() >= MAX_KINDS => (OTHER, OTHER),
            _ => (method, exit_code),
        };
        let found = found.or_else(|| self.kinds.iter().position(|kind| is(kind, method, exit_code)));
        let index = found.unwrap_or_else(|| {
            let [miner_id, method, exit_code] = [miner_id, method, exit_code].map(str::to_owned);
            self.kinds.push(Kind { miner_id, method, exit_code, ..Kind::default() });
            self.kinds.len() - 1
        });
        self.kinds.get_mut(index)
    }

    /// Takes the chain's nonce at an epoch for the next one to count, where that is not known yet, or has been above the chain's for longer
    /// than any reorganization lasts: then it was never right.
    fn meet(&mut self, chain_nonce: u64, height: i64) {
        let is_lower = self.nonce.is_some_and(|nonce| chain_nonce < nonce);
        self.lower_since = is_lower.then(|| self.lower_since.unwrap_or(height).min(height));
        let lower_for = self.lower_since.map_or(0, |since| height.saturating_sub(since));
        if self.nonce.is_none() || lower_for > CHAIN_FINALITY_EPOCHS {
            (self.nonce, self.lower_since) = (Some(chain_nonce), None);
        }
    }

    /// What landed up to where the chain has this nonce, and is not counted yet.
    fn due(&self, chain_nonce: u64) -> Option<Range<u64>> {
        self.nonce.filter(|nonce| *nonce < chain_nonce).map(|nonce| nonce..chain_nonce)
    }
}

impl Kind {
    fn add(&mut self, message: &Landed) {
        self.messages = self.messages.saturating_add(1);
        self.gas_limit = self.gas_limit.saturating_add(message.gas_limit);
        let Cost { base_fee_burn, over_estimation_burn, miner_tip } = message.cost;
        for (sum, part) in [
            (&mut self.base_fee_burn, base_fee_burn),
            (&mut self.over_estimation_burn, over_estimation_burn),
            (&mut self.miner_tip, miner_tip),
            (&mut self.value, message.value),
        ] {
            *sum += part;
            // All FIL may be sent more than once, and more than all is not an amount.
            *sum = (*sum).min(Fil::ALL);
        }
    }
}

impl All {
    pub fn add(&mut self, other: All) {
        self.gas_limit = self.gas_limit.saturating_add(other.gas_limit);
        self.miner_tip += other.miner_tip;
        self.miner_tip = self.miner_tip.min(Fil::ALL);
    }
}

fn is_one_of(one: &str, other: &str, address: &str) -> bool {
    [one, other].iter().any(|known| !known.is_empty() && address::same(known, address))
}

impl Ledger {
    /// Takes the senders that are known now. Where they are all there are, accounts of others are gone.
    pub fn know(&mut self, senders: &[Sender], are_all: bool, now: f64) {
        let mut accounts = std::mem::take(&mut self.accounts);
        for sender in senders {
            let is = |account: &Account| {
                [&account.address, &account.id_address]
                    .iter()
                    .any(|known| is_one_of(&sender.address, &sender.id_address, known))
            };
            // Two of one sender, which was known by its id and its key apart, have counted the same messages.
            let index = accounts.iter().position(is).unwrap_or(accounts.len());
            let mut account = if index < accounts.len() { accounts.remove(index) } else { Account::default() };
            accounts.retain(|account| !is(account));
            let is_key = address::actor_id(&sender.address).is_none();
            if is_key || account.address.is_empty() {
                account.address.clone_from(&sender.address);
            }
            if !sender.id_address.is_empty() {
                account.id_address.clone_from(&sender.id_address);
            }
            // Whatever was not answered this time may have given it a name.
            if are_all || !sender.name.is_empty() {
                account.name.clone_from(&sender.name);
            }
            if are_all || !sender.miner_ids.is_empty() {
                account.miner_ids.clone_from(&sender.miner_ids);
            }
            account.known_seconds = now;
            self.accounts.push(account);
        }
        for mut account in accounts {
            account.is_gone = are_all;
            let can_be = account.known_seconds <= now;
            if !are_all || (can_be && now - account.known_seconds <= SECONDS_TO_FORGET) {
                self.accounts.push(account);
            }
        }
    }

    /// Forgets failed messages that are not new any more, and those that cannot be.
    pub fn forget_old(&mut self) {
        let height = self.height();
        self.failed.retain(|failed| (0..=EPOCHS_NEW).contains(&height.saturating_sub(failed.height)));
        let more = self.failed.len().saturating_sub(MAX_FAILED);
        self.failed.drain(..more);
    }

    /// Begins to walk, where that has not happened yet, so that this epoch comes next. What lies before is not counted. A position beyond
    /// the last possible epoch is a damaged one. Whether it began now.
    pub fn begin(&mut self, deep: i64, last_possible: i64) -> bool {
        let begins = self.height.is_none();
        match self.height {
            None => self.height = Some(deep - 1),
            Some(height) if !(0..=last_possible).contains(&height) => {
                self.back_from = None;
                self.go_back(deep);
            }
            Some(_) => {}
        }
        begins
    }

    /// Forgets where the walk is, to begin again.
    pub fn lose_cursor(&mut self) {
        (self.height, self.back_from) = (None, None);
    }

    /// The epoch up to which all is settled.
    pub fn height(&self) -> i64 {
        self.height.unwrap_or(0)
    }

    /// How many epochs to settle in one piece. A node that is too slow for a piece gets a smaller one next time.
    pub fn piece_epochs(&self) -> i64 {
        let accounts = i64::try_from(self.accounts.len()).unwrap_or(i64::MAX).max(1);
        (PIECE_NONCES / accounts).clamp(LEAST_PIECE_EPOCHS, PIECE_EPOCHS) >> self.failures.min(2)
    }

    /// All is settled up to this epoch.
    pub fn advance(&mut self, height: i64) {
        self.height = Some(height);
        if self.back_from.is_some_and(|from| from <= height) {
            self.back_from = None;
        }
    }

    /// Whether not all accounts are gone that have sent anything, as these nonces have it.
    pub fn can_be(&self, nonces: &[Option<u64>]) -> bool {
        let has_sent = |account: &Account| account.nonce.is_some_and(|nonce| nonce > 0);
        nonces.iter().flatten().any(|nonce| *nonce > 0) || !self.accounts.iter().any(has_sent)
    }

    /// Takes the nonces that the chain has at an epoch, in the order of the accounts; none where one is not known in this run.
    pub fn meet(&mut self, nonces: &[Option<u64>], height: i64) {
        for (account, nonce) in self.accounts.iter_mut().zip(nonces) {
            if let Some(nonce) = nonce {
                account.meet(*nonce, height);
            }
        }
    }

    /// What landed up to where the chain has these nonces of these accounts, and is not counted yet.
    pub fn due(&self, nonces: impl Iterator<Item = (usize, u64)>) -> Vec<Due> {
        let due = nonces.filter_map(|(account, nonce)| {
            let nonces = self.accounts.get(account)?.due(nonce)?;
            Some(Due { account, nonces })
        });
        due.collect()
    }

    /// Something landed where all was settled: the chain is another one, or an account was not answered for. Goes back as far as a
    /// reorganization can reach, and returns whether that is any use: not when it was done already.
    pub fn go_back(&mut self, from: i64) -> bool {
        if self.back_from.is_some() {
            return false;
        }
        self.back_from = Some(from);
        self.height = Some(from.saturating_sub(CHAIN_FINALITY_EPOCHS).max(0));
        true
    }

    /// Counts messages of an account, whose nonces follow each other from the one that is next.
    pub fn count(&mut self, index: usize, messages: &[Landed]) {
        let Some(account) = self.accounts.get_mut(index) else {
            return;
        };
        for message in messages {
            if account.nonce != Some(message.nonce) {
                continue;
            }
            let (miner_id, exit_code) = (account.miner_of(message).to_owned(), message.exit_code.to_string());
            account.nonce = Some(message.nonce.saturating_add(1));
            if let Some(kind) = account.kind(&miner_id, &message.method, &exit_code) {
                kind.add(message);
            }
            if message.exit_code != 0 {
                self.failed.push(Failed {
                    cid: message.cid.clone(),
                    from: account.address.clone(),
                    to: message.to.clone(),
                    miner_id,
                    method: message.method.clone(),
                    exit_code,
                    height: message.height,
                    timestamp_seconds: message.timestamp_seconds,
                });
            }
        }
    }

    /// Gives up messages of which nothing will be known. Returns how many.
    pub fn miss(&mut self, due: &[Due]) -> u64 {
        let mut missed = 0_u64;
        for Due { account, nonces } in due {
            if let Some(account) = self.accounts.get_mut(*account) {
                let count = nonces.end.saturating_sub(nonces.start);
                account.missed = account.missed.saturating_add(count);
                account.nonce = Some(nonces.end);
                missed = missed.saturating_add(count);
            }
        }
        missed
    }
}
