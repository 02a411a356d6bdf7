//! `init-nodes`: copies each node's address and token, and nothing else from its repo, to a folder that the exporter may read. A repo holds
//! keys.

use std::fs;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail, ensure};

use super::Report;
use crate::cli::InitNodes;
use crate::discover::{self, Endpoint, Kind, Places};
use crate::exporter::Env;
use crate::{files, healthcheck, textfile};

/// One of these in a folder with a repo's name distinguishes a repo from an empty folder, such as containers create in place of a missing
/// one.
const MARKS: &[&str] = &["api", "token", "config.toml", "keystore", "datastore"];

/// What distinguishes a repo with another name from a home folder, which may well have an `api`.
const MARK_OF_ANY_REPO: &str = "keystore";

/// A kind of node, and where to look for it.
struct Source<'a> {
    kind: Kind,
    /// Name of the file, in the folders of secrets and of copies.
    file: &'static str,
    /// The repo, or the folder that holds it.
    place: Option<&'a Path>,
}

/// Writes a file for each kind of node. That some node is there without what opens it does not keep the others from being written.
///
/// # Errors
///
/// The folder for the copies cannot be written.
pub fn run(options: &InitNodes, env: Env) -> Result<Report> {
    let mut report = Report::default();
    if let Some(file) = options.demo_file.as_deref().filter(|file| healthcheck::is_of_demo(file)) {
        report.done.push(format!("a demo is writing {}: the nodes are not looked for", file.display()));
        return Ok(report);
    }
    let sources = [
        Source { kind: Kind::Daemon, file: "fullnode_api_info", place: options.daemon.as_deref() },
        Source { kind: Kind::Miner, file: "miner_api_info", place: options.miner.as_deref() },
        Source { kind: Kind::Boost, file: "boost_api_info", place: options.boost.as_deref() },
    ];
    let mut is_any = false;
    for source in &sources {
        let copy = options.out.join(source.file);
        match source.find(options.secrets.as_deref(), env) {
            Ok(Some((text, from))) => {
                is_any = true;
                textfile::replace(&copy, text.as_bytes(), 0o440)?;
                let nodes = source.nodes_in(&copy).iter().map(Endpoint::address).collect::<Vec<_>>().join(", ");
                report.done.push(format!("{}: {nodes}, from {}", source.kind.as_str(), from.display()));
                report.done.extend(source.graphql_hint(&from));
            }
            Ok(None) => {
                textfile::replace(&copy, b"# None was found.\n", 0o440)?;
                report.done.push(format!("{}: none", source.kind.as_str()));
            }
            Err(error) => {
                is_any = true;
                let kept = if copy.exists() { "; the copy from an earlier start is kept" } else { "" };
                report.wrong.push(format!("{error:#}{kept}"));
            }
        }
    }
    if !is_any {
        report.done.push(
            "no Lotus was found: if there is one, set LOTUS_PATH and LOTUS_MINER_PATH to its repos, or write what `auth api-info` prints to files in the folder of secrets".to_owned(),
        );
    }
    Ok(report)
}

impl Source<'_> {
    /// The content for the copy, and where it comes from: the file of the operator, else the repo, which must be there if a variable of the
    /// environment names it.
    fn find(&self, secrets: Option<&Path>, env: Env) -> Result<Option<(String, PathBuf)>> {
        if let Some(path) =
            secrets.map(|secrets| secrets.join(self.file)).filter(|path| path.symlink_metadata().is_ok())
        {
            return self.of_file(&path).map(|text| Some((text, path)));
        }
        match self.place.map(|place| self.repo(place)).transpose()?.flatten() {
            Some(repo) => self.of_repo(&repo).map(|text| Some((text, repo))),
            None => {
                let names = self.kind.names();
                let named = names.repo.iter().find_map(|name| Some((name, env(name).filter(|path| !path.is_empty())?)));
                if let Some((variable, path)) = named {
                    bail!("{variable} names {path}, which is not a repo of {}: correct it", names.program);
                }
                Ok(None)
            }
        }
    }

    fn of_file(&self, path: &Path) -> Result<String> {
        let file = path.display();
        let text = files::read_configuration(path).map_err(|error| {
            if let Some(target) = lost(path) {
                return anyhow!("{file} is a link to {target}, which is not mounted here: put the file itself there");
            }
            anyhow!(
                "{file} cannot be read ({error}): write to it what `{}` prints, or remove it",
                self.kind.names().auth
            )
        })?;
        let found = self.discover(path);
        ensure!(found.warnings.is_empty(), "{file} cannot be used: {}", found.warnings.join("; "));
        Ok(text)
    }

    /// The repo that `place` is, or holds.
    fn repo(&self, place: &Path) -> Result<Option<PathBuf>> {
        let of_default_name = place.join(self.kind.names().default_repo);
        if let Some(target) = lost(&of_default_name) {
            bail!(
                "{} is a link to {target}, which points outside what is mounted here: set {} to the folder that it points to",
                of_default_name.display(),
                self.kind.names().repo[0]
            );
        }
        for (repo, marks) in [(of_default_name, MARKS), (place.to_owned(), &[MARK_OF_ANY_REPO])] {
            for mark in marks {
                match repo.join(mark).symlink_metadata() {
                    Ok(_) => return Ok(Some(repo)),
                    Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                    Err(error) => bail!(
                        "{} cannot be accessed ({error}): {}; {}",
                        repo.display(),
                        let_this_user(&error),
                        self.remedy()
                    ),
                }
            }
        }
        Ok(None)
    }

    fn of_repo(&self, repo: &Path) -> Result<String> {
        let read = |name: &str| {
            let path = repo.join(name);
            let file = path.display();
            let text = files::read_configuration(&path).map_err(|error| match error.kind() {
                ErrorKind::NotFound if lost(&path).is_some() => anyhow!(
                    "{file} is a link to {}, which points outside what is mounted here: set {} to a folder that holds all of the repo; {}",
                    lost(&path).unwrap_or_default(),
                    self.kind.names().repo[0],
                    self.remedy()
                ),
                ErrorKind::NotFound if name == "api" => anyhow!(
                    "{file} is missing: {} writes it when it starts and removes it when it ends. Start it first; {}",
                    self.kind.names().program,
                    self.remedy()
                ),
                ErrorKind::NotFound => anyhow!("{file} is missing: {}", self.remedy()),
                _ => anyhow!("{file} cannot be read ({error}): {}; {}", let_this_user(&error), self.remedy()),
            })?;
            let text = text.trim().to_owned();
            ensure!(!text.is_empty(), "{file} is empty: {}", self.remedy());
            Ok(text)
        };
        let (address, token) = (read("api")?, read("token")?);
        discover::check_address(&address).map_err(|reason| {
            anyhow!("{} does not hold an address ({reason}): {}", repo.join("api").display(), self.remedy())
        })?;
        let info = format!("{token}:{address}");
        discover::check_api_info(&info)
            .map_err(|reason| anyhow!("{} is wrong ({reason}): {}", repo.join("token").display(), self.remedy()))?;
        Ok(info + "\n")
    }

    /// What to do where a repo does not give what is needed.
    fn remedy(&self) -> String {
        let names = self.kind.names();
        format!(
            "if the repo is elsewhere, correct {}; if the node is elsewhere, write what `{}` prints there to {} in the folder of secrets",
            names.repo[0], names.auth, self.file
        )
    }

    /// What the exporter will find in this file.
    fn discover(&self, file: &Path) -> discover::Found {
        let variable = format!("{}_FILE", self.kind.names().api_info[0]);
        let env = |name: &str| (name == variable).then(|| file.to_string_lossy().into_owned());
        discover::discover(&Places::of_env(&env))
    }

    fn nodes_in(&self, file: &Path) -> Vec<Endpoint> {
        let found = self.discover(file);
        [found.daemons, found.miners, found.boosts].concat()
    }

    /// What to set where a Boost does not answer GraphQL where it is looked for without its repo.
    fn graphql_hint(&self, repo: &Path) -> Option<String> {
        if self.kind != Kind::Boost || !repo.is_dir() {
            return None;
        }
        let env = |_: &str| None;
        let boost_repo = Some(repo.to_owned());
        let found = discover::discover(&Places { boost_repo, ..Places::of_env(&env) });
        let url = &found.boosts.first()?.graphql.as_ref()?.url;
        (url != "http://127.0.0.1:8080")
            .then(|| format!("boost: it answers GraphQL at {url}: set BOOST_GRAPHQL_URL={url} for the exporter"))
    }
}

/// Where a link leads that leads to nothing here.
fn lost(path: &Path) -> Option<String> {
    let target = fs::read_link(path).ok()?;
    fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound).then(|| target.display().to_string())
}

/// What lets this user read what the nodes' user owns.
fn let_this_user(error: &Error) -> String {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    match root_outside(&map).filter(|_| error.kind() == ErrorKind::PermissionDenied) {
        Some(id) => format!(
            "root of this container is the user with id {id} outside of it (userns-remap, or rootless), who may not read it: run the stack \
             without that, or the exporter as a service of systemd"
        ),
        None => "let this user read it".to_owned(),
    }
}

/// Who the root of a user namespace is outside of it; None where that is root.
fn root_outside(uid_map: &str) -> Option<u32> {
    let mut first = uid_map.lines().next()?.split_whitespace();
    let (inside, outside) = (first.next()?, first.next()?.parse().ok()?);
    (inside == "0" && outside != 0).then_some(outside)
}

#[cfg(test)]
mod tests {
    use super::root_outside;

    #[test]
    fn root_of_a_user_namespace() {
        for (map, root) in [
            ("         0          0 4294967295\n", None),
            ("         0     231072      65536\n", Some(231_072)),
            ("         0       1000          1\n         1     100000      65536\n", Some(1000)),
            ("", None),
        ] {
            assert_eq!(root_outside(map), root, "{map:?}");
        }
    }
}
