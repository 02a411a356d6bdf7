//! What is forecast, when what it is made of is wrong: nothing is shown rather than something else.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Farm, MINER, Metrics, OTHER};
use crate::{assert_nothing_made_up, assert_others_unharmed};

const FORECAST: &str = "farcaster_network_block_reward_forecast_fil";

fn collect(farm: &Farm) -> (Metrics, String) {
    farm.exporter().collect()
}

/// What vests of the miner, by month.
fn vesting(metrics: &Metrics) -> Vec<f64> {
    metrics.values("farcaster_miner_release_fil", &[("miner_id", MINER), ("kind", "vesting")])
}

/// A farm whose full node has this in place of a part of the miner's state.
fn with_state(part: &str, value: Value) -> Farm {
    let farm = Farm::start();
    farm.daemon.change("StateReadState", json!([MINER]), &format!("/State/{part}"), value);
    farm
}

#[test]
fn each_part_of_the_reward_actors_state() {
    let farm = Farm::start();
    let (before, _) = collect(&farm);
    assert_eq!(before.family(FORECAST).len(), 3);
    for part in [
        "Epoch",
        "EffectiveNetworkTime",
        "EffectiveBaselinePower",
        "ThisEpochBaselinePower",
        "CumsumBaseline",
        "CumsumRealized",
    ] {
        for wrong in [Value::Null, json!("many"), json!("-1"), json!("9223372036854775808"), json!([])] {
            let farm = Farm::start();
            farm.daemon.change("StateReadState", json!(["f02"]), &format!("/State/{part}"), wrong.clone());
            let (after, stderr) = collect(&farm);
            // What the curve hardly depends on may be off without moving it.
            let shown = after.family(FORECAST);
            let is_harmless = part == "ThisEpochBaselinePower" && wrong == json!("9223372036854775808");
            assert!(shown.is_empty() || is_harmless, "{part} = {wrong}: {shown:?}");
            assert_others_unharmed(&before, &after, &["network"]);
            let is_reported = stderr.contains(part);
            assert_eq!(is_reported, wrong == json!("many") || wrong == json!([]), "{part} = {wrong}: {stderr}");
            assert!(after.has("farcaster_network_block_reward_fil", &[]), "{part} = {wrong}");
        }
    }
}

#[test]
fn a_reward_that_is_not_on_the_curve() {
    let farm = Farm::start();
    farm.daemon.change("StateReadState", json!(["f02"]), "/State/ThisEpochReward", json!("35000000000000000000"));
    let (metrics, stderr) = collect(&farm);
    assert_eq!((stderr.as_str(), metrics.failed()), ("", vec![]));
    assert!(metrics.has("farcaster_network_block_reward_fil", &[]) && !metrics.has(FORECAST, &[]));
}

#[test]
fn a_vesting_table_that_is_none() {
    let farm = Farm::start();
    let (before, _) = collect(&farm);
    assert_eq!(vesting(&before).iter().sum::<f64>(), 215.0);
    let too_little = "gYIaAGWfoEkACmiJBr2LAAA=";
    let answers = [
        Answer::Result(Value::Null),
        Answer::Result(json!(7)),
        Answer::Result(json!("")),
        Answer::Result(json!("not base64!")),
        Answer::Result(json!("oA==")),
        // The other miner's.
        Answer::Result(json!(too_little)),
        Answer::Error(1, "blockstore: block not found".to_owned()),
    ];
    for answer in answers {
        let farm = Farm::start();
        farm.daemon.answer("ChainReadObj", answer);
        let (after, stderr) = collect(&farm);
        assert!(vesting(&after).is_empty(), "{stderr}");
        assert!(stderr.contains("ChainReadObj"), "{stderr}");
        let is_others = after.failed().iter().all(|name| name.starts_with("vesting "));
        assert!(is_others && after.failed().contains(&format!("vesting {MINER}")), "{:?}", after.failed());
        assert_others_unharmed(&before, &after, &[&format!("vesting {MINER}"), &format!("vesting {OTHER}")]);
        assert_nothing_made_up(&before, &after);
    }
}

#[test]
fn a_node_that_does_not_read_objects() {
    let farm = Farm::start();
    farm.daemon.answer("ChainReadObj", Answer::Error(-32601, "method 'Filecoin.ChainReadObj' not found".to_owned()));
    let (metrics, stderr) = collect(&farm);
    assert_eq!((stderr.as_str(), metrics.failed()), ("", vec![]));
    assert!(vesting(&metrics).is_empty() && metrics.has("farcaster_miner_locked_fil", &[("kind", "vesting")]));
}

#[test]
fn a_miners_state_without_such_a_table() {
    // As before the miner actor's version 16, and where none vests.
    for table in [json!({"/": "bafy2bzacea"}), Value::Null] {
        let (metrics, stderr) = collect(&with_state("VestingFunds", table));
        assert_eq!((stderr.as_str(), metrics.failed()), ("", vec![]));
        assert!(vesting(&metrics).is_empty(), "funds are locked, so some table there is");
    }
    let farm = with_state("VestingFunds", Value::Null);
    farm.daemon.change("StateReadState", json!([MINER]), "/State/LockedFunds", json!("0"));
    let (metrics, stderr) = collect(&farm);
    assert_eq!((stderr.as_str(), metrics.failed()), ("", vec![]));
    assert_eq!(vesting(&metrics), [0.0; 13], "nothing vests, in each of the months and later");
    for (part, wrong) in [("Epoch", json!(-1)), ("Epoch", json!("soon")), ("Amount", json!("-")), ("Amount", json!({}))]
    {
        let (metrics, stderr) = collect(&with_state(&format!("VestingFunds/Head/{part}"), wrong.clone()));
        assert!(vesting(&metrics).is_empty() && stderr.contains("VestingFunds.Head"), "{part} = {wrong}: {stderr}");
    }
}

#[test]
fn the_last_table_remains_with_its_time() {
    let farm = Farm::start();
    let exporter = farm.exporter().args(&["--slow-interval", "1s"]);
    let obtained = |metrics: &Metrics| {
        let labels = [("collector", "vesting"), ("miner_id", MINER)];
        metrics.value("farcaster_collector_data_timestamp_seconds", &labels)
    };
    let (first, _) = exporter.collect();
    assert_eq!(vesting(&first).iter().sum::<f64>(), 215.0);
    sleep(Duration::from_millis(1100));
    farm.daemon.answer("ChainReadObj", Answer::Error(1, "busy".to_owned()));
    let (after, stderr) = exporter.collect();
    assert!(after.failed().contains(&format!("vesting {MINER}")), "{stderr}");
    assert_eq!((vesting(&after), obtained(&after)), (vesting(&first), obtained(&first)));
    sleep(Duration::from_millis(3500));
    assert!(vesting(&exporter.collect().0).is_empty(), "it is older than four intervals");
    farm.daemon.restore();
    let (after, stderr) = exporter.collect();
    assert_eq!((stderr.as_str(), vesting(&after)), ("", vesting(&first)));
}
