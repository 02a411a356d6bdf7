//! `check`: what people read when their dashboards are empty.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{Answer, Boost, CLOSED_PORT, Exporter, Farm, MINER, Node, OTHER, Permission, Reply, token};

/// What `check --json` found; the exit status must agree with it.
struct Found(Value);

impl Found {
    fn by(exporter: Exporter) -> Found {
        let run = exporter.command_first(&["check", "--json"]).run();
        let found: Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr));
        assert_eq!(run.status.code(), Some(i32::from(found["is_anything_wrong"].as_bool().unwrap())), "{}", run.stdout);
        Found(found)
    }

    /// The findings with this mark in whose text all these words are.
    fn all(&self, mark: &str, words: &[&str]) -> Vec<&Value> {
        let findings = self.0["findings"].as_array().unwrap().iter();
        let has = |finding: &&Value| words.iter().all(|word| finding["what"].as_str().unwrap().contains(word));
        findings.filter(|finding| finding["mark"] == mark).filter(has).collect()
    }

    /// The only finding with this mark and these words.
    fn one(&self, mark: &str, words: &[&str]) -> &Value {
        let found = self.all(mark, words);
        assert_eq!(found.len(), 1, "{mark} {words:?}: {:#}", self.0["findings"]);
        found[0]
    }

    fn none(&self, mark: &str, words: &[&str]) {
        assert!(self.all(mark, words).is_empty(), "{mark} {words:?}: {:#}", self.0["findings"]);
    }
}

fn admin(node: &Node) -> String {
    node.info(&token(Permission::Admin))
}

fn nowhere() -> String {
    format!("/ip4/127.0.0.1/tcp/{CLOSED_PORT}/http")
}

/// The names of collectors that a finding has.
fn collectors(finding: &Value) -> Vec<&str> {
    finding["failed_collectors"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// A full node without miners, in sync with a chain that began so long ago as its head is high.
fn full_node_in_sync() -> Node {
    let daemon = Node::daemon("daemon.json");
    let height = daemon.result_of("ChainHead", json!([]))["Height"].as_u64().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    daemon.change("StateGetNetworkParams", json!([]), "/GenesisTimestamp", json!(now - height * 30));
    daemon.result("NetPeers", peers(100)).result("MpoolPending", json!([])).result("LogAlerts", json!([]));
    daemon
}

fn peers(count: usize) -> Value {
    (0..count).map(|index| json!({"ID": format!("12D3Koo{index}"), "Addrs": []})).collect()
}

#[test]
fn when_nothing_is_wrong_it_exits_with_0() {
    let daemon = full_node_in_sync();
    let run = Exporter::new().arg("check").env("FULLNODE_API_INFO", &admin(&daemon)).run();
    assert_eq!(run.status.code(), Some(0), "{}", run.stdout);
    assert!(!run.stdout.contains("WRONG") && run.stdout.ends_with("\nNothing is wrong.\n"), "{}", run.stdout);
}

/// In the simulated farm, only what raises its alerts is wrong.
#[test]
fn on_the_simulated_farm_only_alerts_are_wrong() {
    let run = Exporter::new().args(&["check", "--demo"]).run();
    assert_eq!(run.status.code(), Some(1), "{}", run.stdout);
    let mut wrong = run.stdout.lines().filter(|line| line.contains("WRONG"));
    assert!(wrong.all(|line| line.contains("(Farcaster")), "{}", run.stdout);
    for line in
        ["ok     daemon demo-daemon: 1.38.0", "ok     miner demo-miner-1: f03100200", "ok     the full node's head is"]
    {
        assert!(run.stdout.contains(line), "{line}: {}", run.stdout);
    }
    let of_miner = run.stdout.lines().find(|line| line.starts_with("  ok     f03100100: alerts, balances,")).unwrap();
    assert!(of_miner.contains("power") && of_miner.contains("workers"), "{of_miner}");
}

/// One line for each node that is down, with what that costs, and none for each collector that needs it.
#[test]
fn a_node_that_is_down_is_one_line_with_what_it_costs() {
    let farm = Farm::start();
    let infos = format!("{},{}", admin(&farm.miner), nowhere());
    let exporter = Exporter::new().env("MINER_API_INFO", &infos).env("FULLNODE_API_INFO", &nowhere());
    let found = Found::by(exporter);
    let daemon = found
        .one("wrong", &[&format!("daemon 127.0.0.1:{CLOSED_PORT} does not answer: cannot connect"), "is it running"]);
    assert!(daemon["failed_calls"].as_u64().unwrap() > 10, "{daemon}");
    for collector in ["chain", "mpool", &format!("power {MINER}"), &format!("deadlines {MINER}")] {
        assert!(collectors(daemon).contains(&collector), "{collector}: {daemon}");
    }
    assert!(daemon["what"].as_str().unwrap().contains(" calls, and the collectors "), "{daemon}");
    found.one("wrong", &[&format!("miner 127.0.0.1:{CLOSED_PORT} does not answer: cannot connect")]);
    found.one("ok", &[&format!("{MINER}: "), "sectors", "workers"]);
    assert_eq!(found.all("wrong", &["cannot connect"]).len(), 2, "{:#}", found.0);
    found.none("wrong", &["what it needs is missing"]);
}

#[test]
fn the_program_at_an_address_is_named_for_what_it_is() {
    let farm = Farm::start();
    let of = |daemon: &str, miner: &str| {
        Found::by(Exporter::new().env("FULLNODE_API_INFO", daemon).env("MINER_API_INFO", miner))
    };
    let (daemon, miner) = (admin(&farm.daemon), admin(&farm.miner));
    let name = |kind: &str, node: &Node| format!("{kind} 127.0.0.1:{}", node.port);

    let swapped = of(&miner, &daemon);
    swapped.one(
        "wrong",
        &[&format!("{} is a lotus-miner, not a full node", name("daemon", &farm.miner)), "`lotus auth api-info`"],
    );
    swapped.one("wrong", &[&format!("{} is a full node, not a lotus-miner", name("miner", &farm.daemon))]);

    let refused = of(&daemon, &farm.miner.info("eyJh.eyJB.wrong"));
    refused.one("wrong", &[&format!("{} refuses the token (HTTP 401)", name("miner", &farm.miner)), "--perm admin"]);

    for (reply, words) in [
        (Reply::new(502, "<html>bad gateway"), "answers HTTP 502"),
        (Reply::new(404, "404 page not found"), "answers HTTP 404"),
        (Reply::new(200, "<html>It works!"), "is not Lotus"),
        (
            Reply::new(200, r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method not found"}}"#),
            "is not Lotus",
        ),
    ] {
        let other = Node::answering(true, move |_| reply.clone());
        let found = of(&admin(&other), &admin(&other));
        found.one("wrong", &[&format!("{} {words}", name("daemon", &other))]);
        found.one("wrong", &[&format!("{} {words}", name("miner", &other))]);
        found.none("wrong", &["does not answer"]);
    }
    let closing = support::Hostile::closing();
    let info = format!("/ip4/127.0.0.1/tcp/{}/http", closing.port);
    of(&info, &miner)
        .one("wrong", &[&format!("daemon 127.0.0.1:{} does not speak HTTP, or closes the connection", closing.port)]);
    for found in [swapped, refused] {
        found.none("wrong", &["does not answer"]);
    }
}

#[test]
fn a_node_that_never_answers_is_reported_and_the_wait_is_shown() {
    let silent = support::Hostile::silent();
    let info = format!("/ip4/127.0.0.1/tcp/{}/http", silent.port);
    let exporter = Exporter::new().env("FULLNODE_API_INFO", &info).args(&["check", "--timeout=16s"]);
    let run = exporter.run();
    let daemon = format!("daemon 127.0.0.1:{}", silent.port);
    assert!(
        run.stdout.contains(&format!("WRONG  {daemon} does not answer: no complete answer within")),
        "{}",
        run.stdout
    );
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(run.stderr.contains(&format!("waiting for {daemon} (2 s; 16 s at most)")), "{}", run.stderr);
    let quiet = exporter.arg("--quiet").run();
    assert_eq!((quiet.stderr.as_str(), quiet.status.code()), ("", Some(1)));
}

#[test]
fn a_miner_that_does_not_exist_is_named_once() {
    let farm = Farm::start();
    farm.has_no_miner("f09999999");
    let found = Found::by(farm.exporter().args(&["--miner-id", "f09999999"]));
    let missing = found.one("wrong", &["f09999999"]);
    assert!(missing["what"].as_str().unwrap().contains("has no such miner f09999999; correct --miner-id"), "{missing}");
    assert!(
        missing["failed_calls"].as_u64().unwrap() > 3 && collectors(missing).contains(&"power f09999999"),
        "{missing}"
    );
}

#[test]
fn permissions_are_listed_with_what_each_missing_one_costs() {
    let farm = Farm::start();
    let of = |daemon: &str, miner: &str| {
        Found::by(
            Exporter::new()
                .env("FULLNODE_API_INFO", &farm.daemon.info(daemon))
                .env("MINER_API_INFO", &farm.miner.info(miner)),
        )
    };
    let [read, write, admin] = [Permission::Read, Permission::Write, Permission::Admin].map(token);
    let found = of(&admin, &admin);
    assert_eq!(found.all("ok", &["the token grants read, write, sign, admin"]).len(), 2, "{:#}", found.0);
    found.none("wrong", &["lacks"]);

    let found = of(&write, &read);
    let lacking = found.one("wrong", &["lacks `admin`"]);
    for words in
        ["miner 127.0.0.1:", "grants read and lacks `admin`: no workers", "lotus-miner auth create-token --perm admin"]
    {
        assert!(lacking["what"].as_str().unwrap().contains(words), "{words}: {lacking}");
    }
    assert_eq!(lacking["section"], "permissions");
    assert!(collectors(lacking).contains(&format!("workers {MINER}").as_str()), "{lacking}");
    assert!(lacking["failed_calls"].as_u64().unwrap() > 3, "{lacking}");
    found.one("remark", &["daemon 127.0.0.1:", "lacks `admin`", "none of the node's own alerts"]);
    found.one("ok", &["daemon 127.0.0.1:", "the token grants read, write"]);

    let found = of("", &admin);
    found.one("remark", &["no token is given, which grants read and lacks `write`: the node's own wallets"]);
}

#[test]
fn what_a_node_reports_about_itself_is_shown_without_the_token() {
    let farm = Farm::start();
    let secret = token(Permission::Admin);
    farm.daemon.change("Version", json!([]), "/Version", format!("1.38.0 {secret}").into());
    farm.miner.change("Version", json!([]), "/Version", format!("1.38.0 {secret}").into());
    for args in [&["check"][..], &["check", "--json"], &["check", "--report"], &[]] {
        // It fails where a token of the environment shows.
        let run = farm.exporter().args(args).run();
        assert!(run.stdout.contains("1.38.0 "), "{}", run.stdout);
    }
}

#[test]
fn without_any_lotus_it_explains_how_to_name_one() {
    let found = Found::by(Exporter::new());
    let none = found.one("wrong", &["daemon: none was found", "set FULLNODE_API_INFO"]);
    assert!(collectors(none).contains(&"chain"), "{none}");
    assert_eq!(found.all("wrong", &[]).len(), 1, "one cause is one line: {:#}", found.0);
}

/// What is wrong with the location of a node is reported with the node.
#[test]
fn a_location_without_a_node_is_one_line_with_the_node() {
    let exporter = Exporter::new();
    let repo = exporter.home().join("lotus");
    fs::create_dir(&repo).unwrap();
    fs::write(repo.join("config.toml"), format!("[API]\nListenAddress = \"/ip4/127.0.0.1/tcp/{CLOSED_PORT}/http\"\n"))
        .unwrap();
    let found = Found::by(exporter.env("LOTUS_PATH", repo.to_str().unwrap()));
    found.one("wrong", &["does not answer: cannot connect", "lotus/api cannot be read", "is lotus running?"]);
    assert_eq!(found.all("wrong", &[]).len(), 1, "{:#}", found.0);

    let found = Found::by(Exporter::new().env("FULLNODE_API_INFO_FILE", "/not/there"));
    found.one(
        "wrong",
        &["daemon: none was found", "FULLNODE_API_INFO_FILE names a file that cannot be read (/not/there"],
    );
    assert_eq!(found.all("wrong", &[]).len(), 1, "{:#}", found.0);
}

/// All that is printed as wrong makes it exit with 1; remarks stand apart.
#[test]
fn exactly_what_is_printed_as_wrong_decides_the_exit_status() {
    let demo = || Exporter::new().args(&["check", "--demo"]);
    let check = |exporter: Exporter, words: &[&str]| {
        let run = exporter.run();
        assert_eq!(run.status.code(), Some(1), "{}", run.stdout);
        let (wrong, _) = run.stdout.split_once("Remarks").unwrap_or((&run.stdout, ""));
        let line = wrong.lines().find(|line| words.iter().all(|word| line.contains(word)));
        assert!(line.is_some_and(|line| line.starts_with("  WRONG  ")), "{words:?}: {}", run.stdout);
        assert!(run.stdout.ends_with(" wrong.\n") && !run.stdout.contains("Nothing is wrong"), "{}", run.stdout);
    };
    let exporter = demo();
    let book = exporter.home().join("addresses.json");
    fs::write(&book, "names = 1\n").unwrap();
    check(exporter.arg("--addresses").arg(&book), &["address book", "this is TOML", "running without it"]);

    let farm = Farm::start();
    let of_farm = || farm.exporter().arg("check");
    check(of_farm().env("MARKETS_API_INFO", "/ip4/127.0.0.1/tcp/2345/http"), &["MARKETS_API_INFO is ignored"]);
    check(of_farm().env("MINER_API_INFO_FILE", "/somewhere"), &["MINER_API_INFO_FILE is ignored"]);
    check(
        of_farm().env("BOOST_API_INFO_FILE", "/not/there"),
        &["BOOST_API_INFO_FILE names a file that cannot be read"],
    );

    // A storage path that fails is not a failure of its collector.
    farm.miner.answer("StorageStat", Answer::Error(1, "input/output error".to_owned()));
    check(of_farm(), &["input/output error"]);
    check(of_farm(), &["the storage path", "does not answer (FarcasterStorageDown"]);
}

#[test]
fn a_token_that_others_can_read_is_wrong() {
    use std::os::unix::fs::PermissionsExt;
    let farm = Farm::start();
    let exporter = Exporter::new();
    let repo = exporter.home().join(".lotus");
    fs::create_dir(&repo).unwrap();
    fs::write(repo.join("api"), format!("/ip4/127.0.0.1/tcp/{}/http", farm.daemon.port)).unwrap();
    fs::write(repo.join("token"), token(Permission::Admin)).unwrap();
    let mode = |mode| fs::set_permissions(repo.join("token"), fs::Permissions::from_mode(mode)).unwrap();
    let exporter = exporter.args(&["check", "--json"]);
    let found = |exporter: &Exporter| Found(serde_json::from_str(&exporter.run().stdout).unwrap());
    mode(0o600);
    found(&exporter).none("wrong", &["chmod 600"]);
    mode(0o644);
    found(&exporter).one("wrong", &["token grants full access, and users other than its owner can read it: chmod 600"]);
}

#[test]
fn a_remark_does_not_count_as_wrong() {
    let daemon = full_node_in_sync();
    let exporter = Exporter::new().arg("check").env("FULLNODE_API_INFO", &admin(&daemon));
    exporter.run();
    daemon.result("StateNetworkName", json!("elsewhere"));
    let run = exporter.run();
    assert_eq!(run.status.code(), Some(0), "{}", run.stdout);
    let (_, remarks) = run.stdout.split_once("Remarks").unwrap();
    assert!(remarks.contains("starting a new state") && !run.stdout.contains("WRONG"), "{}", run.stdout);
}

/// By the alerts' thresholds, each on the side where it fires.
#[test]
fn it_judges_as_the_alerts_do() {
    let farm = Farm::start();
    let head = farm.daemon.result_of("ChainHead", json!([]));
    let found = Found::by(farm.exporter());
    // The fixture's chain ended long ago.
    let behind = found.one("wrong", &["behind the clock", "FarcasterChainBehind, critical"]);
    assert_eq!((&behind["alert"], &behind["severity"]), (&json!("FarcasterChainBehind"), &json!("critical")), "{head}");
    let with_peers = |count: usize| {
        farm.daemon.result("NetPeers", peers(count));
        Found::by(farm.exporter())
    };
    with_peers(10).one("ok", &["the full node has 10 peers"]);
    assert_eq!(with_peers(9).one("wrong", &["the full node has only 9 peers"])["severity"], "warning");
    assert_eq!(with_peers(2).one("wrong", &["the full node has only 2 peers"])["severity"], "critical");
    let workers = farm.miner.result_of("WorkerStats", json!([]));
    let worker = workers.as_object().unwrap().keys().next().unwrap().clone();
    farm.miner.change("WorkerStats", json!([]), &format!("/{worker}/Enabled"), json!(false));
    // The fixture has one that is disabled.
    found.one("wrong", &[&format!("{MINER}: 1 worker is disabled"), "(FarcasterWorkerDisabled, warning)"]);
    let found = Found::by(farm.exporter());
    found.one("wrong", &[&format!("{MINER}: 2 workers are disabled"), "(FarcasterWorkerDisabled, warning)"]);
    found.one("ok", &[&format!("{OTHER}: no faulty sectors")]);
}

/// No chain has a block from the future.
#[test]
fn a_clock_that_is_behind_the_chain() {
    let daemon = full_node_in_sync();
    let mut head = daemon.result_of("ChainHead", json!([]));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for block in head["Blocks"].as_array_mut().unwrap() {
        block["Timestamp"] = json!(now + 3600);
    }
    daemon.result("ChainHead", head);
    let found = Found::by(Exporter::new().env("FULLNODE_API_INFO", &admin(&daemon)));
    assert_eq!(
        found.one("wrong", &["the clock of this machine is behind", "timedatectl"])["alert"],
        "FarcasterClockOff"
    );
}

#[test]
fn the_json_matches_its_schema() {
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(support::path("../docs/check.schema.json")).unwrap()).unwrap();
    let farm = Farm::start();
    let broken = Exporter::new().env("MINER_API_INFO", &admin(&farm.miner)).env("FULLNODE_API_INFO", &nowhere());
    for exporter in [Exporter::new().arg("--demo"), farm.exporter(), broken] {
        let found = Found::by(exporter);
        assert_eq!(invalid(&found.0, &schema, "$"), Vec::<String>::new());
    }
    // The validator can fail.
    let mut found = Found::by(Exporter::new().arg("--demo")).0;
    found["findings"][0]["mark"] = json!("fine");
    found["cost"]["calls"] = json!("many");
    found.as_object_mut().unwrap().remove("version");
    assert_eq!(invalid(&found, &schema, "$").len(), 3);
}

/// Where a value violates a schema, for the keywords that ours uses.
fn invalid(value: &Value, schema: &Value, at: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (keyword, wanted) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$schema" | "$id" | "title" | "description" => {}
            "type" => {
                let names = wanted.as_array().cloned().unwrap_or_else(|| vec![wanted.clone()]);
                let is = |name: &Value| match name.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "number" => value.is_number(),
                    other => panic!("unknown type {other}"),
                };
                if !names.iter().any(is) {
                    wrong.push(format!("{at} is not {wanted}"));
                }
            }
            "const" if value != wanted => wrong.push(format!("{at} is not {wanted}")),
            "enum" if !wanted.as_array().unwrap().contains(value) => wrong.push(format!("{at} is none of {wanted}")),
            "minimum" if value.as_f64().is_some_and(|number| number < wanted.as_f64().unwrap()) => {
                wrong.push(format!("{at} is less than {wanted}"));
            }
            "const" | "enum" | "minimum" => {}
            "required" => {
                let names = wanted.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                wrong.extend(names.filter(|name| value.get(name).is_none()).map(|name| format!("{at} has no {name}")));
            }
            "properties" => {
                for (name, schema) in wanted.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        wrong.extend(invalid(value, schema, &format!("{at}.{name}")));
                    }
                }
            }
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    wrong.extend(invalid(value, wanted, &format!("{at}[{index}]")));
                }
            }
            other => panic!("unknown keyword {other}"),
        }
    }
    wrong
}

#[test]
fn the_report_does_not_reveal_whose_it_is() {
    let farm = Farm::start();
    let boost = Boost::start();
    farm.miner.answer(
        "StorageStat",
        Answer::Error(1, "dial tcp 10.7.7.7:99: lookup nas.example.org: i/o timeout".to_owned()),
    );
    let exporter = farm.exporter().args(&["check", "--report"]);
    let boost_info = format!("{}:/ip4/127.0.0.1/tcp/{}/http", token(Permission::Admin), boost.port);
    let exporter = exporter
        .env("BOOST_API_INFO", &boost_info)
        .env("BOOST_GRAPHQL_URL", &format!("http://127.0.0.1:{}", boost.port));
    let home = exporter.home().to_owned();
    fs::create_dir_all(home.join("text")).unwrap();
    let run = exporter.arg("--textfile").arg(home.join("text/farcaster.prom")).run();
    let report = &run.stdout;
    assert_eq!(run.status.code(), Some(1), "{report}");
    for part in [
        "### lotus-exporter-farcaster check",
        "- version: 5.",
        "- system: ",
        "- daemon: ",
        "1.38.0",
        "**WRONG**",
        "miner1",
        "Left out: tokens",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    let home = home.display().to_string();
    for secret in ["127.0.0.1", "10.7.7.7", "example.org", MINER, OTHER, &home, "eyJ"] {
        assert!(!report.contains(secret), "{secret}: {report}");
    }
    let is_wallet = |word: &&str| word.len() > 30 && word.starts_with(['f', 't']);
    let words = report.split(|c: char| !c.is_ascii_alphanumeric());
    assert_eq!(words.filter(is_wallet).collect::<Vec<_>>(), Vec::<&str>::new());
    assert!(report.contains("farcaster.prom is not there yet"), "{report}");
}

#[test]
fn wrong_usage_of_check() {
    let run = Exporter::new().args(&["check", "--json", "--report"]).run();
    assert_eq!(run.status.code(), Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("--json and --report contradict each other"), "{}", run.stderr);
    let help = Exporter::new().args(&["check", "--help"]).run().stdout;
    assert!(help.contains("--json") && help.contains("--report") && help.contains("--textfile PATH"), "{help}");
    assert!(!help.contains("above") && !help.contains("below"), "{help}");
}

/// Colour on a terminal only, and never with NO_COLOR. Where there is no script(1) there is no terminal to try.
#[test]
fn colour_is_for_terminals() {
    let exporter = Exporter::new().args(&["check", "--demo=200"]);
    assert!(!exporter.run().stdout.contains('\x1b'));
    let on_terminal = |no_color: &str| {
        let command = exporter.command();
        let program = command.get_program().to_str().unwrap().to_owned();
        let mut script = std::process::Command::new("script");
        // Quiet, since a slow machine would show progress on the same terminal.
        script.args(["-qec", &format!("{program} check --quiet --demo=200"), "/dev/null"]);
        script
            .env_clear()
            .env("HOME", exporter.home())
            .env("TERM", "xterm")
            .env("NO_COLOR", no_color)
            .env("PATH", "/usr/bin:/bin");
        script.stdin(std::process::Stdio::null()).output().ok().map(|output| String::from_utf8(output.stdout).unwrap())
    };
    let (Some(coloured), Some(plain)) = (on_terminal(""), on_terminal("1")) else { return };
    assert!(coloured.contains("\x1b[32mok"), "{coloured}");
    assert!(plain.contains("ok") && !plain.contains("\x1b["), "{plain}");
}
