//! Workers and storage of one miner.

use std::collections::BTreeMap;

use serde::Serialize;

use super::facts::{Rows, is_so, known};
use super::miner::Of;
use crate::expose::{Fact, Family, families as f};

/// A worker.
#[derive(Serialize)]
pub struct Worker {
    pub worker: String,
    pub worker_host: String,
    pub is_enabled: Option<bool>,
    pub cpus: Option<f64>,
    pub cpus_used: Option<f64>,
    pub gpus: Option<f64>,
    pub gpus_used: Option<f64>,
    pub memory_bytes: Option<f64>,
    pub memory_of_tasks_bytes: Option<f64>,
}

/// A storage path.
#[derive(Serialize)]
pub struct Path {
    pub storage_id: String,
    pub storage_host: Option<String>,
    pub path: Option<String>,
    pub is_up: Option<bool>,
    /// Of one that left lotus-miner's list: whether somebody took it off.
    pub is_detached: Option<bool>,
    pub can_seal: Option<bool>,
    pub can_store: Option<bool>,
    /// Its limit, where its file system is not smaller.
    pub size_bytes: Option<f64>,
    pub used_bytes: Option<f64>,
    /// What running tasks have reserved is free yet.
    pub free_bytes: Option<f64>,
    pub sector_files: Option<f64>,
    /// Paths on one file system have one of these in common.
    pub filesystem: String,
    pub filesystem_free_bytes: Option<f64>,
    pub filesystem_size_bytes: Option<f64>,
}

impl Worker {
    /// All of a miner, by host.
    pub fn read(of: &Of) -> Rows<Worker> {
        let column = |family: &Family<3>| -> BTreeMap<String, f64> {
            of.rows(family).into_iter().map(|Fact { labels: [_, worker, _], value }| (worker, value)).collect()
        };
        let [enabled, cpus, cpus_used, gpus, gpus_used, memory, of_tasks] = [
            &f::WORKER_ENABLED,
            &f::WORKER_CPUS,
            &f::WORKER_CPUS_USED,
            &f::WORKER_GPUS,
            &f::WORKER_GPUS_USED,
            &f::WORKER_MEMORY_BYTES,
            &f::WORKER_MEMORY_TASKS_BYTES,
        ]
        .map(column);
        let worker = |Fact { labels: [_, worker, worker_host, _], .. }: Fact<4>| Worker {
            is_enabled: enabled.get(&worker).copied().map(is_so),
            cpus: cpus.get(&worker).copied(),
            cpus_used: cpus_used.get(&worker).copied(),
            gpus: gpus.get(&worker).copied(),
            gpus_used: gpus_used.get(&worker).copied(),
            memory_bytes: memory.get(&worker).copied(),
            memory_of_tasks_bytes: of_tasks.get(&worker).copied(),
            worker,
            worker_host,
        };
        let mut rows: Vec<Worker> = of.rows(&f::WORKER_INFO).into_iter().map(worker).collect();
        rows.sort_by(|a, b| (&a.worker_host, &a.worker).cmp(&(&b.worker_host, &b.worker)));
        Rows { is_complete: of.is_complete("workers"), rows }
    }
}

impl Path {
    /// All of a miner, by host and path. What is free of one, and how large it is, are the rules `path:farcaster_storage_*` of recording.yaml.
    pub fn read(of: &Of) -> Rows<Path> {
        let column = |family: &Family<2>| -> BTreeMap<String, f64> {
            of.rows(family).into_iter().map(|Fact { labels: [_, id], value }| (id, value)).collect()
        };
        let [up, detached, can_seal, can_store, capacity, available, reserved, used, max] = [
            &f::STORAGE_UP,
            &f::STORAGE_DETACHED,
            &f::STORAGE_CAN_SEAL,
            &f::STORAGE_CAN_STORE,
            &f::STORAGE_CAPACITY_BYTES,
            &f::STORAGE_AVAILABLE_BYTES,
            &f::STORAGE_RESERVED_BYTES,
            &f::STORAGE_USED_BYTES,
            &f::STORAGE_MAX_BYTES,
        ]
        .map(column);
        let mut files: BTreeMap<String, f64> = BTreeMap::new();
        for Fact { labels: [_, id, _], value } in of.rows(&f::STORAGE_SECTOR_FILES) {
            *files.entry(id).or_default() += value;
        }
        let mut filesystems: BTreeMap<String, (String, f64)> = BTreeMap::new();
        for Fact { labels: [_, id, filesystem], value } in of.rows(&f::STORAGE_FILESYSTEM_AVAILABLE_BYTES) {
            filesystems.insert(id, (filesystem, value));
        }
        let infos = of.rows(&f::STORAGE_INFO).into_iter();
        let mut infos: BTreeMap<String, [String; 2]> =
            infos.map(|Fact { labels: [_, id, host, path], .. }| (id, [host, path])).collect();
        let ids: std::collections::BTreeSet<String> = up.keys().chain(infos.keys()).cloned().collect();
        let path = |id: String| {
            let at = |column: &BTreeMap<String, f64>| column.get(&id).copied();
            let (limit, available) = (at(&max), at(&available));
            let unreserved = available.zip(at(&reserved)).map(|(available, reserved)| available + reserved);
            let left =
                limit.and_then(|limit| at(&used).map(|used| limit - used).or(available)).map(|left| left.max(0.0));
            let (filesystem, filesystem_free) = match filesystems.remove(&id) {
                Some((filesystem, free)) => (filesystem, Some(free)),
                None => (id.clone(), None),
            };
            let capacity = at(&capacity);
            let used = match limit.and_then(|_| at(&used)) {
                Some(used) => Some(used),
                None => capacity.zip(filesystem_free).map(|(capacity, free)| capacity - free),
            };
            let [storage_host, path] = infos.remove(&id).unwrap_or_default().map(known);
            Path {
                storage_host,
                path,
                is_up: at(&up).map(is_so),
                is_detached: at(&detached).map(is_so),
                can_seal: at(&can_seal).map(is_so),
                can_store: at(&can_store).map(is_so),
                size_bytes: available.and(capacity).map(|capacity| limit.map_or(capacity, |limit| limit.min(capacity))),
                used_bytes: used,
                free_bytes: unreserved.map(|unreserved| left.map_or(unreserved, |left| left.min(unreserved))),
                sector_files: at(&files),
                filesystem,
                filesystem_free_bytes: filesystem_free,
                filesystem_size_bytes: capacity,
                storage_id: id,
            }
        };
        let mut rows: Vec<Path> = ids.into_iter().map(path).collect();
        rows.sort_by(|a, b| (&a.storage_host, &a.path, &a.storage_id).cmp(&(&b.storage_host, &b.path, &b.storage_id)));
        Rows { is_complete: of.is_complete("storage"), rows }
    }

    /// What people know it by.
    pub fn name(&self) -> String {
        match (&self.storage_host, &self.path) {
            (Some(host), Some(path)) => format!("{host}:{path}"),
            (Some(host), None) => format!("{host} ({})", self.storage_id),
            (None, Some(path)) => path.clone(),
            (None, None) => self.storage_id.clone(),
        }
    }

    /// Whether it is missed: not what somebody took off, and not what neither holds nor takes any sector.
    pub fn is_down(&self) -> bool {
        let is_of_no_use =
            self.sector_files == Some(0.0) && self.can_seal == Some(false) && self.can_store == Some(false);
        self.is_up == Some(false) && self.is_detached != Some(true) && !is_of_no_use
    }
}

fn larger(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::max)
}

/// The paths of one file system.
#[derive(Default)]
struct Filesystem {
    free: f64,
    size: f64,
    most_free: Option<f64>,
    most_size: Option<f64>,
}

/// Space for finished sectors.
pub struct Store {
    pub free_bytes: f64,
    pub size_bytes: f64,
    /// Whether every path that may be part of it is.
    pub is_complete: bool,
}

/// The space for finished sectors that is known: paths that share a file system have together what that has, at most.
pub fn store(paths: &Rows<Path>) -> Option<Store> {
    let mut filesystems: BTreeMap<&str, Filesystem> = BTreeMap::new();
    let mut is_complete = paths.is_complete;
    for path in paths.rows.iter().filter(|path| path.can_store != Some(false)) {
        let Some((free, size)) = path.free_bytes.zip(path.size_bytes).filter(|_| path.can_store.is_some()) else {
            is_complete &= path.is_detached == Some(true);
            continue;
        };
        let filesystem = filesystems.entry(&path.filesystem).or_default();
        filesystem.free += free;
        filesystem.size += size;
        filesystem.most_free = larger(filesystem.most_free, path.filesystem_free_bytes);
        filesystem.most_size = larger(filesystem.most_size, path.filesystem_size_bytes);
    }
    let capped = |sum: f64, most: Option<f64>| most.map_or(sum, |most| sum.min(most));
    let of_each = filesystems.values().map(|of| (capped(of.free, of.most_free), capped(of.size, of.most_size)));
    let (free_bytes, size_bytes) = of_each.reduce(|(free, size), (more, larger)| (free + more, size + larger))?;
    Some(Store { free_bytes, size_bytes, is_complete })
}
