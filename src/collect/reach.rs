//! The first calls to a node, whatever it is: whether it answers, and what it tells of itself.

use serde::Deserialize;

use super::lane::{Endpoint, Lane};
use crate::discover::Kind;
use crate::rpc::{Answers, Budget, CallError, Client, Node, Ticket};
use crate::tolerant::Int;

/// Whether a node answered its first call.
pub struct Reach {
    /// `host:port`.
    pub address: String,
    /// Whether it answered.
    pub is_up: bool,
    /// What was wrong with the answers.
    pub errors: Vec<CallError>,
}

impl Reach {
    /// `first` is the call whose answer decides.
    pub fn new<T: for<'a> Deserialize<'a>>(node: &Node, answers: &Answers, first: Ticket<T>) -> Self {
        let error = answers.get(first).err();
        Reach {
            address: node.address.clone(),
            is_up: error.as_ref().is_none_or(|error| error.cause.is_answer()),
            errors: error.into_iter().collect(),
        }
    }

    /// Publishes it.
    pub fn report(&self, kind: Kind, told: String, lane: &mut Lane) {
        lane.endpoint(Endpoint { kind, address: self.address.clone(), is_up: self.is_up, told });
        lane.lines.extend(self.errors.iter().map(CallError::to_string));
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
}

/// The answer. What the node itself said wrong about it is noted; that it does not answer at all is seen by its first call.
pub fn noted<T>(answer: Result<T, CallError>, problems: &mut Vec<CallError>) -> Option<T> {
    let is_problem = |error: &CallError| error.cause.is_answer() && !error.cause.is_missing_method();
    answer.map_err(|error| problems.extend(Some(error).filter(is_problem))).ok()
}

/// What a node told of itself, for people.
pub fn joined_with_commas(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A client of a node that answers JSON-RPC at this path.
pub fn client(node: &Node, path: &'static str, budget: Budget) -> Client {
    let name = format!("{} {}", node.kind.as_str(), node.address);
    Client::new(name, path, node.transport.clone(), budget)
}
