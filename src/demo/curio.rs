//! A Curio cluster of three machines, which serves a miner of its own, and a skiff, which has PDP alone. They answer as Curio v1.28.4 does, warts
//! included: a sector that waits for its seed counts as one that is being proven, nothing is used in a path without a limit, and of messages only the
//! newest are named.

mod pdp;
mod sealing;

use serde_json::{Value, json};

use super::answer::Answer;
use super::farm::{Farm, Node};
use super::miner::Miner;
use super::network::STARTED_SECONDS;
use super::noise::{cycle, hash, wave};
use super::rules::GENESIS_SECONDS;
use super::text::{address, rfc3339, uuid};

const PREFIX: &str = "CurioWeb.";
const VERSION: &str = "1.28.4+mainnet+git_550f2ee_2026-08-13T10:00:00Z";
const TIB: u64 = 1 << 40;

/// The web RPC's methods that are answered, how many parameters each takes, and whether a skiff has it.
pub(super) const METHODS: &[(&str, usize, bool)] = &[
    ("ActorList", 0, false),
    ("AlertOngoingList", 0, true),
    ("AlertUnacknowledgedCount", 0, true),
    ("BlockDelaySecs", 0, true),
    ("ClusterMachines", 0, true),
    ("ClusterNodeInfo", 1, true),
    ("ClusterTaskSummary", 0, true),
    ("GetStorageAsk", 1, false),
    ("HarmonyTaskStats", 0, true),
    ("MK20PDPPipelineFailedTasks", 0, true),
    ("MK20PipelineFailedTasks", 0, false),
    ("MessageQueueSummary", 0, true),
    ("PDPDashboardSummary", 0, true),
    ("PDPDataSetList", 5, true),
    ("PDPKeyStatus", 0, true),
    ("PDPProvingFailures", 0, true),
    ("PDPProvingStatus", 0, true),
    ("PendingMessages", 0, true),
    ("PieceSummary", 0, false),
    ("PipelinePorepSectors", 0, false),
    ("PipelineStatsMarket", 0, true),
    ("PorepPipelineSummary", 0, false),
    ("SectorPipelineStats", 0, false),
    ("StorageGCStats", 0, false),
    ("StoragePathDetail", 1, false),
    ("StoragePathList", 0, true),
    ("SyncerState", 0, true),
    ("UIVariant", 0, true),
    ("UpgradeSectors", 0, false),
    ("Version", 0, true),
    ("WinStats", 0, false),
];

/// A machine: its number, name, address, layers, threads, memory in GiB, GPUs.
struct Machine(u64, &'static str, &'static str, &'static str, u64, u64, u64);

const MACHINES: &[Machine] = &[
    Machine(11, "curio-seal-1", "10.70.0.11:12300", "base,seal", 96, 1024, 2),
    Machine(12, "curio-post-1", "10.70.0.12:12300", "base,post,gui", 32, 256, 1),
    Machine(13, "curio-market-1", "10.70.0.13:12300", "base,market", 32, 128, 0),
];
const SKIFFS: &[Machine] = &[Machine(1, "127.0.0.1:skiff", "127.0.0.1:skiff", "", 16, 64, 0)];

fn machines(node: Node) -> &'static [Machine] {
    if node == Node::Skiff { SKIFFS } else { MACHINES }
}

/// Answers a call of a Curio or a skiff.
pub(super) fn answer(farm: &Farm, node: Node, method: &str, params: &[Value], now: f64) -> Answer {
    let name = method.strip_prefix(PREFIX).unwrap_or_default();
    let is_skiff = node == Node::Skiff;
    let known = METHODS.iter().find(|(known, _, in_skiff)| *known == name && (*in_skiff || !is_skiff));
    let (Some((_, wanted, _)), Some(miner)) = (known, farm.miners.last()) else {
        return Err((-32601, format!("method '{method}' not found")));
    };
    if *wanted != params.len() {
        return Err((-32602, format!("wrong param count (method '{method}'): {} != {wanted}", params.len())));
    }
    Ok(match name {
        "Version" => json!(VERSION),
        "UIVariant" => json!(if is_skiff { "skiff" } else { "curio" }),
        "BlockDelaySecs" => json!(30),
        "ActorList" => json!([miner.address()]),
        "ClusterMachines" => machines(node).iter().map(|machine| machine.row(now)).collect(),
        "ClusterNodeInfo" => node_info(node, &params[0])?,
        "ClusterTaskSummary" if is_skiff => pdp::tasks(now),
        "ClusterTaskSummary" => sealing::tasks(miner, now),
        "HarmonyTaskStats" => task_stats(is_skiff, now),
        "SectorPipelineStats" => sealing::stages(now),
        "PorepPipelineSummary" => sealing::summary(miner, now),
        "PipelinePorepSectors" => sealing::porep_sectors(miner, now),
        "UpgradeSectors" => sealing::upgrades(miner, now),
        "PipelineStatsMarket" => market(is_skiff, now),
        "MK20PipelineFailedTasks" => {
            json!({"DownloadingFailed": 0, "CommPFailed": 0, "AggFailed": 0, "IndexFailed": 0})
        }
        "MK20PDPPipelineFailedTasks" => {
            json!({"DownloadingFailed": 0, "CommPFailed": 0, "AggFailed": 0, "AddPieceFailed": 0,
            "SaveCacheFailed": 0, "IndexFailed": 0})
        }
        "GetStorageAsk" => ask(miner, &params[0])?,
        "PieceSummary" => pieces(now),
        "StoragePathDetail" => path_detail(node, &params[0], now)?,
        "StoragePathList" => storage(node, now),
        "StorageGCStats" => {
            json!([{"Actor": miner.id, "Count": 6 + turn(now, 7200.0, "gc") % 5, "Miner": miner.address()}])
        }
        "MessageQueueSummary" => messages(is_skiff, now),
        "PendingMessages" => json!({"messages": null, "total": 0}),
        "WinStats" => wins(miner, now),
        "AlertOngoingList" => alerts(miner, is_skiff, now),
        "AlertUnacknowledgedCount" => json!(if is_skiff { 0 } else { 3 }),
        "SyncerState" => chain_nodes(is_skiff, now),
        _ => pdp::answer(name, params, is_skiff, now),
    })
}

/// Which turn of a cycle it is.
fn turn(now: f64, period_seconds: f64, topic: &str) -> u64 {
    cycle(now, period_seconds, topic, 0).0
}

fn time(seconds: f64) -> String {
    rfc3339((seconds * 1e6).floor() / 1e6, 0)
}

/// A duration as Go writes it.
fn duration(seconds: f64) -> String {
    let seconds = seconds as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

impl Machine {
    fn row(&self, now: f64) -> Value {
        let Machine(id, name, address, layers, cpus, memory_gib, gpus) = *self;
        // The heartbeat is once a minute.
        let (_, heartbeat) = cycle(now, 60.0, "heartbeat", id);
        let version = if layers.is_empty() { "" } else { "1.28.4 550f2ee" };
        json!({
            "Address": address, "ID": id, "Name": name, "SinceContact": duration(now - heartbeat),
            "Tasks": sealing::kinds(layers), "Cpu": cpus, "RamHumanized": format!("{} GB", (memory_gib << 30) / 1_000_000_000),
            "Gpu": gpus, "Layers": layers, "Uptime": if layers.is_empty() { "" } else { "3 months ago" }, "Version": version,
            "Unschedulable": false, "RestartRequest": "", "Restarting": false, "RunningTasks": 0,
        })
    }
}

fn node_info(node: Node, id: &Value) -> Answer {
    let machine = machines(node).iter().find(|machine| id.as_u64() == Some(machine.0));
    let Some(Machine(id, name, address, layers, cpus, memory_gib, gpus)) = machine else {
        return Err((1, "machine not found".to_owned()));
    };
    Ok(json!({
        "Info": {
            "Name": name, "Host": address, "ID": id, "LastContact": "20s", "CPU": cpus, "Memory": memory_gib << 30, "GPU": gpus,
            "Layers": layers, "Unschedulable": false, "RunningTasks": 0, "Tasks": sealing::kinds(layers), "Miners": "",
            "StartupTime": time(STARTED_SECONDS + (*id * 3600) as f64), "RestartRequest": null,
        },
        "Storage": null, "StorageURLs": null, "RunningTasks": null, "FinishedTasks": null,
    }))
}

fn task_stats(is_skiff: bool, now: f64) -> Value {
    let rows: &[(&str, u64, u64)] = if is_skiff {
        &[("PDPv0_Prove", 12, 0), ("PDPv0_ProvPeriod", 12, 0), ("AlertManager", 288, 0), ("PDPv0_SaveCache", 40, 1)]
    } else {
        &[
            ("SDR", 57, 0),
            ("TreeRC", 57, 0),
            ("PoRep", 56, 0),
            ("WdPost", 96, 0),
            ("WinPost", 9, 0),
            ("UpdateEncode", 36, 0),
            ("IPNI", 410, 3),
        ]
    };
    let more = turn(now, 3600.0, "task stats") % 4;
    let rows = rows.iter().map(|(name, success, failure)| {
        let success = success + more;
        json!({"name": name, "success": success, "failure": failure, "total": success + failure})
    });
    rows.collect()
}

fn market(is_skiff: bool, now: f64) -> Value {
    let busy = |topic: &str| if is_skiff { 0 } else { turn(now, 1800.0, topic) % 3 };
    let stage = |name: &str| json!({"Name": name, "Pending": busy("pending") / 2, "Running": busy(name)});
    let stages = ["Downloading", "Verify", "Publish", "Seal", "Index"].map(stage);
    json!({"Total": 3, "Stages": stages})
}

fn ask(miner: &Miner, id: &Value) -> Answer {
    if id.as_u64() != Some(miner.id) {
        return Err((1, format!("no storage ask found for sp_id {id}")));
    }
    Ok(json!({"SpID": miner.id, "Price": 500_000_000, "VerifiedPrice": 0, "MinSize": 1 << 28, "MaxSize": 1u64 << 35,
        "CreatedAt": 500_000, "Expiry": 9_000_000, "Sequence": 3, "Miner": miner.address()}))
}

fn pieces(now: f64) -> Value {
    let total = 41_000 + ((now - GENESIS_SECONDS) / 1800.0) as u64;
    json!({"total": total, "indexed": total - 2, "announced": total - 3, "last_updated": time(now - now % 600.0)})
}

fn storage(node: Node, now: f64) -> Value {
    // Seals, stores, capacity in TiB, filled, limit.
    let paths: &[(u64, bool, bool, u64, f64, u64)] = match node {
        Node::Skiff => &[(0, true, true, 60, 0.62, 0)],
        _ => &[
            (0, true, false, 14, 0.55, 0),
            (0, false, true, 360, 0.71, 300 * TIB),
            (1, false, true, 360, 0.66, 0),
            (2, true, true, 7, 0.3, 0),
        ],
    };
    let rows = paths.iter().enumerate().map(|(index, (machine, can_seal, can_store, tib, filled, limit))| {
        let Machine(_, _, address, ..) = machines(node)[*machine as usize];
        let address = if node == Node::Skiff { "127.0.0.1:0" } else { address };
        let capacity = tib * TIB;
        let filled = filled + if *can_seal { 0.05 * wave(now, 9000.0, "curio path", index as u64) } else { 0.0 };
        let free = (capacity as f64 * (1.0 - filled)) as u64;
        let reserved = if *can_seal { free / 10 } else { 0 };
        json!({
            "StorageID": uuid(hash("curio path", &[index as u64, *tib])), "URLs": format!("http://{address}/remote"), "Weight": 10,
            "MaxStorage": limit, "CanSeal": can_seal, "CanStore": can_store, "Groups": "", "AllowTo": "", "AllowTypes": "",
            "DenyTypes": "", "Capacity": capacity, "Available": free - reserved, "FSAvailable": free, "Reserved": reserved,
            "Used": if *limit > 0 { capacity - free } else { 0 }, "LastHeartbeat": time(now - now % 10.0), "HeartbeatErr": null,
            "AllowMiners": "", "DenyMiners": "", "HealthOK": true, "HealthStatus": "OK (3s ago)",
        })
    });
    rows.collect()
}

/// What is full of sectors has a sealed file and a cache for each 32 GiB, and of every fifth the data; a path that only seals, a few of all.
fn path_detail(node: Node, id: &Value, now: f64) -> Answer {
    let Value::Array(paths) = storage(node, now) else { return Err((1, "storage path not found".to_owned())) };
    let Some(path) = paths.into_iter().find(|path| path["StorageID"] == *id) else {
        return Err((1, "storage path not found".to_owned()));
    };
    let number = |field: &str| path[field].as_u64().unwrap_or_default();
    let sectors = (number("Capacity") - number("FSAvailable")) / (32 << 30);
    let count = |kind: &str, count: u64| json!({"FileType": kind, "Count": count, "Primary": count});
    let by_type = match path["CanStore"] == true {
        true => json!([count("cache", sectors), count("sealed", sectors), count("unsealed", sectors / 5)]),
        false => json!([count("cache", 9), count("sealed", 4), count("unsealed", 9)]),
    };
    Ok(
        json!({"Info": path, "URLs": null, "GCMarks": null, "ByType": by_type, "ByMiner": null, "PendingGC": 0, "ApprovedGC": 0}),
    )
}

fn messages(is_skiff: bool, now: f64) -> Value {
    // One every five minutes, on chain after two.
    let (number, sent) = cycle(now, 300.0, "curio message", u64::from(is_skiff));
    let waits = now - sent < 120.0;
    let (fil, eth) = (u64::from(waits && !is_skiff), u64::from(waits && is_skiff));
    let list = |count: u64, value: Value| if count > 0 { json!([value]) } else { json!([]) };
    json!({
        "filPendingCount": fil, "ethPendingCount": eth,
        "filPending": list(fil, json!({"messageCid": format!("bafy2bzacedemo{number}"), "addedAt": time(sent)})),
        "ethPending": list(eth, json!({"txHash": format!("0x{number:064x}"), "sendReason": "pdp-prove", "sendTime": time(sent)})),
    })
}

/// A block is won every three hours; one in forty is orphaned.
fn wins(miner: &Miner, now: f64) -> Value {
    let (latest, _) = cycle(now, 10_800.0, "curio win", 0);
    let rows = (0..8).filter_map(|back| {
        let number = latest.checked_sub(back)?;
        let (_, newest) = cycle(now, 10_800.0, "curio win", 0);
        let begun = newest - 10_800.0 * back as f64;
        let (age, took) = (now - begun, 2.0 + (hash("took", &[number]) % 400) as f64 / 100.0);
        let (submitted, included) = match age {
            age if age < took => ("0001-01-01T00:00:00Z".to_owned(), "Not Checked"),
            age if age < 900.0 => (time(begun + took), "Not Checked"),
            _ if number.is_multiple_of(40) => (time(begun + took), "Not Included"),
            _ => (time(begun + took), "Included"),
        };
        let is_done = age >= took;
        Some(json!({
            "Actor": miner.id, "Epoch": ((begun - GENESIS_SECONDS) / 30.0) as u64, "Block": format!("bafy2bzacedemowin{number}"), "TaskID": number,
            "SubmittedAt": submitted, "Included": included == "Included", "BaseComputeTime": time(begun), "MinedAt": submitted,
            "SubmittedAtStr": "", "TaskSuccess": if is_done { "Success" } else { "" }, "IncludedStr": included,
            "ComputeTime": if is_done { format!("{took}s") } else { "0s".to_owned() }, "Miner": miner.address(),
        }))
    });
    rows.collect()
}

/// Half an hour of each three one of the cluster's alerts is on.
fn alerts(miner: &Miner, is_skiff: bool, now: f64) -> Value {
    let (_, began) = cycle(now, 10_800.0, "curio alert", 0);
    if is_skiff || now - began > 1800.0 {
        return Value::Null;
    }
    json!([{"AlertName": format!("alertmanager_Balance Check_{}", miner.address()), "Message": "Balance for wallet is below 5 FIL",
        "CreatedAt": time(began), "LastUpdatedAt": time(now - now % 300.0)}])
}

fn chain_nodes(is_skiff: bool, now: f64) -> Value {
    let node = |host: &str, state: &str| json!({"Address": format!("/ip4/{host}/tcp/1234/http"), "CLayers": ["base"], "Reachable": true, "SyncState": state, "Version": "1.38.0+mainnet"});
    if is_skiff {
        return json!([node("10.70.0.20", "ok")]);
    }
    // The second one lags for some seconds now and then.
    let (_, began) = cycle(now, 3600.0, "curio chain node", 0);
    json!([node("10.70.0.20", "ok"), node("10.70.0.21", if now - began < 60.0 { "slow (52s behind)" } else { "ok" })])
}

/// The wallet of the skiff.
fn wallet() -> String {
    format!("f410f{}", &address(1, hash("skiff", &[]))[2..])
}
