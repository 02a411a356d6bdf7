//! The walk on a simulated chain, through the real client: with reorganizations, null rounds, replaced messages, outages on both sides, and
//! restarts.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::address_book::AddressBook;
use crate::collect::daemon::simulation::messages::{self as simulated, FIRST_MESSAGES, SENDERS};
use crate::collect::daemon::simulation::{self, Chain, GENESIS_SECONDS, MINERS, Mood};
use crate::state::State;

/// An exporter and its node.
struct Sim {
    chain: Arc<Mutex<Chain>>,
    state: State,
    senders: Senders,
    lines: Vec<String>,
}

impl Sim {
    /// One that has seen the chain before anything was sent.
    fn new(seed: u64) -> Sim {
        let mut chain = Chain::new(seed);
        chain.has_messages = true;
        chain.grow(FIRST_MESSAGES as u64 - 8);
        let sender = |index: usize| {
            let (address, id_address) = SENDERS[index];
            let miner_ids = MINERS[..2 - index].iter().map(|id| (*id).to_owned()).rev().collect();
            let (address, id_address) = (address.to_owned(), id_address.to_owned());
            Sender { address, id_address, name: String::new(), miner_ids }
        };
        let mut senders: Vec<Sender> = (0..3).map(sender).collect();
        senders[0].miner_ids = vec![MINERS[0].to_owned()];
        senders[1].miner_ids = MINERS.map(str::to_owned).to_vec();
        let senders = Senders { senders, are_all: true };
        let mut sim = Sim { chain: Arc::new(Mutex::new(chain)), state: State::in_memory(), senders, lines: Vec::new() };
        assert!(sim.run(), "{:?}", sim.lines);
        sim
    }

    fn change<T>(&self, change: impl FnOnce(&mut Chain) -> T) -> T {
        change(&mut self.chain.lock().unwrap())
    }

    fn ledger(&self) -> Ledger {
        self.state.recall(SECTION)
    }

    /// One run. Whether all went well.
    fn run(&mut self) -> bool {
        let daemon = simulation::daemon(&self.chain, None);
        let book = AddressBook::default();
        let run = Run {
            nodes: &[],
            miner_ids: &[],
            address_book: &book,
            state: &self.state,
            now: (GENESIS_SECONDS + 30 * self.change(|chain| chain.longest as i64)) as f64,
            timeout: Duration::from_secs(40),
            slow_period_seconds: 1800.0,
            max_rows: 500,
        };
        let mut problems = Problems::new("daemon sim");
        let before = counted(&self.ledger());
        fetch(Ok(&daemon), &run, &self.senders, &MINERS, &mut problems).unwrap();
        let after = counted(&self.ledger());
        for (kind, totals) in before {
            let now = after[&kind];
            assert!(totals.iter().zip(&now).all(|(before, now)| before <= now), "{kind:?}: {totals:?} fell to {now:?}");
        }
        let is_well = !problems.is_failure();
        self.lines = problems.into_lines().iter().map(ToString::to_string).collect();
        is_well
    }

    /// A run that is not remembered, as the machine goes down before.
    fn run_in_vain(&mut self) {
        let text = serde_json::to_string(&self.ledger()).unwrap();
        self.run();
        self.state = State::in_memory();
        self.state.remember(SECTION, &serde_json::from_str::<Ledger>(&text).unwrap());
    }

    /// Runs until there is nothing left to do.
    fn finish(&mut self) {
        let deep = self.change(|chain| {
            chain.mood = Mood::Well;
            chain.head = chain.epochs.len() as i64 - 1;
            chain.head - DEPTH_EPOCHS
        });
        for _ in 0..300 {
            if self.run() && self.ledger().height() == deep {
                return;
            }
        }
        panic!("never finished: {:?}", self.lines);
    }

    /// What happens at random. Depths of reorganizations are below `deepest`.
    fn live(&mut self, steps: u64, deepest: u64) {
        self.change(|chain| chain.grow(10));
        for _ in 0..steps {
            let (what, amount) = self.change(|chain| (chain.chance.below(20), chain.chance.next()));
            match what {
                0..=3 => self.change(|chain| chain.reorganize(1 + amount % (deepest - 1))),
                4 => self.change(|chain| chain.grow(50 + amount % 150)),
                5 => self.change(|chain| chain.head = chain.at_or_before((chain.head - (amount % 30) as i64).max(0))),
                6 => self.run_in_vain(),
                7 | 8 => {
                    let moods = [Mood::Silent, Mood::Flaky, Mood::Garbled];
                    self.change(|chain| chain.mood = moods[(amount % 3) as usize]);
                    self.run();
                    self.change(|chain| chain.mood = Mood::Well);
                    self.run();
                }
                _ => {
                    self.change(|chain| chain.grow(amount % 4));
                    self.run();
                }
            }
        }
        // So that no reorganization at the end goes unnoticed.
        self.change(|chain| {
            let missing = chain.longest + 8 - chain.epochs.len();
            chain.grow(missing as u64);
        });
        self.finish();
    }

    /// Where messages count: below the tipset that is deep enough.
    fn settled(&self) -> usize {
        self.change(|chain| chain.at_or_before(chain.head - DEPTH_EPOCHS) as usize)
    }

    fn missed(&self) -> u64 {
        self.ledger().accounts.iter().map(|account| account.missed).sum()
    }
}

/// What a ledger counts, in the terms of the chain's own.
fn counted(ledger: &Ledger) -> simulated::Ledger {
    let of_account = |account: &Account| {
        let sender = SENDERS.iter().position(|(address, _)| *address == account.address).unwrap();
        let of_kind = |kind: &ledger::Kind| {
            let key = (sender, kind.miner_id.clone(), kind.method.clone(), kind.exit_code.clone());
            let fil = [kind.base_fee_burn, kind.over_estimation_burn, kind.miner_tip, kind.value].map(|fil| fil.atto);
            (key, [i128::from(kind.messages), fil[0], fil[1], fil[2], i128::from(kind.gas_limit), fil[3]])
        };
        account.kinds.iter().map(of_kind).collect::<Vec<_>>()
    };
    ledger.accounts.iter().flat_map(of_account).collect()
}

fn messages(ledger: &simulated::Ledger) -> i128 {
    ledger.values().map(|totals| totals[0]).sum()
}

#[test]
fn whatever_happens_the_counters_are_what_is_on_the_chain() {
    let (mut all, mut failed, mut replaced) = (0, 0, 0);
    for seed in 0..1000 {
        let mut sim = Sim::new(seed);
        sim.live(18, 5);
        let (below, counts) = (sim.settled(), counted(&sim.ledger()));
        let chain = sim.chain.lock().unwrap();
        assert_eq!(counts, simulated::ledger(&chain, below), "history {seed}");
        assert!(sim.ledger().accounts.iter().all(|account| account.missed == 0), "history {seed}");
        let offered = sim.ledger().all;
        let offered = (i128::from(offered.gas_limit), offered.miner_tip.atto);
        assert_eq!(offered, simulated::offered(&chain, below), "history {seed}");
        all += messages(&counts);
        failed += counts.iter().filter(|(key, _)| key.3 != "0").map(|(_, totals)| totals[0]).sum::<i128>();
        let landed =
            chain.epochs.iter().flat_map(|blocks| Chain::messages_of(blocks)).filter(|one| one.sender.is_some());
        replaced += chain.messages_ever.len() - landed.count();
    }
    assert!(
        all > 100_000 && failed > 10_000 && replaced > 1_000,
        "{all} messages, {failed} failed, {replaced} replaced"
    );
}

#[test]
fn deeper_reorganizations_count_no_nonce_twice_and_lose_none() {
    let (mut all, mut back) = (0, 0);
    for seed in 0..200 {
        let mut sim = Sim::new(seed);
        sim.live(30, 60);
        let (below, ledger) = (sim.settled(), sim.ledger());
        let chain = sim.chain.lock().unwrap();
        for (sender, (address, _)) in SENDERS.iter().enumerate() {
            let account = ledger.accounts.iter().find(|account| account.address == *address).unwrap();
            let counted: u64 = account.kinds.iter().map(|kind| kind.messages).sum();
            assert_eq!((Some(counted), account.missed), (account.nonce, 0), "history {seed}: {address}");
            assert!(counted >= chain.nonce(sender, below), "history {seed}: a message of {address} is lost");
            (all, back) = (all + counted, back + counted - chain.nonce(sender, below));
        }
    }
    assert!(back < all / 20, "{back} of {all} messages are counted that did not land again");
}

/// Nothing landed: a tipset and a nonce for each sender. Otherwise, what is between, and the messages and receipts of one tipset at a time.
#[test]
fn what_a_run_costs() {
    let mut sim = Sim::new(1);
    sim.change(|chain| chain.grow(40));
    sim.finish();
    let mut read = 0;
    for _ in 0..200 {
        sim.change(|chain| {
            (chain.requests, chain.calls) = (0, Default::default());
            chain.grow(2);
        });
        let before = counted(&sim.ledger());
        assert!(sim.run());
        let landed = counted(&sim.ledger()) != before;
        let (requests, calls) = sim.change(|chain| (chain.requests, chain.calls.clone()));
        let of = |method: &str| calls.get(method).copied().unwrap_or(0);
        let tipsets_read = of("ChainGetParentMessages");
        assert_eq!(of("ChainGetParentReceipts"), tipsets_read);
        assert_eq!(landed, tipsets_read > 0);
        if !landed {
            assert_eq!((requests, of("ChainGetTipSetByHeight"), of("StateGetActor")), (2, 1, 3));
        }
        assert!(requests <= 4 + 3 * tipsets_read && of("StateGetActor") <= 30, "{requests}: {calls:?}");
        read += tipsets_read;
    }
    assert!(read > 50, "{read}");
}

#[test]
fn a_node_without_receipts_is_reported_once_and_counts_nothing() {
    for receipts in [(|_| Value::Null) as fn(Value) -> Value, |receipts| json!(receipts.as_array().unwrap()[1..])] {
        let mut sim = Sim::new(7);
        sim.change(|chain| {
            chain.grow(30);
            chain.receipts = receipts;
        });
        let mut reported = Vec::new();
        for _ in 0..60 {
            sim.change(|chain| chain.grow(1));
            sim.run();
            reported.extend(sim.lines.iter().filter(|line| line.contains("cannot tell what")).cloned());
        }
        assert_eq!(reported.len(), 1, "{reported:?}");
        assert!(reported[0].contains("receipt"), "{reported:?}");
        assert_eq!(counted(&sim.ledger()), simulated::Ledger::new());
        let told = sim.change(|chain| {
            let below = chain.at_or_before(chain.head - DEPTH_EPOCHS) as usize;
            (0..3).map(|sender| chain.nonce(sender, below)).sum::<u64>()
        });
        assert_eq!(sim.missed(), told, "every message is known to be missed");
        assert!(told > 20);

        // From when on it has them, all counts.
        sim.change(|chain| {
            chain.receipts = |receipts| receipts;
            chain.grow(60);
        });
        sim.finish();
        let all = sim.change(|chain| {
            messages(&simulated::ledger(chain, chain.at_or_before(chain.head - DEPTH_EPOCHS) as usize))
        });
        assert_eq!(messages(&counted(&sim.ledger())) + i128::from(sim.missed()), all);
    }
}

#[test]
fn what_a_pruned_node_no_longer_has_is_missed_and_the_rest_counts() {
    type Prune = fn(&mut Chain, i64);
    let prunes: [(Prune, bool); 3] = [
        (|chain, at| chain.oldest = at, true),
        (|chain, at| chain.oldest_state = at, true),
        (|chain, at| chain.oldest_messages = at, false),
    ];
    for (prune, is_one_gap) in prunes {
        let mut sim = Sim::new(11);
        sim.change(|chain| {
            chain.grow(300);
            let pruned = chain.head - 100;
            prune(chain, pruned);
        });
        let mut reported = 0;
        for _ in 0..80 {
            sim.run();
            reported += sim.lines.iter().filter(|line| line.contains("cannot tell what")).count();
        }
        assert_eq!(reported, 1, "{:?}", sim.lines);
        let (below, pruned) = (sim.settled(), sim.change(|chain| chain.head - 100) as usize);
        let chain = sim.chain.lock().unwrap();
        let all = messages(&simulated::ledger(&chain, below));
        let missed = i128::from(sim.missed());
        assert_eq!(messages(&counted(&sim.ledger())) + missed, all);
        // What is executed in the first tipset that is there is counted from its child on.
        let gone = messages(&simulated::ledger(&chain, pruned));
        let next = messages(&simulated::ledger(&chain, pruned + 10));
        assert!((gone..=next).contains(&missed), "{missed} missed of {gone} to {next}; one gap: {is_one_gap}");
    }
}

#[test]
fn a_nonce_that_was_never_right_stops_nothing_for_ever() {
    let mut sim = Sim::new(3);
    sim.change(|chain| {
        chain.grow(30);
        chain.nonces_ahead = 1_000;
    });
    for _ in 0..15 {
        sim.change(|chain| chain.grow(1));
        sim.run();
    }
    assert!(sim.missed() >= 1_000, "the node told so ten times");
    sim.change(|chain| {
        chain.nonces_ahead = 0;
        chain.grow(1_000);
    });
    sim.finish();
    let before = messages(&counted(&sim.ledger()));
    sim.change(|chain| chain.grow(100));
    sim.finish();
    assert!(messages(&counted(&sim.ledger())) > before);
}

#[test]
fn an_account_is_one_however_it_is_known() {
    let mut ledger = Ledger::default();
    let sender = |address: &str, id_address: &str| Sender {
        address: address.to_owned(),
        id_address: id_address.to_owned(),
        ..Sender::default()
    };
    ledger.know(&[sender("f0101", "f0101"), sender("f3key", ""), sender("f1other", "")], true, 1.7e9);
    ledger.meet(&[Some(5), Some(5), Some(9)], 100);
    ledger.know(&[sender("f3key", "f0101"), sender("f1other", "")], true, 1.7e9 + 60.0);
    let known =
        |ledger: &Ledger| ledger.accounts.iter().map(|one| (one.address.clone(), one.nonce)).collect::<Vec<_>>();
    let (key, other) = (("f3key".to_owned(), Some(5)), ("f1other".to_owned(), Some(9)));
    assert_eq!(known(&ledger), [key.clone(), other.clone()]);
    // The node does not say what the key is this time.
    ledger.know(&[sender("f0101", "f0101")], false, 1.7e9 + 120.0);
    assert_eq!(known(&ledger), [key.clone(), other.clone()]);
    assert!(ledger.accounts.iter().all(|account| !account.is_gone));
    // What is gone is not shown, and forgotten after a day.
    ledger.know(&[sender("f3key", "f0101")], true, 1.7e9 + 180.0);
    assert!(ledger.accounts[1].is_gone);
    ledger.know(&[sender("f3key", "f0101")], true, 1.7e9 + 86_401.0 + 60.0);
    assert_eq!(known(&ledger), [key]);
}

#[test]
fn kinds_are_bounded() {
    let mut ledger = Ledger::default();
    ledger.know(&[Sender { address: "f1".to_owned(), ..Sender::default() }], true, 1.7e9);
    ledger.meet(&[Some(0)], 100);
    for nonce in 0..2_000 {
        let message = ledger::Landed {
            cid: nonce.to_string(),
            nonce,
            to: "f02".to_owned(),
            to_miner: String::new(),
            method: format!("Method {nonce}"),
            exit_code: 0,
            gas_limit: 1,
            cost: Default::default(),
            value: crate::lotus::fil::Fil::ALL,
            height: 100,
            timestamp_seconds: 1_700_000_000,
        };
        ledger.count(0, &[message]);
    }
    let kinds = &ledger.accounts[0].kinds;
    assert_eq!((kinds.len(), kinds.iter().map(|kind| kind.messages).sum::<u64>()), (501, 2_000));
    let other = kinds.last().unwrap();
    assert_eq!((other.method.as_str(), other.exit_code.as_str(), other.messages), ("other", "other", 1_500));
    assert_eq!(other.value, crate::lotus::fil::Fil::ALL, "more than all does not fit into a state");
}
