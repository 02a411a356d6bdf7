//! A cluster of Curio: 40 machines, 5,000 tasks, 10,000 sectors in its pipelines.

use anyhow::Result;
use serde_json::{Value, json};

use super::http::{Reply, Server};
use super::{Exchanges, Measure, STEADY_RUNS, children_cpu, header};

const MACHINES: u64 = 40;
const TASKS: u64 = 5_000;
const SECTORS: u64 = 10_000;
const PATHS: u64 = 80;

/// Measures the first run, and the average of many.
pub fn measure() -> Result<()> {
    header("machines of Curio");
    let exchanges = Exchanges::default();
    let (served, answers) = (exchanges.clone(), answers());
    let server = Server::start(move |request| {
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let respond = |call: &Value| {
            let name = call["method"].as_str().and_then(|name| name.strip_prefix("CurioWeb.")).unwrap_or_default();
            match answers.iter().find(|(known, _)| *known == name) {
                Some((_, result)) => format!(r#"{{"id":{},"jsonrpc":"2.0","result":{result}}}"#, call["id"]),
                None => json!({"id": call["id"], "jsonrpc": "2.0", "error": {"code": -32601, "message": "not found"}})
                    .to_string(),
            }
        };
        let answer = match &body {
            Value::Array(calls) => format!("[{}]", calls.iter().map(respond).collect::<Vec<_>>().join(",")),
            call => respond(call),
        };
        served.note(request, &answer);
        Reply::new(200, answer)
    })?;
    let state = tempfile::tempdir()?;
    let url = format!("http://127.0.0.1:{}", server.port);
    let run = || Measure::of_run(&[("CURIO_WEBRPC_URL", &url)], state.path());
    run()?.print(&MACHINES.to_string(), "first", &exchanges.take(), None);
    let before = children_cpu()?;
    let mut steady = run()?;
    let asked = exchanges.take();
    for _ in 1..STEADY_RUNS {
        steady.peak_memory_bytes = steady.peak_memory_bytes.max(run()?.peak_memory_bytes);
    }
    steady.cpu = (children_cpu()? - before) / STEADY_RUNS;
    steady.print(&MACHINES.to_string(), "steady", &asked, None);
    Ok(())
}

/// Each method with its result. Half of the sectors are upgrades.
fn answers() -> Vec<(&'static str, String)> {
    const NOW: &str = "2026-11-25T22:38:58.550602Z";
    let address = |machine: u64| format!("10.0.{}.{}:12300", machine / 200, machine % 200);
    let kinds = [
        "SDR",
        "TreeD",
        "TreeRC",
        "PoRep",
        "Finalize",
        "MoveStorage",
        "UpdateEncode",
        "UpdateProve",
        "ParkPiece",
        "IPNI",
    ];
    let machine = |id: u64| {
        json!({"Address": address(id), "ID": id, "Name": format!("machine-{id}"), "SinceContact": "20s", "Tasks": kinds.join(","), "Cpu": 64,
            "RamHumanized": "550 GB", "Gpu": 2, "Layers": "base,seal", "Uptime": "1 week ago", "Version": "1.28.4 e0294b0",
            "Unschedulable": false, "RestartRequest": "", "Restarting": false, "RunningTasks": 0})
    };
    let task = |id: u64| {
        let owner = (!id.is_multiple_of(5)).then(|| address(id % MACHINES));
        json!({"ID": id, "Name": kinds[(id % 10) as usize], "SpID": "1234", "SincePosted": NOW, "Owner": owner, "OwnerID": "11",
            "SincePostedStr": "2h24m28s", "Miner": "f01234"})
    };
    let upgrade = |number: u64| {
        json!({"StartTime": NOW, "SpID": 1234, "SectorNum": number, "TaskIDEncode": number, "AfterEncode": false, "TaskIDProve": 0,
            "AfterProve": false, "UpdateReadyAt": "0001-01-01T00:00:00Z", "TaskIDSubmit": 0, "AfterSubmit": false,
            "AfterProveSuccess": false, "TaskIDMoveStorage": 0, "AfterMoveStorage": false, "Failed": number.is_multiple_of(100),
            "FailedReason": "", "FailedMsg": "", "MissingTasks": null, "AllTasks": [number], "Miner": "f01234"})
    };
    let porep = |number: u64| {
        json!({"SpID": 1234, "SectorNumber": number, "Failed": number.is_multiple_of(100), "FailedReason": "", "TaskSDR": number, "TreeD": "",
            "TreeR": "", "PreCommitMsgCid": "", "CommitMsgCid": "", "PoRepProof": "A".repeat(256), "MissingTasks": null,
            "AllTasks": [number], "Address": "f01234", "CreateTime": "2026-11-25 19:47:58"})
    };
    let path = |index: u64| {
        json!({"StorageID": format!("path-{index}"), "URLs": format!("http://{}/remote", address(index % MACHINES)), "Weight": 10, "MaxStorage": 0,
            "CanSeal": true, "CanStore": true, "Capacity": 8_000_000_000_000u64, "Available": 3_500_000_000_000u64,
            "FSAvailable": 4_000_000_000_000u64, "Reserved": 0, "Used": 0, "LastHeartbeat": NOW, "HeartbeatErr": null})
    };
    let list = |count: u64, of: &dyn Fn(u64) -> Value| (0..count).map(of).collect::<Value>();
    let stage = |pipeline: &str, name: &str| json!({"pipeline_type": pipeline, "stage": name, "count": 1000});
    let answers = [
        ("Version", json!("1.28.4+mainnet")),
        ("UIVariant", json!("curio")),
        ("BlockDelaySecs", json!(30)),
        ("ActorList", json!(["f01234"])),
        ("ClusterMachines", list(MACHINES, &machine)),
        ("ClusterNodeInfo", json!({"Info": {"Memory": 549_755_813_888u64, "StartupTime": NOW}})),
        ("ClusterTaskSummary", list(TASKS, &task)),
        (
            "HarmonyTaskStats",
            list(80, &|index| json!({"name": format!("Task{index}"), "success": 9, "failure": 0, "total": 9})),
        ),
        ("SectorPipelineStats", json!([stage("PoRep", "SDR"), stage("Snap", "Encode")])),
        ("UpgradeSectors", list(SECTORS / 2, &upgrade)),
        ("PipelinePorepSectors", list(SECTORS / 2, &porep)),
        ("PorepPipelineSummary", json!([{"Actor": "f01234", "CountFailed": 50}])),
        ("StoragePathList", list(PATHS, &path)),
        ("StoragePathDetail", json!({"ByType": [{"FileType": "sealed", "Count": 2000, "Primary": 2000}]})),
        ("StorageGCStats", json!(null)),
        ("WinStats", json!(null)),
        ("SyncerState", json!([{"Address": "/ip4/10.0.0.1/tcp/1234/http", "Reachable": true, "SyncState": "ok"}])),
        (
            "MessageQueueSummary",
            json!({"filPendingCount": 0, "ethPendingCount": 0, "filPending": [], "ethPending": []}),
        ),
        ("PDPKeyStatus", json!({"configured": true, "balanceKnown": false})),
        ("PDPProvingStatus", json!({"headEpoch": 5_000_000, "overdueCount": 0})),
        (
            "PDPDataSetList",
            json!({"items": list(100, &|id| json!({"id": id, "proveAtEpoch": 5_000_100, "challengeWindow": 60})), "total": 100}),
        ),
        (
            "PDPDashboardSummary",
            json!({"dataUnderProofBytes": 1, "pieceCount": 1, "provingSuccessCount": 1, "provingFailureCount": 0}),
        ),
        ("PDPProvingFailures", json!([])),
    ];
    answers.map(|(name, result)| (name, result.to_string())).into()
}
