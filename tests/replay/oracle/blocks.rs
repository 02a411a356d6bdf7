//! Won blocks: what the walk over the epochs that the exporter asked about must have counted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::MINERS;
use crate::expected::Expected;
use crate::nodes::Book;
use crate::recording::Recording;
use crate::values::{fil_of, items, number, text, whole};

/// The depth at which blocks count.
const DEPTH: i128 = 5;

/// In one run, the node is asked for the rewards of at least so many blocks.
const REWARDS_IN_A_RUN: usize = 20;

struct Won<'a> {
    tipset: &'a Value,
    block: &'a Value,
}

pub fn expect(recording: &Recording, book: &Book, expected: &mut Expected) {
    let head = whole(&recording.head()["Height"]);
    let asked = |method: &str| {
        let calls = book.calls.iter().filter(move |call| call.node == "daemon" && call.method == method);
        calls.map(|call| &call.params).collect::<Vec<_>>()
    };
    let mut heights: Vec<i128> = asked("ChainGetTipSetByHeight").iter().map(|params| whole(&params[0])).collect();
    // The count of messages begins there, which takes a call of its own.
    let begins = heights.iter().position(|height| *height == head - DEPTH);
    begins.map(|place| heights.swap_remove(place));
    let heights: BTreeSet<i128> = heights.into_iter().collect();
    let walked: Vec<i128> = heights.into_iter().filter(|height| (1..=head - DEPTH).contains(height)).collect();
    assert!(walked.windows(2).all(|pair| pair[1] == pair[0] + 1), "the walk left epochs out: {walked:?}");

    let asked_about: Vec<&Value> =
        asked("StateReadState").into_iter().filter(|params| params[0] == "f02").map(|params| &params[1]).collect();
    let mut of_miner: BTreeMap<&str, Vec<Won>> = BTreeMap::new();
    for height in &walked {
        let tipset = recording.chain("ChainGetTipSetByHeight", json!([*height as i64, "@head"]));
        // At a null round the node answers with the tipset before it.
        for block in items(&tipset["Blocks"]).iter().filter(|_| whole(&tipset["Height"]) == *height) {
            of_miner.entry(text(&block["Miner"])).or_default().push(Won { tipset, block });
        }
    }
    let blocks: usize = of_miner.values().map(Vec::len).sum();
    let paid = of_miner.values().flatten().filter(|won| asked_about.contains(&&won.tipset["Cids"])).count();
    assert!(paid >= blocks.min(REWARDS_IN_A_RUN), "the rewards of only {paid} of {blocks} blocks were asked for");

    let mut all: Vec<&Value> = Vec::new();
    for height in &walked {
        let tipset = recording.chain("ChainGetTipSetByHeight", json!([*height as i64, "@head"]));
        all.extend(items(&tipset["Blocks"]).iter().filter(|_| whole(&tipset["Height"]) == *height));
    }
    expected.add("farcaster_network_epochs_total", &[], walked.len() as f64);
    expected.add("farcaster_network_blocks_total", &[], all.len() as f64);
    let wins: f64 = all.iter().map(|block| number(&block["ElectionProof"]["WinCount"])).sum();
    expected.add("farcaster_network_wins_total", &[], wins);
    expected.add("farcaster_network_blocks_orphaned_total", &[], 0.0);

    for (_, miner_id) in MINERS {
        let id = [("miner_id", miner_id)];
        let won = &of_miner[miner_id];
        let wins: f64 = won.iter().map(|won| number(&won.block["ElectionProof"]["WinCount"])).sum();
        expected.add("farcaster_miner_blocks_won_total", &id, won.len() as f64);
        expected.add("farcaster_miner_wins_total", &id, wins);
        expected.add("farcaster_miner_blocks_orphaned_total", &id, 0.0);
        expected.add("farcaster_miner_expected_wins_total", &id, expected_wins(recording, miner_id, walked.len()));
        let rewards = won.iter().filter(|won| asked_about.contains(&&won.tipset["Cids"]));
        let rewards: i128 = rewards.map(|won| reward(recording, won)).sum();
        expected.add("farcaster_miner_rewards_fil_total", &id, fil_of(rewards));
        let last = won.last().unwrap();
        expected.add("farcaster_miner_last_block_height", &id, number(&last.tipset["Height"]));
        expected.add("farcaster_miner_last_block_timestamp_seconds", &id, number(&last.block["Timestamp"]));
    }
    // Lotus 1.36 does not report what messages earn.
    expected.nothing_more_of(&["farcaster_miner_gas_rewards_fil_total"]);
}

/// Five leaders an epoch, of whom a miner is its share of the power that the election looks back to: 900 epochs, or to the genesis. No recorded
/// epoch is past 900, so what the head looks back to is what they all do.
fn expected_wins(recording: &Recording, miner_id: &str, epochs: usize) -> f64 {
    assert!(whole(&recording.head()["Height"]) <= 900);
    let (_, info) = recording.all("daemon", "MinerGetBaseInfo").find(|(params, _)| params[0] == miner_id).unwrap();
    5.0 * epochs as f64 * number(&info["MinerPower"]) / number(&info["NetworkPower"])
}

/// A fifth of the epoch's reward for each win (network version 28), in whole attoFIL; from the head where the epoch's own is not recorded.
fn reward(recording: &Recording, won: &Won) -> i128 {
    let actor = |key: Value| recording.try_result("daemon", "StateReadState", &json!(["f02", key]));
    let actor = actor(won.tipset["Cids"].clone()).or_else(|| actor("@head".into())).unwrap();
    whole(&actor["State"]["ThisEpochReward"]) * whole(&won.block["ElectionProof"]["WinCount"]) / 5
}
