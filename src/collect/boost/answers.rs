//! The one GraphQL query that returns everything about a Boost, and the shapes of its answers (gql/schema.graphql of Boost).

use serde::Deserialize;

use crate::address_book::AddressBook;
use crate::expose::Unit;
use crate::lotus::address;
use crate::lotus::epoch::Moment;
use crate::lotus::fil::Fil;
use crate::rpc::graphql::{Fields, RootField};
use crate::tolerant::{Field, Int, List, Problems};

/// The way of a deal, in order.
const CHECKPOINTS: [&str; 7] =
    ["Accepted", "Transferred", "Published", "PublishConfirmed", "AddedPiece", "IndexedAndAnnounced", "Complete"];

/// How deals come: the kind, the root field, and what its filter has besides the checkpoint.
const KINDS: [(&str, &str, &str); 3] =
    [("online", "deals", ",IsOffline:false"), ("offline", "deals", ",IsOffline:true"), ("direct", "directDeals", "")];

/// A terabyte: no network carries as much.
const MOST_BYTES_IN_A_SECOND: u64 = 1_000_000_000_000;

/// The root fields that have one answer.
const SINGLE: [(&str, &str); 7] = [
    ("minerAddress", "{MinerID}"),
    ("dealPublish", "{Start Period Deals{ID ClientAddress CreatedAt PieceSize}}"),
    // Boost leaves Collateral.Tagged empty: what is tagged of the collateral is that of the escrow.
    ("funds", "{Escrow{Available Locked Tagged} Collateral{Balance} PubMsg{Balance Tagged}}"),
    ("storage", "{Staged Transferred Pending Free}"),
    ("transfers", "{At Bytes}"),
    ("transferStats", "{Stats{Host Total Stalled}}"),
    ("storageAsk", "{Price VerifiedPrice}"),
];

/// Everything that is asked.
pub fn query() -> Vec<RootField> {
    let single =
        SINGLE.iter().map(|(name, rest)| RootField { key: (*name).to_owned(), name, rest: (*rest).to_owned() });
    single
        .chain(counts().map(|(kind, name, filter, checkpoint)| RootField {
            key: key(kind, checkpoint),
            name,
            // Counting takes no list, but Boost gives at least one deal with it.
            rest: format!("(filter:{{Checkpoint:{checkpoint}{filter}}},limit:1){{totalCount}}"),
        }))
        .collect()
}

fn counts() -> impl Iterator<Item = (&'static str, &'static str, &'static str, &'static str)> {
    KINDS.into_iter().flat_map(|(kind, name, filter)| CHECKPOINTS.map(|checkpoint| (kind, name, filter, checkpoint)))
}

fn key(kind: &str, checkpoint: &str) -> String {
    format!("{kind}{checkpoint}")
}

/// What GraphQL returned. Missing fields are None, or an empty list.
#[derive(Default)]
pub struct Told {
    /// Deals by kind and checkpoint.
    pub deals: Vec<(&'static str, &'static str, Option<Int>)>,
    pub queue: Option<Queue>,
    /// FIL by account and state.
    pub funds: Vec<(&'static str, &'static str, Option<Fil>)>,
    /// Bytes by state.
    pub staging: Vec<(&'static str, Option<Int>)>,
    /// Transfers by host: all, and stalled ones.
    pub transfers: Vec<(String, Option<Int>, Option<Int>)>,
    /// Bytes that all transfers moved, by second.
    pub moved: Option<Vec<(f64, u64)>>,
    /// Prices by kind.
    pub ask: Vec<(&'static str, Option<Fil>)>,
}

/// Deals that wait to be published.
pub struct Queue {
    pub deals: Vec<QueuedDeal>,
    /// When they will be.
    pub publish_seconds: Option<f64>,
}

pub struct QueuedDeal {
    pub id: String,
    pub client: String,
    pub client_name: String,
    pub created_seconds: Option<f64>,
    pub bytes: Option<u64>,
}

/// A number as Boost writes its Uint64 and BigInt, `{"__typename":"BigInt","n":"123"}`, or a bare one.
#[derive(Deserialize)]
#[serde(untagged, expecting = "neither a number nor an object with one in n")]
enum Big<T> {
    Object { n: T },
    Bare(T),
}

impl<T> Big<T> {
    fn take(field: Field<Big<T>>, name: &str, problems: &mut Problems) -> Option<T> {
        field.take(name, problems).map(|big| match big {
            Big::Object { n } | Big::Bare(n) => n,
        })
    }
}

/// Declares the shape of an answer, all of whose fields may be missing.
macro_rules! shapes {
    ($(#[serde($rename:meta)] $name:ident { $($field:ident: $type:ty),* })*) => {
        $(
            #[derive(Default, Deserialize)]
            #[serde($rename, default)]
            struct $name {
                $($field: Field<$type>),*
            }
        )*
    };
}

shapes! {
    #[serde(rename_all = "camelCase")] Deals { total_count: Int }
    #[serde(rename_all = "PascalCase")] Funds { escrow: Escrow, collateral: Wallet, pub_msg: Wallet }
    #[serde(rename_all = "PascalCase")] Escrow { available: Big<Fil>, locked: Big<Fil>, tagged: Big<Fil> }
    #[serde(rename_all = "PascalCase")] Wallet { balance: Big<Fil>, tagged: Big<Fil> }
    #[serde(rename_all = "PascalCase")] Storage { staged: Big<Int>, transferred: Big<Int>, pending: Big<Int>, free: Big<Int> }
    #[serde(rename_all = "PascalCase")] Point { at: Moment, bytes: Big<Int> }
    #[serde(rename_all = "PascalCase")] TransferStats { stats: List<HostStats> }
    #[serde(rename_all = "PascalCase")] HostStats { host: String, total: Int, stalled: Int }
    #[serde(rename_all = "PascalCase")] Ask { price: Big<Fil>, verified_price: Big<Fil> }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MinerAddress {
    #[serde(rename = "MinerID")]
    miner_id: Field<String>,
}

/// A null list of deals is an empty one, as Go writes it; without the field, nothing is known about the queue.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Publish {
    #[serde(default)]
    start: Field<Moment>,
    #[serde(default)]
    period: Field<Int>,
    #[serde(deserialize_with = "List::deserialize")]
    deals: List<Deal>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Deal {
    #[serde(rename = "ID")]
    id: Field<String>,
    client_address: Field<String>,
    created_at: Field<Moment>,
    piece_size: Field<Big<Int>>,
}

/// The miner that a Boost is of, like `f01234`.
pub fn miner_id(fields: &Fields, problems: &mut Problems) -> Option<String> {
    let answer: MinerAddress = fields.take("minerAddress", problems)?;
    let id = answer.miner_id.take("minerAddress.MinerID", problems)?;
    if address::actor_id(&id).is_none() {
        problems.note("minerAddress.MinerID: not an id address like f01234");
        return None;
    }
    Some(id)
}

/// Everything but the miner.
pub fn read(fields: &Fields, book: &AddressBook, now: f64, problems: &mut Problems) -> Told {
    let deals = counts().map(|(kind, name, _, checkpoint)| {
        let answer: Option<Deals> = fields.take(&key(kind, checkpoint), problems);
        let count = answer.and_then(|answer| answer.total_count.take(&format!("{name}.totalCount"), problems));
        (kind, checkpoint, count)
    });
    let deals = deals.collect();
    let queue = fields.take("dealPublish", problems).map(|answer| read_queue(answer, book, problems));
    let moved = fields.take("transfers", problems).and_then(|points| read_points(points, now, problems));
    let funds: Funds = fields.take("funds", problems).unwrap_or_default();
    let storage: Storage = fields.take("storage", problems).unwrap_or_default();
    let stats: TransferStats = fields.take("transferStats", problems).unwrap_or_default();
    let ask: Ask = fields.take("storageAsk", problems).unwrap_or_default();

    let escrow = funds.escrow.take("funds.Escrow", problems).unwrap_or_default();
    let collateral = funds.collateral.take("funds.Collateral", problems).unwrap_or_default();
    let publish = funds.pub_msg.take("funds.PubMsg", problems).unwrap_or_default();
    let stats = stats.stats.take("transferStats.Stats", problems).unwrap_or_default();
    let stats = stats.take("transferStats.Stats", problems);
    let transfers = stats.into_iter().filter_map(|of| {
        let host = of.host.take("transferStats.Stats.Host", problems)?;
        let total = of.total.take("transferStats.Stats.Total", problems);
        Some((host, total, of.stalled.take("transferStats.Stats.Stalled", problems)))
    });
    Told {
        deals,
        queue,
        transfers: transfers.collect(),
        moved,
        funds: vec![
            ("escrow", "available", Big::take(escrow.available, "funds.Escrow.Available", problems)),
            ("escrow", "locked", Big::take(escrow.locked, "funds.Escrow.Locked", problems)),
            ("escrow", "tagged", Big::take(escrow.tagged, "funds.Escrow.Tagged", problems)),
            ("collateral", "available", Big::take(collateral.balance, "funds.Collateral.Balance", problems)),
            ("publish", "available", Big::take(publish.balance, "funds.PubMsg.Balance", problems)),
            ("publish", "tagged", Big::take(publish.tagged, "funds.PubMsg.Tagged", problems)),
        ],
        staging: vec![
            ("staged", Big::take(storage.staged, "storage.Staged", problems)),
            ("transferred", Big::take(storage.transferred, "storage.Transferred", problems)),
            ("pending", Big::take(storage.pending, "storage.Pending", problems)),
            ("free", Big::take(storage.free, "storage.Free", problems)),
        ],
        ask: vec![
            ("unverified", Big::take(ask.price, "storageAsk.Price", problems)),
            ("verified", Big::take(ask.verified_price, "storageAsk.VerifiedPrice", problems)),
        ],
    }
}

fn read_queue(answer: Publish, book: &AddressBook, problems: &mut Problems) -> Queue {
    let deals = answer.deals.take("dealPublish.Deals", problems).into_iter().map(|deal| {
        let created = deal.created_at.take("dealPublish.Deals.CreatedAt", problems);
        let bytes = Big::take(deal.piece_size, "dealPublish.Deals.PieceSize", problems);
        let bytes = bytes.and_then(|bytes| bytes.natural("dealPublish.Deals.PieceSize", problems));
        let mut text = |field: Field<String>, name| field.take(name, problems).unwrap_or_default();
        let client = text(deal.client_address, "dealPublish.Deals.ClientAddress");
        QueuedDeal {
            id: text(deal.id, "dealPublish.Deals.ID"),
            created_seconds: created.and_then(|Moment(seconds)| seconds),
            client_name: book.name(&[&client]).unwrap_or_default().to_owned(),
            client,
            bytes,
        }
    });
    let deals: Vec<QueuedDeal> = deals.collect();
    let start = answer.start.take("dealPublish.Start", problems).and_then(|Moment(seconds)| seconds);
    // In seconds, regardless of the unit in older Boosts' own configuration.
    let period = answer.period.take("dealPublish.Period", problems).map(|Int(seconds)| seconds as f64);
    let publish_seconds = start.zip(period).map(|(start, period)| start + period).filter(|_| !deals.is_empty());
    Queue { deals, publish_seconds }
}

/// The points; None if one of them is not a valid time, or more than any network carries in a second.
fn read_points(points: List<Point>, now: f64, problems: &mut Problems) -> Option<Vec<(f64, u64)>> {
    let count = points.0.len();
    let points = points.take("transfers", problems).into_iter().filter_map(|point| {
        let Moment(at) = point.at.take("transfers.At", problems)?;
        let bytes = Big::take(point.bytes, "transfers.Bytes", problems)?;
        let is_moment = |at: &f64| Unit::Time { days_ahead: 1 }.allows(*at, now);
        let Some(at) = at.filter(is_moment) else {
            problems.note("transfers.At: an impossible time");
            return None;
        };
        let bytes = bytes.natural("transfers.Bytes", problems)?;
        if bytes > MOST_BYTES_IN_A_SECOND {
            problems.note(format_args!("transfers.Bytes: {bytes} in a second"));
            return None;
        }
        Some((at, bytes))
    });
    Some(points.collect()).filter(|read: &Vec<_>| read.len() == count)
}
