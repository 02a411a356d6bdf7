//! Storage paths, as the recording rules of the alerts see them.

use std::collections::BTreeMap;

use crate::expose::Facts;
use crate::expose::families as of;

/// A storage path as the recording rules see it.
pub struct StoragePath {
    pub miner: String,
    /// Its folder and host, else its id.
    pub called: String,
    pub is_down: bool,
    /// Known to have no sector files.
    pub holds_nothing: bool,
    pub can_seal: bool,
    pub can_store: bool,
    pub free: Option<f64>,
    pub size: Option<f64>,
    /// The file system that it is on, what that has, and how large it is.
    filesystem: (String, Option<f64>),
    capacity: Option<f64>,
}

/// All storage paths.
pub fn storage_paths(facts: &Facts) -> Vec<StoragePath> {
    let infos = facts.all(&of::STORAGE_INFO);
    let filesystems = facts.all(&of::STORAGE_FILESYSTEM_AVAILABLE_BYTES);
    let files = facts.all(&of::STORAGE_SECTOR_FILES);
    let paths = facts.all(&of::STORAGE_UP).into_iter().map(|fact| {
        let [miner, id] = fact.labels;
        let get = |family| facts.get(family, [&miner, &id]);
        let is = |family| get(family) == Some(1.0);
        let info = infos.iter().find(|info| info.labels[0] == miner && info.labels[1] == id);
        let called = info.map(|info| format!("{} at {}", info.labels[3], info.labels[2]));
        let called = called.filter(|called| !called.starts_with(' ')).unwrap_or_else(|| id.clone());
        let of_path: Vec<f64> =
            files.iter().filter(|of| of.labels[0] == miner && of.labels[1] == id).map(|of| of.value).collect();
        let holds_nothing = !of_path.is_empty() && of_path.iter().sum::<f64>() == 0.0;
        let (can_seal, can_store) = (is(&of::STORAGE_CAN_SEAL), is(&of::STORAGE_CAN_STORE));
        // path:farcaster_storage_down:info, which leaves out what was taken away and what is empty and of no use.
        let is_unused =
            holds_nothing && get(&of::STORAGE_CAN_SEAL) == Some(0.0) && get(&of::STORAGE_CAN_STORE) == Some(0.0);
        let is_down = fact.value == 0.0 && !is(&of::STORAGE_DETACHED) && !is_unused;
        // path:farcaster_storage_free_bytes:min and path:farcaster_storage_size_bytes:min.
        let (available, capacity, max) =
            (get(&of::STORAGE_AVAILABLE_BYTES), get(&of::STORAGE_CAPACITY_BYTES), get(&of::STORAGE_MAX_BYTES));
        let with_reserved = available.zip(get(&of::STORAGE_RESERVED_BYTES)).map(|(free, reserved)| free + reserved);
        let left = max.and_then(|max| get(&of::STORAGE_USED_BYTES).map(|used| max - used).or(available));
        let free = with_reserved.map(|free| left.map_or(free, |left| free.min(left.max(0.0))));
        let size = available.and(capacity).map(|capacity| max.map_or(capacity, |max| capacity.min(max)));
        let filesystem = filesystems.iter().find(|of| of.labels[0] == miner && of.labels[1] == id);
        let filesystem = filesystem.map_or_else(|| (id.clone(), None), |of| (of.labels[2].clone(), Some(of.value)));
        StoragePath { miner, called, is_down, holds_nothing, can_seal, can_store, free, size, filesystem, capacity }
    });
    paths.collect()
}

/// miner:farcaster_store_free_bytes:sum by miner:farcaster_store_size_bytes:sum: paths of one file system have together what that has, at most.
pub fn store_free_share(paths: &[&StoragePath]) -> Option<f64> {
    let mut by_filesystem: BTreeMap<&str, (f64, f64, f64, f64)> = BTreeMap::new();
    for path in paths.iter().filter(|path| path.can_store) {
        let (Some(free), Some(size)) = (path.free, path.size) else { continue };
        let (name, has) = &path.filesystem;
        let entry = by_filesystem.entry(name).or_insert((0.0, f64::NAN, 0.0, f64::NAN));
        entry.0 += free;
        entry.1 = entry.1.max(has.unwrap_or(f64::NAN));
        entry.2 += size;
        entry.3 = entry.3.max(path.capacity.unwrap_or(f64::NAN));
    }
    let free: f64 = by_filesystem.values().map(|(free, has, ..)| free.min(*has)).sum();
    let size: f64 = by_filesystem.values().map(|(.., size, has)| size.min(*has)).sum();
    (size > 0.0).then(|| free / size)
}
