//! Wins to expect, and by which power.

use super::*;

fn expected(sim: &Sim, miner: &str) -> f64 {
    sim.ledger().miners[miner].expected_wins().unwrap()
}

#[test]
fn elections_go_by_the_power_of_900_epochs_before() {
    let mut sim = Sim::new(11);
    sim.change(|chain| {
        // A quarter of the power, and from epoch 2000 on two fifths.
        chain.power = |height| if height < 2000 { 250 } else { 400 };
        chain.grow(2700);
    });
    sim.finish();
    let deep = |sim: &Sim| sim.change(|chain| chain.head) - DEPTH_EPOCHS;
    assert!((expected(&sim, MINERS[0]) - 5.0 * 0.25 * deep(&sim) as f64).abs() < 1e-6);
    let before = (deep(&sim), expected(&sim, MINERS[0]));
    // From 2900 on elections go by the new power: an outage's epochs are weighed, piece by piece, as they were elected.
    sim.change(|chain| chain.grow(1000));
    sim.finish();
    let (old, new) = (2900 - before.0, deep(&sim) - 2900);
    let gained = expected(&sim, MINERS[0]) - before.1;
    let right = 5.0 * (0.25 * old as f64 + 0.4 * new as f64);
    // A piece of at most 90 epochs is weighed as one.
    assert!((gained - right).abs() < 5.0 * 0.15 * 90.0, "{gained} in place of {right}");
    assert!(gained > 5.0 * 0.36 * (old + new) as f64, "{gained} by the power of the time");
}

#[test]
fn a_run_asks_once_for_each_miner() {
    let mut sim = Sim::new(12);
    sim.change(|chain| chain.grow(1000));
    sim.finish();
    sim.change(|chain| {
        chain.calls.clear();
        chain.grow(2);
    });
    assert!(sim.run());
    let calls = sim.change(|chain| chain.calls.clone());
    assert_eq!(calls["MinerGetBaseInfo"], MINERS.len());
    assert!(!calls.contains_key("StateMinerPower"));
}

#[test]
fn a_miner_without_power_at_the_time_expects_nothing() {
    let mut sim = Sim::new(13);
    sim.change(|chain| {
        chain.second_has_power_from = 5000;
        chain.grow(400);
    });
    sim.finish();
    assert_eq!(expected(&sim, MINERS[1]), 0.0);
}

#[test]
fn without_the_old_state_the_heads_election_is_used_and_this_is_reported_once() {
    let mut sim = Sim::new(14);
    sim.change(|chain| {
        chain.power = |height| if height < 6000 { 250 } else { 400 };
        chain.grow(10_000);
        chain.oldest_state = chain.head - 2000;
    });
    let mut said = 0;
    for _ in 0..40 {
        assert!(sim.run(), "{:?}", sim.lines);
        said += sim.lines.iter().filter(|line| line.contains("has no state from before epoch")).count();
    }
    assert_eq!(said, 1);
    let epochs = 2880.0;
    // All of the day's elections lie after epoch 6000 + 900.
    assert!((expected(&sim, MINERS[0]) - 5.0 * 0.4 * epochs).abs() < 1e-6, "{}", expected(&sim, MINERS[0]));
}

#[test]
fn one_wrong_power_is_not_believed() {
    // Of the network in which the miner has 250 of 1000.
    for wrong in ["1", "0", "-1", "251", "1000000000000000000000000000000"] {
        for is_first in [true, false] {
            let mut sim = Sim::new(15);
            sim.change(|chain| chain.grow(60));
            if !is_first {
                sim.finish();
                sim.change(|chain| chain.grow(60));
            }
            sim.change(|chain| chain.network_power = Some(wrong));
            sim.run();
            if !is_first {
                assert!(!sim.lines.is_empty(), "{wrong} is not said");
            }
            sim.change(|chain| chain.network_power = None);
            sim.finish();
            let deep = sim.change(|chain| chain.head) - DEPTH_EPOCHS;
            let right = 5.0 * SHARE * deep as f64;
            assert!((expected(&sim, MINERS[0]) - right).abs() < 1e-6, "{wrong}, first {is_first}");
        }
    }
}

#[test]
fn a_power_that_is_reported_again_is_believed() {
    let mut sim = Sim::new(16);
    sim.change(|chain| {
        chain.power = |_| 50;
        chain.grow(60);
    });
    sim.finish();
    let before = (sim.change(|chain| chain.head), expected(&sim, MINERS[0]));
    sim.change(|chain| {
        chain.power = |_| 500;
        chain.grow(20);
    });
    assert!(sim.run(), "news is no failure: {:?}", sim.lines);
    assert!(sim.lines.iter().any(|line| line.contains("accepted if the next answer confirms it")), "{:?}", sim.lines);
    sim.finish();
    let gained = expected(&sim, MINERS[0]) - before.1;
    assert!((gained - 5.0 * 0.5 * (sim.change(|chain| chain.head) - before.0) as f64).abs() < 1e-6, "{gained}");
}
