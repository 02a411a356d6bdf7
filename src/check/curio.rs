//! Curio's web UI has no password: whoever reaches it can move money and read keys.

use super::findings::{Findings, Mark, Section};
use crate::collect::Report;
use crate::discover::Kind;
use crate::discover::curio::{is_loopback, is_own};
use crate::expose::{Facts, families};

/// Adds a finding for each web UI that is open to others than its own machine.
pub fn add(report: &Report, facts: &Facts, findings: &mut Findings) {
    for fact in facts.all(&families::CURIO_WEB_EXPOSED).into_iter().filter(|fact| fact.value > 0.0) {
        let [cluster] = fact.labels;
        let node = report.endpoints.iter().find(|of| of.kind == Kind::Curio && of.address == cluster);
        let Some(node) = node.map(|node| format!("{} {}", node.kind.as_str(), node.address)) else { continue };
        let host = cluster.rsplit_once(':').map_or(cluster.as_str(), |(host, _)| host);
        let risk = "which has no password: whoever reaches it can move money and read keys";
        let (mark, what) = if is_loopback(host) || is_own(host) {
            let remedy = "set Subsystems.GuiAddress to 127.0.0.1:4701, or close the port to others";
            (
                Mark::Wrong,
                format!("{node}: the web UI, {risk}, answers on this machine's address in its network; {remedy}"),
            )
        } else {
            let remedy = "close its port to all but this machine, or let the exporter run on the UI's own machine";
            (Mark::Remark, format!("{node}: the web UI, {risk}, answers to another machine, this one; {remedy}"))
        };
        findings.add(Section::Permissions, mark, what).node = Some(node);
    }
}
