//! Writes what the exporter would have shown of the simulated farm, run by run, in OpenMetrics with timestamps, so that Prometheus can be
//! given a history: `promtool tsdb create-blocks-from openmetrics`. What is remembered stays in a folder, where a live demo can go on.
//!
//! Usage: demo_history END_UNIX_SECONDS HOURS STATE_DIR [LABELS], LABELS like `job="farcaster",instance="local"`

use std::env;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use lotus_farcaster::address_book::AddressBook;
use lotus_farcaster::cli::{DEFAULT_DEMO_SECTORS, DEFAULT_MAX_ROWS, DEFAULT_SLOW_INTERVAL, DEFAULT_TIMEOUT};
use lotus_farcaster::collect::{self, Run};
use lotus_farcaster::demo;
use lotus_farcaster::state::State;

const STEP_SECONDS: f64 = 60.0;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().collect();
    let number = |index: usize, what: &str| -> Result<f64> {
        let text = arguments.get(index).with_context(|| format!("{what} is missing"))?;
        text.parse().with_context(|| format!("{what} is not a number"))
    };
    let end = number(1, "the time of the end")?;
    let hours = number(2, "the number of hours")?;
    let state = State::in_folder(Path::new(arguments.get(3).context("the state folder is missing")?));
    let labels = arguments.get(4).map_or("", String::as_str);

    let mut out = BufWriter::new(io::stdout().lock());
    let mut now = end - hours * 3600.0;
    while now <= end {
        write_run(&mut out, now, &state, labels)?;
        now += STEP_SECONDS;
    }
    writeln!(out, "# EOF")?;
    out.flush().context("cannot write to stdout")
}

fn write_run(out: &mut impl Write, now: f64, state: &State, labels: &str) -> Result<()> {
    let (turn, _) = state.begin(Duration::from_secs(1));
    let report = collect::run(&Run {
        nodes: &demo::nodes(DEFAULT_DEMO_SECTORS, Arc::new(move || now)),
        miner_ids: &[],
        address_book: &AddressBook::default(),
        state,
        now,
        timeout: DEFAULT_TIMEOUT,
        slow_period_seconds: DEFAULT_SLOW_INTERVAL.as_secs_f64(),
        max_rows: DEFAULT_MAX_ROWS,
    });
    turn.save()?;
    let (text, _) = report.samples.render();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        writeln!(out, "{} {now}", with_labels(line, labels))?;
    }
    Ok(())
}

/// A sample with more labels, which stand first, where a value cannot be taken for them.
fn with_labels(sample: &str, labels: &str) -> String {
    let name_end = sample.find(['{', ' ']).unwrap_or(sample.len());
    let (name, rest) = sample.split_at(name_end);
    match (labels, rest.strip_prefix('{')) {
        ("", _) => sample.to_owned(),
        (_, Some(rest)) => format!("{name}{{{labels},{rest}"),
        (_, None) => format!("{name}{{{labels}}}{rest}"),
    }
}
