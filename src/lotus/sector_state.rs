//! The states of a sector in lotus-miner's pipeline (storage/pipeline/sector_state.go), grouped as `lotus-miner info` colours them
//! (cli/spcli/statemeta.go), but for UpdateActivating: its sector is proven, and lotus-miner is not done with it.

/// What a sector's state means to an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// At rest: sealed, being proven, and nothing else is to be done with it.
    Proving,
    /// Waits for data or for a decision.
    Waiting,
    /// Being sealed or upgraded.
    Sealing,
    /// On its way out.
    Ending,
    /// Needs somebody's attention. A state that nobody knows counts as one.
    Error,
}

impl Phase {
    /// The value of the label `phase`.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Proving => "proving",
            Phase::Waiting => "waiting",
            Phase::Sealing => "sealing",
            Phase::Ending => "ending",
            Phase::Error => "error",
        }
    }
}

/// The phase of a state.
pub fn phase(state: &str) -> Phase {
    let known = STATES.iter().find(|(name, _)| *name == state);
    known.map_or(Phase::Error, |(_, phase)| *phase)
}

/// Whether a sector in this state is at rest. Every other rule about it derives from this one, or of the label `phase`.
pub fn is_at_rest(state: &str) -> bool {
    phase(state) == Phase::Proving
}

/// Whether a sector in this state is part of the pipeline: neither at rest nor gone.
pub fn in_pipeline(state: &str) -> bool {
    !is_at_rest(state) && state != "Removed"
}

/// Whether the proof of a sector in this state, or of its upgrade, is on chain, so that its deals have started.
pub fn is_active(state: &str) -> bool {
    const LAST_STEPS: [&str; 7] = [
        "FinalizeSector",
        "FinalizeFailed",
        "UpdateActivating",
        "ReleaseSectorKey",
        "ReleaseSectorKeyFailed",
        "Removing",
        "RemoveFailed",
    ];
    is_at_rest(state) || LAST_STEPS.contains(&state) || state.starts_with("Terminat")
}

/// Whether a sector in this state has a ticket, and its pre-commit is not on chain.
pub fn awaits_precommit(state: &str) -> bool {
    matches!(
        state,
        "PreCommit1"
            | "PreCommit2"
            | "PreCommitting"
            | "PreCommitWait"
            | "SubmitPreCommitBatch"
            | "PreCommitBatchWait"
            | "SealPreCommit1Failed"
            | "SealPreCommit2Failed"
            | "PreCommitFailed"
    )
}

/// The states of sectors at rest.
pub fn states_at_rest() -> Vec<&'static str> {
    let names = STATES.iter().map(|(name, _)| *name);
    names.filter(|name| is_at_rest(name)).collect()
}

/// The states to ask SectorsListInStates for, to learn of every sector in the pipeline.
pub fn pipeline_states() -> Vec<&'static str> {
    let names = STATES.iter().map(|(name, _)| *name);
    names.filter(|name| in_pipeline(name)).collect()
}

use Phase::{Ending, Error, Proving, Sealing, Waiting};

const STATES: &[(&str, Phase)] = &[
    ("Proving", Proving),
    ("Available", Proving),
    ("ReceiveSector", Waiting),
    ("Empty", Waiting),
    ("WaitDeals", Waiting),
    ("AddPiece", Waiting),
    ("SnapDealsWaitDeals", Waiting),
    ("SnapDealsAddPiece", Waiting),
    ("Packing", Sealing),
    ("GetTicket", Sealing),
    ("PreCommit1", Sealing),
    ("PreCommit2", Sealing),
    ("PreCommitting", Sealing),
    ("PreCommitWait", Sealing),
    ("SubmitPreCommitBatch", Sealing),
    ("PreCommitBatchWait", Sealing),
    ("WaitSeed", Sealing),
    ("Committing", Sealing),
    ("CommitFinalize", Sealing),
    ("SubmitCommit", Sealing),
    ("CommitWait", Sealing),
    ("SubmitCommitAggregate", Sealing),
    ("CommitAggregateWait", Sealing),
    ("FinalizeSector", Sealing),
    ("SnapDealsPacking", Sealing),
    ("UpdateReplica", Sealing),
    ("ProveReplicaUpdate", Sealing),
    ("SubmitReplicaUpdate", Sealing),
    ("ReplicaUpdateWait", Sealing),
    ("WaitMutable", Sealing),
    ("UpdateActivating", Sealing),
    ("FinalizeReplicaUpdate", Sealing),
    ("ReleaseSectorKey", Sealing),
    ("Terminating", Ending),
    ("TerminateWait", Ending),
    ("TerminateFinality", Ending),
    ("TerminateFailed", Ending),
    ("Removing", Ending),
    ("Removed", Ending),
    ("AbortUpgrade", Ending),
    ("", Error),
    ("FailedUnrecoverable", Error),
    ("AddPieceFailed", Error),
    ("SealPreCommit1Failed", Error),
    ("SealPreCommit2Failed", Error),
    ("PreCommitFailed", Error),
    ("ComputeProofFailed", Error),
    ("RemoteCommitFailed", Error),
    ("CommitFailed", Error),
    ("CommitFinalizeFailed", Error),
    ("PackingFailed", Error),
    ("FinalizeFailed", Error),
    ("Faulty", Error),
    ("FaultReported", Error),
    ("FaultedFinal", Error),
    ("RemoveFailed", Error),
    ("DealsExpired", Error),
    ("RecoverDealIDs", Error),
    ("SnapDealsAddPieceFailed", Error),
    ("SnapDealsDealsExpired", Error),
    ("SnapDealsRecoverDealIDs", Error),
    ("ReplicaUpdateFailed", Error),
    ("ReleaseSectorKeyFailed", Error),
    ("FinalizeReplicaUpdateFailed", Error),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_states_are_errors_and_in_the_pipeline() {
        assert_eq!(phase("Hibernating"), Phase::Error);
        assert!(in_pipeline("Hibernating"));
        assert_eq!(phase("UpdateReplica"), Phase::Sealing);
        assert!(!pipeline_states().contains(&"Proving"));
    }

    #[test]
    fn a_sector_at_rest_has_nothing_left_to_be_done() {
        assert_eq!(states_at_rest(), ["Proving", "Available"]);
        assert!(in_pipeline("UpdateActivating"), "the old key is still to be released");
        assert!(!in_pipeline("Removed") && !is_at_rest("Removed"));
    }
}
