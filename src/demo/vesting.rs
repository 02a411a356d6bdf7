//! The miners' vesting tables: what vests, in 360 steps of half a day that get smaller, since what a block brought vests evenly.

use serde_json::{Value, json};

use super::accounts::atto;
use super::answer::{Answer, failed};
use super::farm::Farm;
use super::miner::Miner;
use super::noise::{hash, wave};
use super::rules::epoch_at;
use super::text::{Cid, cid};
use crate::base64;

/// A table stays as it is for so long. A real one changes with each block won, but then its tail could not be found by its CID here.
const PERIOD_SECONDS: f64 = 3600.0;
const PERIODS_KNOWN: u64 = 24;

const STEPS: u64 = 360;
const STEP_EPOCHS: i64 = 1440;

impl Miner {
    /// What vests, which is as much as the table adds up to.
    pub(super) fn vesting_atto(&self, now: f64) -> u128 {
        let at = period(now) as f64 * PERIOD_SECONDS;
        atto(310.0 * (1.0 + 0.1 * wave(at, 21.0 * 86_400.0, "vesting", self.id)) / self.funds_divisor() as f64)
    }

    /// The steps' epochs and amounts; the first has what is left over of the others.
    fn vesting_steps(&self, now: f64) -> Vec<(i64, u128)> {
        let whole = self.vesting_atto(now);
        let amount = |step: u64| whole * u128::from(STEPS + 1 - step) * 2 / u128::from(STEPS * (STEPS + 1));
        let others: u128 = (2..=STEPS).map(amount).sum();
        let next = epoch_at(period(now) as f64 * PERIOD_SECONDS).div_euclid(STEP_EPOCHS) + 1;
        let of_step = |step: u64| (next + step as i64) * STEP_EPOCHS + self.id as i64 % STEP_EPOCHS;
        let first = (of_step(0), whole - others);
        [first].into_iter().chain((2..=STEPS).map(|step| (of_step(step - 1), amount(step)))).collect()
    }

    /// VestingFunds of the miner's state.
    pub(super) fn vesting_funds(&self, now: f64) -> Value {
        let (epoch, amount) = self.vesting_steps(now)[0];
        json!({ "Head": { "Epoch": epoch, "Amount": amount.to_string() }, "Tail": self.vesting_tail(period(now)) })
    }

    fn vesting_tail(&self, period: u64) -> Value {
        cid(Cid::Chain, hash("vesting tail", &[self.id, period]))
    }
}

fn period(now: f64) -> u64 {
    (now / PERIOD_SECONDS) as u64
}

/// `ChainReadObj` of the tail of a vesting table.
pub(super) fn object(farm: &Farm, link: &Value, now: f64) -> Answer {
    let newest = period(now);
    for period in (newest.saturating_sub(PERIODS_KNOWN)..=newest).rev() {
        if let Some(miner) = farm.miners.iter().find(|miner| miner.vesting_tail(period) == *link) {
            let steps = miner.vesting_steps(period as f64 * PERIOD_SECONDS);
            return Ok(json!(base64::encode(&cbor(&steps[1..]))));
        }
    }
    failed(format!("blockstore get: block was not found locally: ipld: could not find {}", link["/"]))
}

/// A list of pairs, each of an epoch of 32 bits and an amount.
fn cbor(steps: &[(i64, u128)]) -> Vec<u8> {
    let mut object = vec![0x99];
    object.extend((steps.len() as u16).to_be_bytes());
    for (epoch, amount) in steps {
        let amount = amount.to_be_bytes();
        let magnitude: Vec<u8> = amount.iter().copied().skip_while(|byte| *byte == 0).collect();
        object.extend([0x82, 0x1a]);
        object.extend((*epoch as u32).to_be_bytes());
        match magnitude.len() {
            0 => object.push(0x40),
            length => {
                object.extend([0x41 + length as u8, 0]);
                object.extend(magnitude);
            }
        }
    }
    object
}
