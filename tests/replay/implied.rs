//! Answers to calls that were not recorded, where the recording leaves no doubt about them. Any other call that was not recorded is answered as a
//! missing method, and fails the test.

use lotus_farcaster::base64;
use serde_json::{Value, json};

use crate::recording::Recording;
use crate::values::whole;

/// The methods that may be asked beyond what was recorded, and why that is not a gap in the recording.
pub const IMPLIED: &[(&str, &str)] = &[
    (
        "MinerGetBaseInfo",
        "no epoch of the recorded chain is past 900, so all of them look back to the power of the genesis",
    ),
    ("StateMinerPower", "the genesis has the power that the elections of all recorded epochs look back to"),
    (
        "ChainGetTipSetByHeight",
        "the genesis, which is the parent of the tipset at epoch 1; and where messages begin to count, as if there had been null rounds since the \
         last epoch before that was recorded",
    ),
    (
        "ChainReadObj",
        "the rest of a vesting table adds up to the locked funds less the table's first entry; by when it vests was not recorded, and may be anything; \
         of the deadlines the node has lost the object, and their partitions are read one by one, as they were recorded",
    ),
    ("StateGetActor", "the count of messages begins with the nonces that the first run finds, whatever they are"),
    ("StateNetworkVersion", "the network version is the same at all epochs of the devnet"),
    (
        "StateReadState",
        "the reward actor of a tipset that was not asked about is answered as by a node that pruned its state",
    ),
];

/// The answer, an object with `result` or `error`; None where the record says nothing about it.
pub fn answer(recording: &Recording, node: &str, method: &str, params: &Value) -> Option<Value> {
    let genesis = recording.chain("ChainGetGenesis", json!([]));
    let key = params.as_array().and_then(|params| params.last())?;
    match method {
        _ if node != "daemon" => None,
        "MinerGetBaseInfo" => {
            let of_head = recording.all("daemon", method).find(|(asked, _)| asked[0] == params[0]);
            of_head.map(|(_, info)| json!({"result": info}))
        }
        "StateMinerPower" if *key == genesis["Cids"] => {
            Some(json!({"result": power_at_genesis(recording, &params[0])?}))
        }
        "ChainReadObj" => {
            let states = || recording.all("daemon", "StateReadState").map(|(_, actor)| &actor["State"]);
            if states().any(|state| state["Deadlines"] == *key) {
                return Some(
                    json!({"error": {"code": 1, "message": "blockstore get: ipld: could not find the object"}}),
                );
            }
            let state = states().find(|state| state["VestingFunds"]["Tail"] == *key)?;
            Some(json!({"result": base64::encode(&cbor(&vesting_tail(state)))}))
        }
        "StateGetActor" => Some(json!({"result": {"Nonce": 5}})),
        "ChainGetTipSetByHeight" if params[0] == 0 => Some(json!({"result": genesis})),
        "ChainGetTipSetByHeight" => {
            let asked = params[0].as_i64()?;
            let told = recording.all("daemon", method).filter(|(params, _)| params[0].as_i64() < Some(asked));
            let (_, last) = told.max_by_key(|(params, _)| params[0].as_i64())?;
            Some(json!({"result": last}))
        }
        "StateNetworkVersion" => Some(json!({"result": recording.chain(method, json!([null]))})),
        "StateReadState" if params[0] == "f02" => {
            let message = "loading state tree: failed to load state tree: ipld: could not find the root of its state";
            Some(json!({"error": {"code": 1, "message": message}}))
        }
        _ => None,
    }
}

/// The power that the elections look back to. Nothing was sealed yet, so the raw power is a tenth: all sectors of the genesis hold verified deals.
fn power_at_genesis(recording: &Recording, miner_id: &Value) -> Option<Value> {
    let (_, info) = recording.all("daemon", "MinerGetBaseInfo").find(|(asked, _)| asked[0] == *miner_id)?;
    let claim = |quality_adjusted: &Value| {
        let bytes: u64 = quality_adjusted.as_str().unwrap().parse().unwrap();
        json!({"RawBytePower": (bytes / 10).to_string(), "QualityAdjPower": quality_adjusted})
    };
    Some(json!({
        "MinerPower": claim(&info["MinerPower"]),
        "TotalPower": claim(&info["NetworkPower"]),
        "HasMinPower": true,
    }))
}

/// The rest of a miner's vesting table: half of it some days after the first entry, and half some years.
pub fn vesting_tail(state: &Value) -> [(i128, i128); 2] {
    let head = &state["VestingFunds"]["Head"];
    let rest = whole(&state["LockedFunds"]) - whole(&head["Amount"]);
    let epoch = whole(&head["Epoch"]);
    [(epoch + 200_000, rest / 2), (epoch + 20_000_000, rest - rest / 2)]
}

/// A list of pairs in CBOR: an epoch, and an amount in 16 bytes after that of its sign.
fn cbor(funds: &[(i128, i128)]) -> Vec<u8> {
    let mut bytes = vec![0x80 + funds.len() as u8];
    for (epoch, amount) in funds {
        bytes.extend([0x82, 0x1a]);
        bytes.extend((*epoch as u32).to_be_bytes());
        bytes.extend([0x50, 0]);
        bytes.extend(&amount.to_be_bytes()[1..]);
    }
    bytes
}
