//! The tree: the run, the nodes and the chain, with the miners, wallets and messages. docs/status.schema.json describes it as JSON.

use serde::Serialize;

use super::findings::{Finding, Note};
use super::miner::Miner;
use super::money::{Failed, Message, Senders, Stuck, Wallet};
use crate::expose::{Fact, Facts, Family, families as f};

/// Raised when a key changes its meaning or goes; new keys leave it.
const SCHEMA_VERSION: u32 = 1;

/// How things stand.
#[derive(Serialize)]
pub struct Standing {
    pub schema_version: u32,
    pub exporter_version: Option<String>,
    pub network: Option<String>,
    /// When the run ended. All ages are at this moment.
    pub timestamp_seconds: f64,
    pub run_duration_seconds: Option<f64>,
    pub run_timeout_seconds: Option<f64>,
    /// What is wrong by the alerts that need no history, the worst first.
    pub findings: Vec<Finding>,
    /// What may be wrong, which only history can show.
    #[serde(skip)]
    pub notes: Vec<Note>,
    /// What was judged, and is fine.
    #[serde(skip)]
    pub fine: Vec<Note>,
    /// What failed, and what to do.
    pub messages: Vec<String>,
    /// What is not wrong, and worth a line.
    pub remarks: Vec<String>,
    pub endpoints: Vec<Endpoint>,
    pub collectors: Vec<Collector>,
    pub truncated_rows: Vec<Truncated>,
    pub chain: Chain,
    pub miners: Vec<Miner>,
    pub wallets: Rows<Wallet>,
    pub pending_messages: Rows<Message>,
    #[serde(skip)]
    pub stuck_senders: Vec<Stuck>,
    #[serde(skip)]
    pub missing_nonces: Vec<Stuck>,
    #[serde(skip)]
    pub failed_messages: Vec<Failed>,
}

/// Rows, and whether all there are were heard: only then none means none.
#[derive(Serialize)]
pub struct Rows<T> {
    pub is_complete: bool,
    pub rows: Vec<T>,
}

/// A node.
#[derive(Serialize)]
pub struct Endpoint {
    pub endpoint: String,
    pub address: String,
    pub miner_id: Option<String>,
    pub is_up: bool,
}

/// A collector, and how it did.
#[derive(Serialize)]
pub struct Collector {
    pub collector: String,
    pub miner_id: Option<String>,
    pub cluster: Option<String>,
    pub is_success: bool,
    pub data_timestamp_seconds: Option<f64>,
}

/// Rows of a metric that `--max-rows` left out, of all miners together.
#[derive(Serialize)]
pub struct Truncated {
    pub metric: String,
    pub rows: f64,
}

/// The full node and its chain.
#[derive(Serialize)]
pub struct Chain {
    pub full_node_version: Option<String>,
    pub full_node_start_timestamp_seconds: Option<f64>,
    pub head_height_epochs: Option<f64>,
    #[serde(skip)]
    pub head_timestamp_seconds: Option<f64>,
    pub behind_clock_epochs: Option<f64>,
    pub behind_network_epochs: Option<f64>,
    pub peers: Option<f64>,
    pub base_fee_fil: Option<f64>,
    pub is_f3_running: Option<bool>,
    pub behind_f3_epochs: Option<f64>,
    pub network_power_quality_adjusted_bytes: Option<f64>,
    pub sector_pledge_fil: Option<f64>,
    /// Alerts of the full node's own that are active.
    pub lotus_alerts: Rows<String>,
}

impl Standing {
    /// Reads it, of these miners alone or, where none is named, of all.
    pub fn read(facts: &Facts, selected: &[String]) -> Standing {
        let timestamp_seconds = one(facts, &f::RUN_TIMESTAMP_SECONDS).unwrap_or_default();
        let collectors = collectors(facts);
        let ids = miner_ids(facts, &collectors, selected);
        let is_shown = |id: &Option<String>| id.as_ref().is_none_or(|id| ids.contains(id));
        let chain = Chain::read(facts);
        let miners: Vec<Miner> = ids.iter().map(|id| Miner::read(facts, id, &chain)).collect();
        let senders = (!selected.is_empty()).then(|| Senders::of(facts, &ids));
        Standing {
            schema_version: SCHEMA_VERSION,
            exporter_version: first(&facts.all(&f::BUILD_INFO)).map(|fact| fact.labels[0].clone()),
            network: first(&facts.all(&f::NETWORK_INFO)).map(|fact| fact.labels[0].clone()),
            timestamp_seconds,
            run_duration_seconds: one(facts, &f::RUN_DURATION_SECONDS),
            run_timeout_seconds: one(facts, &f::RUN_TIMEOUT_SECONDS),
            findings: Vec::new(),
            notes: Vec::new(),
            fine: Vec::new(),
            messages: Vec::new(),
            remarks: Vec::new(),
            endpoints: endpoints(facts).into_iter().filter(|endpoint| is_shown(&endpoint.miner_id)).collect(),
            collectors: collectors.into_iter().filter(|collector| is_shown(&collector.miner_id)).collect(),
            truncated_rows: truncated(facts),
            chain,
            wallets: Wallet::read(facts, senders.as_ref()),
            pending_messages: Message::read(facts, senders.as_ref()),
            stuck_senders: Stuck::read(facts, &f::MPOOL_LOCAL_MESSAGES_BELOW_BASE_FEE, senders.as_ref()),
            missing_nonces: Stuck::read(facts, &f::MPOOL_LOCAL_MISSING_NONCES, senders.as_ref()),
            failed_messages: Failed::read(facts, senders.as_ref()),
            miners,
        }
    }
}

impl Chain {
    fn read(facts: &Facts) -> Chain {
        let head = one(facts, &f::CHAIN_HEAD_HEIGHT);
        let final_of_f3 = facts.get(&f::CHAIN_FINALIZED_HEIGHT, ["f3"]);
        let alerts = facts.all(&f::DAEMON_ALERT_ACTIVE).into_iter().filter(|fact| is_so(fact.value));
        let pledges = facts.all(&f::NETWORK_SECTOR_PLEDGE_FIL);
        Chain {
            full_node_version: first(&facts.all(&f::DAEMON_INFO)).map(|fact| fact.labels[0].clone()),
            full_node_start_timestamp_seconds: one(facts, &f::DAEMON_START_TIME_SECONDS),
            head_height_epochs: head,
            head_timestamp_seconds: one(facts, &f::CHAIN_HEAD_TIMESTAMP_SECONDS),
            behind_clock_epochs: less(one(facts, &f::CHAIN_EXPECTED_HEIGHT), head),
            behind_network_epochs: one(facts, &f::CHAIN_BEHIND_EPOCHS),
            peers: one(facts, &f::DAEMON_PEERS),
            base_fee_fil: one(facts, &f::CHAIN_BASE_FEE_FIL),
            is_f3_running: one(facts, &f::F3_RUNNING).map(is_so),
            behind_f3_epochs: less(head, final_of_f3),
            network_power_quality_adjusted_bytes: facts.get(&f::NETWORK_POWER_BYTES, ["quality_adjusted"]),
            sector_pledge_fil: pledges.iter().map(|fact| fact.value).min_by(f64::total_cmp),
            lotus_alerts: Rows {
                is_complete: is_complete(facts, "alerts", ""),
                rows: alerts.map(|Fact { labels: [system, subsystem], .. }| format!("{system} {subsystem}")).collect(),
            },
        }
    }
}

/// Every miner that the run was about: each has a collector, whether that succeeded or not.
fn miner_ids(facts: &Facts, collectors: &[Collector], selected: &[String]) -> Vec<String> {
    let of_collectors = collectors.iter().filter_map(|collector| collector.miner_id.clone());
    let of_endpoints = endpoints(facts).into_iter().filter_map(|endpoint| endpoint.miner_id);
    let mut ids: Vec<String> = of_collectors.chain(of_endpoints).collect();
    ids.sort_by_key(|id| (id.len(), id.clone()));
    ids.dedup();
    ids.retain(|id| selected.is_empty() || selected.iter().any(|other| crate::lotus::address::same(id, other)));
    ids
}

fn endpoints(facts: &Facts) -> Vec<Endpoint> {
    let endpoint = |Fact { labels: [endpoint, address, miner_id], value }| Endpoint {
        endpoint,
        address,
        miner_id: known(miner_id),
        is_up: is_so(value),
    };
    facts.all(&f::ENDPOINT_UP).into_iter().map(endpoint).collect()
}

fn collectors(facts: &Facts) -> Vec<Collector> {
    let dates = facts.all(&f::COLLECTOR_DATA_TIMESTAMP_SECONDS);
    let collector = |fact: Fact<3>| {
        let data_timestamp_seconds = dates.iter().find(|date| date.labels == fact.labels).map(|date| date.value);
        let [collector, miner_id, cluster] = fact.labels;
        let (miner_id, cluster) = (known(miner_id), known(cluster));
        Collector { collector, miner_id, cluster, is_success: is_so(fact.value), data_timestamp_seconds }
    };
    facts.all(&f::COLLECTOR_SUCCESS).into_iter().map(collector).collect()
}

fn truncated(facts: &Facts) -> Vec<Truncated> {
    let rows = facts.all(&f::TRUNCATED_ROWS).into_iter().filter(|fact| fact.value > 0.0);
    rows.map(|Fact { labels: [metric], value }| Truncated { metric, rows: value }).collect()
}

/// The value of a family without labels.
pub fn one(facts: &Facts, family: &Family<0>) -> Option<f64> {
    facts.get(family, [])
}

/// What one is less another, where both are known.
pub fn less(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(one? - other?)
}

/// A label, if it is not empty.
pub fn known(label: String) -> Option<String> {
    Some(label).filter(|label| !label.is_empty())
}

/// Whether a 0 or 1 says so.
pub fn is_so(value: f64) -> bool {
    value != 0.0
}

/// Whether a collector got everything that it asked for, and that of Curio which brings the same, if the miner has one.
pub fn is_complete(facts: &Facts, collector: &str, miner_id: &str) -> bool {
    let of_curio = match collector {
        "workers" => "curio_machines",
        "jobs" | "scheduler" => "curio_tasks",
        "storage" => "curio_storage",
        "storage_paths" => "curio_storage_files",
        _ => collector,
    };
    let mut of = facts
        .all(&f::COLLECTOR_SUCCESS)
        .into_iter()
        .filter(|Fact { labels: [name, miner, _], .. }| miner == miner_id && (name == collector || name == of_curio));
    of.next().is_some_and(|first| is_so(first.value) && of.all(|other| is_so(other.value)))
}

fn first<const N: usize>(facts: &[Fact<N>]) -> Option<&Fact<N>> {
    facts.first()
}
