//! The findings for programs; docs/check.schema.json is the schema.

use anyhow::Result;
use serde::Serialize;

use super::Found;
use super::findings::{Finding, Findings, Mark};
use crate::expose::families;

/// Rises when something that is there goes away or changes its meaning. What is added does not raise it.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    version: &'static str,
    commit: &'static str,
    time_seconds: f64,
    is_anything_wrong: bool,
    findings: Vec<Entry<'a>>,
    cost: Cost,
}

#[derive(Serialize)]
struct Entry<'a> {
    section: &'static str,
    mark: &'static str,
    what: &'a str,
    node: Option<&'a str>,
    alert: Option<&'static str>,
    severity: Option<&'static str>,
    failed_calls: u64,
    failed_collectors: &'a [String],
}

#[derive(Serialize)]
struct Cost {
    calls: u64,
    requests: u64,
    received_bytes: u64,
    seconds: f64,
}

/// One document, and the end of its line.
///
/// # Errors
///
/// Never, as far as is known: all of it can be written as JSON.
pub fn text(found: &Found, findings: &Findings) -> Result<String> {
    let cost = found.report.cost;
    let document = Document {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        commit: crate::COMMIT,
        time_seconds: found.facts.get(&families::RUN_TIMESTAMP_SECONDS, []).unwrap_or(0.0),
        is_anything_wrong: findings.count(Mark::Wrong) > 0,
        findings: findings.all.iter().map(entry).collect(),
        cost: Cost {
            calls: cost.calls,
            requests: cost.requests,
            received_bytes: cost.received_bytes,
            seconds: found.report.duration.as_secs_f64(),
        },
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn entry(finding: &Finding) -> Entry<'_> {
    Entry {
        section: finding.section.word(),
        mark: finding.mark.word(),
        what: &finding.what,
        node: finding.node.as_deref(),
        alert: finding.alert.map(|(alert, _)| alert),
        severity: finding.alert.map(|(_, severity)| severity),
        failed_calls: finding.calls,
        failed_collectors: &finding.collectors,
    }
}
