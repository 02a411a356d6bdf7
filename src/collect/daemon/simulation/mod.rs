//! A node with its chain, simulated: what tests of walks along the chain run on.
#![allow(clippy::unwrap_used)]

pub mod messages;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::connect::Daemon;
use crate::lotus::epoch::ChainClock;
use crate::rpc::{Budget, Cause, Client, Habits, ReadAnswer, Transport};
use messages::SimMessage;

/// What is so deep under the head counts, whatever is counted.
pub const DEPTH_EPOCHS: i64 = 5;

pub const MINERS: [&str; 2] = ["f01000", "f02000"];

pub const GENESIS_SECONDS: i64 = 1_700_000_000;

pub const EPOCH_REWARD: i128 = 10_000_000_000_000_000_003;

/// Deterministic chance (splitmix64).
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

#[derive(Clone, Debug)]
pub struct SimBlock {
    pub cid: String,
    pub miner: &'static str,
    pub wins: u64,
    /// All of its tipset, in the first block.
    pub messages: Vec<SimMessage>,
    /// Of our senders, after the tipset, in the first block.
    pub nonces: [u64; 3],
}

impl SimBlock {
    /// What it brings: attoFIL without gas, and gas.
    pub fn reward(&self) -> (i128, i128) {
        let seed = self.cid.bytes().fold(7_u64, |seed, byte| Chance(seed ^ u64::from(byte)).next());
        (i128::from(self.wins) * 1_000_000_000_000_000_000 + i128::from(seed >> 20), i128::from(seed >> 30))
    }
}

/// How the node answers.
#[derive(Clone, Copy, PartialEq)]
pub enum Mood {
    Well,
    /// Nothing comes in time.
    Silent,
    /// One call in eight is refused.
    Flaky,
    /// Walks well, and tells no reward in time.
    NoRewards,
    /// Answers tipsets without their CIDs.
    Garbled,
}

/// A node with its chain: the blocks of every epoch, none being a null round.
pub struct Chain {
    pub epochs: Vec<Vec<SimBlock>>,
    /// Lower than the chain's end while the node syncs again.
    pub head: i64,
    /// How many epochs it ever had.
    pub longest: usize,
    /// What lies before is refused.
    pub oldest: i64,
    pub mood: Mood,
    /// Every own block there ever was.
    pub ever: BTreeMap<String, SimBlock>,
    /// The end of the chain that the last reorganization dropped, and where it began.
    pub dropped: Option<(usize, Vec<Vec<SimBlock>>)>,
    pub chance: Chance,
    pub network_version: i64,
    pub tells_rewards: bool,
    /// Of the first miner, of 1000, by the height.
    pub power: fn(i64) -> i64,
    /// The second has no power at all before, and less than it needs from then on.
    pub second_has_power_from: i64,
    /// What lies before is refused.
    pub oldest_state: i64,
    /// Told in place of the network's power.
    pub network_power: Option<&'static str>,
    /// A field of every own block, and what stands there.
    pub block_with: Option<(&'static str, Value)>,
    /// A field of the amounts of every block's reward, and what stands there.
    pub amounts_with: Option<(&'static str, &'static str)>,
    /// Each miner wins in one of so many epochs.
    pub own_in: u64,
    /// So many tipsets' rewards can be told in time.
    pub most_rewards: usize,
    pub calls: BTreeMap<String, usize>,
    pub requests: usize,
    /// Whether it has messages, for which it has chance of its own.
    pub has_messages: bool,
    pub message_chance: Chance,
    /// Every message of a sender of ours that there ever was.
    pub messages_ever: BTreeMap<String, SimMessage>,
    /// The messages of what lies before are refused.
    pub oldest_messages: i64,
    /// What receipts are answered with.
    pub receipts: fn(Value) -> Value,
    /// How much too high every nonce is told.
    pub nonces_ahead: u64,
}

impl Chain {
    pub fn new(seed: u64) -> Chain {
        let mut chain = Chain {
            epochs: Vec::new(),
            head: 0,
            longest: 0,
            oldest: 0,
            mood: Mood::Well,
            ever: BTreeMap::new(),
            dropped: None,
            chance: Chance(seed),
            network_version: 29,
            tells_rewards: true,
            power: |_| 250,
            second_has_power_from: 0,
            oldest_state: 0,
            network_power: None,
            block_with: None,
            amounts_with: None,
            own_in: 5,
            most_rewards: usize::MAX,
            requests: 0,
            calls: BTreeMap::new(),
            has_messages: false,
            message_chance: Chance(!seed),
            messages_ever: BTreeMap::new(),
            oldest_messages: 0,
            receipts: |receipts| receipts,
            nonces_ahead: 0,
        };
        let genesis =
            SimBlock { cid: "genesis".to_owned(), miner: "f00", wins: 1, messages: Vec::new(), nonces: [0; 3] };
        chain.epochs.push(vec![genesis]);
        chain
    }

    pub fn epoch(&mut self) -> Vec<SimBlock> {
        let (height, salt) = (self.epochs.len(), self.chance.next());
        let mut blocks = Vec::new();
        let mut block = |miner: &'static str, chance: &mut Chance| {
            let cid = format!("b{height}-{salt:x}-{}", blocks.len());
            blocks.push(SimBlock { cid, miner, wins: 1 + chance.below(2), messages: Vec::new(), nonces: [0; 3] });
        };
        for _ in 0..self.chance.below(3) {
            block("f0999", &mut self.chance);
        }
        for miner in MINERS {
            if self.chance.one_in(self.own_in) {
                block(miner, &mut self.chance);
            }
        }
        let own = blocks.iter().filter(|block| MINERS.contains(&block.miner));
        self.ever.extend(own.map(|block| (block.cid.clone(), block.clone())));
        if let Some(first) = blocks.first_mut().filter(|_| self.has_messages) {
            first.messages = self.new_messages(&first.cid);
            first.nonces = [0, 1, 2].map(|sender| self.nonce(sender, height));
            for message in first.messages.iter().filter(|message| message.is_executed()) {
                message.sender.into_iter().for_each(|sender| first.nonces[sender] += 1);
            }
            let own = first.messages.iter().filter(|message| message.sender.is_some());
            self.messages_ever.extend(own.map(|message| (message.cid.clone(), message.clone())));
        }
        blocks
    }

    pub fn grow(&mut self, epochs: u64) {
        for _ in 0..epochs {
            let blocks = self.epoch();
            self.epochs.push(blocks);
        }
        // A head has blocks.
        while self.epochs.last().unwrap().is_empty() {
            let blocks = self.epoch();
            self.epochs.push(blocks);
        }
        self.head = self.epochs.len() as i64 - 1;
        self.longest = self.longest.max(self.epochs.len());
    }

    /// Replaces epochs down to this depth under the highest head there was, by what was dropped last if that is possible and wanted.
    pub fn reorganize(&mut self, depth: u64) {
        let keep = (self.longest.saturating_sub(depth as usize)).clamp(1, self.epochs.len() - 1);
        let back = self.dropped.take().filter(|(from, _)| *from >= keep && *from < self.epochs.len());
        let from = back.as_ref().map_or(keep, |(from, _)| *from);
        let length = self.epochs.len();
        let old = self.epochs.split_off(from);
        self.dropped = Some((from, old));
        match back.filter(|_| self.chance.one_in(2)) {
            Some((_, blocks)) => self.epochs.extend(blocks),
            None => {
                let fewer = self.chance.below(2) as usize;
                while self.epochs.len() < length - fewer.min(length - from - 1) {
                    let blocks = self.epoch();
                    self.epochs.push(blocks);
                }
            }
        }
        self.grow(0);
    }

    pub fn at_or_before(&self, height: i64) -> i64 {
        (0..=height).rev().find(|height| !self.epochs[*height as usize].is_empty()).unwrap()
    }

    pub fn tipset(&self, height: i64) -> Value {
        let blocks = &self.epochs[height as usize];
        let parents = if height > 0 { key_of(&self.epochs[self.at_or_before(height - 1) as usize]) } else { json!([]) };
        let headers = blocks.iter().map(|block| {
            let mut header = json!({
                "Miner": block.miner.replace('f', "t"), "Timestamp": GENESIS_SECONDS + 30 * height,
                "ElectionProof": { "WinCount": block.wins },
                "Parents": parents, "ParentBaseFee": messages::base_fee(&blocks[0].cid).to_string(),
            });
            match &self.block_with {
                Some(("WinCount", value)) => header["ElectionProof"]["WinCount"] = value.clone(),
                Some((field, value)) => header[*field] = value.clone(),
                None => {}
            }
            header
        });
        json!({ "Cids": key_of(blocks), "Blocks": headers.collect::<Value>(), "Height": height })
    }

    pub fn answer(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        *self.calls.entry(method.to_owned()).or_default() += 1;
        if self.mood == Mood::Flaky && self.chance.one_in(8) {
            return Err("context canceled".to_owned());
        }
        if let Some(answer) = self.answer_messages(method, params) {
            return answer;
        }
        match method {
            "ChainGetTipSetByHeight" => {
                let height = params[0].as_i64().unwrap();
                if height > self.head {
                    return Err("looking for tipset with height greater than start point".to_owned());
                }
                if height < self.oldest {
                    return Err("ipld: could not find bafy".to_owned());
                }
                let mut tipset = self.tipset(self.at_or_before(height));
                if self.mood == Mood::Garbled {
                    tipset["Cids"] = json!([]);
                }
                Ok(tipset)
            }
            "MinerGetBaseInfo" => {
                let (round, key) = (params[1].as_i64().unwrap(), &params[2]);
                // A tipset that a reorganization dropped is still known.
                let cids = key.as_array().unwrap().iter().map(|link| link["/"].as_str().unwrap());
                let of_round = |cid: &str| cid.starts_with(&format!("b{round}-")) || cid == "genesis";
                assert!(cids.clone().count() > 0 && cids.clone().all(of_round), "{key} is not of epoch {round}");
                let lookback = (round - 900).max(0);
                if lookback < self.oldest_state {
                    return Err("ipld: could not find bafy".to_owned());
                }
                if params[0] == MINERS[1] && lookback < self.second_has_power_from {
                    return Ok(Value::Null);
                }
                Ok(json!({
                    "MinerPower": (self.power)(lookback).to_string(),
                    "NetworkPower": self.network_power.unwrap_or("1000"),
                    "EligibleForMining": params[0] == MINERS[0],
                }))
            }
            "StateRewardDistribution" if !self.tells_rewards => {
                Err("state reward distribution: requires reward actor v19".to_owned())
            }
            "StateRewardDistribution" => {
                // A tipset that a reorganization dropped is still known.
                let key = params[0]["key"].as_array().unwrap();
                let blocks = key.iter().map(|link| {
                    let cid = link["/"].as_str().unwrap();
                    let (reward, gas) = self.ever.get(cid).map_or((1, 1), SimBlock::reward);
                    let mut amounts = json!({
                        "MintedReward": (reward + 9).to_string(), "MinerReward": reward.to_string(),
                        "MessageReward": gas.to_string(), "MinerPaid": (reward + gas).to_string() });
                    if let Some((field, atto)) = self.amounts_with {
                        amounts[field] = json!(atto);
                    }
                    json!({ "Block": { "/": cid }, "Amounts": amounts })
                });
                Ok(json!({ "Blocks": blocks.collect::<Value>() }))
            }
            "StateReadState" if params[1] != key_of(&self.epochs[self.head as usize]) && self.oldest_state > 0 => {
                Err("ipld: could not find bafy".to_owned())
            }
            "StateReadState" => Ok(json!({ "State": { "ThisEpochReward": EPOCH_REWARD.to_string() } })),
            "StateNetworkVersion" => Ok(json!(self.network_version)),
            _ => panic!("{method} is not asked for"),
        }
    }

    /// Own blocks on the chain as it is, in the epochs that are deep enough.
    pub fn settled(&self, miner: &str) -> Vec<&SimBlock> {
        let deep = &self.epochs[1..(self.epochs.len() - DEPTH_EPOCHS as usize).max(1)];
        deep.iter().flatten().filter(|block| block.miner == miner).collect()
    }
}

pub fn key_of(blocks: &[SimBlock]) -> Value {
    blocks.iter().map(|block| json!({ "/": block.cid })).collect()
}

pub struct InProcess(pub Arc<Mutex<Chain>>);

impl Transport for InProcess {
    fn post(&self, path: &str, body: &[u8], timeout: Duration, read: ReadAnswer) -> Result<(), Cause> {
        let mut chain = self.0.lock().unwrap();
        if chain.mood == Mood::Silent || (chain.mood == Mood::NoRewards && path == "/rpc/v2") {
            return Err(Cause::TimedOut(timeout));
        }
        let request: Value = serde_json::from_slice(body).unwrap();
        chain.requests += 1;
        if path == "/rpc/v2" && request.as_array().map_or(1, Vec::len) > chain.most_rewards {
            return Err(Cause::TimedOut(timeout));
        }
        let mut respond = |call: &Value| {
            let method = call["method"].as_str().unwrap().strip_prefix("Filecoin.").unwrap();
            match chain.answer(method, &call["params"]) {
                Ok(result) => json!({ "id": call["id"], "result": result }),
                Err(message) => json!({ "id": call["id"], "error": { "code": 1, "message": message } }),
            }
        };
        let response = match request.as_array() {
            Some(calls) => {
                assert!(calls.len() <= 100, "{} calls in a batch", calls.len());
                calls.iter().map(respond).collect()
            }
            None => respond(&request),
        };
        read(200, &mut response.to_string().as_bytes()).map_err(|error| Cause::Failed(error.to_string()))
    }
}

/// The node as a run knows it. `told_height` stands in place of the head's own.
pub fn daemon(chain: &Arc<Mutex<Chain>>, told_height: Option<i64>) -> Daemon {
    let budget = Budget::new(Duration::from_secs(40));
    let transport = Arc::new(InProcess(chain.clone()));
    let client = Client::new("daemon sim".to_owned(), "/rpc/v1", transport, budget, Habits::default());
    let chain = chain.lock().unwrap();
    let mut head = chain.tipset(chain.head);
    if let Some(height) = told_height {
        head["Height"] = json!(height);
    }
    let told = serde_json::from_value(head.clone()).ok();
    Daemon {
        client,
        version: None,
        network_name: Some("sim".to_owned()),
        network_version: Some(chain.network_version),
        upgrades: None,
        solstice_height: (chain.network_version > 28).then_some(0),
        // Of a head that cannot be, nothing is believed.
        tipset_key: told.as_ref().map_or(Value::Null, |_| head["Cids"].clone()),
        head: told,
        clock: Some(ChainClock { genesis_timestamp_seconds: GENESIS_SECONDS, block_delay_seconds: 30 }),
        problems: Vec::new(),
    }
}
