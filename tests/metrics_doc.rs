//! docs/METRICS.md says what the table of families says. `UPDATE_DOCS=1 cargo test --test metrics_doc` writes it anew.

use std::fmt::Write;
use std::path::Path;

use lotus_farcaster::expose::families::ALL;

const INTRODUCTION: &str = "\
# Metrics

Every metric family that `lotus-exporter-farcaster` can write, with the Lotus method and field that it comes from.

- Amounts of money are in FIL, sizes in bytes, times in Unix seconds; what is true or false is 1 or 0.
- What could not be obtained is absent, and never 0. So is what cannot be, like a size below 0 or a time in the year 9999: a line on stderr
  names it, and its collector counts as failed.
- Values are of the run that wrote them, save those of the slow tier, which take reading every sector and are obtained every
  `--slow-interval` (half an hour); `farcaster_collector_data_timestamp_seconds` says when, and after four intervals without new ones they
  are dropped. Sectors in motion are asked about when something hints that they moved, at most 50 in a run.
- `miner_id`, like `f01234`, stands on everything about one miner. On the exporter's own metrics it is empty where a collector or a node is
  about no miner, or nobody knows which.
- A family with one series for each thing in motion or broken (a message, a job, a faulty sector) has at most `--max-rows` of them;
  `farcaster_truncated_rows` counts what was left out.

This file is made from the table in `src/expose/families.rs`: `UPDATE_DOCS=1 cargo test --test metrics_doc`.

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
        "docs/METRICS.md is not what src/expose/families.rs says (first difference: {differs:?}); \
         write it anew: UPDATE_DOCS=1 cargo test --test metrics_doc"
    );
}
