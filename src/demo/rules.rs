//! The constants of the simulated network: its clock, its name, the size of sectors, what is paid.

/// Name of the simulated network, as `StateNetworkName` returns it.
pub const NETWORK_NAME: &str = "demo";

/// Mainnet's genesis, Unix seconds: the simulated chain has mainnet's heights.
pub(super) const GENESIS_SECONDS: f64 = 1_598_306_400.0;
/// Seconds from one epoch to the next.
pub(super) const EPOCH_SECONDS: f64 = 30.0;
/// Height of the Solstice upgrade (network version 29): sectors sealed since have the full quality.
pub(super) const SOLSTICE_HEIGHT: i64 = 6_470_279;
/// Network version that the chain runs.
pub(super) const NETWORK_VERSION: i64 = 29;

/// Sector size of both miners.
pub(super) const SECTOR_BYTES: u64 = 32 << 30;
/// Raw power that a miner needs to win blocks: 10 TiB.
pub(super) const CONSENSUS_MINIMUM_BYTES: u64 = 10 << 40;
/// The maximum number of sectors in a partition.
pub(super) const PARTITION_SECTORS: u64 = 2349;

/// Block reward of an epoch, for all its winners.
pub(super) const EPOCH_REWARD_ATTO: u128 = 24_612_345_678_901_234_567;

/// RegisteredSealProof StackedDrg32GiBV1_1.
pub(super) const SEAL_PROOF: i64 = 8;
/// FIP-0100's fee, attoFIL a day, for a sector of quality 1; one of full quality pays tenfold.
pub(super) const DAILY_FEE_ATTO: u64 = 734_567_890_123;

/// When an epoch begins, Unix seconds.
pub(super) fn epoch_start(epoch: i64) -> f64 {
    GENESIS_SECONDS + EPOCH_SECONDS * epoch as f64
}

/// The epoch that the clock is in.
pub(super) fn epoch_at(now: f64) -> i64 {
    ((now - GENESIS_SECONDS) / EPOCH_SECONDS).floor() as i64
}

/// The farm has existed since a day after the genesis; the bounds keep arithmetic with times from overflowing.
pub(super) fn sane(now_seconds: f64) -> f64 {
    now_seconds.clamp(GENESIS_SECONDS + 86_400.0, 5.0 * GENESIS_SECONDS)
}
