//! Storage paths: their space, and whether they can be asked at all.
//!
//! Asking which paths there are brings the id of every sector file with it, so that is done seldom and remembered. A path whose host is gone
//! can keep lotus-miner waiting; it is found out once, and from then on asked apart, so that it costs the others nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{LotusMiner, Run};
use crate::expose::{Samples, families};
use crate::rpc::tolerant::{Field, Float, Int, List};
use crate::rpc::{Batch, CallError, Cause, Client, Problems};

/// Paths are attached and detached seldom.
const SECONDS_BETWEEN_LISTS: f64 = 1800.0;

/// Paths that are asked about one by one, at the same time.
const PARALLEL_CALLS: usize = 8;

/// The storage paths of one miner, by id.
pub struct Facts {
    paths: BTreeMap<String, Path>,
}

#[derive(Default)]
struct Path {
    info: Info,
    local_path: String,
    /// What StorageStat said: None where the node did not get to say anything, false where the path failed.
    is_up: Option<bool>,
    stat: Stat,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Info {
    host: String,
    weight: Option<f64>,
    can_seal: Option<bool>,
    can_store: Option<bool>,
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
    listed_seconds: Option<f64>,
    /// Every path, and what is fixed about it, where that could be read.
    paths: BTreeMap<String, Option<Info>>,
    /// Paths that did not answer in time, to be asked apart.
    slow: BTreeSet<String>,
}

pub fn fetch(miner: &LotusMiner, run: &Run, problems: &mut Problems) -> Result<Facts> {
    let section = format!("storage/{}", miner.id);
    let mut memory: Memory = run.state.recall(&section);
    let (miner, now) = (&miner.client, run.now);
    let local: BTreeMap<String, String> = miner.call::<Option<_>>("StorageLocal", json!([]))?.unwrap_or_default();
    let age = memory.listed_seconds.map(|listed| now - listed);
    let knows_all_local = local.keys().all(|id| memory.paths.contains_key(id));
    let is_fresh = age.is_some_and(|age| (0.0..SECONDS_BETWEEN_LISTS).contains(&age));
    if !(is_fresh && knows_all_local)
        && let Some(ids) = list(miner, &local, problems)
    {
        memory.paths = ids.into_iter().map(|id| (id, None)).collect();
        memory.listed_seconds = Some(now);
    }
    let mut infos = infos(miner, &mut memory.paths, problems);
    memory.slow.retain(|id| memory.paths.contains_key(id));
    let mut stats = stats(miner, memory.paths.keys(), &mut memory.slow);
    run.state.remember(&section, &memory);

    let paths = memory.paths.into_keys().map(|id| {
        let (is_up, stat) = match stats.remove(&id) {
            Some(Ok(stat)) => (Some(true), stat),
            Some(Err(error)) => (path_failed(&error, &id, problems), Stat::default()),
            None => (None, Stat::default()),
        };
        let info = infos.remove(&id).unwrap_or_default();
        let path = Path { local_path: local.get(&id).cloned().unwrap_or_default(), info, is_up, stat };
        (id, path)
    });
    Ok(Facts { paths: paths.collect() })
}

/// Reports a failed StorageStat. Some(false) where it was the path that failed, which is news about the path and no failure of ours.
fn path_failed(error: &CallError, id: &str, problems: &mut Problems) -> Option<bool> {
    let is_path = matches!(error.cause, Cause::Refused { .. } | Cause::TimedOut(_));
    if is_path {
        problems.remark(format_args!("storage path {id}: {error}"));
    } else {
        problems.error(error);
    }
    is_path.then_some(false)
}

/// Every path.
fn list(miner: &Client, local: &BTreeMap<String, String>, problems: &mut Problems) -> Option<BTreeSet<String>> {
    let listed = miner.call::<Option<BTreeMap<String, IgnoredAny>>>("StorageList", json!([]));
    let listed = problems.ok(listed)?.unwrap_or_default();
    Some(listed.into_keys().chain(local.keys().cloned()).collect())
}

/// What is fixed about the paths. Only what is not known yet is asked for, and only what was read whole is known from then on.
fn infos(
    miner: &Client,
    paths: &mut BTreeMap<String, Option<Info>>,
    problems: &mut Problems,
) -> BTreeMap<String, Info> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct StorageInfo {
        #[serde(rename = "URLs")]
        urls: Field<List<String>>,
        weight: Field<Float>,
        can_seal: Field<bool>,
        can_store: Field<bool>,
    }
    let mut batch = Batch::new();
    let unknown = paths.iter_mut().filter(|(_, known)| known.is_none());
    let tickets: Vec<_> =
        unknown.map(|(id, known)| (id, known, batch.add::<StorageInfo>("StorageInfo", json!([id])))).collect();
    let answers = miner.send(&batch);
    let mut partly_read = BTreeMap::new();
    for (id, known, ticket) in tickets {
        let failures = problems.failures();
        let info = problems.ok(answers.get(ticket)).unwrap_or_default();
        let at = format!("StorageInfo({id})");
        let urls = info.urls.take(&format!("{at}.URLs"), problems).unwrap_or_default();
        let urls = urls.take(&format!("{at}.URLs"), problems);
        let weight = info.weight.take(&format!("{at}.Weight"), problems);
        let info = Info {
            host: urls.first().map(|url| host(url)).unwrap_or_default(),
            weight: weight.map(|Float(weight)| weight),
            can_seal: info.can_seal.take(&format!("{at}.CanSeal"), problems),
            can_store: info.can_store.take(&format!("{at}.CanStore"), problems),
        };
        if problems.failures() == failures {
            *known = Some(info);
        } else {
            partly_read.insert(id.clone(), info);
        }
    }
    let known = paths.iter().filter_map(|(id, known)| Some((id.clone(), known.clone()?)));
    known.chain(partly_read).collect()
}

/// The host in a URL like `http://10.0.0.5:3456/remote`.
fn host(url: &str) -> String {
    let authority = url.split("://").nth(1).unwrap_or(url).split('/').next();
    let authority = authority.unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name.to_owned(),
        _ => host.to_owned(),
    }
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
    for (id, path) in &facts.paths {
        let labels = [miner_id, id.as_str()];
        let info = &path.info;
        samples.add(&families::STORAGE_INFO, [miner_id, id, &info.host, &path.local_path], true);
        samples.add(&families::STORAGE_WEIGHT, labels, info.weight);
        samples.add(&families::STORAGE_CAN_SEAL, labels, info.can_seal);
        samples.add(&families::STORAGE_CAN_STORE, labels, info.can_store);
        samples.add(&families::STORAGE_UP, labels, path.is_up);
        let stat = &path.stat;
        samples.add(&families::STORAGE_CAPACITY_BYTES, labels, stat.capacity);
        samples.add(&families::STORAGE_AVAILABLE_BYTES, labels, stat.available);
        samples.add(&families::STORAGE_RESERVED_BYTES, labels, stat.reserved);
        samples.add(&families::STORAGE_USED_BYTES, labels, stat.used);
        let max = stat.max.filter(|Int(bytes)| *bytes > 0);
        samples.add(&families::STORAGE_MAX_BYTES, labels, max);
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn hosts_of_paths() {
        assert_eq!(host("http://10.0.0.5:3456/remote"), "10.0.0.5");
        assert_eq!(host("https://user:pw@store.example/remote"), "store.example");
        assert_eq!(host("http://[fd00::1]:3456/remote"), "[fd00::1]");
        assert_eq!(host(""), "");
    }
}
