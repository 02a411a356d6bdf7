//! The simulated farm shows everything there is to see, at any time.

#![allow(clippy::unwrap_used)]

mod simulation;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lotus_farcaster::demo::{self, Farm};
use lotus_farcaster::discover::Kind;
use lotus_farcaster::expose::{Description, families};
use lotus_farcaster::rpc::{Cause, ReadAnswer, Transport};
use lotus_farcaster::state::State;
use simulation::{A_MIDNIGHT, SECTORS};
use support::{Exporter, Metrics};

fn demo_text(now: f64, state: &State) -> String {
    let outcome = simulation::run(now, state);
    assert_eq!(outcome.lines, [""; 0], "at {now}");
    outcome.text
}

#[test]
fn every_family_has_values_and_every_collector_succeeds_all_day_long() {
    let state = State::in_memory();
    let mut missing = Vec::new();
    // Durations require something that was seen to finish, and totals the whole last day.
    for minutes in -40..0 {
        demo_text(A_MIDNIGHT + f64::from(minutes) * 60.0, &state);
    }
    for minutes in (0..24 * 60).step_by(29) {
        let now = A_MIDNIGHT + f64::from(minutes) * 60.0;
        let text = demo_text(now, &state);
        // No path leaves the farm, no file is lost, no miner changes its worker or signs two blocks for one epoch, messages fail some hours
        // apart, and the cluster is well most of the time.
        let not_always = [
            families::STORAGE_DETACHED.name,
            families::MINER_MISSING_SECTOR.name,
            families::MINER_WORKER_CHANGE_TIMESTAMP_SECONDS.name,
            families::MINER_CONSENSUS_FAULT_END_TIMESTAMP_SECONDS.name,
            families::MESSAGE_FAILED_TIMESTAMP_SECONDS.name,
            families::CURIO_PIPELINE_PROBLEM_SECTOR.name,
            families::CURIO_ALERT_ACTIVE.name,
            families::CURIO_CHAIN_NODE_BEHIND_SECONDS.name,
            families::CURIO_LAST_LOST_BLOCK_TIMESTAMP_SECONDS.name,
            families::CURIO_MESSAGE_OLDEST_TIMESTAMP_SECONDS.name,
        ];
        let is_shown = |family: &&Description| !not_always.contains(&family.name);
        for family in families::ALL.iter().filter(is_shown) {
            let starts = ["{", " ", "_count{"].map(|end| format!("\n{}{end}", family.name));
            if !starts.iter().any(|start| text.contains(start)) {
                missing.push(format!("{} at minute {minutes}", family.name));
            }
        }
        assert!(text.contains("farcaster_network_info{network=\"demo\"} 1"), "at {now}");
        let of = |family: &str| text.lines().filter(|line| line.starts_with(family)).collect::<Vec<_>>();
        for line in of("farcaster_run_rpc_errors") {
            assert!(line.ends_with(" 0"), "{line} at {now}");
        }
        for line in of("farcaster_collector_success") {
            assert!(line.ends_with(" 1"), "{line} at {now}");
        }
    }
    assert_eq!(missing, [""; 0]);
}

/// A node that is not there.
struct Dead;

impl Transport for Dead {
    fn post(&self, _path: &str, _body: &[u8], _timeout: Duration, _read: ReadAnswer) -> Result<(), Cause> {
        Err(Cause::Unreachable("connection refused".to_owned()))
    }
}

#[test]
fn a_demo_whose_full_node_dies_stays_a_demo() {
    let state = State::in_memory();
    let mut nodes = demo::nodes(Farm::new(SECTORS), Arc::new(|| A_MIDNIGHT));
    simulation::run_on(&nodes, A_MIDNIGHT, &state);
    let daemon = nodes.iter_mut().find(|node| node.kind == Kind::Daemon).unwrap();
    daemon.transport = Arc::new(Dead);
    let text = simulation::run_on(&nodes, A_MIDNIGHT + 60.0, &state).text;
    assert!(!text.contains("farcaster_daemon_info{"));
    assert!(text.contains("farcaster_network_info{network=\"demo\"} 1"));
}

#[test]
fn each_of_the_requested_miners_is_a_miner_of_its_own() {
    let state = State::in_memory();
    let nodes = demo::nodes(Farm::with_miners(30_000, 30), Arc::new(|| A_MIDNIGHT));
    let outcome = simulation::run_on(&nodes, A_MIDNIGHT, &state);
    assert_eq!(outcome.lines, [""; 0]);
    let metrics = Metrics::parse(&outcome.text);
    let values = |family: &str, label: &str| -> BTreeMap<String, f64> {
        metrics.family(family).into_iter().map(|(labels, value)| (labels[label].clone(), value)).collect()
    };
    let powers = values("farcaster_miner_power_bytes", "miner_id");
    assert_eq!(powers.len(), 30);
    let sizes: BTreeSet<u64> = powers.values().map(|bytes| *bytes as u64).collect();
    assert!(sizes.len() > 20, "{sizes:?}");
    let mut miners_of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (labels, _) in metrics.family("farcaster_worker_info") {
        miners_of.entry(labels["worker_host"].clone()).or_default().insert(labels["miner_id"].clone());
    }
    assert!(miners_of.len() == 60 && miners_of.values().all(|miners| miners.len() == 1), "{miners_of:?}");
    // Things go wrong only at the first two.
    for (labels, value) in metrics.family("farcaster_miner_deadline_faulty_sectors") {
        assert!(value == 0.0 || ["f03100100", "f03100200"].contains(&labels["miner_id"].as_str()), "{labels:?}");
    }
}

#[test]
fn a_history_has_one_run_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let (file, state) = (folder.path().join("history"), folder.path().join("state"));
    let history = || {
        let exporter =
            Exporter::new().args(&["demo-history", "--duration", "3m", "--labels", "job=\"a\",instance=\"b\""]);
        let run = exporter.arg("--state-dir").arg(&state).arg(&file).run();
        assert_eq!((run.status.code(), run.stderr.as_str()), (Some(0), ""));
        std::fs::read_to_string(&file).unwrap()
    };
    let text = history();
    let (samples, end) = text.split_once("# EOF\n").unwrap();
    assert_eq!(end, "");
    let heads = samples
        .lines()
        .filter_map(|line| line.strip_prefix("farcaster_run_timestamp_seconds{job=\"a\",instance=\"b\"} "));
    let times: Vec<f64> = heads.map(|values| values.split_once(' ').unwrap().1.parse().unwrap()).collect();
    assert_eq!(times.len(), 3);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 60.0), "{times:?}");
    assert!(
        samples
            .lines()
            .any(|line| line.starts_with("farcaster_miner_power_bytes{job=\"a\",instance=\"b\",miner_id=\"f0"))
    );
    // A demo that continues from there has its history.
    assert_eq!(history(), "# EOF\n");
}
