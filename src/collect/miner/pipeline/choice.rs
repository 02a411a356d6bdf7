//! When the list of sectors is asked for, and about which sectors.
//!
//! Asking for one sector is cheap, asking which sectors there are makes lotus-miner read them all. So the list is requested when the
//! summary counts more sectors in the pipeline than are known, and otherwise rarely; jobs and the scheduler name new sectors, too. Known
//! sectors are asked about when something hints that they moved, at most [`MAX_STATUS_CALLS`] in a run.

use std::collections::{BTreeMap, BTreeSet};

use super::{ByState, Memory, Sector, Tasks};
use crate::lotus::sector_state::in_pipeline;

/// SectorsStatus calls in one run, which bounds what a run costs however much is sealed at once.
pub const MAX_STATUS_CALLS: usize = 50;

/// How many of these known sectors leave to new ones.
const CALLS_FOR_NEW_SECTORS: usize = 10;

/// The list of sectors is asked for no more often than this without knowing that it has new ones.
const MIN_SECONDS_BETWEEN_LISTS: f64 = 300.0;

/// And with that, no more often than this for each sector that lotus-miner has to read for it: a minute where there are 60,000.
const SECONDS_BETWEEN_LISTS_PER_SECTOR: f64 = 0.001;

/// An older list is not used even if nothing seems to have changed.
const MAX_SECONDS_BETWEEN_LISTS: f64 = 1800.0;

/// A sector is asked about again after this time even if nothing hints that it moved.
pub const MAX_SECONDS_WITHOUT_STATUS: f64 = 600.0;

/// Whether to ask for the list of sectors in the pipeline.
pub fn list_is_due(memory: &Memory, summary: Option<&ByState>, now: f64) -> bool {
    let Some(listed) = memory.listed_seconds.filter(|listed| *listed <= now) else {
        return true;
    };
    let age = now - listed;
    age >= MAX_SECONDS_BETWEEN_LISTS
        || summary.is_some_and(|summary| {
            let has_changed = *summary != memory.summary_at_list;
            let is_news = unknown(memory, summary) > memory.unexplained;
            let sectors = summary.values().fold(0, |sum: u64, count| sum.saturating_add(*count));
            let pause = (sectors as f64 * SECONDS_BETWEEN_LISTS_PER_SECTOR).min(MIN_SECONDS_BETWEEN_LISTS);
            (has_changed && age >= MIN_SECONDS_BETWEEN_LISTS) || (is_news && age >= pause)
        })
}

/// How many sectors more the summary counts in the pipeline than are known to be there. What moves within the pipeline changes nothing.
pub fn unknown(memory: &Memory, summary: &ByState) -> i64 {
    let counted = summary.iter().filter(|(state, _)| in_pipeline(state));
    let counted = counted.fold(0, |sum: i64, (_, count)| sum.saturating_add_unsigned(*count));
    let is_there = |sector: &&Option<Sector>| sector.as_ref().is_none_or(Sector::is_in_pipeline);
    counted.saturating_sub_unsigned(memory.sectors.values().filter(is_there).count() as u64)
}

/// The sectors to ask about, the most urgent first: new ones, those whose tasks changed, those in states that the summary says fewer are in,
/// then the others by the age of what is known.
pub fn choose(
    sectors: &BTreeMap<u64, Option<Sector>>,
    tasks: &Tasks,
    summary: Option<&ByState>,
    moved: bool,
    now: f64,
) -> Vec<u64> {
    let no_tasks = BTreeSet::new();
    let mut known = ByState::new();
    for sector in sectors.values().flatten() {
        *known.entry(sector.state.clone()).or_default() += 1;
    }
    let is_left = |state: &String| summary.is_some_and(|told| known.get(state) > Some(told.get(state).unwrap_or(&0)));
    let mut due: Vec<(u8, f64, u64)> = Vec::new();
    for (number, sector) in sectors {
        let Some(sector) = sector else {
            due.push((0, 0.0, *number));
            continue;
        };
        let has_new_tasks = *tasks.get(number).unwrap_or(&no_tasks) != sector.tasks;
        let is_old = !(0.0..MAX_SECONDS_WITHOUT_STATUS).contains(&(now - sector.asked_seconds));
        let rank = match () {
            () if has_new_tasks || sector.has_left => 1,
            () if is_left(&sector.state) => 2,
            () if moved || is_old => 3,
            () => continue,
        };
        due.push((rank, sector.asked_seconds, *number));
    }
    due.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    let new = due.iter().filter(|(rank, ..)| *rank == 0).count();
    due.truncate(MAX_STATUS_CALLS - CALLS_FOR_NEW_SECTORS + new.min(CALLS_FOR_NEW_SECTORS));
    due.into_iter().map(|(_, _, number)| number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_at(asked_seconds: f64, state: &str, tasks: &[&str]) -> Option<Sector> {
        let tasks = tasks.iter().map(|task| (*task).to_owned()).collect();
        Some(Sector { asked_seconds, state: state.to_owned(), tasks, ..Sector::default() })
    }

    fn tasks(of: &[(u64, &str)]) -> Tasks {
        let mut tasks = Tasks::new();
        for (sector, task) in of {
            tasks.entry(*sector).or_default().insert((*task).to_owned());
        }
        tasks
    }

    fn summary(of: &[(&str, u64)]) -> ByState {
        of.iter().map(|(state, count)| ((*state).to_owned(), *count)).collect()
    }

    #[test]
    fn new_sectors_are_asked_about_first_then_those_that_most_likely_moved() {
        let sectors = BTreeMap::from([
            (1, asked_at(900.0, "WaitSeed", &[])),
            (2, asked_at(800.0, "PreCommit1", &["seal/v0/precommit/1 running"])),
            (3, None),
            (4, asked_at(700.0, "WaitSeed", &[])),
            (5, asked_at(950.0, "Committing", &["seal/v0/commit/2 running"])),
            (6, asked_at(960.0, "CommitWait", &[])),
        ]);
        let tasks = tasks(&[(2, "seal/v0/precommit/1 running"), (5, "seal/v0/finalize running")]);
        let told = summary(&[("WaitSeed", 2), ("PreCommit1", 1), ("CommitFinalize", 1)]);
        assert_eq!(choose(&sectors, &tasks, Some(&told), true, 1000.0), [3, 5, 6, 4, 2, 1]);
        assert_eq!(choose(&sectors, &tasks, None, true, 1000.0), [3, 5, 4, 2, 1, 6]);
    }

    #[test]
    fn where_nothing_moved_nothing_is_asked_for_ten_minutes() {
        let sectors = BTreeMap::from([(1, asked_at(600.0, "WaitSeed", &[])), (2, asked_at(100.0, "WaitSeed", &[]))]);
        let choose = |now| choose(&sectors, &Tasks::new(), None, false, now);
        assert!(choose(690.0).is_empty());
        assert_eq!(choose(1000.0), [2]);
        // A clock that was set back does not freeze what is known.
        assert_eq!(choose(50.0), [2, 1]);
    }

    #[test]
    fn a_vast_pipeline_costs_no_more_than_a_large_one_and_leaves_room_for_new_sectors() {
        let new = (0..5000).map(|number| (number, None)).collect();
        assert_eq!(choose(&new, &Tasks::new(), None, true, 0.0).len(), MAX_STATUS_CALLS);
        let mut known: BTreeMap<_, _> = (0..5000).map(|number| (number, asked_at(0.0, "WaitSeed", &[]))).collect();
        assert_eq!(choose(&known, &Tasks::new(), None, true, 9000.0).len(), 40);
        known.insert(9, None);
        let chosen = choose(&known, &Tasks::new(), None, true, 9000.0);
        assert_eq!((chosen.len(), chosen[0]), (41, 9));
    }

    /// A miner with one known sector, and what its summary said when it was listed.
    fn one_known(unexplained: i64) -> Memory {
        Memory {
            listed_seconds: Some(1000.0),
            summary_at_list: summary(&[("PreCommit1", 1)]),
            unexplained,
            sectors: BTreeMap::from([(1, asked_at(1000.0, "PreCommit1", &[]))]),
            ..Memory::default()
        }
    }

    #[test]
    fn the_list_is_asked_for_when_the_summary_changed_but_not_often() {
        let due = |memory: &Memory, state, now| list_is_due(memory, Some(&summary(&[(state, 1)])), now);
        let memory = one_known(0);
        assert!(due(&Memory::default(), "PreCommit1", 1000.0), "never listed");
        assert!(!due(&memory, "PreCommit2", 1299.0), "too early");
        assert!(due(&memory, "PreCommit2", 1300.0), "changed");
        assert!(!due(&memory, "PreCommit1", 2700.0), "unchanged");
        assert!(due(&memory, "PreCommit1", 2800.0), "too old");
        assert!(due(&memory, "PreCommit1", 999.0), "the clock was set back");
    }

    #[test]
    fn more_sectors_in_the_pipeline_than_are_known_are_a_reason_at_once() {
        let due = |memory: &Memory, told: &[(&str, u64)], now| list_is_due(memory, Some(&summary(told)), now);
        let memory = one_known(0);
        assert!(due(&memory, &[("PreCommit1", 1), ("Packing", 1)], 1001.0));
        assert!(!due(&memory, &[("PreCommit2", 1), ("Proving", 7)], 1001.0), "it moved");
        assert!(!due(&memory, &[("Proving", 8)], 1001.0), "it left");
        // What the last list did not explain, the next one will not either.
        assert!(!due(&one_known(1), &[("PreCommit1", 1), ("Packing", 1)], 1001.0));
        assert!(due(&one_known(1), &[("PreCommit1", 1), ("Packing", 2)], 1001.0));
        // Many sectors make it expensive.
        let many = [("PreCommit1", 1), ("Packing", 1), ("Proving", 100_000)];
        assert!(!due(&memory, &many, 1099.0));
        assert!(due(&memory, &many, 1101.0));
        let vast = [("PreCommit1", 1), ("Packing", 1), ("Proving", u64::MAX)];
        assert!(due(&memory, &vast, 1300.0));
    }
}
