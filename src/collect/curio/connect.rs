//! The first calls to a Curio: which one it is, and which miners it serves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::machines;
use crate::collect::reach::{Reach, habits, joined_with_commas, noted};
use crate::collect::run::Run;
use crate::discover::Kind;
use crate::expose::{Samples, families};
use crate::lotus::address;
use crate::rpc::curio::{Curio, CurioBatch, methods};
use crate::rpc::{Budget, CallError, Cause, Granted, Node, Transport};
use crate::tolerant::{Int, Line, List, Problems};

const MAX_VERSION_CHARS: usize = 100;

const DEFAULT_BLOCK_DELAY_SECONDS: f64 = 30.0;

/// A cluster, or a skiff, that is asked in this run.
pub struct Cluster {
    /// Asks its web UI's machine.
    pub curio: Curio,
    /// `host:port` of the web UI, which names it.
    pub name: String,
    /// What it is remembered by.
    pub known_as: String,
    /// `curio` or `skiff`.
    pub variant: Option<String>,
    /// Version of the web UI's machine, if it reported one.
    pub version: Option<String>,
    /// The miners that it serves.
    pub miner_ids: Vec<String>,
    /// Seconds an epoch takes.
    pub block_delay_seconds: f64,
    /// What it asks of those who call it.
    pub granted: Granted,
    /// What it told of its machines.
    pub machines: Result<machines::Answers, CallError>,
    /// How others in the network would reach it.
    pub elsewhere: Option<Arc<dyn Transport>>,
}

impl Cluster {
    /// The miner that everything in it is for, where it serves only one.
    pub fn only_miner(&self) -> &str {
        if let [id] = &self.miner_ids[..] { id } else { "" }
    }

    /// Whether another web UI is of the same cluster: a miner is served by one, and so is a machine, except that every loopback is alike.
    pub fn is_same(&self, other: &Cluster) -> bool {
        let has_its_miner = other.miner_ids.iter().any(|id| self.miner_ids.contains(id));
        has_its_miner || !self.places().is_disjoint(&other.places())
    }

    fn places(&self) -> BTreeSet<&str> {
        self.machines.as_ref().map(machines::Answers::places).unwrap_or_default()
    }

    /// Publishes what it is, which it tells without its database.
    pub fn expose(&self, samples: &mut Samples) {
        let (variant, version) = (self.variant.as_deref(), self.version.as_deref());
        let labels = [self.name.as_str(), variant.unwrap_or_default(), version.unwrap_or_default()];
        samples.add(&families::CURIO_INFO, labels, true);
        for id in &self.miner_ids {
            samples.add(&families::CURIO_MINER_INFO, [&self.name, id], true);
        }
    }

    /// What something of the cluster is remembered as.
    pub fn section(&self, what: &str) -> String {
        format!("curio/{what}/{}", self.known_as)
    }

    /// Whether it is Curio for PDP alone.
    pub fn is_skiff(&self) -> bool {
        self.variant.as_deref() == Some("skiff")
    }
}

/// What a Curio answered to the first calls.
pub struct ClusterAnswer {
    pub reach: Reach,
    pub cluster: Cluster,
    /// Whether it lacks what came with v1.28.3.
    is_old: bool,
}

impl ClusterAnswer {
    /// What it reported about itself, for people.
    pub fn told(&self) -> String {
        let Cluster { variant, version, miner_ids, .. } = &self.cluster;
        let miners = (!miner_ids.is_empty()).then(|| format!("of {}", miner_ids.join(", ")));
        let lacks =
            self.is_old.then(|| "older than v1.28.3: no PDP, no alerts of its own, no Ethereum messages".to_owned());
        joined_with_commas([variant.clone(), version.clone(), miners, lacks])
    }
}

/// The miners of each cluster, by what it is known as: known from an earlier run while it is down.
pub type Clusters = BTreeMap<String, Vec<String>>;

/// Asks a Curio what it is.
pub fn connect(run: &Run, node: &Node, budget: Budget) -> ClusterAnswer {
    let name = format!("{} {}", Kind::Curio.as_str(), node.address);
    let habits = habits(run, &name);
    let curio = Curio::new(name, node.transport.clone(), budget, habits);
    let mut batch = CurioBatch::default();
    let version = batch.add::<String>(methods::VERSION, json!([]));
    let variant = batch.add::<String>(methods::UI_VARIANT, json!([]));
    let miners = batch.add::<List<String>>(methods::ACTOR_LIST, json!([]));
    let machines = machines::ask(&mut batch);
    let block_delay = batch.add::<Int>(methods::BLOCK_DELAY_SECS, json!([]));
    let answers = curio.send(&batch);

    let mut reach = Reach::new(node, &answers);
    let mut problems = Vec::new();
    let version = answers.get(version);
    if version.as_ref().is_err_and(|error| matches!(error.cause, Cause::NoSuchMethod)) && reach.is_up {
        reach.is_something_else(&curio.client(), "", Kind::Curio);
        curio.forget_habits();
    }
    let version =
        noted(version, &mut problems).map(|version| version.chars().take(MAX_VERSION_CHARS).collect::<String>());
    if let Some(version) = version.as_ref().filter(|_| reach.is_up) {
        curio.is_version(version);
    }
    let (variant, miners) = (answers.get(variant), answers.get(miners));
    // A Curio that cannot tell is older than skiff.
    let is_old = variant.as_ref().is_err_and(|error| error.cause.is_missing_method()) && reach.is_up;
    let variant = match variant {
        Err(error) if error.cause.is_missing_method() && reach.is_up => Some("curio".to_owned()),
        variant => noted(variant, &mut problems).filter(|variant| ["curio", "skiff"].contains(&variant.as_str())),
    };
    let known: Clusters = run.state.recall("curios");
    let mut of_list = Problems::new(curio.name());
    let has_none = miners.as_ref().is_err_and(|error| error.cause.is_missing_method()) && reach.is_up;
    let miner_ids = match noted(miners, &mut problems) {
        Some(miners) => {
            let mut ids = miners.take("ActorList", &mut of_list);
            ids.retain(|id| address::actor_id(id).is_some());
            ids
        }
        None if has_none => Vec::new(),
        None => known.get(&node.known_as).cloned().unwrap_or_default(),
    };
    let block_delay = noted(answers.get(block_delay), &mut problems).and_then(Int::to_u64);
    let block_delay = block_delay.filter(|seconds| (1..=3600).contains(seconds)).map(|seconds| seconds as f64);
    if !reach.is_up {
        curio.give_up();
    }
    if reach.lines.is_empty() {
        reach.lines.extend(problems.iter().map(Line::from));
        reach.lines.extend(of_list.into_lines());
    }
    let cluster = Cluster {
        name: node.address.clone(),
        known_as: node.known_as.clone(),
        variant,
        version,
        miner_ids,
        block_delay_seconds: block_delay.unwrap_or(DEFAULT_BLOCK_DELAY_SECONDS),
        granted: node.transport.granted(),
        elsewhere: node.elsewhere.clone(),
        machines: machines.of(&answers),
        curio,
    };
    ClusterAnswer { reach, cluster, is_old }
}
