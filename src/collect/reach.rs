//! The first calls to a node of any kind: whether it answers, and what it reports about itself.

use serde::Deserialize;

use super::lane::{Down, Endpoint, Lane};
use super::run::Run;
use crate::discover::Kind;
use crate::rpc::{Answers, Budget, CallError, Cause, Client, Habits, Node};
use crate::tolerant::{Int, Line};

/// Whether a node answered its first calls, and is what it was given as.
pub struct Reach {
    /// `host:port`.
    pub address: String,
    /// Whether it is there.
    pub is_up: bool,
    /// Why it is not.
    down: Option<Down>,
    /// What was wrong with the answers.
    pub lines: Vec<Line>,
}

impl Reach {
    /// A node is there that answered any of the calls.
    pub fn new(node: &Node, answers: &Answers) -> Self {
        let down = answers.reached().err().map(Down::Failed);
        Reach { address: node.address.clone(), is_up: down.is_none(), down, lines: Vec::new() }
    }

    /// It is another program than it was given as: it is not there, and not asked any further.
    pub fn is_something_else(&mut self, client: &Client, what_it_is: &str, wanted: Kind) {
        let (name, tool) = match wanted {
            Kind::Daemon => ("full node", "lotus"),
            Kind::Miner => ("lotus-miner", "lotus-miner"),
            Kind::Boost => ("Boost", "boostd"),
            Kind::Curio => ("Curio", "curio"),
        };
        let what = match what_it_is {
            _ if wanted == Kind::Curio => "is not Curio".to_owned(),
            NOT_LOTUS => format!("is not Lotus, or lacks the calls of a {name}"),
            _ => format!("is {what_it_is}, not a {name}"),
        };
        let remedy = match wanted {
            Kind::Curio => "give the address of its web UI, like http://HOST:4701".to_owned(),
            _ => format!("`{tool} auth api-info` prints the address of a {name}"),
        };
        let what = format!("{what}; {remedy}");
        let line = format!("this {what}");
        self.lines = vec![Line { node: client.name().to_owned(), what: line, ..Line::default() }];
        self.is_up = false;
        self.down = Some(Down::Other(what));
        client.forget_habits();
        client.give_up();
    }

    /// Publishes it. `miner_id` is empty if the node belongs to no miner, or to an unknown one.
    pub fn report(&self, kind: Kind, miner_id: &str, told: String, lane: &mut Lane) {
        let miner_id = miner_id.to_owned();
        let (address, down) = (self.address.clone(), self.down.clone());
        lane.endpoint(Endpoint { kind, address, miner_id, is_up: self.is_up, told, down });
        lane.lines.extend(self.lines.iter().cloned());
    }
}

/// A program that has not even the calls that all of Lotus has.
const NOT_LOTUS: &str = "not Lotus";

/// What a program is that does not have the calls of a full node, or of a lotus-miner: `other` is the other one of the two. Those report
/// their version to everybody; a lotus-worker reports its own, a number, only to its lotus-miner.
pub fn what_it_is(version: &Result<Version, CallError>, other: &'static str) -> &'static str {
    match version.as_ref().map_err(|error| &error.cause) {
        Ok(_) => other,
        Err(Cause::NeedsPermission(_) | Cause::Shape(_)) => "a lotus-worker",
        Err(_) => NOT_LOTUS,
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
    /// Seconds an epoch takes.
    pub block_delay: Option<Int>,
}

impl Version {
    /// The same without any secret of the node's, which shows in labels otherwise.
    pub fn redacted(self, client: &Client) -> Version {
        Version { version: client.redact(&self.version), agent: client.redact(&self.agent), ..self }
    }

    /// What was learnt of a node holds while this stays the same.
    pub fn identity(&self) -> String {
        format!("{} {}", self.agent, self.version)
    }
}

/// The answer; a node without the method is not a problem.
pub fn noted<T>(answer: Result<T, CallError>, problems: &mut Vec<CallError>) -> Option<T> {
    answer.map_err(|error| problems.extend(Some(error).filter(|error| !error.cause.is_missing_method()))).ok()
}

/// What a node reported about itself, for people.
pub fn joined_with_commas(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A client of a node that answers JSON-RPC at this path.
pub fn client(run: &Run, node: &Node, path: &'static str, budget: Budget) -> Client {
    let name = format!("{} {}", node.kind.as_str(), node.address);
    let habits = habits(run, &name);
    Client::new(name, path, node.transport.clone(), budget, habits)
}

/// What earlier runs learnt about the node that messages call so.
pub fn habits(run: &Run, name: &str) -> Habits {
    run.state.recall::<Habits>(&habits_of(name)).at(run.now)
}

/// Keeps what was learnt about a node for the next run.
pub fn remember_habits(run: &Run, client: &Client) {
    run.state.remember(&habits_of(client.name()), &client.habits());
}

fn habits_of(name: &str) -> String {
    format!("node/{name}")
}
