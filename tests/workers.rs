//! Workers, their jobs and the scheduler's queue, over as many runs as it takes: a job that ended counts once, and neither a wrong answer
//! nor a machine that dies counts as an end.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Map, Value, json};
use support::{Answer, Exporter, Farm, MINER, Metrics};

const WORKER: &str = "ef8d99a2-6865-4189-8ffa-9fef0f800000";
/// Its process after a restart.
const RESTARTED: &str = "ef8d99a2-6865-4189-8ffa-9fef0f8000ff";
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";
const TASK: &str = "seal/v0/precommit/1";
const HOST: &str = "sealer-1";

const MINER_STARTED: &str = "2024-01-01T00:00:00Z";
const JOB_STARTED: &str = "2024-01-02T00:00:00.25Z";
const JOB_STARTED_SECONDS: f64 = 1_704_153_600.25;

/// The farm with one exporter that remembers.
struct Site {
    farm: Farm,
    exporter: Exporter,
}

impl Site {
    fn new() -> Site {
        let farm = Farm::start();
        let exporter = farm.exporter();
        farm.miner.result("StartTime", json!(MINER_STARTED));
        Site { farm, exporter }
    }

    fn run(&self) -> Metrics {
        self.exporter.collect().0
    }

    /// A run in which these jobs are there.
    fn run_with(&self, jobs: Value) -> Metrics {
        self.farm.miner.result("WorkerJobs", jobs);
        self.run()
    }

    /// A run in which the worker does one job, a few that start with its end, and what they show of jobs that ended.
    fn run_to_the_end(&self) -> Metrics {
        self.run_with(json!({WORKER: [running("a", JOB_STARTED)]}));
        self.run_with(json!({}));
        self.run();
        self.run()
    }

    fn answer_of_workers(&self, answer: Answer) {
        self.farm.miner.answer("WorkerStats", answer);
    }

    fn worker(&self, pointer: &str, value: Value) {
        self.farm.miner.change("WorkerStats", json!([]), &format!("/{WORKER}{pointer}"), value);
    }

    /// The worker's process ended and another one was started on its machine.
    fn restart_worker(&self) {
        let mut stats = self.farm.miner.result_of("WorkerStats", json!([]));
        let worker = stats.as_object_mut().unwrap().remove(WORKER).unwrap();
        stats[RESTARTED] = worker;
        self.farm.miner.result("WorkerStats", stats);
    }
}

fn job(id: &str, run_wait: i64, start: &str) -> Value {
    let sector = json!({"Miner": 1234, "Number": 24});
    json!({"ID": {"Sector": sector, "ID": id}, "Sector": sector, "Task": TASK, "RunWait": run_wait, "Start": start})
}

fn running(id: &str, start: &str) -> Value {
    job(id, 0, start)
}

/// How lotus-miner lists a job that it knew before it restarted.
fn from_before(id: &str, start: &str) -> Value {
    let mut job = job(id, -1, start);
    job["Hostname"] = json!(HOST);
    json!({NO_ID: [job]})
}

fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

fn ended(metrics: &Metrics) -> Option<f64> {
    let all = metrics.values("farcaster_miner_task_duration_seconds_count", &[("miner_id", MINER)]);
    (!all.is_empty()).then(|| all.iter().sum())
}

/// One job ended, the one that ran on the host since [`JOB_STARTED`].
fn assert_ended_once(metrics: &Metrics) {
    assert_eq!(ended(metrics), Some(1.0));
    let labels = [("miner_id", MINER), ("task", TASK), ("worker_host", HOST)];
    let seconds = metrics.value("farcaster_miner_task_duration_seconds_sum", &labels).unwrap();
    let since = now() - JOB_STARTED_SECONDS;
    assert!((since - 600.0..=since).contains(&seconds), "{seconds} of {since}");
}

#[test]
fn a_job_that_ended_counts_once() {
    let site = Site::new();
    assert_ended_once(&site.run_to_the_end());
    assert_ended_once(&site.run_with(json!({WORKER: [running("b", JOB_STARTED)]})));
    assert_ended_once(&site.run());
}

#[test]
fn a_job_whose_result_is_waiting_has_ended() {
    let site = Site::new();
    site.run_with(json!({WORKER: [running("a", JOB_STARTED)]}));
    site.run_with(from_before("a", JOB_STARTED));
    assert_ended_once(&site.run());
    assert_ended_once(&site.run_with(json!({})));
}

/// Whatever one answer leaves out, the job that still runs afterwards did not end with it, and ends once.
#[test]
fn one_bad_list_ends_no_job() {
    let job = running("a", JOB_STARTED);
    let without = |field: &str| {
        let mut job = job.clone();
        job.as_object_mut().unwrap().remove(field);
        json!({WORKER: [job]})
    };
    let with = |field: &str, value: Value| {
        let mut job = job.clone();
        job[field] = value;
        json!({WORKER: [job]})
    };
    let answers = [
        Answer::Result(json!({})),
        Answer::Result(Value::Null),
        Answer::Result(json!({WORKER: []})),
        Answer::Result(json!({WORKER: null})),
        Answer::Result(json!({WORKER: "surprise"})),
        Answer::Result(json!({WORKER: [running("b", JOB_STARTED)]})),
        Answer::Result(without("ID")),
        Answer::Result(without("RunWait")),
        Answer::Result(without("Task")),
        Answer::Result(without("Sector")),
        Answer::Result(with("RunWait", json!(-5))),
        Answer::Result(with("Start", json!("1970-01-01T00:00:00Z"))),
        Answer::Error(1, "try again".to_owned()),
        Answer::Raw("[[1]]".to_owned()),
    ];
    for answer in answers {
        let site = Site::new();
        let whole = json!({WORKER: [job]});
        site.run_with(whole.clone());
        site.farm.miner.answer("WorkerJobs", answer.clone());
        assert_eq!(ended(&site.run()), None, "{answer:?}");
        site.run_with(whole.clone());
        // Job b of one of the answers did end.
        let others = ended(&site.run()).unwrap_or_default();
        assert!(others <= 1.0, "{answer:?}");
        site.run_with(json!({}));
        assert_eq!(ended(&site.run()), Some(others + 1.0), "{answer:?}");
    }
}

/// What cannot be read is not gone, however often it is asked for.
#[test]
fn a_list_that_stays_unreadable_ends_no_job() {
    for bad in [json!("surprise"), json!({WORKER: [{"ID": 7}]}), json!({WORKER: 7}), json!({WORKER: [{}]})] {
        let site = Site::new();
        site.run_with(json!({WORKER: [running("a", JOB_STARTED)]}));
        for _ in 0..3 {
            let metrics = site.run_with(bad.clone());
            assert_eq!(ended(&metrics), None, "{bad}");
            assert_eq!(metrics.failed(), [format!("jobs {MINER}")], "{bad}");
            assert!(!metrics.has("farcaster_miner_jobs", &[("miner_id", MINER)]), "a part is no count: {bad}");
        }
    }
}

#[test]
fn impossible_times_give_no_duration() {
    let tomorrow = "2099-01-01T00:00:00Z";
    for start in ["1970-01-01T00:00:00Z", "0002-01-01T00:00:00Z", "2023-12-31T23:59:59Z", tomorrow, "", "soon"] {
        let site = Site::new();
        site.run_with(json!({WORKER: [running("a", start)]}));
        site.run_with(json!({}));
        site.run();
        assert_eq!(ended(&site.run()), None, "{start}");
    }
}

/// Two runs that report two starts of one job: it is unknown which is right.
#[test]
fn a_start_time_that_changes_is_not_believed() {
    let site = Site::new();
    site.run_with(json!({WORKER: [running("a", "2024-01-01T08:00:00Z")]}));
    assert_eq!(ended(&site.run_to_the_end()), None);
}

/// A start that one run reported wrongly is forgotten when the next reports it.
#[test]
fn an_impossible_start_is_reported_again() {
    let site = Site::new();
    site.run_with(json!({WORKER: [running("a", "1970-01-01T00:00:00Z")]}));
    assert_ended_once(&site.run_to_the_end());
}

/// lotus-miner goes on listing what a dead worker did, until the worker starts again and says that it lost it.
#[test]
fn a_job_whose_worker_was_killed_did_not_finish() {
    let site = Site::new();
    let jobs = json!({WORKER: [running("a", JOB_STARTED)]});
    site.run_with(jobs.clone());
    site.restart_worker();
    let metrics = site.run_with(jobs);
    let row = [("job_id", "a"), ("worker_host", HOST)];
    assert!(metrics.has("farcaster_miner_job_start_timestamp_seconds", &row), "it keeps its host");
    assert_eq!(metrics.value("farcaster_miner_jobs", &[("task", TASK), ("worker_host", HOST)]), Some(1.0));
    site.run_with(json!({}));
    site.run();
    assert_eq!(ended(&site.run()), None);
}

/// The worker's end and the job's may be seen in one run.
#[test]
fn a_job_that_disappears_with_its_worker_did_not_finish() {
    let site = Site::new();
    site.run_with(json!({WORKER: [running("a", JOB_STARTED)]}));
    site.restart_worker();
    site.run_with(json!({RESTARTED: [running("b", JOB_STARTED)]}));
    site.run();
    let metrics = site.run();
    assert_eq!(ended(&metrics), None);
    assert_eq!(metrics.value("farcaster_miner_jobs", &[("task", TASK), ("worker_host", HOST)]), Some(1.0));
}

#[test]
fn a_job_whose_lotus_miner_was_killed_did_not_finish() {
    let lists = [json!({}), from_before("a", JOB_STARTED), json!({WORKER: [running("b", JOB_STARTED)]})];
    for list in lists {
        let site = Site::new();
        site.run_with(json!({WORKER: [running("a", JOB_STARTED)]}));
        site.farm.miner.result("StartTime", json!("2024-01-03T00:00:00Z"));
        site.run_with(list.clone());
        site.run_with(list.clone());
        site.run_with(json!({}));
        assert_eq!(ended(&site.run()), None, "{list}");
    }
}

/// Nor does it count if the restart shows only one run later, or is not reported for a while.
#[test]
fn nothing_ends_while_it_is_not_known_whether_lotus_miner_restarted() {
    let site = Site::new();
    site.run_with(json!({WORKER: [running("a", JOB_STARTED)]}));
    site.farm.miner.answer("StartTime", Answer::Error(1, "starting".to_owned()));
    site.run_with(json!({}));
    assert_eq!(ended(&site.run()), None);
    site.farm.miner.result("StartTime", json!(MINER_STARTED));
    site.run();
    assert_ended_once(&site.run());
}

/// Which host a worker is on does not change while it lives, so a run that is not told knows it from earlier ones.
#[test]
fn a_job_keeps_its_host_while_the_workers_cannot_be_asked() {
    let bad_answers: [&dyn Fn(&Site); 4] = [
        &|site| site.answer_of_workers(Answer::Error(1, "busy".to_owned())),
        &|site| site.answer_of_workers(Answer::Result(json!({}))),
        &|site| site.worker("/Info/Hostname", json!("")),
        &|site| site.worker("/Info", Value::Null),
    ];
    for (index, bad_answer) in bad_answers.into_iter().enumerate() {
        // In the run before the job's end, in that of its end, in the one after it.
        for at in 0..3 {
            let site = Site::new();
            let good = site.farm.miner.result_of("WorkerStats", json!([]));
            let jobs = [json!({WORKER: [running("a", JOB_STARTED)]}), json!({}), json!({})];
            site.run_with(jobs[0].clone());
            for (run, jobs) in jobs.into_iter().enumerate() {
                match run == at {
                    true => bad_answer(&site),
                    false => site.answer_of_workers(Answer::Result(good.clone())),
                }
                let metrics = site.run_with(jobs);
                let hosts = metrics.label("farcaster_miner_job_start_timestamp_seconds", "worker_host");
                assert!(!hosts.contains(""), "bad answer {index} in run {run}: {hosts:?}");
            }
            site.farm.miner.result("WorkerStats", good);
            assert_ended_once(&site.run());
        }
    }
}

#[test]
fn a_damaged_state_adds_up_to_nothing_absurd() {
    let damages: [(&str, Value); 7] = [
        ("/finished/0/count", json!(u64::MAX)),
        ("/finished/0/milliseconds", json!(u64::MAX)),
        ("/finished/0/count", json!(-1)),
        ("/finished/0/milliseconds", json!(-1)),
        ("/running/b/start_seconds", json!(-1e300)),
        ("/running/b/seen_seconds", json!(1e300)),
        ("/running/b/seen_seconds", json!(-1e300)),
    ];
    for (pointer, value) in damages {
        let site = Site::new();
        site.run_to_the_end();
        site.run_with(json!({WORKER: [running("b", JOB_STARTED)]}));
        let path = site.exporter.home().join(".local/state/lotus-farcaster/state.json");
        let mut state: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        *state["sections"][format!("jobs/{MINER}")].pointer_mut(pointer).unwrap() = value.clone();
        std::fs::write(&path, state.to_string()).unwrap();
        site.run_with(json!({}));
        site.run();
        let metrics = site.run();
        let sum = metrics.values("farcaster_miner_task_duration_seconds_sum", &[("miner_id", MINER)]);
        let bound = 2.0 * (now() - JOB_STARTED_SECONDS);
        assert!(sum.iter().all(|sum| (0.0..=bound).contains(sum)), "{pointer} {value}: {sum:?}");
        assert!(ended(&metrics).unwrap_or_default() <= 2.0, "{pointer} {value}");
    }
}

/// Lotus counts a worker's tasks by the type of proof, too; jobs and the queue do not.
#[test]
fn a_workers_tasks_have_the_same_names_as_jobs() {
    let site = Site::new();
    let counts = json!({
        "5:seal/v0/precommit/1": 1, "8:seal/v0/precommit/1": 2, "8:seal/v0/addpiece": 0, "0:seal/v0/datacid": 1,
        "5:": 1, "8:": 3, "8:seal/v0/commit/2": 1, "9:seal/v0/commit/2": -1, "8:post/v0/windowproof": 1,
    });
    site.worker("/TaskCounts", counts);
    let (metrics, stderr) = site.exporter.collect();
    let tasks = |task: &str| metrics.value("farcaster_worker_tasks", &[("worker", WORKER), ("task", task)]);
    assert_eq!(tasks(TASK), Some(3.0));
    assert_eq!(tasks("seal/v0/addpiece"), Some(0.0));
    assert_eq!(tasks("seal/v0/datacid"), Some(1.0));
    assert_eq!(tasks("post/v0/windowproof"), Some(1.0));
    assert_eq!(tasks(""), Some(4.0), "prepared, with nothing to fetch");
    assert_eq!(tasks("seal/v0/commit/2"), None, "a sum of which a part cannot be");
    assert!(stderr.contains("9:seal/v0/commit/2"), "{stderr}");
    assert_eq!(metrics.failed(), [format!("workers {MINER}")]);
}

/// Jobs that have not begun have no id yet, and pieces that are being hashed belong to no sector: they may be identical.
#[test]
fn identical_jobs_and_requests_share_a_row() {
    let site = Site::new();
    let hashing = |start: &str| {
        let nothing = json!({"Miner": 0, "Number": 0});
        let id = json!({"Sector": nothing, "ID": NO_ID});
        json!({"ID": id, "Sector": nothing, "Task": "seal/v0/datacid", "RunWait": 2, "Start": start})
    };
    site.farm.miner.result("WorkerJobs", json!({WORKER: [hashing("2024-01-03T00:00:00Z"), hashing(JOB_STARTED)]}));
    let request = |priority: i64| {
        let sector = json!({"Miner": 1234, "Number": 24});
        json!({"Sector": sector, "TaskType": "seal/v0/unseal", "Priority": priority, "SchedId": NO_ID})
    };
    let requests = json!({"SchedInfo": {"Requests": [request(0), request(7)], "OpenWindows": null}});
    site.farm.miner.result("SealingSchedDiag", requests);
    let (metrics, stderr) = site.exporter.collect();
    assert_eq!((stderr.as_str(), metrics.failed()), ("", vec![]));
    let task = [("miner_id", MINER), ("task", "seal/v0/datacid")];
    assert_eq!(metrics.values("farcaster_miner_job_start_timestamp_seconds", &task), [JOB_STARTED_SECONDS]);
    assert_eq!(metrics.value("farcaster_miner_jobs", &task), Some(2.0));
    let task = [("miner_id", MINER), ("task", "seal/v0/unseal")];
    assert_eq!(metrics.values("farcaster_miner_scheduler_queued_sector", &task), [7.0]);
    assert_eq!(metrics.value("farcaster_miner_scheduler_queue", &task), Some(2.0));
}

#[test]
fn a_missing_list_of_requests_is_not_an_empty_queue() {
    let no_queues = [json!({}), json!({"SchedInfo": null}), json!({"SchedInfo": {}}), json!({"SchedInfo": [[]]})];
    for no_queue in no_queues {
        let site = Site::new();
        site.farm.miner.result("SealingSchedDiag", no_queue.clone());
        let (metrics, stderr) = site.exporter.collect();
        assert_eq!(metrics.failed(), [format!("scheduler {MINER}")], "{no_queue}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains("SealingSchedDiag"), "{stderr}");
        assert!(!metrics.has("farcaster_miner_scheduler_queue", &[("miner_id", MINER)]));
    }
    let site = Site::new();
    site.farm.miner.change("SealingSchedDiag", json!([false]), "/SchedInfo/Requests", Value::Null);
    assert_eq!(site.run().failed(), Vec::<String>::new(), "Go's empty list");
}

#[test]
fn an_impossible_priority_is_left_out_and_its_task_still_waits() {
    for priority in [json!(i64::MAX), json!(i64::MIN), json!(u64::MAX), json!(1e29), json!("high")] {
        let site = Site::new();
        site.farm.miner.change("SealingSchedDiag", json!([false]), "/SchedInfo/Requests/0/Priority", priority.clone());
        let (metrics, stderr) = site.exporter.collect();
        assert_eq!(metrics.failed(), [format!("scheduler {MINER}")], "{priority}");
        assert!(stderr.contains("Requests[0].Priority"), "{stderr}");
        assert!(!metrics.has("farcaster_miner_scheduler_queued_sector", &[("sector", "29")]));
        assert_eq!(metrics.value("farcaster_miner_scheduler_queued_sector", &[("sector", "26")]), Some(2048.0));
        assert_eq!(metrics.value("farcaster_miner_scheduler_queue", &[("task", TASK)]), Some(1.0));
    }
}

/// The queue of a request that cannot be read is unknown.
#[test]
fn a_request_that_cannot_be_read_leaves_no_count() {
    for pointer in ["", "/TaskType", "/Sector"] {
        let site = Site::new();
        site.farm.miner.change(
            "SealingSchedDiag",
            json!([false]),
            &format!("/SchedInfo/Requests/0{pointer}"),
            json!(7),
        );
        let metrics = site.run();
        assert_eq!(metrics.failed(), [format!("scheduler {MINER}")], "{pointer}");
        assert!(!metrics.has("farcaster_miner_scheduler_queue", &[("miner_id", MINER)]), "{pointer}");
        assert!(metrics.has("farcaster_miner_scheduler_queued_sector", &[("sector", "26")]), "{pointer}");
    }
}

/// The simulated farm's workers report what was in use when they connected, as Lotus' do, and count tasks by Lotus' keys.
#[test]
fn the_demos_workers_are_like_those_of_lotus() {
    use lotus_farcaster::demo::{Farm, Node};
    let farm = Farm::new(1000);
    let ask = |method: &str, now: f64| farm.answer(Node::Miner(0), &format!("Filecoin.{method}"), &[], now).unwrap();
    let begin = 1_795_000_000.0;
    let mut seen = std::collections::BTreeSet::new();
    for minute in 0..600 {
        let now = begin + 60.0 * f64::from(minute);
        let stats = ask("WorkerStats", now);
        let infos = |stats: &Value| -> Map<String, Value> {
            let workers = stats.as_object().unwrap().iter();
            workers.map(|(id, worker)| (id.clone(), worker["Info"].clone())).collect()
        };
        assert_eq!(infos(&stats), infos(&ask("WorkerStats", begin)), "what a worker told once stays");
        let jobs = ask("WorkerJobs", now);
        for (id, worker) in stats.as_object().unwrap() {
            let jobs = jobs.get(id).and_then(Value::as_array).cloned().unwrap_or_default();
            let of_state = |run_wait: i64| jobs.iter().filter(move |job| job["RunWait"] == json!(run_wait));
            let mut counted = 0;
            for (key, count) in worker["TaskCounts"].as_object().unwrap() {
                let (proof, task) = key.split_once(':').unwrap();
                proof.parse::<u64>().unwrap();
                let running = of_state(0).filter(|job| job["Task"] == json!(task)).count() as u64;
                if !["", "seal/v0/fetch"].contains(&task) {
                    assert_eq!(count.as_u64(), Some(running), "{key}");
                }
                counted += count.as_u64().unwrap();
                seen.insert(key.clone());
            }
            assert_eq!(counted as usize, of_state(0).count() + of_state(1).count(), "{id}");
            for job in of_state(1).chain(of_state(2)) {
                assert_eq!(job["ID"]["ID"], json!(NO_ID), "no id before it begins");
            }
        }
    }
    assert!(seen.contains("8:seal/v0/precommit/1") && seen.contains("8:"), "{seen:?}");
}
