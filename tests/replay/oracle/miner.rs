//! A miner: who it is, its power and its money.

use serde_json::json;

use super::money;
use crate::expected::Expected;
use crate::recording::Recording;
use crate::values::{fil, items, number, seconds, text, yes};

pub fn expect(recording: &Recording, node: &str, miner_id: &str, expected: &mut Expected) {
    let id = [("miner_id", miner_id)];
    let own = |method| recording.result(node, method, &json!([]));
    let info = recording.chain("StateMinerInfo", json!([miner_id, "@head"]));
    let labels = [
        id[0],
        ("version", text(&own("Version")["Version"])),
        ("owner", text(&info["Owner"])),
        ("worker", text(&info["Worker"])),
        ("beneficiary", text(&info["Beneficiary"])),
        ("peer_id", info["PeerId"].as_str().unwrap_or_default()),
    ];
    expected.add("farcaster_miner_info", &labels, 1.0);
    expected.add("farcaster_miner_sector_size_bytes", &id, number(&info["SectorSize"]));
    expected.add("farcaster_miner_start_time_seconds", &id, seconds(own("StartTime")));
    // Nothing about the recorded miners changes, and none signed two blocks for one epoch.
    assert!(info["PendingOwnerAddress"].is_null() && info["PendingBeneficiaryTerm"].is_null());
    assert_eq!((text(&info["NewWorker"]), number(&info["ConsensusFaultElapsed"])), ("<empty>", -1.0));
    expected.nothing_more_of(&[
        "farcaster_miner_pending_change_info",
        "farcaster_miner_worker_change_timestamp_seconds",
        "farcaster_miner_consensus_fault_end_timestamp_seconds",
    ]);
    for role in money::roles(recording, miner_id) {
        let name = format!("{miner_id} {}", role.name);
        let labels =
            [id[0], ("role", &*role.name), ("id_address", &*role.id), ("address", &*role.address), ("name", &*name)];
        expected.add("farcaster_miner_address_info", &labels, 1.0);
    }
    for alert in items(own("LogAlerts")) {
        let labels =
            [id[0], ("system", text(&alert["Type"]["System"])), ("subsystem", text(&alert["Type"]["Subsystem"]))];
        expected.add("farcaster_miner_alert_active", &labels, yes(&alert["Active"]));
    }
    power(recording, miner_id, expected);
    balances(recording, miner_id, expected);
}

fn power(recording: &Recording, miner_id: &str, expected: &mut Expected) {
    let id = [("miner_id", miner_id)];
    let power = recording.chain("StateMinerPower", json!([miner_id, "@head"]));
    for (kind, key) in [("raw", "RawBytePower"), ("quality_adjusted", "QualityAdjPower")] {
        expected.add("farcaster_miner_power_bytes", &[id[0], ("kind", kind)], number(&power["MinerPower"][key]));
    }
    expected.add("farcaster_miner_has_min_power", &id, yes(&power["HasMinPower"]));
    let (_, base_info) = recording.all("daemon", "MinerGetBaseInfo").find(|(params, _)| params[0] == miner_id).unwrap();
    expected.add("farcaster_miner_mining_eligible", &id, yes(&base_info["EligibleForMining"]));
    let quality_adjusted = |of: &str| number(&power[of]["QualityAdjPower"]);
    let wins = 2880.0 * 5.0 * quality_adjusted("MinerPower") / quality_adjusted("TotalPower");
    expected.add("farcaster_miner_expected_wins_per_day", &id, wins);
}

fn balances(recording: &Recording, miner_id: &str, expected: &mut Expected) {
    let id = [("miner_id", miner_id)];
    let chain = |method| recording.chain(method, json!([miner_id, "@head"]));
    let actor = chain("StateReadState");
    let state = &actor["State"];
    expected.add("farcaster_miner_balance_fil", &id, fil(&actor["Balance"]));
    expected.add("farcaster_miner_available_fil", &id, fil(chain("StateMinerAvailableBalance")));
    expected.add("farcaster_miner_fee_debt_fil", &id, fil(&state["FeeDebt"]));
    let kinds =
        [("precommit_deposits", "PreCommitDeposits"), ("initial_pledge", "InitialPledge"), ("vesting", "LockedFunds")];
    for (kind, key) in kinds {
        expected.add("farcaster_miner_locked_fil", &[id[0], ("kind", kind)], fil(&state[key]));
    }
    let market = chain("StateMarketBalance");
    expected.add("farcaster_miner_market_escrow_fil", &id, fil(&market["Escrow"]));
    expected.add("farcaster_miner_market_locked_fil", &id, fil(&market["Locked"]));
}
