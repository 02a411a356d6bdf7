//! Data sets, page by page, and how each stands at a height of the chain.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use crate::rpc::curio::{Curio, methods};
use crate::tolerant::{Field, Int, List, Problems};

/// What Curio gives in one answer at most, and how many answers are asked for: each groups all pieces there are.
const PAGE: usize = 200;
const MAX_PAGES: usize = 5;

const STATUSES: [&str; 5] = ["uninit", "scheduled", "in-window", "overdue", "unrecoverable"];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    items: Field<List<Item>>,
    total: Field<Int>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Item {
    id: Option<Int>,
    prove_at_epoch: Field<Int>,
    challenge_window: Field<Int>,
    proving_status: Option<String>,
    unrecoverable_failure_epoch: Field<Int>,
}

/// The data sets.
#[derive(Default)]
pub struct Sets {
    /// How many there are of each status; none where not all could be read.
    pub by_status: Option<BTreeMap<&'static str, u64>>,
    /// Those that are overdue or lost.
    pub problems: Vec<(String, &'static str)>,
    /// The epoch at which the last one was lost.
    pub last_lost_epoch: Option<i128>,
    /// How many Curio says there are.
    pub total: Option<u64>,
}

impl Sets {
    /// How many are overdue, if all could be read.
    pub fn overdue(&self) -> Option<Int> {
        self.by_status.as_ref().and_then(|counts| counts.get("overdue")).map(|count| Int((*count).into()))
    }
}

/// Reads them. Curio's own word for how a set stands is wrong where it did not reach the chain: it is made of its epochs here.
pub fn fetch(curio: &Curio, head: i128, problems: &mut Problems) -> Sets {
    let mut sets = Sets::default();
    let mut counts: BTreeMap<&str, u64> = STATUSES.iter().map(|status| (*status, 0)).collect();
    let (mut read, failures) = (0, problems.failures());
    for page in 0..MAX_PAGES {
        let params = json!([PAGE, page * PAGE, "", "", false]);
        let Some(answer) = problems.if_supported(curio.call::<Page>(methods::PDP_DATA_SET_LIST, params)) else {
            return sets;
        };
        let total = answer.total.take("PDPDataSetList.total", problems).and_then(Int::to_u64);
        let items = answer.items.take("PDPDataSetList.items", problems).unwrap_or_default();
        let items = items.take("PDPDataSetList.items", problems);
        let is_last = items.len() < PAGE;
        read += items.len() as u64;
        sets.total = total;
        for item in items {
            let mut epoch = |field: Field<Int>, name| {
                field.take(&format!("PDPDataSetList.items.{name}"), problems).map(|Int(epoch)| epoch)
            };
            let lost = epoch(item.unrecoverable_failure_epoch, "unrecoverableFailureEpoch");
            let start = epoch(item.prove_at_epoch, "proveAtEpoch");
            let window = epoch(item.challenge_window, "challengeWindow");
            // Or `scheduled`, where Curio did not reach the chain.
            let is_uninit = matches!(item.proving_status.as_deref(), Some("uninit" | "scheduled"));
            let status = match (lost, start, window) {
                (Some(_), _, _) => "unrecoverable",
                (None, None, _) if is_uninit => "uninit",
                (None, Some(start), _) if head < start => "scheduled",
                (None, Some(start), Some(window)) if head <= start.saturating_add(window) => "in-window",
                (None, Some(_), Some(_)) => "overdue",
                _ => {
                    problems.note("PDPDataSetList.items: a data set without proveAtEpoch or challengeWindow");
                    continue;
                }
            };
            *counts.entry(status).or_default() += 1;
            sets.last_lost_epoch = sets.last_lost_epoch.max(lost);
            if let Some(Int(id)) = item.id.filter(|_| ["unrecoverable", "overdue"].contains(&status)) {
                sets.problems.push((id.to_string(), status));
            }
        }
        if is_last || total == Some(read) {
            break;
        }
    }
    let is_whole = problems.failures() == failures && sets.total == Some(read);
    sets.by_status = is_whole.then_some(counts);
    sets
}
