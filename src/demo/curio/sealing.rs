//! The cluster's pipelines, derived from the time: a sector every 25 minutes, an upgrade every 40, and the tasks that they make.

use serde_json::{Value, json};

use super::super::miner::Miner;
use super::{GENESIS_SECONDS, time};

/// From one sector to the next.
const SECTOR_SECONDS: f64 = 1500.0;
/// From one upgrade to the next; one in eight fails, and is taken up again after 20 minutes.
const UPGRADE_SECONDS: f64 = 2400.0;
/// A sector that comes waits so long for a machine.
const WAIT_SECONDS: f64 = 240.0;

/// The stages of a sector, the age at which each ends, and the task that does it. What waits for its seed counts as PoRep.
const STAGES: &[(&str, f64, &str)] = &[
    ("SDR", 5400.0, "SDR"),
    ("TreeD", 6000.0, "TreeD"),
    ("TreeR", 7200.0, "TreeRC"),
    ("PreCommit Msg", 7500.0, ""),
    ("Wait Seed", 7800.0, ""),
    ("PoRep", 12_600.0, ""),
    ("PoRep", 13_200.0, "PoRep"),
    ("Move Storage", 13_800.0, "MoveStorage"),
    ("Commit Msg", 14_400.0, ""),
    ("Wait Commit", 14_700.0, ""),
    ("Complete", 15_800.0, ""),
];
const UPGRADE_STAGES: &[(&str, f64, &str)] = &[
    ("Encode", 1200.0, "UpdateEncode"),
    ("Prove", 2100.0, "UpdateProve"),
    ("Submit", 2400.0, ""),
    ("Wait Prove Msg", 2700.0, ""),
    ("Move Storage", 3300.0, "UpdateStore"),
    ("Complete", 4200.0, ""),
];

struct InMotion {
    number: u64,
    begun: f64,
    since: f64,
    stage: &'static str,
    task: &'static str,
}

fn in_motion(now: f64, period: f64, stages: &'static [(&'static str, f64, &'static str)]) -> Vec<InMotion> {
    let latest = ((now - GENESIS_SECONDS) / period) as u64;
    let longest = stages.last().map_or(0.0, |(_, ends, _)| *ends);
    let numbers = latest.saturating_sub((longest / period) as u64 + 1)..=latest;
    let sectors = numbers.filter_map(|number| {
        let begun = GENESIS_SECONDS + number as f64 * period;
        let at = stages.iter().position(|(_, ends, _)| now - begun < *ends)?;
        let (stage, _, task) = stages[at];
        let since = begun + at.checked_sub(1).map_or(0.0, |before| stages[before].1);
        Some(InMotion { number, begun, since, stage, task })
    });
    sectors.collect()
}

fn sectors(now: f64) -> Vec<InMotion> {
    in_motion(now, SECTOR_SECONDS, STAGES)
}

fn all_upgrades(now: f64) -> Vec<InMotion> {
    in_motion(now, UPGRADE_SECONDS, UPGRADE_STAGES)
}

/// For 20 minutes, where its proof failed.
fn is_failed(upgrade: &InMotion, now: f64) -> bool {
    upgrade.number.is_multiple_of(8) && (1200.0..2400.0).contains(&(now - upgrade.begun))
}

/// The kinds of tasks of a machine by its layers.
pub(super) fn kinds(layers: &str) -> &'static str {
    match layers {
        "base,seal" => "SDR,TreeD,TreeRC,PoRep,Finalize,MoveStorage,UpdateEncode,UpdateProve,UpdateStore",
        "base,post,gui" => "WdPost,WdPostSubmit,WinPost,WinInclCheck,SendMessage,PreCommitBatch,CommitBatch",
        "base,market" => "ParkPiece,Indexing,IPNI,AggregateDeals,PSD",
        _ => "",
    }
}

pub(super) fn tasks(miner: &Miner, now: f64) -> Value {
    let task = |id: u64, name: &str, since: f64, owner: Option<(&str, &str)>, of_miner: bool| {
        let (sp, of) = if of_miner { (miner.id.to_string(), miner.address()) } else { Default::default() };
        json!({"ID": id, "Name": name, "SpID": sp, "SincePosted": time(since), "Owner": owner.map(|owner| owner.0),
            "OwnerID": owner.map(|owner| owner.1), "SincePostedStr": super::duration(now - since), "Miner": of})
    };
    let (seal, post, market) = (("10.70.0.11:12300", "11"), ("10.70.0.12:12300", "12"), ("10.70.0.13:12300", "13"));
    let mut tasks = Vec::new();
    let upgrades = all_upgrades(now);
    let running = sectors(now)
        .into_iter()
        .map(|sector| (sector, 0))
        .chain(upgrades.into_iter().map(|upgrade| (upgrade, 500_000_000)));
    for (sector, offset) in running.filter(|(sector, _)| !sector.task.is_empty()) {
        let waits = now - sector.since < WAIT_SECONDS;
        let owner = (!waits).then_some(seal);
        tasks.push(task(offset + sector.number * 16, sector.task, sector.since, owner, true));
    }
    tasks.push(task(41, "WdPost", now - now % 1800.0, Some(post), false));
    tasks.push(task(42, "Indexing", now - now % 900.0, Some(market), false));
    tasks.push(task(43, "ParkPiece", now - now % 600.0, (now % 600.0 > 90.0).then_some(market), false));
    tasks.push(task(44, "bg:F3Participate", now - now % 86_400.0, Some(post), true));
    Value::Array(tasks)
}

pub(super) fn stages(now: f64) -> Value {
    let mut rows = Vec::new();
    let mut count = |pipeline: &str, stages: &[(&'static str, f64, &str)], in_motion: &[InMotion]| {
        let mut names: Vec<&str> = stages.iter().map(|(name, ..)| *name).collect();
        names.dedup();
        for name in names {
            let count = in_motion.iter().filter(|sector| sector.stage == name).count();
            if count > 0 {
                rows.push(json!({"pipeline_type": pipeline, "stage": name, "count": count}));
            }
        }
    };
    count("PoRep", STAGES, &sectors(now));
    let (failed, good): (Vec<_>, Vec<_>) = all_upgrades(now).into_iter().partition(|upgrade| is_failed(upgrade, now));
    count("Snap", UPGRADE_STAGES, &good);
    if !failed.is_empty() {
        rows.push(json!({"pipeline_type": "Snap", "stage": "Failed", "count": failed.len()}));
    }
    Value::Array(rows)
}

pub(super) fn summary(miner: &Miner, now: f64) -> Value {
    let sectors = sectors(now);
    let count = |names: &[&str]| sectors.iter().filter(|sector| names.contains(&sector.stage)).count();
    json!([{"Actor": miner.address(), "CountSDR": count(&["SDR"]), "CountTrees": count(&["TreeD", "TreeR"]),
        "CountPrecommitMsg": count(&["PreCommit Msg"]), "CountWaitSeed": 0, "CountPoRep": count(&["PoRep"]),
        "CountCommitMsg": count(&["Commit Msg"]), "CountDone": count(&["Complete"]), "CountFailed": 0}])
}

pub(super) fn porep_sectors(miner: &Miner, now: f64) -> Value {
    let rows = sectors(now).into_iter().map(|sector| {
        json!({"SpID": miner.id, "SectorNumber": sector.number, "Address": miner.address(), "Failed": false, "FailedReason": "",
            "AllTasks": [sector.number * 16], "MissingTasks": null, "PoRepProof": null, "SeedEpoch": null})
    });
    rows.collect()
}

pub(super) fn upgrades(miner: &Miner, now: f64) -> Value {
    let rows = all_upgrades(now).into_iter().map(|upgrade| {
        let failed = is_failed(&upgrade, now);
        json!({"StartTime": time(upgrade.begun), "SpID": miner.id, "SectorNum": upgrade.number, "Failed": failed,
            "FailedReason": if failed { "snapprove" } else { "" }, "FailedMsg": "", "MissingTasks": null, "AllTasks": null,
            "Miner": miner.address()})
    });
    rows.collect()
}
