//! The table of the options for collecting, from which the parser, the environment variables, the help text and the tests come.

use std::ffi::OsString;

use lexopt::Arg;

use super::command::{DEFAULT_DEMO_SECTORS, DEFAULT_WATCH_SECONDS};

/// The value that an option takes, by the placeholder that stands for it in the help text.
#[derive(Clone, Copy)]
pub enum Takes {
    Nothing,
    Optionally(&'static str),
    One(&'static str),
    /// One each time the option stands there; a comma list in the environment.
    Many(&'static str),
}
use Takes::{Many, Nothing, One, Optionally};

#[derive(Clone, Copy)]
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
         (30s, 1m30s, 1h, 2d; a bare number is seconds)").default("run once"),
    Opt::new("timeout", One("DURATION"),
        "Longest time for one run; what is missing by then is left out\n").default("40s"),
    Opt::new("slow-interval", One("DURATION"),
        "How often to do what is expensive for the nodes\n").default("30m"),
    Opt::new("daemon-repo", One("DIR"),
        "Repo of the Lotus daemon").default("LOTUS_PATH, else ~/.lotus"),
    Opt::new("miner-repo", Many("DIR"),
        "Repo of a lotus-miner; repeat it for several\n")
        .default("LOTUS_MINER_PATH, else ~/.lotusminer"),
    Opt::new("boost-repo", One("DIR"),
        "Repo of Boost, for its deals").default("BOOST_PATH, else ~/.boost"),
    Opt::new("curio", Many("URL"),
        "Web UI of a Curio cluster or a skiff, like http://HOST:4701;\n\
         repeat it for several\n").default("CURIO_WEBRPC_URL, else one on this machine"),
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
    Opt::new("require-nodes", Nothing,
        "Write nothing while no node at all is found, or while a demo writes\n\
         the same file"),
    Opt::new("demo", Optionally("SECTORS"),
        "Ask a simulated farm instead of nodes, of 2000 sectors by default;\n\
         farcaster_network_info has network=\"demo\""),
    Opt::new("demo-miners", One("N"), "Lotus-miners of that farm, which share its sectors").default("2"),
    Opt::new("verbose", Nothing, "Print to stderr what is done, not only what failed").short('v'),
    Opt::new("quiet", Nothing, "Print to stderr only what prevents output").short('q'),
];

/// What collecting and every command take.
#[rustfmt::skip]
pub const COMMON: &[Opt] = &[
    Opt::new("help", Nothing, "Print this help and exit").short('h'),
    Opt::new("version", Nothing, "Print the version and exit").short('V'),
];

/// Pairs of options that cannot stand together, and why.
pub const CONTRADICTIONS: &[(&str, &str, &str)] = &[
    ("verbose", "quiet", "choose one"),
    ("json", "report", "choose one"),
    ("demo", "daemon-repo", "the demo asks no node"),
    ("demo", "miner-repo", "the demo asks no node"),
    ("demo", "boost-repo", "the demo asks no node"),
    ("demo", "curio", "the demo asks no node"),
    ("demo", "miner-id", "the demo asks no node"),
    ("demo", "require-nodes", "the demo asks no node"),
];

impl Opt {
    pub const fn new(name: &'static str, takes: Takes, help: &'static str) -> Opt {
        Opt { name, takes, help, short: None, default: None }
    }

    const fn short(mut self, short: char) -> Opt {
        self.short = Some(short);
        self
    }

    pub const fn default(mut self, default: &'static str) -> Opt {
        self.default = Some(default);
        self
    }

    /// Whether it is this option that stands there.
    pub fn is(&self, arg: &Arg) -> bool {
        match *arg {
            Arg::Long(name) => self.name == name,
            Arg::Short(short) => self.short == Some(short),
            Arg::Value(_) => false,
        }
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

    /// What the option stands for where its value may be left out, and is.
    pub fn bare(&self) -> OsString {
        match self.name {
            "watch" => DEFAULT_WATCH_SECONDS.to_string().into(),
            _ => DEFAULT_DEMO_SECTORS.to_string().into(),
        }
    }

    /// The environment variable that stands for the option, where it has one. Those in [`COMMON`] have none: an image that sets
    /// FARCASTER_VERSION means something else.
    pub fn variable(&self) -> String {
        format!("FARCASTER_{}", self.name.replace('-', "_").to_uppercase())
    }
}

/// What stands after a command without being an option.
pub struct Operand {
    pub name: &'static str,
    /// The environment variable that stands for it where it is not typed.
    pub variable: Option<&'static str>,
    /// The option with which none is needed.
    pub unless: Option<&'static str>,
    /// Whether it may be missing.
    pub is_optional: bool,
}

impl Operand {
    pub const fn new(name: &'static str) -> Operand {
        Operand { name, variable: None, unless: None, is_optional: false }
    }
}

/// The option for collecting of this name, for a command that takes it too. That there is one, the compiler sees.
pub const fn of_collecting(name: &str) -> Opt {
    let mut index = 0;
    while !is_same(OPTIONS[index].name, name) {
        index += 1;
    }
    OPTIONS[index]
}

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}
