//! The command `check`: one run that publishes nothing, and prints what was found, what answers, and what is wrong.

mod curio;
mod findings;
mod json;
mod judgements;
mod nodes;
mod permissions;
mod print;
mod progress;
mod report;
mod surroundings;

use anyhow::Result;

use crate::cli::{Check, CheckFormat, Options, Verbosity};
use crate::collect::Report;
use crate::exporter::{self, Env, Gathered, Log, Notice, Notices};
use crate::expose::Facts;
use crate::standing::facts::Standing;
use crate::thresholds::Thresholds;
use findings::{Finding, Findings, Mark, Section};
use progress::Progress;

/// Does a run and prints the findings. True where nothing is wrong.
///
/// # Errors
///
/// The findings could not be written to stdout.
pub fn run(check: &Check, env: Env) -> Result<bool> {
    let (found, findings) = find(&check.options, env)?;
    let text = match check.format {
        CheckFormat::Text => print::text(&found, &findings, print::has_colour(env)),
        CheckFormat::Json => json::text(&found, &findings)?,
        CheckFormat::Report => report::text(&found, &findings, env),
    };
    exporter::write_to_stdout(&text)?;
    Ok(!findings.is_anything_wrong())
}

/// The run that the findings are about.
struct Found {
    report: Report,
    facts: Facts,
}

fn find(options: &Options, env: Env) -> Result<(Found, Findings)> {
    let thresholds = Thresholds::read()?;
    let state = exporter::state(options, env);
    let (turn, lines) = state.begin(options.timeout);
    let mut notices = Notices::default();
    notices.add(Notice::Memory, lines);
    let mut nodes = exporter::nodes(options, env, &state, &mut notices, &Log::new(options.verbosity));
    let progress = Progress::watch(&mut nodes);
    let gather = || exporter::gather(options, env, &state, &nodes, notices);
    let Gathered { report, text, mut notices } = match options.verbosity {
        Verbosity::Quiet => gather(),
        _ => progress.during(options.timeout, gather),
    };
    notices.add(Notice::Memory, turn.save().err().map(|error| format!("{error:#}")));

    let mut findings = Findings::default();
    let mut troubles = nodes::add(&report, &mut findings);
    let is_up = |name: &str| {
        report.endpoints.iter().any(|of| of.is_up && format!("{} {}", of.kind.as_str(), of.address) == name)
    };
    permissions::add(&nodes, is_up, &mut troubles, &mut findings);
    nodes::add_causes(&report, &troubles, &mut findings);
    let facts = Facts::read(&text);
    curio::add(&report, &facts, &mut findings);
    let mut standing = Standing::read(&facts, &[]);
    standing.judge(&thresholds);
    judgements::add(&standing, &mut findings);
    for (notice, line) in notices.all() {
        if let Some(finding) = findings.all.iter_mut().find(|finding| is_cause_of(line, finding)) {
            finding.what = format!("{}; {line}", finding.what);
        } else if let Some((section, mark)) = sorted(*notice, line) {
            findings.add(section, mark, line.as_str());
        }
    }
    surroundings::add(options.textfile.as_deref(), &exporter::addresses(&nodes), &mut findings);
    Ok((Found { report, facts }, findings))
}

/// Whether what is wrong with a place is why no node was found, or why the one that is looked for there is down.
fn is_cause_of(line: &str, finding: &Finding) -> bool {
    let address = finding.node.as_deref().and_then(|node| node.split_once(' ')).map(|(_, address)| address);
    let is_tried = address.is_some_and(|address| line.ends_with(&format!("Until then {address} is tried")));
    let is_none = finding.node.is_none() && line.starts_with("FULLNODE_API_INFO");
    finding.section == Section::Nodes && finding.mark == Mark::Wrong && (is_tried || is_none)
}

/// Where a line of a run belongs, and whether it means that something is wrong: all do, except that this run's state could not be kept.
fn sorted(notice: Notice, line: &str) -> Option<(Section, Mark)> {
    match notice {
        Notice::Memory if line.contains("this run is not remembered") => Some((Section::Settings, Mark::Remark)),
        Notice::Memory | Notice::Places | Notice::AddressBook => Some((Section::Settings, Mark::Wrong)),
        Notice::Series => Some((Section::Collectors, Mark::Wrong)),
        Notice::TextFile => Some((Section::TextFile, Mark::Wrong)),
        // What nodes say is sorted by its causes.
        Notice::Nodes => None,
    }
}
