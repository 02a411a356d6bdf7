//! State between runs: totals that never fall, whatever happens between two runs.

#![allow(clippy::unwrap_used)]

mod simulation;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use lotus_farcaster::state::State;
use simulation::A_MIDNIGHT;

/// One run on the farm at a given moment: the series and their values, and what went wrong.
fn run(now: f64, state: &State) -> (BTreeMap<String, f64>, Vec<String>) {
    let outcome = simulation::run(now, state);
    (outcome.series(), outcome.lines)
}

/// Totals that the exporter itself keeps, not those of the nodes.
fn is_own_total(series: &str) -> bool {
    let name = series.split('{').next().unwrap();
    let is_total = ["_total", "_sum", "_count"].iter().any(|suffix| name.ends_with(suffix));
    let is_of_boost = ["receive", "transmit"].iter().any(|way| name == format!("farcaster_boost_{way}_bytes_total"));
    is_total && !is_of_boost && !name.starts_with("farcaster_daemon_")
}

fn assert_none_fell(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>, when: f64) {
    for (series, value) in before.iter().filter(|(series, _)| is_own_total(series)) {
        let now = after.get(series);
        assert!(now.is_some_and(|now| now >= value), "{series} fell from {value} to {now:?} at {when}");
    }
}

/// Runs at all these moments, each time with the state that `state` gives; the last totals.
fn follow(moments: impl Iterator<Item = f64>, mut state: impl FnMut() -> Arc<State>) -> BTreeMap<String, f64> {
    let mut totals = BTreeMap::new();
    for now in moments {
        let (series, lines) = run(now, &state());
        assert_eq!(lines, [""; 0], "at {now}");
        assert_none_fell(&totals, &series, now);
        totals = series;
    }
    totals.retain(|series, _| is_own_total(series));
    totals
}

fn every_minute(minutes: u32) -> impl Iterator<Item = f64> {
    (0..minutes).map(|minute| A_MIDNIGHT + f64::from(minute) * 60.0)
}

fn of_folder(folder: &Path) -> Arc<State> {
    Arc::new(State::in_folder(folder))
}

#[test]
fn one_process_and_one_for_each_run_count_the_same() {
    let (loop_folder, cron_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let looping = of_folder(loop_folder.path());
    let in_a_loop = follow(every_minute(240), || looping.clone());
    let by_cron = follow(every_minute(240), || of_folder(cron_folder.path()));
    assert_eq!(in_a_loop, by_cron);
    let finished: f64 = in_a_loop.iter().filter(|(series, _)| series.contains("_count")).map(|(_, count)| count).sum();
    assert!(finished > 50.0, "{in_a_loop:?}");
}

#[test]
fn no_total_falls_over_restarts_outages_and_a_clock_that_is_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = of_folder(folder.path());
    let moments = every_minute(400).enumerate().map(|(index, now)| match index {
        // Set back by two hours for half an hour, then a day ahead for a while, then three hours without a run.
        100..130 => now - 7200.0,
        200..210 => now + 86_400.0,
        300.. => now + 10_800.0,
        _ => now,
    });
    let mut runs = 0;
    follow(moments, || {
        runs += 1;
        if runs % 7 == 0 {
            state = of_folder(folder.path());
        }
        state.clone()
    });
}

#[test]
fn nothing_is_counted_twice_while_the_state_cannot_be_saved() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in-the-way");
    std::fs::write(&file, "").unwrap();
    let remembered = follow(every_minute(120), {
        let state = Arc::new(State::in_memory());
        move || state.clone()
    });
    let state = of_folder(&file);
    let mut totals = BTreeMap::new();
    for now in every_minute(120) {
        let (series, lines) = run(now, &state);
        assert!(lines.len() == 1 && lines[0].contains("in-the-way"), "{lines:?}");
        assert_none_fell(&totals, &series, now);
        totals = series;
    }
    totals.retain(|series, _| is_own_total(series));
    assert_eq!(totals, remembered);
}
