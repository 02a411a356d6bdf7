//! What is shown of the proofs that a deadline needs: decided for each partition, as lotus-miner does, and never from an old answer.

#![allow(clippy::unwrap_used)]

mod support;

use lotus_farcaster::base64;
use serde_json::{Value, json};
use support::{Answer, Exporter, Farm, MINER, Metrics};

/// Deadline 16 of [`MINER`] is open, and has two partitions.
const OPEN: [(&str, &str); 2] = [("miner_id", MINER), ("deadline", "16")];

/// Collects; nothing may fail.
fn collect(exporter: &Exporter) -> Metrics {
    let (metrics, stderr) = exporter.collect();
    assert_eq!((stderr.as_str(), metrics.failed()), ("", vec![]));
    metrics
}

fn partition(live: Value, faulty: Value, recovering: Value, active: Value) -> Value {
    json!({"AllSectors": live, "LiveSectors": live, "FaultySectors": faulty, "RecoveringSectors": recovering, "ActiveSectors": active})
}

/// Changes the miner's deadlines, which its state shows.
fn change_cid(farm: &Farm, cid: &str) {
    farm.daemon.change("StateReadState", json!([MINER]), "/State/Deadlines", json!({"/": cid}));
}

fn power_of(farm: &Farm, sectors: u64) {
    let bytes = json!((sectors << 35).to_string());
    farm.daemon.change("StateMinerPower", json!([MINER]), "/MinerPower/RawBytePower", bytes);
}

#[test]
fn a_partition_with_only_faults_is_not_due() {
    let farm = Farm::start();
    let healthy = partition(json!([15, 5]), json!([0]), json!([0]), json!([15, 5]));
    let seen = |first: Value, submissions: Value| {
        farm.daemon.answer_to("StateMinerPartitions", json!([MINER, 16]), Answer::Result(json!([first, healthy])));
        farm.daemon.change("StateMinerDeadlines", json!([MINER]), "/16/PostSubmissions", submissions);
        power_of(&farm, 10);
        let metrics = collect(&farm.exporter());
        ["partitions", "due_partitions", "proven_partitions"]
            .map(|name| metrics.value(&format!("farcaster_miner_deadline_{name}"), &OPEN))
    };
    let numbers = |numbers: [u32; 3]| numbers.map(|number| Some(f64::from(number)));
    let all = json!([9, 6]);
    let faulty = || partition(all.clone(), all.clone(), json!([0]), json!([0]));
    assert_eq!(seen(faulty(), json!([1, 1])), numbers([2, 1, 1]), "the other one is proven, and nothing is left to do");
    assert_eq!(seen(faulty(), json!([0])), numbers([2, 1, 0]));
    assert_eq!(seen(faulty(), json!([0, 1])), numbers([2, 1, 0]), "a proof of what is not due is not one of what is");
    // One sector is declared recovered, one is healthy, one is new and was never proven.
    for (faulty, recovering, active) in [
        (json!([9, 6]), json!([11, 1]), json!([0])),
        (json!([9, 5]), json!([0]), json!([14, 1])),
        (json!([10, 5]), json!([0]), json!([0])),
    ] {
        let first = || partition(all.clone(), faulty.clone(), recovering.clone(), active.clone());
        assert_eq!(seen(first(), json!([1, 1])), numbers([2, 2, 1]), "{faulty} {recovering}");
        assert_eq!(seen(first(), json!([0, 2])), numbers([2, 2, 2]), "{faulty} {recovering}");
    }
    let gone = partition(json!([0]), json!([0]), json!([0]), json!([0]));
    assert_eq!(seen(gone, json!([0, 2])), numbers([1, 1, 1]), "its sectors ended after they were proven");
}

/// Without the partitions, nobody knows which of those due are proven.
#[test]
fn what_is_due_is_unknown_with_its_partitions() {
    let farm = Farm::start();
    let failure = Answer::Error(1, "try again".to_owned());
    farm.daemon.answer_to("StateMinerPartitions", json!([MINER, 16]), failure);
    let (metrics, _) = farm.exporter().collect();
    assert_eq!(
        metrics.failed(),
        ["deadlines", "expired_sectors", "sectors_on_chain"].map(|it| format!("{it} {MINER}"))
    );
    assert!(!metrics.has("farcaster_miner_deadline_due_partitions", &OPEN));
    assert!(!metrics.has("farcaster_miner_deadline_proven_partitions", &OPEN));
}

/// The CID of all deadlines names every fault and every proof: while it stays, there is nothing new to read.
#[test]
fn deadlines_are_read_again_when_their_cid_changes_and_only_then() {
    let farm = Farm::start();
    let exporter = farm.exporter();
    let partitions_read = |metrics: &mut Metrics| {
        let before = farm.daemon.calls().len();
        *metrics = collect(&exporter);
        let calls = farm.daemon.calls().split_off(before);
        calls.iter().filter(|(method, params)| method == "StateMinerPartitions" && params[0] == MINER).count()
    };
    let (mut first, mut second, mut third) = (Metrics::parse(""), Metrics::parse(""), Metrics::parse(""));
    assert_eq!(partitions_read(&mut first), 48);
    assert_eq!(partitions_read(&mut second), 0, "faulty and open ones are in the CID as well");
    let of_deadlines = |metrics: &Metrics| {
        let mut of = metrics.clone();
        of.0.retain(|(name, _), _| name.contains("_deadline_") || name.contains("_sectors") || name.contains("faulty"));
        of
    };
    assert_eq!(of_deadlines(&first), of_deadlines(&second));

    // Deadline 15 just closed without a proof of its new sectors; 16, the open one, was proven; a fault elsewhere recovered.
    change_cid(&farm, "bafy2bzaceaanother");
    let missed = partition(json!([30, 2]), json!([30, 2]), json!([0]), json!([0]));
    farm.daemon.answer_to("StateMinerPartitions", json!([MINER, 15]), Answer::Result(json!([missed])));
    let recovered = partition(json!([1, 8]), json!([0]), json!([0]), json!([1, 8]));
    farm.daemon.answer_to("StateMinerPartitions", json!([MINER, 3]), Answer::Result(json!([recovered])));
    farm.daemon.change("StateMinerDeadlines", json!([MINER]), "/16/PostSubmissions", json!([0, 2]));
    partitions_read(&mut third);
    let faulty = |deadline| {
        third.value("farcaster_miner_deadline_faulty_sectors", &[("miner_id", MINER), ("deadline", deadline)])
    };
    assert_eq!(["3", "15", "16"].map(faulty), [Some(0.0), Some(2.0), Some(1.0)]);
    assert_eq!(third.value("farcaster_miner_deadline_proven_partitions", &OPEN), Some(2.0));
    assert_eq!(third.value("farcaster_miner_faulty_sectors", &[("miner_id", MINER)]), Some(3.0));
}

/// The object with the CIDs of all deadlines, as the chain keeps it; the last byte of each tells it from others.
fn deadlines_object(last_bytes: [u8; 48]) -> Value {
    let mut object = vec![0x81, 0x98, 48];
    for last in last_bytes {
        object.extend([0xd8, 0x2a, 0x58, 39, 0, 1, 0x71, 0xa0, 0xe4, 2, 0x20]);
        object.extend([9; 31]);
        object.push(last);
    }
    json!(base64::encode(&object))
}

/// Where the node shows the CID of each deadline, only those that changed are read again.
#[test]
fn only_deadlines_that_changed_are_read_again() {
    let farm = Farm::start();
    let exporter = farm.exporter();
    let show = |cid: &str, object: Answer| {
        change_cid(&farm, cid);
        farm.daemon.answer_to("ChainReadObj", json!([{"/": cid}]), object);
    };
    let read = || {
        let before = farm.daemon.calls().len();
        let metrics = collect(&exporter);
        let calls = farm.daemon.calls().split_off(before);
        let of_miner = calls.iter().filter(|(method, params)| method == "StateMinerPartitions" && params[0] == MINER);
        let numbers: Vec<u64> = of_miner.map(|(_, params)| params[1].as_u64().unwrap()).collect();
        (numbers, metrics.value("farcaster_miner_faulty_sectors", &[("miner_id", MINER)]))
    };
    let all = || (0..48).collect::<Vec<u64>>();
    let mut bytes = [0; 48];
    show("bafy2bzaceaone", Answer::Result(deadlines_object(bytes)));
    let (first, faulty) = read();
    assert_eq!(first, all());

    bytes[15] = 1;
    show("bafy2bzaceatwo", Answer::Result(deadlines_object(bytes)));
    let missed = partition(json!([30, 2]), json!([30, 2]), json!([0]), json!([0]));
    farm.daemon.answer_to("StateMinerPartitions", json!([MINER, 15]), Answer::Result(json!([missed])));
    assert_eq!(read(), (vec![15], faulty.map(|faulty| faulty + 2.0)));
    assert_eq!(read().0, Vec::<u64>::new(), "nothing changed");

    // A node that does not show them, or shows something else, is asked for all.
    show("bafy2bzaceathree", Answer::Error(1, "blockstore get: ipld: could not find".to_owned()));
    assert_eq!(read().0, all());
    show("bafy2bzaceafour", Answer::Result(deadlines_object(bytes)));
    assert_eq!(read().0, all(), "it is not known which have changed since");
    for (cid, object) in [("five", json!("gQ==")), ("six", json!("%")), ("seven", json!(null)), ("eight", json!([1]))] {
        show(&format!("bafy2bzacea{cid}"), Answer::Result(object));
        assert_eq!(read().0, all(), "{cid}");
    }
}

/// A deadline that changed and cannot be read is missing. Its values from before the change are not shown, nor in any later run.
#[test]
fn no_deadline_is_shown_as_it_was_before_it_changed() {
    let farm = Farm::start();
    let exporter = farm.exporter();
    collect(&exporter);
    change_cid(&farm, "bafy2bzaceaanother");
    farm.daemon.answer_to("StateMinerPartitions", json!([MINER, 3]), Answer::Error(1, "try again".to_owned()));
    let deadline = [("miner_id", MINER), ("deadline", "3")];
    for _ in 0..2 {
        let (metrics, _) = exporter.collect();
        assert_eq!(metrics.failed(), [format!("deadlines {MINER}")]);
        assert!(!metrics.has("farcaster_miner_deadline_faulty_sectors", &deadline));
        assert!(!metrics.has("farcaster_miner_faulty_sector", &deadline));
        assert!(!metrics.has("farcaster_miner_faulty_sectors", &[("miner_id", MINER)]));
        assert!(metrics.has("farcaster_miner_deadline_faulty_sectors", &OPEN));
    }
    farm.daemon.restore();
    change_cid(&farm, "bafy2bzaceaanother");
    assert!(collect(&exporter).has("farcaster_miner_deadline_faulty_sectors", &deadline));
}

/// Go writes null for an empty list. If the same run reports sectors, null is not an answer, and nothing may be concluded from it.
#[test]
fn an_empty_deadline_that_contradicts_other_answers_is_not_believed() {
    // Deadline 3 has a daily fee; 40 has none, but the miner has the power of its active sector; the proofs of 16 are there.
    for (deadline, said) in [("3", "fees"), ("40", "power of 19"), ("16", "proofs")] {
        for nothing in [Value::Null, json!([]), json!([partition(Value::Null, Value::Null, Value::Null, Value::Null)])]
        {
            let farm = Farm::start();
            let index: u64 = deadline.parse().unwrap();
            farm.daemon.answer_to("StateMinerPartitions", json!([MINER, index]), Answer::Result(nothing));
            if said != "power of 19" {
                power_of(&farm, 1);
            }
            if said == "proofs" {
                farm.daemon.change("StateMinerDeadlines", json!([MINER]), "/16/DailyFee", json!("0"));
            }
            let exporter = farm.exporter();
            for _ in 0..2 {
                let (metrics, stderr) = exporter.collect();
                let failed = ["deadlines", "expired_sectors", "sectors_on_chain"].map(|it| format!("{it} {MINER}"));
                assert_eq!(metrics.failed(), failed, "{stderr}");
                assert!(stderr.contains("StateMinerPartitions") && stderr.contains(said), "{stderr}");
                for name in ["live", "active", "faulty", "recovering"] {
                    let labels = [("miner_id", MINER), ("deadline", deadline)];
                    assert!(!metrics.has(&format!("farcaster_miner_deadline_{name}_sectors"), &labels));
                    assert!(!metrics.has(&format!("farcaster_miner_{name}_sectors"), &[("miner_id", MINER)]));
                }
                assert!(!metrics.has("farcaster_miner_expired_sectors", &[("miner_id", MINER)]));
            }
            farm.daemon.restore();
            assert!(collect(&exporter).has("farcaster_miner_live_sectors", &[("miner_id", MINER)]));
        }
    }
}

/// Which deadline is open, and when the others are, comes from one answer. One that cannot be true gives no times at all.
#[test]
fn a_deadline_that_cannot_be_the_open_one() {
    for (field, value) in [
        ("Index", json!(48)),
        ("Index", json!(u32::MAX)),
        ("Open", json!(i64::MIN)),
        ("Close", json!(i64::MAX)),
        ("WPoStProvingPeriod", json!(i64::MAX)),
        ("WPoStChallengeWindow", json!(0)),
        ("WPoStChallengeWindow", json!(-60)),
    ] {
        let farm = Farm::start();
        farm.daemon.change("StateMinerProvingDeadline", json!([MINER]), &format!("/{field}"), value);
        let (metrics, stderr) = farm.exporter().collect();
        assert_eq!(metrics.failed(), [format!("deadlines {MINER}")], "{field}: {stderr}");
        assert!(stderr.contains("StateMinerProvingDeadline"), "{stderr}");
        let miner = [("miner_id", MINER)];
        for gone in ["current", "open_timestamp_seconds", "close_timestamp_seconds", "proven_partitions"] {
            assert!(!metrics.has(&format!("farcaster_miner_deadline_{gone}"), &miner), "{field}: {gone}");
        }
        assert_eq!(metrics.values("farcaster_miner_deadline_live_sectors", &miner).len(), 48);
    }
}
