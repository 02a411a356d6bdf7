//! What an executed message costs its sender, split as the chain splits it.
//!
//! The rule is `ComputeGasOutputs` with `ComputeGasOverestimationBurn` in Lotus' chain/vm/burn.go (v1.36.2; the FVM's
//! fvm/src/gas/outputs.rs is the same). The base fee is the one that the tipset that includes the message has in its first block.

use super::fil::Fil;

/// Gas up to a tenth more than what is used may be reserved for nothing: these are eleven tenths.
const FREE_TENTHS: i128 = 11;

/// A thousandth of a FIL for a unit of gas, with which a block would burn millions.
const MAX_BASE_FEE: Fil = Fil { atto: 1_000_000_000_000_000 };

/// A message's terms, and the gas that its receipt shows.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Units of gas that the message may use.
    pub gas_limit: i128,
    /// Units of gas that it used. 0 if it was refused before it was executed, as with a wrong nonce: then its sender pays nothing.
    pub gas_used: i128,
    /// For a unit of gas, where the message was included.
    pub base_fee: Fil,
    /// The most that the message pays for a unit of gas.
    pub fee_cap: Fil,
    /// What it offers the block's miner for a unit of gas.
    pub premium: Fil,
}

/// What the sender paid. A penalty is not among it: that is the block's miner's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Burnt for the gas that was used.
    pub base_fee_burn: Fil,
    /// Burnt for gas that was reserved and not used.
    pub over_estimation_burn: Fil,
    /// Paid to the miner of the block.
    pub miner_tip: Fil,
}

impl Terms {
    /// The cost; none where no message can have such terms.
    pub fn cost(&self) -> Option<Cost> {
        let Terms { gas_limit, gas_used, base_fee, fee_cap, premium } = *self;
        let is_possible = (0..=gas_limit).contains(&gas_used)
            && gas_limit <= i128::from(i64::MAX)
            && [base_fee, fee_cap, premium].iter().all(|fee| fee.atto >= 0)
            && base_fee <= MAX_BASE_FEE;
        if !is_possible {
            return None;
        }
        if gas_used == 0 {
            return Some(Cost::default());
        }
        // A message that offers less than the base fee pays what it offers; the block's miner pays the rest.
        let base_fee = base_fee.min(fee_cap).atto;
        let premium = premium.atto.min(fee_cap.atto - base_fee);
        let fil = |fee: i128, gas: i128| fee.checked_mul(gas).map(|atto| Fil { atto }).filter(|fil| fil.can_exist());
        Some(Cost {
            base_fee_burn: fil(base_fee, gas_used)?,
            over_estimation_burn: fil(base_fee, over_estimation(gas_used, gas_limit))?,
            miner_tip: fil(premium, gas_limit)?,
        })
    }
}

/// The units of gas that are burnt because they were reserved for nothing. Neither number is above 2^63, so no product is above 2^126.
fn over_estimation(gas_used: i128, gas_limit: i128) -> i128 {
    let over = (gas_limit - FREE_TENTHS * gas_used / 10).clamp(0, gas_used);
    (gas_limit - gas_used) * over / gas_used
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn fil(atto: i128) -> Fil {
        Fil { atto }
    }

    fn terms([gas_limit, gas_used, base_fee, fee_cap, premium]: [i128; 5]) -> Terms {
        Terms { gas_limit, gas_used, base_fee: fil(base_fee), fee_cap: fil(fee_cap), premium: fil(premium) }
    }

    /// Gas limit, gas used, base fee, fee cap and premium, and what comes out of it.
    fn parts(numbers: [i128; 5]) -> [i128; 3] {
        let cost = terms(numbers).cost().unwrap();
        [cost.base_fee_burn.atto, cost.over_estimation_burn.atto, cost.miner_tip.atto]
    }

    /// Worked by hand, by the rule. A tenth above 4,979,174 units is 5,477,091, and 660,751 of the limit's 6,137,842 are above that: of the
    /// 1,158,668 units that were not used, 1,158,668 x 660,751 / 4,979,174 = 153,758 are burnt. These messages were executed by Lotus v1.36.2,
    /// whose StateReplay returned the same parts.
    #[test]
    fn real_messages_worked_by_hand() {
        // The first PoSt setup of a miner, method 4.
        assert_eq!(
            parts([6_137_842, 4_979_174, 87_500_000, 1_054_396_046, 99_171]),
            [4_979_174 * 87_500_000, 153_758 * 87_500_000, 6_137_842 * 99_171]
        );
        // ProveCommitSectors3: 81,317,821 - 71,634,641 = 9,683,180 too much; 16,195,420 x 9,683,180 / 65,122,401 = 2,408,129 are burnt.
        assert_eq!(
            parts([81_317_821, 65_122_401, 897, 111_884, 101_067]),
            [65_122_401 * 897, 2_408_129 * 897, 81_317_821 * 101_067]
        );
        // A transfer whose fee cap leaves 500 - 459 = 41 of the premium of 100: 612,501 units too much of 738,637 not used, 358,672 burnt.
        assert_eq!(parts([2_000_000, 1_261_363, 459, 500, 100]), [1_261_363 * 459, 358_672 * 459, 2_000_000 * 41]);
        // A message with exit code 16, which is paid for like any other, and has ten times the limit that it needs.
        assert_eq!(
            parts([20_000_000, 1_817_883, 100, 1_000_000_000, 200_000]),
            [181_788_300, 1_818_211_700, 4_000_000_000_000]
        );
    }

    /// Three messages of mainnet at epochs around 2,679,000, with the base fees and receipts that the FVM's test vectors have of them.
    #[test]
    fn mainnet_messages_worked_by_hand() {
        // bafy2bzacebs6x6wi25vfd2mxglovctqcoxraohdbzr6hdnhgos5xj5toln4ng, a transfer: 265,495 - 242,215 = 23,280 units too much, so of the
        // 45,299 that were not used, 45,299 x 23,280 / 220,196 = 4,789 are burnt.
        assert_eq!(
            parts([265_495, 220_196, 149_492_274, 1_650_712_149, 74_428_263]),
            [220_196 * 149_492_274, 4_789 * 149_492_274, 265_495 * 74_428_263]
        );
        // bafy2bzaceda5xiqwhjhdq7kqconongrzseybzkax453rqsecjcke4poxyhrvm, PreCommitSector, which failed with exit code 16 after a hundredth of its
        // limit: no more than what was used counts as too much, so all of 49,814,438 - 547,969 is burnt.
        assert_eq!(
            parts([49_814_438, 547_969, 79_694_940, 501_862_532, 42_384_255]),
            [547_969 * 79_694_940, 49_266_469 * 79_694_940, 49_814_438 * 42_384_255]
        );
        // bafy2bzacebhir2s5dze3krcgheuhq6etzbsa4vplw3zd55vqhymnspyuutoaa, DeclareFaultsRecovered: 53,001,040 - 46,712,098 = 6,288,942 too much;
        // 10,535,496 x 6,288,942 / 42,465,544 = 1,560,256 are burnt.
        assert_eq!(
            parts([53_001_040, 42_465_544, 220_224_323, 2_079_844_849, 42_118_953]),
            [42_465_544 * 220_224_323, 1_560_256 * 220_224_323, 53_001_040 * 42_118_953]
        );
    }

    /// More of them: what was recorded, and what StateReplay returned as BaseFeeBurn, OverEstimationBurn and MinerTip.
    #[test]
    #[rustfmt::skip]
    fn messages_recorded_on_a_real_lotus() {
        for (numbers, cost) in [
            ([6_137_842, 4_979_174, 87_500_000, 1_054_396_046, 99_171], [435_677_725_000_000, 13_453_825_000_000, 608_695_928_982]),
            ([7_287_303, 5_835_043, 817_124, 11_351_863, 99_711], [4_767_953_676_332, 176_679_368_404, 726_624_269_433]),
            ([7_457_820, 6_033_856, 164_580, 2_082_431, 99_383], [993_052_020_480, 31_871_410_740, 741_180_525_060]),
            ([79_111_857, 63_358_014, 14_874, 280_411, 101_192], [942_387_100_236, 34_831_591_098, 8_005_487_033_544]),
            ([17_309_911, 13_915_549, 100, 102_112, 101_037], [1_391_554_900, 48_853_600, 1_748_941_477_707]),
            ([45_548_483, 36_509_137, 100, 109_773_139_974, 101_579], [3_650_913_700, 133_412_900, 4_626_769_354_657]),
            ([58_562_465, 46_917_682, 100, 103_467, 102_413], [4_691_768_200, 172_571_000, 5_997_557_728_045]),
            ([87_484_161, 70_057_315, 100, 101_742, 100_688], [7_005_731_500, 259_226_500, 8_808_605_202_768]),
            ([81_452_433, 65_232_277, 100, 101_676, 100_622], [6_523_227_700, 241_116_300, 8_195_906_713_326]),
            ([85_782_057, 68_695_632, 100, 100_779, 99_725], [6_869_563_200, 254_120_400, 8_554_615_634_325]),
            ([7_764_445, 6_216_756, 100, 102_501, 101_447], [621_675_600, 23_053_500, 787_679_651_915]),
            ([20_375_721, 16_368_373, 100, 101_264, 100_210], [1_636_837_300, 58_035_400, 2_041_851_001_410]),
            ([93_782_760, 75_095_500, 100, 101_925, 100_871], [7_509_550_000, 278_153_500, 9_459_960_783_960]),
            ([28_453_261, 22_832_959, 100, 175_726_782_248, 100_356], [2_283_295_900, 82_139_900, 2_855_455_460_916]),
            ([20_000_000, 1_817_883, 100, 1_000_000_000, 200_000], [181_788_300, 1_818_211_700, 4_000_000_000_000]),
            ([3_000_000, 1_382_691, 100, 1_000_000_000, 200_000], [138_269_100, 161_730_900, 600_000_000_000]),
            ([200_000, 0, 100, 1_000_000_000, 200_000], [0, 0, 0]),
        ] {
            assert_eq!(parts(numbers), cost, "{numbers:?}");
        }
    }

    #[test]
    fn a_base_fee_above_the_fee_cap_is_the_block_miners_loss() {
        assert_eq!(parts([1_100, 1_000, 70, 50, 10]), [50_000, 0, 0], "the fee cap is paid, and no tip");
    }

    #[test]
    fn what_is_reserved_for_nothing() {
        for (gas_limit, gas_used, burnt) in [
            (1_000, 1_000, 0),
            (1_100, 1_000, 0),
            (1_101, 1_000, 0),
            (1_200, 1_000, 20),
            // From 2.1 times on, all that was not used.
            (2_100, 1_000, 1_100),
            (9_000, 1_000, 8_000),
            (i128::from(i64::MAX), 1, i128::from(i64::MAX) - 1),
            (i128::from(i64::MAX), i128::from(i64::MAX), 0),
        ] {
            assert_eq!(over_estimation(gas_used, gas_limit), burnt, "{gas_used} of {gas_limit}");
        }
    }

    #[test]
    fn a_message_that_was_not_executed_costs_nothing() {
        assert_eq!(parts([200_000, 0, 100, 1_000_000_000, 200_000]), [0, 0, 0]);
    }

    #[test]
    fn impossible_terms() {
        let all = Fil::ALL.atto;
        for numbers in [
            [1_000, 1_001, 1, 1, 1],
            [1_000, -1, 1, 1, 1],
            [-1, -1, 1, 1, 1],
            [1_000, 1_000, -1, 1, 1],
            [1_000, 1_000, 1, -1, 1],
            [1_000, 1_000, 1, 1, -1],
            [i128::MAX, 1, 1, 1, 1],
            [i128::from(i64::MAX), i128::from(i64::MAX), all, all, all],
            [1_000, 2, all, all, 0],
        ] {
            assert_eq!(terms(numbers).cost(), None, "{numbers:?}");
        }
    }
}
