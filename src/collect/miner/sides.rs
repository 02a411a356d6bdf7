//! The lanes that lotus-miner answers.

use super::connect::LotusMiner;
use super::missing::{self, Stored};
use super::{expired, jobs, pipeline, process, scheduler, sectors, storage, storage_paths, workers};
use crate::collect::alerts;
use crate::collect::lane::Lane;
use crate::collect::run::Run;
use crate::lotus::bitfield::BitField;
use crate::lotus::epoch::ChainClock;

/// Whether collectors of this run need the live sectors of the miner.
pub fn wants_live_sectors(run: &Run, miner_id: &str) -> bool {
    expired::is_due(run, miner_id) || storage_paths::is_due(run, miner_id)
}

/// What lotus-miner reports about itself, and which sectors have files, if this run listed those. `clock` is the chain's.
pub fn own_side(run: &Run, miner: &LotusMiner, clock: Option<ChainClock>) -> (Lane, Option<Stored>) {
    let mut lane = Lane::new(run.now, &miner.id, Some(miner.client.name()));
    let sectors = lane.collect(
        "sectors",
        |problems| sectors::fetch(&miner.client, problems),
        |facts, samples| sectors::expose(facts, &miner.id, samples),
    );
    let workers = lane.collect(
        "workers",
        |problems| workers::fetch(&miner.client, problems),
        |facts, samples| workers::expose(facts, &miner.id, samples),
    );
    let hosts = workers.as_ref().map(workers::Facts::hosts);
    let process = lane.collect(
        "process",
        |problems| process::fetch(&miner.client, problems),
        |facts, samples| process::expose(facts, &miner.id, samples),
    );
    let start_seconds = process.and_then(|process| process.start_time_seconds);
    let jobs = lane.collect(
        "jobs",
        |problems| jobs::fetch(miner, run, hosts.as_ref(), start_seconds, problems),
        |facts, samples| jobs::expose(facts, &miner.id, samples),
    );
    let queue = lane.collect(
        "scheduler",
        |problems| scheduler::fetch(&miner.client, problems),
        |facts, samples| scheduler::expose(facts, &miner.id, samples),
    );
    let hints = pipeline::Hints { sectors: sectors.as_ref(), jobs: jobs.as_ref(), queue: queue.as_ref() };
    lane.collect(
        "pipeline",
        |problems| pipeline::fetch(miner, run, &hints, problems),
        |facts, samples| pipeline::expose(facts, &miner.id, clock, run.address_book, samples),
    );
    let alerts = lane.collect(
        "alerts",
        |problems| alerts::fetch(&miner.client, problems),
        |facts, samples| alerts::expose(facts, Some(&miner.id), samples),
    );
    let hints =
        storage_paths::Hints::new(hosts.iter().flat_map(|hosts| hosts.keys().copied()), alerts.as_ref(), start_seconds);
    // Shown only when their space was asked for, since that may reveal that some have left.
    let mut paths = lane.collect_dated(
        "storage_paths",
        |problems| storage_paths::fetch(miner, run, hints, problems),
        |_, _| {},
        |facts| facts.listed_seconds,
    );
    lane.collect(
        "storage",
        |problems| storage::fetch(miner, run, paths.as_mut(), problems),
        |facts, samples| storage::expose(facts, &miner.id, samples),
    );
    if let Some(paths) = &paths {
        storage_paths::expose(paths, &miner.id, &mut lane.samples);
    }
    let stored = paths.and_then(|paths| paths.stored);
    (lane, stored)
}

/// What requires reading every sector of lotus-miner, and is done rarely. `live` are the miner's live sectors on chain, if this run read
/// them. What [`own_side`] brings is waited for last, and returned first.
pub fn slow_side(
    run: &Run,
    miner: &LotusMiner,
    live: Option<&BitField>,
    own_side: impl FnOnce() -> (Lane, Option<Stored>),
) -> [Lane; 2] {
    let mut lane = Lane::new(run.now, &miner.id, Some(miner.client.name()));
    lane.collect_dated(
        "expired_sectors",
        |problems| expired::fetch(miner, run, live, problems),
        |facts, samples| expired::expose(facts, &miner.id, samples),
        |facts| facts.obtained_seconds,
    );
    // It asks nothing: the collectors that ask say what is lacking.
    let (own_lane, stored) = own_side();
    lane.collect_dated(
        "missing_sectors",
        |_| Ok(missing::fetch(&miner.id, run, live, stored.as_ref())),
        |facts, samples| missing::expose(facts, &miner.id, run.max_rows, samples),
        |facts| facts.obtained_seconds,
    );
    [own_lane, lane]
}
