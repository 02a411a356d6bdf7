//! The events that move a sector through lotus-miner's pipeline (storage/pipeline/fsm.go and fsm_events.go), as its log names them, and how
//! far they have brought it. The log does not say which state an event led to, and that differs between versions of Lotus; how far along each
//! event is does not.

use serde::{Deserialize, Serialize};

/// Each is further along than all before it: begun, packed, sealed, upgraded, being removed.
const MILESTONES: &[&str] = &[
    "SectorReceive",
    "SectorReceived",
    "SectorStart",
    "SectorStartCC",
    UPGRADE,
    "SectorStartPacking",
    PACKED,
    "SectorTicket",
    "SectorPreCommit1",
    "SectorPreCommit2",
    "SectorPreCommitBatch",
    "SectorPreCommitted",
    "SectorPreCommitBatchSent",
    PRECOMMITTED,
    "SectorSeedReady",
    "SectorProofReady",
    "SectorCommitted",
    "SectorSubmitCommitAggregate",
    "SectorCommitSubmitted",
    "SectorCommitAggregateSent",
    PROVING,
    "SectorReplicaUpdate",
    "SectorProveReplicaUpdate",
    "SectorDeadlineImmutable",
    "SectorDeadlineMutable",
    "SectorReplicaUpdateSubmitted",
    "SectorReplicaUpdateLanded",
    "SectorUpdateActive",
    "SectorTerminate",
    "SectorTerminating",
    "SectorTerminated",
    "SectorRemove",
    "SectorRemoved",
];

const PACKED: &str = "SectorPacked";
const PRECOMMITTED: &str = "SectorPreCommitLanded";
const UPGRADE: &str = "SectorStartCCUpdate";
const PROVING: &str = "SectorProving";

/// They end a course: the sector is sealed, or upgraded, or was left as it was.
const RESTS: &[&str] = &["SectorKeyReleased", "SectorRevertUpgradeToProving", "SectorMarkForUpdate"];

/// They follow the proof that was accepted, or come before it is sent, or before an update is.
const FINALIZED: &[&str] = &["SectorFinalized", "SectorFinalizedAvailable"];

/// They change the state, and lead nowhere that is new, as failures and retries do.
const DETOURS: &[&str] = &[
    "SectorAddPiece",
    "SectorOldTicket",
    "SectorInvalidDealIDs",
    "SectorUpdateDealIDs",
    "SectorDealsExpired",
    "SectorTicketExpired",
    "SectorAbortUpgrade",
    "SectorForceState",
    "SectorFaulty",
    "SectorFaultReported",
    "SectorFaultedFinal",
];

/// They leave the state as it is.
const STAYS: &[&str] = &["SectorRestart", "SectorFatalError"];

/// Failures after which lotus-miner tries again by an event that is not called a retry.
const TRIED_AGAIN_BY: &[(&str, &str)] = &[
    ("SectorReleaseKeyFailed", "SectorUpdateActive"),
    ("SectorTerminateFailed", "SectorTerminate"),
    ("SectorRemoveFailed", "SectorRemove"),
];

/// Whether an event says that something failed.
pub fn is_failure(event: &str) -> bool {
    event.ends_with("Failed")
}

/// How far a sector has come in its present course. A course begins when the sector does, when it is packed, and when it leaves its rest: to
/// be upgraded, or terminated. Times are Unix seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reach {
    began: u64,
    furthest: usize,
    /// When it last got further than before. A failure, a retry and catching up to where it was are not progress.
    pub progress_seconds: Option<u64>,
}

impl Reach {
    /// What is known of a sector whose log has lost entries, where `earlier` was known before.
    pub fn or_earlier(self, earlier: Reach) -> Reach {
        let is_further = self.began > earlier.began || self.furthest > earlier.furthest;
        if is_further || earlier.progress_seconds.is_none() { self } else { earlier }
    }
}

/// What the events so far have made of a sector. Times are Unix seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// How far it has come.
    pub reach: Reach,
    /// When it entered the state that it is in.
    pub entered_seconds: Option<u64>,
    /// How often it was tried again.
    pub retries: u64,
    /// When it was first packed.
    pub packed_seconds: Option<u64>,
    /// When it first came to rest after that.
    pub sealed_seconds: Option<u64>,
    /// When its latest pre-commit got on chain, until its proof does.
    pub precommitted_seconds: Option<u64>,
    /// It was taken from its rest to be upgraded.
    pub is_upgraded: bool,
    /// The milestone that it passed last.
    latest: usize,
    /// The event that would try again.
    tried_again_by: Option<&'static str>,
}

impl Course {
    /// Applies an event, by its name without the package.
    pub fn apply(&mut self, event: &str, seconds: u64) {
        if STAYS.contains(&event) {
            return;
        }
        if event.starts_with("SectorRetry") || self.tried_again_by == Some(event) {
            self.retries = self.retries.saturating_add(1);
        }
        let again = TRIED_AGAIN_BY.iter().find(|(failure, _)| *failure == event);
        self.tried_again_by = again.map(|(_, again)| *again);
        self.entered_seconds = Some(seconds);
        let is_finalized = FINALIZED.contains(&event);
        if RESTS.contains(&event) || (is_finalized && self.latest == rank(PROVING)) {
            self.rest(seconds);
            return;
        }
        if event == PACKED {
            self.begin(seconds);
            self.packed_seconds.get_or_insert(seconds);
        }
        match event {
            PRECOMMITTED => self.precommitted_seconds = Some(seconds),
            PACKED | PROVING => self.precommitted_seconds = None,
            _ => {}
        }
        self.is_upgraded |= event == UPGRADE;
        let rank = rank(event);
        if rank > 0 {
            self.latest = rank;
        }
        // Finalizing comes between the milestone before it and the one after.
        let reached = if is_finalized { self.latest + 1 } else { rank.max(1) };
        let is_a_step = rank > 0 || is_finalized || leads_nowhere(event);
        // Each piece is one more. And an unknown event may lead anywhere: better no alert than a false one.
        if reached > self.reach.furthest || !is_a_step {
            self.reach.furthest = self.reach.furthest.max(reached);
            self.reach.progress_seconds = Some(seconds);
        }
    }

    fn begin(&mut self, seconds: u64) {
        self.reach = Reach { began: seconds, furthest: 0, progress_seconds: Some(seconds) };
        self.latest = 0;
    }

    fn rest(&mut self, seconds: u64) {
        self.begin(seconds);
        if self.packed_seconds.is_some() && !self.is_upgraded {
            self.sealed_seconds.get_or_insert(seconds);
        }
    }
}

fn leads_nowhere(event: &str) -> bool {
    is_failure(event) || event.starts_with("SectorRetry") || DETOURS.contains(&event)
}

/// How far along an event is: 0 if it is not a milestone. Even numbers, so that there is room for what comes in between.
fn rank(event: &str) -> usize {
    let index = MILESTONES.iter().position(|milestone| *milestone == event);
    index.map_or(0, |index| 2 * index + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEALED: &[&str] = &[
        "SectorStartCC",
        "SectorPacked",
        "SectorTicket",
        "SectorPreCommit1",
        "SectorPreCommit2",
        "SectorPreCommitBatchSent",
        "SectorPreCommitLanded",
        "SectorSeedReady",
        "SectorCommitted",
        "SectorCommitAggregateSent",
        "SectorProving",
        "SectorFinalized",
    ];

    /// An event every ten seconds, the first at 10.
    fn course(parts: &[&[&str]]) -> Course {
        let mut course = Course::default();
        for (event, index) in parts.concat().into_iter().zip(1..) {
            course.apply(event, 10 * index);
        }
        course
    }

    fn progress(parts: &[&[&str]]) -> Option<u64> {
        course(parts).reach.progress_seconds
    }

    #[test]
    fn each_step_on_the_way_is_progress() {
        for events in 1..=SEALED.len() {
            assert_eq!(progress(&[&SEALED[..events]]), Some(10 * events as u64), "{events}");
        }
    }

    #[test]
    fn failures_retries_and_steps_back_are_not_progress() {
        let loops = ["SectorSealPreCommit2Failed", "SectorRetrySealPreCommit1", "SectorPreCommit1"].repeat(20);
        assert_eq!(progress(&[&SEALED[..4], &loops]), Some(40));
        assert_eq!(course(&[&SEALED[..4], &loops]).entered_seconds, Some(640));
        assert_eq!(progress(&[&SEALED[..4], &loops, &["SectorPreCommit2"]]), Some(650));
        // From the end back to the beginning.
        let back =
            ["SectorCommitFailed", "SectorSealPreCommit1Failed", "SectorRetrySealPreCommit1", "SectorPreCommit1"];
        assert_eq!(progress(&[&SEALED[..10], &back, &["SectorPreCommit2"]]), Some(100));
        // Forced back by hand, or by a script every hour.
        assert_eq!(progress(&[&SEALED[..4], &["SectorForceState", "SectorPreCommit1"].repeat(9)]), Some(40));
    }

    #[test]
    fn finalizing_counts_early_late_and_in_an_upgrade_and_once_only() {
        let early = ["SectorProofReady", "SectorFinalizeFailed", "SectorRetryFinalize", "SectorFinalized"];
        assert_eq!(progress(&[&SEALED[..8], &early]), Some(120));
        assert_eq!(course(&[&SEALED[..8], &early]).sealed_seconds, None);
        let again = ["SectorCommitFailed", "SectorRetryComputeProof", "SectorProofReady", "SectorFinalized"];
        assert_eq!(progress(&[&SEALED[..8], &early, &again]), Some(120));
        let late = course(&[&SEALED[..8], &early, &again, &["SectorCommitAggregateSent"], &SEALED[10..]]);
        assert_eq!((late.reach.progress_seconds, late.sealed_seconds), (Some(190), Some(190)));
    }

    #[test]
    fn rest_ends_a_course() {
        let upgrade: &[&str] = &["SectorMarkForUpdate", "SectorStartCCUpdate", "SectorAddPiece", "SectorPieceAdded"];
        for events in [1, 2, 4] {
            assert_eq!(progress(&[SEALED, &upgrade[..events]]), Some(120 + 10 * events as u64), "{events}");
        }
        let packed = ["SectorStartPacking", "SectorPacked", "SectorReplicaUpdate", "SectorProveReplicaUpdate"];
        assert_eq!(progress(&[SEALED, upgrade, &packed]), Some(200));
        let aborted = ["SectorAbortUpgrade", "SectorRevertUpgradeToProving"];
        assert_eq!(progress(&[SEALED, upgrade, &packed, &aborted, &upgrade[..2]]), Some(240));
        let course = course(&[SEALED, upgrade, &packed, &["SectorFinalized"]]);
        assert_eq!((course.packed_seconds, course.sealed_seconds), (Some(20), Some(120)));
        assert_eq!(progress(&[SEALED, &["SectorFaulty"]]), Some(130), "it left its rest");
    }

    #[test]
    fn endings_that_fail_are_loops_too() {
        let ending = ["SectorTerminate", "SectorTerminateFailed"];
        assert_eq!(progress(&[SEALED, &ending.repeat(30)]), Some(130));
        assert_eq!(course(&[SEALED, &ending.repeat(30)]).retries, 29);
        let removing = ["SectorRemove", "SectorRemoveFailed"];
        assert_eq!(progress(&[&SEALED[..4], &removing.repeat(30)]), Some(50));
        assert_eq!(course(&[&SEALED[..4], &["SectorSealPreCommit1Failed"], &removing[..1]]).retries, 0, "given up");
    }

    #[test]
    fn what_leaves_the_state_alone_changes_nothing() {
        let before = course(&[&SEALED[..4]]);
        assert_eq!(course(&[&SEALED[..4], &["SectorRestart", "SectorFatalError"]]), before);
    }

    #[test]
    fn pieces_and_unknown_events_are_progress() {
        let pieces = ["SectorStart", "SectorAddPiece", "SectorPieceAdded", "SectorAddPiece", "SectorPieceAdded"];
        assert_eq!(progress(&[&pieces]), Some(50));
        let loops = ["SectorAddPieceFailed", "SectorRetryWaitDeals", "SectorAddPiece"].repeat(9);
        assert_eq!(progress(&[&pieces, &loops]), Some(50));
        assert_eq!(progress(&[&SEALED[..4], &["SectorBeamedUp"].repeat(3)]), Some(70));
    }

    #[test]
    fn a_log_that_lost_its_middle_is_completed_by_what_was_known() {
        let before = course(&[&SEALED[..8]]).reach;
        // What was reached in the middle comes up again in what is left.
        let lost = course(&[&SEALED[..5], &["SectorRetryPreCommit"].repeat(40), &SEALED[5..7]]).reach;
        assert_eq!(lost.or_earlier(before), before);
        let further = course(&[&SEALED[..5], &["SectorRetryPreCommit"].repeat(40), &SEALED[5..9]]).reach;
        assert_eq!(further.or_earlier(before), further);
        assert_eq!(further.or_earlier(Reach::default()), further);
        let upgraded = course(&[SEALED, &["SectorMarkForUpdate", "SectorStartCCUpdate"]]).reach;
        assert_eq!(upgraded.or_earlier(before), upgraded, "a later course");
    }
}
