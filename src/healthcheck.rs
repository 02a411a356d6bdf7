//! Whether the exporter has just written a text file: it is there, complete and fresh.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail, ensure};

/// Default for the most time since the run that wrote the file: as much as the alert allows.
pub const DEFAULT_MAX_AGE: Duration = Duration::from_secs(300);

/// A demo that has not written for this long is no longer running.
const DEMO_AGE: Duration = Duration::from_secs(180);

/// As much as a clock that was just corrected may differ.
const FUTURE_SECONDS: f64 = 60.0;

const TIMESTAMP: &str = "farcaster_run_timestamp_seconds";

/// Insists that the file at `path` is what a run wrote that ended at most `max_age` ago.
///
/// # Errors
///
/// The file is missing, is incomplete, or its run is further back than `max_age`. The message says which, and what to do.
pub fn healthy(path: &Path, max_age: Duration) -> Result<()> {
    let file = path.display();
    // Reading a pipe could take for ever.
    let is_file = fs::metadata(path).with_context(|| format!("{file} cannot be read"))?.is_file();
    ensure!(is_file, "{file} is not a regular file");
    let bytes = fs::read(path).with_context(|| format!("{file} cannot be read"))?;
    let text = String::from_utf8(bytes).map_err(|_| anyhow!("{file} is not the exporter's: it is not text"))?;
    ensure!(!text.is_empty(), "{file} is empty");
    ensure!(text.ends_with('\n'), "{file} is incomplete: its last line is cut off");
    if let Some(number) =
        (1..).zip(text.lines()).find(|(_, line)| !is_metric_or_comment(line)).map(|(number, _)| number)
    {
        bail!("{file} is not the exporter's, or is incomplete: line {number} is not one of its metrics");
    }
    let Some(ended) = timestamp(&text) else {
        bail!("{file} is not the exporter's, or is incomplete: it has no {TIMESTAMP}");
    };
    let ended: f64 = ended.parse().with_context(|| format!("{file}: {TIMESTAMP} is not a number"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
    let age = now - ended;
    ensure!(age.is_finite() && age >= -FUTURE_SECONDS, "{file} is from the future: correct the clock");
    let max_seconds = max_age.as_secs_f64();
    ensure!(
        age <= max_seconds,
        "{file} is {age:.0} s old, more than {max_seconds:.0} s: the exporter is no longer running, cannot write, or has a longer --interval"
    );
    Ok(())
}

/// When the run ended that wrote this text, in Unix seconds; None where it is none of ours.
pub fn run_timestamp(text: &str) -> Option<f64> {
    timestamp(text)?.parse().ok()
}

fn timestamp(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix(TIMESTAMP)?.strip_prefix(' '))
}

/// Whether a demo writes the file at `path`: it is one's, and of a moment ago.
pub fn is_of_demo(path: &Path) -> bool {
    let says_so = |line: &str| line.starts_with("farcaster_network_info{") && line.contains("network=\"demo\"");
    healthy(path, DEMO_AGE).is_ok() && fs::read_to_string(path).is_ok_and(|text| text.lines().any(says_so))
}

fn is_metric_or_comment(line: &str) -> bool {
    let is_value = |value: &str| value.parse::<f64>().is_ok();
    line.starts_with("# ")
        || (line.starts_with("farcaster_") && line.rsplit_once(' ').is_some_and(|(_, value)| is_value(value)))
}
