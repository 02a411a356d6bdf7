//! The walk on a simulated chain, through the real client: with reorganizations, null rounds, orphans, outages on both sides, and restarts.
#![allow(clippy::unwrap_used)]

mod counters;
mod doubtful;
mod luck;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::address_book::AddressBook;
use crate::collect::daemon::simulation::{Chain, GENESIS_SECONDS, MINERS, Mood, SimBlock, daemon};
use crate::lotus::election::PowerShare;
use crate::state::State;

/// The second miner is under the minimum power.
const SHARE: f64 = 0.25;

/// An exporter and its node.
struct Sim {
    chain: Arc<Mutex<Chain>>,
    state: State,
    /// Blocks that runs have certainly seen while they were new, and those that they may have.
    surely_seen: BTreeSet<String>,
    perhaps_seen: BTreeSet<String>,
    lines: Vec<String>,
    /// What the node tells in place of the head's height.
    told_height: Option<i64>,
}

impl Sim {
    fn new(seed: u64) -> Sim {
        Sim {
            chain: Arc::new(Mutex::new(Chain::new(seed))),
            state: State::in_memory(),
            surely_seen: BTreeSet::new(),
            perhaps_seen: BTreeSet::new(),
            lines: Vec::new(),
            told_height: None,
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Chain) -> T) -> T {
        change(&mut self.chain.lock().unwrap())
    }

    fn ledger(&self) -> Ledger {
        self.state.recall(SECTION)
    }

    /// One run. Whether all went well.
    fn run(&mut self) -> bool {
        let daemon = daemon(&self.chain, self.told_height);
        let now = (GENESIS_SECONDS + 30 * self.change(|chain| chain.longest as i64)) as f64;
        let book = AddressBook::default();
        let run = Run {
            nodes: &[],
            miner_ids: &[],
            address_book: &book,
            state: &self.state,
            now,
            timeout: Duration::from_secs(40),
            slow_period_seconds: 1800.0,
            max_rows: 500,
        };
        let mut problems = Problems::new("daemon sim");
        let before = totals(&self.ledger());
        fetch(Ok(&daemon), &run, &MINERS, &mut problems).unwrap();
        let after = totals(&self.ledger());
        for (miner, totals) in before {
            let now = after[&miner];
            assert!(totals.iter().zip(&now).all(|(before, now)| before <= now), "{miner}: {totals:?} fell to {now:?}");
        }
        let is_well = !problems.is_failure();
        self.lines = problems.into_lines().iter().map(ToString::to_string).collect();
        is_well
    }

    /// A run, and what it sees of the newest epochs. One that is not remembered happens before the machine goes down.
    fn see_and_run(&mut self, is_remembered: bool) {
        let (settled, text) = (self.ledger().height(), serde_json::to_string(&self.ledger()).unwrap());
        let is_well = self.run();
        let new = self.change(|chain| {
            let newest = (chain.head - DEPTH_EPOCHS + 1).max(settled + 1).max(0)..=chain.head;
            let blocks = newest.flat_map(|height| chain.epochs[height as usize].clone());
            blocks.map(|block| block.cid).collect::<Vec<_>>()
        });
        self.perhaps_seen.extend(new.iter().cloned());
        if is_remembered && is_well {
            self.surely_seen.extend(new);
        }
        if !is_remembered {
            self.state = State::in_memory();
            self.state.remember(SECTION, &serde_json::from_str::<Ledger>(&text).unwrap());
        }
    }

    /// Runs until there is nothing left to do.
    fn finish(&mut self) {
        self.change(|chain| {
            chain.mood = Mood::Well;
            chain.head = chain.epochs.len() as i64 - 1;
        });
        for _ in 0..200 {
            self.see_and_run(true);
            let deep = self.change(|chain| chain.head) - DEPTH_EPOCHS;
            let ledger = self.ledger();
            let is_weighed = ledger.miners.values().all(|totals| !totals.is_to_be_weighed());
            if ledger.height() == deep && ledger.unpaid.is_empty() && is_weighed {
                return;
            }
        }
        panic!("never finished: {:?}", self.lines);
    }

    /// The least and the most orphans among certain blocks that it can have seen.
    fn orphans(&self, chain: &Chain, is_one: impl Fn(&str) -> bool) -> RangeInclusive<u64> {
        let deep = chain.head - DEPTH_EPOCHS;
        let is_gone = |cid: &&String| {
            // A block's height stands in its CID.
            let height: i64 = cid[1..].split('-').next().unwrap().parse().unwrap();
            is_one(cid) && height <= deep && !chain.epochs[height as usize].iter().any(|kept| kept.cid == **cid)
        };
        let count = |seen: &BTreeSet<String>| seen.iter().filter(is_gone).count() as u64;
        count(&self.surely_seen)..=count(&self.perhaps_seen)
    }

    /// What happens at random. Depths of reorganizations are below `deepest`.
    fn live(&mut self, steps: u64, deepest: u64) {
        let start = self.change(|chain| 10 + chain.chance.below(150));
        self.change(|chain| chain.grow(start));
        for _ in 0..steps {
            let (what, amount) = self.change(|chain| (chain.chance.below(20), chain.chance.next()));
            match what {
                0..=3 => self.change(|chain| chain.reorganize(1 + amount % (deepest - 1))),
                4 => self.change(|chain| chain.grow(50 + amount % 150)),
                5 => self.change(|chain| chain.head = chain.at_or_before((chain.head - (amount % 30) as i64).max(0))),
                6 => self.see_and_run(false),
                7 | 8 => {
                    let moods = [Mood::Silent, Mood::Flaky, Mood::NoRewards, Mood::Garbled];
                    self.change(|chain| chain.mood = moods[(amount % 4) as usize]);
                    self.see_and_run(true);
                    self.change(|chain| chain.mood = Mood::Well);
                    self.see_and_run(true);
                }
                _ => {
                    self.change(|chain| chain.grow(amount % 4));
                    self.see_and_run(true);
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
}

/// All that must never fall, by miner.
fn totals(ledger: &Ledger) -> BTreeMap<String, [f64; 6]> {
    let of = |totals: &Totals| {
        let gas = totals.gas_rewards.unwrap_or_default().to_f64();
        let (blocks, wins, orphaned) = (totals.blocks as f64, totals.wins as f64, totals.orphaned as f64);
        [blocks, wins, orphaned, totals.rewards.to_f64(), gas, totals.expected_wins().unwrap_or_default()]
    };
    ledger.miners.iter().map(|(miner, totals)| (miner.clone(), of(totals))).collect()
}

fn rewards_of<'a>(blocks: impl Iterator<Item = &'a SimBlock>) -> (i128, i128) {
    blocks.map(SimBlock::reward).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

#[test]
fn whatever_happens_the_totals_are_what_is_on_the_chain() {
    let (mut all_blocks, mut all_orphans) = (0, 0);
    for seed in 0..1000 {
        let mut sim = Sim::new(seed);
        sim.live(18, 5);
        let ledger = sim.ledger();
        let chain = sim.chain.lock().unwrap();
        let deep = chain.head - DEPTH_EPOCHS;
        for miner in MINERS {
            let (totals, on_chain) = (&ledger.miners[miner], chain.settled(miner));
            assert_eq!(totals.blocks, on_chain.len() as u64, "history {seed}");
            assert_eq!(totals.wins, on_chain.iter().map(|block| block.wins).sum::<u64>(), "history {seed}");
            let (rewards, gas) = rewards_of(on_chain.iter().copied());
            assert_eq!(totals.rewards.atto, rewards, "history {seed}");
            assert_eq!(totals.gas_rewards.unwrap_or_default().atto, gas, "history {seed}");
            let last = (1..=deep).rev().find(|at| chain.epochs[*at as usize].iter().any(|block| block.miner == miner));
            assert_eq!(
                totals.last_block.map(|last| (last.height, last.timestamp_seconds)),
                last.map(|at| (at, GENESIS_SECONDS + 30 * at))
            );

            let share = if miner == MINERS[0] { SHARE } else { 0.0 };
            let expected = 5.0 * share * deep as f64;
            assert!(
                (totals.expected_wins().unwrap() - expected).abs() < 1e-6,
                "history {seed}: {:?}",
                totals.expected_wins()
            );

            let possible = sim.orphans(&chain, |cid| chain.ever.get(cid).is_some_and(|block| block.miner == miner));
            assert!(possible.contains(&totals.orphaned), "history {seed}: {} not in {possible:?}", totals.orphaned);
            all_blocks += totals.blocks;
            all_orphans += totals.orphaned;
        }
        let (network, blocks) = (ledger.network, chain.epochs[1..=deep as usize].iter().flatten());
        assert_eq!((network.epochs, network.blocks), (deep as u64, blocks.clone().count() as u64), "history {seed}");
        assert_eq!(network.wins, blocks.map(|block| block.wins).sum::<u64>(), "history {seed}");
        let possible = sim.orphans(&chain, |_| true);
        assert!(possible.contains(&network.orphaned), "history {seed}: {} not in {possible:?}", network.orphaned);
    }
    assert!(all_blocks > 20_000 && all_orphans > 500, "{all_blocks} blocks, {all_orphans} orphans");
}

#[test]
fn deeper_reorganizations_count_no_block_twice_and_lose_none() {
    let mut dropped = 0;
    for seed in 0..200 {
        let mut sim = Sim::new(seed);
        sim.live(30, 60);
        let ledger = sim.ledger();
        let chain = sim.chain.lock().unwrap();
        let counted: Vec<&SimBlock> = ledger.counted().map(|cid| &chain.ever[cid]).collect();
        for miner in MINERS {
            let totals = &ledger.miners[miner];
            let of_miner = || counted.iter().copied().filter(|block| block.miner == miner);
            assert_eq!(totals.blocks, of_miner().count() as u64, "history {seed}");
            assert_eq!(totals.wins, of_miner().map(|block| block.wins).sum::<u64>(), "history {seed}");
            assert_eq!(totals.rewards.atto, rewards_of(of_miner()).0, "history {seed}");
            for block in chain.settled(miner) {
                assert!(of_miner().any(|counted| counted.cid == block.cid), "history {seed}: {block:?} is lost");
            }
            dropped += of_miner().count() - chain.settled(miner).len();
        }
    }
    assert!(dropped > 100, "only {dropped} blocks were counted that the chain dropped later");
}

#[test]
fn the_first_run_looks_back_a_day_in_pieces() {
    let mut sim = Sim::new(1);
    sim.change(|chain| chain.grow(10_000));
    let from = sim.change(|chain| chain.head) - DEPTH_EPOCHS - 2880;
    assert!(sim.run());
    let calls = sim.change(|chain| chain.calls["ChainGetTipSetByHeight"]);
    assert!((80..100).contains(&calls), "{calls} calls");
    sim.finish();
    let own = sim.change(|chain| {
        let deep = &chain.epochs[from as usize + 1..chain.epochs.len() - DEPTH_EPOCHS as usize];
        deep.iter().flatten().filter(|block| block.miner == MINERS[0]).count()
    });
    assert_eq!(sim.ledger().miners[MINERS[0]].blocks, own as u64);

    // From then on, a run costs little.
    sim.change(|chain| {
        chain.grow(2);
        chain.calls.clear();
    });
    assert!(sim.run());
    let calls = sim.change(|chain| (chain.calls["ChainGetTipSetByHeight"], chain.calls["MinerGetBaseInfo"]));
    assert!(calls.0 <= 10 && calls.1 == MINERS.len(), "{calls:?} calls");
}

#[test]
fn what_the_node_no_longer_has_is_reported_once_and_skipped() {
    let mut sim = Sim::new(2);
    sim.change(|chain| chain.grow(300));
    sim.finish();
    let before = sim.ledger().miners[MINERS[0]].blocks;
    let (settled, oldest) = sim.change(|chain| {
        let settled = chain.head - DEPTH_EPOCHS;
        chain.grow(3000);
        chain.oldest = chain.head - 500;
        (settled, chain.oldest)
    });
    let mut said = Vec::new();
    for _ in 0..20 {
        sim.run();
        said.extend(sim.lines.iter().filter(|line| line.contains("not counted")).cloned());
    }
    let gap = format!("from {} to {}", settled + 1, oldest - 1);
    assert!(said.len() == 1 && said[0].contains(&gap), "{said:?}, not {gap}");
    sim.finish();
    let after = sim.change(|chain| {
        let deep = &chain.epochs[oldest as usize..chain.epochs.len() - DEPTH_EPOCHS as usize];
        deep.iter().flatten().filter(|block| block.miner == MINERS[0]).count()
    });
    let totals = &sim.ledger().miners[MINERS[0]];
    assert_eq!(totals.blocks, before + after as u64);
    // Nothing was to be expected where nothing could be counted.
    let walked = settled + sim.change(|chain| chain.head) - DEPTH_EPOCHS - (oldest - 1);
    assert!((totals.expected_wins().unwrap() - 5.0 * SHARE * walked as f64).abs() < 1e-6);
}

/// The second miner's totals after a walk on a node that tells no rewards.
fn untold_rewards(network_version: i64) -> (Sim, Totals) {
    let mut sim = Sim::new(3);
    sim.change(|chain| {
        chain.network_version = network_version;
        chain.tells_rewards = false;
        chain.grow(200);
    });
    sim.finish();
    let totals = sim.ledger().miners[MINERS[1]].clone();
    assert!(totals.wins > totals.blocks && totals.gas_rewards.is_none());
    (sim, totals)
}

#[test]
fn unreported_rewards_are_a_fifth_of_the_epochs_for_each_win_before_solstice() {
    let (_, totals) = untold_rewards(28);
    // One win: 10,000,000,000,000,000,003 / 5 = 2,000,000,000,000,000,000.6; two in one block: 4,000,000,000,000,000,001.2.
    let in_blocks_of_two = i128::from(totals.wins - totals.blocks);
    assert_eq!(totals.rewards.atto, i128::from(totals.wins) * 2_000_000_000_000_000_000 + in_blocks_of_two);
}

#[test]
fn unreported_rewards_shrink_since_solstice() {
    let (sim, totals) = untold_rewards(29);
    // The sim's Solstice is at epoch 0: of 2 or 4 FIL and something, 95 % less 45 % in 2,366,766 epochs.
    let chain = sim.chain.lock().unwrap();
    let mut rewards = 0;
    for (height, blocks) in chain.epochs[..=(chain.head - DEPTH_EPOCHS) as usize].iter().enumerate() {
        for block in blocks.iter().filter(|block| block.miner == MINERS[1]) {
            let minted = [2_000_000_000_000_000_000, 4_000_000_000_000_000_001][block.wins as usize - 1];
            rewards += minted * (224_842_770 - 45 * height as i128) / 236_676_600;
        }
    }
    assert_eq!(totals.rewards.atto, rewards);
}

#[test]
fn a_reward_that_does_not_come_in_time_is_asked_for_again() {
    let mut sim = Sim::new(4);
    sim.change(|chain| {
        chain.grow(40);
        chain.mood = Mood::NoRewards;
    });
    assert!(!sim.run());
    let totals = sim.ledger().miners[MINERS[0]].clone();
    assert!(totals.blocks > 0 && totals.rewards == Default::default());
    sim.finish();
    let rewards = sim.change(|chain| rewards_of(chain.settled(MINERS[0]).into_iter()).0);
    assert_eq!(sim.ledger().miners[MINERS[0]].rewards.atto, rewards);
}

#[test]
fn a_tipset_that_does_not_fit_changes_nothing() {
    let mut sim = Sim::new(5);
    sim.change(|chain| chain.grow(60));
    sim.finish();
    let before = sim.ledger();
    sim.change(|chain| {
        chain.grow(20);
        chain.mood = Mood::Garbled;
    });
    assert!(!sim.run());
    assert_eq!(totals(&sim.ledger()), totals(&before));
    assert_eq!(sim.ledger().height(), before.height());
}

#[test]
fn luck_follows_the_power_at_the_time() {
    let mut totals = Totals::default();
    let mut ledger = Ledger::default();
    ledger.begin(100, &MINERS);
    let tipset: TipSet = serde_json::from_value(json!({ "Cids": [{ "/": "a" }], "Height": 0,
        "Blocks": [{ "Miner": "f0999", "Timestamp": 0, "ElectionProof": null }] }))
    .unwrap();
    // Ten epochs with a tenth of the power, ten with a fifth: 10 x 5 x 0.1 + 10 x 5 x 0.2 = 15.
    for power in [1, 2] {
        for _ in 0..10 {
            ledger.settle(&tipset, &MINERS, 1.7e9).unwrap();
        }
        totals = ledger.miners.remove(MINERS[0]).unwrap();
        while !totals.weigh(PowerShare::new(power << 60, 10 << 60).unwrap()) {}
        ledger.miners.insert(MINERS[0].to_owned(), totals.clone());
    }
    assert_eq!(totals.expected_wins(), Some(15.0));
}
