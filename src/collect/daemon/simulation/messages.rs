//! The messages of the simulated chain: some of our senders', some of strangers, and a few that the chain refuses.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Chain, Chance, MINERS, SimBlock, key_of};
use crate::lotus::fil::Fil;
use crate::lotus::gas::{Cost, Terms};

/// Address and id of each sender: a worker of the first miner, an address of both miners, and one of none.
pub const SENDERS: [(&str, &str); 3] = [("f3worker", "f0101"), ("f1both", "f0102"), ("f410fwatched", "f0103")];

/// No sender has sent anything before this epoch.
pub const FIRST_MESSAGES: i64 = 20;

#[derive(Clone, Debug)]
pub struct SimMessage {
    pub cid: String,
    /// The sender's number, none for a stranger.
    pub sender: Option<usize>,
    pub from: &'static str,
    pub to: &'static str,
    pub method: u64,
    pub nonce: u64,
    pub value: i128,
    pub exit_code: i64,
    pub terms: Terms,
}

impl SimMessage {
    fn new(tipset: &str, sender: Option<usize>, from: &'static str, nonce: u64, chance: &mut Chance) -> SimMessage {
        let calls = [(MINERS[0], 5), (MINERS[1], 5), ("f05", 4), ("f2multisig", 2), ("f099", 0)];
        let (to, method) = calls[chance.below(5) as usize];
        let fil = |atto: u64| Fil { atto: i128::from(atto) };
        let gas_used = i128::from(1_000_000 + chance.below(50_000_000));
        let terms = Terms {
            gas_limit: gas_used * i128::from(100 + chance.below(200)) / 100,
            gas_used,
            base_fee: Fil { atto: base_fee(tipset) },
            fee_cap: fil(100 + chance.below(2_000_000)),
            premium: fil(chance.below(200_000)),
        };
        let exit_code = if chance.one_in(5) { 16 + chance.below(2) as i64 } else { 0 };
        let (cid, value) = (format!("m-{tipset}-{:x}", chance.next()), i128::from(chance.next()));
        SimMessage { cid, sender, from, to, method, nonce, value, exit_code, terms }
    }

    pub fn is_executed(&self) -> bool {
        self.terms.gas_used > 0
    }

    pub fn cost(&self) -> Cost {
        self.terms.cost().unwrap()
    }

    /// As the exporter names the method.
    pub fn method_name(&self) -> &'static str {
        match (self.to, self.method) {
            (_, 0) => "Send",
            ("f01000" | "f02000", 5) => "SubmitWindowedPoSt",
            ("f05", 4) => "PublishStorageDeals",
            ("f2multisig", 2) => "Propose",
            _ => panic!("no name for method {} of {}", self.method, self.to),
        }
    }

    fn json(&self) -> Value {
        let Terms { gas_limit, fee_cap, premium, .. } = self.terms;
        json!({
            "Cid": { "/": self.cid },
            "Message": {
                "Version": 0, "From": self.from.replacen('f', "t", 1), "To": self.to.replacen('f', "t", 1),
                "Nonce": self.nonce, "Value": self.value.to_string(), "GasLimit": gas_limit as i64,
                "GasFeeCap": fee_cap.atto.to_string(), "GasPremium": premium.atto.to_string(),
                "Method": self.method, "Params": "gVgmACQIARIg", "CID": { "/": "unsigned" },
            },
        })
    }

    fn receipt(&self) -> Value {
        json!({ "ExitCode": self.exit_code, "Return": null, "GasUsed": self.terms.gas_used as i64, "EventsRoot": null })
    }
}

/// The base fee of the tipset with this first block.
pub fn base_fee(cid: &str) -> i128 {
    let seed = cid.bytes().fold(3_u64, |seed, byte| Chance(seed ^ u64::from(byte)).next());
    i128::from(seed % 1_000_000) + 100
}

fn height_of(cid: &str) -> i64 {
    cid[1..].split('-').next().and_then(|height| height.parse().ok()).unwrap_or(0)
}

impl Chain {
    /// Messages for the tipset with this first block, after the chain as it is.
    pub(super) fn new_messages(&mut self, first_cid: &str) -> Vec<SimMessage> {
        let mut messages = Vec::new();
        if (self.epochs.len() as i64) < FIRST_MESSAGES {
            return messages;
        }
        let mut chance = Chance(self.message_chance.next());
        for (index, (address, id)) in SENDERS.into_iter().enumerate() {
            let next = self.nonce(index, self.epochs.len());
            for _ in 0..chance.below(3) {
                let nonce = chance.below(9);
                messages.push(SimMessage::new(first_cid, None, "f1stranger", nonce, &mut chance));
            }
            if chance.one_in(4) {
                for nonce in next..next + 1 + chance.below(3) {
                    let from = if chance.one_in(3) { id } else { address };
                    messages.push(SimMessage::new(first_cid, Some(index), from, nonce, &mut chance));
                }
            }
            // One that does not fit, which the chain refuses.
            if chance.one_in(20) {
                let mut refused = SimMessage::new(first_cid, Some(index), address, next + 9, &mut chance);
                (refused.terms.gas_used, refused.exit_code) = (0, 2);
                messages.push(refused);
            }
        }
        messages
    }

    pub fn messages_of(blocks: &[SimBlock]) -> &[SimMessage] {
        blocks.first().map_or(&[], |block| &block.messages)
    }

    /// The nonce of a sender after the epochs below this one.
    pub fn nonce(&self, sender: usize, below: usize) -> u64 {
        self.epochs[..below].iter().rev().find_map(|blocks| blocks.first()).map_or(0, |block| block.nonces[sender])
    }

    /// What the chain says of messages.
    pub(super) fn answer_messages(&mut self, method: &str, params: &Value) -> Option<Result<Value, String>> {
        let missing = || Err("ipld: could not find bafy".to_owned());
        Some(match method {
            "StateActorCodeCIDs" => Ok(json!({ "multisig": { "/": "code" } })),
            "StateGetActor" if params[0] == "t2multisig" || params[0] == "f2multisig" => {
                Ok(json!({ "Code": { "/": "code" }, "Nonce": 0 }))
            }
            "StateGetActor" => {
                let height = height_of(params[1][0]["/"].as_str().unwrap());
                assert_eq!(params[1], key_of(&self.epochs[height as usize]), "a tipset that is not on the chain");
                let sender = SENDERS.iter().position(|(address, _)| params[0] == *address).unwrap();
                match self.nonce(sender, height as usize) {
                    _ if height < self.oldest_state => missing(),
                    // What Lotus answers, and what Forest does.
                    0 if sender == 0 => Err("resolve address f3worker: actor not found".to_owned()),
                    0 if sender == 1 => Ok(Value::Null),
                    nonce => Ok(json!({ "Code": { "/": "account" }, "Nonce": nonce + self.nonces_ahead })),
                }
            }
            "ChainGetParentMessages" | "ChainGetParentReceipts" => {
                let height = height_of(params[0]["/"].as_str().unwrap());
                let parents = self.at_or_before(height - 1);
                let messages = Chain::messages_of(&self.epochs[parents as usize]);
                if parents < self.oldest_messages {
                    missing()
                } else if method == "ChainGetParentMessages" {
                    Ok(messages.iter().map(SimMessage::json).collect())
                } else {
                    Ok((self.receipts)(messages.iter().map(SimMessage::receipt).collect()))
                }
            }
            _ => return None,
        })
    }
}

/// Messages, cost, gas limit and value by sender, miner, method and exit code.
pub type Ledger = BTreeMap<(usize, String, String, String), [i128; 6]>;

/// What the chain itself says was executed in epochs below this one, from these nonces on.
pub fn ledger(chain: &Chain, below: usize) -> Ledger {
    let mut ledger = Ledger::new();
    for message in chain.epochs[..below].iter().flat_map(|blocks| Chain::messages_of(blocks)) {
        let Some(sender) = message.sender.filter(|_| message.is_executed()) else {
            continue;
        };
        add(&mut ledger, sender, message);
    }
    ledger
}

/// The gas limits and tips of all messages in tipsets of epochs below this one that have one of ours.
pub fn offered(chain: &Chain, below: usize) -> (i128, i128) {
    let is_ours = |message: &SimMessage| message.sender.is_some() && message.is_executed();
    let tipsets = chain.epochs[..below].iter().map(|blocks| Chain::messages_of(blocks));
    let all = tipsets.filter(|messages| messages.iter().any(is_ours)).flatten();
    all.fold((0, 0), |(gas_limit, tip), message| {
        let premium = message.terms.premium.atto.min((message.terms.fee_cap.atto - message.terms.base_fee.atto).max(0));
        (gas_limit + message.terms.gas_limit, tip + premium * message.terms.gas_limit)
    })
}

pub fn add(ledger: &mut Ledger, sender: usize, message: &SimMessage) {
    // The first sender belongs to the first miner alone, the second to both.
    let miner_id = match message.to {
        to if MINERS.contains(&to) => to,
        _ if sender == 0 => MINERS[0],
        _ => "",
    };
    let key = (sender, miner_id.to_owned(), message.method_name().to_owned(), message.exit_code.to_string());
    let Cost { base_fee_burn, over_estimation_burn, miner_tip } = message.cost();
    let value = if message.exit_code == 0 { message.value } else { 0 };
    let parts = [1, base_fee_burn.atto, over_estimation_burn.atto, miner_tip.atto, message.terms.gas_limit, value];
    for (sum, part) in ledger.entry(key).or_default().iter_mut().zip(parts) {
        *sum += part;
    }
}
