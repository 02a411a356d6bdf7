//! The quality of sectors, and what it takes to raise it (FIP-0118, section 1.2; FIP-0100).
//!
//! Sectors that were committed since Solstice (network version 29) have ten times the power of their size, whatever they hold: a flag says so.
//! Those from before keep the quality of what they held, until `UpgradeSectorQuality` sets the flag. That locks the pledge of a new sector,
//! less what is locked already (pledge never falls), and the daily fee grows as the power does.

use super::fil::Fil;

/// SectorOnChainInfo.Flags: the sector has full power whatever it contains, and its weights do not distinguish verified deals from others.
pub const FULL_QUALITY_POWER: u64 = 2;

/// Power of full quality, in times of the size (VERIFIED_DEAL_WEIGHT_MULTIPLIER / QUALITY_BASE_MULTIPLIER of builtin-actors).
const FULL_QUALITY: u128 = 10;

/// Bits after the point of a quality (SECTOR_QUALITY_PRECISION of builtin-actors).
const QUALITY_PRECISION: u32 = 20;

/// Lotus adds a tenth to the pledge that the chain will ask for (initialPledgeNum of its node/impl/full/state.go).
const LOTUS_MARGIN: (i128, i128) = (110, 100);

/// What a sector's power is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// No more than its size.
    One,
    /// Part of it is verified deals.
    Partial,
    /// Full of verified deals, committed before Solstice.
    LegacyTen,
    /// Committed or upgraded since.
    FullTen,
}

/// What decides about a sector's power. Weights are in bytes times epochs.
#[derive(Clone, Copy, Debug)]
pub struct Weighed {
    /// SectorOnChainInfo.Flags.
    pub flags: u64,
    /// Its size.
    pub bytes: u64,
    /// Epochs from its power base epoch to its expiration.
    pub duration_epochs: i64,
    /// VerifiedDealWeight.
    pub verified_weight: u128,
}

impl Quality {
    /// The value of the label `quality`.
    pub fn as_str(self) -> &'static str {
        match self {
            Quality::One => "1x",
            Quality::Partial => "partial",
            Quality::LegacyTen => "legacy_10x",
            Quality::FullTen => "full_10x",
        }
    }
}

impl Weighed {
    /// Power in bytes: size x quality, which is rounded down (quality_for_weight and qa_power_for_weight of the miner actor in
    /// builtin-actors). Deals that are not verified add nothing.
    pub fn power_bytes(self) -> u128 {
        let bytes = u128::from(self.bytes);
        if self.flags & FULL_QUALITY_POWER != 0 {
            return FULL_QUALITY * bytes;
        }
        let space_time = bytes * u128::from(self.duration_epochs.max(0).unsigned_abs());
        if space_time == 0 {
            return bytes;
        }
        let verified = self.verified_weight.min(space_time);
        let weighted = (space_time - verified) * 10 + verified * 100;
        let quality = (weighted << QUALITY_PRECISION) / space_time / 10;
        (bytes * quality) >> QUALITY_PRECISION
    }

    /// What its power is.
    pub fn quality(self) -> Quality {
        if self.flags & FULL_QUALITY_POWER != 0 {
            return Quality::FullTen;
        }
        match self.power_bytes() {
            // An extension rounds the weights down.
            power if power.saturating_mul(1000) >= self.full_power_bytes().saturating_mul(999) => Quality::LegacyTen,
            power if power <= u128::from(self.bytes) => Quality::One,
            _ => Quality::Partial,
        }
    }

    /// Its power with full quality.
    pub fn full_power_bytes(self) -> u128 {
        FULL_QUALITY * u128::from(self.bytes)
    }
}

/// The pledge that the chain asks for, from what StateMinerInitialPledgeForSector answers.
pub fn pledge_without_margin(told: Fil) -> Fil {
    let (with, without) = LOTUS_MARGIN;
    Fil { atto: (told.atto * without + with - 1) / with }
}

/// What an upgrade locks on top of the pledge that is locked: `max(pledge, pledge of a new sector)` less the pledge (FIP-0118, section 1.2).
pub fn pledge_top_up(locked: Fil, of_a_new_sector: Fil) -> Fil {
    Fil { atto: (of_a_new_sector.atto - locked.atto).max(0) }
}

/// By how much an upgrade raises the daily fee, which grows as the power does (daily_proof_fee_adjust of the miner actor). A sector that pays
/// none, as those from before FIP-0100, pays from then on what a new one does.
pub fn daily_fee_rise(fee: Fil, power_bytes: u128, full_power_bytes: u128) -> Fil {
    let (power, full) = (power_bytes.max(1) as i128, full_power_bytes as i128);
    Fil { atto: (fee.atto.saturating_mul(full) / power - fee.atto).max(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB_32: u64 = 32 << 30;
    /// 540 days.
    const DURATION: i64 = 1_555_200;
    const SPACE_TIME: u128 = GIB_32 as u128 * DURATION as u128;

    fn weighed(flags: u64, verified_weight: u128) -> Weighed {
        Weighed { flags, bytes: GIB_32, duration_epochs: DURATION, verified_weight }
    }

    fn fil(atto: i128) -> Fil {
        Fil { atto }
    }

    /// One sector of each quality, with 0.15 FIL locked, a fee of 7,345,678,901,234 attoFIL a day for each 32 GiB of power, and 1.1 FIL asked
    /// for by Lotus for a new sector, of which the chain takes 1.1 / 1.1 = 1 FIL.
    #[test]
    fn what_an_upgrade_costs_for_each_quality() {
        let pledge = pledge_without_margin(fil(1_100_000_000_000_000_000));
        assert_eq!(pledge.atto, 1_000_000_000_000_000_000);
        let locked = fil(150_000_000_000_000_000);

        // 1x: 32 GiB of power become 320 GiB. 1 - 0.15 = 0.85 FIL; the fee grows tenfold, by nine times what it is: 66,111,110,111,106.
        let one = weighed(1, 0);
        assert_eq!((one.quality(), one.power_bytes()), (Quality::One, 34_359_738_368));
        assert_eq!(pledge_top_up(locked, pledge).atto, 850_000_000_000_000_000);
        assert_eq!(
            daily_fee_rise(fil(7_345_678_901_234), one.power_bytes(), one.full_power_bytes()).atto,
            66_111_110_111_106
        );

        // Half verified: (0.5 x 10 + 0.5 x 100) / 10 = 5.5 x 32 GiB = 176 GiB. The fee grows by 10 / 5.5, from 40,401,233,956,787:
        // 40,401,233,956,787 x 320 / 176 = 73,456,789,012,340, which is 33,055,555,055,553 more.
        let half = weighed(1, SPACE_TIME / 2);
        assert_eq!((half.quality(), half.power_bytes()), (Quality::Partial, 188_978_561_024));
        assert_eq!(
            daily_fee_rise(fil(40_401_233_956_787), half.power_bytes(), half.full_power_bytes()).atto,
            33_055_555_055_553
        );

        // Legacy 10x and full 10x have nothing to gain.
        for (of, quality) in [(weighed(1, SPACE_TIME), Quality::LegacyTen), (weighed(3, 0), Quality::FullTen)] {
            assert_eq!((of.quality(), of.power_bytes()), (quality, 343_597_383_680));
            assert_eq!(daily_fee_rise(fil(73_456_789_012_340), of.power_bytes(), of.full_power_bytes()).atto, 0);
        }
        // A pledge that is higher than that of a new sector stays.
        assert_eq!(pledge_top_up(fil(2_000_000_000_000_000_000), pledge).atto, 0);
    }

    #[test]
    fn the_margin_of_lotus_is_taken_off_to_the_atto() {
        for exact in [0, 1, 9, 10, 11, 999_999_999_999_999_999, 123_456_789_012_345_678] {
            assert_eq!(pledge_without_margin(fil(exact * 110 / 100)).atto, exact, "{exact}");
        }
    }

    #[test]
    fn weights_and_durations_that_cannot_be() {
        assert_eq!(weighed(1, u128::MAX).quality(), Quality::LegacyTen);
        assert_eq!(weighed(1, SPACE_TIME - 5).quality(), Quality::LegacyTen);
        let over = Weighed { duration_epochs: -5, ..weighed(1, 7) };
        assert_eq!((over.quality(), over.power_bytes()), (Quality::One, u128::from(GIB_32)));
        let empty = Weighed { bytes: 0, ..weighed(1, 7) };
        assert_eq!(daily_fee_rise(fil(7), empty.power_bytes(), empty.full_power_bytes()).atto, 0);
    }
}
