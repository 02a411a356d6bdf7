//! HTTP replies that are not valid JSON-RPC.

use serde_json::{Value, json};

use crate::assert_others_unharmed;
use crate::support::{Answer, Farm, MINER, Metrics, OTHER, Reply};

/// Collects from a farm whose full node answers everything like this. The miners' own side must be complete.
fn with_daemon_answering(reply: Reply) -> (Metrics, String) {
    let farm = Farm::start();
    farm.daemon.always(reply);
    let (metrics, stderr) = farm.exporter().collect();
    for collector in ["sectors", "workers", "jobs", "scheduler", "pipeline", "alerts", "storage"] {
        for miner in [MINER, OTHER] {
            assert_eq!(metrics.success(collector, miner), Some(true), "{collector} {miner}");
        }
    }
    for collector in ["daemon", "chain", "f3", "alerts", "network", "wallets", "mpool"] {
        assert_eq!(metrics.success(collector, ""), Some(false), "{collector}");
    }
    assert_eq!(metrics.value("farcaster_endpoint_up", &[("endpoint", "daemon")]), Some(0.0));
    assert!(stderr.contains(&format!("daemon 127.0.0.1:{}: ", farm.daemon.port)), "{stderr}");
    (metrics, stderr)
}

#[test]
fn a_web_page() {
    let page = "<!DOCTYPE html>\n<html><head><title>Welcome to nginx!</title></head></html>";
    let (_, stderr) = with_daemon_answering(Reply::new(200, page));
    assert!(stderr.contains("not JSON-RPC") && stderr.contains("<!DOCTYPE html>"), "{stderr}");
}

#[test]
fn nothing_and_next_to_nothing() {
    for body in ["", " ", "null", "0", "\"ok\"", "{}", "[]", "[[]]", "[null]", "\u{feff}[]", "{\"result\":"] {
        with_daemon_answering(Reply::new(200, body));
    }
    with_daemon_answering(Reply::new(200, b"\xff\xfe\x00"));
}

#[test]
fn statuses_of_proxies() {
    for (status, remedy) in [
        (502, "a proxy in front of the node cannot reach it"),
        (503, "a proxy in front of the node cannot reach it"),
        (500, "see the node's log"),
        (413, "limits the size of requests"),
        (429, "--interval"),
        (404, "check the path"),
    ] {
        let (_, stderr) = with_daemon_answering(Reply::new(status, "<h1>No</h1>"));
        assert!(stderr.contains(&format!("HTTP {status}")) && stderr.contains(remedy), "{stderr}");
    }
}

/// A whole-batch error in the words of each node that has one. The calls are then made one by one.
#[test]
fn batches_refused() {
    let refused = |status, code, message| {
        let body = json!({"jsonrpc": "2.0", "id": null, "error": {"code": code, "message": message}});
        Reply::new(status, body.to_string())
    };
    for refusal in [
        refused(500, -32700, "unmarshaling request: json: cannot unmarshal array into Go value"),
        refused(200, -32010, "The batch request was too large"),
        refused(200, -32005, "Batched requests are not supported by this server"),
    ] {
        let farm = Farm::start();
        let (before, _) = farm.exporter().collect();
        for node in [&farm.daemon, &farm.miner] {
            let refusal = refusal.clone();
            node.rewrite(move |request, reply| if request.is_batch() { refusal.clone() } else { reply });
        }
        let asked_before = farm.daemon.requests().len();
        let (after, stderr) = farm.exporter().collect();
        assert_eq!((stderr.as_str(), after.failed()), ("", vec![]));
        assert_others_unharmed(&before, &after, &[]);
        let requests = farm.daemon.requests().split_off(asked_before);
        let batches = requests.iter().filter(|request| request.is_batch()).count();
        assert!((1..10).contains(&batches), "a node that refused a batch is sent {batches}");
    }
}

/// go-jsonrpc leaves a comma behind where an answer in a batch is missing.
#[test]
fn garbled_batches() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    for node in [&farm.daemon, &farm.miner] {
        node.rewrite(|request, mut reply| {
            if request.is_batch() {
                reply.body.truncate(reply.body.len() - 1);
                reply.body.extend(b",]");
            }
            reply
        });
    }
    let (after, stderr) = farm.exporter().collect();
    assert_eq!((stderr.as_str(), after.failed()), ("", vec![]));
    assert_others_unharmed(&before, &after, &[]);
}

#[test]
fn text_that_is_not_utf8() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    farm.miner.rewrite(|_, mut reply| {
        let at = reply.body.windows(8).position(|window| window == b"sealer-2");
        if let Some(at) = at {
            reply.body[at + 3] = 0xe9;
        }
        reply
    });
    let (after, stderr) = farm.exporter().collect();
    assert!(after.failed().contains(&format!("workers {MINER}")), "{stderr}");
    let harmed = ["workers", "jobs", "storage_paths", "storage"].map(|collector| format!("{collector} {MINER}"));
    assert_others_unharmed(&before, &after, &harmed.each_ref().map(String::as_str));
}

#[test]
fn an_answer_left_out_of_a_batch() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    farm.daemon.answer_to("StateMarketBalance", json!([MINER]), Answer::Missing);
    let (after, stderr) = farm.exporter().collect();
    assert_eq!(after.failed(), [format!("balances {MINER}")]);
    assert!(stderr.contains("StateMarketBalance: the node left this call unanswered"), "{stderr}");
    assert!(!after.has("farcaster_miner_market_escrow_fil", &[("miner_id", MINER)]));
    assert_eq!(after.value("farcaster_miner_balance_fil", &[("miner_id", MINER)]), Some(700.0));
    assert_others_unharmed(&before, &after, &[&format!("balances {MINER}")]);
}

#[test]
fn answers_under_other_ids() {
    for method in ["StateMinerPower", "WalletList"] {
        let farm = Farm::start();
        let (before, _) = farm.exporter().collect();
        farm.daemon.answer(method, Answer::WrongId);
        let (after, stderr) = farm.exporter().collect();
        assert!(stderr.contains(&format!("{method}: the node left this call unanswered")), "{stderr}");
        let harmed = [
            format!("power {MINER}"),
            format!("power {OTHER}"),
            "wallets".to_owned(),
            "messages".to_owned(),
            "mpool".to_owned(),
            "blocks".to_owned(),
        ];
        let harmed = harmed.each_ref().map(String::as_str);
        assert!(after.failed().iter().all(|failed| harmed.contains(&failed.as_str())) && !after.failed().is_empty());
        assert_others_unharmed(&before, &after, &harmed);
    }
}

/// Answers may come in any order, and their ids as texts.
#[test]
fn ids_decide() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    farm.daemon.rewrite(|request, mut reply| {
        if request.is_batch() {
            let mut answers: Vec<Value> = serde_json::from_slice(&reply.body).unwrap();
            answers.reverse();
            for answer in &mut answers {
                answer["id"] = json!(answer["id"].to_string());
            }
            reply.body = json!(answers).to_string().into();
        }
        reply
    });
    let (after, stderr) = farm.exporter().collect();
    assert_eq!((stderr.as_str(), after.failed()), ("", vec![]));
    assert_others_unharmed(&before, &after, &[]);
}

/// The answer ends before it is whole.
#[test]
fn an_answer_cut_short() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    farm.daemon.rewrite(|request, mut reply| {
        if request.body.contains("MpoolPending") {
            reply.body.truncate(reply.body.len() / 2);
        }
        reply
    });
    let (after, stderr) = farm.exporter().collect();
    assert_eq!(after.failed(), ["mpool"]);
    assert!(stderr.contains("MpoolPending: "), "{stderr}");
    assert_others_unharmed(&before, &after, &["mpool"]);
}

/// Forest refuses more than 100 calls at once.
#[test]
fn batches_are_not_too_long() {
    let farm = Farm::start();
    let many: Vec<String> = (0..120).map(|index| format!("f1wallet{index}")).collect();
    farm.daemon.result("WalletList", json!(many));
    farm.daemon.answer("StateLookupID", Answer::Error(11, "actor not found".to_owned()));
    for wallet in &many {
        farm.daemon.answer_to("StateGetActor", json!([wallet]), Answer::Error(11, "actor not found".to_owned()));
    }
    let (metrics, stderr) = farm.exporter().collect();
    assert_eq!((stderr.as_str(), metrics.failed()), ("", vec![]));
    assert_eq!(metrics.family("farcaster_wallet_balance_fil").len(), 127);
    assert!(farm.daemon.requests().iter().all(|request| request.calls().len() <= 100));
}
