//! Judges how things stand as the alerts do: those that look at one moment, each by its rule. What an alert compares with earlier runs, such as
//! whether faults are new, becomes a note. How long something has been so, only Prometheus knows.

mod machines;
mod miner;
mod money;

use super::facts::{Collector, Standing, Truncated};
use super::findings::{Finding, Note, Severity};
use super::miner::Miner;
use crate::thresholds::Thresholds;
use crate::words;
use Severity::{Critical, Warning};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

const SECONDS_PER_DAY: f64 = 86_400.0;

impl Standing {
    /// Judges it: what is wrong, the worst first, what may be, and what is fine.
    pub fn judge(&mut self, thresholds: &Thresholds) {
        let mut judge = Judge {
            standing: self,
            thresholds,
            now: self.timestamp_seconds,
            findings: Vec::new(),
            notes: Vec::new(),
            fine: Vec::new(),
        };
        judge.nodes();
        judge.chain();
        for miner in &judge.standing.miners {
            judge.miner(miner);
        }
        judge.messages();
        judge.collectors();
        judge.run();
        let Judge { mut findings, notes, fine, .. } = judge;
        findings.sort_by_key(|finding| finding.severity);
        (self.findings, self.notes, self.fine) = (findings, notes, fine);
    }
}

struct Judge<'a> {
    standing: &'a Standing,
    thresholds: &'a Thresholds,
    now: f64,
    findings: Vec<Finding>,
    notes: Vec<Note>,
    fine: Vec<Note>,
}

impl<'a> Judge<'a> {
    fn add(&mut self, severity: Severity, alert: &'static str, miner: Option<&Miner>, text: String) {
        self.add_about(Vec::new(), severity, alert, miner, text);
    }

    fn add_about(
        &mut self,
        subjects: Vec<String>,
        severity: Severity,
        alert: &'static str,
        miner: Option<&Miner>,
        text: String,
    ) {
        let miner_id = miner.map(|miner| miner.miner_id.clone());
        self.findings.push(Finding { severity, alert, miner_id, text, subjects });
    }

    fn note(&mut self, miner: &Miner, text: String) {
        self.notes.push(Note { miner_id: Some(miner.miner_id.clone()), text });
    }

    fn fine(&mut self, miner: Option<&Miner>, text: String) {
        self.fine.push(Note { miner_id: miner.map(|miner| miner.miner_id.clone()), text });
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

    fn miner_of(&self, miner_id: Option<&str>) -> Option<&'a Miner> {
        self.standing.miners.iter().find(|miner| Some(miner.miner_id.as_str()) == miner_id)
    }

    fn nodes(&mut self) {
        let standing = self.standing;
        let is_any_up = standing.endpoints.iter().any(|endpoint| endpoint.endpoint == "daemon" && endpoint.is_up);
        for endpoint in standing.endpoints.iter().filter(|endpoint| !endpoint.is_up) {
            let address = &endpoint.address;
            let (severity, alert, text) = match (endpoint.endpoint.as_str(), address.as_str()) {
                ("daemon", "") => (Critical, "FarcasterDaemonDown", "no full node was found".to_owned()),
                ("daemon", _) if is_any_up => {
                    (Warning, "FarcasterDaemonFailover", format!("full node {address} is down; another one is used"))
                }
                ("daemon", _) => (Critical, "FarcasterDaemonDown", format!("full node {address} is down")),
                ("miner", _) => (Critical, "FarcasterMinerDown", format!("lotus-miner {address} is down")),
                ("curio", _) => (Warning, "FarcasterCurioDown", format!("Curio {address} is down")),
                _ => (Warning, "FarcasterBoostDown", format!("Boost {address} is down")),
            };
            self.add(severity, alert, self.miner_of(endpoint.miner_id.as_deref()), text);
        }
    }

    fn chain(&mut self) {
        let chain = &self.standing.chain;
        if let Some(behind) = chain.behind_clock_epochs {
            let text = format!("the full node's head is {} behind the clock", words::of(behind.max(0.0), "epoch"));
            match self.above("FarcasterChainBehind", behind) {
                Some(severity) => {
                    let span = words::span(behind * 30.0);
                    let text = format!("{text} ({span}): it is not in sync, or the clock of this machine is ahead");
                    self.add(severity, "FarcasterChainBehind", None, text);
                }
                None => self.fine(None, text),
            }
        }
        // A block is created when its epoch begins, so only a head in the future proves that the clock is wrong.
        if let Some(ahead) = chain.head_timestamp_seconds.map(|head| -self.age(head))
            && let Some(severity) = self.above("FarcasterClockOff", ahead)
        {
            let text = format!(
                "the head is {ahead:.1} s in the future: the clock of this machine is behind; see `timedatectl`"
            );
            self.add(severity, "FarcasterClockOff", None, text);
        }
        if let Some(peers) = chain.peers {
            let count = words::of(peers, "peer");
            match self.below("FarcasterFewPeers", peers) {
                Some(severity) => {
                    self.add(severity, "FarcasterFewPeers", None, format!("the full node has only {count}"));
                }
                None => self.fine(None, format!("the full node has {count}")),
            }
        }
        if chain.is_f3_running == Some(false) {
            self.add(Warning, "FarcasterF3NotRunning", None, "F3 is not running in the full node".to_owned());
        }
        if let Some(behind) = chain.behind_f3_epochs.filter(|_| chain.is_f3_running == Some(true))
            && let Some(severity) = self.above("FarcasterF3Stalled", behind)
        {
            let text = format!("F3 is {} behind the head", words::of(behind, "epoch"));
            self.add(severity, "FarcasterF3Stalled", None, text);
        }
        for alert in &chain.lotus_alerts.rows {
            self.add(Warning, "FarcasterLotusAlert", None, format!("the full node itself raises an alert: {alert}"));
        }
    }

    /// Those whose node is down fail with it, which is reported once.
    fn collectors(&mut self) {
        for collector in &self.standing.collectors {
            if !self.is_node_up(collector) {
                continue;
            }
            let miner = self.miner_of(collector.miner_id.as_deref());
            let name = &collector.collector;
            if !collector.is_success {
                let severity = if matches!(name.as_str(), "chain" | "deadlines") { Critical } else { Warning };
                self.add(severity, "FarcasterCollectorFailing", miner, format!("the collector {name} failed"));
            }
            if let Some(age) = collector.data_timestamp_seconds.map(|date| self.age(date))
                && let Some(severity) = self.above("FarcasterCollectorDataOld", age)
            {
                let text = format!("the figures of the collector {name} are {} old", words::span(age));
                self.add(severity, "FarcasterCollectorDataOld", miner, text);
            }
        }
    }

    /// Whether the node that a collector asks answers, as collector:farcaster_node_down:info has it.
    fn is_node_up(&self, collector: &Collector) -> bool {
        if let Some(cluster) = &collector.cluster {
            let mut curios = self.standing.endpoints.iter().filter(|endpoint| endpoint.endpoint == "curio");
            return curios.any(|endpoint| endpoint.address == *cluster && endpoint.is_up);
        }
        let miner_id = collector.miner_id.as_deref();
        let kind = match collector.collector.as_str() {
            "sectors" | "pipeline" | "process" | "expired_sectors" | "missing_sectors" | "workers" | "jobs"
            | "scheduler" | "storage_paths" | "storage" => "miner",
            "alerts" if miner_id.is_some() => "miner",
            "boost" => "boost",
            _ => "daemon",
        };
        let mut of = self.standing.endpoints.iter().filter(|endpoint| {
            endpoint.endpoint == kind && (kind == "daemon" || endpoint.miner_id.as_deref() == miner_id)
        });
        of.any(|endpoint| endpoint.is_up)
    }

    fn run(&mut self) {
        let standing = self.standing;
        if let Some((took, most)) = standing.run_duration_seconds.zip(standing.run_timeout_seconds)
            && let Some(severity) = self.above("FarcasterRunNearTimeout", took / most)
        {
            let text = format!("the run took {took:.1} of its {most:.0} s: raise --timeout");
            self.add(severity, "FarcasterRunNearTimeout", None, text);
        }
        let rows: f64 = standing.truncated_rows.iter().map(|truncated| truncated.rows).sum();
        if rows > 0.0 {
            let of = |family: &Truncated| format!("{} of {}", words::count(family.rows), family.metric);
            let families: Vec<String> = standing.truncated_rows.iter().map(of).collect();
            let (count, are, families) = (words::of(rows, "row"), words::is(rows), families.join(", "));
            let text = format!("{count} {are} left out ({families}): raise --max-rows");
            self.add(Warning, "FarcasterRowsLeftOut", None, text);
        }
    }
}
