//! The simulated farm over HTTP, for `.ci/situations`: each node on a port of its own, and what an exporter would have shown of them in the
//! last hours, in which some of them may have died.
//!
//! `cargo run --example demo_nodes -- --state-dir DIR --history FILE [options]` serves the nodes, writes the history, prints the variables by
//! which an exporter finds the nodes, and keeps serving those that are alive until it is stopped.
//!
//! | option | |
//! |---|---|
//! | `--sectors N`, `--miners N` | how large the farm is |
//! | `--curio` | one more miner, on a Curio cluster, and a skiff |
//! | `--only NODE` | serve only this node (daemon, miner-0, ..., boost); may be repeated |
//! | `--kill NODE@MINUTES` | end this node so many minutes before now; may be repeated |
//! | `--miner-id ID` | watch this miner on chain; may be repeated |
//! | `--hours N` | how far back the history goes |
//! | `--labels LABELS` | labels for every sample |
//! | `--textfile PATH` | where the exporter will write, which node_exporter reports |

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;
use lotus_farcaster::demo::{self, Farm, Node};
use lotus_farcaster::discover::{Endpoint, Places, discover};
use lotus_farcaster::rpc::{self, http::Http};
use lotus_farcaster::state::State;
use lotus_farcaster::{cli, demo_history};

#[path = "../tests/support/http.rs"]
mod http;

use http::Reply;

const STEP_SECONDS: f64 = 60.0;

struct Options {
    sectors: u64,
    miners: usize,
    has_curio: bool,
    only: Vec<String>,
    /// Nodes that die, and how many seconds before now.
    kills: Vec<(String, f64)>,
    miner_ids: Vec<String>,
    hours: f64,
    labels: String,
    textfile: PathBuf,
    state_dir: PathBuf,
    history: PathBuf,
}

fn main() -> Result<()> {
    let options = options()?;
    let farm = Farm::with_miners(options.sectors, options.miners);
    let farm = Arc::new(if options.has_curio { farm.with_curio() } else { farm });
    let clock = Clock::default();
    let mut servers = Vec::new();
    for (name, node) in nodes_of(&farm, options.has_curio) {
        if options.only.is_empty() || options.only.contains(&name) {
            servers.push(Server::start(name, node, &farm, &clock)?);
        }
    }
    for name in options.kills.iter().map(|(name, _)| name).chain(&options.only) {
        anyhow::ensure!(servers.iter().any(|server| server.name == *name), "no node {name} is served");
    }
    let variables = variables(&servers);
    write_history(&options, &clock, &mut servers, &variables)?;
    clock.follow();
    for (name, value) in variables {
        println!("{name}={value}");
    }
    println!("ready");
    std::io::stdout().flush()?;
    loop {
        std::thread::park();
    }
}

fn options() -> Result<Options> {
    let mut options = Options {
        sectors: cli::DEFAULT_DEMO_SECTORS,
        miners: 2,
        has_curio: false,
        only: Vec::new(),
        kills: Vec::new(),
        miner_ids: Vec::new(),
        hours: 6.0,
        labels: String::new(),
        textfile: PathBuf::new(),
        state_dir: PathBuf::new(),
        history: PathBuf::new(),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("sectors") => options.sectors = parser.value()?.parse()?,
            Long("miners") => options.miners = parser.value()?.parse()?,
            Long("curio") => options.has_curio = true,
            Long("only") => options.only.push(parser.value()?.string()?),
            Long("kill") => {
                let value = parser.value()?.string()?;
                let (node, minutes) = value.split_once('@').context("--kill takes NODE@MINUTES")?;
                options.kills.push((node.to_owned(), minutes.parse::<f64>()? * 60.0));
            }
            Long("miner-id") => options.miner_ids.push(parser.value()?.string()?),
            Long("hours") => options.hours = parser.value()?.parse()?,
            Long("labels") => options.labels = parser.value()?.string()?,
            Long("textfile") => options.textfile = parser.value()?.into(),
            Long("state-dir") => options.state_dir = parser.value()?.into(),
            Long("history") => options.history = parser.value()?.into(),
            _ => bail!(argument.unexpected()),
        }
    }
    for (name, path) in [("--state-dir", &options.state_dir), ("--history", &options.history)] {
        anyhow::ensure!(!path.as_os_str().is_empty(), "{name} is missing");
    }
    Ok(options)
}

fn nodes_of(farm: &Farm, has_curio: bool) -> Vec<(String, Node)> {
    let miners = (0..farm.miner_count()).map(|index| (format!("miner-{index}"), Node::Miner(index)));
    let curios = [("curio".to_owned(), Node::Curio), ("skiff".to_owned(), Node::Skiff)];
    let curios = curios.into_iter().filter(|_| has_curio);
    let boost = ("boost".to_owned(), Node::Boost);
    [("daemon".to_owned(), Node::Daemon)].into_iter().chain(miners).chain([boost]).chain(curios).collect()
}

/// By which an exporter finds the nodes, dead or alive.
fn variables(servers: &[Server]) -> Vec<(&'static str, String)> {
    let addresses = |is_wanted: fn(Node) -> bool| {
        let wanted = servers.iter().filter(|server| is_wanted(server.node));
        wanted.map(|server| format!("http://127.0.0.1:{}", server.http.port)).collect::<Vec<_>>().join(",")
    };
    let boosts = addresses(|node| node == Node::Boost);
    let all = [
        ("FULLNODE_API_INFO", addresses(|node| node == Node::Daemon)),
        ("MINER_API_INFO", addresses(|node| matches!(node, Node::Miner(_)))),
        ("BOOST_API_INFO", boosts.clone()),
        ("BOOST_GRAPHQL_URL", boosts),
        ("CURIO_WEBRPC_URL", addresses(|node| matches!(node, Node::Curio | Node::Skiff))),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// A run each minute from `--hours` ago until the clock has come to now, with what Prometheus and node_exporter would have added. Servers end
/// when it is their time.
fn write_history(
    options: &Options,
    clock: &Clock,
    servers: &mut Vec<Server>,
    variables: &[(&'static str, String)],
) -> Result<()> {
    let path = options.history.display();
    let mut out = BufWriter::new(File::create(&options.history).with_context(|| format!("cannot write {path}"))?);
    let state = State::in_folder(&options.state_dir);
    let now = unix_seconds().floor();
    let mut time = now - options.hours * 3600.0;
    while time < unix_seconds() {
        clock.stand_at(time);
        servers.retain(|server| {
            let dies = options.kills.iter().find(|(name, _)| *name == server.name);
            dies.is_none_or(|(_, seconds)| time < now - seconds)
        });
        demo_history::write_run(&mut out, &options.labels, &nodes(variables), &options.miner_ids, &state, time)?;
        let labels = &options.labels;
        writeln!(out, "up{{{labels}}} 1 {time}")?;
        writeln!(out, "node_textfile_scrape_error{{{labels}}} 0 {time}")?;
        let textfile = options.textfile.display();
        writeln!(out, "node_textfile_mtime_seconds{{{labels},file=\"{textfile}\"}} {time} {time}")?;
        time += STEP_SECONDS;
    }
    writeln!(out, "# EOF")?;
    Ok(out.flush()?)
}

/// The nodes as the exporter finds them.
fn nodes(variables: &[(&'static str, String)]) -> Vec<rpc::Node> {
    let env = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let found = discover(&Places::of_env(&env));
    found.daemons.iter().chain(&found.miners).chain(&found.boosts).chain(&found.curios).map(node).collect()
}

fn node(endpoint: &Endpoint) -> rpc::Node {
    rpc::Node {
        kind: endpoint.kind,
        address: endpoint.address(),
        known_as: endpoint.known_as.clone(),
        transport: Arc::new(Http::new(endpoint)),
        graphql: endpoint.graphql.as_deref().map(|graphql| Box::new(node(graphql))),
        elsewhere: None,
    }
}

/// The farm's clock, in Unix seconds: stays where it was set, or follows the real one.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn stand_at(&self, seconds: f64) {
        self.0.store(seconds.to_bits(), Ordering::SeqCst);
    }

    fn follow(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    fn now(&self) -> f64 {
        match self.0.load(Ordering::SeqCst) {
            0 => unix_seconds(),
            bits => f64::from_bits(bits),
        }
    }
}

/// A node that listens until it is dropped.
struct Server {
    name: String,
    node: Node,
    http: http::Server,
}

impl Server {
    fn start(name: String, node: Node, farm: &Arc<Farm>, clock: &Clock) -> Result<Server> {
        let (farm, clock) = (farm.clone(), clock.clone());
        let http = http::Server::start(move |request| {
            let answer = demo::answer_at(&farm, node, &request.path, request.body.as_bytes(), clock.now());
            Reply::new(200, answer.to_string())
        })?;
        Ok(Server { name, node, http })
    }
}

fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
