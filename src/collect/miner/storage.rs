//! The space in storage paths, and whether they can be asked for it at all.
//!
//! A path whose host is gone can keep lotus-miner waiting. It is found out once, and from then on asked apart, so that it costs the others
//! nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::LotusMiner;
use super::storage_paths;
use crate::collect::run::Run;
use crate::expose::{Samples, families};
use crate::rpc::{Batch, CallError, Cause, Client};
use crate::tolerant::{Int, Problems};

/// Paths that are asked about one by one, at the same time.
const PARALLEL_CALLS: usize = 8;

/// The space of one miner's storage paths, by their ids.
pub struct Facts {
    paths: BTreeMap<String, Space>,
}

#[derive(Default)]
struct Space {
    /// None where the node did not get to say anything, false where the path failed.
    is_up: Option<bool>,
    stat: Stat,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Stat {
    capacity: Option<Int>,
    available: Option<Int>,
    reserved: Option<Int>,
    used: Option<Int>,
    max: Option<Int>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    /// Paths that did not answer in time, to be asked apart.
    slow: BTreeSet<String>,
}

pub fn fetch(
    miner: &LotusMiner,
    run: &Run,
    known: Option<&storage_paths::Facts>,
    problems: &mut Problems,
) -> Result<Facts> {
    let known = known.context("the storage paths are not known")?;
    let section = format!("storage/{}", miner.id);
    let mut memory: Memory = run.state.recall(&section);
    memory.slow.retain(|id| known.ids().any(|known| known == id));
    let stats = stats(&miner.client, known.ids(), &mut memory.slow);
    run.state.remember(&section, &memory);
    let paths = stats.into_iter().map(|(id, stat)| {
        let space = match stat {
            Ok(stat) => Space { is_up: Some(true), stat },
            Err(error) => Space { is_up: path_failed(&error, &id, problems), stat: Stat::default() },
        };
        (id, space)
    });
    Ok(Facts { paths: paths.collect() })
}

/// Reports a failed StorageStat. Some(false) where it was the path that failed, which is news about the path and no failure of ours.
fn path_failed(error: &CallError, id: &str, problems: &mut Problems) -> Option<bool> {
    let is_path = matches!(error.cause, Cause::Refused { .. } | Cause::TimedOut(_));
    if is_path {
        problems.news(format_args!("storage path {id}: {error}"));
    } else {
        problems.error(error);
    }
    is_path.then_some(false)
}

/// StorageStat of every path: all in one batch, and those known to be slow, or all if the batch did not come in time, each by itself.
fn stats<'a>(
    miner: &Client,
    ids: impl Iterator<Item = &'a String>,
    slow: &mut BTreeSet<String>,
) -> BTreeMap<String, Result<Stat, CallError>> {
    let (mut apart, together): (Vec<&String>, Vec<&String>) = ids.partition(|id| slow.contains(*id));
    let mut batch = Batch::new();
    let tickets: Vec<_> = together.iter().map(|id| (*id, batch.add::<Stat>("StorageStat", json!([id])))).collect();
    // A path that keeps lotus-miner waiting must not make us give up on lotus-miner itself.
    let miner = miner.apart();
    let answers = miner.send(&batch);
    let mut stats = BTreeMap::new();
    for (id, ticket) in tickets {
        match answers.get(ticket) {
            Err(error) if matches!(error.cause, Cause::TimedOut(_)) => apart.push(id),
            answer => {
                stats.insert(id.clone(), answer);
            }
        }
    }
    for (id, answer) in one_by_one(&miner, &apart) {
        if matches!(&answer, Err(error) if matches!(error.cause, Cause::TimedOut(_))) {
            slow.insert(id.clone());
        } else {
            slow.remove(&id);
        }
        stats.insert(id, answer);
    }
    stats
}

fn one_by_one(miner: &Client, ids: &[&String]) -> Vec<(String, Result<Stat, CallError>)> {
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..ids.len().min(PARALLEL_CALLS) {
            scope.spawn(|| {
                while let Some(id) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let answer = miner.apart().call("StorageStat", json!([id]));
                    if let Ok(mut answers) = answers.lock() {
                        answers.push(((*id).clone(), answer));
                    }
                }
            });
        }
    });
    answers.into_inner().unwrap_or_default()
}

pub fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    for (id, Space { is_up, stat }) in &facts.paths {
        let labels = [miner_id, id.as_str()];
        samples.add(&families::STORAGE_UP, labels, *is_up);
        samples.add(&families::STORAGE_CAPACITY_BYTES, labels, stat.capacity);
        samples.add(&families::STORAGE_AVAILABLE_BYTES, labels, stat.available);
        samples.add(&families::STORAGE_RESERVED_BYTES, labels, stat.reserved);
        samples.add(&families::STORAGE_USED_BYTES, labels, stat.used);
        let max = stat.max.filter(|Int(bytes)| *bytes > 0);
        samples.add(&families::STORAGE_MAX_BYTES, labels, max);
    }
}
