//! Boost, and what the sealing pipeline knows about deals.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{Boost, CLOSED_PORT, Exporter, Farm, Hostile, MINER, Metrics, OTHER, Told};

/// The exporter, given a Boost and nothing else.
fn exporter(boost: &Boost) -> Exporter {
    Exporter::new().env("BOOST_API_INFO", &boost.api_info()).env("BOOST_GRAPHQL_URL", &boost.graphql_url())
}

/// One run, and the lines about Boost.
fn collect(exporter: &Exporter) -> (Metrics, Vec<String>) {
    let (metrics, stderr) = exporter.collect();
    let lines = stderr.lines().filter(|line| line.contains("boost"));
    (metrics, lines.map(str::to_owned).collect())
}

fn value(metrics: &Metrics, family: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let labels = [&[("miner_id", MINER)], labels].concat();
    metrics.value(&format!("farcaster_boost_{family}"), &labels)
}

/// The number of Boost's series, apart from those about its network.
fn count(metrics: &Metrics, family: &str) -> usize {
    metrics.family(&format!("farcaster_boost_{family}")).len()
}

#[test]
fn everything_it_reports_in_two_requests() {
    let boost = Boost::start();
    let book = support::path("fixtures/addresses.json");
    let (metrics, lines) = collect(&exporter(&boost).arg("--addresses").arg(book));
    assert_eq!(lines, [""; 0]);
    let paths: Vec<String> = boost.requests().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["/graphql/query", "/rpc/v0"]);
    assert_eq!(metrics.value("farcaster_run_rpc_requests", &[("endpoint", "boost")]), Some(2.0));
    assert_eq!(metrics.value("farcaster_run_rpc_errors", &[("endpoint", "boost")]), Some(0.0));
    assert_eq!(metrics.values("farcaster_endpoint_up", &[("endpoint", "boost")]), [1.0]);
    assert_eq!(metrics.success("boost", MINER), Some(true));

    let value = |family, labels: &[(&str, &str)]| value(&metrics, family, labels);
    assert_eq!(count(&metrics, "deals"), 21);
    for (kind, checkpoint, deals) in [
        ("online", "Accepted", 1.0),
        ("online", "PublishConfirmed", 4.0),
        ("offline", "Transferred", 12.0),
        ("offline", "Published", 13.0),
        ("direct", "AddedPiece", 25.0),
        ("direct", "IndexedAndAnnounced", 26.0),
        ("direct", "Complete", 27.0),
    ] {
        assert_eq!(value("deals", &[("kind", kind), ("checkpoint", checkpoint)]), Some(deals), "{kind} {checkpoint}");
    }
    assert_eq!(value("publish_queue_deals", &[]), Some(2.0));
    assert_eq!(value("publish_queue_bytes", &[]), Some(51_539_607_552.0));
    assert_eq!(value("publish_timestamp_seconds", &[]), Some(1_795_341_600.0), "an hour after it started to wait");
    let deal = [("deal", "3f0d2e0c-1c6c-4a35-8b2e-6a6a9f0c8a01"), ("client", "f0300")];
    assert_eq!(value("publish_queue_deal_bytes", &deal), Some(34_359_738_368.0));
    let funds = |account, state| value("funds_fil", &[("account", account), ("state", state)]);
    assert_eq!(funds("escrow", "available"), Some(2.5));
    assert_eq!(funds("escrow", "locked"), Some(123.456_789_012_345_68));
    assert_eq!(funds("escrow", "tagged"), Some(1e-18));
    assert_eq!(funds("collateral", "available"), Some(7.0));
    assert_eq!(funds("publish", "tagged"), Some(0.02));
    assert_eq!(value("staging_bytes", &[("state", "free")]), Some(8_796_093_022_208.0));
    assert_eq!(value("staging_bytes", &[("state", "pending")]), Some(2_147_483_648.0));
    assert_eq!(value("transfers", &[("host", "data.example:8443")]), Some(5.0));
    assert_eq!(value("transfers_stalled", &[("host", "data.example:8443")]), Some(1.0));
    assert_eq!(value("transferred_bytes_total", &[]), Some(1500.0));
    assert_eq!(value("ask_price_fil", &[("kind", "unverified")]), Some(5e-10));
    assert_eq!(value("ask_price_fil", &[("kind", "verified")]), Some(0.0));
    assert_eq!(value("peers", &[]), Some(2.0));
    assert_eq!(value("receive_bytes_total", &[]), Some(1000.0));
    assert_eq!(value("transmit_bytes_total", &[]), Some(2000.0));
}

#[test]
fn what_transfers_moved_is_counted_once() {
    let boost = Boost::start();
    let exporter = exporter(&boost);
    let total = || value(&collect(&exporter).0, "transferred_bytes_total", &[]);
    assert_eq!((total(), total()), (Some(1500.0), Some(1500.0)));
    let more = json!([{"At": "2026-11-22T09:00:02Z", "Bytes": 500}, {"At": "2026-11-22T09:00:03.25Z", "Bytes": "70"}]);
    boost.tell("transfers", more);
    assert_eq!(total(), Some(1570.0));
}

#[test]
fn an_empty_boost_has_zeros_and_no_made_up_values() {
    let boost = Boost::start();
    boost.empty();
    let (metrics, lines) = collect(&exporter(&boost));
    assert_eq!((lines, metrics.success("boost", MINER)), (vec![], Some(true)));
    let of_deals: Vec<f64> = metrics.family("farcaster_boost_deals").into_iter().map(|(_, count)| count).collect();
    assert_eq!(of_deals, [0.0; 21]);
    assert_eq!(value(&metrics, "publish_queue_deals", &[]), Some(0.0));
    assert_eq!(value(&metrics, "publish_queue_bytes", &[]), Some(0.0));
    assert!(value(&metrics, "publish_queue_bytes", &[]).is_some_and(f64::is_sign_positive), "0, and not -0");
    for family in [
        "publish_timestamp_seconds",
        "publish_queue_deal_bytes",
        "transfers",
        "ask_price_fil",
        "transferred_bytes_total",
    ] {
        assert_eq!(count(&metrics, family), 0, "{family}");
    }
    // Deals wait, and the time since when is Go's zero time.
    boost.tell(
        "dealPublish",
        json!({"Start": "0001-01-01T00:00:00Z", "Period": 60, "Deals": [
        {"ID": "a", "ClientAddress": "f0300", "CreatedAt": "2026-11-22T08:30:00Z", "PieceSize": 8}]}),
    );
    let (metrics, _) = collect(&exporter(&boost));
    assert_eq!(value(&metrics, "publish_queue_bytes", &[]), Some(8.0));
    assert_eq!(count(&metrics, "publish_timestamp_seconds"), 0);
}

#[test]
fn a_queue_without_its_deals_is_not_an_empty_queue() {
    let boost = Boost::start();
    for queue in [json!({}), json!({"Start": "2026-11-22T09:00:00Z", "Period": 3600})] {
        boost.tell("dealPublish", queue);
        let (metrics, lines) = collect(&exporter(&boost));
        let is_named = |line: &String| line.contains("dealPublish: ") && line.contains("missing field `Deals`");
        assert!(lines.len() == 1 && lines.iter().all(is_named), "{lines:?}");
        assert_eq!(metrics.success("boost", MINER), Some(false));
        assert_eq!(count(&metrics, "publish_queue_deals") + count(&metrics, "publish_queue_bytes"), 0);
    }
}

/// One impossible answer spoils no total, neither now nor in later runs.
#[test]
fn impossible_transfers_are_not_counted() {
    let boost = Boost::start();
    let exporter = exporter(&boost);
    assert_eq!(value(&collect(&exporter).0, "transferred_bytes_total", &[]), Some(1500.0));
    for (at, bytes) in [
        ("9999-12-31T23:59:59Z", json!(7)),
        ("1754-08-30T22:43:41.128654848Z", json!(7)),
        ("2026-02-31T00:00:00Z", json!(7)),
        ("2026-11-22T09:00:04Z", json!("18446744073709551615")),
        ("2026-11-22T09:00:04Z", json!(i64::MAX)),
        ("2026-11-22T09:00:04Z", json!(-1)),
    ] {
        boost.tell("transfers", json!([{"At": at, "Bytes": bytes}]));
        let (metrics, lines) = collect(&exporter);
        assert!(lines.len() == 1 && lines[0].contains("transfers"), "{at} {bytes}: {lines:?}");
        assert_eq!(metrics.success("boost", MINER), Some(false));
        assert_eq!(count(&metrics, "transferred_bytes_total"), 0, "{at} {bytes}");
    }
    boost.tell("transfers", json!([{"At": "2026-11-22T09:00:03Z", "Bytes": 70}]));
    assert_eq!(value(&collect(&exporter).0, "transferred_bytes_total", &[]), Some(1570.0));
}

/// An id that only looks like one does not turn it into another miner.
#[test]
fn an_invalid_id_forgets_nothing() {
    let boost = Boost::start();
    let exporter = exporter(&boost);
    let (first, _) = collect(&exporter);
    boost.tell("minerAddress", json!({"MinerID": "f0+23"}));
    let (metrics, lines) = collect(&exporter);
    assert!(lines.len() == 1 && lines[0].contains("minerAddress.MinerID"), "{lines:?}");
    let total = |metrics| value(metrics, "transferred_bytes_total", &[]);
    assert_eq!(total(&metrics), total(&first));
}

#[test]
fn a_field_that_fails_is_one_line_and_the_others_are_kept() {
    let boost = Boost::start();
    for failure in [Told::Failure, Told::FailureOfAll] {
        boost.answer("funds", failure("getting balance: \"f3x\" not found\nstack".to_owned()));
        let before = boost.requests().len();
        let (metrics, lines) = collect(&exporter(&boost));
        let requests = boost.requests().len() - before;
        assert!((2..=3).contains(&requests), "{requests}");
        assert_eq!(lines.len(), 1, "{lines:?}");
        let expected =
            format!("boost 127.0.0.1:{}: funds: the node answered \"getting balance: \"f3x\" not found\"", boost.port);
        assert!(lines[0].ends_with(&expected), "{lines:?}");
        assert_eq!(metrics.success("boost", MINER), Some(false));
        assert_eq!(metrics.value("farcaster_run_rpc_errors", &[("endpoint", "boost")]), Some(1.0));
        assert_eq!(count(&metrics, "funds_fil"), 0);
        assert_eq!(count(&metrics, "deals"), 21);
        assert_eq!(value(&metrics, "staging_bytes", &[("state", "staged")]), Some(68_719_476_736.0));
        assert_eq!(value(&metrics, "peers", &[]), Some(2.0));
    }
}

#[test]
fn a_boost_without_direct_deals_is_only_older() {
    let boost = Boost::start();
    for checkpoint in
        ["Accepted", "Transferred", "Published", "PublishConfirmed", "AddedPiece", "IndexedAndAnnounced", "Complete"]
    {
        boost.answer(&format!("directDeals {checkpoint}"), Told::Unknown);
    }
    let (metrics, lines) = collect(&exporter(&boost));
    assert_eq!((lines, metrics.success("boost", MINER)), (vec![], Some(true)));
    assert_eq!(count(&metrics, "deals"), 14);
}

#[test]
fn only_fields_of_the_wrong_type_are_left_out() {
    let boost = Boost::start();
    boost
        .tell("storage", json!({"Staged": {"n": "many"}, "Transferred": "7", "Pending": 8, "Free": {"n": -1.5}}))
        .tell("deals Accepted false", json!({"totalCount": "x"}))
        .tell("transferStats", json!([]))
        .tell(
            "dealPublish",
            json!({"Start": 5, "Period": 60, "Deals": [7, {"ID": "a \"b\"\\", "ClientAddress": "f0300",
            "CreatedAt": "then", "PieceSize": {"n": "9"}}, {"ID": "c", "PieceSize": null}]}),
        );
    let (metrics, lines) = collect(&exporter(&boost));
    for part in [
        "storage.Staged",
        "storage.Free",
        "deals.totalCount",
        "transferStats",
        "dealPublish.Start",
        "dealPublish.Deals[0]",
    ] {
        assert!(lines.iter().any(|line| line.contains(part)), "{part}: {lines:?}");
    }
    assert_eq!(metrics.success("boost", MINER), Some(false));
    assert_eq!(count(&metrics, "staging_bytes"), 2);
    assert_eq!(count(&metrics, "deals"), 20);
    assert_eq!(value(&metrics, "publish_queue_deal_bytes", &[("deal", "a \"b\"\\")]), Some(9.0));
    assert_eq!(count(&metrics, "publish_queue_bytes"), 0, "no sum of what is not known");
}

#[test]
fn which_miner_it_belongs_to() {
    // Once reported, it is known while Boost does not answer.
    let farm = Farm::start();
    let boost = Boost::start();
    let exporter =
        farm.exporter().env("BOOST_API_INFO", &boost.api_info()).env("BOOST_GRAPHQL_URL", &boost.graphql_url());
    boost.tell("minerAddress", json!({"MinerID": OTHER}));
    assert_eq!(collect(&exporter).0.success("boost", OTHER), Some(true));
    boost.tell("minerAddress", Value::Null);
    assert_eq!(collect(&exporter).0.success("boost", OTHER), Some(true));

    // If it was never reported, it is the only miner's.
    let alone = Exporter::new()
        .env("MINER_API_INFO", &farm.miner.info(""))
        .env("BOOST_API_INFO", &boost.api_info())
        .env("BOOST_GRAPHQL_URL", &boost.graphql_url());
    assert_eq!(collect(&alone).0.success("boost", MINER), Some(true));
}

#[test]
fn a_boost_that_is_down_is_one_line_and_affects_nothing_else() {
    let farm = Farm::start();
    let (without, _) = farm.exporter().collect();
    let down = farm
        .exporter()
        .env("BOOST_API_INFO", &format!("/ip4/127.0.0.1/tcp/{CLOSED_PORT}/http"))
        .env("BOOST_GRAPHQL_URL", &format!("http://127.0.0.2:{CLOSED_PORT}"));
    let (metrics, stderr) = down.collect();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains(&format!("boost 127.0.0.1:{CLOSED_PORT}: cannot connect")), "{stderr}");
    assert_eq!(metrics.values("farcaster_endpoint_up", &[("endpoint", "boost")]), [0.0, 0.0]);
    assert_eq!(metrics.failed(), ["boost"]);
    assert!(!metrics.0.keys().any(|(name, _)| name.starts_with("farcaster_boost_")));
    for family in [
        "farcaster_miner_power_bytes",
        "farcaster_miner_sectors",
        "farcaster_wallet_balance_fil",
        "farcaster_worker_info",
    ] {
        assert!(!without.family(family).is_empty());
        assert_eq!(metrics.family(family), without.family(family));
    }
}

#[test]
fn one_of_the_two_apis_is_enough() {
    let boost = Boost::start();
    let graphql_only = exporter(&boost).env("BOOST_API_INFO", &format!("/ip4/127.0.0.1/tcp/{CLOSED_PORT}/http"));
    let (metrics, lines) = collect(&graphql_only);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((count(&metrics, "deals"), count(&metrics, "peers")), (21, 0));
    let up = |port: u16| {
        metrics.value("farcaster_endpoint_up", &[("endpoint", "boost"), ("address", &format!("127.0.0.1:{port}"))])
    };
    assert_eq!((up(boost.port), up(CLOSED_PORT)), (Some(1.0), Some(0.0)));

    let api_only = exporter(&boost).env("BOOST_GRAPHQL_URL", &format!("http://127.0.0.1:{CLOSED_PORT}"));
    let (metrics, lines) = collect(&api_only);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((count(&metrics, "deals"), metrics.values("farcaster_boost_peers", &[])), (0, vec![2.0]));
}

#[test]
fn a_boost_that_hangs_delays_nothing_else() {
    let farm = Farm::start();
    let silent = Hostile::silent();
    let exporter = farm
        .exporter()
        .args(&["--timeout", "4s"])
        .env("BOOST_API_INFO", &silent.info())
        .env("BOOST_GRAPHQL_URL", &format!("http://127.0.0.1:{}", silent.port));
    let (metrics, stderr) = exporter.collect();
    assert_eq!(metrics.failed(), ["boost"], "{stderr}");
}

#[test]
fn deals_in_sectors_that_are_sealed_legacy_and_direct() {
    let farm = Farm::start();
    let place = |cid: &str, size: u64| json!({"Size": size, "PieceCID": {"/": cid}});
    let direct = |key: Value| json!({"PublishCid": null, "DealID": 0, "DealProposal": null, "PieceActivationManifest": {"VerifiedAllocationKey": key}});
    let legacy = |id: u64, client: &str| json!({"DealID": id, "DealProposal": {"VerifiedDeal": false, "Client": client}, "PieceActivationManifest": null});
    farm.miner.change(
        "SectorsStatus",
        json!([25]),
        "/Pieces",
        json!([
            {"Piece": place("baga1", 8), "DealInfo": legacy(41, "f01777")},
            {"Piece": place("baga1", 8), "DealInfo": legacy(42, "f0888")},
            {"Piece": place("baga2", 16), "DealInfo": direct(json!({"Client": 1777, "ID": 77}))},
            {"Piece": place("baga3", 4), "DealInfo": direct(Value::Null)},
            {"Piece": place("baga3", 4), "DealInfo": direct(Value::Null)},
            {"Piece": place("filler", 64), "DealInfo": null},
        ]),
    );
    let names = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(names.path(), r#"{"names": {"f01777": "The \"Archive\""}}"#).unwrap();
    let (metrics, stderr) = farm.exporter().arg("--addresses").arg(names.path()).collect();
    assert_eq!(stderr, "");
    let pieces = metrics.family("farcaster_miner_pipeline_piece_bytes");
    let pieces = pieces.into_iter().filter(|(labels, _)| labels["sector"] == "25" && labels["miner_id"] == MINER);
    let pieces: Vec<([&str; 5], f64)> = pieces
        .map(|(labels, bytes)| {
            (["piece", "deal", "client", "verified", "kind"].map(|name| labels[name].as_str()), bytes)
        })
        .collect();
    let mut pieces = pieces;
    pieces.sort_by_key(|(labels, _)| *labels);
    assert_eq!(
        pieces,
        [
            (["baga1", "41", "The \"Archive\"", "0", "deal"], 8.0),
            (["baga1", "42", "f0888", "0", "deal"], 8.0),
            (["baga2", "77", "The \"Archive\"", "1", "direct"], 16.0),
            (["baga3", "", "", "0", "direct"], 8.0),
        ]
    );
}
