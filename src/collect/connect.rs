//! The first calls of a run: which nodes answer, which miners there are, where the chain stands.

use std::collections::BTreeMap;
use std::thread;

use serde::Deserialize;
use serde_json::{Value, json};

use super::boost::Boost;
use super::lane::{Endpoint, Lane};
use super::{Run, joined};
use crate::discover::Kind;
use crate::expose::families;
use crate::lotus::address;
use crate::lotus::epoch::{ChainClock, parse_rfc3339};
use crate::lotus::tipset::{NetworkParams, TipSet};
use crate::rpc::{Answers, Batch, Budget, CallError, Cause, Client, Node, Ticket};
use crate::state::State;
use crate::tolerant::Int;

const DEFAULT_BLOCK_DELAY_SECONDS: i64 = 30;

/// The full node that is asked in this run.
pub struct Daemon {
    /// Asks it.
    pub client: Client,
    /// Version, where it told.
    pub version: Option<Version>,
    /// Like `mainnet`.
    pub network_name: Option<String>,
    /// Like 29.
    pub network_version: Option<i64>,
    /// Where network version 29 began or begins, where the node tells.
    pub solstice_height: Option<i64>,
    /// The heaviest tipset.
    pub head: Option<TipSet>,
    /// The head's key as a parameter, so that all answers are about one tipset; null, which means the head, where it is not known.
    pub tipset_key: Value,
    /// The chain's clock.
    pub clock: Option<ChainClock>,
    /// Which of the answers above the node gave, but not as they should be.
    pub problems: Vec<CallError>,
}

impl Daemon {
    /// What it told of itself, for people.
    fn told(&self) -> String {
        let version = self.version.as_ref().map(|version| version.version.clone());
        let head = self.head.as_ref().map(|head| format!("head {}", head.height()));
        joined_with_commas([version, self.network_name.clone(), head])
    }
}

/// The answer of Version.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Version {
    /// Like `1.38.0+mainnet+git.abc`.
    pub version: String,
    /// Like `lotus`; since Lotus v1.32.
    pub agent: String,
    block_delay: Option<Int>,
}

impl Version {
    /// The same without any secret of the node's, which shows in labels otherwise.
    fn redacted(self, client: &Client) -> Version {
        Version { version: client.redact(&self.version), agent: client.redact(&self.agent), ..self }
    }
}

/// A lotus-miner whose miner is known.
pub struct LotusMiner {
    /// Asks it.
    pub client: Client,
    /// The miner's id, like `f01234`.
    pub id: String,
    /// Version, where it told.
    pub version: Option<String>,
    start_time_seconds: Option<f64>,
}

/// Who can be asked in this run.
pub struct Connections {
    /// The full node, if there is any.
    pub daemon: Option<Daemon>,
    /// One lotus-miner for each miner that has one.
    pub miners: Vec<LotusMiner>,
    /// All miners to watch on chain, each once.
    pub miner_ids: Vec<String>,
    /// Every Boost, not asked anything yet.
    pub boosts: Vec<Boost>,
    /// All clients, for their costs.
    pub clients: Vec<(Kind, Client)>,
    /// How it went.
    pub lane: Lane,
}

/// Which miner each lotus-miner runs, by address: known from an earlier run while it is down.
type KnownMiners = BTreeMap<String, String>;

/// Makes the first calls, to all nodes at the same time.
pub fn connect(run: &Run, budget: Budget) -> Connections {
    let mut lane = Lane::new(run.now, "", None);
    let of_kind = |kind| run.nodes.iter().filter(move |node: &&Node| node.kind == kind);
    let (daemons, miners) = thread::scope(|scope| {
        let miners: Vec<_> =
            of_kind(Kind::Miner).map(|node| scope.spawn(move || connect_miner(node, budget))).collect();
        let daemons = connect_daemons(of_kind(Kind::Daemon), budget);
        let miners: Vec<MinerAnswer> = miners.into_iter().map(joined).collect();
        (daemons, miners)
    });

    let mut clients = Vec::new();
    let mut daemon: Option<Daemon> = None;
    if daemons.is_empty() {
        lane.endpoint(Endpoint { kind: Kind::Daemon, address: String::new(), is_up: false, told: String::new() });
    }
    for answer in daemons {
        answer.reach.report(Kind::Daemon, answer.daemon.told(), &mut lane);
        clients.push((Kind::Daemon, answer.daemon.client.apart()));
        let is_better = daemon.as_ref().is_none_or(|chosen| chosen.head.is_none());
        if is_better && (daemon.is_none() || answer.daemon.head.is_some()) {
            daemon = Some(answer.daemon);
        }
    }
    if let Some(network) = daemon.as_ref().and_then(|daemon| daemon.network_name.as_deref()) {
        stay_on_network(run.state, network, &mut lane);
    }
    let known: KnownMiners = run.state.recall("miners");
    let mut miners_by_id: Vec<(LotusMiner, Seals)> = Vec::new();
    let mut now_known = KnownMiners::new();
    for answer in miners {
        answer.reach.report(Kind::Miner, answer.told(), &mut lane);
        clients.push((Kind::Miner, answer.client.apart()));
        let address = answer.reach.address;
        let Some(id) = answer.id.or_else(|| known.get(&address).cloned()) else {
            continue;
        };
        now_known.insert(address, id.clone());
        let MinerAnswer { client, version, start_time_seconds, seals, .. } = answer;
        let miner = LotusMiner { client, id, version, start_time_seconds };
        // Of several processes of one miner, the one that seals knows sectors, workers and storage.
        match miners_by_id.iter_mut().find(|(other, _)| other.id == miner.id) {
            None => miners_by_id.push((miner, seals)),
            Some(other) if seals > other.1 => *other = (miner, seals),
            Some(_) => {}
        }
    }
    run.state.remember("miners", &now_known);
    let miners: Vec<LotusMiner> = miners_by_id.into_iter().map(|(miner, _)| miner).collect();
    for miner in &miners {
        lane.samples.add(&families::MINER_START_TIME_SECONDS, [&miner.id], miner.start_time_seconds);
    }
    let mut miner_ids: Vec<String> = miners.iter().map(|miner| miner.id.clone()).collect();
    for id in run.miner_ids {
        if !miner_ids.iter().any(|known| address::same(known, id)) {
            miner_ids.push(id.clone());
        }
    }
    let boosts: Vec<Boost> = of_kind(Kind::Boost).map(|node| Boost::new(node, budget)).collect();
    let doors = boosts.iter().flat_map(|boost| [boost.api.apart(), boost.graphql.apart()]);
    clients.extend(doors.map(|door| (Kind::Boost, door)));
    Connections { daemon, miners, miner_ids, boosts, clients, lane }
}

/// What is remembered of another network is about other miners, whatever their ids.
fn stay_on_network(state: &State, network: &str, lane: &mut Lane) {
    let known: Option<String> = state.recall("network");
    if let Some(known) = known.filter(|known| known != network) {
        lane.lines
            .push(format!("the state is of network {known:?}, the full node is on {network:?}: starting a new state"));
        state.forget();
    }
    state.remember("network", &network);
}

/// Whether a node answered its first call.
struct Reach {
    address: String,
    is_up: bool,
    errors: Vec<CallError>,
}

impl Reach {
    fn new<T: for<'a> Deserialize<'a>>(node: &Node, answers: &Answers, first: Ticket<T>) -> Self {
        let error = answers.get(first).err();
        Reach {
            address: node.address.clone(),
            is_up: error.as_ref().is_none_or(|error| error.cause.is_answer()),
            errors: error.into_iter().collect(),
        }
    }

    fn report(&self, kind: Kind, told: String, lane: &mut Lane) {
        lane.endpoint(Endpoint { kind, address: self.address.clone(), is_up: self.is_up, told });
        lane.lines.extend(self.errors.iter().map(CallError::to_string));
    }
}

struct DaemonAnswer {
    reach: Reach,
    daemon: Daemon,
}

/// Asks full nodes in their order until one has a head.
fn connect_daemons<'n>(nodes: impl Iterator<Item = &'n Node>, budget: Budget) -> Vec<DaemonAnswer> {
    let mut answers = Vec::new();
    for node in nodes {
        let answer = connect_daemon(node, budget);
        let has_head = answer.daemon.head.is_some();
        answers.push(answer);
        if has_head {
            break;
        }
    }
    answers
}

fn connect_daemon(node: &Node, budget: Budget) -> DaemonAnswer {
    let client = client(node, "/rpc/v1", budget);
    let mut batch = Batch::new();
    let version = batch.add::<Version>("Version", json!([]));
    let head = batch.add::<TipSet>("ChainHead", json!([]));
    let name = batch.add::<String>("StateNetworkName", json!([]));
    let params = batch.add::<NetworkParams>("StateGetNetworkParams", json!([]));
    let network_version = batch.add::<i64>("StateNetworkVersion", json!([null]));
    let answers = client.send(&batch);

    let mut reach = Reach::new(node, &answers, version);
    let mut problems = Vec::new();
    let version = noted(answers.get(version), &mut problems).map(|version| version.redacted(&client));
    let name = noted(answers.get(name), &mut problems).map(|name| client.redact(&name));
    let params = noted(answers.get(params), &mut problems).unwrap_or_default();
    let network_version = noted(answers.get(network_version), &mut problems);
    let head = match answers.get(head) {
        Ok(head) => Some(head),
        Err(error) => {
            reach.errors.push(error);
            None
        }
    };
    let solstice_height = params.fork_upgrade_params.and_then(|upgrades| upgrades.upgrade_solstice_height);
    let block_delay = params.block_delay_secs.or(version.as_ref().and_then(|version| version.block_delay));
    let block_delay = block_delay.and_then(|Int(seconds)| i64::try_from(seconds).ok());
    let block_delay = block_delay.filter(|seconds| *seconds > 0).unwrap_or(DEFAULT_BLOCK_DELAY_SECONDS);
    let genesis = params.genesis_timestamp.and_then(|Int(seconds)| i64::try_from(seconds).ok());
    let clock = match genesis.filter(|seconds| *seconds > 0) {
        Some(genesis_timestamp_seconds) => {
            Some(ChainClock { genesis_timestamp_seconds, block_delay_seconds: block_delay })
        }
        None => head.as_ref().and_then(|head| head.clock(block_delay)),
    };
    let daemon = Daemon {
        version,
        network_name: name,
        solstice_height: solstice_height.and_then(|Int(height)| i64::try_from(height).ok()),
        network_version,
        tipset_key: head.as_ref().map_or(Value::Null, TipSet::key),
        head,
        clock,
        problems,
        client,
    };
    DaemonAnswer { reach, daemon }
}

/// The answer. What the node itself said wrong about it is noted; that it does not answer at all is seen by its first call.
fn noted<T>(answer: Result<T, CallError>, problems: &mut Vec<CallError>) -> Option<T> {
    let is_problem = |error: &CallError| error.cause.is_answer() && !error.cause.is_missing_method();
    answer.map_err(|error| problems.extend(Some(error).filter(is_problem))).ok()
}

struct MinerAnswer {
    reach: Reach,
    client: Client,
    id: Option<String>,
    version: Option<String>,
    start_time_seconds: Option<f64>,
    seals: Seals,
}

impl MinerAnswer {
    /// What it told of itself, for people.
    fn told(&self) -> String {
        joined_with_commas([self.id.clone(), self.version.clone()])
    }
}

fn joined_with_commas(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Whether a process seals, or only proves. One that is down may do either.
#[derive(PartialEq, PartialOrd)]
enum Seals {
    No,
    Perhaps,
    Yes,
}

fn connect_miner(node: &Node, budget: Budget) -> MinerAnswer {
    let client = client(node, "/rpc/v0", budget);
    let mut batch = Batch::new();
    let id = batch.add::<String>("ActorAddress", json!([]));
    let version = batch.add::<Version>("Version", json!([]));
    let start_time = batch.add::<String>("StartTime", json!([]));
    let subsystems = batch.add::<Option<Vec<String>>>("RuntimeSubsystems", json!([]));
    let answers = client.send(&batch);

    let mut reach = Reach::new(node, &answers, id);
    let id = answers.get(id).ok().filter(|id| {
        let is_id = address::actor_id(id).is_some();
        if !is_id {
            let cause = Cause::Shape("no id address like f01234".to_owned());
            reach.errors.push(CallError { node: client.name().to_owned(), method: "ActorAddress".into(), cause });
        }
        is_id
    });
    let version = noted(answers.get(version), &mut reach.errors).map(|version| version.redacted(&client).version);
    let start_time = noted(answers.get(start_time), &mut reach.errors);
    // Lotus before v1.11.2 has no subsystems: one process does it all.
    let subsystems = noted(answers.get(subsystems), &mut reach.errors).flatten();
    let seals = match subsystems.is_none_or(|names| names.iter().any(|name| name == "Sealing")) {
        _ if !reach.is_up => Seals::Perhaps,
        true => Seals::Yes,
        false => Seals::No,
    };
    MinerAnswer {
        reach,
        id,
        version: version.filter(|version| !version.is_empty()),
        start_time_seconds: start_time.and_then(|time| parse_rfc3339(&time)),
        seals,
        client,
    }
}

fn client(node: &Node, path: &'static str, budget: Budget) -> Client {
    let name = format!("{} {}", node.kind.as_str(), node.address);
    Client::new(name, path, node.transport.clone(), budget)
}
