//! The recording and alert rules: they query only what exists, and each alert is explained and tested.

#![allow(clippy::unwrap_used)]

mod promql;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use promql::Query;
use promql_parser::parser::{self, BinaryExpr, Expr, LabelModifier};
use serde::Deserialize;

/// The record that holds the thresholds.
const THRESHOLD: &str = "alert:farcaster_threshold:value";
const RULES: &str = "compose/prometheus/rules";
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
    #[serde(default)]
    exp_annotations: BTreeMap<String, String>,
}

/// The YAML files in a folder, parsed. The user's own rules do not count.
fn read<T: for<'de> Deserialize<'de>>(folder: &str) -> Vec<T> {
    let is_users = folder == RULES;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<T> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter(|path| !(is_users && path.ends_with("own.yaml")))
        .map(|path| {
            serde_norway::from_str(&fs::read_to_string(&path).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect();
    assert!(!files.is_empty());
    files
}

fn groups() -> Vec<Group> {
    read::<RuleFile>(RULES).into_iter().flat_map(|file| file.groups).collect()
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

/// VictoriaMetrics counts the first value of a series as growth, so that all of a total is news where a label or a store is new. `delta` is
/// asked only of a series that was there before.
#[test]
fn no_young_total_is_taken_for_growth() {
    for rule in rules() {
        let name = rule.alert.as_ref().or(rule.record.as_ref()).unwrap();
        for text in rule.annotations.values().chain([&rule.expr]) {
            assert!(!text.contains("increase("), "{name}: {text}");
            assert!(!text.contains("delta(") || text.contains(" offset "), "{name}: {text}");
        }
    }
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
fn each_alert_says_what_is_wrong_how_bad_it_is_and_where_to_read_more() {
    for rule in rules() {
        let Some(alert) = rule.alert else { continue };
        assert!(alert.starts_with("Farcaster"), "{alert}");
        let severity = rule.labels.get("severity").unwrap_or_else(|| panic!("{alert} has no severity"));
        let severities = ["critical", "warning", "info", "none"];
        assert!(severities.contains(&severity.as_str()), "{alert}: {severity}");
        for annotation in ["summary", "description"] {
            assert!(rule.annotations.get(annotation).is_some_and(|text| text.len() > 10), "{alert}: {annotation}");
        }
        let runbook = rule.annotations.get("runbook_url").cloned();
        assert_eq!(runbook, Some(format!("{RUNBOOKS}{}", alert.to_lowercase())), "{alert}");
    }
}

#[test]
fn each_alert_names_a_dashboard_that_exists() {
    let folder = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")).unwrap();
    let texts = folder.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let names: BTreeSet<String> = texts
        .map(|text| {
            let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
            dashboard["uid"].as_str().unwrap().strip_prefix("farcaster-").unwrap().to_owned()
        })
        .collect();
    for rule in rules() {
        let Some(alert) = rule.alert else { continue };
        let dashboard = rule.labels.get("dashboard");
        assert!(dashboard.is_some_and(|name| names.contains(name)), "{alert}: {dashboard:?} is none of {names:?}");
    }
}

#[test]
fn the_user_can_switch_each_alert_off() {
    for rule in rules() {
        let Some(alert) = rule.alert else { continue };
        let Ok(Expr::Binary(BinaryExpr { op, rhs, modifier, .. })) = parser::parse(&rule.expr) else {
            panic!("{alert}: no `unless` around all of the expression");
        };
        assert_eq!(op.to_string(), "unless", "{alert}: what comes last is no `unless`");
        assert_eq!(rhs.to_string(), format!("own:farcaster_alert_off:info{{alert=\"{alert}\"}}"));
        let joined = modifier.and_then(|modifier| modifier.matching);
        assert!(
            matches!(&joined, Some(LabelModifier::Include(labels)) if labels.labels.is_empty()),
            "{alert}: not on ()"
        );
    }
}

/// The labels by which a threshold is found: those of its rule, or those that a selector asks for.
type Threshold = BTreeMap<String, String>;

#[test]
fn each_threshold_is_set_once_and_each_alert_uses_its_own() {
    let rules = rules();
    let mut recorded = BTreeSet::new();
    for rule in rules.iter().filter(|rule| rule.record.as_deref() == Some(THRESHOLD)) {
        let labels: Vec<String> = ["alert", "severity", "of"]
            .iter()
            .filter_map(|name| Some(format!("{name}=\"{}\"", rule.labels.get(*name)?)))
            .collect();
        let expected = format!("max(own:farcaster_threshold:value{{{}}}) or vector(", labels.join(","));
        let number = rule.expr.strip_prefix(&expected).and_then(|rest| rest.strip_suffix(')'));
        assert!(number.is_some_and(|number| number.parse::<f64>().is_ok()), "{} is not {expected}NUMBER)", rule.expr);
        assert_eq!(rule.labels.len(), labels.len(), "{:?}", rule.labels);
        assert!(recorded.insert(rule.labels.clone()), "{:?} stands twice", rule.labels);
    }
    let mut used: BTreeSet<Threshold> = BTreeSet::new();
    for rule in &rules {
        let Some(alert) = &rule.alert else { continue };
        let selectors = Query::parse(&rule.expr).unwrap().selectors;
        for selector in selectors.iter().filter(|selector| selector.name == THRESHOLD && !selector.labels().is_empty())
        {
            let labels = selector.labels();
            assert_eq!(labels.get("alert"), Some(alert), "{alert} judges by another one's threshold");
            assert_eq!(labels.get("severity"), rule.labels.get("severity"), "{alert} judges by another severity's");
            assert!(recorded.contains(&labels), "{alert}: there is no threshold {labels:?}");
            used.insert(labels);
        }
    }
    assert_eq!(used, recorded, "a threshold that no alert judges by");
}

/// The file that docs/STACK.md shows sets a threshold that exists, and switches off an alert that exists.
#[test]
fn the_example_of_own_rules_has_an_effect() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/STACK.md")).unwrap();
    let mut blocks = text.split("```yaml\n").skip(1).map(|after| after.split("```").next().unwrap());
    let example = blocks.find(|block| block.contains("own:farcaster_")).unwrap();
    let example: RuleFile = serde_norway::from_str(example).unwrap();
    let known = rules();
    let own: Vec<Rule> = example.groups.into_iter().flat_map(|group| group.rules).collect();
    assert_eq!(own.len(), 2);
    for rule in own {
        let is_known = match rule.record.as_deref() {
            Some("own:farcaster_threshold:value") => {
                known.iter().any(|it| it.record.as_deref() == Some(THRESHOLD) && it.labels == rule.labels)
            }
            Some("own:farcaster_alert_off:info") => alerts().contains_key(&rule.labels["alert"]),
            other => panic!("{other:?}"),
        };
        assert!(is_known, "{:?}", rule.labels);
    }
}

/// As in "1 sectors": after a number, what is counted stands in singular and plural.
#[test]
fn texts_have_singular_and_plural() {
    const COUNTED: [&str; 11] =
        ["sector", "partition", "message", "proof", "block", "job", "worker", "peer", "epoch", "path", "deal"];
    for rule in rules() {
        for text in rule.annotations.values() {
            // What stands after an `else` is the plural of what stands before it.
            let text = text.replace("{{ else }}{{ $value }}", "");
            for after in text.split("$value").skip(1).filter_map(|after| after.split_once("}} ")) {
                let words =
                    after.1.split([' ', '.', ',']).take(2).map(|word| word.strip_suffix('s').unwrap_or_default());
                let plural: Vec<&str> = words.filter(|word| COUNTED.contains(word)).collect();
                assert!(plural.is_empty() || after.0.starts_with(" 1.0"), "{:?}: {plural:?} in {text}", rule.alert);
            }
        }
    }
    for test in read::<TestFile>("tests/rules").into_iter().flat_map(|file| file.tests) {
        for alert in test.alert_rule_test.into_iter().flat_map(|test| test.exp_alerts) {
            for text in alert.exp_annotations.values() {
                let words: Vec<&str> = text.split([' ', '.', ',']).collect();
                let wrong = words.windows(3).any(|words| {
                    words[0] == "1"
                        && words[1..].iter().any(|word| word.strip_suffix('s').is_some_and(|it| COUNTED.contains(&it)))
                });
                assert!(!wrong, "{text}");
            }
        }
    }
}

#[test]
fn each_alert_has_a_runbook_and_each_runbook_an_alert() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks.md")).unwrap();
    let headings = text.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix(' '));
    let runbooks: BTreeSet<String> =
        headings.filter(|heading| heading.starts_with("Farcaster")).map(str::to_owned).collect();
    assert_eq!(runbooks, alerts().into_keys().collect());
    // Screens link to them by the alert's name as it is written.
    for alert in runbooks {
        assert!(text.contains(&format!("<a id=\"{alert}\"></a>\n## {alert}\n")), "{alert} has no anchor");
    }
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
