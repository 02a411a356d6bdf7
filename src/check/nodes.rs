//! The nodes, and what failed: one cause is one finding, with the calls and the collectors that it cost.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Findings, Mark, Section};
use crate::collect::{Down, Endpoint, Outcome, Report};
use crate::rpc::Cause;
use crate::tolerant::Line;
use crate::words;

/// Collectors that are named in a line; the JSON has them all.
const MAX_NAMED: usize = 6;

/// Why collectors failed, or what they learned that is wrong.
pub struct Trouble {
    pub node: String,
    /// The message.
    pub what: String,
    /// Each time that it was reported.
    pub lines: Vec<Line>,
    /// The collectors that failed for it.
    pub collectors: BTreeSet<String>,
}

/// Adds a finding for each node. Returns the other causes: those that belong to a node that is down are part of its finding.
pub fn add(report: &Report, findings: &mut Findings) -> Vec<Trouble> {
    let mut troubles = troubles(report);
    let down: Vec<&Endpoint> = report.endpoints.iter().filter(|endpoint| !endpoint.is_up).collect();
    let is_down = |node: &str| down.iter().any(|endpoint| name(endpoint) == node);
    let mut unexplained: Vec<&Outcome> = report.outcomes.iter().filter(|outcome| !outcome.is_success).collect();
    for endpoint in &report.endpoints {
        let (node, kind) = (name(endpoint), endpoint.kind.as_str());
        let Some(why) = &endpoint.down else {
            let told = if endpoint.told.is_empty() { String::new() } else { format!(": {}", endpoint.told) };
            let what = format!("{node}{told}");
            findings.add(Section::Nodes, Mark::Right, what).node = Some(node);
            continue;
        };
        let mut collectors = BTreeSet::new();
        unexplained.retain(|outcome| {
            let is_of_it = outcome.node == node || (endpoint.address.is_empty() && outcome.node.is_empty());
            if is_of_it {
                collectors.insert(label(outcome));
            }
            !is_of_it
        });
        let calls = report.failed_calls.get(&node).copied().unwrap_or(0);
        let cost = cost(calls, &collectors);
        let what = match why {
            Down::NotFound(what) => format!("{kind}: none was found; {what}{cost}"),
            Down::Other(what) => format!("{node} {what}{cost}"),
            Down::Failed(error) => format!("{node} {}{cost}", phrase(&error.cause, &Line::from(error).what)),
        };
        let finding = findings.add(Section::Nodes, Mark::Wrong, what);
        finding.calls = calls;
        finding.collectors = collectors.into_iter().collect();
        finding.node = Some(node).filter(|_| !endpoint.address.is_empty());
    }
    let is_said = |what: &str| down.iter().any(|of| matches!(&of.down, Some(Down::NotFound(said)) if said == what));
    troubles.retain(|trouble| !is_down(&trouble.node) && !is_said(&trouble.what));
    for trouble in &troubles {
        unexplained.retain(|outcome| !trouble.collectors.contains(&label(outcome)));
    }
    consequences(unexplained, &mut troubles, findings);
    troubles
}

/// Collectors that failed because another one did: they are listed with that one's cause.
fn consequences(outcomes: Vec<&Outcome>, troubles: &mut [Trouble], findings: &mut Findings) {
    for outcome in outcomes {
        let of_miner = format!(" {}", outcome.miner_id);
        let is_same = |trouble: &&mut Trouble| trouble.collectors.iter().any(|label| label.ends_with(&of_miner));
        if let Some(trouble) = troubles.iter_mut().find(|trouble| !outcome.miner_id.is_empty() && is_same(trouble)) {
            trouble.collectors.insert(label(outcome));
        } else if let Some(finding) = findings.all.iter_mut().find(|finding| finding.mark == Mark::Wrong) {
            finding.collectors.push(label(outcome));
        } else {
            let what = format!("{} failed, because its input is missing", label(outcome));
            findings.add(Section::Collectors, Mark::Wrong, what).collectors = vec![label(outcome)];
        }
    }
}

/// Adds a finding for each cause, and for what all went well with.
pub fn add_causes(report: &Report, troubles: &[Trouble], findings: &mut Findings) {
    for trouble in troubles {
        let text = Line::merged(trouble.lines.iter().cloned()).join("; ");
        // The text names a few calls, and the number of the others.
        let calls = trouble.calls();
        let cost =
            if calls > 1 || !trouble.collectors.is_empty() { cost(calls, &trouble.collectors) } else { String::new() };
        let finding = findings.add(Section::Collectors, Mark::Wrong, text + &cost);
        finding.calls = calls;
        finding.collectors = trouble.collectors.iter().cloned().collect();
        finding.node = Some(trouble.node.clone()).filter(|node| !node.is_empty());
    }
    let mut by_miner: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for outcome in report.outcomes.iter().filter(|outcome| outcome.is_success) {
        by_miner.entry(&outcome.miner_id).or_default().push(&outcome.collector);
    }
    for (miner_id, mut collectors) in by_miner {
        collectors.sort_unstable();
        let of = if miner_id.is_empty() { "chain and node" } else { miner_id };
        findings.add(Section::Collectors, Mark::Right, format!("{of}: {}", collectors.join(", ")));
    }
    let remarks = report.outcomes.iter().flat_map(|outcome| &outcome.lines).chain(&report.others);
    for remark in Line::merged(remarks.filter(|line| line.is_remark).cloned()) {
        findings.add(Section::Collectors, Mark::Remark, remark);
    }
}

impl Trouble {
    /// How many calls brought nothing for it.
    pub fn calls(&self) -> u64 {
        self.lines.iter().filter(|line| line.call.is_some() || line.what.starts_with("has no such")).count() as u64
    }
}

fn troubles(report: &Report) -> Vec<Trouble> {
    let of_collectors =
        report.outcomes.iter().flat_map(|outcome| outcome.lines.iter().map(move |line| (Some(outcome), line)));
    let all = of_collectors.chain(report.others.iter().map(|line| (None, line)));
    let mut troubles: BTreeMap<(String, String), Trouble> = BTreeMap::new();
    for (outcome, line) in all.filter(|(_, line)| !line.is_remark && !line.what.is_empty()) {
        let (node, what) = (line.node.clone(), line.what.clone());
        let trouble = troubles.entry((node.clone(), what.clone())).or_insert_with(|| Trouble {
            node,
            what,
            lines: Vec::new(),
            collectors: BTreeSet::new(),
        });
        trouble.lines.push(line.clone());
        trouble.collectors.extend(outcome.filter(|outcome| !outcome.is_success).map(label));
    }
    troubles.into_values().collect()
}

/// How messages call a node.
fn name(endpoint: &Endpoint) -> String {
    format!("{} {}", endpoint.kind.as_str(), endpoint.address)
}

fn label(outcome: &Outcome) -> String {
    format!("{} {}", outcome.collector, outcome.miner_id).trim_end().to_owned()
}

/// What a node that counts as down does. Only one that gave no answer at all does not answer.
fn phrase(cause: &Cause, what: &str) -> String {
    match cause {
        Cause::Unreachable(_) | Cause::TimedOut(_) => format!("does not answer: {what}"),
        Cause::GivenUp | Cause::NoAnswer => "does not answer".to_owned(),
        Cause::Failed(_) => format!("does not speak HTTP, or closes the connection: {what}"),
        Cause::BudgetSpent => format!("is {what}"),
        Cause::Gone(_) => format!("is not asked: {what}"),
        Cause::TooLarge(_) => format!("sends an endless answer: {what}"),
        _ => what.to_owned(),
    }
}

/// What a cause has cost, as the end of a sentence.
pub fn cost(calls: u64, collectors: &BTreeSet<String>) -> String {
    let more = collectors.len().saturating_sub(MAX_NAMED);
    let named: Vec<&str> = collectors.iter().take(MAX_NAMED).map(String::as_str).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let noun = if collectors.len() == 1 { "the collector" } else { "the collectors" };
    match (calls, collectors.is_empty()) {
        (0, true) => String::new(),
        (0, false) => format!(" (costs {noun} {}{more})", named.join(", ")),
        (_, true) => format!(" (costs {})", words::of(calls as f64, "call")),
        (_, false) => format!(" (costs {}, and {noun} {}{more})", words::of(calls as f64, "call"), named.join(", ")),
    }
}
