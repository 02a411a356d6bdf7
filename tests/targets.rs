//! The command `targets`, on the real binary: which machines it lists, and that a list that may lack some is not written.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{Exporter, Farm, Permission, token};

#[test]
fn the_workers_machines_are_listed_once_and_the_nodes_of_this_machine_are_not() {
    let run = Farm::start().exporter().args(&["targets", "--port", "9200"]).run();
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
    let targets: Value = serde_json::from_str(&run.stdout).unwrap();
    let names: Vec<&str> =
        targets.as_array().unwrap().iter().map(|t| t["labels"]["instance"].as_str().unwrap()).collect();
    assert!(names.contains(&"sealer-1") && names.contains(&"sealer-2"), "{names:?}");
    assert!(names.is_sorted_by(|one, next| one < next), "{names:?}");
    assert!(!run.stdout.contains("127.0.0.1"), "{}", run.stdout);
    let of = |name: &str| targets.as_array().unwrap().iter().find(|t| t["labels"]["instance"] == name).unwrap().clone();
    assert_eq!(of("sealer-1")["targets"], json!(["sealer-1:9200"]));
    assert!(run.stderr.contains("sealer-1 cannot be resolved here"), "{}", run.stderr);
}

#[test]
fn a_list_that_may_lack_machines_replaces_no_file() {
    let farm = Farm::start();
    let exporter = |permission| {
        let exporter = Exporter::new().env("FULLNODE_API_INFO", &farm.daemon.info(&token(Permission::Read)));
        exporter.env("MINER_API_INFO", &farm.miner.info(&token(permission)))
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("workers.json");
    let to = file.to_str().unwrap();

    let run = exporter(Permission::Admin).args(&["targets", "--to", to]).run();
    assert_eq!((run.status.code(), run.stdout.as_str()), (Some(0), ""), "{}", run.stderr);
    let whole = fs::read_to_string(&file).unwrap();
    assert!(whole.contains("\"sealer-1:9100\""), "{whole}");

    // lotus-miner names its workers to an admin alone.
    let run = exporter(Permission::Read).args(&["targets", "--to", to]).run();
    assert_eq!(run.status.code(), Some(1));
    assert!(run.stderr.contains("the lotus-miner of f01234 did not name all of its workers"), "{}", run.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap(), whole);
}

#[test]
fn without_a_lotus_miner_nobody_names_workers() {
    let run = Exporter::new().arg("targets").run();
    assert_eq!(run.status.code(), Some(1));
    assert!(run.stderr.contains("no lotus-miner is known here"), "{}", run.stderr);
}
