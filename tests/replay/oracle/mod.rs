//! What must be published about the recorded nodes, derived from their answers and the documents alone. One file per subject; nothing here uses
//! the exporter's code.

pub mod blocks;
pub mod daemon;
pub mod miner;
pub mod money;
pub mod proving;
pub mod releases;
pub mod run;
pub mod sector_log;
pub mod sectors;
pub mod storage;
pub mod workers;

use crate::expected::Expected;
use crate::nodes::Book;
use crate::recording::Recording;

/// The lotus-miners, as the recording calls them, and their miners.
pub const MINERS: [(&str, &str); 2] = [("miner1", "t01000"), ("miner2", "t01001")];

/// Unix seconds before and after the exporter ran.
#[derive(Clone, Copy)]
pub struct Span {
    pub from: f64,
    pub to: f64,
}

/// Everything that must be published about the nodes.
pub fn of_nodes(recording: &Recording, book: &Book, ran: Span) -> Expected {
    let mut expected = Expected::default();
    daemon::expect(recording, ran, &mut expected);
    money::expect(recording, ran, &mut expected);
    releases::forecast(recording, &mut expected);
    blocks::expect(recording, book, &mut expected);
    for (node, miner_id) in MINERS {
        miner::expect(recording, node, miner_id, &mut expected);
        proving::expect(recording, node, miner_id, &mut expected);
        releases::expect(recording, miner_id, &mut expected);
        sectors::expect(recording, node, miner_id, &mut expected);
        workers::expect(recording, node, miner_id, &mut expected);
        storage::expect(recording, node, miner_id, &mut expected);
    }
    expected
}
