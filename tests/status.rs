//! The command `status`: the screen against tests/golden/status-*.txt, and the real binary on farms that are whole, partly dead, and simulated.
//! `UPDATE_GOLDEN=1 cargo test --test status` rewrites those files, after which their change must be read.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader};

use lotus_farcaster::status::{Look, screen_of};
use serde_json::{Value, json};
use support::{Boost, CLOSED_PORT, Exporter, Farm, MINER, OTHER, Permission, finish, token};

/// A moment after the head of the fixtures.
const NOW: f64 = 1_795_406_490.0;

const WIDTHS: [usize; 2] = [80, 100];

/// The whole output for the farm of the fixtures, as tests/golden.rs holds it, at one moment.
fn text_of_the_farm() -> String {
    let golden = fs::read_to_string(support::path("golden/farm.prom")).unwrap();
    let clock = |line: &str| match line.split(['{', ' ']).next().unwrap() {
        "farcaster_chain_expected_height" => "6570003".to_owned(),
        name if name.ends_with("_duration_seconds") => "1.25".to_owned(),
        "farcaster_mpool_local_message_first_seen_timestamp_seconds" => format!("{}", NOW - 1200.0),
        _ => format!("{NOW}"),
    };
    let line = |line: &str| match line.strip_suffix("CLOCK") {
        Some(series) => format!("{series}{}\n", clock(line)),
        None => format!("{line}\n"),
    };
    golden.lines().map(line).collect()
}

fn screen(text: &str, selected: &[&str], width: usize) -> String {
    let selected: Vec<String> = selected.iter().map(|id| (*id).to_owned()).collect();
    let look = Look { width, is_utf8: true, is_coloured: false };
    screen_of(text, &selected, look).unwrap()
}

#[test]
fn the_farm_of_the_fixtures() {
    for width in WIDTHS {
        let screen = screen(&text_of_the_farm(), &[], width);
        let path = support::path(&format!("golden/status-{width}.txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &screen).unwrap();
        }
        let golden = fs::read_to_string(&path).unwrap();
        for (number, (line, expected)) in screen.lines().zip(golden.lines()).enumerate() {
            assert_eq!(line, expected, "line {} of {}", number + 1, path.display());
        }
        assert_eq!(screen.lines().count(), golden.lines().count(), "{} has other lines at its end", path.display());
    }
}

fn status(exporter: Exporter) -> Exporter {
    exporter.arg("status").env("LANG", "C.UTF-8")
}

/// What it prints, which must fit, without colour.
fn shown(exporter: &Exporter, width: usize) -> String {
    let run = exporter.run();
    assert_eq!((run.status.code(), run.stderr.as_str()), (Some(0), ""));
    let widest = run.stdout.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= width, "{widest} columns: {}", run.stdout);
    assert!(!run.stdout.contains('\x1b'), "no terminal, no colour: {}", run.stdout);
    run.stdout
}

fn has(screen: &str, part: &str) {
    assert!(screen.contains(part), "no {part:?} in:\n{screen}");
}

fn has_not(screen: &str, part: &str) {
    assert!(!screen.contains(part), "{part:?} in:\n{screen}");
}

/// The line that begins with this label.
fn line<'a>(screen: &'a str, label: &str) -> &'a str {
    let after_mark = |line: &&str| line.get(3..).is_some_and(|line| line.starts_with(label));
    screen.lines().find(after_mark).unwrap_or_else(|| panic!("no line {label:?} in:\n{screen}"))
}

#[test]
fn it_shows_a_whole_farm_in_any_width() {
    let (farm, boost) = (Farm::start(), Boost::start());
    for width in [60, 80, 100, 200] {
        let exporter = status(farm.exporter()).args(&["--width", &width.to_string()]);
        let exporter = exporter.env("BOOST_API_INFO", &boost.api_info()).env("BOOST_GRAPHQL_URL", &boost.graphql_url());
        let screen = shown(&exporter, width);
        has(line(&screen, "Power"), "5.94 TiB quality-adjusted");
        has(line(&screen, "Network"), "7 peers");
        has(&screen, "█");
        has(&screen, "CommitFailed");
        has(&screen, "1 message is stuck");
        has(line(&screen, "Deals"), "33 Accepted");
        has_not(&screen, "not known");
    }
    // Without a locale, ASCII.
    let screen = shown(&farm.exporter().arg("status"), 100);
    assert!(screen.is_ascii() && screen.contains("###"), "{screen}");
}

#[test]
fn the_variable_columns_is_capped_at_a_hundred() {
    let of = |columns: &str| shown(&status(Exporter::new()).arg("--demo").env("COLUMNS", columns), 100);
    let widest = |screen: String| screen.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest(of("80")) <= 80);
    assert!(widest(of("400")) > 80);
}

#[test]
fn with_the_full_node_dead_the_rest_is_there_and_nothing_is_zero() {
    let farm = Farm::start();
    let closed = format!("/ip4/127.0.0.1/tcp/{CLOSED_PORT}/http");
    let exporter = status(Exporter::new()).env("FULLNODE_API_INFO", &closed);
    let screen = shown(&exporter.env("MINER_API_INFO", &farm.miner.info(&token(Permission::Admin))), 100);
    has(&screen, &format!("!! full node 127.0.0.1:{CLOSED_PORT} is down"));
    for label in ["Head", "Network", "Power", "Faults", "Deadline"] {
        has(line(&screen, label), "not known");
    }
    has(line(&screen, "Wins"), "not known yet");
    has(&screen, "PreCommit1");
    has(&screen, "sealer-1");
    let (_, wallets) = screen.split_once("WALLETS").unwrap();
    has(wallets, "not known");
    has_not(wallets, "none");
    has(&screen, "cannot connect");
}

#[test]
fn with_a_lotus_miner_dead_the_chain_shows_its_miner_and_sums_say_how_many_they_cover() {
    let farm = Farm::start();
    let infos = format!("/ip4/127.0.0.1/tcp/{CLOSED_PORT}/http,{}", farm.other.info(&token(Permission::Admin)));
    let exporter = status(Exporter::new()).env("FULLNODE_API_INFO", &farm.daemon.info(&token(Permission::Admin)));
    let exporter = exporter.env("MINER_API_INFO", &infos).args(&["--miner-id", MINER, "--miner-id", OTHER]);
    let screen = shown(&exporter, 100);
    has(&screen, &format!("!! lotus-miner 127.0.0.1:{CLOSED_PORT} is down"));
    has(line(&screen, "Together"), "6.44 TiB of power,");
    has(&screen, "1 sealing (1 of 2 miners)");
    has(&screen, "none known here");
    has(&screen, "5.94 TiB quality-adjusted");
    has(&screen, "/data/b");
}

#[test]
fn one_of_two_miners_is_shown_alone() {
    let farm = Farm::start();
    for id in [OTHER, "t05678"] {
        let screen = shown(&status(farm.exporter()).args(&["--miner-id", id]), 100);
        has(&screen, "\nf05678  sectors of 64 GiB");
        has(&screen, "f05678 worker");
        for other in [MINER, "f0102", "PublishStorageDeals", "sealer-1", "Together"] {
            has_not(&screen, other);
        }
    }
    // Watched on chain where no lotus-miner here runs it.
    let exporter = status(Exporter::new()).env("FULLNODE_API_INFO", &farm.daemon.info(&token(Permission::Admin)));
    let screen = shown(&exporter.args(&["--miner-id", MINER]), 100);
    has(&screen, "5.94 TiB quality-adjusted");
    has(line(&screen, "lotus-miner"), "none known here");
}

#[test]
fn it_reads_what_an_exporter_remembers_and_leaves_it_alone() {
    let farm = Farm::start();
    let exporter = status(farm.exporter());
    let folder = exporter.home().join(".local/state/lotus-farcaster");
    let before = fs::read(folder.join("state.json")).unwrap();
    has(line(&shown(&exporter, 100), "Wins"), "2 won, 0.00409 expected, too few to tell luck");
    assert_eq!(fs::read(folder.join("state.json")).unwrap(), before);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no lock, and nothing else");

    let exporter = status(farm.new_exporter());
    has(line(&shown(&exporter, 100), "Wins"), "not known yet");
    assert_eq!(fs::read_dir(exporter.home()).unwrap().count(), 0);

    let exporter = status(farm.new_exporter());
    fs::write(exporter.home().join("state.json"), "{").unwrap();
    let folder = exporter.home().to_str().unwrap().to_owned();
    let exporter = exporter.env("STATE_DIRECTORY", &folder);
    has(&shown(&exporter, 100), "cannot read the exporter's state");
}

#[test]
fn one_miner_of_the_demo_can_be_selected() {
    let exporter = status(Exporter::new()).args(&["--demo", "--miner-id", "f03100200", "--width=100"]);
    let screen = shown(&exporter, 100);
    assert!(screen.contains("f03100200") && !screen.contains("f03100100"), "{screen}");
}

#[test]
fn a_miner_on_curio_shows_what_its_cluster_knows() {
    let exporter = status(Exporter::new()).args(&["--demo", "--miner-id", "f03100300", "--width=100"]);
    let screen = shown(&exporter, 100);
    has(&screen, "\nf03100300  sectors of 32 GiB, Curio 1.28");
    has(line(&screen, "Curio  "), "its machines, tasks and pipelines are on the dashboard Curio");
    for shown in ["Storage", "curio-seal-1"] {
        has(&screen, shown);
    }
    for not_shown in ["none known here", "lotus-miner", "Jobs by worker", "there may be more"] {
        has_not(&screen, not_shown);
    }
}

#[test]
fn the_demo_shows_everything() {
    for width in WIDTHS {
        let screen = shown(&status(Exporter::new()).args(&["--demo", "--width", &width.to_string()]), width);
        for part in
            ["demo", "CHAIN", "MINERS", "f03100100", "Pipeline", "Jobs by worker", "Storage", "Deals", "WALLETS"]
        {
            has(&screen, part);
        }
    }
    let screen = shown(&status(Exporter::new()).args(&["--demo=3000", "--demo-miners", "30"]), 100);
    has(&screen, "status --miner-id ID shows one in full");
    has_not(&screen, "Pipeline");
}

#[test]
fn without_a_node_it_explains_how_to_name_one() {
    let screen = shown(&status(Exporter::new()), 100);
    has(&screen, "no full node was found");
    has(&screen, "FULLNODE_API_INFO");
    has(&screen, "none is known");
}

#[test]
fn watch_shows_it_again_and_an_end_at_any_moment_leaves_nothing_behind() {
    let mut child = status(Exporter::new()).args(&["--demo", "--watch=100ms"]).spawn();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    for _ in 0..2 {
        assert!(lines.by_ref().any(|line| line.starts_with("lotus-farcaster  demo")));
        assert!(lines.by_ref().any(|line| line.starts_with("MESSAGES")));
    }
    child.kill().unwrap();
    assert!(lines.all(|line| !line.contains('\x1b')), "there is no terminal");
    let run = finish(&mut child);
    assert_eq!((run.status.code(), run.stderr.as_str()), (None, ""), "a signal ended it");
}

#[test]
fn watch_ends_with_its_reader() {
    let mut child = status(Exporter::new()).args(&["--demo", "--watch=10ms"]).spawn();
    drop(child.stdout.take());
    assert_eq!(finish(&mut child).status.code(), Some(0));
}

fn facts(exporter: Exporter, args: &[&str]) -> Value {
    let run = status(exporter).arg("--json").args(args).run();
    assert_eq!((run.status.code(), run.stderr.as_str()), (Some(0), ""));
    let facts: Value = serde_json::from_str(&run.stdout).unwrap();
    let schema: Value =
        serde_json::from_slice(&fs::read(support::path("../docs/status.schema.json")).unwrap()).unwrap();
    let mut wrong = Vec::new();
    validate(&schema, &facts, "$", &mut wrong);
    assert_eq!(wrong, [""; 0]);
    facts
}

/// As much of JSON Schema as the schema uses; whatever the schema does not describe is wrong, too.
fn validate(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let is_of = |kind: &Value| match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    };
    let is_right = match schema {
        _ if schema.get("type").is_some() => match &schema["type"] {
            Value::Array(kinds) => kinds.iter().any(is_of),
            kind => is_of(kind),
        },
        _ if schema.get("enum").is_some() => schema["enum"].as_array().unwrap().contains(value),
        _ if schema.get("const").is_some() => schema["const"] == *value,
        _ => {
            let of = schema["anyOf"].as_array().unwrap().iter();
            let errors = of.map(|schema| {
                let mut wrong = Vec::new();
                validate(schema, value, at, &mut wrong);
                wrong
            });
            wrong.extend(errors.min_by_key(Vec::len).unwrap());
            true
        }
    };
    if !is_right {
        wrong.push(format!("{at}: {value}"));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        validate(&schema["items"], item, &format!("{at}[{index}]"), wrong);
    }
    let (Some(object), Some(properties)) = (value.as_object(), schema.get("properties")) else { return };
    for key in schema["required"].as_array().unwrap() {
        if !object.contains_key(key.as_str().unwrap()) {
            wrong.push(format!("{at}: no {key}"));
        }
    }
    for (key, value) in object {
        match properties.get(key) {
            Some(schema) => validate(schema, value, &format!("{at}.{key}"), wrong),
            None => wrong.push(format!("{at}.{key}: not described")),
        }
    }
}

#[test]
fn json_matches_the_schema() {
    let (farm, boost) = (Farm::start(), Boost::start());
    let whole = farm.exporter().env("BOOST_API_INFO", &boost.api_info()).env("BOOST_GRAPHQL_URL", &boost.graphql_url());
    let whole = facts(whole, &[]);
    assert_eq!(whole["miners"][0]["power"]["quality_adjusted_bytes"], json!(6_528_350_289_920.0));
    assert_eq!(whole["miners"][0]["deals"]["publish_queue_deals"], json!(2.0));
    assert_eq!(whole["pending_messages"]["rows"].as_array().unwrap().len(), 5);

    let closed = format!("/ip4/127.0.0.1/tcp/{CLOSED_PORT}/http");
    let dead = facts(Exporter::new().env("FULLNODE_API_INFO", &closed).env("MINER_API_INFO", &closed), &[]);
    assert_eq!(dead["chain"]["peers"], Value::Null);
    assert_eq!(dead["wallets"], json!({"is_complete": false, "rows": []}));
    assert_eq!(dead["findings"][0]["alert"], "FarcasterDaemonDown");

    let demo = facts(Exporter::new(), &["--demo"]);
    assert_eq!((&demo["network"], demo["miners"].as_array().unwrap().len()), (&json!("demo"), 3));
}

/// Without it, a validator that accepts everything would do.
#[test]
fn the_schema_refuses_what_it_does_not_describe() {
    let schema = json!({"type": "object", "required": ["a"], "properties": {"a": {"type": ["number", "null"]}}});
    let wrong = |value: Value| {
        let mut wrong = Vec::new();
        validate(&schema, &value, "$", &mut wrong);
        wrong.len()
    };
    assert_eq!(
        [json!({"a": 1.5}), json!({"a": null}), json!({"a": "1"}), json!({}), json!({"a": 1, "b": 2})].map(wrong),
        [0, 0, 1, 1, 1]
    );
}
