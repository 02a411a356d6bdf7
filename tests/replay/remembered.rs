//! Totals of blocks are published when the day that the walk looks back on is complete, which takes more runs than were recorded. Instead,
//! what the first run leaves to the next in the state file is compared.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::support::Metrics;
use crate::values::{fil_of, number, whole};

/// Adds what the run remembers to what it published.
pub fn add_totals(home: &Path, published: &mut Metrics) {
    let state = std::fs::read(home.join(".local/state/lotus-farcaster/state.json")).unwrap();
    let state: Value = serde_json::from_slice(&state).unwrap();
    let network = &state["sections"]["blocks"]["network"];
    for name in ["epochs", "blocks", "wins", "orphaned"] {
        let family = if name == "orphaned" { "blocks_orphaned" } else { name };
        published
            .0
            .entry((format!("farcaster_network_{family}_total"), BTreeMap::new()))
            .or_insert(number(&network[name]));
    }
    for (miner_id, totals) in state["sections"]["blocks"]["miners"].as_object().unwrap() {
        let last = &totals["last_block"];
        for (name, value) in [
            ("blocks_won_total", number(&totals["blocks"])),
            ("wins_total", number(&totals["wins"])),
            ("blocks_orphaned_total", number(&totals["orphaned"])),
            ("rewards_fil_total", fil_of(whole(&totals["rewards"]))),
            ("last_block_height", number(&last["height"])),
            ("last_block_timestamp_seconds", number(&last["timestamp_seconds"])),
            // Five leaders an epoch. A share of the power counts once it was reported twice; until then its epochs wait.
            ("expected_wins_total", 5.0 * number(&totals["unweighed_epochs"]) * number(&totals["doubted_share"])),
        ] {
            let labels = [("miner_id".to_owned(), miner_id.clone())].into_iter().collect();
            // A chain that is younger than what one run walks is whole at once.
            published.0.entry((format!("farcaster_miner_{name}"), labels)).or_insert(value);
        }
    }
}
