//! The space in storage paths, and whether they can be asked for it at all.
//!
//! For a path with a limit, Lotus counts what its files use; for any other, it knows only what the file system has. It subtracts the space
//! that running tasks have reserved from the file system's free space, but not from what a limit leaves.
//!
//! A path whose host is gone can keep lotus-miner waiting. Once that is known, it is asked separately, so that it does not delay the
//! others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::LotusMiner;
use super::filesystems::{self, Candidate};
use super::storage_paths;
use crate::collect::run::Run;
use crate::expose::{Samples, families};
use crate::rpc::{Batch, CallError, Cause, Client};
use crate::tolerant::{Int, Problems, SaidBefore};

/// Paths that are asked about one by one, at the same time.
const PARALLEL_CALLS: usize = 8;

/// The space of one miner's storage paths, by their ids.
pub struct Facts {
    paths: BTreeMap<String, Space>,
    /// The file system of each path that answered.
    filesystems: BTreeMap<String, String>,
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
    #[serde(rename = "FSAvailable")]
    filesystem_available: Option<Int>,
    reserved: Option<Int>,
    used: Option<Int>,
    max: Option<Int>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    /// Paths that did not answer in time, to be asked apart.
    slow: BTreeSet<String>,
    /// The file system of each path, when it was last known.
    filesystems: BTreeMap<String, String>,
}

/// Paths that turn out to have left are taken out of those that are `known`.
pub fn fetch(
    miner: &LotusMiner,
    run: &Run,
    known: Option<&mut storage_paths::Facts>,
    problems: &mut Problems,
) -> Result<Facts> {
    let known = known.ok_or(SaidBefore)?;
    let section = format!("storage/{}", miner.id);
    let mut memory: Memory = run.state.recall(&section);
    memory.slow.retain(|id| known.listed().any(|known| known == id));
    let mut stats = stats(&miner.client, known.listed(), &mut memory.slow);
    let is_refused =
        |stat: &Result<Stat, CallError>| stat.as_ref().is_err_and(|error| matches!(error.cause, Cause::Refused { .. }));
    let refused: Vec<String> = stats.iter().filter(|(_, stat)| is_refused(stat)).map(|(id, _)| id.clone()).collect();
    let gone = storage_paths::not_known(miner, &refused, problems);
    if !gone.is_empty() {
        stats.retain(|id, _| !gone.contains(id));
        known.leave(&gone, miner, run);
    }

    let paths = stats.into_iter().map(|(id, stat)| {
        let space = match stat {
            Ok(stat) => Space { is_up: Some(true), stat: stat.believable(&id, problems) },
            Err(error) => Space { is_up: path_failed(&error, &id, known, problems), stat: Stat::default() },
        };
        (id, space)
    });
    let mut paths: BTreeMap<String, Space> = paths.collect();
    for (id, path) in known.left() {
        problems.news(format_args!("storage path {id}: {}", path.told(miner.client.name())));
        paths.insert(id.clone(), Space { is_up: Some(false), stat: Stat::default() });
    }

    let spaces = paths.iter().filter_map(|(id, Space { stat, .. })| {
        let path = known.paths.get(id)?;
        Some(Candidate {
            id,
            host: &path.host,
            capacity: stat.capacity?.0,
            available: stat.filesystem_available?.0,
            files: path.files,
        })
    });
    let filesystems = filesystems::group(spaces, &memory.filesystems);
    memory.filesystems.retain(|id, _| paths.contains_key(id));
    memory.filesystems.extend(filesystems.clone());
    run.state.remember(&section, &memory);
    Ok(Facts { paths, filesystems })
}

impl Stat {
    /// Without the numbers that cannot be: a space is not negative, and not larger than its file system. A limit may be.
    fn believable(self, id: &str, problems: &mut Problems) -> Stat {
        let capacity = self.capacity.filter(|Int(bytes)| *bytes > 0).map_or(i128::MAX, |Int(bytes)| bytes);
        let mut check = |number: Option<Int>, name: &str, most: i128| {
            let is_good = |Int(bytes): &Int| (0..=most).contains(bytes);
            if let Some(Int(bytes)) = number.filter(|number| !is_good(number)) {
                let why = if bytes < 0 { "is negative".to_owned() } else { format!("is more than {most} can hold") };
                problems.note(format_args!("StorageStat({id}).{name}: {bytes} {why}"));
            }
            number.filter(is_good)
        };
        // What was counted file by file, and what is only to come, may exceed the size a little.
        let about_capacity = capacity.saturating_mul(10);
        Stat {
            available: check(self.available, "Available", capacity),
            filesystem_available: check(self.filesystem_available, "FSAvailable", capacity),
            reserved: check(self.reserved, "Reserved", about_capacity),
            used: check(self.used, "Used", about_capacity),
            max: check(self.max, "Max", i128::MAX),
            capacity: check(self.capacity, "Capacity", i128::MAX),
        }
    }
}

/// Reports a failed StorageStat. Some(false) if it was the path that failed: that is reported about the path and is not a failure of ours.
fn path_failed(error: &CallError, id: &str, known: &storage_paths::Facts, problems: &mut Problems) -> Option<bool> {
    let why = match &error.cause {
        Cause::Refused { message, .. } => format!("{} answers \"{message}\"", error.node),
        Cause::TimedOut(after) => format!("{} got no answer within {:.1} s", error.node, after.as_secs_f64()),
        _ => {
            problems.error(error);
            return None;
        }
    };
    let path = known.paths.get(id);
    let place = path.map(storage_paths::Path::place).unwrap_or_default();
    let remedy = match path.is_some_and(|path| !path.local.is_empty()) {
        true => "check that its disk is mounted and healthy",
        false => "check that the host is up, its disk mounted, and the worker that serves it running",
    };
    problems.news(format_args!("storage path {id}: its free space cannot be read{place}: {why}; {remedy}"));
    Some(false)
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
        let is_limited = stat.max.is_some_and(|Int(bytes)| bytes > 0);
        samples.add(&families::STORAGE_USED_BYTES, labels, stat.used.filter(|_| is_limited));
        samples.add(&families::STORAGE_MAX_BYTES, labels, stat.max.filter(|_| is_limited));
        if let Some(filesystem) = facts.filesystems.get(id) {
            let labels = [miner_id, id.as_str(), filesystem];
            samples.add(&families::STORAGE_FILESYSTEM_AVAILABLE_BYTES, labels, stat.filesystem_available);
        }
    }
}
