//! The chain as the full node has it: head, sync, finality, base fee.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Daemon;
use crate::expose::{Samples, families};
use crate::lotus::epoch::{CHAIN_FINALITY_EPOCHS, ChainClock};
use crate::lotus::tipset::TipSet;
use crate::lotus::upgrades::{self, Upgrade};
use crate::rpc::{Batch, Cause};
use crate::tolerant::{Field, Int, List, Problems, SaidBefore};

/// Names of SyncState's stages, by number (chain/types of Lotus: api.SyncStateStage).
const SYNC_STAGES: [&str; 7] =
    ["idle", "headers", "persist_headers", "messages", "complete", "error", "fetching_messages"];

/// Where the full node is.
pub struct Facts {
    head: TipSet,
    clock: Option<ChainClock>,
    behind_epochs: Option<Int>,
    sync_workers: Option<[u64; SYNC_STAGES.len()]>,
    finalized_height: Option<i64>,
    upgrades: Vec<Upgrade>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NodeStatus {
    sync_status: Field<SyncStatus>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SyncStatus {
    behind: Option<Int>,
}

/// Null means that there are none; without the list, nothing is known about them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SyncState {
    #[serde(deserialize_with = "List::deserialize")]
    active_syncs: List<ActiveSync>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ActiveSync {
    stage: Int,
}

/// Null means that the node has found none yet.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FinalityStatus {
    #[serde(deserialize_with = "Option::deserialize")]
    ec_finalized_tip_set: Option<FinalTipSet>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FinalTipSet {
    height: i64,
}

pub fn fetch(daemon: &Daemon, problems: &mut Problems) -> Result<Facts> {
    let head = daemon.head.as_ref().ok_or(SaidBefore)?;
    let mut batch = Batch::new();
    let status = batch.add::<NodeStatus>("NodeStatus", json!([false]));
    let sync = batch.add::<SyncState>("SyncState", json!([]));
    let answers = daemon.client.send(&batch);
    let status = problems.if_supported(answers.get(status)).unwrap_or_default();
    let behind = status.sync_status.take("NodeStatus.SyncStatus", problems);
    let sync = problems.if_supported(answers.get(sync));
    if head.blocks().is_none() {
        problems.note("ChainHead.Blocks: none, although every tipset has some");
    }
    let network = daemon.network_name.as_deref();
    Ok(Facts {
        upgrades: upgrades::next(daemon.upgrades.as_ref(), network, daemon.network_version, head.height()),
        head: head.clone(),
        clock: daemon.clock,
        behind_epochs: behind.and_then(|status| status.behind),
        sync_workers: sync.map(|sync| count_stages(sync, problems)),
        finalized_height: finalized_height(daemon, head.height(), problems),
    })
}

fn count_stages(sync: SyncState, problems: &mut Problems) -> [u64; SYNC_STAGES.len()] {
    let mut workers = [0; SYNC_STAGES.len()];
    for worker in sync.active_syncs.take("SyncState.ActiveSyncs", problems) {
        let stage = worker.stage.to_u64().and_then(|stage| usize::try_from(stage).ok());
        if let Some(count) = stage.and_then(|stage| workers.get_mut(stage)) {
            *count += 1;
        }
    }
    workers
}

/// What the node considers final from watching the chain; failing that, what the protocol guarantees, which is always safe and often late.
fn finalized_height(daemon: &Daemon, head_height: i64, problems: &mut Problems) -> Option<i64> {
    let mut batch = Batch::new();
    let status = batch.add::<FinalityStatus>("ChainGetTipSetFinalityStatus", json!([]));
    let finalized = match daemon.client.send_to("/rpc/v2", &batch).get(status) {
        Ok(status) => status.ec_finalized_tip_set.map(|tipset| tipset.height),
        // A node that has the method but no answer yet returns an error.
        Err(error) if error.cause.is_missing_method() || matches!(error.cause, Cause::Refused { .. }) => None,
        Err(error) => {
            problems.error(error);
            return None;
        }
    };
    Some(finalized.unwrap_or_else(|| head_height.saturating_sub(CHAIN_FINALITY_EPOCHS).max(0)))
}

pub fn expose(facts: &Facts, now: f64, samples: &mut Samples) {
    let head = &facts.head;
    samples.add(&families::CHAIN_HEAD_HEIGHT, [], head.height());
    samples.add(&families::CHAIN_HEAD_TIMESTAMP_SECONDS, [], head.timestamp_seconds());
    samples.add(&families::CHAIN_HEAD_BLOCKS, [], head.blocks());
    samples.add(&families::CHAIN_BASE_FEE_FIL, [], head.base_fee());
    let expected = facts.clock.map(|clock| clock.epoch_at(now));
    samples.add(&families::CHAIN_EXPECTED_HEIGHT, [], expected);
    samples.add(&families::CHAIN_BEHIND_EPOCHS, [], facts.behind_epochs);
    for (stage, count) in SYNC_STAGES.iter().zip(facts.sync_workers.iter().flatten()) {
        samples.add(&families::CHAIN_SYNC_WORKERS, [*stage], *count);
    }
    samples.add(&families::CHAIN_FINALIZED_HEIGHT, ["ec"], facts.finalized_height);
    for Upgrade { name, network_version, height, is_known_to_node } in &facts.upgrades {
        let version = network_version.map(|version| version.to_string()).unwrap_or_default();
        let labels = [name.as_str(), &version, if *is_known_to_node { "1" } else { "0" }];
        let moment = facts.clock.map(|clock| clock.timestamp_seconds(*height));
        samples.add(&families::NETWORK_UPGRADE_TIMESTAMP_SECONDS, labels, moment);
    }
}
