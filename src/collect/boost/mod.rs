//! Boost: deals by checkpoint, the queue of deals to be published, funds, staging space, transfers, the ask, and its network.
//!
//! Boost has two APIs: GraphQL, for its web interface, and JSON-RPC like Lotus. One request to each returns everything.

mod answers;

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::collect::lane::{Down, Endpoint, Lane};
use crate::collect::reach::client;
use crate::collect::run::Run;
use crate::discover::Kind;
use crate::expose::{Samples, Unit, families};
use crate::rpc::{Batch, Budget, Client, Node};
use crate::tolerant::{Count, Field, Int, Problems};
use answers::Told;

/// Boost reports what its transfers moved in each second, and only for the last few (maxSamples in storagemarket/transfers.go).
const TOLD_SECONDS: f64 = 20.0;

/// Reported transfer figures are extrapolated over at most this long.
const MAX_SECONDS_STOOD_FOR: f64 = 600.0;

/// A Boost to ask.
pub struct Boost {
    /// Its JSON-RPC API.
    pub api: Client,
    /// Its GraphQL.
    pub graphql: Client,
    /// `host:port` of the API and of GraphQL.
    addresses: [String; 2],
}

impl Boost {
    /// Makes no connection yet.
    pub fn new(run: &Run, node: &Node, budget: Budget) -> Boost {
        let graphql = node.graphql.as_deref().unwrap_or(node);
        Boost {
            api: client(run, node, "/rpc/v0", budget),
            graphql: client(run, graphql, "/graphql/query", budget),
            addresses: [node.address.clone(), graphql.address.clone()],
        }
    }
}

/// What Boost returned.
struct Facts {
    told: Told,
    transferred_bytes: Option<u64>,
    peers: Option<u64>,
    receive_bytes: Option<Int>,
    transmit_bytes: Option<Int>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Bandwidth {
    total_in: Field<Int>,
    total_out: Field<Int>,
}

/// What is remembered of a Boost, by the address of its API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    miner_id: String,
    /// When transfers were last reported.
    told_seconds: Option<f64>,
    /// The latest second that was reported, by Boost's clock.
    newest_seconds: f64,
    transferred_bytes: u64,
}

/// Asks a Boost. `miner_ids` are all miners of the run: a Boost that never reported its miner belongs to the only one.
pub fn side(run: &Run, boost: &Boost, miner_ids: &[&str]) -> Lane {
    let started = Instant::now();
    let fields = boost.graphql.query(&answers::query());
    let mut batch = Batch::new();
    let peers = batch.add::<Count>("NetPeers", json!([]));
    let bandwidth = batch.add::<Bandwidth>("NetBandwidthStats", json!([]));
    let answers = boost.api.send(&batch);
    let api = answers.reached();

    let section = format!("boost/{}", boost.addresses[0]);
    let mut memory = run.state.recall::<Memory>(&section).if_possible(run.now);
    let mut of_miner = Problems::new(boost.graphql.name());
    let told = fields.as_ref().ok().and_then(|fields| answers::miner_id(fields, &mut of_miner));
    memory.is_of(told.as_deref(), miner_ids);
    let miner_id = memory.miner_id.clone();
    // If it reports nothing about its transfers now, later figures must not be extrapolated over this time.
    run.state.remember(&section, &Memory { told_seconds: None, ..memory.clone() });

    let mut lane = Lane::new(run.now, &miner_id, Some(boost.graphql.name())).since(started);
    let mut doors = BTreeMap::new();
    let failed = [api.as_ref().err().cloned(), fields.as_ref().err().cloned()];
    for (address, down) in boost.addresses.iter().zip(failed) {
        // A proxy may make one address of both: it is up where one of them is.
        let door = doors.entry(address).or_insert_with(|| down.clone());
        *door = door.take().and(down);
    }
    for (address, down) in doors {
        let told = if miner_id.is_empty() { String::new() } else { format!("of {miner_id}") };
        let (address, miner_id) = (address.clone(), miner_id.clone());
        let (is_up, down) = (down.is_none(), down.map(Down::Failed));
        lane.endpoint(Endpoint { kind: Kind::Boost, address, miner_id, is_up, told, down });
    }
    lane.collect(
        "boost",
        |problems| {
            of_miner.into_lines().into_iter().for_each(|line| problems.error(line));
            // One line is enough where both doors are closed.
            if let (Err(error), Err(_)) = (&api, &fields) {
                return Err(error.clone().into());
            }
            let told = problems.ok(fields).map(|fields| answers::read(&fields, run.address_book, run.now, problems));
            let told = told.unwrap_or_default();
            let transferred_bytes = told.moved.as_ref().map(|points| memory.add(points, run.now));
            run.state.remember(&section, &memory);
            let bandwidth = problems.if_supported(answers.get(bandwidth)).unwrap_or_default();
            Ok(Facts {
                told,
                transferred_bytes,
                peers: problems.if_supported(answers.get(peers)).map(|Count(peers)| peers),
                receive_bytes: bandwidth.total_in.take("NetBandwidthStats.TotalIn", problems),
                transmit_bytes: bandwidth.total_out.take("NetBandwidthStats.TotalOut", problems),
            })
        },
        |facts, samples| expose(facts, &miner_id, samples),
    );
    lane
}

impl Memory {
    /// A total spoilt by an answer or a damaged file starts again.
    fn if_possible(self, now: f64) -> Memory {
        if Unit::Bytes.allows(self.transferred_bytes as f64, now) {
            return self;
        }
        Memory { miner_id: self.miner_id, ..Memory::default() }
    }

    fn is_of(&mut self, told: Option<&str>, miner_ids: &[&str]) {
        match (told, miner_ids) {
            (Some(id), _) if id != self.miner_id => *self = Memory { miner_id: id.to_owned(), ..Memory::default() },
            (None, [id]) if self.miner_id.is_empty() => self.miner_id = (*id).to_owned(),
            _ => {}
        }
    }

    /// Adds what transfers moved since the last time, and returns the total. If Boost does not report all of that time, the part that it
    /// reports is extrapolated over the rest.
    fn add(&mut self, points: &[(f64, u64)], now: f64) -> u64 {
        let newest = points.iter().map(|(at, _)| *at).max_by(f64::total_cmp);
        if newest.is_some_and(|newest| newest < self.newest_seconds - TOLD_SECONDS) {
            // Boost's clock was set back, or ahead for a while.
            self.newest_seconds = 0.0;
        }
        let new = points.iter().filter(|(at, _)| *at > self.newest_seconds);
        let bytes: f64 = new.map(|(_, bytes)| *bytes as f64).sum();
        let since = self.told_seconds.map_or(0.0, |told| (now - told).clamp(0.0, MAX_SECONDS_STOOD_FOR));
        let moved = bytes * (since / TOLD_SECONDS).max(1.0);
        self.transferred_bytes = self.transferred_bytes.saturating_add(moved.round() as u64);
        self.newest_seconds = newest.unwrap_or_default().max(self.newest_seconds);
        self.told_seconds = Some(now);
        self.transferred_bytes
    }
}

fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    let Facts { told, .. } = facts;
    for (kind, checkpoint, count) in &told.deals {
        samples.add(&families::BOOST_DEALS, [miner_id, kind, checkpoint], *count);
    }
    if let Some(queue) = &told.queue {
        samples.add(&families::BOOST_PUBLISH_QUEUE_DEALS, [miner_id], queue.deals.len());
        let bytes: Option<f64> = queue.deals.iter().map(|deal| Some(deal.bytes? as f64)).sum();
        samples.add(&families::BOOST_PUBLISH_QUEUE_BYTES, [miner_id], bytes);
        samples.add(&families::BOOST_PUBLISH_TIMESTAMP_SECONDS, [miner_id], queue.publish_seconds);
        for deal in queue.deals.iter().filter(|deal| !deal.id.is_empty()) {
            let labels = [miner_id, &deal.id, &deal.client, &deal.client_name];
            let rank = deal.created_seconds.unwrap_or(0.0);
            samples.add_row(&families::BOOST_PUBLISH_QUEUE_DEAL_BYTES, labels, deal.bytes, rank);
        }
    }
    for (account, state, amount) in &told.funds {
        samples.add(&families::BOOST_FUNDS_FIL, [miner_id, account, state], *amount);
    }
    for (state, bytes) in &told.staging {
        samples.add(&families::BOOST_STAGING_BYTES, [miner_id, state], *bytes);
    }
    for (host, transfers, stalled) in &told.transfers {
        samples.add(&families::BOOST_TRANSFERS, [miner_id, host], *transfers);
        samples.add(&families::BOOST_TRANSFERS_STALLED, [miner_id, host], *stalled);
    }
    samples.add(&families::BOOST_TRANSFERRED_BYTES_TOTAL, [miner_id], facts.transferred_bytes);
    for (kind, price) in &told.ask {
        samples.add(&families::BOOST_ASK_PRICE_FIL, [miner_id, kind], *price);
    }
    samples.add(&families::BOOST_PEERS, [miner_id], facts.peers);
    samples.add(&families::BOOST_RECEIVE_BYTES_TOTAL, [miner_id], facts.receive_bytes);
    samples.add(&families::BOOST_TRANSMIT_BYTES_TOTAL, [miner_id], facts.transmit_bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_counts_once_and_stands_for_unreported_ones() {
        let seconds = |from: u32, to: u32| -> Vec<(f64, u64)> { (from..to).map(|at| (f64::from(at), 100)).collect() };
        let mut memory = Memory::default();
        assert_eq!(memory.add(&seconds(80, 100), 100.0), 2000);
        // Half of these were reported before.
        assert_eq!(memory.add(&seconds(90, 110), 110.0), 3000);
        assert_eq!(memory.add(&seconds(150, 170), 170.0), 3000 + 3 * 2000);
        assert_eq!(memory.add(&[], 230.0), 9000);
        // The exporter's clock was set back; a long silence.
        assert_eq!(memory.add(&seconds(231, 232), 100.0), 9100);
        assert_eq!(memory.add(&seconds(50_000, 50_001), 50_000.0), 9100 + 30 * 100);
    }

    #[test]
    fn a_clock_of_boosts_that_was_ahead_does_not_stop_the_count() {
        let seconds = |from: u32, to: u32| -> Vec<(f64, u64)> { (from..to).map(|at| (f64::from(at), 100)).collect() };
        let mut memory = Memory::default();
        assert_eq!(memory.add(&seconds(80, 100), 100.0), 2000);
        assert_eq!(memory.add(&seconds(80_140, 80_160), 120.0), 4000);
        assert_eq!(memory.add(&seconds(120, 140), 140.0), 6000);
        // Nothing moved lately: the same points are reported again, and count once.
        assert_eq!(memory.add(&seconds(130, 135), 150.0), 6000);
    }

    #[test]
    fn an_impossible_total_starts_over() {
        let of = |transferred_bytes| Memory {
            miner_id: "f01".to_owned(),
            newest_seconds: 7.0,
            transferred_bytes,
            told_seconds: None,
        };
        assert_eq!(of(u64::MAX).if_possible(100.0), Memory { newest_seconds: 0.0, ..of(0) });
        assert_eq!(of(1 << 60).if_possible(100.0), of(1 << 60));
    }

    #[test]
    fn the_miner_is_reported_or_known_or_the_only_one() {
        let known = Memory { miner_id: "f01".to_owned(), transferred_bytes: 7, ..Memory::default() };
        let of = |mut memory: Memory, told, miners: &[&str]| {
            memory.is_of(told, miners);
            (memory.miner_id, memory.transferred_bytes)
        };
        let is = |id: &str, bytes| (id.to_owned(), bytes);
        assert_eq!(of(known.clone(), None, &["f02"]), is("f01", 7));
        assert_eq!(of(known.clone(), Some("f01"), &[]), is("f01", 7));
        assert_eq!(of(known, Some("f03"), &["f02"]), is("f03", 0));
        assert_eq!(of(Memory::default(), None, &["f02"]), is("f02", 0));
        assert_eq!(of(Memory::default(), None, &["f02", "f03"]), is("", 0));
    }
}
