//! What a sector's log shows: how long it has been in its state and without progress, how often it was retried, what went wrong.
//!
//! The states that events lead to are those of storage/pipeline/fsm.go of Lotus 1.36.

use serde_json::Value;

use crate::values::{items, number, text};

#[derive(Debug, PartialEq)]
pub struct History {
    /// When the sector was begun.
    pub created: Option<f64>,
    /// When it entered the state that it is in.
    pub entered: Option<f64>,
    /// When it last reached a state that it had not reached since it was packed, failures apart.
    pub progressed: Option<f64>,
    /// When it was first packed.
    pub packed: Option<f64>,
    /// When its pre-commit landed, if the proof has not.
    pub precommitted: Option<f64>,
    pub retries: f64,
    /// The first line of the newest error.
    pub error: Option<String>,
}

pub fn history(log: &Value) -> History {
    let log = items(log);
    let mut history = History {
        created: None,
        entered: None,
        progressed: None,
        packed: None,
        precommitted: None,
        retries: 0.0,
        error: None,
    };
    history.created = log.first().map(|entry| number(&entry["Timestamp"]));
    let mut reached: Vec<&str> = Vec::new();
    for (index, entry) in log.iter().enumerate() {
        let at = Some(number(&entry["Timestamp"]));
        let error = [&entry["Trace"], &entry["Message"]].into_iter().map(text).find(|said| !said.is_empty());
        let Some(event) = text(&entry["Kind"]).strip_prefix("event;sealing.") else {
            // The state machine's own messages, such as that it did not expect an event.
            history.error = error.and_then(first_line);
            continue;
        };
        let is_refused = log.get(index + 1).is_some_and(|next| refuses(next, event));
        if is_refused || event == "SectorRestart" {
            continue;
        }
        history.entered = at;
        match event {
            "SectorPacked" => {
                history.packed = history.packed.or(at);
                history.precommitted = None;
            }
            "SectorPreCommitLanded" => history.precommitted = at,
            "SectorProving" => history.precommitted = None,
            _ => {}
        }
        history.retries += f64::from(u8::from(event.starts_with("SectorRetry")));
        if event.ends_with("Failed") {
            history.error = error.and_then(first_line);
        } else if !event.starts_with("SectorRetry") || event == "SectorRetrySubmitCommit" {
            if event == "SectorPacked" {
                reached.clear();
            }
            let state = state_after(event);
            if !reached.contains(&state) {
                reached.push(state);
                history.progressed = at;
            }
        }
    }
    history
}

/// Whether an entry says that the state machine did not expect the event before it.
fn refuses(entry: &Value, event: &str) -> bool {
    text(&entry["Kind"]).starts_with("error;") && text(&entry["Message"]).contains(&format!("sealing.{event}"))
}

fn first_line(error: &str) -> Option<String> {
    error.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

/// The state that an event leads to when all goes well.
fn state_after(event: &str) -> &str {
    match event {
        "SectorStart" | "SectorPieceAdded" => "WaitDeals",
        "SectorStartCC" | "SectorStartPacking" => "Packing",
        "SectorAddPiece" => "AddPiece",
        "SectorPacked" => "GetTicket",
        "SectorTicket" => "PreCommit1",
        "SectorPreCommit1" => "PreCommit2",
        "SectorPreCommit2" => "SubmitPreCommitBatch",
        "SectorPreCommitBatchSent" => "PreCommitBatchWait",
        "SectorPreCommitLanded" => "WaitSeed",
        "SectorSeedReady" => "Committing",
        // Where commits are batched, no sector is in this state before it is retried.
        "SectorRetrySubmitCommit" => "SubmitCommit",
        "SectorCommitted" | "SectorSubmitCommitAggregate" => "SubmitCommitAggregate",
        "SectorCommitAggregateSent" => "CommitAggregateWait",
        "SectorProving" => "FinalizeSector",
        // Of an upgrade, SubmitReplicaUpdate.
        "SectorFinalized" => "Proving",
        "SectorMarkForUpdate" => "Available",
        "SectorStartCCUpdate" => "SnapDealsWaitDeals",
        "SectorReplicaUpdate" => "ProveReplicaUpdate",
        "SectorProveReplicaUpdate" => "FinalizeReplicaUpdate",
        "SectorDeadlineImmutable" => "WaitMutable",
        "SectorTerminate" => "Terminating",
        "SectorTerminating" => "TerminateWait",
        "SectorTerminated" => "TerminateFinality",
        other => panic!("the test does not know where {other} leads"),
    }
}
