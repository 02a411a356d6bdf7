//! Curio's own alerts.

use std::collections::BTreeSet;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Cluster;
use crate::expose::{Samples, families};
use crate::rpc::curio::{CurioBatch, methods};
use crate::rpc::{Answers, Ticket};
use crate::tolerant::{Int, List, Problems};

const MAX_NAME_CHARS: usize = 100;

pub struct Tickets {
    ongoing: Ticket<List<Alert>>,
    unacknowledged: Ticket<Int>,
}

/// The message is Curio's, and may name what is not to be published.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Alert {
    alert_name: Option<String>,
}

pub struct Facts {
    /// Curio since v1.28.3 tells.
    names: Option<BTreeSet<String>>,
    unacknowledged: Option<Int>,
}

pub fn ask(batch: &mut CurioBatch) -> Tickets {
    let ongoing = batch.add(methods::ALERT_ONGOING_LIST, json!([]));
    Tickets { ongoing, unacknowledged: batch.add(methods::ALERT_UNACKNOWLEDGED_COUNT, json!([])) }
}

pub fn fetch(answers: &Answers, tickets: Tickets, problems: &mut Problems) -> Result<Facts> {
    let ongoing = problems.if_supported(answers.get(tickets.ongoing));
    let names = ongoing.map(|ongoing| {
        let names = ongoing.take("AlertOngoingList", problems).into_iter().filter_map(|alert| alert.alert_name);
        names.map(|name| name.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect()).collect()
    });
    Ok(Facts { names, unacknowledged: problems.if_supported(answers.get(tickets.unacknowledged)) })
}

pub fn expose(facts: &Facts, cluster: &Cluster, samples: &mut Samples) {
    let of = cluster.name.as_str();
    for (rank, name) in facts.names.iter().flatten().enumerate() {
        samples.add_row(&families::CURIO_ALERT_ACTIVE, [of, name], true, rank as f64);
    }
    samples.add(&families::CURIO_ALERTS, [of], facts.names.as_ref().map(BTreeSet::len));
    samples.add(&families::CURIO_ALERTS_UNACKNOWLEDGED, [of], facts.unacknowledged);
}
