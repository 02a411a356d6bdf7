//! Finds the nodes as the Lotus tools do, with no configuration: options, API info variables, repo folders.
//!
//! For each kind of node the first of these that is set decides, and the later ones are not looked at:
//! 1. repo folders from the command line;
//! 2. `FULLNODE_API_INFO`, `MINER_API_INFO` (else the deprecated `STORAGE_API_INFO`), `BOOST_API_INFO`: a list of `TOKEN:ADDRESS`,
//!    separated by commas; or the same name with `_FILE`: a file that holds such a list, separated by commas or newlines, where lines that
//!    begin with `#` are comments, and one with comments only says that there is no such node;
//! 3. the repo in `LOTUS_PATH`, `LOTUS_MINER_PATH` (else the deprecated `LOTUS_STORAGE_PATH`), `BOOST_PATH`;
//! 4. the default repo, if it exists: `~/.lotus`, `~/.lotusminer`, `~/.boost`.
//!
//! Boost answers GraphQL at another address than its API: that of `BOOST_GRAPHQL_URL`, else what `config.toml` in its repo says, else port 8080
//! of the same host.
//!
//! Nothing here fails. What is wrong becomes a warning that names the variable or the file and the remedy, never a value, since a value
//! may be a token.

mod api_info;
mod graphql;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

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
}

impl Kind {
    /// The value of the `endpoint` label: `daemon`, `miner` or `boost`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Daemon => "daemon",
            Kind::Miner => "miner",
            Kind::Boost => "boost",
        }
    }

    /// The names by which Lotus knows it.
    pub(crate) fn names(self) -> &'static Names {
        match self {
            Kind::Daemon => &DAEMON,
            Kind::Miner => &MINER,
            Kind::Boost => &BOOST,
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
    /// Where a Boost answers GraphQL: a base URL to which `/graphql/query` is appended. Other nodes have none.
    pub graphql: Option<Box<Endpoint>>,
}

impl Endpoint {
    /// `host:port`, the value of the `address` label. IPv6 addresses stand in brackets.
    pub fn address(&self) -> String {
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
    /// What is wrong and what to do about it, one sentence each, without any secret.
    pub warnings: Vec<String>,
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
}

/// Looks for all nodes; never fails. A repo whose node is down still gives an endpoint, at the address where such a node listens by
/// default, so that the outage shows.
pub fn discover(places: &Places) -> Found {
    let mut search = Search { places, warnings: Vec::new() };
    if search.var("MARKETS_API_INFO").is_some() {
        search.warnings.push(
            "MARKETS_API_INFO is ignored, Lotus has no markets process since v1.27.1: unset it, and name Boost in BOOST_API_INFO"
                .to_owned(),
        );
    }
    let daemons = search.nodes(&DAEMON, places.daemon_repo.as_slice());
    let miners = search.nodes(&MINER, &places.miner_repos);
    let mut boosts = search.nodes(&BOOST, places.boost_repo.as_slice());
    search.add_graphql(&mut boosts);
    Found { daemons, miners, boosts, warnings: search.warnings }
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

impl Names {
    /// What to do where a repo does not give what is needed.
    fn remedy(&self) -> String {
        format!("set {} to what `{}` prints", self.api_info[0], self.auth)
    }
}

struct Search<'a> {
    places: &'a Places<'a>,
    warnings: Vec<String>,
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
        nodes.retain(|node| seen.insert(node.url.clone()));
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
                return Some(self.list(names, name, name, &list));
            }
            // The path stays unsaid: who takes this variable for the other one has a token in it.
            Some(match fs::read_to_string(self.expand(Path::new(&file?))) {
                Ok(text) => {
                    let (comments, list): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.trim_start().starts_with('#'));
                    let list = list.join("\n");
                    // Who writes a comment instead of a node says that there is none.
                    let is_none = !comments.is_empty() && list.trim().is_empty();
                    if is_none { Vec::new() } else { self.list(names, name, &file_name, &list) }
                }
                Err(error) => {
                    self.warnings.push(format!(
                        "{file_name} names a file that cannot be read ({error}): correct the path, or let the user of this exporter read it"
                    ));
                    Vec::new()
                }
            })
        })
    }

    /// The entries of a `TOKEN:ADDRESS` list. A leading `variable=` is skipped, because `auth api-info` prints it.
    fn list(&mut self, names: &Names, variable: &str, source: &str, list: &str) -> Vec<Endpoint> {
        let entries = list.split([',', '\n']).map(str::trim);
        let entries: Vec<_> = entries.filter(|entry| !entry.is_empty()).collect();
        if entries.is_empty() {
            self.warnings.push(format!("{source} holds no TOKEN:ADDRESS: give it what `{}` prints", names.auth));
        }
        let mut nodes = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let entry = entry.strip_prefix(variable).and_then(|rest| rest.strip_prefix('=')).unwrap_or(entry);
            match api_info::parse(entry) {
                Ok((url, credential)) => {
                    nodes.push(Endpoint { kind: names.kind, url, credential, source: source.to_owned(), graphql: None })
                }
                Err(reason) => self.warnings.push(format!(
                    "{source} entry {} is not TOKEN:ADDRESS ({reason}): expected e.g. TOKEN:/ip4/127.0.0.1/tcp/{}/http",
                    index + 1,
                    names.default_port
                )),
            }
        }
        nodes
    }

    /// The default repo if there is one, which nobody has to have.
    fn default_repo(&mut self, names: &Names) -> Vec<Endpoint> {
        let Some(home) = self.var("HOME") else {
            return Vec::new();
        };
        let repo = Path::new(&home).join(names.default_repo);
        match fs::metadata(&repo) {
            Ok(_) => self.repos(names, &[repo]),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.warnings.push(format!(
                    "{} cannot be looked at ({error}): run this exporter as the user that runs {}, or {}",
                    repo.display(),
                    names.program,
                    names.remedy()
                ));
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    /// A node for each repo. Those that are down come last: the default address that stands in for their own may be that of another
    /// one that runs, whose token must win.
    fn repos(&mut self, names: &Names, repos: &[PathBuf]) -> Vec<Endpoint> {
        let (mut running, mut down) = (Vec::new(), Vec::new());
        for repo in repos {
            let repo = self.expand(repo);
            let source = repo.display().to_string();
            let graphql = (names.kind == Kind::Boost).then(|| self.graphql_of_repo(&repo));
            match self.api(names, &repo) {
                Some((url, user)) => {
                    let credential = self.token(names, &repo).or(user);
                    running.push(Endpoint { kind: names.kind, url, credential, source, graphql });
                }
                None => {
                    // Whatever listens there may be something else, and must not be shown the token.
                    let url = format!("http://127.0.0.1:{}", names.default_port);
                    down.push(Endpoint { kind: names.kind, url, credential: None, source, graphql });
                }
            }
        }
        running.append(&mut down);
        running
    }

    /// What `api` in a repo says: the base URL, and the credential that a URL may carry.
    fn api(&mut self, names: &Names, repo: &Path) -> Option<(String, Option<Credential>)> {
        let path = repo.join("api");
        let problem = match fs::read_to_string(&path) {
            Ok(text) => match api_info::parse_address(text.trim()) {
                Ok(address) => return Some(address),
                Err(reason) => format!("holds no address ({reason}): restart {}, which writes it", names.program),
            },
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                format!("cannot be read ({error}): run this exporter as the user that runs {}", names.program)
            }
            Err(error) => format!(
                "cannot be read ({error}): is {} running? It removes this file on a clean shutdown. If it runs, correct the path",
                names.program
            ),
        };
        self.warnings.push(format!(
            "{} {problem}. Until then 127.0.0.1:{} is tried",
            path.display(),
            names.default_port
        ));
        None
    }

    /// The token of a repo, which has all permissions. That there is none is no problem.
    fn token(&mut self, names: &Names, repo: &Path) -> Option<Credential> {
        let path = repo.join("token");
        let file = path.display();
        let metadata = fs::metadata(&path);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                let user = match metadata {
                    Ok(metadata) => format!("its owner (uid {})", metadata.uid()),
                    Err(_) => format!("the user that runs {}", names.program),
                };
                self.warnings.push(format!(
                    "{file} cannot be read ({error}): run this exporter as {user}, or {}. Until then the node grants only what needs no token",
                    names.remedy()
                ));
                return None;
            }
        };
        if !api_info::is_token(text.trim()) {
            self.warnings.push(format!("{file} holds no token: {}", names.remedy()));
            return None;
        }
        if metadata.is_ok_and(|metadata| metadata.mode() & 0o044 != 0) {
            self.warnings.push(format!(
                "{file} grants everything, and others than its owner can read it: chmod 600 {file}, and run this exporter as its owner"
            ));
        }
        Some(Credential::Token(Secret::new(text)))
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
