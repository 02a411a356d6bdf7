//! The message pool: how much waits in it, and which of our own messages wait or are stuck.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::connect::Daemon;
use super::wallets::Wallet;
use crate::address_book::AddressBook;
use crate::collect::run::Run;
use crate::expose::{Samples, families};
use crate::lotus::fil::Fil;
use crate::lotus::{actors, address};
use crate::rpc::{Batch, Cause};
use crate::tolerant::{Int, Problems};

/// What MpoolPending tells.
pub struct Facts {
    messages: u64,
    local: Vec<LocalMessage>,
    base_fee: Option<Fil>,
}

/// A waiting message of one of our wallets.
struct LocalMessage {
    message: Message,
    from: String,
    from_name: String,
    to_name: String,
    method: String,
    first_seen_seconds: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    #[serde(rename = "CID")]
    cid: Option<Cid>,
    to: String,
    nonce: Int,
    method: Int,
    value: Option<Fil>,
    gas_limit: Option<Int>,
    gas_fee_cap: Option<Fil>,
    gas_premium: Option<Fil>,
}

#[derive(Deserialize)]
struct Cid {
    #[serde(rename = "/")]
    text: String,
}

/// When each of our waiting messages was first seen, Unix seconds by CID.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    first_seen_seconds: BTreeMap<String, f64>,
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
    daemon.client.each("MpoolPending", json!([null]), |message| {
        pending += 1;
        match message.map(|message| read(message, wallets)) {
            Ok(Ok(Some(message))) => messages.push(message),
            Ok(Ok(None)) => {}
            Ok(Err(_)) | Err(_) => unreadable += 1,
        }
    })?;
    if unreadable > 0 {
        problems.note(format_args!("MpoolPending: {unreadable} messages of an unknown shape"));
    }
    let types = actor_types(daemon, &messages, miner_ids, problems);
    let mut memory: Memory = run.state.recall("mpool");
    let local: Vec<LocalMessage> = messages
        .into_iter()
        .map(|(message, wallet)| {
            let cid = message.cid.as_ref().map(|cid| cid.text.as_str()).unwrap_or_default();
            let first_seen = memory.first_seen_seconds.get(cid);
            let number = message.method.to_u64().unwrap_or(u64::MAX);
            LocalMessage {
                first_seen_seconds: first_seen.copied().unwrap_or(run.now).min(run.now),
                method: actors::method_name(types.get(&message.to).map(String::as_str), number),
                from: wallet.address.clone(),
                from_name: wallet.name.clone(),
                to_name: receiver_name(&message.to, wallets, miner_ids, run.address_book),
                message,
            }
        })
        .collect();
    memory.first_seen_seconds =
        local.iter().filter_map(|one| Some((one.message.cid.as_ref()?.text.clone(), one.first_seen_seconds))).collect();
    run.state.remember("mpool", &memory);
    Ok(Facts { messages: pending, local, base_fee: daemon.head.as_ref().and_then(|head| head.base_fee()) })
}

/// A message with the wallet that sent it; None where somebody else did.
fn read<'w>(message: &[u8], wallets: &'w [Wallet]) -> Result<Option<(Message, &'w Wallet)>, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Signed<'a> {
        #[serde(rename = "CID")]
        cid: Option<Cid>,
        #[serde(borrow)]
        message: &'a RawValue,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Sender {
        from: String,
    }
    let signed: Signed = serde_json::from_slice(message)?;
    let sender: Sender = serde_json::from_str(signed.message.get())?;
    let Some(wallet) = wallets.iter().find(|wallet| wallet.is(&sender.from)) else {
        return Ok(None);
    };
    let mut message: Message = serde_json::from_str(signed.message.get())?;
    // The signed message's own CID is the one that other tools show.
    message.cid = signed.cid.or(message.cid);
    Ok(Some((message, wallet)))
}

/// The types of the actors that receive the messages, by address, where they are needed to name a method.
fn actor_types(
    daemon: &Daemon,
    messages: &[(Message, &Wallet)],
    miner_ids: &[&str],
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let mut types: BTreeMap<String, String> = BTreeMap::new();
    let mut unknown: Vec<&str> = Vec::new();
    for (message, _) in messages {
        let to = message.to.as_str();
        let singleton = address::actor_id(to).and_then(actors::singleton_type);
        if miner_ids.iter().any(|id| address::same(id, to)) {
            types.insert(to.to_owned(), "storageminer".to_owned());
        } else if let Some(singleton) = singleton {
            types.insert(to.to_owned(), singleton.to_owned());
        } else if message.method > Int(1) && !unknown.contains(&to) {
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
            // An actor that is not there yet can still be sent to, and the node says so with an error.
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
    for local in &facts.local {
        let (from, name) = (local.from.as_str(), local.from_name.as_str());
        *by_method.entry((from, name, &local.method)).or_default() += 1;
        if let (Some(base_fee), Some(fee_cap)) = (facts.base_fee, local.message.gas_fee_cap) {
            *below_base_fee.entry((from, name)).or_default() += u64::from(fee_cap < base_fee);
        }
        expose_message(local, samples);
    }
    for ((from, name, method), count) in by_method {
        samples.add(&families::MPOOL_LOCAL_MESSAGES, [from, name, method], count);
    }
    for ((from, name), count) in below_base_fee {
        samples.add(&families::MPOOL_LOCAL_MESSAGES_BELOW_BASE_FEE, [from, name], count);
    }
}

fn expose_message(local: &LocalMessage, samples: &mut Samples) {
    let message = &local.message;
    let Some(cid) = message.cid.as_ref().map(|cid| cid.text.as_str()) else {
        return;
    };
    let rank = local.first_seen_seconds;
    samples.add_row(
        &families::MPOOL_LOCAL_MESSAGE_FIRST_SEEN_TIMESTAMP_SECONDS,
        [cid, &local.from, &local.from_name, &message.to, &local.to_name, &local.method, &message.nonce.0.to_string()],
        local.first_seen_seconds,
        rank,
    );
    let mut add = |family, value: Option<Fil>| samples.add_row(family, [cid], value, rank);
    add(&families::MPOOL_LOCAL_MESSAGE_GAS_FEE_CAP_FIL, message.gas_fee_cap);
    add(&families::MPOOL_LOCAL_MESSAGE_GAS_PREMIUM_FIL, message.gas_premium);
    add(&families::MPOOL_LOCAL_MESSAGE_VALUE_FIL, message.value);
    let gas_limit = &families::MPOOL_LOCAL_MESSAGE_GAS_LIMIT;
    samples.add_row(gas_limit, [cid], message.gas_limit, rank);
}
