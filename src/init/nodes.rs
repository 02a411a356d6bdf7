//! `init-nodes`: copies what opens each node, and nothing else of its repo, to a folder that the exporter may read. A repo holds keys.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail, ensure};

use super::Report;
use crate::cli::InitNodes;
use crate::discover::{self, Endpoint, Kind, Places};
use crate::{healthcheck, textfile};

/// Everything that a repo has while its node runs or after it; one of these tells a repo from a folder that holds it.
const MARKS: &[&str] = &["api", "token", "config.toml", "keystore", "datastore"];

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
pub fn run(options: &InitNodes) -> Result<Report> {
    let mut report = Report::default();
    if let Some(file) = options.demo_file.as_deref().filter(|file| healthcheck::is_of_demo(file)) {
        report.done.push(format!("a demo writes {}: nothing is done about nodes", file.display()));
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
        match source.find(options.secrets.as_deref()) {
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
                let kept = if copy.exists() { "; the copy of an earlier start is kept" } else { "" };
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
    /// The content for the copy, and where it comes from: the file of the operator, else the repo.
    fn find(&self, secrets: Option<&Path>) -> Result<Option<(String, PathBuf)>> {
        if let Some(path) =
            secrets.map(|secrets| secrets.join(self.file)).filter(|path| path.symlink_metadata().is_ok())
        {
            return self.of_file(&path).map(|text| Some((text, path)));
        }
        match self.place.map(|place| self.repo(place)).transpose()?.flatten() {
            Some(repo) => self.of_repo(&repo).map(|text| Some((text, repo))),
            None => Ok(None),
        }
    }

    fn of_file(&self, path: &Path) -> Result<String> {
        let file = path.display();
        let text = fs::read_to_string(path).map_err(|error| {
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
        for repo in [place.join(self.kind.names().default_repo), place.to_owned()] {
            for mark in MARKS {
                match repo.join(mark).symlink_metadata() {
                    Ok(_) => return Ok(Some(repo)),
                    Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                    Err(error) => {
                        bail!("{} cannot be looked at ({error}): let this user; {}", repo.display(), self.remedy())
                    }
                }
            }
        }
        Ok(None)
    }

    fn of_repo(&self, repo: &Path) -> Result<String> {
        let read = |name: &str| {
            let path = repo.join(name);
            let file = path.display();
            let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
                ErrorKind::NotFound if name == "api" => anyhow!(
                    "{file} is missing: {} writes it when it starts and removes it when it ends. Start it first; {}",
                    self.kind.names().program,
                    self.remedy()
                ),
                ErrorKind::NotFound => anyhow!("{file} is missing: {}", self.remedy()),
                _ => anyhow!("{file} cannot be read ({error}): let this user read it; {}", self.remedy()),
            })?;
            let text = text.trim().to_owned();
            ensure!(!text.is_empty(), "{file} is empty: {}", self.remedy());
            Ok(text)
        };
        let (address, token) = (read("api")?, read("token")?);
        discover::check_address(&address).map_err(|reason| {
            anyhow!("{} holds no address ({reason}): {}", repo.join("api").display(), self.remedy())
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
        discover::discover(&Places { env: &env, daemon_repo: None, miner_repos: Vec::new(), boost_repo: None })
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
        let found = discover::discover(&Places { env: &env, daemon_repo: None, miner_repos: Vec::new(), boost_repo });
        let url = &found.boosts.first()?.graphql.as_ref()?.url;
        (url != "http://127.0.0.1:8080")
            .then(|| format!("boost: it answers GraphQL at {url}: set BOOST_GRAPHQL_URL={url} for the exporter"))
    }
}
