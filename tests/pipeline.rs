//! The pipeline of lotus-miner, run after run: what happens to sectors whose logs were recorded on a running Lotus 1.36, or are modelled on those.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use support::{Answer, Exporter, Farm, MINER, Metrics};

const STATE: &str = "farcaster_miner_pipeline_sector_state_timestamp_seconds";
const PROGRESS: &str = "farcaster_miner_pipeline_sector_progress_timestamp_seconds";
const CREATED: &str = "farcaster_miner_pipeline_sector_created_timestamp_seconds";
const RETRIES: &str = "farcaster_miner_pipeline_sector_retries";
const ERROR: &str = "farcaster_miner_pipeline_sector_error_info";
const DURATIONS: &str = "farcaster_miner_sealing_duration_seconds";

/// When the sectors of these tests begin.
const START: u64 = 1_795_600_000;

/// The log of a sector of the recorded network, up to so many entries.
fn recorded(name: &str, entries: usize) -> Vec<Value> {
    let text = std::fs::read_to_string(support::path("fixtures").join("devnet-logs.json")).unwrap();
    let logs: Value = serde_json::from_str(&text).unwrap();
    logs[name].as_array().unwrap()[..entries].to_vec()
}

/// A log with an event every hundred seconds, the first at [`START`].
fn log(parts: &[&[&str]]) -> Vec<Value> {
    let event = |(event, index): (&str, u64)| {
        let trace = if event.ends_with("Failed") { format!("{event}: no space left") } else { String::new() };
        json!({
            "Kind": format!("event;sealing.{event}"),
            "Timestamp": START + 100 * index,
            "Trace": trace,
            "Message": "{\"User\":{}}",
        })
    };
    parts.concat().into_iter().zip(0..).map(event).collect()
}

const TO_PRECOMMIT_2: &[&str] = &["SectorStartCC", "SectorPacked", "SectorTicket", "SectorPreCommit1"];
const TO_COMMIT_WAIT: &[&str] = &[
    "SectorPreCommit2",
    "SectorPreCommitBatchSent",
    "SectorPreCommitLanded",
    "SectorSeedReady",
    "SectorCommitted",
    "SectorCommitAggregateSent",
];
const TO_PROVING: &[&str] = &["SectorProving", "SectorFinalized"];

/// The farm, with one of its lotus-miners under a test's control.
struct Pipeline {
    farm: Farm,
    exporter: Exporter,
}

impl Pipeline {
    fn new() -> Pipeline {
        let farm = Farm::start();
        let exporter = farm.exporter();
        Pipeline { farm, exporter }
    }

    /// From now on it has these sectors, with their states and logs, and no jobs for them.
    fn has(&self, sectors: &[(u64, &str, Vec<Value>)]) -> &Pipeline {
        let miner = &self.farm.miner;
        miner.restore();
        miner
            .result("WorkerJobs", json!({}))
            .result("SealingSchedDiag", json!({"SchedInfo": {"Requests": null, "OpenWindows": null}}));
        let mut summary: BTreeMap<&str, u64> = BTreeMap::new();
        for (number, state, log) in sectors {
            *summary.entry(state).or_default() += 1;
            let status = json!({"SectorID": number, "State": state, "Retries": 0, "LastErr": "", "Log": log});
            miner.answer_to("SectorsStatus", json!([number]), Answer::Result(status));
        }
        let at_rest = |state: &str| ["Proving", "Available", "Removed"].contains(&state);
        let moving = sectors.iter().filter(|(_, state, _)| !at_rest(state)).map(|(number, ..)| number);
        miner.result("SectorsSummary", json!(summary));
        miner.result("SectorsListInStates", json!(moving.collect::<Vec<_>>()));
        miner.answer_to("SectorsListInStates", json!([["Proving", "Available"]]), Answer::Result(Value::Null));
        self
    }

    fn run(&self) -> (Metrics, String) {
        self.exporter.collect()
    }

    /// A run in which nothing of the pipeline fails.
    fn good_run(&self) -> Metrics {
        let (metrics, stderr) = self.run();
        assert_eq!((stderr.as_str(), metrics.success("pipeline", MINER)), ("", Some(true)));
        metrics
    }

    /// How often the sectors in the pipeline were listed so far.
    fn lists(&self) -> usize {
        let of_pipeline = |(method, params): &&(String, Value)| {
            method == "SectorsListInStates" && params[0].as_array().unwrap().contains(&json!("PreCommit1"))
        };
        self.farm.miner.calls().iter().filter(of_pipeline).count()
    }

    fn has_asked_about(&self, number: u64) -> bool {
        self.farm.miner.calls().contains(&("SectorsStatus".to_owned(), json!([number, false])))
    }
}

/// What is published of sector 7 when its log is this.
fn of_sector_7(state: &str, log: Vec<Value>) -> Metrics {
    let pipeline = Pipeline::new();
    pipeline.has(&[(7, state, log)]).good_run()
}

const SEVEN: &[(&str, &str)] = &[("sector", "7")];

fn times(metrics: &Metrics) -> [Option<f64>; 3] {
    [CREATED, PROGRESS, STATE].map(|family| metrics.value(family, SEVEN))
}

fn error(metrics: &Metrics) -> String {
    let rows = metrics.family(ERROR).into_iter().filter(|(labels, _)| labels["sector"] == "7");
    rows.map(|(labels, _)| labels["error"].as_str()).collect()
}

fn sectors(metrics: &Metrics) -> Vec<&str> {
    let rows = metrics.family(STATE).into_iter().filter(|(labels, _)| labels["miner_id"] == MINER);
    rows.map(|(labels, _)| labels["sector"].as_str()).collect()
}

fn durations(metrics: &Metrics) -> (Option<f64>, Option<f64>) {
    let of = |part: &str| metrics.value(&format!("{DURATIONS}_{part}"), &[("miner_id", MINER)]);
    (of("count"), of("sum"))
}

#[test]
fn a_recorded_sector_that_failed_shows_why() {
    let metrics = of_sector_7("SealPreCommit2Failed", recorded("failed", 5));
    assert_eq!(times(&metrics), [1_795_647_912, 1_795_648_012, 1_795_648_067].map(|time| Some(f64::from(time))));
    assert_eq!(metrics.value(RETRIES, SEVEN), Some(0.0));
    let why = "seal pre commit(2) failed: storage call error 0: failed to acquire sector {1000 22} from remote";
    assert!(error(&metrics).starts_with(why), "{}", error(&metrics));
}

#[test]
fn a_recorded_loop_of_retries_makes_no_progress() {
    let metrics = of_sector_7("SubmitCommitAggregate", recorded("resubmitted", 25));
    // The first time that it was sent into a batch was progress, the others were not.
    assert_eq!(times(&metrics), [1_795_647_331, 1_795_647_597, 1_795_647_859].map(|time| Some(f64::from(time))));
    assert_eq!(metrics.value(RETRIES, SEVEN), Some(8.0));
    let why = "computing seal proof failed(2): storage call error 101: worker [name: worker-one] restarted";
    assert_eq!(error(&metrics), why);
}

#[test]
fn recorded_upgrades_and_terminations_start_over() {
    let metrics = of_sector_7("SnapDealsPacking", recorded("upgraded", 29));
    assert_eq!(times(&metrics)[1..], [Some(1_795_648_298.0); 2]);
    let metrics = of_sector_7("WaitMutable", recorded("upgraded", 34));
    assert_eq!(times(&metrics)[1..], [Some(1_795_648_318.0); 2]);
    let metrics = of_sector_7("Terminating", recorded("terminated", 13));
    assert_eq!(times(&metrics)[1..], [Some(1_795_647_429.0); 2]);
    assert_eq!(error(&metrics), "");
}

#[test]
fn an_event_that_was_refused_resets_nothing() {
    let before = log(&[TO_PRECOMMIT_2]);
    let refused = log(&[TO_PRECOMMIT_2, &["SectorTicket"]]);
    let message = "state machine error: running planner for state PreCommit2 failed: planner for state PreCommit2 received unexpected \
                   event sealing.SectorTicket ({User:{}})";
    let error_entry =
        json!({"Kind": "error;*xerrors.wrapError", "Timestamp": START + 400, "Trace": "", "Message": message});
    let metrics = of_sector_7("PreCommit2", [refused, vec![error_entry]].concat());
    assert_eq!(times(&metrics), times(&of_sector_7("PreCommit2", before)));
    assert_eq!(error(&metrics), message);
}

/// Lotus keeps the first 2,000 entries of a log that has 8,000, and the last 2,000.
#[test]
fn what_a_shortened_log_has_lost_is_remembered() {
    let turn: &[&str] = &["SectorSealPreCommit2Failed", "SectorRetrySealPreCommit2"];
    let turns = |count: usize| turn.repeat(count);
    let failing = |before: &[&str], after: &[&str]| log(&[TO_PRECOMMIT_2, &turns(9), before, &turns(30), after]);
    let pipeline = Pipeline::new();
    // It made progress once, and was set back.
    let back: &[&str] = &["SectorPreCommit2", "SectorChainPreCommitFailed", "SectorSealPreCommit1Failed"];
    let long = failing(back, &[]);
    let before = pipeline.has(&[(7, "PreCommit2", long.clone())]).good_run();
    assert_eq!(before.value(RETRIES, SEVEN), Some(39.0));
    assert_eq!(before.value(PROGRESS, SEVEN), Some((START + 100 * 22) as f64));

    let mark = json!({"Kind": "truncate", "Timestamp": START + 8300, "Trace": "", "Message": "truncating log (above 8000 entries)"});
    let shortened = |log: &[Value]| [&log[..14], std::slice::from_ref(&mark), &log[74..]].concat();
    let on = failing(back, &["SectorPreCommit2", "SectorChainPreCommitFailed", "SectorRetryPreCommit"]);
    let after = pipeline.has(&[(7, "PreCommitting", shortened(&on))]).good_run();
    assert_eq!(after.value(PROGRESS, SEVEN), before.value(PROGRESS, SEVEN), "it had been there");
    assert_eq!(after.value(STATE, SEVEN), Some(on.last().unwrap()["Timestamp"].as_f64().unwrap()));
    let retries = after.value(RETRIES, SEVEN).unwrap();
    assert!((39.0..=40.0).contains(&retries), "{retries}");

    let more = failing(
        back,
        &[&["SectorPreCommit2", "SectorChainPreCommitFailed", "SectorRetryPreCommit"], &turns(4)[..]].concat(),
    );
    let later = pipeline.has(&[(7, "PreCommit2", shortened(&more))]).good_run();
    assert_eq!(later.value(RETRIES, SEVEN), Some(retries + 4.0));
}

/// A log of megabytes about a single sector that fails and is retried.
#[test]
fn a_vast_log() {
    let trace = "x".repeat(900);
    let turn: &[&str] = &["SectorSealPreCommit2Failed", "SectorRetrySealPreCommit2"];
    let mut vast = log(&[TO_PRECOMMIT_2, &turn.repeat(3998)]);
    for entry in &mut vast {
        entry["Timestamp"] = json!(START + (entry["Timestamp"].as_u64().unwrap() - START) / 100);
        entry["Trace"] = json!(format!("{}{trace}", entry["Trace"].as_str().unwrap()));
    }
    let metrics = of_sector_7("PreCommit2", vast);
    assert_eq!(metrics.value(RETRIES, SEVEN), Some(3998.0));
    assert_eq!(times(&metrics), [0, 3, 7999].map(|seconds| Some((START + seconds) as f64)));
    assert_eq!(error(&metrics).chars().count(), 200);
}

#[test]
fn faults_in_a_log_are_one_line_and_the_rest_is_read() {
    let good = log(&[TO_PRECOMMIT_2]);
    for wrong in
        [json!(7), json!([1]), json!({"Kind": 7, "Timestamp": START}), json!({"Kind": "event;sealing.SectorTicket"})]
    {
        let pipeline = Pipeline::new();
        let entries = [good[..2].to_vec(), vec![wrong.clone(), wrong], good[2..].to_vec()].concat();
        let (metrics, stderr) = pipeline.has(&[(7, "PreCommit2", entries)]).run();
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(
            stderr.contains("SectorsStatus(7).Log[2]: ") && stderr.contains("the first of 2 bad entries"),
            "{stderr}"
        );
        assert_eq!(metrics.failed(), [format!("pipeline {MINER}")]);
        assert_eq!(times(&metrics), [0, 300, 300].map(|seconds| Some((START + seconds) as f64)));
        assert!(!metrics.has(RETRIES, SEVEN), "one of the entries may have been one");
    }
}

#[test]
fn impossible_times_are_not_published() {
    for time in
        [json!(i64::MIN), json!(-1), json!(7), json!(i64::MAX), json!(u64::MAX), json!(4_000_000_000u64), json!(1e29)]
    {
        let mut entries = log(&[TO_PRECOMMIT_2]);
        entries[0]["Timestamp"] = time.clone();
        let pipeline = Pipeline::new();
        let (metrics, stderr) = pipeline.has(&[(7, "PreCommit2", entries)]).run();
        assert!(stderr.contains("SectorsStatus(7).Log") && stderr.lines().count() == 1, "{stderr}");
        assert!(!metrics.has(CREATED, SEVEN), "{time}");
        assert!(metrics.value(STATE, SEVEN).is_none_or(|entered| entered == (START + 300) as f64), "{time}");
    }
}

#[test]
fn a_new_sector_shows_at_once() {
    let pipeline = Pipeline::new();
    let (old, new) = ((7, "PreCommit2", log(&[TO_PRECOMMIT_2])), (8, "Packing", log(&[&["SectorStartCC"]])));
    assert_eq!(sectors(&pipeline.has(std::slice::from_ref(&old)).good_run()), ["7"]);
    assert_eq!(sectors(&pipeline.has(&[old.clone(), new.clone()]).good_run()), ["7", "8"]);
    assert_eq!(pipeline.lists(), 2);
    // Those that are listed again are there, and stay.
    assert_eq!(sectors(&pipeline.good_run()), ["7", "8"]);
    // One that comes while another leaves, so that there are as many as before.
    let left = (7, "Proving", log(&[TO_PRECOMMIT_2, TO_COMMIT_WAIT, TO_PROVING]));
    let upgraded = (9, "SnapDealsWaitDeals", log(&[&["SectorMarkForUpdate", "SectorStartCCUpdate"]]));
    assert_eq!(sectors(&pipeline.has(&[left, new, upgraded]).good_run()), ["8", "9"]);
    assert_eq!(pipeline.lists(), 3);
}

#[test]
fn a_busy_miners_sectors_are_not_listed_needlessly() {
    let pipeline = Pipeline::new();
    let states = ["Packing", "GetTicket", "PreCommit1", "PreCommit2", "SubmitPreCommitBatch", "PreCommitBatchWait"];
    for (run, state) in states.into_iter().enumerate() {
        let events = &[TO_PRECOMMIT_2, TO_COMMIT_WAIT].concat()[..=run];
        let waiting = (3, "WaitSeed", log(&[TO_PRECOMMIT_2]));
        let metrics = pipeline.has(&[waiting, (7, state, log(&[events]))]).good_run();
        assert!(metrics.has(STATE, &[("sector", "7"), ("state", state)]), "{state}");
    }
    // One that left is not a reason either, and one that the list lacks is a reason only once.
    pipeline.has(&[(3, "WaitSeed", log(&[TO_PRECOMMIT_2])), (7, "Proving", log(&[TO_PROVING]))]).good_run();
    assert_eq!(pipeline.lists(), 1);
    pipeline.farm.miner.result("SectorsSummary", json!({"WaitSeed": 1, "PreCommit1": 1}));
    for _ in 0..3 {
        pipeline.good_run();
    }
    assert_eq!(pipeline.lists(), 2);
}

#[test]
fn a_sector_without_its_state_stays_as_it_was_known() {
    let pipeline = Pipeline::new();
    let known = pipeline.has(&[(7, "CommitWait", log(&[TO_PRECOMMIT_2, TO_COMMIT_WAIT]))]).good_run();
    let done = log(&[TO_PRECOMMIT_2, TO_COMMIT_WAIT, TO_PROVING]);
    for state in [json!(null), json!(7)] {
        pipeline.has(&[(7, "Proving", done.clone())]);
        let status = json!({"State": state, "Log": done});
        pipeline.farm.miner.answer_to("SectorsStatus", json!([7]), Answer::Result(status));
        let (metrics, stderr) = pipeline.run();
        assert!(stderr.contains("SectorsStatus(7).State"), "{stderr}");
        assert_eq!(times(&metrics), times(&known), "{state}");
        assert!(metrics.has(STATE, &[("sector", "7"), ("state", "CommitWait")]), "{state}");
        assert_eq!(durations(&metrics), durations(&known), "{state}");
    }
    let after = pipeline.has(&[(7, "Proving", done.clone())]).good_run();
    assert!(sectors(&after).is_empty());
    assert_eq!(durations(&after), (Some(1.0), Some(1000.0)));
    // At rest, and asked about because of a task: it does not count again, with or without its state.
    let jobs = json!({"ef8d99a2-6865-4189-8ffa-9fef0f800000": [{
        "ID": {"Sector": {"Miner": 1234, "Number": 7}, "ID": "0"}, "Sector": {"Miner": 1234, "Number": 7},
        "Task": "seal/v0/unseal", "RunWait": 0, "Start": "2026-11-25T00:00:00Z", "Hostname": ""}]});
    pipeline.farm.miner.result("WorkerJobs", jobs);
    pipeline.farm.miner.answer_to("SectorsStatus", json!([7]), Answer::Result(json!({"Log": done})));
    let (unknown, _) = pipeline.run();
    assert!(sectors(&unknown).is_empty());
    pipeline.farm.miner.answer_to(
        "SectorsStatus",
        json!([7]),
        Answer::Result(json!({"State": "Proving", "Log": done})),
    );
    assert_eq!(durations(&pipeline.good_run()), (Some(1.0), Some(1000.0)));
}

#[test]
fn sealing_counts_wherever_it_ends_and_upgrades_do_not() {
    let wait = || log(&[TO_PRECOMMIT_2, TO_COMMIT_WAIT]);
    let sealed = |more: &[&str]| log(&[TO_PRECOMMIT_2, TO_COMMIT_WAIT, TO_PROVING, more]);
    for (state, log, seconds) in [
        ("Proving", sealed(&[]), 1000.0),
        ("Available", log(&[TO_PRECOMMIT_2, TO_COMMIT_WAIT, &["SectorProving", "SectorFinalizedAvailable"]]), 1000.0),
        ("Available", sealed(&["SectorMarkForUpdate"]), 1000.0),
        ("SnapDealsPacking", sealed(&["SectorMarkForUpdate", "SectorStartCCUpdate", "SectorStartPacking"]), 1000.0),
        ("Terminating", sealed(&["SectorTerminate"]), 1000.0),
        ("Faulty", sealed(&["SectorFaulty"]), 1000.0),
        // Forced to rest where finalizing failed.
        (
            "Proving",
            log(&[TO_PRECOMMIT_2, TO_COMMIT_WAIT, &["SectorProving", "SectorFinalizeFailed", "SectorForceState"]]),
            1100.0,
        ),
    ] {
        let pipeline = Pipeline::new();
        pipeline.has(&[(7, "CommitAggregateWait", wait())]).good_run();
        let ended = pipeline.has(&[(7, state, log.clone())]).good_run();
        assert_eq!(durations(&ended), (Some(1.0), Some(seconds)), "{state} after {log:?}");
        // Whatever happens to it later does not matter.
        let upgrade = ["SectorStartCCUpdate", "SectorPacked", "SectorReplicaUpdate", "SectorReplicaUpdateLanded"];
        pipeline.has(&[(7, "UpdateActivating", sealed(&upgrade))]).good_run();
        let over = [&upgrade[..], &["SectorUpdateActive", "SectorKeyReleased"]].concat();
        let upgraded = pipeline.has(&[(7, "Proving", sealed(&over))]).good_run();
        assert_eq!(durations(&upgraded), durations(&ended), "{state}");
    }
    for (state, log) in [
        ("Removed", log(&[TO_PRECOMMIT_2, &["SectorRemove", "SectorRemoved"]])),
        ("Proving", vec![]),
        ("Proving", log(&[TO_PROVING])),
    ] {
        let pipeline = Pipeline::new();
        pipeline.has(&[(7, "CommitAggregateWait", wait())]).good_run();
        assert_eq!(durations(&pipeline.has(&[(7, state, log)]).good_run()), (Some(0.0), Some(0.0)), "{state}");
    }
}

/// A state file with numbers that no exporter wrote.
#[test]
fn numbers_in_the_state_that_do_not_fit() {
    let pipeline = Pipeline::new();
    let looping = log(&[TO_PRECOMMIT_2, &["SectorSealPreCommit2Failed", "SectorRetrySealPreCommit2"]]);
    let mark = json!({"Kind": "truncate", "Timestamp": START + 900, "Trace": "", "Message": ""});
    let looping = [looping, vec![mark]].concat();
    pipeline.has(&[(7, "PreCommit2", looping.clone()), (8, "CommitWait", log(&[TO_PRECOMMIT_2]))]).good_run();
    let path = pipeline.exporter.home().join(".local/state/lotus-farcaster/state.json");
    let mut state: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let section = &mut state["sections"][format!("pipeline/{MINER}")];
    section["durations"] = json!({"sum_seconds": u64::MAX, "count": u64::MAX, "recent_seconds": [u64::MAX]});
    section["unexplained"] = json!(i64::MIN);
    section["summary_at_list"] = json!({"PreCommit1": u64::MAX, "PreCommit2": u64::MAX});
    let past = &mut section["sectors"]["7"]["past"];
    past["retries"] = json!(u64::MAX);
    past["lost_retries"] = json!(u64::MAX);
    past["reach"] = json!({"began": u64::MAX, "furthest": u64::MAX, "progress_seconds": u64::MAX});
    std::fs::write(&path, state.to_string()).unwrap();
    let sealed = log(&[TO_PRECOMMIT_2, TO_COMMIT_WAIT, TO_PROVING]);
    pipeline.has(&[(7, "PreCommit1", looping), (8, "Proving", sealed)]).good_run();
    assert!(pipeline.has_asked_about(7));
}
