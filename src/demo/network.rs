//! The processes themselves and the network around the full node: versions, start times, peers, bandwidth, alerts.

use std::f64::consts::TAU;

use serde_json::{Value, json};

use super::miner::Miner;
use super::noise::{cycle, fraction, hash, wave};
use super::rules::EPOCH_SECONDS;
use super::storage;
use super::text::{peer_id, rfc3339};

/// When the full node was started, Unix seconds: 2026-08-28.
pub(super) const STARTED_SECONDS: f64 = 1_787_900_000.0;
/// Each protocol's name and its mean bytes a second, received and sent.
const PROTOCOLS: [(&str, f64, f64); 6] = [
    ("", 40.0, 35.0),
    ("/fil/chain/xchg/0.0.1", 21_000.0, 64_000.0),
    ("/fil/hello/1.0.0", 900.0, 850.0),
    ("/ipfs/bitswap/1.2.0", 38_000.0, 9_000.0),
    ("/ipfs/kad/1.0.0", 5_200.0, 4_100.0),
    ("/meshsub/1.1.0", 610_000.0, 480_000.0),
];

fn version(version: &str, api_version: u64) -> Value {
    json!({
        "Version": version,
        "APIVersion": api_version,
        "BlockDelay": EPOCH_SECONDS as u64,
        "Agent": "lotus",
    })
}

/// `Version` of the full node, whose API is 2.3.0.
pub(super) fn daemon_version() -> Value {
    version("1.38.0+demo", 0x02_03_00)
}

/// `Version` of a miner, whose API is 1.5.0.
pub(super) fn miner_version() -> Value {
    version("1.38.0+demo", 0x01_05_00)
}

/// `StartTime` of the full node.
pub(super) fn daemon_start_time() -> Value {
    json!(rfc3339(STARTED_SECONDS, 0))
}

/// `StartTime` of a miner; their time zone differs from the full node's.
pub(super) fn miner_start_time(miner: &Miner) -> Value {
    let days = 3.0 + 11.0 * fraction(hash("start time", &[miner.id]));
    json!(rfc3339(STARTED_SECONDS + days * 86_400.0, 1))
}

/// `NetPeers`: about 200, who come and go.
pub(super) fn peers(now: f64) -> Value {
    let count = 200.0 + 14.0 * wave(now, 7000.0, "peers", 0) + 6.0 * wave(now, 610.0, "peers", 1);
    let (newest, _) = cycle(now, 300.0, "newest peer", 0);
    let peer = |number: u64| {
        let seed = hash("peer", &[number]);
        let (a, b, c) = (seed >> 8 & 0xff, seed >> 16 & 0xff, seed >> 24 & 0xff);
        json!({ "ID": peer_id(seed), "Addrs": [format!("/ip4/10.{a}.{b}.{c}/tcp/1347")] })
    };
    (newest..newest + count as u64).map(peer).collect()
}

/// `NetAutoNatStatus`.
pub(super) fn reachability() -> Value {
    json!({ "Reachability": 1, "PublicAddrs": ["/ip4/192.0.2.10/tcp/1347"] })
}

/// A protocol's bytes in one direction since the node's start, and its rate: the mean one, with a slow swing. The rate is
/// never negative, so that the total never falls.
fn traffic(mean_rate: f64, topic: &str, number: u64, now: f64) -> (f64, f64) {
    const SWING: f64 = 0.4;
    let angular = TAU / (5.0 * 3600.0 + 700.0 * number as f64);
    let phase = TAU * fraction(hash(topic, &[number]));
    let elapsed = (now - STARTED_SECONDS).max(0.0);
    let rate = mean_rate * (1.0 + SWING * (angular * elapsed + phase).sin());
    let total = mean_rate * (elapsed + SWING / angular * (phase.cos() - (angular * elapsed + phase).cos()));
    (total.floor(), rate)
}

fn protocols(now: f64) -> impl Iterator<Item = (&'static str, (f64, f64), (f64, f64))> {
    PROTOCOLS.iter().zip(0..).map(move |((name, receive, transmit), number)| {
        (*name, traffic(*receive, "receive", number, now), traffic(*transmit, "transmit", number, now))
    })
}

fn bandwidth_stats((received, receive_rate): (f64, f64), (sent, send_rate): (f64, f64)) -> Value {
    json!({ "TotalIn": received as u64, "TotalOut": sent as u64, "RateIn": receive_rate, "RateOut": send_rate })
}

/// `NetBandwidthStats`: the sum of all protocols.
pub(super) fn bandwidth(now: f64) -> Value {
    let add = |(a, b): (f64, f64), (c, d): (f64, f64)| (a + c, b + d);
    let none = ((0.0, 0.0), (0.0, 0.0));
    let (receive, transmit) = protocols(now)
        .fold(none, |(all_in, all_out), (_, receive, transmit)| (add(all_in, receive), add(all_out, transmit)));
    bandwidth_stats(receive, transmit)
}

/// `NetBandwidthStatsByProtocol`.
pub(super) fn bandwidth_by_protocol(now: f64) -> Value {
    let stats = protocols(now).map(|(name, receive, transmit)| (name.to_owned(), bandwidth_stats(receive, transmit)));
    stats.collect()
}

/// `LogAlerts` of the full node: one that has never been raised, and one that is active for 20 minutes every three hours.
pub(super) fn daemon_alerts(now: f64) -> Value {
    json!([
        {
            "Type": { "System": "process", "Subsystem": "fd-limit" },
            "Active": false,
            "LastActive": null,
            "LastResolved": null,
        },
        recurring_alert("process", "udp-buffer-size", "UDP buffer size is too small", 0, now),
    ])
}

/// `LogAlerts` of a miner.
pub(super) fn miner_alerts(miner: &Miner, now: f64) -> Value {
    let alerts = storage::path_ids(miner).enumerate().map(|(index, id)| {
        let subsystem = format!("pathconf-{id}");
        if index == 0 && miner.has_troubles() {
            return recurring_alert("sector-index", &subsystem, "the path's configuration has problems", miner.id, now);
        }
        let kind = json!({ "System": "sector-index", "Subsystem": subsystem });
        json!({ "Type": kind, "Active": false, "LastActive": null, "LastResolved": null })
    });
    alerts.collect()
}

fn recurring_alert(system: &str, subsystem: &str, message: &str, number: u64, now: f64) -> Value {
    const PERIOD_SECONDS: f64 = 3.0 * 3600.0;
    const RAISED_SECONDS: f64 = 20.0 * 60.0;
    let (_, raised) = cycle(now, PERIOD_SECONDS, "alert", number);
    let active = now - raised < RAISED_SECONDS;
    let resolved = if active { raised - PERIOD_SECONDS } else { raised } + RAISED_SECONDS;
    let event =
        |kind: &str, time: f64| json!({ "Type": kind, "Message": { "message": message }, "Time": rfc3339(time, 0) });
    json!({
        "Type": { "System": system, "Subsystem": subsystem },
        "Active": active,
        "LastActive": event("raised", raised),
        "LastResolved": event("resolved", resolved),
    })
}
