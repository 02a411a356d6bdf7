//! Actors: the miners' owners, workers and other addresses, wallets, balances, and the state of actors that is read whole.

use serde_json::{Value, json};

use super::accounts::{SPARE_WALLET, atto, id_of};
use super::answer::{Answer, RpcError, failed};
use super::boost;
use super::chain::{self, head_height, is_foreign_miner};
use super::farm::Farm;
use super::miner::Miner;
use super::mpool;
use super::noise::{hash, sawtooth, wave};
use super::proving::network_power;
use super::rules::{EPOCH_REWARD_ATTO, NETWORK_VERSION, PARTITION_SECTORS, SECTOR_BYTES};
use super::text::{Cid, base64, cid, peer_id};

const DEPOSIT_ATTO: u64 = 47_000_000_000_000_000;
const ACTOR_KINDS: [&str; 16] = [
    "account",
    "cron",
    "datacap",
    "eam",
    "ethaccount",
    "evm",
    "init",
    "multisig",
    "paymentchannel",
    "placeholder",
    "reward",
    "storagemarket",
    "storageminer",
    "storagepower",
    "system",
    "verifiedregistry",
];

impl Miner {
    /// What the miner may spend: earnings gather for five days, then are withdrawn.
    fn available_atto(&self, now: f64) -> u128 {
        let gathered = sawtooth(now, 5.0 * 86_400.0, "available", self.id);
        atto((40.0 + 160.0 * gathered) / self.funds_divisor() as f64)
    }
}

/// The number and kind of any actor that exists.
fn resolve(farm: &Farm, address: &str) -> Result<(u64, &'static str), RpcError> {
    if let Some(account) = farm.account(address) {
        return Ok((account.id, account.kind));
    }
    let id = id_of(address);
    let kind = id.and_then(|id| match id {
        0 => Some("system"),
        1 => Some("init"),
        2 => Some("reward"),
        3 => Some("cron"),
        4 => Some("storagepower"),
        5 => Some("storagemarket"),
        6 => Some("verifiedregistry"),
        7 => Some("datacap"),
        10 => Some("eam"),
        99 => Some("account"),
        id if is_foreign_miner(id) || farm.miners.iter().any(|miner| miner.id == id) => Some("storageminer"),
        _ => None,
    });
    id.zip(kind).ok_or_else(|| (11, format!("resolve address {address}: actor not found")))
}

fn code(kind: &str, version: i64) -> Value {
    cid(Cid::Code, hash(kind, &[version as u64]))
}

/// `StateActorCodeCIDs`.
pub(super) fn code_cids(version: i64) -> Answer {
    if !(16..=NETWORK_VERSION).contains(&version) {
        return failed(format!("invalid network version {version}"));
    }
    let codes = ACTOR_KINDS.iter().map(|kind| ((*kind).to_owned(), code(kind, version)));
    Ok(codes.collect())
}

/// `StateGetActor`.
pub(super) fn actor(farm: &Farm, address: &str, key: &Value, now: f64) -> Answer {
    let (id, kind) = resolve(farm, address)?;
    let account = farm.account(address);
    let delegated = account.filter(|account| account.kind == "evm").map(|account| &account.address);
    Ok(json!({
        "Code": code(kind, NETWORK_VERSION),
        "Head": cid(Cid::Chain, hash("actor head", &[id, head_height(now) as u64])),
        "Nonce": account.map_or(0, |_| mpool::nonce_at(farm, id, chain::state_time(farm, key, now))),
        "Balance": balance_atto(farm, id, now).to_string(),
        "DelegatedAddress": delegated,
    }))
}

/// `StateAccountKey`: a multisig or contract has none.
pub(super) fn account_key(farm: &Farm, address: &str) -> Answer {
    match farm.account(address).filter(|account| account.kind == "account") {
        Some(account) => Ok(json!(account.address)),
        None => failed(format!("failed to get account actor state for {address}: actor code is not account")),
    }
}

/// `StateLookupID`.
pub(super) fn lookup_id(farm: &Farm, address: &str) -> Answer {
    if id_of(address).is_some() {
        return Ok(json!(address));
    }
    resolve(farm, address).map(|(id, _)| json!(format!("f0{id}")))
}

fn balance_atto(farm: &Farm, id: u64, now: f64) -> u128 {
    let account = farm.accounts.iter().find(|account| account.id == id);
    let miner = farm.miners.iter().find(|miner| miner.id == id);
    match (account, miner) {
        (Some(account), _) => account.balance_atto(now),
        (None, Some(miner)) => {
            let locked = miner.initial_pledge_atto(now) + u128::from(miner.deposits(now)) * u128::from(DEPOSIT_ATTO);
            miner.available_atto(now) + miner.vesting_atto(now) + locked
        }
        (None, None) => 0,
    }
}

/// `WalletList`.
pub(super) fn wallets(farm: &Farm) -> Value {
    let keys = farm.accounts.iter().filter(|account| account.in_wallet);
    keys.map(|account| json!(account.address)).collect()
}

/// `WalletBalance`: 0 for an address that is not on chain.
pub(super) fn wallet_balance(farm: &Farm, address: &str, now: f64) -> Value {
    let balance = resolve(farm, address).map_or(0, |(id, _)| balance_atto(farm, id, now));
    json!(balance.to_string())
}

/// `StateVerifiedClientStatus`: datacap in bytes, which the spare wallet has.
pub(super) fn datacap(farm: &Farm, address: &str) -> Answer {
    let (id, _) = resolve(farm, address)?;
    let datacap = 100 * SECTOR_BYTES;
    Ok(if id == SPARE_WALLET { json!(datacap.to_string()) } else { Value::Null })
}

/// `StateMinerInfo`.
pub(super) fn miner_info(miner: &Miner) -> Value {
    let own_beneficiary = miner.beneficiary() == miner.owner();
    let quota_atto = if own_beneficiary { 0 } else { atto(5000.0) };
    // The second miner's owner proposes the spare wallet, which has not agreed yet.
    let pending_beneficiary = match miner.index {
        1 => json!({
            "NewBeneficiary": format!("f0{SPARE_WALLET}"),
            "NewQuota": atto(1000.0).to_string(),
            "NewExpiration": 9_000_000,
            "ApprovedByBeneficiary": true,
            "ApprovedByNominee": false,
        }),
        _ => Value::Null,
    };
    json!({
        "Owner": format!("f0{}", miner.owner()),
        "Worker": format!("f0{}", miner.worker()),
        "NewWorker": "<empty>",
        "ControlAddresses": [format!("f0{}", miner.control(0)), format!("f0{}", miner.control(1))],
        "WorkerChangeEpoch": -1,
        "PeerId": peer_id(hash("peer id", &[miner.id])),
        "Multiaddrs": [base64(hash("multiaddr", &[miner.id]), 8)],
        "WindowPoStProofType": 13,
        "SectorSize": SECTOR_BYTES,
        "WindowPoStPartitionSectors": PARTITION_SECTORS,
        "ConsensusFaultElapsed": -1,
        "PendingOwnerAddress": null,
        "Beneficiary": format!("f0{}", miner.beneficiary()),
        "BeneficiaryTerm": {
            "Quota": quota_atto.to_string(),
            "UsedQuota": (quota_atto / 4).to_string(),
            "Expiration": if own_beneficiary { 0 } else { 9_000_000 },
        },
        "PendingBeneficiaryTerm": pending_beneficiary,
    })
}

/// `ActorAddressConfig` of the miner: the first has an address for each kind of message.
pub(super) fn address_config(miner: &Miner) -> Value {
    let only = |id: u64| {
        if miner.is_like_first() { json!([format!("f0{id}")]) } else { Value::Null }
    };
    json!({
        "PreCommitControl": only(miner.control(1)),
        "CommitControl": only(miner.control(1)),
        "TerminateControl": null,
        "DealPublishControl": only(miner.worker()),
        "DisableOwnerFallback": true,
        "DisableWorkerFallback": false,
    })
}

/// `StateMinerAvailableBalance`.
pub(super) fn available_balance(miner: &Miner, now: f64) -> Value {
    json!(miner.available_atto(now).to_string())
}

/// `StateMarketBalance` of a miner.
pub(super) fn market_balance(miner: &Miner, now: f64) -> Value {
    if miner.index == 0 {
        // What its Boost tells, too.
        let escrow = boost::escrow(now);
        return json!({ "Escrow": escrow.whole_atto.to_string(), "Locked": escrow.locked_atto.to_string() });
    }
    let escrow_fil = 25.0 / miner.funds_divisor() as f64;
    let locked_fil = escrow_fil * (0.6 + 0.15 * wave(now, 1.3 * 86_400.0, "market", miner.id));
    json!({ "Escrow": atto(escrow_fil).to_string(), "Locked": atto(locked_fil).to_string() })
}

/// `StateMinerInitialPledgeForSector`: near what the miners' own sectors have.
pub(super) fn pledge_for_sector(sector_bytes: u64, now: f64) -> Value {
    let fil = 0.15 * sector_bytes as f64 / SECTOR_BYTES as f64;
    json!(atto(fil * (1.0 + 0.03 * wave(now, 4.0 * 86_400.0, "pledge", 0))).to_string())
}

/// `StateReadState`.
pub(super) fn read_state(farm: &Farm, address: &str, now: f64) -> Answer {
    let (id, kind) = resolve(farm, address)?;
    let miner = farm.miners.iter().find(|miner| miner.id == id);
    let state = match (kind, miner) {
        (_, Some(miner)) => miner_state(miner, now),
        ("storagepower", _) => power_state(farm, now),
        ("reward", _) => reward_state(farm, now),
        ("account", _) => json!({ "Address": farm.account(address).map(|account| &account.address) }),
        _ => {
            return failed(format!("the state of {address}, a {kind} actor, is not part of the demo"));
        }
    };
    Ok(json!({
        "Balance": balance_atto(farm, id, now).to_string(),
        "Code": code(kind, NETWORK_VERSION),
        "State": state,
    }))
}

fn miner_state(miner: &Miner, now: f64) -> Value {
    let link = |name: &str| cid(Cid::Chain, hash(name, &[miner.id, head_height(now) as u64]));
    let (deadline, period_start) = miner.current_deadline(head_height(now));
    json!({
        "Info": link("info"),
        "PreCommitDeposits": (u128::from(miner.deposits(now)) * u128::from(DEPOSIT_ATTO)).to_string(),
        "LockedFunds": miner.vesting_atto(now).to_string(),
        "VestingFunds": miner.vesting_funds(now),
        "FeeDebt": "0",
        "InitialPledge": miner.initial_pledge_atto(now).to_string(),
        "PreCommittedSectors": link("pre-committed sectors"),
        "PreCommittedSectorsCleanUp": link("pre-committed sectors clean-up"),
        "AllocatedSectors": link("allocated sectors"),
        "Sectors": link("sectors"),
        "ProvingPeriodStart": period_start,
        "CurrentDeadline": deadline,
        "Deadlines": cid(Cid::Chain, miner.deadlines_hash(now)),
        "EarlyTerminations": [0],
        "DeadlineCronActive": true,
    })
}

fn power_state(farm: &Farm, now: f64) -> Value {
    let (raw, quality_adjusted) = network_power(farm, now);
    let (raw, quality_adjusted) = (raw.to_string(), quality_adjusted.to_string());
    let head = head_height(now);
    let pledge = atto(71_000_000.0).to_string();
    json!({
        "TotalRawBytePower": raw,
        "TotalBytesCommitted": raw,
        "TotalQualityAdjPower": quality_adjusted,
        "TotalQABytesCommitted": quality_adjusted,
        "TotalPledgeCollateral": pledge,
        "ThisEpochRawBytePower": raw,
        "ThisEpochQualityAdjPower": quality_adjusted,
        "ThisEpochPledgeCollateral": pledge,
        "ThisEpochQAPowerSmoothed": { "PositionEstimate": quality_adjusted, "VelocityEstimate": "0" },
        "MinerCount": 600_123 + head / 40_000,
        "MinerAboveMinPowerCount": (1743.0 + 12.0 * wave(now, 3.0 * 86_400.0, "miner count", 0)) as u64,
        "CronEventQueue": cid(Cid::Chain, hash("cron events", &[head as u64])),
        "FirstCronEpoch": head,
        "Claims": cid(Cid::Chain, hash("claims", &[head as u64])),
        "ProofValidationBatch": null,
    })
}

/// Like mainnet's a few years after its genesis: the network's power is below the baseline, and its time goes by at half the pace of the chain's.
/// Its baseline then is what the epoch's reward requires.
fn reward_state(farm: &Farm, now: f64) -> Value {
    let epoch = head_height(now);
    let network_time = epoch / 2;
    let lambda = std::f64::consts::LN_2 / (6.0 * 365.0 * 2880.0);
    let simple = 330e6 * lambda.exp_m1() * (-lambda * epoch as f64).exp();
    let baseline_minted = (EPOCH_REWARD_ATTO as f64 / 1e18 - simple).max(1e-9);
    let step = (baseline_minted / 770e6 / (-lambda * network_time as f64).exp()).ln_1p() / lambda;
    let effective_baseline = (network_power(farm, now).0 as f64 / step) as u128;
    let realized = effective_baseline * 1_500_000;
    json!({
        "CumsumBaseline": realized.to_string(),
        "CumsumRealized": realized.to_string(),
        "EffectiveNetworkTime": network_time,
        "EffectiveBaselinePower": effective_baseline.to_string(),
        "ThisEpochReward": EPOCH_REWARD_ATTO.to_string(),
        "ThisEpochRewardSmoothed": { "PositionEstimate": EPOCH_REWARD_ATTO.to_string(), "VelocityEstimate": "0" },
        "ThisEpochBaselinePower": (48u128 << 60).to_string(),
        "Epoch": epoch,
        "TotalMintedReward": atto(460_000_000.0).to_string(),
    })
}
