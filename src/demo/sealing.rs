//! The life of sectors, and the miner's counts and lists of them.
//!
//! A miner starts a new sector at regular intervals. Each walks the states of Lotus' sealing pipeline in about an hour
//! and a half, a tenth of the real time; some fail on the way and are retried. Its number and the time alone
//! determine where it is. It is on chain for some hours, during which it may be upgraded (snapped), then expires; the miner
//! still calls it Proving for a while, removes it, and forgets it. Besides these `recent` sectors every miner has a
//! `stock` of old ones that are always on chain and Proving, some of them upgraded long ago.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::farm::Farm;
use super::miner::Miner;
use super::noise::{fraction, hash, splitmix64};
use super::rules::{GENESIS_SECONDS, SOLSTICE_HEIGHT, epoch_start};

/// How long a sector takes on average from its start to being on chain and stored.
pub(super) const TYPICAL_SECONDS: f64 = 5300.0;
/// No sector takes longer than this.
const LONGEST_SECONDS: f64 = 11_000.0;
/// A sector that stays on chain for less than this is not upgraded.
const UPGRADE_SECONDS: f64 = 6500.0;
const REMOVING_SECONDS: f64 = 90.0;

/// One step of a sector's life: the state it is in, for how long on average, the task that a worker does meanwhile
/// (without `seal/v0/`), and the event that ends it.
pub(super) struct Step {
    pub(super) state: &'static str,
    seconds: f64,
    pub(super) task: Option<&'static str>,
    pub(super) event: Option<&'static str>,
}

const fn step(state: &'static str, seconds: f64, event: &'static str) -> Step {
    Step { state, seconds, task: None, event: Some(event) }
}

const fn work(state: &'static str, seconds: f64, task: &'static str, event: &'static str) -> Step {
    Step { state, seconds, task: Some(task), event: Some(event) }
}

/// The first of several tasks in one state, which no event ends.
const fn part(state: &'static str, seconds: f64, task: &'static str) -> Step {
    Step { state, seconds, task: Some(task), event: None }
}

const WITH_DEALS: &[Step] = &[
    step("WaitDeals", 150.0, "SectorAddPiece"),
    work("AddPiece", 60.0, "addpiece", "SectorPieceAdded"),
    step("WaitDeals", 60.0, "SectorStartPacking"),
];
const PACKING: &[Step] = &[step("Packing", 25.0, "SectorPacked"), step("GetTicket", 15.0, "SectorTicket")];
/// The first layers fail once; then the trees, until lotus-miner begins with the layers again. It waits for a minute each time.
const FAILING: &[Step] = &[
    work("PreCommit1", 420.0, "precommit/1", "SectorSealPreCommit1Failed"),
    step("SealPreCommit1Failed", 60.0, "SectorRetrySealPreCommit1"),
    work("PreCommit1", 420.0, "precommit/1", "SectorPreCommit1"),
    work("PreCommit2", 180.0, "precommit/2", "SectorSealPreCommit2Failed"),
    step("SealPreCommit2Failed", 60.0, "SectorRetrySealPreCommit2"),
    work("PreCommit2", 180.0, "precommit/2", "SectorSealPreCommit2Failed"),
    step("SealPreCommit2Failed", 60.0, "SectorRetrySealPreCommit2"),
    work("PreCommit2", 180.0, "precommit/2", "SectorSealPreCommit2Failed"),
    step("SealPreCommit2Failed", 60.0, "SectorRetrySealPreCommit2"),
    work("PreCommit2", 180.0, "precommit/2", "SectorSealPreCommit2Failed"),
    step("SealPreCommit2Failed", 60.0, "SectorRetrySealPreCommit1"),
];
const PRECOMMIT: &[Step] = &[
    work("PreCommit1", 1200.0, "precommit/1", "SectorPreCommit1"),
    work("PreCommit2", 540.0, "precommit/2", "SectorPreCommit2"),
];
/// Their message fails, and they wait until somebody forces them to go on.
const HELD_BATCHED: &[Step] =
    &[step("SubmitPreCommitBatch", 60.0, "SectorChainPreCommitFailed"), step("PreCommitFailed", 1200.0, FORCED)];
const HELD_SINGLE: &[Step] =
    &[step("PreCommitting", 60.0, "SectorChainPreCommitFailed"), step("PreCommitFailed", 1200.0, FORCED)];
/// The event of `lotus-miner sectors update-state`.
pub(super) const FORCED: &str = "SectorForceState";
/// A miner that sends its messages in batches and finalizes when the sector is on chain.
const BATCHED: &[Step] = &[
    step("SubmitPreCommitBatch", 240.0, "SectorPreCommitBatchSent"),
    step("PreCommitBatchWait", 120.0, "SectorPreCommitLanded"),
    step("WaitSeed", 900.0, "SectorSeedReady"),
    part("Committing", 60.0, "commit/1"),
    work("Committing", 1020.0, "commit/2", "SectorCommitted"),
    step("SubmitCommit", 5.0, "SectorSubmitCommitAggregate"),
    step("SubmitCommitAggregate", 480.0, "SectorCommitAggregateSent"),
    step("CommitAggregateWait", 150.0, "SectorProving"),
];
const FINALIZE: &[Step] = &[work("FinalizeSector", 240.0, "finalize", "SectorFinalized")];
/// A miner that sends a message for every sector and finalizes early.
const SINGLE: &[Step] = &[
    step("PreCommitting", 60.0, "SectorPreCommitted"),
    step("PreCommitWait", 150.0, "SectorPreCommitLanded"),
    step("WaitSeed", 900.0, "SectorSeedReady"),
    part("Committing", 60.0, "commit/1"),
    work("Committing", 1500.0, "commit/2", "SectorProofReady"),
    work("CommitFinalize", 240.0, "finalize", "SectorFinalized"),
    step("SubmitCommit", 60.0, "SectorCommitSubmitted"),
    step("CommitWait", 150.0, "SectorProving"),
];
const FINALIZED: &[Step] = &[step("FinalizeSector", 15.0, "SectorFinalized")];
const UPGRADE: &[Step] = &[
    step("Proving", 900.0, "SectorMarkForUpdate"),
    step("Available", 1200.0, "SectorStartCCUpdate"),
    step("SnapDealsWaitDeals", 300.0, "SectorAddPiece"),
    work("SnapDealsAddPiece", 60.0, "addpiece", "SectorPieceAdded"),
    step("SnapDealsPacking", 20.0, "SectorPacked"),
    work("UpdateReplica", 1200.0, "replicaupdate", "SectorReplicaUpdate"),
    part("ProveReplicaUpdate", 60.0, "provereplicaupdate/1"),
    work("ProveReplicaUpdate", 540.0, "provereplicaupdate/2", "SectorProveReplicaUpdate"),
    work("FinalizeReplicaUpdate", 120.0, "finalize/replicaupdate", "SectorFinalized"),
    step("SubmitReplicaUpdate", 60.0, "SectorReplicaUpdateSubmitted"),
    step("ReplicaUpdateWait", 150.0, "SectorReplicaUpdateLanded"),
    step("UpdateActivating", 300.0, "SectorUpdateActive"),
    step("ReleaseSectorKey", 15.0, "SectorKeyReleased"),
];

/// The states between an accepted pre-commitment and an accepted proof: a deposit is locked meanwhile.
const DEPOSIT_STATES: &[&str] = &[
    "WaitSeed",
    "Committing",
    "CommitFinalize",
    "SubmitCommit",
    "CommitWait",
    "SubmitCommitAggregate",
    "CommitAggregateWait",
];

/// What a sector holds when it is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing: committed capacity.
    Capacity,
    /// Deals of the storage market actor.
    Deals,
    /// Pieces activated directly (DDO), without the market actor.
    Direct,
}

/// What a sector with this number holds: of ten in a row, three are committed capacity, three hold deals.
pub(super) fn content(number: u64) -> Content {
    match number % 10 {
        0..=2 => Content::Capacity,
        3..=5 => Content::Deals,
        _ => Content::Direct,
    }
}

/// Whether everything in it is verified: true for one in three sectors of deals, and three in four of direct pieces.
pub(super) fn is_verified(number: u64) -> bool {
    matches!(number % 10, 3 | 6..=8)
}

/// Whether it is committed capacity that is upgraded, if it stays on chain for long enough.
pub(super) fn is_upgraded(number: u64) -> bool {
    number % 30 < 2
}

/// Whether it fails on its way, unless it belongs to the stock.
fn fails(number: u64) -> bool {
    number % 16 == 5
}

/// One sector and the whole of its life. Times are Unix seconds.
pub(super) struct Sector {
    pub(super) number: u64,
    /// Everything about the sector that looks random comes from this hash.
    pub(super) seed: u64,
    pub(super) start: f64,
    stages: [&'static [Step]; 8],
    /// When it is accepted on chain, and when it expires there.
    pub(super) on_chain_from: f64,
    pub(super) on_chain_until: f64,
    forgotten: f64,
    removing: f64,
}

/// A step as it happened, or will: its place in the sector's life and its times.
pub(super) struct Stay<'a> {
    pub(super) index: u64,
    pub(super) step: &'a Step,
    pub(super) from: f64,
    pub(super) until: f64,
}

impl Sector {
    fn new(miner: &Miner, number: u64, start: f64, stock: bool) -> Sector {
        let seed = hash("sector", &[miner.id, number]);
        let life_seconds = miner.interval_seconds
            * miner.turnover as f64
            * (1.0 + 0.1 * (number as f64 / 300.0 * std::f64::consts::TAU).sin());
        let capacity = content(number) == Content::Capacity;
        let upgraded = is_upgraded(number) && (stock || life_seconds > UPGRADE_SECONDS);
        let fails = !stock && miner.has_troubles() && fails(number);
        let when = |condition: bool, steps: &'static [Step]| if condition { steps } else { &[] };
        let (held, messages, finalize) = match miner.is_like_first() {
            true => (HELD_BATCHED, BATCHED, FINALIZE),
            false => (HELD_SINGLE, SINGLE, FINALIZED),
        };
        let mut sector = Sector {
            number,
            seed,
            start,
            stages: [
                when(!capacity, WITH_DEALS),
                PACKING,
                when(fails, FAILING),
                PRECOMMIT,
                when(fails, held),
                messages,
                finalize,
                when(upgraded, UPGRADE),
            ],
            on_chain_from: f64::MAX,
            on_chain_until: f64::MAX,
            removing: f64::MAX,
            forgotten: f64::MAX,
        };
        let proven = sector.stays().find(|stay| stay.step.event == Some("SectorProving"));
        sector.on_chain_from = proven.map_or(f64::MAX, |stay| stay.until);
        if !stock {
            sector.on_chain_until = sector.on_chain_from + life_seconds.max(300.0);
            sector.removing = sector.on_chain_until + 2.2 * miner.interval_seconds;
            sector.forgotten = sector.removing + REMOVING_SECONDS + 3.0 * miner.interval_seconds;
        }
        sector
    }

    /// All steps with their times, in order. A step takes up to 15 % more or less than on average.
    pub(super) fn stays(&self) -> impl Iterator<Item = Stay<'_>> {
        let mut from = self.start;
        let steps = self.stages.into_iter().flatten().zip(0..);
        steps.map(move |(step, index)| {
            let seconds = step.seconds * (0.85 + 0.3 * fraction(splitmix64(self.seed ^ index)));
            let stay = Stay { index, step, from, until: from + seconds };
            from = stay.until;
            stay
        })
    }

    /// The step that it is in; none before its start and after its last step.
    pub(super) fn stay(&self, now: f64) -> Option<Stay<'_>> {
        self.stays().find(|stay| stay.from <= now && now < stay.until)
    }

    /// When an event first happened, if it has.
    pub(super) fn happened(&self, event: &str, now: f64) -> Option<f64> {
        let mut past = self.stays().filter(|stay| stay.until <= now);
        past.find(|stay| stay.step.event == Some(event)).map(|stay| stay.until)
    }

    /// The miner's state for it.
    pub(super) fn state(&self, now: f64) -> &'static str {
        match self.stay(now) {
            Some(stay) => stay.step.state,
            None if now < self.removing => "Proving",
            None if now < self.removing + REMOVING_SECONDS => "Removing",
            None => "Removed",
        }
    }

    fn sealed(&self) -> Option<SealedSector> {
        let packed = self.stays().find(|stay| stay.step.event == Some("SectorPacked"))?;
        let mut on_chain = self.stays().skip_while(|stay| stay.from < self.on_chain_from);
        let finalized = on_chain.find(|stay| stay.step.event == Some("SectorFinalized"))?;
        Some(SealedSector {
            number: self.number,
            packed_seconds: packed.until,
            accepted_seconds: self.on_chain_from,
            proving_seconds: finalized.until,
        })
    }

    /// Whether it fails on its way.
    pub(super) fn fails(&self) -> bool {
        !self.is_stock() && fails(self.number)
    }

    /// The events that end its life, with their times.
    pub(super) fn endings(&self) -> [(&'static str, f64); 2] {
        [("SectorRemove", self.removing), ("SectorRemoved", self.removing + REMOVING_SECONDS)]
    }

    /// Whether it is one of the stock, which never expires.
    pub(super) fn is_stock(&self) -> bool {
        self.on_chain_until == f64::MAX
    }

    /// Whether it is live on chain.
    pub(super) fn is_live(&self, now: f64) -> bool {
        self.on_chain_from <= now && now < self.on_chain_until
    }
}

/// How a sector was sealed: what an observer can find out. Times are Unix seconds; `SectorsStatus` has them in its log,
/// rounded down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SealedSector {
    /// The sector's number.
    pub number: u64,
    /// Its data was complete: the event SectorPacked.
    pub packed_seconds: f64,
    /// The chain accepted its proof: the event SectorProving.
    pub accepted_seconds: f64,
    /// It was finalized, too, and entered the state Proving for the first time.
    pub proving_seconds: f64,
}

impl Farm {
    /// What a miner sealed in a period: its sectors that entered the state Proving for the first time after `since` and
    /// not after `until` (Unix seconds), ascending. They may be upgraded or gone since. Takes time in proportion to the
    /// period.
    pub fn sealed(&self, miner: usize, since: f64, until: f64) -> Vec<SealedSector> {
        let sealed = self.miners.get(miner).into_iter().flat_map(|miner| {
            let counts = miner.started_until(since - LONGEST_SECONDS)..=miner.started_until(until);
            counts.filter_map(|count| miner.new_sector(count).sealed())
        });
        sealed.filter(|sector| since < sector.proving_seconds && sector.proving_seconds <= until).collect()
    }
}

impl Miner {
    /// All sectors that the miner knows apart from its stock, ascending, at any point of their life.
    pub(super) fn recent(&self, now: f64) -> Vec<Sector> {
        self.recent_among(now, |_| true)
    }

    /// Those of the recent sectors whose numbers are wanted. The fewer they are, the cheaper it is.
    pub(super) fn recent_among(&self, now: f64, wanted: impl Fn(u64) -> bool) -> Vec<Sector> {
        let longest_stay = self.interval_seconds * (1.1 * self.turnover as f64 + 6.0) + 600.0;
        let oldest = self.started_until(now - LONGEST_SECONDS - longest_stay);
        let newest = self.started_until(now);
        let counts = (oldest..=newest).filter(|count| wanted(self.stock + count));
        let sectors = counts.map(|count| self.new_sector(count));
        sectors.filter(|sector| sector.start <= now && now < sector.forgotten).collect()
    }

    /// One sector, if the miner knows it.
    pub(super) fn sector(&self, number: u64, now: f64) -> Option<Sector> {
        match number.checked_sub(self.stock) {
            None => Some(self.stock_sector(number)),
            Some(count) if count <= self.started_until(now) => {
                let sector = self.new_sector(count);
                (sector.start <= now && now < sector.forgotten).then_some(sector)
            }
            Some(_) => None,
        }
    }

    fn started_until(&self, time: f64) -> u64 {
        ((time - GENESIS_SECONDS) / self.interval_seconds) as u64
    }

    /// The `count`-th sector started since the genesis.
    fn new_sector(&self, count: u64) -> Sector {
        let delay = 0.8 * fraction(hash("sector start", &[self.id, count]));
        let start = GENESIS_SECONDS + (count as f64 + delay) * self.interval_seconds;
        Sector::new(self, self.stock + count, start, false)
    }

    /// A sector of the stock: all were sealed in the year before the Solstice upgrade, evenly.
    pub(super) fn stock_sector(&self, number: u64) -> Sector {
        const YEAR_SECONDS: f64 = 365.0 * 86_400.0;
        let age = 1.0 - number as f64 / self.stock as f64;
        let start = epoch_start(SOLSTICE_HEIGHT) - 86_400.0 - age * YEAR_SECONDS;
        Sector::new(self, number, start, true)
    }

    /// How many sectors have a pre-commit deposit locked.
    pub(super) fn deposits(&self, now: f64) -> u64 {
        let recent = self.recent(now);
        recent.iter().filter(|sector| DEPOSIT_STATES.contains(&sector.state(now))).count() as u64
    }
}

/// `SectorsSummary`: how many sectors are in each state.
pub(super) fn summary(miner: &Miner, now: f64) -> Value {
    let mut counts = BTreeMap::from([("Proving", miner.stock)]);
    for sector in miner.recent(now) {
        *counts.entry(sector.state(now)).or_default() += 1;
    }
    counts.retain(|_, count| *count > 0);
    json!(counts)
}

/// `SectorsList`: the numbers of all sectors, removed ones too.
pub(super) fn list(miner: &Miner, now: f64) -> Value {
    let recent = miner.recent(now);
    (0..miner.stock).chain(recent.iter().map(|sector| sector.number)).map(Value::from).collect()
}

/// `SectorsListInStates`: null where there is none.
pub(super) fn list_in_states(miner: &Miner, states: Vec<&str>, now: f64) -> Value {
    let stock = if states.contains(&"Proving") { miner.stock } else { 0 };
    let recent = miner.recent(now);
    let chosen = recent.iter().filter(|sector| states.contains(&sector.state(now)));
    let numbers: Vec<u64> = (0..stock).chain(chosen.map(|sector| sector.number)).collect();
    if numbers.is_empty() { Value::Null } else { json!(numbers) }
}
