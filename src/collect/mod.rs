//! One run: connects to the nodes, lets every collector do its work, each isolated from the others, and gathers their samples.
//!
//! A collector is a file with `fetch`, which asks and returns facts, and `expose`, which turns facts into samples. What runs when, and at the
//! same time as what, stands here: each miner's chain side (answered by the full node) and own side (answered by lotus-miner) have a thread,
//! and so have the full node itself and each Boost. So a node that hangs takes time from its own collectors only.

mod alerts;
mod balances;
mod blocks;
mod boost;
mod chain;
mod connect;
mod daemon;
mod deadlines;
mod expired;
mod f3;
mod gas;
mod identity;
mod jobs;
mod lane;
mod mpool;
mod network;
mod on_chain;
mod pieces;
mod pipeline;
mod power;
mod scheduler;
mod sectors;
mod slow;
mod storage;
mod storage_paths;
mod wallets;
mod workers;

use std::collections::BTreeSet;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

pub use connect::{Daemon, LotusMiner};
pub use lane::{Endpoint, Outcome};

use crate::address_book::AddressBook;
use crate::discover::Kind;
use crate::expose::{Samples, families};
use crate::lotus::bitfield::BitField;
use crate::rpc::{Budget, Cost, Node};
use crate::state::State;
use lane::Lane;

/// What a run works with.
pub struct Run<'a> {
    /// Nodes to ask. Of several full nodes the first that answers is used.
    pub nodes: &'a [Node],
    /// Miners to watch on chain although no lotus-miner here runs them.
    pub miner_ids: &'a [String],
    /// Names and watched wallets.
    pub address_book: &'a AddressBook,
    /// What is remembered from earlier runs.
    pub state: &'a State,
    /// Unix seconds at the start of the run.
    pub now: f64,
    /// How long the run may take.
    pub timeout: Duration,
    /// How often what is dear for the nodes is done, in seconds.
    pub slow_period_seconds: f64,
    /// The most rows a family may have.
    pub max_rows: usize,
}

/// What a run brings.
pub struct Report {
    /// All samples.
    pub samples: Samples,
    /// What went wrong, each line once.
    pub lines: Vec<String>,
    /// The nodes, and which of them answered.
    pub endpoints: Vec<Endpoint>,
    /// How each collector did.
    pub outcomes: Vec<Outcome>,
    /// What it cost the nodes.
    pub cost: Cost,
    /// How long it took.
    pub duration: Duration,
}

/// Does one run. Nodes that are down make for fewer samples, never for an error.
pub fn run(run: &Run) -> Report {
    let started = Instant::now();
    let connections = connect::connect(run, Budget::new(run.timeout));
    let mut lanes = collect(run, &connections);
    lanes.push(connections.lane);

    let mut samples = Samples::new();
    let mut lines = BTreeSet::new();
    let (mut endpoints, mut outcomes) = (Vec::new(), Vec::new());
    for lane in lanes {
        samples.append(lane.samples);
        lines.extend(lane.lines);
        endpoints.extend(lane.endpoints);
        outcomes.extend(lane.outcomes);
    }
    let mut total = Cost::default();
    for kind in [Kind::Daemon, Kind::Miner, Kind::Boost] {
        let clients = connections.clients.iter().filter(|(of, _)| *of == kind);
        let Some(cost) = clients.map(|(_, client)| client.cost()).reduce(|a, b| a + b) else {
            continue;
        };
        let labels = [kind.as_str()];
        samples.add(&families::RUN_RPC_CALLS, labels, cost.calls);
        samples.add(&families::RUN_RPC_REQUESTS, labels, cost.requests);
        samples.add(&families::RUN_RPC_ERRORS, labels, cost.errors);
        samples.add(&families::RUN_RPC_RECEIVED_BYTES, labels, cost.received_bytes);
        total = total + cost;
    }
    let version = env!("CARGO_PKG_VERSION");
    samples.add(&families::BUILD_INFO, [version, crate::COMMIT], true);
    samples.add(&families::RUN_TIMEOUT_SECONDS, [], run.timeout.as_secs_f64());
    let duration = started.elapsed().as_secs_f64();
    samples.add(&families::RUN_DURATION_SECONDS, [], duration);
    samples.add(&families::RUN_TIMESTAMP_SECONDS, [], run.now + duration);
    samples.limit_rows(run.max_rows);
    let lines = lines.into_iter().collect();
    Report { samples, lines, endpoints, outcomes, cost: total, duration: started.elapsed() }
}

/// The registry: every collector, in lanes that run at the same time.
fn collect<'a>(run: &'a Run<'a>, connections: &'a connect::Connections) -> Vec<Lane> {
    let daemon = connections.daemon.as_ref();
    let miner_ids: Vec<&str> = connections.miner_ids.iter().map(String::as_str).collect();
    thread::scope(|scope| {
        let node_side = scope.spawn(|| node_side(run, daemon, &miner_ids));
        let boosts: Vec<_> =
            connections.boosts.iter().map(|boost| scope.spawn(|| boost::side(run, boost, &miner_ids))).collect();
        let blocks_side = scope.spawn(|| blocks_side(run, daemon, &miner_ids));
        let own_sides: Vec<_> =
            connections.miners.iter().map(|miner| scope.spawn(move || own_side(run, miner))).collect();
        let chain_sides: Vec<_> = miner_ids
            .iter()
            .map(|id| {
                let lotus_miner = connections.miners.iter().find(|miner| miner.id == *id);
                scope.spawn(move || chain_side(run, daemon, id, lotus_miner))
            })
            .collect();

        let mut lanes = Vec::new();
        let mut chain_facts = Vec::new();
        let mut slow_sides = Vec::new();
        for (chain_side, id) in chain_sides.into_iter().zip(&miner_ids) {
            let (lane, mut facts) = joined(chain_side);
            lanes.push(lane);
            let lotus_miner = connections.miners.iter().find(|miner| miner.id == *id);
            let live = facts.live.take();
            slow_sides.push(scope.spawn(move || slow_side(run, daemon, id, lotus_miner, live)));
            chain_facts.push(facts);
        }
        lanes.push(money_side(run, daemon, &miner_ids, &chain_facts));
        lanes.extend(slow_sides.into_iter().map(joined));

        lanes.extend(own_sides.into_iter().map(joined));
        lanes.push(joined(node_side));
        lanes.extend(boosts.into_iter().map(joined));
        lanes.push(joined(blocks_side));
        lanes
    })
}

fn joined<T>(thread: ScopedJoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The full node, or an error that says that there is none.
fn up(daemon: Option<&Daemon>) -> Result<&Daemon> {
    daemon.context(
        "no full node to ask: set FULLNODE_API_INFO, or LOTUS_PATH to its repo, or run as a user whose HOME has .lotus",
    )
}

/// What the full node tells of itself, the chain and the network.
fn node_side(run: &Run, daemon: Option<&Daemon>, miner_ids: &[&str]) -> Lane {
    let mut lane = Lane::new(run.now, "", daemon.map(|daemon| daemon.client.name()));
    lane.collect("daemon", |problems| daemon::fetch(up(daemon)?, problems), daemon::expose);
    lane.collect(
        "chain",
        |problems| chain::fetch(up(daemon)?, problems),
        |facts, samples| chain::expose(facts, run.now, samples),
    );
    lane.collect(
        "f3",
        |problems| f3::fetch(up(daemon)?, problems),
        |facts, samples| f3::expose(facts, miner_ids, samples),
    );
    lane.collect(
        "alerts",
        |problems| alerts::fetch(&up(daemon)?.client, problems),
        |facts, samples| alerts::expose(facts, None, samples),
    );
    lane
}

/// The walk along the chain, which nothing waits for.
fn blocks_side(run: &Run, daemon: Option<&Daemon>, miner_ids: &[&str]) -> Lane {
    let mut lane = Lane::new(run.now, "", daemon.map(|daemon| daemon.client.name()));
    if !miner_ids.is_empty() {
        lane.collect_dated(
            "blocks",
            |problems| blocks::fetch(up(daemon), run, miner_ids, problems),
            blocks::expose,
            blocks::Facts::walked_seconds,
        );
    }
    lane
}

/// What later collectors need of a miner's chain side.
struct ChainFacts {
    identity: Option<identity::Facts>,
    power: Option<power::Facts>,
    live: Option<LiveSectors>,
}

/// The live sectors of a miner: how many, and in runs that read them all, which.
struct LiveSectors {
    count: Option<u64>,
    numbers: Option<BitField>,
}

/// What the chain knows of one miner.
fn chain_side(
    run: &Run,
    daemon: Option<&Daemon>,
    miner_id: &str,
    lotus_miner: Option<&LotusMiner>,
) -> (Lane, ChainFacts) {
    let mut lane = Lane::new(run.now, miner_id, daemon.map(|daemon| daemon.client.name()));
    let identity = lane.collect(
        "identity",
        |problems| identity::fetch(up(daemon)?, miner_id, problems),
        |facts, samples| identity::expose(facts, miner_id, lotus_miner, run.address_book, samples),
    );
    let power = lane.collect(
        "power",
        |problems| power::fetch(up(daemon)?, miner_id, problems),
        |facts, samples| power::expose(facts, miner_id, samples),
    );
    let balances = lane.collect(
        "balances",
        |problems| balances::fetch(up(daemon)?, miner_id, problems),
        |facts, samples| balances::expose(facts, miner_id, samples),
    );
    let deadlines_cid = balances.as_ref().and_then(|facts| facts.deadlines_cid.as_deref());
    let wants_live = on_chain::is_due(run, miner_id) || (lotus_miner.is_some() && expired::is_due(run, miner_id));
    let deadlines = lane.collect(
        "deadlines",
        |problems| deadlines::fetch(up(daemon)?, run, miner_id, deadlines_cid, wants_live, problems),
        |facts, samples| deadlines::expose(facts, miner_id, run.max_rows, samples),
    );
    let live = deadlines.map(|facts| LiveSectors { count: facts.live_count(), numbers: facts.live_sectors });
    (lane, ChainFacts { identity, power, live })
}

/// What the full node tells of wallets and messages, once the miners' addresses are known.
fn money_side(run: &Run, daemon: Option<&Daemon>, miner_ids: &[&str], chain_facts: &[ChainFacts]) -> Lane {
    let mut lane = Lane::new(run.now, "", daemon.map(|daemon| daemon.client.name()));
    let told_to_a_miner = chain_facts.iter().find_map(|facts| Some(facts.power.as_ref()?.network));
    lane.collect("network", |problems| network::fetch(up(daemon)?, told_to_a_miner, problems), network::expose);
    let identities: Vec<(&str, &identity::Facts)> =
        miner_ids.iter().zip(chain_facts).filter_map(|(id, facts)| Some((*id, facts.identity.as_ref()?))).collect();
    lane.collect("gas", |problems| gas::fetch(up(daemon)?, &identities, problems), gas::expose);
    let wallets = lane.collect(
        "wallets",
        |problems| wallets::fetch(up(daemon)?, &identities, run.address_book, problems),
        wallets::expose,
    );
    let wallets = wallets.map(|facts| facts.wallets).unwrap_or_default();
    lane.collect("mpool", |problems| mpool::fetch(up(daemon)?, run, &wallets, miner_ids, problems), mpool::expose);
    lane
}

/// What is dear, and done seldom.
fn slow_side(
    run: &Run,
    daemon: Option<&Daemon>,
    miner_id: &str,
    lotus_miner: Option<&LotusMiner>,
    live: Option<LiveSectors>,
) -> Lane {
    let mut lane = Lane::new(run.now, miner_id, daemon.map(|daemon| daemon.client.name()));
    let (count, numbers) = live.map_or((None, None), |live| (live.count, live.numbers));
    if let Some(miner) = lotus_miner {
        lane.collect_dated(
            "expired_sectors",
            |problems| expired::fetch(miner, run, numbers.as_ref(), problems),
            |facts, samples| expired::expose(facts, miner_id, samples),
            |facts| facts.obtained_seconds,
        );
    }
    lane.collect_dated(
        "sectors_on_chain",
        |problems| on_chain::fetch(up(daemon), run, miner_id, numbers, count, problems),
        |facts, samples| on_chain::expose(facts, miner_id, samples),
        on_chain::Facts::obtained_seconds,
    );
    lane
}

/// What lotus-miner tells of itself.
fn own_side(run: &Run, miner: &LotusMiner) -> Lane {
    let mut lane = Lane::new(run.now, &miner.id, Some(miner.client.name()));
    let sectors = lane.collect(
        "sectors",
        |problems| sectors::fetch(&miner.client, problems),
        |facts, samples| sectors::expose(facts, &miner.id, samples),
    );
    let workers = lane.collect(
        "workers",
        |problems| workers::fetch(&miner.client, problems),
        |facts, samples| workers::expose(facts, &miner.id, samples),
    );
    let hosts = workers.as_ref().map(workers::Facts::hosts).unwrap_or_default();
    let jobs = lane.collect(
        "jobs",
        |problems| jobs::fetch(miner, run, &hosts, problems),
        |facts, samples| jobs::expose(facts, &miner.id, samples),
    );
    let queue = lane.collect(
        "scheduler",
        |problems| scheduler::fetch(&miner.client, problems),
        |facts, samples| scheduler::expose(facts, &miner.id, samples),
    );
    let hints = pipeline::Hints { sectors: sectors.as_ref(), jobs: jobs.as_ref(), queue: queue.as_ref() };
    lane.collect(
        "pipeline",
        |problems| pipeline::fetch(miner, run, &hints, problems),
        |facts, samples| pipeline::expose(facts, &miner.id, run.address_book, samples),
    );
    lane.collect(
        "alerts",
        |problems| alerts::fetch(&miner.client, problems),
        |facts, samples| alerts::expose(facts, Some(&miner.id), samples),
    );
    let paths = lane.collect_dated(
        "storage_paths",
        |problems| storage_paths::fetch(miner, run, problems),
        |facts, samples| storage_paths::expose(facts, &miner.id, samples),
        |facts| facts.listed_seconds,
    );
    lane.collect(
        "storage",
        |problems| storage::fetch(miner, run, paths.as_ref(), problems),
        |facts, samples| storage::expose(facts, &miner.id, samples),
    );
    lane
}
