//! The full node itself: version, peers, reachability, bandwidth.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Daemon;
use crate::collect::reach::Version;
use crate::expose::{Samples, families};
use crate::lotus::epoch::Moment;
use crate::rpc::Batch;
use crate::tolerant::{Count, Field, Int, Map, Problems};

/// What the node reports about itself.
pub struct Facts {
    version: Option<Version>,
    network_name: String,
    network_version: Option<i64>,
    start_time_seconds: Option<f64>,
    peers: Option<u64>,
    publish_peers: PeerStatus,
    reachability: Option<&'static str>,
    bandwidth: Bandwidth,
    by_protocol: Vec<(String, Bandwidth)>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NodeStatus {
    peer_status: Field<PeerStatus>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct PeerStatus {
    peers_to_publish_msgs: Option<Int>,
    peers_to_publish_blocks: Option<Int>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct AutoNatStatus {
    reachability: Field<Int>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Bandwidth {
    total_in: Option<Int>,
    total_out: Option<Int>,
}

pub fn fetch(daemon: &Daemon, problems: &mut Problems) -> Result<Facts> {
    for error in &daemon.problems {
        problems.error(error);
    }
    let mut batch = Batch::new();
    let start_time = batch.add::<Moment>("StartTime", json!([]));
    let peers = batch.add::<Count>("NetPeers", json!([]));
    let status = batch.add::<NodeStatus>("NodeStatus", json!([false]));
    let nat = batch.add::<AutoNatStatus>("NetAutoNatStatus", json!([]));
    let bandwidth = batch.add::<Bandwidth>("NetBandwidthStats", json!([]));
    let by_protocol = batch.add::<Map<Bandwidth>>("NetBandwidthStatsByProtocol", json!([]));
    let answers = daemon.client.send(&batch);
    answers.reached()?;

    let start_time = problems.if_supported(answers.get(start_time));
    let status = problems.if_supported(answers.get(status)).unwrap_or_default();
    let nat = problems.if_supported(answers.get(nat)).unwrap_or_default();
    let peers = problems.if_supported(answers.get(peers)).map(|Count(peers)| peers);
    let publish_peers = status.peer_status.take("NodeStatus.PeerStatus", problems).unwrap_or_default();
    let reachability = nat.reachability.take("NetAutoNatStatus.Reachability", problems);
    let bandwidth = problems.if_supported(answers.get(bandwidth)).unwrap_or_default();
    let by_protocol = problems.if_supported(answers.get(by_protocol)).unwrap_or_default();
    Ok(Facts {
        version: daemon.version.clone(),
        network_name: daemon.network_name.clone().unwrap_or_default(),
        network_version: daemon.network_version,
        start_time_seconds: start_time.and_then(|Moment(seconds)| seconds),
        peers: believable_peers(peers, &publish_peers, problems),
        publish_peers,
        reachability: reachability.and_then(|Int(state)| match state {
            0 => Some("unknown"),
            1 => Some("public"),
            2 => Some("private"),
            _ => {
                problems.note(format_args!("NetAutoNatStatus.Reachability: {state} is not 0, 1 or 2"));
                None
            }
        }),
        // Forest does not count, and answers zeros.
        bandwidth: Some(bandwidth).filter(|sum| [sum.total_in, sum.total_out] != [Some(Int(0)); 2]).unwrap_or_default(),
        by_protocol: by_protocol.take("NetBandwidthStatsByProtocol", problems),
    })
}

/// How many peers there are; not known where none are listed, and yet there are some to publish to.
fn believable_peers(peers: Option<u64>, publish_peers: &PeerStatus, problems: &mut Problems) -> Option<u64> {
    let to_publish = [publish_peers.peers_to_publish_blocks, publish_peers.peers_to_publish_msgs];
    if peers == Some(0) && to_publish.into_iter().flatten().any(|peers| peers > Int(0)) {
        problems.note("NetPeers: no peers, though NodeStatus.PeerStatus has some to publish to");
        return None;
    }
    peers
}

pub fn expose(facts: &Facts, samples: &mut Samples) {
    if let Some(version) = &facts.version {
        let labels = [version.version.as_str(), &version.agent, &facts.network_name];
        samples.add(&families::DAEMON_INFO, labels, true);
    }
    samples.add(&families::NETWORK_VERSION, [], facts.network_version);
    samples.add(&families::DAEMON_START_TIME_SECONDS, [], facts.start_time_seconds);
    samples.add(&families::DAEMON_PEERS, [], facts.peers);
    let publish = &families::DAEMON_PUBLISH_PEERS;
    samples.add(publish, ["blocks"], facts.publish_peers.peers_to_publish_blocks);
    samples.add(publish, ["messages"], facts.publish_peers.peers_to_publish_msgs);
    if let Some(state) = facts.reachability {
        for name in ["public", "private", "unknown"] {
            samples.add(&families::DAEMON_REACHABILITY, [name], name == state);
        }
    }
    samples.add(&families::DAEMON_RECEIVE_BYTES_TOTAL, [], facts.bandwidth.total_in);
    samples.add(&families::DAEMON_TRANSMIT_BYTES_TOTAL, [], facts.bandwidth.total_out);
    for (protocol, bandwidth) in &facts.by_protocol {
        let labels = [protocol.as_str()];
        samples.add(&families::DAEMON_PROTOCOL_RECEIVE_BYTES_TOTAL, labels, bandwidth.total_in);
        samples.add(&families::DAEMON_PROTOCOL_TRANSMIT_BYTES_TOTAL, labels, bandwidth.total_out);
    }
}
