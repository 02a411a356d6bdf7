//! Boost's deals make progress, and its figures about them agree.

use std::collections::BTreeMap;

use super::*;

const CHECKPOINTS: [&str; 7] =
    ["Accepted", "Transferred", "Published", "PublishConfirmed", "AddedPiece", "IndexedAndAnnounced", "Complete"];

fn field(farm: &Farm, field: &str, now: f64) -> Value {
    let answer = farm.graphql(&format!("{{\nkey:{field}\n}}"), now);
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["key"].clone()
}

fn deals(farm: &Farm, kind: &str, checkpoint: &str, now: f64) -> u64 {
    let query = match kind {
        "direct" => format!("directDeals(filter:{{Checkpoint:{checkpoint}}},limit:1){{totalCount}}"),
        _ => format!("deals(filter:{{Checkpoint:{checkpoint},IsOffline:{}}},limit:1){{totalCount}}", kind == "offline"),
    };
    field(farm, &query, now)["totalCount"].as_u64().unwrap()
}

fn n(value: &Value) -> u64 {
    value["n"].as_str().unwrap().parse().unwrap()
}

#[test]
fn the_markets_funds_are_those_on_chain() {
    let farm = Farm::new(100);
    for now in day() {
        let on_chain = At { farm: &farm, now }.about(MINERS[0], "StateMarketBalance");
        let told = field(&farm, "funds{Escrow{Available{n}Locked{n}Tagged{n}}}", now);
        let atto = |name: &str| told["Escrow"][name]["n"].as_str().unwrap().parse::<u128>().unwrap();
        assert_eq!(json!(atto("Locked").to_string()), on_chain["Locked"]);
        assert_eq!(json!((atto("Locked") + atto("Available")).to_string()), on_chain["Escrow"]);
    }
}

#[test]
fn deals_pass_every_checkpoint_and_none_is_lost() {
    let farm = Farm::new(100);
    let mut before: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for now in day() {
        for kind in ["online", "offline", "direct"] {
            let counts = CHECKPOINTS.map(|checkpoint| deals(&farm, kind, checkpoint, now));
            seen.extend(CHECKPOINTS.iter().zip(counts).filter(|(_, count)| *count > 0).map(|(at, _)| (kind, *at)));
            let (all, complete) = (counts.iter().sum(), counts[6]);
            let [all_before, complete_before] = before.insert(kind, [all, complete]).unwrap_or([all, complete]);
            assert!(all >= all_before && all <= all_before + 4 && complete >= complete_before, "{kind} at {now}");
        }
    }
    assert_eq!(seen.len(), 7 + 7 + 4, "direct deals are not published: {seen:?}");
}

#[test]
fn the_queue_holds_the_waiting_deals_and_always_has_one() {
    let farm = Farm::new(100);
    for now in day() {
        let queue = list(&field(&farm, "dealPublish{Deals}", now)["Deals"]);
        let waiting = ["online", "offline"].map(|kind| deals(&farm, kind, "Transferred", now));
        assert_eq!(queue.len() as u64, waiting.iter().sum::<u64>());
        assert!(!queue.is_empty(), "at {now}");
        let staged: u64 = queue.iter().map(|deal| n(&deal["PieceSize"])).sum();
        assert!(n(&field(&farm, "storage{Staged}", now)["Staged"]) >= staged);
    }
}

#[test]
fn transfers_move_what_arrives_and_some_stall() {
    let farm = Farm::new(100);
    let mut stalled = 0;
    for now in day() {
        let stats = list(&field(&farm, "transferStats{Stats}", now)["Stats"]);
        let sum = |key: &str| stats.iter().map(|host| host[key].as_u64().unwrap()).sum::<u64>();
        assert_eq!(sum("Total"), deals(&farm, "online", "Accepted", now));
        stalled += sum("Stalled");
        let points = list(&field(&farm, "transfers{At Bytes}", now));
        assert_eq!(points.len(), 20);
        assert!(sum("Total") == sum("Stalled") || points.iter().any(|point| n(&point["Bytes"]) > 0), "at {now}");
    }
    assert!(stalled > 0);
}

#[test]
fn a_field_that_the_schema_lacks_is_refused() {
    let answer = Farm::new(100).graphql("{\na:funds{x}\nb:nothing{x}\n}", NOON);
    assert!(answer["data"].is_null());
    assert_eq!(answer["errors"][0]["locations"][0]["line"], 3);
}
