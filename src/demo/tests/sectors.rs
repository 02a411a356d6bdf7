//! Sectors: the miner's pipeline, work and storage, and what the chain reports about them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::Farm;
use super::{At, MINERS, NOON, Node, SECTOR_BYTES, big, count, day, list, numbers, set};

/// States of a sector that is on chain; one that is Proving may have expired there.
pub(super) const ON_CHAIN_STATES: [&str; 13] = [
    "Available",
    "FinalizeReplicaUpdate",
    "FinalizeSector",
    "ProveReplicaUpdate",
    "Proving",
    "ReleaseSectorKey",
    "ReplicaUpdateWait",
    "SnapDealsAddPiece",
    "SnapDealsPacking",
    "SnapDealsWaitDeals",
    "SubmitReplicaUpdate",
    "UpdateActivating",
    "UpdateReplica",
];

fn union(partitions: &[Vec<Value>], field: &str) -> BTreeSet<u64> {
    let mut union = BTreeSet::new();
    for number in partitions.iter().flatten().flat_map(|partition| set(&partition[field])) {
        assert!(union.insert(number), "sector {number} is in two partitions");
    }
    union
}

#[test]
fn the_miner_counts_what_it_lists() {
    for (sectors, step) in [(1, 3), (10, 3), (240, 3), (2000, 7)] {
        let farm = Farm::new(sectors);
        for (now, miner) in day().step_by(step).flat_map(|now| [(now, 0), (now, 1)]) {
            let at = At { farm: &farm, now };
            let all = numbers(&at.miner(miner, "SectorsList", json!([])));
            // What it lists is what it knows, up to the newest sector and from the oldest that is not forgotten.
            let newest = *all.last().unwrap();
            for sector in newest.saturating_sub(200)..newest + 3 {
                let status = at.try_ask(Node::Miner(miner), "SectorsStatus", json!([sector, false]));
                assert_eq!(status.is_ok(), all.contains(&sector), "sector {sector}");
            }
            let (mut listed, mut in_motion) = (0, 0);
            for (state, count) in at.miner(miner, "SectorsSummary", json!([])).as_object().unwrap() {
                let sectors = at.in_states(miner, &[state]);
                assert_eq!(*count, sectors.len(), "{state} at {now}");
                assert!(sectors.is_subset(&all));
                listed += sectors.len();
                if !["Proving", "Removing", "Removed"].contains(&state.as_str()) {
                    in_motion += sectors.len();
                    assert!(sectors.iter().all(|sector| at.status(miner, *sector)["State"] == **state));
                }
            }
            assert_eq!(listed, all.len());
            assert!((5..=30).contains(&in_motion), "{in_motion} of {sectors} in the pipeline");
            assert_eq!(at.miner(miner, "SectorsListInStates", json!([["Faulty"]])), Value::Null);
        }
    }
}

#[test]
fn chain_and_miner_agree_on_what_is_live() {
    for (sectors, step) in [(1, 5), (50, 5), (1600, 9)] {
        let farm = Farm::new(sectors);
        let mut most_expired = 0;
        for (now, miner) in day().step_by(step).flat_map(|now| [(now, 0), (now, 1)]) {
            let at = At { farm: &farm, now };
            let partitions = at.partitions(miner);
            let all = union(&partitions, "AllSectors");
            let live = union(&partitions, "LiveSectors");
            let active = union(&partitions, "ActiveSectors");
            let faulty = union(&partitions, "FaultySectors");
            let recovering = union(&partitions, "RecoveringSectors");
            assert!(live.is_subset(&all) && faulty.is_subset(&live) && recovering.is_subset(&faulty));
            assert_eq!(active, &live - &faulty);
            assert!(partitions.iter().flatten().all(|partition| count(&partition["LiveSectors"]) > 0));

            let chain = |method| at.about(MINERS[miner], method);
            let counts = json!({ "Live": live.len(), "Active": active.len(), "Faulty": faulty.len() });
            assert_eq!(chain("StateMinerSectorCount"), counts);
            assert_eq!(set(&chain("StateMinerFaults")), faulty);
            assert_eq!(set(&chain("StateMinerRecoveries")), recovering);
            let power = chain("StateMinerPower");
            let raw = big(&power["MinerPower"]["RawBytePower"]);
            let quality_adjusted = big(&power["MinerPower"]["QualityAdjPower"]);
            assert_eq!(raw, u128::from(SECTOR_BYTES) * active.len() as u128);
            assert!((raw..=10 * raw).contains(&quality_adjusted));
            assert!(quality_adjusted < big(&power["TotalPower"]["QualityAdjPower"]));
            assert_eq!(power["HasMinPower"], raw >= 10 << 40);

            let known = at.in_states(miner, &ON_CHAIN_STATES);
            assert!(live.is_subset(&known), "live for the chain only: {:?}", &live - &known);
            let expired = &known - &live;
            assert!(expired.is_subset(&at.in_states(miner, &["Proving"])));
            most_expired = expired.len().max(most_expired);
            for sector in live.iter().rev().take(5).chain(&expired) {
                let expiration = at.status(miner, *sector)["Expiration"].as_i64().unwrap();
                assert_eq!(expiration > 0, live.contains(sector));
            }
        }
        assert!((2..=6).contains(&most_expired), "at most {most_expired} of {sectors} expired");
    }
}

#[test]
fn proofs_of_the_open_deadline_fill_its_partitions() {
    let farm = Farm::new(100_000);
    let (mut partly, mut fully) = (0, 0);
    for (now, address) in day().flat_map(|now| MINERS.map(|address| (now, address))) {
        let at = At { farm: &farm, now };
        let info = at.about(address, "StateMinerProvingDeadline");
        let epoch = |name: &str| info[name].as_i64().unwrap();
        assert!((epoch("Open")..epoch("Close")).contains(&epoch("CurrentEpoch")));
        let deadlines = list(&at.about(address, "StateMinerDeadlines"));
        assert_eq!(deadlines.len(), 48);
        for (index, deadline) in deadlines.iter().enumerate() {
            let proven = count(&deadline["PostSubmissions"]);
            if info["Index"] != index {
                assert_eq!(proven, 0);
                continue;
            }
            let partitions = at.daemon("StateMinerPartitions", json!([address, index, null]));
            let partitions = list(&partitions).len() as u64;
            assert!(proven <= partitions);
            partly += i64::from(0 < proven && proven < partitions);
            fully += i64::from(proven == partitions);
        }
    }
    assert!(partly > 5 && fully > 20, "{partly} partly, {fully} fully proven");
}

/// A whole partition of a small miner may be faulty. It gets no proof before it is declared recovered, while others of its deadline do.
#[test]
fn a_partition_with_only_faults_is_not_proven() {
    let farm = Farm::new(70);
    let mut seen = 0;
    for (now, miner) in day().flat_map(|now| [(now, 0), (now, 1)]) {
        let at = At { farm: &farm, now };
        let deadlines = list(&at.about(MINERS[miner], "StateMinerDeadlines"));
        for (deadline, partitions) in deadlines.iter().zip(at.partitions(miner)) {
            let proven = set(&deadline["PostSubmissions"]);
            let is_due = |it: &&Value| count(&it["ActiveSectors"]) + count(&it["RecoveringSectors"]) > 0;
            let due = partitions.iter().filter(is_due).count();
            seen += i64::from(0 < due && due < partitions.len());
            for (index, _) in (0..).zip(&partitions).filter(|(_, it)| !is_due(it)) {
                assert!(!proven.contains(&index));
            }
        }
    }
    assert!(seen > 0, "{seen}");
}

/// The states in which a sector needs a task.
fn states_of(task: &str) -> &'static [&'static str] {
    match task.strip_prefix("seal/v0/").unwrap() {
        "addpiece" => &["AddPiece", "SnapDealsAddPiece"],
        "precommit/1" => &["PreCommit1"],
        "precommit/2" => &["PreCommit2"],
        "commit/1" | "commit/2" => &["Committing"],
        "finalize" => &["FinalizeSector", "CommitFinalize"],
        "replicaupdate" => &["UpdateReplica"],
        "provereplicaupdate/1" | "provereplicaupdate/2" => &["ProveReplicaUpdate"],
        "finalize/replicaupdate" => &["FinalizeReplicaUpdate"],
        "unseal" => &["Proving"],
        other => panic!("no sector needs {other}"),
    }
}

#[test]
fn work_is_on_sectors_that_need_it() {
    let farm = Farm::new(3000);
    let (mut waits, mut queued) = (BTreeSet::new(), 0);
    for (now, miner) in day().flat_map(|now| [(now, 0), (now, 1)]) {
        let at = At { farm: &farm, now };
        let check = |sector: &Value, task: &str| {
            assert_eq!(format!("f0{}", sector["Miner"]), MINERS[miner]);
            let status = at.status(miner, sector["Number"].as_u64().unwrap());
            assert!(states_of(task).contains(&status["State"].as_str().unwrap()));
        };
        let workers = at.miner(miner, "WorkerStats", json!([]));
        let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
        let jobs = at.miner(miner, "WorkerJobs", json!([]));
        for (worker, jobs) in jobs.as_object().unwrap() {
            for job in jobs.as_array().unwrap() {
                let task = job["Task"].as_str().unwrap();
                check(&job["Sector"], task);
                waits.insert(job["RunWait"].as_i64().unwrap());
                // A job names its host where no worker stands for it.
                let known = workers.get(worker);
                assert_eq!(known.is_none(), job["Hostname"].is_string());
                if let Some(stats) = known {
                    assert!(list(&stats["Tasks"]).contains(&job["Task"]));
                    let is_counted = [0, 1].contains(&job["RunWait"].as_i64().unwrap());
                    *counted.entry(worker).or_default() += u64::from(is_counted);
                }
            }
        }
        for (worker, stats) in workers.as_object().unwrap() {
            // A task that is prepared is counted under another name.
            let counts = stats["TaskCounts"].as_object().unwrap().values();
            let sum: u64 = counts.map(|count| count.as_u64().unwrap()).sum();
            assert_eq!(sum, counted.remove(worker.as_str()).unwrap_or(0));
        }
        assert!(counted.is_empty(), "jobs that no worker counts: {counted:?}");
        let diagnosis = at.miner(miner, "SealingSchedDiag", json!([false]));
        for request in list(&diagnosis["SchedInfo"]["Requests"]) {
            let task = request["TaskType"].as_str().unwrap();
            check(&request["Sector"], task);
            queued += i32::from(task != "seal/v0/unseal");
        }
    }
    assert_eq!(waits.into_iter().collect::<Vec<_>>(), [-1, 0, 1, 2]);
    assert!(queued > 50, "{queued} requests in a day");
}

#[test]
fn nothing_waits_for_long_while_no_task_of_its_kind_runs() {
    const TWO_HOURS_SECONDS: f64 = 7200.0;
    let farm = Farm::new(3000);
    for miner in [0, 1] {
        let mut last_done: BTreeMap<String, f64> = BTreeMap::new();
        let mut waits_since: BTreeMap<String, f64> = BTreeMap::new();
        for now in day() {
            let at = At { farm: &farm, now };
            let jobs = at.miner(miner, "WorkerJobs", json!([]));
            for job in jobs.as_object().unwrap().values().flat_map(list) {
                last_done.insert(job["Task"].as_str().unwrap().to_owned(), now);
            }
            let diagnosis = at.miner(miner, "SealingSchedDiag", json!([false]));
            let requests = list(&diagnosis["SchedInfo"]["Requests"]);
            let waiting: BTreeSet<&str> =
                requests.iter().map(|request| request["TaskType"].as_str().unwrap()).collect();
            waits_since.retain(|task, _| waiting.contains(task.as_str()));
            for task in waiting {
                let since = *waits_since.entry(task.to_owned()).or_insert(now);
                let done = last_done.get(task).copied().unwrap_or(f64::MIN);
                assert!(now - since.max(done) < TWO_HOURS_SECONDS, "{task} of miner {miner} at {now}");
            }
        }
    }
}

#[test]
fn a_day_has_everything_that_can_go_wrong() {
    let farm = Farm::new(2000);
    let mut seen = BTreeSet::new();
    for (now, miner) in day().flat_map(|now| [(now, 0), (now, 1)]) {
        let at = At { farm: &farm, now };
        let summary = at.miner(miner, "SectorsSummary", json!([]));
        seen.extend(summary.as_object().unwrap().keys().cloned());
        for sector in at.in_states(miner, &["PreCommitFailed"]) {
            let status = at.status(miner, sector);
            let log = list(&status["Log"]);
            let of_kind =
                |part: &str| log.iter().filter(|entry| entry["Kind"].as_str().unwrap().contains(part)).count();
            assert_eq!((of_kind("SectorRetry"), of_kind("SealPreCommit2Failed")), (5, 4));
            for entry in log {
                let trace = entry["Trace"].as_str().unwrap();
                assert_eq!(entry["Kind"].as_str().unwrap().ends_with("Failed"), !trace.is_empty(), "{entry}");
                seen.extend(
                    ['"', '\n'].into_iter().filter(|c| trace.contains(*c)).map(|c| format!("{c:?} in an error")),
                );
            }
            // In Lotus' form, whatever happened.
            assert_eq!((&status["LastErr"], &status["Retries"]), (&json!(""), &json!(0)));
        }
        for sector in at.in_states(miner, &["WaitSeed"]) {
            let status = at.status(miner, sector);
            for entries in list(&status["Log"]).windows(2) {
                let refused = entries[1]["Kind"].as_str().unwrap().starts_with("error;");
                seen.extend(refused.then(|| format!("{} refused", entries[0]["Kind"].as_str().unwrap())));
            }
        }
        let faults = count(&at.about(MINERS[miner], "StateMinerFaults"));
        let recoveries = count(&at.about(MINERS[miner], "StateMinerRecoveries"));
        seen.insert(format!("{faults} faulty, {recoveries} recovering"));
    }
    for what in [
        "0 faulty, 0 recovering",
        "3 faulty, 0 recovering",
        "3 faulty, 3 recovering",
        "Available",
        "PreCommitBatchWait",
        "PreCommitWait",
        "PreCommitFailed",
        "Removed",
        "'\"' in an error",
        "'\\n' in an error",
        "event;sealing.SectorPreCommitLanded refused",
        "UpdateReplica",
        "WaitDeals",
    ] {
        assert!(seen.contains(what), "no {what} in {seen:?}");
    }
}

#[test]
fn a_log_records_the_sectors_life() {
    const MILESTONES: [&[&str]; 2] = [
        &["SectorPacked", "SectorTicket", "SectorSeedReady", "SectorProving", "SectorFinalized"],
        &["SectorPacked", "SectorPreCommitted", "SectorSeedReady", "SectorProofReady", "SectorProving"],
    ];
    const EARLY_STATES: [&str; 4] = ["WaitDeals", "PreCommit1", "SealPreCommit2Failed", "WaitSeed"];
    let farm = Farm::new(1000);
    for (miner, milestones) in MILESTONES.into_iter().enumerate() {
        let sectors = numbers(&At { farm: &farm, now: NOON }.miner(miner, "SectorsList", json!([])));
        let newest: Vec<u64> = sectors.into_iter().rev().take(12).collect();
        let (mut kinds_of_deals, mut finished) = (BTreeSet::new(), BTreeSet::new());
        for (i, sector) in (0..50).flat_map(|i| newest.iter().map(move |sector| (i, *sector))) {
            let at = At { farm: &farm, now: NOON + 240.0 * f64::from(i) };
            let status = at.status(miner, sector);
            let log = list(&status["Log"]);
            let events: Vec<&str> =
                log.iter().map(|entry| entry["Kind"].as_str().unwrap().trim_start_matches("event;sealing.")).collect();
            assert!(["SectorStart", "SectorStartCC"].contains(&events[0]));
            assert!(log.is_sorted_by_key(|entry| entry["Timestamp"].as_i64()));
            assert!(log.last().unwrap()["Timestamp"].as_i64().unwrap() <= at.now as i64);

            let complete = milestones.iter().all(|milestone| events.contains(milestone));
            let state = status["State"].as_str().unwrap();
            assert!(complete || state != "Proving", "{events:?}");
            assert!(!complete || !EARLY_STATES.contains(&state), "{state} after {events:?}");
            let pieces = list(&status["Pieces"]);
            assert_eq!(list(&status["Deals"]).len(), pieces.len());
            if complete && state == "Proving" {
                finished.insert(sector);
                let sizes: u64 = pieces.iter().map(|piece| piece["Piece"]["Size"].as_u64().unwrap()).sum();
                assert_eq!(sizes, SECTOR_BYTES);
                let deal = &pieces[0]["DealInfo"];
                let direct = deal["PieceActivationManifest"].is_object();
                assert_eq!(direct, deal.is_object() && deal["PublishCid"].is_null());
                kinds_of_deals.insert((deal.is_object(), direct));
            }
        }
        assert_eq!(finished.len(), newest.len());
        assert_eq!(kinds_of_deals.len(), 3, "{kinds_of_deals:?}");
    }
}

#[test]
fn two_paths_of_the_first_miner_share_a_file_system() {
    let farm = Farm::new(3000);
    let at = At { farm: &farm, now: NOON };
    let lists = at.miner(0, "StorageList", json!([]));
    let mut paths_on: BTreeMap<(String, u64), u64> = BTreeMap::new();
    for (id, files) in lists.as_object().unwrap() {
        let stat = at.miner(0, "StorageStat", json!([id]));
        *paths_on.entry((stat["Capacity"].to_string(), stat["FSAvailable"].as_u64().unwrap())).or_default() += 1;
        // A path is found by each of its sectors.
        for file in list(files).iter().take(20) {
            let sector = json!({ "Miner": file["Miner"], "Number": file["Number"] });
            let holders = at.miner(0, "StorageFindSector", json!([sector, file["SectorFileType"], 0, false]));
            assert_eq!(list(&holders).iter().map(|holder| &holder["ID"]).collect::<Vec<_>>(), [id]);
        }
    }
    assert_eq!(paths_on.into_values().collect::<Vec<_>>().iter().max(), Some(&2));
}

#[test]
fn paths_are_never_overfull() {
    for sectors in [1, 3000, 1_000_000] {
        let farm = Farm::new(sectors);
        // The ids come from a small farm: a list of a million sectors' files is long.
        let small = Farm::new(1);
        for (now, miner) in day().step_by(9).flat_map(|now| [(now, 0), (now, 1)]) {
            let paths = At { farm: &small, now }.miner(miner, "StorageList", json!([]));
            let at = At { farm: &farm, now };
            let local = at.miner(miner, "StorageLocal", json!([]));
            assert!(local.as_object().unwrap().keys().all(|id| paths.get(id).is_some()));
            let mut sealing = 0;
            for id in paths.as_object().unwrap().keys() {
                let info = at.miner(miner, "StorageInfo", json!([id]));
                let stat = at.miner(miner, "StorageStat", json!([id]));
                let bytes = |name: &str| stat[name].as_u64().unwrap();
                // Another path may use some of the same file system.
                assert_eq!(bytes("Used") > 0, bytes("Max") > 0);
                assert!(bytes("Used") <= bytes("Capacity") - bytes("FSAvailable"));
                assert!(bytes("Available") <= bytes("FSAvailable") && bytes("Available") > 0);
                assert_eq!(info["MaxStorage"], stat["Max"]);
                sealing += i64::from(info["CanSeal"] == true);
            }
            assert_eq!(sealing, if miner == 0 { 2 } else { 1 });
        }
    }
}
