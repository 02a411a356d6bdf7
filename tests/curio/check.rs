//! What `check` says of a Curio.

use serde_json::Value;

use super::exporter;
use super::support::Curio;

fn findings(curio: &Curio) -> Vec<(String, String)> {
    let run = exporter(curio).command_first(&["check", "--json"]).run();
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    let findings = found["findings"].as_array().unwrap().iter();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    findings.map(|finding| (text(finding, "mark"), text(finding, "what"))).collect()
}

fn is_there(findings: &[(String, String)], mark: &str, words: &[&str]) -> bool {
    findings.iter().any(|(of, what)| of == mark && words.iter().all(|word| what.contains(word)))
}

#[test]
fn it_names_the_program_its_version_and_its_miners() {
    let curio = Curio::cluster();
    let found = findings(&curio);
    let node = format!("curio {}", curio.name());
    assert!(is_there(&found, "ok", &[&node, "1.28.4+2k", "of t01000, t01001"]), "{found:?}");
    // A server of a test listens on the loopback alone.
    assert!(!found.iter().any(|(_, what)| what.contains("no password")), "{found:?}");
    curio.lacks(&["UIVariant"]);
    assert!(is_there(&findings(&curio), "ok", &["older than v1.28.3"]));
}

#[test]
fn a_cluster_that_cannot_be_reached_says_what_that_costs() {
    let curio = Curio::cluster();
    let name = curio.name();
    let exporter = exporter(&curio);
    drop(curio);
    let run = exporter.command_first(&["check", "--json"]).run();
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    let finding =
        found["findings"].as_array().unwrap().iter().find(|finding| finding["node"] == format!("curio {name}"));
    let finding = finding.unwrap();
    assert_eq!(finding["mark"], "wrong");
    assert!(finding["failed_collectors"].as_array().unwrap().iter().any(|collector| collector == "curio_tasks"));
}
