//! Sectors as lotus-miner has them: by state, and one by one those that are not at rest.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::sector_log::{History, history};
use crate::expected::Expected;
use crate::recording::Recording;
use crate::values::{items, number, text};

const ENTERED: &str = "farcaster_miner_pipeline_sector_state_timestamp_seconds";
const PROGRESSED: &str = "farcaster_miner_pipeline_sector_progress_timestamp_seconds";
const CREATED: &str = "farcaster_miner_pipeline_sector_created_timestamp_seconds";
const PACKED: &str = "farcaster_miner_pipeline_sector_packed_timestamp_seconds";
const PRECOMMIT_EXPIRY: &str = "farcaster_miner_pipeline_sector_precommit_expiry_timestamp_seconds";
const DEAL_START: &str = "farcaster_miner_pipeline_sector_deal_start_timestamp_seconds";
const TICKET_EXPIRY: &str = "farcaster_miner_pipeline_sector_ticket_expiry_timestamp_seconds";
const RETRIES: &str = "farcaster_miner_pipeline_sector_retries";
const ERROR: &str = "farcaster_miner_pipeline_sector_error_info";

/// What a sector's log contains.
pub const OF_THE_LOG: [&str; 7] = [ENTERED, PROGRESSED, CREATED, PACKED, PRECOMMIT_EXPIRY, RETRIES, ERROR];

/// The first line of an error is cut to so many characters.
const ERROR_CHARACTERS: usize = 200;

pub fn expect(recording: &Recording, node: &str, miner_id: &str, expected: &mut Expected) {
    let summary = recording.result(node, "SectorsSummary", &json!([]));
    for (state, count) in summary.as_object().unwrap() {
        let labels = [("miner_id", miner_id), ("state", &**state), ("phase", phase(state))];
        expected.add("farcaster_miner_sectors", &labels, number(count));
    }
    for sector in items(not_at_rest(recording, node).1) {
        let status = recording.result(node, "SectorsStatus", &json!([sector, false]));
        of_log(miner_id, status, &history(&status["Log"]), expected);
        pieces(miner_id, status, expected);
        deal_start(recording, miner_id, status, expected);
        ticket_expiry(recording, miner_id, status, expected);
    }
    expected.nothing_more_of(&[DEAL_START, TICKET_EXPIRY]);
    // With an empty state, no sector was seen to reach proving.
    for name in ["_sum", "_count"] {
        expected.add(&format!("farcaster_miner_sealing_duration_seconds{name}"), &[("miner_id", miner_id)], 0.0);
    }
    expected.nothing_more_of(&OF_THE_LOG);
    expected.nothing_more_of(&["farcaster_miner_pipeline_piece_bytes"]);
}

/// The call for the sectors in all states but those in which sectors stay: its parameters and its answer.
pub fn not_at_rest<'a>(recording: &'a Recording, node: &'a str) -> (&'a Value, &'a Value) {
    let at_rest = json!(["Proving", "Available"]);
    recording.all(node, "SectorsListInStates").find(|(params, _)| params[0] != at_rest).unwrap()
}

/// What is published of a sector's log.
pub fn of_log(miner_id: &str, status: &Value, history: &History, expected: &mut Expected) {
    let (sector, state) = (status["SectorID"].to_string(), text(&status["State"]));
    let labels = [("miner_id", miner_id), ("sector", &*sector)];
    let of_state = [labels[0], labels[1], ("state", state), ("phase", phase(state)), ("content", content(status))];
    expected.add(ENTERED, &of_state, history.entered);
    expected.add(PROGRESSED, &labels, history.progressed);
    expected.add(CREATED, &labels, history.created);
    expected.add(PACKED, &labels, history.packed);
    // 30 days of 2880 epochs and 150 more, of 4 s each on the devnet.
    expected.add(PRECOMMIT_EXPIRY, &labels, history.precommitted.map(|landed| landed + 86_550.0 * 4.0));
    expected.add(RETRIES, &labels, history.retries);
    if let Some(error) = &history.error {
        let error: String = error.chars().take(ERROR_CHARACTERS).collect();
        expected.add(ERROR, &[labels[0], labels[1], ("error", &error)], 1.0);
    }
}

fn content(status: &Value) -> &'static str {
    let deals = items(&status["Pieces"]).iter().map(|piece| &piece["DealInfo"]).filter(|deal| !deal.is_null());
    let is_verified = |deal: &Value| {
        !deal["PieceActivationManifest"]["VerifiedAllocationKey"].is_null()
            || deal["DealProposal"]["VerifiedDeal"].as_bool() == Some(true)
    };
    let verified: Vec<bool> = deals.map(is_verified).collect();
    match verified.as_slice() {
        [] => "committed_capacity",
        all if all.contains(&true) => "verified_deals",
        _ => "deals",
    }
}

/// Pieces of deals. All of the recorded ones were put in directly, without an allocation, so there is neither deal nor client to name.
fn pieces(miner_id: &str, status: &Value, expected: &mut Expected) {
    let sector = status["SectorID"].to_string();
    let mut bytes: BTreeMap<&str, f64> = BTreeMap::new();
    for piece in items(&status["Pieces"]).iter().filter(|piece| !piece["DealInfo"].is_null()) {
        let manifest = &piece["DealInfo"]["PieceActivationManifest"];
        assert!(
            manifest.is_object() && manifest["VerifiedAllocationKey"].is_null(),
            "a deal that the test cannot read"
        );
        *bytes.entry(text(&piece["Piece"]["PieceCID"]["/"])).or_default() += number(&piece["Piece"]["Size"]);
    }
    for (cid, bytes) in bytes {
        let labels = [
            ("miner_id", miner_id),
            ("sector", &*sector),
            ("piece", cid),
            ("deal", ""),
            ("client", ""),
            ("verified", "0"),
            ("kind", "direct"),
        ];
        expected.add("farcaster_miner_pipeline_piece_bytes", &labels, bytes);
    }
}

/// By when its proof must land for its deals to start. None of the recorded ones has done so, except for what ends.
fn deal_start(recording: &Recording, miner_id: &str, status: &Value, expected: &mut Expected) {
    let params = recording.chain("StateGetNetworkParams", json!([]));
    let deals = items(&status["Pieces"]).iter().map(|piece| &piece["DealInfo"]).filter(|deal| !deal.is_null());
    let starts = deals.map(|deal| number(&deal["DealSchedule"]["StartEpoch"])).filter(|epoch| *epoch > 0.0);
    let start = starts.reduce(f64::min).filter(|_| phase(text(&status["State"])) != "ending");
    let moment = |epoch| number(&params["GenesisTimestamp"]) + epoch * number(&params["BlockDelaySecs"]);
    let sector = status["SectorID"].to_string();
    expected.add(DEAL_START, &[("miner_id", miner_id), ("sector", &sector)], start.map(moment));
}

/// By when its pre-commit must land: a day of 2880 epochs, and 900 more, after its ticket.
fn ticket_expiry(recording: &Recording, miner_id: &str, status: &Value, expected: &mut Expected) {
    let awaits = ["PreCommit1", "PreCommit2", "SubmitPreCommitBatch", "PreCommitBatchWait", "SealPreCommit2Failed"];
    let params = recording.chain("StateGetNetworkParams", json!([]));
    // The recording keeps no tickets of sectors.
    let ticket = status["Ticket"]["Epoch"].as_f64().unwrap_or_default();
    let moment = number(&params["GenesisTimestamp"]) + (ticket + 3780.0) * number(&params["BlockDelaySecs"]);
    let is_there = ticket > 0.0 && awaits.contains(&text(&status["State"]));
    let sector = status["SectorID"].to_string();
    expected.add(TICKET_EXPIRY, &[("miner_id", miner_id), ("sector", &sector)], is_there.then_some(moment));
}

/// As `lotus-miner info` colours the states (cli/spcli/statemeta.go).
fn phase(state: &str) -> &'static str {
    match state {
        "Proving" | "Available" => "proving",
        "WaitDeals" => "waiting",
        "Packing"
        | "PreCommit1"
        | "PreCommit2"
        | "SubmitPreCommitBatch"
        | "PreCommitBatchWait"
        | "WaitSeed"
        | "SubmitCommitAggregate"
        | "CommitAggregateWait"
        | "WaitMutable" => "sealing",
        "TerminateFinality" => "ending",
        "SealPreCommit2Failed" | "ComputeProofFailed" => "error",
        other => panic!("the test does not know the state {other}"),
    }
}
