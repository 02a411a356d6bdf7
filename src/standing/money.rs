//! Money: of the miner, in wallets, in messages on their way, and in deals.

use std::collections::BTreeMap;

use serde::Serialize;

use super::facts::{Rows, is_complete, known, one};
use super::miner::Of;
use crate::expose::{Fact, Facts, Family, families as f};

/// What a miner holds and owes.
#[derive(Serialize)]
pub struct Money {
    pub balance_fil: Option<f64>,
    pub available_fil: Option<f64>,
    pub initial_pledge_fil: Option<f64>,
    pub precommit_deposits_fil: Option<f64>,
    pub vesting_fil: Option<f64>,
    pub fee_debt_fil: Option<f64>,
    pub daily_fee_fil: Option<f64>,
    /// How long what is available and what vests pays the daily fee.
    pub daily_fee_runway_days: Option<f64>,
    pub market_escrow_fil: Option<f64>,
    pub market_locked_fil: Option<f64>,
    /// What the worker and control wallets hold together; none unless all of them and their balances are known.
    pub worker_and_control_fil: Option<f64>,
    #[serde(skip)]
    pub paying_wallets: Vec<PayingWallet>,
}

/// A worker or control wallet, one that pays for messages.
pub struct PayingWallet {
    pub address: String,
    /// Where it has several, one of them.
    pub role: String,
    pub balance_fil: Option<f64>,
}

/// A wallet of the node, an address of a miner, or a watched address.
#[derive(Serialize)]
pub struct Wallet {
    pub address: String,
    pub id_address: Option<String>,
    pub name: Option<String>,
    pub balance_fil: f64,
    /// At the pace that several runs have seen; none before three hours, and of a wallet that spends nothing.
    pub lasts_days: Option<f64>,
}

/// A message that waits in the message pool.
#[derive(Serialize)]
pub struct Message {
    pub cid: String,
    pub from: String,
    pub from_name: Option<String>,
    pub to: String,
    pub to_name: Option<String>,
    pub method: String,
    pub nonce: String,
    pub first_seen_timestamp_seconds: f64,
    pub gas_fee_cap_fil: Option<f64>,
    /// Whether it pays less for gas than a block asks now: it is stuck.
    pub is_below_base_fee: Option<bool>,
}

/// A sender whose messages cannot land: how many pay less than the base fee, or how many are missing before them. Unlike rows of messages,
/// their number has no limit.
pub struct Stuck {
    pub from: String,
    pub from_name: Option<String>,
    pub messages: f64,
}

/// What Boost reports about deals.
#[derive(Serialize)]
pub struct Deals {
    pub is_complete: bool,
    pub checkpoints: Vec<Checkpoint>,
    pub publish_queue_deals: Option<f64>,
    pub publish_timestamp_seconds: Option<f64>,
    pub transfers: Option<f64>,
    pub stalled_transfers: Option<f64>,
    pub escrow_available_fil: Option<f64>,
    pub escrow_tagged_fil: Option<f64>,
    pub publish_wallet_available_fil: Option<f64>,
    pub publish_wallet_tagged_fil: Option<f64>,
    pub staging_free_bytes: Option<f64>,
    pub staging_bytes: Option<f64>,
}

/// Deals that got so far.
#[derive(Serialize)]
pub struct Checkpoint {
    pub kind: String,
    pub checkpoint: String,
    pub deals: f64,
}

impl Money {
    /// Reads it.
    pub fn read(of: &Of) -> Money {
        let available = of.one(&f::MINER_AVAILABLE_FIL);
        let vesting = of.with(&f::MINER_LOCKED_FIL, "vesting");
        let fee = of.one(&f::MINER_DAILY_FEE_FIL);
        let funds = available.zip(vesting).map(|(available, vesting)| available + vesting);
        let runway = funds.zip(fee.filter(|fee| *fee > 0.0)).map(|(funds, fee)| funds / fee);
        let paying_wallets = PayingWallet::read(of);
        let balances = paying_wallets.iter().map(|wallet| wallet.balance_fil);
        Money {
            balance_fil: of.one(&f::MINER_BALANCE_FIL),
            available_fil: available,
            initial_pledge_fil: of.with(&f::MINER_LOCKED_FIL, "initial_pledge"),
            precommit_deposits_fil: of.with(&f::MINER_LOCKED_FIL, "precommit_deposits"),
            vesting_fil: vesting,
            fee_debt_fil: of.one(&f::MINER_FEE_DEBT_FIL),
            daily_fee_fil: fee,
            daily_fee_runway_days: runway,
            market_escrow_fil: of.one(&f::MINER_MARKET_ESCROW_FIL),
            market_locked_fil: of.one(&f::MINER_MARKET_LOCKED_FIL),
            worker_and_control_fil: balances
                .sum::<Option<f64>>()
                .filter(|_| !paying_wallets.is_empty() && of.is_complete("identity")),
            paying_wallets,
        }
    }
}

impl PayingWallet {
    fn read(of: &Of) -> Vec<PayingWallet> {
        let pays = |role: &str| role == "worker" || role.starts_with("control");
        let addresses = of.rows(&f::MINER_ADDRESS_INFO).into_iter().filter(|fact| pays(&fact.labels[1]));
        let roles: BTreeMap<String, String> =
            addresses.map(|Fact { labels: [_, role, _, address, _], .. }| (address, role)).collect();
        let balance = |address: &str| of.facts.of(&f::WALLET_BALANCE_FIL, address).first().map(|fact| fact.value);
        let wallet = |(address, role): (String, String)| PayingWallet { balance_fil: balance(&address), address, role };
        roles.into_iter().map(wallet).collect()
    }
}

/// The addresses of the miners that are shown, where not all are.
pub struct Senders {
    addresses: Vec<String>,
    /// Whether the addresses of all these miners are known.
    is_complete: bool,
}

impl Senders {
    /// Those of these miners.
    pub fn of(facts: &Facts, ids: &[String]) -> Senders {
        let of_miners = ids.iter().flat_map(|id| facts.of(&f::MINER_ADDRESS_INFO, id));
        Senders {
            addresses: of_miners.map(|Fact { labels: [.., address, _], .. }| address).collect(),
            is_complete: ids.iter().all(|id| is_complete(facts, "identity", id)),
        }
    }
}

fn is_among(senders: Option<&Senders>, address: &String) -> bool {
    senders.is_none_or(|senders| senders.addresses.contains(address))
}

fn is_all_of(senders: Option<&Senders>) -> bool {
    senders.is_none_or(|senders| senders.is_complete)
}

impl Wallet {
    /// Those of the miners that are shown; the poorest first.
    pub fn read(facts: &Facts, senders: Option<&Senders>) -> Rows<Wallet> {
        let all = facts.all(&f::WALLET_BALANCE_FIL).into_iter();
        let wallets = all.filter(|fact| is_among(senders, &fact.labels[0]));
        let wallet = |Fact { labels: [address, id_address, name], value }| Wallet {
            address,
            id_address: known(id_address),
            name: known(name),
            balance_fil: value,
            lasts_days: None,
        };
        let mut rows: Vec<Wallet> = wallets.map(wallet).collect();
        rows.sort_by(|a, b| a.balance_fil.total_cmp(&b.balance_fil));
        Rows { is_complete: is_complete(facts, "wallets", "") && is_all_of(senders), rows }
    }
}

impl Stuck {
    /// Those of the miners that are shown, as the family has them.
    pub fn read(facts: &Facts, family: &Family<2>, senders: Option<&Senders>) -> Vec<Stuck> {
        let all = facts.all(family).into_iter();
        let stuck = all.filter(|fact| fact.value > 0.0 && is_among(senders, &fact.labels[0]));
        let stuck = stuck.map(|Fact { labels: [from, from_name], value }| Stuck {
            from,
            from_name: known(from_name),
            messages: value,
        });
        stuck.collect()
    }

    /// Who sent them.
    pub fn sender(&self) -> &str {
        self.from_name.as_deref().unwrap_or(&self.from)
    }
}

/// Messages that failed on chain, of one kind.
pub struct Failed {
    pub from: String,
    pub from_name: Option<String>,
    pub method: String,
    pub exit_code: String,
    /// Their CIDs and times, Unix seconds.
    pub messages: Vec<(String, f64)>,
}

impl Failed {
    /// Those of the miners that are shown.
    pub fn read(facts: &Facts, senders: Option<&Senders>) -> Vec<Failed> {
        let mut kinds: BTreeMap<[String; 4], Vec<(String, f64)>> = BTreeMap::new();
        for Fact { labels: [cid, from, from_name, _, _, method, exit_code], value } in
            facts.all(&f::MESSAGE_FAILED_TIMESTAMP_SECONDS)
        {
            if is_among(senders, &from) {
                kinds.entry([from, from_name, method, exit_code]).or_default().push((cid, value));
            }
        }
        let failed = kinds.into_iter().map(|([from, from_name, method, exit_code], messages)| Failed {
            from,
            from_name: known(from_name),
            method,
            exit_code,
            messages,
        });
        failed.collect()
    }

    /// Who sent them.
    pub fn sender(&self) -> &str {
        self.from_name.as_deref().unwrap_or(&self.from)
    }
}

impl Message {
    /// Who sent it.
    pub fn sender(&self) -> &str {
        self.from_name.as_deref().unwrap_or(&self.from)
    }

    /// Those that the miners that are shown sent; the oldest first.
    pub fn read(facts: &Facts, senders: Option<&Senders>) -> Rows<Message> {
        let base_fee = one(facts, &f::CHAIN_BASE_FEE_FIL);
        let caps = facts.all(&f::MPOOL_LOCAL_MESSAGE_GAS_FEE_CAP_FIL).into_iter();
        let caps: BTreeMap<String, f64> = caps.map(|Fact { labels: [cid], value }| (cid, value)).collect();
        let all = facts.all(&f::MPOOL_LOCAL_MESSAGE_FIRST_SEEN_TIMESTAMP_SECONDS).into_iter();
        let message = |Fact { labels: [cid, from, from_name, to, to_name, method, nonce], value }| {
            let cap = caps.get(&cid).copied();
            Message {
                cid,
                from,
                from_name: known(from_name),
                to,
                to_name: known(to_name),
                method,
                nonce,
                first_seen_timestamp_seconds: value,
                gas_fee_cap_fil: cap,
                is_below_base_fee: cap.zip(base_fee).map(|(cap, base_fee)| cap < base_fee),
            }
        };
        let mut rows: Vec<Message> = all.filter(|fact| is_among(senders, &fact.labels[1])).map(message).collect();
        rows.sort_by(|a, b| a.first_seen_timestamp_seconds.total_cmp(&b.first_seen_timestamp_seconds));
        Rows { is_complete: is_complete(facts, "mpool", "") && is_all_of(senders), rows }
    }
}

impl Deals {
    /// Reads them.
    pub fn read(of: &Of) -> Deals {
        let funds = |account: &str, state: &str| of.facts.get(&f::BOOST_FUNDS_FIL, [of.id, account, state]);
        let deals = of.rows(&f::BOOST_DEALS).into_iter();
        let staging = of.rows(&f::BOOST_STAGING_BYTES);
        let is_complete = of.is_complete("boost");
        Deals {
            is_complete,
            checkpoints: deals
                .map(|Fact { labels: [_, kind, checkpoint], value }| Checkpoint { kind, checkpoint, deals: value })
                .collect(),
            publish_queue_deals: of.one(&f::BOOST_PUBLISH_QUEUE_DEALS),
            publish_timestamp_seconds: of.one(&f::BOOST_PUBLISH_TIMESTAMP_SECONDS),
            transfers: is_complete.then(|| sum(&of.rows(&f::BOOST_TRANSFERS))),
            stalled_transfers: is_complete.then(|| sum(&of.rows(&f::BOOST_TRANSFERS_STALLED))),
            escrow_available_fil: funds("escrow", "available"),
            escrow_tagged_fil: funds("escrow", "tagged"),
            publish_wallet_available_fil: funds("publish", "available"),
            publish_wallet_tagged_fil: funds("publish", "tagged"),
            staging_free_bytes: of.with(&f::BOOST_STAGING_BYTES, "free"),
            staging_bytes: (!staging.is_empty()).then(|| sum(&staging)),
        }
    }
}

fn sum<const N: usize>(facts: &[Fact<N>]) -> f64 {
    facts.iter().map(|fact| fact.value).sum()
}
