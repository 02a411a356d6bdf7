//! What the logs of single sectors show, compared with values read from them by hand: tests/fixtures/devnet/sectors.json has both, and the
//! reasons.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::expected::Expected;
use crate::oracle::sector_log::{History, history};
use crate::oracle::{MINERS, sectors};
use crate::recording::Recording;
use crate::support::{Metrics, path};

/// A sector, and what must be published about it.
#[derive(Deserialize)]
pub struct Case {
    name: String,
    /// Why it is so.
    why: String,
    /// The answer of SectorsStatus.
    sector: Value,
    expected: Told,
}

#[derive(Deserialize)]
struct Told {
    created: f64,
    entered: f64,
    progressed: f64,
    retries: f64,
    error: Option<String>,
}

pub fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(path("fixtures/devnet/sectors.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

impl Case {
    fn history(&self) -> History {
        let Told { created, entered, progressed, retries, error } = &self.expected;
        History {
            created: Some(*created),
            entered: Some(*entered),
            progressed: Some(*progressed),
            retries: *retries,
            error: error.clone(),
            // By the events alone, which need no judgement.
            ..history(&self.sector["Log"])
        }
    }
}

/// The last run, but with these sectors alone in the pipeline of the first miner.
pub fn recording(cases: &[Case]) -> Recording {
    let mut recording = Recording::load(7);
    let (node, _) = MINERS[0];
    let number = |case: &Case| case.sector["SectorID"].clone();
    let listed = sectors::not_at_rest(&recording, node).0.clone();
    recording.replace(node, "SectorsListInStates", listed, cases.iter().map(number).collect());
    for case in cases {
        recording.replace(node, "SectorsStatus", json!([number(case), false]), case.sector.clone());
    }
    recording
}

/// What must be published from their logs, and what is.
pub fn compared(cases: &[Case], mut published: Metrics) -> (Expected, Metrics) {
    let (_, miner_id) = MINERS[0];
    let mut expected = Expected::default();
    for case in cases {
        sectors::of_log(miner_id, &case.sector, &case.history(), &mut expected);
    }
    published.0.retain(|(name, labels), _| {
        sectors::OF_THE_LOG.contains(&name.as_str()) && labels.get("miner_id").is_some_and(|id| id == miner_id)
    });
    (expected, published)
}

#[test]
fn the_oracle_reads_logs_as_a_person_does() {
    for case in cases() {
        assert_eq!(history(&case.sector["Log"]), case.history(), "{}: {}", case.name, case.why);
    }
}
