//! What is wrong, as the alerts judge it and by their thresholds: those that judge one moment. What takes history, such as whether faults are
//! new, is shown and not judged.

use serde::Serialize;

use super::facts::Status;
use super::machines::store;
use super::miner::Miner;
use super::money::{Deals, Message};
use super::words;
use crate::thresholds::Thresholds;

const SECONDS_PER_DAY: f64 = 86_400.0;

/// An alert leaves out sectors that have been in an error state for longer: they are failed, not stuck.
const SECONDS_OF_A_FAILURE: f64 = 1800.0;

/// A pre-commit that is older is lost already.
const DAYS_OF_A_PRECOMMIT: f64 = 31.0;

/// States in which a sector's pledge is still to be paid: those of FarcasterPledgeShort.
const UNPLEDGED: [&str; 15] = [
    "Packing",
    "GetTicket",
    "PreCommit1",
    "PreCommit2",
    "PreCommitting",
    "PreCommitWait",
    "SubmitPreCommitBatch",
    "PreCommitBatchWait",
    "WaitSeed",
    "Committing",
    "CommitFinalize",
    "SubmitCommit",
    "CommitWait",
    "SubmitCommitAggregate",
    "CommitAggregateWait",
];

/// How bad it is, as the alert says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Critical,
    Warning,
}
use Severity::{Critical, Warning};

impl Severity {
    /// The value of the label `severity`.
    fn as_str(self) -> &'static str {
        match self {
            Critical => "critical",
            Warning => "warning",
        }
    }
}

impl Status {
    /// The worst of what was found by these alerts, about a miner or about none.
    pub fn worst(&self, alerts: &[&str], miner: Option<&Miner>) -> Option<Severity> {
        let miner_id = miner.map(|miner| miner.miner_id.as_str());
        let of = |finding: &&Finding| alerts.contains(&finding.alert) && finding.miner_id.as_deref() == miner_id;
        self.findings.iter().filter(of).map(|finding| finding.severity).min()
    }

    /// The worst of what was found by these alerts about one of a miner's sectors, hosts or paths, or about a message.
    pub fn worst_about(&self, subject: &str, alerts: &[&str], miner: Option<&Miner>) -> Option<Severity> {
        let miner_id = miner.map(|miner| miner.miner_id.as_str());
        let of = |finding: &&Finding| {
            alerts.contains(&finding.alert)
                && finding.miner_id.as_deref() == miner_id
                && finding.subjects.iter().any(|known| known == subject)
        };
        self.findings.iter().filter(of).map(|finding| finding.severity).min()
    }
}

/// Something that an alert is about.
#[derive(Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// The alert, whose section in docs/runbooks.md says what to do.
    pub alert: &'static str,
    pub miner_id: Option<String>,
    pub text: String,
    /// Which sectors, hosts, storage paths or messages it is about, by their ids, where it is about such.
    pub subjects: Vec<String>,
}

struct Judge<'a> {
    status: &'a Status,
    thresholds: &'a Thresholds,
    now: f64,
    findings: Vec<Finding>,
}

/// Everything that is wrong, the worst first.
pub fn judge(status: &Status, thresholds: &Thresholds) -> Vec<Finding> {
    let mut judge = Judge { status, thresholds, now: status.timestamp_seconds, findings: Vec::new() };
    judge.nodes();
    judge.chain();
    judge.lotus_alerts();
    for miner in &status.miners {
        judge.proving(miner);
        judge.sealing(miner);
        judge.machines(miner);
        judge.money(miner);
        if let Some(deals) = &miner.deals {
            judge.deals(miner, deals);
        }
    }
    judge.messages();
    judge.collectors();
    judge.findings.sort_by_key(|finding| finding.severity);
    judge.findings
}

impl Judge<'_> {
    fn add(&mut self, severity: Severity, alert: &'static str, miner: Option<&Miner>, text: String) {
        let miner_id = miner.map(|miner| miner.miner_id.clone());
        self.findings.push(Finding { severity, alert, miner_id, text, subjects: Vec::new() });
    }

    fn add_about(
        &mut self,
        subjects: Vec<String>,
        severity: Severity,
        alert: &'static str,
        miner: Option<&Miner>,
        text: String,
    ) {
        self.add(severity, alert, miner, text);
        if let Some(finding) = self.findings.last_mut() {
            finding.subjects = subjects;
        }
    }

    /// The threshold; with one that does not exist nothing compares, so nothing is judged.
    fn limit(&self, alert: &str, severity: Severity, of: &str) -> f64 {
        self.thresholds.get(alert, severity.as_str(), of).unwrap_or(f64::NAN)
    }

    /// The worse of both severities that a value is above the threshold of.
    fn above(&self, alert: &str, value: f64) -> Option<Severity> {
        [Critical, Warning].into_iter().find(|severity| value > self.limit(alert, *severity, ""))
    }

    fn below(&self, alert: &str, value: f64) -> Option<Severity> {
        [Critical, Warning].into_iter().find(|severity| value < self.limit(alert, *severity, ""))
    }

    fn age(&self, timestamp_seconds: f64) -> f64 {
        self.now - timestamp_seconds
    }

    fn nodes(&mut self) {
        let status = self.status;
        let daemons = || status.endpoints.iter().filter(|endpoint| endpoint.endpoint == "daemon");
        let is_any_up = daemons().any(|daemon| daemon.is_up);
        for endpoint in status.endpoints.iter().filter(|endpoint| !endpoint.is_up) {
            let miner = status.miners.iter().find(|miner| endpoint.miner_id.as_deref() == Some(&miner.miner_id));
            let address = &endpoint.address;
            let (severity, alert, text) = match (endpoint.endpoint.as_str(), address.as_str()) {
                ("daemon", "") => (Critical, "FarcasterDaemonDown", "no full node was found".to_owned()),
                ("daemon", _) if is_any_up => {
                    (Warning, "FarcasterDaemonFailover", format!("full node {address} is down; another one stands in"))
                }
                ("daemon", _) => (Critical, "FarcasterDaemonDown", format!("full node {address} is down")),
                ("miner", _) => (Critical, "FarcasterMinerDown", format!("lotus-miner {address} is down")),
                _ => (Warning, "FarcasterBoostDown", format!("Boost {address} is down")),
            };
            self.add(severity, alert, miner, text);
        }
    }

    fn chain(&mut self) {
        let chain = &self.status.chain;
        if let Some(behind) = chain.behind_clock_epochs
            && let Some(severity) = self.above("FarcasterChainBehind", behind)
        {
            let span = words::span(behind * 30.0);
            let text = format!("the full node is {} behind the clock ({span})", words::of(behind, "epoch"));
            self.add(severity, "FarcasterChainBehind", None, text);
        }
        if let Some(peers) = chain.peers
            && let Some(severity) = self.below("FarcasterFewPeers", peers)
        {
            self.add(
                severity,
                "FarcasterFewPeers",
                None,
                format!("the full node has only {}", words::of(peers, "peer")),
            );
        }
        if chain.is_f3_running == Some(false) {
            self.add(Warning, "FarcasterF3NotRunning", None, "F3 does not run in the full node".to_owned());
        }
        if let Some(behind) = chain.behind_f3_epochs.filter(|_| chain.is_f3_running == Some(true))
            && behind > self.limit("FarcasterF3Stalled", Warning, "")
        {
            let text = format!("F3 is {} behind the head", words::of(behind, "epoch"));
            self.add(Warning, "FarcasterF3Stalled", None, text);
        }
    }

    /// What the full node complains about itself.
    fn lotus_alerts(&mut self) {
        for alert in &self.status.chain.lotus_alerts.rows {
            self.add(Warning, "FarcasterLotusAlert", None, format!("the full node has an alert of its own: {alert}"));
        }
    }

    fn proving(&mut self, miner: &Miner) {
        for deadline in &miner.deadlines.rows {
            let unproven = deadline.due_partitions.zip(deadline.proven_partitions).map(|(due, proven)| due - proven);
            let left = deadline.close_timestamp_seconds.map(|close| close - self.now).filter(|left| *left > 0.0);
            if let Some((unproven, left)) = unproven.filter(|unproven| *unproven > 0.0).zip(left)
                && let Some(severity) = self.below("FarcasterWindowPostAtRisk", left)
            {
                let (number, left) = (deadline.deadline, words::span(left));
                let text = format!("deadline {number} closes in {left}, {} unproven", words::of(unproven, "partition"));
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
        let sectors = &miner.sectors;
        let of_live = |expiring: Option<f64>| expiring.filter(|expiring| *expiring > 0.0).zip(sectors.live_sectors);
        if let Some((expiring, live)) = of_live(sectors.expiring_within_7_days_sectors) {
            let is_much = expiring >= self.limit("FarcasterSectorsExpiring", Critical, "") * live;
            let severity = if is_much { Critical } else { Warning };
            let text = format!("{} within 7 days", expire(expiring));
            self.add(severity, "FarcasterSectorsExpiring", Some(miner), text);
        }
        if let Some((expiring, live)) = of_live(sectors.expiring_within_30_days_sectors)
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
            let rows = miner.pipeline.rows.iter().filter(|sector| sector.phase.as_deref() == Some("error"));
            let subjects = rows.map(|sector| sector.sector.clone()).collect();
            self.add_about(subjects, Warning, "FarcasterSectorsFailed", Some(miner), text);
        }
        let (mut stuck, mut expiring) = (Vec::new(), Vec::new());
        for sector in &miner.pipeline.rows {
            let Some(idle) = sector.progress_timestamp_seconds.map(|progress| self.age(progress)) else { continue };
            let state = sector.state.as_deref().unwrap_or_default();
            let in_state = sector.state_timestamp_seconds.map_or(0.0, |since| self.age(since));
            let may_wait = matches!(state, "WaitDeals" | "SnapDealsWaitDeals");
            let is_failed = sector.phase.as_deref() == Some("error") && in_state > SECONDS_OF_A_FAILURE;
            if idle > self.limit("FarcasterSectorsStuck", Warning, "") && !may_wait && !is_failed {
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
            let text = format!("the pre-commit of {} ends within days", words::of(expiring.len() as f64, "sector"));
            self.add_about(expiring, Critical, "FarcasterPreCommitExpiring", Some(miner), text);
        }
        for job in miner.jobs.rows.iter().filter(|job| job.state == "running") {
            let ran = self.age(job.start_timestamp_seconds);
            let limit = |of| self.limit("FarcasterJobSlow", Warning, of);
            let is_slow = match job.mean_duration_seconds {
                Some(mean) => ran > limit("seconds") && ran > limit("times") * mean,
                None => ran > limit("unmeasured_seconds"),
            };
            if is_slow {
                let (task, sector, host, ran) =
                    (words::task(&job.task), &job.sector, &job.worker_host, words::span(ran));
                let text = format!("{task} of sector {sector} has run on {host} for {ran}");
                self.add_about(vec![host.clone()], Warning, "FarcasterJobSlow", Some(miner), text);
            }
        }
    }

    fn machines(&mut self, miner: &Miner) {
        let paths = &miner.storage_paths.rows;
        for path in paths.iter().filter(|path| path.is_down()) {
            let severity = if path.sector_files == Some(0.0) { Warning } else { Critical };
            let text = format!("storage path {} is down", path.name());
            self.add_about(vec![path.storage_id.clone()], severity, "FarcasterStorageDown", Some(miner), text);
        }
        for path in paths.iter().filter(|path| path.can_seal == Some(true) && path.can_store == Some(false)) {
            if let Some((free, size)) = path.free_bytes.zip(path.size_bytes)
                && free / size < self.limit("FarcasterSealingStorageFull", Critical, "")
            {
                let text = format!("sealing storage {} has {} left", path.name(), words::bytes(free));
                let subjects = vec![path.storage_id.clone()];
                self.add_about(subjects, Critical, "FarcasterSealingStorageFull", Some(miner), text);
            }
        }
        if let Some((free, size)) = store(paths)
            && free / size < self.limit("FarcasterStorageFull", Critical, "used_up")
            && miner.sectors_in(|state| state.phase == "sealing") > 0.0
        {
            let text = format!("all storage together has {} left", words::bytes(free));
            self.add(Critical, "FarcasterStorageFull", Some(miner), text);
        }
        let disabled = miner.workers.rows.iter().filter(|worker| worker.is_enabled == Some(false));
        let hosts: Vec<String> = disabled.map(|worker| worker.worker_host.clone()).collect();
        if !hosts.is_empty() {
            let disabled = hosts.len() as f64;
            let text = format!("{} {} disabled", words::of(disabled, "worker"), words::is(disabled));
            self.add_about(hosts, Warning, "FarcasterWorkerDisabled", Some(miner), text);
        }
        for alert in &miner.lotus_alerts.rows {
            let text = format!("lotus-miner has an alert of its own: {alert}");
            self.add(Warning, "FarcasterLotusAlert", Some(miner), text);
        }
    }

    fn money(&mut self, miner: &Miner) {
        let money = &miner.money;
        if let Some(debt) = money.fee_debt_fil.filter(|debt| *debt > 0.0) {
            let text = format!("owes {} and wins no blocks before that is paid", words::fil(debt));
            self.add(Critical, "FarcasterFeeDebt", Some(miner), text);
        }
        if let Some(days) = money.daily_fee_runway_days
            && let Some(severity) = self.below("FarcasterDailyFeeRunway", days)
        {
            let lasts = words::span(days * SECONDS_PER_DAY);
            self.add(severity, "FarcasterDailyFeeRunway", Some(miner), format!("can pay its daily fee for {lasts}"));
        }
        let waiting = miner.sectors_in(|state| UNPLEDGED.contains(&state.state.as_str()));
        let wallets = money.worker_and_control_fil.filter(|_| self.status.wallets.is_complete);
        let has = [money.available_fil, money.precommit_deposits_fil, wallets].into_iter().sum::<Option<f64>>();
        if let Some((has, pledge)) = has.zip(self.status.chain.sector_pledge_fil)
            && waiting * pledge > has
        {
            let (needs, has) = (words::fil(waiting * pledge), words::fil(has));
            let text = format!(
                "{} in the pipeline need a pledge of {needs}, and {has} are there",
                words::of(waiting, "sector")
            );
            self.add(Warning, "FarcasterPledgeShort", Some(miner), text);
        }
    }

    fn deals(&mut self, miner: &Miner, deals: &Deals) {
        let late = deals.publish_timestamp_seconds.map(|publish| self.age(publish));
        if let Some(late) = late.filter(|_| deals.publish_queue_deals.is_some_and(|deals| deals > 0.0))
            && late > self.limit("FarcasterPublishOverdue", Warning, "")
        {
            let text = format!("deals should have been published {} ago", words::span(late));
            self.add(Warning, "FarcasterPublishOverdue", Some(miner), text);
        }
        if let Some((free, all)) = deals.staging_free_bytes.zip(deals.staging_bytes)
            && free / all < self.limit("FarcasterStagingFull", Warning, "")
        {
            let text = format!("Boost's staging area has {} left", words::bytes(free));
            self.add(Warning, "FarcasterStagingFull", Some(miner), text);
        }
        if let Some((available, tagged)) = deals.escrow_available_fil.zip(deals.escrow_tagged_fil)
            && available < self.limit("FarcasterMarketFundsShort", Warning, "") * tagged
        {
            let text = format!(
                "{} of market escrow are left for deals that need {}",
                words::fil(available),
                words::fil(tagged)
            );
            self.add(Warning, "FarcasterMarketFundsShort", Some(miner), text);
        }
        if let Some((available, tagged)) = deals.publish_wallet_available_fil.zip(deals.publish_wallet_tagged_fil)
            && available < self.limit("FarcasterPublishWalletLow", Warning, "times") * tagged
        {
            let text = format!("the wallet that publishes deals has {} left", words::fil(available));
            self.add(Warning, "FarcasterPublishWalletLow", Some(miner), text);
        }
    }

    fn messages(&mut self) {
        let messages = &self.status.pending_messages.rows;
        let those = |is_such: &dyn Fn(&Message) -> bool| -> Vec<String> {
            messages.iter().filter(|message| is_such(message)).map(|message| message.cid.clone()).collect()
        };
        let waits = |message: &Message, severity| {
            self.age(message.first_seen_timestamp_seconds) > self.limit("FarcasterMessagesWaiting", severity, "")
        };
        let stuck = those(&|message| message.is_below_base_fee == Some(true));
        let proofs = those(&|message| message.method == "SubmitWindowedPoSt" && waits(message, Critical));
        let waiting = those(&|message| waits(message, Warning));
        if !stuck.is_empty() {
            let number = stuck.len() as f64;
            let pays = if number == 1.0 { "is stuck: it pays" } else { "are stuck: they pay" };
            let text = format!("{} {pays} less than the base fee", words::of(number, "message"));
            self.add_about(stuck, Warning, "FarcasterMessagesStuck", None, text);
        }
        for (severity, waiting, what) in [(Critical, proofs, "WindowPoSt message"), (Warning, waiting, "message")] {
            if !waiting.is_empty() {
                let number = waiting.len() as f64;
                let verb = if number == 1.0 { "waits" } else { "wait" };
                let limit = words::span(self.limit("FarcasterMessagesWaiting", severity, ""));
                let text = format!("{} {verb} for more than {limit}", words::of(number, what));
                self.add_about(waiting, severity, "FarcasterMessagesWaiting", None, text);
            }
        }
    }

    /// Those whose node is down fail with it, which is said once.
    fn collectors(&mut self) {
        let status = self.status;
        let is_up = |kind: &str, miner_id: Option<&str>| {
            let mut of = status.endpoints.iter().filter(|endpoint| {
                endpoint.endpoint == kind && (kind == "daemon" || endpoint.miner_id.as_deref() == miner_id)
            });
            of.any(|endpoint| endpoint.is_up)
        };
        for collector in &status.collectors {
            let miner_id = collector.miner_id.as_deref();
            let miner = status.miners.iter().find(|miner| Some(miner.miner_id.as_str()) == miner_id);
            let name = &collector.collector;
            let kind = match name.as_str() {
                "sectors" | "pipeline" | "process" | "expired_sectors" | "workers" | "jobs" | "scheduler"
                | "storage_paths" | "storage" => "miner",
                "alerts" if miner_id.is_some() => "miner",
                "boost" => "boost",
                _ => "daemon",
            };
            if !is_up(kind, miner_id) {
                continue;
            }
            if !collector.is_success {
                let severity = if matches!(name.as_str(), "chain" | "deadlines") { Critical } else { Warning };
                self.add(
                    severity,
                    "FarcasterCollectorFailing",
                    miner,
                    format!("the collector {name} failed: see below"),
                );
            } else if let Some(date) = collector.data_timestamp_seconds
                && self.age(date) > self.limit("FarcasterCollectorDataOld", Warning, "")
            {
                let text = format!("the figures of the collector {name} are {} old", words::span(self.age(date)));
                self.add(Warning, "FarcasterCollectorDataOld", miner, text);
            }
        }
        if let Some((took, most)) = status.run_duration_seconds.zip(status.run_timeout_seconds)
            && took / most > self.limit("FarcasterRunNearTimeout", Warning, "")
        {
            let text = format!("the run took {} of the {} that it has", words::span(took), words::span(most));
            self.add(Warning, "FarcasterRunNearTimeout", None, text);
        }
    }
}

fn expire(sectors: f64) -> String {
    format!("{} expire{}", words::of(sectors, "sector"), if sectors == 1.0 { "s" } else { "" })
}
