//! Storage paths that come, go, share a file system, or report the impossible.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Exporter, Farm, MINER, Metrics};

/// Of lotus-miner itself, with the files of three sectors, and with none.
const STORE: &str = "76f1988b-ef30-4d7e-b3ec-9a627f4ba000";
const EMPTY: &str = "76f1988b-ef30-4d7e-b3ec-9a627f4ba001";
const SHARED: &str = "76f1988b-ef30-4d7e-b3ec-9a627f4ba002";
/// Of a worker on `sealer-2.lan`, with a file of one sector.
const REMOTE: &str = "76f1988b-ef30-4d7e-b3ec-9a627f4ba003";
const NEW: &str = "76f1988b-ef30-4d7e-b3ec-9a627f4ba009";

fn value(metrics: &Metrics, family: &str, id: &str) -> Option<f64> {
    metrics.value(&format!("farcaster_storage_{family}"), &[("storage_id", id)])
}

/// lotus-miner drops a path from its list.
fn leave(farm: &Farm, id: &str) {
    for method in ["StorageList", "StorageLocal"] {
        let mut listed = farm.miner.result_of(method, json!([]));
        listed.as_object_mut().unwrap().remove(id);
        farm.miner.result(method, listed);
    }
    farm.miner.answer_to("StorageInfo", json!([id]), Answer::Error(1, "sector store not found".to_owned()));
    let message = "getting remote storage info: sector store not found".to_owned();
    farm.miner.answer_to("StorageStat", json!([id]), Answer::Error(1, message));
}

fn restart(farm: &Farm) {
    farm.miner.result("StartTime", json!("2026-11-22T00:00:00Z"));
}

/// lotus-miner restarted while the worker is away, and no longer knows the path.
#[test]
fn a_path_that_is_lost_with_sectors_in_it_is_down_until_it_is_back() {
    let farm = Farm::start();
    let exporter = farm.exporter();
    exporter.collect();
    leave(&farm, REMOTE);
    restart(&farm);
    for _ in 0..2 {
        let (metrics, stderr) = exporter.collect();
        assert_eq!(value(&metrics, "up", REMOTE), Some(0.0));
        assert_eq!(value(&metrics, "detached", REMOTE), Some(0.0));
        let info = [("storage_id", REMOTE), ("storage_host", "sealer-2.lan")];
        assert!(metrics.has("farcaster_storage_info", &info));
        let files = [("storage_id", REMOTE), ("kind", "cache")];
        assert_eq!(metrics.value("farcaster_storage_sector_files", &files), Some(1.0));
        assert_eq!(value(&metrics, "capacity_bytes", REMOTE), None);
        assert_eq!(value(&metrics, "can_seal", REMOTE), None);
        assert!(metrics.failed().is_empty(), "{stderr}");
        let lines: Vec<&str> = stderr.lines().filter(|line| line.contains(REMOTE)).collect();
        assert_eq!(lines.len(), 1, "{stderr}");
        for part in ["sealer-2.lan", "1 sector;", "attach it again"] {
            assert!(lines[0].contains(part), "{part}: {stderr}");
        }
    }
    farm.miner.restore();
    restart(&farm);
    let (metrics, stderr) = exporter.collect();
    assert_eq!((value(&metrics, "up", REMOTE), stderr.as_str()), (Some(1.0), ""));
    assert_eq!(value(&metrics, "detached", REMOTE), None);
}

/// A lotus-miner that runs on drops a path only when somebody detaches it.
#[test]
fn a_path_that_is_detached_with_sectors_in_it_shows_it() {
    for id in [REMOTE, STORE] {
        let farm = Farm::start();
        let exporter = farm.exporter();
        exporter.collect();
        leave(&farm, id);
        let (metrics, _) = exporter.collect();
        assert_eq!((value(&metrics, "up", id), value(&metrics, "detached", id)), (Some(0.0), Some(1.0)));
    }
}

#[test]
fn a_path_that_was_empty_is_forgotten_at_once() {
    let farm = Farm::start();
    let exporter = farm.exporter();
    exporter.collect();
    leave(&farm, EMPTY);
    let run = exporter.run();
    assert!(!run.stdout.contains(&format!("storage_id=\"{EMPTY}\"")), "{}", run.stdout);
    assert_eq!(run.stderr, "");
}

#[test]
fn a_path_is_forgotten_when_its_files_are_elsewhere() {
    let farm = Farm::start();
    let exporter = farm.exporter();
    exporter.collect();
    leave(&farm, REMOTE);
    farm.miner.result("StorageFindSector", json!([{ "ID": STORE, "URLs": [], "Primary": true }]));
    let (metrics, stderr) = exporter.collect();
    assert_eq!((value(&metrics, "up", REMOTE), stderr.as_str()), (None, ""));
    let asked = farm.miner.calls().into_iter().find(|(method, _)| method == "StorageFindSector");
    assert_eq!(asked.unwrap().1, json!([{ "Miner": 1234, "Number": 24 }, 4, 0, false]));
}

/// A list that is empty for one run removes nothing.
#[test]
fn an_empty_list_is_not_believed() {
    for none in [Value::Null, json!({})] {
        let farm = Farm::start();
        let exporter = farm.exporter();
        exporter.collect();
        restart(&farm);
        farm.miner.result("StorageList", none);
        let (metrics, stderr) = exporter.collect();
        assert_eq!(metrics.failed(), [format!("storage_paths {MINER}")]);
        assert!(stderr.contains("StorageList"), "{stderr}");
        assert_eq!((value(&metrics, "up", REMOTE), value(&metrics, "up", EMPTY)), (Some(1.0), Some(1.0)));
    }
}

/// A new path comes with a worker that was not there before, or with an alert that lotus-miner keeps for it. Nothing else is listed again.
#[test]
fn a_workers_new_path_shows_at_once() {
    for hint in ["WorkerStats", "LogAlerts"] {
        let farm = Farm::start();
        let exporter = farm.exporter();
        let (before, _) = exporter.collect();
        assert_eq!(value(&before, "up", NEW), None);
        let mut list = farm.miner.result_of("StorageList", json!([]));
        list[NEW] = json!([]);
        farm.miner.result("StorageList", list);
        for method in ["StorageInfo", "StorageStat"] {
            let like = farm.miner.result_of(method, json!([REMOTE]));
            farm.miner.answer_to(method, json!([NEW]), Answer::Result(like));
        }
        let mut told = farm.miner.result_of(hint, json!([]));
        match told.as_array_mut() {
            Some(alerts) => {
                let kind = json!({ "System": "sector-index", "Subsystem": format!("pathconf-{NEW}") });
                alerts.push(json!({ "Type": kind, "Active": false, "LastActive": null, "LastResolved": null }));
            }
            None => {
                let like = told.as_object().unwrap().values().next().cloned();
                told["ef8d99a2-6865-4189-8ffa-9fef0f800009"] = like.unwrap();
            }
        }
        farm.miner.result(hint, told);
        for _ in 0..3 {
            let (after, stderr) = exporter.collect();
            assert_eq!((value(&after, "up", NEW), stderr.as_str()), (Some(1.0), ""), "{hint}");
        }
        assert_eq!(farm.miner.count("StorageList"), 2, "{hint}");
    }
}

#[test]
fn a_worker_that_keeps_restarting_does_not_list_all_files_each_time() {
    let farm = Farm::start();
    let exporter = farm.exporter();
    exporter.collect();
    for index in 0..4 {
        let mut stats = farm.miner.result_of("WorkerStats", json!([]));
        let like = stats.as_object().unwrap().values().next().cloned();
        stats[format!("ef8d99a2-6865-4189-8ffa-9fef0f80001{index}")] = like.unwrap();
        farm.miner.result("WorkerStats", stats);
        exporter.collect();
    }
    assert_eq!(farm.miner.count("StorageList"), 2);
}

/// Lotus counts what is used only against a limit.
#[test]
fn used_space_is_published_for_paths_with_a_limit() {
    let farm = Farm::start();
    let (metrics, _) = farm.exporter().collect();
    assert_eq!(value(&metrics, "used_bytes", STORE), Some(51_250_000_000_000.0));
    assert_eq!(value(&metrics, "used_bytes", REMOTE), None);
    assert_eq!(value(&metrics, "max_bytes", REMOTE), None);
    assert_eq!(value(&metrics, "filesystem_available_bytes", REMOTE), Some(9_000_000_000_000.0));
}

#[test]
fn impossible_sizes() {
    let cases = [
        ("Capacity", json!(-1), "capacity_bytes"),
        ("Available", json!(-4096), "available_bytes"),
        ("Available", json!(u64::MAX - 4095), "available_bytes"),
        ("FSAvailable", json!(96_000_000_000_001_u64), "filesystem_available_bytes"),
        ("Reserved", json!(i64::MAX), "reserved_bytes"),
        ("Used", json!(i64::MAX), "used_bytes"),
        ("Used", json!(-1), "used_bytes"),
        ("Max", json!(-1), "max_bytes"),
    ];
    for (field, wrong, family) in cases {
        let farm = Farm::start();
        let before = farm.exporter().collect().0;
        farm.miner.change("StorageStat", json!([STORE]), &format!("/{field}"), wrong);
        let (metrics, stderr) = farm.exporter().collect();
        assert!(value(&before, family, STORE).is_some() && value(&metrics, family, STORE).is_none(), "{field}");
        assert_eq!(metrics.failed(), [format!("storage {MINER}")], "{stderr}");
        let line = stderr.trim_end();
        assert!(line.lines().count() == 1 && line.contains(&format!("StorageStat({STORE}).{field}")), "{stderr}");
    }
}

fn filesystems(metrics: &Metrics, ids: [&str; 2]) -> [bool; 2] {
    let first = |id| {
        let labels = [("storage_id", id), ("filesystem", ids[0])];
        metrics.has("farcaster_storage_filesystem_available_bytes", &labels)
    };
    ids.map(first)
}

/// Two paths of one host that see the same space are on one file system, also while something is written between the two questions; two new
/// disks, and two that are filled alike, are not.
#[test]
fn paths_on_one_file_system() {
    let stat = |available: u64| json!({ "Capacity": 16_000_000_000_000_u64, "Available": available, "FSAvailable": available, "Reserved": 0, "Max": 0, "Used": 0 });
    let cases = [
        (STORE, 7_000_000_000_000, 7_000_000_000_000, true),
        (STORE, 7_000_000_000_000, 7_000_000_012_288, true),
        (STORE, 7_000_000_000_000, 6_965_000_000_000, false),
        (SHARED, 15_900_000_000_000, 15_900_000_000_000, false),
        (SHARED, 7_000_000_000_000, 7_000_000_000_000, true),
    ];
    for (other, available, others, is_one) in cases {
        let farm = Farm::start();
        let exporter = farm.exporter();
        farm.miner.answer_to("StorageStat", json!([EMPTY]), Answer::Result(stat(available)));
        farm.miner.answer_to("StorageStat", json!([other]), Answer::Result(stat(others)));
        let mut ids = [EMPTY, other];
        ids.sort();
        let (metrics, _) = exporter.collect();
        assert_eq!(filesystems(&metrics, ids), [true, is_one], "{available} {others}");
        // What was found stays while one of them is written to between the questions.
        farm.miner.answer_to("StorageStat", json!([other]), Answer::Result(stat(others - 100_000_000_000)));
        let (metrics, _) = exporter.collect();
        assert_eq!(filesystems(&metrics, ids), [true, is_one], "{available} {others}, later");
        farm.miner.answer_to("StorageStat", json!([other]), Answer::Result(stat(others - 1_000_000_000_000)));
        let (metrics, _) = exporter.collect();
        assert_eq!(filesystems(&metrics, ids), [true, false], "{available} {others}, at last");
    }
    // On another host it is another one.
    let farm = Farm::start();
    farm.miner.answer_to("StorageStat", json!([STORE]), Answer::Result(stat(7_000_000_000_000)));
    farm.miner.answer_to("StorageStat", json!([REMOTE]), Answer::Result(stat(7_000_000_000_000)));
    assert_eq!(filesystems(&farm.exporter().collect().0, [STORE, REMOTE]), [true, false]);
}

#[test]
fn a_path_that_cannot_be_asked_is_named_once_with_its_place_and_the_remedy() {
    let farm = Farm::start();
    for (id, parts) in
        [(REMOTE, ["on sealer-2.lan", "worker"]), (STORE, ["on 10.0.0.2, /mnt/store-1", "disk is mounted"])]
    {
        farm.miner.restore();
        farm.miner.answer_to("StorageStat", json!([id]), Answer::Error(1, "all endpoints failed".to_owned()));
        let (metrics, stderr) = farm.exporter().collect();
        assert_eq!(value(&metrics, "up", id), Some(0.0));
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        for part in [&[id, "all endpoints failed"][..], &parts].concat() {
            assert_eq!(stderr.matches(part).count(), 1, "{part}: {stderr}");
        }
    }
}

/// Live sectors of the fixture whose files the fixture's paths do not have.
const WITHOUT_FILE: [u64; 19] = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 28];

fn missing(metrics: &Metrics) -> Option<f64> {
    metrics.value("farcaster_miner_missing_sectors", &[("miner_id", MINER)])
}

/// The next run is in the next period of the slow tier.
fn a_period_later(exporter: &Exporter) -> (Metrics, String) {
    sleep(Duration::from_millis(1100));
    exporter.collect()
}

fn often(farm: &Farm) -> Exporter {
    farm.exporter().args(&["--slow-interval", "1s"])
}

/// All paths, one of which has the replicas of these sectors, besides what the fixture has.
fn with_files(farm: &Farm, sectors: &[u64], miner: u64, kind: u64) {
    let mut list = farm.miner.result_of("StorageList", json!([]));
    let files = sectors.iter().map(|number| json!({ "Miner": miner, "Number": number, "SectorFileType": kind }));
    list[EMPTY] = files.collect();
    farm.miner.result("StorageList", list);
}

#[test]
fn files_that_two_lists_lack_are_missing_until_they_are_back() {
    let farm = Farm::start();
    let exporter = often(&farm).args(&["--max-rows", "5"]);
    let (first, _) = exporter.collect();
    assert_eq!(missing(&first), None, "they may only be on their way to another path");
    // Sector 4 was, and one that was upgraded has another file. What another miner has in a path does not count, nor does a cache.
    with_files(&farm, &[4], 1234, 2);
    let (second, stderr) = a_period_later(&exporter);
    assert_eq!((missing(&second), stderr.as_str()), (Some(18.0), ""));
    let rows = second.family("farcaster_miner_missing_sector");
    let sectors: Vec<&str> = rows.iter().map(|(labels, _)| &*labels["sector"]).collect();
    assert_eq!(sectors, ["5", "6", "7", "8", "9"]);
    let left_out = [("family", "farcaster_miner_missing_sector")];
    assert_eq!(second.value("farcaster_truncated_rows", &left_out), Some(13.0));
    for (miner, kind, expected) in [(5678, 2, 19.0), (1234, 4 | 1, 19.0), (1234, 8, 0.0), (1234, 2 | 4, 0.0)] {
        with_files(&farm, &WITHOUT_FILE, miner, kind);
        a_period_later(&exporter);
        let (metrics, stderr) = a_period_later(&exporter);
        assert_eq!((missing(&metrics), stderr.as_str()), (Some(expected), ""), "{miner} {kind}");
    }
}

#[test]
fn nothing_is_missing_while_the_files_of_a_path_are_not_known() {
    let farm = Farm::start();
    let exporter = often(&farm);
    exporter.collect();
    assert_eq!(missing(&a_period_later(&exporter).0), Some(19.0));
    for id in [REMOTE, STORE] {
        leave(&farm, id);
        if id == REMOTE {
            restart(&farm);
        }
        let (metrics, _) = a_period_later(&exporter);
        assert_eq!((value(&metrics, "up", id), missing(&metrics)), (Some(0.0), None));
        assert!(!metrics.has("farcaster_miner_missing_sector", &[]));
        assert_eq!(missing(&a_period_later(&exporter).0), None);
        farm.miner.restore();
        assert_eq!(missing(&a_period_later(&exporter).0), None, "one list is not enough");
        assert_eq!(missing(&a_period_later(&exporter).0), Some(19.0));
    }
}

/// An answer that ends in the middle, or that is of another shape, and one that the chain does not give, leave the last figure.
#[test]
fn a_list_that_is_cut_off_calls_nothing_missing() {
    let cut = r#"{"76f1988b-ef30-4d7e-b3ec-9a627f4ba000": [{"Miner": 1234, "Number": 1, "SectorFileType": 2}, {"Mi"#;
    for answer in [Answer::Raw(cut.to_owned()), Answer::Result(json!({ STORE: [7] })), Answer::Result(Value::Null)] {
        let farm = Farm::start();
        with_files(&farm, &WITHOUT_FILE, 1234, 2);
        let exporter = often(&farm);
        assert_eq!(missing(&exporter.collect().0), Some(0.0));
        farm.miner.answer("StorageList", answer);
        for _ in 0..2 {
            let (metrics, stderr) = a_period_later(&exporter);
            assert!(metrics.failed().contains(&format!("storage_paths {MINER}")), "{stderr}");
            assert_eq!(missing(&metrics), Some(0.0));
        }
    }
    let farm = Farm::start();
    let exporter = often(&farm);
    farm.daemon.answer_to("StateMinerPartitions", json!([MINER, 3]), Answer::Error(1, "busy".to_owned()));
    exporter.collect();
    assert_eq!(missing(&a_period_later(&exporter).0), None);
}
