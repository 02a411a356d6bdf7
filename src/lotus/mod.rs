//! Filecoin's own terms: amounts, bitfields, epochs, addresses, sector states, methods. Nothing here talks to a node.

pub mod actors;
pub mod address;
pub mod bitfield;
pub mod deadlines;
pub mod election;
pub mod epoch;
pub mod fil;
pub mod gas;
pub mod issuance;
pub mod months;
pub mod quality;
pub mod reward;
pub mod sector_events;
pub mod sector_state;
pub mod tipset;
pub mod upgrades;
pub mod vesting;
