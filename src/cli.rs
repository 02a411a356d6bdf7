//! The command line and the `FARCASTER_*` environment, in two stages: options as typed
//! (`Typed`), then validated ([`Options`]). The table `OPTIONS` defines every option once; the
//! parser, the environment variables, the help text and the tests follow it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use lexopt::Arg;

/// How long a run may take where nothing else is said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(40);
/// Rows a family may have where nothing else is said.
pub const DEFAULT_MAX_ROWS: usize = 500;
/// Sectors of the simulated farm where `--demo` names no number.
pub const DEFAULT_DEMO_SECTORS: u64 = 1000;

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
    /// Time from one run's start to the next one's; a single run where absent. Comes only with
    /// `textfile`.
    pub interval: Option<Duration>,
    /// Budget of one run, never longer than `interval`.
    pub timeout: Duration,
    /// Where the daemon's repo is, instead of where Lotus looks.
    pub daemon_repo: Option<PathBuf>,
    /// Where the miners' repos are, instead of where Lotus looks.
    pub miner_repos: Vec<PathBuf>,
    /// Where Boost's repo is, instead of where Boost looks.
    pub boost_repo: Option<PathBuf>,
    /// The only miners to report, like `f01234` or `t01234`; no leading zeros, none twice.
    pub miner_ids: Vec<String>,
    /// File of addresses to watch or to name.
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

/// The value that an option takes, by the placeholder that stands for it in the help text.
enum Takes {
    Nothing,
    Optionally(&'static str),
    One(&'static str),
    /// One each time the option stands there; a comma list in the environment.
    Many(&'static str),
}
use Takes::{Many, Nothing, One, Optionally};

struct Opt {
    name: &'static str,
    takes: Takes,
    /// With line breaks where the help text has them.
    help: &'static str,
    short: Option<char>,
    default: Option<&'static str>,
}

#[rustfmt::skip] // one option, a few lines
const OPTIONS: &[Opt] = &[
    Opt::new("textfile", One("PATH"),
        "Write to PATH for node_exporter's textfile collector, not to stdout;\n\
         must end in .prom, is replaced atomically and readable by everyone"),
    Opt::new("interval", One("DURATION"),
        "Run again and again, this long from start to start; needs --textfile\n\
         (30s, 1m30s, 1h, 500ms; a bare number is seconds)").default("run once"),
    Opt::new("timeout", One("DURATION"),
        "Most time that one run may take, never more than the interval; what is\n\
         missing by then is left out").default("40s"),
    Opt::new("daemon-repo", One("DIR"),
        "Repo of the Lotus daemon").default("LOTUS_PATH, else ~/.lotus"),
    Opt::new("miner-repo", Many("DIR"),
        "Repo of a lotus-miner; repeat it for several\n")
        .default("LOTUS_MINER_PATH, else ~/.lotusminer"),
    Opt::new("boost-repo", One("DIR"),
        "Repo of Boost").default("BOOST_PATH, else ~/.boost"),
    Opt::new("miner-id", Many("ID"),
        "Report this miner, like f01234; repeat it for several\n")
        .default("the miners that were found"),
    Opt::new("addresses", One("FILE"),
        "File of addresses to watch besides the nodes' own, and of names"),
    Opt::new("max-rows", One("N"),
        "Most rows of a metric that has one for each thing in motion or broken\n").default("500"),
    Opt::new("state-dir", One("DIR"),
        "Folder for what is remembered between runs\n")
        .default("STATE_DIRECTORY, else $XDG_STATE_HOME/lotus-farcaster"),
    Opt::new("demo", Optionally("SECTORS"),
        "Ask a simulated farm instead of nodes, of 1000 sectors unless given;\n\
         everything it reports says network=\"demo\""),
    Opt::new("verbose", Nothing, "Say on stderr what is done, not only what failed").short('v'),
    Opt::new("quiet", Nothing, "Say on stderr only what prevents output").short('q'),
    Opt::new("help", Nothing, "Print this help and exit").short('h'),
    Opt::new("version", Nothing, "Print the version and exit").short('V'),
];

/// Pairs of options that cannot stand together, and why.
const CONTRADICTIONS: &[(&str, &str, &str)] = &[
    ("verbose", "quiet", "choose one"),
    ("demo", "daemon-repo", "the demo asks no node"),
    ("demo", "miner-repo", "the demo asks no node"),
    ("demo", "boost-repo", "the demo asks no node"),
    ("demo", "miner-id", "the demo asks no node"),
];

impl Opt {
    const fn new(name: &'static str, takes: Takes, help: &'static str) -> Opt {
        Opt { name, takes, help, short: None, default: None }
    }

    const fn short(mut self, short: char) -> Opt {
        self.short = Some(short);
        self
    }

    const fn default(mut self, default: &'static str) -> Opt {
        self.default = Some(default);
        self
    }

    /// The option as the help text shows it, like `-v, --verbose` or `    --textfile PATH`.
    fn usage(&self) -> String {
        let short = self.short.map_or("    ".to_owned(), |short| format!("-{short}, "));
        let value = match self.takes {
            Nothing => String::new(),
            Optionally(value) => format!("[={value}]"),
            One(value) | Many(value) => format!(" {value}"),
        };
        format!("{short}--{}{value}", self.name)
    }

    /// The environment variable that stands for the option. `--help` and `--version` have none: an
    /// image that sets FARCASTER_VERSION means something else.
    fn variable(&self) -> Option<String> {
        let has_one = !matches!(self.name, "help" | "version");
        has_one.then(|| format!("FARCASTER_{}", self.name.replace('-', "_").to_uppercase()))
    }
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

        let interval = self.last("interval", DURATION)?;
        ensure!(
            interval.is_none() || textfile.is_some(),
            "{} needs --textfile PATH as well: nothing can read one document after the other on \
             stdout",
            self.source("interval")
        );
        let timeout = match (self.last("timeout", DURATION)?, interval) {
            (Some(timeout), Some(interval)) if timeout > interval => bail!(
                "{} is longer than {}: a run must fit in its interval",
                self.source("timeout"),
                self.source("interval")
            ),
            (Some(timeout), _) => timeout,
            (None, Some(interval)) => DEFAULT_TIMEOUT.min(interval),
            (None, None) => DEFAULT_TIMEOUT,
        };

        let mut miner_ids: Vec<String> = Vec::new();
        for id in self.all("miner-id", MINER_ID)? {
            // f01234 and t01234 are one miner: the letter only says which network prints it.
            if !miner_ids.iter().any(|known| known[1..] == id[1..]) {
                miner_ids.push(id);
            }
        }

        Ok(Options {
            textfile,
            interval,
            timeout,
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

/// The help text, at most 100 columns wide.
pub fn help() -> String {
    let widths = OPTIONS.iter().map(|option| option.usage().len());
    let column = 2 + widths.max().unwrap_or(0);
    let mut options = String::new();
    for option in OPTIONS {
        let default = option.default.map(|it| format!(" [default: {it}]"));
        let text = format!("{}{}", option.help, default.unwrap_or_default());
        let mut left = option.usage();
        for line in text.lines().map(str::trim) {
            options += &format!("  {left:column$}{line}\n");
            left.clear();
        }
    }
    HELP.replace("{options}", &options)
}

const HELP: &str = "\
Shows what matters about Filecoin storage providers in Prometheus: asks the Lotus daemon, miners
and Boost over their APIs and writes metrics, to stdout or to a text file for node_exporter.

Usage: lotus-exporter-farcaster [OPTIONS]

Examples:
  lotus-exporter-farcaster
      Find the nodes as the Lotus tools do, ask them once, print the metrics.
  lotus-exporter-farcaster --demo
      The same with a simulated farm, without any node.
  lotus-exporter-farcaster --interval 1m --textfile /var/lib/node_exporter/farcaster.prom
      Refresh the file every minute.

Options:
{options}
Environment:
  FARCASTER_<OPTION>  stands for an option that is not typed: its name in capitals, _ for -.
      FARCASTER_MINER_REPO and FARCASTER_MINER_ID take comma lists. FARCASTER_VERBOSE and
      FARCASTER_QUIET are 1, true, yes or 0, false, no. FARCASTER_DEMO takes the same words (1 is
      on, not one sector), or a number of sectors from 2 up. An empty variable counts as unset.
  FULLNODE_API_INFO, MINER_API_INFO, BOOST_API_INFO
      Token and address of a node, as `lotus auth api-info` prints them.
  FULLNODE_API_INFO_FILE, MINER_API_INFO_FILE, BOOST_API_INFO_FILE
      Files that hold the same, so that no token stands in the environment.
  LOTUS_PATH, LOTUS_MINER_PATH, BOOST_PATH
      Repos of the nodes, where a token and an address are found.

Exit codes:
  0  complete and valid text was written, even when nodes are down
  1  it could not be written
  2  wrong usage
";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn run(args: &[&str], env: &[(&str, &str)]) -> Result<Command> {
        let env = |name: &str| {
            let found = env.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.to_string())
        };
        parse(args.iter().map(OsString::from), &env)
    }

    fn options(args: &[&str], env: &[(&str, &str)]) -> Options {
        match run(args, env) {
            Ok(Command::Collect(options)) => options,
            other => panic!("{args:?} {env:?}: {other:?}"),
        }
    }

    fn error(args: &[&str], env: &[(&str, &str)]) -> String {
        match run(args, env) {
            Err(error) => format!("{error:#}"),
            Ok(command) => panic!("{args:?} {env:?}: {command:?}"),
        }
    }

    /// The option and another that it cannot do without, with values that are not the defaults.
    const SAMPLES: &[&[(&str, &str)]] = &[
        &[("textfile", "x.prom")],
        &[("interval", "20m"), ("textfile", "x.prom")],
        &[("timeout", "20s")],
        &[("daemon-repo", "/d")],
        &[("miner-repo", "/m")],
        &[("boost-repo", "/b")],
        &[("miner-id", "f01")],
        &[("addresses", "names")],
        &[("max-rows", "7")],
        &[("state-dir", "/s")],
        &[("demo", "5000")],
        &[("verbose", "")],
        &[("quiet", "")],
    ];

    fn variable(option: &str) -> String {
        format!("FARCASTER_{}", option.to_uppercase().replace('-', "_"))
    }

    #[test]
    fn every_option_works_alike_typed_and_from_the_environment() {
        for sample in SAMPLES {
            let mut typed = Vec::new();
            let mut env = Vec::new();
            for &(name, value) in *sample {
                let equals = if value.is_empty() { "" } else { "=" };
                typed.push(format!("--{name}{equals}{value}"));
                env.push((variable(name), if value.is_empty() { "yes" } else { value }));
            }
            let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
            let env: Vec<_> = env.iter().map(|(k, v)| (k.as_str(), *v)).collect();
            assert_ne!(options(&typed, &[]), options(&typed[1..], &[]), "no effect: {typed:?}");
            assert_eq!(options(&typed, &[]), options(&[], &env), "{sample:?}");
        }
    }

    #[test]
    fn help_shows_the_options_that_exist_and_no_others() {
        let unknown =
            |option: &str| run(&[option], &[]).is_err_and(|error| error.to_string().contains("unknown option"));
        let help = help();
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        let (_, listed) = help.split_once("\nOptions:\n").unwrap();
        let (listed, _) = listed.split_once("\n\n").unwrap();
        let usages = listed.lines().map(str::trim).filter(|line| line.starts_with('-'));
        let usages = usages.map(|line| line.split_once("  ").unwrap().0);
        let words = usages.flat_map(|usage| usage.split([' ', ',', '[']));
        let shown: Vec<&str> = words.filter(|word| word.starts_with('-')).collect();
        for option in &shown {
            assert!(!unknown(option), "{option} is in the help text only");
        }

        // What the parser accepts: all of the table, and every letter that it does not refuse.
        let mut accepted: Vec<_> = OPTIONS.iter().map(|o| format!("--{}", o.name)).collect();
        let letters = ('!'..='~').filter(|&letter| letter != '-').map(|c| format!("-{c}"));
        accepted.extend(letters.filter(|option| !unknown(option)));
        for option in &accepted {
            assert!(shown.contains(&option.as_str()), "{option} is missing from the help text");
        }
        assert_eq!(OPTIONS.len(), SAMPLES.len() + 2, "an option without a sample");
    }

    #[test]
    fn defaults_are_those_that_the_help_text_names() {
        let defaults = options(&[], &[]);
        assert_eq!(defaults.timeout, Duration::from_secs(40));
        assert_eq!(defaults.max_rows, 500);
        assert_eq!(defaults.verbosity, Verbosity::Normal);
        assert_eq!((defaults.demo, defaults.interval), (None, None));
        let help = help();
        assert!(help.contains("left out [default: 40s]") && help.contains("[default: 500]"));
        assert_eq!(options(&["--demo"], &[]).demo, Some(1000));
        assert!(help.contains("of 1000 sectors unless given"));
    }

    #[test]
    fn what_is_typed_wins_over_the_environment() {
        let env = [
            ("FARCASTER_TIMEOUT", "nonsense"),
            ("FARCASTER_MINER_ID", "f01, f02,,t0003"),
            ("FARCASTER_QUIET", "1"),
            ("FARCASTER_DAEMON_REPO", "/d"),
        ];
        let typed = options(&["--timeout", "5", "--miner-id=f09", "-v"], &env);
        assert_eq!(typed.timeout, Duration::from_secs(5));
        assert_eq!(typed.miner_ids, ["f09"]);
        assert_eq!(typed.verbosity, Verbosity::Verbose);
        assert_eq!(options(&[], &env[1..]).miner_ids, ["f01", "f02", "t03"]);
        // What contradicts the environment wins too.
        let demo = options(&["--demo", "--timeout=5"], &env);
        assert_eq!((demo.demo, demo.daemon_repo), (Some(1000), None));
        assert_eq!(demo.miner_ids, [""; 0]);
        let nodes = options(&["--boost-repo=/b"], &[("FARCASTER_DEMO", "1")]);
        assert_eq!(nodes.demo, None);
        // The last of several counts.
        assert_eq!(options(&["--max-rows=1", "--max-rows=2"], &[]).max_rows, 2);
    }

    #[test]
    fn variables_can_say_nothing_on_and_off() {
        let demo = |value| options(&[], &[("FARCASTER_DEMO", value)]).demo;
        for (value, sectors) in [("", None), ("0", None), ("No", None), ("false", None)] {
            assert_eq!(demo(value), sectors, "{value:?}");
        }
        for (value, sectors) in [("1", 1000), ("True", 1000), ("yes", 1000), ("2", 2)] {
            assert_eq!(demo(value), Some(sectors), "{value:?}");
        }
        assert_eq!(options(&["--demo=1"], &[]).demo, Some(1));
        assert_eq!(demo("10000000"), Some(10_000_000));
        let unset: Vec<_> = SAMPLES.iter().map(|sample| variable(sample[0].0)).collect();
        let unset: Vec<_> = unset.iter().map(|name| (name.as_str(), "")).collect();
        assert_eq!(options(&[], &unset), options(&[], &[]));
        let off = [("FARCASTER_VERBOSE", "no"), ("FARCASTER_QUIET", "0")];
        assert_eq!(options(&[], &off).verbosity, Verbosity::Normal);
    }

    #[test]
    fn help_and_version_answer_before_anything_is_judged() {
        for help in ["-h", "--help", "-vh"] {
            assert_eq!(run(&["--timeout=x", help, "?"], &[]).unwrap(), Command::Help);
        }
        let wrong = [("FARCASTER_QUIET", "perhaps")];
        for version in ["-V", "--version"] {
            assert_eq!(run(&[version], &wrong).unwrap(), Command::Version);
        }
        let env = [("FARCASTER_VERSION", "v5"), ("FARCASTER_HELP", "1")];
        assert_eq!(options(&[], &env), options(&[], &[]));
    }

    #[test]
    fn durations() {
        let seconds = |text: &str| options(&["--timeout", text], &[]).timeout.as_secs_f64();
        for (text, expected) in [
            ("30s", 30.0),
            ("1m", 60.0),
            ("500ms", 0.5),
            ("1h", 3600.0),
            ("1m30s", 90.0),
            ("1h0m5s250ms", 3605.25),
            ("45", 45.0),
            ("604800", 604_800.0),
            ("168h", 604_800.0),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
        let wrong = "0|0s|0h0ms|-5|-5s|+5|1.5s|s|5 s|30s |5S|1d|1m30|m5|\u{665}s|5\u{e9}|\
             169h|604801|604800s1ms|\
             99999999999999999999h|18446744073709551615ms1ms|18446744073709551615h";
        for text in wrong.split('|') {
            let error = error(&["--timeout", text], &[]);
            let words = format!("--timeout: {text:?} is not a duration");
            assert!(error.contains(&words), "{error}");
        }
    }

    #[test]
    fn a_run_fits_in_its_interval() {
        let timeout = |args: &[&str]| {
            let args = [args, &["--textfile", "x.prom"]].concat();
            options(&args, &[]).timeout.as_secs()
        };
        assert_eq!(timeout(&["--interval=15"]), 15);
        assert_eq!(timeout(&["--interval=5m"]), 40);
        assert_eq!(timeout(&["--interval=60", "--timeout=60"]), 60);
    }

    #[test]
    fn miner_ids_are_canonical_and_none_is_there_twice() {
        let ids = ["f001234", "f02", "t02", "f01234", "f00"].map(|id| format!("--miner-id={id}"));
        let ids = ids.each_ref().map(String::as_str);
        assert_eq!(options(&ids, &[]).miner_ids, ["f01234", "f02", "f00"]);
    }

    #[test]
    fn wrong_usage_names_the_option_and_the_reason() {
        let folder = tempfile::Builder::new().suffix(".prom").tempdir().unwrap();
        let folder = folder.path().to_str().unwrap();
        let huge = "f0".to_owned() + &"9".repeat(30);
        for (args, words) in [
            (&["--bogus"][..], "unknown option --bogus"),
            (&["--bogus=x"], "unknown option --bogus"),
            (&["-x"], "unknown option -x"),
            (&["check"], "unexpected argument \"check\""),
            (&["--demo", "5000"], "unexpected argument \"5000\""),
            (&["--", "-v"], "unexpected argument \"-v\""),
            (&["--verbose=1"], "--verbose takes no value"),
            (&["--textfile"], "--textfile needs a value"),
            (&["--state-dir", ""], "--state-dir needs a value"),
            (&["--state-dir", "--demo"], "--state-dir needs a value"),
            (&["--demo="], "--demo needs a value"),
            (&["--demo=0"], "--demo: \"0\" is not a number of sectors"),
            (&["--demo=10000001"], "--demo: \"10000001\""),
            (&["--max-rows=-1"], "--max-rows: \"-1\" is not a whole number"),
            (&["--max-rows=1e3"], "--max-rows: \"1e3\""),
            (&["--miner-id=1234"], "--miner-id: \"1234\" is not a miner id like f01234"),
            (&["--miner-id=f0"], "--miner-id: \"f0\""),
            (&["--miner-id=f1abc"], "--miner-id: \"f1abc\""),
            (&["--miner-id=f0+1"], "--miner-id: \"f0+1\""),
            (&["--miner-id", &huge], "--miner-id: "),
            (&["--textfile=x.prom.txt"], "--textfile: the path does not end in .prom"),
            (&["--textfile=x.prom/"], "--textfile: the path does not end in .prom"),
            (&["--textfile", folder], "is a folder"),
            (&["--interval=60"], "--interval needs --textfile"),
            (&["--textfile=x.prom", "--interval=30", "--timeout=31"], "--timeout is longer than --interval"),
            (&["-vq"], "--verbose and --quiet contradict each other"),
            (&["--demo", "--daemon-repo=/d"], "--demo and --daemon-repo"),
            (&["--demo", "--miner-repo=/m"], "--demo and --miner-repo"),
            (&["--demo", "--boost-repo=/b"], "--demo and --boost-repo"),
            (&["--demo", "--miner-id=f01"], "the demo asks no node"),
        ] {
            let error = error(args, &[]);
            assert!(error.contains(words), "{args:?}: {error}");
            assert!(error.ends_with("(see --help)"), "{args:?}: {error}");
        }
    }

    #[test]
    fn wrong_variables_are_named() {
        for (env, words) in [
            (&[("FARCASTER_TIMEOUT", "soon")][..], "FARCASTER_TIMEOUT: \"soon\" is not"),
            (&[("FARCASTER_VERBOSE", "perhaps")], "FARCASTER_VERBOSE: \"perhaps\" is none of"),
            (&[("FARCASTER_DEMO", "on")], "FARCASTER_DEMO: \"on\" is not"),
            (&[("FARCASTER_MINER_ID", "f01,x")], "FARCASTER_MINER_ID: \"x\" is not"),
            (&[("FARCASTER_TEXTFILE", "x")], "FARCASTER_TEXTFILE: the path does not end"),
            (&[("FARCASTER_INTERVAL", "60")], "FARCASTER_INTERVAL needs --textfile"),
            (
                &[("FARCASTER_DEMO", "1"), ("FARCASTER_MINER_REPO", "/m")],
                "FARCASTER_DEMO and FARCASTER_MINER_REPO contradict",
            ),
        ] {
            let error = error(&[], env);
            assert!(error.contains(words), "{env:?}: {error}");
            assert!(error.ends_with("(see --help)"), "{env:?}: {error}");
        }
    }

    #[test]
    fn no_error_repeats_what_may_be_a_token() {
        let info = "eyJhbGciOiJIUzI1NiJ9.eyJBbGxvdyI6W119.c2lnbmF0dXJl:/ip4/127.0.0.1/tcp/1234/http";
        let token = &"eyJhbGciOiJIUzI1NiJ9.".repeat(5);
        let short = "c2lnbmF0dXJl:/ip4/127.0.0.1/tcp/1234";
        for secret in [info, token, short, "c2lnbmF0dXJl@host"] {
            let option = format!("--verbose={secret}");
            for (args, env) in [
                (&[secret][..], &[][..]),
                (&["--miner-id", secret], &[]),
                (&[&option], &[]),
                (&["--textfile", secret], &[]),
                (&[], &[("FARCASTER_MINER_ID", secret)]),
                (&[], &[("FARCASTER_QUIET", secret)]),
            ] {
                let error = error(args, env);
                assert!(!error.contains("eyJ") && !error.contains("c2ln"), "{error}");
            }
        }
    }
}
