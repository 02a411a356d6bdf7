//! What lotus-miner answers.

mod connect;
mod expired;
mod filesystems;
mod job_memory;
mod jobs;
mod left_paths;
mod missing;
mod pieces;
mod pipeline;
mod process;
mod scheduler;
mod sectors;
mod sides;
mod storage;
mod storage_paths;
mod workers;

pub use connect::{LotusMiner, MinerAnswer, connect, seals};
pub use sides::{own_side, slow_side, wants_live_sectors};
