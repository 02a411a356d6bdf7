//! The real binary asks a Curio over HTTP, which answers what a real one answered, or fails as a real one fails.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod check;
mod drift;
mod faults;
mod machines;
mod pdp;
mod reading;
mod restraint;

use support::{Curio, Exporter, Metrics};

/// The exporter, told of a Curio and of nothing else.
fn exporter(curio: &Curio) -> Exporter {
    Exporter::new().arg("--curio").arg(curio.url())
}

/// What a run shows of a Curio, and says about it. That there is no full node is another matter.
fn collect(exporter: &Exporter) -> (Metrics, Vec<String>) {
    let (metrics, stderr) = exporter.collect();
    let lines = stderr.lines().filter(|line| !line.contains("no full node to ask")).map(str::to_owned).collect();
    (metrics, lines)
}

fn is_well(metrics: &Metrics, collector: &str) -> bool {
    metrics.value("farcaster_collector_success", &[("collector", collector)]) == Some(1.0)
}

/// The collectors of Curio that failed.
fn failed(metrics: &Metrics) -> Vec<String> {
    let all = metrics.family("farcaster_collector_success").into_iter();
    let failed = all.filter(|(labels, value)| {
        *value == 0.0 && (labels["collector"].starts_with("curio") || labels["collector"].starts_with("pdp"))
    });
    failed.map(|(labels, _)| labels["collector"].clone()).collect()
}
