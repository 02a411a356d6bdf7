//! Storage paths that are no longer in lotus-miner's list, although there were sector files in them: when they are back, and when they are
//! forgotten.
//!
//! That is when each sector of a sample has its files in another path; otherwise a day after the path was detached, or a week after it left
//! in any other way.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::storage_paths::Path;
use crate::rpc::{Batch, Client};
use crate::tolerant::{Field, List};

/// The most sectors of a path that are remembered to look for.
pub const SAMPLE: usize = 16;

const DAY_SECONDS: f64 = 86_400.0;

/// How a path left.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Left {
    /// When it was first missed, Unix seconds.
    pub since_seconds: f64,
    /// Somebody wanted it so: `storage detach`, or an edited configuration.
    pub is_detached: bool,
}

/// A sector's files, as StorageList has them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SectorFiles {
    pub miner: u64,
    pub number: u64,
    #[serde(rename = "SectorFileType")]
    pub file_types: u64,
}

/// Forgets the paths whose files are elsewhere, and those that left too long ago.
pub fn settle(miner: &Client, paths: &mut BTreeMap<String, Path>, now: f64) {
    paths.retain(|_, path| match &path.left {
        Some(Left { since_seconds, is_detached }) => {
            let days = if *is_detached { 1.0 } else { 7.0 };
            (0.0..days * DAY_SECONDS).contains(&(now - since_seconds))
        }
        None => true,
    });
    let mut batch = Batch::new();
    let mut asked = Vec::new();
    for (id, path) in paths.iter().filter(|(_, path)| path.left.is_some() && !path.sample.is_empty()) {
        let find = |SectorFiles { miner, number, file_types }: &SectorFiles| {
            let sector = json!({ "Miner": miner, "Number": number });
            batch.add::<List<Holder>>("StorageFindSector", json!([sector, file_types, 0, false]))
        };
        asked.push((id.clone(), path.sample.iter().map(find).collect::<Vec<_>>()));
    }
    let answers = miner.send(&batch);
    for (id, tickets) in asked {
        // A node that does not answer leaves things as they are.
        let is_elsewhere = |holders: List<Holder>| {
            holders.0.iter().any(|holder| matches!(holder, Field::Good(Holder { id: other }) if *other != id))
        };
        if tickets.into_iter().all(|ticket| answers.get(ticket).is_ok_and(is_elsewhere)) {
            paths.remove(&id);
        }
    }
}

/// A path that holds files of a sector.
#[derive(Deserialize)]
struct Holder {
    #[serde(rename = "ID")]
    id: String,
}

/// Whether lotus-miner knows one of those that left again.
pub fn is_one_back(miner: &Client, paths: &BTreeMap<String, Path>) -> bool {
    let mut batch = Batch::new();
    let left = paths.iter().filter(|(_, path)| path.left.is_some());
    let asked: Vec<_> = left.map(|(id, _)| batch.add::<IgnoredAny>("StorageInfo", json!([id]))).collect();
    let answers = miner.send(&batch);
    asked.into_iter().any(|ticket| answers.get(ticket).is_ok())
}
