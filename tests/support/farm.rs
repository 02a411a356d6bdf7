//! The whole farm of the fixtures: a full node and two lotus-miners.

use std::fs;

use super::methods::{Permission, token};
use super::{Answer, Exporter, Node};

/// The miner that has something of everything.
pub const MINER: &str = "f01234";

/// A small miner with a multisig for an owner, below the minimum power.
pub const OTHER: &str = "f05678";

/// Three nodes, each on a port of its own.
pub struct Farm {
    pub daemon: Node,
    /// The lotus-miner of [`MINER`].
    pub miner: Node,
    /// The lotus-miner of [`OTHER`].
    pub other: Node,
}

impl Farm {
    pub fn start() -> Farm {
        Farm {
            daemon: Node::daemon("daemon.json"),
            miner: Node::miner("miner-f01234.json"),
            other: Node::miner("miner-f05678.json"),
        }
    }

    /// The exporter, told of all three nodes with tokens that allow everything. It remembers that it has walked along the chain, all but its
    /// newest epochs.
    pub fn exporter(&self) -> Exporter {
        let exporter = self.new_exporter();
        let state = exporter.home().join(".local/state/lotus-farcaster");
        fs::create_dir_all(&state).unwrap();
        fs::copy(super::path("fixtures/state.json"), state.join("state.json")).unwrap();
        exporter
    }

    /// Makes the full node answer about a miner as Lotus does if there is no such miner.
    pub fn has_no_miner(&self, id: &str) {
        for method in [
            "StateMinerInfo",
            "StateMinerPower",
            "StateReadState",
            "StateMinerAvailableBalance",
            "StateMinerDeadlines",
            "StateMinerProvingDeadline",
            "MinerGetBaseInfo",
            "StateMarketBalance",
        ] {
            let words = "failed to load miner actor: actor not found".to_owned();
            self.daemon.answer_to(method, serde_json::json!([id]), Answer::Error(1, words));
        }
    }

    /// The exporter, told of the same, in its first run ever.
    pub fn new_exporter(&self) -> Exporter {
        let admin = token(Permission::Admin);
        let infos = [self.miner.info(&admin), self.other.info(&admin)];
        Exporter::new().env("FULLNODE_API_INFO", &self.daemon.info(&admin)).env("MINER_API_INFO", &infos.join(","))
    }
}
