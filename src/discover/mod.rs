//! Finds the nodes as the Lotus tools do, with no configuration: options, API info variables, repo folders.
//!
//! For each kind of node the first of these that is set decides, and the later ones are not looked at:
//! 1. repo folders from the command line;
//! 2. `FULLNODE_API_INFO`, `MINER_API_INFO` (else the deprecated `STORAGE_API_INFO`), `BOOST_API_INFO`: a list of `TOKEN:ADDRESS`,
//!    separated by commas; or the same name with `_FILE`: a file that holds such a list, separated by commas or newlines, where lines that
//!    begin with `#` are comments, and one with only comments means that there is no such node;
//! 3. the repo in `LOTUS_PATH`, `LOTUS_MINER_PATH` (else the deprecated `LOTUS_STORAGE_PATH`), `BOOST_PATH`;
//! 4. the default repo, if it exists: `~/.lotus`, `~/.lotusminer`, `~/.boost`.
//!
//! Boost answers GraphQL at another address than its API: that of `BOOST_GRAPHQL_URL`, else what `config.toml` in its repo says, else port 8080
//! of the same host.
//!
//! Curio is named by `--curio`, else by `CURIO_WEBRPC_URL` or `CURIO_WEBRPC_URL_FILE`, else looked for on this machine: see [`curio`].
//!
//! A node that was known and is gone is down, not forgotten: see [`known`]. It is not asked.
//!
//! Nothing here fails. What is wrong becomes a warning that names the variable or the file and the remedy, never a value, since a value
//! may be a token.

mod api_info;
mod config;
pub mod curio;
mod graphql;
mod known;
mod repo;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

pub use known::Known;

use crate::files;
use crate::secret::Secret;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A full node: `lotus daemon`, or Forest.
    Daemon,
    /// A `lotus-miner`.
    Miner,
    /// A `boostd`.
    Boost,
    /// The web UI of a Curio cluster, or of a skiff, which is Curio for PDP alone.
    Curio,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Daemon, Kind::Miner, Kind::Boost, Kind::Curio];

    /// The value of the `endpoint` label: `daemon`, `miner`, `boost` or `curio`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Daemon => "daemon",
            Kind::Miner => "miner",
            Kind::Boost => "boost",
            Kind::Curio => "curio",
        }
    }

    /// The names by which Lotus knows it.
    pub(crate) fn names(self) -> &'static Names {
        match self {
            Kind::Daemon => &DAEMON,
            Kind::Miner => &MINER,
            Kind::Boost => &BOOST,
            Kind::Curio => &CURIO,
        }
    }
}

/// What opens a node. Without any, Lotus grants the permission `read`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// For `Authorization: Bearer`.
    Token(Secret),
    /// `user:password`, percent-decoded, for `Authorization: Basic`: of a URL such as `https://user:password@host`.
    Basic(Secret),
}

/// A node that was found. `Debug` shows neither the credential nor the URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What the node is.
    pub kind: Kind,
    /// Base URL, `http` or `https`, to which `/rpc/v0`, `/rpc/v1` or `/rpc/v2` is appended: no user, no trailing slash, no port that is
    /// the scheme's own. Its path may hold the key of a public provider: print [`Endpoint::address`] instead.
    pub url: String,
    /// What opens the node.
    pub credential: Option<Credential>,
    /// What named the node: a variable or a repo folder.
    pub source: String,
    /// What the node is remembered by when its address changes: the repo folder, otherwise the address.
    pub known_as: String,
    /// Where a Boost answers GraphQL: a base URL to which `/graphql/query` is appended. Other nodes have none.
    pub graphql: Option<Box<Endpoint>>,
    /// Why the node is not asked, and is down: it was known, and what named it no longer says how to reach it. A complete sentence.
    pub gone: Option<String>,
}

impl Endpoint {
    fn new(kind: Kind, url: String, credential: Option<Credential>, source: &str) -> Endpoint {
        let known_as = String::new();
        let node = Endpoint { kind, url, credential, source: source.to_owned(), known_as, graphql: None, gone: None };
        Endpoint { known_as: node.address(), ..node }
    }

    /// `host:port`, the value of the `address` label; the repo where a node has no address of its own. IPv6 addresses are in brackets.
    pub fn address(&self) -> String {
        if self.url.is_empty() {
            return self.source.clone();
        }
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("http", &self.url));
        let authority = rest.split('/').next().unwrap_or(rest);
        match authority.rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => authority.to_owned(),
            _ if scheme == "https" => format!("{authority}:443"),
            _ => format!("{authority}:80"),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("kind", &self.kind)
            .field("address", &self.address())
            .field("credential", &self.credential)
            .field("source", &self.source)
            .field("graphql", &self.graphql)
            .field("gone", &self.gone)
            .finish()
    }
}

/// All that was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Full nodes in fail-over order: the first that answers is the one to use.
    pub daemons: Vec<Endpoint>,
    /// Miners, each one to be monitored.
    pub miners: Vec<Endpoint>,
    /// Boost nodes, each one to be monitored.
    pub boosts: Vec<Endpoint>,
    /// Curio clusters and skiffs, each one to be monitored.
    pub curios: Vec<Endpoint>,
    /// What is wrong and what to do about it, one sentence each, without any secret. What is wrong with nodes that are gone is kept with
    /// them.
    pub warnings: Vec<String>,
    /// What is known now, for the next time.
    pub known: Known,
}

/// Where to look.
pub struct Places<'a> {
    /// The environment: the value of a variable. Empty counts as unset.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Repo of the daemon, from the command line.
    pub daemon_repo: Option<PathBuf>,
    /// Repos of miners, from the command line.
    pub miner_repos: Vec<PathBuf>,
    /// Repo of Boost, from the command line.
    pub boost_repo: Option<PathBuf>,
    /// URLs of Curio's web UIs, from the command line.
    pub curio: Vec<String>,
    /// This machine, where Curio is looked for if nothing names one; None where it is not to be.
    pub machine: Option<&'a curio::Machine<'a>>,
    /// What was known the last time.
    pub known: Known,
    /// The time, in Unix seconds.
    pub now: f64,
}

impl<'a> Places<'a> {
    /// What the environment names, and nothing else.
    pub fn of_env(env: &'a dyn Fn(&str) -> Option<String>) -> Places<'a> {
        let known = Known::default();
        Places {
            env,
            daemon_repo: None,
            miner_repos: Vec::new(),
            boost_repo: None,
            curio: Vec::new(),
            machine: None,
            known,
            now: 0.0,
        }
    }
}

/// Looks for all nodes; never fails. A repo whose node is down still gives an endpoint: where the node was last, where its configuration
/// lets it listen, or where such a node listens by default. So the outage shows.
pub fn discover(places: &Places) -> Found {
    let mut search = Search { places, warnings: Vec::new(), told: HashSet::new(), known: Known::default() };
    if search.var("MARKETS_API_INFO").is_some() {
        search.warnings.push(
            "MARKETS_API_INFO is ignored: Lotus has had no markets process since v1.27.1. Unset it, and name Boost in BOOST_API_INFO"
                .to_owned(),
        );
    }
    let daemons = search.nodes(&DAEMON, places.daemon_repo.as_slice());
    let miners = search.nodes(&MINER, &places.miner_repos);
    let mut boosts = search.nodes(&BOOST, places.boost_repo.as_slice());
    search.add_graphql(&mut boosts);
    let curios = search.curios();
    let Search { warnings, told, mut known, .. } = search;
    for node in daemons.iter().chain(&miners).chain(&boosts).chain(&curios) {
        if told.contains(&(node.kind, node.source.clone())) {
            known.add(node, places.now);
        }
    }
    Found { daemons, miners, boosts, curios, warnings, known }
}

/// Whether this is a `TOKEN:ADDRESS`, or else what is wrong with it, without any part of it.
pub(crate) fn check_api_info(text: &str) -> Result<(), &'static str> {
    api_info::parse(text).map(|_| ())
}

/// As [`check_api_info`], for an address alone.
pub(crate) fn check_address(text: &str) -> Result<(), &'static str> {
    api_info::parse_address(text).map(|_| ())
}

/// The names by which Lotus knows a kind of node.
pub(crate) struct Names {
    kind: Kind,
    pub program: &'static str,
    /// API info variables; the first that is set counts.
    pub api_info: &'static [&'static str],
    /// Repo variables; the first that is set counts.
    pub repo: &'static [&'static str],
    /// Below the home folder.
    pub default_repo: &'static str,
    default_port: u16,
    /// Prints API info with the least permission that the exporter makes good use of.
    pub auth: &'static str,
}

const DAEMON: Names = Names {
    kind: Kind::Daemon,
    program: "lotus",
    api_info: &["FULLNODE_API_INFO"],
    repo: &["LOTUS_PATH"],
    default_repo: ".lotus",
    default_port: 1234,
    auth: "lotus auth api-info --perm write",
};

const MINER: Names = Names {
    kind: Kind::Miner,
    program: "lotus-miner",
    api_info: &["MINER_API_INFO", "STORAGE_API_INFO"],
    repo: &["LOTUS_MINER_PATH", "LOTUS_STORAGE_PATH"],
    default_repo: ".lotusminer",
    default_port: 2345,
    auth: "lotus-miner auth api-info --perm admin",
};

const BOOST: Names = Names {
    kind: Kind::Boost,
    program: "boostd",
    api_info: &["BOOST_API_INFO"],
    repo: &["BOOST_PATH"],
    default_repo: ".boost",
    default_port: 1288,
    auth: "boostd auth api-info --perm read",
};

const CURIO: Names = Names {
    kind: Kind::Curio,
    program: "curio",
    api_info: &["CURIO_WEBRPC_URL"],
    repo: &["CURIO_REPO_PATH"],
    default_repo: ".curio",
    default_port: 4701,
    auth: "",
};

impl Names {
    /// How an entry of the list in its variable is called, and what to give it instead of a wrong one.
    fn entry(&self) -> (&'static str, String) {
        match self.kind {
            Kind::Curio => ("URL", format!("give it that of Curio's web UI, like http://HOST:{}", self.default_port)),
            _ => ("TOKEN:ADDRESS", format!("give it what `{}` prints", self.auth)),
        }
    }

    /// What to do where a repo does not give what is needed.
    fn remedy(&self) -> String {
        format!("set {} to what `{}` prints", self.api_info[0], self.auth)
    }
}

struct Search<'a> {
    places: &'a Places<'a>,
    warnings: Vec<String>,
    /// The sources that were readable.
    told: HashSet<(Kind, String)>,
    /// What is still known about the others.
    known: Known,
}

impl Search<'_> {
    fn nodes(&mut self, names: &Names, options: &[PathBuf]) -> Vec<Endpoint> {
        let mut nodes = if !options.is_empty() {
            self.repos(names, options)
        } else if let Some(nodes) = self.api_info(names) {
            nodes
        } else if let Some(repo) = names.repo.iter().find_map(|name| self.var(name)) {
            self.repos(names, &[PathBuf::from(repo)])
        } else {
            self.default_repo(names)
        };
        let mut seen = HashSet::new();
        nodes.retain(|node| seen.insert((node.url.clone(), node.address())));
        nodes
    }

    /// What the API info variables name; `None` if none of them is set.
    fn api_info(&mut self, names: &Names) -> Option<Vec<Endpoint>> {
        names.api_info.iter().find_map(|name| {
            let file_name = format!("{name}_FILE");
            let file = self.var(&file_name);
            if let Some(list) = self.var(name) {
                if file.is_some() {
                    self.warnings.push(format!(
                        "{file_name} is ignored, since {name} is set too: unset one of them"
                    ));
                }
                return Some(self.list(names, name, &list));
            }
            let path = file?;
            Some(match files::read_configuration(&self.expand(Path::new(&path))) {
                Ok(text) => {
                    let (comments, list): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.trim_start().starts_with('#'));
                    let list = list.join("\n");
                    // A comment instead of a node means that there is none.
                    let is_none = !comments.is_empty() && list.trim().is_empty();
                    if is_none { Vec::new() } else { self.list(names, &file_name, &list) }
                }
                Err(error) => {
                    // Who takes this variable for the other one has a token in it, which does not begin like a path.
                    let path = if path.starts_with(['/', '~']) { format!("{path}: ") } else { String::new() };
                    let problem = format!(
                        "{file_name} names a file that cannot be read ({path}{error}): correct the path, or let the user of this exporter read it"
                    );
                    self.with_gone(names, &file_name, Vec::new(), vec![problem])
                }
            })
        })
    }

    /// The entries of a `TOKEN:ADDRESS` list.
    fn list(&mut self, names: &Names, source: &str, list: &str) -> Vec<Endpoint> {
        let entries = list.split([',', '\n']).map(str::trim);
        let entries: Vec<_> = entries.filter(|entry| !entry.is_empty()).collect();
        let (mut nodes, mut problems) = (Vec::new(), Vec::new());
        if entries.is_empty() {
            let (entry, remedy) = names.entry();
            problems.push(format!("{source} holds no {entry}: {remedy}"));
        }
        for (index, entry) in (1..).zip(entries) {
            let (of, entry) = api_info::unwrapped(entry);
            let others = Kind::ALL.iter().filter(|kind| **kind != names.kind).map(|kind| kind.names());
            if let Some(of) = of.filter(|of| others.flat_map(|other| other.api_info).any(|name| name == of)) {
                let (_, remedy) = names.entry();
                problems.push(format!(
                    "{source} entry {index} begins with {of}=, so it belongs to another kind of node: {remedy}"
                ));
                continue;
            }
            match api_info::parse(entry) {
                Ok((url, credential)) => nodes.push(Endpoint::new(names.kind, url, credential, source)),
                Err(reason) if names.kind == Kind::Curio => {
                    let (entry_name, remedy) = names.entry();
                    problems.push(format!("{source} entry {index} is not a {entry_name} ({reason}): {remedy}"));
                }
                Err(reason) => problems.push(format!(
                    "{source} entry {index} is not TOKEN:ADDRESS ({reason}): expected e.g. TOKEN:/ip4/127.0.0.1/tcp/{}/http",
                    names.default_port
                )),
            }
        }
        if problems.is_empty() {
            self.told.insert((names.kind, source.to_owned()));
            return nodes;
        }
        self.with_gone(names, source, nodes, problems)
    }

    /// Adds to the nodes of a list what it named before: what is wrong in it may be any of these.
    fn with_gone(
        &mut self,
        names: &Names,
        source: &str,
        mut nodes: Vec<Endpoint>,
        mut problems: Vec<String>,
    ) -> Vec<Endpoint> {
        let good: Vec<String> = nodes.iter().map(Endpoint::address).collect();
        let known = self.places.known.nodes(names.kind, source).iter();
        let gone: Vec<_> = known.filter(|known| !good.contains(&known.address)).collect();
        if gone.is_empty() {
            self.warnings.append(&mut problems);
        } else {
            let addresses: Vec<_> = gone.iter().map(|known| known.address.as_str()).collect();
            let count = if let [_] = gone[..] { "counts" } else { "count" };
            let why = format!(
                "{}. Until then {}, which it named before, {count} as down",
                problems.join("; "),
                addresses.join(" and ")
            );
            nodes.extend(gone.iter().map(|known| known.gone(names.kind, source, &why)));
        }
        self.told.insert((names.kind, source.to_owned()));
        nodes
    }

    fn var(&self, name: &str) -> Option<String> {
        let value = (self.places.env)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// `~` at the start of a path is the home folder, also where no shell has replaced it (systemd, compose).
    fn expand(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), self.var("HOME")) {
            (Ok(rest), Some(home)) => Path::new(&home).join(rest),
            _ => path.to_owned(),
        }
    }
}
