//! The findings for people: what is right and what is wrong by section, what else there is to know, and what the run cost.

use std::fmt::Write;
use std::io::{self, IsTerminal};

use super::Found;
use super::findings::{Findings, Mark, Section};
use crate::exporter::Env;
use crate::words;

const RED: &str = "\x1b[1;31m";
const GREEN: &str = "\x1b[32m";
const PLAIN: &str = "\x1b[0m";

/// Whether stdout supports colour, and nobody switched it off.
pub fn has_colour(env: Env) -> bool {
    let is_set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !is_set("NO_COLOR") && env("TERM").as_deref() != Some("dumb")
}

pub fn text(found: &Found, findings: &Findings, has_colour: bool) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for section in Section::ALL {
        let is_of_it = |mark: Mark| mark != Mark::Remark;
        let lines = findings.all.iter().filter(|finding| finding.section == section && is_of_it(finding.mark));
        let lines: Vec<String> = lines.map(|finding| line(finding.mark, &finding.what, has_colour)).collect();
        block(&mut text, section.heading(), &lines);
    }
    let remarks = findings.all.iter().filter(|finding| finding.mark == Mark::Remark);
    let remarks: Vec<String> = remarks.map(|finding| line(finding.mark, &finding.what, has_colour)).collect();
    block(&mut text, "Remarks", &remarks);
    block(&mut text, "What it costs the nodes", &[line(Mark::Remark, &cost(found), has_colour)]);
    let wrong = findings.count(Mark::Wrong);
    let _ = match wrong {
        0 => writeln!(text, "\nNothing is wrong."),
        1 => writeln!(text, "\n1 thing is wrong."),
        _ => writeln!(text, "\n{wrong} things are wrong."),
    };
    text
}

/// What the run cost.
pub fn cost(found: &Found) -> String {
    let (cost, seconds) = (found.report.cost, found.report.duration.as_secs_f64());
    format!(
        "{} in {}, {seconds:.1} s; the first run costs more than the next ones",
        words::of(cost.calls as f64, "call"),
        words::of(cost.requests as f64, "request")
    )
}

fn block(text: &mut String, heading: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let gap = if text.is_empty() { "" } else { "\n" };
    let _ = writeln!(text, "{gap}{heading}\n{}", lines.join("\n"));
}

fn line(mark: Mark, what: &str, has_colour: bool) -> String {
    let (word, colour) = match mark {
        Mark::Right => ("ok   ", GREEN),
        Mark::Wrong => ("WRONG", RED),
        Mark::Remark => ("-    ", ""),
    };
    if has_colour && !colour.is_empty() {
        return format!("  {colour}{word}{PLAIN}  {what}");
    }
    format!("  {word}  {what}")
}
