//! Sectors that are live on chain, and whose sealed file is in no storage path: the next window proof of each fails.
//!
//! It costs no call: the deadlines say which sectors are live, and the list of storage paths which have files. While files move from one
//! path to another, or a worker tells lotus-miner of them one by one, they are in neither. So a sector is missing when two readings in a
//! row, a period of the slow tier apart, do not have it; and a list without a path that holds files says nothing.

use serde::{Deserialize, Serialize};

use crate::collect::run::Run;
use crate::collect::slow;
use crate::expose::{Samples, families};
use crate::lotus::bitfield::BitField;

/// What storage paths were seen to hold in this run.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    /// The sectors that have a sealed file, or that of an upgrade, in any path.
    In(BitField),
    /// There are paths whose files are not known.
    Unknown,
}

/// The last figure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// When it was obtained, Unix seconds; None if it is not known, or was obtained too long ago.
    pub obtained_seconds: Option<f64>,
    missing: BitField,
    /// When files were last looked for, Unix seconds.
    looked_seconds: Option<f64>,
    /// The live sectors that had none then.
    without_file: BitField,
}

impl Facts {
    /// Takes another reading into account.
    fn renew(&mut self, live: &BitField, stored: &BitField, run: &Run) {
        let without_file = live.difference(stored);
        let is_next = |looked: &f64| {
            (0.0..).contains(&(run.now - looked)) && slow::is_presentable(*looked, run.now, run.slow_period_seconds)
        };
        let before = self.looked_seconds.filter(is_next).map(|_| &self.without_file);
        let missing = before.map(|before| without_file.intersection(before));
        // What is there needs no second reading.
        let missing = missing.or_else(|| without_file.is_empty().then(BitField::default));
        let obtained_seconds = missing.as_ref().map(|_| run.now);
        let missing = missing.unwrap_or_default();
        *self = Facts { obtained_seconds, missing, looked_seconds: Some(run.now), without_file };
    }
}

fn section(miner_id: &str) -> String {
    format!("missing_sectors/{miner_id}")
}

/// `live` and `stored` where this run read them.
pub fn fetch(miner_id: &str, run: &Run, live: Option<&BitField>, stored: Option<&Stored>) -> Facts {
    let mut facts: Facts = run.state.recall(&section(miner_id));
    let is_due = slow::is_due(facts.looked_seconds, run.now, run.slow_period_seconds);
    match (stored, live) {
        (Some(Stored::In(stored)), Some(live)) if is_due => facts.renew(live, stored, run),
        (Some(Stored::Unknown), _) => facts = Facts::default(),
        _ => {}
    }
    run.state.remember(&section(miner_id), &facts);
    let is_presentable = |obtained: &f64| slow::is_presentable(*obtained, run.now, run.slow_period_seconds);
    facts.obtained_seconds = facts.obtained_seconds.filter(is_presentable);
    facts
}

pub fn expose(facts: &Facts, miner_id: &str, max_rows: usize, samples: &mut Samples) {
    if facts.obtained_seconds.is_none() {
        return;
    }
    let count = facts.missing.count();
    samples.add(&families::MINER_MISSING_SECTORS, [miner_id], count);
    for number in facts.missing.iter().take(max_rows) {
        let labels = [miner_id, &number.to_string()];
        samples.add_row(&families::MINER_MISSING_SECTOR, labels, true, number as f64);
    }
    samples.left_out(&families::MINER_MISSING_SECTOR, count.saturating_sub(max_rows as u64));
}
