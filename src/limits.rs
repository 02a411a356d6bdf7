//! The most that a run uses, and what compose, systemd and NixOS allow it: one table, which a test compares with their files.

/// The most memory that a run uses, whatever the nodes answer, in MB.
pub const PEAK_MEMORY_MB: u64 = 64;

/// The memory that a container or a service is given, in MB: what a run takes, the text in the stack's volume, and what the kernel keeps.
pub const MEMORY_LIMIT_MB: u64 = 128;

/// The text in the stack's volume, old and new, in MB.
pub const TEXT_VOLUME_MB: u64 = 32;

/// Threads: a few for each node and each miner.
pub const TASKS_LIMIT: u64 = 512;
