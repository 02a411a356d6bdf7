//! What the tests of the whole program share: a farm of Lotus nodes over HTTP, servers that misbehave, a runner of the real binary in a clean
//! environment, and a strict reader of the text format.

// Each test crate uses a part of this.
#![allow(dead_code, unused_imports, clippy::unwrap_used, clippy::expect_used)]

mod boost;
mod curio;
mod exporter;
mod farm;
mod hostile;
mod http;
mod methods;
mod node;
mod place;
mod text;

pub use boost::{Boost, Told};
pub use curio::{Curio, now, rfc3339};
pub use exporter::{Exporter, Run, finish};
pub use farm::{Farm, MINER, OTHER};
pub use hostile::{CLOSED_PORT, Hostile};
pub use http::{Reply, Request, Server};
pub use methods::{Permission, names, token};
pub use node::{Answer, Node};
pub use place::{Place, has};
pub use text::Metrics;

use std::path::PathBuf;

/// A path below tests/.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}
