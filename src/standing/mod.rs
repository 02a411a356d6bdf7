//! How things stand after a run: its facts as one tree, read back from the run's text so that they cannot differ from the metrics, and what
//! the alerts say of them by their own thresholds.

pub mod facts;
pub mod findings;
mod judge;
pub mod machines;
pub mod miner;
pub mod money;
pub mod pace;
