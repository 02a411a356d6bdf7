//! The full node: chain, messages, addresses, counters, alerts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::Farm;
use super::{At, MINERS, NOON, Node, big, day, list};

/// Mainnet's genesis.
const GENESIS: i64 = 1_598_306_400;

#[test]
fn the_chain_is_consistent() {
    let farm = Farm::new(2000);
    let (mut own, mut late, mut skipped, mut dropped) = (0, 0, 0, 0);
    // A day in which one of our blocks is orphaned.
    for epoch in 2880..2 * 2880 {
        let at = At { farm: &farm, now: NOON + 30.0 * f64::from(epoch) + 2.5 };
        let by_height = |height: i64| at.daemon("ChainGetTipSetByHeight", json!([height, null]));
        let head = at.daemon("ChainHead", json!([]));
        let height = head["Height"].as_i64().unwrap();
        let parents = by_height(height - 1);
        assert_eq!(by_height(height), head);
        let behind = (at.now as i64 - GENESIS) / 30 - height;
        assert!((0..=4).contains(&behind), "{behind} epochs behind");
        late += i64::from(behind > 0);
        skipped += i64::from(parents["Height"] != height - 1);

        let blocks = list(&head["Blocks"]);
        assert_eq!(blocks.len(), list(&head["Cids"]).len());
        assert_eq!(blocks[0]["Parents"], parents["Cids"]);
        assert_eq!(blocks[0]["Timestamp"], GENESIS + 30 * height);
        own += blocks.iter().filter(|block| MINERS.iter().any(|own| block["Miner"] == **own)).count();
        let later = At { farm: &farm, now: at.now + 300.0 };
        let kept = later.daemon("ChainGetTipSetByHeight", json!([height, null]));
        dropped += i64::from(kept["Cids"] != head["Cids"]);
    }
    assert!((3..30).contains(&own), "{own} own blocks a day");
    assert!(late > 30 && skipped > 3, "{late} late, {skipped} skipped");
    assert!((1..6).contains(&dropped), "{dropped} tipsets changed");
}

#[test]
fn finality_follows_the_head() {
    let farm = Farm::new(10);
    let mut before = (0, 0);
    for at in day().map(|now| At { farm: &farm, now }) {
        let progress = at.daemon("F3GetProgress", json!([]));
        let certificate = at.daemon("F3GetLatestCertificate", json!([]));
        let instance = certificate["GPBFTInstance"].as_i64().unwrap();
        assert_eq!(progress["ID"], instance + 1);
        assert!((1..=5).contains(&progress["Phase"].as_i64().unwrap()));
        let status = at.daemon("ChainGetTipSetFinalityStatus", json!([]));
        let height = |tipset: &str| status[tipset]["Height"].as_i64().unwrap();
        assert_eq!(certificate["ECChain"][1]["Epoch"], height("f3FinalizedTipSet"));
        assert!(height("ecFinalizedTipSet") < height("f3FinalizedTipSet"));
        assert!((5..=15).contains(&(height("head") - height("f3FinalizedTipSet"))));
        let after = (instance, height("f3FinalizedTipSet"));
        assert!(after > before);
        before = after;
    }
}

#[test]
fn counters_never_fall() {
    let farm = Farm::new(100);
    let mut before: BTreeMap<String, u64> = BTreeMap::new();
    for now in day().flat_map(|now| [now, now + 1.0]) {
        let at = At { farm: &farm, now };
        let protocols = at.daemon("NetBandwidthStatsByProtocol", json!([]));
        let total = at.daemon("NetBandwidthStats", json!([]));
        for direction in ["TotalIn", "TotalOut"] {
            let mut sum = 0;
            for (protocol, stats) in protocols.as_object().unwrap() {
                let value = stats[direction].as_u64().unwrap();
                let old = before.insert(format!("{direction} {protocol}"), value);
                assert!(old.is_none_or(|old| old <= value), "{direction} {protocol}");
                sum += value;
            }
            assert!(sum > 0);
            assert_eq!(total[direction], sum);
        }
        let height = at.daemon("ChainHead", json!([]))["Height"].as_u64().unwrap();
        let old = before.insert("height".to_owned(), height);
        assert!(old.is_none_or(|old| old <= height));
    }
}

#[test]
fn messages_wait_go_and_get_stuck() {
    let farm = Farm::new(500);
    let mut methods = BTreeSet::new();
    let (mut stuck, mut free) = (0, 0);
    for now in day() {
        let at = At { farm: &farm, now };
        let own = list(&at.daemon("WalletList", json!([])));
        let messages = list(&at.daemon("MpoolPending", json!([null])));
        assert!((35..=75).contains(&messages.len()), "{} messages", messages.len());
        let sender_and_nonce =
            |message: &Value| (message["Message"]["From"].to_string(), message["Message"]["Nonce"].as_u64());
        let nonces: BTreeSet<_> = messages.iter().map(sender_and_nonce).collect();
        assert_eq!(nonces.len(), messages.len());
        for later in list(&At { farm: &farm, now: now + 20.0 }.daemon("MpoolPending", json!([null]))) {
            let same = messages.iter().find(|message| message["CID"] == later["CID"]);
            assert!(same.is_none_or(|message| *message == later));
        }

        let head = at.daemon("ChainHead", json!([]));
        let base_fee = big(&head["Blocks"][0]["ParentBaseFee"]);
        for message in messages.iter().map(|message| &message["Message"]) {
            if own.contains(&message["From"]) {
                methods.insert(message["Method"].as_u64().unwrap());
                let below = big(&message["GasFeeCap"]) < base_fee;
                stuck += i64::from(below);
                free += i64::from(!below);
            }
            let sender = at.about(message["From"].clone(), "StateGetActor");
            assert!(sender["Nonce"].as_u64() <= message["Nonce"].as_u64());
            at.about(message["To"].clone(), "StateGetActor");
        }
    }
    assert_eq!(methods.into_iter().collect::<Vec<_>>(), [0, 4, 5, 28, 34]);
    assert!(stuck > 40 && free > 200, "{stuck} stuck, {free} free");
}

/// Each tipset's own messages are those that its senders' nonces count, while messages wait, land, fail and are stuck.
#[test]
fn messages_land_with_receipts() {
    let farm = Farm::with_miners(500, 3);
    let (mut own, mut failed, mut most) = (0, 0, 0);
    let wallets = list(&At { farm: &farm, now: NOON }.daemon("WalletList", json!([])));
    for now in (0..250).map(|epoch| NOON + 30.0 * f64::from(epoch)) {
        let at = At { farm: &farm, now };
        let head = at.daemon("ChainHead", json!([]))["Height"].as_i64().unwrap();
        let tipset = |height: i64| at.daemon("ChainGetTipSetByHeight", json!([height, null]));
        let child = tipset(head - 5);
        let parents = tipset(child["Height"].as_i64().unwrap() - 1);
        let messages = list(&at.daemon("ChainGetParentMessages", json!([child["Cids"][0]])));
        let receipts = list(&at.daemon("ChainGetParentReceipts", json!([child["Cids"][0]])));
        assert_eq!(messages.len(), receipts.len());
        assert!((250..500).contains(&messages.len()), "{} messages", messages.len());
        for wallet in &wallets {
            let nonce =
                |tipset: &Value| at.daemon("StateGetActor", json!([wallet, tipset["Cids"]]))["Nonce"].as_u64().unwrap();
            let of_wallet = messages.iter().map(|message| &message["Message"]).filter(|of| of["From"] == *wallet);
            let nonces: Vec<u64> = of_wallet.map(|message| message["Nonce"].as_u64().unwrap()).collect();
            assert_eq!(nonces, (nonce(&parents)..nonce(&child)).collect::<Vec<_>>(), "{wallet} at {now}");
            own += nonces.len();
            most = most.max(nonces.len());
        }
        for (message, receipt) in messages.iter().zip(&receipts) {
            assert!(receipt["GasUsed"].as_u64() <= message["Message"]["GasLimit"].as_u64());
            assert!(receipt["ExitCode"] == 0 || message["Message"]["Method"] != 5, "a proof failed");
            failed += i64::from(receipt["ExitCode"] != 0);
        }
    }
    assert!(own > 40 && failed > 0 && most < 10, "{own} of ours, {failed} failed, {most} of one sender in a tipset");
}

#[test]
fn addresses_are_those_of_the_miners() {
    let farm = Farm::new(300);
    let at = At { farm: &farm, now: NOON };
    let wallets = list(&at.daemon("WalletList", json!([])));
    let mut datacaps = 0;
    for wallet in &wallets {
        let id = at.about(wallet.clone(), "StateLookupID");
        assert_eq!(at.about(id, "StateAccountKey"), *wallet);
        assert!(big(&at.daemon("WalletBalance", json!([wallet]))) > 0);
        datacaps += i64::from(!at.about(wallet.clone(), "StateVerifiedClientStatus").is_null());
    }
    assert_eq!(datacaps, 1);

    for (i, address) in MINERS.into_iter().enumerate() {
        assert_eq!(at.miner(i, "ActorAddress", json!([])), address);
        let info = at.about(address, "StateMinerInfo");
        for role in [&info["Worker"], &info["ControlAddresses"][0], &info["ControlAddresses"][1]] {
            assert!(wallets.contains(&at.about(role.clone(), "StateAccountKey")));
        }
        let state = at.about(address, "StateReadState");
        let kinds = ["PreCommitDeposits", "InitialPledge", "LockedFunds"];
        let locked: u128 = kinds.iter().map(|kind| big(&state["State"][kind])).sum();
        let available = big(&at.about(address, "StateMinerAvailableBalance"));
        assert_eq!(big(&state["Balance"]), locked + available);
        assert_eq!(at.about(address, "StateGetActor")["Code"], state["Code"]);
    }

    let owner = at.about(MINERS[1], "StateMinerInfo")["Owner"].clone();
    let codes = at.daemon("StateActorCodeCIDs", json!([29]));
    assert_eq!(at.about(owner.clone(), "StateGetActor")["Code"], codes["multisig"]);
    let error = |method, address: Value| at.try_ask(Node::Daemon, method, json!([address, null])).unwrap_err().0;
    assert_eq!(error("StateAccountKey", owner), 1);
    assert_eq!(error("StateLookupID", json!("f1nobody")), 11);
}

#[test]
fn balances_drain_and_are_refilled() {
    let farm = Farm::new(300);
    let balance = |now: f64| {
        let at = At { farm: &farm, now };
        let worker = at.about("f03100102", "StateAccountKey");
        big(&at.daemon("WalletBalance", json!([worker])))
    };
    let week = (0..7).flat_map(|days| day().map(move |now| now + 86_400.0 * f64::from(days)));
    let balances: Vec<u128> = week.map(balance).collect();
    let falls = balances.windows(2).filter(|pair| pair[1] < pair[0]).count();
    let steps = balances.len() - 1;
    assert!((steps - 9..steps).contains(&falls), "it falls {falls} times of {steps}");
}

#[test]
fn an_alert_comes_and_goes() {
    let farm = Farm::new(1);
    for miner in [None, Some(0), Some(1)] {
        let mut active = 0;
        for at in day().map(|now| At { farm: &farm, now }) {
            let node = miner.map_or(Node::Daemon, Node::Miner);
            let alerts = list(&at.ask(node, "LogAlerts", json!([])));
            let raised = alerts.iter().filter(|alert| alert["Active"] == true).count();
            assert!(raised <= 1 && alerts.len() > usize::from(miner.is_none()));
            active += raised;
        }
        // 20 minutes of every three hours: one ninth of 140 checks.
        assert!((10..=22).contains(&active), "{active} looks of 140");
    }
}

/// MinerGetBaseInfo uses the power of 900 epochs before the election, whatever the power is now.
#[test]
fn elections_look_back() {
    let farm = Farm::new(5000);
    let mut differing = 0;
    for now in day() {
        let at = At { farm: &farm, now };
        let head = at.daemon("ChainHead", json!([]));
        let height = head["Height"].as_i64().unwrap();
        let info = at.daemon("MinerGetBaseInfo", json!([MINERS[0], height, head["Cids"]]));
        let then = At { farm: &farm, now: (GENESIS + 30 * (height - 900)) as f64 };
        let power = then.daemon("StateMinerPower", json!([MINERS[0], null]));
        assert_eq!(info["MinerPower"], power["MinerPower"]["QualityAdjPower"]);
        assert_eq!(info["NetworkPower"], power["TotalPower"]["QualityAdjPower"]);
        differing +=
            usize::from(info["MinerPower"] != at.about(MINERS[0], "StateMinerPower")["MinerPower"]["QualityAdjPower"]);
    }
    assert!(differing > 0, "the power never changes");
}

#[test]
fn rewards_add_up() {
    let farm = Farm::new(2000);
    let at = At { farm: &farm, now: NOON };
    let height = at.daemon("ChainHead", json!([]))["Height"].as_i64().unwrap() - 5;
    let mut wins = BTreeSet::new();
    for height in height - 60..height {
        let tipset = at.daemon("ChainGetTipSetByHeight", json!([height, null]));
        let rewards = at.daemon("StateRewardDistribution", json!([{ "key": tipset["Cids"] }]));
        assert_eq!((&rewards["Height"], &rewards["TipSetKey"]), (&tipset["Height"], &tipset["Cids"]));
        let blocks = list(&rewards["Blocks"]);
        assert_eq!(blocks.len(), list(&tipset["Blocks"]).len());
        for (reward, block) in blocks.iter().zip(list(&tipset["Blocks"])) {
            assert_eq!((&reward["Miner"], &reward["WinCount"]), (&block["Miner"], &block["ElectionProof"]["WinCount"]));
            let amount = |name: &str| big(&reward["Amounts"][name]);
            let spread = amount("MinerReward") + amount("ExplicitReward") + amount("BurnAllocation");
            assert_eq!(amount("MintedReward"), spread);
            assert_eq!(amount("MinerPaid"), amount("MinerReward") + amount("MessageReward"));
            // Not quite 95 % a month after Solstice.
            let percent = amount("MinerReward") * 100 / amount("MintedReward");
            assert_eq!(percent, 93);
            wins.insert(reward["WinCount"].as_u64().unwrap());
        }
        for total in ["MinerReward", "MessageReward"] {
            let sum: i128 = blocks.iter().map(|block| big(&block["Amounts"][total]) as i128).sum();
            assert_eq!(big(&rewards["Totals"][total]) as i128, sum);
        }
    }
    assert_eq!(wins, BTreeSet::from([1, 2]));
    let unknown = json!([{ "key": [{ "/": "bafy" }] }]);
    assert!(at.try_ask(Node::Daemon, "StateRewardDistribution", unknown).is_err());
}
