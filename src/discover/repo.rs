//! The repo of a node: a folder with the node's address (`api`), which is there while the node runs, its token, and its configuration.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::config::setting;
use super::{Credential, Endpoint, Kind, Names, Search, api_info};
use crate::files;
use crate::secret::Secret;

impl Search<'_> {
    /// The default repo if there is one, which nobody has to have, or was one not long ago.
    pub(super) fn default_repo(&mut self, names: &Names) -> Vec<Endpoint> {
        let Some(home) = self.var("HOME") else {
            return Vec::new();
        };
        let repo = Path::new(&home).join(names.default_repo);
        let source = repo.display().to_string();
        let is_known = !self.places.known.nodes(names.kind, &source).is_empty();
        match fs::symlink_metadata(&repo) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied && !is_known => {
                self.warnings.push(format!(
                    "{source} cannot be accessed ({error}): run this exporter as the user that runs {}, or {}",
                    names.program,
                    names.remedy()
                ));
                Vec::new()
            }
            Err(error)
                if error.kind() == ErrorKind::NotFound
                    && !self.places.known.is_recent(names.kind, &source, self.places.now) =>
            {
                Vec::new()
            }
            Err(_) if !is_known => Vec::new(),
            _ => self.repos(names, &[repo]),
        }
    }

    /// A node for each repo. Those that are down come last: an address that stands in for their own may be that of another one that
    /// runs, whose token must win.
    pub(super) fn repos(&mut self, names: &Names, repos: &[PathBuf]) -> Vec<Endpoint> {
        let (mut nodes, mut silent) = (Vec::<Endpoint>::new(), Vec::new());
        for repo in repos {
            let repo = self.expand(repo);
            let source = repo.display().to_string();
            match api(names, &repo) {
                Ok((url, user)) => {
                    let credential = self.token(names, &repo).or(user);
                    let graphql = (names.kind == Kind::Boost).then(|| self.graphql_of_repo(&repo));
                    self.told.insert((names.kind, source.clone()));
                    let node = Endpoint::new(names.kind, url, credential, &source);
                    nodes.push(Endpoint { known_as: source, graphql, ..node });
                }
                Err(problem) => silent.push((repo, source, problem)),
            }
        }
        for (repo, source, problem) in silent {
            let node = self.silent(names, &repo, &source, &problem, &nodes);
            nodes.push(Endpoint { known_as: source, ..node });
        }
        nodes
    }

    /// The node of a repo that does not name its address. It is never shown the token: whatever listens in its place may be something else.
    fn silent(&mut self, names: &Names, repo: &Path, source: &str, problem: &str, others: &[Endpoint]) -> Endpoint {
        let other_at = |address: &str| others.iter().find(|other| other.address() == address);
        if let Some(known) = self.places.known.nodes(names.kind, source).first() {
            let seen_seconds = fs::symlink_metadata(repo).is_ok().then_some(self.places.now);
            self.known.keep(&self.places.known, names.kind, source, seen_seconds);
            let is_left = seen_seconds.is_none() && self.is_default(names, repo);
            let end = if is_left { ", for three days from when the folder was last there" } else { "" };
            let why = format!("{problem}. Until then {}, its last address, counts as down{end}", known.address);
            let node = known.gone(names.kind, source, &why);
            return match other_at(&known.address) {
                None => node,
                Some(_) => without_address(node),
            };
        }
        let config = files::read_configuration(&repo.join("config.toml")).unwrap_or_default();
        let own = setting(&config, "API", "ListenAddress").and_then(|address| api_info::parse_address(address).ok());
        let url = own.map_or_else(|| format!("http://127.0.0.1:{}", names.default_port), |(url, _)| url);
        let node = Endpoint::new(names.kind, url, None, source);
        let address = node.address();
        if let Some(other) = other_at(&address) {
            let why = format!(
                "{problem}. Until then it counts as down, and is not looked for at {address}, which is the address of {}",
                other.source
            );
            return without_address(Endpoint { gone: Some(why), ..node });
        }
        self.warnings.push(format!("{problem}. Until then {address} is tried"));
        let graphql = (names.kind == Kind::Boost).then(|| self.graphql_of_repo(repo));
        Endpoint { graphql, ..node }
    }

    /// Whether nobody named this repo.
    fn is_default(&self, names: &Names, repo: &Path) -> bool {
        self.var("HOME").is_some_and(|home| Path::new(&home).join(names.default_repo) == repo)
            && names.repo.iter().all(|name| self.var(name).is_none())
    }

    /// The token of a repo, which has all permissions. Having none is not a problem.
    fn token(&mut self, names: &Names, repo: &Path) -> Option<Credential> {
        let path = repo.join("token");
        let file = path.display();
        let metadata = fs::metadata(&path);
        let text = match files::read_configuration(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
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
            self.warnings.push(format!("{file} contains no token: {}", names.remedy()));
            return None;
        }
        if metadata.is_ok_and(|metadata| metadata.mode() & 0o044 != 0) {
            self.warnings.push(format!(
                "{file} grants full access, and users other than its owner can read it: chmod 600 {file}, and run this exporter as its owner"
            ));
        }
        Some(Credential::Token(Secret::new(text)))
    }
}

/// The same where the address is that of another node: it goes by its repo.
fn without_address(node: Endpoint) -> Endpoint {
    let node = Endpoint { url: String::new(), graphql: None, ..node };
    let graphql = (node.kind == Kind::Boost).then(|| Box::new(node.clone()));
    Endpoint { graphql, ..node }
}

/// What `api` in a repo says: the base URL, and the credential that a URL may carry; or what is wrong, and what to do.
fn api(names: &Names, repo: &Path) -> Result<(String, Option<Credential>), String> {
    let path = repo.join("api");
    let file = path.display();
    let text = files::read_configuration(&path)
        .map_err(|error| format!("{file} cannot be read {}", reason(names, repo, &error)))?;
    api_info::parse_address(text.trim()).map_err(|reason| {
        format!("{file} does not hold an address ({reason}): restart {}, which writes it", names.program)
    })
}

/// Why there is no `api`, and what to do: the folder may not be there, or the node not run.
fn reason(names: &Names, repo: &Path, error: &io::Error) -> String {
    let program = names.program;
    if error.kind() == ErrorKind::PermissionDenied {
        return format!("({error}): run this exporter as the user that runs {program}");
    }
    let lost = |path: &&Path| path.is_symlink() && fs::metadata(path).is_err();
    if let Some(link) = repo.ancestors().find(lost) {
        let target = fs::read_link(link).unwrap_or_default();
        return format!(
            "({} links to {}, which does not exist): mount its disk, or correct the link",
            link.display(),
            target.display()
        );
    }
    match fs::read_dir(repo).map(|mut entries| entries.next().is_none()) {
        Err(error) => format!("({}: {error}): mount its disk, or correct the path", repo.display()),
        Ok(true) => format!("({} is empty): mount its disk, or correct the path", repo.display()),
        Ok(false) => format!(
            "({error}): is {program} running? It removes this file on a clean shutdown. If it runs, correct the path"
        ),
    }
}
