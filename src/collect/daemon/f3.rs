//! Fast finality (F3): whether it runs, how far it is, and which miners take part through this node.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Daemon;
use crate::expose::{Samples, families};
use crate::lotus::address;
use crate::rpc::{Batch, CallError, Cause};
use crate::tolerant::{Int, List, Problems};

/// What the F3* methods return. Everything is absent on a node without F3.
pub struct Facts {
    is_running: Option<bool>,
    progress: Option<Progress>,
    finalized_height: Option<i64>,
    participants: Option<Vec<u64>>,
}

#[derive(Deserialize)]
struct Progress {
    #[serde(rename = "ID")]
    instance: Int,
    #[serde(rename = "Round")]
    round: Int,
    #[serde(rename = "Phase")]
    phase: Int,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Certificate {
    #[serde(rename = "ECChain")]
    chain: Option<Vec<FinalTipSet>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FinalTipSet {
    epoch: i64,
}

#[derive(Deserialize)]
struct Participant {
    #[serde(rename = "MinerID")]
    miner_id: Int,
}

pub fn fetch(daemon: &Daemon, problems: &mut Problems) -> Result<Facts> {
    let mut batch = Batch::new();
    let running = batch.add::<bool>("F3IsRunning", json!([]));
    let progress = batch.add::<Progress>("F3GetProgress", json!([]));
    let certificate = batch.add::<Option<Certificate>>("F3GetLatestCertificate", json!([]));
    let participants = batch.add::<List<Participant>>("F3ListParticipants", json!([]));
    let answers = daemon.client.send(&batch);
    answers.reached()?;
    let certificate = if_on(problems, answers.get(certificate)).flatten();
    let last_of_chain = certificate.and_then(|certificate| certificate.chain?.pop());
    let participants = if_on(problems, answers.get(participants));
    // A miner that is not on the list does not take part, so a list that could not be read completely is useless.
    let participants = participants.and_then(|list| {
        let length = list.0.len();
        let read = list.take("F3ListParticipants", problems).into_iter();
        let ids = read.filter_map(|one| one.miner_id.natural("F3ListParticipants.MinerID", problems));
        Some(ids.collect()).filter(|ids: &Vec<u64>| ids.len() == length)
    });
    Ok(Facts {
        is_running: if_on(problems, answers.get(running)),
        progress: if_on(problems, answers.get(progress)),
        finalized_height: last_of_chain.map(|tipset| tipset.epoch),
        participants,
    })
}

/// The answer. A node whose F3 is off, not ready, or served by another process that is away, returns an error, which is not a problem.
fn if_on<T>(problems: &mut Problems, answer: Result<T, CallError>) -> Option<T> {
    match answer {
        Err(error) if matches!(error.cause, Cause::Refused { .. }) => None,
        other => problems.if_supported(other),
    }
}

pub fn expose(facts: &Facts, miner_ids: &[&str], samples: &mut Samples) {
    samples.add(&families::F3_RUNNING, [], facts.is_running);
    if let Some(progress) = &facts.progress {
        samples.add(&families::F3_INSTANCE, [], progress.instance);
        samples.add(&families::F3_ROUND, [], progress.round);
        samples.add(&families::F3_PHASE, [], progress.phase);
    }
    samples.add(&families::CHAIN_FINALIZED_HEIGHT, ["f3"], facts.finalized_height);
    if let Some(participants) = &facts.participants {
        for miner_id in miner_ids {
            let is_in = address::actor_id(miner_id).map(|id| participants.contains(&id));
            samples.add(&families::MINER_F3_PARTICIPATING, [*miner_id], is_in);
        }
    }
}
