//! The simulated farm shows everything there is to see, at any time.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use lotus_farcaster::address_book::AddressBook;
use lotus_farcaster::collect::{self, Run};
use lotus_farcaster::demo;
use lotus_farcaster::expose::families;
use lotus_farcaster::state::State;

/// 2026-11-23T00:00:00Z.
const A_MIDNIGHT: f64 = 1_795_392_000.0;

fn demo_text(now: f64, state: &State) -> String {
    let nodes = demo::nodes(2000, Arc::new(move || now));
    let report = collect::run(&Run {
        nodes: &nodes,
        miner_ids: &[],
        address_book: &AddressBook::default(),
        state,
        now,
        timeout: Duration::from_secs(40),
        slow_period_seconds: 1800.0,
        max_rows: 500,
    });
    assert_eq!(report.lines, [""; 0], "at {now}");
    let (text, duplicates) = report.samples.render();
    assert_eq!(duplicates, [""; 0], "at {now}");
    text
}

#[test]
fn every_family_has_values_and_every_collector_succeeds_all_day_long() {
    let state = State::in_memory();
    let mut missing = Vec::new();
    // Durations take something that was seen to finish.
    for minutes in -30..0 {
        demo_text(A_MIDNIGHT + f64::from(minutes) * 60.0, &state);
    }
    for minutes in (0..24 * 60).step_by(29) {
        let now = A_MIDNIGHT + f64::from(minutes) * 60.0;
        let text = demo_text(now, &state);
        for family in families::ALL {
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
