//! Data sets that Curio tells page by page, and a key with its wallet.

use serde_json::{Value, json};

use super::support::{Answer, Curio, now};
use super::{collect, exporter, failed};

fn items(count: u64) -> Vec<Value> {
    (0..count)
        .map(|id| json!({"id": id, "proveAtEpoch": 400, "challengeWindow": 60, "provingStatus": "scheduled"}))
        .collect()
}

#[test]
fn curios_own_word_for_a_set_is_not_taken() {
    let skiff = Curio::skiff();
    // Its own call of the chain failed: everything that is not lost is `scheduled`.
    let mut list = skiff.result_of("PDPDataSetList");
    for item in list["items"].as_array_mut().unwrap() {
        item["provingStatus"] = json!("scheduled");
    }
    skiff.result("PDPDataSetList", list);
    let (metrics, _) = collect(&exporter(&skiff));
    assert_eq!(metrics.value("farcaster_pdp_data_sets", &[("status", "overdue")]), Some(1.0));
}

#[test]
fn what_a_full_node_that_is_behind_does_not_know_yet_is_overdue() {
    let skiff = Curio::skiff();
    let node = |address: &str, state: &str| json!({"Address": address, "Reachable": true, "SyncState": state, "Version": "1.36.0"});
    let (far, near) = ("http://10.0.0.1:1234", "http://10.0.0.2:1234");
    skiff.result("SyncerState", json!([node(near, "behind (1h0m0s behind)"), node(far, "behind (27h0m0s behind)")]));
    // The window is still open at the head that it knows, 359, and has been closed for 859 epochs of four seconds.
    let mut list = skiff.result_of("PDPDataSetList");
    list["items"][0]["proveAtEpoch"] = json!(300);
    list["items"][0]["challengeWindow"] = json!(100);
    skiff.result("PDPDataSetList", list);
    let mut status = skiff.result_of("PDPProvingStatus");
    status["nextDeadlineEpoch"] = json!(400);
    skiff.result("PDPProvingStatus", status);
    let (metrics, lines) = collect(&exporter(&skiff));
    assert_eq!(lines, [""; 0]);
    let of = |family: &str, labels: &[(&str, &str)]| metrics.value(family, labels).unwrap();
    assert_eq!(of("farcaster_pdp_data_sets", &[("status", "in-window")]), 0.0);
    assert_eq!(of("farcaster_pdp_data_sets_overdue", &[]), 2.0);
    assert_eq!(of("farcaster_pdp_problem_data_set", &[("data_set", "15"), ("status", "overdue")]), 1.0);
    let deadline = of("farcaster_pdp_next_deadline_timestamp_seconds", &[]);
    assert!((now() - deadline - 3436.0).abs() < 30.0, "{}", now() - deadline);
    // Another one knows better.
    skiff.result("SyncerState", json!([node(far, "behind (1h0m0s behind)"), node(near, "ok")]));
    let (metrics, _) = collect(&exporter(&skiff));
    assert_eq!(metrics.value("farcaster_pdp_data_sets_overdue", &[]), Some(1.0));
}

/// At a head that may be old, what is overdue is, and what is not may be all the same.
#[test]
fn no_set_is_called_good_where_nobody_knows_how_old_the_head_is() {
    let node = |state: &str| json!([{"Address": "http://10.0.0.1:1234", "Reachable": true, "SyncState": state}]);
    for state in
        [Answer::Error(1, "context deadline exceeded".to_owned()), Answer::Result(json!([])), Answer::Result(node(""))]
    {
        let skiff = Curio::skiff();
        skiff.answer("SyncerState", state);
        let (metrics, _) = collect(&exporter(&skiff));
        assert_eq!(metrics.value("farcaster_pdp_data_sets_overdue", &[]), Some(1.0));
        assert!(metrics.has("farcaster_pdp_problem_data_set", &[("status", "overdue")]));
        assert!(!metrics.has("farcaster_pdp_data_sets", &[]));
        let mut status = skiff.result_of("PDPProvingStatus");
        status["overdueCount"] = json!(0);
        skiff.result("PDPProvingStatus", status);
        let (metrics, _) = collect(&exporter(&skiff));
        assert!(!metrics.has("farcaster_pdp_data_sets_overdue", &[]));
        assert!(!metrics.has("farcaster_pdp_next_deadline_timestamp_seconds", &[]));
        assert!(metrics.has("farcaster_pdp_last_lost_data_set_timestamp_seconds", &[]));
    }
}

#[test]
fn a_list_that_is_not_whole_counts_nothing() {
    let skiff = Curio::skiff();
    skiff.result("PDPDataSetList", json!({"items": items(40), "total": 41}));
    let (metrics, _) = collect(&exporter(&skiff));
    assert!(!metrics.has("farcaster_pdp_data_sets", &[]));
    assert_eq!(metrics.value("farcaster_pdp_data_sets_overdue", &[]), Some(1.0));
    skiff.result("PDPDataSetList", json!({"items": items(41), "total": 41}));
    let (metrics, _) = collect(&exporter(&skiff));
    assert_eq!(metrics.value("farcaster_pdp_data_sets", &[("status", "scheduled")]), Some(41.0));
}

#[test]
fn a_data_set_that_was_given_up_is_no_failed_proof() {
    let skiff = Curio::skiff();
    let family = "farcaster_pdp_last_failed_proof_timestamp_seconds";
    let lost = json!({"dataSetId": 15, "err": "unrecoverable proving failure at epoch 30", "workEnd": "2026-11-26T15:10:38.79180617Z",
        "unrecoverableFailureEpoch": 30, "challengeWindow": 60, "reason": "unrecoverable proving failure"});
    skiff.result("PDPProvingFailures", json!([lost]));
    let (metrics, _) = collect(&exporter(&skiff));
    assert!(!metrics.has(family, &[]) && metrics.has("farcaster_pdp_last_lost_data_set_timestamp_seconds", &[]));
    let failed = json!({"dataSetId": 14, "taskId": 9003, "err": "dataset 14: out of gas", "workEnd": "2026-11-26T12:00:00.703937Z",
        "reason": "prove task failed"});
    skiff.result("PDPProvingFailures", json!([lost, failed]));
    let (metrics, _) = collect(&exporter(&skiff));
    assert_eq!(metrics.value(family, &[]), Some(1_795_694_400.703_937));
}

#[test]
fn a_wallet_counts_only_where_its_balance_is_known() {
    let skiff = Curio::skiff();
    let address = "f410f2abcdefghijklmnopqrstuvwxyz234567abcdef";
    let key = |known: bool| {
        json!({"configured": true, "address": "0xab", "filAddress": address, "balance": "1.983 mFIL", "usdfcBalance": "12.50 USDFC",
            "balanceKnown": known, "usdfcKnown": known, "funded": known, "actorExists": true})
    };
    skiff.result("PDPKeyStatus", key(false));
    let (metrics, _) = collect(&exporter(&skiff));
    assert_eq!(failed(&metrics), [""; 0]);
    assert_eq!(metrics.value("farcaster_pdp_key_configured", &[]), Some(1.0));
    assert!(!metrics.has("farcaster_pdp_wallet_funded", &[]) && !metrics.has("farcaster_pdp_wallet_balance_fil", &[]));
    skiff.result("PDPKeyStatus", key(true));
    let (metrics, _) = collect(&exporter(&skiff));
    assert_eq!(metrics.value("farcaster_pdp_wallet_funded", &[]), Some(1.0));
    assert_eq!(metrics.value("farcaster_pdp_wallet_balance_fil", &[("address", address)]), Some(0.001983));
    assert_eq!(metrics.value("farcaster_pdp_wallet_balance_usdfc", &[]), Some(12.5));
}
