//! Every sector that is not at rest: what state it is in and since when, what is in it, what went wrong with it.
//!
//! Asking for one sector is cheap, asking which sectors there are makes lotus-miner read them all. So the list is asked for only when the
//! summary says that something changed, and not often; jobs and the scheduler name new sectors earlier. Known sectors are asked about when
//! something hints that they moved, at most [`MAX_STATUS_CALLS`] in a run.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::LotusMiner;
use super::jobs;
use super::pieces::{self, DealPiece, Piece};
use super::scheduler;
use super::sectors;
use crate::address_book::AddressBook;
use crate::collect::run::Run;
use crate::expose::{Samples, Summary, families};
use crate::lotus::sector_state::{Phase, in_pipeline, is_transition, phase, pipeline_states};
use crate::rpc::{Batch, CallError, Cause, Client, Ticket};
use crate::tolerant::{Field, Int, List, Problems};

/// SectorsStatus calls in one run, which bounds what a run costs however much is sealed at once.
const MAX_STATUS_CALLS: usize = 50;

/// The list of sectors is asked for no more often than this.
const MIN_SECONDS_BETWEEN_LISTS: f64 = 300.0;

/// A list that is older is no good even if nothing seems to have changed.
const MAX_SECONDS_BETWEEN_LISTS: f64 = 1800.0;

/// A sector is asked about again after this time even if nothing hints that it moved.
const MAX_SECONDS_WITHOUT_STATUS: f64 = 600.0;

const MAX_ERROR_CHARACTERS: usize = 120;

/// Errors are the worst: their rows come before all others, whatever their age.
const RANK_OF_ERRORS: f64 = -1e12;

/// Durations that quantiles are told of.
const RECENT_DURATIONS: usize = 100;

/// The pipeline of one miner, sector by sector, and how long those took that left it.
pub struct Facts {
    sectors: BTreeMap<u64, Sector>,
    durations: Durations,
}

/// From packed to proving, of the sectors seen to get there. Whole seconds, so that a sum that is remembered never shrinks by a rounding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Durations {
    recent_seconds: Vec<u64>,
    sum_seconds: u64,
    count: u64,
}

/// A sector, as SectorsStatus told it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Sector {
    state: String,
    entered_seconds: Option<f64>,
    created_seconds: Option<f64>,
    content: String,
    retries: Option<u64>,
    error: Option<String>,
    pieces: Vec<DealPiece>,
    asked_seconds: f64,
    /// The tasks it had when it was asked about: other tasks later hint that it moved.
    tasks: BTreeSet<String>,
    /// It is in no list of the pipeline any more, and only has to be asked how it ended.
    has_left: bool,
    #[serde(skip)]
    sealing_seconds: Option<u64>,
}

/// What is known of the pipeline from run to run. A sector that was not asked about yet is None.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    listed_seconds: Option<f64>,
    summary_at_list: BTreeMap<String, u64>,
    summary_at_last_run: BTreeMap<String, u64>,
    sectors: BTreeMap<u64, Option<Sector>>,
    durations: Durations,
}

/// Sectors by state, as SectorsSummary tells them.
type ByState = BTreeMap<String, u64>;

/// Tasks by sector, as jobs and the scheduler tell them.
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
    let (miner, now) = (&miner.client, run.now);
    let summary = hints.sectors.map(|sectors| &sectors.by_state);
    let tasks = sealing_tasks(hints);
    if list_is_due(&memory, summary, now) {
        let answer = miner.call("SectorsListInStates", json!([states_to_list(summary)]));
        if let Some(listed) = problems.ok::<Option<Vec<u64>>>(answer) {
            let listed: BTreeSet<u64> = listed.unwrap_or_default().into_iter().collect();
            memory.sectors.retain(|number, sector| {
                let is_listed = listed.contains(number);
                if let Some(sector) = sector {
                    sector.has_left = !is_listed;
                }
                is_listed || sector.is_some()
            });
            for number in listed {
                memory.sectors.entry(number).or_default();
            }
            memory.listed_seconds = Some(now);
            memory.summary_at_list = summary.cloned().unwrap_or_default();
        }
    }
    for number in tasks.keys() {
        memory.sectors.entry(*number).or_default();
    }
    let moved = summary.is_none_or(|summary| *summary != memory.summary_at_last_run);
    let to_ask = choose(&memory.sectors, &tasks, moved, now);
    ask(miner, &to_ask, &tasks, now, &mut memory, problems);
    memory.summary_at_last_run = summary.cloned().unwrap_or_default();
    run.state.remember(&section, &memory);
    // Sectors at rest with a task, such as an unsealing, are remembered but not part of the pipeline.
    let known = memory.sectors.into_iter().filter_map(|(number, sector)| Some((number, sector?)));
    let in_pipeline = known.filter(|(_, sector)| in_pipeline(&sector.state) && !sector.has_left);
    Ok(Facts { sectors: in_pipeline.collect(), durations: memory.durations })
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

fn list_is_due(memory: &Memory, summary: Option<&ByState>, now: f64) -> bool {
    let Some(listed) = memory.listed_seconds.filter(|listed| *listed <= now) else {
        return true;
    };
    let age = now - listed;
    let changed = summary.is_some_and(|summary| *summary != memory.summary_at_list);
    age >= MAX_SECONDS_BETWEEN_LISTS || (changed && age >= MIN_SECONDS_BETWEEN_LISTS)
}

/// The states to list: those that are known to be of the pipeline, and new ones that a later Lotus may have.
fn states_to_list(summary: Option<&ByState>) -> BTreeSet<&str> {
    let told = summary.into_iter().flat_map(|summary| summary.keys());
    let told = told.map(String::as_str).filter(|state| in_pipeline(state));
    pipeline_states().into_iter().chain(told).collect()
}

/// The sectors to ask about, the most urgent first: new ones, those whose tasks changed, then the others by the age of what is known.
fn choose(sectors: &BTreeMap<u64, Option<Sector>>, tasks: &Tasks, moved: bool, now: f64) -> Vec<u64> {
    let no_tasks = BTreeSet::new();
    let mut due: Vec<(u8, f64, u64)> = Vec::new();
    for (number, sector) in sectors {
        let Some(sector) = sector else {
            due.push((0, 0.0, *number));
            continue;
        };
        let has_new_tasks = *tasks.get(number).unwrap_or(&no_tasks) != sector.tasks;
        let is_old = !(0.0..MAX_SECONDS_WITHOUT_STATUS).contains(&(now - sector.asked_seconds));
        if has_new_tasks || sector.has_left {
            due.push((1, sector.asked_seconds, *number));
        } else if moved || is_old {
            due.push((2, sector.asked_seconds, *number));
        }
    }
    due.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    due.truncate(MAX_STATUS_CALLS);
    due.into_iter().map(|(_, _, number)| number).collect()
}

fn ask(miner: &Client, numbers: &[u64], tasks: &Tasks, now: f64, memory: &mut Memory, problems: &mut Problems) {
    let mut batch = Batch::new();
    let tickets: Vec<(u64, Ticket<Status>)> = numbers
        .iter()
        // With true, the call would cost the full node two calls for each sector.
        .map(|number| (*number, batch.add("SectorsStatus", json!([number, false]))))
        .collect();
    let answers = miner.send(&batch);
    for (number, ticket) in tickets {
        let status = match answers.get(ticket) {
            Err(error) if is_unknown_sector(&error) => {
                memory.sectors.remove(&number);
                continue;
            }
            other => problems.ok(other),
        };
        let failures = problems.failures();
        let Some(mut sector) = status.map(|status| read(miner, status, number, problems)) else {
            continue;
        };
        let is_whole = problems.failures() == failures;
        // What could not be read whole is old from the start, so that the next run asks again.
        sector.asked_seconds = if is_whole { now } else { now - MAX_SECONDS_WITHOUT_STATUS };
        sector.tasks = tasks.get(&number).cloned().unwrap_or_default();
        let before = memory.sectors.remove(&number).flatten();
        let was_in_pipeline = before.is_some_and(|before| in_pipeline(&before.state));
        if let Some(seconds) = sector.sealing_seconds.filter(|_| was_in_pipeline) {
            memory.durations.add(seconds);
        }
        if in_pipeline(&sector.state) || !sector.tasks.is_empty() {
            memory.sectors.insert(number, Some(sector));
        }
    }
}

/// Lotus says that its datastore has no such key.
fn is_unknown_sector(error: &CallError) -> bool {
    matches!(&error.cause, Cause::Refused { message, .. } if message.contains("not found"))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Status {
    state: Field<String>,
    retries: Field<Int>,
    last_err: Field<String>,
    log: Field<List<LogEntry>>,
    pieces: Field<List<Piece>>,
    deals: Field<Vec<Int>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LogEntry {
    kind: String,
    timestamp: Int,
}

fn read(miner: &Client, status: Status, number: u64, problems: &mut Problems) -> Sector {
    let at = format!("SectorsStatus({number})");
    let log = status.log.take(&format!("{at}.Log"), problems).unwrap_or_default();
    let log = log.take(&format!("{at}.Log"), problems);
    let pieces = status.pieces.take(&format!("{at}.Pieces"), problems).unwrap_or_default();
    let pieces = pieces.take(&format!("{at}.Pieces"), problems);
    let deals = status.deals.take(&format!("{at}.Deals"), problems).unwrap_or_default();
    let retries = status.retries.take(&format!("{at}.Retries"), problems);
    let error = status.last_err.take(&format!("{at}.LastErr"), problems).unwrap_or_default();
    let content = content(&pieces, &deals, &log).to_owned();
    let entered = log.iter().rev().find(|entry| is_transition(&entry.kind));
    let state = status.state.take(&format!("{at}.State"), problems).unwrap_or_default();
    Sector {
        sealing_seconds: sealing_seconds(&state, &log),
        state,
        entered_seconds: entered.map(|entry| entry.timestamp.0 as f64),
        created_seconds: log.first().map(|entry| entry.timestamp.0 as f64),
        content,
        retries: retries.and_then(Int::to_u64),
        error: first_line(&miner.redact(&error)),
        pieces: pieces.into_iter().filter_map(|piece| piece.of_deal(&at, problems)).collect(),
        ..Sector::default()
    }
}

/// From packed to proving, of a sector that has just got there for the first time. An upgrade packs it once more, and takes another time.
fn sealing_seconds(state: &str, log: &[LogEntry]) -> Option<u64> {
    let last = log.iter().rposition(|entry| is_transition(&entry.kind))?;
    let mut packings = log[..last].iter().filter(|entry| entry.kind.ends_with(".SectorPacked"));
    let (packed, again) = (packings.next()?, packings.next());
    if state != "Proving" || again.is_some() {
        return None;
    }
    Int(log[last].timestamp.0 - packed.timestamp.0).to_u64()
}

impl Durations {
    fn add(&mut self, seconds: u64) {
        self.sum_seconds = self.sum_seconds.saturating_add(seconds);
        self.count += 1;
        self.recent_seconds.push(seconds);
        let excess = self.recent_seconds.len().saturating_sub(RECENT_DURATIONS);
        self.recent_seconds.drain(..excess);
    }

    fn summary(&self) -> Summary {
        let mut sorted = self.recent_seconds.clone();
        sorted.sort_unstable();
        // The smallest value that so large a part of them does not exceed.
        let nearest_rank = |quantile: f64| (quantile * sorted.len() as f64).ceil().max(1.0) as usize - 1;
        let quantiles = [0.5, 0.9].map(|quantile| Some((quantile, *sorted.get(nearest_rank(quantile))? as f64)));
        Summary {
            quantiles: quantiles.into_iter().flatten().collect(),
            sum: self.sum_seconds as f64,
            count: self.count,
        }
    }
}

/// What is in the sector. Deals that were made directly (DDO) have no deal id, so the pieces count.
fn content(pieces: &[Piece], deals: &[Int], log: &[LogEntry]) -> &'static str {
    if pieces.iter().any(Piece::is_verified) {
        return "verified_deals";
    }
    let awaits_deals = pieces.is_empty() && log.first().is_some_and(|entry| entry.kind.ends_with(".SectorStart"));
    if pieces.iter().any(Piece::is_data) || deals.iter().any(|deal| deal.0 > 0) || awaits_deals {
        return "deals";
    }
    "committed_capacity"
}

fn first_line(error: &str) -> Option<String> {
    let line = error.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(MAX_ERROR_CHARACTERS).collect())
}

pub fn expose(facts: &Facts, miner_id: &str, book: &AddressBook, samples: &mut Samples) {
    samples.add_summary(&families::MINER_SEALING_DURATION_SECONDS, [miner_id], &facts.durations.summary());
    for (number, sector) in &facts.sectors {
        let phase = phase(&sector.state);
        let age = sector.entered_seconds.or(sector.created_seconds).unwrap_or(0.0);
        let rank = if phase == Phase::Error { RANK_OF_ERRORS + age } else { age };
        let number = number.to_string();
        samples.add_row(
            &families::MINER_PIPELINE_SECTOR_STATE_TIMESTAMP_SECONDS,
            [miner_id, &number, &sector.state, phase.as_str(), &sector.content],
            sector.entered_seconds,
            rank,
        );
        let labels = [miner_id, number.as_str()];
        let created = &families::MINER_PIPELINE_SECTOR_CREATED_TIMESTAMP_SECONDS;
        samples.add_row(created, labels, sector.created_seconds, rank);
        samples.add_row(&families::MINER_PIPELINE_SECTOR_RETRIES, labels, sector.retries, rank);
        if let Some(error) = &sector.error {
            samples.add_row(&families::MINER_PIPELINE_SECTOR_ERROR_INFO, [miner_id, &number, error], true, rank);
        }
        pieces::expose(&sector.pieces, labels, rank, book, samples);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_at(asked_seconds: f64, tasks: &[&str]) -> Option<Sector> {
        let tasks = tasks.iter().map(|task| (*task).to_owned()).collect();
        Some(Sector { asked_seconds, tasks, ..Sector::default() })
    }

    fn tasks(of: &[(u64, &str)]) -> Tasks {
        let mut tasks = Tasks::new();
        for (sector, task) in of {
            tasks.entry(*sector).or_default().insert((*task).to_owned());
        }
        tasks
    }

    #[test]
    fn new_sectors_are_asked_about_first_then_those_whose_tasks_changed() {
        let sectors = BTreeMap::from([
            (1, asked_at(900.0, &[])),
            (2, asked_at(800.0, &["seal/v0/precommit/1 running"])),
            (3, None),
            (4, asked_at(700.0, &[])),
            (5, asked_at(950.0, &["seal/v0/commit/2 running"])),
        ]);
        let tasks = tasks(&[(2, "seal/v0/precommit/1 running"), (5, "seal/v0/finalize running")]);
        assert_eq!(choose(&sectors, &tasks, true, 1000.0), [3, 5, 4, 2, 1]);
    }

    #[test]
    fn where_nothing_moved_nothing_is_asked_for_ten_minutes() {
        let sectors = BTreeMap::from([(1, asked_at(600.0, &[])), (2, asked_at(100.0, &[]))]);
        assert!(choose(&sectors, &Tasks::new(), false, 690.0).is_empty());
        assert_eq!(choose(&sectors, &Tasks::new(), false, 1000.0), [2]);
        // A clock that was set back does not freeze what is known.
        assert_eq!(choose(&sectors, &Tasks::new(), false, 50.0), [2, 1]);
    }

    #[test]
    fn a_vast_pipeline_costs_no_more_than_a_large_one() {
        let sectors = (0..5000).map(|number| (number, None)).collect();
        assert_eq!(choose(&sectors, &Tasks::new(), true, 0.0).len(), MAX_STATUS_CALLS);
    }

    #[test]
    fn the_list_is_asked_for_when_the_summary_changed_but_not_often() {
        let summary = |count| ByState::from([("PreCommit1".to_owned(), count)]);
        let memory = Memory { listed_seconds: Some(1000.0), summary_at_list: summary(1), ..Memory::default() };
        let due = |memory: &Memory, count, now| list_is_due(memory, Some(&summary(count)), now);
        assert!(due(&Memory::default(), 1, 1000.0), "never listed");
        assert!(!due(&memory, 2, 1299.0), "too early");
        assert!(due(&memory, 2, 1300.0), "changed");
        assert!(!due(&memory, 1, 2700.0), "unchanged");
        assert!(due(&memory, 1, 2800.0), "too old");
        assert!(due(&memory, 1, 999.0), "the clock was set back");
    }

    #[test]
    fn sealing_takes_from_packing_to_proving_and_an_upgrade_is_none() {
        let log = |entries: &[(&str, i128)]| -> Vec<LogEntry> {
            let entry = |(kind, timestamp): &(&str, i128)| LogEntry {
                kind: format!("event;sealing.{kind}"),
                timestamp: Int(*timestamp),
            };
            entries.iter().map(entry).collect()
        };
        let sealed = [("SectorStartCC", 10), ("SectorPacked", 20), ("SectorProving", 90), ("SectorRestart", 95)];
        assert_eq!(sealing_seconds("Proving", &log(&sealed)), Some(70));
        assert_eq!(sealing_seconds("CommitWait", &log(&sealed)), None);
        let upgraded = [&sealed[..], &[("SectorPacked", 200), ("SectorReplicaUpdate", 220)]].concat();
        assert_eq!(sealing_seconds("Proving", &log(&upgraded)), None);
        assert_eq!(sealing_seconds("Proving", &log(&[("SectorPacked", 50), ("SectorProving", 40)])), None);
        assert_eq!(sealing_seconds("Proving", &[]), None);
    }

    #[test]
    fn quantiles_are_of_the_last_hundred_and_the_sum_of_all() {
        let mut durations = Durations::default();
        assert_eq!(durations.summary().quantiles, []);
        for seconds in 1..=150 {
            durations.add(seconds);
        }
        let summary = durations.summary();
        assert_eq!(summary.quantiles, [(0.5, 100.0), (0.9, 140.0)]);
        assert_eq!((summary.sum, summary.count), (11_325.0, 150));
    }

    #[test]
    fn the_first_line_of_an_error_that_says_something() {
        assert_eq!(first_line("\n  ffi: \"bad\" \nstack"), Some("ffi: \"bad\"".to_owned()));
        assert_eq!(first_line(" \n"), None);
        assert_eq!(first_line(&"e".repeat(500)).map(|line| line.len()), Some(MAX_ERROR_CHARACTERS));
    }
}
