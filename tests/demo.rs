//! The simulated farm shows everything there is to see, at any time.

#![allow(clippy::unwrap_used)]

mod simulation;
mod support;

use lotus_farcaster::expose::{Description, families};
use lotus_farcaster::state::State;
use simulation::A_MIDNIGHT;
use support::Exporter;

fn demo_text(now: f64, state: &State) -> String {
    let outcome = simulation::run(now, state);
    assert_eq!(outcome.lines, [""; 0], "at {now}");
    outcome.text
}

#[test]
fn every_family_has_values_and_every_collector_succeeds_all_day_long() {
    let state = State::in_memory();
    let mut missing = Vec::new();
    // Durations take something that was seen to finish, and totals the whole last day.
    for minutes in -40..0 {
        demo_text(A_MIDNIGHT + f64::from(minutes) * 60.0, &state);
    }
    for minutes in (0..24 * 60).step_by(29) {
        let now = A_MIDNIGHT + f64::from(minutes) * 60.0;
        let text = demo_text(now, &state);
        // No path leaves the farm.
        let is_shown = |family: &&Description| family.name != families::STORAGE_DETACHED.name;
        for family in families::ALL.iter().filter(is_shown) {
            let starts = ["{", " ", "_count{"].map(|end| format!("\n{}{end}", family.name));
            if !starts.iter().any(|start| text.contains(start)) {
                missing.push(format!("{} at minute {minutes}", family.name));
            }
        }
        assert!(text.contains("network=\"demo\""), "at {now}");
        for line in text.lines().filter(|line| line.starts_with("farcaster_collector_success")) {
            assert!(line.ends_with(" 1"), "{line} at {now}");
        }
    }
    assert_eq!(missing, [""; 0]);
}

#[test]
fn a_history_is_written_once_a_minute_and_once() {
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
    // A demo that goes on from there has its history.
    assert_eq!(history(), "# EOF\n");
}
