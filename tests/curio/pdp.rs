//! Data sets that Curio tells page by page, and a key with its wallet.

use serde_json::{Value, json};

use super::support::Curio;
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
