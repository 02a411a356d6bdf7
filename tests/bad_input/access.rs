//! Tokens: what they allow, and that they are shown to nobody else.

use serde_json::json;

use crate::assert_others_unharmed;
use crate::support::{Answer, Exporter, Farm, Hostile, MINER, OTHER, Permission, Reply, token};

/// What needs the admin permission fails, and stderr says how to get it.
#[test]
fn a_lotus_miner_that_allows_only_reading() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    for token in [token(Permission::Read), token(Permission::Write), String::new()] {
        let infos = [farm.miner.info(&token), farm.other.info(&crate::support::token(Permission::Admin))];
        let (after, stderr) = farm.exporter().env("MINER_API_INFO", &infos.join(",")).collect();
        let failed = ["jobs", "scheduler", "storage", "storage_paths", "workers"]
            .map(|collector| format!("{collector} {MINER}"));
        assert_eq!(after.failed(), failed);
        let node = format!("miner 127.0.0.1:{}: ", farm.miner.port);
        let lines: Vec<&str> =
            stderr.lines().filter(|line| line.contains(&node) && line.contains("permission")).collect();
        assert_eq!(lines.len(), 1, "{stderr}");
        let remedy =
            "lacks the `admin` permission; make one that has it with `lotus-miner auth create-token --perm admin`";
        assert!(lines[0].contains("SealingSchedDiag") && lines[0].contains(remedy), "{stderr}");
        let alerts = format!("alerts {MINER}");
        let harmed = [failed.as_slice(), &[alerts]].concat();
        let harmed: Vec<&str> = harmed.iter().map(String::as_str).collect();
        assert_others_unharmed(&before, &after, &harmed);
    }
}

#[test]
fn a_token_of_another_node() {
    let farm = Farm::start();
    let wrong = "eyJhbGciOiJIUzI1NiJ9.of-another.node";
    let (metrics, stderr) = farm.exporter().env("FULLNODE_API_INFO", &farm.daemon.info(wrong)).collect();
    assert_eq!(metrics.value("farcaster_endpoint_up", &[("endpoint", "daemon")]), Some(0.0));
    let words = format!(
        "daemon 127.0.0.1:{}: refuses the token (HTTP 401); make a new one with `lotus auth create-token",
        farm.daemon.port
    );
    assert!(stderr.contains(&words), "{stderr}");
    assert_eq!(metrics.success("workers", MINER), Some(true));
    assert_eq!(metrics.success("power", MINER), Some(false));
}

/// No redirect is followed: it would carry the token to whoever it names.
#[test]
fn redirects() {
    for status in [301, 302, 307, 308] {
        let farm = Farm::start();
        let elsewhere = Hostile::silent();
        let mut reply = Reply::new(status, "");
        reply.headers.push(("Location".to_owned(), format!("http://127.0.0.1:{}/rpc/v1", elsewhere.port)));
        farm.daemon.always(reply.clone());
        farm.miner.always(reply);
        let (metrics, stderr) = farm.exporter().collect();
        assert_eq!(elsewhere.connections(), 0);
        assert_eq!(metrics.value("farcaster_endpoint_up", &[("endpoint", "daemon")]), Some(0.0));
        assert!(
            stderr.contains(&format!("HTTP {status}")) && stderr.contains("redirects are not followed"),
            "{stderr}"
        );
        assert_eq!(metrics.success("workers", OTHER), Some(true));
    }
}

#[test]
fn proxies_in_the_environment() {
    let farm = Farm::start();
    let proxy = Hostile::silent();
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let exporter = names.into_iter().fold(farm.exporter(), |exporter, name| exporter.env(name, &url));
    let (metrics, stderr) = exporter.collect();
    assert_eq!((stderr.as_str(), metrics.failed()), ("", vec![]));
    assert_eq!(proxy.connections(), 0);
}

/// A node that repeats the token wherever it can. Every run of every test checks that the token is shown nowhere.
#[test]
fn a_node_that_echoes_the_token() {
    let secret = token(Permission::Admin);
    for verbose in [false, true] {
        let echo = |exporter: Exporter| if verbose { exporter.arg("-v") } else { exporter };
        let farm = Farm::start();
        farm.daemon.answer("StateMinerPower", Answer::Error(1, format!("no power for {secret}!")));
        farm.daemon.result("StateMinerInfo", json!(secret));
        farm.daemon.change("NodeStatus", json!([false]), "/SyncStatus", json!(secret));
        farm.daemon.result("F3ListParticipants", json!([secret]));
        farm.miner.change("SectorsStatus", json!([27]), "/Log/14/Trace", json!(format!("refused: {secret}")));
        let (metrics, stderr) = echo(farm.exporter()).collect();
        assert!(stderr.contains("no power for [secret]!"), "{stderr}");
        assert_eq!(metrics.success("identity", MINER), Some(false));
        assert!(metrics.has("farcaster_miner_pipeline_sector_error_info", &[("error", "refused: [secret]")]));

        for body in [secret.clone(), format!("Forbidden for {secret}"), format!("{} {secret}", "x".repeat(390))] {
            let farm = Farm::start();
            farm.daemon.always(Reply::new(200, body));
            let (_, stderr) = echo(farm.exporter()).collect();
            assert!(stderr.contains("not JSON-RPC"), "{stderr}");
        }
    }
}

/// The key of a public provider may stand in the path of its URL.
#[test]
fn keys_in_urls() {
    let farm = Farm::start();
    let exporter = farm.exporter().arg("-v");
    let url = format!("http://user:pa55word-of-basic@127.0.0.1:{}/a-provider-key-1234567890", farm.daemon.port);
    let run = exporter.env("FULLNODE_API_INFO", &url).run();
    for secret in ["pa55word", "provider-key"] {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{}", run.stderr);
    }
    let request = &farm.daemon.requests()[0];
    assert_eq!(request.path, "/a-provider-key-1234567890/rpc/v1");
    assert_eq!(request.header("Authorization"), Some("Basic dXNlcjpwYTU1d29yZC1vZi1iYXNpYw=="));
}

/// Each node is shown its own token and no other, and knows who asks.
#[test]
fn headers() {
    let farm = Farm::start();
    let (read, admin) = (token(Permission::Read), token(Permission::Admin));
    let infos = [farm.miner.info(&admin), farm.other.info("")];
    let exporter = farm.exporter().env("FULLNODE_API_INFO", &farm.daemon.info(&read));
    exporter.env("MINER_API_INFO", &infos.join(",")).collect();
    for (node, expected) in [
        (&farm.daemon, Some(format!("Bearer {read}"))),
        (&farm.miner, Some(format!("Bearer {admin}"))),
        (&farm.other, None),
    ] {
        for request in node.requests() {
            assert_eq!(request.header("Authorization"), expected.as_deref());
            assert!(request.header("User-Agent").unwrap().starts_with("lotus-farcaster/"));
            assert_eq!(request.header("Content-Type"), Some("application/json"));
        }
    }
}

/// An https address of a node that speaks plain HTTP, as Lotus does by itself: Go answers the handshake with HTTP 400.
#[test]
#[cfg(feature = "tls")]
fn https_to_a_node_that_speaks_http() {
    use std::io::{Read, Write};
    let farm = Farm::start();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        }
    });
    let info = format!("{}:https://127.0.0.1:{port}", token(Permission::Admin));
    let (metrics, stderr) = farm.exporter().env("FULLNODE_API_INFO", &info).collect();
    assert_eq!(metrics.value("farcaster_endpoint_up", &[("endpoint", "daemon")]), Some(0.0));
    assert!(stderr.contains("TLS failed") && stderr.contains("it needs https"), "{stderr}");
    assert_eq!(metrics.success("sectors", MINER), Some(true));
}
