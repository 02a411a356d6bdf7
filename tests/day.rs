//! A day on the farm, minute by minute, while sectors are sealed, fail, recover and expire: what is published must agree with the
//! farm's own books at that moment or, for the slow tier, at the time that is published with it.

#![allow(clippy::unwrap_used)]

mod simulation;

use std::collections::{BTreeMap, BTreeSet};

use lotus_farcaster::demo::{Farm, Node};
use lotus_farcaster::state::State;
use serde_json::{Value, json};
use simulation::{A_MIDNIGHT, SECTORS, SLOW_PERIOD_SECONDS};

const MINERS: [&str; 2] = ["f03100100", "f03100200"];

const DAYS: [u32; 7] = [7, 30, 90, 180, 365, 540, 1278];

/// The farm's books at a moment.
struct Books<'a> {
    farm: &'a Farm,
    now: f64,
}

impl Books<'_> {
    fn chain(&self, method: &str, params: Value) -> Value {
        self.ask(Node::Daemon, method, params)
    }

    fn miner(&self, miner: usize, method: &str, params: Value) -> Value {
        self.ask(Node::Miner(miner), method, params)
    }

    fn ask(&self, node: Node, method: &str, params: Value) -> Value {
        self.farm.answer(node, &format!("Filecoin.{method}"), params.as_array().unwrap(), self.now).unwrap()
    }

    /// What every run must publish about a miner.
    fn of_every_run(&self, miner: usize) -> BTreeMap<String, f64> {
        let id = MINERS[miner];
        let mut books = BTreeMap::new();
        let mut book = |name: &str, value: &Value| {
            books.insert(format!("farcaster_miner_{name}_sectors{{miner_id=\"{id}\"}}"), value.as_f64().unwrap());
        };
        let count = self.chain("StateMinerSectorCount", json!([id, null]));
        book("live", &count["Live"]);
        book("active", &count["Active"]);
        book("faulty", &count["Faulty"]);
        book("recovering", &json!(numbers(&self.chain("StateMinerRecoveries", json!([id, null]))).len()));
        let power = self.chain("StateMinerPower", json!([id, null]));
        let raw = power["MinerPower"]["RawBytePower"].as_str().unwrap().parse().unwrap();
        books.insert(format!("farcaster_miner_power_bytes{{miner_id=\"{id}\",kind=\"raw\"}}"), raw);
        books
    }

    /// What a run that did the slow tier must publish about a miner.
    fn of_the_slow_tier(&self, miner: usize) -> BTreeMap<String, f64> {
        let id = MINERS[miner];
        let mut books: BTreeMap<String, f64> = BTreeMap::new();
        let mut add = |name: String, value: f64| *books.entry(format!("farcaster_{name}}}")).or_default() += value;
        let height = self.chain("ChainHead", json!([]))["Height"].as_i64().unwrap();
        let on_chain = self.chain("StateMinerSectors", json!([id, null, null]));
        let text = |sector: &Value, key: &str| sector[key].as_str().unwrap().parse::<f64>().unwrap();
        for sector in on_chain.as_array().unwrap() {
            let (deals, verified) = (text(sector, "DealWeight") > 0.0, text(sector, "VerifiedDealWeight") > 0.0);
            let content = match sector["Flags"].as_u64().unwrap() & 2 {
                0 if verified => "verified_deals",
                _ if verified || deals => "deals",
                _ => "committed_capacity",
            };
            for kind in ["committed_capacity", "deals", "verified_deals"] {
                let is_it = f64::from(u8::from(kind == content));
                add(format!("miner_sectors_by_content{{miner_id=\"{id}\",content=\"{kind}\""), is_it);
            }
            let full = ["legacy_10x", "full_10x"];
            let quality = match sector["Flags"].as_u64().unwrap() & 2 {
                0 if verified => full[0],
                0 => "1x",
                _ => full[1],
            };
            for kind in ["1x", "partial", full[0], full[1]] {
                let is_it = f64::from(u8::from(kind == quality));
                add(format!("miner_sectors_by_quality{{miner_id=\"{id}\",quality=\"{kind}\""), is_it);
                let bytes = is_it * 34_359_738_368.0;
                add(format!("miner_quality_raw_bytes{{miner_id=\"{id}\",quality=\"{kind}\""), bytes);
            }
            let is_upgraded = f64::from(u8::from(!sector["SectorKeyCID"].is_null()));
            add(format!("miner_upgraded_sectors{{miner_id=\"{id}\""), is_upgraded);
            for days in DAYS {
                let expires = sector["Expiration"].as_i64().unwrap() <= height + i64::from(days) * 2880;
                let expires = f64::from(u8::from(expires));
                add(format!("miner_expiring_sectors{{miner_id=\"{id}\",within_days=\"{days}\""), expires);
            }
        }
        let live: BTreeSet<u64> =
            on_chain.as_array().unwrap().iter().map(|sector| sector["SectorNumber"].as_u64().unwrap()).collect();
        let held = self.miner(miner, "SectorsListInStates", json!([["Proving", "Available"]]));
        let expired =
            held.as_array().unwrap().iter().filter(|number| !live.contains(&number.as_u64().unwrap())).count();
        add(format!("miner_expired_sectors{{miner_id=\"{id}\""), expired as f64);
        add(format!("miner_missing_sectors{{miner_id=\"{id}\""), 0.0);
        for (path, files) in self.miner(miner, "StorageList", json!([])).as_object().unwrap() {
            for (bit, kind) in ["unsealed", "sealed", "cache", "update", "update_cache", "piece"].iter().enumerate() {
                let files = files.as_array().unwrap().iter();
                let count = files.filter(|file| file["SectorFileType"].as_u64().unwrap() >> bit & 1 == 1).count();
                let labels = format!("{{miner_id=\"{id}\",storage_id=\"{path}\",kind=\"{kind}\"");
                add(format!("storage_sector_files{labels}"), count as f64);
            }
        }
        books
    }

    /// Sectors by state, as they must be published: these and no others.
    fn sectors_by_state(&self, miner: usize) -> BTreeMap<String, f64> {
        let summary = self.miner(miner, "SectorsSummary", json!([]));
        let states = summary.as_object().unwrap().iter();
        states.map(|(state, count)| (state.clone(), count.as_f64().unwrap())).collect()
    }

    /// The sectors that are not at rest.
    fn moving(&self, miner: usize) -> BTreeSet<u64> {
        let states = self.sectors_by_state(miner).into_keys();
        let states: Vec<String> =
            states.filter(|state| !["Proving", "Available", "Removed"].contains(&&**state)).collect();
        let listed = self.miner(miner, "SectorsListInStates", json!([states]));
        listed.as_array().into_iter().flatten().map(|number| number.as_u64().unwrap()).collect()
    }
}

/// The numbers in a bitfield.
fn numbers(runs: &Value) -> Vec<u64> {
    let (mut position, mut numbers) = (0, Vec::new());
    for (index, run) in runs.as_array().unwrap().iter().enumerate() {
        let end = position + run.as_u64().unwrap();
        numbers.extend((position..end).filter(|_| index % 2 == 1));
        position = end;
    }
    numbers
}

fn label<'a>(series: &'a str, name: &str) -> &'a str {
    series.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap()
}

#[test]
fn every_minute_of_a_day_agrees_with_the_farms_books() {
    let farm = Farm::new(SECTORS);
    let state = State::in_memory();
    let (mut slow_runs, mut finished, mut faults) = (0, 0, BTreeSet::new());
    for minute in 0..24 * 60 {
        let now = A_MIDNIGHT + f64::from(minute) * 60.0;
        let outcome = simulation::run(now, &state);
        assert_eq!(outcome.lines, [""; 0], "minute {minute}");
        let published = outcome.series();
        let books = Books { farm: &farm, now };
        for (miner, id) in MINERS.iter().enumerate() {
            let mut expected = books.of_every_run(miner);
            let on_chain = format!(
                "farcaster_collector_data_timestamp_seconds{{collector=\"sectors_on_chain\",miner_id=\"{id}\",cluster=\"\"}}"
            );
            let age = now - published[&on_chain];
            assert!((0.0..=SLOW_PERIOD_SECONDS).contains(&age), "minute {minute}: {age} s old");
            if age == 0.0 {
                expected.extend(books.of_the_slow_tier(miner));
                slow_runs += 1;
            }
            let sealed = farm.sealed(miner, A_MIDNIGHT, now);
            let seconds = sealed.iter().map(|sector| sector.proving_seconds.floor() - sector.packed_seconds.floor());
            let family = "farcaster_miner_sealing_duration_seconds";
            expected.insert(format!("{family}_count{{miner_id=\"{id}\"}}"), sealed.len() as f64);
            expected.insert(format!("{family}_sum{{miner_id=\"{id}\"}}"), seconds.sum());
            for (series, value) in &expected {
                assert_eq!(published.get(series), Some(value), "minute {minute}: {series}");
            }
            let of_miner = published.iter().filter(|(series, _)| {
                series.starts_with("farcaster_miner_sectors{") && label(series, "miner_id") == *id
            });
            let by_state: BTreeMap<String, f64> =
                of_miner.map(|(series, count)| (label(series, "state").to_owned(), *count)).collect();
            assert_eq!(by_state, books.sectors_by_state(miner), "minute {minute}");
            let moving = published.keys().filter(|series| {
                series.starts_with("farcaster_miner_pipeline_sector_state_timestamp_seconds{")
                    && label(series, "miner_id") == *id
            });
            let moving: BTreeSet<u64> = moving.map(|series| label(series, "sector").parse().unwrap()).collect();
            assert_eq!(moving, books.moving(miner), "minute {minute}");
            let rows = published.keys().filter(|series| {
                series.starts_with("farcaster_miner_faulty_sector{") && label(series, "miner_id") == *id
            });
            let rows: BTreeSet<u64> = rows.map(|series| label(series, "sector").parse().unwrap()).collect();
            let faulty = numbers(&books.chain("StateMinerFaults", json!([id, null]))).into_iter().collect();
            assert_eq!(rows, faulty, "minute {minute}");
            faults.extend(rows);
            finished = finished.max(sealed.len());
        }
    }
    // All of it happened during the day.
    assert_eq!(slow_runs, 2 * 48);
    assert!(finished > 50 && faults.len() > 6, "{finished} sealed, faulty: {faults:?}");
}
