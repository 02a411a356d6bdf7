//! What a run works with.

use std::time::Duration;

use crate::address_book::AddressBook;
use crate::rpc::Node;
use crate::state::State;

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
    /// How often what is expensive for the nodes is done, in seconds.
    pub slow_period_seconds: f64,
    /// The most rows a family may have.
    pub max_rows: usize,
}
