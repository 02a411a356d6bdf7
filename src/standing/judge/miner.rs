//! A miner: proofs, faults, expirations, and what it seals.

use std::collections::BTreeMap;

use super::Judge;
use super::SECONDS_PER_DAY;
use super::Severity::{Critical, Warning};
use crate::standing::miner::{Job, Miner, PipelineSector};
use crate::words;

/// An alert leaves out sectors that have been in an error state for longer: they are failed, not stuck.
const SECONDS_OF_A_FAILURE: f64 = 1800.0;

/// A pre-commit that is older is lost already.
const DAYS_OF_A_PRECOMMIT: f64 = 31.0;

impl Judge<'_> {
    pub(super) fn miner(&mut self, miner: &Miner) {
        self.proving(miner);
        self.faults(miner);
        self.expirations(miner);
        self.sealing(miner);
        self.jobs(miner);
        self.machines(miner);
        self.money(miner);
        if let Some(deals) = &miner.deals {
            self.deals(miner, deals);
        }
    }

    fn proving(&mut self, miner: &Miner) {
        for deadline in &miner.deadlines.rows {
            let unproven = deadline.due_partitions.zip(deadline.proven_partitions).map(|(due, proven)| due - proven);
            let left = deadline.close_timestamp_seconds.map(|close| close - self.now).filter(|left| *left > 0.0);
            if let Some((unproven, left)) = unproven.filter(|unproven| *unproven > 0.0).zip(left)
                && let Some(severity) = self.below("FarcasterWindowPostAtRisk", left)
            {
                let (partitions, are) = (words::of(unproven, "partition"), words::is(unproven));
                let (number, left) = (deadline.deadline, words::span(left));
                let text = format!("{partitions} of deadline {number} {are} unproven, and it closes in {left}");
                self.add(severity, "FarcasterWindowPostAtRisk", Some(miner), text);
            }
        }
        let power = &miner.power;
        if power.is_f3_participant == Some(false)
            && power.has_min_power == Some(true)
            && miner.lotus_miner_start_timestamp_seconds.is_some()
        {
            self.add(Warning, "FarcasterF3NotParticipating", Some(miner), "does not take part in F3".to_owned());
        }
        if power.may_win_blocks == Some(false) && power.has_min_power == Some(true) {
            let text = "is not eligible to win blocks now, although it has the power: a fee debt, a consensus fault, or new power";
            self.note(miner, text.to_owned());
        }
    }

    /// Whether faults are new takes history. From the share on that is critical, they are wrong in any case.
    fn faults(&mut self, miner: &Miner) {
        let Some(faulty) = miner.sectors.faulty_sectors else { return };
        if faulty == 0.0 {
            return self.fine(Some(miner), "no faulty sectors".to_owned());
        }
        let (sectors, are) = match miner.sectors.live_sectors {
            Some(live) => {
                (format!("{} of {}", words::count(faulty), words::of(live, "live sector")), words::is(faulty))
            }
            None => (words::of(faulty, "sector"), words::is(faulty)),
        };
        let text = format!("{sectors} {are} faulty, new or old");
        let share = self.limit("FarcasterNewFaults", Critical, "");
        if miner.sectors.live_sectors.is_some_and(|live| faulty >= share * live) {
            self.add(Critical, "FarcasterNewFaults", Some(miner), text);
        } else {
            self.note(miner, text);
        }
    }

    fn expirations(&mut self, miner: &Miner) {
        let sectors = &miner.sectors;
        if let Some(expiring) = sectors.expiring_within_7_days_sectors.filter(|expiring| *expiring > 0.0) {
            let is_share = |severity| {
                let share = self.limit("FarcasterSectorsExpiring", severity, "");
                sectors.live_sectors.is_some_and(|live| expiring >= share * live)
            };
            let severity = [Critical, Warning].into_iter().find(|severity| is_share(*severity));
            let text = format!("{} within 7 days", expire(expiring));
            match severity {
                Some(severity) => self.add(severity, "FarcasterSectorsExpiring", Some(miner), text),
                None => self.note(miner, text),
            }
        }
        if let Some((expiring, live)) =
            sectors.expiring_within_30_days_sectors.zip(sectors.live_sectors.filter(|live| *live > 0.0))
            && expiring / live >= self.limit("FarcasterExpiryAhead", Warning, "")
        {
            let text = format!("{} within 30 days, {} of all", expire(expiring), words::share(expiring / live));
            self.add(Warning, "FarcasterExpiryAhead", Some(miner), text);
        }
    }

    fn sealing(&mut self, miner: &Miner) {
        let failed = miner.sectors_in(|state| state.phase == "error");
        if failed > 0.0 {
            let text = format!("{} {} in an error state", words::of(failed, "sector"), words::is(failed));
            let rows = miner.pipeline.rows.iter().filter(|sector| is_failed(sector));
            let subjects = rows.map(|sector| sector.sector.clone()).collect();
            self.add_about(subjects, Warning, "FarcasterSectorsFailed", Some(miner), text);
        }
        let (mut stuck, mut expiring) = (Vec::new(), Vec::new());
        for sector in &miner.pipeline.rows {
            let Some(idle) = sector.progress_timestamp_seconds.map(|progress| self.age(progress)) else { continue };
            let state = sector.state.as_deref().unwrap_or_default();
            let in_state = sector.state_timestamp_seconds.map_or(0.0, |since| self.age(since));
            let may_wait = matches!(state, "WaitDeals" | "SnapDealsWaitDeals");
            let stays_failed = is_failed(sector) && in_state > SECONDS_OF_A_FAILURE;
            if idle > self.limit("FarcasterSectorsStuck", Warning, "") && !may_wait && !stays_failed {
                stuck.push(sector.sector.clone());
            }
            let days = idle / SECONDS_PER_DAY;
            let is_precommitted = matches!(state, "WaitSeed" | "ComputeProofFailed" | "RemoteCommitFailed")
                || state.starts_with("Commit")
                || state.starts_with("SubmitCommit");
            let soon = self.limit("FarcasterPreCommitExpiring", Critical, "");
            if is_precommitted && days > soon && days < DAYS_OF_A_PRECOMMIT {
                expiring.push(sector.sector.clone());
            }
        }
        if !stuck.is_empty() {
            let limit = words::span(self.limit("FarcasterSectorsStuck", Warning, ""));
            let text = format!("{} made no progress for more than {limit}", words::of(stuck.len() as f64, "sector"));
            self.add_about(stuck, Warning, "FarcasterSectorsStuck", Some(miner), text);
        }
        if !expiring.is_empty() {
            let text = format!("the pre-commit of {} expires within days", words::of(expiring.len() as f64, "sector"));
            self.add_about(expiring, Critical, "FarcasterPreCommitExpiring", Some(miner), text);
        }
    }

    /// One finding for each task, as the alert has it: the job that has run for longest, and how many others.
    fn jobs(&mut self, miner: &Miner) {
        let mut slow: BTreeMap<&str, Vec<&Job>> = BTreeMap::new();
        for job in miner.jobs.rows.iter().filter(|job| job.state == "running") {
            let ran = self.age(job.start_timestamp_seconds);
            let limit = |of| self.limit("FarcasterJobSlow", Warning, of);
            let is_slow = match job.mean_duration_seconds {
                Some(mean) => ran > limit("seconds") && ran > limit("times") * mean,
                None => ran > limit("unmeasured_seconds"),
            };
            if is_slow {
                slow.entry(words::task(&job.task)).or_default().push(job);
            }
        }
        for (task, mut jobs) in slow {
            jobs.sort_by(|a, b| a.start_timestamp_seconds.total_cmp(&b.start_timestamp_seconds));
            let Some(Job { sector, worker_host, start_timestamp_seconds, .. }) = jobs.first() else { continue };
            let ran = words::span(self.age(*start_timestamp_seconds));
            let others = match jobs.len() - 1 {
                0 => String::new(),
                others => format!(", and {} for too long", words::of(others as f64, "other such job")),
            };
            let text = format!("{task} of sector {sector} has run on {worker_host} for {ran}{others}");
            let mut hosts: Vec<String> = jobs.iter().map(|job| job.worker_host.clone()).collect();
            hosts.sort();
            hosts.dedup();
            self.add_about(hosts, Warning, "FarcasterJobSlow", Some(miner), text);
        }
    }
}

fn is_failed(sector: &PipelineSector) -> bool {
    sector.phase.as_deref() == Some("error")
}

fn expire(sectors: f64) -> String {
    format!("{} expire{}", words::of(sectors, "sector"), if sectors == 1.0 { "s" } else { "" })
}
