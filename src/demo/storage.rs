//! Storage paths: what they are, how full they are, and which sectors' files they hold.

use std::ops::Range;

use serde_json::{Value, json};

use super::answer::{Answer, failed};
use super::miner::Miner;
use super::noise::{hash, sawtooth};
use super::sealing::{Content, Sector, content, is_upgraded};
use super::text::uuid;

const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;
/// Average bytes of a stored sector: sealed file and cache, and for data the unsealed file.
const STORED_BYTES: u64 = 54 * GIB;
/// Bytes of a sector that is being sealed: eleven layers and the trees.
const SEALING_BYTES: u64 = 464 * GIB;
/// Bytes set aside for each sector that is being sealed and has not taken them yet.
const RESERVED_BYTES: u64 = 64 * GIB;

const UNSEALED: u64 = 1;
const SEALED: u64 = 2;
const CACHE: u64 = 4;
const UPDATE: u64 = 8;
const UPDATE_CACHE: u64 = 16;

/// The states in which a sector's files are on a path for sealing.
const SEALING_STATES: &[&str] = &[
    "AddPiece",
    "Packing",
    "GetTicket",
    "PreCommit1",
    "SealPreCommit1Failed",
    "PreCommit2",
    "SubmitPreCommitBatch",
    "PreCommitBatchWait",
    "PreCommitting",
    "PreCommitWait",
    "WaitSeed",
    "Committing",
    "CommitFinalize",
    "SubmitCommit",
    "SubmitCommitAggregate",
    "CommitAggregateWait",
    "FinalizeSector",
];

/// A storage path of a miner or one of its workers.
struct StoragePath {
    /// Where it is mounted, if it belongs to the miner's own process.
    local: Option<&'static str>,
    url: &'static str,
    for_sealing: bool,
    weight: u64,
    groups: Option<&'static str>,
    /// Whether the path is on the same file system as the one before it, and may fill only nine tenths of its half.
    shares: bool,
}

const fn sealing(local: Option<&'static str>, url: &'static str) -> StoragePath {
    StoragePath { local, url, for_sealing: true, weight: 10, groups: Some("nvme"), shares: false }
}

const fn store(path: &'static str, url: &'static str, shares: bool) -> StoragePath {
    StoragePath { local: Some(path), url, for_sealing: false, weight: 5, groups: None, shares }
}

const FIRST_MINERS_PATHS: &[StoragePath] = &[
    sealing(None, "http://10.20.0.11:3456/remote"),
    sealing(None, "http://10.20.0.12:3456/remote"),
    store("/mnt/store-a", "http://10.20.0.10:2345/remote", false),
    store("/mnt/store-b", "http://10.20.0.10:2345/remote", false),
    store("/mnt/store-c", "http://10.20.0.10:2345/remote", false),
    store("/mnt/store-d", "http://10.20.0.10:2345/remote", true),
];
const SECOND_MINERS_PATHS: &[StoragePath] = &[
    sealing(Some("/mnt/nvme"), "http://10.30.0.10:2345/remote"),
    store("/mnt/tank", "http://10.30.0.10:2345/remote", false),
];

/// The ids of a miner's paths.
pub(super) fn path_ids(miner: &Miner) -> impl Iterator<Item = String> {
    (0..miner.paths().len()).map(|index| path_id(miner, index))
}

/// The id of one of a miner's paths.
fn path_id(miner: &Miner, index: usize) -> String {
    uuid(hash("storage path", &[miner.id, index as u64]))
}

impl Miner {
    fn paths(&self) -> &'static [StoragePath] {
        if self.is_like_first() { FIRST_MINERS_PATHS } else { SECOND_MINERS_PATHS }
    }

    /// The URL of a path. Each miner has its own network.
    fn url_of(&self, path: &StoragePath) -> String {
        let network = if self.index < 2 { 0 } else { self.index };
        path.url.replacen(".0.", &format!(".{network}."), 1)
    }

    /// The paths for sealing, or those for storing.
    fn paths_for(&self, sealing: bool) -> Vec<usize> {
        (0..self.paths().len()).filter(|index| self.paths()[*index].for_sealing == sealing).collect()
    }

    fn find_path(&self, id: &str) -> Option<usize> {
        (0..self.paths().len()).find(|index| path_id(self, *index) == id)
    }

    /// The paths in the same file system.
    fn beside(&self, index: usize) -> Range<usize> {
        let paths = self.paths();
        let first = (0..=index).rev().find(|index| !paths[*index].shares).unwrap_or(index);
        first..(first + 1..paths.len()).find(|index| !paths[*index].shares).unwrap_or(paths.len())
    }

    /// The path that holds a sector's files, if it has any.
    fn path_of(&self, sector: &Sector, now: f64) -> Option<usize> {
        let state = sector.state(now);
        if matches!(state, "WaitDeals" | "Removed") {
            return None;
        }
        let paths = self.paths_for(SEALING_STATES.contains(&state));
        paths.get(sector.number as usize % paths.len()).copied()
    }
}

/// `StorageLocal`: the paths of the miner's own process.
pub(super) fn local(miner: &Miner) -> Value {
    let paths = miner.paths().iter().enumerate();
    let local = paths.filter_map(|(index, path)| Some((path_id(miner, index), json!(path.local?))));
    local.collect()
}

/// `StorageInfo`.
pub(super) fn info(miner: &Miner, id: &str) -> Answer {
    let Some(index) = miner.find_path(id) else {
        return failed("sector store not found");
    };
    let path = &miner.paths()[index];
    Ok(json!({
        "ID": id,
        "URLs": [miner.url_of(path)],
        "Weight": path.weight,
        "MaxStorage": limit_bytes(miner, index),
        "CanSeal": path.for_sealing,
        "CanStore": !path.for_sealing,
        "Groups": path.groups.map(|group| vec![group]),
        "AllowTo": null,
        "AllowTypes": null,
        "DenyTypes": null,
        "AllowMiners": null,
        "DenyMiners": null,
    }))
}

/// Size of a path's file system.
fn capacity_bytes(miner: &Miner, index: usize) -> u64 {
    miner.beside(index).map(|index| share_bytes(miner, index)).sum()
}

/// The path's share of it.
fn share_bytes(miner: &Miner, index: usize) -> u64 {
    const SHELF_BYTES: u64 = 16 * TIB;
    if miner.paths()[index].for_sealing {
        return SHELF_BYTES;
    }
    let sectors = (miner.stock + miner.turnover) / miner.paths_for(false).len() as u64;
    (sectors * STORED_BYTES * 5 / 4).div_ceil(SHELF_BYTES).max(1) * SHELF_BYTES
}

fn limit_bytes(miner: &Miner, index: usize) -> u64 {
    if miner.paths()[index].shares { share_bytes(miner, index) / 10 * 9 } else { 0 }
}

/// What a path's files use, and what is reserved for more. Besides the sectors' files, a path for storing holds others, which grow for twelve
/// days and then are removed.
fn used_and_reserved(miner: &Miner, index: usize, recent: &[Sector], now: f64) -> (u64, u64) {
    let path = &miner.paths()[index];
    let here = recent.iter().filter(|sector| miner.path_of(sector, now) == Some(index));
    let (mut used, mut reserved) = (0, 0);
    if path.for_sealing {
        for sector in here {
            let filled = sector.happened("SectorPreCommit1", now).is_some();
            used += if filled { SEALING_BYTES } else { SEALING_BYTES / 2 };
            reserved += if filled { 0 } else { RESERVED_BYTES };
        }
    } else {
        let other =
            share_bytes(miner, index) as f64 * 0.1 * sawtooth(now, 12.0 * 86_400.0, "storage", miner.id + index as u64);
        let stock = miner.stock / miner.paths_for(false).len() as u64;
        used = (stock + here.count() as u64) * STORED_BYTES + other as u64;
    }
    (used, reserved)
}

/// `StorageStat`: what is used is counted only against a limit.
pub(super) fn stat(miner: &Miner, id: &str, now: f64) -> Answer {
    let Some(index) = miner.find_path(id) else {
        return failed("path not found");
    };
    let capacity = capacity_bytes(miner, index);
    let recent = miner.recent(now);
    let (used, reserved) = used_and_reserved(miner, index, &recent, now);
    let used_by_all: u64 = miner.beside(index).map(|index| used_and_reserved(miner, index, &recent, now).0).sum();
    let limit = limit_bytes(miner, index);
    let free = capacity.saturating_sub(used_by_all);
    let unreserved = free.saturating_sub(reserved);
    Ok(json!({
        "Capacity": capacity,
        "Available": if limit > 0 { unreserved.min(limit.saturating_sub(used)) } else { unreserved },
        "FSAvailable": free,
        "Reserved": reserved,
        "Max": limit,
        "Used": if limit > 0 { used } else { 0 },
    }))
}

/// The files that a sector has, as a sum of file types.
fn types(number: u64, upgraded: bool) -> u64 {
    match content(number) {
        _ if upgraded => UPDATE | UPDATE_CACHE | UNSEALED,
        Content::Capacity => SEALED | CACHE,
        _ => SEALED | CACHE | UNSEALED,
    }
}

/// `StorageFindSector`: the paths that hold any of these files of a sector; none for a sector that is not there.
pub(super) fn find(miner: &Miner, sector: &Value, wanted: u64, now: f64) -> Value {
    let number = sector["Number"].as_u64().filter(|_| sector["Miner"] == miner.id);
    let found = number.and_then(|number| miner.sector(number, now)).and_then(|sector| {
        let upgraded = sector.happened("SectorKeyReleased", now).is_some();
        Some((miner.path_of(&sector, now)?, types(sector.number, upgraded)))
    });
    let holders = found.into_iter().filter(|(_, types)| types & wanted != 0).map(|(index, _)| {
        let path = &miner.paths()[index];
        let url = miner.url_of(path);
        json!({
            "ID": path_id(miner, index),
            "URLs": [format!("{url}/{}/s-t0{}-{}", file_name(wanted), miner.id, sector["Number"])],
            "BaseURLs": [url],
            "Weight": path.weight,
            "CanSeal": path.for_sealing,
            "CanStore": !path.for_sealing,
            "Primary": true,
            "AllowTypes": null,
            "DenyTypes": null,
            "AllowMiners": null,
            "DenyMiners": null,
        })
    });
    holders.collect()
}

/// The folder of a file type, the first of several.
fn file_name(types: u64) -> &'static str {
    match types & types.wrapping_neg() {
        UNSEALED => "unsealed",
        SEALED => "sealed",
        CACHE => "cache",
        UPDATE => "update",
        _ => "update-cache",
    }
}

/// `StorageList`: every sector's files on each path, as a sum of file types.
pub(super) fn list(miner: &Miner, now: f64) -> Value {
    let mut lists: Vec<Vec<Value>> = miner.paths().iter().map(|_| Vec::new()).collect();
    let file = |number: u64, types: u64| json!({ "Miner": miner.id, "Number": number, "SectorFileType": types });
    let stores = miner.paths_for(false);
    for number in 0..miner.stock {
        lists[stores[number as usize % stores.len()]].push(file(number, types(number, is_upgraded(number))));
    }
    for sector in miner.recent(now) {
        let Some(path) = miner.path_of(&sector, now) else {
            continue;
        };
        let upgraded = sector.happened("SectorKeyReleased", now).is_some();
        lists[path].push(file(sector.number, types(sector.number, upgraded)));
    }
    let named = lists.into_iter().enumerate().map(|(index, list)| (path_id(miner, index), json!(list)));
    named.collect()
}
