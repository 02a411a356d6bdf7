//! What Curio answers: a cluster of machines, or a skiff, which has PDP only.
//!
//! Everything that its database knows is asked in one batch. What asks a full node is asked one after the other beside it, since Curio waits
//! for a full node that hangs, and where one is gone it answers zeros and no error.

mod alerts;
mod ask;
mod chain_nodes;
mod connect;
mod exposure;
mod failures;
mod machine_memory;
mod machines;
mod market;
mod messages;
mod node_info;
mod pdp;
mod pdp_sets;
mod pdp_wallet;
mod pieces;
mod pipelines;
mod porep;
mod sides;
mod storage;
mod storage_files;
mod tasks;
mod text;
mod wins;

pub use connect::{Cluster, ClusterAnswer, Clusters, connect};
pub use sides::{chain_side, database_side};
