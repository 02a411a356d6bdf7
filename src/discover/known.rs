//! What each source of nodes last named, so that a known node that is gone counts as down and is not forgotten.
//!
//! A source is a variable or a repo. As long as it is named, what it last reported is kept. One that is no longer named is forgotten at
//! once; a default repo, which nobody names, three days after its folder is gone: a disk lost on a Friday night still shows on Monday.
//! Addresses are remembered, but never a token or a path, which may contain a provider's key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Endpoint, Kind};

/// How long a default repo whose folder is gone is remembered.
const DEFAULT_REPO_SECONDS: f64 = 3.0 * 86_400.0;

/// The sources and what they named, by kind and name of the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Known(BTreeMap<String, Source>);

/// What a source named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Source {
    /// When it last was there, Unix seconds.
    seen_seconds: f64,
    pub nodes: Vec<KnownNode>,
}

/// Where a node was: `host:port` of its API, and of Boost's GraphQL.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct KnownNode {
    pub address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graphql: Option<String>,
}

impl KnownNode {
    fn of(endpoint: &Endpoint) -> KnownNode {
        let graphql = endpoint.graphql.as_deref().map(Endpoint::address);
        KnownNode { address: endpoint.address(), graphql }
    }

    /// The node as an endpoint that is down, and why.
    pub fn gone(&self, kind: Kind, source: &str, why: &str) -> Endpoint {
        let at = |address: &str| {
            let gone = Some(why.to_owned());
            Endpoint { gone, ..Endpoint::new(kind, format!("http://{address}"), None, source) }
        };
        let graphql = self.graphql.as_deref().map(|address| Box::new(at(address)));
        Endpoint { graphql, ..at(&self.address) }
    }
}

impl Known {
    fn key(kind: Kind, source: &str) -> String {
        format!("{} {source}", kind.as_str())
    }

    /// What the source last named.
    pub(super) fn nodes(&self, kind: Kind, source: &str) -> &[KnownNode] {
        self.0.get(&Self::key(kind, source)).map_or(&[], |source| &source.nodes)
    }

    /// Whether the source was there not long ago.
    pub(super) fn is_recent(&self, kind: Kind, source: &str, now: f64) -> bool {
        let source = self.0.get(&Self::key(kind, source));
        source.is_some_and(|source| now - source.seen_seconds < DEFAULT_REPO_SECONDS)
    }

    /// Takes over what `before` knows of a source; `seen_seconds` where it still is there.
    pub(super) fn keep(&mut self, before: &Known, kind: Kind, source: &str, seen_seconds: Option<f64>) {
        let key = Self::key(kind, source);
        if let Some(source) = before.0.get(&key) {
            let seen_seconds = seen_seconds.unwrap_or(source.seen_seconds);
            self.0.insert(key, Source { seen_seconds, ..source.clone() });
        }
    }

    /// Adds a node that its source has named just now.
    pub(super) fn add(&mut self, endpoint: &Endpoint, now: f64) {
        let source = self.0.entry(Self::key(endpoint.kind, &endpoint.source)).or_default();
        source.seen_seconds = now;
        source.nodes.push(KnownNode::of(endpoint));
    }
}
