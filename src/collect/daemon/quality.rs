//! How many sectors have which quality, and what it would cost and bring to upgrade the others to full quality (FIP-0118).
//!
//! Sums over the sectors that [`on_chain`](super::on_chain) reads, by the formulas of [`lotus::quality`](crate::lotus::quality). They are there
//! only if they are known of every sector.

use serde::{Deserialize, Serialize};

use crate::expose::{Samples, families};
use crate::lotus::bitfield::{self, BitField};
use crate::lotus::fil::Fil;
use crate::lotus::quality::{Quality, Weighed, daily_fee_rise, pledge_top_up};

const QUALITIES: [Quality; 4] = [Quality::One, Quality::Partial, Quality::LegacyTen, Quality::FullTen];

/// What the qualities of a miner's sectors are reckoned with, as it was when their reading began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// The size of each of the miner's sectors.
    pub sector_bytes: Option<u64>,
    /// The pledge of a new sector; None where it is not known, and before Solstice.
    pub pledge: Option<Fil>,
    /// Sectors that are faulty, which cannot be upgraded before they recover.
    pub faulty: BitField,
}

/// What counts of a sector.
pub struct Counted {
    pub number: u64,
    pub flags: u64,
    /// None where the node does not tell since when its power counts.
    pub power_base_epoch: Option<i64>,
    pub expiration: i64,
    pub activation: i64,
    pub verified_weight: u128,
    pub pledge: Fil,
    pub daily_fee: Option<Fil>,
}

/// Sums over sectors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Qualities {
    sector_bytes: u64,
    /// Sectors of each quality.
    sectors: [u64; QUALITIES.len()],
    /// Those that an upgrade would raise.
    upgradable: u64,
    /// Of these, the ones that are faulty, and the ones that have expired.
    faulty: u64,
    expired: u64,
    /// What upgrading all of them but the expired ones takes and brings. None where no pledge is known.
    top_up: Option<Fil>,
    power_bytes: u128,
    /// The rise of the fees of those that pay one, and how many pay none yet.
    fee_rise: Fil,
    without_fee: u64,
    /// What the newest sector of full quality pays, and since when.
    full_fee: Option<(i64, Fil)>,
    /// Something about a sector is not known.
    is_partial: bool,
}

impl Qualities {
    pub fn new(terms: &Terms) -> Self {
        Qualities {
            sector_bytes: terms.sector_bytes.unwrap_or_default(),
            is_partial: terms.sector_bytes.is_none(),
            top_up: terms.pledge.map(|_| Fil::default()),
            ..Qualities::default()
        }
    }

    /// Adds a sector, as it is at a height.
    pub fn add(&mut self, sector: &Counted, terms: &Terms, height: i64) {
        let (Some(bytes), Some(base), Some(fee)) = (terms.sector_bytes, sector.power_base_epoch, sector.daily_fee)
        else {
            self.is_partial = true;
            return;
        };
        let duration_epochs = sector.expiration.saturating_sub(base);
        let weighed = Weighed { flags: sector.flags, bytes, duration_epochs, verified_weight: sector.verified_weight };
        let quality = weighed.quality();
        if let Some(index) = QUALITIES.iter().position(|of| *of == quality) {
            self.sectors[index] += 1;
        }
        if quality == Quality::FullTen && self.full_fee.is_none_or(|(since, _)| since <= sector.activation) {
            self.full_fee = Some((sector.activation, fee));
        }
        if matches!(quality, Quality::LegacyTen | Quality::FullTen) {
            return;
        }
        self.upgradable += 1;
        if sector.expiration <= height {
            self.expired += 1;
            return;
        }
        self.faulty += u64::from(terms.faulty.contains(sector.number));
        let (power, full) = (weighed.power_bytes(), weighed.full_power_bytes());
        self.power_bytes = self.power_bytes.saturating_add(full - power);
        self.top_up = self.top_up.zip(terms.pledge).map(|(mut sum, pledge)| {
            sum += pledge_top_up(sector.pledge, pledge);
            sum
        });
        if fee.atto > 0 {
            self.fee_rise += daily_fee_rise(fee, power, full);
        } else {
            self.without_fee += 1;
        }
    }

    /// Whether a miner can have as much.
    pub fn can_be(&self) -> bool {
        let counts = [self.upgradable, self.faulty, self.expired, self.without_fee];
        let amounts = [self.top_up, Some(self.fee_rise), self.full_fee.map(|(_, fee)| fee)];
        counts.iter().chain(&self.sectors).all(|count| *count <= bitfield::MAX_COUNT)
            && amounts.into_iter().flatten().all(|amount| amount.atto >= 0 && amount.can_exist())
    }

    /// By how much the fees of a day rise. A sector that pays none pays what the newest one of full quality does, which is the best that is
    /// known of it: the fee follows the circulating supply, by a few percent in a year.
    fn daily_fee(&self) -> Option<Fil> {
        let fresh = match (self.without_fee, self.full_fee) {
            (0, _) => 0,
            (sectors, Some((_, fee))) => fee.atto.checked_mul(i128::from(sectors))?,
            (_, None) => return None,
        };
        Some(Fil { atto: self.fee_rise.atto.checked_add(fresh)? }).filter(|fee| fee.can_exist())
    }
}

/// `fee_debt` is what the miner owes now, if that is known: an upgrade must pay it first.
pub fn expose(qualities: &Qualities, fee_debt: Option<Fil>, miner_id: &str, samples: &mut Samples) {
    if qualities.is_partial {
        return;
    }
    for (quality, sectors) in QUALITIES.iter().zip(qualities.sectors) {
        let labels = [miner_id, quality.as_str()];
        samples.add(&families::MINER_SECTORS_BY_QUALITY, labels, sectors);
        let bytes = u128::from(sectors) * u128::from(qualities.sector_bytes);
        samples.add(&families::MINER_QUALITY_RAW_BYTES, labels, bytes as f64);
    }
    // Before Solstice there is nothing to upgrade to, and no pledge for it.
    let Some(top_up) = qualities.top_up else { return };
    samples.add(&families::MINER_QUALITY_UPGRADE_PLEDGE_FIL, [miner_id], top_up);
    samples.add(&families::MINER_QUALITY_UPGRADE_DAILY_FEE_FIL, [miner_id], qualities.daily_fee());
    samples.add(&families::MINER_QUALITY_UPGRADE_POWER_BYTES, [miner_id], qualities.power_bytes as f64);
    let by_debt = fee_debt.map(|debt| if debt.atto > 0 { qualities.upgradable } else { 0 });
    let blocked = &families::MINER_QUALITY_UPGRADE_BLOCKED_SECTORS;
    samples.add(blocked, [miner_id, "fee_debt"], by_debt);
    samples.add(blocked, [miner_id, "faulty"], qualities.faulty);
    samples.add(blocked, [miner_id, "expired"], qualities.expired);
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: u64 = 32 << 30;

    fn terms() -> Terms {
        let mut numbers = bitfield::Unordered::default();
        numbers.insert(2);
        Terms { sector_bytes: Some(BYTES), pledge: Some(Fil { atto: 1000 }), faulty: numbers.into() }
    }

    fn sector(number: u64, flags: u64, share_verified: u128, fee: i128) -> Counted {
        Counted {
            number,
            flags,
            power_base_epoch: Some(0),
            expiration: 1000,
            activation: 0,
            verified_weight: u128::from(BYTES) * 10 * share_verified,
            pledge: Fil { atto: 100 },
            daily_fee: Some(Fil { atto: fee }),
        }
    }

    fn sums(sectors: &[Counted], terms: &Terms) -> Qualities {
        let mut sums = Qualities::new(terms);
        sectors.iter().for_each(|sector| sums.add(sector, terms, 500));
        sums
    }

    #[test]
    fn only_what_can_be_upgraded_costs_and_brings_something() {
        let expired = Counted { expiration: 500, ..sector(3, 1, 0, 7) };
        let sectors = [
            sector(1, 1, 0, 7),
            sector(2, 1, 0, 7),
            expired,
            sector(4, 1, 100, 70),
            sector(5, 3, 0, 70),
            sector(6, 1, 50, 0),
        ];
        let sums = sums(&sectors, &terms());
        assert_eq!(sums.sectors, [3, 1, 1, 1]);
        assert_eq!((sums.upgradable, sums.faulty, sums.expired, sums.without_fee), (4, 1, 1, 1));
        assert_eq!(sums.top_up, Some(Fil { atto: 3 * 900 }));
        // Twice nine times 32 GiB, and from half verified, 5.5 times, to ten times.
        assert_eq!(sums.power_bytes, u128::from(BYTES) * (9 + 9) + u128::from(BYTES) * 9 / 2);
        // Twice nine times the fee, and one that pays none yet pays that of the one with full quality.
        assert_eq!(sums.daily_fee(), Some(Fil { atto: 2 * 63 + 70 }));
        assert!(sums.can_be());
    }

    #[test]
    fn what_is_not_known_of_one_is_not_known_of_all() {
        let unknown = Counted { power_base_epoch: None, ..sector(1, 1, 0, 7) };
        assert!(sums(&[sector(2, 1, 0, 7), unknown], &terms()).is_partial);
        let unknown = Counted { daily_fee: None, ..sector(1, 1, 0, 7) };
        assert!(sums(&[unknown], &terms()).is_partial);
        assert!(sums(&[], &Terms { sector_bytes: None, ..terms() }).is_partial);
        let without_pledge = sums(&[sector(1, 1, 0, 7)], &Terms { pledge: None, ..terms() });
        assert!(!without_pledge.is_partial && without_pledge.top_up.is_none());
        assert_eq!(sums(&[sector(1, 1, 0, 0)], &terms()).daily_fee(), None, "no new sector tells the fee");
    }
}
