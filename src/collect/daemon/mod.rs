//! What the full node answers.

mod balances;
mod blocks;
mod chain;
mod connect;
mod deadlines;
mod f3;
mod gas;
mod identity;
mod mpool;
mod network;
mod node;
mod on_chain;
mod power;
mod quality;
mod sides;
mod wallets;

pub use connect::{Daemon, connect};
pub use sides::{NONE, blocks_side, chain_side, money_side, node_side, slow_side};
