//! What goes wrong in a Curio, or behind it.

use std::time::{Duration, Instant};

use serde_json::json;

use super::support::{Answer, Curio, Exporter, Metrics};
use super::{collect, exporter, failed, is_well};

const OF_THE_DATABASE: [&str; 5] = ["curio_machines", "curio_tasks", "curio_storage", "curio_wins", "curio_alerts"];

fn has(metrics: &Metrics, family: &str) -> bool {
    metrics.has(family, &[])
}

#[test]
fn an_answer_that_cannot_be_encoded_costs_its_own_collector() {
    let curio = Curio::cluster();
    // A path of capacity 0 makes a number that is none: the item is not in the batch, and alone the body is empty.
    curio.answer("StoragePathList", Answer::Missing).answer("PorepPipelineSummary", Answer::Missing);
    let (metrics, lines) = collect(&exporter(&curio));
    assert_eq!(failed(&metrics), ["curio_porep", "curio_storage"]);
    assert!(!has(&metrics, "farcaster_storage_capacity_bytes"));
    assert!(has(&metrics, "farcaster_curio_tasks") && has(&metrics, "farcaster_curio_storage_gc_files"));
    assert!(
        lines.iter().all(|line| line.contains("StoragePathList") || line.contains("PorepPipelineSummary")),
        "{lines:?}"
    );
    // That of an upgrade, and no zero of the other pipeline in its place.
    assert!(metrics.has("farcaster_curio_pipeline_failed_sectors", &[("pipeline", "Snap")]));
    assert!(!metrics.has("farcaster_curio_pipeline_failed_sectors", &[("pipeline", "PoRep")]));
}

#[test]
fn before_v1_28_3_such_a_batch_is_no_json() {
    let curio = Curio::cluster();
    curio.answer("StoragePathList", Answer::Missing);
    // `[a,,b]`.
    curio.write_batches(|answers| format!("[{}]", answers.join(",")));
    let (metrics, _) = collect(&exporter(&curio));
    assert_eq!(failed(&metrics), ["curio_storage"]);
}

#[test]
fn a_batch_that_is_no_json_is_asked_for_one_by_one() {
    let curio = Curio::cluster();
    curio.write_batches(|answers| format!("[{}", answers[0]));
    let (metrics, lines) = collect(&exporter(&curio));
    assert_eq!((failed(&metrics), lines), (vec![], vec![]));
    assert!(has(&metrics, "farcaster_curio_tasks") && has(&metrics, "farcaster_curio_miner_info"));
}

#[test]
fn without_its_database_nothing_is_zero_and_no_name_shows() {
    let curio = Curio::cluster();
    let message = "failed to connect to `user=yugabyte database=yugabyte`: 10.20.30.40:5433 (db.farm.example): dial error: dial tcp 10.20.30.40:5433: connect: connection refused";
    for (method, before) in [
        ("ActorList", "getting db configs: "),
        ("ClusterMachines", ""),
        ("ClusterTaskSummary", ""),
        ("HarmonyTaskStats", ""),
        ("SectorPipelineStats", "failed to query PoRep pipeline stats: "),
        ("UpgradeSectors", ""),
        ("PipelineStatsMarket", "failed to count pipelines: "),
        ("MK20PipelineFailedTasks", "failed to run failed task query: "),
        ("MK20PDPPipelineFailedTasks", "failed to run failed task query: "),
        ("GetStorageAsk", ""),
        ("StoragePathList", "failed to query storage paths: "),
        ("StorageGCStats", ""),
        ("WinStats", ""),
        ("AlertOngoingList", "getting ongoing alerts: "),
        ("AlertUnacknowledgedCount", "counting unacknowledged alerts: "),
        ("MessageQueueSummary", "fil pending messages: "),
        ("PendingMessages", "failed to get pending messages: "),
        ("PieceSummary", "failed to query piece summary: "),
        ("SyncerState", "getting db configs: "),
        ("PorepPipelineSummary", "query: "),
        ("PipelinePorepSectors", "failed to fetch pipeline tasks: "),
        ("PDPProvingStatus", "net summary: getting db configs: "),
        ("PDPKeyStatus", ""),
    ] {
        curio.answer(method, Answer::Error(1, format!("{before}{message}")));
    }
    let run = exporter(&curio).run();
    for secret in ["yugabyte", "10.20.30.40", "db.farm", "5433"] {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{secret}: {}", run.stderr);
    }
    // One reason is said once.
    let lines: Vec<&str> = run.stderr.lines().filter(|line| line.contains(&curio.name())).collect();
    let says = "failed to connect to […] dial error: dial tcp […] connect: connection refused\" (error 1); is its database running?";
    assert!(lines.len() == 1 && lines[0].ends_with(says), "{lines:?}");
    let metrics = Metrics::parse(&run.stdout);
    // What it tells without its database.
    assert!(metrics.has("farcaster_curio_info", &[("variant", "curio")]));
    assert_eq!(metrics.value("farcaster_endpoint_up", &[("endpoint", "curio")]), Some(1.0));
    for family in [
        "farcaster_curio_tasks",
        "farcaster_curio_machine_up",
        "farcaster_curio_storage_gc_files",
        "farcaster_curio_alerts",
    ] {
        assert!(!has(&metrics, family), "{family}");
    }
}

#[test]
fn zeros_of_a_chain_node_that_is_gone_are_not_believed() {
    let curio = Curio::skiff();
    curio.result(
        "PDPProvingStatus",
        json!({"headEpoch": 0, "nextProveAtEpoch": null, "nextDeadlineEpoch": null, "activeDataSetCount": 3,
            "inWindowCount": 0, "overdueCount": 0, "sessionState": "upcoming"}),
    );
    curio.result("SyncerState", json!([{"Address": "http://key@chain.example:1234/rpc/v1/secret", "Reachable": false, "SyncState": "", "Version": ""}]));
    let run = exporter(&curio).run();
    assert!(!run.stdout.contains("secret") && !run.stdout.contains("key@") && !run.stderr.contains("secret"));
    let metrics = Metrics::parse(&run.stdout);
    assert_eq!(failed(&metrics), ["pdp"]);
    for family in ["farcaster_pdp_data_sets_overdue", "farcaster_pdp_data_sets", "farcaster_pdp_data_sets_lost_30d"] {
        assert!(!has(&metrics, family), "{family}");
    }
    assert_eq!(metrics.value("farcaster_curio_chain_node_up", &[("address", "chain.example:1234")]), Some(0.0));
    assert!(run.stderr.contains("reaches no full node"), "{}", run.stderr);
}

#[test]
fn a_chain_node_that_hangs_costs_nothing_but_its_own_collectors() {
    let curio = Curio::cluster();
    for method in ["SyncerState", "PorepPipelineSummary", "PDPKeyStatus", "PDPProvingStatus", "PipelinePorepSectors"] {
        curio.answer(method, Answer::Late(Duration::from_secs(20)));
    }
    let started = Instant::now();
    let (metrics, lines) = collect(&exporter(&curio).args(&["--timeout", "8s"]));
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    assert_eq!(failed(&metrics), ["curio_chain_nodes", "curio_porep", "curio_stuck_sectors", "pdp", "pdp_wallet"]);
    assert!(OF_THE_DATABASE.iter().all(|collector| is_well(&metrics, collector)));
    assert!(lines[0].contains("Curio, or the full node that it asks, is overloaded or stuck"), "{lines:?}");
    // Two that are late are enough.
    assert_eq!(curio.count("PDPKeyStatus") + curio.count("PipelinePorepSectors"), 0);
}

#[test]
fn what_is_not_curio_is_not_asked_further() {
    let curio = Curio::cluster();
    curio.answer("Version", Answer::NoSuchMethod);
    let (metrics, lines) = collect(&exporter(&curio));
    assert_eq!(metrics.value("farcaster_endpoint_up", &[("endpoint", "curio")]), Some(0.0));
    assert!(lines.iter().any(|line| line.contains("is not Curio")), "{lines:?}");
    assert_eq!(curio.requests().len(), 1);
}

#[test]
fn a_cluster_that_is_down_keeps_its_miners() {
    let curio = Curio::cluster();
    let name = curio.name();
    let exporter = exporter(&curio);
    collect(&exporter);
    drop(curio);
    let (metrics, lines) = collect(&exporter);
    let up = [("endpoint", "curio"), ("address", name.as_str())];
    assert_eq!(metrics.value("farcaster_endpoint_up", &up), Some(0.0));
    assert_eq!(lines.iter().filter(|line| line.contains("curio")).count(), 1, "{lines:?}");
    // Their chain side is still wanted.
    assert!(metrics.has("farcaster_collector_success", &[("collector", "power"), ("miner_id", "t01001")]));
}

#[test]
fn a_cluster_that_only_seals_shows_no_pdp() {
    let curio = Curio::cluster();
    curio.result("PDPDataSetList", json!({"items": null, "total": 0}));
    let (metrics, lines) = collect(&exporter(&curio));
    assert_eq!(lines, [""; 0]);
    assert!(metrics.0.keys().all(|(name, _)| !name.starts_with("farcaster_pdp_")));
}

#[test]
fn a_variable_that_is_no_url_says_so() {
    let (_, stderr) = Exporter::new().env("CURIO_WEBRPC_URL", "10.0.0.1").collect();
    assert!(stderr.contains("CURIO_WEBRPC_URL entry 1 is not a URL"), "{stderr}");
}

#[test]
fn what_is_rarely_asked_and_failed_stays_failed_until_it_is_asked_again() {
    for (method, collector, family, calls) in [
        ("StoragePathDetail", "curio_storage_files", "farcaster_storage_sector_files", 7),
        ("ClusterNodeInfo", "curio_machine_info", "farcaster_worker_memory_bytes", 6),
        ("PipelinePorepSectors", "curio_stuck_sectors", "farcaster_curio_pipeline_problem_sector", 1),
    ] {
        let labels: &[(&str, &str)] = if method.starts_with("Pipeline") { &[("pipeline", "PoRep")] } else { &[] };
        let curio = Curio::cluster();
        curio.answer(method, Answer::Error(1, "pq: canceling statement due to statement timeout".to_owned()));
        let exporter = exporter(&curio);
        for _ in 0..2 {
            let metrics = collect(&exporter).0;
            assert_eq!(failed(&metrics), [collector]);
            assert!(!metrics.has(family, labels), "{family}");
        }
        let asked = curio.calls().iter().flatten().filter(|call| *call == method).count();
        assert_eq!(asked, calls, "{method}: once for each, and not again within the period");
        assert!(
            collect(&self::exporter(&Curio::cluster())).0.has(family, labels),
            "{family} is there where it is answered"
        );
    }
}

/// What failed is as it was meanwhile. What an answer no longer has is gone, and not as fresh as the answer.
#[test]
fn what_is_rarely_asked_is_not_older_than_its_answer() {
    let families = ["farcaster_storage_sector_files", "farcaster_worker_memory_bytes"];
    let again = |answers: [Answer; 2]| {
        let curio = Curio::cluster();
        curio.result("ClusterNodeInfo", json!({"Info": {"Memory": 549_755_813_888u64}}));
        let exporter = exporter(&curio).args(&["--slow-interval", "1s"]);
        collect(&exporter);
        for (method, answer) in ["StoragePathDetail", "ClusterNodeInfo"].into_iter().zip(answers) {
            curio.answer(method, answer);
        }
        std::thread::sleep(std::time::Duration::from_millis(1100));
        let metrics = collect(&exporter).0;
        (families.map(|family| metrics.has(family, &[])), failed(&metrics).len())
    };
    let error = || Answer::Error(1, "pq: canceling statement due to statement timeout".to_owned());
    assert_eq!(again([error(), error()]), ([true, true], 2));
    assert_eq!(again([Answer::Result(json!({})), Answer::Result(json!({"Info": null}))]), ([false, false], 0));
}

/// Without a field of an element nothing is made up in its place: no zero, no block lost, no path down, no data set overdue.
#[test]
fn what_an_element_leaves_out_is_not_made_up() {
    let seen = |curio: &Curio, method: &str, pointer: &str, field: &str| {
        let mut result = curio.result_of(method);
        result.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(field).unwrap();
        curio.result(method, result);
        collect(&exporter(curio)).0
    };
    for (method, field, family) in [
        ("PorepPipelineSummary", "Actor", "farcaster_curio_pipeline_failed_sectors"),
        ("StorageGCStats", "Miner", "farcaster_curio_storage_gc_files"),
        ("WinStats", "Miner", "farcaster_curio_recent_blocks"),
        ("WinStats", "SubmittedAt", "farcaster_curio_recent_blocks"),
    ] {
        let metrics = seen(&Curio::cluster(), method, "/0", field);
        let labels: &[(&str, &str)] = if method.starts_with("Porep") { &[("pipeline", "PoRep")] } else { &[] };
        assert!(!metrics.has(family, labels), "{method} without {field}");
        assert!(!failed(&metrics).is_empty(), "{method} without {field}");
    }
    let cluster = Curio::cluster();
    let id = cluster.result_of("StoragePathList")[0]["StorageID"].as_str().unwrap().to_owned();
    let metrics = seen(&cluster, "StoragePathList", "/0", "LastHeartbeat");
    assert!(metrics.has("farcaster_storage_info", &[("storage_id", &id)]));
    assert!(!metrics.has("farcaster_storage_up", &[("storage_id", &id)]));
    for field in ["FileType", "Count"] {
        let metrics = seen(&Curio::cluster(), "StoragePathDetail", "/ByType/0", field);
        assert!(!metrics.has("farcaster_storage_sector_files", &[]), "{field}");
        assert_eq!(failed(&metrics), ["curio_storage_files"], "{field}");
    }
    for field in ["challengeWindow", "proveAtEpoch"] {
        let metrics = seen(&Curio::skiff(), "PDPDataSetList", "/items/3", field);
        assert!(!metrics.has("farcaster_pdp_data_sets", &[]), "{field}");
        assert!(!metrics.has("farcaster_pdp_problem_data_set", &[("data_set", "12")]), "{field}");
    }
}
