//! Answers and memories that cannot be. None of them may spoil a total.

use super::*;

/// The totals after a calm life, which those after a bad answer must equal.
fn calm(seed: u64, epochs: u64) -> BTreeMap<String, [f64; 6]> {
    let mut sim = Sim::new(seed);
    sim.change(|chain| chain.grow(epochs));
    sim.finish();
    totals(&sim.ledger())
}

#[test]
fn an_impossible_head_spoils_nothing() {
    let right = calm(21, 400);
    for height in [6_000_000_000, i64::MAX, i64::MIN, -1, 0, 1, 100, 300, 2000] {
        for is_first in [true, false] {
            let mut sim = Sim::new(21);
            sim.change(|chain| chain.grow(400));
            if !is_first {
                assert!(sim.run());
            }
            let before = sim.ledger();
            sim.told_height = Some(height);
            // The node refuses what is after its head, and this may last.
            for _ in 0..5 {
                sim.run();
                assert_eq!(sim.ledger().height(), before.height(), "{height}");
            }
            sim.told_height = None;
            sim.finish();
            assert_eq!(totals(&sim.ledger()), right, "{height}, first {is_first}");
        }
    }
}

#[test]
fn a_state_that_is_already_spoilt_heals() {
    let right = calm(22, 400);
    let spoilt = |text: &str| {
        let mut sim = Sim::new(22);
        sim.change(|chain| chain.grow(400));
        sim.state.remember(SECTION, &serde_json::from_str::<Ledger>(text).unwrap());
        sim.run();
        assert!(sim.lines.iter().any(|line| line.contains("at an epoch that cannot be")), "{:?}", sim.lines);
        sim.finish();
        assert_eq!(totals(&sim.ledger()), right, "{text}");
    };
    for height in [6_000_000_000, i64::MAX, i64::MIN] {
        spoilt(&format!(
            r#"{{"cursor": {{"height": {height}, "key": null}}, "begins": {height}, "highest": {height}}}"#
        ));
    }
    spoilt(r#"{"cursor": {"height": 0, "key": null}, "begins": 0, "highest": 9000000000000000000}"#);
}

#[test]
fn what_counts_already_does_not_count_again_after_healing() {
    let mut sim = Sim::new(23);
    sim.change(|chain| chain.grow(400));
    sim.finish();
    let right = totals(&sim.ledger());
    let mut text = serde_json::to_value(sim.ledger()).unwrap();
    text["cursor"] = json!({ "height": 6_000_000_000_i64, "key": null });
    text["highest"] = json!(6_000_000_000_i64);
    sim.state.remember(SECTION, &text);
    sim.finish();
    for (miner, healed) in totals(&sim.ledger()) {
        // Blocks, wins, orphans and rewards.
        assert_eq!(healed[..5], right[&miner][..5]);
    }
}

#[test]
fn impossible_epochs_of_an_outage_are_not_weighed() {
    for epochs in [i64::MAX, i64::MAX - 1, i64::MIN, 1 << 40] {
        let mut sim = Sim::new(24);
        sim.change(|chain| chain.grow(60));
        sim.finish();
        let before = sim.ledger().miners[MINERS[0]].expected_wins().unwrap();
        let mut text = serde_json::to_value(sim.ledger()).unwrap();
        text["miners"][MINERS[0]]["unweighed_epochs"] = json!(epochs);
        sim.state.remember(SECTION, &text);
        sim.change(|chain| chain.grow(4));
        sim.run();
        let gained = sim.ledger().miners[MINERS[0]].expected_wins().unwrap() - before;
        assert!((0.0..10.0).contains(&gained), "{epochs}: {gained} wins to expect");
    }
}

#[test]
fn impossible_blocks_wait_for_a_better_answer() {
    let right = calm(25, 60);
    for (what, value) in [
        ("WinCount", json!(16)),
        ("WinCount", json!(1000)),
        ("WinCount", json!(i64::MAX)),
        ("WinCount", json!(0)),
        ("WinCount", json!(-1)),
        ("Timestamp", json!(0)),
        ("Timestamp", json!(-1)),
        ("Timestamp", json!(i64::MAX)),
    ] {
        let mut sim = Sim::new(25);
        sim.change(|chain| {
            chain.grow(60);
            chain.block_with = Some((what, value.clone()));
        });
        assert!(!sim.run(), "{what} {value}");
        sim.change(|chain| chain.block_with = None);
        sim.finish();
        assert_eq!(totals(&sim.ledger()), right, "{what} {value}");
    }
}

#[test]
fn more_than_a_block_can_earn_is_not_believed() {
    let right = calm(26, 60);
    for (what, atto) in [
        ("MinerReward", "5192296858534827628530496329220096"),
        ("MinerReward", "1000000000000000000001"),
        ("MinerReward", "-1"),
        ("MessageReward", "1000000000000000000001"),
        ("MessageReward", "-1"),
    ] {
        let mut sim = Sim::new(26);
        sim.change(|chain| {
            chain.grow(60);
            chain.amounts_with = Some((what, atto));
        });
        assert!(!sim.run(), "{what} {atto}");
        sim.change(|chain| chain.amounts_with = None);
        sim.finish();
        assert_eq!(totals(&sim.ledger()), right, "{what} {atto}");
    }
}
