//! Nodes that are down, not there, or there twice.

use serde_json::json;

use crate::assert_others_unharmed;
use crate::support::{Answer, CLOSED_PORT, Exporter, Farm, MINER, Metrics, Node, OTHER, Permission, token};

const OWN: [&str; 8] = ["sectors", "workers", "jobs", "scheduler", "pipeline", "alerts", "storage_paths", "storage"];
const ON_CHAIN: [&str; 5] = ["identity", "power", "balances", "deadlines", "sectors_on_chain"];
const OF_THE_NODE: [&str; 8] = ["daemon", "chain", "f3", "alerts", "network", "gas", "wallets", "mpool"];

fn admin(node: &Node) -> String {
    node.info(&token(Permission::Admin))
}

fn nowhere() -> String {
    format!("/ip4/127.0.0.1/tcp/{CLOSED_PORT}/http")
}

fn all(metrics: &Metrics, collectors: &[&str], miner_id: &str, success: Option<bool>) {
    for collector in collectors {
        assert_eq!(metrics.success(collector, miner_id), success, "{collector} {miner_id}");
    }
}

#[test]
fn the_full_node_is_down() {
    let farm = Farm::start();
    let (metrics, stderr) = farm.exporter().env("FULLNODE_API_INFO", &nowhere()).collect();
    assert_eq!(metrics.value("farcaster_endpoint_up", &[("endpoint", "daemon")]), Some(0.0));
    assert_eq!(metrics.values("farcaster_endpoint_up", &[("endpoint", "miner")]), [1.0, 1.0]);
    all(&metrics, &OF_THE_NODE, "", Some(false));
    for miner in [MINER, OTHER] {
        all(&metrics, &OWN, miner, Some(true));
        all(&metrics, &ON_CHAIN, miner, Some(false));
        all(&metrics, &["expired_sectors"], miner, Some(false));
    }
    assert!(!metrics.has("farcaster_chain_head_height", &[]) && !metrics.has("farcaster_miner_power_bytes", &[]));
    assert!(stderr.contains("cannot connect") && stderr.contains("is it running"), "{stderr}");
    assert!(stderr.lines().count() < 8, "one cause, many words: {stderr}");
}

#[test]
fn no_full_node_is_known() {
    let farm = Farm::start();
    let exporter = Exporter::new().env("MINER_API_INFO", &admin(&farm.miner));
    let (metrics, stderr) = exporter.collect();
    assert_eq!(metrics.value("farcaster_endpoint_up", &[("endpoint", "daemon"), ("address", "")]), Some(0.0));
    all(&metrics, &OWN, MINER, Some(true));
    all(&metrics, &OF_THE_NODE, "", Some(false));
    assert!(stderr.contains("set FULLNODE_API_INFO"), "{stderr}");
}

/// The first time, it is not known which miner it runs, so nothing about the miner is; but the outage shows.
#[test]
fn a_lotus_miner_is_down() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    let infos = [nowhere(), admin(&farm.other)];
    let (after, stderr) = farm.exporter().env("MINER_API_INFO", &infos.join(",")).collect();
    let mut up = after.values("farcaster_endpoint_up", &[("endpoint", "miner")]);
    up.sort_by(f64::total_cmp);
    assert_eq!(up, [0.0, 1.0]);
    assert!(after.failed().is_empty(), "{:?}", after.failed());
    assert!(stderr.contains("cannot connect"), "{stderr}");
    let of_other = |metrics: &Metrics| {
        let of = metrics.0.iter().filter(|((name, labels), _)| {
            !name.starts_with("farcaster_collector") && labels.get("miner_id").is_some_and(|id| id == OTHER)
        });
        of.map(|(key, value)| (key.clone(), *value)).collect::<Vec<_>>()
    };
    assert_eq!(of_other(&before), of_other(&after));
}

/// Once seen, a miner is watched on chain also while its lotus-miner is down.
#[test]
fn a_lotus_miner_goes_down() {
    let farm = Farm::start();
    let exporter = farm.exporter();
    let (before, _) = exporter.collect();
    let Farm { daemon, miner, other } = farm;
    miner.stop();
    let (after, stderr) = exporter.collect();
    all(&after, &OF_THE_NODE, "", Some(true));
    all(&after, &ON_CHAIN, MINER, Some(true));
    all(&after, &OWN, MINER, Some(false));
    all(&after, &OWN, OTHER, Some(true));
    let power = [("miner_id", MINER), ("kind", "raw")];
    assert_eq!(after.value("farcaster_miner_power_bytes", &power), before.value("farcaster_miner_power_bytes", &power));
    assert!(!after.has("farcaster_miner_sectors", &[("miner_id", MINER)]), "nothing old is shown as new");
    assert!(!after.has("farcaster_worker_info", &[("miner_id", MINER)]));
    assert!(stderr.contains("cannot connect"), "{stderr}");
    drop((daemon, other));
}

#[test]
fn all_nodes_are_down() {
    let exporter = Exporter::new().env("FULLNODE_API_INFO", &nowhere()).env("MINER_API_INFO", &nowhere());
    let (metrics, stderr) = exporter.collect();
    assert_eq!(metrics.values("farcaster_endpoint_up", &[]), [0.0, 0.0]);
    assert_eq!(metrics.failed().len(), OF_THE_NODE.len());
    assert!(stderr.contains("daemon 127.0.0.1:") && stderr.contains("miner 127.0.0.1:"), "{stderr}");
}

#[test]
fn no_nodes_are_known() {
    let (metrics, stderr) = Exporter::new().collect();
    assert_eq!(metrics.values("farcaster_endpoint_up", &[]), [0.0]);
    assert!(metrics.has("farcaster_build_info", &[]));
    assert!(stderr.contains("set FULLNODE_API_INFO"), "{stderr}");
}

#[test]
fn the_first_of_two_full_nodes_is_down() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    let infos = [nowhere(), admin(&farm.daemon)];
    let (after, stderr) = farm.exporter().env("FULLNODE_API_INFO", &infos.join(",")).collect();
    let address = format!("127.0.0.1:{}", farm.daemon.port);
    assert_eq!(after.value("farcaster_endpoint_up", &[("address", &address)]), Some(1.0));
    assert_eq!(after.values("farcaster_endpoint_up", &[("endpoint", "daemon")]).len(), 2);
    assert!(after.failed().is_empty(), "{:?}", after.failed());
    assert_others_unharmed(&before, &after, &[]);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn the_first_of_two_full_nodes_has_no_chain() {
    let farm = Farm::start();
    let empty = Node::daemon("daemon.json");
    empty.answer("ChainHead", Answer::Error(1, "no heaviest tipset".to_owned()));
    let (before, _) = farm.exporter().collect();
    let infos = [admin(&empty), admin(&farm.daemon)];
    let (after, _) = farm.exporter().env("FULLNODE_API_INFO", &infos.join(",")).collect();
    assert!(after.failed().is_empty(), "{:?}", after.failed());
    assert_others_unharmed(&before, &after, &[]);
}

/// Farms split the proving of a miner from its sealing. The process that seals knows sectors, workers and storage, whether the other one is
/// named first, and whether it is up.
#[test]
fn two_processes_of_one_miner() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    let proving = Node::miner("miner-f01234.json");
    proving.result("RuntimeSubsystems", json!(["Mining"]));
    proving.result("WorkerStats", json!({}));
    proving.result("SectorsSummary", json!({}));
    proving.result("StartTime", json!("2026-11-23T00:00:00Z"));
    let with = |first: &Node, second: &Node| {
        let infos = [admin(first), admin(second), admin(&farm.other)];
        farm.exporter().env("MINER_API_INFO", &infos.join(","))
    };
    let exporters = [with(&proving, &farm.miner), with(&farm.miner, &proving)];
    for exporter in &exporters {
        let (after, stderr) = exporter.collect();
        assert_eq!((stderr.as_str(), after.failed()), ("", vec![]));
        assert_others_unharmed(&before, &after, &[]);
    }
    proving.stop();
    for exporter in &exporters {
        let (after, stderr) = exporter.collect();
        assert!(after.failed().is_empty() && stderr.contains("cannot connect"), "{stderr}");
        assert_others_unharmed(&before, &after, &[]);
    }
}

#[test]
fn one_miner_named_twice() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    let infos = [admin(&farm.miner), admin(&farm.other), admin(&farm.miner)];
    let (after, stderr) = farm.exporter().env("MINER_API_INFO", &infos.join(",")).collect();
    assert_eq!((stderr.as_str(), after.failed()), ("", vec![]));
    assert_others_unharmed(&before, &after, &[]);
}

#[test]
fn a_miner_without_a_lotus_miner() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    let exporter = Exporter::new().env("FULLNODE_API_INFO", &admin(&farm.daemon));
    let (after, stderr) = exporter.args(&["--miner-id", OTHER]).collect();
    assert_eq!((stderr.as_str(), after.failed()), ("", vec![]));
    all(&after, &ON_CHAIN, OTHER, Some(true));
    all(&after, &OWN, OTHER, None);
    let live = [("miner_id", OTHER)];
    assert_eq!(after.value("farcaster_miner_live_sectors", &live), before.value("farcaster_miner_live_sectors", &live));
    assert!(after.has("farcaster_miner_info", &[("miner_id", OTHER), ("version", "")]));
}

/// The variable of the miner names the full node.
#[test]
fn a_full_node_in_place_of_a_miner() {
    let farm = Farm::start();
    let (metrics, stderr) = farm.exporter().env("MINER_API_INFO", &admin(&farm.daemon)).collect();
    assert_eq!(metrics.success("chain", ""), Some(true));
    assert!(
        stderr.contains("miner 127.0.0.1:") && stderr.contains("this is a full node, not a lotus-miner"),
        "{stderr}"
    );
}

/// A node that answers with an error is there. What it does not report is missing.
#[test]
fn a_first_call_that_is_refused() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    farm.daemon.answer("Version", Answer::Error(-32603, "not yet".to_owned()));
    let (after, stderr) = farm.exporter().collect();
    assert_eq!(after.value("farcaster_endpoint_up", &[("endpoint", "daemon")]), Some(1.0));
    assert_eq!(after.failed(), ["daemon"]);
    assert!(!after.has("farcaster_daemon_info", &[]));
    assert!(stderr.contains("Version: the node answered \"not yet\""), "{stderr}");
    assert_others_unharmed(&before, &after, &["daemon"]);
}
