//! Wallets, and the messages that they wait for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{MINERS, Span};
use crate::expected::Expected;
use crate::recording::Recording;
use crate::values::{fil, items, number, text, whole};

/// An address of a miner.
pub struct Role {
    /// Like `owner`.
    pub name: String,
    pub id: String,
    /// The key.
    pub address: String,
}

/// The addresses of a miner. All accounts of the devnet have keys.
pub fn roles(recording: &Recording, miner_id: &str) -> Vec<Role> {
    let info = recording.chain("StateMinerInfo", json!([miner_id, "@head"]));
    let mut named = vec![("owner".to_owned(), &info["Owner"]), ("worker".to_owned(), &info["Worker"])];
    let control = items(&info["ControlAddresses"]).iter().enumerate();
    named.extend(control.map(|(index, address)| (format!("control{index}"), address)));
    named.push(("beneficiary".to_owned(), &info["Beneficiary"]));
    let role = |(name, id): (String, &Value)| Role {
        name,
        id: text(id).to_owned(),
        address: text(recording.chain("StateAccountKey", json!([id, "@head"]))).to_owned(),
    };
    named.into_iter().map(role).collect()
}

struct Wallet {
    address: String,
    id: String,
    /// The miner and the first of its roles, or nothing.
    name: String,
}

/// The addresses of the miners and the wallets of the node, each once.
fn wallets(recording: &Recording) -> Vec<Wallet> {
    let mut wallets: Vec<Wallet> = Vec::new();
    for (_, miner_id) in MINERS {
        for role in roles(recording, miner_id) {
            if wallets.iter().all(|known| known.address != role.address) {
                wallets.push(Wallet { address: role.address, id: role.id, name: format!("{miner_id} {}", role.name) });
            }
        }
    }
    for address in items(recording.chain("WalletList", json!([]))) {
        if wallets.iter().all(|known| known.address != text(address)) {
            let id = text(recording.chain("StateLookupID", json!([address, "@head"]))).to_owned();
            wallets.push(Wallet { address: text(address).to_owned(), id, name: String::new() });
        }
    }
    wallets
}

pub fn expect(recording: &Recording, ran: Span, expected: &mut Expected) {
    let wallets = wallets(recording);
    for Wallet { address, id, name } in &wallets {
        let labels = [("address", &**address), ("id_address", &**id), ("name", &**name)];
        let balance = fil(recording.chain("WalletBalance", json!([address])));
        expected.add("farcaster_wallet_balance_fil", &labels, balance);
        // The first run begins to count.
        expected.add("farcaster_messages_missed_total", &[("from", &**address), ("from_name", &**name)], 0.0);
        let datacap = recording.chain("StateVerifiedClientStatus", json!([address, "@head"]));
        let datacap = (!datacap.is_null()).then(|| number(datacap)).filter(|bytes| *bytes > 0.0);
        expected.add("farcaster_wallet_datacap_bytes", &labels, datacap);
    }
    let of_executed = ["executed_total", "gas_fil_total", "gas_limit_total", "value_fil_total"]
        .map(|name| format!("farcaster_messages_{name}"));
    expected.nothing_more_of(&of_executed.each_ref().map(String::as_str));
    expected.nothing_more_of(&["farcaster_message_failed_timestamp_seconds"]);
    // The count has just begun.
    expected.add("farcaster_network_messages_gas_limit_total", &[], 0.0);
    expected.add("farcaster_network_messages_tip_fil_total", &[], 0.0);
    let pool = items(recording.chain("MpoolPending", json!([null])));
    expected.add("farcaster_mpool_messages", &[], pool.len() as f64);
    let base_fee = whole(&recording.head()["Blocks"][0]["ParentBaseFee"]);
    let mut by_method: BTreeMap<(&str, &str, &str), f64> = BTreeMap::new();
    let mut below_base_fee: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    let mut nonces: BTreeMap<(&str, &str), Vec<i128>> = BTreeMap::new();
    for signed in pool {
        let message = &signed["Message"];
        let is_of = |wallet: &&Wallet| [&*wallet.address, &*wallet.id].contains(&text(&message["From"]));
        let Some(from) = wallets.iter().find(is_of) else {
            continue;
        };
        let sender = (&*from.address, &*from.name);
        let method = method(message);
        nonces.entry(sender).or_default().push(whole(&message["Nonce"]));
        *by_method.entry((sender.0, sender.1, method)).or_default() += 1.0;
        let is_stuck = whole(&message["GasFeeCap"]) < base_fee;
        *below_base_fee.entry(sender).or_default() += if is_stuck { 1.0 } else { 0.0 };
        of_message(signed, from, method, &wallets, ran, expected);
    }
    for ((from, from_name, method), count) in by_method {
        let labels = [("from", from), ("from_name", from_name), ("method", method)];
        expected.add("farcaster_mpool_local_messages", &labels, count);
    }
    for ((from, from_name), mut nonces) in nonces {
        nonces.sort_unstable();
        let missing: i128 = nonces.windows(2).map(|pair| pair[1] - pair[0] - 1).sum();
        let labels = [("from", from), ("from_name", from_name)];
        expected.add("farcaster_mpool_local_missing_nonces", &labels, missing as f64);
    }
    for ((from, from_name), count) in below_base_fee {
        let labels = [("from", from), ("from_name", from_name)];
        expected.add("farcaster_mpool_local_messages_below_base_fee", &labels, count);
    }
}

fn of_message(signed: &Value, from: &Wallet, method: &str, wallets: &[Wallet], ran: Span, expected: &mut Expected) {
    let message = &signed["Message"];
    let (cid, to) = (text(&signed["CID"]["/"]), text(&message["To"]));
    let to_wallet = wallets.iter().find(|wallet| [&*wallet.address, &*wallet.id].contains(&to));
    let is_miner = MINERS.iter().any(|(_, miner_id)| *miner_id == to);
    let to_name = if is_miner { to } else { to_wallet.map_or("", |wallet| &wallet.name) };
    let nonce = message["Nonce"].to_string();
    let labels = [
        ("cid", cid),
        ("from", &from.address),
        ("from_name", &from.name),
        ("to", to),
        ("to_name", to_name),
        ("method", method),
        ("nonce", &nonce),
    ];
    expected.add_within("farcaster_mpool_local_message_first_seen_timestamp_seconds", &labels, ran.from..=ran.to);
    for (name, key) in [("gas_fee_cap", "GasFeeCap"), ("gas_premium", "GasPremium"), ("value", "Value")] {
        let family = format!("farcaster_mpool_local_message_{name}_fil");
        expected.add(&family, &[("cid", cid)], fil(&message[key]));
    }
    expected.add("farcaster_mpool_local_message_gas_limit", &[("cid", cid)], number(&message["GasLimit"]));
}

/// The methods of the recorded messages: those of accounts and miners (go-state-types, builtin/methods.go).
fn method(message: &Value) -> &'static str {
    let is_to_miner = MINERS.iter().any(|(_, miner_id)| message["To"] == *miner_id);
    match (is_to_miner, whole(&message["Method"])) {
        (_, 0) => "Send",
        (true, 3) => "ChangeWorkerAddress",
        (true, 28) => "PreCommitSectorBatch2",
        (_, number) => panic!("the test does not know method {number} of {}", message["To"]),
    }
}
