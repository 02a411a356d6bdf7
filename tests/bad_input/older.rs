//! Nodes with fewer features than current Lotus. What a node does not have is not a failure of the exporter.

use serde_json::{Value, json};

use crate::assert_others_unharmed;
use crate::support::{Answer, Farm, MINER, Metrics, Permission, Reply, token};

/// Forest answers -32601 with HTTP 200, and has no sidecar for F3 here.
#[test]
fn forest() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    for method in ["SyncState", "LogAlerts", "NetBandwidthStatsByProtocol", "StateActorCodeCIDs"] {
        farm.daemon.answer(method, Answer::Error(-32601, "Method not found".to_owned()));
    }
    for method in ["F3IsRunning", "F3GetProgress", "F3GetLatestCertificate", "F3ListParticipants"] {
        farm.daemon.answer(method, Answer::Error(-32603, "client error (Connect)".to_owned()));
    }
    farm.daemon.change("Version", json!([]), "/Agent", json!("forest"));
    farm.daemon.result("NetBandwidthStats", json!({"TotalIn": 0, "TotalOut": 0, "RateIn": 0, "RateOut": 0}));
    farm.daemon.result("NetPeers", Value::Null);
    let alone = json!({"PeersToPublishMsgs": 0, "PeersToPublishBlocks": 0});
    farm.daemon.change("NodeStatus", json!([false]), "/PeerStatus", alone);
    farm.daemon.result("WalletList", Value::Null);
    let (after, stderr) = farm.exporter().collect();
    assert_eq!((stderr.as_str(), after.failed()), ("", vec![]));
    for absent in [
        "farcaster_chain_sync_workers",
        "farcaster_daemon_alert_active",
        "farcaster_daemon_protocol_receive_bytes_total",
        "farcaster_daemon_receive_bytes_total",
        "farcaster_f3_running",
        "farcaster_f3_phase",
        "farcaster_miner_f3_participating",
    ] {
        assert!(!after.has(absent, &[]), "{absent}");
    }
    assert_eq!(after.value("farcaster_daemon_peers", &[]), Some(0.0));
    assert!(after.has("farcaster_daemon_info", &[("agent", "forest")]));
    assert!(after.has("farcaster_mpool_local_messages", &[("method", "Method 2")]), "an actor of no known type");
    assert_others_unharmed(&before, &after, &["chain", "alerts", "daemon", "f3", "wallets", "messages", "mpool"]);
}

/// A Forest whose snapshot is too old to understand: it is far behind, which must show.
#[test]
fn forest_on_old_state() {
    let farm = Farm::start();
    for method in ["StateReadState", "StateMinerInfo", "StateLookupID"] {
        farm.daemon.answer(method, Answer::Error(-32603, "Unknown actor code bafk2bzaced".to_owned()));
    }
    farm.daemon.change("NodeStatus", json!([false]), "/SyncStatus/Behind", json!(4_269_113));
    let (metrics, stderr) = farm.exporter().collect();
    assert_eq!(metrics.value("farcaster_chain_behind_epochs", &[]), Some(4_269_113.0));
    assert_eq!(metrics.value("farcaster_endpoint_up", &[("endpoint", "daemon")]), Some(1.0));
    assert_eq!(metrics.success("chain", ""), Some(true));
    assert_eq!(metrics.success("identity", MINER), Some(false));
    assert!(stderr.contains("f01234") && stderr.contains("Unknown actor code bafk2bzaced"), "{stderr}");
}

/// Lotus of early 2024: no F3, no /rpc/v2, no genesis time, no Agent; `result` is left out where it is null.
#[test]
fn lotus_1_27() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    for method in ["F3IsRunning", "F3GetProgress", "F3GetLatestCertificate", "F3ListParticipants"] {
        farm.daemon.answer(method, Answer::NoSuchMethod);
    }
    farm.daemon.result("Version", json!({"Version": "1.27.0+mainnet", "APIVersion": 131_840, "BlockDelay": 30}));
    farm.daemon.result("StateGetNetworkParams", json!({"NetworkName": "mainnet", "BlockDelaySecs": 30}));
    farm.daemon.rewrite(|request, mut reply| {
        if request.path == "/rpc/v2" {
            return Reply::new(404, "404 page not found\n");
        }
        let text = String::from_utf8(reply.body).unwrap();
        reply.body = text.replace(r#""result":null,"#, "").into();
        reply
    });
    let (after, stderr) = farm.exporter().collect();
    assert_eq!((stderr.as_str(), after.failed()), ("", vec![]));
    assert_eq!(after.value("farcaster_chain_finalized_height", &[("source", "ec")]), Some(6_569_100.0));
    assert_eq!(
        after.value("farcaster_miner_deadline_open_timestamp_seconds", &[("miner_id", MINER), ("deadline", "16")]),
        before.value("farcaster_miner_deadline_open_timestamp_seconds", &[("miner_id", MINER), ("deadline", "16")]),
        "the clock follows from the head"
    );
    assert!(!after.has("farcaster_f3_running", &[]));
    // By the rule of the network, and no gas.
    let rewards =
        |metrics: &Metrics| metrics.value("farcaster_miner_rewards_fil_total", &[("miner_id", MINER)]).unwrap();
    assert!((rewards(&after) / rewards(&before) - 1.0).abs() < 0.001, "{} FIL", rewards(&after));
    assert!(!after.has("farcaster_miner_gas_rewards_fil_total", &[]));
    assert_others_unharmed(&before, &after, &["blocks", "chain", "daemon", "f3"]);
}

/// A lotus-miner of before v1.11.2.
#[test]
fn an_old_lotus_miner() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    for method in ["RuntimeSubsystems", "StartTime", "LogAlerts"] {
        farm.miner.answer(method, Answer::NoSuchMethod);
    }
    let (after, stderr) = farm.exporter().collect();
    assert_eq!((stderr.as_str(), after.failed()), ("", vec![]));
    assert_others_unharmed(&before, &after, &[&format!("alerts {MINER}"), &format!("process {MINER}")]);
}

/// Without the write permission, the miners' own addresses have to do as wallets; without admin, the node does not show its alerts.
#[test]
fn a_full_node_that_allows_only_reading() {
    let farm = Farm::start();
    for token in [token(Permission::Read), String::new()] {
        let (metrics, stderr) = farm.exporter().env("FULLNODE_API_INFO", &farm.daemon.info(&token)).collect();
        assert_eq!((stderr.as_str(), metrics.failed()), ("", vec![]));
        assert_eq!(metrics.family("farcaster_wallet_balance_fil").len(), 7);
        assert!(!metrics.has("farcaster_daemon_alert_active", &[]));
    }
}
