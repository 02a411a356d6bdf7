//! The commands that prepare a stack of containers, and the one that checks whether it is healthy.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use support::{Exporter, Metrics, Place, has};

#[test]
fn healthcheck() {
    let place = Place::new();
    let run = Exporter::new().args(&["--demo", "--textfile"]).arg(place.0.path().join("x.prom")).run();
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
    has(&place.good("healthcheck @x.prom"), &["x.prom is whole and fresh"]);
    let exporter = Exporter::new().arg("healthcheck").env("FARCASTER_INTERVAL", "?");
    let run = exporter.env("FARCASTER_TEXTFILE", place.0.path().join("x.prom").to_str().unwrap()).run();
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);

    let text = place.read("x.prom");
    let stamp = Metrics::parse(&text).value("farcaster_run_timestamp_seconds", &[]).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let at = |time: f64| text.replace(&format!("seconds {stamp}\n"), &format!("seconds {time}\n"));
    place.write("x.prom", &at(now - 290.0)).good("healthcheck @x.prom");
    place.write("x.prom", &at(now + 30.0)).good("healthcheck @x.prom");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (before, after) =
        lines.split_at(lines.iter().position(|line| line.contains(" HELP farcaster_run_timestamp")).unwrap());
    for (content, words) in [
        (at(now - 310.0), "s old, more than 300 s"),
        (at(now + 90.0), "from the future"),
        (at(f64::NAN), "from the future"),
        (String::new(), "is empty"),
        (text.trim_end().to_owned(), "incomplete: its last line is cut off"),
        (before.concat(), "incomplete: it has no farcaster_run_timestamp"),
        (after[3..].concat(), "incomplete: it has no farcaster_run_timestamp"),
        (format!("{text}farcaster_cut_off{{\n"), "incomplete: line "),
        ("node_load1 0.5\n".to_owned(), "not the exporter's, or is incomplete: line 1"),
        ("farcaster_run_timestamp_seconds soon\n".to_owned(), "line 1"),
    ] {
        has(&place.write("x.prom", &content).bad("healthcheck @x.prom"), &["x.prom", words]);
    }
    place.write("x.prom", &at(now - 310.0)).good("healthcheck --max-age 10m @x.prom");
    has(&place.bad("healthcheck @absent.prom"), &["absent.prom cannot be read"]);
    has(&place.folder("f").bad("healthcheck @f"), &["not a regular file"]);
    fs::write(place.0.path().join("x.prom"), [0xff, b'\n']).unwrap();
    has(&place.bad("healthcheck @x.prom"), &["not text"]);
}

#[test]
fn init_secrets_creates_a_password_once_and_never_shows_it() {
    let place = Place::new();
    let said = place.good("init-secrets @");
    let password = place.read("grafana_admin_password");
    has(&said, &["created ", "docker compose exec grafana cat "]);
    assert!(password.len() == 25 && !said.contains(password.trim()), "{said}");
    assert_eq!(place.mode("grafana_admin_password"), 0o400);
    let again = place.good("init-secrets @");
    has(&again, &["exists already"]);
    assert!(!again.contains(password.trim()), "{again}");
    assert_eq!(place.read("grafana_admin_password"), password);

    let other = Place::new();
    other.good("init-secrets @");
    assert_ne!(other.read("grafana_admin_password"), password);
}

#[test]
fn init_secrets_refuses_an_unusable_password() {
    let place = Place::new();
    for (text, words) in [("", "is empty"), (" \n", "is empty"), ("S3CRET\n", "too short")] {
        let said = place.write("grafana_admin_password", text).bad("init-secrets @");
        has(&said, &["/grafana_admin_password ", words, "remove it"]);
        assert_eq!(place.read("grafana_admin_password"), text);
    }
    place.write("grafana_admin_password", "S3CRET12").good("init-secrets @");
    fs::remove_file(place.0.path().join("grafana_admin_password")).unwrap();
    // What Docker creates when a file to be mounted is missing.
    has(&place.folder("grafana_admin_password").bad("init-secrets @"), &["cannot be used", "remove it"]);
    has(&place.bad("init-secrets @absent"), &["mkdir -p"]);
}

const COPIES: [&str; 3] = ["out/fullnode_api_info", "out/miner_api_info", "out/boost_api_info"];
const NODES: &str =
    "init-nodes --daemon @home --miner @home --boost @home --secrets @secrets --demo-file @demo.prom @out";

/// A home folder with a daemon and a miner, as Lotus leaves them.
fn home() -> Place {
    let place = Place::new();
    place.folder("out").folder("secrets").folder("home/.boost");
    place.write("home/.lotus/api", "/ip4/127.0.0.1/tcp/1234/http").write("home/.lotus/token", "S3CRET.d");
    place.write("home/.lotus/keystore/key", "S3CRET").write("home/.lotusminer/keystore/key", "S3CRET");
    place.write("home/.lotusminer/api", "/ip4/0.0.0.0/tcp/2345/http\n").write("home/.lotusminer/token", "S3CRET.m\n");
    place
}

#[test]
fn init_nodes_copies_what_the_exporter_reads() {
    let place = home();
    let said = place.good(NODES);
    has(&said, &["daemon: 127.0.0.1:1234, from ", "/.lotus\n", "miner: 127.0.0.1:2345", "boost: none"]);
    assert_eq!(place.read(COPIES[0]), "S3CRET.d:/ip4/127.0.0.1/tcp/1234/http\n");
    assert_eq!(place.read(COPIES[1]), "S3CRET.m:/ip4/0.0.0.0/tcp/2345/http\n");
    for copy in COPIES {
        assert_eq!(place.mode(copy), 0o440);
    }
    assert_eq!(place.good(NODES), said);
    assert_eq!(
        place.good("init-nodes --daemon @home/.lotus --miner @home/.lotusminer --boost @home/.boost @out"),
        said
    );

    // The exporter accepts the copies, and does not mention Boost, which is not there.
    let path = |copy: &str| place.0.path().join(copy).to_str().unwrap().to_owned();
    let exporter = Exporter::new().args(&["--timeout", "2s", "-v"]);
    let exporter =
        exporter.env("FULLNODE_API_INFO_FILE", &path(COPIES[0])).env("MINER_API_INFO_FILE", &path(COPIES[1]));
    let (_, said) = exporter.env("BOOST_API_INFO_FILE", &path(COPIES[2])).collect();
    has(&said, &["daemon 127.0.0.1:1234 from FULLNODE_API_INFO_FILE", "miner 127.0.0.1:2345 from MINER_API_INFO_FILE"]);
    assert!(!said.contains("BOOST") && !said.contains("S3CRET"), "{said}");
}

#[test]
fn init_nodes_prefers_what_the_operator_wrote() {
    let place = home();
    let list = "MINER_API_INFO=S3CRET1:/ip4/10.0.0.1/tcp/2345/http\n# the other\nS3CRET2:http://10.0.0.2:2345\n";
    place.write("secrets/miner_api_info", list);
    has(&place.good(NODES), &["miner: 10.0.0.1:2345, 10.0.0.2:2345, from ", "secrets/miner_api_info"]);
    assert_eq!(place.read(COPIES[1]), list);

    for (text, words) in [
        ("", &["holds no TOKEN:ADDRESS", "lotus-miner auth api-info"][..]),
        ("S3CRET", &["entry 1 is not TOKEN:ADDRESS"]),
        ("S3CRET1:/ip4/10.0.0.1/tcp/2345/http,S3CRET", &["entry 2 is not"]),
    ] {
        let said = place.write("secrets/miner_api_info", text).bad(NODES);
        has(&said, &["secrets/miner_api_info cannot be used", "MINER_API_INFO", "earlier start is kept"]);
        has(&said, words);
        assert_eq!(place.read(COPIES[1]), list);
    }
    fs::remove_file(place.0.path().join("secrets/miner_api_info")).unwrap();
    has(&place.folder("secrets/miner_api_info").bad(NODES), &["secrets/miner_api_info cannot be read", "remove it"]);
}

#[test]
fn init_nodes_keeps_the_copy_of_a_node_that_is_down_and_writes_the_others() {
    let place = home();
    let api = place.0.path().join("home/.lotusminer/api");
    fs::remove_file(&api).unwrap();
    let said = place.bad(NODES);
    has(&said, &["/.lotusminer/api is missing", "lotus-miner writes it", "LOTUS_MINER_PATH", "miner_api_info"]);
    assert!(!said.contains("kept") && !place.exists(COPIES[1]) && place.exists(COPIES[0]), "{said}");

    fs::write(&api, "/ip4/127.0.0.1/tcp/2345/http").unwrap();
    place.good(NODES);
    let copy = place.read(COPIES[1]);
    for (name, text, words) in [
        ("api", None, "/.lotusminer/api is missing"),
        ("api", Some("S3CRET"), "/.lotusminer/api does not hold an address"),
        ("api", Some("\n"), "/.lotusminer/api is empty"),
        ("token", None, "/.lotusminer/token is missing"),
        ("token", Some(""), "/.lotusminer/token is empty"),
        ("token", Some("S3CRET two"), "/.lotusminer/token is wrong"),
    ] {
        let name = format!("home/.lotusminer/{name}");
        let good = place.read(&name);
        match text {
            Some(text) => drop(place.write(&name, text)),
            None => fs::remove_file(place.0.path().join(&name)).unwrap(),
        }
        has(&place.bad(NODES), &[words, "LOTUS_MINER_PATH", "the copy from an earlier start is kept"]);
        assert_eq!(place.read(COPIES[1]), copy);
        place.write(&name, &good);
    }
    // A repo that is gone altogether leaves no token behind.
    fs::remove_dir_all(place.0.path().join("home/.lotusminer")).unwrap();
    has(&place.good(NODES), &["miner: none"]);
    assert!(!place.read(COPIES[1]).contains("S3CRET"));
}

#[test]
fn init_nodes_on_a_machine_without_lotus_or_beside_the_demo() {
    let place = Place::new();
    // A home folder may contain something else with that name.
    place.write("home/api/main.go", "").write("home/token", "S3CRET");
    has(&place.folder("out").good(NODES), &["no Lotus was found", "LOTUS_PATH"]);
    let (code, _, stderr) = place.run_with(NODES, "LOTUS_MINER_PATH", "/srv/miner");
    assert_eq!(code, 1);
    has(&stderr, &["LOTUS_MINER_PATH names /srv/miner, which is not a repo of lotus-miner"]);
    assert!(place.exists(COPIES[0]));

    let place = home();
    let demo = Exporter::new().args(&["--demo=200", "--textfile"]).arg(place.0.path().join("demo.prom"));
    assert_eq!(demo.run().status.code(), Some(0));
    has(&place.good(NODES), &["a demo is writing", "the nodes are not looked for"]);
    assert!(!place.exists(COPIES[0]));
    // The file of one that ran yesterday, or of real nodes.
    let text = place.read("demo.prom").replace("network=\"demo\"", "network=\"mainnet\"");
    place.write("demo.prom", &text).good(NODES);
    assert!(place.exists(COPIES[0]));
    has(&place.bad("init-nodes --daemon @home @absent"), &["mkdir -p"]);
}

#[test]
fn init_nodes_names_the_variable_where_a_link_leads_out_of_what_is_mounted() {
    let place = home();
    let link = |name: &str| std::os::unix::fs::symlink("/mnt/disk/elsewhere", place.0.path().join(name)).unwrap();
    place.good(NODES);
    let copy = place.read(COPIES[1]);
    let repo = place.0.path().join("home/.lotusminer");
    fs::rename(&repo, place.0.path().join("aside")).unwrap();
    link("home/.lotusminer");
    let said = place.bad(NODES);
    has(
        &said,
        &["/.lotusminer is a link to /mnt/disk/elsewhere", "points outside what is mounted", "set LOTUS_MINER_PATH"],
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(place.read(COPIES[1]), copy, "it is kept");

    fs::remove_file(&repo).unwrap();
    fs::rename(place.0.path().join("aside"), &repo).unwrap();
    for name in ["home/.lotusminer/token", "home/.lotusminer/api"] {
        fs::remove_file(place.0.path().join(name)).unwrap();
        link(name);
        has(&place.bad(NODES), &[name, "is a link to /mnt/disk/elsewhere", "LOTUS_MINER_PATH"]);
    }
    link("secrets/miner_api_info");
    has(&place.bad(NODES), &["secrets/miner_api_info is a link to", "put the file itself there"]);
}

#[test]
fn mail_to_a_port_that_speaks_tls_from_the_first_byte() {
    for (port, has_it) in [("465", true), ("587", false)] {
        let place = base();
        let text = format!(r#"{{"smarthost": "m:{port}", "from": "a@b", "to": "c@d"}}"#);
        place.write("secrets/email.json", &text).good(ALERTMANAGER);
        assert_eq!(place.read("out.yml").matches("require_tls: false").count(), if has_it { 2 } else { 0 });
        check_config(&place);
    }
}

#[test]
fn init_nodes_writes_where_boost_answers_graphql() {
    let place = home();
    place.write("home/.boost/api", "/ip4/127.0.0.1/tcp/1288/http").write("home/.boost/token", "S3CRET.b");
    assert!(!place.good(NODES).contains("BOOST_GRAPHQL_URL"));
    place.write("home/.boost/config.toml", "[Graphql]\n  ListenAddress = \"10.0.0.9\"\n  Port = 8081\n");
    has(&place.good(NODES), &["boost: 127.0.0.1:1288", "set BOOST_GRAPHQL_URL=http://10.0.0.9:8081 "]);
}

const ALERTMANAGER: &str = "init-alertmanager --secrets @secrets @base.yml @out.yml";

/// Every file of a receiver, each with a secret in it.
const RECEIVERS: [(&str, &str, &str); 12] = [
    ("slack_webhook_url", "https://hooks.slack.com/services/T/B/S3CRET\n", "slack_configs"),
    ("discord_webhook_url", "https://discord.com/api/webhooks/1/S3CRET\n", "discord_configs"),
    ("msteams_webhook_url", "https://x.logic.azure.com/workflows/1?sig=S3CRET%2F1", "msteamsv2_configs"),
    ("apprise_url", "http://apprise:8000/notify/S3CRET", "webhook_configs"),
    ("matrix_hookshot_url", "https://hookshot.example/webhook/S3CRET", "webhook_configs"),
    (
        "pushover.json",
        r#"{"token": "S3CRETabcdefghijklmnopqrstuvwx", "user_key": "S3CRETabcdefghijklmnopqrstuvwx"}"#,
        "pushover_configs",
    ),
    (
        "wecom.json",
        r#"{"corp_id": "c", "agent_id": "1000002", "api_secret": "S3CRET", "to_user": "@all"}"#,
        "wechat_configs",
    ),
    ("pagerduty_routing_key", "S3CRET7890abcdefS3CRET7890abcdef", "pagerduty_configs"),
    ("webhook_url", "http://u:S3CRET@10.0.0.5:9000/hook", "webhook_configs"),
    ("ntfy_url", "https://ntfy.sh/S3CRET", "webhook_configs"),
    ("telegram.json", r#"{"bot_token": "1:S3CRET", "chat_id": -1001}"#, "telegram_configs"),
    (
        "email.json",
        r#"{"smarthost": "m:587", "from": "a@b", "to": "c@d", "username": "u", "password": "S3CRETä\"'#: {{"}"#,
        "email_configs",
    ),
];

fn base() -> Place {
    let place = Place::new();
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose/alertmanager/alertmanager.yml");
    fs::copy(base, place.0.path().join("base.yml")).unwrap();
    place.folder("secrets");
    place
}

/// What only newer Alertmanagers know than the one that may be installed here: msteamsv2_configs, since 0.28, and payload, of 2026.
const NEWER: [&str; 3] = ["msteams_webhook_url", "apprise_url", "matrix_hookshot_url"];

/// The receiver with this name in a configuration.
fn receiver<'a>(config: &'a str, name: &str) -> &'a str {
    let (_, after) = config.split_once(&format!("  - name: {name}\n")).unwrap();
    after.split("  - name: ").next().unwrap().split("\n# ").next().unwrap()
}

/// Alertmanager's own opinion, where its tool is installed.
fn check_config(place: &Place) {
    let text = place.read("out.yml");
    if text.contains("msteamsv2_configs:") || text.contains("payload:") {
        return;
    }
    let Ok(run) = Command::new("amtool").arg("check-config").arg(place.0.path().join("out.yml")).output() else {
        return;
    };
    assert!(run.status.success(), "{run:?}\n{}", place.read("out.yml"));
}

#[test]
fn init_alertmanager_with_no_receiver_each_one_and_all() {
    let place = base();
    has(&place.good(ALERTMANAGER), &["sent to nobody"]);
    assert_eq!(place.read("out.yml"), place.read("base.yml"));
    check_config(&place);

    for (name, text, list) in RECEIVERS {
        let place = base();
        place.write(&format!("secrets/{name}"), text);
        has(&place.good(ALERTMANAGER), &["out.yml: alerts", &format!("alerts are sent to {name}\n")]);
        assert_eq!(place.mode("out.yml"), 0o440);
        let config = place.read("out.yml");
        let (warning, critical) = (receiver(&config, "warning"), receiver(&config, "critical"));
        for part in [warning, critical] {
            has(part, &[list, "S3CRET"]);
        }
        for nobody in ["info", "watchdog"] {
            assert_eq!(receiver(&config, nobody).trim(), "", "{nobody}");
        }
        has(critical, &["send_resolved: true"]);
        assert_eq!(warning.contains("send_resolved: true"), name == "pagerduty_routing_key", "{warning}");
        check_config(&place);
    }
    for (name, text, _) in RECEIVERS {
        place.write(&format!("secrets/{name}"), text);
    }
    place.good(ALERTMANAGER);
    assert_eq!(place.read("out.yml").matches("webhook_configs:").count(), 2);
    for name in NEWER {
        fs::remove_file(place.0.path().join("secrets").join(name)).unwrap();
    }
    place.good(ALERTMANAGER);
    check_config(&place);
}

#[test]
fn each_receiver_gets_the_severities_that_its_file_asks_for() {
    let place = base();
    let url = |name: &str| format!("https://example.org/S3CRET/{name}\n");
    let names = [
        "webhook_url",
        "webhook_url.info",
        "webhook_url.warning",
        "webhook_url.critical",
        "slack_webhook_url.critical",
    ];
    for name in names {
        place.write(&format!("secrets/{name}"), &url(name));
    }
    place.write("secrets/telegram.json.info", r#"{"bot_token": "1:S3CRET", "chat_id": 1}"#);
    let said = place.good(ALERTMANAGER);
    has(&said, &["sent to slack_webhook_url.critical, webhook_url, webhook_url.info, ", ", telegram.json.info\n"]);
    let config = place.read("out.yml");
    for (severity, told) in [
        ("info", &["webhook_url.info"][..]),
        ("warning", &["webhook_url", "webhook_url.info", "webhook_url.warning"]),
        ("critical", &names),
    ] {
        let receiver = receiver(&config, severity);
        let is_told: Vec<&str> =
            names.into_iter().filter(|name| receiver.contains(&format!("{}\"", url(name).trim()))).collect();
        assert_eq!(is_told, told, "{severity}");
        has(receiver, &["telegram_configs"]);
        assert_eq!(receiver.contains("send_resolved: true"), severity == "critical");
    }
    check_config(&place);
    for name in ["webhook_url.high", "webhook_url.none", "watchdog_url.info"] {
        let place = base();
        place.write(&format!("secrets/{name}"), &url(name));
        let (_, stdout, stderr) = place.run(ALERTMANAGER);
        has(
            &stderr,
            &[&format!("secrets/{name} is ignored"), "watchdog_url; all but the last may end in .info, .warning"],
        );
        has(&stdout, &["sent to nobody"]);
    }
}

#[test]
fn the_watchdog_is_sent_to_its_own_url_only() {
    let place = base();
    place.write("secrets/watchdog_url", "https://example.org/S3CRET\n");
    has(&place.good(ALERTMANAGER), &["sent to nobody", "watchdog_url is called every five minutes"]);
    let config = place.read("out.yml");
    has(receiver(&config, "watchdog"), &["webhook_configs", "https://example.org/S3CRET", "send_resolved: false"]);
    assert_eq!(config.matches("_configs:").count(), 1, "{config}");
    check_config(&place);

    place.write("secrets/watchdog_url", "S3CRET").write("secrets/webhook_url", "http://10.0.0.5/");
    let (code, stdout, stderr) = place.run(ALERTMANAGER);
    assert_eq!((code, stderr.lines().count()), (0, 1), "{stderr}");
    has(&stderr, &["secrets/watchdog_url", "begins with https://"]);
    assert!(!stdout.contains("watchdog"), "{stdout}");
    assert_eq!(receiver(&place.read("out.yml"), "watchdog").trim(), "");
}

/// Which receiver Alertmanager chooses, where its tool is installed.
#[test]
fn each_severity_has_its_receiver() {
    for (severity, expected) in
        [("none", "watchdog"), ("info", "info"), ("warning", "warning"), ("critical", "critical"), ("", "warning")]
    {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose/alertmanager/alertmanager.yml");
        let mut amtool = Command::new("amtool");
        amtool.args(["config", "routes", "test", "alertname=X"]).arg(format!("severity={severity}"));
        let Ok(run) = amtool.arg("--config.file").arg(config).output() else { return };
        assert_eq!(String::from_utf8_lossy(&run.stdout).trim(), expected, "{severity:?}: {run:?}");
    }
}

#[test]
fn init_alertmanager_leaves_out_what_is_wrong_and_reports_it() {
    for (name, text, words) in [
        ("slack_webhook_url", "hooks.slack.com/S3CRET", "begins with https://"),
        ("slack_webhook_url", "\n", "is empty"),
        ("pagerduty_routing_key", "S3CRET", "32 letters and digits"),
        ("telegram.json", r#"{"bot_token": "1:S3CRET", "chat_id": "-1001"}"#, "chat_id is not a whole number"),
        ("telegram.json", r#"{"bot_token": "1:S3CRET", "chat_it": 1}"#, "unknown field chat_it"),
        ("email.json", r#"{"smarthost": "m:587""#, "not valid JSON at line 1"),
    ] {
        let place = base();
        place.write("secrets/webhook_url", "http://10.0.0.5/").write(&format!("secrets/{name}"), text);
        let (code, stdout, stderr) = place.run(ALERTMANAGER);
        assert_eq!(code, 0, "{stderr}");
        has(&stdout, &["alerts are sent to webhook_url\n"]);
        has(&stderr, &[&format!("secrets/{name}"), words]);
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert_eq!(place.read("out.yml").matches("_configs:").count(), 2);
    }
    let place = base();
    place
        .write("secrets/slak_webhook_url", "S3CRET")
        .write("secrets/README.md", "")
        .write("secrets/miner_api_info", "");
    let (code, _, stderr) = place.run(ALERTMANAGER);
    has(&stderr, &["secrets/slak_webhook_url is ignored", "slack_webhook_url, "]);
    assert_eq!((code, stderr.lines().count()), (0, 1), "{stderr}");
    place.folder("secrets/ntfy_url");
    has(&place.run(ALERTMANAGER).2, &["secrets/ntfy_url cannot be read"]);
    place.good("init-alertmanager --secrets @absent @base.yml @out.yml");
}

#[test]
fn init_alertmanager_needs_a_base() {
    let place = base();
    place.write("secrets/webhook_url", "http://10.0.0.5/");
    let mut text = "receivers:\n".to_owned();
    for missing in ["info", "warning", "critical", "watchdog"] {
        has(
            &place.write("base.yml", &text).bad(ALERTMANAGER),
            &[&format!("base.yml has no receiver `- name: {missing}`")],
        );
        text += &format!("  - name: {missing}\n");
    }
    assert!(!place.exists("out.yml"));
    has(&place.bad("init-alertmanager --secrets @secrets @absent.yml @out.yml"), &["absent.yml cannot be read"]);
    has(&place.bad("init-alertmanager --secrets @secrets @base.yml @absent/out.yml"), &["base.yml"]);
}
