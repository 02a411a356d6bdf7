//! The farm's answers agree with each other, with Lotus' forms, and with themselves asked again.
#![allow(clippy::unwrap_used)]

mod boost;
mod chain;
mod on_chain;
mod sectors;

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::{Value, json};

use super::methods::{DAEMON_METHODS, MINER_METHODS};
use super::{Answer, Farm, Node};

/// 2026-11-22T12:00:07Z.
const NOON: f64 = 1_795_348_807.0;
const NODES: [Node; 3] = [Node::Daemon, Node::Miner(0), Node::Miner(1)];
const MINERS: [&str; 2] = ["f03100100", "f03100200"];
const SECTOR_BYTES: u64 = 32 << 30;

/// A day in uneven steps, so that all phases of all cycles come up.
fn day() -> impl Iterator<Item = f64> {
    (0..140).map(|i| NOON + 617.3 * f64::from(i))
}

/// A farm at one time.
struct At<'a> {
    farm: &'a Farm,
    now: f64,
}

impl At<'_> {
    fn try_ask(&self, node: Node, method: &str, params: Value) -> Answer {
        let params = params.as_array().unwrap();
        self.farm.answer(node, &format!("Filecoin.{method}"), params, self.now)
    }

    fn ask(&self, node: Node, method: &str, params: Value) -> Value {
        self.try_ask(node, method, params).unwrap_or_else(|error| panic!("{method}: {error:?}"))
    }

    fn daemon(&self, method: &str, params: Value) -> Value {
        self.ask(Node::Daemon, method, params)
    }

    /// Asks the full node about an actor.
    fn about(&self, address: impl Into<Value>, method: &str) -> Value {
        self.daemon(method, json!([address.into(), null]))
    }

    fn miner(&self, index: usize, method: &str, params: Value) -> Value {
        self.ask(Node::Miner(index), method, params)
    }

    fn in_states(&self, miner: usize, states: &[&str]) -> BTreeSet<u64> {
        numbers(&self.miner(miner, "SectorsListInStates", json!([states])))
    }

    fn status(&self, miner: usize, sector: u64) -> Value {
        self.miner(miner, "SectorsStatus", json!([sector, true]))
    }

    /// A miner's partitions, by deadline.
    fn partitions(&self, miner: usize) -> Vec<Vec<Value>> {
        let of = |deadline: u64| self.daemon("StateMinerPartitions", json!([MINERS[miner], deadline, null]));
        (0..48).map(|deadline| list(&of(deadline))).collect()
    }
}

/// A list's items; none for null.
fn list(value: &Value) -> Vec<Value> {
    if value.is_null() { Vec::new() } else { value.as_array().unwrap().clone() }
}

/// A list of different numbers.
fn numbers(value: &Value) -> BTreeSet<u64> {
    let list = list(value);
    let set: BTreeSet<u64> = list.iter().map(|number| number.as_u64().unwrap()).collect();
    assert_eq!(set.len(), list.len(), "a number is listed twice");
    set
}

/// A big number, which Lotus writes as text.
fn big(text: &Value) -> u128 {
    text.as_str().unwrap().parse().unwrap()
}

/// The runs of a bitfield that are set.
fn runs(bitfield: &Value) -> Vec<Range<u64>> {
    let (mut start, mut runs) = (0, Vec::new());
    for (i, length) in list(bitfield).iter().enumerate() {
        let end = start + length.as_u64().unwrap();
        assert!(i == 0 || end > start, "an empty run inside {bitfield}");
        runs.extend((i % 2 == 1).then_some(start..end));
        start = end;
    }
    runs
}

fn count(bitfield: &Value) -> u64 {
    runs(bitfield).iter().map(|run| run.end - run.start).sum()
}

fn set(bitfield: &Value) -> BTreeSet<u64> {
    runs(bitfield).into_iter().flatten().collect()
}

/// Every call that the farm knows, with suitable parameters.
fn every_call(at: &At) -> Vec<(Node, &'static str, Value)> {
    let head = at.daemon("ChainHead", json!([]));
    let params = |node: Node, method: &str, wanted: usize| match method {
        "ChainGetTipSetByHeight" => json!([head["Height"], null]),
        "ChainGetParentMessages" | "ChainGetParentReceipts" => json!([head["Cids"][0]]),
        "ChainReadObj" => {
            let actor = at.daemon("StateReadState", json!([MINERS[0], null]));
            json!([actor["State"]["VestingFunds"]["Tail"]])
        }
        "StateRewardDistribution" => json!([{ "key": head["Cids"] }]),
        "GasEstimateGasPremium" => json!([2, MINERS[0], 1_000_000, null]),
        "StateMinerInitialPledgeForSector" => json!([1_555_200, SECTOR_BYTES, SECTOR_BYTES, null]),
        "MinerGetBaseInfo" => json!([MINERS[0], head["Height"], head["Cids"]]),
        "StateMinerPartitions" => json!([MINERS[0], 3, null]),
        "StateMinerSectors" => json!([MINERS[0], null, null]),
        "StateActorCodeCIDs" => json!([29]),
        "StateAccountKey" => json!(["f03100102", null]),
        "SectorsListInStates" => json!([["Proving", "PreCommit1"]]),
        "SectorsStatus" => json!([at.ask(node, "SectorsList", json!([]))[0], true]),
        "StorageFindSector" => json!([{ "Miner": 3_100_100, "Number": 1 }, 2, 0, false]),
        "StorageInfo" | "StorageStat" => {
            let paths = at.ask(node, "StorageList", json!([]));
            json!([paths.as_object().unwrap().keys().next_back()])
        }
        "NodeStatus" | "SealingSchedDiag" => json!([true]),
        "WalletBalance" => json!([MINERS[0]]),
        _ if wanted == 2 => json!([MINERS[0], null]),
        _ => vec![Value::Null; wanted].into(),
    };
    let of_node = |node: Node| {
        let methods = if node == Node::Daemon { DAEMON_METHODS } else { MINER_METHODS };
        methods.iter().map(move |(method, wanted)| (node, *method, *wanted))
    };
    let calls = NODES.into_iter().flat_map(of_node);
    calls.map(|(node, method, wanted)| (node, method, params(node, method, wanted))).collect()
}

#[test]
fn every_size_answers_every_call_and_always_the_same() {
    for sectors in [0, 1, 2, 47, 5000] {
        let (farm, again) = (Farm::new(sectors), Farm::new(sectors));
        for now in [NOON, NOON + 5.0 * 3600.0] {
            let at = At { farm: &farm, now };
            for (node, method, params) in every_call(&at) {
                let answer = at.try_ask(node, method, params.clone());
                assert!(answer.is_ok(), "{method} of a farm of {sectors}: {answer:?}");
                assert_eq!(answer, At { farm: &again, now }.try_ask(node, method, params));
            }
        }
    }
    // A clock that is far off must not make it panic.
    let farm = Farm::new(100);
    for now in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e12] {
        let at = At { farm: &farm, now };
        at.daemon("ChainHead", json!([]));
        at.daemon("MpoolPending", json!([null]));
        at.miner(0, "SectorsSummary", json!([]));
        at.miner(0, "WorkerJobs", json!([]));
    }
    Farm::new(u64::MAX);
}

#[test]
fn a_million_sectors_are_a_few_runs() {
    let farm = Farm::new(1_000_000);
    let at = At { farm: &farm, now: NOON };
    let mut live = 0;
    for miner in 0..farm.miner_count() {
        for partition in at.partitions(miner).iter().flatten() {
            assert!(count(&partition["AllSectors"]) <= 2349);
            assert!(list(&partition["AllSectors"]).len() < 40);
            live += count(&partition["LiveSectors"]);
        }
        let summary = at.miner(miner, "SectorsSummary", json!([]));
        assert!(summary["Proving"].as_u64().unwrap() > 240_000);
    }
    assert!(live.abs_diff(1_000_000) < 100, "{live} live sectors");
}

#[test]
fn refuses_as_lotus_does() {
    let farm = Farm::new(10);
    let at = At { farm: &farm, now: NOON };
    let error = |node, method: &str, params| at.try_ask(node, method, params).unwrap_err();
    for node in NODES {
        let message = "method 'Filecoin.NoSuch' not found".to_owned();
        assert_eq!(error(node, "NoSuch", json!([])), (-32601, message));
    }
    assert_eq!(farm.answer(Node::Daemon, "ChainHead", &[], NOON).unwrap_err().0, -32601);
    // Methods of the other kind of node are unknown, too.
    assert_eq!(error(Node::Daemon, "SectorsSummary", json!([])).0, -32601);
    assert_eq!(error(Node::Miner(0), "ChainHead", json!([])).0, -32601);

    let message = "wrong param count (method 'Filecoin.StateMinerPower'): 1 != 2".to_owned();
    assert_eq!(error(Node::Daemon, "StateMinerPower", json!([MINERS[0]])), (-32602, message));
    for (node, method, mut params) in every_call(&at) {
        params.as_array_mut().unwrap().push(Value::Null);
        assert_eq!(error(node, method, params).0, -32602, "{method}");
    }

    assert_eq!(error(Node::Daemon, "StateMinerPower", json!([7, null])).0, -32700);
    assert_eq!(error(Node::Daemon, "StateMinerPower", json!(["f01234", null])).0, 1);
    assert_eq!(error(Node::Daemon, "StateMinerPartitions", json!([MINERS[0], 48, null])).0, 1);
    assert_eq!(error(Node::Daemon, "StateMinerSectors", json!([MINERS[0], [0, -1], null])).0, -32700);
    assert_eq!(error(Node::Daemon, "MinerGetBaseInfo", json!([MINERS[0], 1, null])).0, 1);
    assert_eq!(error(Node::Daemon, "ChainGetTipSetByHeight", json!([99_999_999, null])).0, 1);
    assert_eq!(error(Node::Miner(0), "SectorsStatus", json!([1u64 << 40, false])).0, 1);
    assert_eq!(error(Node::Miner(0), "StorageStat", json!(["nowhere"])).0, 1);
    assert_eq!(error(Node::Miner(2), "Version", json!([])).0, 1);
}

#[test]
fn texts_have_lotus_forms() {
    use super::text::{Cid, address, base64, bitfield, cid, peer_id, rfc3339, uuid};
    assert_eq!(rfc3339(1_795_348_807.5, 0), "2026-11-22T12:00:07.500000000Z");
    assert_eq!(rfc3339(951_868_799.0, 2), "2000-03-01T01:59:59.000000000+02:00");
    let text = |kind| cid(kind, 7)["/"].as_str().unwrap().to_owned();
    assert!(text(Cid::Chain).starts_with("bafy2bzace") && text(Cid::Chain).len() == 62);
    assert!(text(Cid::Code).starts_with("bafk2bzace"));
    assert!(text(Cid::Piece).starts_with("baga6ea4seaq"));
    assert!(text(Cid::Sealed).starts_with("bagboea4b5abc"));
    assert_eq!((address(1, 5).len(), address(3, 5).len(), peer_id(5).len()), (41, 86, 52));
    assert_eq!((base64(5, 32).len(), base64(5, 96).len()), (44, 128));
    let lengths: Vec<usize> = uuid(u64::MAX).split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12]);
    let joined = [0..2, 2..3, 5..6];
    assert_eq!(bitfield(&joined), json!([0, 3, 2, 1]));
    let one_empty = [4..4, 5..6];
    assert_eq!(bitfield(&one_empty), json!([5, 1]));
    assert_eq!(bitfield(&[]), json!([0]));
}
