//! The first calls to the full nodes: which of them answers, and where the chain is.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::collect::reach::{Reach, Version, client, joined_with_commas, noted, what_it_is};
use crate::collect::run::Run;
use crate::discover::Kind;
use crate::lotus::epoch::{ChainClock, OLDEST_GENESIS_SECONDS, SECONDS_AHEAD};
use crate::lotus::tipset::{NetworkParams, TipSet};
use crate::rpc::{Batch, Budget, CallError, Cause, Client, Habits, Node};
use crate::tolerant::{Int, Line};

const DEFAULT_BLOCK_DELAY_SECONDS: i64 = 30;

/// The full node that is asked in this run.
pub struct Daemon {
    /// Asks it.
    pub client: Client,
    /// Version, if it reported one.
    pub version: Option<Version>,
    /// Like `mainnet`.
    pub network_name: Option<String>,
    /// Like 29.
    pub network_version: Option<i64>,
    /// Where network version 29 began or begins, if the node reports it.
    pub solstice_height: Option<i64>,
    /// The heights of the upgrades that the node is set to, by their names in ForkUpgradeParams.
    pub upgrades: Option<BTreeMap<String, i64>>,
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
    /// What it reported about itself, for people.
    pub fn told(&self) -> String {
        let version = self.version.as_ref().map(|version| version.version.clone());
        let head = self.head.as_ref().map(|head| format!("head {}", head.height()));
        joined_with_commas([version, self.network_name.clone(), head])
    }

    /// The last epoch that there can be by now, with a day for clocks that differ.
    pub fn last_possible_height(&self, now: f64) -> i64 {
        let (genesis, delay) = match self.clock {
            Some(clock) => (clock.genesis_timestamp_seconds as f64, clock.block_delay_seconds as f64),
            None => (OLDEST_GENESIS_SECONDS, 1.0),
        };
        let elapsed = now + SECONDS_AHEAD - genesis.max(OLDEST_GENESIS_SECONDS);
        (elapsed / delay) as i64
    }
}

/// What a full node answered to the first calls.
pub struct DaemonAnswer {
    /// Whether it answered.
    pub reach: Reach,
    /// What it returned.
    pub daemon: Daemon,
}

/// Asks full nodes in their order until one has a head.
pub fn connect<'n>(run: &Run, nodes: impl Iterator<Item = &'n Node>, budget: Budget) -> Vec<DaemonAnswer> {
    let mut answers = Vec::new();
    for node in nodes {
        let answer = connect_daemon(run, node, budget);
        let has_head = answer.daemon.head.is_some();
        answers.push(answer);
        if has_head {
            break;
        }
    }
    answers
}

fn connect_daemon(run: &Run, node: &Node, budget: Budget) -> DaemonAnswer {
    let client = client(run, node, "/rpc/v1", budget);
    let mut batch = Batch::new();
    let version = batch.add::<Version>("Version", json!([]));
    let head = batch.add::<TipSet>("ChainHead", json!([]));
    let name = batch.add::<String>("StateNetworkName", json!([]));
    let params = batch.add::<NetworkParams>("StateGetNetworkParams", json!([]));
    let network_version = batch.add::<i64>("StateNetworkVersion", json!([null]));
    let answers = client.send(&batch);

    let mut reach = Reach::new(node, &answers);
    let mut problems = Vec::new();
    let (version, head) = (answers.get(version), answers.get(head));
    let has_no_chain = head.as_ref().is_err_and(|error| error.cause.is_missing_method());
    if has_no_chain {
        reach.is_something_else(&client, what_it_is(&version, "a lotus-miner"), Kind::Daemon);
    } else if let Some(what) = what_is_elsewhere(node, &head, budget) {
        reach.is_something_else(&client, what, Kind::Daemon);
    }
    let version = noted(version, &mut problems).map(|version| version.redacted(&client));
    if let Some(version) = version.as_ref().filter(|_| reach.is_up) {
        client.is_version(&version.identity());
    }
    // A name that is empty is not known.
    let name = noted(answers.get(name), &mut problems).map(|name| client.redact(&name)).filter(|name| !name.is_empty());
    let params = noted(answers.get(params), &mut problems).unwrap_or_default();
    let network_version = noted(answers.get(network_version), &mut problems);
    let mut wrong = Vec::new();
    let head = noted(head, &mut wrong);
    if !reach.is_up {
        wrong.append(&mut problems);
        client.give_up();
    }
    if reach.lines.is_empty() {
        reach.lines.extend(wrong.iter().map(Line::from));
    }
    let upgrades = params.upgrades();
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
        solstice_height: upgrades.as_ref().and_then(|upgrades| upgrades.get("UpgradeSolsticeHeight").copied()),
        upgrades,
        network_version,
        tipset_key: head.as_ref().map_or(Value::Null, TipSet::key),
        head,
        clock,
        problems,
        client,
    };
    DaemonAnswer { reach, daemon }
}

/// What is at the address where there is no `/rpc/v1`, which every full node has: lotus-miner and lotus-worker answer at `/rpc/v0` only.
fn what_is_elsewhere(node: &Node, head: &Result<TipSet, CallError>, budget: Budget) -> Option<&'static str> {
    if !head.as_ref().is_err_and(|error| error.cause == Cause::Http(404)) {
        return None;
    }
    let name = format!("{} {}", node.kind.as_str(), node.address);
    let client = Client::new(name, "/rpc/v0", node.transport.clone(), budget, Habits::default());
    let mut batch = Batch::new();
    let version = batch.add::<Version>("Version", json!([]));
    let answers = client.send(&batch);
    answers.reached().ok()?;
    Some(what_it_is(&answers.get(version), "a lotus-miner"))
}
