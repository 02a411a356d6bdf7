//! The block reward by the rules of the network versions (reward actor of builtin-actors; FIP-0118).

use super::fil::Fil;
use super::upgrades;

/// More than any block can bring: an epoch mints at most 121 FIL (330M and 770M FIL, each with a half-life of six years), a block at most thrice
/// that, by its 15 wins; and no block ever came near it with gas.
const MAX_BLOCK_REWARD: Fil = Fil { atto: 1_000_000_000_000_000_000_000 };

/// From this network version on the block reward is split, and sectors have full power whatever they contain (FIP-0118).
pub const SOLSTICE_NETWORK_VERSION: i64 = 29;

const EXPECTED_LEADERS: i128 = 5;

/// How the miners' part of the block reward shrinks.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    activation_height: i64,
    duration_epochs: i64,
}

/// What the wins of a block mint: `this_epoch_reward * win_count / expected_leaders_per_epoch`, rounded down (AwardBlockReward of the reward
/// actor in builtin-actors).
pub fn minted(epoch_reward: Fil, win_count: u64) -> Fil {
    Fil { atto: epoch_reward.atto.saturating_mul(i128::from(win_count)) / EXPECTED_LEADERS }
}

/// What one win brings its miner, of an epoch's reward that many epochs after the head, which has a network version: all that it mints before
/// Solstice, and the consensus stream's part since. None where that is not known.
pub fn of_a_win(
    epoch_reward: Fil,
    network_version: i64,
    schedule: Option<Schedule>,
    head_height: Option<i64>,
    epochs_ahead: i64,
) -> Option<Fil> {
    let minted = minted(epoch_reward, 1);
    let has_begun = network_version >= SOLSTICE_NETWORK_VERSION;
    // A network that will not make the upgrade, as far as the node knows, has no schedule.
    let Some(schedule) = schedule.filter(|_| has_begun || epochs_ahead > 0) else {
        return (!has_begun).then_some(minted);
    };
    let height = head_height?.saturating_add(epochs_ahead);
    let is_split = has_begun || schedule.has_begun(height);
    Some(if is_split { schedule.miners_part(minted, height) } else { minted })
}

/// Whether a block can bring so much, of what is minted or of gas.
pub fn is_possible(amount: Fil) -> bool {
    (Fil::default()..=MAX_BLOCK_REWARD).contains(&amount)
}

impl Schedule {
    /// The schedule of a network, if its beginning is known: from the node, otherwise from Lotus' values for the public networks.
    pub fn of_network(name: Option<&str>, told_height: Option<i64>) -> Option<Schedule> {
        let known_height = upgrades::height_of(name, SOLSTICE_NETWORK_VERSION);
        let quarter_epochs = if name == Some("calibrationnet") { 2880 } else { 262_974 };
        Some(Schedule { activation_height: told_height.or(known_height)?, duration_epochs: 9 * quarter_epochs })
    }

    /// Whether the block reward is split at this height.
    pub fn has_begun(self, height: i64) -> bool {
        height > self.activation_height
    }

    /// The consensus stream's part of what is minted: 95 % when FIP-0118 begins, falling in a straight line to 50 % over nine quarters; the
    /// miner gets it rounded down.
    pub fn miners_part(self, minted: Fil, height: i64) -> Fil {
        let elapsed = i128::from(height.saturating_sub(self.activation_height).clamp(0, self.duration_epochs));
        let duration = i128::from(self.duration_epochs);
        Fil { atto: minted.atto.saturating_mul(95 * duration - 45 * elapsed) / (100 * duration) }
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_block_before_solstice_earns_a_fifth_of_the_epochs_reward_for_each_win() {
        // 66.268 FIL in the epoch, two wins: 66.268 x 2 / 5 = 26.5072.
        let epoch_reward = Fil { atto: 66_268_000_000_000_000_000 };
        assert_eq!(minted(epoch_reward, 2).atto, 26_507_200_000_000_000_000);
        // 7 attoFIL x 1 / 5 = 1.4, rounded down.
        assert_eq!(minted(Fil { atto: 7 }, 1).atto, 1);
    }

    #[test]
    fn a_block_since_solstice_earns_the_consensus_streams_part() {
        let mainnet = Schedule::of_network(Some("mainnet"), None).expect("mainnet is known");
        let part = |minted: i128, height| mainnet.miners_part(Fil { atto: minted }, height).atto;
        // At activation 95 %.
        assert_eq!(part(1_000_000, 6_470_279), 950_000);
        // After one of nine quarters, 262,974 epochs, 95 % - 45 % / 9 = 90 %.
        assert_eq!(part(1_000_000, 6_470_279 + 262_974), 900_000);
        // 100,800 epochs (35 days) on: 95 % - 45 % x 100,800 / 2,366,766 = 95 % - 1.916539 % = 93.083461 %.
        // Of one win in 66.268 FIL, which is 13.2536 FIL: 13.2536e18 x 220,306,770 / 236,676,600 = 12.336909550297748066e18, where
        // 220,306,770 = 95 x 2,366,766 - 45 x 100,800 and 236,676,600 = 100 x 2,366,766.
        let one_win = minted(Fil { atto: 66_268_000_000_000_000_000 }, 1);
        assert_eq!(one_win.atto, 13_253_600_000_000_000_000);
        let paid = mainnet.miners_part(one_win, 6_470_279 + 100_800).atto;
        assert_eq!(paid, 12_336_909_550_297_748_066);
        // At the end and for ever after 50 %.
        assert_eq!(part(1_000_000, 6_470_279 + 9 * 262_974), 500_000);
        assert_eq!(part(1_000_001, i64::MAX / 2), 500_000);
        // Heights at the bounds of their type.
        assert_eq!((part(1_000_000, i64::MIN), part(1_000_000, i64::MAX)), (950_000, 500_000));
    }

    #[test]
    fn a_win_before_the_upgrade_and_after_it() {
        let schedule = Schedule::of_network(Some("a devnet"), Some(1000));
        let win = |version, schedule, height, ahead| {
            of_a_win(Fil { atto: 5_000_000 }, version, schedule, height, ahead).map(|reward| reward.atto)
        };
        assert_eq!(win(28, schedule, Some(999), 0), Some(1_000_000));
        // The upgrade is ahead: what comes after it is split.
        assert_eq!(win(28, schedule, Some(900), 100), Some(1_000_000));
        assert_eq!(win(28, schedule, Some(900), 100 + 262_974), Some(900_000));
        assert_eq!(win(29, schedule, Some(1000 + 262_974), 0), Some(900_000));
        assert_eq!(win(29, schedule, Some(1000 + 262_974), 8 * 262_974), Some(500_000));
        assert_eq!(win(28, None, None, 2880), Some(1_000_000), "no upgrade is known");
        assert_eq!(win(29, None, Some(1000), 0), None);
        assert_eq!(win(29, schedule, None, 0), None);
    }

    #[test]
    fn the_upgrades_height_is_the_networks_own() {
        let calibration = Schedule::of_network(Some("calibrationnet"), None).expect("calibration is known");
        // Half of nine quarters of 2880 epochs: 95 % - 22.5 % = 72.5 %.
        assert_eq!(calibration.miners_part(Fil { atto: 1000 }, 4_109_133 + 12_960).atto, 725);
        let told = Schedule::of_network(Some("a devnet"), Some(100)).expect("the node told it");
        assert_eq!(told.miners_part(Fil { atto: 1000 }, 100).atto, 950);
        assert!(Schedule::of_network(Some("a devnet"), None).is_none());
        let absurd = Schedule::of_network(Some("a devnet"), Some(i64::MIN)).expect("the node told it");
        assert_eq!(absurd.miners_part(Fil { atto: 1000 }, 100).atto, 500);
        let absurd = Schedule::of_network(Some("a devnet"), Some(i64::MAX)).expect("the node told it");
        assert_eq!(absurd.miners_part(Fil { atto: 1000 }, i64::MIN).atto, 950);
    }
}
