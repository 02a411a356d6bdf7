//! Storage paths: which there are, where, what for, and how many sector files are in them.
//!
//! The list of paths contains every sector file, tens of bytes for each, so it is in the slow tier and counted as it arrives. Two things
//! hint at a new path for free: a worker that was not there before, and lotus-miner's own alerts, of which it keeps one for each attached
//! path.
//!
//! lotus-miner keeps its list in memory: restarted, it knows a worker's paths only when the worker is back. So a path that leaves with sector
//! files in it is down, and remembered; [`left_paths`](super::left_paths) says for how long.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::LotusMiner;
use super::left_paths::{self, Left, SectorFiles};
use super::missing::Stored;
use crate::collect::alerts;
use crate::collect::run::Run;
use crate::collect::slow;
use crate::expose::{Samples, families};
use crate::lotus::address;
use crate::lotus::bitfield::{BitField, Unordered};
use crate::rpc::{Batch, CallError, Cause};
use crate::tolerant::{Field, Float, List, Problems};

/// Kinds of sector files, in the order of their bits (storage/sealer/storiface/filetype.go of Lotus).
const FILE_KINDS: [&str; 6] = ["unsealed", "sealed", "cache", "update", "update_cache", "piece"];

/// Either of these files is a sector's replica: `sealed`, or `update` once it was upgraded.
const REPLICA: u64 = 2 | 8;

/// A worker that restarts again and again must not make lotus-miner list all sector files each time.
const SECONDS_BETWEEN_HURRIES: f64 = 300.0;

/// The storage paths of one miner.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// When they were listed, Unix seconds; None if never.
    pub listed_seconds: Option<f64>,
    /// When they were last listed because the period was over.
    scheduled_seconds: Option<f64>,
    /// When they were last listed because of what may come with another path.
    hurried_seconds: Option<f64>,
    /// The hints that there were when they were last listed.
    hints: Hints,
    pub(super) paths: BTreeMap<String, Path>,
    /// Which sectors have files, if this run listed them.
    #[serde(skip)]
    pub stored: Option<Stored>,
    #[serde(skip)]
    shows_files: bool,
    /// The lotus-miner that listed them runs on.
    #[serde(skip)]
    is_same_process: bool,
}

/// Hints at new paths that come without extra calls.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hints {
    /// The ids of the workers; one that restarts has a new one.
    pub workers: BTreeSet<String>,
    /// The ids of the paths that lotus-miner keeps an alert for. It does from when they are attached until it ends.
    pub attached: BTreeSet<String>,
    /// When lotus-miner started, Unix seconds.
    pub start_seconds: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Path {
    pub host: String,
    /// Where it is mounted, if it belongs to lotus-miner's own process.
    pub local: String,
    weight: Option<f64>,
    can_seal: Option<bool>,
    can_store: Option<bool>,
    /// What is fixed about the path was read whole; else the next run asks again.
    is_known: bool,
    pub files: Option<[u64; FILE_KINDS.len()]>,
    /// Some of the sectors with files in it, by which they are found again elsewhere.
    pub sample: Vec<SectorFiles>,
    /// It is no longer in lotus-miner's list.
    pub left: Option<Left>,
}

/// All that the list of paths holds.
#[derive(Default)]
struct Listed {
    paths: BTreeMap<String, Option<Declared>>,
    /// The sectors whose replica is in any of them; None if there are too many.
    stored: Option<BitField>,
}

/// Sector files by kind, counted off the list of all of them.
#[derive(Clone, Debug, Default)]
struct Declared {
    files: [u64; FILE_KINDS.len()],
    sample: Vec<SectorFiles>,
}

impl Hints {
    pub fn new<'a>(
        workers: impl Iterator<Item = &'a str>,
        alerts: Option<&alerts::Facts>,
        start_seconds: Option<f64>,
    ) -> Self {
        let attached = alerts.into_iter().flat_map(|alerts| alerts.subsystems("sector-index"));
        let attached = attached.filter_map(|subsystem| subsystem.strip_prefix("pathconf-"));
        Hints {
            workers: workers.map(str::to_owned).collect(),
            attached: attached.map(str::to_owned).collect(),
            start_seconds,
        }
    }

    /// One that could not be had is as it was.
    fn renew(&mut self, hints: Hints) {
        for (old, new) in [(&mut self.workers, hints.workers), (&mut self.attached, hints.attached)] {
            if !new.is_empty() {
                *old = new;
            }
        }
        self.start_seconds = hints.start_seconds.or(self.start_seconds);
    }
}

impl Declared {
    fn add(&mut self, sector: SectorFiles) {
        for (bit, count) in self.files.iter_mut().enumerate() {
            *count += sector.file_types >> bit & 1;
        }
        // Lotus names them in no order, so the first ones are as good as any.
        if self.sample.len() < left_paths::SAMPLE && sector.file_types > 0 {
            self.sample.push(sector);
        }
    }
}

impl Path {
    /// How many sectors have files in it, as far as is known.
    pub fn sectors(&self) -> u64 {
        self.files.into_iter().flatten().max().unwrap_or_default()
    }

    /// What to report about a path that left.
    pub fn told(&self, node: &str) -> String {
        let sectors = match self.sectors() {
            1 => "1 sector".to_owned(),
            many => format!("{many} sectors"),
        };
        let place = self.place();
        match &self.left {
            Some(Left { is_detached: true, .. }) => format!(
                "was detached from {node}{place} with files of {sectors}, which are not known to be elsewhere; attach it again if that was a \
                 mistake, else it is forgotten after a day"
            ),
            _ => format!(
                "{node} lost it{place} with files of {sectors}; start the worker that serves it, or attach it again; else it is forgotten after \
                 a week"
            ),
        }
    }

    /// Where it is, as far as is known: ` (on 10.0.0.5, /mnt/store)`.
    pub fn place(&self) -> String {
        let host = Some(format!("on {}", self.host)).filter(|_| !self.host.is_empty());
        let local = Some(self.local.clone()).filter(|local| !local.is_empty());
        let known: Vec<String> = host.into_iter().chain(local).collect();
        if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) }
    }
}

impl Facts {
    /// The ids of the paths that lotus-miner lists.
    pub fn listed(&self) -> impl Iterator<Item = &String> {
        self.paths.iter().filter(|(_, path)| path.left.is_none()).map(|(id, _)| id)
    }

    /// The paths that left lotus-miner's list with sector files in them.
    pub fn left(&self) -> impl Iterator<Item = (&String, &Path)> {
        self.paths.iter().filter(|(_, path)| path.left.is_some())
    }

    /// Paths that lotus-miner no longer knows, as found since they were listed.
    pub fn leave(&mut self, ids: &[String], miner: &LotusMiner, run: &Run) {
        for id in ids {
            self.take_leave(id, run);
        }
        left_paths::settle(&miner.client, &mut self.paths, run.now);
        self.remember(miner, run);
    }

    /// A path with sector files in it is remembered when it leaves, an empty one is not.
    fn take_leave(&mut self, id: &str, run: &Run) {
        let Some(mut path) = self.paths.remove(id) else { return };
        if path.sectors() == 0 {
            return;
        }
        // A running lotus-miner drops a path only when that is detached. Its own ones it must find to start at all, so one that it does
        // without was taken out of its configuration.
        let is_detached = self.is_same_process || !path.local.is_empty();
        path.left.get_or_insert(Left { since_seconds: run.now, is_detached });
        self.paths.insert(id.to_owned(), path);
    }

    fn remember(&self, miner: &LotusMiner, run: &Run) {
        run.state.remember(&section(&miner.id), self);
    }
}

fn section(miner_id: &str) -> String {
    format!("storage_paths/{miner_id}")
}

/// Whether the period is over, so that this run will list the paths.
pub fn is_due(run: &Run, miner_id: &str) -> bool {
    let known: Facts = run.state.recall(&section(miner_id));
    known.is_due(run)
}

/// Paths attached to lotus-miner itself are reported every run; a new one is a reason to list all paths.
pub fn fetch(miner: &LotusMiner, run: &Run, hints: Hints, problems: &mut Problems) -> Result<Facts> {
    let mut facts: Facts = run.state.recall(&section(&miner.id));
    let local = miner.client.call::<Option<BTreeMap<String, String>>>("StorageLocal", json!([]));
    let local = problems.ok(local).flatten().unwrap_or_default();
    let is_scheduled = facts.is_due(run);
    let is_restarted = hints.start_seconds.is_some() && hints.start_seconds != facts.hints.start_seconds;
    facts.is_same_process = hints.start_seconds.is_some() && !is_restarted;
    let is_due = is_scheduled || is_restarted || facts.has_changed(&hints, &local);
    let is_hurry = !is_due && facts.may_have_changed(miner, run, &hints);
    if (is_due || is_hurry)
        && let Some(listed) = list(miner, &facts, &local, problems)
    {
        facts.merge(listed.paths, miner, run);
        facts.stored = Some(facts.stored(listed.stored));
        facts.listed_seconds = Some(run.now);
        if is_scheduled {
            facts.scheduled_seconds = Some(run.now);
        }
        facts.hints.renew(hints);
        if is_hurry {
            facts.hurried_seconds = Some(run.now);
        }
    }
    if facts.listed_seconds.is_none() {
        // Better those of lotus-miner itself than none.
        facts.paths = local.keys().map(|id| (id.clone(), Path::default())).collect();
    }
    for (id, place) in local {
        if let Some(path) = facts.paths.get_mut(&id) {
            path.local = place;
        }
    }
    ask_what_is_fixed(miner, &mut facts.paths, problems);
    facts.remember(miner, run);
    let is_known = facts.listed_seconds.is_some() || !facts.paths.is_empty();
    anyhow::ensure!(is_known, "{}: its storage paths are not known", miner.client.name());
    let is_presentable = |listed| slow::is_presentable(listed, run.now, run.slow_period_seconds);
    facts.shows_files = facts.listed_seconds.is_some_and(is_presentable);
    Ok(facts)
}

impl Facts {
    fn is_due(&self, run: &Run) -> bool {
        slow::is_due(self.scheduled_seconds, run.now, run.slow_period_seconds)
    }

    /// Whether a path was attached. That happens once.
    fn has_changed(&self, hints: &Hints, local: &BTreeMap<String, String>) -> bool {
        let is_listed = |id: &String| self.paths.get(id).is_some_and(|path| path.left.is_none());
        !local.keys().all(is_listed) || !hints.attached.is_subset(&self.hints.attached)
    }

    /// Whether something was seen that may come with another path, and may come often.
    fn may_have_changed(&self, miner: &LotusMiner, run: &Run, hints: &Hints) -> bool {
        slow::is_due(self.hurried_seconds, run.now, SECONDS_BETWEEN_HURRIES)
            && (!hints.workers.is_subset(&self.hints.workers) || left_paths::is_one_back(&miner.client, &self.paths))
    }

    fn merge(&mut self, listed: BTreeMap<String, Option<Declared>>, miner: &LotusMiner, run: &Run) {
        let gone: Vec<String> = self.paths.keys().filter(|id| !listed.contains_key(*id)).cloned().collect();
        for id in gone {
            self.take_leave(&id, run);
        }
        for (id, declared) in listed {
            let path = self.paths.entry(id).or_default();
            path.files = declared.as_ref().map(|declared| declared.files);
            path.sample = declared.unwrap_or_default().sample;
            path.left = None;
            path.is_known = false;
        }
        left_paths::settle(&miner.client, &mut self.paths, run.now);
    }

    /// The sectors in the paths that were just listed, unless there are paths with files that the list does not have.
    fn stored(&self, listed: Option<BitField>) -> Stored {
        let is_whole = self.paths.values().all(|path| path.left.is_none() && path.files.is_some());
        listed.filter(|_| is_whole).map_or(Stored::Unknown, Stored::In)
    }
}

/// All paths, with the files in them.
fn list(
    miner: &LotusMiner,
    known: &Facts,
    local: &BTreeMap<String, String>,
    problems: &mut Problems,
) -> Option<Listed> {
    let (mut listed, mut wrong) = (BTreeMap::<String, Declared>::new(), None);
    let (mut stored, mut is_counted) = (Unordered::default(), true);
    // A path may hold the files of several miners.
    let own_id = address::actor_id(&miner.id);
    let is_replica = |sector: &SectorFiles| sector.file_types & REPLICA != 0 && Some(sector.miner) == own_id;
    let is_read = miner.client.each_named::<SectorFiles>("StorageList", json!([]), |id, sector| match sector {
        None => _ = listed.entry(id.to_owned()).or_default(),
        Some(Ok(sector)) => {
            is_counted = is_counted && (!is_replica(&sector) || stored.insert(sector.number));
            listed.entry(id.to_owned()).or_default().add(sector);
        }
        Some(Err(why)) => wrong = wrong.take().or(Some(why)),
    });
    problems.ok(is_read)?;
    if let Some(why) = wrong {
        problems.note(format_args!("StorageList: files of an unknown shape: {why}"));
        return None;
    }
    if listed.is_empty() && !local.is_empty() && !known.paths.is_empty() {
        problems.note("StorageList: an empty list, although StorageLocal names paths");
        return None;
    }
    // One that was attached after the list was made is in the next one.
    let without_files = local.keys().map(|id| (id.clone(), None));
    let listed = listed.into_iter().map(|(id, declared)| (id, Some(declared)));
    let stored = is_counted.then(|| BitField::from(stored));
    Some(Listed { paths: without_files.chain(listed).collect(), stored })
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
    let unknown = paths.iter_mut().filter(|(_, path)| !path.is_known && path.left.is_none());
    let tickets: Vec<_> =
        unknown.map(|(id, path)| (id, path, batch.add::<StorageInfo>("StorageInfo", json!([id])))).collect();
    let answers = miner.client.send(&batch);
    for (id, path, ticket) in tickets {
        let failures = problems.failures();
        let info = problems.ok(answers.get(ticket));
        let is_answered = info.is_some();
        let info = info.unwrap_or_default();
        let at = format!("StorageInfo({id})");
        let urls = info.urls.take(&format!("{at}.URLs"), problems).unwrap_or_default();
        let urls = urls.take(&format!("{at}.URLs"), problems);
        let weight = info.weight.take(&format!("{at}.Weight"), problems);
        if is_answered {
            path.host = urls.first().map(|url| host(url)).unwrap_or_default();
        }
        path.weight = weight.map(|Float(weight)| weight);
        path.can_seal = info.can_seal.take(&format!("{at}.CanSeal"), problems);
        path.can_store = info.can_store.take(&format!("{at}.CanStore"), problems);
        path.is_known = problems.failures() == failures;
    }
}

/// The paths that lotus-miner no longer knows.
pub fn not_known(miner: &LotusMiner, ids: &[String], problems: &mut Problems) -> Vec<String> {
    let mut batch = Batch::new();
    let asked = ids.iter().map(|id| (id, batch.add::<serde::de::IgnoredAny>("StorageInfo", json!([id]))));
    let asked: Vec<_> = asked.collect();
    let answers = miner.client.send(&batch);
    let unknown = asked.into_iter().filter_map(|(id, ticket)| match answers.get(ticket) {
        Err(CallError { cause: Cause::Refused { message, .. }, .. }) => {
            message.contains("not found").then(|| id.clone())
        }
        answer => {
            problems.ok(answer);
            None
        }
    });
    unknown.collect()
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

pub fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    for (id, path) in &facts.paths {
        samples.add(&families::STORAGE_INFO, [miner_id, id, &path.host, &path.local], true);
        let labels = [miner_id, id.as_str()];
        match &path.left {
            Some(left) => samples.add(&families::STORAGE_DETACHED, labels, left.is_detached),
            None => {
                samples.add(&families::STORAGE_WEIGHT, labels, path.weight);
                samples.add(&families::STORAGE_CAN_SEAL, labels, path.can_seal);
                samples.add(&families::STORAGE_CAN_STORE, labels, path.can_store);
            }
        }
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
