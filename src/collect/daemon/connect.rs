//! The first calls to the full nodes: which of them answers, and where the chain stands.

use serde_json::{Value, json};

use crate::collect::reach::{Reach, Version, client, joined_with_commas, noted};
use crate::lotus::epoch::ChainClock;
use crate::lotus::tipset::{NetworkParams, TipSet};
use crate::rpc::{Batch, Budget, CallError, Client, Node};
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
    pub fn told(&self) -> String {
        let version = self.version.as_ref().map(|version| version.version.clone());
        let head = self.head.as_ref().map(|head| format!("head {}", head.height()));
        joined_with_commas([version, self.network_name.clone(), head])
    }
}

/// What a full node answered to the first calls.
pub struct DaemonAnswer {
    /// Whether it answered.
    pub reach: Reach,
    /// What it told.
    pub daemon: Daemon,
}

/// Asks full nodes in their order until one has a head.
pub fn connect<'n>(nodes: impl Iterator<Item = &'n Node>, budget: Budget) -> Vec<DaemonAnswer> {
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
