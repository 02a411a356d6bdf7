//! Every sector that is not at rest: its state and since when, its progress, its content, and what went wrong with it.

mod choice;
mod durations;
mod log;
mod sector;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::LotusMiner;
use super::jobs;
use super::pieces;
use super::scheduler;
use super::sectors;
use crate::address_book::AddressBook;
use crate::collect::run::Run;
use crate::expose::{Samples, families};
use crate::lotus::epoch::{CHAIN_FINALITY_EPOCHS, ChainClock, EPOCHS_PER_DAY, MAX_HEIGHT};
use crate::lotus::sector_state::{Phase, awaits_precommit, in_pipeline, is_active, phase, pipeline_states};
use crate::rpc::{Batch, Cause, Client, Ticket};
use crate::tolerant::Problems;
use durations::Durations;
use log::Log;
use sector::{Sector, Status};

/// Errors are worst: their rows come before all others, regardless of age.
const RANK_OF_ERRORS: f64 = -1e12;

/// A pre-commit expires so many epochs after it: 30 days and 150 epochs (MaxProveCommitDuration of the miner actor's policy).
const PRECOMMIT_EPOCHS: f64 = 30.0 * EPOCHS_PER_DAY + 150.0;

/// A sector must be pre-committed within so many epochs after its ticket: a day and the chain's finality (MaxPreCommitRandomnessLookback of
/// the miner actor's policy).
const TICKET_EPOCHS: i64 = 2880 + CHAIN_FINALITY_EPOCHS;

/// The pipeline of one miner, sector by sector, and how long those took that left it.
pub struct Facts {
    sectors: BTreeMap<u64, Sector>,
    durations: Durations,
}

/// What is remembered about the pipeline between runs. A sector that has not been asked about yet is None.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    listed_seconds: Option<f64>,
    summary_at_list: ByState,
    summary_at_last_run: ByState,
    /// How many sectors more the summary counted than the last list had.
    unexplained: i64,
    sectors: BTreeMap<u64, Option<Sector>>,
    durations: Durations,
}

/// Sectors by state, from SectorsSummary.
type ByState = BTreeMap<String, u64>;

/// What SectorsStatus answers, and the log in it.
type Answer = (Status, Option<Log>);

/// Tasks by sector, from jobs and the scheduler.
type Tasks = BTreeMap<u64, BTreeSet<String>>;

/// What hints at sectors that are new or moved.
pub struct Hints<'a> {
    pub sectors: Option<&'a sectors::Facts>,
    pub jobs: Option<&'a jobs::Facts>,
    pub queue: Option<&'a scheduler::Facts>,
}

pub fn fetch(miner: &LotusMiner, run: &Run, hints: &Hints, problems: &mut Problems) -> Result<Facts> {
    let section = format!("pipeline/{}", miner.id);
    let mut memory: Memory = run.state.recall(&section);
    memory.durations = memory.durations.healed();
    let (miner, now) = (&miner.client, run.now);
    let summary = hints.sectors.map(|sectors| &sectors.by_state);
    let tasks = sealing_tasks(hints);
    memory.add(tasks.keys().copied());
    let mut is_listed = false;
    if choice::list_is_due(&memory, summary, now) {
        is_listed = list(miner, summary, &tasks, now, &mut memory, problems);
    }
    let moved = summary.is_none_or(|summary| *summary != memory.summary_at_last_run);
    let to_ask = choice::choose(&memory.sectors, &tasks, summary, moved, now);
    ask(miner, &to_ask, &tasks, now, &mut memory, problems);
    // One that has left may have hidden one that came.
    if !is_listed && choice::list_is_due(&memory, summary, now) {
        is_listed = list(miner, summary, &tasks, now, &mut memory, problems);
        let new = memory.sectors.iter().filter(|(_, sector)| sector.is_none()).map(|(number, _)| *number);
        let new: Vec<u64> = new.take(choice::MAX_STATUS_CALLS - to_ask.len()).collect();
        ask(miner, &new, &tasks, now, &mut memory, problems);
    }
    let unknown = summary.map_or(0, |summary| choice::unknown(&memory, summary));
    memory.unexplained = if is_listed { unknown } else { memory.unexplained.min(unknown.max(0)) };
    memory.summary_at_last_run = summary.cloned().unwrap_or_default();
    run.state.remember(&section, &memory);
    // Sectors at rest with a task, such as an unsealing, are remembered but not part of the pipeline.
    let known = memory.sectors.into_iter().filter_map(|(number, sector)| Some((number, sector?)));
    let in_pipeline = known.filter(|(_, sector)| sector.is_in_pipeline());
    Ok(Facts { sectors: in_pipeline.collect(), durations: memory.durations })
}

impl Memory {
    fn add(&mut self, numbers: impl Iterator<Item = u64>) {
        for number in numbers {
            self.sectors.entry(number).or_default();
        }
    }
}

fn sealing_tasks(hints: &Hints) -> Tasks {
    let running = hints.jobs.into_iter().flat_map(|facts| &facts.jobs);
    let running = running.map(|job| (job.sector, format!("{} {}", job.task, job.state)));
    let waiting = hints.queue.into_iter().flat_map(|facts| &facts.requests);
    let waiting = waiting.map(|request| (request.sector, request.task.clone()));
    let mut tasks = Tasks::new();
    // Proofs of spacetime are about many sectors, and name any; pieces are hashed before they have one, and name 0.
    let is_of_a_sector = |task: &str| !task.starts_with("post/") && !task.starts_with("seal/v0/datacid");
    for (sector, task) in running.chain(waiting).filter(|(_, task)| is_of_a_sector(task)) {
        tasks.entry(sector).or_default().insert(task);
    }
    tasks
}

/// Asks which sectors are in the pipeline. False where that failed.
fn list(
    miner: &Client,
    summary: Option<&ByState>,
    tasks: &Tasks,
    now: f64,
    memory: &mut Memory,
    problems: &mut Problems,
) -> bool {
    let answer = miner.call("SectorsListInStates", json!([states_to_list(summary)]));
    let Some(listed) = problems.ok::<Option<Vec<u64>>>(answer) else {
        return false;
    };
    let listed: BTreeSet<u64> = listed.unwrap_or_default().into_iter().collect();
    memory.sectors.retain(|number, sector| {
        let is_listed = listed.contains(number);
        if let Some(sector) = sector {
            sector.has_left = !is_listed;
        }
        is_listed || sector.is_some()
    });
    memory.add(listed.into_iter().chain(tasks.keys().copied()));
    memory.listed_seconds = Some(now);
    memory.summary_at_list = summary.cloned().unwrap_or_default();
    true
}

/// The states to list: those that are known to be of the pipeline, and new ones that a later Lotus may have.
fn states_to_list(summary: Option<&ByState>) -> BTreeSet<&str> {
    let told = summary.into_iter().flat_map(|summary| summary.keys());
    let told = told.map(String::as_str).filter(|state| in_pipeline(state));
    pipeline_states().into_iter().chain(told).collect()
}

fn ask(miner: &Client, numbers: &[u64], tasks: &Tasks, now: f64, memory: &mut Memory, problems: &mut Problems) {
    let mut batch = Batch::new();
    let tickets: Vec<(u64, Ticket<Answer>)> = numbers
        .iter()
        // With true, the call would cost the full node two calls for each sector.
        .map(|number| {
            let ticket = batch.add_split("SectorsStatus", json!([number, false]));
            (*number, batch.expect(ticket, is_unknown_sector))
        })
        .collect();
    let answers = miner.send(&batch);
    for (number, ticket) in tickets {
        let status = match answers.get(ticket) {
            Err(error) if is_unknown_sector(&error.cause) => {
                memory.sectors.remove(&number);
                continue;
            }
            other => problems.ok(other),
        };
        let failures = problems.failures();
        let before = memory.sectors.get(&number).and_then(Option::as_ref);
        let past = before.map(|before| before.past).unwrap_or_default();
        // Without its state, a sector stays as it was known.
        let Some(mut sector) =
            status.and_then(|(status, log)| sector::read(miner, status, log, number, past, now, problems))
        else {
            continue;
        };
        let is_whole = problems.failures() == failures;
        // What could not be read whole is old from the start, so that the next run asks again.
        sector.asked_seconds = if is_whole { now } else { now - choice::MAX_SECONDS_WITHOUT_STATUS };
        sector.tasks = tasks.get(&number).cloned().unwrap_or_default();
        memory.sectors.remove(&number);
        if let Some(seconds) = sector.sealing_seconds.filter(|_| past.is_sealed == Some(false)) {
            memory.durations.add(seconds);
        }
        if in_pipeline(&sector.state) || !sector.tasks.is_empty() {
            memory.sectors.insert(number, Some(sector));
        }
    }
}

/// Lotus says that its datastore has no such key.
fn is_unknown_sector(cause: &Cause) -> bool {
    matches!(cause, Cause::Refused { message, .. } if message.contains("not found"))
}

/// `clock` is the chain's, if it is known: without it, nothing is said of epochs.
pub fn expose(facts: &Facts, miner_id: &str, clock: Option<ChainClock>, book: &AddressBook, samples: &mut Samples) {
    samples.add_summary(&families::MINER_SEALING_DURATION_SECONDS, [miner_id], &facts.durations.summary());
    for (number, sector) in &facts.sectors {
        let phase = phase(&sector.state);
        let age = sector.progress_seconds.or(sector.created_seconds).unwrap_or(0.0);
        let rank = if phase == Phase::Error { RANK_OF_ERRORS + age } else { age };
        let number = number.to_string();
        samples.add_row(
            &families::MINER_PIPELINE_SECTOR_STATE_TIMESTAMP_SECONDS,
            [miner_id, &number, &sector.state, phase.as_str(), &sector.content],
            sector.entered_seconds,
            rank,
        );
        let labels = [miner_id, number.as_str()];
        let progress = &families::MINER_PIPELINE_SECTOR_PROGRESS_TIMESTAMP_SECONDS;
        samples.add_row(progress, labels, sector.progress_seconds, rank);
        let created = &families::MINER_PIPELINE_SECTOR_CREATED_TIMESTAMP_SECONDS;
        samples.add_row(created, labels, sector.created_seconds, rank);
        let packed = &families::MINER_PIPELINE_SECTOR_PACKED_TIMESTAMP_SECONDS;
        samples.add_row(packed, labels, sector.packed_seconds, rank);
        let precommit_seconds = clock.map(|clock| PRECOMMIT_EPOCHS * clock.block_delay_seconds as f64);
        let expiry = sector.precommitted_seconds.zip(precommit_seconds).map(|(landed, lasts)| landed + lasts);
        let precommit_expiry = &families::MINER_PIPELINE_SECTOR_PRECOMMIT_EXPIRY_TIMESTAMP_SECONDS;
        samples.add_row(precommit_expiry, labels, expiry, rank);
        let ticket = Some(sector.ticket_epoch).filter(|epoch| (1..MAX_HEIGHT).contains(epoch));
        let ticket = ticket.filter(|_| awaits_precommit(&sector.state)).zip(clock);
        let expiry = ticket.map(|(epoch, clock)| clock.timestamp_seconds(epoch + TICKET_EPOCHS));
        let ticket_expiry = &families::MINER_PIPELINE_SECTOR_TICKET_EXPIRY_TIMESTAMP_SECONDS;
        samples.add_row(ticket_expiry, labels, expiry, rank);
        let starts =
            sector.pieces.iter().map(|piece| piece.start_epoch).filter(|epoch| (1..MAX_HEIGHT).contains(epoch));
        let start = starts.min().zip(clock).map(|(epoch, clock)| clock.timestamp_seconds(epoch));
        // Once the proof is on chain, the deals have started.
        let start = start.filter(|_| !is_active(&sector.state));
        samples.add_row(&families::MINER_PIPELINE_SECTOR_DEAL_START_TIMESTAMP_SECONDS, labels, start, rank);
        samples.add_row(&families::MINER_PIPELINE_SECTOR_RETRIES, labels, sector.retries, rank);
        if let Some(error) = &sector.error {
            samples.add_row(&families::MINER_PIPELINE_SECTOR_ERROR_INFO, [miner_id, &number, error], true, rank);
        }
        pieces::expose(&sector.pieces, labels, rank, book, samples);
    }
}
