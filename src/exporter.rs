//! What the program does: finds the nodes, collects from them, writes the text; once, or at every interval.

use std::collections::HashSet;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::address_book::AddressBook;
use crate::cli::{Options, Verbosity};
use crate::collect::{self, Report};
use crate::discover::{Endpoint, Places, curio, discover};
use crate::expose::Samples;
use crate::rpc::http::Http;
use crate::rpc::{Node, Transport};
use crate::state::{self, State};
use crate::{demo, healthcheck, rivals, textfile};

/// The environment: the value of a variable.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// When to look again for nodes that are not there yet.
const SOON: Duration = Duration::from_secs(5);

/// Runs once, or for ever where an interval is given. An error means that the text of the only run could not be written.
pub fn run(options: &Options, env: Env) -> Result<()> {
    let mut log = Log::new(options.verbosity);
    let state = state(options, env);
    let Some(interval) = options.interval else {
        return run_once(options, env, &state, &mut log).map(|_| ());
    };
    let mut planned = Instant::now();
    loop {
        let mut wait = interval;
        match run_once(options, env, &state, &mut log) {
            Ok(Output::Wanted) => {}
            Ok(Output::Unwanted) => return Ok(()),
            Ok(Output::Withheld) => wait = interval.min(SOON),
            // The disk may have room again by the next run.
            Err(error) => log.write(&format!("{error:#}")),
        }
        planned = next_start(planned, wait, Instant::now());
        thread::sleep(planned.saturating_duration_since(Instant::now()));
    }
}

/// When the next run starts: as planned, or at once where the last one took longer, which moves the plan.
pub(crate) fn next_start(last_start: Instant, interval: Duration, now: Instant) -> Instant {
    (last_start + interval).max(now)
}

/// Whether anybody still takes what is written.
pub enum Output {
    /// The file, or a reader of stdout, is there.
    Wanted,
    /// The reader of stdout went away: it has what it wanted.
    Unwanted,
    /// Nothing was written, because of `--require-nodes`.
    Withheld,
}

fn run_once(options: &Options, env: Env, state: &State, log: &mut Log) -> Result<Output> {
    let (turn, lines) = state.begin(options.timeout);
    let mut notices = Notices::default();
    notices.add(Notice::Memory, lines);
    let nodes = nodes(options, env, state, &mut notices, log);
    if let Some(reason) = options.require_nodes.then(|| reason_to_stand_back(options, &nodes)).flatten() {
        notices.add(Notice::Places, [reason]);
        log.lines_of_run(notices.into_lines());
        return Ok(Output::Withheld);
    }
    let Gathered { report, text, mut notices } = gather(options, env, state, &nodes, notices);
    if let Some(path) = &options.textfile {
        rivals::remember(state, path, &addresses(&nodes), &text);
    }
    notices.add(Notice::Memory, turn.save().err().map(|error| format!("{error:#}")));
    log.lines_of_run(notices.into_lines().into_iter().chain(report.remarks).collect());
    log.detail(format_args!(
        "run of {:.3} s: {} calls in {} requests, {} bytes of answers, {} bytes of text, {} kB peak memory",
        report.duration.as_secs_f64(),
        report.cost.calls,
        report.cost.requests,
        report.cost.received_bytes,
        text.len(),
        peak_memory_kilobytes().map_or("unknown".to_owned(), |kilobytes| kilobytes.to_string())
    ));
    match &options.textfile {
        Some(path) => textfile::write(path, &text).map(|()| Output::Wanted),
        None => write_to_stdout(&text),
    }
}

/// Why a run with `--require-nodes` writes nothing.
fn reason_to_stand_back(options: &Options, nodes: &[Node]) -> Option<String> {
    if let Some(path) = options.textfile.as_deref().filter(|path| healthcheck::is_of_demo(path)) {
        return Some(format!("a demo is writing {}: it is left alone until the demo ends", path.display()));
    }
    let is_nobody_there = nodes.is_empty() && options.miner_ids.is_empty();
    is_nobody_there.then(|| {
        "no node was found, so nothing is written: name the nodes' repos (LOTUS_PATH, LOTUS_MINER_PATH), or what \
         `lotus auth api-info` prints (FULLNODE_API_INFO, MINER_API_INFO)"
            .to_owned()
    })
}

/// What a run brought.
pub(crate) struct Gathered {
    pub report: Report,
    /// The samples as text.
    pub text: String,
    /// All that is wrong.
    pub notices: Notices,
}

/// Who reports that something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// What is remembered between runs.
    Memory,
    /// The places where nodes are looked for.
    Places,
    AddressBook,
    /// Nodes and collectors.
    Nodes,
    /// Series that came twice.
    Series,
    /// Others that write the text file, or the same series beside it.
    TextFile,
}

/// What is wrong, in the order of a run.
#[derive(Default)]
pub(crate) struct Notices(Vec<(Notice, String)>);

impl Notices {
    pub fn add(&mut self, by: Notice, lines: impl IntoIterator<Item = String>) {
        self.0.extend(lines.into_iter().map(|line| (by, line)));
    }

    pub fn all(&self) -> &[(Notice, String)] {
        &self.0
    }

    pub fn into_lines(self) -> Vec<String> {
        self.0.into_iter().map(|(_, line)| line).collect()
    }
}

/// Collects from the nodes, once. `notices` is what is wrong already.
pub(crate) fn gather(options: &Options, env: Env, state: &State, nodes: &[Node], mut notices: Notices) -> Gathered {
    let address_book = read_address_book(options, env, state, &mut notices);
    let now = unix_seconds();
    let mut report = collect::run(&collect::Run {
        nodes,
        miner_ids: &options.miner_ids,
        address_book: &address_book,
        state,
        now,
        timeout: options.timeout,
        slow_period_seconds: options.slow_interval.as_secs_f64(),
        max_rows: options.max_rows,
    });
    notices.add(Notice::Nodes, std::mem::take(&mut report.lines));
    let (text, duplicates) = std::mem::replace(&mut report.samples, Samples::new(now)).render();
    notices.add(
        Notice::Series,
        duplicates.iter().map(|series| format!("{series} appeared twice; the second one was dropped")),
    );
    if let Some(path) = &options.textfile {
        notices.add(Notice::TextFile, rivals::lines(state, path, &addresses(nodes), &text));
    }
    Gathered { report, text, notices }
}

pub(crate) fn addresses(nodes: &[Node]) -> Vec<String> {
    let with_doors = nodes.iter().flat_map(|node| std::iter::once(node).chain(node.graphql.as_deref()));
    with_doors.map(|node| node.address.clone()).collect()
}

/// Writes to stdout.
pub fn write_to_stdout(text: &str) -> Result<Output> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Output::Wanted),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Output::Unwanted),
        Err(error) => Err(error).context("cannot write to stdout"),
    }
}

/// The nodes to ask. What is wrong with how they are named becomes notices.
pub(crate) fn nodes(options: &Options, env: Env, state: &State, notices: &mut Notices, log: &Log) -> Vec<Node> {
    if let Some(sectors) = options.demo {
        return demo::nodes(demo::Farm::with_miners(sectors, options.demo_miners).with_curio(), Arc::new(unix_seconds));
    }
    let found = discover(&Places {
        daemon_repo: options.daemon_repo.clone(),
        miner_repos: options.miner_repos.clone(),
        boost_repo: options.boost_repo.clone(),
        curio: options.curio.clone(),
        machine: Some(&curio::Machine::new(&curio::OverHttp)),
        known: state.recall("nodes"),
        now: unix_seconds(),
        ..Places::of_env(env)
    });
    state.remember("nodes", &found.known);
    let endpoints = || found.daemons.iter().chain(&found.miners).chain(&found.boosts).chain(&found.curios);
    for endpoint in endpoints() {
        log.detail(format_args!("{} {} from {}", endpoint.kind.as_str(), endpoint.address(), endpoint.source));
    }
    notices.add(Notice::Places, found.warnings.iter().cloned());
    endpoints().map(node).collect()
}

fn node(endpoint: &Endpoint) -> Node {
    Node {
        kind: endpoint.kind,
        address: endpoint.address(),
        known_as: endpoint.known_as.clone(),
        transport: Arc::new(Http::new(endpoint)),
        graphql: endpoint.graphql.as_deref().map(|graphql| Box::new(node(graphql))),
        elsewhere: curio::elsewhere(endpoint).map(|endpoint| Arc::new(Http::new(&endpoint)) as Arc<dyn Transport>),
    }
}

/// The file of the option, which must be there, or the user's default one, which may be. What can no longer be read stays as it was last
/// read.
fn read_address_book(options: &Options, env: Env, state: &State, notices: &mut Notices) -> AddressBook {
    let default = || default_address_book(env).filter(|path| path.symlink_metadata().is_ok());
    let Some(path) = options.addresses.clone().or_else(default) else {
        state.remember("address_book", &Option::<(PathBuf, AddressBook)>::None);
        return AddressBook::default();
    };
    match AddressBook::read(&path) {
        Ok((book, problems)) => {
            notices.add(Notice::AddressBook, problems);
            state.remember("address_book", &Some((&path, &book)));
            book
        }
        Err(error) => {
            let known: Option<(PathBuf, AddressBook)> = state.recall("address_book");
            let known = known.filter(|(of, _)| *of == path);
            let instead = if known.is_some() { "its previous contents still apply" } else { "running without it" };
            notices.add(Notice::AddressBook, [format!("{error:#}; {instead}")]);
            known.map(|(_, book)| book).unwrap_or_default()
        }
    }
}

fn default_address_book(env: Env) -> Option<PathBuf> {
    let absolute = |name| env(name).filter(|value| value.starts_with('/')).map(PathBuf::from);
    let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(config.join("lotus-farcaster/addresses.json"))
}

pub(crate) fn state(options: &Options, env: Env) -> State {
    state_folder(options, env).map_or_else(State::in_memory, |folder| State::in_folder(&folder))
}

/// The demo remembers nothing beyond the process unless told where, so that it never mixes with a real miner's memory.
pub(crate) fn state_folder(options: &Options, env: Env) -> Option<PathBuf> {
    let default = || state::default_folder(env).filter(|_| options.demo.is_none());
    options.state_dir.clone().or_else(default)
}

pub(crate) fn unix_seconds() -> f64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    since_1970.map_or(0.0, |duration| duration.as_secs_f64())
}

/// The most memory that this process has used (VmHWM of proc(5)), if the system reports it.
fn peak_memory_kilobytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Messages for people, on stderr.
pub(crate) struct Log {
    verbosity: Verbosity,
    last_run: HashSet<String>,
}

impl Log {
    pub(crate) fn new(verbosity: Verbosity) -> Self {
        Log { verbosity, last_run: HashSet::new() }
    }

    /// Writes what is new since the last run, so that a node that is down for a day does not fill the log; with `--verbose`, everything.
    fn lines_of_run(&mut self, lines: Vec<String>) {
        for line in &lines {
            if self.is_verbose() || !self.last_run.contains(line) {
                self.write(line);
            }
        }
        self.last_run = lines.into_iter().collect();
    }

    /// Writes what is done, where people want to know.
    fn detail(&self, line: impl std::fmt::Display) {
        if self.is_verbose() {
            self.write(&line.to_string());
        }
    }

    fn is_verbose(&self) -> bool {
        matches!(self.verbosity, Verbosity::Verbose)
    }

    /// Writes a line.
    pub(crate) fn write(&self, line: &str) {
        if !matches!(self.verbosity, Verbosity::Quiet) {
            let line: String = line.chars().filter(|character| !character.is_control()).collect();
            // A failed write to stderr cannot be reported anywhere.
            let _ = writeln!(io::stderr(), "lotus-exporter-farcaster: {line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_overran_starts_the_next_one_late_and_once() {
        let (start, interval) = (Instant::now(), Duration::from_secs(60));
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(next_start(start, interval, after(10)), after(60));
        let late = next_start(start, interval, after(200));
        assert_eq!(late, after(200));
        assert_eq!(next_start(late, interval, after(210)), after(260));
    }
}
