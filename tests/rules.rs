//! The recording and alert rules: that they ask for what there is, and that each alert is explained and tested.

#![allow(clippy::unwrap_used)]

mod promql;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use promql::Query;
use serde::Deserialize;

const RUNBOOKS: &str = "https://github.com/s0nik42/lotus-farcaster/blob/main/docs/runbooks.md#";

#[derive(Deserialize)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    alert: Option<String>,
    record: Option<String>,
    expr: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct TestFile {
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    #[serde(default)]
    alert_rule_test: Vec<AlertTest>,
}

#[derive(Deserialize)]
struct AlertTest {
    alertname: String,
    #[serde(default)]
    exp_alerts: Vec<ExpectedAlert>,
}

#[derive(Deserialize)]
struct ExpectedAlert {
    exp_labels: BTreeMap<String, String>,
}

/// The YAML files in a folder, as what they are read as.
fn read<T: for<'de> Deserialize<'de>>(folder: &str) -> Vec<T> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<T> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| {
            serde_norway::from_str(&fs::read_to_string(&path).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect();
    assert!(!files.is_empty());
    files
}

fn groups() -> Vec<Group> {
    read::<RuleFile>("compose/prometheus/rules").into_iter().flat_map(|file| file.groups).collect()
}

fn rules() -> Vec<Rule> {
    groups().into_iter().flat_map(|group| group.rules).collect()
}

/// Each alert with its severities.
fn alerts() -> BTreeMap<String, BTreeSet<String>> {
    let mut alerts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rule in rules() {
        if let Some(alert) = rule.alert {
            alerts.entry(alert).or_default().extend(rule.labels.get("severity").cloned());
        }
    }
    alerts
}

#[test]
fn rules_ask_for_what_the_exporter_has() {
    let rules = rules();
    let recorded = promql::recorded();
    let mut wrong = Vec::new();
    for rule in &rules {
        let name = rule.alert.as_ref().or(rule.record.as_ref()).unwrap();
        match Query::parse(&rule.expr) {
            Ok(query) => wrong.extend(query.unknown(&recorded).into_iter().map(|it| format!("{name}: {it}"))),
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn names_are_unique_and_follow_the_conventions() {
    let groups = groups();
    let names: BTreeSet<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names.len(), groups.len(), "two groups have one name");
    for rule in groups.iter().flat_map(|group| &group.rules) {
        if let Some(record) = &rule.record {
            assert_eq!(record.split(':').count(), 3, "{record} is not level:metric:operations");
            assert!(record.contains(":farcaster_"), "{record}");
        }
    }
    let alerts: Vec<Rule> = rules().into_iter().filter(|rule| rule.alert.is_some()).collect();
    let each: BTreeSet<_> = alerts.iter().map(|rule| (&rule.alert, rule.labels.get("severity"))).collect();
    assert_eq!(each.len(), alerts.len(), "an alert has a severity twice");
}

#[test]
fn each_alert_says_what_is_wrong_how_bad_it_is_and_where_to_read_on() {
    for rule in rules() {
        let Some(alert) = rule.alert else { continue };
        assert!(alert.starts_with("Farcaster"), "{alert}");
        let severity = rule.labels.get("severity").unwrap_or_else(|| panic!("{alert} has no severity"));
        assert!(["warning", "critical"].contains(&severity.as_str()), "{alert}: {severity}");
        for annotation in ["summary", "description"] {
            assert!(rule.annotations.get(annotation).is_some_and(|text| text.len() > 10), "{alert}: {annotation}");
        }
        let runbook = rule.annotations.get("runbook_url").cloned();
        assert_eq!(runbook, Some(format!("{RUNBOOKS}{}", alert.to_lowercase())), "{alert}");
    }
}

#[test]
fn each_alert_has_a_runbook_and_each_runbook_an_alert() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks.md")).unwrap();
    let headings = text.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix(' '));
    let runbooks: BTreeSet<String> =
        headings.filter(|heading| heading.starts_with("Farcaster")).map(str::to_owned).collect();
    assert_eq!(runbooks, alerts().into_keys().collect());
}

#[test]
fn each_alert_is_tested_in_each_severity_and_silent() {
    let mut firing: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut silent = BTreeSet::new();
    let tests = read::<TestFile>("tests/rules").into_iter().flat_map(|file| file.tests);
    for test in tests.flat_map(|test| test.alert_rule_test) {
        if test.exp_alerts.is_empty() {
            silent.insert(test.alertname.clone());
        }
        let severities = test.exp_alerts.iter().filter_map(|alert| alert.exp_labels.get("severity").cloned());
        firing.entry(test.alertname).or_default().extend(severities);
    }
    firing.retain(|_, severities| !severities.is_empty());
    let alerts = alerts();
    assert_eq!(firing, alerts);
    assert_eq!(silent, alerts.into_keys().collect());
}
