//! The table of all options, from which the parser, the environment variables, the help text and the tests come.

/// The value that an option takes, by the placeholder that stands for it in the help text.
pub enum Takes {
    Nothing,
    Optionally(&'static str),
    One(&'static str),
    /// One each time the option stands there; a comma list in the environment.
    Many(&'static str),
}
use Takes::{Many, Nothing, One, Optionally};

pub struct Opt {
    pub name: &'static str,
    pub takes: Takes,
    /// With line breaks where the help text has them.
    pub help: &'static str,
    pub short: Option<char>,
    pub default: Option<&'static str>,
}

#[rustfmt::skip] // one option, a few lines
pub const OPTIONS: &[Opt] = &[
    Opt::new("textfile", One("PATH"),
        "Write to PATH for node_exporter's textfile collector, not to stdout;\n\
         must end in .prom, is replaced atomically and readable by everyone"),
    Opt::new("interval", One("DURATION"),
        "Run again and again, this long from start to start\n\
         (30s, 1m30s, 1h; a bare number is seconds)").default("run once"),
    Opt::new("timeout", One("DURATION"),
        "Most time that one run may take; what is missing by then is left out\n").default("40s"),
    Opt::new("slow-interval", One("DURATION"),
        "How often to do what is dear for the nodes\n").default("30m"),
    Opt::new("daemon-repo", One("DIR"),
        "Repo of the Lotus daemon").default("LOTUS_PATH, else ~/.lotus"),
    Opt::new("miner-repo", Many("DIR"),
        "Repo of a lotus-miner; repeat it for several\n")
        .default("LOTUS_MINER_PATH, else ~/.lotusminer"),
    Opt::new("boost-repo", One("DIR"),
        "Repo of Boost, for its deals").default("BOOST_PATH, else ~/.boost"),
    Opt::new("miner-id", Many("ID"),
        "Watch this miner on chain too, like f01234, although no lotus-miner\n\
         here runs it; repeat it for several"),
    Opt::new("addresses", One("FILE"),
        "JSON file of names for addresses, and of wallets to watch\n")
        .default("lotus-farcaster/addresses.json in $XDG_CONFIG_HOME"),
    Opt::new("max-rows", One("N"),
        "Most rows of a metric with one for each thing in motion or broken\n").default("500"),
    Opt::new("state-dir", One("DIR"),
        "Folder for what is remembered between runs\n")
        .default("STATE_DIRECTORY, else $XDG_STATE_HOME/lotus-farcaster"),
    Opt::new("demo", Optionally("SECTORS"),
        "Ask a simulated farm instead of nodes, of 2000 sectors unless given;\n\
         its farcaster_daemon_info says network=\"demo\""),
    Opt::new("verbose", Nothing, "Say on stderr what is done, not only what failed").short('v'),
    Opt::new("quiet", Nothing, "Say on stderr only what prevents output").short('q'),
    Opt::new("help", Nothing, "Print this help and exit").short('h'),
    Opt::new("version", Nothing, "Print the version and exit").short('V'),
];

/// Pairs of options that cannot stand together, and why.
pub const CONTRADICTIONS: &[(&str, &str, &str)] = &[
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
    pub fn usage(&self) -> String {
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
    pub fn variable(&self) -> Option<String> {
        let has_one = !matches!(self.name, "help" | "version");
        has_one.then(|| format!("FARCASTER_{}", self.name.replace('-', "_").to_uppercase()))
    }
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
Shows what matters about Filecoin storage providers in Prometheus: asks the Lotus daemon,
miners and Boost over their APIs and writes metrics, to stdout or to a text file for
node_exporter.

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
  BOOST_GRAPHQL_URL
      Where Boost answers GraphQL, like http://127.0.0.1:8080, if its repo does not say so.

Exit codes:
  0  complete and valid text was written, even when nodes are down
  1  it could not be written
  2  wrong usage
";
