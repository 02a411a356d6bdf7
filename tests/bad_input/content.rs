//! Answers of the right shape with odd content.

use serde_json::{Value, json};

use crate::assert_others_unharmed;
use crate::support::{Answer, Farm, MINER, Metrics, OTHER};

const WORKER: &str = "ef8d99a2-6865-4189-8ffa-9fef0f800000";
const STORAGE: &str = "76f1988b-ef30-4d7e-b3ec-9a627f4ba000";

/// Collects; nothing may fail.
fn collect(farm: &Farm) -> Metrics {
    let (metrics, stderr) = farm.exporter().collect();
    assert_eq!((stderr.as_str(), metrics.failed()), ("", vec![]));
    metrics
}

#[test]
fn a_sector_with_an_empty_log() {
    let farm = Farm::start();
    farm.miner.change("SectorsStatus", json!([24]), "/Log", json!([]));
    let metrics = collect(&farm);
    let sector = [("sector", "24")];
    assert!(!metrics.has("farcaster_miner_pipeline_sector_state_timestamp_seconds", &sector));
    assert!(!metrics.has("farcaster_miner_pipeline_sector_created_timestamp_seconds", &sector));
    assert_eq!(metrics.value("farcaster_miner_pipeline_sector_retries", &sector), Some(0.0));
}

#[test]
fn no_power_anywhere() {
    let zero = json!({"RawBytePower": "0", "QualityAdjPower": "0"});
    for (has_min_power, expected_wins) in [(true, None), (false, Some(0.0))] {
        let farm = Farm::start();
        let power = json!({"MinerPower": zero, "TotalPower": zero, "HasMinPower": has_min_power});
        farm.daemon.answer_to("StateMinerPower", json!([MINER]), Answer::Result(power));
        let metrics = collect(&farm);
        let miner = [("miner_id", MINER)];
        assert_eq!(metrics.values("farcaster_miner_power_bytes", &miner), [0.0, 0.0]);
        assert_eq!(metrics.value("farcaster_miner_expected_wins_per_day", &miner), expected_wins);
    }
}

#[test]
fn an_owner_without_a_key() {
    let farm = Farm::start();
    let metrics = collect(&farm);
    let owner = [("miner_id", OTHER), ("role", "owner"), ("id_address", "f09001"), ("address", "f09001")];
    assert_eq!(metrics.value("farcaster_miner_address_info", &owner), Some(1.0));
    assert_eq!(metrics.value("farcaster_wallet_balance_fil", &[("address", "f09001")]), Some(1000.0));
}

#[test]
fn a_miner_without_power_at_the_lookback() {
    let farm = Farm::start();
    farm.daemon.result("MinerGetBaseInfo", Value::Null);
    let (metrics, _) = farm.exporter().collect();
    assert!(metrics.failed().is_empty());
    assert!(!metrics.has("farcaster_miner_mining_eligible", &[]));
    assert!(metrics.has("farcaster_miner_power_bytes", &[("miner_id", MINER)]));
}

#[test]
fn a_worker_that_does_not_know_its_gpus() {
    let farm = Farm::start();
    farm.miner.change("WorkerStats", json!([]), &format!("/{WORKER}/Info/Resources/GPUs"), Value::Null);
    let metrics = collect(&farm);
    let worker = [("worker", WORKER)];
    assert!(!metrics.has("farcaster_worker_gpus", &worker));
    assert_eq!(metrics.value("farcaster_worker_info", &[("worker", WORKER), ("gpus", "")]), Some(1.0));
    assert_eq!(metrics.value("farcaster_worker_cpus", &worker), Some(64.0));
}

#[test]
fn an_unknown_sector_state() {
    let farm = Farm::start();
    farm.miner.result("SectorsSummary", json!({"Proving": 20, "Hibernating": 1}));
    farm.miner.result("SectorsListInStates", json!([99]));
    let status =
        json!({"State": "Hibernating", "Log": [{"Kind": "event;sealing.SectorSleep", "Timestamp": 1_795_000_007}]});
    farm.miner.answer_to("SectorsStatus", json!([99]), Answer::Result(status));
    let metrics = collect(&farm);
    let sectors = [("miner_id", MINER), ("state", "Hibernating"), ("phase", "error")];
    assert_eq!(metrics.value("farcaster_miner_sectors", &sectors), Some(1.0));
    let sector = [("sector", "99"), ("state", "Hibernating"), ("phase", "error")];
    assert_eq!(
        metrics.value("farcaster_miner_pipeline_sector_state_timestamp_seconds", &sector),
        Some(1_795_000_007.0)
    );
    let calls = farm.miner.calls();
    let asks_for_it = |(method, params): &(String, Value)| {
        method == "SectorsListInStates" && params[0].as_array().unwrap().contains(&json!("Hibernating"))
    };
    assert!(calls.iter().any(asks_for_it), "{calls:?}");
}

#[test]
fn a_worker_without_a_host() {
    for no_host in [json!({"Hostname": ""}), json!({"Hostname": null}), json!({})] {
        let farm = Farm::start();
        farm.miner.change("WorkerStats", json!([]), &format!("/{WORKER}/Info"), no_host);
        let metrics = collect(&farm);
        assert_eq!(metrics.value("farcaster_worker_info", &[("worker", WORKER), ("worker_host", "")]), Some(1.0));
        assert_eq!(metrics.value("farcaster_worker_cpus_used", &[("worker", WORKER)]), Some(13.0));
        let job = [("worker", WORKER), ("sector", "24"), ("worker_host", "")];
        assert!(metrics.has("farcaster_miner_job_start_timestamp_seconds", &job));
    }
}

#[test]
fn two_workers_on_one_host() {
    let metrics = collect(&Farm::start());
    let mut cpus = metrics.values("farcaster_worker_cpus", &[("worker_host", "sealer-1")]);
    cpus.sort_by(f64::total_cmp);
    assert_eq!(cpus, [32.0, 64.0]);
}

/// Names that would end a label, a line or a text.
#[test]
fn hostile_names() {
    let name = "a\"b\\c\nd\u{0}e\r\tf{g}=\u{1F980}";
    let farm = Farm::start();
    farm.miner.change("WorkerStats", json!([]), &format!("/{WORKER}/Info/Hostname"), json!(name));
    farm.miner.change("StorageLocal", json!([]), &format!("/{STORAGE}"), json!(name));
    farm.miner.change("SectorsStatus", json!([27]), "/Log/14/Trace", json!(name));
    farm.miner.result("SectorsSummary", json!({name: 1}));
    farm.daemon.change("Version", json!([]), "/Agent", json!(name));
    farm.daemon.change("NetBandwidthStatsByProtocol", json!([]), "/~1meshsub~11.1.0", json!({"TotalIn": 1}));
    farm.daemon.result("NetBandwidthStatsByProtocol", json!({name: {"TotalIn": 1, "TotalOut": 2}}));
    let book = json!({"names": {"f0100": name}});
    let exporter = farm.exporter();
    let path = exporter.home().join("book.json");
    std::fs::write(&path, book.to_string()).unwrap();
    let (metrics, stderr) = exporter.arg("--addresses").arg(path).collect();
    assert_eq!((stderr.as_str(), metrics.failed()), ("", vec![]));

    assert!(metrics.has("farcaster_worker_info", &[("worker_host", name)]));
    assert!(metrics.has("farcaster_storage_info", &[("path", name)]));
    assert!(metrics.has("farcaster_miner_pipeline_sector_error_info", &[("error", "a\"b\\c")]), "the first line");
    assert!(metrics.has("farcaster_miner_sectors", &[("state", name)]));
    assert!(metrics.has("farcaster_daemon_info", &[("agent", name)]));
    assert!(metrics.has("farcaster_daemon_protocol_receive_bytes_total", &[("protocol", name)]));
    assert!(metrics.has("farcaster_wallet_balance_fil", &[("id_address", "f0100"), ("name", name)]));
}

/// A node must neither control the operator's terminal nor fill the log.
#[test]
fn hostile_errors() {
    let farm = Farm::start();
    let message = format!("\u{1b}[2Jgone\r\nlotus-exporter-farcaster: all is well\u{0}{}", "x".repeat(10_000));
    farm.daemon.answer("StateMinerPower", Answer::Error(1, message));
    let (metrics, stderr) = farm.exporter().collect();
    assert_eq!(metrics.failed(), [format!("power {MINER}"), format!("power {OTHER}")]);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("StateMinerPower: the node answered \"[2Jgone\""), "{stderr}");
    assert!(!stderr.lines().any(|line| line.contains(char::is_control)), "{stderr:?}");

    farm.daemon.answer("StateMinerPower", Answer::Error(1, "x".repeat(10_000)));
    farm.miner.change("StorageLocal", json!([]), "/\u{1b}[2J\nall is well", json!("/mnt"));
    let (_, stderr) = farm.exporter().collect();
    assert!(stderr.contains("storage path [2Jall is well: "), "{stderr}");
    assert!(stderr.lines().all(|line| line.len() < 400 && !line.contains(char::is_control)), "{stderr:?}");
    assert!(stderr.lines().all(|line| line.starts_with("lotus-exporter-farcaster: ")), "{stderr}");
}

#[test]
fn a_label_of_a_megabyte() {
    let farm = Farm::start();
    farm.miner.change("WorkerStats", json!([]), &format!("/{WORKER}/Info/Hostname"), json!("h".repeat(1_000_000)));
    let metrics = collect(&farm);
    assert!(metrics.label("farcaster_worker_info", "worker_host").iter().all(|host| host.len() <= 256));
}

/// Lotus writes large numbers as strings and small ones as numbers, and its versions differ on which are which.
#[test]
fn numbers_as_strings_and_strings_as_numbers() {
    let farm = Farm::start();
    let before = collect(&farm);
    for field in ["CPUs", "MemPhysical", "MemUsed"] {
        let text = json!(format!("{}", 64));
        farm.miner.change("WorkerStats", json!([]), &format!("/{WORKER}/Info/Resources/{field}"), text);
    }
    farm.miner.result("SectorsSummary", json!({"Proving": "20"}));
    farm.miner.change("StorageStat", json!([STORAGE]), "/Capacity", json!("96000000000000"));
    farm.miner.change("StorageInfo", json!([STORAGE]), "/Weight", json!("10"));
    farm.daemon.change("StateMinerPower", json!([MINER]), "/MinerPower/RawBytePower", json!(652_835_028_992_u64));
    farm.daemon.change("StateMinerInfo", json!([MINER]), "/SectorSize", json!("34359738368"));
    farm.daemon.change("NetBandwidthStats", json!([]), "/TotalIn", json!("123456789012"));
    farm.daemon.answer_to("StateMinerAvailableBalance", json!([OTHER]), Answer::Raw("9500000000000000000".to_owned()));
    let after = collect(&farm);
    assert_eq!(after.value("farcaster_worker_memory_used_at_connect_bytes", &[("worker", WORKER)]), Some(64.0));
    assert_eq!(after.value("farcaster_miner_sectors", &[("miner_id", MINER)]), Some(20.0));
    assert_others_unharmed(&before, &after, &[&format!("workers {MINER}"), &format!("sectors {MINER}")]);
}

#[test]
fn a_bad_element_leaves_the_others() {
    let farm = Farm::start();
    let before = collect(&farm);
    farm.miner.change("WorkerStats", json!([]), &format!("/{WORKER}"), json!("surprise"));
    farm.miner.change("WorkerJobs", json!([]), &format!("/{WORKER}/0/Sector"), json!({"Number": "none"}));
    farm.miner.change("SealingSchedDiag", json!([false]), "/SchedInfo/Requests/0", json!(7));
    farm.miner.change("LogAlerts", json!([]), "/0/Active", json!("yes"));
    farm.daemon.change("LogAlerts", json!([]), "/0/Type", json!(null));
    farm.daemon.change("MpoolPending", json!([]), "/0/Message/Nonce", json!([]));
    farm.daemon.change("StateMinerInfo", json!([MINER]), "/ControlAddresses/0", json!(102));
    farm.daemon.change("StateMinerDeadlines", json!([MINER]), "/3/DailyFee", json!("much"));
    let (after, stderr) = farm.exporter().collect();
    let of = |collector: &str| format!("{collector} {MINER}");
    let mut failed = ["workers", "jobs", "scheduler", "alerts", "identity", "deadlines"].map(of).to_vec();
    failed.extend(["alerts", "mpool"].map(str::to_owned));
    failed.sort();
    assert_eq!(after.failed(), failed);
    for said in [
        "WorkerStats[\"ef8d99a2-6865-4189-8ffa-9fef0f800000\"]: ",
        "WorkerJobs[ef8d99a2-6865-4189-8ffa-9fef0f800000].Sector: ",
        "SealingSchedDiag.SchedInfo.Requests[0]: ",
        "LogAlerts[0]: ",
        "MpoolPending: 1 messages",
        "StateMinerInfo.ControlAddresses[0]: ",
        "StateMinerDeadlines.DailyFee: ",
    ] {
        assert!(stderr.contains(said), "{said} is missing: {stderr}");
    }
    let count = |metrics: &Metrics, family| metrics.values(family, &[("miner_id", MINER)]).len();
    for (family, lost) in [
        ("farcaster_worker_info", 1),
        ("farcaster_miner_job_start_timestamp_seconds", 1),
        ("farcaster_miner_scheduler_queued_sector", 1),
        ("farcaster_miner_alert_active", 1),
        ("farcaster_miner_address_info", 1),
        ("farcaster_miner_deadline_daily_fee_fil", 1),
        ("farcaster_miner_daily_fee_fil", 1),
        ("farcaster_miner_deadline_live_sectors", 0),
    ] {
        assert_eq!(count(&after, family) + lost, count(&before, family), "{family}");
    }
    assert_eq!(after.family("farcaster_mpool_local_message_gas_limit").len(), 4);
}

/// Lotus may name a sector or a job twice.
#[test]
fn duplicates_count_once() {
    let farm = Farm::start();
    farm.miner.result("SectorsListInStates", json!([24, 24, 25, 25]));
    let metrics = collect(&farm);
    assert_eq!(metrics.value("farcaster_miner_expired_sectors", &[("miner_id", MINER)]), Some(2.0), "24 and 25");
}

/// A series that came twice would make node_exporter drop the whole file.
#[test]
fn a_series_that_would_appear_twice() {
    let farm = Farm::start();
    let before = collect(&farm);
    let job = farm.miner.result_of("WorkerJobs", json!([]))[WORKER][0].take();
    farm.miner.change("WorkerJobs", json!([]), &format!("/{WORKER}/1"), job);
    let (after, stderr) = farm.exporter().collect();
    assert!(
        stderr.contains("farcaster_miner_job_start_timestamp_seconds{") && stderr.contains("appeared twice"),
        "{stderr}"
    );
    assert!(after.failed().is_empty());
    assert_others_unharmed(&before, &after, &[&format!("jobs {MINER}")]);
}

/// What could not be read does not count as known: the next run asks again, although little is asked for twice.
#[test]
fn what_failed_is_asked_again() {
    let farm = Farm::start();
    let exporter = farm.exporter();
    farm.miner.answer_to("StorageInfo", json!([STORAGE]), Answer::Error(1, "try again".to_owned()));
    farm.miner.change("SectorsStatus", json!([24]), "/Log/1/Timestamp", json!("late"));
    let (first, _) = exporter.collect();
    assert_eq!(first.failed(), [format!("pipeline {MINER}"), format!("storage_paths {MINER}")]);
    assert!(!first.has("farcaster_miner_pipeline_sector_retries", &[("sector", "24")]));
    assert!(!first.has("farcaster_storage_weight", &[("storage_id", STORAGE)]));
    assert_eq!(first.value("farcaster_storage_up", &[("storage_id", STORAGE)]), Some(1.0));

    farm.miner.restore();
    let asked_before = farm.miner.calls().len();
    let (second, stderr) = exporter.collect();
    assert_eq!((stderr.as_str(), second.failed()), ("", vec![]));
    assert!(second.has("farcaster_miner_pipeline_sector_retries", &[("sector", "24")]));
    assert_eq!(second.value("farcaster_storage_weight", &[("storage_id", STORAGE)]), Some(10.0));
    let calls = farm.miner.calls().split_off(asked_before);
    let count = |name| calls.iter().filter(|(method, _)| method == name).count();
    assert_eq!((count("SectorsStatus"), count("StorageInfo"), count("StorageList")), (1, 1, 0));
}

/// Numbers at the limits of their types. None of them may stop the run, or turn into a different one.
#[test]
fn numbers_at_the_limits_of_their_types() {
    let farm = Farm::start();
    let before = collect(&farm);
    let all = [0, u64::MAX];
    let partition = json!({"AllSectors": all, "LiveSectors": all, "ActiveSectors": all, "FaultySectors": all, "RecoveringSectors": null});
    for deadline in [3, 16] {
        let partitions = Answer::Result(json!([partition]));
        farm.daemon.answer_to("StateMinerPartitions", json!([MINER, deadline]), partitions);
    }
    farm.daemon.change("StateMinerProvingDeadline", json!([MINER]), "/Open", json!(i64::MAX));
    farm.daemon.change("ChainHead", json!([]), "/Height", json!(i64::MAX));
    farm.daemon.result("MinerGetBaseInfo", Value::Null);
    farm.daemon.result("StateGetNetworkParams", json!({"BlockDelaySecs": i64::MAX, "GenesisTimestamp": i64::MAX}));
    farm.daemon.change("StateMinerPower", json!([MINER]), "/MinerPower/RawBytePower", json!("9".repeat(38)));
    farm.daemon.change("MpoolPending", json!([]), "/0/Message/Nonce", json!(u64::MAX));
    farm.daemon.change("MpoolPending", json!([]), "/0/Message/Method", json!(u64::MAX));
    farm.miner.change("WorkerJobs", json!([]), &format!("/{WORKER}/0/RunWait"), json!(i64::MIN));
    farm.miner.change("SectorsStatus", json!([24]), "/Log/0/Timestamp", json!(i64::MIN));
    farm.miner.change("SealingSchedDiag", json!([false]), "/SchedInfo/Requests/0/Priority", json!(i64::MAX));
    farm.miner.result("SectorsSummary", json!({"Proving": u64::MAX, "PreCommit1": 1}));
    let (after, stderr) = farm.exporter().collect();
    let of = |collector: &str| format!("{collector} {MINER}");
    let mut failed =
        ["deadlines", "expired_sectors", "sectors_on_chain", "pipeline", "scheduler", "sectors"].map(of).to_vec();
    failed.extend(["blocks", "chain"].map(str::to_owned));
    failed.extend([format!("deadlines {OTHER}"), format!("sectors_on_chain {OTHER}")]);
    for collector in &failed {
        assert!(after.failed().contains(collector), "{collector}: {:?} {stderr}", after.failed());
    }
    let miner = [("miner_id", MINER)];
    assert!(!after.has("farcaster_miner_live_sectors", &miner), "a sum of what is not known");
    assert!(!after.has("farcaster_miner_deadline_open_timestamp_seconds", &miner));
    assert!(!after.has("farcaster_chain_expected_height", &[]) && !after.has("farcaster_chain_head_height", &[]));
    let unharmed = |metrics: &Metrics| metrics.values("farcaster_miner_deadline_partitions", &[("miner_id", OTHER)]);
    assert_eq!(unharmed(&before), unharmed(&after));
}

/// Values that wrapped around, that are negative, or that are enormous: no sample, one line that names them, and the collector failed.
#[test]
fn the_impossible_is_left_out_and_named() {
    let farm = Farm::start();
    let before = collect(&farm);
    farm.daemon.change("NodeStatus", json!([false]), "/SyncStatus/Behind", json!(u64::MAX));
    farm.daemon.change("ChainHead", json!([]), "/Blocks/0/Timestamp", json!(253_402_300_799_i64));
    farm.daemon.change("NetBandwidthStats", json!([]), "/TotalIn", json!(-1));
    farm.daemon.change("StateMarketBalance", json!([MINER]), "/Escrow", json!("2000000000000000000000000001"));
    farm.daemon.change("StateReadState", json!([MINER]), "/State/FeeDebt", json!("-1"));
    farm.daemon.result("F3GetProgress", json!({"ID": 1e29, "Round": -1, "Phase": 0}));
    farm.miner.change("WorkerStats", json!([]), &format!("/{WORKER}/Info/Resources/MemUsed"), json!(u64::MAX - 4095));
    farm.miner.change("StorageStat", json!([STORAGE]), "/Available", json!(-4096));
    let (after, stderr) = farm.exporter().collect();
    let of = |collector: &str| format!("{collector} {MINER}");
    let failed =
        [of("balances"), "chain".to_owned(), "daemon".to_owned(), "f3".to_owned(), of("storage"), of("workers")];
    assert_eq!(after.failed(), failed, "{stderr}");
    for (family, labels, value) in [
        ("farcaster_chain_behind_epochs", String::new(), "18446744073709552000"),
        ("farcaster_chain_head_timestamp_seconds", String::new(), "253402300799"),
        ("farcaster_daemon_receive_bytes_total", String::new(), "-1"),
        ("farcaster_miner_fee_debt_fil", format!("{{miner_id=\"{MINER}\"}}"), "-1e-18"),
        ("farcaster_f3_instance", String::new(), "1e29"),
        ("farcaster_f3_round", String::new(), "-1"),
        (
            "farcaster_worker_memory_used_at_connect_bytes",
            format!("{{miner_id=\"{MINER}\",worker=\"{WORKER}\""),
            "18446744073709548000",
        ),
    ] {
        let is_named = |line: &&str| line.contains("127.0.0.1:") && line.contains(&format!("{family}{labels}"));
        let lines: Vec<&str> = stderr.lines().filter(is_named).collect();
        assert!(lines.len() == 1 && lines[0].ends_with("; left out"), "{family}: {stderr}");
        assert!(lines[0].contains(&format!(": {value} is not a")), "{value}: {}", lines[0]);
        assert!(after.family(family).len() < before.family(family).len(), "{family}");
    }
    assert!(stderr.contains("StateMarketBalance.Escrow: more FIL than can exist"), "{stderr}");
    assert!(stderr.contains(&format!("StorageStat({STORAGE}).Available: -4096")), "{stderr}");
    assert!(!after.has("farcaster_miner_market_escrow_fil", &[("miner_id", MINER)]));
    assert!(after.has("farcaster_f3_phase", &[]), "what can be stays");
    assert_others_unharmed(&before, &after, &failed.each_ref().map(String::as_str));
}

#[test]
fn a_deadline_that_does_not_exist() {
    let farm = Farm::start();
    farm.daemon.change("StateMinerProvingDeadline", json!([MINER]), "/Index", json!(48));
    let (metrics, stderr) = farm.exporter().collect();
    assert_eq!(metrics.failed(), [format!("deadlines {MINER}")]);
    assert!(stderr.contains("StateMinerProvingDeadline: no deadline 48 can be open"), "{stderr}");
    let miner = [("miner_id", MINER)];
    assert!(!metrics.has("farcaster_miner_deadline_current", &miner));
    assert!(!metrics.has("farcaster_miner_deadline_open_timestamp_seconds", &miner));
    assert!(metrics.has("farcaster_miner_live_sectors", &miner));
}

/// If a family has many impossible values, one is shown.
#[test]
fn one_line_for_a_family() {
    let farm = Farm::start();
    farm.daemon.result("WalletBalance", json!("-5"));
    let (metrics, stderr) = farm.exporter().collect();
    assert_eq!(metrics.failed(), ["wallets"]);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains(" more of this family"), "{stderr}");
}

/// Absurd times, and the zero time that Go writes where there is none.
#[test]
fn odd_times() {
    for (time, expected) in [
        ("0001-01-01T00:00:00Z", None),
        ("2026-11-22T09:22:07+9223372036854775807:00", None),
        ("2026-11-22T09:22:07-00:9223372036854775807", None),
        ("9223372036854775807-01-01T00:00:00Z", None),
        ("2026-11-22T09:22:infZ", None),
        ("1754-08-30T22:43:41.128654848Z", None),
        ("2026-11-22T09:22:07+14:00", Some(1_795_288_927.0)),
    ] {
        let farm = Farm::start();
        farm.miner.result("StartTime", json!(time));
        farm.miner.change("WorkerJobs", json!([]), &format!("/{WORKER}/0/Start"), json!(time));
        let metrics = collect(&farm);
        assert_eq!(metrics.value("farcaster_miner_start_time_seconds", &[("miner_id", MINER)]), expected, "{time}");
        assert_eq!(metrics.value("farcaster_miner_job_start_timestamp_seconds", &[("sector", "24")]), expected);
        assert_eq!(
            metrics.value("farcaster_miner_jobs", &[("task", "seal/v0/precommit/1"), ("state", "running")]),
            Some(1.0)
        );
    }
}
