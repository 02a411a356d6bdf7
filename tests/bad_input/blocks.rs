//! Won blocks, their rewards, the power to win with: what a bad answer about them must not do to totals that are kept for ever.

use serde_json::{Value, json};

use crate::support::{Answer, Farm, MINER, Metrics, OTHER};

const OF_MINER: [(&str, &str); 1] = [("miner_id", MINER)];

/// Wins, expected wins and rewards.
fn totals(metrics: &Metrics) -> [Option<f64>; 3] {
    ["miner_wins_total", "miner_expected_wins_total", "miner_rewards_fil_total"]
        .map(|name| metrics.value(&format!("farcaster_{name}"), &OF_MINER))
}

/// A first run ever whose answers are bad: afterwards, all is as if it had not happened. The totals appear when they are complete, not before.
#[test]
fn a_first_walk_that_begins_badly() {
    for (method, pointer, value) in [
        ("ChainHead", "/Height", json!(6_000_000_000_i64)),
        ("ChainHead", "/Height", json!(i64::MIN)),
        ("ChainHead", "/Height", json!(100)),
        ("StateGetNetworkParams", "/GenesisTimestamp", json!(i64::MAX)),
    ] {
        let farm = Farm::start();
        let exporter = farm.new_exporter();
        farm.daemon.change(method, json!([]), pointer, value.clone());
        let (metrics, _) = exporter.collect();
        assert_eq!(totals(&metrics), [None; 3], "{method}{pointer} {value}");
        farm.daemon.restore();
        // A day in pieces of 90 epochs.
        for _ in 0..31 {
            let (metrics, stderr) = exporter.collect();
            assert_eq!((totals(&metrics), stderr.as_str()), ([None; 3], ""), "{method}{pointer} {value}");
        }
        let (metrics, stderr) = exporter.collect();
        assert_eq!(stderr, "", "{method}{pointer} {value}");
        let [wins, expected, rewards] = totals(&metrics).map(Option::unwrap);
        assert_eq!(wins, 2.0, "{method}{pointer} {value}");
        // 2880 epochs of five leaders, at a share of 6528350289920 in 23000000000000000000.
        assert!((expected - 0.004_087_315).abs() < 1e-7, "{expected} wins to expect after {method}{pointer} {value}");
        assert!((rewards - 9.171_427_376_105_344).abs() < 1e-9, "{rewards} FIL after {method}{pointer} {value}");
    }
}

/// A run in which one number of an answer is bad, and a good one: the totals are those of good runs only.
#[test]
fn impossible_numbers() {
    let farm = Farm::start();
    let good = totals(&farm.exporter().collect().0);
    let cases: &[(&str, Value, &str, Value)] = &[
        ("MinerGetBaseInfo", json!([MINER]), "/NetworkPower", json!("1")),
        ("MinerGetBaseInfo", json!([MINER]), "/NetworkPower", json!("0")),
        ("MinerGetBaseInfo", json!([MINER]), "/NetworkPower", json!("6528350289921")),
        ("MinerGetBaseInfo", json!([MINER]), "/MinerPower", json!("-1")),
        ("MinerGetBaseInfo", json!([MINER]), "/EligibleForMining", json!(false)),
        ("ChainGetTipSetByHeight", json!([6_569_993]), "/Blocks/1/ElectionProof/WinCount", json!(16)),
        ("ChainGetTipSetByHeight", json!([6_569_993]), "/Blocks/1/ElectionProof/WinCount", json!(i64::MAX)),
        ("ChainGetTipSetByHeight", json!([6_569_993]), "/Blocks/1/Timestamp", json!(i64::MAX)),
        ("StateRewardDistribution", json!([]), "/Blocks/1/Amounts/MinerReward", json!("2000000000000000000000000000")),
        ("StateRewardDistribution", json!([]), "/Blocks/1/Amounts/MessageReward", json!("-1")),
        ("ChainHead", json!([]), "/Height", json!(6_570_001)),
        ("StateNetworkVersion", json!([]), "", json!(i64::MIN)),
        ("StateGetNetworkParams", json!([]), "/ForkUpgradeParams/UpgradeSolsticeHeight", json!(i64::MAX)),
    ];
    for (method, params, pointer, value) in cases {
        let exporter = farm.exporter();
        match pointer.is_empty() {
            true => farm.daemon.answer(method, Answer::Result(value.clone())),
            false => farm.daemon.change(method, params.clone(), pointer, value.clone()),
        };
        exporter.collect();
        farm.daemon.restore();
        exporter.collect();
        let (metrics, stderr) = exporter.collect();
        let [wins, expected, rewards] = totals(&metrics);
        assert_eq!(([wins, rewards], stderr.as_str()), ([good[0], good[2]], ""), "{method}{pointer} {value}");
        // Each piece is rounded down to a billionth.
        assert!((expected.unwrap() - good[1].unwrap()).abs() < 1e-8, "{method}{pointer} {value}");
    }
}

/// If one of two powers is impossible, it is unknown which.
#[test]
fn impossible_powers() {
    for (part, value) in [
        ("/TotalPower/QualityAdjPower", "1"),
        ("/TotalPower/QualityAdjPower", "-1"),
        ("/MinerPower/QualityAdjPower", "-1"),
        ("/MinerPower/QualityAdjPower", "23000000000000000001"),
        ("/TotalPower/QualityAdjPower", "99999999999999999999999999999"),
    ] {
        let farm = Farm::start();
        farm.daemon.change("StateMinerPower", json!([MINER]), part, json!(value));
        let (metrics, stderr) = farm.exporter().collect();
        assert!(!metrics.has("farcaster_miner_expected_wins_per_day", &OF_MINER), "{part} {value}");
        assert_eq!(metrics.failed(), [format!("power {MINER}")], "{part} {value}");
        assert_eq!(stderr.lines().filter(|line| line.contains("QualityAdjPower")).count(), 1, "{stderr}");
        assert!(metrics.has("farcaster_miner_power_bytes", &[("miner_id", MINER), ("kind", "raw")]));
        assert!(metrics.has("farcaster_miner_expected_wins_per_day", &[("miner_id", OTHER)]));
    }
}

/// What the farm refuses to other collectors, like the key of an owner that is a multisig.
fn other_peoples_errors() -> Option<f64> {
    Farm::start().exporter().collect().0.value("farcaster_run_rpc_errors", &[("endpoint", "daemon")])
}

/// Before network version 29 no node can report rewards, and a healthy one is asked nothing that it refuses.
#[test]
fn before_solstice_nothing_is_refused() {
    let farm = Farm::start();
    farm.daemon.result("StateNetworkVersion", json!(28));
    farm.daemon.result("StateNetworkName", json!("localnet"));
    let codes = farm.daemon.result_of("StateActorCodeCIDs", json!([29]));
    farm.daemon.result("StateActorCodeCIDs", codes);
    farm.daemon
        .answer("StateRewardDistribution", Answer::Error(1, "reward distribution requires reward actor v19".into()));
    let (metrics, stderr) = farm.exporter().collect();
    assert_eq!((stderr.as_str(), metrics.failed()), ("", vec![]));
    assert_eq!(metrics.value("farcaster_run_rpc_errors", &[("endpoint", "daemon")]), other_peoples_errors());
    assert_eq!(farm.daemon.count("StateRewardDistribution"), 0);
    assert!(totals(&metrics)[2].is_some());
}

/// If rewards can be reported by the network's version but not by the node, it is asked once.
#[test]
fn a_refusal_is_remembered() {
    let farm = Farm::start();
    let refusal = || Answer::Error(1, "reward distribution requires reward actor v19".into());
    farm.daemon.answer("StateRewardDistribution", refusal());
    let exporter = farm.exporter();
    let (metrics, _) = exporter.collect();
    assert!(totals(&metrics)[2].is_some());
    // Another block of our own: the one that the other heights had, under a different key.
    let mut tipset = farm.daemon.result_of("ChainGetTipSetByHeight", json!([6_569_993]));
    tipset["Cids"][1] = json!({"/": "bafy2bzacebnewblockofourminerqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"});
    tipset["Height"] = json!(6_569_996);
    for height in 6_569_996..=6_570_000 {
        farm.daemon.answer_to("ChainGetTipSetByHeight", json!([height]), Answer::Result(tipset.clone()));
    }
    let mut head = farm.daemon.result_of("ChainHead", json!([]));
    head["Height"] = json!(6_570_001);
    farm.daemon.result("ChainHead", head.clone());
    farm.daemon.answer_to("ChainGetTipSetByHeight", json!([6_570_001]), Answer::Result(head));
    let (metrics, stderr) = exporter.collect();
    assert_eq!(stderr, "");
    assert_eq!(totals(&metrics)[0], Some(4.0));
    assert_eq!(farm.daemon.count("StateRewardDistribution"), 1);
    assert_eq!(metrics.value("farcaster_run_rpc_errors", &[("endpoint", "daemon")]), other_peoples_errors());
}
