//! Messages that were executed: what a node without them, or with wrong ones, must not do to totals that are kept for ever.

use serde_json::{Value, json};

use crate::support::{Answer, Exporter, Farm, Metrics};

const MESSAGES: &str = "ChainGetParentMessages";
const RECEIPTS: &str = "ChainGetParentReceipts";

/// How often a node is asked for what it answers that it does not have.
const ATTEMPTS: usize = 10;

/// Messages that were executed, what they cost and sent in FIL, and those missed, of all wallets.
fn totals(metrics: &Metrics) -> [f64; 4] {
    ["messages_executed_total", "messages_gas_fil_total", "messages_value_fil_total", "messages_missed_total"]
        .map(|name| metrics.values(&format!("farcaster_{name}"), &[]).iter().sum())
}

/// As the fixtures have it: the costs by the rule of Lotus' chain/vm/burn.go, worked by hand at a base fee of 150,000,000.
#[test]
fn what_the_fixtures_show() {
    let (metrics, stderr) = Farm::start().exporter().collect();
    assert_eq!(stderr, "");
    let gas = |method: &str, part: &str| {
        metrics.value("farcaster_messages_gas_fil_total", &[("method", method), ("part", part)]).unwrap()
    };
    let atto = |fil: f64| (fil * 1e18).round();
    // 48,000,000 reserved and 36,000,000 used: 8,400,000 too much of 12,000,000 not used, of which 2,800,000 are burnt.
    assert_eq!(atto(gas("SubmitWindowedPoSt", "base_fee_burn")), 36e6 * 150e6);
    assert_eq!(atto(gas("SubmitWindowedPoSt", "over_estimation_burn")), 2.8e6 * 150e6);
    assert_eq!(atto(gas("SubmitWindowedPoSt", "miner_tip")), 48e6 * 135_079.0);
    // Its fee cap leaves 1,000,000 of the premium of 2,000,000.
    assert_eq!(atto(gas("PublishStorageDeals", "miner_tip")), 90e6 * 1e6);
    assert_eq!(totals(&metrics)[0], 3.0);
    assert_eq!(totals(&metrics)[2], 1.655_771_651);
    let failed = [("method", "SubmitWindowedPoSt"), ("exit_code", "16"), ("to", "f01234"), ("miner_id", "f01234")];
    assert_eq!(metrics.value("farcaster_message_failed_timestamp_seconds", &failed), Some(1_795_406_160.0));
}

/// Runs until the node was asked often enough, and some more. Returns what was then published, and what was said in all.
fn after_many(exporter: &Exporter) -> (Metrics, Vec<String>) {
    let mut said = Vec::new();
    for _ in 0..ATTEMPTS + 2 {
        let (metrics, stderr) = exporter.collect();
        said.extend(stderr.lines().map(str::to_owned));
        assert_eq!(totals(&metrics)[..3], [0.0; 3], "nothing is made up");
    }
    (exporter.collect().0, said)
}

#[test]
fn what_the_node_does_not_have_is_missed_and_that_is_said_once() {
    let pruned = || Answer::Error(1, "ipld: could not find bafy2bzaceabc".to_owned());
    for (method, answer) in [
        (RECEIPTS, pruned()),
        (MESSAGES, pruned()),
        (RECEIPTS, Answer::Result(Value::Null)),
        (MESSAGES, Answer::Result(Value::Null)),
        (RECEIPTS, Answer::Result(json!([]))),
        (RECEIPTS, Answer::Result(json!(vec![json!({"ExitCode": 0, "Return": null, "GasUsed": 36_000_000}); 3]))),
        (RECEIPTS, Answer::Result(json!([{}, {}, {}, {}]))),
        (RECEIPTS, Answer::Result(json!(vec![json!({"ExitCode": 0, "GasUsed": 0}); 4]))),
        (MESSAGES, Answer::Result(json!([{}, null, 7, []]))),
    ] {
        let farm = Farm::start();
        let exporter = farm.exporter();
        farm.daemon.answer(method, answer);
        let (metrics, said) = after_many(&exporter);
        let gaps: Vec<&String> =
            said.iter().filter(|line| line.contains("cannot tell what 3 messages of ours")).collect();
        assert_eq!(gaps.len(), 1, "{method}: {said:?}");
        assert_eq!((totals(&metrics), metrics.success("messages", "")), ([0.0, 0.0, 0.0, 3.0], Some(true)), "{method}");
    }
}

/// What can come back is waited for.
#[test]
fn what_may_be_temporary_is_counted_later() {
    let good = totals(&Farm::start().exporter().collect().0);
    let block = json!([{"/": "bafy2bzacea5xqmwkd2nqbw3vdpkpplq6vnydv3tuhvqkzjmlr5iyqhl4s7aq2"}]);
    let cases: &[(&str, Value, &str, Value)] = &[
        (RECEIPTS, block.clone(), "/0/GasUsed", json!(48_000_001)),
        (RECEIPTS, block.clone(), "/2/GasUsed", json!(-1)),
        (RECEIPTS, block.clone(), "/0/ExitCode", json!(-1)),
        (RECEIPTS, block.clone(), "/3", Value::Null),
        (MESSAGES, block.clone(), "/0/Message/GasFeeCap", json!("-1")),
        (MESSAGES, block.clone(), "/0/Message/Value", json!("-1")),
        (MESSAGES, block.clone(), "/0/Message/Nonce", json!(3_998)),
        (MESSAGES, block.clone(), "/2/Message/Nonce", json!(u64::MAX)),
        (MESSAGES, block.clone(), "/2/Message/GasLimit", json!("99999999999999999999999999999999999999")),
        ("ChainGetTipSetByHeight", json!([6_569_992]), "/Blocks/0/ParentBaseFee", json!("-1")),
        ("ChainGetTipSetByHeight", json!([6_569_992]), "/Blocks/0/Parents", json!([])),
        ("ChainGetTipSetByHeight", json!([6_569_992]), "/Blocks/0/Timestamp", json!(7)),
        ("ChainGetTipSetByHeight", json!([6_569_995]), "/Height", json!(6_569_996)),
        ("ChainHead", json!([]), "/Height", json!(6_000_000_000_i64)),
        ("ChainHead", json!([]), "/Height", json!(100)),
    ];
    for (method, params, pointer, value) in cases {
        let farm = Farm::start();
        let exporter = farm.exporter();
        farm.daemon.change(method, params.clone(), pointer, value.clone());
        let (during, _) = exporter.collect();
        assert!(totals(&during)[0] < 3.0, "{method}{pointer} {value}");
        farm.daemon.restore();
        exporter.collect();
        let (metrics, stderr) = exporter.collect();
        assert_eq!((totals(&metrics), stderr.as_str()), (good, ""), "{method}{pointer} {value}");
    }
}
