//! Which power counts in an election: the one 900 epochs back, or at the genesis, and not the one that the miner has by now. In the recorded runs the
//! walked epochs are so old that both are the same, so here the power has changed by them as it had by the head.

use serde_json::Value;

use crate::expected::Expected;
use crate::nodes::Book;
use crate::oracle::blocks;
use crate::recording::Recording;
use crate::support::Metrics;

/// The last run, in which the head's power is not that of the genesis any more, as if the walked epochs were as new as the head.
pub fn recording() -> Recording {
    let mut recording = Recording::load(7);
    let told = recording.all("daemon", "StateMinerPower");
    let (now, then): (Vec<_>, Vec<_>) = told.partition(|(params, _)| params[1] == "@head");
    let of_now = |miner_id: &Value| now.iter().find(|(params, _)| params[0] == *miner_id).unwrap().1.clone();
    let changed: Vec<_> = then.iter().map(|(params, _)| ((*params).clone(), of_now(&params[0]))).collect();
    assert_eq!(changed.len(), 2, "where the walk ends, the power of each miner is asked for");
    for (params, power) in changed {
        recording.replace("daemon", "StateMinerPower", params, power);
    }
    recording
}

/// What the walk must publish, and what it does publish.
pub fn compared(recording: &Recording, book: &Book, mut published: Metrics) -> (Expected, Metrics) {
    let mut expected = Expected::default();
    blocks::expect(recording, book, &mut expected);
    published.0.retain(|(name, _), _| expected.knows(name));
    (expected, published)
}
