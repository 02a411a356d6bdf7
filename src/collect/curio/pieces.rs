//! The market's pieces.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Cluster;
use crate::expose::{Samples, families};
use crate::rpc::curio::{CurioBatch, methods};
use crate::rpc::{Answers, Ticket};
use crate::tolerant::{Field, Int, Problems};

pub struct Tickets(Ticket<Summary>);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Summary {
    total: Field<Int>,
    indexed: Field<Int>,
    announced: Field<Int>,
}

pub struct Facts([(&'static str, Option<Int>); 3]);

pub fn ask(batch: &mut CurioBatch) -> Tickets {
    Tickets(batch.add(methods::PIECE_SUMMARY, json!([])))
}

pub fn fetch(answers: &Answers, Tickets(summary): Tickets, problems: &mut Problems) -> Result<Facts> {
    let summary = problems.if_supported(answers.get(summary)).unwrap_or_default();
    let states = [("total", summary.total), ("indexed", summary.indexed), ("announced", summary.announced)];
    Ok(Facts(states.map(|(state, count)| (state, count.take(&format!("PieceSummary.{state}"), problems)))))
}

pub fn expose(Facts(states): &Facts, cluster: &Cluster, samples: &mut Samples) {
    for (state, count) in states {
        samples.add(&families::CURIO_PIECES, [&cluster.name, state], *count);
    }
}
