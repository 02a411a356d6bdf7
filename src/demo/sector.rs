//! `SectorsStatus`: everything that the miner reports about one sector.

use serde_json::{Value, json};

use super::accounts::client;
use super::answer::{Answer, failed};
use super::miner::Miner;
use super::rules::{SEAL_PROOF, SECTOR_BYTES, epoch_at};
use super::sealing::{Content, FORCED, Sector, content, is_verified};
use super::text::{Cid, base64, cid};

/// Epochs that deals and direct pieces are for: 540 days.
const DEAL_EPOCHS: i64 = 540 * 2880;
/// How much later an event is refused that comes twice, as when lotus-miner watches for one message twice.
const REFUSED_SECONDS: f64 = 30.0;

/// `SectorsStatus` of a sector, with what the chain knows if that is asked for and it is live there.
pub(super) fn status(miner: &Miner, number: u64, with_chain: bool, now: f64) -> Answer {
    let Some(sector) = miner.sector(number, now) else {
        return failed(format!("failed to get state for {number}: datastore: key not found"));
    };
    let at = |event: &str, property: u64| match sector.happened(event, now) {
        Some(time) => {
            json!({ "Value": base64(sector.part(property), 32), "Epoch": epoch_at(time) })
        }
        None => json!({ "Value": null, "Epoch": 0 }),
    };
    let since = |events: &[&str], value: Value| {
        let happened = events.iter().any(|event| sector.happened(event, now).is_some());
        if happened { value } else { Value::Null }
    };
    let pieces = pieces(miner, &sector, now);
    let deals: Vec<Value> =
        pieces.iter().map(|piece| piece["DealInfo"]["DealID"].as_u64().unwrap_or(0).into()).collect();

    let mut status = json!({
        "SectorID": number,
        "State": sector.state(now),
        "CommD": since(&["SectorPreCommit2"], cid(Cid::Piece, sector.part(1))),
        "CommR": since(&["SectorPreCommit2"], sector.comm_r()),
        "Proof": since(&["SectorCommitted", "SectorProofReady"], base64(sector.part(3), 192).into()),
        "Deals": deals,
        "Pieces": if pieces.is_empty() { Value::Null } else { pieces.into() },
        "Ticket": at("SectorTicket", 4),
        "Seed": at("SectorSeedReady", 5),
        "PreCommitMsg": since(&["SectorPreCommitBatchSent", "SectorPreCommitted"], cid(Cid::Chain, sector.part(6))),
        "CommitMsg": since(&["SectorCommitAggregateSent", "SectorCommitSubmitted"], cid(Cid::Chain, sector.part(7))),
        // Lotus counts only proofs that were invalid.
        "Retries": 0,
        "ToUpgrade": false,
        "ReplicaUpdateMessage": since(&["SectorReplicaUpdateSubmitted"], cid(Cid::Chain, sector.part(8))),
        // Lotus has the field, and never writes it.
        "LastErr": "",
        "Log": log(miner, &sector, now),
        "SealProof": SEAL_PROOF,
        "Activation": 0,
        "Expiration": 0,
        "DealWeight": "0",
        "VerifiedDealWeight": "0",
        "InitialPledge": "0",
        "OnTime": 0,
        "Early": 0,
    });
    if with_chain && sector.is_live(now) {
        let chain = sector.on_chain(now);
        status["Activation"] = chain.activation.into();
        status["Expiration"] = chain.expiration.into();
        status["OnTime"] = chain.expiration.into();
        status["DealWeight"] = chain.deal_weight.to_string().into();
        status["VerifiedDealWeight"] = chain.verified_deal_weight.to_string().into();
        status["InitialPledge"] = chain.pledge_atto.to_string().into();
    }
    Ok(status)
}

/// Its log: events, and what could not be done with them.
fn log(miner: &Miner, sector: &Sector, now: f64) -> Vec<Value> {
    let first = if content(sector.number) == Content::Capacity { "SectorStartCC" } else { "SectorStart" };
    let mut log = vec![event(first, sector.start, "", json!({ "ID": sector.number, "SectorType": SEAL_PROOF }))];
    for stay in sector.stays().take_while(|stay| stay.until <= now) {
        let Some(name) = stay.step.event else {
            continue;
        };
        let user = match name {
            FORCED => json!({ "State": sector.state(stay.until) }),
            _ => json!({}),
        };
        log.push(event(name, stay.until, &trace(name, miner, sector), user));
        let refused = stay.until + REFUSED_SECONDS;
        if name == "SectorPreCommitLanded" && sector.fails() && refused <= now {
            log.push(event(name, refused, "", json!({})));
            let error = format!("planner for state WaitSeed received unexpected event sealing.{name} ({{User:{{}}}})");
            let error = format!("state machine error: running planner for state WaitSeed failed: {error}");
            log.push(entry("error;*xerrors.wrapError", refused, "", &error));
        }
    }
    let endings = sector.endings().into_iter().filter(|(_, time)| *time <= now);
    log.extend(endings.map(|(name, time)| event(name, time, "", json!({}))));
    log
}

fn event(name: &str, time: f64, trace: &str, user: Value) -> Value {
    entry(&format!("event;sealing.{name}"), time, trace, &json!({ "User": user }).to_string())
}

fn entry(kind: &str, time: f64, trace: &str, message: &str) -> Value {
    json!({ "Kind": kind, "Timestamp": time as i64, "Trace": trace, "Message": message })
}

/// What the log contains for a failure event.
fn trace(event: &str, miner: &Miner, sector: &Sector) -> String {
    let (id, number) = (miner.id, sector.number);
    match event {
        "SectorSealPreCommit1Failed" => {
            "seal pre commit(1) failed: storage call error 0: \"seal-01\" said: writing layer 7: \
             no space left on device [name: seal-01]"
                .to_owned()
        }
        "SectorSealPreCommit2Failed" => format!(
            "seal pre commit(2) failed: storage call error 0: failed to acquire sector {{{id} {number}}} from remote: \
             1 error occurred:\n\t* fetch error http://seal-01:3456/remote/cache/s-t0{id}-{number}: \
             connect: connection refused\n\n [name: gpu-01]"
        ),
        "SectorChainPreCommitFailed" => {
            "queuing precommit batch failed: message execution failed (exit=[16], reason=[\"deposit\" too low])"
                .to_owned()
        }
        _ => String::new(),
    }
}

/// What it holds: an upgraded one has direct pieces.
fn content_now(sector: &Sector, now: f64) -> Content {
    match sector.happened("SectorStartCCUpdate", now) {
        Some(_) => Content::Direct,
        None => content(sector.number),
    }
}

/// The pieces in it so far. A sector of data has one piece, or two, or two and a filler.
fn pieces(miner: &Miner, sector: &Sector, now: f64) -> Vec<Value> {
    let content = content_now(sector, now);
    let parts: &[u64] = match (content, sector.seed % 3) {
        (Content::Capacity, _) | (_, 0) => &[1],
        (_, 1) => &[2, 2],
        _ => &[2, 4, 4],
    };
    let happened = |event: &str| sector.happened(event, now).is_some();
    let filled = match content {
        Content::Capacity if happened("SectorPacked") => 1,
        Content::Capacity => 0,
        _ if happened("SectorPieceAdded") => parts.len(),
        _ => usize::from(happened("SectorAddPiece")),
    };
    let pieces = parts.iter().zip(0..).take(filled);
    pieces
        .map(|(divisor, index)| {
            let filler = content == Content::Capacity || index == 2;
            let size = SECTOR_BYTES / divisor;
            let deal = if filler { Value::Null } else { deal_info(miner, sector, content, size, index) };
            json!({ "Piece": { "Size": size, "PieceCID": piece_cid(sector, index) }, "DealInfo": deal })
        })
        .collect()
}

fn piece_cid(sector: &Sector, index: u64) -> Value {
    cid(Cid::Piece, sector.part(100 + index))
}

fn deal_info(miner: &Miner, sector: &Sector, content: Content, size: u64, index: u64) -> Value {
    let verified = is_verified(sector.number);
    let client_id = client(sector.part(10));
    let id = 10 * sector.number + index;
    let start = epoch_at(sector.start) + 2 * 2880;
    let end = start + DEAL_EPOCHS;
    let schedule = json!({ "StartEpoch": start, "EndEpoch": end });
    if content == Content::Direct {
        let allocation = if verified { json!({ "Client": client_id, "ID": id }) } else { Value::Null };
        return json!({
            "PublishCid": null,
            "DealID": 0,
            "DealProposal": null,
            "DealSchedule": schedule,
            "PieceActivationManifest": {
                "CID": piece_cid(sector, index),
                "Size": size,
                "VerifiedAllocationKey": allocation,
                "Notify": null,
            },
            "KeepUnsealed": true,
        });
    }
    json!({
        "PublishCid": cid(Cid::Chain, sector.part(20 + index)),
        "DealID": 100_000_000 + id,
        "DealProposal": {
            "PieceCID": piece_cid(sector, index),
            "PieceSize": size,
            "VerifiedDeal": verified,
            "Client": format!("f0{client_id}"),
            "Provider": miner.address(),
            "Label": "a \"quoted\" label",
            "StartEpoch": start,
            "EndEpoch": end,
            "StoragePricePerEpoch": "0",
            "ProviderCollateral": "4123456789012345",
            "ClientCollateral": "0",
        },
        "DealSchedule": schedule,
        "PieceActivationManifest": null,
        "KeepUnsealed": true,
    })
}
