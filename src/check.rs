//! The command `check`: one run that publishes nothing, and says what was found, what answers, and what is wrong.

use std::fmt::{self, Display, Write};
use std::path::Path;

use anyhow::Result;

use crate::cli::Options;
use crate::exporter::{self, Env, Gathered, Log};
use crate::{healthcheck, rivals, textfile};

/// Does a run and prints the findings. True where nothing is wrong.
///
/// # Errors
///
/// The findings could not be written to stdout.
pub fn run(options: &Options, env: Env) -> Result<bool> {
    let state = exporter::state(options, env);
    let (turn, mut lines) = state.begin(options.timeout);
    let nodes = exporter::nodes(options, env, &state, &mut lines, &Log::new(options.verbosity));
    let Gathered { report, mut lines, .. } = exporter::gather(options, env, &state, &nodes, lines);
    lines.extend(turn.save().err().map(|error| format!("{error:#}")));

    let mut findings = Findings::default();
    findings.heading("Nodes");
    for endpoint in &report.endpoints {
        let told = if endpoint.told.is_empty() { String::new() } else { format!(": {}", endpoint.told) };
        let what = match (endpoint.address.as_str(), endpoint.is_up) {
            ("", _) => format!("{}: none was found", endpoint.kind.as_str()),
            (address, true) => format!("{} {address}{told}", endpoint.kind.as_str()),
            (address, false) => format!("{} {address} does not answer", endpoint.kind.as_str()),
        };
        findings.line(Mark::of(endpoint.is_up), what);
    }

    findings.heading("Collectors");
    let mut outcomes = report.outcomes;
    outcomes.sort_by(|a, b| (&a.miner_id, &a.collector).cmp(&(&b.miner_id, &b.collector)));
    for outcome in &outcomes {
        let of = if outcome.miner_id.is_empty() { String::new() } else { format!(" {}", outcome.miner_id) };
        findings.line(Mark::of(outcome.is_success), format_args!("{}{of}", outcome.collector));
    }

    if let Some(path) = &options.textfile {
        findings.heading("Text file");
        findings.text_file(path, &exporter::addresses(&nodes));
    }
    if !lines.is_empty() {
        findings.heading("What is wrong, and what to do");
        lines.iter().for_each(|line| findings.line(Mark::Wrong, line));
    }
    if !report.remarks.is_empty() {
        findings.heading("What else there is to know");
        report.remarks.iter().for_each(|remark| findings.line(Mark::Remark, remark));
    }

    findings.heading("What it costs the nodes");
    let (cost, seconds) = (report.cost, report.duration.as_secs_f64());
    let (calls, requests) = (cost.calls, cost.requests);
    findings.line(
        Mark::Remark,
        format_args!(
            "{calls} calls in {requests} requests, {seconds:.1} s; the first run costs more than the next ones"
        ),
    );
    exporter::write_to_stdout(&findings.text)?;
    Ok(!findings.is_anything_wrong)
}

/// What a line of the findings says.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Right,
    Wrong,
    Remark,
}

impl Mark {
    fn of(is_right: bool) -> Mark {
        if is_right { Mark::Right } else { Mark::Wrong }
    }
}

/// The text as it grows.
#[derive(Default)]
struct Findings {
    text: String,
    is_anything_wrong: bool,
}

impl Findings {
    fn heading(&mut self, heading: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        self.write(format_args!("{gap}{heading}"));
    }

    /// The one way to say that something is wrong, and what decides the exit status.
    fn line(&mut self, mark: Mark, what: impl Display) {
        self.is_anything_wrong |= mark == Mark::Wrong;
        let mark = match mark {
            Mark::Right => "ok   ",
            Mark::Wrong => "WRONG",
            Mark::Remark => "-    ",
        };
        self.write(format_args!("  {mark}  {what}"));
    }

    /// Whether the file is there, fresh, whole, and about these nodes, and can be written by this user.
    fn text_file(&mut self, path: &Path, nodes: &[String]) {
        match healthcheck::healthy(path, healthcheck::DEFAULT_MAX_AGE) {
            Ok(()) => self.line(Mark::Right, format_args!("{} is fresh and whole", path.display())),
            Err(error) => self.line(Mark::Wrong, format_args!("{error:#}")),
        }
        let others = rivals::other_nodes(path, nodes);
        if !others.is_empty() {
            let (file, others) = (path.display(), others.join(", "));
            self.line(
                Mark::Wrong,
                format_args!("{file} is about {others}, which this check did not find: another exporter, or one with other settings, writes it"),
            );
        }
        match textfile::probe(path) {
            Ok(()) => self.line(Mark::Right, "this user can write it"),
            Err(error) => self.line(Mark::Wrong, format_args!("{error:#}")),
        }
    }

    fn write(&mut self, line: fmt::Arguments) {
        let line: String = line.to_string().chars().filter(|c| *c == '\n' || !c.is_control()).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}
