//! The whole output for the farm of the fixtures, against tests/golden/farm.prom. `UPDATE_GOLDEN=1 cargo test --test golden` rewrites that
//! file, after which its change must be read.

#![allow(clippy::unwrap_used)]

mod support;

use lotus_farcaster::expose::families;
use serde_json::json;
use support::{Boost, Curio, Farm};

/// Families whose values differ in every run.
const OF_THE_CLOCK: &[&str] = &[
    "farcaster_chain_expected_height",
    "farcaster_collector_data_timestamp_seconds",
    "farcaster_collector_duration_seconds",
    "farcaster_curio_last_lost_block_timestamp_seconds",
    "farcaster_curio_last_win_timestamp_seconds",
    "farcaster_curio_machine_last_contact_timestamp_seconds",
    "farcaster_curio_machine_start_time_seconds",
    "farcaster_curio_message_oldest_timestamp_seconds",
    "farcaster_curio_storage_heartbeat_timestamp_seconds",
    "farcaster_curio_task_oldest_timestamp_seconds",
    "farcaster_mpool_local_message_first_seen_timestamp_seconds",
    "farcaster_pdp_last_failed_proof_timestamp_seconds",
    "farcaster_pdp_last_lost_data_set_timestamp_seconds",
    "farcaster_pdp_next_deadline_timestamp_seconds",
    "farcaster_pdp_next_proof_timestamp_seconds",
    "farcaster_run_duration_seconds",
    "farcaster_run_timestamp_seconds",
];

#[test]
fn everything_that_the_farm_shows() {
    let farm = Farm::start();
    let boost = Boost::start();
    let exporter =
        farm.exporter().env("BOOST_API_INFO", &boost.api_info()).env("BOOST_GRAPHQL_URL", &boost.graphql_url());
    let (curio, skiff) = curios();
    let exporter = exporter.args(&["--curio", &curio.url(), "--curio", &skiff.url()]);
    let exporter = exporter.arg("--addresses").arg(support::path("fixtures/addresses.json"));
    let run = exporter.run();
    assert_eq!(run.stderr, "", "nothing is wrong with this farm");
    assert_eq!(run.status.code(), Some(0));
    let metrics = support::Metrics::parse(&run.stdout);
    let shown =
        |family: &&str| ["", "_count"].iter().any(|suffix| !metrics.family(&format!("{family}{suffix}")).is_empty());
    // A task is only seen to finish, a storage path to leave, and a file to be missing, by a second run.
    let of_second_runs =
        ["farcaster_miner_task_duration_seconds", "farcaster_storage_detached", "farcaster_miner_missing_sector"];
    let all = families::ALL.iter().map(|family| family.name);
    let all = all.filter(|family| !of_second_runs.contains(family));
    let missing: Vec<&str> = all.filter(|family| !shown(family)).collect();
    assert!(missing.is_empty(), "the fixtures show nothing of {missing:?}");

    let ports = [
        ("DAEMON", farm.daemon.port),
        ("MINER", farm.miner.port),
        ("OTHER", farm.other.port),
        ("BOOST", boost.port),
        ("CURIO", curio.port),
        ("SKIFF", skiff.port),
    ];
    let named = |text: String, (name, port): &(&str, u16)| text.replace(&format!("127.0.0.1:{port}"), name);
    let text = ports.iter().fold(run.stdout, named);
    let mut lines: Vec<String> = text.lines().map(mask).collect();
    // Samples are sorted by their labels, and the ports were arbitrary before they got names.
    lines.chunk_by_mut(|one, next| name(one) == name(next)).for_each(<[String]>::sort);
    let masked: String = lines.into_iter().map(|line| line + "\n").collect();
    let path = support::path("golden/farm.prom");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &masked).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    for (number, (line, expected)) in masked.lines().zip(golden.lines()).enumerate() {
        assert_eq!(line, expected, "line {} of {}", number + 1, path.display());
    }
    assert_eq!(masked.lines().count(), golden.lines().count(), "{} has other lines at its end", path.display());
}

/// A cluster that serves both miners of the farm, and a skiff with a database of its own.
fn curios() -> (Curio, Curio) {
    let (curio, skiff) = (Curio::cluster(), Curio::skiff());
    curio.result("ActorList", json!([support::MINER, support::OTHER]));
    curio.result("GetStorageAsk", json!({"SpID": 1234, "Price": 50_000_000, "VerifiedPrice": 0}));
    // No machine, path or data set is in two clusters.
    curio.result("PDPDataSetList", json!({"items": null, "total": 0}));
    skiff.result(
        "ClusterMachines",
        json!([{"Address": "10.0.0.9:skiff", "ID": 1, "Name": "10.0.0.9:skiff", "SinceContact": "20s",
        "Tasks": "", "Cpu": 16, "RamHumanized": "64 GB", "Gpu": 0, "Layers": "", "Uptime": "", "Version": "",
        "Unschedulable": false, "RestartRequest": "", "Restarting": false, "RunningTasks": 0}]),
    );
    skiff.result("ClusterNodeInfo", json!({"Info": {"Memory": 68_719_476_736u64, "StartupTime": ""}}));
    for method in ["StoragePathList", "ClusterTaskSummary"] {
        skiff.result(method, json!([]));
    }
    skiff.result(
        "SyncerState",
        json!([{"Address": "http://10.0.0.9:1234/rpc/v1", "CLayers": [], "Reachable": true,
        "SyncState": "behind (5m0s behind)", "Version": "1.36.2"}]),
    );
    skiff.result(
        "PDPKeyStatus",
        json!({"configured": true, "address": "0xab", "filAddress": "f410fabcdefghijk", "balance": "1.983 FIL",
        "usdfcBalance": "12.50 USDFC", "balanceKnown": true, "usdfcKnown": true, "funded": true, "actorExists": true}),
    );
    (curio, skiff)
}

/// The name of a sample's series; "#" for a comment.
fn name(line: &str) -> &str {
    line.split(['{', ' ']).next().unwrap_or_default()
}

/// Replaces what differs from run to run or from build to build.
fn mask(line: &str) -> String {
    let name = name(line);
    match line.rsplit_once(' ') {
        Some((series, _)) if OF_THE_CLOCK.contains(&name) => format!("{series} CLOCK"),
        _ if name == "farcaster_build_info" => format!("{name}{{version=\"VERSION\",commit=\"COMMIT\"}} 1"),
        _ => line.to_owned(),
    }
}
