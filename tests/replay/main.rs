//! Recorded runs of the exporter against a real Lotus, replayed: the real binary asks nodes that answer what was recorded, and every value that it
//! publishes is compared with what the test computes independently from the same answers.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod expected;
mod implied;
mod logs;
mod luck;
mod nodes;
mod oracle;
mod recording;
mod remembered;
mod values;

use std::path::Path;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use nodes::{Book, Devnet};
use oracle::Span;
use recording::Recording;
use support::Metrics;

/// Families of programs that were not recorded.
const IS_ELSEWHERE: [&str; 3] = ["farcaster_boost_", "farcaster_curio_", "farcaster_pdp_"];

const RUNS: [u64; 4] = [1, 2, 4, 7];

/// The results of replaying all runs.
#[derive(Default)]
struct Outcome {
    differences: Vec<String>,
    /// Families that no oracle covers.
    without_oracle: Vec<&'static str>,
    /// Calls that were neither recorded nor implied by what was.
    not_recorded: Vec<String>,
    /// What the exporter wrote to stderr.
    lines: Vec<String>,
}

/// All runs, replayed once for all tests.
fn outcome() -> &'static Outcome {
    static OUTCOME: OnceLock<Outcome> = OnceLock::new();
    OUTCOME.get_or_init(|| {
        let mut outcome = Outcome::default();
        for run in RUNS {
            replay_run(run, &mut outcome);
        }
        replay_logs(&mut outcome);
        replay_luck(&mut outcome);
        outcome
    })
}

/// A run of the exporter.
struct Ran {
    published: Metrics,
    lines: Vec<String>,
    book: Book,
    span: Span,
}

impl Ran {
    fn against(devnet: &Devnet) -> Ran {
        let from = unix_seconds();
        let timeout = oracle::run::TIMEOUT_SECONDS.to_string();
        let exporter = devnet.exporter().args(&["--timeout", &timeout]);
        let run = exporter.run();
        keep(&run.stdout);
        let mut published = Metrics::parse(&run.stdout);
        remembered::add_totals(exporter.home(), &mut published);
        Ran {
            published,
            lines: run.stderr.lines().map(str::to_owned).collect(),
            book: devnet.book(),
            span: Span { from, to: unix_seconds() },
        }
    }
}

/// To look at the runs in a Prometheus: REPLAY_TEXTS names a folder for what the exporter printed, one file per run.
fn keep(text: &str) {
    if let Some(folder) = std::env::var_os("REPLAY_TEXTS") {
        std::fs::write(Path::new(&folder).join(format!("{:.3}.prom", unix_seconds())), text).unwrap();
    }
}

fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn replay_run(run: u64, outcome: &mut Outcome) {
    let devnet = Devnet::start(Recording::load(run));
    let Ran { published, lines, book, span } = Ran::against(&devnet);
    let mut expected = oracle::of_nodes(&devnet.recording, &book, span);
    oracle::run::expect(&devnet, &book, &published, span, &mut expected);

    outcome.differences.extend(expected.differences(&published, &format!("run {run}")));
    outcome.without_oracle = expected.without_oracle();
    outcome.lines.extend(lines.iter().map(|line| format!("run {run}: {line}")));
    let may_be_asked = |method: &str| implied::IMPLIED.iter().any(|(known, _)| *known == method);
    let unknown = book.calls.iter().filter(|call| !call.was_recorded);
    let unknown = unknown.filter(|call| call.error_code == Some(nodes::NOT_FOUND) || !may_be_asked(&call.method));
    outcome.not_recorded.extend(unknown.map(|call| format!("run {run}: {} {}{}", call.node, call.method, call.params)));
}

fn replay_logs(outcome: &mut Outcome) {
    let cases = logs::cases();
    let devnet = Devnet::start(logs::recording(&cases));
    let (expected, published) = logs::compared(&cases, Ran::against(&devnet).published);
    outcome.differences.extend(expected.differences(&published, "logs"));
}

fn replay_luck(outcome: &mut Outcome) {
    let devnet = Devnet::start(luck::recording());
    let ran = Ran::against(&devnet);
    let (expected, published) = luck::compared(&devnet.recording, &ran.book, ran.published);
    outcome.differences.extend(expected.differences(&published, "luck"));
}

#[test]
fn every_value_follows_from_the_answers() {
    let differences = &outcome().differences;
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn every_family_has_an_oracle() {
    // The devnet has no Boost and no Curio: tests/curio has its own oracle.
    let missing =
        outcome().without_oracle.iter().filter(|family| !IS_ELSEWHERE.iter().any(|prefix| family.starts_with(prefix)));
    let missing: Vec<&&str> = missing.collect();
    assert!(missing.is_empty(), "nothing in tests/replay/oracle says what these must be: {missing:?}");
}

#[test]
fn nothing_is_asked_that_was_not_recorded() {
    assert!(outcome().not_recorded.is_empty(), "{}", outcome().not_recorded.join("\n"));
}

#[test]
fn a_healthy_node_causes_no_messages() {
    assert!(outcome().lines.is_empty(), "{}", outcome().lines.join("\n"));
}
