//! A lane: collectors that run one after another, each on its own. If one fails, the next ones are not affected.

use std::collections::BTreeMap;
use std::thread::ScopedJoinHandle;
use std::time::Instant;

use anyhow::Result;

use crate::discover::Kind;
use crate::expose::{Samples, families};
use crate::rpc::CallError;
use crate::tolerant::{Line, Problems};

/// Whether a node answered its first call.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// What the node is.
    pub kind: Kind,
    /// `host:port`.
    pub address: String,
    /// The miner that it is a node of; empty where that is not known, or it is none's.
    pub miner_id: String,
    /// Whether it answered.
    pub is_up: bool,
    /// What it reported about itself, for people; empty if nothing.
    pub told: String,
    /// Why it is not up.
    pub down: Option<Down>,
}

/// Why a node counts as down.
#[derive(Clone, Debug)]
pub enum Down {
    /// Its first call failed.
    Failed(CallError),
    /// It is another program than it was given as: what it is, and what to do.
    Other(String),
    /// Nobody named one: what to do.
    NotFound(String),
}

/// How a collector did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its name.
    pub collector: String,
    /// The miner that it is about; empty where it is about none.
    pub miner_id: String,
    /// The Curio cluster that it asks; empty where it asks none.
    pub cluster: String,
    /// The node that it asks, as messages call it; empty where there is none.
    pub node: String,
    /// Whether it got everything that it asked for.
    pub is_success: bool,
    /// How long it took, in seconds.
    duration_seconds: f64,
    /// When what it publishes was obtained, in Unix seconds.
    obtained_seconds: Option<f64>,
    /// Its messages, without those that were reported before.
    pub lines: Vec<Line>,
}

/// Collectors of one subject, and what they brought.
pub struct Lane {
    now: f64,
    miner_id: String,
    cluster: String,
    node: String,
    started: Option<Instant>,
    /// Their samples.
    pub samples: Samples,
    /// What went wrong besides the collectors' own lines.
    pub lines: Vec<Line>,
    /// The nodes that were called first in this lane.
    pub endpoints: Vec<Endpoint>,
    /// How the collectors did.
    pub outcomes: Vec<Outcome>,
}

impl Lane {
    /// `miner_id` is empty where the collectors are about no miner; `node` is how messages call the node that they ask.
    pub fn new(now: f64, miner_id: &str, node: Option<&str>) -> Self {
        Lane {
            now,
            miner_id: miner_id.to_owned(),
            cluster: String::new(),
            node: node.unwrap_or_default().to_owned(),
            started: None,
            samples: Samples::new(now),
            lines: Vec::new(),
            endpoints: Vec::new(),
            outcomes: Vec::new(),
        }
    }

    /// Publishes whether a node answered its first call.
    pub fn endpoint(&mut self, endpoint: Endpoint) {
        let labels = [endpoint.kind.as_str(), &endpoint.address, &endpoint.miner_id];
        self.samples.add(&families::ENDPOINT_UP, labels, endpoint.is_up);
        self.endpoints.push(endpoint);
    }

    /// The collectors ask this Curio cluster.
    pub fn of_cluster(self, name: &str) -> Self {
        Lane { cluster: name.to_owned(), ..self }
    }

    /// The first collector began to work before this lane was made.
    pub fn since(self, started: Instant) -> Self {
        Lane { started: Some(started), ..self }
    }

    /// Runs one collector: asks with `fetch`, publishes with `expose`, and reports the outcome.
    pub fn collect<F>(
        &mut self,
        name: &str,
        fetch: impl FnOnce(&mut Problems) -> Result<F>,
        expose: impl FnOnce(&F, &mut Samples),
    ) -> Option<F> {
        let now = self.now;
        self.collect_dated(name, fetch, expose, |_| Some(now))
    }

    /// Like [`Lane::collect`], for facts that may be older than the run: `dated` returns when they were obtained, in Unix seconds. A
    /// collector that failed did not obtain all of them now, and perhaps nothing: then only the time of older ones, which replace what
    /// failed, is published.
    pub fn collect_dated<F>(
        &mut self,
        name: &str,
        fetch: impl FnOnce(&mut Problems) -> Result<F>,
        expose: impl FnOnce(&F, &mut Samples),
        dated: impl FnOnce(&F) -> Option<f64>,
    ) -> Option<F> {
        let started = self.started.take().unwrap_or_else(Instant::now);
        let mut problems = Problems::new(&self.node);
        let facts = match fetch(&mut problems) {
            Ok(facts) => Some(facts),
            Err(error) => {
                problems.error(error);
                None
            }
        };
        let duration_seconds = started.elapsed().as_secs_f64();
        if let Some(facts) = &facts {
            expose(facts, &mut self.samples);
        }
        let obtained_seconds = facts.as_ref().and_then(dated);
        self.report(name, problems, duration_seconds, obtained_seconds);
        facts
    }

    /// Reports how a collector did that has published its samples. Apart, since each collector makes a copy of what calls it.
    fn report(&mut self, name: &str, mut problems: Problems, duration_seconds: f64, obtained_seconds: Option<f64>) {
        self.samples.take_refused().into_iter().for_each(|line| problems.note(line));
        let is_success = !problems.is_failure();
        self.outcomes.push(Outcome {
            collector: name.to_owned(),
            miner_id: self.miner_id.clone(),
            cluster: self.cluster.clone(),
            node: self.node.clone(),
            is_success,
            duration_seconds,
            obtained_seconds: obtained_seconds.filter(|obtained| is_success || *obtained < self.now),
            lines: problems.into_lines(),
        });
    }

    /// Whether a collector of this lane got everything that it asked for.
    pub fn is_well(&self, collector: &str) -> bool {
        self.outcomes.iter().any(|outcome| outcome.collector == collector && outcome.is_success)
    }
}

/// Publishes how the collectors did. One that asks several nodes of no miner did as well as where it did worst.
pub fn expose(outcomes: &[Outcome], samples: &mut Samples) {
    let mut same: BTreeMap<[&str; 3], Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        let labels = [&outcome.collector, &outcome.miner_id, &outcome.cluster].map(String::as_str);
        same.entry(labels).or_default().push(outcome);
    }
    for (labels, outcomes) in same {
        let durations = outcomes.iter().map(|outcome| outcome.duration_seconds);
        let obtained = outcomes.iter().filter_map(|outcome| outcome.obtained_seconds);
        samples.add(&families::COLLECTOR_DATA_TIMESTAMP_SECONDS, labels, obtained.reduce(f64::min));
        samples.add(&families::COLLECTOR_SUCCESS, labels, outcomes.iter().all(|outcome| outcome.is_success));
        samples.add(&families::COLLECTOR_DURATION_SECONDS, labels, durations.reduce(f64::max));
    }
}

/// What a lane's thread brought. A panic in it is a panic of the run.
pub fn joined<T>(thread: ScopedJoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
