//! The full nodes that the cluster is configured to use, as Curio reaches them.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Cluster;
use super::text::seconds;
use crate::discover::curio::place_of;
use crate::expose::{Samples, families};
use crate::rpc::curio::{Curio, methods};
use crate::tolerant::{Field, List, Problems};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    address: Option<String>,
    reachable: Field<bool>,
    sync_state: Option<String>,
}

struct Node {
    is_up: Option<bool>,
    is_synced: Option<bool>,
    behind_seconds: Option<f64>,
}

/// The nodes by `host:port`.
pub struct Facts(BTreeMap<String, Node>);

impl Facts {
    /// How far behind the chain is what Curio learns of it, if that is known: as far as the best of the nodes that it reaches.
    pub fn behind_seconds(&self) -> Option<f64> {
        let behind = |node: &Node| node.behind_seconds.or((node.is_synced == Some(true)).then_some(0.0));
        self.0.values().filter_map(behind).reduce(f64::min)
    }
}

pub fn fetch(curio: &Curio, problems: &mut Problems) -> Result<Facts> {
    let answer =
        problems.if_supported(curio.call::<List<Answer>>(methods::SYNCER_STATE, json!([]))).unwrap_or_default();
    let nodes = answer.take("SyncerState", problems).into_iter().enumerate().map(|(index, answer)| {
        // What cannot be read may be anything, and is not shown.
        let address = answer.address.as_deref().and_then(place_of).unwrap_or_else(|| format!("node {}", index + 1));
        let is_up = answer.reachable.take("SyncerState.Reachable", problems);
        let state = answer.sync_state.unwrap_or_default();
        let behind = state.split_once('(').and_then(|(_, rest)| seconds(rest.split(' ').next()?));
        let is_synced = (is_up == Some(true) && !state.is_empty()).then(|| state == "ok");
        (address, Node { is_up, is_synced, behind_seconds: behind.filter(|_| is_up == Some(true)) })
    });
    Ok(Facts(nodes.collect()))
}

pub fn expose(Facts(nodes): &Facts, cluster: &Cluster, samples: &mut Samples) {
    for (address, node) in nodes {
        let labels = [cluster.name.as_str(), address.as_str()];
        samples.add(&families::CURIO_CHAIN_NODE_UP, labels, node.is_up);
        samples.add(&families::CURIO_CHAIN_NODE_SYNCED, labels, node.is_synced);
        samples.add(&families::CURIO_CHAIN_NODE_BEHIND_SECONDS, labels, node.behind_seconds);
    }
}
