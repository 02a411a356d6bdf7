//! lotus-farcaster: shows Filecoin storage providers their Lotus nodes in Prometheus.
//!
//! Data flows one way, and each step knows only the steps before it:
//! [`discover`] finds the nodes, [`rpc`] talks to them, [`collect`] turns answers into facts, [`expose`] turns facts into text, and
//! [`textfile`] writes it. [`demo`] stands in for the nodes.

pub mod address_book;
pub mod base64;
pub mod bundle;
pub mod check;
pub mod cli;
pub mod collect;
pub mod demo;
pub mod demo_history;
pub mod discover;
pub mod exporter;
pub mod expose;
pub mod files;
pub mod healthcheck;
pub mod init;
pub mod limits;
pub mod lotus;
pub mod rivals;
pub mod rpc;
pub mod secret;
mod standing;
pub mod state;
pub mod status;
pub mod targets;
pub mod textfile;
pub mod thresholds;
pub mod tolerant;
mod words;

/// The commit that this was built from, where the build was told.
pub const COMMIT: &str = match option_env!("FARCASTER_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};
