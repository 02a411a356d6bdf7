//! The message pool. It has a fixed number of slots; in each, one message after another appears, waits some minutes and
//! is gone. The first slots are the farm's own messages, and two of those are occasionally stuck for hours, with a fee cap
//! far below the base fee.

use serde_json::{Value, json};

use super::accounts::{SPARE_WALLET, client};
use super::chain::{base_fee_atto, foreign_miner, usual_premium_atto};
use super::farm::Farm;
use super::miner::Miner;
use super::noise::{between, cycle, hash, splitmix64};
use super::rules::{SOLSTICE_HEIGHT, epoch_at, epoch_start};
use super::text::{Cid, base64, cid};

const FOREIGN_SLOTS: u64 = 60;
/// No message waits longer than this.
const LONGEST_WAIT_SECONDS: f64 = 3.0 * 3600.0;
const MARKET: u64 = 5;

const SEND: u64 = 0;
const PUBLISH_STORAGE_DEALS: u64 = 4;
const SUBMIT_WINDOWED_POST: u64 = 5;
const PRE_COMMIT_SECTOR_BATCH_2: u64 = 28;
const PROVE_COMMIT_SECTORS_3: u64 = 34;
const INVOKE_EVM: u64 = 3_844_450_837;

/// What a slot's messages are.
struct Kind {
    from: u64,
    to: u64,
    method: u64,
    value_atto: u128,
    /// The message's fee cap is far below the base fee.
    stuck: bool,
}

/// `MpoolPending`.
pub(super) fn pending(farm: &Farm, now: f64) -> Value {
    let usual_period = |slot: u64| between(90.0, 330.0, "slot", &[slot]);
    let own = own_kinds(farm).into_iter().zip(0..).chain(later_kinds(farm).into_iter().zip(1000..));
    let own = own.filter_map(|(kind, slot)| {
        let turn = if kind.stuck {
            Turn::of(slot, (5 + 2 * (slot % 2)) as f64 * 3600.0, 0.4, now)
        } else {
            Turn::of(slot, usual_period(slot), 0.5, now)
        };
        message(farm, &kind, turn?)
    });
    let foreign = (100..100 + FOREIGN_SLOTS).filter_map(|slot| {
        let turn = Turn::of(slot, usual_period(slot), 0.85, now)?;
        message(farm, &foreign_kind(turn.seed), turn)
    });
    own.chain(foreign).collect()
}

/// What a slot holds now: a hash for everything random in the message, and when it was created.
struct Turn {
    slot: u64,
    seed: u64,
    born: f64,
}

impl Turn {
    /// The current period of a slot that has a new message in each, and is empty in the last part of it.
    fn of(slot: u64, period_seconds: f64, occupied: f64, now: f64) -> Option<Turn> {
        let (number, born) = cycle(now, period_seconds, "slot", slot);
        let seed = hash("message", &[slot, number]);
        (now - born < period_seconds * occupied).then_some(Turn { slot, seed, born })
    }
}

/// A message's nonce: rises with the time of its creation, and differs from slot to slot.
fn nonce(born: f64, slot: u64) -> u64 {
    (born - epoch_start(SOLSTICE_HEIGHT)) as u64 / 60 * 256 + slot
}

/// The nonce of an account on chain: not above that of any message that waits.
pub(super) fn next_nonce(now: f64) -> u64 {
    nonce(now - LONGEST_WAIT_SECONDS, 0)
}

fn to_miner(from: u64, miner: &Miner, method: u64) -> Kind {
    Kind { from, to: miner.id, method, value_atto: 0, stuck: false }
}

/// The messages of the miners after the second.
fn later_kinds(farm: &Farm) -> Vec<Kind> {
    let of = |miner: &Miner| {
        let sealing = if miner.is_like_first() { miner.control(1) } else { miner.worker() };
        [
            to_miner(miner.control(0), miner, SUBMIT_WINDOWED_POST),
            to_miner(sealing, miner, PRE_COMMIT_SECTOR_BATCH_2),
            to_miner(sealing, miner, PROVE_COMMIT_SECTORS_3),
        ]
    };
    farm.miners.iter().skip(2).flat_map(of).collect()
}

/// The messages of the first two miners and the spare wallet.
fn own_kinds(farm: &Farm) -> Vec<Kind> {
    let first = &farm.miners[0];
    let second = farm.miners.get(1).unwrap_or(first);
    vec![
        to_miner(first.control(0), first, SUBMIT_WINDOWED_POST),
        to_miner(first.control(1), first, PRE_COMMIT_SECTOR_BATCH_2),
        to_miner(first.control(1), first, PROVE_COMMIT_SECTORS_3),
        Kind { to: MARKET, ..to_miner(first.worker(), first, PUBLISH_STORAGE_DEALS) },
        to_miner(second.control(0), second, SUBMIT_WINDOWED_POST),
        to_miner(second.worker(), second, PRE_COMMIT_SECTOR_BATCH_2),
        to_miner(second.worker(), second, PROVE_COMMIT_SECTORS_3),
        Kind {
            from: first.owner(),
            to: first.control(0),
            method: SEND,
            value_atto: 20_000_000_000_000_000_000,
            stuck: false,
        },
        Kind { from: SPARE_WALLET, to: client(1), method: SEND, value_atto: 1_500_000_000_000_000, stuck: false },
        Kind { stuck: true, ..to_miner(first.control(1), first, PROVE_COMMIT_SECTORS_3) },
        Kind { stuck: true, ..to_miner(second.worker(), second, PRE_COMMIT_SECTOR_BATCH_2) },
    ]
}

fn foreign_kind(seed: u64) -> Kind {
    let part = |i: u64| splitmix64(seed ^ i);
    let miner = foreign_miner(part(1));
    let (to, method, value_atto) = match seed % 10 {
        0..=2 => (miner, SUBMIT_WINDOWED_POST, 0),
        3 => (miner, PRE_COMMIT_SECTOR_BATCH_2, 0),
        4..=5 => (miner, PROVE_COMMIT_SECTORS_3, 0),
        6 => (MARKET, PUBLISH_STORAGE_DEALS, 0),
        // Every eighth stranger is a contract.
        7 => (client(part(2) / 8 * 8), INVOKE_EVM, 0),
        _ => (client(part(3)), SEND, u128::from(part(4)) * 3),
    };
    // An odd one, as contracts send no messages.
    let from = client(part(5) | 1);
    Kind { from, to, method, value_atto, stuck: false }
}

fn message(farm: &Farm, kind: &Kind, turn: Turn) -> Option<Value> {
    let Turn { slot, seed, born } = turn;
    let sender = farm.account(&format!("f0{}", kind.from))?;
    let base_fee_atto = base_fee_atto(epoch_at(born));
    let fee_cap_atto = if kind.stuck { 10_000_000 } else { base_fee_atto * (2 + seed % 3) };
    let premium_atto = (usual_premium_atto(epoch_at(born)) * (90 + seed % 60) / 100).min(fee_cap_atto / 2);
    let bls = sender.address.starts_with("f3");
    let (signature_type, signature_bytes) = if bls { (2, 96) } else { (1, 65) };
    let unsigned = cid(Cid::Chain, seed);
    // A BLS message's identifier leaves the signature out.
    let signed = if bls { unsigned.clone() } else { cid(Cid::Chain, splitmix64(seed)) };
    let params = if kind.method == SEND { Value::Null } else { base64(seed, 60).into() };
    Some(json!({
        "Message": {
            "Version": 0,
            "To": format!("f0{}", kind.to),
            "From": sender.address,
            "Nonce": nonce(born, slot),
            "Value": kind.value_atto.to_string(),
            "GasLimit": 20_000_000 + seed % 60_000_000,
            "GasFeeCap": fee_cap_atto.to_string(),
            "GasPremium": premium_atto.to_string(),
            "Method": kind.method,
            "Params": params,
            "CID": unsigned,
        },
        "Signature": { "Type": signature_type, "Data": base64(splitmix64(seed ^ 9), signature_bytes) },
        "CID": signed,
    }))
}
