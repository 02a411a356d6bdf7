//! What the alerts would say of this run: the alerts that need no history, by their own thresholds. How long something has been so, only
//! Prometheus knows; so an alert may wait for some minutes yet.

use std::collections::BTreeMap;

use anyhow::Result;

use super::findings::{Findings, Mark, Section, counted};
use super::storage::{StoragePath, storage_paths, store_free_share};
use crate::expose::families as of;
use crate::expose::{Facts, Family};
use crate::thresholds::Thresholds;

/// Alerts of what comes and goes by itself, which wait for half an hour or longer: a single run cannot say that it lasts.
const LASTING: &[(&str, &str)] = &[
    ("FarcasterSectorsFailed", "half an hour"),
    ("FarcasterTransfersStalled", "an hour"),
    ("FarcasterF3NotParticipating", "half an hour"),
];

pub(super) const SEVERITIES: [&str; 2] = ["critical", "warning"];

/// Seconds after which a sector in an error state is the business of FarcasterSectorsFailed alone, as the rule of FarcasterSectorsStuck has it.
const STAYS_FAILED_SECONDS: f64 = 1800.0;

/// Judges, and adds what is found.
///
/// # Errors
///
/// The suite in this binary is damaged.
pub fn add(facts: &Facts, findings: &mut Findings) -> Result<()> {
    let thresholds = Thresholds::read()?;
    let mut judge =
        Judge { facts, thresholds, now: facts.get(&of::RUN_TIMESTAMP_SECONDS, []).unwrap_or(0.0), findings };
    judge.chain();
    judge.proving();
    judge.money();
    judge.storage();
    judge.workers_and_sealing();
    judge.deals();
    judge.run();
    Ok(())
}

pub(super) struct Judge<'a> {
    pub(super) facts: &'a Facts,
    thresholds: Thresholds,
    pub(super) now: f64,
    findings: &'a mut Findings,
}

impl Judge<'_> {
    /// The most severe threshold of an alert that a value is beyond.
    pub(super) fn beyond(&self, alert: &str, of: &str, is_beyond: impl Fn(f64) -> bool) -> Option<&'static str> {
        SEVERITIES.into_iter().find(|severity| self.thresholds.get(alert, severity, of).is_some_and(&is_beyond))
    }

    pub(super) fn threshold(&self, alert: &str, severity: &str, of: &str) -> Option<f64> {
        self.thresholds.get(alert, severity, of)
    }

    pub(super) fn wrong(&mut self, alert: &'static str, severity: &'static str, what: impl std::fmt::Display) {
        let lasting = LASTING.iter().find(|(of, _)| *of == alert).map(|(_, lasting)| lasting);
        let (mark, what) = match lasting {
            Some(lasting) => (Mark::Remark, format!("{what} ({alert}, {severity}, if it lasts for {lasting})")),
            None => (Mark::Wrong, format!("{what} ({alert}, {severity})")),
        };
        let finding = self.findings.add(Section::Alerts, mark, what);
        finding.alert = Some((alert, severity));
    }

    pub(super) fn right(&mut self, what: impl Into<String>) {
        self.findings.add(Section::Alerts, Mark::Right, what);
    }

    pub(super) fn remark(&mut self, what: impl Into<String>) {
        self.findings.add(Section::Alerts, Mark::Remark, what);
    }

    /// The values of a family by its first label, summed over those that `counts` takes.
    pub(super) fn sums<const N: usize>(
        &self,
        family: &Family<N>,
        counts: impl Fn(&[String; N]) -> bool,
    ) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for fact in self.facts.all(family).into_iter().filter(|fact| counts(&fact.labels)) {
            *sums.entry(fact.labels.first().cloned().unwrap_or_default()).or_insert(0.0) += fact.value;
        }
        sums
    }

    fn chain(&mut self) {
        let (head, expected) =
            (self.facts.get(&of::CHAIN_HEAD_HEIGHT, []), self.facts.get(&of::CHAIN_EXPECTED_HEIGHT, []));
        if let (Some(head), Some(expected)) = (head, expected) {
            let behind = expected - head;
            match self.beyond("FarcasterChainBehind", "", |most| behind > most) {
                Some(severity) => self.wrong(
                    "FarcasterChainBehind",
                    severity,
                    format_args!(
                        "the full node's head is {} behind the clock: it is not in sync, or the clock of this machine is ahead",
                        counted(behind as u64, "epoch")
                    ),
                ),
                None => self.right(format!("the full node's head is {} behind the clock", counted(behind.max(0.0) as u64, "epoch"))),
            }
        }
        if let Some(head_seconds) = self.facts.get(&of::CHAIN_HEAD_TIMESTAMP_SECONDS, []) {
            let ahead = head_seconds - self.now;
            // A block is made when its epoch begins, so only a head of the future tells of the clock alone.
            if let Some(severity) = self.beyond("FarcasterClockOff", "", |most| ahead > most) {
                let what = format!(
                    "the head is of {ahead:.1} s from now: the clock of this machine is behind; see `timedatectl`"
                );
                self.wrong("FarcasterClockOff", severity, what);
            }
        }
        if let Some(peers) = self.facts.get(&of::DAEMON_PEERS, []) {
            let told = format!("the full node has {}", counted(peers as u64, "peer"));
            match self.beyond("FarcasterFewPeers", "", |least| peers < least) {
                Some(severity) => self.wrong("FarcasterFewPeers", severity, told),
                None => self.right(told),
            }
        }
        let runs_f3 = self.facts.get(&of::F3_RUNNING, []);
        if runs_f3 == Some(0.0) {
            self.wrong("FarcasterF3NotRunning", "warning", "F3 does not run in the full node");
        }
        let finalized = self.facts.get(&of::CHAIN_FINALIZED_HEIGHT, ["f3"]);
        if let (Some(1.0), Some(head), Some(finalized)) = (runs_f3, head, finalized) {
            let behind = head - finalized;
            if let Some(severity) = self.beyond("FarcasterF3Stalled", "", |most| behind > most) {
                let what = format!("what F3 finalized last is {} behind the head", counted(behind as u64, "epoch"));
                self.wrong("FarcasterF3Stalled", severity, what);
            }
        }
        for (miner, _) in
            self.sums(&of::MINER_F3_PARTICIPATING, |_| true).into_iter().filter(|(_, takes_part)| *takes_part == 0.0)
        {
            let has_power = self.facts.get(&of::MINER_HAS_MIN_POWER, [&miner]) == Some(1.0);
            if has_power && self.facts.get(&of::MINER_START_TIME_SECONDS, [&miner]).is_some() {
                self.wrong("FarcasterF3NotParticipating", "warning", format_args!("{miner} does not take part in F3"));
            }
        }
    }

    fn proving(&mut self) {
        for fact in self.facts.all(&of::MINER_DEADLINE_DUE_PARTITIONS) {
            let [miner, deadline] = fact.labels.each_ref().map(String::as_str);
            let proven = self.facts.get(&of::MINER_DEADLINE_PROVEN_PARTITIONS, [miner, deadline]);
            let closes = self.facts.get(&of::MINER_DEADLINE_CLOSE_TIMESTAMP_SECONDS, [miner, deadline]);
            let (Some(proven), Some(closes)) = (proven, closes) else { continue };
            let (unproven, left) = (fact.value - proven, closes - self.now);
            if unproven > 0.0
                && left > 0.0
                && let Some(severity) = self.beyond("FarcasterWindowPostAtRisk", "", |least| left < least)
            {
                let partitions = counted(unproven as u64, "partition");
                let what = format!(
                    "{miner}: no WindowPoSt for {partitions} of deadline {deadline}, which closes in {left:.0} s"
                );
                self.wrong("FarcasterWindowPostAtRisk", severity, what);
            }
        }
        for (miner, faulty) in self.sums(&of::MINER_DEADLINE_FAULTY_SECTORS, |_| true) {
            let live = self.facts.get(&of::MINER_LIVE_SECTORS, [&miner]).unwrap_or(0.0);
            let sectors = counted(faulty as u64, "faulty sector");
            match self.beyond("FarcasterNewFaults", "", |share| faulty > 0.0 && faulty >= share * live) {
                Some(severity) => {
                    self.wrong("FarcasterNewFaults", severity, format_args!("{miner} has {sectors} of {live:.0}"))
                }
                None if faulty > 0.0 => {
                    self.remark(format!(
                        "{miner} has {sectors} of {live:.0}: alerts tell whether they are new, or do not recover"
                    ));
                }
                None => self.right(format!("{miner} has no faulty sectors")),
            }
        }
        for (miner, expiring) in self.sums(&of::MINER_EXPIRING_SECTORS, |[_, days]| days == "7") {
            let live = self.facts.get(&of::MINER_LIVE_SECTORS, [&miner]).unwrap_or(f64::INFINITY);
            if expiring > 0.0 {
                let severity =
                    self.beyond("FarcasterSectorsExpiring", "", |share| expiring >= share * live).unwrap_or("warning");
                let sectors = counted(expiring as u64, "sector");
                self.wrong(
                    "FarcasterSectorsExpiring",
                    severity,
                    format_args!("{miner}: {sectors} expiring within 7 days"),
                );
            }
        }
        for (miner, _) in
            self.sums(&of::MINER_MINING_ELIGIBLE, |_| true).into_iter().filter(|(_, eligible)| *eligible == 0.0)
        {
            if self.facts.get(&of::MINER_HAS_MIN_POWER, [&miner]) == Some(1.0) {
                self.remark(format!("{miner} may not win blocks now, although it has the power: a fee debt, a consensus fault, or power that is new"));
            }
        }
    }

    fn storage(&mut self) {
        let paths = storage_paths(self.facts);
        let mut by_miner: BTreeMap<&str, Vec<&StoragePath>> = BTreeMap::new();
        for path in &paths {
            by_miner.entry(&path.miner).or_default().push(path);
        }
        for (miner, paths) in by_miner {
            for path in &paths {
                if path.is_down {
                    let severity = if path.holds_nothing { "warning" } else { "critical" };
                    let what = format!("{miner}: the storage path {} does not answer", path.called);
                    self.wrong("FarcasterStorageDown", severity, what);
                }
                let share = path.free.zip(path.size).map(|(free, size)| free / size);
                if let Some(share) = share.filter(|_| path.can_seal && !path.can_store) {
                    let least = self.threshold("FarcasterSealingStorageFull", "critical", "");
                    if least.is_some_and(|least| share < least) {
                        let what =
                            format!("{miner}: {:.1} % of the sealing path {} is free", share * 100.0, path.called);
                        self.wrong("FarcasterSealingStorageFull", "critical", what);
                    }
                }
            }
            let Some(share) = store_free_share(&paths) else { continue };
            let is_sealing = self
                .sums(&of::MINER_SECTORS, |[_, _, phase]| phase == "sealing")
                .get(miner)
                .is_some_and(|it| *it > 0.0);
            let told = format!("{miner}: {:.1} % of the space for finished sectors is free", share * 100.0);
            let is_below = |judge: &Self, severity, of| {
                judge.threshold("FarcasterStorageFull", severity, of).is_some_and(|least| share < least)
            };
            if is_below(self, "critical", "used_up") && is_sealing {
                self.wrong("FarcasterStorageFull", "critical", format_args!("{told}, while it goes on sealing"));
            } else if is_below(self, "warning", "") {
                self.remark(format!("{told}: an alert tells when it will be used up"));
            } else if !paths.iter().any(|path| path.is_down) {
                self.right(told);
            }
        }
    }

    fn workers_and_sealing(&mut self) {
        for fact in self.facts.all(&of::WORKER_ENABLED).into_iter().filter(|fact| fact.value == 0.0) {
            let [miner, _, host] = &fact.labels;
            self.wrong("FarcasterWorkerDisabled", "warning", format_args!("{miner}: a worker on {host} is disabled"));
        }
        let of_miners = self.facts.all(&of::MINER_ALERT_ACTIVE).into_iter().map(|fact| {
            let [miner, system, subsystem] = fact.labels;
            (format!("the lotus-miner of {miner}"), system, subsystem, fact.value)
        });
        let of_node = self.facts.all(&of::DAEMON_ALERT_ACTIVE).into_iter().map(|fact| {
            let [system, subsystem] = fact.labels;
            ("the full node".to_owned(), system, subsystem, fact.value)
        });
        for (who, system, subsystem, _) in of_miners.chain(of_node).filter(|(.., value)| *value == 1.0) {
            self.wrong("FarcasterLotusAlert", "warning", format_args!("{who} reports {system}/{subsystem}"));
        }
        for (miner, failed) in self.sums(&of::MINER_SECTORS, |[_, _, phase]| phase == "error") {
            if failed > 0.0 {
                let sectors = counted(failed as u64, "sector");
                self.wrong("FarcasterSectorsFailed", "warning", format_args!("{miner}: {sectors} in an error state"));
            }
        }
        let states = self.facts.all(&of::MINER_PIPELINE_SECTOR_STATE_TIMESTAMP_SECONDS);
        let (mut stuck, mut expiring): (BTreeMap<String, u64>, BTreeMap<String, u64>) = Default::default();
        for fact in self.facts.all(&of::MINER_PIPELINE_SECTOR_PROGRESS_TIMESTAMP_SECONDS) {
            let [miner, sector] = &fact.labels;
            let Some(state) = states.iter().find(|state| state.labels[0] == *miner && state.labels[1] == *sector)
            else {
                continue;
            };
            let (name, phase) = (state.labels[2].as_str(), state.labels[3].as_str());
            let since = self.now - fact.value;
            let stays_failed = phase == "error" && self.now - state.value > STAYS_FAILED_SECONDS;
            if !["WaitDeals", "SnapDealsWaitDeals"].contains(&name)
                && !stays_failed
                && self.threshold("FarcasterSectorsStuck", "warning", "").is_some_and(|most| since > most)
            {
                *stuck.entry(miner.clone()).or_default() += 1;
            }
            let days = since / 86_400.0;
            let is_committing = ["WaitSeed", "ComputeProofFailed", "RemoteCommitFailed"].contains(&name)
                || name.starts_with("Commit")
                || name.starts_with("SubmitCommit");
            let most = self.threshold("FarcasterPreCommitExpiring", "critical", "");
            if is_committing && days < 31.0 && most.is_some_and(|most| days > most) {
                *expiring.entry(miner.clone()).or_default() += 1;
            }
        }
        for (miner, count) in stuck {
            let what = format!("{miner}: {} without progress for too long", counted(count, "sector"));
            self.wrong("FarcasterSectorsStuck", "warning", what);
        }
        for (miner, count) in expiring {
            let what = format!("{miner}: {} about to expire", counted(count, "pre-commit"));
            self.wrong("FarcasterPreCommitExpiring", "critical", what);
        }
    }

    /// What the run says of itself. It is one by hand, and may cost more than those of a service.
    fn run(&mut self) {
        for fact in self.facts.all(&of::COLLECTOR_DATA_TIMESTAMP_SECONDS) {
            let age = self.now - fact.value;
            if let Some(severity) = self.beyond("FarcasterCollectorDataOld", "", |most| age > most) {
                let [collector, miner] = &fact.labels;
                let what = format!("what {collector} {miner} shows is {:.0} min old", age / 60.0);
                self.wrong("FarcasterCollectorDataOld", severity, what);
            }
        }
        let (took, most) =
            (self.facts.get(&of::RUN_DURATION_SECONDS, []), self.facts.get(&of::RUN_TIMEOUT_SECONDS, []));
        if let (Some(took), Some(most)) = (took, most)
            && self.beyond("FarcasterRunNearTimeout", "", |share| took > share * most).is_some()
        {
            self.remark(format!(
                "this run took {took:.1} of {most:.0} s: if those of the service do, give them a longer --timeout"
            ));
        }
        let left_out: f64 = self.facts.all(&of::TRUNCATED_ROWS).iter().map(|fact| fact.value).sum();
        if left_out > 0.0 {
            let what = format!("{} left out: give the exporter a larger --max-rows", counted(left_out as u64, "row"));
            self.wrong("FarcasterRowsLeftOut", "warning", what);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::bundle;

    /// How long the rules have an alert wait before it fires.
    fn waits(alert: &str) -> Vec<String> {
        let files = ["chain", "sealing", "deals"].map(|name| format!("compose/prometheus/rules/{name}.yaml"));
        let text: String = files.map(|file| String::from_utf8(bundle::file(&file).unwrap()).unwrap()).concat();
        let rules = text.split("- alert: ").filter(|rule| rule.lines().next() == Some(alert));
        let wait = |rule: &str| rule.lines().find_map(|line| line.trim().strip_prefix("for: ").map(str::to_owned));
        rules.filter_map(wait).collect()
    }

    #[test]
    fn what_has_to_last_waits_in_the_rules_too() {
        for (alert, lasting) in LASTING {
            let wait = if *lasting == "an hour" { "1h" } else { "30m" };
            assert_eq!(waits(alert), [wait], "{alert}");
        }
    }
}
