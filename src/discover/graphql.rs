//! Where a Boost answers GraphQL: at a separate address, which `config.toml` in its repo names; otherwise at the default.

use std::io;
use std::path::Path;

use super::config::setting;
use super::{Endpoint, Kind, Search, api_info};
use crate::files;

/// Says where Boost answers GraphQL, for a Boost behind a proxy, or one whose repo is elsewhere.
const VARIABLE: &str = "BOOST_GRAPHQL_URL";

const DEFAULT_PORT: u16 = 8080;

const LOOPBACK: &str = "127.0.0.1";

impl Search<'_> {
    /// Gives each Boost its GraphQL endpoint: what the variable names (a list in the order of the Boosts), otherwise what is known already,
    /// otherwise the default port of the same host.
    pub(super) fn add_graphql(&mut self, boosts: &mut [Endpoint]) {
        let list = self.var(VARIABLE).unwrap_or_default();
        let urls: Vec<&str> = list.split(',').map(str::trim).filter(|url| !url.is_empty()).collect();
        if boosts.is_empty() && !urls.is_empty() {
            self.warnings
                .push(format!("{VARIABLE} is ignored, since no Boost was found: set BOOST_API_INFO or BOOST_PATH too"));
        }
        for (index, boost) in boosts.iter_mut().enumerate() {
            if let Some(url) = urls.get(index) {
                match api_info::parse(url) {
                    Ok((url, credential)) => {
                        let url = ["/query", "/graphql"]
                            .iter()
                            .fold(url.as_str(), |url, end| url.strip_suffix(end).unwrap_or(url).trim_end_matches('/'));
                        let graphql = Endpoint::new(Kind::Boost, url.to_owned(), credential, VARIABLE);
                        boost.graphql = Some(Box::new(graphql));
                    }
                    Err(reason) => self.warnings.push(format!(
                        "{VARIABLE} entry {} is not a URL ({reason}): expected e.g. http://{LOOPBACK}:{DEFAULT_PORT}",
                        index + 1
                    )),
                }
            }
            if boost.graphql.is_none() {
                let address = boost.address();
                let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
                boost.graphql = Some(at(host, DEFAULT_PORT, &boost.source));
            }
            // Both doors are of one process.
            if let Some(graphql) = boost.graphql.as_mut().filter(|_| boost.gone.is_some()) {
                graphql.gone.clone_from(&boost.gone);
            }
        }
    }

    /// The address in a repo's configuration, if there is one.
    pub(super) fn graphql_of_repo(&mut self, repo: &Path) -> Box<Endpoint> {
        let path = repo.join("config.toml");
        let file = path.display();
        let config = files::read_configuration(&path).unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound && repo.is_dir() {
                self.warnings.push(format!(
                    "{file} cannot be read ({error}): let the user of this exporter read it, or set {VARIABLE}. Until then {LOOPBACK}:{DEFAULT_PORT} is tried"
                ));
            }
            String::new()
        });
        let source = repo.display().to_string();
        let host = setting(&config, "Graphql", "ListenAddress").filter(|host| !host.is_empty()).unwrap_or(LOOPBACK);
        let port = setting(&config, "Graphql", "Port").map_or(Some(DEFAULT_PORT), |port| port.parse().ok());
        let bracketed =
            if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        // A wildcard address comes back as the loopback.
        match port.map(|port| api_info::parse_address(&format!("http://{bracketed}:{port}"))) {
            Some(Ok((url, _))) => Box::new(Endpoint::new(Kind::Boost, url, None, &source)),
            _ => {
                self.warnings.push(format!(
                    "{file} has an invalid address in [Graphql]: correct it, or set {VARIABLE}. Until then {LOOPBACK}:{DEFAULT_PORT} is tried"
                ));
                at(LOOPBACK, DEFAULT_PORT, &source)
            }
        }
    }
}

fn at(host: &str, port: u16, source: &str) -> Box<Endpoint> {
    Box::new(Endpoint::new(Kind::Boost, format!("http://{host}:{port}"), None, source))
}
