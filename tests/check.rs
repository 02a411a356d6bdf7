//! `check`: what somebody reads whose dashboards are empty.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;

use support::{CLOSED_PORT, Exporter, Farm, MINER, Permission, token};

#[test]
fn on_a_farm_that_is_well_everything_is() {
    let run = Exporter::new().args(&["check", "--demo"]).run();
    assert_eq!(run.status.code(), Some(0), "{}", run.stdout);
    assert!(!run.stdout.contains("WRONG"), "{}", run.stdout);
    for line in ["ok     daemon demo-daemon: 1.38.0", "ok     miner demo-miner-1: f03100200", "ok     power f03100100"]
    {
        assert!(run.stdout.contains(line), "{line}: {}", run.stdout);
    }
}

#[test]
fn a_node_that_is_down_is_named_with_what_it_takes_along_and_what_to_do() {
    let farm = Farm::start();
    let infos = format!("{},/ip4/127.0.0.1/tcp/{CLOSED_PORT}/http", farm.miner.info(&token(Permission::Admin)));
    let exporter = Exporter::new().arg("check").env("MINER_API_INFO", &infos);
    let run = exporter.env("FULLNODE_API_INFO", &format!("/ip4/127.0.0.1/tcp/{CLOSED_PORT}/http")).run();
    assert_eq!(run.status.code(), Some(1), "{}", run.stdout);
    let says = |line: &str| assert!(run.stdout.contains(line), "{line}: {}", run.stdout);
    says(&format!("WRONG  daemon 127.0.0.1:{CLOSED_PORT} does not answer"));
    says(&format!("WRONG  miner 127.0.0.1:{CLOSED_PORT} does not answer"));
    says(&format!("ok     sectors {MINER}"));
    says(&format!("WRONG  power {MINER}"));
    says("cannot connect");
}

#[test]
fn a_token_that_allows_too_little_is_said_with_the_permission_that_it_needs() {
    let farm = Farm::start();
    let exporter = Exporter::new().arg("check").env("MINER_API_INFO", &farm.miner.info(&token(Permission::Read)));
    let run = exporter.env("FULLNODE_API_INFO", &farm.daemon.info(&token(Permission::Admin))).run();
    assert_eq!(run.status.code(), Some(1), "{}", run.stdout);
    assert!(run.stdout.contains(&format!("WRONG  workers {MINER}")), "{}", run.stdout);
    assert!(run.stdout.contains("lotus-miner auth create-token --perm admin"), "{}", run.stdout);
}

#[test]
fn what_a_node_tells_of_itself_is_shown_without_the_token() {
    let farm = Farm::start();
    let secret = token(Permission::Admin);
    farm.daemon.change("Version", serde_json::json!([]), "/Version", format!("1.38.0 {secret}").into());
    farm.miner.change("Version", serde_json::json!([]), "/Version", format!("1.38.0 {secret}").into());
    for exporter in [farm.exporter().arg("check"), farm.exporter()] {
        // It fails where a token of the environment shows.
        let run = exporter.run();
        assert!(run.stdout.contains("1.38.0 "), "{}", run.stdout);
    }
}

#[test]
fn where_there_is_no_lotus_at_all_it_says_how_to_name_one() {
    let run = Exporter::new().arg("check").run();
    assert_eq!(run.status.code(), Some(1), "{}", run.stdout);
    assert!(run.stdout.contains("WRONG  daemon: none was found"), "{}", run.stdout);
    assert!(run.stdout.contains("set FULLNODE_API_INFO"), "{}", run.stdout);
}

#[test]
fn the_text_file_is_looked_at_and_not_written() {
    let exporter = Exporter::new().args(&["check", "--demo", "--textfile"]);
    let folder = exporter.home().join("text");
    let path = folder.join("farcaster.prom");
    let exporter = exporter.arg(&path);

    let run = exporter.run();
    assert_eq!(run.status.code(), Some(1), "{}", run.stdout);
    assert!(run.stdout.contains("farcaster.prom cannot be read"), "{}", run.stdout);
    assert!(run.stdout.contains("mkdir -p"), "{}", run.stdout);

    fs::create_dir(&folder).unwrap();
    fs::write(&path, "farcaster_run_timestamp_seconds 1600000000\n").unwrap();
    let run = exporter.run();
    assert_eq!(run.status.code(), Some(1), "{}", run.stdout);
    assert!(run.stdout.contains("s old, more than"), "{}", run.stdout);
    assert!(run.stdout.contains("ok     this user can write it"), "{}", run.stdout);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), "farcaster_run_timestamp_seconds 1600000000\n");
}

/// Whether anything is marked as wrong, and what the exit status says of it, must be the same thing.
#[test]
fn what_is_printed_as_wrong_is_what_decides_the_exit_status() {
    let farm = Farm::start();
    let check = || farm.exporter().arg("check");
    let run = check().run();
    assert_eq!((run.status.code(), run.stdout.contains("WRONG")), (Some(0), false), "{}", run.stdout);

    // Nothing failed, and still somebody has to do something.
    let exporter = check().env("MARKETS_API_INFO", "/ip4/127.0.0.1/tcp/2345/http");
    let run = exporter.run();
    assert_eq!(run.status.code(), Some(1), "{}", run.stdout);
    let line = run.stdout.lines().find(|line| line.contains("MARKETS_API_INFO")).unwrap();
    assert!(line.contains("WRONG"), "{line}");

    // A storage path that fails is not a failure of its collector.
    farm.miner.answer("StorageStat", support::Answer::Error(1, "input/output error".to_owned()));
    let run = check().run();
    assert_eq!(run.status.code(), Some(1), "{}", run.stdout);
    let line = run.stdout.lines().find(|line| line.contains("input/output error")).unwrap();
    assert!(line.contains("WRONG"), "{line}");
}

#[test]
fn a_remark_is_not_wrong() {
    let farm = Farm::start();
    let exporter = farm.exporter().arg("check");
    exporter.run();
    farm.daemon.result("StateNetworkName", serde_json::json!("elsewhere"));
    let run = exporter.run();
    assert_eq!(run.status.code(), Some(0), "{}", run.stdout);
    let (_, remarks) = run.stdout.split_once("What else there is to know").unwrap();
    assert!(remarks.contains("starting a new state") && !run.stdout.contains("WRONG"), "{}", run.stdout);
}
