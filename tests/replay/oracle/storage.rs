//! Storage paths and the space in them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::expected::Expected;
use crate::recording::Recording;
use crate::values::{items, number, text, yes};

/// Kinds of sector files by their bits (storage/sealer/storiface/filetype.go).
const FILE_KINDS: [&str; 6] = ["unsealed", "sealed", "cache", "update", "update_cache", "piece"];

pub fn expect(recording: &Recording, node: &str, miner_id: &str, expected: &mut Expected) {
    let own = |method, params: Value| recording.result(node, method, &params);
    let local = own("StorageLocal", json!([]));
    // All paths of the devnet are on the machine's only file system, whose free space changed by some kilobytes while they were asked about.
    let mut filesystems: BTreeMap<(&str, String), &String> = BTreeMap::new();
    for (storage_id, files) in own("StorageList", json!([])).as_object().unwrap() {
        let id = [("miner_id", miner_id), ("storage_id", &**storage_id)];
        let info = own("StorageInfo", json!([storage_id]));
        let host = host(text(&info["URLs"][0]));
        let path = local[storage_id].as_str().unwrap_or_default();
        expected.add("farcaster_storage_info", &[id[0], id[1], ("storage_host", host), ("path", path)], 1.0);
        expected.add("farcaster_storage_weight", &id, number(&info["Weight"]));
        expected.add("farcaster_storage_can_seal", &id, yes(&info["CanSeal"]));
        expected.add("farcaster_storage_can_store", &id, yes(&info["CanStore"]));
        for (bit, kind) in FILE_KINDS.iter().enumerate() {
            let is_of_kind = |file: &&Value| file["SectorFileType"].as_u64().unwrap() >> bit & 1 == 1;
            let of_kind = items(files).iter().filter(is_of_kind).count();
            expected.add("farcaster_storage_sector_files", &[id[0], id[1], ("kind", kind)], of_kind as f64);
        }
        let stat = own("StorageStat", json!([storage_id]));
        expected.add("farcaster_storage_up", &id, 1.0);
        expected.add("farcaster_storage_capacity_bytes", &id, number(&stat["Capacity"]));
        expected.add("farcaster_storage_available_bytes", &id, number(&stat["Available"]));
        expected.add("farcaster_storage_reserved_bytes", &id, number(&stat["Reserved"]));
        let max = Some(number(&stat["Max"])).filter(|bytes| *bytes > 0.0);
        // Lotus counts what sectors use only if a limit is set; otherwise it returns 0.
        expected.add("farcaster_storage_used_bytes", &id, max.map(|_| number(&stat["Used"])));
        let space = (host, stat["Capacity"].to_string());
        let filesystem = filesystems.entry(space).or_insert(storage_id);
        let labels = [id[0], id[1], ("filesystem", &**filesystem)];
        expected.add("farcaster_storage_filesystem_available_bytes", &labels, number(&stat["FSAvailable"]));
        expected.add("farcaster_storage_max_bytes", &id, max);
    }
    // No path was lost.
    expected.nothing_more_of(&["farcaster_storage_detached"]);
}

/// The host in a URL like `http://127.0.0.1:22345/remote`.
fn host(url: &str) -> &str {
    url.strip_prefix("http://").and_then(|rest| rest.split(':').next()).unwrap()
}
