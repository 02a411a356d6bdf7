//! What a healthy cluster and a healthy skiff show.

use super::support::{Curio, Exporter, now};
use super::{collect, exporter, failed};

#[test]
fn a_cluster_shows_everything_that_it_tells() {
    let curio = Curio::cluster();
    let (metrics, lines) = collect(&exporter(&curio));
    assert_eq!((failed(&metrics), lines), (vec![], vec![]));
    let name = curio.name();
    let of = |family: &str, labels: &[(&str, &str)]| {
        let labels: Vec<_> = labels.iter().copied().chain([("cluster", name.as_str())]).collect();
        metrics.value(family, &labels)
    };
    let version = "1.28.4+2k+git_e0294b0f9_2026-08-20T11:51:28-04:00";
    assert_eq!(of("farcaster_curio_info", &[("variant", "curio"), ("version", version)]), Some(1.0));
    assert_eq!(metrics.label("farcaster_curio_miner_info", "miner_id"), ["t01000", "t01001"].into());

    let machine = [("machine", "seal-1"), ("worker", "127.77.0.11:12300"), ("layers", "base,seal")];
    assert_eq!(of("farcaster_curio_machine_info", &machine), Some(1.0));
    assert_eq!(of("farcaster_curio_machine_up", &[("machine", "seal-1")]), Some(1.0));
    // Four minutes without a heartbeat.
    assert_eq!(of("farcaster_curio_machine_up", &[("machine", "market-1")]), Some(0.0));
    let worker = |family: &str| metrics.value(family, &[("worker", "127.77.0.11:12300"), ("worker_host", "seal-1")]);
    assert_eq!(worker("farcaster_worker_cpus"), Some(64.0));
    assert_eq!(worker("farcaster_worker_gpus"), Some(2.0));
    assert_eq!(worker("farcaster_worker_enabled"), Some(1.0));
    assert_eq!(worker("farcaster_worker_memory_bytes"), Some(549_755_813_888.0));

    let task =
        |task, machine, state| of("farcaster_curio_tasks", &[("task", task), ("machine", machine), ("state", state)]);
    assert_eq!(task("SDR", "seal-1", "running"), Some(2.0));
    assert_eq!(task("SDR", "", "waiting"), Some(1.0));
    assert_eq!(metrics.value("farcaster_miner_scheduler_queue", &[("miner_id", "t01000"), ("task", "SDR")]), Some(1.0));
    assert!(!metrics.has("farcaster_miner_scheduler_queue", &[("task", "bg:F3Participate")]));
    let job = [("miner_id", "t01000"), ("task", "PoRep"), ("state", "running"), ("worker_host", "seal-1")];
    assert_eq!(metrics.value("farcaster_miner_jobs", &job), Some(1.0));
    let oldest = of("farcaster_curio_task_oldest_timestamp_seconds", &[("task", "SDR"), ("state", "running")]);
    assert!((now() - oldest.unwrap() - 8669.0).abs() < 60.0, "{oldest:?}");
    assert_eq!(of("farcaster_curio_tasks_finished_24h", &[("task", "WdPost"), ("result", "failure")]), Some(1.0));

    let stage = |pipeline, stage| of("farcaster_curio_pipeline_sectors", &[("pipeline", pipeline), ("stage", stage)]);
    assert_eq!((stage("PoRep", "SDR"), stage("Snap", "Failed"), stage("Snap", "Submit")), (Some(4.0), Some(1.0), None));
    let failed_of =
        |miner, pipeline| of("farcaster_curio_pipeline_failed_sectors", &[("miner_id", miner), ("pipeline", pipeline)]);
    assert_eq!(failed_of("t01000", "PoRep"), Some(1.0));
    assert_eq!((failed_of("t01000", "Snap"), failed_of("t01001", "Snap")), (Some(1.0), Some(0.0)));
    let problem = [("sector", "603"), ("pipeline", "Snap"), ("problem", "failed"), ("reason", "snapprove")];
    assert_eq!(of("farcaster_curio_pipeline_problem_sector", &problem), Some(1.0));
    let stuck =
        metrics.values("farcaster_curio_pipeline_stuck_sectors", &[("pipeline", "PoRep"), ("miner_id", "t01000")]);
    assert_eq!(stuck, [1.0]);

    let deals = [("stage", "Downloading"), ("state", "pending")];
    assert_eq!(of("farcaster_curio_market_pipeline_deals", &deals), Some(3.0));
    assert_eq!(of("farcaster_curio_market_failed_deals", &[("product", "mk20"), ("stage", "CommP")]), Some(1.0));
    assert_eq!(of("farcaster_curio_ask_price_fil", &[("miner_id", "t01000"), ("kind", "unverified")]), Some(5e-11));
    assert_eq!(of("farcaster_curio_pieces", &[("state", "indexed")]), Some(118.0));

    let path = |family: &str, id| metrics.value(family, &[("storage_id", id)]);
    assert_eq!(path("farcaster_storage_up", "fa1-fill"), Some(1.0));
    assert_eq!(path("farcaster_storage_up", "fa4-fill"), Some(0.0));
    assert_eq!(path("farcaster_storage_capacity_bytes", "fa1-fill"), Some(8e12));
    // Without a limit nothing counts what is used, and 0 is no answer.
    assert_eq!(path("farcaster_storage_used_bytes", "84714cc0-6ed8-40d2-b7d1-bba4cd61dbef"), None);
    let files = |id, kind| metrics.value("farcaster_storage_sector_files", &[("storage_id", id), ("kind", kind)]);
    assert_eq!((files("fa3-fill", "unsealed"), files("fa3-fill", "sealed")), (Some(3.0), Some(0.0)));
    assert_eq!(files("fa4-fill", "update_cache"), Some(0.0));
    assert_eq!(of("farcaster_curio_storage_gc_files", &[("miner_id", "t01000")]), Some(2.0));
    assert_eq!(of("farcaster_curio_storage_gc_files", &[("miner_id", "t01001")]), Some(0.0));

    assert_eq!(of("farcaster_curio_messages_waiting", &[("kind", "fil")]), Some(3.0));
    let oldest = of("farcaster_curio_message_oldest_timestamp_seconds", &[("kind", "fil")]).unwrap();
    assert!((now() - oldest - 5327.0).abs() < 60.0, "{}", now() - oldest);

    let blocks = |outcome| of("farcaster_curio_recent_blocks", &[("miner_id", "t01000"), ("outcome", outcome)]);
    let outcomes = ["included", "not_included", "not_checked", "not_submitted"].map(|outcome| blocks(outcome).unwrap());
    assert_eq!(outcomes, [1.0, 1.0, 0.0, 1.0]);
    assert_eq!(of("farcaster_curio_block_compute_duration_seconds", &[("miner_id", "t01000")]), Some(12.0));
    let lost = of("farcaster_curio_last_lost_block_timestamp_seconds", &[("miner_id", "t01000")]).unwrap();
    assert!((now() - lost - 1589.0).abs() < 60.0, "{}", now() - lost);

    assert_eq!(of("farcaster_curio_alert_active", &[("alert", "fill_Balance Check_f01000")]), Some(1.0));
    assert_eq!(
        (of("farcaster_curio_alerts", &[]), of("farcaster_curio_alerts_unacknowledged", &[])),
        (Some(1.0), Some(35.0))
    );
    let chain = |family: &str, address| of(family, &[("address", address)]);
    assert_eq!(chain("farcaster_curio_chain_node_up", "127.0.0.1:21234"), Some(1.0));
    assert_eq!(chain("farcaster_curio_chain_node_synced", "127.0.0.1:21234"), Some(1.0));
    assert_eq!(chain("farcaster_curio_chain_node_up", "127.0.0.1:9"), Some(0.0));
    assert_eq!(chain("farcaster_curio_chain_node_synced", "127.0.0.1:9"), None);
}

#[test]
fn a_skiff_shows_pdp_and_nothing_of_what_it_does_not_have() {
    let skiff = Curio::skiff();
    let (metrics, lines) = collect(&exporter(&skiff));
    assert_eq!((failed(&metrics), lines), (vec![], vec![]));
    assert!(metrics.has("farcaster_curio_info", &[("variant", "skiff")]));
    let status = |status| metrics.value("farcaster_pdp_data_sets", &[("status", status)]);
    let all = ["uninit", "scheduled", "in-window", "overdue", "unrecoverable"].map(|word| status(word).unwrap());
    assert_eq!(all, [1.0; 5]);
    assert_eq!(metrics.value("farcaster_pdp_data_sets_overdue", &[]), Some(1.0));
    assert!(metrics.has("farcaster_pdp_problem_data_set", &[("data_set", "13"), ("status", "unrecoverable")]));
    assert_eq!(metrics.value("farcaster_pdp_data_bytes", &[]), Some(3_221_225_472.0));
    assert_eq!(metrics.value("farcaster_pdp_proofs_30d", &[("result", "failure")]), Some(1.0));
    // Epochs of four seconds; the head is 359.
    let lost = metrics.value("farcaster_pdp_last_lost_data_set_timestamp_seconds", &[]).unwrap();
    assert!((now() - lost - 4.0 * 329.0).abs() < 30.0);
    assert_eq!(metrics.value("farcaster_pdp_key_configured", &[]), Some(0.0));
    for family in ["farcaster_pdp_wallet_funded", "farcaster_curio_pieces", "farcaster_curio_pipeline_sectors"] {
        assert!(!metrics.has(family, &[]), "{family}");
    }
    // What it does not have is asked for once.
    let exporter = exporter(&skiff);
    collect(&exporter);
    let before = skiff.count("WinStats");
    collect(&exporter);
    assert_eq!(skiff.count("WinStats"), before);
}

#[test]
fn several_clusters_are_told_apart_and_two_doors_of_one_are_one() {
    let (curio, skiff) = (Curio::cluster(), Curio::skiff());
    let both = Exporter::new().args(&["--curio", &curio.url(), "--curio", &skiff.url()]);
    skiff.result("ClusterMachines", serde_json::json!([]));
    skiff.result("StoragePathList", serde_json::json!([]));
    skiff.result("ClusterTaskSummary", serde_json::json!([]));
    let (metrics, lines) = collect(&both);
    assert_eq!(lines, [""; 0]);
    assert_eq!(metrics.label("farcaster_curio_info", "cluster").len(), 2);
    // A skiff with the cluster's database is a door to it, and tells less.
    let other_skiff = Curio::skiff();
    let shared = Exporter::new().args(&["--curio", &other_skiff.url(), "--curio", &curio.url()]);
    let (metrics, lines) = collect(&shared);
    assert_eq!(lines, [""; 0]);
    assert_eq!(metrics.label("farcaster_curio_info", "variant"), ["curio"].into());
    let door = Curio::cluster();
    let doors = Exporter::new().env("CURIO_WEBRPC_URL", &format!("{}/api/webrpc/v0,{}", curio.url(), door.url()));
    let (metrics, lines) = collect(&doors);
    assert_eq!(lines, [""; 0]);
    assert_eq!(metrics.label("farcaster_curio_info", "cluster").len(), 1);
    assert_eq!(metrics.values("farcaster_endpoint_up", &[("endpoint", "curio")]), [1.0, 1.0]);
}
