//! What went wrong while a collector worked, without ending it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// If the same message applies to several calls or miners, this many are named.
const MAX_NAMED: usize = 3;

/// Something that went wrong, or that people should know: its subject, and the message.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// The node, like `daemon 127.0.0.1:1234`; empty if the text is complete without it.
    pub node: String,
    /// The miner or the address that was asked about; empty where there is none.
    pub about: String,
    /// The call, if the message is about it and not about the whole node.
    pub call: Option<Cow<'static, str>>,
    /// The text. Empty if another line contains it.
    pub what: String,
    /// Whether it is worth knowing, and nothing is wrong.
    pub is_remark: bool,
}

impl Line {
    /// The lines as people read them: a message about several calls, or several miners, appears once.
    pub fn merged(lines: impl IntoIterator<Item = Line>) -> Vec<String> {
        let mut names_by_line: BTreeMap<Line, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
        for mut line in lines.into_iter().filter(|line| !line.what.is_empty()) {
            let (about, call) = (std::mem::take(&mut line.about), line.call.take());
            let (abouts, calls) = names_by_line.entry(line).or_default();
            abouts.extend(Some(about).filter(|about| !about.is_empty()));
            calls.extend(call.map(Cow::into_owned));
        }
        let texts = names_by_line.into_iter().map(|(line, (abouts, calls))| {
            let (about, call) = (named(abouts, "address", "addresses"), named(calls, "call", "calls"));
            Line { about, call: (!call.is_empty()).then(|| call.into()), ..line }.to_string()
        });
        texts.collect()
    }
}

/// The first of these, and how many more there are.
fn named(all: BTreeSet<String>, one: &str, several: &str) -> String {
    let more = all.len().saturating_sub(MAX_NAMED);
    let named = all.into_iter().take(MAX_NAMED).collect::<Vec<_>>().join(", ");
    match more {
        0 => named,
        1 => format!("{named} and 1 more {one}"),
        _ => format!("{named} and {more} more {several}"),
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for part in [self.node.as_str(), self.about.as_str(), self.call.as_deref().unwrap_or_default()] {
            if !part.is_empty() {
                write!(f, "{part}: ")?;
            }
        }
        f.write_str(&self.what)
    }
}

impl From<String> for Line {
    fn from(what: String) -> Self {
        Line { what, ..Line::default() }
    }
}

impl From<&str> for Line {
    fn from(what: &str) -> Self {
        what.to_owned().into()
    }
}

/// An error whose reason is reported where it arose.
#[derive(Debug)]
pub struct SaidBefore;

impl fmt::Display for SaidBefore {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("something that this needs is missing")
    }
}

impl std::error::Error for SaidBefore {}

impl From<fmt::Arguments<'_>> for Line {
    fn from(what: fmt::Arguments) -> Self {
        what.to_string().into()
    }
}

/// Collects the problems of one collector.
#[derive(Debug)]
pub struct Problems {
    node: String,
    lines: Vec<Line>,
    failures: usize,
}

impl Problems {
    /// No problems yet. `node` is how lines about an answer call who gave it.
    pub fn new(node: &str) -> Self {
        Problems { node: node.to_owned(), lines: Vec::new(), failures: 0 }
    }

    /// Notes something wrong in an answer: `what` names the method, the field and what is wrong with it.
    pub fn note(&mut self, what: impl fmt::Display) {
        self.error(Line { node: self.node.clone(), what: format!("{what}; left out"), ..Line::default() });
    }

    /// Notes an error as it is.
    pub fn error(&mut self, error: impl Into<Line>) {
        self.failures += 1;
        self.news(error);
    }

    /// Counts an error whose reason is reported where it arose.
    pub fn consequence(&mut self) {
        self.failures += 1;
    }

    /// Notes something wrong that the collector learned: it got what it asked for, and that is bad.
    pub fn news(&mut self, news: impl Into<Line>) {
        self.lines.push(news.into());
    }

    /// Notes something that people may want to know, and that is not wrong.
    pub fn remark(&mut self, remark: impl Into<Line>) {
        self.lines.push(Line { is_remark: true, ..remark.into() });
    }

    /// Whether the collector did not get everything that it asked for.
    pub fn is_failure(&self) -> bool {
        self.failures > 0
    }

    /// How many errors were noted so far. A difference tells whether what was read in between is whole.
    pub fn failures(&self) -> usize {
        self.failures
    }

    /// The lines.
    pub fn into_lines(self) -> Vec<Line> {
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_several_calls_is_said_once() {
        let line = |about: &str, call: &'static str| Line {
            node: "daemon a:1".to_owned(),
            about: about.to_owned(),
            call: (!call.is_empty()).then_some(call.into()),
            what: "no such actor".to_owned(),
            is_remark: false,
        };
        let said_before = Line { node: "daemon a:1".to_owned(), ..Line::default() };
        let lines =
            [line("f02", "B"), line("f01", "B"), line("f01", "A"), line("f01", "A"), said_before, "else".into()];
        assert_eq!(Line::merged(lines), ["else", "daemon a:1: f01, f02: A, B: no such actor"]);
        let many = Line::merged(["A", "B", "C", "D", "E"].map(|call| line("", call)));
        assert_eq!(many, ["daemon a:1: A, B, C and 2 more calls: no such actor"]);
    }
}
