//! The message pool: how much waits in it, and which of our own messages wait or are stuck.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::connect::Daemon;
use super::messages::{Actor, MAX_NONCE, is_no_actor};
use super::wallets::Wallet;
use crate::address_book::AddressBook;
use crate::collect::run::Run;
use crate::expose::{Samples, families};
use crate::lotus::epoch::OLDEST_GENESIS_SECONDS;
use crate::lotus::fil::Fil;
use crate::lotus::tipset::Link;
use crate::lotus::{actors, address};
use crate::rpc::{Batch, Cause, Ticket};
use crate::tolerant::{Field, Int, Problems};

/// What MpoolPending returns.
pub struct Facts {
    messages: u64,
    local: Vec<LocalMessage>,
    base_fee: Option<Fil>,
    /// Of senders whose messages have waited for long, by address: the nonce that the chain expects next.
    next_nonces: BTreeMap<String, u64>,
}

/// A waiting message of one of our wallets.
struct LocalMessage {
    cid: Option<String>,
    to: String,
    nonce: Int,
    value: Option<Fil>,
    gas_limit: Option<Int>,
    gas_fee_cap: Option<Fil>,
    gas_premium: Option<Fil>,
    from: String,
    from_name: String,
    to_name: String,
    method: String,
    first_seen_seconds: f64,
    is_new: bool,
}

/// A message with its signature, as MpoolPending returns it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Signed {
    #[serde(rename = "CID")]
    cid: Option<Link>,
    message: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    #[serde(rename = "CID")]
    cid: Option<Link>,
    to: String,
    nonce: Int,
    method: Int,
    #[serde(default)]
    value: Field<Fil>,
    #[serde(default)]
    gas_limit: Field<Int>,
    #[serde(default)]
    gas_fee_cap: Field<Fil>,
    #[serde(default)]
    gas_premium: Field<Fil>,
}

/// A message that has been missing for this long is gone. Before that, an answer may have been wrong, or the wallet not known to be ours.
const SECONDS_TO_FORGET: f64 = 3600.0;

/// A message that has waited for less has no rows of its own. Most are executed within a minute, and each would leave its series behind.
const SECONDS_TO_WAIT: f64 = 90.0;

/// Where a message has waited for this long, the nonces before it must have been executed, unless one is missing.
const SECONDS_TO_DOUBT_NONCES: f64 = 300.0;

/// A message that this many seconds before was not there has come since; where the answer before is older, it may have waited for long.
const SECONDS_BETWEEN_ANSWERS: f64 = 600.0;

/// When each of our waiting messages was first seen, and when last, Unix seconds by CID.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    first_seen_seconds: BTreeMap<String, f64>,
    last_seen_seconds: BTreeMap<String, f64>,
    /// Those whose arrival was seen, so that their age is known.
    arrived: BTreeSet<String>,
    /// When the node last answered.
    answered_seconds: Option<f64>,
}

impl Memory {
    /// Forgets what is gone, and what cannot be.
    fn forget(&mut self, now: f64) {
        let can_be = |seconds: f64| OLDEST_GENESIS_SECONDS.min(now) <= seconds && seconds <= now;
        let Memory { first_seen_seconds, last_seen_seconds, arrived, .. } = self;
        // An earlier exporter did not remember this.
        for cid in first_seen_seconds.keys() {
            last_seen_seconds.entry(cid.clone()).or_insert(now);
        }
        last_seen_seconds.retain(|_, last| can_be(*last) && now - *last <= SECONDS_TO_FORGET);
        first_seen_seconds.retain(|cid, first| can_be(*first) && last_seen_seconds.contains_key(cid));
        arrived.retain(|cid| first_seen_seconds.contains_key(cid));
    }

    /// Notes that a message waits. Gives when it was first seen, and whether it is known to have come just now.
    fn see(&mut self, cid: &str, now: f64) -> (f64, bool) {
        self.last_seen_seconds.insert(cid.to_owned(), now);
        let first = match self.first_seen_seconds.get(cid) {
            Some(first) => *first,
            None => {
                self.first_seen_seconds.insert(cid.to_owned(), now);
                let is_watched = |answered| (0.0..=SECONDS_BETWEEN_ANSWERS).contains(&(now - answered));
                if self.answered_seconds.is_some_and(is_watched) {
                    self.arrived.insert(cid.to_owned());
                }
                now
            }
        };
        (first, now - first < SECONDS_TO_WAIT && self.arrived.contains(cid))
    }
}

pub fn fetch(
    daemon: &Daemon,
    run: &Run,
    wallets: &[Wallet],
    miner_ids: &[&str],
    problems: &mut Problems,
) -> Result<Facts> {
    let mut messages = Vec::new();
    let (mut pending, mut unreadable) = (0, 0);
    daemon.client.each::<Signed>("MpoolPending", json!([null]), |signed| {
        pending += 1;
        match signed.map(|signed| read(signed, wallets)) {
            Ok(Ok(Some(message))) => messages.push(message),
            Ok(Ok(None)) => {}
            Ok(Err(_)) | Err(_) => unreadable += 1,
        }
    })?;
    if unreadable > 0 {
        problems.note(format_args!("MpoolPending: {unreadable} messages of an unknown shape"));
    }
    let calls: Vec<(&str, Int)> = messages.iter().map(|(message, _)| (message.to.as_str(), message.method)).collect();
    let types = actor_types(daemon, &calls, miner_ids, problems);
    let mut memory: Memory = run.state.recall("mpool");
    memory.forget(run.now);
    let local: Vec<LocalMessage> = messages
        .into_iter()
        .map(|(message, wallet)| {
            let (first_seen_seconds, is_new) =
                message.cid.as_ref().map_or((run.now, false), |cid| memory.see(&cid.cid, run.now));
            let number = message.method.to_u64().unwrap_or(u64::MAX);
            let mut fil = |field: Field<Fil>, name| field.take(&format!("MpoolPending.Message.{name}"), problems);
            LocalMessage {
                first_seen_seconds,
                is_new,
                method: actors::method_name(types.get(&message.to).map(String::as_str), number),
                from: wallet.address.clone(),
                from_name: wallet.name.clone(),
                to_name: receiver_name(&message.to, wallets, miner_ids, run.address_book),
                value: fil(message.value, "Value"),
                gas_fee_cap: fil(message.gas_fee_cap, "GasFeeCap"),
                gas_premium: fil(message.gas_premium, "GasPremium"),
                gas_limit: message.gas_limit.take("MpoolPending.Message.GasLimit", problems),
                cid: message.cid.map(|cid| cid.cid),
                to: message.to,
                nonce: message.nonce,
            }
        })
        .collect();
    memory.answered_seconds = Some(run.now);
    run.state.remember("mpool", &memory);
    let next_nonces = next_nonces(daemon, &local, run.now, problems);
    let base_fee = daemon.head.as_ref().and_then(|head| head.base_fee());
    Ok(Facts { messages: pending, local, base_fee, next_nonces })
}

/// What the chain expects next of senders whose messages have waited for long.
fn next_nonces(daemon: &Daemon, local: &[LocalMessage], now: f64, problems: &mut Problems) -> BTreeMap<String, u64> {
    let waits = |message: &&LocalMessage| now - message.first_seen_seconds >= SECONDS_TO_DOUBT_NONCES;
    let senders: BTreeSet<&str> = local.iter().filter(waits).map(|message| message.from.as_str()).collect();
    let mut batch = Batch::new();
    let mut ask = |from| {
        let ticket = batch.add::<Option<Actor>>("StateGetActor", json!([from, daemon.tipset_key]));
        batch.expect(ticket, is_no_actor)
    };
    let tickets: Vec<(&str, Ticket<Option<Actor>>)> = senders.into_iter().map(|from| (from, ask(from))).collect();
    let answers = daemon.client.send(&batch);
    let mut nonces = BTreeMap::new();
    for (from, ticket) in tickets {
        let actor = match answers.get(ticket) {
            Err(error) if is_no_actor(&error.cause) => None,
            answer => problems.if_supported(answer).flatten(),
        };
        nonces.extend(actor.map(|actor| (from.to_owned(), actor.nonce)));
    }
    nonces
}

/// How many nonces are missing below the highest of these, from the next one on, or else from the lowest.
fn missing(nonces: &BTreeSet<u64>, next: Option<u64>) -> Option<u64> {
    let first = next.or(nonces.first().copied())?;
    let last = nonces.last()?;
    let there = nonces.range(first..).count() as u64;
    Some((last + 1).saturating_sub(first).saturating_sub(there))
}

/// A message with the wallet that sent it; None where somebody else did.
fn read(signed: Signed, wallets: &[Wallet]) -> Result<Option<(Message, &Wallet)>, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Sender {
        from: String,
    }
    let sender: Sender = serde_json::from_str(signed.message.get())?;
    let Some(wallet) = wallets.iter().find(|wallet| wallet.is(&sender.from)) else {
        return Ok(None);
    };
    let mut message: Message = serde_json::from_str(signed.message.get())?;
    // The signed message's own CID is the one that other tools show.
    message.cid = signed.cid.or(message.cid);
    Ok(Some((message, wallet)))
}

/// The types of the actors that receive messages, by address, where they are needed to name a method. The messages are their receivers and
/// methods.
pub(super) fn actor_types(
    daemon: &Daemon,
    messages: &[(&str, Int)],
    miner_ids: &[&str],
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let mut types: BTreeMap<String, String> = BTreeMap::new();
    let mut unknown: Vec<&str> = Vec::new();
    for &(to, method) in messages {
        let singleton = address::actor_id(to).and_then(actors::singleton_type);
        if miner_ids.iter().any(|id| address::same(id, to)) {
            types.insert(to.to_owned(), "storageminer".to_owned());
        } else if let Some(singleton) = singleton {
            types.insert(to.to_owned(), singleton.to_owned());
        } else if method > Int(1) && !unknown.contains(&to) {
            unknown.push(to);
        }
    }
    let Some(network_version) = daemon.network_version.filter(|_| !unknown.is_empty()) else {
        return types;
    };
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Actor {
        code: Value,
    }
    let mut batch = Batch::new();
    let codes = batch.add::<BTreeMap<String, Value>>("StateActorCodeCIDs", json!([network_version]));
    let actors: Vec<_> =
        unknown.iter().map(|to| batch.add::<Actor>("StateGetActor", json!([to, daemon.tipset_key]))).collect();
    let answers = daemon.client.send(&batch);
    let codes = problems.if_supported(answers.get(codes)).unwrap_or_default();
    for (to, ticket) in unknown.iter().zip(actors) {
        let actor = match answers.get(ticket) {
            // A message may be sent to an actor that does not exist yet; the node then returns an error.
            Err(error) if matches!(error.cause, Cause::Refused { .. }) => None,
            other => problems.if_supported(other),
        };
        let Some(actor) = actor else {
            continue;
        };
        if let Some((name, _)) = codes.iter().find(|(_, code)| **code == actor.code) {
            types.insert((*to).to_owned(), name.clone());
        }
    }
    types
}

fn receiver_name(to: &str, wallets: &[Wallet], miner_ids: &[&str], book: &AddressBook) -> String {
    if let Some(name) = book.name(&[to]) {
        return name.to_owned();
    }
    if let Some(miner_id) = miner_ids.iter().find(|id| address::same(id, to)) {
        return (*miner_id).to_owned();
    }
    if let Some(wallet) = wallets.iter().find(|wallet| wallet.is(to)) {
        return wallet.name.clone();
    }
    let singleton = address::actor_id(to).and_then(actors::singleton_type);
    singleton.unwrap_or_default().to_owned()
}

pub fn expose(facts: &Facts, samples: &mut Samples) {
    samples.add(&families::MPOOL_MESSAGES, [], facts.messages);
    let mut by_method: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    let mut below_base_fee: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut nonces: BTreeMap<(&str, &str), BTreeSet<u64>> = BTreeMap::new();
    for local in &facts.local {
        let (from, name) = (local.from.as_str(), local.from_name.as_str());
        *by_method.entry((from, name, &local.method)).or_default() += 1;
        if let (Some(base_fee), Some(fee_cap)) = (facts.base_fee, local.gas_fee_cap) {
            *below_base_fee.entry((from, name)).or_default() += u64::from(fee_cap < base_fee);
        }
        if let Some(nonce) = local.nonce.to_u64().filter(|nonce| *nonce <= MAX_NONCE) {
            nonces.entry((from, name)).or_default().insert(nonce);
        }
        if !local.is_new {
            expose_message(local, samples);
        }
    }
    for ((from, name, method), count) in by_method {
        samples.add(&families::MPOOL_LOCAL_MESSAGES, [from, name, method], count);
    }
    for ((from, name), nonces) in nonces {
        let missing = missing(&nonces, facts.next_nonces.get(from).copied());
        samples.add(&families::MPOOL_LOCAL_MISSING_NONCES, [from, name], missing);
    }
    for ((from, name), count) in below_base_fee {
        samples.add(&families::MPOOL_LOCAL_MESSAGES_BELOW_BASE_FEE, [from, name], count);
    }
}

fn expose_message(local: &LocalMessage, samples: &mut Samples) {
    let Some(cid) = local.cid.as_deref() else {
        return;
    };
    let rank = local.first_seen_seconds;
    samples.add_row(
        &families::MPOOL_LOCAL_MESSAGE_FIRST_SEEN_TIMESTAMP_SECONDS,
        [cid, &local.from, &local.from_name, &local.to, &local.to_name, &local.method, &local.nonce.0.to_string()],
        local.first_seen_seconds,
        rank,
    );
    let mut add = |family, value: Option<Fil>| samples.add_row(family, [cid], value, rank);
    add(&families::MPOOL_LOCAL_MESSAGE_GAS_FEE_CAP_FIL, local.gas_fee_cap);
    add(&families::MPOOL_LOCAL_MESSAGE_GAS_PREMIUM_FIL, local.gas_premium);
    add(&families::MPOOL_LOCAL_MESSAGE_VALUE_FIL, local.value);
    let gas_limit = &families::MPOOL_LOCAL_MESSAGE_GAS_LIMIT;
    samples.add_row(gas_limit, [cid], local.gas_limit, rank);
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: f64 = 1_795_392_000.0;

    #[test]
    fn an_age_outlives_answers_that_leave_the_message_out() {
        let mut memory = Memory::default();
        let mut see = |minute: u32, is_told: bool| {
            let now = NOW + 60.0 * f64::from(minute);
            memory.forget(now);
            is_told.then(|| memory.see("bafy", now).0 - NOW)
        };
        assert_eq!(see(0, true), Some(0.0));
        assert_eq!([see(1, false), see(2, true), see(59, false)], [None, Some(0.0), None]);
        assert_eq!(see(60, true), Some(0.0));
        assert_eq!([see(121, false), see(122, true)], [None, Some(122.0 * 60.0)], "gone for more than an hour");
    }

    #[test]
    fn a_message_is_new_only_if_its_arrival_was_seen() {
        let mut memory = Memory::default();
        let mut is_new = |cid: &str, seconds: f64| {
            let now = NOW + seconds;
            memory.forget(now);
            let (_, is_new) = memory.see(cid, now);
            memory.answered_seconds = Some(now);
            is_new
        };
        assert!(!is_new("before", 0.0), "it may have waited for hours");
        assert!(is_new("after", 60.0) && is_new("after", 120.0));
        assert!(!is_new("after", 180.0) && !is_new("before", 60.0));
        assert!(!is_new("late", 3600.0), "nobody looked for an hour");
    }

    #[test]
    fn nonces_that_are_missing_below_a_waiting_message() {
        let missing = |nonces: &[u64], next| missing(&nonces.iter().copied().collect(), next);
        assert_eq!([missing(&[], None), missing(&[], Some(3))], [None, None]);
        assert_eq!(
            [missing(&[7], None), missing(&[7, 8, 9], Some(7)), missing(&[7, 9, 12], None)],
            [0, 0, 3].map(Some)
        );
        assert_eq!(missing(&[7, 9], Some(5)), Some(3), "5, 6 and 8");
        assert_eq!(missing(&[7, 9], Some(8)), Some(1), "7 was executed, and is still in the pool");
        assert_eq!(missing(&[7, 9], Some(20)), Some(0));
    }

    #[test]
    fn what_an_earlier_exporter_remembered_and_what_cannot_be() {
        let first = |seconds: f64| (seconds.to_string(), seconds);
        let seen = [first(NOW - 7200.0), first(7.0), first(NOW + 60.0), first(-1e300)];
        let mut memory = Memory { first_seen_seconds: seen.into(), ..Memory::default() };
        memory.forget(NOW);
        assert_eq!(memory.first_seen_seconds, [first(NOW - 7200.0)].into());
    }
}
