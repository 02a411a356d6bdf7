//! Finds Curio, whose configuration is in a database: no file says where its web UI is.
//!
//! What names it is a URL. Where nothing does, and there is a sign of Curio on this machine, its own port 4701 is asked; if that is not a web
//! UI, the machines of the cluster, of which any tells all: of those, one with the layer `gui` or `web` has the web UI. The password of the
//! database, which is in the same file as harmless settings, is not read.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::{CURIO, Endpoint, Kind, Search, api_info};
use crate::files;
use crate::rpc::curio::{Curio, methods};
use crate::rpc::http::{self, Http};
use crate::rpc::{Budget, Habits, curio};
use crate::tolerant;

/// What messages and the memory call it where nothing names it.
const SOURCE: &str = "Curio on this machine";

const OPTION: &str = "--curio";

/// The port of the web UI, and that of each machine's API.
const WEB_PORT: u16 = 4701;
const API_PORT: u16 = 12300;

/// What each machine tells anybody: the machines of the cluster.
const DISCOVERY_PATH: &str = "/debug/service-discovery";

/// Settings of the package's file that are read; others are the database's.
const SETTINGS: [&str; 2] = ["CURIO_LISTEN", "CURIO_REPO_PATH"];

/// How long something that may be Curio may take, and how many machines are tried.
const PATIENCE: Duration = Duration::from_secs(2);
const MAX_MACHINES_TRIED: usize = 3;

/// More addresses, and longer routes, than a machine has.
const MAX_OWN_ADDRESSES: usize = 64;
const MAX_ROUTES_BYTES: u64 = 1 << 20;

/// A connection within this machine is there at once, or refused.
const PATIENCE_WITH_OWN_MACHINE: Duration = Duration::from_millis(100);

/// This machine: where signs of Curio are, and how to ask.
pub struct Machine<'a> {
    /// The package's settings.
    pub env_file: PathBuf,
    /// Linux' table of routes, which has the machine's own addresses. What else has them is a socket, which would have to be bound.
    pub routes: PathBuf,
    /// Asks.
    pub ask: &'a dyn Ask,
}

/// Asks what may be Curio.
pub trait Ask {
    /// Whether something listens there.
    fn listens(&self, at: SocketAddr) -> bool;
    /// Whether a web UI of Curio is at this URL.
    fn is_curio(&self, url: &str) -> bool;
    /// The list of the cluster's machines, from the one at this URL.
    fn machines(&self, url: &str) -> Option<String>;
    /// The address of this machine in its network.
    fn own_address(&self) -> Option<IpAddr>;
}

impl<'a> Machine<'a> {
    /// The one that this runs on.
    pub fn new(ask: &'a dyn Ask) -> Machine<'a> {
        Machine { env_file: "/etc/curio.env".into(), routes: "/proc/net/fib_trie".into(), ask }
    }

    /// The harmless settings of the package.
    fn setting(&self, name: &str) -> Option<String> {
        let text = files::read_configuration(&self.env_file).ok()?;
        let lines = text.lines().map(|line| line.trim().trim_start_matches("export "));
        let settings =
            lines.filter_map(|line| line.split_once('=')).filter(|(name, _)| SETTINGS.contains(&name.trim()));
        let value = settings.rev().find(|(known, _)| known.trim() == name)?.1;
        let value = value.trim().trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// Whether something listens on the port of the web UI, at any address of this machine. The kernel's list of sockets has all the connections
    /// of a full node too, and takes milliseconds.
    fn has_listener(&self) -> bool {
        let mut routes = String::new();
        // Without them, the loopback is left. A router has more of them than are of use.
        let _ = fs::File::open(&self.routes).and_then(|file| file.take(MAX_ROUTES_BYTES).read_to_string(&mut routes));
        let addresses = own_addresses(&routes).take(MAX_OWN_ADDRESSES).chain([Ipv4Addr::LOCALHOST]);
        addresses.collect::<BTreeSet<_>>().into_iter().any(|address| self.ask.listens((address, WEB_PORT).into()))
    }
}

/// The addresses that routes lead to the machine itself for: each is in the line before that of its route, in one table or in two.
fn own_addresses(routes: &str) -> impl Iterator<Item = Ipv4Addr> {
    let own = routes.lines().zip(routes.lines().skip(1)).filter(|(_, route)| route.trim() == "/32 host LOCAL");
    own.filter_map(|(line, _)| line.trim().strip_prefix("|-- ")?.parse().ok())
}

/// Asks over HTTP.
pub struct OverHttp;

impl Ask for OverHttp {
    fn listens(&self, at: SocketAddr) -> bool {
        TcpStream::connect_timeout(&at, PATIENCE_WITH_OWN_MACHINE).is_ok()
    }

    fn is_curio(&self, url: &str) -> bool {
        let endpoint = Endpoint::new(Kind::Curio, url.to_owned(), None, SOURCE);
        let transport = std::sync::Arc::new(Http::new(&endpoint));
        let curio = Curio::new(SOURCE.to_owned(), transport, Budget::new(PATIENCE * 4), Habits::default());
        curio.call::<String>(methods::VERSION, json!([])).is_ok()
    }

    fn machines(&self, url: &str) -> Option<String> {
        http::get(&format!("{url}{DISCOVERY_PATH}"), PATIENCE)
    }

    fn own_address(&self) -> Option<IpAddr> {
        own_address()
    }
}

/// The address from which this machine reaches others. Nothing is sent: connecting a datagram socket only looks up the route.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

/// Where others in the network would reach a Curio that is reached by the loopback.
pub fn elsewhere(endpoint: &Endpoint) -> Option<Endpoint> {
    let address = endpoint.address();
    let (host, port) = address.rsplit_once(':')?;
    if endpoint.kind != Kind::Curio || endpoint.gone.is_some() || !is_loopback(host) {
        return None;
    }
    let url = format!("http://{}", SocketAddr::new(own_address()?, port.parse().ok()?));
    Some(Endpoint::new(Kind::Curio, url, None, &endpoint.source))
}

/// Whether a host is the loopback of its own machine.
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a host is the address of this machine in its network.
pub fn is_own(host: &str) -> bool {
    own_address().is_some_and(|own| host.trim_matches(['[', ']']).parse() == Ok(own))
}

/// `host:port` of a chain node's address as Curio tells it: a multiaddr or a URL, whose path may be a key.
pub fn place_of(address: &str) -> Option<String> {
    let (url, _) = api_info::parse_address(address).ok()?;
    Some(Endpoint::new(Kind::Daemon, url, None, "").address())
}

/// A machine of the cluster, as Prometheus' http_sd has it.
#[derive(Deserialize)]
struct Target {
    #[serde(default)]
    targets: Vec<String>,
    #[serde(default)]
    labels: Labels,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Labels {
    layers: String,
}

impl Search<'_> {
    /// All web UIs of Curio.
    pub(super) fn curios(&mut self) -> Vec<Endpoint> {
        let mut nodes = if !self.places.curio.is_empty() {
            let urls = self.places.curio.join(",");
            self.list(&CURIO, OPTION, &urls)
        } else if let Some(nodes) = self.api_info(&CURIO) {
            nodes
        } else {
            self.places.machine.map(|machine| self.on_this_machine(machine)).unwrap_or_default()
        };
        for node in &mut nodes {
            // What Curio's own container has in its variable ends in the path.
            let url = node.url.trim_end_matches('/').trim_end_matches(curio::PATH).to_owned();
            let known_as = Endpoint::new(Kind::Curio, url.clone(), None, &node.source).address();
            *node = Endpoint { url, known_as, ..node.clone() };
        }
        let mut seen = std::collections::HashSet::new();
        nodes.retain(|node| seen.insert(node.url.clone()));
        nodes
    }

    fn on_this_machine(&mut self, machine: &Machine) -> Vec<Endpoint> {
        let at = |url: String| Endpoint::new(Kind::Curio, url, None, SOURCE);
        let known: Vec<Endpoint> = {
            let nodes = self.places.known.nodes(Kind::Curio, SOURCE);
            nodes.iter().map(|node| at(format!("http://{}", node.address))).collect()
        };
        let Some(sign) = self.sign(machine) else {
            if !self.places.known.is_recent(Kind::Curio, SOURCE, self.places.now) {
                return Vec::new();
            }
            self.known.keep(&self.places.known, Kind::Curio, SOURCE, None);
            let gone =
                "Curio was on this machine, and nothing is left of it; it counts as down for three days".to_owned();
            return known.into_iter().map(|node| Endpoint { gone: Some(gone.clone()), ..node }).collect();
        };
        self.told.insert((Kind::Curio, SOURCE.to_owned()));
        // Where it was found once the run itself asks it, and tells if it is down.
        if !known.is_empty() {
            return known;
        }
        // One that is open to the network only is not on the loopback, and `curio web` has no address in the cluster's list.
        let places = std::iter::once(Ipv4Addr::LOCALHOST.into()).chain(machine.ask.own_address());
        let mut urls = places.map(|address| format!("http://{}", SocketAddr::new(address, WEB_PORT)));
        let here = urls.find(|url| machine.ask.is_curio(url));
        let found = here.or_else(|| self.in_the_cluster(machine));
        match found {
            Some(url) => vec![at(url)],
            None => {
                if let Some(sign) = sign {
                    self.warnings.push(format!(
                        "Curio is on this machine ({sign}), but no web UI of it was found: let a machine of the cluster run the layer gui, \
                         and name it with {OPTION} http://HOST:{WEB_PORT}"
                    ));
                }
                Vec::new()
            }
        }
    }

    /// Whether Curio is on this machine, and what tells so; not what a folder tells that may be left from earlier.
    fn sign(&self, machine: &Machine) -> Option<Option<String>> {
        if machine.env_file.exists() {
            return Some(Some(machine.env_file.display().to_string()));
        }
        let repo = self.var(CURIO.repo[0]).or_else(|| machine.setting(CURIO.repo[0]));
        let repo = self.expand(Path::new(repo.as_deref().unwrap_or("~/.curio")));
        (repo.is_absolute() && repo.is_dir() || machine.has_listener()).then_some(None)
    }

    /// The web UI that a machine of the cluster has.
    fn in_the_cluster(&self, machine: &Machine) -> Option<String> {
        let listen = self.var("CURIO_LISTEN").or_else(|| machine.setting("CURIO_LISTEN"));
        // 0.0.0.0 is not where it listens: Curio takes the address from which it reaches the database.
        let listen = listen.filter(|listen| !listen.starts_with("0.0.0.0"));
        let own = machine.ask.own_address().map(|address| SocketAddr::new(address, API_PORT).to_string());
        let machines = [listen, own, Some(format!("127.0.0.1:{API_PORT}"))];
        let document = machines.into_iter().flatten().find_map(|machine_at| {
            let (url, _) = api_info::parse_address(&format!("http://{machine_at}")).ok()?;
            machine.ask.machines(&url)
        })?;
        let targets: Option<Vec<Target>> = tolerant::from_json(document.as_bytes()).ok()?;
        let has_web =
            |target: &Target| target.labels.layers.split(',').any(|layer| ["gui", "web"].contains(&layer.trim()));
        let with_web = targets?.into_iter().filter(has_web).flat_map(|target| target.targets);
        let urls = with_web.filter_map(|target| {
            let host = target.rsplit_once(':').map_or(target.as_str(), |(host, _)| host).to_owned();
            api_info::parse_address(&format!("http://{host}:{WEB_PORT}")).ok().map(|(url, _)| url)
        });
        urls.take(MAX_MACHINES_TRIED).find(|url| machine.ask.is_curio(url))
    }
}
