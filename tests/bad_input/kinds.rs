//! Nodes that are not what they were given as, and answers that are not from Lotus: one line says what it is and what to do.

use crate::support::{Answer, Exporter, Farm, MINER, Metrics, Node, Permission, Reply, token};

fn admin(node: &Node) -> String {
    node.info(&token(Permission::Admin))
}

fn up(metrics: &Metrics, endpoint: &str) -> Vec<f64> {
    metrics.values("farcaster_endpoint_up", &[("endpoint", endpoint)])
}

/// The lines that name this node.
fn lines_of(stderr: &str, kind: &str, port: u16) -> Vec<String> {
    let node = format!("{kind} 127.0.0.1:{port}:");
    stderr.lines().filter(|line| line.contains(&node)).map(str::to_owned).collect()
}

fn assert_one_line(stderr: &str, kind: &str, port: u16, words: &[&str]) {
    let lines = lines_of(stderr, kind, port);
    assert_eq!(lines.len(), 1, "{stderr}");
    for word in words {
        assert!(lines[0].contains(word), "{word:?} is missing: {}", lines[0]);
    }
}

#[test]
fn a_full_node_given_as_a_lotus_miner() {
    let farm = Farm::start();
    let exporter = farm.exporter().env("MINER_API_INFO", &admin(&farm.daemon));
    let (metrics, stderr) = exporter.collect();
    assert_eq!((up(&metrics, "daemon"), up(&metrics, "miner")), (vec![1.0], vec![0.0]));
    let words = ["this is a full node, not a lotus-miner", "lotus-miner auth api-info"];
    assert_one_line(&stderr, "miner", farm.daemon.port, &words);
}

#[test]
fn a_lotus_miner_given_as_a_full_node() {
    let farm = Farm::start();
    let exporter =
        Exporter::new().env("FULLNODE_API_INFO", &admin(&farm.miner)).env("MINER_API_INFO", &admin(&farm.miner));
    let (metrics, stderr) = exporter.collect();
    assert_eq!((up(&metrics, "daemon"), up(&metrics, "miner")), (vec![0.0], vec![1.0]));
    let words = ["this is a lotus-miner, not a full node", "`lotus auth api-info`"];
    assert_one_line(&stderr, "daemon", farm.miner.port, &words);
}

#[test]
fn a_lotus_worker_given_as_a_lotus_miner() {
    let farm = Farm::start();
    farm.miner.answer("ActorAddress", Answer::NoSuchMethod).result("Version", serde_json::json!(66048));
    let (metrics, stderr) = farm.exporter().collect();
    assert_eq!(up(&metrics, "miner").iter().sum::<f64>(), 1.0);
    assert_one_line(&stderr, "miner", farm.miner.port, &["this is a lotus-worker, not a lotus-miner"]);
    // Without a token it does not even report its version.
    let denied = "missing permission to invoke 'Version' (need 'admin')";
    farm.miner.answer("Version", Answer::Error(1, denied.to_owned()));
    let (_, stderr) = farm.exporter().collect();
    assert_one_line(&stderr, "miner", farm.miner.port, &["this is a lotus-worker"]);
}

/// The address is right again, and the version the same.
#[test]
fn what_was_a_different_program_is_asked_again() {
    let farm = Farm::start();
    let exporter = farm.exporter();
    farm.miner.answer("ActorAddress", Answer::NoSuchMethod);
    exporter.collect();
    farm.miner.restore();
    let (metrics, stderr) = exporter.collect();
    assert_eq!(up(&metrics, "miner"), [1.0, 1.0], "{stderr}");
}

#[test]
fn what_is_not_lotus_is_reported_once() {
    for (reply, words) in [
        (Reply::new(200, "<html><body>It works!"), "not JSON-RPC"),
        (Reply::new(200, "\0\x01garbage"), "not JSON-RPC"),
        (Reply::new(200, ""), "not JSON-RPC"),
        (Reply::new(302, ""), "HTTP 302"),
        (Reply::new(404, "404 page not found"), "HTTP 404"),
        (Reply::new(502, "<html>bad gateway"), "HTTP 502"),
    ] {
        let farm = Farm::start();
        let exporter = farm.exporter();
        exporter.collect();
        farm.miner.always(reply.clone());
        farm.daemon.always(reply);
        let (metrics, stderr) = exporter.collect();
        assert_eq!(metrics.values("farcaster_endpoint_up", &[("endpoint", "daemon")]), [0.0]);
        assert_one_line(&stderr, "miner", farm.miner.port, &[words]);
        assert_one_line(&stderr, "daemon", farm.daemon.port, &[words]);
    }
}

#[test]
fn a_refused_token_is_reported_once_with_the_permission_it_needs() {
    let farm = Farm::start();
    let exporter = farm.exporter().env("MINER_API_INFO", &farm.miner.info("eyJh.eyJB.wrong"));
    let (_, stderr) = exporter.collect();
    assert_one_line(&stderr, "miner", farm.miner.port, &["refuses the token", "--perm admin"]);
}

#[test]
fn a_miner_that_does_not_exist_is_named_once() {
    let farm = Farm::start();
    farm.has_no_miner("f09999999");
    let (metrics, stderr) = farm.exporter().args(&["--miner-id", "f09999999"]).collect();
    let about = stderr.lines().filter(|line| line.contains("f09999999")).collect::<Vec<_>>();
    assert_eq!(about.len(), 1, "{stderr}");
    assert!(about[0].contains("has no such miner f09999999; correct --miner-id"), "{stderr}");
    assert_eq!(metrics.success("power", MINER), Some(true));
}

#[test]
fn a_method_that_a_node_does_not_have_is_asked_once_until_the_node_changes() {
    let farm = Farm::start();
    farm.daemon.answer("NetAutoNatStatus", Answer::NoSuchMethod);
    let exporter = farm.exporter();
    for _ in 0..3 {
        exporter.collect();
    }
    assert_eq!(farm.daemon.count("NetAutoNatStatus"), 1);
    farm.daemon.restore();
    let version = serde_json::json!({"Version": "9.9.9+mainnet", "APIVersion": 131840, "BlockDelay": 30});
    farm.daemon.result("Version", version);
    exporter.collect();
    let (metrics, _) = exporter.collect();
    assert!(farm.daemon.count("NetAutoNatStatus") > 1);
    assert!(metrics.has("farcaster_daemon_reachability", &[]), "{:?}", metrics.failed());
}
