//! The command line and the `FARCASTER_*` environment, in two stages: options as typed
//! (`Typed`), then validated ([`Command`]).

mod commands;
mod help;
mod options;
#[cfg(test)]
mod tests;
mod typed;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use lexopt::Arg;

use commands::{COLLECT, COMMANDS, Spec};
pub use help::help;
use options::COMMON;
use options::Takes::{Many, Nothing, One, Optionally};
use typed::Typed;

/// How long a run may take where nothing else is said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(40);
/// How often what is dear for the nodes is done where nothing else is said.
pub const DEFAULT_SLOW_INTERVAL: Duration = Duration::from_secs(1800);
/// Rows a family may have where nothing else is said.
pub const DEFAULT_MAX_ROWS: usize = 500;
/// How far back the demo's history goes where nothing else is said.
pub const DEFAULT_HISTORY: Duration = Duration::from_secs(6 * 3600);
/// Sectors of the simulated farm where `--demo` names no number.
pub const DEFAULT_DEMO_SECTORS: u64 = 2000;

/// What the program is asked to do.
#[derive(Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // one is made, once
pub enum Command {
    /// Print this text.
    Help(String),
    /// Print the version.
    Version,
    /// Ask the nodes and publish what they say.
    Collect(Options),
    /// Ask the nodes and say what is wrong.
    Check(Options),
    /// Write the files that the program carries.
    Bundle {
        /// Where to; only their names are printed where absent.
        folder: Option<PathBuf>,
    },
    /// Write a history of the simulated farm.
    DemoHistory(DemoHistory),
    /// Say whether a text file of the exporter is whole and fresh.
    Healthcheck {
        /// The text file.
        file: PathBuf,
        /// Most time since the run that wrote it.
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
}

/// What `demo-history` writes, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct DemoHistory {
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
    /// How often what is dear for the nodes is done: what reads every sector.
    pub slow_interval: Duration,
    /// Where the daemon's repo is, instead of where Lotus looks.
    pub daemon_repo: Option<PathBuf>,
    /// Where the miners' repos are, instead of where Lotus looks.
    pub miner_repos: Vec<PathBuf>,
    /// Where Boost's repo is, instead of where Boost looks.
    pub boost_repo: Option<PathBuf>,
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
    /// Whether to leave the text file alone where there is no node, or a demo writes it.
    pub require_nodes: bool,
    /// How much is said on the standard error.
    pub verbosity: Verbosity,
}

/// Reads the command line (without the program's name) and, for what it leaves open, the
/// environment. The command stands first; without one the nodes are asked.
///
/// # Errors
///
/// Every error is wrong usage; its message names the option or variable and points at `--help`.
pub fn parse(args: impl IntoIterator<Item = OsString>, env: &dyn Fn(&str) -> Option<String>) -> Result<Command> {
    let mut args = args.into_iter().peekable();
    let mut spec = &COLLECT;
    if let Some(word) = args.next_if(|first| !first.is_empty() && !first.as_encoded_bytes().starts_with(b"-")) {
        let known = COMMANDS.iter().find(|command| word == command.name);
        spec = known.ok_or_else(|| anyhow!("unknown command {} (see --help)", shown(&word.to_string_lossy())))?;
    }
    let space = if spec.name.is_empty() { "" } else { " " };
    read(spec, args, env).map_err(|error| anyhow!("{error:#} (see {}{space}--help)", spec.name))
}

fn read(spec: &Spec, args: impl Iterator<Item = OsString>, env: &dyn Fn(&str) -> Option<String>) -> Result<Command> {
    let mut typed = Typed::default();
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(explain)? {
        let Some(option) = spec.options.iter().chain(COMMON).find(|option| option.is(&arg)) else {
            match arg {
                Arg::Value(operand) if typed.operands() < spec.operands.len() => typed.add_operand(operand),
                arg => return Err(refuse(spec, arg)),
            }
            continue;
        };
        let value = match option.takes {
            Nothing if option.name == "help" => return Ok(Command::Help(help::help_of(spec))),
            Nothing if option.name == "version" => return Ok(Command::Version),
            Nothing => OsString::new(),
            Optionally(_) => parser.optional_value().unwrap_or_else(bare_demo),
            One(_) | Many(_) => parser.value().map_err(explain)?,
        };
        let source = format!("--{}", option.name);
        // An unset shell variable leaves an empty value or the next option in its place.
        let missing = value.is_empty() || value.as_encoded_bytes().starts_with(b"--");
        if missing && !matches!(option.takes, Nothing) {
            bail!("{source} needs a value");
        }
        typed.add(option, source, value);
    }
    typed.complete_operands(spec, env)?;
    if spec.has_variables {
        typed.add_environment(spec.options, env)?;
    }
    (spec.validate)(&typed)
}

/// Why an argument has no place in this command.
fn refuse(spec: &Spec, arg: Arg) -> anyhow::Error {
    if let Arg::Value(word) = &arg
        && COMMANDS.iter().any(|command| *word == *command.name)
    {
        return anyhow!("unexpected argument {word:?}: a command stands first");
    }
    let owner = commands::all().find(|other| other.options.iter().any(|option| option.is(&arg)));
    let name = match arg {
        Arg::Long(name) => format!("--{name}"),
        Arg::Short(short) => format!("-{short}"),
        Arg::Value(_) => String::new(),
    };
    match owner {
        Some(owner) if owner.name.is_empty() => anyhow!("{} takes no {name}", spec.name),
        Some(owner) => anyhow!("{name} stands after the command {} only", owner.name),
        None => explain(arg.unexpected()),
    }
}

/// What a bare `--demo` stands for.
fn bare_demo() -> OsString {
    DEFAULT_DEMO_SECTORS.to_string().into()
}

/// lexopt's errors in our words, and without values that could be secret.
fn explain(error: lexopt::Error) -> anyhow::Error {
    match error {
        lexopt::Error::MissingValue { option: Some(option) } => anyhow!("{option} needs a value"),
        lexopt::Error::UnexpectedValue { option, .. } => anyhow!("{option} takes no value"),
        lexopt::Error::UnexpectedOption(option) => anyhow!("unknown option {option}"),
        lexopt::Error::UnexpectedArgument(value) => {
            anyhow!("unexpected argument {}", shown(&value.to_string_lossy()))
        }
        other => other.into(),
    }
}

/// A refused value as a message may repeat it. Logs outlive the mistake of passing an API info
/// string where a value belongs, so what looks like one (a token, an address) stays out.
fn shown(value: &str) -> String {
    if value.len() > 60 || value.contains([':', '@']) {
        let characters = value.chars().count();
        format!("a text of {characters} characters (not repeated here)")
    } else {
        format!("{value:?}")
    }
}
