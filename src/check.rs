//! The command `check`: one run that publishes nothing, and says what was found, what answers, and what is wrong.

use std::fmt::{self, Display, Write};
use std::path::Path;

use anyhow::Result;

use crate::cli::Options;
use crate::exporter::{self, Env, Gathered, Log};
use crate::{healthcheck, textfile};

/// Does a run and prints the findings. True where nothing is wrong.
///
/// # Errors
///
/// The findings could not be written to stdout.
pub fn run(options: &Options, env: Env) -> Result<bool> {
    let state = exporter::state(options, env);
    let (nodes, mut lines) = exporter::nodes(options, env, &Log::new(options.verbosity));
    let Gathered { report, lines: of_run } = exporter::gather(options, env, &state, &nodes);
    lines.extend(of_run);

    let mut findings = Findings::default();
    findings.heading("Nodes");
    for endpoint in &report.endpoints {
        let told = if endpoint.told.is_empty() { String::new() } else { format!(": {}", endpoint.told) };
        let what = match (endpoint.address.as_str(), endpoint.is_up) {
            ("", _) => format!("{}: none was found", endpoint.kind.as_str()),
            (address, true) => format!("{} {address}{told}", endpoint.kind.as_str()),
            (address, false) => format!("{} {address} does not answer", endpoint.kind.as_str()),
        };
        findings.line(endpoint.is_up, what);
    }

    findings.heading("Collectors");
    let mut outcomes = report.outcomes;
    outcomes.sort_by(|a, b| (&a.miner_id, &a.collector).cmp(&(&b.miner_id, &b.collector)));
    for outcome in &outcomes {
        let of = if outcome.miner_id.is_empty() { String::new() } else { format!(" {}", outcome.miner_id) };
        findings.line(outcome.is_success, format_args!("{}{of}", outcome.collector));
    }

    if let Some(path) = &options.textfile {
        findings.heading("Text file");
        findings.text_file(path);
    }
    if !lines.is_empty() {
        findings.heading("What is wrong, and what to do");
        lines.iter().for_each(|line| findings.remark(line));
    }

    findings.heading("What it costs the nodes");
    let (cost, seconds) = (report.cost, report.duration.as_secs_f64());
    let (calls, requests) = (cost.calls, cost.requests);
    findings.remark(format_args!(
        "{calls} calls in {requests} requests, {seconds:.1} s; the first run costs more than the next ones"
    ));
    exporter::write_to_stdout(&findings.text)?;
    Ok(findings.wrong == 0)
}

/// The text as it grows.
#[derive(Default)]
struct Findings {
    text: String,
    wrong: usize,
}

impl Findings {
    fn heading(&mut self, heading: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        self.write(format_args!("{gap}{heading}"));
    }

    fn line(&mut self, is_right: bool, what: impl Display) {
        self.wrong += usize::from(!is_right);
        let mark = if is_right { "ok   " } else { "WRONG" };
        self.write(format_args!("  {mark}  {what}"));
    }

    fn remark(&mut self, remark: impl Display) {
        self.write(format_args!("  - {remark}"));
    }

    /// Whether the file is there, fresh and readable by others, which node_exporter is, and can be written by this user.
    fn text_file(&mut self, path: &Path) {
        match healthcheck::healthy(path, healthcheck::DEFAULT_MAX_AGE) {
            Ok(()) => self.line(true, format_args!("{} is fresh and whole", path.display())),
            Err(error) => self.line(false, format_args!("{error:#}")),
        }
        match textfile::probe(path) {
            Ok(()) => self.line(true, "this user can write it"),
            Err(error) => self.line(false, format_args!("{error:#}")),
        }
    }

    fn write(&mut self, line: fmt::Arguments) {
        let line: String = line.to_string().chars().filter(|c| *c == '\n' || !c.is_control()).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}
