//! What the chain knows about every sector: what is in it, whether it was upgraded, when it expires and with how much pledge.
//!
//! Slow tier: all sectors are read in chunks that refer to one tipset, added up and forgotten. What does not fit into one run continues in
//! the next; until it is complete, the last complete figures remain, with their own time.

use anyhow::Result;
use serde::de::{Deserializer, Error, IgnoredAny, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use std::time::Instant;

use super::connect::Daemon;
use super::quality::{self, Counted, Qualities, Terms};
use crate::collect::run::Run;
use crate::collect::slow;
use crate::expose::{Samples, families};
use crate::lotus::bitfield::{self, BitField};
use crate::lotus::epoch::{self, MAX_HEIGHT};
use crate::lotus::fil::Fil;
use crate::lotus::months::Months;
use crate::lotus::quality::FULL_QUALITY_POWER;
use crate::rpc::Client;
use crate::tolerant::Problems;

/// Sectors in one answer: some five megabytes.
const SECTORS_PER_CALL: u64 = 10_000;

/// The part of a run's time that may be spent on this.
const SHARE_OF_RUN: u32 = 8;

/// If a tipset can no longer be read, reading starts again.
const FAILURES_TO_START_ANEW: u32 = 3;

/// The set of sectors has changed much when this part of it came or went; then the figures are not left to wait for the end of the period.
const MUCH: f64 = 0.05;

/// Though not more often than this.
const MIN_SECONDS_BETWEEN_READINGS: f64 = 300.0;

const HORIZONS_DAYS: [u32; 7] = [7, 30, 90, 180, 365, 540, 1278];

const EPOCHS_PER_DAY: i64 = 2880;

/// The last complete figures.
pub struct Facts {
    figures: Option<Figures>,
}

/// Sums over all live sectors of a miner.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Figures {
    /// When the tipset that they are from was the head, Unix seconds.
    obtained_seconds: f64,
    sectors: u64,
    committed_capacity: u64,
    deals: u64,
    verified_deals: u64,
    upgraded: u64,
    expiring: [u64; HORIZONS_DAYS.len()],
    expiring_pledge: [Fil; HORIZONS_DAYS.len()],
    /// An earlier exporter did not add these up.
    #[serde(default)]
    qualities: Option<Qualities>,
    /// The pledge by the month in which it comes free. Nor did it these; and without the chain's clock nobody can.
    #[serde(default)]
    releases: Option<Months>,
}

/// A reading that is under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Reading {
    tipset_key: Value,
    height: i64,
    to_read: BitField,
    #[serde(default)]
    terms: Terms,
    so_far: Figures,
    failures: u32,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    figures: Option<Figures>,
    reading: Option<Reading>,
    /// Live sectors when they were last counted, which is in every run.
    live_sectors: Option<u64>,
}

/// A sector as StateMinerSectors returns it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sector {
    #[serde(deserialize_with = "epoch::deserialize_height")]
    expiration: i64,
    deal_weight: Weight,
    verified_deal_weight: Weight,
    #[serde(deserialize_with = "deserialize_pledge")]
    initial_pledge: Fil,
    #[serde(default, rename = "SectorKeyCID")]
    sector_key: Option<IgnoredAny>,
    #[serde(default)]
    flags: Option<u64>,
    #[serde(default)]
    sector_number: u64,
    #[serde(default)]
    power_base_epoch: Option<i64>,
    #[serde(default)]
    activation: i64,
    #[serde(default)]
    daily_fee: Option<Fil>,
}

/// One bad part must not spoil a sum.
fn deserialize_pledge<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fil, D::Error> {
    let pledge = Fil::deserialize(deserializer)?;
    Some(pledge).filter(|pledge| pledge.atto >= 0).ok_or_else(|| D::Error::custom("a pledge below 0"))
}

fn section(miner_id: &str) -> String {
    format!("on_chain/{miner_id}")
}

/// Whether a reading should start in this run, for which it needs the live sectors.
pub fn is_due(run: &Run, miner_id: &str) -> bool {
    let memory = Memory::recall(run, miner_id);
    let obtained = memory.figures.as_ref().map(|figures| figures.obtained_seconds);
    let has_changed_much = match (&memory.figures, memory.live_sectors) {
        (Some(figures), Some(live)) => live.abs_diff(figures.sectors) as f64 > MUCH * figures.sectors as f64,
        _ => false,
    };
    let period = if has_changed_much { MIN_SECONDS_BETWEEN_READINGS } else { run.slow_period_seconds };
    memory.reading.is_none() && slow::is_due(obtained, run.now, period)
}

/// `live_sectors` are those of the head, where this run read them; `live_count` is how many there are. Without a full node the last figures
/// stand, until they are too old.
pub fn fetch(
    daemon: Result<&Daemon>,
    run: &Run,
    miner_id: &str,
    live_sectors: Option<BitField>,
    live_count: Option<u64>,
    terms: Terms,
    problems: &mut Problems,
) -> Result<Facts> {
    let is_due = is_due(run, miner_id);
    let mut memory = Memory::recall(run, miner_id);
    match daemon {
        Ok(daemon) => {
            memory.live_sectors = live_count;
            if is_due {
                memory.reading =
                    live_sectors.zip(live_count).and_then(|(live, _)| Reading::start(daemon, run.now, live, terms));
                if memory.reading.is_none() {
                    problems.consequence();
                }
            }
            memory.read_on(&daemon.client, run, miner_id, problems);
        }
        Err(error) => problems.error(error),
    }
    memory.figures = memory
        .figures
        .filter(|figures| slow::is_presentable(figures.obtained_seconds, run.now, run.slow_period_seconds));
    run.state.remember(&section(miner_id), &memory);
    Ok(Facts { figures: memory.figures })
}

impl Memory {
    /// What is remembered, less what cannot be.
    fn recall(run: &Run, miner_id: &str) -> Memory {
        let mut memory: Memory = run.state.recall(&section(miner_id));
        memory.figures = memory.figures.filter(Figures::can_be);
        memory.reading = memory.reading.filter(|reading| reading.so_far.can_be());
        memory
    }

    /// Goes on with the reading that is under way, as far as this run has time for it.
    fn read_on(&mut self, daemon: &Client, run: &Run, miner_id: &str, problems: &mut Problems) {
        let Some(mut reading) = self.reading.take() else {
            return;
        };
        let (started, share) = (Instant::now(), run.timeout / SHARE_OF_RUN);
        let mut is_read = Ok(());
        while is_read.is_ok() && !reading.to_read.is_empty() && started.elapsed() < share {
            is_read = reading.read_chunk(daemon, miner_id);
        }
        if let Err(error) = is_read {
            problems.error(error);
            reading.failures = reading.failures.saturating_add(1);
        }
        if reading.to_read.is_empty() {
            self.figures = Some(reading.so_far);
        } else if reading.failures < FAILURES_TO_START_ANEW {
            self.reading = Some(reading);
        }
    }
}

impl Reading {
    /// Starts to read the live sectors of the head. Without a head there is nothing that a reading over several runs could hold on to.
    fn start(daemon: &Daemon, now: f64, live: BitField, terms: Terms) -> Option<Self> {
        let height = daemon.head.as_ref()?.height();
        let qualities = Some(Qualities::new(&terms));
        let releases = daemon.clock.map(|clock| Months::from(height, clock));
        Some(Reading {
            tipset_key: daemon.tipset_key.clone(),
            height,
            so_far: Figures { obtained_seconds: now, sectors: live.count(), qualities, releases, ..Figures::default() },
            to_read: live,
            terms,
            failures: 0,
        })
    }

    /// Reads the next sectors. On an error nothing is taken into the sums, and the same sectors are next.
    fn read_chunk(&mut self, daemon: &Client, miner_id: &str) -> Result<()> {
        let mut rest = self.to_read.clone();
        let chunk = rest.take_smallest(SECTORS_PER_CALL);
        let params = json!([miner_id, chunk, self.tipset_key]);
        let mut so_far = self.so_far.clone();
        let (mut answered, mut wrong) = (0, None);
        daemon.each::<Sector>("StateMinerSectors", params, |sector| {
            match sector {
                Ok(sector) => so_far.add(&sector, &self.terms, self.height),
                Err(why) => wrong = wrong.take().or(Some(why)),
            }
            answered += 1;
        })?;
        let (node, wanted) = (daemon.name(), chunk.count());
        if let Some(why) = wrong {
            anyhow::bail!("{node}: StateMinerSectors: a sector of an unknown shape: {why}");
        }
        if answered != wanted {
            // The set is not the one that the chain has.
            self.failures = FAILURES_TO_START_ANEW;
            anyhow::bail!("{node}: StateMinerSectors: answered {answered} of {wanted} sectors");
        }
        anyhow::ensure!(so_far.can_be(), "{node}: StateMinerSectors: more pledge than FIL exist");
        (self.so_far, self.to_read) = (so_far, rest);
        Ok(())
    }
}

impl Figures {
    /// Whether a miner can have as much: what was spoilt is not published, and not added to.
    fn can_be(&self) -> bool {
        let counts = [self.sectors, self.committed_capacity, self.deals, self.verified_deals, self.upgraded];
        counts.iter().chain(&self.expiring).all(|count| *count <= bitfield::MAX_COUNT)
            && self.expiring_pledge.iter().all(|pledge| pledge.atto >= 0 && pledge.can_exist())
            && self.qualities.as_ref().is_none_or(Qualities::can_be)
            && self.releases.as_ref().is_none_or(Months::can_be)
    }

    fn add(&mut self, sector: &Sector, terms: &Terms, height: i64) {
        if let Some(qualities) = &mut self.qualities {
            qualities.add(&sector.counted(), terms, height);
        }
        let has_full_quality = sector.flags.unwrap_or(0) & FULL_QUALITY_POWER != 0;
        if sector.verified_deal_weight.is_positive() && !has_full_quality {
            self.verified_deals += 1;
        } else if sector.verified_deal_weight.is_positive() || sector.deal_weight.is_positive() {
            self.deals += 1;
        } else {
            self.committed_capacity += 1;
        }
        self.upgraded += u64::from(sector.sector_key.is_some());
        if let Some(releases) = &mut self.releases {
            releases.add(sector.expiration, sector.initial_pledge);
        }
        for (index, days) in HORIZONS_DAYS.iter().enumerate() {
            if sector.expiration <= height.saturating_add(i64::from(*days) * EPOCHS_PER_DAY) {
                self.expiring[index] += 1;
                self.expiring_pledge[index] += sector.initial_pledge;
            }
        }
    }
}

impl Sector {
    fn counted(&self) -> Counted {
        Counted {
            number: self.sector_number,
            flags: self.flags.unwrap_or(0),
            power_base_epoch: self.power_base_epoch.filter(|epoch| (0..=MAX_HEIGHT).contains(epoch)),
            expiration: self.expiration,
            activation: self.activation,
            verified_weight: self.verified_deal_weight.0,
            pledge: self.initial_pledge,
            daily_fee: self.daily_fee,
        }
    }
}

/// A number in a string: bytes times epochs.
#[derive(Clone, Copy, Debug, Default)]
struct Weight(u128);

impl Weight {
    fn is_positive(self) -> bool {
        self.0 > 0
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Weight;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a whole number, or null")
            }
            fn visit_unit<E: Error>(self) -> Result<Weight, E> {
                Ok(Weight::default())
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Weight, E> {
                Ok(Weight(value.into()))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Weight, E> {
                if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(E::custom("a string that is not a whole number"));
                }
                // No weight that can be has more digits.
                Ok(Weight(value.parse().unwrap_or(u128::MAX)))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

impl Facts {
    /// When the figures were obtained, Unix seconds.
    pub fn obtained_seconds(&self) -> Option<f64> {
        self.figures.as_ref().map(|figures| figures.obtained_seconds)
    }
}

/// `fee_debt` is what the miner owes now, if that is known.
pub fn expose(facts: &Facts, fee_debt: Option<Fil>, miner_id: &str, samples: &mut Samples) {
    let Some(figures) = &facts.figures else {
        return;
    };
    if let Some(qualities) = &figures.qualities {
        quality::expose(qualities, fee_debt, miner_id, samples);
    }
    let content = &families::MINER_SECTORS_BY_CONTENT;
    samples.add(content, [miner_id, "committed_capacity"], figures.committed_capacity);
    samples.add(content, [miner_id, "deals"], figures.deals);
    samples.add(content, [miner_id, "verified_deals"], figures.verified_deals);
    samples.add(&families::MINER_UPGRADED_SECTORS, [miner_id], figures.upgraded);
    for (index, days) in HORIZONS_DAYS.iter().enumerate() {
        let labels = [miner_id, &days.to_string()];
        samples.add(&families::MINER_EXPIRING_SECTORS, labels, figures.expiring[index]);
        samples.add(&families::MINER_EXPIRING_PLEDGE_FIL, labels, figures.expiring_pledge[index]);
    }
    for (month, pledge) in figures.releases.iter().flat_map(Months::iter) {
        samples.add(&families::MINER_RELEASE_FIL, [miner_id, "initial_pledge", &month], pledge);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn figures(sectors: &str) -> Figures {
        let sectors: Vec<Sector> = serde_json::from_str(sectors).unwrap();
        let mut figures = Figures::default();
        for sector in &sectors {
            figures.add(sector, &Terms::default(), 1000);
        }
        figures
    }

    #[test]
    fn content_before_and_after_solstice() {
        let figures = figures(
            r#"[{"Expiration": 1, "InitialPledge": "1", "DealWeight": "0", "VerifiedDealWeight": "0", "SectorKeyCID": null, "Flags": 1},
                {"Expiration": 1, "InitialPledge": "1", "DealWeight": "7", "VerifiedDealWeight": "0", "SectorKeyCID": {"/": "b"}},
                {"Expiration": 1, "InitialPledge": "1", "DealWeight": "7", "VerifiedDealWeight": "7", "Flags": 1},
                {"Expiration": 1, "InitialPledge": "1", "DealWeight": "0", "VerifiedDealWeight": "7", "Flags": 3},
                {"Expiration": 1, "InitialPledge": "1", "DealWeight": null, "VerifiedDealWeight": "0", "Flags": 2}]"#,
        );
        assert_eq!((figures.committed_capacity, figures.deals, figures.verified_deals), (2, 2, 1));
        assert_eq!(figures.upgraded, 1);
    }

    #[test]
    fn a_missing_weight_is_not_taken_for_zero() {
        let sector = r#"{"Expiration": 1, "InitialPledge": "1", "DealWeight": "0"}"#;
        assert!(serde_json::from_str::<Sector>(sector).is_err());
    }

    #[test]
    fn an_impossible_sector_spoils_no_sum() {
        let is_read = |expiration: i64, pledge: &str| {
            let sector = json!({"Expiration": expiration, "InitialPledge": pledge, "DealWeight": "0", "VerifiedDealWeight": "0"});
            serde_json::from_value::<Sector>(sector).is_ok()
        };
        assert!(is_read(7_000_000, "170000000000000000"));
        for (expiration, pledge) in
            [(-1, "0"), (i64::MAX, "0"), (i64::MIN, "0"), (1, "-1"), (1, "2000000000000000000000000001")]
        {
            assert!(!is_read(expiration, pledge), "{expiration} {pledge}");
        }
        let mut figures = Figures::default();
        assert!(figures.can_be());
        figures.expiring_pledge[6] = Fil { atto: Fil::ALL.atto + 1 };
        assert!(!figures.can_be());
        assert!(!Figures { deals: u64::MAX, ..Figures::default() }.can_be());
    }

    #[test]
    fn horizons_include_their_last_epoch_and_the_nearer_ones() {
        let figures = figures(
            r#"[{"Expiration": 21160, "InitialPledge": "5", "DealWeight": "0", "VerifiedDealWeight": "0"},
                {"Expiration": 21161, "InitialPledge": "7", "DealWeight": "0", "VerifiedDealWeight": "0"},
                {"Expiration": 9000000, "InitialPledge": "11", "DealWeight": "0", "VerifiedDealWeight": "0"}]"#,
        );
        assert_eq!(figures.expiring, [1, 2, 2, 2, 2, 2, 2]);
        assert_eq!(figures.expiring_pledge.map(|pledge| pledge.atto), [5, 12, 12, 12, 12, 12, 12]);
    }
}
