//! PDP: data sets, when they have to be proven, and how that went.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Cluster;
use super::pdp_sets::{self, Sets};
use crate::expose::{Samples, families};
use crate::lotus::epoch::{MAX_HEIGHT, parse_rfc3339};
use crate::rpc::curio::{Curio, methods};
use crate::tolerant::{Field, Int, Line, List, Problems};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    head_epoch: Field<Int>,
    next_prove_at_epoch: Field<Int>,
    next_deadline_epoch: Field<Int>,
    overdue_count: Field<Int>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Summary {
    #[serde(rename = "dataUnderProofBytes")]
    data_bytes: Field<Int>,
    #[serde(rename = "pieceCount")]
    pieces: Field<Int>,
    #[serde(rename = "provingSuccessCount")]
    successes: Field<Int>,
    #[serde(rename = "provingFailureCount")]
    failures: Field<Int>,
    #[serde(rename = "faultedPeriods30d")]
    lost: Field<Int>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Failure {
    /// Where there is none, no proof failed of late: it is a data set that was given up, and `workEnd` is about when.
    task_id: Option<Int>,
    work_end: Option<String>,
}

/// What there is of PDP; nothing where Curio cannot tell, or there is none.
#[derive(Default)]
pub struct Facts {
    sets: Sets,
    overdue: Option<Int>,
    next_proof_seconds: Option<f64>,
    next_deadline_seconds: Option<f64>,
    last_lost_seconds: Option<f64>,
    last_failed_seconds: Option<f64>,
    data_bytes: Option<Int>,
    pieces: Option<Int>,
    proofs: [Option<Int>; 2],
    lost: Option<Int>,
}

/// Asks about PDP, where there is any: a data set, a key, or nothing else in the program. Curio judges at the head of its full node, which is
/// `behind_seconds` behind the chain that counts; where nobody knows, what is not overdue there may be all the same.
pub fn fetch(
    curio: &Curio,
    cluster: &Cluster,
    has_key: bool,
    behind_seconds: Option<f64>,
    now: f64,
    problems: &mut Problems,
) -> Result<Facts> {
    let Some(status) = problems.if_supported(curio.call::<Status>(methods::PDP_PROVING_STATUS, json!([]))) else {
        return Ok(Facts::default());
    };
    let mut epoch =
        |field: Field<Int>, name| field.take(&format!("PDPProvingStatus.{name}"), problems).map(|Int(epoch)| epoch);
    let head = epoch(status.head_epoch, "headEpoch");
    let next_proof = epoch(status.next_prove_at_epoch, "nextProveAtEpoch");
    let next_deadline = epoch(status.next_deadline_epoch, "nextDeadlineEpoch");
    let Some(head) = head.filter(|head| (1..=i128::from(MAX_HEIGHT)).contains(head)) else {
        // Everything would be told as if nothing was due.
        problems.error(Line {
            node: curio.name().to_owned(),
            call: Some(methods::PDP_PROVING_STATUS.name().into()),
            what: "reaches no full node, so nothing is known about PDP; see farcaster_curio_chain_node_up".to_owned(),
            ..Line::default()
        });
        return Ok(Facts::default());
    };
    let missing = (behind_seconds.unwrap_or(0.0) / cluster.block_delay_seconds) as i128;
    let head = head.saturating_add(missing);
    let mut sets = pdp_sets::fetch(curio, head, problems);
    if sets.total == Some(0) && !has_key && !cluster.is_skiff() {
        return Ok(Facts::default());
    }
    let at = |epoch: i128| now + (epoch - head) as f64 * cluster.block_delay_seconds;
    let summary =
        problems.if_supported(curio.call::<Summary>(methods::PDP_DASHBOARD_SUMMARY, json!([]))).unwrap_or_default();
    let failures = problems
        .if_supported(curio.call::<List<Failure>>(methods::PDP_PROVING_FAILURES, json!([])))
        .unwrap_or_default();
    let failures = failures.take("PDPProvingFailures", problems);
    let failed = failures.iter().filter(|failure| failure.task_id.is_some());
    let failed = failed.filter_map(|failure| parse_rfc3339(failure.work_end.as_deref()?));
    let last_failed_seconds = failed.reduce(f64::max);
    let mut int = |field: Field<Int>, name| field.take(name, problems);
    let overdue = int(status.overdue_count, "PDPProvingStatus.overdueCount");
    let mut overdue = if missing > 0 { sets.overdue() } else { overdue };
    let (mut next_proof_seconds, mut next_deadline_seconds) = (next_proof.map(at), next_deadline.map(at));
    if behind_seconds.is_none() {
        overdue = overdue.filter(|Int(count)| *count > 0);
        sets.by_status = None;
        // They may be near, or over. The loss of a data set stays one, if it looks later than it was.
        (next_proof_seconds, next_deadline_seconds) = (None, None);
    }
    Ok(Facts {
        overdue,
        next_proof_seconds,
        next_deadline_seconds,
        last_lost_seconds: sets.last_lost_epoch.map(at),
        last_failed_seconds,
        data_bytes: int(summary.data_bytes, "PDPDashboardSummary.dataUnderProofBytes"),
        pieces: int(summary.pieces, "PDPDashboardSummary.pieceCount"),
        proofs: [
            int(summary.successes, "PDPDashboardSummary.provingSuccessCount"),
            int(summary.failures, "PDPDashboardSummary.provingFailureCount"),
        ],
        lost: int(summary.lost, "PDPDashboardSummary.faultedPeriods30d"),
        sets,
    })
}

pub fn expose(facts: &Facts, cluster: &Cluster, samples: &mut Samples) {
    let of = cluster.name.as_str();
    for (status, count) in facts.sets.by_status.iter().flatten() {
        samples.add(&families::PDP_DATA_SETS, [of, status], *count);
    }
    for (rank, (id, status)) in facts.sets.problems.iter().enumerate() {
        samples.add_row(&families::PDP_PROBLEM_DATA_SET, [of, id, status], true, rank as f64);
    }
    samples.add(&families::PDP_DATA_SETS_OVERDUE, [of], facts.overdue);
    samples.add(&families::PDP_NEXT_PROOF_TIMESTAMP_SECONDS, [of], facts.next_proof_seconds);
    samples.add(&families::PDP_NEXT_DEADLINE_TIMESTAMP_SECONDS, [of], facts.next_deadline_seconds);
    samples.add(&families::PDP_LAST_LOST_DATA_SET_TIMESTAMP_SECONDS, [of], facts.last_lost_seconds);
    samples.add(&families::PDP_LAST_FAILED_PROOF_TIMESTAMP_SECONDS, [of], facts.last_failed_seconds);
    samples.add(&families::PDP_DATA_BYTES, [of], facts.data_bytes);
    samples.add(&families::PDP_PIECES, [of], facts.pieces);
    for (result, count) in ["success", "failure"].into_iter().zip(facts.proofs) {
        samples.add(&families::PDP_PROOFS_30D, [of, result], count);
    }
    samples.add(&families::PDP_DATA_SETS_LOST_30D, [of], facts.lost);
}
