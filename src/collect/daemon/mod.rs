//! What the full node answers.

mod balances;
mod blocks;
mod chain;
mod connect;
mod deadlines;
mod f3;
mod gas;
mod identity;
mod messages;
mod mpool;
mod network;
mod node;
mod on_chain;
mod power;
mod quality;
mod sides;
#[cfg(test)]
mod simulation;
mod vesting;
mod wallets;

pub use connect::{Daemon, connect};
pub use sides::{MoneyFacts, NONE, blocks_side, chain_side, messages_side, money_side, node_side, slow_side};
