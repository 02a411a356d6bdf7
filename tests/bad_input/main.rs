//! Bad input, one test for each: whatever a node answers, or fails to, the run succeeds, its text is valid, what failed is missing and
//! reported on stderr, and everything else is still there.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod blocks;
mod content;
mod endpoints;
mod forecast;
mod hostile;
mod kinds;
mod large;
mod messages;
mod nulls;
mod older;
mod replies;
mod slow_method;
mod slow_tier;
mod storage;
mod types;

use std::collections::BTreeMap;

use support::Metrics;

/// Everything in `before` is still there, with the same value, except for these collectors and what a clock or the cost of a run changes.
/// A collector is `name` for the full node's, `name f01234` for a miner's.
fn assert_others_unharmed(before: &Metrics, after: &Metrics, harmed: &[&str]) {
    for (key @ (name, labels), value) in &before.0 {
        let found = after.0.get(key);
        if found != Some(value) {
            let collector = collector_of_series(key, labels.get("miner_id").map(String::as_str));
            let is_expected = collector.is_empty() || harmed.contains(&collector.as_str());
            assert!(is_expected, "{name}{labels:?} of {collector} is {found:?}, though only {harmed:?} are harmed");
        }
    }
}

/// No series of `before` has another value in `after`: what is wrong may be missing, but not be wrong.
fn assert_nothing_made_up(before: &Metrics, after: &Metrics) {
    for (key @ (name, labels), value) in &before.0 {
        let is_other = |found: &&f64| *found != value;
        if let Some(found) = after.0.get(key).filter(is_other) {
            assert!(collector_of(name, None).is_empty(), "{name}{labels:?} is {found}, not {value}");
        }
    }
}

/// The collector of a series, some of which their kind tells apart.
fn collector_of_series((name, labels): &(String, BTreeMap<String, String>), miner_id: Option<&str>) -> String {
    collector_of(&format!("{name} {}", labels.get("kind").map_or("", String::as_str)), miner_id)
}

/// The collector of a family, as far as tests need to know; empty for what differs from run to run.
fn collector_of(family: &str, miner_id: Option<&str>) -> String {
    const BY_PREFIX: &[(&str, &str)] = &[
        ("farcaster_daemon_alert", "alerts"),
        ("farcaster_daemon", "daemon"),
        ("farcaster_network_version", "daemon"),
        ("farcaster_network_sector_pledge", "gas"),
        ("farcaster_network_upgrade", "chain"),
        ("farcaster_network_epochs", "blocks"),
        ("farcaster_network_blocks", "blocks"),
        ("farcaster_network_wins", "blocks"),
        ("farcaster_network_messages", "messages"),
        ("farcaster_gas", "gas"),
        ("farcaster_network", "network"),
        ("farcaster_chain_expected", ""),
        ("farcaster_chain", "chain"),
        ("farcaster_f3", "f3"),
        ("farcaster_mpool_local_message_first_seen", ""),
        ("farcaster_mpool", "mpool"),
        ("farcaster_message", "messages"),
        ("farcaster_wallet", "wallets"),
        ("farcaster_miner_alert", "alerts"),
        ("farcaster_miner_info", "identity"),
        ("farcaster_miner_address", "identity"),
        ("farcaster_miner_pending", "identity"),
        ("farcaster_miner_worker_change", "identity"),
        ("farcaster_miner_consensus_fault", "identity"),
        ("farcaster_miner_sector_size", "identity"),
        ("farcaster_miner_start_time", "process"),
        ("farcaster_miner_power", "power"),
        ("farcaster_miner_has_min_power", "power"),
        ("farcaster_miner_mining", "power"),
        // Grows with every run until the walk has caught up.
        ("farcaster_miner_expected_wins_total", ""),
        ("farcaster_miner_expected_wins", "power"),
        ("farcaster_miner_blocks", "blocks"),
        ("farcaster_miner_wins", "blocks"),
        ("farcaster_miner_rewards", "blocks"),
        ("farcaster_miner_gas_rewards", "blocks"),
        ("farcaster_miner_last_block", "blocks"),
        ("farcaster_miner_f3", "f3"),
        ("farcaster_miner_balance", "balances"),
        ("farcaster_miner_available", "balances"),
        ("farcaster_miner_fee_debt", "balances"),
        ("farcaster_miner_locked", "balances"),
        ("farcaster_miner_market", "balances"),
        ("farcaster_miner_release_fil vesting", "vesting"),
        ("farcaster_miner_release_fil", "sectors_on_chain"),
        ("farcaster_miner_expired", "expired_sectors"),
        ("farcaster_miner_missing", "missing_sectors"),
        ("farcaster_miner_sectors_by_content", "sectors_on_chain"),
        ("farcaster_miner_sectors_by_quality", "sectors_on_chain"),
        ("farcaster_miner_quality", "sectors_on_chain"),
        ("farcaster_miner_upgraded", "sectors_on_chain"),
        ("farcaster_miner_expiring", "sectors_on_chain"),
        ("farcaster_miner_sectors", "sectors"),
        ("farcaster_miner_sealing_duration", "pipeline"),
        ("farcaster_miner_task", "jobs"),
        ("farcaster_miner_pipeline", "pipeline"),
        ("farcaster_miner_job", "jobs"),
        ("farcaster_miner_scheduler", "scheduler"),
        ("farcaster_worker", "workers"),
        ("farcaster_storage_info", "storage_paths"),
        ("farcaster_storage_weight", "storage_paths"),
        ("farcaster_storage_can", "storage_paths"),
        ("farcaster_storage_detached", "storage_paths"),
        ("farcaster_storage_sector_files", "storage_paths"),
        ("farcaster_storage", "storage"),
        ("farcaster_miner_daily_fee", "deadlines"),
        ("farcaster_miner_deadline", "deadlines"),
        ("farcaster_miner_live", "deadlines"),
        ("farcaster_miner_active", "deadlines"),
        ("farcaster_miner_faulty", "deadlines"),
        ("farcaster_miner_recovering", "deadlines"),
        ("farcaster_build_info", ""),
        ("farcaster_endpoint", ""),
        ("farcaster_collector", ""),
        ("farcaster_run", ""),
        ("farcaster_truncated", ""),
    ];
    let found = BY_PREFIX.iter().find(|(prefix, _)| family.starts_with(prefix));
    let (_, collector) = found.unwrap_or_else(|| panic!("which collector makes {family}?"));
    match miner_id {
        // These ask once for all miners.
        Some(id) if !["", "f3", "blocks", "messages"].contains(collector) => format!("{collector} {id}"),
        _ => (*collector).to_owned(),
    }
}
