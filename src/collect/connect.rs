//! The first calls of a run: which nodes answer, which miners there are, where the chain is.

use std::collections::BTreeMap;
use std::thread;

use super::boost::Boost;
use super::curio::{self, Cluster, Clusters};
use super::daemon::{self, Daemon};
use super::lane::{Down, Endpoint, Lane, joined};
use super::miner::{self, LotusMiner, MinerAnswer};
use super::run::Run;
use crate::discover::Kind;
use crate::lotus::address;
use crate::rpc::{Budget, Client, Node};
use crate::state::State;
use crate::tolerant::Line;

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
    /// Each cluster of Curio once, and whether its web UI answered.
    pub clusters: Vec<(Cluster, bool)>,
    /// All clients, for their costs.
    pub clients: Vec<(Kind, Client)>,
    /// How it went.
    pub lane: Lane,
}

impl Connections {
    /// The version of the Curio that serves a miner.
    pub fn curio_version_of(&self, id: &str) -> Option<&str> {
        let mut clusters = self.clusters.iter().map(|(cluster, _)| cluster);
        let cluster = clusters.find(|cluster| cluster.miner_ids.iter().any(|known| address::same(known, id)))?;
        cluster.version.as_deref()
    }
}

/// Which miner each lotus-miner runs, by what the node is known as: known from an earlier run while it is down.
type KnownMiners = BTreeMap<String, String>;

/// Makes the first calls, to all nodes at the same time.
pub fn connect(run: &Run, budget: Budget) -> Connections {
    let mut lane = Lane::new(run.now, "", None);
    let of_kind = |kind| run.nodes.iter().filter(move |node: &&Node| node.kind == kind);
    let (daemons, answers, curios) = thread::scope(|scope| {
        let curios: Vec<_> =
            of_kind(Kind::Curio).map(|node| scope.spawn(move || curio::connect(run, node, budget))).collect();
        let miners: Vec<_> =
            of_kind(Kind::Miner).map(|node| scope.spawn(move || miner::connect(run, node, budget))).collect();
        let daemons = daemon::connect(run, of_kind(Kind::Daemon), budget);
        let miners: Vec<MinerAnswer> = miners.into_iter().map(joined).collect();
        (daemons, miners, curios.into_iter().map(joined).collect::<Vec<_>>())
    });

    let mut clients = Vec::new();
    let mut daemon: Option<Daemon> = None;
    if daemons.is_empty() {
        let (address, miner_id, told) = Default::default();
        let down = Some(Down::NotFound(daemon::NONE.to_owned()));
        lane.endpoint(Endpoint { kind: Kind::Daemon, address, miner_id, is_up: false, told, down });
    }
    for answer in daemons {
        answer.reach.report(Kind::Daemon, "", answer.daemon.told(), &mut lane);
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
    let mut miners: Vec<LotusMiner> = Vec::new();
    let mut now_known = KnownMiners::new();
    for answer in answers {
        let id = answer.id.clone().or_else(|| known.get(&answer.known_as).cloned());
        answer.reach.report(Kind::Miner, id.as_deref().unwrap_or_default(), answer.told(), &mut lane);
        clients.push((Kind::Miner, answer.client.apart()));
        let Some(id) = id else { continue };
        now_known.insert(answer.known_as, id.clone());
        let miner = LotusMiner { client: answer.client, id, version: answer.version };
        // Of several processes of one miner, the one that seals knows sectors, workers and storage.
        match miners.iter_mut().find(|other| other.id == miner.id) {
            None => miners.push(miner),
            Some(other) if miner::seals(&miner.client) > miner::seals(&other.client) => *other = miner,
            Some(_) => {}
        }
    }
    run.state.remember("miners", &now_known);
    let mut miner_ids: Vec<String> = miners.iter().map(|miner| miner.id.clone()).collect();
    let clusters = clusters(run, curios, &mut clients, &mut lane);
    let of_clusters = clusters.iter().flat_map(|(cluster, _)| &cluster.miner_ids);
    for id in of_clusters.chain(run.miner_ids) {
        if !miner_ids.iter().any(|known| address::same(known, id)) {
            miner_ids.push(id.clone());
        }
    }
    let boosts: Vec<Boost> = of_kind(Kind::Boost).map(|node| Boost::new(run, node, budget)).collect();
    let doors = boosts.iter().flat_map(|boost| [boost.api.apart(), boost.graphql.apart()]);
    clients.extend(doors.map(|door| (Kind::Boost, door)));
    Connections { daemon, miners, miner_ids, boosts, clusters, clients, lane }
}

/// Each cluster once, although it may have several web UIs. That of a skiff tells less.
fn clusters(
    run: &Run,
    answers: Vec<curio::ClusterAnswer>,
    clients: &mut Vec<(Kind, Client)>,
    lane: &mut Lane,
) -> Vec<(Cluster, bool)> {
    let mut clusters: Vec<(Cluster, bool)> = Vec::new();
    let mut now_known = Clusters::new();
    for answer in answers {
        let is_up = answer.reach.is_up;
        answer.reach.report(Kind::Curio, answer.cluster.only_miner(), answer.told(), lane);
        clients.push((Kind::Curio, answer.cluster.curio.client()));
        let cluster = answer.cluster;
        now_known.insert(cluster.known_as.clone(), cluster.miner_ids.clone());
        match clusters.iter_mut().find(|(other, _)| other.is_same(&cluster)) {
            None => clusters.push((cluster, is_up)),
            Some(other) if is_up && (!other.1 || other.0.is_skiff() && !cluster.is_skiff()) => {
                *other = (cluster, is_up)
            }
            Some(_) => {}
        }
    }
    run.state.remember("curios", &now_known);
    clusters
}

/// State from another network is about other miners, even if their ids are the same.
fn stay_on_network(state: &State, network: &str, lane: &mut Lane) {
    let known: Option<String> = state.recall("network");
    if let Some(known) = known.filter(|known| known != network) {
        let line =
            format!("the state belongs to network {known:?}, the full node is on {network:?}: starting a new state");
        lane.lines.push(Line { is_remark: true, ..line.into() });
        state.forget();
    }
    state.remember("network", &network);
}
