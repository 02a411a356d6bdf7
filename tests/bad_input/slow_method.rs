//! A method that does not answer costs its own data, and nothing else.

use std::time::Duration;

use crate::assert_others_unharmed;
use crate::support::{Answer, Farm, MINER, Metrics, OTHER};

/// A quarter of this is what one request may take.
const TIMEOUT: &str = "24s";

const MUCH_LATER: Answer = Answer::Late(Duration::from_secs(50));

fn assert_all_up(metrics: &Metrics) {
    assert!(metrics.values("farcaster_endpoint_up", &[]).iter().all(|up| *up == 1.0));
}

/// A method of the miner hangs: the run that discovers it, and the next one.
fn miners_method_hangs(method: &str, harmed: &[&str]) {
    let farm = Farm::start();
    let exporter = farm.exporter().args(&["--timeout", TIMEOUT]);
    let (before, _) = exporter.collect();
    farm.miner.answer(method, MUCH_LATER);
    for _ in 0..2 {
        let (after, stderr) = exporter.collect();
        assert_all_up(&after);
        assert_others_unharmed(&before, &after, harmed);
        let failed: Vec<String> = after.failed();
        let of_others = failed.iter().filter(|failed| !harmed.contains(&failed.as_str()));
        assert_eq!(of_others.collect::<Vec<_>>(), [""; 0], "{method}");
        assert!(stderr.contains(method) && stderr.contains("no complete answer"), "{method}: {stderr}");
    }
    farm.miner.restore();
    exporter.collect();
    let (healed, stderr) = exporter.collect();
    assert!(healed.failed().is_empty(), "{stderr}");
}

fn daemons_method_hangs(method: &str, harmed: &[&str]) {
    let farm = Farm::start();
    let exporter = farm.exporter().args(&["--timeout", TIMEOUT]);
    let (before, _) = exporter.collect();
    farm.daemon.answer(method, MUCH_LATER);
    for _ in 0..2 {
        let (after, stderr) = exporter.collect();
        assert_all_up(&after);
        assert_others_unharmed(&before, &after, harmed);
        assert!(stderr.contains(method), "{method}: {stderr}");
    }
}

#[test]
fn of_a_lotus_miner_what_only_reports_its_start() {
    miners_method_hangs("StartTime", &[&format!("process {MINER}")]);
}

#[test]
fn of_a_lotus_miner_its_version() {
    miners_method_hangs("Version", &[&format!("identity {MINER}")]);
}

#[test]
fn of_a_lotus_miner_its_workers() {
    miners_method_hangs("WorkerStats", &[&format!("workers {MINER}"), &format!("jobs {MINER}")]);
}

#[test]
fn of_a_full_node_its_start() {
    daemons_method_hangs("StartTime", &["daemon"]);
}

#[test]
fn of_a_full_node_its_peers() {
    daemons_method_hangs("NetPeers", &["daemon"]);
}

#[test]
fn of_a_full_node_one_field_of_what_is_asked_first() {
    daemons_method_hangs("StateNetworkVersion", &["daemon", "gas", "mpool", "network"]);
}

#[test]
fn of_a_full_node_what_is_asked_for_each_miner() {
    let power = [MINER, OTHER].map(|id| format!("power {id}"));
    daemons_method_hangs("StateMinerPower", &["network", "blocks", &power[0], &power[1]]);
}
