//! What is around the exporter on this machine: its text file, others that write it, the node_exporter that reads it, the Prometheus that asks
//! that. Nothing here fails, and nothing takes long.

mod cron;
mod http;
mod node_exporter;
mod processes;
mod prometheus;
mod text_file;

use std::path::Path;

use super::findings::{Findings, Mark, Section};

/// Looks around. `nodes` are the addresses that this exporter asks.
pub fn add(text_file: Option<&Path>, nodes: &[String], findings: &mut Findings) {
    let readers = node_exporter::running();
    let Some(path) = text_file else {
        if let Some(reader) = readers.first() {
            let what = format!(
                "node_exporter runs here (pid {}): run check with the exporter's --textfile to check the whole path to Prometheus",
                reader.process.pid
            );
            findings.add(Section::NodeExporter, Mark::Remark, what);
        }
        return;
    };
    text_file::add(path, nodes, &readers, findings);
    cron::add(path, findings);
    let ports = node_exporter::add(path, &readers, findings);
    prometheus::add(&ports, findings);
}
