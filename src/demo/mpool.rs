//! Messages: those in the pool, and those that the chain executed. Each sender has slots; in each, one message after another appears, waits
//! some minutes in the pool and lands. Two of the farm's own slots are occasionally stuck for hours, with a fee cap far below
//! the base fee; while one is, its sender sends nothing else, and in the end it lands as well.

use serde_json::{Value, json};

use super::accounts::{SPARE_WALLET, client};
use super::chain::{base_fee_atto, foreign_miner, usual_premium_atto};
use super::farm::Farm;
use super::miner::Miner;
use super::noise::{between, cycle, fraction, hash, splitmix64};
use super::rules::{SOLSTICE_HEIGHT, epoch_at, epoch_start};
use super::text::{Cid, base64, cid};

const FOREIGN_SLOTS: u64 = 60;
/// Strangers' messages in a tipset.
const FOREIGN_LANDED: u64 = 290;
/// How long a message waits in the pool, unless it is stuck.
const WAIT_SECONDS: f64 = 540.0;
/// The share of its slot's time in which a message is stuck.
const STUCK_SHARE: f64 = 0.4;
const MARKET: u64 = 5;
/// ErrIllegalArgument and ErrInsufficientFunds.
const FAILURES: [i64; 2] = [16, 19];

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
    let own = slots(farm).into_iter().filter_map(|slot| {
        let turn = slot.waiting(now)?;
        Some(message(farm, &slot.kind, &turn, slot.nonce(farm, turn.number))?.signed)
    });
    let foreign = (100..100 + FOREIGN_SLOTS).filter_map(|slot| {
        let period = between(90.0, 330.0, "slot", &[slot]);
        let (number, born) = cycle(now, period, "slot", slot);
        let turn = Turn { number, seed: hash("message", &[slot, number]), born };
        let nonce = (born - epoch_start(SOLSTICE_HEIGHT)) as u64 / 60 * 256 + slot;
        let is_there = now - born < 0.85 * period;
        is_there.then(|| message(farm, &foreign_kind(turn.seed), &turn, nonce)).flatten().map(|message| message.signed)
    });
    own.chain(foreign).collect()
}

/// The nonce of an account in the state that has executed all messages up to this time; 0 for strangers.
pub(super) fn nonce_at(farm: &Farm, account: u64, time: f64) -> u64 {
    let of_account = slots(farm).into_iter().filter(|slot| slot.kind.from == account);
    of_account.map(|slot| slot.landed(time)).sum()
}

/// The messages that the chain executed after one time up to another, with their receipts: ours, and strangers'.
pub(super) fn executed(farm: &Farm, epoch: i64, after: f64, until: f64) -> Vec<(Value, Value)> {
    let mut own: Vec<(f64, Message)> = Vec::new();
    for slot in slots(farm) {
        for number in slot.landed(after)..slot.landed(until) {
            let turn = slot.turn(number);
            let landed = message(farm, &slot.kind, &turn, slot.nonce(farm, number));
            own.extend(landed.map(|message| (slot.lands(&turn), message)));
        }
    }
    own.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let foreign = (0..FOREIGN_LANDED).filter_map(|index| {
        let seed = hash("landed", &[epoch as u64, index]);
        message(farm, &foreign_kind(seed), &Turn { number: index, seed, born: until - WAIT_SECONDS }, seed % 100_000)
    });
    own.into_iter()
        .map(|(_, message)| message)
        .chain(foreign)
        .map(|message| (message.listed, message.receipt))
        .collect()
}

/// How often a slot of ours has a message, in seconds.
fn usual_period(slot: u64) -> f64 {
    between(600.0, 1800.0, "slot", &[slot])
}

/// A row of messages that follow each other.
struct Slot {
    number: u64,
    kind: Kind,
    clock: AccountClock,
}

/// The farm's own slots.
fn slots(farm: &Farm) -> Vec<Slot> {
    let own: Vec<(u64, Kind)> = (0..).zip(own_kinds(farm)).chain((1000..).zip(later_kinds(farm))).collect();
    let stuck: Vec<(u64, u64)> =
        own.iter().filter(|(_, kind)| kind.stuck).map(|(number, kind)| (*number, kind.from)).collect();
    let clock = |from: u64| {
        let slot = stuck.iter().find(|(_, other)| *other == from);
        AccountClock { stuck: slot.map(|(number, _)| (*number, stuck_period(*number))) }
    };
    own.into_iter().map(|(number, kind)| Slot { number, clock: clock(kind.from), kind }).collect()
}

fn stuck_period(slot: u64) -> f64 {
    (5 + 2 * (slot % 2)) as f64 * 3600.0
}

impl Slot {
    /// How many of its messages have landed by this time.
    fn landed(&self, time: f64) -> u64 {
        match self.kind.stuck {
            true => self.begun(time - STUCK_SHARE * stuck_period(self.number)),
            false => cycle(self.clock.of(time) - WAIT_SECONDS, usual_period(self.number), "slot", self.number).0 + 1,
        }
    }

    /// How many of its messages have appeared by this time.
    fn begun(&self, time: f64) -> u64 {
        match self.kind.stuck {
            true => cycle(time, stuck_period(self.number), "slot", self.number).0 + 1,
            false => cycle(self.clock.of(time), usual_period(self.number), "slot", self.number).0 + 1,
        }
    }

    /// The message that waits in the pool.
    fn waiting(&self, now: f64) -> Option<Turn> {
        let (begun, landed) = (self.begun(now), self.landed(now));
        (begun > landed).then(|| self.turn(landed))
    }

    fn turn(&self, number: u64) -> Turn {
        let period = if self.kind.stuck { stuck_period(self.number) } else { usual_period(self.number) };
        let phase = period * fraction(hash("slot", &[self.number]));
        let born = number as f64 * period - phase;
        let born = if self.kind.stuck { born } else { self.clock.when(born) };
        Turn { number, seed: hash("message", &[self.number, number]), born }
    }

    /// When a message lands.
    fn lands(&self, turn: &Turn) -> f64 {
        match self.kind.stuck {
            true => turn.born + STUCK_SHARE * stuck_period(self.number),
            false => self.clock.when(self.clock.of(turn.born) + WAIT_SECONDS),
        }
    }

    /// A message's nonce: the number of its account's messages that land before it.
    fn nonce(&self, farm: &Farm, number: u64) -> u64 {
        let turn = self.turn(number);
        let lands = self.lands(&turn);
        let others =
            slots(farm).into_iter().filter(|slot| slot.kind.from == self.kind.from && slot.number != self.number);
        let before = others.map(|slot| match self.kind.stuck || slot.kind.stuck {
            true => slot.landed(lands),
            // All wait for the same time.
            false => slot.begun(turn.born),
        });
        number + before.sum::<u64>()
    }
}

/// The time in which an account sends: it stands still while one of its messages is stuck.
struct AccountClock {
    /// The slot and its period.
    stuck: Option<(u64, f64)>,
}

impl AccountClock {
    /// What it shows.
    fn of(&self, time: f64) -> f64 {
        let Some((slot, period)) = self.stuck else {
            return time;
        };
        let (turns, born) = cycle(time, period, "slot", slot);
        let lost = STUCK_SHARE * period;
        time - turns as f64 * lost - (time - born).min(lost)
    }

    /// When it shows this.
    fn when(&self, shown: f64) -> f64 {
        let Some((slot, period)) = self.stuck else {
            return shown;
        };
        let phase = period * fraction(hash("slot", &[slot]));
        let turns = ((shown + phase) / (period * (1.0 - STUCK_SHARE))).floor();
        shown + (turns + 1.0) * STUCK_SHARE * period
    }
}

/// One message of a slot: a hash for everything random in it, and when it was created.
struct Turn {
    number: u64,
    seed: u64,
    born: f64,
}

/// A message, as the node's methods show it.
struct Message {
    signed: Value,
    listed: Value,
    receipt: Value,
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

/// The length of a method's parameters in bytes.
fn params_bytes(method: u64) -> usize {
    match method {
        SEND => 0,
        PRE_COMMIT_SECTOR_BATCH_2 => 700,
        PROVE_COMMIT_SECTORS_3 => 2100,
        PUBLISH_STORAGE_DEALS => 1200,
        _ => 400,
    }
}

/// How a message ended: few fail, and no proof of ours does.
fn exit_code(kind: &Kind, seed: u64) -> i64 {
    let seed = splitmix64(seed ^ 17);
    let fails = kind.method != SUBMIT_WINDOWED_POST && seed.is_multiple_of(60);
    if fails { FAILURES[(seed / 60 % 2) as usize] } else { 0 }
}

fn message(farm: &Farm, kind: &Kind, turn: &Turn, nonce: u64) -> Option<Message> {
    let Turn { seed, born, .. } = *turn;
    let sender = farm.account(&format!("f0{}", kind.from))?;
    let base_fee_atto = base_fee_atto(epoch_at(born));
    let fee_cap_atto = if kind.stuck { 10_000_000 } else { base_fee_atto * (2 + seed % 3) };
    let premium_atto = (usual_premium_atto(epoch_at(born)) * (90 + seed % 60) / 100).min(fee_cap_atto / 2);
    let bls = sender.address.starts_with("f3");
    let (signature_type, signature_bytes) = if bls { (2, 96) } else { (1, 65) };
    let unsigned = cid(Cid::Chain, seed);
    // A BLS message's identifier leaves the signature out.
    let signed = if bls { unsigned.clone() } else { cid(Cid::Chain, splitmix64(seed)) };
    let params = if kind.method == SEND { Value::Null } else { base64(seed, params_bytes(kind.method)).into() };
    let gas_limit = 20_000_000 + seed % 60_000_000;
    let gas_used = gas_limit * (76 + seed % 9) / 100;
    let message = json!({
        "Version": 0,
        "To": format!("f0{}", kind.to),
        "From": sender.address,
        "Nonce": nonce,
        "Value": kind.value_atto.to_string(),
        "GasLimit": gas_limit,
        "GasFeeCap": fee_cap_atto.to_string(),
        "GasPremium": premium_atto.to_string(),
        "Method": kind.method,
        "Params": params,
        "CID": unsigned,
    });
    let signature = json!({ "Type": signature_type, "Data": base64(splitmix64(seed ^ 9), signature_bytes) });
    Some(Message {
        listed: json!({ "Cid": signed, "Message": message }),
        signed: json!({ "Message": message, "Signature": signature, "CID": signed }),
        receipt: json!({
            "ExitCode": exit_code(kind, seed), "Return": null, "GasUsed": gas_used, "EventsRoot": null,
        }),
    })
}
