//! The chain: epochs, tipsets with their winners, the head, base fee, finality. An epoch's tipset depends only on its
//! height, except that the head may still hold a block of ours that the chain drops with the next tipset.

use serde_json::{Value, json};

use super::answer::{Answer, RpcError, failed};
use super::farm::Farm;
use super::mpool;
use super::noise::{between, cycle, fraction, hash, splitmix64, wave};
use super::rules::{
    CONSENSUS_MINIMUM_BYTES, EPOCH_REWARD_ATTO, EPOCH_SECONDS, GENESIS_SECONDS, NETWORK_NAME, SOLSTICE_HEIGHT,
    epoch_at, epoch_start,
};
use super::text::{Cid, base64, cid, rfc3339};

const FIRST_FOREIGN_MINER: u64 = 1_000_000;
const FOREIGN_MINERS: u64 = 900_000;
/// Mean number of election wins per epoch in the whole network.
const WINS_PER_EPOCH: f64 = 5.0;
/// The weights of the streams of the block reward are parts of this.
const DENOM: u128 = 1_000_000_000_000;
/// How far back a tipset is found by its key.
const KEYS_KNOWN_EPOCHS: i64 = 2 * 2880;

/// The number of a miner in the rest of the network.
pub(super) fn foreign_miner(hash: u64) -> u64 {
    FIRST_FOREIGN_MINER + hash % FOREIGN_MINERS
}

/// Whether an actor number is one that [`foreign_miner`] gives.
pub(super) fn is_foreign_miner(id: u64) -> bool {
    (FIRST_FOREIGN_MINER..FIRST_FOREIGN_MINER + FOREIGN_MINERS).contains(&id)
}

/// Height of the node's head. Blocks take some seconds to arrive, and occasionally a whole epoch.
pub(super) fn head_height(now: f64) -> i64 {
    let epoch = epoch_at(now);
    let seed = hash("block delay", &[epoch as u64]);
    let delay_seconds = match seed % 25 {
        0 => EPOCH_SECONDS,
        _ => 3.0 + 5.0 * fraction(seed),
    };
    let late = now - epoch_start(epoch) < delay_seconds;
    at_or_before(if late { epoch - 1 } else { epoch })
}

/// Base fee that the blocks of an epoch carry, in attoFIL for a unit of gas.
pub(super) fn base_fee_atto(epoch: i64) -> u64 {
    let now = epoch_start(epoch);
    let swing = 1.2 * wave(now, 6.0 * 3600.0, "base fee", 0)
        + 0.4 * wave(now, 47.0 * 60.0, "base fee", 1)
        + between(-0.08, 0.08, "base fee", &[epoch as u64]);
    (3e8 * swing.exp()) as u64
}

/// Number of blocks in an epoch's tipset: Poisson with mean 5, 0 being a null round.
fn block_count(epoch: i64) -> u64 {
    let u = fraction(hash("block count", &[epoch as u64]));
    let (mut count, mut term) = (0, (-WINS_PER_EPOCH).exp());
    let mut sum = term;
    while u > sum && count < 15 {
        count += 1;
        term *= WINS_PER_EPOCH / count as f64;
        sum += term;
    }
    count
}

/// The epoch itself, or the one before it that has blocks.
fn at_or_before(epoch: i64) -> i64 {
    (0..=epoch).rev().find(|epoch| block_count(*epoch) > 0).unwrap_or(0)
}

/// The actor numbers of an epoch's winners, in the order of their tickets. One in eight of our own blocks is orphaned:
/// `while_head` shows it, the chain does not.
fn winners(farm: &Farm, epoch: i64, while_head: bool) -> Vec<u64> {
    let count = block_count(epoch);
    let mut winners: Vec<u64> = (0..count).map(|i| foreign_miner(hash("winner", &[epoch as u64, i]))).collect();
    for miner in &farm.miners {
        let seed = hash("own win", &[epoch as u64, miner.id]);
        let won = fraction(seed) < WINS_PER_EPOCH * miner.expected_share;
        let orphaned = splitmix64(seed).is_multiple_of(8);
        if won && count > 0 && (while_head || !orphaned) {
            winners[(splitmix64(seed + 1) % count) as usize] = miner.id;
        }
    }
    winners
}

fn block_cid(epoch: i64, miner: u64) -> Value {
    cid(Cid::Chain, hash("block", &[epoch as u64, miner]))
}

fn cids(farm: &Farm, epoch: i64, while_head: bool) -> Vec<Value> {
    winners(farm, epoch, while_head).into_iter().map(|miner| block_cid(epoch, miner)).collect()
}

/// The tipset of an epoch that has blocks, as it is seen at `now`.
fn tipset(farm: &Farm, epoch: i64, now: f64) -> Value {
    tipset_seen(farm, epoch, epoch == head_height(now))
}

fn tipset_seen(farm: &Farm, epoch: i64, while_head: bool) -> Value {
    let parents = cids(farm, at_or_before(epoch - 1), false);
    let blocks: Vec<Value> =
        winners(farm, epoch, while_head).into_iter().map(|miner| block(epoch, miner, &parents)).collect();
    json!({ "Cids": cids(farm, epoch, while_head), "Blocks": blocks, "Height": epoch })
}

fn win_count(epoch: i64, miner: u64) -> u64 {
    if hash("block", &[epoch as u64, miner]).is_multiple_of(20) { 2 } else { 1 }
}

fn block(epoch: i64, miner: u64, parents: &[Value]) -> Value {
    let seed = hash("block", &[epoch as u64, miner]);
    let part = |i: u64| splitmix64(seed ^ i);
    let of_parent = |i: u64| hash("parent state", &[epoch as u64, i]);
    let beacon_round = 17_133_832 + 10 * epoch;
    json!({
        "Miner": format!("f0{miner}"),
        "Ticket": { "VRFProof": base64(part(1), 96) },
        "ElectionProof": { "WinCount": win_count(epoch, miner), "VRFProof": base64(part(2), 96) },
        "BeaconEntries": [{ "Round": beacon_round, "Data": base64(hash("beacon", &[epoch as u64]), 48) }],
        "WinPoStProof": [{ "PoStProof": 3, "ProofBytes": base64(part(3), 192) }],
        "Parents": parents,
        "ParentWeight": (116_013_147_118 + 24_000 * epoch).to_string(),
        "Height": epoch,
        "ParentStateRoot": cid(Cid::Chain, of_parent(1)),
        "ParentMessageReceipts": cid(Cid::Chain, of_parent(2)),
        "Messages": cid(Cid::Chain, part(4)),
        "BLSAggregate": { "Type": 2, "Data": base64(part(5), 96) },
        "Timestamp": epoch_start(epoch) as i64,
        "BlockSig": { "Type": 2, "Data": base64(part(6), 96) },
        "ForkSignaling": 0,
        "ParentBaseFee": base_fee_atto(epoch).to_string(),
    })
}

/// `ChainHead`.
pub(super) fn head(farm: &Farm, now: f64) -> Value {
    tipset(farm, head_height(now), now)
}

/// `ChainGetTipSetByHeight`: at the height, or before it where it is a null round, on the chain that ends with the tipset of this key.
pub(super) fn by_height(farm: &Farm, epoch: i64, key: &Value, now: f64) -> Answer {
    if !(0..=head_height(now)).contains(&epoch) {
        return failed("looking for tipset with height greater than start point");
    }
    let epoch = at_or_before(epoch);
    let is_head_of_then = json!(cids(farm, epoch, true)) == *key;
    Ok(if is_head_of_then { tipset_seen(farm, epoch, true) } else { tipset(farm, epoch, now) })
}

/// The epoch of the tipset that a key names, on the chain or as the head.
fn epoch_of(farm: &Farm, key: &Value, now: f64) -> Result<i64, RpcError> {
    let newest = head_height(now);
    let found = epoch_of_block(farm, &key[0], now);
    let is_key = |epoch: &i64| [false, *epoch == newest].iter().any(|head| json!(cids(farm, *epoch, *head)) == *key);
    found.filter(is_key).ok_or_else(|| (1, "failed to load tipset: not found".to_owned()))
}

/// The epoch of a block, on the chain or in the head.
fn epoch_of_block(farm: &Farm, block: &Value, now: f64) -> Option<i64> {
    let newest = head_height(now);
    (newest - KEYS_KNOWN_EPOCHS..=newest)
        .rev()
        .find(|epoch| winners(farm, *epoch, *epoch == newest).iter().any(|miner| block_cid(*epoch, *miner) == *block))
}

/// The time up to which messages are executed in the state that a node looks up for a tipset: its parents' time. Null means the head, as does
/// the key of one that an orphan of ours was in.
pub(super) fn state_time(farm: &Farm, key: &Value, now: f64) -> f64 {
    let epoch = if key.is_null() { None } else { epoch_of(farm, key, now).ok() };
    let epoch = epoch.unwrap_or(head_height(now));
    epoch_start(at_or_before(epoch - 1))
}

/// `ChainGetParentMessages` and `ChainGetParentReceipts`: what was executed of the tipset before that of a block.
fn parents_executed(farm: &Farm, block: &Value, now: f64) -> Result<Vec<(Value, Value)>, RpcError> {
    let Some(epoch) = epoch_of_block(farm, block, now) else {
        return Err((1, "block was not found locally (offline): ipld: could not find the block".to_owned()));
    };
    let parents = at_or_before(epoch - 1);
    let before = at_or_before(parents - 1);
    Ok(mpool::executed(farm, parents, epoch_start(before), epoch_start(parents)))
}

/// `ChainGetParentMessages`.
pub(super) fn parent_messages(farm: &Farm, block: &Value, now: f64) -> Answer {
    Ok(parents_executed(farm, block, now)?.into_iter().map(|(message, _)| message).collect())
}

/// `ChainGetParentReceipts`.
pub(super) fn parent_receipts(farm: &Farm, block: &Value, now: f64) -> Answer {
    Ok(parents_executed(farm, block, now)?.into_iter().map(|(_, receipt)| receipt).collect())
}

/// `StateRewardDistribution` of `/rpc/v2`, for the tipset that a key names: what each of its blocks earned, and for whom.
pub(super) fn reward_distribution(farm: &Farm, selector: &Value, now: f64) -> Answer {
    let newest = head_height(now);
    let key = &selector["key"];
    let epoch = epoch_of(farm, key, now)?;
    if epoch <= SOLSTICE_HEIGHT {
        return failed("reward distribution requires reward actor v19");
    }
    let (mut blocks, mut totals) = (Vec::new(), Amounts::default());
    for miner in winners(farm, epoch, epoch == newest) {
        let amounts = Amounts::of_block(epoch, miner);
        totals = totals.plus(&amounts);
        let stream = |id: u64, weight: u128, amount: u128| json!({ "ID": id, "Weight": weight.to_string(), "Amount": amount.to_string(), "Distribution": null });
        blocks.push(json!({
            "Block": block_cid(epoch, miner),
            "Miner": format!("f0{miner}"),
            "WinCount": win_count(epoch, miner),
            "Amounts": amounts.json(),
            "BurnWeight": "0",
            "Streams": [
                stream(1, consensus_weight(epoch), amounts.consensus_atto),
                stream(2, DENOM - consensus_weight(epoch), amounts.service_atto),
            ],
        }));
    }
    Ok(json!({
        "TipSetKey": key,
        "Height": epoch,
        "Denom": DENOM.to_string(),
        "Totals": totals.json(),
        "Blocks": blocks,
    }))
}

/// The consensus stream's share of what is minted: from 95 % at Solstice to 50 % after nine quarters.
fn consensus_weight(epoch: i64) -> u128 {
    const NINE_QUARTERS_EPOCHS: i64 = 9 * 262_974;
    let elapsed = (epoch - SOLSTICE_HEIGHT).clamp(0, NINE_QUARTERS_EPOCHS) as u128;
    DENOM * 95 / 100 - DENOM * 45 / 100 * elapsed / NINE_QUARTERS_EPOCHS as u128
}

/// What blocks earn, in attoFIL.
#[derive(Default)]
struct Amounts {
    consensus_atto: u128,
    service_atto: u128,
    gas_atto: u128,
}

impl Amounts {
    fn of_block(epoch: i64, miner: u64) -> Amounts {
        let minted = EPOCH_REWARD_ATTO * u128::from(win_count(epoch, miner)) / 5;
        let consensus_atto = minted * consensus_weight(epoch) / DENOM;
        let gas = between(0.01, 0.2, "gas reward", &[epoch as u64, miner]);
        Amounts { consensus_atto, service_atto: minted - consensus_atto, gas_atto: (gas * 1e18) as u128 }
    }

    fn plus(&self, other: &Amounts) -> Amounts {
        Amounts {
            consensus_atto: self.consensus_atto + other.consensus_atto,
            service_atto: self.service_atto + other.service_atto,
            gas_atto: self.gas_atto + other.gas_atto,
        }
    }

    fn json(&self) -> Value {
        json!({
            "MintedReward": (self.consensus_atto + self.service_atto).to_string(),
            "MinerReward": self.consensus_atto.to_string(),
            "MessageReward": self.gas_atto.to_string(),
            "ExplicitReward": self.service_atto.to_string(),
            "BurnAllocation": "0",
            "MinerPaid": (self.consensus_atto + self.gas_atto).to_string(),
            "BurnPaid": "0",
        })
    }
}

/// `ChainGetTipSetFinalityStatus` of `/rpc/v2`.
pub(super) fn finality_status(farm: &Farm, now: f64) -> Value {
    let head = head_height(now);
    let depth = 28 + (hash("finality", &[head as u64]) % 5) as i64;
    let by_weight = tipset(farm, at_or_before(head - depth), now);
    let by_f3 = tipset(farm, f3_final_height(now), now);
    json!({
        "ecFinalityThresholdDepth": depth,
        "ecFinalizedTipSet": by_weight,
        "f3FinalizedTipSet": by_f3,
        "finalizedTipSet": by_f3,
        "head": tipset(farm, head, now),
    })
}

/// `SyncState`: one worker that has finished, and one that is idle or fetches what has not arrived yet.
pub(super) fn sync_state(farm: &Farm, now: f64) -> Value {
    const NEVER: &str = "0001-01-01T00:00:00Z";
    let (head, epoch) = (head_height(now), epoch_at(now));
    let started = epoch_start(head) + 4.0;
    let done = json!({
        "WorkerID": head,
        "Base": tipset(farm, at_or_before(head - 1), now),
        "Target": tipset(farm, head, now),
        "Stage": 4,
        "Height": head,
        "Start": rfc3339(started, 0),
        "End": rfc3339(started + 0.8, 0),
        "Message": "",
    });
    let mut other = json!({
        "WorkerID": head + 1, "Base": null, "Target": null, "Stage": 0, "Height": 0,
        "Start": NEVER, "End": NEVER, "Message": "",
    });
    if head < epoch && block_count(epoch) > 0 {
        other["Base"] = tipset(farm, head, now);
        other["Target"] = tipset(farm, epoch, now);
        other["Stage"] = json!(3);
        other["Height"] = json!(epoch);
        other["Start"] = json!(rfc3339(epoch_start(epoch), 0));
    }
    json!({ "ActiveSyncs": [done, other], "VMApplied": head * 300 })
}

/// `NodeStatus`; the averages of the chain only where they were asked for.
pub(super) fn node_status(with_chain: bool, now: f64) -> Value {
    let head = head_height(now);
    let mean = |epochs: i64| {
        let blocks: u64 = (head - epochs + 1..=head).map(block_count).sum();
        if with_chain { blocks as f64 / epochs as f64 } else { 0.0 }
    };
    json!({
        "SyncStatus": { "Epoch": head, "Behind": epoch_at(now) - head },
        "PeerStatus": {
            "PeersToPublishMsgs": (24.0 + 4.0 * wave(now, 4000.0, "publish peers", 0)) as u64,
            "PeersToPublishBlocks": (28.0 + 5.0 * wave(now, 5200.0, "publish peers", 1)) as u64,
        },
        "ChainStatus": { "BlocksPerTipsetLast100": mean(100), "BlocksPerTipsetLastFinality": mean(900) },
    })
}

/// `StateGetNetworkParams`.
pub(super) fn network_params(now: f64) -> Value {
    const UPGRADES: [(&str, i64); 10] = [
        ("UpgradeSmokeHeight", 51_000),
        ("UpgradeWatermelonHeight", 3_469_380),
        ("UpgradeDragonHeight", 3_855_360),
        ("UpgradeWaffleHeight", 4_154_640),
        ("UpgradeTukTukHeight", 4_461_240),
        ("UpgradeTeepHeight", 4_878_840),
        ("UpgradeTockHeight", 5_138_040),
        ("UpgradeGoldenWeekHeight", 5_348_280),
        ("UpgradeFireHorseHeight", 6_052_800),
        ("UpgradeSolsticeHeight", SOLSTICE_HEIGHT),
    ];
    let upgrades: Value = UPGRADES.into_iter().chain([("UpgradeEquinoxHeight", next_upgrade(now))]).collect();
    json!({
        "NetworkName": NETWORK_NAME,
        "BlockDelaySecs": EPOCH_SECONDS as u64,
        "ConsensusMinerMinPower": CONSENSUS_MINIMUM_BYTES.to_string(),
        "PreCommitChallengeDelay": 150,
        "ForkUpgradeParams": upgrades,
        "Eip155ChainID": 31_415_926,
        "GenesisTimestamp": GENESIS_SECONDS as i64,
    })
}

/// The next of the upgrades that come every 200 days.
fn next_upgrade(now: f64) -> i64 {
    const EPOCHS_BETWEEN: i64 = 200 * 2880;
    let since = (epoch_at(now) - SOLSTICE_HEIGHT).max(0);
    SOLSTICE_HEIGHT + (since / EPOCHS_BETWEEN + 1) * EPOCHS_BETWEEN
}

/// What messages usually pay on top of the base fee: about an eighth of it, around which FIP-0115 holds the base fee.
pub(super) fn usual_premium_atto(epoch: i64) -> u64 {
    base_fee_atto(epoch) / 8
}

/// `GasEstimateGasPremium`: the sooner the message is to be included, the more it pays.
pub(super) fn gas_premium(within_epochs: u64, now: f64) -> Value {
    let usual = usual_premium_atto(head_height(now)) as f64;
    let premium = 0.7 * usual * (1.0 + 0.1 * wave(now, 5400.0, "gas premium", 0));
    json!(((premium * (1.0 + 1.0 / within_epochs.max(1) as f64)) as u64).to_string())
}

/// The running instance of F3 and when it began.
fn f3_instance(now: f64) -> (u64, f64) {
    cycle(now, 45.0, "f3", 0)
}

/// Height of the newest tipset that F3 has made final.
fn f3_final_height(now: f64) -> i64 {
    let (_, began) = f3_instance(now);
    at_or_before(head_height(began) - 5)
}

/// `F3GetProgress`: an instance decides in one round, occasionally in two.
pub(super) fn f3_progress(farm: &Farm, now: f64) -> Value {
    let (instance, began) = f3_instance(now);
    let phase = (((now - began) / 9.0) as u64 + 1).min(5);
    let round = u64::from(phase > 1 && hash("f3 round", &[instance]).is_multiple_of(12));
    json!({ "ID": instance, "Round": round, "Phase": phase, "Input": [f3_tipset(farm, head_height(now))] })
}

/// `F3GetLatestCertificate`: of the instance before the running one.
pub(super) fn f3_certificate(farm: &Farm, now: f64) -> Value {
    let (instance, _) = f3_instance(now);
    let last = f3_final_height(now);
    let power_table = cid(Cid::Chain, hash("f3 power table", &[instance]));
    json!({
        "GPBFTInstance": instance - 1,
        "ECChain": [f3_tipset(farm, at_or_before(last - 1)), f3_tipset(farm, last)],
        "SupplementalData": { "Commitments": base64(0, 32), "PowerTable": power_table },
        "Signers": [0, 40, 1, 17],
        "Signature": base64(hash("f3 signature", &[instance]), 96),
        "PowerTableDelta": [],
    })
}

fn f3_tipset(farm: &Farm, epoch: i64) -> Value {
    json!({
        "Key": cids(farm, epoch, false),
        "Commitments": base64(0, 32),
        "Epoch": epoch,
        "PowerTable": cid(Cid::Chain, hash("f3 table", &[epoch as u64])),
    })
}

/// `F3ListParticipants`: all miners have leased their participation to this node.
pub(super) fn f3_participants(farm: &Farm, now: f64) -> Value {
    let (instance, _) = f3_instance(now);
    let lease = |id: u64| json!({ "MinerID": id, "FromInstance": instance - instance % 5, "ValidityTerm": 5 });
    farm.miners.iter().map(|miner| lease(miner.id)).collect()
}
