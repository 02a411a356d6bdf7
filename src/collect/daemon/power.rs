//! The miner's power, what it should win with it, and whether it may win now.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Daemon;
use crate::expose::{Samples, families};
use crate::lotus::election::{MAX_POWER_BYTES, PowerShare};
use crate::rpc::Batch;
use crate::tolerant::{Field, Int, Problems};

/// What StateMinerPower and MinerGetBaseInfo return.
pub struct Facts {
    pub miner: Power,
    pub network: Power,
    has_min_power: Option<bool>,
    is_eligible: Option<bool>,
}

/// Raw and quality-adjusted power in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Power {
    pub raw_bytes: Option<Int>,
    pub quality_adjusted_bytes: Option<Int>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MinerPower {
    miner_power: Field<Claim>,
    total_power: Field<Claim>,
    has_min_power: Field<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Claim {
    raw_byte_power: Field<Int>,
    quality_adj_power: Field<Int>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct BaseInfo {
    eligible_for_mining: Field<bool>,
}

pub fn fetch(daemon: &Daemon, miner_id: &str, problems: &mut Problems) -> Result<Facts> {
    let mut batch = Batch::new();
    let power = batch.add::<MinerPower>("StateMinerPower", json!([miner_id, daemon.tipset_key]));
    // The head's own epoch, because a later one would wait for a beacon that is not drawn yet.
    let base_info = daemon.head.as_ref().map(|head| {
        let params = json!([miner_id, head.height(), daemon.tipset_key]);
        batch.add::<Option<BaseInfo>>("MinerGetBaseInfo", params)
    });
    let answers = daemon.client.send(&batch);
    let power = answers.get(power)?;
    let base_info = base_info.and_then(|ticket| problems.if_supported(answers.get(ticket)));
    let base_info = base_info.flatten();
    let eligible = base_info.map(|info| info.eligible_for_mining).unwrap_or_default();
    let mut miner = claim(power.miner_power, "MinerPower", problems);
    let mut network = claim(power.total_power, "TotalPower", problems);
    keep_possible(&mut miner.raw_bytes, &mut network.raw_bytes, "RawBytePower", problems);
    let quality_adjusted = (&mut miner.quality_adjusted_bytes, &mut network.quality_adjusted_bytes);
    keep_possible(quality_adjusted.0, quality_adjusted.1, "QualityAdjPower", problems);
    Ok(Facts {
        miner,
        network,
        has_min_power: power.has_min_power.take("StateMinerPower.HasMinPower", problems),
        is_eligible: eligible.take("MinerGetBaseInfo.EligibleForMining", problems),
    })
}

fn claim(claim: Field<Claim>, name: &str, problems: &mut Problems) -> Power {
    let name = format!("StateMinerPower.{name}");
    let claim = claim.take(&name, problems).unwrap_or_default();
    let mut bytes = |field: Field<Int>, kind: &str| {
        let name = format!("{name}.{kind}");
        let bytes = field.take(&name, problems)?;
        let is_possible = (0..=MAX_POWER_BYTES).contains(&bytes.0);
        if !is_possible {
            problems.note(format_args!("{name}: {} bytes of power is impossible", bytes.0));
        }
        is_possible.then_some(bytes)
    };
    Power {
        raw_bytes: bytes(claim.raw_byte_power, "RawBytePower"),
        quality_adjusted_bytes: bytes(claim.quality_adj_power, "QualityAdjPower"),
    }
}

/// A miner cannot have more than its network. Which of the two is wrong cannot be known.
fn keep_possible(miner: &mut Option<Int>, network: &mut Option<Int>, kind: &str, problems: &mut Problems) {
    if let (Some(Int(mine)), Some(Int(all))) = (*miner, *network)
        && mine > all
    {
        problems.note(format_args!("StateMinerPower: the miner's {kind} of {mine} is more than the network's {all}"));
        (*miner, *network) = (None, None);
    }
}

impl Facts {
    /// Expected wins in a day. A miner below the minimum power wins nothing; in a network without power, the figure is unknown.
    fn expected_wins_per_day(&self) -> Option<f64> {
        if !self.has_min_power? {
            return Some(0.0);
        }
        let share = PowerShare::new(self.miner.quality_adjusted_bytes?.0, self.network.quality_adjusted_bytes?.0);
        share.map(PowerShare::wins_per_day)
    }
}

pub fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    let power = &families::MINER_POWER_BYTES;
    samples.add(power, [miner_id, "raw"], facts.miner.raw_bytes);
    samples.add(power, [miner_id, "quality_adjusted"], facts.miner.quality_adjusted_bytes);
    samples.add(&families::MINER_HAS_MIN_POWER, [miner_id], facts.has_min_power);
    samples.add(&families::MINER_MINING_ELIGIBLE, [miner_id], facts.is_eligible);
    samples.add(&families::MINER_EXPECTED_WINS_PER_DAY, [miner_id], facts.expected_wins_per_day());
}
