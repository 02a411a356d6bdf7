//! What was known and is gone is down, not forgotten; what the user removed is forgotten.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{Boost, Exporter, Farm, MINER, Metrics, Node, OTHER, Permission, token};

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A repo as a running node leaves it.
fn repo(path: &Path, port: u16) {
    write(&path.join("api"), &format!("/ip4/127.0.0.1/tcp/{port}/http"));
    write(&path.join("token"), &token(Permission::Admin));
}

/// An exporter that knows the full node, with the folder for the tests' files.
fn with_daemon(farm: &Farm) -> (Exporter, PathBuf) {
    let exporter = Exporter::new().env("FULLNODE_API_INFO", &farm.daemon.info(&token(Permission::Admin)));
    let home = exporter.home().to_owned();
    (exporter, home)
}

fn up(metrics: &Metrics, kind: &str, address: &str) -> Option<f64> {
    metrics.value("farcaster_endpoint_up", &[("endpoint", kind), ("address", address)])
}

fn is_watched(metrics: &Metrics, miner: &str) -> bool {
    metrics.has("farcaster_miner_power_bytes", &[("miner_id", miner)])
}

/// If a lotus-miner is down, that is reported once, and not again for each collector.
fn only_one_alert(metrics: &Metrics, miner: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/compose/prometheus/rules/exporter.yaml");
    let rules = fs::read_to_string(path).unwrap();
    let (_, rule) = rules.split_once("record: collector:farcaster_node_down:info").unwrap();
    let (_, left_out) = rule.split_once("collector=~\"").unwrap();
    let left_out: Vec<&str> = left_out.split('"').next().unwrap().split('|').collect();
    let failed = metrics.family("farcaster_collector_success").into_iter().filter(|(_, value)| *value == 0.0);
    let failed: Vec<String> =
        failed.filter(|(of, _)| of["miner_id"] == miner).map(|(of, _)| of["collector"].clone()).collect();
    assert!(failed.len() > 5, "{failed:?}");
    for collector in failed {
        assert!(left_out.contains(&collector.as_str()), "{collector} is an alert beside FarcasterMinerDown");
    }
}

/// The one line on stderr, which has all these words.
fn one_line(stderr: &str, words: &[&str]) {
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} is not in: {stderr}");
    }
}

fn state(home: &Path) -> PathBuf {
    home.join(".local/state/lotus-farcaster/state.json")
}

#[test]
fn a_lotus_miner_that_was_stopped_beside_one_that_runs() {
    let farm = Farm::start();
    let (exporter, home) = with_daemon(&farm);
    let (one, two) = (home.join("one"), home.join("two"));
    repo(&one, farm.miner.port);
    repo(&two, farm.other.port);
    let exporter = exporter.arg("--miner-repo").arg(&one).arg("--miner-repo").arg(&two);
    let (before, stderr) = exporter.collect();
    assert_eq!(stderr, "");
    assert_eq!(before.values("farcaster_endpoint_up", &[("endpoint", "miner")]), [1.0, 1.0]);

    fs::remove_file(one.join("api")).unwrap();
    for _ in 0..2 {
        let (after, stderr) = exporter.collect();
        assert_eq!(up(&after, "miner", &address(farm.miner.port)), Some(0.0));
        assert_eq!(up(&after, "miner", &address(farm.other.port)), Some(1.0));
        for (port, miner) in [(farm.miner.port, MINER), (farm.other.port, OTHER)] {
            let labels = [("address", address(port)), ("miner_id", miner.to_owned())];
            let labels = labels.each_ref().map(|(name, value)| (*name, value.as_str()));
            assert!(after.has("farcaster_endpoint_up", &labels), "whose the node is that is up or down");
        }
        assert!(is_watched(&after, MINER) && is_watched(&after, OTHER));
        assert_eq!(after.success("sectors", MINER), Some(false));
        assert!(!after.has("farcaster_miner_sectors", &[("miner_id", MINER)]), "nothing old is shown as new");
        only_one_alert(&after, MINER);
        one_line(&stderr, &["one/api cannot be read", "is lotus-miner running?", &address(farm.miner.port), "down"]);
    }
    // Now the other one has its address.
    repo(&two, farm.miner.port);
    let (after, stderr) = exporter.collect();
    assert_eq!(up(&after, "miner", &address(farm.miner.port)), Some(1.0));
    assert_eq!(up(&after, "miner", one.to_str().unwrap()), Some(0.0));
    one_line(&stderr, &["one/api cannot be read"]);

    // It comes back.
    repo(&one, farm.other.port);
    let (after, stderr) = exporter.collect();
    assert_eq!((stderr.as_str(), after.failed()), ("", vec![]));
    assert_eq!(after.values("farcaster_endpoint_up", &[("endpoint", "miner")]), [1.0, 1.0]);
}

/// Another exporter with the state of the first one.
fn with_same_home(farm: &Farm, home: &Path) -> Exporter {
    let exporter = Exporter::new().env("FULLNODE_API_INFO", &farm.daemon.info(&token(Permission::Admin)));
    exporter.arg("--state-dir").arg(state(home).parent().unwrap())
}

#[test]
fn a_stopped_repo_never_seen_before_is_looked_up_in_its_configuration() {
    let farm = Farm::start();
    let (exporter, home) = with_daemon(&farm);
    let (one, two) = (home.join("one"), home.join("two"));
    let config = |port: u16| format!("[API]\n  ListenAddress = \"/ip4/0.0.0.0/tcp/{port}/http\"\n\n[Libp2p]\n");
    write(&one.join("config.toml"), &config(farm.other.port));
    repo(&two, farm.other.port);
    let exporter = exporter.arg("--miner-repo").arg(&one).arg("--miner-repo").arg(&two);
    // Where the other one listens.
    let (metrics, stderr) = exporter.collect();
    assert_eq!(up(&metrics, "miner", &address(farm.other.port)), Some(1.0));
    assert_eq!(up(&metrics, "miner", one.to_str().unwrap()), Some(0.0));
    one_line(&stderr, &["one/api cannot be read", "/two"]);

    write(&one.join("config.toml"), &config(support::CLOSED_PORT));
    let (metrics, stderr) = exporter.collect();
    assert_eq!(up(&metrics, "miner", &address(support::CLOSED_PORT)), Some(0.0));
    assert_eq!(up(&metrics, "miner", &address(farm.other.port)), Some(1.0));
    assert!(stderr.contains("one/api cannot be read"), "{stderr}");
}

#[test]
fn a_daemon_and_a_boost_that_were_stopped() {
    let farm = Farm::start();
    let boost = Boost::start();
    let exporter = Exporter::new();
    let home = exporter.home().to_owned();
    repo(&home.join(".lotus"), farm.daemon.port);
    repo(&home.join(".lotusminer"), farm.miner.port);
    repo(&home.join(".boost"), boost.port);
    write(&home.join(".boost/config.toml"), &format!("[Graphql]\nPort = {}\n", boost.port));
    let (before, stderr) = exporter.collect();
    assert_eq!((stderr.as_str(), before.failed()), ("", vec![]));

    for repo in [".lotus", ".boost"] {
        fs::remove_file(home.join(repo).join("api")).unwrap();
    }
    let (after, stderr) = exporter.collect();
    assert_eq!(up(&after, "daemon", &address(farm.daemon.port)), Some(0.0));
    assert_eq!(up(&after, "boost", &address(boost.port)), Some(0.0));
    assert_eq!(up(&after, "miner", &address(farm.miner.port)), Some(1.0));
    assert_eq!(after.success("boost", MINER), Some(false));
    for api in [".lotus/api", ".boost/api"] {
        assert_eq!(stderr.matches(api).count(), 1, "{stderr}");
    }
    assert!(!stderr.contains("not asked any further"), "{stderr}");
}

#[test]
fn a_repo_on_a_disk_that_is_lost() {
    let farm = Farm::start();
    let (exporter, home) = with_daemon(&farm);
    let disk = home.join("disk/miner");
    repo(&disk, farm.miner.port);
    symlink(&disk, home.join(".lotusminer")).unwrap();
    exporter.collect();
    let is_down = |words: &[&str]| {
        let (after, stderr) = exporter.collect();
        assert_eq!(up(&after, "miner", &address(farm.miner.port)), Some(0.0), "{stderr}");
        assert!(is_watched(&after, MINER));
        one_line(&stderr, words);
    };
    fs::rename(home.join("disk"), home.join("lost")).unwrap();
    is_down(&[".lotusminer/api cannot be read", "links to", disk.to_str().unwrap(), "mount its disk"]);
    // What is left of a mount.
    fs::create_dir_all(&disk).unwrap();
    is_down(&[".lotusminer/api cannot be read", "is empty", "mount its disk"]);
    fs::remove_dir(&disk).unwrap();
    fs::remove_dir(home.join("disk")).unwrap();
    fs::rename(home.join("lost"), home.join("disk")).unwrap();
    let (after, stderr) = exporter.collect();
    assert_eq!((stderr.as_str(), after.failed()), ("", vec![]));
}

#[test]
fn a_default_repo_that_is_removed_is_forgotten_after_three_days() {
    let farm = Farm::start();
    let (exporter, home) = with_daemon(&farm);
    repo(&home.join(".lotusminer"), farm.miner.port);
    exporter.collect();
    fs::remove_dir_all(home.join(".lotusminer")).unwrap();
    for _ in 0..2 {
        let (after, stderr) = exporter.collect();
        assert_eq!(up(&after, "miner", &address(farm.miner.port)), Some(0.0));
        one_line(&stderr, &[".lotusminer/api cannot be read", "three days"]);
    }
    let mut content: Value = serde_json::from_str(&fs::read_to_string(state(&home)).unwrap()).unwrap();
    for source in content["sections"]["nodes"].as_object_mut().unwrap().values_mut() {
        let seen = source["seen_seconds"].as_f64().unwrap();
        source["seen_seconds"] = json!(seen - 3.0 * 86_400.0 - 60.0);
    }
    fs::write(state(&home), content.to_string()).unwrap();
    let (after, stderr) = exporter.collect();
    assert_eq!((stderr.as_str(), after.values("farcaster_endpoint_up", &[("endpoint", "miner")])), ("", vec![]));
    assert!(!is_watched(&after, MINER));
}

/// An exporter whose miners are named by a file.
fn with_file(farm: &Farm) -> (Exporter, PathBuf, [String; 2]) {
    let (exporter, home) = with_daemon(farm);
    let file = home.join("miner_api_info");
    let infos = [&farm.miner, &farm.other].map(|node: &Node| node.info(&token(Permission::Admin)));
    let exporter = exporter.env("MINER_API_INFO_FILE", file.to_str().unwrap());
    (exporter, file, infos)
}

#[test]
fn an_api_info_file_that_became_useless() {
    let farm = Farm::start();
    let (exporter, file, infos) = with_file(&farm);
    let addresses = [address(farm.miner.port), address(farm.other.port)];
    write(&file, &infos.join("\n"));
    exporter.collect();
    let saved = fs::read_to_string(state(exporter.home())).unwrap();
    for part in token(Permission::Admin).split('.') {
        assert!(!saved.contains(part), "the state holds a token");
    }

    let both_down = |words: &[&str]| {
        let (after, stderr) = exporter.collect();
        for address in &addresses {
            assert_eq!(up(&after, "miner", address), Some(0.0), "{stderr}");
            assert!(stderr.contains(address), "{stderr}");
        }
        assert!(is_watched(&after, MINER) && is_watched(&after, OTHER));
        one_line(&stderr, words);
    };
    for content in ["", "\n \n", "half", "eyJ"] {
        write(&file, content);
        both_down(&["MINER_API_INFO_FILE"]);
    }
    fs::remove_file(&file).unwrap();
    both_down(&["MINER_API_INFO_FILE", file.to_str().unwrap(), "cannot be read"]);
    fs::create_dir(&file).unwrap();
    both_down(&["MINER_API_INFO_FILE", "cannot be read"]);
    fs::remove_dir(&file).unwrap();

    // A slip in one entry.
    write(&file, &format!("{}\n{}", infos[0], infos[1].replace("/ip4/", "/ipv4/")));
    let (after, stderr) = exporter.collect();
    assert_eq!(up(&after, "miner", &addresses[0]), Some(1.0));
    assert_eq!(up(&after, "miner", &addresses[1]), Some(0.0));
    assert!(is_watched(&after, OTHER));
    one_line(&stderr, &["MINER_API_INFO_FILE entry 2", &addresses[1]]);
    assert!(!stderr.contains(&addresses[0]), "{stderr}");

    write(&file, &infos.join("\n"));
    let (after, stderr) = exporter.collect();
    assert_eq!((stderr.as_str(), after.failed()), ("", vec![]));
}

#[test]
fn what_the_user_removes_is_forgotten_at_once() {
    let farm = Farm::start();
    let (exporter, file, infos) = with_file(&farm);
    write(&file, &infos.join("\n"));
    exporter.collect();
    write(&file, &infos[1]);
    let (after, stderr) = exporter.collect();
    assert_eq!((stderr.as_str(), up(&after, "miner", &address(farm.miner.port))), ("", None));
    assert!(!is_watched(&after, MINER) && is_watched(&after, OTHER));

    write(&file, "# none any more\n");
    let (after, stderr) = exporter.collect();
    assert_eq!((stderr.as_str(), after.values("farcaster_endpoint_up", &[("endpoint", "miner")])), ("", vec![]));

    // The variable is gone, and comes back with a mistake.
    write(&file, &infos.join("\n"));
    exporter.collect();
    let (after, _) = with_same_home(&farm, exporter.home()).collect();
    assert!(after.values("farcaster_endpoint_up", &[("endpoint", "miner")]).is_empty());
    write(&file, "");
    let (after, stderr) = exporter.collect();
    assert!(after.values("farcaster_endpoint_up", &[("endpoint", "miner")]).is_empty(), "{stderr}");
    assert!(stderr.contains("MINER_API_INFO_FILE"), "{stderr}");
}

#[test]
fn an_address_book_with_a_mistake_or_half_saved() {
    let farm = Farm::start();
    let exporter = farm.exporter();
    let path = exporter.home().join(".config/lotus-farcaster/addresses.json");
    let good = json!({"names": {"f0300": "Client"}, "watch": ["f0400"]}).to_string();
    let file = path.to_str().unwrap().to_owned();
    let has = |metrics: &Metrics, name: &str| {
        metrics.has("farcaster_wallet_balance_fil", &[("id_address", "f0300"), ("name", name)])
            && metrics.has("farcaster_wallet_balance_fil", &[("id_address", "f0400")])
    };
    write(&path, &good);
    assert!(has(&exporter.collect().0, "Client"));

    // One entry is wrong: the others count.
    for (book, words) in [
        (json!({"names": {"f0300": "New", "Client": "f0300"}, "watch": ["f0400"]}), "\"Client\" is not an address"),
        (json!({"names": {"f0300": "New", "f0301": 5}, "watch": ["f0400"]}), "\"f0301\" is not text"),
        (json!({"names": {"f0300": "New"}, "watch": [7, "f0400"]}), "7"),
        (json!({"names": {"f0300": "New"}, "watch": ["f0400"], "watches": []}), "\"watches\""),
    ] {
        write(&path, &book.to_string());
        let (after, stderr) = exporter.collect();
        assert!(has(&after, "New"), "{stderr}");
        one_line(&stderr, &[&file, words]);
        write(&path, &good);
        exporter.collect();
    }
    // The whole is: the last good one counts.
    for (text, words) in [
        (&good[..good.len() / 2], "address book"),
        ("", "address book"),
        ("[names]\nf0300 = \"Client\"\n", "this is TOML, and the address book is JSON"),
        ("# mine\nf0300 = \"Client\"\n", "this is TOML"),
    ] {
        write(&path, text);
        let (after, stderr) = exporter.collect();
        assert!(has(&after, "Client"), "{stderr}");
        one_line(&stderr, &[&file, words, "its previous contents still apply"]);
    }
    // Lost, but still meant to be there; then removed.
    fs::remove_file(&path).unwrap();
    symlink("nowhere", &path).unwrap();
    let (after, stderr) = exporter.collect();
    assert!(has(&after, "Client"), "{stderr}");
    fs::remove_file(&path).unwrap();
    let (after, stderr) = exporter.collect();
    assert!(!has(&after, "Client") && stderr.is_empty(), "{stderr}");
    write(&path, "{");
    let (after, stderr) = exporter.collect();
    assert!(!has(&after, "Client"));
    one_line(&stderr, &[&file, "running without it"]);
}
