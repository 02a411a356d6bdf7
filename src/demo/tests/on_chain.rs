//! What the chain knows about the sectors, compared with everything else that the farm reports about them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::Farm;
use super::sectors::ON_CHAIN_STATES;
use super::{At, MINERS, NOON, Node, SECTOR_BYTES, big, day, list, numbers, set};

const SIMPLE_QA_POWER: u64 = 1;
const FULL_QA_POWER: u64 = 2;
/// SectorOnChainInfo's keys since Lotus v1.32.
const KEYS: [&str; 15] = [
    "Activation",
    "DailyFee",
    "DealWeight",
    "ExpectedDayReward",
    "ExpectedStoragePledge",
    "Expiration",
    "Flags",
    "InitialPledge",
    "PowerBaseEpoch",
    "ReplacedDayReward",
    "SealProof",
    "SealedCID",
    "SectorKeyCID",
    "SectorNumber",
    "VerifiedDealWeight",
];

impl At<'_> {
    fn sectors(&self, miner: usize, numbers: Value) -> Vec<Value> {
        list(&self.daemon("StateMinerSectors", json!([MINERS[miner], numbers, null])))
    }

    fn sectors_error(&self, numbers: Value) -> String {
        self.try_ask(Node::Daemon, "StateMinerSectors", json!([MINERS[0], numbers, null])).unwrap_err().1
    }

    fn miner_state(&self, miner: usize) -> Value {
        self.about(MINERS[miner], "StateReadState")["State"].clone()
    }
}

fn number(sector: &Value) -> u64 {
    sector["SectorNumber"].as_u64().unwrap()
}

fn epoch(sector: &Value, name: &str) -> i64 {
    sector[name].as_i64().unwrap()
}

/// A bitfield of some numbers, run by run.
fn bitfield(numbers: &[u64]) -> Value {
    let (mut end, mut lengths) = (0, Vec::new());
    for number in numbers {
        lengths.extend([number - end, 1]);
        end = number + 1;
    }
    json!(lengths)
}

/// Quality-adjusted power of a sector, by the policy of builtin-actors.
fn quality_adjusted_bytes(sector: &Value) -> u128 {
    let size = u128::from(SECTOR_BYTES);
    if sector["Flags"].as_u64().unwrap() & FULL_QA_POWER != 0 {
        return 10 * size;
    }
    let duration = (epoch(sector, "Expiration") - epoch(sector, "PowerBaseEpoch")) as u128;
    let verified = big(&sector["VerifiedDealWeight"]);
    let weight = (size * duration - verified) * 10 + verified * 100;
    let quality = (weight << 20) / (size * duration) / 10;
    (size * quality) >> 20
}

#[test]
fn sectors_add_up_to_what_is_reported_elsewhere() {
    let farm = Farm::new(600);
    for (now, miner) in day().step_by(12).flat_map(|now| [(now, 0), (now, 1)]) {
        let at = At { farm: &farm, now };
        let sectors = at.sectors(miner, Value::Null);
        let partitions = at.partitions(miner);
        let live: Vec<BTreeSet<u64>> = partitions
            .iter()
            .map(|deadline| deadline.iter().flat_map(|partition| set(&partition["LiveSectors"])).collect())
            .collect();
        let listed: Vec<u64> = sectors.iter().map(number).collect();
        assert!(listed.is_sorted());
        assert_eq!(listed, live.iter().flatten().copied().collect::<BTreeSet<u64>>().into_iter().collect::<Vec<_>>());

        let pledge: u128 = sectors.iter().map(|sector| big(&sector["InitialPledge"])).sum();
        assert_eq!(pledge, big(&at.miner_state(miner)["InitialPledge"]));
        let average = pledge / sectors.len() as u128;
        assert!(average.abs_diff(150_000_000_000_000_000) < 2_000_000_000_000_000, "{average}");

        let faulty = set(&at.about(MINERS[miner], "StateMinerFaults"));
        let active = sectors.iter().filter(|sector| !faulty.contains(&number(sector)));
        let power: u128 = active.map(quality_adjusted_bytes).sum();
        assert_eq!(power, big(&at.about(MINERS[miner], "StateMinerPower")["MinerPower"]["QualityAdjPower"]));

        let deadlines = list(&at.about(MINERS[miner], "StateMinerDeadlines"));
        for (deadline, live) in deadlines.iter().zip(&live) {
            let here = sectors.iter().filter(|sector| live.contains(&number(sector)));
            let fee: u128 = here.map(|sector| big(&sector["DailyFee"])).sum();
            assert_eq!(fee, big(&deadline["DailyFee"]));
        }
    }
}

#[test]
fn the_miner_reports_the_same_about_a_sector() {
    let farm = Farm::new(700);
    let mut kinds = BTreeSet::new();
    for (now, miner) in day().step_by(11).flat_map(|now| [(now, 0), (now, 1)]) {
        let at = At { farm: &farm, now };
        for sector in at.sectors(miner, Value::Null).iter().rev().take(110) {
            let status = at.status(miner, number(sector));
            let names = ["Activation", "Expiration", "DealWeight", "VerifiedDealWeight", "InitialPledge", "SealProof"];
            for name in names {
                assert_eq!(sector[name], status[name], "{name}");
            }
            assert_eq!(sector.as_object().unwrap().keys().collect::<Vec<_>>(), KEYS);

            // The miner still calls the first replica's CID CommR.
            let upgraded = !sector["SectorKeyCID"].is_null();
            assert_eq!(status["CommR"], sector[if upgraded { "SectorKeyCID" } else { "SealedCID" }]);
            assert_ne!(sector["SectorKeyCID"], sector["SealedCID"]);
            assert!(!upgraded || !status["ReplicaUpdateMessage"].is_null());
            assert!(!upgraded || epoch(sector, "PowerBaseEpoch") > epoch(sector, "Activation"));

            let pieces = list(&status["Pieces"]);
            let verified_piece = |piece: &Value| {
                let deal = &piece["DealInfo"];
                deal["DealProposal"]["VerifiedDeal"] == true
                    || deal["PieceActivationManifest"]["VerifiedAllocationKey"].is_object()
            };
            let has_data = pieces.iter().any(|piece| !piece["DealInfo"].is_null());
            let verified = pieces.iter().any(verified_piece);
            let weighs = ["DealWeight", "VerifiedDealWeight"].map(|name| big(&sector[name]) > 0);
            let recent = match sector["Flags"].as_u64().unwrap() {
                SIMPLE_QA_POWER => false,
                flags => {
                    assert_eq!(flags, SIMPLE_QA_POWER | FULL_QA_POWER);
                    true
                }
            };
            // Data has weight from the time it is on chain, which for an upgraded sector is later than in the miner.
            let on_chain = has_data && (upgraded || !status["Log"].to_string().contains("SectorStartCCUpdate"));
            let as_verified = recent || verified;
            assert_eq!(weighs, [on_chain && !as_verified, on_chain && as_verified], "{sector} {status}");
            kinds.insert((recent, upgraded, weighs));
        }
    }
    for recent in [false, true] {
        let has =
            |upgraded, weighs| assert!(kinds.contains(&(recent, upgraded, weighs)), "{recent} {upgraded} {weighs:?}");
        has(false, [false, false]);
        has(false, [false, true]);
        has(true, [!recent, recent]);
        assert_eq!(kinds.contains(&(recent, false, [true, false])), !recent);
    }
}

#[test]
fn some_sectors_expire_within_every_horizon() {
    const HORIZONS_DAYS: [i64; 7] = [7, 30, 90, 180, 365, 540, 1278];
    let farm = Farm::new(2000);
    // Now, and years from now.
    for (years, miner) in [0.0, 0.7, 1.5, 3.0, 7.0].into_iter().flat_map(|years| [(years, 0), (years, 1)]) {
        let at = At { farm: &farm, now: NOON + years * 365.0 * 86_400.0 };
        let height = epoch(&at.daemon("ChainHead", json!([])), "Height");
        let sectors = at.sectors(miner, Value::Null);
        let mut least = i64::MIN;
        for days in HORIZONS_DAYS {
            let most = height + days * 2880;
            let expiring = sectors.iter().filter(|sector| (least..most).contains(&epoch(sector, "Expiration")));
            assert!(expiring.count() > 0, "none expires in {days} days after {years} years");
            least = most;
        }
        assert!(sectors.iter().all(|sector| epoch(sector, "Expiration") <= least));
        // It is extended by what the chain allows.
        let term = |sector: &Value| epoch(sector, "Expiration") - epoch(sector, "PowerBaseEpoch");
        assert!(sectors.iter().map(term).all(|term| (1..=1278 * 2880).contains(&term)));
    }
}

#[test]
fn chunks_are_parts_of_the_whole() {
    let farm = Farm::new(900);
    for (now, miner) in [(NOON, 0), (NOON + 5000.0, 1)] {
        let at = At { farm: &farm, now };
        let whole = at.sectors(miner, Value::Null);
        let live: Vec<u64> = whole.iter().map(number).collect();
        for chunk_size in [1, 37, live.len()] {
            let chunks = live.chunks(chunk_size).flat_map(|chunk| at.sectors(miner, bitfield(chunk)));
            assert_eq!(chunks.collect::<Vec<_>>(), whole);
        }
        assert_eq!(at.sectors(miner, json!([0])), [Value::Null; 0]);
    }
    // The last ones of a big farm's stock.
    let farm = Farm::new(1_000_000);
    let at = At { farm: &farm, now: NOON };
    let numbers = at.sectors(0, json!([749_000, 760])).iter().map(number).collect::<Vec<_>>();
    assert_eq!(numbers, (749_000..749_760).collect::<Vec<_>>());
    assert_eq!(at.sectors_error(json!([0, 100_000_000u64])), "can't find sector 749760");
}

#[test]
fn a_sector_that_is_not_on_chain_is_an_error() {
    let farm = Farm::new(300);
    let mut expired = 0;
    for at in day().step_by(5).map(|now| At { farm: &farm, now }) {
        let known = numbers(&at.miner(0, "SectorsList", json!([])));
        let live: BTreeSet<u64> = at.sectors(0, Value::Null).iter().map(number).collect();
        let all = at.partitions(0).iter().flatten().flat_map(|partition| set(&partition["AllSectors"])).collect();
        for sector in &known - &live {
            let was_live = at.status(0, sector)["Log"].to_string().contains("sealing.SectorProving");
            if was_live {
                assert_eq!(at.sectors(0, bitfield(&[sector])).len(), 1);
                expired += 1;
            } else {
                assert_eq!(at.sectors_error(json!([0, 2, sector - 2, 1])), format!("can't find sector {sector}"));
            }
        }
        // What a partition lists can always be asked for, though it may have expired.
        let all: BTreeSet<u64> = all;
        assert_eq!(at.sectors(0, bitfield(&all.iter().copied().collect::<Vec<_>>())).len(), all.len());
        let next = known.last().unwrap() + 1;
        assert_eq!(at.sectors_error(bitfield(&[next])), format!("can't find sector {next}"));
    }
    assert!(expired > 10, "{expired} expired");
}

#[test]
fn the_deadlines_cid_changes_when_they_do() {
    for (sectors, miner) in [(70, 0), (6, 1)] {
        let farm = Farm::new(sectors);
        let mut before: Option<(Value, [Value; 4])> = None;
        let (mut changes, mut repeats) = (0, 0);
        for minute in 0..24 * 60 {
            let at = At { farm: &farm, now: NOON + 60.0 * f64::from(minute) };
            let info = at.about(MINERS[miner], "StateMinerProvingDeadline");
            let answers = [
                at.about(MINERS[miner], "StateMinerDeadlines"),
                json!(at.partitions(miner)),
                info["Index"].clone(),
                info["PeriodStart"].clone(),
            ];
            let cid = at.miner_state(miner)["Deadlines"].clone();
            if let Some((cid_before, answers_before)) = before {
                assert_eq!(cid == cid_before, answers == answers_before, "minute {minute}");
                changes += i64::from(cid != cid_before);
                repeats += i64::from(cid == cid_before);
            }
            before = Some((cid, answers));
        }
        assert!(changes > 60 && repeats > 600, "{changes} changes, {repeats} repeats");
    }
}

#[test]
fn what_was_sealed_is_in_states_and_logs() {
    let farm = Farm::new(4000);
    for miner in [0, 1] {
        let (since, until) = (NOON, NOON + 7200.0);
        let sealed = farm.sealed(miner, since, until);
        assert!(sealed.len() > 15, "{} in two hours", sealed.len());
        let parts = [farm.sealed(miner, since, since + 1234.5), farm.sealed(miner, since + 1234.5, until)];
        assert_eq!(parts.iter().flatten().map(|sector| sector.number).collect::<BTreeSet<_>>().len(), sealed.len());
        assert_eq!(parts.concat().len(), sealed.len());

        // Within two hours none is gone again, though some are upgraded.
        let mut states = ON_CHAIN_STATES.to_vec();
        states.retain(|state| *state != "FinalizeSector");
        let proven = |now| At { farm: &farm, now }.in_states(miner, &states);
        let entered = &proven(until) - &proven(since);
        assert_eq!(
            entered.into_iter().collect::<Vec<_>>(),
            sealed.iter().map(|sector| sector.number).collect::<Vec<_>>()
        );

        for sector in &sealed {
            let status = |now| At { farm: &farm, now }.status(miner, sector.number);
            assert_eq!(status(sector.proving_seconds - 0.01)["State"], "FinalizeSector");
            let status = status(sector.proving_seconds);
            assert_eq!(status["State"], "Proving");
            let log = list(&status["Log"]);
            let first = |event: &str| {
                let kind = format!("event;sealing.{event}");
                log.iter().find(|entry| entry["Kind"] == kind).unwrap()["Timestamp"].as_i64().unwrap()
            };
            assert_eq!(first("SectorPacked"), sector.packed_seconds as i64);
            assert_eq!(first("SectorProving"), sector.accepted_seconds as i64);
        }
    }
    assert_eq!(farm.sealed(2, NOON, NOON + 7200.0), []);
}
