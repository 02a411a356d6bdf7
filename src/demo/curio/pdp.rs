//! The skiff's data sets: each is proven once a day, within an hour. One was given up twenty days ago.

use serde_json::{Value, json};

use super::{GENESIS_SECONDS, time, wallet};

const SETS: u64 = 14;
const PERIOD_EPOCHS: i64 = 2880;
const WINDOW_EPOCHS: i64 = 60;
const EPOCHS_LOST: i64 = 20 * PERIOD_EPOCHS;
const BYTES_A_SET: u64 = 96 << 30;
const PIECES_A_SET: u64 = 24;

fn head(now: f64) -> i64 {
    ((now - GENESIS_SECONDS) / 30.0) as i64
}

/// When a set's next window opens, or the open one did; a proof comes after a third of it.
fn prove_at(id: u64, head: i64) -> i64 {
    let offset = (id as i64 * 211) % PERIOD_EPOCHS;
    let began = (head - offset).div_euclid(PERIOD_EPOCHS) * PERIOD_EPOCHS + offset;
    if head - began <= WINDOW_EPOCHS / 3 { began } else { began + PERIOD_EPOCHS }
}

pub(super) fn tasks(now: f64) -> Value {
    let head = head(now);
    let proving = (0..SETS).filter(|id| prove_at(*id, head) <= head);
    let tasks = proving.map(|id| {
        json!({"ID": 7000 + id, "Name": "PDPv0_Prove", "SpID": "", "SincePosted": time(now - 20.0), "Owner": "127.0.0.1:skiff", "OwnerID": "1",
            "SincePostedStr": "20s", "Miner": ""})
    });
    let watch = json!({"ID": 6999, "Name": "PDPv0_ChainSync", "SpID": "", "SincePosted": time(now - now % 300.0), "Owner": "127.0.0.1:skiff",
        "OwnerID": "1", "SincePostedStr": "", "Miner": ""});
    tasks.chain([watch]).collect()
}

pub(super) fn answer(name: &str, params: &[Value], is_skiff: bool, now: f64) -> Value {
    let (head, sets) = (head(now), if is_skiff { SETS } else { 0 });
    match name {
        "PDPKeyStatus" if !is_skiff => {
            json!({"configured": false, "balanceKnown": false, "usdfcKnown": false, "funded": false, "actorExists": false})
        }
        "PDPKeyStatus" => {
            json!({"configured": true, "address": "0x5d3f0a", "filAddress": wallet(), "balance": "14.208 FIL",
            "usdfcBalance": "310.5 USDFC", "balanceKnown": true, "usdfcKnown": true, "funded": true, "actorExists": true})
        }
        "PDPProvingStatus" => {
            let next = (0..sets).map(|id| prove_at(id, head)).min();
            let open = (0..sets).filter(|id| prove_at(*id, head) <= head).count();
            json!({"headEpoch": head, "nextProveAtEpoch": next, "nextDeadlineEpoch": next.map(|next| next + WINDOW_EPOCHS),
                "epochsUntilNextSession": next.map(|next| (next - head).max(0)),
                "secondsUntilNextSession": next.map(|next| 30 * (next - head).max(0)), "activeDataSetCount": sets,
                "inWindowCount": open, "overdueCount": 0, "sessionState": if open > 0 { "in-window" } else { "upcoming" }})
        }
        "PDPDataSetList" => {
            let set = |id: u64| {
                let at = prove_at(id, head);
                json!({"id": 100 + id, "objectCount": PIECES_A_SET, "sizeBytes": BYTES_A_SET, "firstUploadAt": time(GENESIS_SECONDS),
                    "proveAtEpoch": at, "challengeWindow": WINDOW_EPOCHS, "provingStatus": if at <= head { "in-window" } else { "scheduled" }})
            };
            let lost = json!({"id": 99, "objectCount": 2, "sizeBytes": BYTES_A_SET, "proveAtEpoch": head - EPOCHS_LOST - WINDOW_EPOCHS,
                "challengeWindow": WINDOW_EPOCHS, "unrecoverableFailureEpoch": head - EPOCHS_LOST, "provingStatus": "unrecoverable"});
            let empty = json!({"id": 98, "objectCount": 0, "sizeBytes": 0, "provingStatus": "uninit"});
            let all: Vec<Value> =
                if is_skiff { (0..sets).rev().map(set).chain([lost, empty]).collect() } else { Vec::new() };
            let at = |index: usize| params.get(index).and_then(Value::as_u64).unwrap_or(0) as usize;
            let page: Vec<&Value> = all.iter().skip(at(1)).take(at(0)).collect();
            json!({"items": page, "total": all.len()})
        }
        "PDPProvingFailures" if is_skiff => {
            json!([{"dataSetId": 103, "taskId": 6500, "err": "failed to send prove tx for dataset 103: out of gas",
                "workEnd": time(now - now % 86_400.0 - 3.0 * 86_400.0), "reason": "prove task failed"}])
        }
        "PDPProvingFailures" => json!([]),
        _ => json!({"dataUnderProofBytes": sets * BYTES_A_SET, "dataSetCount": sets, "pieceCount": sets * PIECES_A_SET,
            "provingSuccessRate": 99.8, "provingSuccessCount": 30 * sets, "provingFailureCount": 1, "faultedPeriods30d": 1,
            "provingActivity": []}),
    }
}
