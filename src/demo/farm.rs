//! The farm: its miners, the accounts around them, and how large the rest of the network is.

use super::accounts::{Account, id_of};
use super::miner::Miner;

/// A process of the farm that answers calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// The full node.
    Daemon,
    /// A lotus-miner, counted from 0: see [`Farm::miner_count`].
    Miner(usize),
    /// The JSON-RPC API of the first miner's Boost; its GraphQL is [`Farm::graphql`].
    Boost,
    /// The web UI of the Curio cluster, which serves the last of the miners.
    Curio,
    /// The web UI of the skiff.
    Skiff,
}

/// The simulated farm. Cheap to create and to share.
#[derive(Clone, Debug)]
pub struct Farm {
    pub(super) miners: Vec<Miner>,
    pub(super) accounts: Vec<Account>,
    /// Quality-adjusted power of all other miners of the network, bytes.
    pub(super) other_power_bytes: u128,
    /// Whether the last of the miners is that of a Curio cluster.
    pub(super) has_curio: bool,
}

impl Farm {
    /// The account with this id or other address.
    pub(super) fn account(&self, address: &str) -> Option<&Account> {
        let id = id_of(address);
        self.accounts.iter().find(|account| Some(account.id) == id || account.address == address)
    }

    /// The key of a miner's worker.
    pub(super) fn worker_key(&self, miner: &Miner) -> Option<&str> {
        let worker = self.accounts.iter().find(|account| account.id == miner.worker());
        worker.map(|account| account.address.as_str())
    }
}
