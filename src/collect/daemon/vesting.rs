//! When the miner's vesting funds come free, by its vesting table.
//!
//! Slow tier: the first entry of the table stands in the state that is read anyway; the others take a call, and some ten kilobytes.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::Daemon;
use crate::base64;
use crate::collect::run::Run;
use crate::collect::slow;
use crate::expose::{Samples, families};
use crate::lotus::fil::Fil;
use crate::lotus::months::Months;
use crate::lotus::tipset::Link;
use crate::lotus::vesting::{self, Fund};
use crate::rpc::{CallError, Client};
use crate::tolerant::{Field, Problems};

const METHOD: &str = "ChainReadObj";

/// VestingFunds of the miner's state; nothing of it where no funds vest, and before the miner actor's version 16, where it is a link.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct State {
    head: Field<Head>,
    tail: Field<Link>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Head {
    #[serde(deserialize_with = "crate::lotus::epoch::deserialize_height")]
    epoch: i64,
    amount: Fil,
}

/// What the miner's state says of its vesting funds.
#[derive(Debug, Default)]
pub struct Vesting {
    /// The sum of the whole table.
    pub locked: Option<Fil>,
    head: Option<Fund>,
    tail: Option<Link>,
}

/// The last complete figures.
pub struct Facts {
    figures: Option<Figures>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Figures {
    /// When the state that they are from was the head's, Unix seconds.
    obtained_seconds: f64,
    releases: Months,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    figures: Option<Figures>,
}

impl State {
    /// What it says, where `locked` funds are said to vest.
    pub fn take(self, locked: Option<Fil>, problems: &mut Problems) -> Vesting {
        let head = self.head.take("StateReadState.State.VestingFunds.Head", problems);
        Vesting {
            locked,
            head: head.map(|head| Fund { epoch: head.epoch, amount: head.amount }),
            tail: self.tail.take("StateReadState.State.VestingFunds.Tail", problems),
        }
    }
}

/// `vesting` is what the state of the head says, where that is known. Without a full node the last figures stand, until they are too old.
pub fn fetch(
    daemon: Result<&Daemon>,
    run: &Run,
    miner_id: &str,
    vesting: Option<&Vesting>,
    problems: &mut Problems,
) -> Result<Facts> {
    let section = format!("vesting/{miner_id}");
    let mut memory: Memory = run.state.recall(&section);
    memory.figures = memory.figures.filter(|figures| figures.releases.can_be());
    let obtained = memory.figures.as_ref().map(|figures| figures.obtained_seconds);
    let is_due = slow::is_due(obtained, run.now, run.slow_period_seconds);
    match daemon {
        Ok(daemon) if is_due => match vesting.and_then(|vesting| Table::new(daemon, vesting)) {
            Some(table) => {
                if let Some(Some(releases)) = problems.if_supported(table.read(&daemon.client)) {
                    memory.figures = Some(Figures { obtained_seconds: run.now, releases });
                }
            }
            None => problems.consequence(),
        },
        Ok(_) => {}
        Err(error) => problems.error(error),
    }
    let is_presentable =
        |figures: &Figures| slow::is_presentable(figures.obtained_seconds, run.now, run.slow_period_seconds);
    memory.figures = memory.figures.filter(is_presentable);
    run.state.remember(&section, &memory);
    Ok(Facts { figures: memory.figures })
}

/// A table that is to be read.
struct Table<'a> {
    locked: Fil,
    vesting: &'a Vesting,
    months: Months,
}

impl Table<'_> {
    /// None where the head, the chain's clock or the sum is not known.
    fn new<'a>(daemon: &Daemon, vesting: &'a Vesting) -> Option<Table<'a>> {
        let months = Months::from(daemon.head.as_ref()?.height(), daemon.clock?);
        Some(Table { locked: vesting.locked?, vesting, months })
    }

    /// All of it, by month. None where the node's state has no such table.
    fn read(self, client: &Client) -> Result<Option<Months>, CallError> {
        let Table { locked, vesting, mut months } = self;
        if locked == Fil::default() {
            return Ok(Some(months));
        }
        let (Some(first), Some(tail)) = (vesting.head, &vesting.tail) else {
            return Ok(None);
        };
        let object: String = client.call(METHOD, json!([tail]))?;
        let funds = base64::decode(&object).and_then(|object| vesting::read_tail(&object));
        let funds = funds.ok_or_else(|| client.misshaped(METHOD, "it is not the rest of a vesting table"))?;
        let funds = || [first].into_iter().chain(funds.iter().copied());
        if funds().map(|fund| fund.amount).sum::<Fil>() != locked {
            return Err(client.misshaped(METHOD, "the vesting table does not add up to the miner's LockedFunds"));
        }
        funds().for_each(|fund| months.add(fund.epoch, fund.amount));
        Ok(Some(months))
    }
}

impl Facts {
    /// When the figures were obtained, Unix seconds.
    pub fn obtained_seconds(&self) -> Option<f64> {
        self.figures.as_ref().map(|figures| figures.obtained_seconds)
    }
}

pub fn expose(facts: &Facts, miner_id: &str, samples: &mut Samples) {
    let releases = facts.figures.iter().flat_map(|figures| figures.releases.iter());
    releases.for_each(|(month, amount)| {
        samples.add(&families::MINER_RELEASE_FIL, [miner_id, "vesting", &month], amount);
    });
}
