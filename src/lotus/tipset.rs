//! A tipset, as far as it is needed: its key, its height and what its first block says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::epoch::{self, ChainClock};
use super::fil::Fil;
use crate::tolerant::{Field, Int, Map};

/// A CID as it appears in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// In its text form.
    #[serde(rename = "/")]
    pub cid: String,
}

/// The answer of ChainHead and its relatives. Blocks are sorted by ticket, so the first is the min-ticket block.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TipSet {
    cids: Option<Vec<Value>>,
    blocks: Option<Vec<BlockHeader>>,
    #[serde(deserialize_with = "epoch::deserialize_height")]
    height: i64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BlockHeader {
    timestamp: i64,
    parent_base_fee: Option<Fil>,
    parents: Option<Vec<Value>>,
}

/// Tells the chain's time from a tipset.
impl TipSet {
    /// The epoch of the tipset.
    pub fn height(&self) -> i64 {
        self.height
    }

    /// The key as a method's parameter.
    pub fn key(&self) -> Value {
        json!(self.cids)
    }

    /// The CID of the first block as a parameter.
    pub fn first_cid(&self) -> Option<&Value> {
        self.cids.as_ref().and_then(|cids| cids.first())
    }

    /// Whether this tipset comes right after the other one, null rounds aside.
    pub fn follows(&self, other: &TipSet) -> bool {
        let parents = self.first_block().and_then(|block| block.parents.as_ref());
        parents.is_some_and(|parents| other.cids.as_ref() == Some(parents)) && self.height > other.height
    }

    /// How many blocks the tipset has. Every tipset has some, so none means that they were not reported.
    pub fn blocks(&self) -> Option<usize> {
        self.blocks.as_ref().map(Vec::len).filter(|blocks| *blocks > 0)
    }

    /// Unix seconds of the tipset.
    pub fn timestamp_seconds(&self) -> Option<i64> {
        self.first_block().map(|block| block.timestamp)
    }

    /// The base fee in the min-ticket block, which messages in this tipset pay for each unit of gas.
    pub fn base_fee(&self) -> Option<Fil> {
        self.first_block().and_then(|block| block.parent_base_fee)
    }

    /// The chain's clock, derived from this tipset as lotus-miner does when a node does not report its genesis time.
    pub fn clock(&self, block_delay_seconds: i64) -> Option<ChainClock> {
        let since_genesis = self.height.checked_mul(block_delay_seconds)?;
        Some(ChainClock {
            genesis_timestamp_seconds: self.timestamp_seconds()?.checked_sub(since_genesis)?,
            block_delay_seconds,
        })
    }

    fn first_block(&self) -> Option<&BlockHeader> {
        self.blocks.as_ref().and_then(|blocks| blocks.first())
    }
}

/// StateGetNetworkParams, as far as the clock and the upgrades go.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkParams {
    /// Seconds an epoch takes.
    pub block_delay_secs: Option<Int>,
    /// Unix seconds of epoch 0; since Lotus v1.32.
    pub genesis_timestamp: Option<Int>,
    /// Heights of upgrades, by names like `UpgradeSolsticeHeight`, and other numbers.
    pub fork_upgrade_params: Option<Map<Int>>,
}

impl NetworkParams {
    /// Heights of upgrades by name, those that could be read.
    pub fn upgrades(&self) -> Option<BTreeMap<String, i64>> {
        let height = |(name, height): &(String, Field<Int>)| match height {
            Field::Good(Int(height)) => Some((name.clone(), i64::try_from(*height).ok()?)),
            _ => None,
        };
        Some(self.fork_upgrade_params.as_ref()?.0.iter().filter_map(height).collect())
    }
}
