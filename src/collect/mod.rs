//! One run: connects to the nodes, runs every collector in isolation from the others, and gathers their samples.
//!
//! A collector is a file with `fetch`, which asks and returns facts, and `expose`, which turns facts into samples. This module decides what
//! runs when, and what runs at the same time: each miner's chain side (answered by the full node) and own side (answered by lotus-miner)
//! have a thread, and so do the full node itself and each Boost, and each Curio has two. So a node that hangs delays only its own collectors.

mod alerts;
mod boost;
mod connect;
mod curio;
mod daemon;
mod lane;
mod miner;
mod reach;
mod run;
mod slow;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

pub use lane::{Down, Endpoint, Outcome};
pub use run::Run;

use crate::discover::Kind;
use crate::expose::{Samples, families};
use crate::rpc::{Budget, Cost};
use crate::tolerant::Line;
use lane::{Lane, joined};

/// What a run brings.
pub struct Report {
    /// All samples.
    pub samples: Samples,
    /// What is wrong, each line once.
    pub lines: Vec<String>,
    /// What is not wrong, and worth a line.
    pub remarks: Vec<String>,
    /// The nodes, and which of them answered.
    pub endpoints: Vec<Endpoint>,
    /// How each collector did, and what it had to say.
    pub outcomes: Vec<Outcome>,
    /// Messages about the nodes themselves and the run, which belong to no collector.
    pub others: Vec<Line>,
    /// Calls to each node that brought nothing, by the node as messages call it.
    pub failed_calls: BTreeMap<String, u64>,
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

    let mut samples = Samples::new(run.now);
    let mut others = Vec::new();
    let (mut endpoints, mut outcomes) = (Vec::new(), Vec::new());
    for lane in lanes {
        samples.append(lane.samples);
        others.extend(lane.lines);
        endpoints.extend(lane.endpoints);
        outcomes.extend(lane.outcomes);
    }
    lane::expose(&outcomes, &mut samples);
    let mut total = Cost::default();
    for kind in Kind::ALL {
        let clients = connections.clients.iter().filter(|(of, _)| *of == kind);
        clients.clone().for_each(|(_, client)| reach::remember_habits(run, client));
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
    // All that is remembered is of one network.
    let network: Option<String> = run.state.recall("network");
    if let Some(network) = &network {
        samples.add(&families::NETWORK_INFO, [network.as_str()], true);
    }
    let version = env!("CARGO_PKG_VERSION");
    samples.add(&families::BUILD_INFO, [version, crate::COMMIT], true);
    samples.add(&families::RUN_TIMEOUT_SECONDS, [], run.timeout.as_secs_f64());
    let duration = started.elapsed().as_secs_f64();
    samples.add(&families::RUN_DURATION_SECONDS, [], duration);
    samples.add(&families::RUN_TIMESTAMP_SECONDS, [], run.now + duration);
    samples.limit_rows(run.max_rows);
    others.extend(samples.take_refused().into_iter().map(|line| Line::from(line + "; left out")));
    let lines = outcomes.iter().flat_map(|outcome| &outcome.lines).chain(&others).cloned();
    let (remarks, lines): (Vec<_>, Vec<_>) = lines.partition(|line| line.is_remark);
    let (lines, remarks) = (Line::merged(lines), Line::merged(remarks));
    let mut failed_calls = BTreeMap::new();
    for (_, client) in &connections.clients {
        *failed_calls.entry(client.name().to_owned()).or_default() += client.cost().errors;
    }
    let duration = started.elapsed();
    Report { samples, lines, remarks, endpoints, outcomes, others, failed_calls, cost: total, duration }
}

/// The registry: every collector, in lanes that run at the same time.
fn collect<'a>(run: &'a Run<'a>, connections: &'a connect::Connections) -> Vec<Lane> {
    let daemon = connections.daemon.as_ref();
    let miner_ids: Vec<&str> = connections.miner_ids.iter().map(String::as_str).collect();
    thread::scope(|scope| {
        let node_side = scope.spawn(|| daemon::node_side(run, daemon, &miner_ids));
        let boosts: Vec<_> =
            connections.boosts.iter().map(|boost| scope.spawn(|| boost::side(run, boost, &miner_ids))).collect();
        let curio_sides: Vec<_> = connections
            .clusters
            .iter()
            .flat_map(|(cluster, is_up)| {
                let chain_side = scope.spawn(move || curio::chain_side(run, cluster));
                [scope.spawn(move || curio::database_side(run, cluster, *is_up)), chain_side]
            })
            .collect();
        let blocks_side = scope.spawn(|| daemon::blocks_side(run, daemon, &miner_ids));
        let lotus_miner_of = |id: &str| connections.miners.iter().find(|miner| miner.id == id);
        let chain_sides: Vec<_> = miner_ids
            .iter()
            .map(|id| {
                let lotus_miner = lotus_miner_of(id);
                let wants_live = lotus_miner.is_some() && miner::wants_live_sectors(run, id);
                let version =
                    lotus_miner.map_or_else(|| connections.curio_version_of(id), |miner| miner.version.as_deref());
                scope.spawn(move || daemon::chain_side(run, daemon, id, version, wants_live))
            })
            .collect();
        let clock = daemon.and_then(|daemon| daemon.clock);
        let own_sides = connections.miners.iter();
        let mut own_sides: BTreeMap<&str, _> =
            own_sides.map(|miner| (&*miner.id, scope.spawn(move || miner::own_side(run, miner, clock)))).collect();

        let mut lanes = Vec::new();
        let (mut chain_facts, mut own_and_slow_sides) = (Vec::new(), Vec::new());
        for (chain_side, id) in chain_sides.into_iter().zip(&miner_ids) {
            let (lane, facts) = joined(chain_side);
            lanes.push(lane);
            if let Some((miner, own_side)) = lotus_miner_of(id).zip(own_sides.remove(id)) {
                let numbers = facts.live.as_ref().and_then(|live| live.numbers.clone());
                let slow_side = move || miner::slow_side(run, miner, numbers.as_ref(), || joined(own_side));
                own_and_slow_sides.push(scope.spawn(slow_side));
            }
            chain_facts.push(facts);
        }
        let (money_side, daemon::MoneyFacts { pledges, senders }) =
            daemon::money_side(run, daemon, &miner_ids, &chain_facts);
        lanes.push(money_side);
        let ids = &miner_ids;
        let messages_side = scope.spawn(move || daemon::messages_side(run, daemon, ids, &senders));
        let slow_sides: Vec<_> = chain_facts
            .into_iter()
            .zip(&miner_ids)
            .map(|(facts, id)| {
                let pledges = pledges.clone();
                scope.spawn(move || daemon::slow_side(run, daemon, id, facts, &pledges))
            })
            .collect();
        lanes.extend(slow_sides.into_iter().map(joined));
        lanes.extend(own_and_slow_sides.into_iter().flat_map(joined));
        lanes.push(joined(node_side));
        lanes.extend(boosts.into_iter().map(joined));
        lanes.extend(curio_sides.into_iter().map(joined));
        lanes.push(joined(blocks_side));
        lanes.push(joined(messages_side));
        lanes
    })
}
