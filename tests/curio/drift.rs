//! Older releases of Curio: what they do not have, what they call otherwise, and where they write null.

use serde_json::{Value, json};

use super::support::{Answer, Curio, Metrics};
use super::{collect, exporter, failed};

/// What came with v1.28.3.
const NEW_IN_1_28_3: [&str; 7] = [
    "UIVariant",
    "MessageQueueSummary",
    "PDPDashboardSummary",
    "PDPProvingStatus",
    "PDPProvingFailures",
    "PDPDataSetList",
    "PDPKeyStatus",
];

/// What came with v1.27.3.
const NEW_IN_1_27_3: [&str; 3] = ["StoragePathList", "AlertUnacknowledgedCount", "AlertOngoingList"];

/// What came with v1.27.2.
const NEW_IN_1_27_2: [&str; 3] = ["SectorPipelineStats", "MK20PipelineFailedTasks", "MK20PDPPipelineFailedTasks"];

fn stats_of_old() -> Value {
    json!([{"Name": "SDR", "TrueCount": 7, "FalseCount": 2, "TotalCount": 9}])
}

fn assert_old_stats(metrics: &Metrics) {
    let count = |result| metrics.value("farcaster_curio_tasks_finished_24h", &[("task", "SDR"), ("result", result)]);
    assert_eq!((count("success"), count("failure")), (Some(7.0), Some(2.0)));
}

#[test]
fn v1_27_2_has_the_old_counts_and_no_pdp() {
    let curio = Curio::cluster();
    curio.lacks(&NEW_IN_1_28_3).lacks(&NEW_IN_1_27_3).result("HarmonyTaskStats", stats_of_old());
    curio.result("Version", json!("1.27.2+mainnet+git_abc"));
    curio.result(
        "MK12PipelineFailedTasks",
        json!({"DownloadingFailed": 3, "CommPFailed": 0, "PSDFailed": 0, "FindDealFailed": 0, "IndexFailed": 0}),
    );
    let (metrics, lines) = collect(&exporter(&curio));
    assert_eq!((failed(&metrics), lines), (vec![], vec![]));
    assert_old_stats(&metrics);
    assert!(metrics.has("farcaster_curio_info", &[("variant", "curio"), ("version", "1.27.2+mainnet+git_abc")]));
    let failed_deals = [("product", "mk12"), ("stage", "Downloading")];
    assert_eq!(metrics.value("farcaster_curio_market_failed_deals", &failed_deals), Some(3.0));
    assert_eq!(metrics.value("farcaster_curio_messages_waiting", &[("kind", "fil")]), Some(3.0));
    assert!(!metrics.has("farcaster_curio_messages_waiting", &[("kind", "eth")]));
    assert!(metrics.0.keys().all(|(name, _)| !name.starts_with("farcaster_pdp_") && name != "farcaster_storage_up"));
}

#[test]
fn v1_25_writes_null_where_later_ones_write_zeros() {
    let curio = Curio::cluster();
    curio.lacks(&NEW_IN_1_28_3).lacks(&NEW_IN_1_27_3).lacks(&NEW_IN_1_27_2).lacks(&["PendingMessages"]);
    curio.result("Version", json!("1.25.0+mainnet+git_abc")).result("HarmonyTaskStats", stats_of_old());
    curio.result(
        "PipelineFailedTasksMarket",
        json!({"DownloadingFailed": 1, "CommPFailed": 0, "PSDFailed": 0, "FindDealFailed": 0, "IndexFailed": 0}),
    );
    let mut machines = curio.result_of("ClusterMachines");
    for machine in machines.as_array_mut().unwrap() {
        let machine = machine.as_object_mut().unwrap();
        for field in ["Version", "RestartRequest", "Restarting"] {
            machine.remove(field);
        }
    }
    curio.result("ClusterMachines", machines);
    let mut wins = curio.result_of("WinStats");
    wins[0]["SubmittedAt"] = Value::Null;
    wins[0]["Included"] = Value::Null;
    wins[0]["MinedAt"] = Value::Null;
    curio.result("WinStats", wins);
    let mut upgrades = curio.result_of("UpgradeSectors");
    for field in ["TaskIDEncode", "TaskIDProve", "FailedReason", "UpdateReadyAt"] {
        upgrades[0][field] = Value::Null;
    }
    curio.result("UpgradeSectors", upgrades).result("AlertMuteList", Value::Null);
    let (metrics, lines) = collect(&exporter(&curio));
    assert_eq!((failed(&metrics), lines), (vec![], vec![]));
    assert_old_stats(&metrics);
    assert!(!metrics.has("farcaster_curio_machine_restarting", &[]));
    assert!(metrics.has("farcaster_curio_machine_up", &[("machine", "seal-1")]));
    let blocks =
        |outcome| metrics.value("farcaster_curio_recent_blocks", &[("miner_id", "t01000"), ("outcome", outcome)]);
    assert_eq!((blocks("not_submitted"), blocks("included")), (Some(1.0), Some(1.0)));
    assert_eq!(
        metrics.value("farcaster_curio_pipeline_failed_sectors", &[("miner_id", "t01000"), ("pipeline", "Snap")]),
        Some(1.0)
    );
    assert!(
        !metrics.has("farcaster_curio_pipeline_sectors", &[]) && !metrics.has("farcaster_curio_messages_waiting", &[])
    );
}

#[test]
fn empty_lists_are_null_or_lists() {
    for empty in [Value::Null, json!([])] {
        let curio = Curio::cluster();
        for method in [
            "ClusterTaskSummary",
            "HarmonyTaskStats",
            "SectorPipelineStats",
            "UpgradeSectors",
            "StoragePathList",
            "StorageGCStats",
            "WinStats",
            "AlertOngoingList",
            "PorepPipelineSummary",
            "PipelinePorepSectors",
            "PDPProvingFailures",
        ] {
            curio.result(method, empty.clone());
        }
        let (metrics, lines) = collect(&exporter(&curio));
        assert_eq!((failed(&metrics), lines), (vec![], vec![]));
        assert_eq!(metrics.value("farcaster_curio_alerts", &[]), Some(0.0));
        assert_eq!(metrics.values("farcaster_curio_storage_gc_files", &[]), [0.0, 0.0]);
        assert_eq!(metrics.values("farcaster_curio_pipeline_failed_sectors", &[("pipeline", "PoRep")]), [0.0, 0.0]);
        assert!(!metrics.has("farcaster_curio_last_win_timestamp_seconds", &[]));
    }
}

#[test]
fn a_method_that_is_missing_is_asked_for_again_in_another_version() {
    let curio = Curio::cluster();
    curio.lacks(&NEW_IN_1_28_3).result("Version", json!("1.28.2+mainnet"));
    let exporter = exporter(&curio);
    for _ in 0..3 {
        collect(&exporter);
    }
    assert_eq!(curio.count("PDPKeyStatus"), 1);
    curio
        .result("Version", json!("1.28.4+mainnet"))
        .answer("PDPKeyStatus", Answer::Result(json!({"configured": false})));
    collect(&exporter);
    assert_eq!(curio.count("PDPKeyStatus"), 2);
}
