//! How the reward of an epoch changes: simple minting, which halves every six years, and baseline minting, which follows the network's power.
//!
//! The rules are compute_reward, compute_r_theta and update_to_next_epoch of the reward actor (actors/reward/src/logic.rs and state.rs of
//! builtin-actors v18; FIP-0118 splits what is minted, and leaves them as they are). Where the actor steps from epoch to epoch in 128-bit
//! fractions, sums are taken at once here, in floats: a forecast needs no attoFIL.

use super::fil::Fil;

/// A year of 365 days, as the actor counts.
const EPOCHS_PER_YEAR: f64 = 365.0 * 2880.0;

/// The rate at which both supplies run down, a half in six years (LAMBDA of the actor).
const LAMBDA: f64 = std::f64::consts::LN_2 / (6.0 * EPOCHS_PER_YEAR);

/// The rate at which the baseline grows, doubling in a year (BASELINE_EXPONENT of the actor).
const GROWTH: f64 = std::f64::consts::LN_2 / EPOCHS_PER_YEAR;

/// What is minted in all, in FIL (SIMPLE_TOTAL and BASELINE_TOTAL of the actor).
const SIMPLE_TOTAL_FIL: f64 = 330e6;
const BASELINE_TOTAL_FIL: f64 = 770e6;

/// A reward that is farther from the curve than this part of it does not follow the curve.
const TOLERANCE: f64 = 0.01;

/// The state of the reward actor, as far as the curve goes on from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RewardState {
    /// The epoch that the reward is of.
    pub epoch: i64,
    /// ThisEpochReward.
    pub reward: Fil,
    /// EffectiveNetworkTime: by when the baseline would have added up to what the network really had, in epochs, rounded up.
    pub network_time_epochs: i64,
    /// EffectiveBaselinePower, the baseline's at that time, in bytes.
    pub effective_baseline_bytes: f64,
    /// CumsumBaseline less CumsumRealized: by how much that was rounded up, in bytes times epochs.
    pub rounded_up_byte_epochs: f64,
    /// ThisEpochBaselinePower, the baseline's at the epoch, in bytes.
    pub baseline_bytes: f64,
}

/// The rewards of the epochs that follow, while the network's power stays as it is.
#[derive(Clone, Copy, Debug)]
pub struct Curve {
    state: RewardState,
    network_raw_bytes: f64,
    /// What the curve is multiplied by to begin with the reward that the chain has.
    scale: f64,
}

impl Curve {
    /// The curve on which the reward of a network of this raw power lies. None if it does not: then nothing is known of later ones.
    pub fn through(state: RewardState, network_raw_bytes: f64) -> Option<Curve> {
        let unscaled = Curve { state, network_raw_bytes, scale: 1.0 };
        let scale = state.reward.to_f64() / unscaled.minted_fil(0.0);
        ((scale - 1.0).abs() <= TOLERANCE).then_some(Curve { scale, ..unscaled })
    }

    /// The reward of the epoch that is so many epochs ahead.
    pub fn reward_after(self, epochs: i64) -> Fil {
        Fil { atto: (self.scale * self.minted_fil(epochs as f64) * 1e18) as i128 }
    }

    fn minted_fil(self, epochs: f64) -> f64 {
        let simple = SIMPLE_TOTAL_FIL * LAMBDA.exp_m1() * (-LAMBDA * (self.state.epoch as f64 + epochs)).exp();
        let step = self.realized_bytes(epochs) / self.effective_baseline_bytes(epochs);
        let baseline = BASELINE_TOTAL_FIL * (-LAMBDA * self.network_time(epochs)).exp() * (LAMBDA * step).exp_m1();
        simple + baseline
    }

    /// The network's power, or the baseline where that is less.
    fn realized_bytes(self, epochs: f64) -> f64 {
        self.network_raw_bytes.min(self.state.baseline_bytes * (GROWTH * epochs).exp())
    }

    /// The sum of that over the epochs ahead. A baseline that is below the power grows above it at some time.
    fn realized_byte_epochs(self, epochs: f64) -> f64 {
        let (power, baseline) = (self.network_raw_bytes, self.state.baseline_bytes);
        let below = ((power / baseline).ln() / GROWTH).clamp(0.0, epochs);
        baseline * (GROWTH * below).exp_m1() / GROWTH + power * (epochs - below)
    }

    /// By how much the network's time advances: until the baseline from there on has added up to what the network had.
    fn advance(self, epochs: f64) -> f64 {
        (self.realized_byte_epochs(epochs) * GROWTH / self.state.effective_baseline_bytes).ln_1p() / GROWTH
    }

    fn effective_baseline_bytes(self, epochs: f64) -> f64 {
        self.state.effective_baseline_bytes * (GROWTH * self.advance(epochs)).exp()
    }

    fn network_time(self, epochs: f64) -> f64 {
        let rounded_up = self.state.rounded_up_byte_epochs / self.state.effective_baseline_bytes;
        self.state.network_time_epochs as f64 - rounded_up + self.advance(epochs)
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    /// 1 EiB.
    const EIB: f64 = (1_u64 << 60) as f64;

    /// A network without power, which mints by the simple rule alone.
    fn without_power(epoch: i64, reward: i128) -> Option<Curve> {
        let state = RewardState {
            epoch,
            reward: Fil { atto: reward },
            network_time_epochs: 0,
            effective_baseline_bytes: 2.5 * EIB,
            rounded_up_byte_epochs: 0.0,
            baseline_bytes: 2.5 * EIB,
        };
        Curve::through(state, 0.0)
    }

    fn assert_near(found: Fil, atto: i128) {
        assert!((found.atto as f64 / atto as f64 - 1.0).abs() < 1e-9, "{} is not {atto}", found.atto);
    }

    /// Rewards that the actor's own test has for these epochs (testdata/TestSimpleReward.golden of builtin-actors).
    #[test]
    fn simple_minting_is_that_of_the_actor() {
        let curve = without_power(0, 36_266_264_293_777_134_739).expect("it is the first reward of all");
        assert_near(curve.reward_after(0), 36_266_264_293_777_134_739);
        assert_near(curve.reward_after(5_000), 36_246_341_860_983_438_171);
        assert_near(curve.reward_after(1_000_000), 32_491_879_166_191_462_986);
        assert_near(curve.reward_after(2_555_000), 27_387_841_182_142_501_307);
    }

    /// Two years on, at a third of the baseline at the network's time, which is 3,000,000 epochs.
    fn after_two_years(power: f64, baseline: f64) -> Curve {
        // By hand: lambda = ln 2 / 6,307,200 = 1.0989776e-7.
        // Simple: 330e6 x lambda x e^(-lambda x 2,102,400) = 36.266264 x 2^(-1/3) = 28.784553 FIL.
        // Baseline: 770e6 x lambda x e^(-lambda x 3,000,000) / 3 = 84.621279 x 2^(-3,000,000 / 6,307,200) / 3 = 20.284969 FIL.
        let state = RewardState {
            epoch: 2_102_400,
            reward: Fil { atto: 49_069_522_529_000_000_000 },
            network_time_epochs: 3_000_001,
            effective_baseline_bytes: 9.0 * EIB,
            rounded_up_byte_epochs: 9.0 * EIB,
            baseline_bytes: baseline,
        };
        Curve::through(state, power).expect("the reward is on the curve")
    }

    #[test]
    fn baseline_minting_slows_down_while_the_power_stays() {
        let curve = after_two_years(3.0 * EIB, 20.0 * EIB);
        assert!((curve.scale - 1.0).abs() < 1e-6, "{}", curve.scale);
        // After a year the network has had 3 EiB x 1,051,200 epochs. The baseline adds up to as much in ln(1 + 3/9 x ln 2) / ln 2 x 1,051,200
        // = 0.299888 years, which is 315,243 epochs, and is then 9 x (1 + 3/9 x ln 2) = 11.079442 EiB.
        // Baseline: 84.621279 x 2^(-3,315,243 / 6,307,200) x 3 / 11.079442 = 15.916703 FIL; simple: 36.266264 x 2^(-1/2) = 25.644121 FIL.
        assert!(
            (curve.reward_after(1_051_200).to_f64() - 41.560_824).abs() < 1e-4,
            "{:?}",
            curve.reward_after(1_051_200)
        );
        let rewards = [0, 30, 90, 365].map(|days| curve.reward_after(2880 * days));
        assert!(rewards.is_sorted_by(|earlier, later| earlier > later), "{rewards:?}");
    }

    #[test]
    fn power_above_the_baseline_mints_no_more_than_the_baseline() {
        // The baseline is 3 EiB now, doubles in a year, and is then as high as the power.
        let curve = after_two_years(6.0 * EIB, 3.0 * EIB);
        let year = EPOCHS_PER_YEAR;
        assert!((curve.realized_bytes(0.0) / EIB - 3.0).abs() < 1e-9);
        assert!((curve.realized_bytes(2.0 * year) / EIB - 6.0).abs() < 1e-9);
        // In the first year 3 / ln 2 EiB-years, in the second 6.
        let sum = curve.realized_byte_epochs(2.0 * year) / EIB / year;
        assert!((sum - (3.0 / std::f64::consts::LN_2 + 6.0)).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn a_reward_off_the_curve_says_nothing_about_later_ones() {
        assert!(without_power(0, 36_266_264_293_777_134_739 / 2).is_none());
        assert!(without_power(i64::MAX, 1).is_none());
        assert!(without_power(i64::MIN, 1).is_none());
        assert!(without_power(0, 0).is_none());
        for impossible in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e29] {
            let state = RewardState {
                epoch: 0,
                reward: Fil { atto: 36_266_264_293_777_134_739 },
                network_time_epochs: -1,
                effective_baseline_bytes: impossible,
                rounded_up_byte_epochs: impossible,
                baseline_bytes: impossible,
            };
            for power in [0.0, -1.0, EIB, f64::NAN] {
                if let Some(curve) = Curve::through(state, power) {
                    assert!(curve.reward_after(1_051_200).can_exist(), "{impossible} {power}");
                }
            }
        }
    }
}
