//! The command `demo-history`: what the exporter would have shown of the simulated farm, run by run, in OpenMetrics with timestamps, so that
//! `promtool tsdb create-blocks-from openmetrics` gives Prometheus a history of the demo.
//!
//! A series that ends in it is drawn for five minutes more: OpenMetrics has no way to write a stale marker.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::address_book::AddressBook;
use crate::cli::{DEFAULT_MAX_ROWS, DEFAULT_SLOW_INTERVAL, DEFAULT_TIMEOUT, DemoHistory};
use crate::collect::{self, Run};
use crate::demo::Farm;
use crate::rpc::Node;
use crate::state::State;
use crate::{demo, exporter};

const STEP_SECONDS: f64 = 60.0;

/// Writes the runs of `options.duration` that end now. What is remembered stays in the state folder, where a demo goes on; if something is
/// remembered there already, that demo has its history, and the file gets none. Returns the number of runs.
///
/// # Errors
///
/// The file or the state cannot be written.
pub fn run(options: &DemoHistory) -> Result<usize> {
    let state_dir = options.state_dir.as_deref();
    let has_history = state_dir.is_some_and(is_used);
    let state = state_dir.map_or_else(State::in_memory, State::in_folder);
    let end = exporter::unix_seconds();
    let runs = if has_history { 0 } else { (options.duration.as_secs_f64() / STEP_SECONDS) as usize };

    let path = options.file.display();
    let file = File::create(&options.file).with_context(|| format!("cannot write {path}"))?;
    let mut out = BufWriter::new(file);
    let farm = Farm::with_miners(options.demo_sectors, options.demo_miners).with_curio();
    let mut write = || {
        for back in (0..runs).rev() {
            let now = end - back as f64 * STEP_SECONDS;
            let nodes = demo::nodes(farm.clone(), Arc::new(move || now));
            write_run(&mut out, &options.labels, &nodes, &[], &state, now)?;
        }
        writeln!(out, "# EOF")?;
        out.flush()?;
        anyhow::Ok(())
    };
    write().with_context(|| format!("cannot write {path}"))?;
    Ok(runs)
}

/// Whether the folder has anything in it.
fn is_used(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Does a run as at `now`, and writes its samples with these labels more and this time.
///
/// # Errors
///
/// The samples or the state cannot be written.
pub fn write_run(
    out: &mut impl Write,
    labels: &str,
    nodes: &[Node],
    miner_ids: &[String],
    state: &State,
    now: f64,
) -> Result<()> {
    let (turn, _) = state.begin(Duration::from_secs(1));
    let report = collect::run(&Run {
        nodes,
        miner_ids,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_to_a_sample_with_and_without_its_own() {
        assert_eq!(with_labels("a{b=\"{\"} 1", "job=\"x\""), "a{job=\"x\",b=\"{\"} 1");
        assert_eq!(with_labels("a 1", "job=\"x\""), "a{job=\"x\"} 1");
        assert_eq!(with_labels("a 1", ""), "a 1");
    }
}
