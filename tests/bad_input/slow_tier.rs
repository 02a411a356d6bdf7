//! Data that is collected rarely, when it cannot be collected: the last figures remain, with their age.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Farm, MINER, Metrics, OTHER};

const OF_THE_CHAIN: [&str; 4] = [
    "farcaster_miner_sectors_by_content",
    "farcaster_miner_upgraded_sectors",
    "farcaster_miner_expiring_sectors",
    "farcaster_miner_expiring_pledge_fil",
];

fn figures(metrics: &Metrics) -> Vec<Vec<f64>> {
    OF_THE_CHAIN.iter().map(|family| metrics.values(family, &[("miner_id", MINER)])).collect()
}

fn obtained(metrics: &Metrics, collector: &str) -> Option<f64> {
    let labels = [("collector", collector), ("miner_id", MINER)];
    metrics.value("farcaster_collector_data_timestamp_seconds", &labels)
}

#[test]
fn a_chunk_that_fails() {
    let farm = Farm::start();
    let exporter = farm.exporter().args(&["--slow-interval", "1s"]);
    let (first, stderr) = exporter.collect();
    assert_eq!((stderr.as_str(), first.failed()), ("", vec![]));
    let since = obtained(&first, "sectors_on_chain");
    sleep(Duration::from_millis(1100));

    let one_less = farm.daemon.result_of("StateMinerSectors", json!([MINER, [1, 19], null]));
    let failures =
        [Answer::Error(1, "no such tipset".to_owned()), Answer::Result(Value::Null), Answer::Result(one_less)];
    for answer in failures {
        farm.daemon.answer_to("StateMinerSectors", json!([MINER]), answer);
        let (after, stderr) = exporter.collect();
        assert_eq!(after.failed(), [format!("sectors_on_chain {MINER}")]);
        assert!(stderr.contains("StateMinerSectors"), "{stderr}");
        assert_eq!(figures(&after), figures(&first));
        assert_eq!(obtained(&after, "sectors_on_chain"), since, "nothing old is shown as new");
        assert_eq!(after.success("sectors_on_chain", OTHER), Some(true));
    }
    farm.daemon.restore();
    let (after, stderr) = exporter.collect();
    assert_eq!((stderr.as_str(), after.failed()), ("", vec![]));
    assert_eq!(figures(&after), figures(&first));
    assert!(obtained(&after, "sectors_on_chain") > since);
}

#[test]
fn figures_that_are_too_old() {
    let farm = Farm::start();
    let exporter = farm.exporter().args(&["--slow-interval", "200ms"]);
    let (first, _) = exporter.collect();
    assert!(first.has("farcaster_storage_sector_files", &[]) && first.has("farcaster_miner_expired_sectors", &[]));
    sleep(Duration::from_millis(1000));
    farm.daemon.answer("StateMinerSectors", Answer::Error(1, "busy".to_owned()));
    farm.miner.answer("StorageList", Answer::Error(1, "busy".to_owned()));
    farm.miner.answer("SectorsListInStates", Answer::Error(1, "busy".to_owned()));
    let (after, stderr) = exporter.collect();
    let failed = ["expired_sectors", "sectors_on_chain", "storage_paths"].map(|name| format!("{name} {MINER}"));
    assert!(failed.iter().all(|collector| after.failed().contains(collector)), "{stderr}");
    for family in OF_THE_CHAIN.iter().chain(&["farcaster_storage_sector_files", "farcaster_miner_expired_sectors"]) {
        assert!(!after.has(family, &[("miner_id", MINER)]), "{family}");
    }
    assert!(after.has("farcaster_storage_up", &[("miner_id", MINER)]), "the paths themselves stay");
}

/// The data's time is not a sign of life: a collector that got nothing, or only a part, has no new data.
#[test]
fn a_failed_collector_does_not_have_the_present_time() {
    let farm = Farm::start();
    let timed = |metrics: &Metrics| {
        let times = metrics.family("farcaster_collector_data_timestamp_seconds").into_iter();
        times.map(|(labels, _)| format!("{} {}", labels["collector"], labels["miner_id"])).collect::<BTreeSet<_>>()
    };
    let (before, _) = farm.exporter().collect();
    let busy = || Answer::Error(1, "busy".to_owned());
    // All that `balances` asks for, and a part of what `daemon`, `deadlines` and `pipeline` do.
    for method in ["StateReadState", "StateMinerAvailableBalance", "StateMarketBalance"] {
        farm.daemon.answer_to(method, json!([MINER]), busy());
    }
    farm.daemon.answer("NetPeers", busy()).answer_to("StateMinerPartitions", json!([MINER, 3]), busy());
    farm.miner.answer("SectorsStatus", busy());
    let (after, stderr) = farm.exporter().collect();
    let failed = ["daemon ", "balances f01234", "deadlines f01234", "pipeline f01234"].map(str::to_owned);
    for collector in &failed {
        assert!(after.failed().contains(&collector.trim().to_owned()), "{collector}: {stderr}");
        assert!(timed(&before).contains(collector) && !timed(&after).contains(collector), "{collector}");
    }
    assert!(!after.has("farcaster_miner_balance_fil", &[("miner_id", MINER)]));
    assert!(after.has("farcaster_daemon_start_time_seconds", &[]), "what was obtained is there");
    for collector in timed(&before) {
        let is_failed = after.failed().contains(&collector.trim().to_owned());
        assert_eq!(timed(&after).contains(&collector), !is_failed, "{collector}");
    }
}
