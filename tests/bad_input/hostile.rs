//! Nodes that hang, drip or flood. The run ends all the same, and only their own data is missing.

use std::time::Duration;

use serde_json::json;

use crate::assert_others_unharmed;
use crate::support::{Answer, Farm, Hostile, MINER, Metrics, OTHER, Permission, token};

/// A broken full node must cost the miners' own side nothing.
fn assert_only_the_full_node_suffers(daemon: &Hostile, args: &[&str], words: &str) {
    let farm = Farm::start();
    let (metrics, stderr) = farm.exporter().env("FULLNODE_API_INFO", &daemon.info()).args(args).collect();
    assert!(daemon.connections() > 0);
    assert_eq!(metrics.value("farcaster_endpoint_up", &[("endpoint", "daemon")]), Some(0.0));
    for miner in [MINER, OTHER] {
        for collector in ["sectors", "workers", "jobs", "scheduler", "pipeline", "alerts", "storage"] {
            assert_eq!(metrics.success(collector, miner), Some(true), "{collector} {miner}: {stderr}");
        }
        assert_eq!(metrics.success("power", miner), Some(false));
    }
    assert!(stderr.contains(&format!("daemon 127.0.0.1:{}: ", daemon.port)) && stderr.contains(words), "{stderr}");
    assert_ended_in_time(&metrics);
}

fn assert_ended_in_time(metrics: &Metrics) {
    let seconds = |family| metrics.value(family, &[]).unwrap();
    assert!(seconds("farcaster_run_duration_seconds") < seconds("farcaster_run_timeout_seconds") + 1.0);
}

#[test]
fn a_full_node_that_never_answers() {
    let daemon = Hostile::silent();
    assert_only_the_full_node_suffers(&daemon, &["--timeout", "4s"], "no complete answer within");
    assert!(daemon.connections() <= 5, "it was asked on and on: {} times", daemon.connections());
}

#[test]
fn a_full_node_that_answers_a_byte_a_second() {
    assert_only_the_full_node_suffers(&Hostile::slow(), &["--timeout", "4s"], "no complete answer within");
}

#[test]
fn a_full_node_that_hangs_up() {
    assert_only_the_full_node_suffers(&Hostile::closing(), &[], "StateNetworkName and 2 more calls: ");
}

/// Reading stops as soon as the bytes are not an answer, however fast they come.
#[test]
fn a_full_node_that_floods() {
    let daemon = Hostile::endless();
    assert_only_the_full_node_suffers(&daemon, &["--timeout", "120s"], "not JSON-RPC");
    assert_eq!(daemon.connections(), 1, "once is enough");
}

#[test]
fn a_lotus_miner_that_never_answers() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    let silent = Hostile::silent();
    let infos = [silent.info(), farm.other.info(&token(Permission::Admin))];
    let exporter = farm.exporter().env("MINER_API_INFO", &infos.join(",")).args(&["--timeout", "4s"]);
    let (after, stderr) = exporter.collect();
    assert!(after.failed().is_empty(), "{:?}", after.failed());
    assert!(
        stderr.contains(&format!("miner 127.0.0.1:{}: ActorAddress, Version: no complete answer", silent.port)),
        "{stderr}"
    );
    assert_ended_in_time(&after);
    let other = |metrics: &Metrics| metrics.values("farcaster_miner_sectors", &[("miner_id", OTHER)]);
    assert_eq!(other(&before), other(&after));
}

/// One slow call on the full node: what needs it is missing, and what it delays is not.
#[test]
fn a_call_that_hangs() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    farm.daemon.answer("MpoolPending", Answer::Late(Duration::from_secs(30)));
    let (after, stderr) = farm.exporter().args(&["--timeout", "4s"]).collect();
    assert_eq!(after.failed(), ["mpool"]);
    assert!(stderr.contains("MpoolPending: no complete answer within 2.0 s"), "{stderr}");
    assert_others_unharmed(&before, &after, &["mpool"]);
    assert_ended_in_time(&after);
}

/// The host of one storage path is gone, and lotus-miner waits for it: the path is down, which is no failure, and the others are not.
/// The next run knows it, and asks for the others without it.
#[test]
fn a_storage_path_that_hangs() {
    let storage = "76f1988b-ef30-4d7e-b3ec-9a627f4ba003";
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    farm.miner.answer_to("StorageStat", json!([storage]), Answer::Late(Duration::from_secs(30)));
    let exporter = farm.exporter().args(&["--timeout", "4s"]);
    for run in ["the first", "the second"] {
        let asked_before = farm.miner.requests().len();
        let (after, stderr) = exporter.collect();
        assert!(after.failed().is_empty(), "{:?} {stderr}", after.failed());
        assert!(stderr.contains(&format!("storage path {storage}: ")), "{stderr}");
        assert_eq!(after.value("farcaster_storage_up", &[("storage_id", storage)]), Some(0.0));
        assert!(!after.has("farcaster_storage_capacity_bytes", &[("storage_id", storage)]));
        assert_eq!(after.values("farcaster_storage_capacity_bytes", &[("miner_id", MINER)]).len(), 3);
        assert_others_unharmed(&before, &after, &[&format!("storage {MINER}")]);
        assert_ended_in_time(&after);
        let requests = farm.miner.requests().split_off(asked_before);
        let waits = requests.iter().filter(|request| {
            request.calls().iter().any(|(method, params)| method == "StorageStat" && *params == json!([storage]))
        });
        let is_with_others = |request: &&crate::support::Request| request.is_batch();
        assert_eq!(waits.filter(is_with_others).count(), usize::from(run == "the first"), "{run}");
    }
}
