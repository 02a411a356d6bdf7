//! The simulated farm: a full node, lotus-miners, a Boost, a Curio cluster and a skiff that answer JSON-RPC calls inside the process, as Lotus v1.38
//! does on network version 29. Every answer is a pure function of the numbers of sectors and miners and the time: there is no state,
//! no I/O and no randomness, so the same question at the same time always gets the same answer, and answers to different
//! questions at one time agree with each other.
//!
//! Sealing is about ten times as fast as in reality, so that charts move: see `sealing.rs`.

mod accounts;
mod actors;
mod answer;
mod boost;
mod chain;
mod curio;
mod farm;
mod machines;
mod methods;
mod miner;
mod mpool;
mod network;
mod noise;
mod on_chain;
mod proving;
mod rules;
mod sealing;
mod sector;
mod storage;
#[cfg(test)]
mod tests;
mod text;
mod transport;
mod vesting;

pub use answer::{Answer, RpcError};
pub use farm::{Farm, Node};
use miner::Miner;
pub use rules::NETWORK_NAME;
pub use sealing::SealedSector;
pub use transport::{Clock, answer, answer_at, nodes};

impl Farm {
    /// A farm of two miners with about `sectors` live sectors (a few more or less over time; at most ten million), three quarters of
    /// them at miner 0.
    pub fn new(sectors: u64) -> Farm {
        Farm::with_miners(sectors, 2)
    }

    /// A farm of so many miners, at least one, that have about `sectors` together.
    pub fn with_miners(sectors: u64, miners: usize) -> Farm {
        let sectors = sectors.min(10_000_000);
        let weights: Vec<u64> = (0..miners.max(1)).map(miner::weight).collect();
        let share = |index: usize| sectors * weights[index] / weights.iter().sum::<u64>();
        let of_others: u64 = (1..weights.len()).map(share).sum();
        let size = |index: usize| if index == 0 { sectors - of_others } else { share(index) };
        let mut miners: Vec<Miner> = (0..weights.len()).map(|index| Miner::new(index, size(index))).collect();
        let other_power_bytes = proving::share_network(&mut miners);
        let accounts = accounts::accounts(&miners);
        Farm { miners, accounts, other_power_bytes, has_curio: false }
    }

    /// The same farm with a Curio cluster, which serves a miner of its own, and a skiff. What the lotus-miners have stays as it is.
    pub fn with_curio(self) -> Farm {
        let lotus_miners = self.miners.iter().map(|miner| miner.stock + miner.turnover).sum::<u64>();
        let mut miner = Miner::new(miner::OF_CURIO, lotus_miners / 4);
        proving::join_network(&mut miner, &self.miners, self.other_power_bytes);
        let miners: Vec<Miner> = self.miners.into_iter().chain([miner]).collect();
        Farm { accounts: accounts::accounts(&miners), miners, has_curio: true, ..self }
    }
}

impl Miner {
    fn new(index: usize, sectors: u64) -> Miner {
        let turnover = (sectors / miner::sectors_per_turnover(index)).clamp(1, 240);
        let in_pipeline = 10 + 2 * sectors.max(1).ilog10();
        Miner {
            index,
            id: miner::id(index),
            stock: sectors.saturating_sub(turnover),
            turnover,
            interval_seconds: sealing::TYPICAL_SECONDS / f64::from(in_pipeline),
            expected_share: 0.0,
        }
    }
}
