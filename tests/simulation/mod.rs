//! Runs of the exporter on the simulated farm, at any time that a test likes.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lotus_farcaster::address_book::AddressBook;
use lotus_farcaster::collect::{self, Run};
use lotus_farcaster::demo;
use lotus_farcaster::rpc::Node;
use lotus_farcaster::state::State;

/// 2026-11-23T00:00:00Z.
pub const A_MIDNIGHT: f64 = 1_795_392_000.0;

/// Sectors of the farm.
pub const SECTORS: u64 = 2000;

pub const SLOW_PERIOD_SECONDS: f64 = 1800.0;

/// One run at a moment, and the file after it.
pub struct Outcome {
    pub text: String,
    pub lines: Vec<String>,
}

/// Does one run, as the program does it.
pub fn run(now: f64, state: &State) -> Outcome {
    run_on(&demo::nodes(demo::Farm::new(SECTORS).with_curio(), Arc::new(move || now)), now, state)
}

/// The same on other nodes.
pub fn run_on(nodes: &[Node], now: f64, state: &State) -> Outcome {
    let (turn, mut lines) = state.begin(Duration::from_secs(1));
    let report = collect::run(&Run {
        nodes,
        miner_ids: &[],
        address_book: &AddressBook::default(),
        state,
        now,
        timeout: Duration::from_secs(40),
        slow_period_seconds: SLOW_PERIOD_SECONDS,
        max_rows: 500,
    });
    turn.save().unwrap();
    lines.extend(report.lines);
    let (text, duplicates) = report.samples.render();
    lines.extend(duplicates);
    Outcome { text, lines }
}

impl Outcome {
    /// Every series with its value.
    pub fn series(&self) -> BTreeMap<String, f64> {
        let series = self.text.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        });
        series.collect()
    }
}
