//! Go writes a slice or map that was never allocated as null: it means an empty one.

use serde_json::{Value, json};

use crate::support::{Answer, Farm, MINER, Metrics, Node};

/// Collects with one value of one answer replaced; nothing may fail because of it.
fn with(farm: &Farm, node: &Node, method: &str, params: Value, pointer: &str, value: Value) -> Metrics {
    match pointer {
        "" => node.result(method, value),
        _ => node.change(method, params, pointer, value),
    };
    let (metrics, stderr) = farm.exporter().collect();
    assert_eq!(stderr, "", "{method}{pointer}");
    assert!(metrics.failed().is_empty(), "{method}{pointer}: {:?}", metrics.failed());
    node.restore();
    metrics
}

#[test]
fn of_the_full_node() {
    let farm = Farm::start();
    let null = |method: &str, params, pointer: &str| with(&farm, &farm.daemon, method, params, pointer, Value::Null);

    let metrics = null("ChainHead", json!([]), "/Cids");
    assert_eq!(metrics.value("farcaster_miner_balance_fil", &[("miner_id", MINER)]), Some(700.0));

    let metrics = null("StateMinerInfo", json!([MINER]), "/ControlAddresses");
    let roles = metrics.values("farcaster_miner_address_info", &[("miner_id", MINER)]);
    assert_eq!(roles.len(), 3, "owner, worker, beneficiary");

    let metrics = null("NetBandwidthStatsByProtocol", json!([]), "");
    assert!(!metrics.has("farcaster_daemon_protocol_receive_bytes_total", &[]));

    let metrics = null("WalletList", json!([]), "");
    assert_eq!(metrics.family("farcaster_wallet_balance_fil").len(), 7, "those of the miners");

    let metrics = null("MpoolPending", json!([]), "");
    assert_eq!(metrics.value("farcaster_mpool_messages", &[]), Some(0.0));
    assert!(!metrics.has("farcaster_mpool_local_messages", &[]));

    let metrics = null("SyncState", json!([]), "/ActiveSyncs");
    assert_eq!(metrics.value("farcaster_chain_sync_workers", &[("stage", "messages")]), Some(0.0));

    let metrics = null("LogAlerts", json!([]), "");
    assert!(!metrics.has("farcaster_daemon_alert_active", &[]));

    let metrics = null("F3ListParticipants", json!([]), "");
    assert_eq!(metrics.value("farcaster_miner_f3_participating", &[("miner_id", MINER)]), Some(0.0));

    let metrics = null("StateMinerDeadlines", json!([MINER]), "/16/PostSubmissions");
    assert!(!metrics.has("farcaster_miner_deadline_proven_partitions", &[("miner_id", MINER)]));

    for pointer in ["", "/ECChain"] {
        let metrics = null("F3GetLatestCertificate", json!([]), pointer);
        assert_eq!(metrics.value("farcaster_chain_finalized_height", &[("source", "f3")]), None);
    }
}

/// Every tipset has blocks, so no blocks means that they were not reported.
#[test]
fn a_head_without_blocks() {
    let farm = Farm::start();
    for none in [Value::Null, json!([])] {
        farm.daemon.change("ChainHead", json!([]), "/Blocks", none);
        let (metrics, stderr) = farm.exporter().collect();
        assert_eq!(metrics.failed(), ["chain"], "{stderr}");
        assert!(stderr.contains("ChainHead.Blocks: none"), "{stderr}");
        assert_eq!(metrics.value("farcaster_chain_head_height", &[]), Some(6_570_000.0));
        for family in ["head_blocks", "head_timestamp_seconds", "base_fee_fil"] {
            assert!(!metrics.has(&format!("farcaster_chain_{family}"), &[]), "{family}");
        }
        assert!(!metrics.has("farcaster_mpool_local_messages_below_base_fee", &[]));
        farm.daemon.restore();
    }
}

/// Null means no peers, unless the node can publish to some.
#[test]
fn peers() {
    let farm = Farm::start();
    farm.daemon.result("NetPeers", Value::Null);
    let (metrics, stderr) = farm.exporter().collect();
    assert_eq!(metrics.failed(), ["daemon"]);
    assert!(stderr.contains("NetPeers: no peers, though NodeStatus.PeerStatus has some"), "{stderr}");
    assert!(!metrics.has("farcaster_daemon_peers", &[]));
    let alone = json!({"PeersToPublishMsgs": 0, "PeersToPublishBlocks": 0});
    farm.daemon.change("NodeStatus", json!([false]), "/PeerStatus", alone);
    let (metrics, stderr) = farm.exporter().collect();
    assert_eq!((stderr.as_str(), metrics.value("farcaster_daemon_peers", &[])), ("", Some(0.0)));
}

#[test]
fn of_partitions() {
    let farm = Farm::start();
    let deadline_3 = [("miner_id", MINER), ("deadline", "3")];
    let with = |partitions: Value| {
        farm.daemon.answer_to("StateMinerPartitions", json!([MINER, 3]), Answer::Result(partitions));
        let (metrics, stderr) = farm.exporter().collect();
        assert_eq!((stderr.as_str(), metrics.failed()), ("", vec![]));
        metrics
    };
    let some =
        json!({"LiveSectors": [1, 8], "ActiveSectors": [1, 8], "FaultySectors": null, "RecoveringSectors": null});
    let none = json!({"LiveSectors": null, "ActiveSectors": null, "FaultySectors": null, "RecoveringSectors": null});
    let metrics = with(json!([some, none]));
    let deadline_4 = [("miner_id", MINER), ("deadline", "4")];
    assert_eq!(metrics.value("farcaster_miner_deadline_live_sectors", &deadline_4), Some(0.0), "null, as most are");
    assert_eq!(metrics.value("farcaster_miner_live_sectors", &[("miner_id", MINER)]), Some(21.0));
    assert_eq!(metrics.value("farcaster_miner_deadline_partitions", &deadline_3), Some(1.0));
    assert_eq!(metrics.value("farcaster_miner_deadline_faulty_sectors", &deadline_3), Some(0.0));
}

/// What is null is empty; what is left out is not known, and no sum may ignore it.
#[test]
fn a_partition_without_its_live_sectors() {
    let farm = Farm::start();
    let partition = json!([{"ActiveSectors": [0], "FaultySectors": [0], "RecoveringSectors": [0]}]);
    farm.daemon.answer_to("StateMinerPartitions", json!([MINER, 3]), Answer::Result(partition));
    let (metrics, stderr) = farm.exporter().collect();
    assert!(metrics.failed().contains(&format!("deadlines {MINER}")), "{stderr}");
    assert!(stderr.contains("StateMinerPartitions") && stderr.contains("LiveSectors"), "{stderr}");
    assert!(!metrics.has("farcaster_miner_live_sectors", &[("miner_id", MINER)]));
    assert!(!metrics.has("farcaster_miner_deadline_live_sectors", &[("miner_id", MINER), ("deadline", "3")]));
    assert!(metrics.has("farcaster_miner_deadline_live_sectors", &[("miner_id", MINER), ("deadline", "4")]));
}

#[test]
fn of_lotus_miner() {
    let farm = Farm::start();
    let null = |method: &str, params, pointer: &str| with(&farm, &farm.miner, method, params, pointer, Value::Null);
    let miner = [("miner_id", MINER)];

    let metrics = null("SectorsListInStates", json!([]), "");
    assert_eq!(metrics.value("farcaster_miner_expired_sectors", &miner), Some(0.0));

    let metrics = null("SectorsSummary", json!([]), "");
    assert!(!metrics.has("farcaster_miner_sectors", &miner));

    let metrics = null("WorkerStats", json!([]), "");
    assert!(!metrics.has("farcaster_worker_info", &miner));

    for pointer in ["/Info/Resources/GPUs", "/TaskCounts", "/Tasks", "/Info/Resources/Resources"] {
        let worker = "ef8d99a2-6865-4189-8ffa-9fef0f800000";
        let metrics = null("WorkerStats", json!([]), &format!("/{worker}{pointer}"));
        assert_eq!(metrics.value("farcaster_worker_enabled", &[("worker", worker)]), Some(1.0), "{pointer}");
    }

    for pointer in ["", "/ef8d99a2-6865-4189-8ffa-9fef0f800000"] {
        let metrics = null("WorkerJobs", json!([]), pointer);
        assert!(!metrics.has("farcaster_miner_jobs", &[("state", "assigned")]));
    }

    let metrics = null("SealingSchedDiag", json!([false]), "/SchedInfo/Requests");
    assert!(!metrics.has("farcaster_miner_scheduler_queue", &[]));

    let storage = "76f1988b-ef30-4d7e-b3ec-9a627f4ba000";
    let metrics = null("StorageInfo", json!([storage]), "/URLs");
    let info = [("storage_id", storage), ("storage_host", ""), ("path", "/mnt/store-1")];
    assert_eq!(metrics.value("farcaster_storage_info", &info), Some(1.0));

    let metrics = null("StorageLocal", json!([]), "");
    assert_eq!(metrics.value("farcaster_storage_info", &[("storage_id", storage), ("path", "")]), Some(1.0));

    let metrics = null("StorageList", json!([]), "");
    assert_eq!(metrics.values("farcaster_storage_info", &miner).len(), 3, "the local ones");

    for pointer in ["/Log", "/Pieces", "/Deals"] {
        let metrics = null("SectorsStatus", json!([24]), pointer);
        let sector = [("sector", "24")];
        assert_eq!(metrics.value("farcaster_miner_pipeline_sector_retries", &sector), Some(0.0), "{pointer}");
    }

    let metrics = null("LogAlerts", json!([]), "");
    assert!(!metrics.has("farcaster_miner_alert_active", &miner));

    let metrics = null("RuntimeSubsystems", json!([]), "");
    assert_eq!(metrics.value("farcaster_miner_start_time_seconds", &miner), Some(1_795_219_200.0));
}

/// A miner always has its deadlines. Without them, nothing is known about its sectors on chain.
#[test]
fn no_deadlines_at_all_is_not_an_answer() {
    for none in [Value::Null, json!([])] {
        let farm = Farm::start();
        farm.daemon.answer_to("StateMinerDeadlines", json!([MINER]), Answer::Result(none));
        let (metrics, stderr) = farm.exporter().collect();
        assert_eq!(
            metrics.failed(),
            ["deadlines", "expired_sectors", "sectors_on_chain"].map(|name| format!("{name} {MINER}"))
        );
        assert!(stderr.contains("StateMinerDeadlines"), "{stderr}");
        for family in
            ["farcaster_miner_live_sectors", "farcaster_miner_daily_fee_fil", "farcaster_miner_expired_sectors"]
        {
            assert_eq!(metrics.value(family, &[("miner_id", MINER)]), None, "{family}");
        }
    }
}
