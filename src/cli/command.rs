//! What the command line asks for, complete and validated, and what holds where it says nothing.

use std::path::PathBuf;
use std::time::Duration;

/// How long a run may take where nothing else is said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(40);
/// How often what is expensive for the nodes is done where nothing else is said.
pub const DEFAULT_SLOW_INTERVAL: Duration = Duration::from_secs(1800);
/// Rows a family may have where nothing else is said.
pub const DEFAULT_MAX_ROWS: usize = 500;
/// How far back the demo's history goes where nothing else is said.
pub const DEFAULT_HISTORY: Duration = Duration::from_secs(6 * 3600);
/// Where the stack's VictoriaMetrics listens.
pub const DEFAULT_STORE: &str = "http://victoria-metrics:9090";
/// Sectors of the simulated farm where `--demo` names no number.
pub const DEFAULT_DEMO_SECTORS: u64 = 2000;
/// Seconds from one screen of `status --watch` to the next where nothing else is said.
pub const DEFAULT_WATCH_SECONDS: u64 = 30;

/// Where node_exporter listens where nothing else is said.
pub const DEFAULT_NODE_EXPORTER_PORT: u16 = 9100;

/// Miners of the simulated farm where nothing else is said.
pub const DEFAULT_DEMO_MINERS: usize = 2;

/// What the program is asked to do.
#[derive(Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // one is made, once
pub enum Command {
    /// Print this text: help, a man page, completions.
    Print(String),
    /// Print the version.
    Version,
    /// Ask the nodes and publish what they say.
    Collect(Options),
    /// Ask the nodes and say what is wrong.
    Check(Check),
    /// Ask the nodes and show how things stand.
    Status(Status),
    /// Ask the nodes and list the machines that they name.
    Targets(Targets),
    /// Write the files that the program carries.
    Bundle {
        /// Where to; only their names are printed where absent.
        folder: Option<PathBuf>,
        /// Whether to replace what was changed there.
        force: bool,
    },
    /// Write a history of the simulated farm.
    DemoHistory(DemoHistory),
    /// Say whether a text file of the exporter is whole and fresh.
    Healthcheck {
        /// The text file.
        file: PathBuf,
        /// Longest time since the run that wrote it.
        max_age: Duration,
    },
    /// Make a password for Grafana.
    InitSecrets {
        /// Where to put it.
        folder: PathBuf,
    },
    /// Copy addresses and tokens of the nodes.
    InitNodes(InitNodes),
    /// Write the Alertmanager configuration.
    InitAlertmanager {
        /// Folder of the files that describe receivers.
        secrets: PathBuf,
        /// The configuration without receivers.
        base: PathBuf,
        /// Where to write the one with receivers.
        out: PathBuf,
    },
    /// Copy what an agent sends with.
    InitEdge {
        /// Folder of the files to copy.
        secrets: PathBuf,
        /// Where to put them.
        out: PathBuf,
    },
    /// Write what lets sites send, and says which are expected.
    InitCentre {
        /// Folder of the sites' tokens.
        secrets: PathBuf,
        /// URL of the store.
        store: String,
        /// Where to write it.
        out: PathBuf,
    },
}

/// How `status` asks, and what it shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Whom to ask. The miners of [`Options::miner_ids`] are the only ones to be shown; all are where there are none.
    pub options: Options,
    /// Time from one screen's start to the next one's; a single one where absent.
    pub watch: Option<Duration>,
    /// Whether to print the facts as JSON, and no screen.
    pub is_json: bool,
    /// Columns of the screen, instead of as many as the terminal has.
    pub width: Option<usize>,
}

/// Whom `targets` asks, and where the list goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    /// Whom to ask.
    pub options: Options,
    /// The port of node_exporter.
    pub port: u16,
    /// Where to write the list, instead of to stdout.
    pub file: Option<PathBuf>,
}

/// What `check` asks, and how it says what it found.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// As for collecting.
    pub options: Options,
    /// How it is said.
    pub format: CheckFormat,
}

/// How `check` says what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// Markdown for a bug report.
    Report,
}

/// What `demo-history` writes, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct DemoHistory {
    /// Sectors of the simulated farm.
    pub demo_sectors: u64,
    /// Its miners.
    pub demo_miners: usize,
    /// How far back it goes.
    pub duration: Duration,
    /// Labels for every sample, as in `job="x",instance="y"`.
    pub labels: String,
    /// Where the demo that goes on remembers, if any does.
    pub state_dir: Option<PathBuf>,
    /// The file of samples.
    pub file: PathBuf,
}

/// Where `init-nodes` looks, and where it writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InitNodes {
    /// Repo of the daemon, or a folder that holds a `.lotus`.
    pub daemon: Option<PathBuf>,
    /// Repo of the miner, or a folder that holds a `.lotusminer`.
    pub miner: Option<PathBuf>,
    /// Repo of Boost, or a folder that holds a `.boost`.
    pub boost: Option<PathBuf>,
    /// Folder of API info files, which are taken instead of the repos.
    pub secrets: Option<PathBuf>,
    /// Text file of a demo.
    pub demo_file: Option<PathBuf>,
    /// Folder for the copies.
    pub out: PathBuf,
}

/// How much is said on the standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// Only what prevents output.
    Quiet,
    /// What failed.
    Normal,
    /// What failed and what is done.
    Verbose,
}

/// The options, complete and in agreement with each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The file for node_exporter, ending in `.prom`; the standard output where absent.
    pub textfile: Option<PathBuf>,
    /// Time from one run's start to the next one's; a single run where absent.
    pub interval: Option<Duration>,
    /// Budget of one run.
    pub timeout: Duration,
    /// How often what is expensive for the nodes is done: what reads every sector.
    pub slow_interval: Duration,
    /// Where the daemon's repo is, instead of where Lotus looks.
    pub daemon_repo: Option<PathBuf>,
    /// Where the miners' repos are, instead of where Lotus looks.
    pub miner_repos: Vec<PathBuf>,
    /// Where Boost's repo is, instead of where Boost looks.
    pub boost_repo: Option<PathBuf>,
    /// Web UIs of Curio, instead of where it is looked for.
    pub curio: Vec<String>,
    /// Miners to watch besides those that were found, like `f01234` or `t01234`; no leading zeros, none twice.
    pub miner_ids: Vec<String>,
    /// File of names for addresses, and of wallets to watch.
    pub addresses: Option<PathBuf>,
    /// Most rows of a family that has one for each thing in motion or broken.
    pub max_rows: usize,
    /// Folder of what is remembered between runs, instead of the default one.
    pub state_dir: Option<PathBuf>,
    /// Sectors of the simulated farm that answers instead of nodes.
    pub demo: Option<u64>,
    /// Its miners.
    pub demo_miners: usize,
    /// Whether to leave the text file alone where there is no node, or a demo writes it.
    pub require_nodes: bool,
    /// How much is said on the standard error.
    pub verbosity: Verbosity,
}
