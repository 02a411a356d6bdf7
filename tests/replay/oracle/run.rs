//! What a run reports about itself: not the nodes' data, but how asking them went.

use std::collections::BTreeSet;

use super::Span;
use crate::expected::Expected;
use crate::nodes::{Book, Devnet, NOT_FOUND};
use crate::support::Metrics;

/// The time budget that the test gives a run.
pub const TIMEOUT_SECONDS: f64 = 55.0;

/// Families of which each series is about one thing, so that they have a limit.
const ROWS: [&str; 21] = [
    "farcaster_miner_faulty_sector",
    "farcaster_miner_job_start_timestamp_seconds",
    "farcaster_miner_pipeline_piece_bytes",
    "farcaster_miner_pipeline_sector_created_timestamp_seconds",
    "farcaster_miner_pipeline_sector_deal_start_timestamp_seconds",
    "farcaster_miner_pipeline_sector_packed_timestamp_seconds",
    "farcaster_miner_pipeline_sector_precommit_expiry_timestamp_seconds",
    "farcaster_miner_pipeline_sector_ticket_expiry_timestamp_seconds",
    "farcaster_miner_pipeline_sector_error_info",
    "farcaster_miner_pipeline_sector_progress_timestamp_seconds",
    "farcaster_miner_pipeline_sector_retries",
    "farcaster_miner_pipeline_sector_state_timestamp_seconds",
    "farcaster_miner_scheduler_queued_sector",
    "farcaster_mpool_local_message_first_seen_timestamp_seconds",
    "farcaster_mpool_local_message_gas_fee_cap_fil",
    "farcaster_mpool_local_message_gas_limit",
    "farcaster_mpool_local_message_gas_premium_fil",
    "farcaster_mpool_local_message_value_fil",
    "farcaster_boost_publish_queue_deal_bytes",
    "farcaster_boost_transfers",
    "farcaster_boost_transfers_stalled",
];

/// Which collectors there are is taken from what is published: each of them must have succeeded.
pub fn expect(devnet: &Devnet, book: &Book, published: &Metrics, ran: Span, expected: &mut Expected) {
    for family in ROWS.iter().filter(|family| published.0.keys().any(|(name, _)| name == *family)) {
        expected.add("farcaster_truncated_rows", &[("family", family)], 0.0);
    }
    let commit = published.label("farcaster_build_info", "commit").first().copied().unwrap_or_default();
    let version = [("version", env!("CARGO_PKG_VERSION")), ("commit", commit)];
    expected.add("farcaster_build_info", &version, 1.0);
    let miners = devnet.miners.iter().zip(super::MINERS).map(|(node, (_, miner_id))| ("miner", node, miner_id));
    for (endpoint, node, miner_id) in miners.chain([("daemon", &devnet.daemon, "")]) {
        let address = format!("127.0.0.1:{}", node.port);
        let labels = [("endpoint", endpoint), ("address", address.as_str()), ("miner_id", miner_id)];
        expected.add("farcaster_endpoint_up", &labels, 1.0);
    }
    let took = 0.0..=ran.to - ran.from;
    expected.add_within("farcaster_run_timestamp_seconds", &[], ran.from..=ran.to);
    expected.add_within("farcaster_run_duration_seconds", &[], took.clone());
    expected.add("farcaster_run_timeout_seconds", &[], TIMEOUT_SECONDS);
    for endpoint in ["daemon", "miner"] {
        let labels = [("endpoint", endpoint)];
        let is_of = |node: &str| node.starts_with(endpoint);
        let calls = book.calls.iter().filter(|call| is_of(call.node));
        let (calls, errors) = calls.fold((0, 0), |(calls, errors), call| {
            (calls + 1, errors + u32::from(call.error_code.is_some_and(|code| code != NOT_FOUND)))
        });
        let replies: Vec<usize> =
            book.replies.iter().filter(|(node, _)| is_of(node)).map(|(_, bytes)| *bytes).collect();
        expected.add("farcaster_run_rpc_calls", &labels, f64::from(calls));
        expected.add("farcaster_run_rpc_errors", &labels, f64::from(errors));
        expected.add("farcaster_run_rpc_requests", &labels, replies.len() as f64);
        expected.add("farcaster_run_rpc_received_bytes", &labels, replies.iter().sum::<usize>() as f64);
    }
    let collectors: BTreeSet<(&str, &str)> = published
        .family("farcaster_collector_success")
        .into_iter()
        .map(|(labels, _)| (labels["collector"].as_str(), labels["miner_id"].as_str()))
        .collect();
    for (collector, miner_id) in collectors {
        // The devnet has no Curio.
        let labels = [("collector", collector), ("miner_id", miner_id), ("cluster", "")];
        expected.add("farcaster_collector_success", &labels, 1.0);
        expected.add_within("farcaster_collector_duration_seconds", &labels, took.clone());
        expected.add_within("farcaster_collector_data_timestamp_seconds", &labels, ran.from..=ran.to);
    }
}
