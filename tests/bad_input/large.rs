//! Answers of any size: peak memory stays below what the documents promise, and an answer that is too large affects no other.

use serde_json::{Value, json};

use crate::assert_others_unharmed;
use crate::support::{Answer, Farm, MINER, Metrics, Run, names};

/// What the documents promise; the containers allow twice as much.
const MAX_MEGABYTES: u64 = 64;

/// The peak of a run with `--verbose`.
fn peak_megabytes(run: &Run) -> u64 {
    let line = run.stderr.lines().find(|line| line.contains("kB peak memory")).unwrap_or_else(|| panic!("{run:?}"));
    let before = line.split(" kB peak memory").next().unwrap();
    before.rsplit(' ').next().unwrap().parse::<u64>().unwrap() / 1000
}

fn metrics(run: &Run) -> Metrics {
    Metrics::parse(&run.stdout)
}

fn assert_small(run: &Run, what: &str) {
    assert!(run.status.success(), "{what}: {run:?}");
    let megabytes = peak_megabytes(run);
    assert!(megabytes < MAX_MEGABYTES, "{what}: {megabytes} MB");
}

/// As much of a list or an object as these bytes hold.
fn filled(open: &str, element: &str, close: &str, bytes: usize) -> Answer {
    let elements = vec![element; bytes / (element.len() + 1)].join(",");
    Answer::Raw(format!("{open}{elements}{close}"))
}

#[test]
fn large_answers_of_every_method_at_once_take_little_memory() {
    const AS_A_NODE_THAT_IS_THERE: [&str; 5] =
        ["Version", "ActorAddress", "ChainHead", "StateNetworkName", "StateGetNetworkParams"];
    let long_text = format!("\"{}\"", "x".repeat(1 << 20));
    let shapes = [
        ("numbers", filled("[", "0", "]", 1_900_000)),
        ("empty objects", filled("[", "{}", "]", 1_900_000)),
        ("many numbers", filled("[", "123456", "]", 20_000_000)),
        ("long texts", filled("[", &long_text, "]", 20_000_000)),
        ("an object", filled("{", r#""a":{"b":[1]}"#, "}", 20_000_000)),
        ("deep lists", Answer::Raw(format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000)))),
    ];
    for (what, answer) in shapes {
        let farm = Farm::start();
        for (node, is_daemon) in [(&farm.daemon, true), (&farm.miner, false)] {
            for method in names(is_daemon).into_iter().filter(|name| !AS_A_NODE_THAT_IS_THERE.contains(name)) {
                node.answer(method, answer.clone());
            }
        }
        let run = farm.exporter().args(&["--verbose", "--timeout", "55s"]).run();
        assert_small(&run, what);
    }
}

/// A message as the pool of mainnet holds it, with parameters of a proof.
fn message(nonce: usize) -> Value {
    json!({
        "Message": {
            "Version": 0, "To": "f01000", "From": format!("f3{:0>84}", nonce), "Nonce": nonce, "Value": "0",
            "GasLimit": 60_000_000, "GasFeeCap": "1000000", "GasPremium": "100000", "Method": 5,
            "Params": "x".repeat(600), "CID": {"/": format!("bafy2bzace{nonce:0>52}")},
        },
        "Signature": {"Type": 2, "Data": "y".repeat(128)},
        "CID": {"/": format!("bafy2bzace{nonce:0>52}")},
    })
}

#[test]
fn a_pool_of_fifty_thousand_messages_is_counted() {
    let farm = Farm::start();
    let pool: Vec<Value> = (0..50_000).map(message).collect();
    farm.daemon.result("MpoolPending", json!(pool));
    let run = farm.exporter().args(&["--verbose"]).run();
    assert_small(&run, "a large pool");
    assert_eq!(metrics(&run).value("farcaster_mpool_messages", &[]), Some(50_000.0));
}

#[test]
fn an_answer_that_is_too_large_affects_no_other() {
    let farm = Farm::start();
    let exporter = farm.exporter().args(&["--verbose"]);
    let before = metrics(&exporter.run());
    farm.daemon.answer("NetBandwidthStatsByProtocol", filled("{", r#""p":{"TotalIn":1}"#, "}", 30_000_000));
    let run = exporter.run();
    assert_small(&run, "too large");
    let after = metrics(&run);
    assert_others_unharmed(&before, &after, &["daemon"]);
    assert!(after.has("farcaster_daemon_peers", &[]), "what else came in the same answer is there");
    assert!(run.stderr.contains("NetBandwidthStatsByProtocol: the answer is longer than"), "{}", run.stderr);
}

/// An entry as Lotus writes it for a sector that fails and is retried, with the trace of an error.
fn turn(index: u64) -> Value {
    let (kind, trace) = match index % 2 {
        0 => ("SectorSealPreCommit2Failed", format!("seal pre commit(2) failed: no such file\n{}", "at ".repeat(300))),
        _ => ("SectorRetrySealPreCommit2", String::new()),
    };
    json!({"Kind": format!("event;sealing.{kind}"), "Timestamp": 1_795_000_000 + index, "Trace": trace, "Message": "{\"User\":{}}"})
}

#[test]
fn fifty_sectors_with_logs_of_megabytes_are_read() {
    let farm = Farm::start();
    let log: Vec<Value> = (0..7000).map(turn).collect();
    let status = json!({"SectorID": 1, "State": "PreCommit2", "Retries": 0, "LastErr": "", "Log": log});
    assert!(status.to_string().len() > 3_900_000);
    let numbers: Vec<u64> = (500..550).collect();
    farm.miner.result("SectorsSummary", json!({"Proving": 20, "PreCommit2": 50}));
    farm.miner.result("SectorsListInStates", json!(numbers));
    farm.miner.result("SectorsStatus", status);
    let run = farm.exporter().args(&["--verbose", "--timeout", "55s"]).run();
    assert_small(&run, "vast logs");
    let retries = metrics(&run).values("farcaster_miner_pipeline_sector_retries", &[("miner_id", MINER)]);
    assert_eq!(retries, [3500.0; 50], "{}", run.stderr);
}
