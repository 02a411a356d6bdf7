//! Storage paths, whether a machine still measures them, and files that wait to be removed.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Cluster;
use super::machines;
use super::text::miner_of;
use crate::expose::{Family, Samples, families};
use crate::lotus::epoch::Moment;
use crate::rpc::curio::{CurioBatch, methods};
use crate::rpc::{Answers, Ticket};
use crate::tolerant::{Field, Int, List, Problems};

/// A heartbeat comes every ten seconds. Curio calls a path stale after 50; our clock is another.
const MOST_SECONDS_SILENT: f64 = 90.0;

pub struct Tickets {
    paths: Ticket<List<Answer>>,
    removals: Ticket<List<Removal>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    #[serde(rename = "StorageID")]
    storage_id: Option<String>,
    #[serde(rename = "URLs")]
    urls: Option<String>,
    weight: Field<Int>,
    max_storage: Field<Int>,
    can_seal: Field<bool>,
    can_store: Field<bool>,
    capacity: Field<Int>,
    available: Field<Int>,
    #[serde(rename = "FSAvailable")]
    fs_available: Field<Int>,
    reserved: Field<Int>,
    used: Field<Int>,
    last_heartbeat: Field<Moment>,
    heartbeat_err: Option<String>,
    local_path: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Removal {
    miner: Option<String>,
    count: Field<Int>,
}

pub struct Facts {
    paths: Vec<Path>,
    /// Files marked for removal by miner, where this is known.
    removals: Option<BTreeMap<String, Option<Int>>>,
}

impl Facts {
    /// The names of all paths.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(|path| path.id.as_str())
    }
}

struct Path {
    id: String,
    /// `host:port` of a machine that serves it.
    address: String,
    local_path: String,
    heartbeat: Option<Moment>,
    has_error: bool,
    numbers: Vec<(&'static Family<2>, Option<Int>)>,
    flags: [(&'static Family<2>, Option<bool>); 2],
    fs_available: Option<Int>,
}

pub fn ask(batch: &mut CurioBatch) -> Tickets {
    let paths = batch.add(methods::STORAGE_PATH_LIST, json!([]));
    Tickets { paths, removals: batch.add(methods::STORAGE_GC_STATS, json!([])) }
}

pub fn fetch(cluster: &Cluster, answers: &Answers, tickets: Tickets, problems: &mut Problems) -> Result<Facts> {
    let paths = problems.if_supported(answers.get(tickets.paths)).unwrap_or_default();
    let paths = paths.take("StoragePathList", problems).into_iter();
    let paths = paths.filter_map(|answer| path(answer, problems)).collect();
    let removals = problems.if_supported(answers.get(tickets.removals)).map(|removals| {
        let (mut counts, failures) = (BTreeMap::new(), problems.failures());
        for removal in removals.take("StorageGCStats", problems) {
            let Some(miner) = miner_of(removal.miner, "StorageGCStats", problems) else { continue };
            counts.insert(miner, removal.count.take("StorageGCStats.Count", problems));
        }
        // A miner with none is not in the answer.
        if problems.failures() == failures {
            cluster.miner_ids.iter().for_each(|id| _ = counts.entry(id.clone()).or_insert(Some(Int(0))));
        }
        counts
    });
    Ok(Facts { paths, removals })
}

fn path(answer: Answer, problems: &mut Problems) -> Option<Path> {
    let id = answer.storage_id.filter(|id| !id.is_empty())?;
    let mut int = |field: Field<Int>, name| field.take(&format!("StoragePathList[{id}].{name}"), problems);
    let max = int(answer.max_storage, "MaxStorage");
    // Without a limit nothing counts what is used.
    let is_limited = max.is_some_and(|Int(max)| max > 0);
    let used = int(answer.used, "Used").filter(|_| is_limited);
    let fs_available = int(answer.fs_available, "FSAvailable");
    use families::*;
    let numbers = vec![
        (&STORAGE_CAPACITY_BYTES, int(answer.capacity, "Capacity")),
        (&STORAGE_AVAILABLE_BYTES, int(answer.available, "Available")),
        (&STORAGE_RESERVED_BYTES, int(answer.reserved, "Reserved")),
        (&STORAGE_USED_BYTES, used),
        (&STORAGE_MAX_BYTES, max.filter(|_| is_limited)),
        (&STORAGE_WEIGHT, int(answer.weight, "Weight")),
    ];
    let flags = [
        (&STORAGE_CAN_SEAL, answer.can_seal.take(&format!("StoragePathList[{id}].CanSeal"), problems)),
        (&STORAGE_CAN_STORE, answer.can_store.take(&format!("StoragePathList[{id}].CanStore"), problems)),
    ];
    let heartbeat = answer.last_heartbeat.take(&format!("StoragePathList[{id}].LastHeartbeat"), problems);
    let urls = answer.urls.unwrap_or_default();
    let first = urls.split(',').next().unwrap_or_default().trim();
    let address = first.split_once("://").map_or(first, |(_, rest)| rest).split('/').next().unwrap_or_default();
    // A skiff serves its paths to no other machine.
    let address = if address.ends_with(":0") { "" } else { address };
    Some(Path {
        address: address.to_owned(),
        local_path: answer.local_path.unwrap_or_default(),
        heartbeat,
        has_error: answer.heartbeat_err.is_some_and(|error| !error.is_empty()),
        numbers,
        flags,
        fs_available,
        id,
    })
}

pub fn expose(facts: &Facts, cluster: &Cluster, machines: Option<&machines::Facts>, now: f64, samples: &mut Samples) {
    let (of, miner) = (cluster.name.as_str(), cluster.only_miner());
    let machines = machines.map(machines::Facts::by_address).unwrap_or_default();
    for path in &facts.paths {
        let id = path.id.as_str();
        // Nor is a path without an address that of the machine without one.
        let machine = machines.get(path.address.as_str()).filter(|_| !path.address.is_empty());
        let host = machine.map_or(path.address.as_str(), |machine| machine.name.as_str());
        samples.add(&families::STORAGE_INFO, [miner, id, host, &path.local_path], true);
        // One that was never measured is not there. Of one without the field nothing is known, unless Curio has an error of it.
        let is_measured = path.heartbeat.map(|Moment(last)| last.is_some_and(|last| now - last < MOST_SECONDS_SILENT));
        let is_up = if path.has_error { Some(false) } else { is_measured };
        samples.add(&families::STORAGE_UP, [miner, id], is_up);
        let last = path.heartbeat.and_then(|Moment(last)| last);
        samples.add(&families::CURIO_STORAGE_HEARTBEAT_TIMESTAMP_SECONDS, [of, id], last);
        for (family, number) in &path.numbers {
            samples.add(family, [miner, id], *number);
        }
        for (family, flag) in &path.flags {
            samples.add(family, [miner, id], *flag);
        }
        samples.add(&families::STORAGE_FILESYSTEM_AVAILABLE_BYTES, [miner, id, id], path.fs_available);
    }
    for (miner, count) in facts.removals.iter().flatten() {
        samples.add(&families::CURIO_STORAGE_GC_FILES, [of, miner], *count);
    }
}
