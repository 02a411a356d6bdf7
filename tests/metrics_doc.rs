//! docs/METRICS.md matches the table of families. `UPDATE_DOCS=1 cargo test --test metrics_doc` rewrites it.

use std::fmt::Write;
use std::path::Path;

use lotus_farcaster::expose::families::ALL;

const INTRODUCTION: &str = "\
# Metrics

Every metric family that `lotus-exporter-farcaster` can write, with the Lotus method and field that it comes from.

- Amounts are in FIL, sizes in bytes, times in Unix seconds; true and false are 1 and 0.
- A value that could not be obtained is absent, never 0. So is an impossible one, such as a size below 0 or a time in the year 9999: a line
  on stderr names it, and its collector counts as failed.
- Values are from the run that wrote them, except for those of the slow tier, which require reading every sector and are collected every
  `--slow-interval` (half an hour); `farcaster_collector_data_timestamp_seconds` gives the time, and after four intervals without new values
  they are dropped. A sector in motion (one that is being sealed, waits, ends or has failed) is asked about when something suggests that it
  moved, at most 50 in a run.
- `miner_id`, such as `f01234`, is on everything about one miner. On the exporter's own metrics it is empty where a collector or a node
  belongs to no miner, or the miner is not known.
- A family with one series for each thing in motion or broken (a message, a job, a faulty sector) has at most `--max-rows` of them;
  `farcaster_truncated_rows` counts those left out.
- What miners earn, spend and keep, and how long money lasts, Prometheus computes from these: each formula is in
  `compose/prometheus/rules/earnings.yaml`. Penalties and fault fees are in none of them, since the chain's state does not show them.

This file is generated from the table in `src/expose/families.rs`: `UPDATE_DOCS=1 cargo test --test metrics_doc`.

| family | type | labels | meaning |
|---|---|---|---|
";

fn document() -> String {
    let mut text = INTRODUCTION.to_owned();
    for family in ALL {
        let kind = format!("{:?}", family.kind).to_lowercase();
        let meaning = family.help.replace('|', "\\|");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| `{}` | {kind} | {} | {meaning} |", family.name, family.labels.join(", "));
    }
    text
}

#[test]
#[allow(clippy::unwrap_used)]
fn the_document_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/METRICS.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let differs =
        written.lines().zip(document().lines()).find_map(|(is, should)| (is != should).then(|| is.to_owned()));
    assert!(
        written == document(),
        "docs/METRICS.md does not match src/expose/families.rs (first difference: {differs:?}); \
         rewrite it: UPDATE_DOCS=1 cargo test --test metrics_doc"
    );
}
