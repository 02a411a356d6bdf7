//! The command line and the `FARCASTER_*` environment, in two stages: options as typed
//! (`Typed`), then validated ([`Options`]).

mod options;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use lexopt::Arg;

use options::Takes::{Many, Nothing, One, Optionally};
pub use options::help;
use options::{CONTRADICTIONS, OPTIONS, Opt};

/// How long a run may take where nothing else is said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(40);
/// How often what is dear for the nodes is done where nothing else is said.
pub const DEFAULT_SLOW_INTERVAL: Duration = Duration::from_secs(1800);
/// Rows a family may have where nothing else is said.
pub const DEFAULT_MAX_ROWS: usize = 500;
/// Sectors of the simulated farm where `--demo` names no number.
pub const DEFAULT_DEMO_SECTORS: u64 = 2000;

/// What the program is asked to do.
#[derive(Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // one is made, once
pub enum Command {
    /// Print [`help`].
    Help,
    /// Print the version.
    Version,
    /// Ask the nodes and publish what they say.
    Collect(Options),
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
    /// How much is said on the standard error.
    pub verbosity: Verbosity,
}

/// Reads the command line (without the program's name) and, for what it leaves open, the
/// environment.
///
/// # Errors
///
/// Every error is wrong usage; its message names the option or variable and points at `--help`.
pub fn parse(args: impl IntoIterator<Item = OsString>, env: &dyn Fn(&str) -> Option<String>) -> Result<Command> {
    read(args, env).map_err(|error| anyhow!("{error:#} (see --help)"))
}

fn read(args: impl IntoIterator<Item = OsString>, env: &dyn Fn(&str) -> Option<String>) -> Result<Command> {
    let mut typed = Typed::default();
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(explain)? {
        let option = OPTIONS.iter().find(|option| match arg {
            Arg::Long(name) => option.name == name,
            Arg::Short(short) => option.short == Some(short),
            Arg::Value(_) => false,
        });
        let Some(option) = option else {
            return Err(explain(arg.unexpected()));
        };
        let value = match option.takes {
            Nothing if option.name == "help" => return Ok(Command::Help),
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
    typed.add_environment(env)?;
    typed.validate().map(Command::Collect)
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

/// The options as typed: only which stand there, where, and with which values.
#[derive(Default)]
struct Typed(BTreeMap<&'static str, Given>);

struct Given {
    /// The option or the variable, for messages.
    source: String,
    values: Vec<OsString>,
}

impl Typed {
    fn add(&mut self, option: &Opt, source: String, value: OsString) {
        let given = self.0.entry(option.name).or_insert(Given { source, values: Vec::new() });
        given.values.push(value);
    }

    /// Adds what the environment says of the options that the command line leaves open.
    fn add_environment(&mut self, env: &dyn Fn(&str) -> Option<String>) -> Result<()> {
        let open: Vec<_> = OPTIONS.iter().filter(|option| !self.settles(option.name)).collect();
        for option in open {
            let Some(variable) = option.variable() else {
                continue;
            };
            let Some(value) = env(&variable).filter(|value| !value.is_empty()) else {
                continue;
            };
            match (&option.takes, switch(&value)) {
                (One(_), _) | (Optionally(_), None) => self.add(option, variable, value.into()),
                (Many(_), _) => {
                    let items = value.split(',').map(str::trim);
                    for item in items.filter(|item| !item.is_empty()) {
                        self.add(option, variable.clone(), item.into());
                    }
                }
                (_, Some(false)) => {}
                (Optionally(_), Some(true)) => self.add(option, variable, bare_demo()),
                (Nothing, Some(true)) => self.add(option, variable, OsString::new()),
                (Nothing, None) => {
                    let value = shown(&value);
                    bail!("{variable}: {value} is none of 1, true, yes, 0, false, no");
                }
            }
        }
        Ok(())
    }

    /// Whether an option stands here, or one that contradicts it.
    fn settles(&self, name: &str) -> bool {
        self.has(name)
            || CONTRADICTIONS
                .iter()
                .any(|&(one, other, _)| (name == one && self.has(other)) || (name == other && self.has(one)))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn source(&self, name: &'static str) -> &str {
        self.0.get(name).map_or(name, |given| &given.source)
    }

    /// Every value of an option, in the order typed.
    fn all<T>(&self, name: &str, (expected, read): Reader<T>) -> Result<Vec<T>> {
        let Some(Given { source, values }) = self.0.get(name) else {
            return Ok(Vec::new());
        };
        let read = |value: &OsString| {
            let text = value.to_string_lossy();
            read(&text).with_context(|| format!("{source}: {} is not {expected}", shown(&text)))
        };
        values.iter().map(read).collect()
    }

    /// The value of an option that has one: the last, where it is repeated.
    fn last<T>(&self, name: &str, reader: Reader<T>) -> Result<Option<T>> {
        Ok(self.all(name, reader)?.pop())
    }

    fn paths(&self, name: &str) -> Vec<PathBuf> {
        let values = self.0.get(name).map(|given| &given.values);
        values.into_iter().flatten().map(PathBuf::from).collect()
    }

    fn validate(&self) -> Result<Options> {
        for &(one, other, why) in CONTRADICTIONS {
            if self.has(one) && self.has(other) {
                let (one, other) = (self.source(one), self.source(other));
                bail!("{one} and {other} contradict each other: {why}");
            }
        }

        let textfile = self.paths("textfile").pop();
        if let Some(path) = &textfile {
            let source = self.source("textfile");
            // Of the text and not of the last component: `farcaster.prom/` is a folder.
            ensure!(
                path.as_os_str().as_encoded_bytes().ends_with(b".prom"),
                "{source}: the path does not end in .prom, and node_exporter reads no other \
                 files; to print to stdout, leave {source} out"
            );
            let folder = path.is_dir();
            ensure!(!folder, "{source}: {} is a folder", path.display());
        }

        let mut miner_ids: Vec<String> = Vec::new();
        for id in self.all("miner-id", MINER_ID)? {
            // f01234 and t01234 are one miner: the letter only says which network prints it.
            if !miner_ids.iter().any(|known| known[1..] == id[1..]) {
                miner_ids.push(id);
            }
        }

        Ok(Options {
            textfile,
            interval: self.last("interval", DURATION)?,
            timeout: self.last("timeout", DURATION)?.unwrap_or(DEFAULT_TIMEOUT),
            slow_interval: self.last("slow-interval", DURATION)?.unwrap_or(DEFAULT_SLOW_INTERVAL),
            daemon_repo: self.paths("daemon-repo").pop(),
            miner_repos: self.paths("miner-repo"),
            boost_repo: self.paths("boost-repo").pop(),
            miner_ids,
            addresses: self.paths("addresses").pop(),
            max_rows: self.last("max-rows", ROWS)?.unwrap_or(DEFAULT_MAX_ROWS),
            state_dir: self.paths("state-dir").pop(),
            demo: self.last("demo", SECTORS)?,
            verbosity: match (self.has("verbose"), self.has("quiet")) {
                (true, _) => Verbosity::Verbose,
                (_, true) => Verbosity::Quiet,
                _ => Verbosity::Normal,
            },
        })
    }
}

/// A boolean of the environment, where it is one.
fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Some(true),
        "0" | "false" | "no" => Some(false),
        _ => None,
    }
}

/// What a value has to be, as messages name it, and the function that reads it.
type Reader<T> = (&'static str, fn(&str) -> Option<T>);

const DURATION: Reader<Duration> =
    ("a duration like 30s, 1m30s, 1h or 500ms, more than zero and at most 7 days (168h)", duration);
const MINER_ID: Reader<String> = ("a miner id like f01234", miner_id);
const ROWS: Reader<usize> = ("a whole number, 0 or more", whole_number);
const SECTORS: Reader<u64> = ("a number of sectors from 1 to 10000000", demo_sectors);

fn duration(text: &str) -> Option<Duration> {
    let bare_seconds = format!("{text}s");
    let mut rest = match whole_number::<u64>(text) {
        Some(_) => &bare_seconds,
        None => text,
    };
    let mut milliseconds: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let unit_end = after.find(|c: char| c.is_ascii_digit());
        let (unit, after) = after.split_at(unit_end.unwrap_or(after.len()));
        let unit_milliseconds = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        let part = whole_number::<u64>(number)?.checked_mul(unit_milliseconds)?;
        milliseconds = milliseconds.checked_add(part)?;
        rest = after;
    }
    let allowed = (1..=7 * 24 * 3_600_000).contains(&milliseconds);
    allowed.then(|| Duration::from_millis(milliseconds))
}

/// A number of digits only: the standard parser would take a sign as well.
fn whole_number<N: FromStr>(text: &str) -> Option<N> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// A miner's id address without leading zeros. The network's letter stays as typed.
fn miner_id(text: &str) -> Option<String> {
    ["f0", "t0"].into_iter().find_map(|prefix| {
        let id: u64 = whole_number(text.strip_prefix(prefix)?)?;
        Some(format!("{prefix}{id}"))
    })
}

fn demo_sectors(text: &str) -> Option<u64> {
    whole_number(text).filter(|sectors| (1..=10_000_000).contains(sectors))
}
