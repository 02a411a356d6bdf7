//! The first miner's Boost: deals in progress, derived from hashes of their numbers and the time, and all that follows from that.
//!
//! A deal comes every two minutes. Of four in a row, two are downloaded, one is imported offline, and one is direct. Those of the first
//! three are published together every half hour; then each goes into a sector, and is complete when that is sealed.

use serde_json::{Value, json};

use super::accounts::{atto, client};
use super::answer::{Answer, refused};
use super::farm::Farm;
use super::miner::Miner;
use super::noise::{between, hash, wave};
use super::rules::{GENESIS_SECONDS, sane};
use super::text::{address, peer_id, rfc3339, uuid};

/// From one deal to the next.
const INTERVAL_SECONDS: f64 = 120.0;
/// From one message that publishes deals to the next.
const PUBLISH_SECONDS: f64 = 1800.0;
/// A deal that came this late is left for the next message, so that one is always waiting.
const TOO_LATE_SECONDS: f64 = 400.0;
/// No deal takes longer than this to be complete.
const LONGEST_SECONDS: f64 = 12_000.0;
/// How long a transfer stalls, if it does.
const STALL_SECONDS: f64 = 240.0;
const STAGING_BYTES: u64 = 8 << 40;
const HOSTS: [&str; 2] = ["data-1.example:8443", "data-2.example:443"];

/// Boost's methods of the JSON-RPC API and how many parameters each takes.
pub(super) const METHODS: &[(&str, usize)] = &[("NetBandwidthStats", 0), ("NetPeers", 0)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Online,
    Offline,
    Direct,
}

/// A deal and the times, in Unix seconds, at which it passes its checkpoints.
struct Deal {
    number: u64,
    kind: Kind,
    created: f64,
    bytes: u64,
    checkpoints: Vec<(&'static str, f64)>,
}

impl Deal {
    fn new(number: u64) -> Deal {
        let created = GENESIS_SECONDS + number as f64 * INTERVAL_SECONDS;
        let kind = [Kind::Online, Kind::Online, Kind::Offline, Kind::Direct][number as usize % 4];
        let seconds = |low, high, topic| between(low, high, topic, &[number]);
        let mut now = created;
        let mut checkpoints = vec![("Accepted", created)];
        let mut passes = |checkpoint, after: f64| {
            now += after;
            checkpoints.push((checkpoint, now));
            now
        };
        if kind == Kind::Direct {
            passes("AddedPiece", seconds(500.0, 700.0, "import"));
        } else {
            let arrives = if kind == Kind::Online { 600.0 } else { 1200.0 };
            let arrived = passes("Transferred", seconds(arrives, arrives + 60.0, "arrival"));
            let message = ((arrived + TOO_LATE_SECONDS) / PUBLISH_SECONDS).ceil() * PUBLISH_SECONDS;
            passes("Published", message - arrived);
            passes("PublishConfirmed", 150.0);
            passes("AddedPiece", seconds(60.0, 180.0, "add piece"));
        }
        passes("IndexedAndAnnounced", seconds(60.0, 120.0, "index"));
        passes("Complete", seconds(4500.0, 6500.0, "sealing"));
        let bytes = [8u64 << 30, 16 << 30, 32 << 30][hash("piece size", &[number]) as usize % 3];
        Deal { number, kind, created, bytes, checkpoints }
    }

    fn checkpoint(&self, now: f64) -> &'static str {
        let passed = self.checkpoints.iter().rev().find(|(_, at)| *at <= now);
        passed.map_or("Accepted", |(checkpoint, _)| checkpoint)
    }

    /// Bytes downloaded by then. One transfer in eight stalls at the beginning.
    fn transferred(&self, at: f64) -> u64 {
        let (from, until) = (self.created + if self.stalls() { STALL_SECONDS } else { 0.0 }, self.checkpoints[1].1);
        (self.bytes as f64 * ((at - from) / (until - from)).clamp(0.0, 1.0)) as u64
    }

    fn stalls(&self) -> bool {
        self.number.is_multiple_of(8)
    }

    fn is_being_transferred(&self, now: f64) -> bool {
        self.kind == Kind::Online && self.checkpoint(now) == "Accepted"
    }

    fn host(&self) -> &'static str {
        HOSTS[hash("host", &[self.number / 8]) as usize % HOSTS.len()]
    }

    fn client(&self) -> String {
        // Two clients that never had an actor before their first deal.
        match self.number % 5 {
            0 => address(1, hash("client", &[self.number % 2])),
            _ => format!("f0{}", client(hash("boost client", &[self.number % 7]))),
        }
    }
}

/// The number of the newest deal.
fn newest(now: f64) -> u64 {
    ((now - GENESIS_SECONDS) / INTERVAL_SECONDS) as u64
}

/// The deals that may not be complete.
fn recent(now: f64) -> Vec<Deal> {
    let newest = newest(now);
    let oldest = newest.saturating_sub((LONGEST_SECONDS / INTERVAL_SECONDS) as u64);
    (oldest..=newest).map(Deal::new).collect()
}

/// Answers a call of the JSON-RPC API.
pub(super) fn answer(method: &str, params: &[Value], now: f64) -> Answer {
    match (method.strip_prefix("Filecoin.").unwrap_or_default(), params) {
        ("NetPeers", []) => {
            let count = 60.0 + 9.0 * wave(now, 5400.0, "boost peers", 0);
            let peer = |number| json!({ "ID": peer_id(hash("boost peer", &[number])), "Addrs": [] });
            Ok((0..count as u64).map(peer).collect())
        }
        ("NetBandwidthStats", []) => {
            let elapsed = now - GENESIS_SECONDS;
            let (receive, transmit) = (84_000.0, 310_000.0);
            Ok(json!({
                "TotalIn": (receive * elapsed) as u64,
                "TotalOut": (transmit * elapsed) as u64,
                "RateIn": receive,
                "RateOut": transmit,
            }))
        }
        _ => Err(refused(METHODS, method, params.len())),
    }
}

impl Farm {
    /// Answers a GraphQL query of Boost, one root field per line, like `key:name(arguments){…}`: the fields of the schema that the exporter
    /// asks for, whichever subfields are requested.
    pub fn graphql(&self, query: &str, now_seconds: f64) -> Value {
        let now = sane(now_seconds);
        let miner = &self.miners[0];
        let (mut data, mut errors) = (json!({}), Vec::new());
        for (line, number) in query.lines().zip(1..) {
            let Some((key, rest)) = line.split_once(':') else {
                continue;
            };
            let name = rest.split(['(', '{']).next().unwrap_or_default();
            match field(miner, name, rest, now) {
                Some(value) => data[key] = value,
                None => errors.push(json!({
                    "message": format!("Cannot query field \"{name}\" on type \"RootQuery\"."),
                    "locations": [{ "line": number, "column": 1 }],
                })),
            }
        }
        if errors.is_empty() { json!({ "data": data }) } else { json!({ "errors": errors }) }
    }
}

fn field(miner: &Miner, name: &str, rest: &str, now: f64) -> Option<Value> {
    Some(match name {
        "minerAddress" => json!({ "MinerID": miner.address(), "IsCurio": false }),
        "deals" if rest.contains("IsOffline:true") => count(Kind::Offline, rest, now),
        "deals" => count(Kind::Online, rest, now),
        "directDeals" => count(Kind::Direct, rest, now),
        "dealPublish" => publish(now),
        "funds" => funds(now),
        "storage" => storage(now),
        "transfers" => transfers(now),
        "transferStats" => transfer_stats(now),
        "storageAsk" => json!({ "Price": big(48_000_000), "VerifiedPrice": big(0) }),
        _ => return None,
    })
}

/// A Uint64 or BigInt, as Boost writes it.
fn big(number: impl ToString) -> Value {
    json!({ "__typename": "BigInt", "n": number.to_string() })
}

fn fil(amount: f64) -> Value {
    big(atto(amount))
}

/// `deals` or `directDeals`: how many there are at the checkpoint of the filter.
fn count(kind: Kind, rest: &str, now: f64) -> Value {
    let wanted = rest.split("Checkpoint:").nth(1).unwrap_or_default();
    let wanted = wanted.split([',', '}']).next().unwrap_or_default();
    let recent = recent(now);
    let here = recent.iter().filter(|deal| deal.kind == kind && deal.checkpoint(now) == wanted).count() as u64;
    // All the older ones are complete.
    let older = match (recent.first(), wanted) {
        (Some(first), "Complete") if kind == Kind::Online => first.number.div_ceil(4) + (first.number + 2) / 4,
        (Some(first), "Complete") if kind == Kind::Offline => (first.number + 1) / 4,
        (Some(first), "Complete") => first.number / 4,
        _ => 0,
    };
    json!({ "totalCount": older + here })
}

fn publish(now: f64) -> Value {
    let recent = recent(now);
    let waiting = recent.iter().filter(|deal| deal.checkpoint(now) == "Transferred");
    let deal = |deal: &Deal| {
        json!({
            "ID": uuid(hash("deal", &[deal.number])),
            "ClientAddress": deal.client(),
            "CreatedAt": rfc3339(deal.created, 0),
            "PieceSize": big(deal.bytes),
        })
    };
    let start = (now / PUBLISH_SECONDS).floor() * PUBLISH_SECONDS;
    let deals: Vec<Value> = waiting.map(deal).collect();
    json!({ "Start": rfc3339(start, 0), "Period": PUBLISH_SECONDS as u64, "Deals": deals })
}

/// Collateral of a deal, in FIL.
const COLLATERAL: f64 = 0.012;

/// The first miner's funds in the market, as the chain has them.
pub(super) struct Escrow {
    /// The locked part of it.
    pub(super) whole_atto: u128,
    pub(super) locked_atto: u128,
    /// Deals that need collateral and are not published.
    waiting: usize,
}

/// Every deal needs collateral from its arrival on, and it is locked once the deal is published.
pub(super) fn escrow(now: f64) -> Escrow {
    let recent = recent(now);
    let of_market = recent.iter().filter(|deal| deal.kind != Kind::Direct);
    let waiting = of_market.clone().filter(|deal| ["Accepted", "Transferred"].contains(&deal.checkpoint(now))).count();
    let locked = 31.0 + COLLATERAL * (of_market.count() - waiting) as f64;
    Escrow { whole_atto: atto(44.0), locked_atto: atto(locked), waiting }
}

fn funds(now: f64) -> Value {
    let Escrow { whole_atto, locked_atto, waiting } = escrow(now);
    json!({
        "Escrow": {
            "Available": big(whole_atto - locked_atto),
            "Locked": big(locked_atto),
            "Tagged": fil(COLLATERAL * waiting as f64),
        },
        "Collateral": { "Balance": fil(7.5) },
        "PubMsg": { "Balance": fil(3.2 + 1.1 * wave(now, 40_000.0, "publish wallet", 0)), "Tagged": fil(0.02 * waiting as f64) },
    })
}

fn storage(now: f64) -> Value {
    let (mut staged, mut transferred, mut pending) = (0, 0, 0);
    for deal in recent(now) {
        match deal.checkpoint(now) {
            _ if deal.is_being_transferred(now) => {
                transferred += deal.transferred(now);
                pending += deal.bytes - deal.transferred(now);
            }
            "Transferred" | "Published" | "PublishConfirmed" => staged += deal.bytes,
            _ => {}
        }
    }
    let free = STAGING_BYTES.saturating_sub(staged + transferred + pending);
    json!({ "Staged": big(staged), "Transferred": big(transferred), "Pending": big(pending), "Free": big(free) })
}

/// `transfers`: what moved in each of the last 20 seconds.
fn transfers(now: f64) -> Value {
    let recent = recent(now);
    let moved = |deal: &Deal, at: f64| deal.transferred(at) - deal.transferred(at - 1.0);
    let point = |age: u32| {
        let at = now.floor() - f64::from(age);
        let active = recent.iter().filter(|deal| deal.is_being_transferred(at));
        json!({ "At": rfc3339(at, 0), "Bytes": big(active.map(|deal| moved(deal, at)).sum::<u64>()) })
    };
    (0..20).rev().map(point).collect()
}

fn transfer_stats(now: f64) -> Value {
    let recent = recent(now);
    let stats = HOSTS.map(|host| {
        let active: Vec<&Deal> =
            recent.iter().filter(|deal| deal.is_being_transferred(now) && deal.host() == host).collect();
        let stalled = active.iter().filter(|deal| deal.stalls() && now - deal.created < STALL_SECONDS).count();
        json!({ "Host": host, "Total": active.len(), "Started": active.len(), "Stalled": stalled })
    });
    json!({ "HttpMaxConcurrentDownloads": 20, "Stats": stats })
}
