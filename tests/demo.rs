//! The simulated farm shows everything there is to see, at any time.

#![allow(clippy::unwrap_used)]

mod simulation;

use lotus_farcaster::expose::families;
use lotus_farcaster::state::State;
use simulation::A_MIDNIGHT;

fn demo_text(now: f64, state: &State) -> String {
    let outcome = simulation::run(now, state);
    assert_eq!(outcome.lines, [""; 0], "at {now}");
    outcome.text
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
