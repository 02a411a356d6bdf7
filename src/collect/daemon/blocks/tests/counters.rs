//! When totals are published, and how far behind they are.

use super::*;

impl Sim {
    /// What is published of the first miner after a run: wins, wins to expect and rewards.
    fn published(&mut self) -> [Option<f64>; 3] {
        self.run();
        let totals = self.ledger().miners[MINERS[0]].clone();
        let whole = totals.whole;
        [
            whole.wins.then_some(totals.wins as f64),
            totals.expected_wins().filter(|_| whole.expected),
            totals.known_rewards().map(|fil| fil.to_f64()).filter(|_| whole.rewards),
        ]
    }
}

#[test]
fn a_counter_begins_with_the_whole_look_back_day() {
    let mut sim = Sim::new(31);
    sim.change(|chain| chain.grow(10_000));
    let mut first = [None; 3];
    for _ in 0..31 {
        first = sim.published();
        assert_eq!(first, [None; 3], "at {}", sim.ledger().height());
    }
    while first.contains(&None) {
        first = sim.published();
    }
    // What was won before the first run is in the first sample: nothing of it looks like news afterwards.
    for _ in 0..10 {
        assert_eq!(sim.published(), first);
    }
    // What is won from now on is.
    let wins = |sim: &Sim| sim.change(|chain| chain.settled(MINERS[0]).iter().map(|block| block.wins).sum::<u64>());
    let before = wins(&sim);
    sim.change(|chain| chain.grow(40));
    let after = sim.published();
    assert_eq!(after[0].unwrap() - first[0].unwrap(), (wins(&sim) - before) as f64);
    assert!((after[1].unwrap() - first[1].unwrap() - 5.0 * SHARE * 40.0).abs() < 5.0 * SHARE * 10.0);
}

#[test]
fn an_outage_is_caught_up_with_in_the_open() {
    let mut sim = Sim::new(32);
    sim.change(|chain| chain.grow(200));
    sim.finish();
    let before = sim.published();
    sim.change(|chain| chain.grow(1000));
    // The first run after it is far from the end of the chain, and shows what it has.
    let during = sim.published();
    assert!(during[0] > before[0] && !during.contains(&None), "{during:?} after {before:?}");
    assert!(!sim.ledger().has_arrived(sim.change(|chain| chain.head)));
}

#[test]
fn runs_that_are_far_apart_keep_up() {
    let mut sim = Sim::new(33);
    sim.change(|chain| chain.grow(5000));
    // Once an hour.
    let mut hours = 0;
    while sim.published()[0].is_none() {
        sim.change(|chain| chain.grow(120));
        hours += 1;
        assert!(hours < 40, "never arrives");
    }
}

#[test]
fn rewards_keep_up_with_blocks_for_many_miners() {
    let mut sim = Sim::new(34);
    sim.change(|chain| {
        chain.own_in = 1;
        chain.grow(100);
    });
    sim.finish();
    // An own block of each miner in every epoch, for more epochs than a backlog is given in a run.
    sim.change(|chain| {
        chain.calls.clear();
        chain.requests = 0;
        chain.grow(60);
    });
    assert!(sim.run());
    let ledger = sim.ledger();
    assert!(ledger.unpaid.is_empty(), "{} blocks without their rewards", ledger.unpaid.len());
    let (calls, requests) = sim.change(|chain| (chain.calls["StateRewardDistribution"], chain.requests));
    // Each tipset once, though it holds blocks of both, and ten in a request.
    assert!((60..=61).contains(&calls), "{calls} calls");
    assert!(requests <= 10, "{requests} requests");
}

#[test]
fn a_backlog_of_rewards_takes_several_runs() {
    let mut sim = Sim::new(35);
    sim.change(|chain| {
        chain.own_in = 1;
        chain.mood = Mood::NoRewards;
        chain.grow(95);
    });
    sim.run();
    let waiting = sim.ledger().unpaid.len();
    assert!(waiting >= 2 * 85, "{waiting}");
    sim.change(|chain| {
        chain.mood = Mood::Well;
        chain.calls.clear();
    });
    assert!(sim.run());
    // Two blocks in each of 20 tipsets, or a few more with those that were settled meanwhile.
    let paid = waiting - sim.ledger().unpaid.len();
    assert!((40..=44).contains(&paid), "{paid} of {waiting} blocks");
    assert!(sim.change(|chain| chain.calls["StateRewardDistribution"]) <= 22);
}

#[test]
fn a_node_too_slow_for_a_request_of_rewards_gets_a_smaller_one() {
    let mut sim = Sim::new(36);
    sim.change(|chain| {
        chain.own_in = 1;
        chain.most_rewards = 3;
        chain.grow(30);
    });
    for _ in 0..20 {
        sim.run();
    }
    assert!(sim.ledger().unpaid.is_empty(), "{:?}", sim.lines);
    assert!(sim.ledger().miners[MINERS[0]].gas_rewards.is_some());
}

#[test]
fn what_cannot_be_reported_before_solstice_is_not_asked() {
    let mut sim = Sim::new(37);
    sim.change(|chain| {
        chain.network_version = 28;
        chain.tells_rewards = false;
        chain.grow(60);
    });
    sim.finish();
    let calls = sim.change(|chain| chain.calls.clone());
    assert!(!calls.contains_key("StateRewardDistribution"), "{calls:?}");
}

#[test]
fn a_refusal_is_remembered_for_the_network_version() {
    let mut sim = Sim::new(38);
    sim.change(|chain| {
        chain.own_in = 1;
        chain.tells_rewards = false;
        chain.grow(20);
    });
    sim.finish();
    let asked = |sim: &Sim| sim.change(|chain| chain.calls["StateRewardDistribution"]);
    let before = asked(&sim);
    for _ in 0..3 {
        sim.change(|chain| chain.grow(3));
        assert!(sim.run());
    }
    assert_eq!(asked(&sim), before);
    sim.change(|chain| {
        (chain.network_version, chain.tells_rewards) = (30, true);
        chain.grow(20);
    });
    sim.finish();
    assert!(asked(&sim) > before && sim.ledger().miners[MINERS[0]].gas_rewards.is_some());
}

#[test]
fn the_first_walk_on_a_node_restored_from_a_snapshot_skips_what_it_lacks() {
    let mut sim = Sim::new(39);
    sim.change(|chain| {
        chain.grow(5000);
        chain.oldest = chain.head - 500;
    });
    sim.finish();
    let (oldest, wins) = sim.change(|chain| {
        let deep = &chain.epochs[chain.oldest as usize..chain.epochs.len() - DEPTH_EPOCHS as usize];
        (
            chain.oldest,
            deep.iter().flatten().filter(|block| block.miner == MINERS[0]).map(|block| block.wins).sum::<u64>(),
        )
    });
    assert_eq!(sim.ledger().miners[MINERS[0]].wins, wins, "since {oldest}");
}

#[test]
fn refusals_count_in_a_row() {
    let mut sim = Sim::new(40);
    sim.change(|chain| chain.grow(60));
    sim.finish();
    for _ in 0..4 {
        // Two refusals, and a run in which all is well: no gap ever.
        for _ in 0..2 {
            sim.change(|chain| {
                chain.grow(3);
                chain.oldest = chain.head;
            });
            sim.run();
        }
        sim.change(|chain| chain.oldest = 0);
        assert!(sim.run(), "{:?}", sim.lines);
    }
    sim.finish();
    let wins = sim.change(|chain| chain.settled(MINERS[0]).iter().map(|block| block.wins).sum::<u64>());
    assert_eq!(sim.ledger().miners[MINERS[0]].wins, wins);
}

#[test]
fn the_data_is_as_old_as_the_last_walk_that_went_well() {
    let mut sim = Sim::new(41);
    sim.change(|chain| chain.grow(60));
    sim.finish();
    let walked = sim.ledger().walked_seconds;
    assert!(walked.is_some());
    for mood in [Mood::Silent, Mood::Garbled] {
        sim.change(|chain| {
            chain.grow(10);
            chain.mood = mood;
        });
        sim.run();
        assert_eq!(sim.ledger().walked_seconds, walked);
    }
    sim.change(|chain| chain.mood = Mood::Well);
    sim.run();
    assert!(sim.ledger().walked_seconds > walked);
}
