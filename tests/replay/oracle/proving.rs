//! Deadlines, partitions and faults, and the sectors on chain.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::expected::Expected;
use crate::recording::Recording;
use crate::values::{count, fil_of, items, members, number, whole};

const DAYS: [i128; 7] = [7, 30, 90, 180, 365, 540, 1278];

/// SectorOnChainInfo.Flags: full power whatever is in it, so its weights do not show verified deals.
const FULL_QUALITY_POWER: u64 = 2;

pub fn expect(recording: &Recording, node: &str, miner_id: &str, expected: &mut Expected) {
    let partitions: Vec<&[Value]> = (0..48)
        .map(|deadline| items(recording.chain("StateMinerPartitions", json!([miner_id, deadline, "@head"]))))
        .collect();
    deadlines(recording, miner_id, &partitions, expected);
    faulty_sectors(miner_id, &partitions, expected);
    on_chain(recording, miner_id, expected);
    let held = items(recording.result(node, "SectorsListInStates", &json!([["Proving", "Available"]])));
    let live: BTreeSet<u64> =
        partitions.iter().copied().flatten().flat_map(|one| members(&one["LiveSectors"])).collect();
    let expired = held.iter().filter(|number| !live.contains(&number.as_u64().unwrap())).count();
    expected.add("farcaster_miner_expired_sectors", &[("miner_id", miner_id)], expired as f64);
    let files = recording.result(node, "StorageList", &json!([]));
    let files = files.as_object().unwrap().values().flat_map(items);
    // A sealed file, or the one of an upgrade.
    let replicas = files.filter(|file| file["SectorFileType"].as_u64().unwrap() & (2 | 8) != 0);
    let stored: BTreeSet<u64> = replicas.map(|file| file["Number"].as_u64().unwrap()).collect();
    assert!(live.is_subset(&stored), "what is missing shows only in a second run");
    expected.add("farcaster_miner_missing_sectors", &[("miner_id", miner_id)], 0.0);
    expected.nothing_more_of(&["farcaster_miner_missing_sector"]);
}

fn deadlines(recording: &Recording, miner_id: &str, partitions: &[&[Value]], expected: &mut Expected) {
    let id = [("miner_id", miner_id)];
    let params = recording.chain("StateGetNetworkParams", json!([]));
    let time_of = |epoch: i128| number(&params["GenesisTimestamp"]) + epoch as f64 * number(&params["BlockDelaySecs"]);
    let schedule = recording.chain("StateMinerProvingDeadline", json!([miner_id, "@head"]));
    let open_now = whole(&schedule["Index"]);
    expected.add("farcaster_miner_deadline_current", &id, open_now as f64);
    let states = items(recording.chain("StateMinerDeadlines", json!([miner_id, "@head"])));
    assert_eq!(states.len(), 48);
    let sum = |of: &[Value], key: &str| of.iter().map(|partition| count(&partition[key])).sum::<f64>();
    let kinds = [
        ("live", "LiveSectors"),
        ("active", "ActiveSectors"),
        ("faulty", "FaultySectors"),
        ("recovering", "RecoveringSectors"),
    ];
    for (index, (state, partitions)) in states.iter().zip(partitions).enumerate() {
        let deadline = index.to_string();
        let labels = [id[0], ("deadline", &*deadline)];
        // Those that are over open again in the next proving period.
        let mut shift = (index as i128 - open_now) * whole(&schedule["WPoStChallengeWindow"]);
        if (index as i128) < open_now {
            shift += whole(&schedule["WPoStProvingPeriod"]);
        }
        for (name, key) in [("open", "Open"), ("close", "Close")] {
            let family = format!("farcaster_miner_deadline_{name}_timestamp_seconds");
            expected.add(&family, &labels, time_of(whole(&schedule[key]) + shift));
        }
        let is_open = index as i128 == open_now;
        let proven = is_open.then(|| count(&state["PostSubmissions"]));
        expected.add("farcaster_miner_deadline_proven_partitions", &labels, proven);
        let with_live = partitions.iter().filter(|partition| count(&partition["LiveSectors"]) > 0.0).count();
        expected.add("farcaster_miner_deadline_partitions", &labels, with_live as f64);
        // Proofs are about what is active or declared recovered.
        let is_due = |partition: &&Value| {
            let (live, faulty) = (members(&partition["LiveSectors"]), members(&partition["FaultySectors"]));
            live.iter().any(|sector| !faulty.contains(sector)) || count(&partition["RecoveringSectors"]) > 0.0
        };
        let due = partitions.iter().filter(is_due).count();
        expected.add("farcaster_miner_deadline_due_partitions", &labels, due as f64);
        for (kind, key) in kinds {
            expected.add(&format!("farcaster_miner_deadline_{kind}_sectors"), &labels, sum(partitions, key));
        }
        expected.add("farcaster_miner_deadline_daily_fee_fil", &labels, fil_of(whole(&state["DailyFee"])));
    }
    for (kind, key) in kinds {
        let all: f64 = partitions.iter().map(|partitions| sum(partitions, key)).sum();
        expected.add(&format!("farcaster_miner_{kind}_sectors"), &id, all);
    }
    let daily_fee = states.iter().map(|state| whole(&state["DailyFee"])).sum();
    expected.add("farcaster_miner_daily_fee_fil", &id, fil_of(daily_fee));
}

fn faulty_sectors(miner_id: &str, partitions: &[&[Value]], expected: &mut Expected) {
    expected.nothing_more_of(&["farcaster_miner_faulty_sector"]);
    for (deadline, partitions) in partitions.iter().enumerate() {
        for (number, partition) in partitions.iter().enumerate() {
            let recovering = members(&partition["RecoveringSectors"]);
            for sector in members(&partition["FaultySectors"]) {
                let labels = [
                    ("miner_id", miner_id),
                    ("sector", &sector.to_string()),
                    ("deadline", &deadline.to_string()),
                    ("partition", &number.to_string()),
                    ("recovering", if recovering.contains(&sector) { "1" } else { "0" }),
                ];
                expected.add("farcaster_miner_faulty_sector", &labels, 1.0);
            }
        }
    }
}

fn on_chain(recording: &Recording, miner_id: &str, expected: &mut Expected) {
    let id = [("miner_id", miner_id)];
    let chunks = recording.all("daemon", "StateMinerSectors").filter(|(params, _)| params[0] == miner_id);
    let sectors: Vec<&Value> = chunks.flat_map(|(_, sectors)| items(sectors)).collect();
    let content = |sector: &Value| {
        let has_full_quality = sector["Flags"].as_u64().unwrap() & FULL_QUALITY_POWER != 0;
        match (whole(&sector["DealWeight"]) > 0, whole(&sector["VerifiedDealWeight"]) > 0) {
            (_, true) if !has_full_quality => "verified_deals",
            (false, false) => "committed_capacity",
            _ => "deals",
        }
    };
    for kind in ["committed_capacity", "deals", "verified_deals"] {
        let of_kind = sectors.iter().filter(|sector| content(sector) == kind).count();
        expected.add("farcaster_miner_sectors_by_content", &[id[0], ("content", kind)], of_kind as f64);
    }
    let upgraded = sectors.iter().filter(|sector| !sector["SectorKeyCID"].is_null()).count();
    expected.add("farcaster_miner_upgraded_sectors", &id, upgraded as f64);
    qualities(recording, miner_id, &sectors, expected);
    let head = whole(&recording.head()["Height"]);
    for days in DAYS {
        let expiring: Vec<&&Value> =
            sectors.iter().filter(|sector| whole(&sector["Expiration"]) <= head + days * 2880).collect();
        let days = days.to_string();
        let labels = [id[0], ("within_days", &*days)];
        expected.add("farcaster_miner_expiring_sectors", &labels, expiring.len() as f64);
        let pledge = expiring.iter().map(|sector| whole(&sector["InitialPledge"])).sum();
        expected.add("farcaster_miner_expiring_pledge_fil", &labels, fil_of(pledge));
    }
}

/// Quality by the share of verified deals, in bytes times epochs. Before network version 29 there is nothing to upgrade to.
fn qualities(recording: &Recording, miner_id: &str, sectors: &[&Value], expected: &mut Expected) {
    let size = number(&recording.chain("StateMinerInfo", json!([miner_id, "@head"]))["SectorSize"]);
    let quality = |sector: &Value| {
        assert_eq!(sector["Flags"].as_u64().unwrap() & FULL_QUALITY_POWER, 0);
        let epochs = number(&sector["Expiration"]) - number(&sector["PowerBaseEpoch"]);
        match number(&sector["VerifiedDealWeight"]) / (size * epochs) {
            0.0 => "1x",
            share if share > 0.9989 => "legacy_10x",
            _ => "partial",
        }
    };
    for kind in ["1x", "partial", "legacy_10x", "full_10x"] {
        let of_kind = sectors.iter().filter(|sector| quality(sector) == kind).count() as f64;
        let labels = [("miner_id", miner_id), ("quality", kind)];
        expected.add("farcaster_miner_sectors_by_quality", &labels, of_kind);
        expected.add("farcaster_miner_quality_raw_bytes", &labels, of_kind * size);
    }
    expected.nothing_more_of(&[
        "farcaster_miner_quality_upgrade_pledge_fil",
        "farcaster_miner_quality_upgrade_daily_fee_fil",
        "farcaster_miner_quality_upgrade_power_bytes",
        "farcaster_miner_quality_upgrade_blocked_sectors",
    ]);
}
