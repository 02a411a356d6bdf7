//! What the alerts would say of this run, how things stand being judged by their own thresholds. How long something has been so, only
//! Prometheus knows; so an alert may wait for some minutes yet.

use super::findings::{Findings, Mark, Section};
use crate::standing::facts::Standing;

/// Alerts of what comes and goes by itself, which wait for a while: a single run cannot say that it lasts.
const LASTING: &[(&str, &str)] = &[
    ("FarcasterSectorsFailed", "half an hour"),
    ("FarcasterTransfersStalled", "an hour"),
    ("FarcasterF3NotParticipating", "half an hour"),
    ("FarcasterRunNearTimeout", "a quarter of an hour"),
];

/// Alerts of what the sections on nodes and collectors tell with its cause.
const TOLD_WITH_CAUSE: &[&str] = &[
    "FarcasterDaemonDown",
    "FarcasterDaemonFailover",
    "FarcasterMinerDown",
    "FarcasterBoostDown",
    "FarcasterCurioDown",
    "FarcasterCollectorFailing",
];

/// Adds what is fine, what is wrong, and what only history can show.
pub fn add(standing: &Standing, findings: &mut Findings) {
    for fine in &standing.fine {
        findings.add(Section::Alerts, Mark::Right, fine.line());
    }
    for found in standing.findings.iter().filter(|found| !TOLD_WITH_CAUSE.contains(&found.alert)) {
        let (alert, severity, line) = (found.alert, found.severity.as_str(), found.line());
        let lasting = LASTING.iter().find(|(of, _)| *of == alert).map(|(_, lasting)| lasting);
        let (mark, what) = match lasting {
            Some(lasting) => (Mark::Remark, format!("{line} ({alert}, {severity}, if it lasts for {lasting})")),
            None => (Mark::Wrong, format!("{line} ({alert}, {severity})")),
        };
        findings.add(Section::Alerts, mark, what).alert = Some((alert, severity));
    }
    for note in &standing.notes {
        findings.add(Section::Alerts, Mark::Remark, note.line());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::bundle;

    /// How long the rules have an alert wait before it fires.
    fn waits(alert: &str) -> Vec<String> {
        let files =
            ["chain", "sealing", "deals", "watcher"].map(|name| format!("compose/prometheus/rules/{name}.yaml"));
        let text: String = files.map(|file| String::from_utf8(bundle::file(&file).unwrap()).unwrap()).concat();
        let rules = text.split("- alert: ").filter(|rule| rule.lines().next() == Some(alert));
        let wait = |rule: &str| rule.lines().find_map(|line| line.trim().strip_prefix("for: ").map(str::to_owned));
        rules.filter_map(wait).collect()
    }

    #[test]
    fn what_has_to_last_waits_in_the_rules_too() {
        for (alert, lasting) in LASTING {
            let wait = match *lasting {
                "a quarter of an hour" => "15m",
                "half an hour" => "30m",
                "an hour" => "1h",
                other => panic!("{other}"),
            };
            assert_eq!(waits(alert), [wait], "{alert}");
        }
    }
}
