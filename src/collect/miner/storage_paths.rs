//! Storage paths: which there are, where, what for, and how many sector files are in them.
//!
//! Asking which paths there are brings every sector file with it, tens of bytes for each, so that is of the slow tier and counted as it comes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::Result;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::LotusMiner;
use crate::collect::run::Run;
use crate::collect::slow;
use crate::expose::{Samples, families};
use crate::rpc::Batch;
use crate::tolerant::{Field, Float, List, Problems};

/// Kinds of sector files, in the order of their bits (storage/sealer/storiface/filetype.go of Lotus).
const FILE_KINDS: [&str; 6] = ["unsealed", "sealed", "cache", "update", "update_cache", "piece"];

/// The storage paths of one miner.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// When they were listed, Unix seconds; None if never.
    pub listed_seconds: Option<f64>,
    paths: BTreeMap<String, Path>,
    #[serde(skip)]
    local: BTreeMap<String, String>,
    #[serde(skip)]
    shows_files: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Path {
    host: String,
    weight: Option<f64>,
    can_seal: Option<bool>,
    can_store: Option<bool>,
    /// What is fixed about the path was read whole; else the next run asks again.
    is_known: bool,
    files: Option<[u64; FILE_KINDS.len()]>,
}

/// Sector files by kind, counted off the list of all of them.
#[derive(Clone, Copy, Debug, Default)]
struct Declared {
    files: [u64; FILE_KINDS.len()],
}

impl Facts {
    /// The ids of the paths.
    pub fn ids(&self) -> impl Iterator<Item = &String> {
        self.paths.keys()
    }
}

/// Paths that are attached to lotus-miner itself are told every run; a new one is a reason to list them all.
pub fn fetch(miner: &LotusMiner, run: &Run, problems: &mut Problems) -> Result<Facts> {
    let section = format!("storage_paths/{}", miner.id);
    let mut facts: Facts = run.state.recall(&section);
    let local = miner.client.call::<Option<BTreeMap<String, String>>>("StorageLocal", json!([]));
    facts.local = problems.ok(local).flatten().unwrap_or_default();
    let knows_all_local = facts.local.keys().all(|id| facts.paths.contains_key(id));
    if (!knows_all_local || slow::is_due(facts.listed_seconds, run.now, run.slow_period_seconds))
        && let Some(paths) = list(miner, &facts.local, problems)
    {
        facts.paths = paths;
        facts.listed_seconds = Some(run.now);
    }
    if facts.listed_seconds.is_none() {
        // Better those of lotus-miner itself than none.
        facts.paths = facts.local.keys().map(|id| (id.clone(), Path::default())).collect();
    }
    ask_what_is_fixed(miner, &mut facts.paths, problems);
    run.state.remember(&section, &facts);
    let is_known = facts.listed_seconds.is_some() || !facts.paths.is_empty();
    anyhow::ensure!(is_known, "{}: its storage paths are not known", miner.client.name());
    let is_presentable = |listed| slow::is_presentable(listed, run.now, run.slow_period_seconds);
    facts.shows_files = facts.listed_seconds.is_some_and(is_presentable);
    Ok(facts)
}

/// All paths, with the files in them.
fn list(
    miner: &LotusMiner,
    local: &BTreeMap<String, String>,
    problems: &mut Problems,
) -> Option<BTreeMap<String, Path>> {
    let listed = miner.client.stream::<Option<BTreeMap<String, Declared>>>("StorageList", json!([]));
    let listed = problems.ok(listed)?.unwrap_or_default();
    let ids: BTreeSet<&String> = listed.keys().chain(local.keys()).collect();
    let paths = ids.into_iter().map(|id| {
        let files = listed.get(id).map(|declared| declared.files);
        (id.clone(), Path { files, ..Path::default() })
    });
    Some(paths.collect())
}

/// Where the paths are and what they are for, of those of which that is not known yet.
fn ask_what_is_fixed(miner: &LotusMiner, paths: &mut BTreeMap<String, Path>, problems: &mut Problems) {
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
    let unknown = paths.iter_mut().filter(|(_, path)| !path.is_known);
    let tickets: Vec<_> =
        unknown.map(|(id, path)| (id, path, batch.add::<StorageInfo>("StorageInfo", json!([id])))).collect();
    let answers = miner.client.send(&batch);
    for (id, path, ticket) in tickets {
        let failures = problems.failures();
        let info = problems.ok(answers.get(ticket)).unwrap_or_default();
        let at = format!("StorageInfo({id})");
        let urls = info.urls.take(&format!("{at}.URLs"), problems).unwrap_or_default();
        let urls = urls.take(&format!("{at}.URLs"), problems);
        let weight = info.weight.take(&format!("{at}.Weight"), problems);
        path.host = urls.first().map(|url| host(url)).unwrap_or_default();
        path.weight = weight.map(|Float(weight)| weight);
        path.can_seal = info.can_seal.take(&format!("{at}.CanSeal"), problems);
        path.can_store = info.can_store.take(&format!("{at}.CanStore"), problems);
        path.is_known = problems.failures() == failures;
    }
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

impl<'de> Deserialize<'de> for Declared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Declaration {
            sector_file_type: u64,
        }
        struct Declarations;
        impl<'de> Visitor<'de> for Declarations {
            type Value = Declared;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list or null")
            }
            fn visit_unit<E: serde::de::Error>(self) -> Result<Declared, E> {
                Ok(Declared::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Declared, A::Error> {
                let mut files = [0; FILE_KINDS.len()];
                while let Some(declaration) = access.next_element::<Declaration>()? {
                    for (bit, count) in files.iter_mut().enumerate() {
                        *count += declaration.sector_file_type >> bit & 1;
                    }
                }
                Ok(Declared { files })
            }
        }
        deserializer.deserialize_any(Declarations)
    }
}

pub fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    for (id, path) in &facts.paths {
        let local_path = facts.local.get(id).map(String::as_str).unwrap_or_default();
        samples.add(&families::STORAGE_INFO, [miner_id, id, &path.host, local_path], true);
        let labels = [miner_id, id.as_str()];
        samples.add(&families::STORAGE_WEIGHT, labels, path.weight);
        samples.add(&families::STORAGE_CAN_SEAL, labels, path.can_seal);
        samples.add(&families::STORAGE_CAN_STORE, labels, path.can_store);
        if let Some(counts) = path.files.filter(|_| facts.shows_files) {
            for (kind, count) in FILE_KINDS.iter().zip(counts) {
                samples.add(&families::STORAGE_SECTOR_FILES, [miner_id, id, kind], count);
            }
        }
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
