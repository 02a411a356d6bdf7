//! Network upgrades: those that this release knows of the public networks (build/buildconstants of Lotus), and those that a node is set to.

use std::collections::BTreeMap;

use super::epoch::MAX_HEIGHT;

/// An upgrade, and the epochs at which the public networks make it.
struct Known {
    name: &'static str,
    network_version: i64,
    mainnet: i64,
    calibration: i64,
}

const fn known(name: &'static str, network_version: i64, mainnet: i64, calibration: i64) -> Known {
    Known { name, network_version, mainnet, calibration }
}

/// The newest last. Whoever adds one need not know a node that has it.
const KNOWN: [Known; 5] = [
    known("Teep", 25, 4_878_840, 2_523_454),
    known("Tock", 26, 5_138_040, 2_543_614),
    known("GoldenWeek", 27, 5_348_280, 3_007_294),
    known("FireHorse", 28, 6_052_800, 3_694_534),
    known("Solstice", 29, 6_470_279, 4_109_133),
];

/// Lotus' placeholder for the upgrade after the next.
const PLACEHOLDER: &str = "Xx";

/// An upgrade that is ahead, or that the node should have made and does not know.
#[derive(Clone, Debug, PartialEq)]
pub struct Upgrade {
    /// Like `Solstice`.
    pub name: String,
    /// Which network version it brings; None where this release does not know.
    pub network_version: Option<i64>,
    /// The epoch at which it takes place.
    pub height: i64,
    /// Whether the node is set to it.
    pub is_known_to_node: bool,
}

/// Where a network version began or begins on a public network.
pub fn height_of(network_name: Option<&str>, network_version: i64) -> Option<i64> {
    let known = KNOWN.iter().find(|known| known.network_version == network_version)?;
    known.height(network_name)
}

impl Known {
    fn height(&self, network_name: Option<&str>) -> Option<i64> {
        match network_name {
            Some("mainnet") => Some(self.mainnet),
            Some("calibrationnet") => Some(self.calibration),
            _ => None,
        }
    }
}

/// What is next for a node whose head is at a height and has a network version. `told` are the heights that the node is set to, by their
/// names in ForkUpgradeParams; None where it does not tell.
pub fn next(
    told: Option<&BTreeMap<String, i64>>,
    network_name: Option<&str>,
    network_version: Option<i64>,
    head_height: i64,
) -> Vec<Upgrade> {
    let Some(told) = told else { return Vec::new() };
    let name_of = |field: &str| Some(field.strip_prefix("Upgrade")?.strip_suffix("Height")?.to_owned());
    let told: BTreeMap<String, i64> =
        told.iter().filter_map(|(field, height)| Some((name_of(field)?, *height))).collect();
    let ahead = told.iter().filter(|(name, height)| {
        let can_be = head_height < **height && **height <= MAX_HEIGHT;
        can_be && name.as_str() != PLACEHOLDER
    });
    let mut upgrades: Vec<Upgrade> = ahead
        .map(|(name, height)| Upgrade {
            name: name.clone(),
            network_version: KNOWN.iter().find(|known| known.name == name).map(|known| known.network_version),
            height: *height,
            is_known_to_node: true,
        })
        .collect();
    // A node that tells of none tells nothing about those that it lacks; one that made it knows it, whatever it tells.
    let Some(network_version) = network_version.filter(|_| !told.is_empty()) else { return upgrades };
    let lacking =
        KNOWN.iter().filter(|known| known.network_version > network_version && !told.contains_key(known.name));
    upgrades.extend(lacking.filter_map(|known| {
        Some(Upgrade {
            name: known.name.to_owned(),
            network_version: Some(known.network_version),
            height: known.height(network_name)?,
            is_known_to_node: false,
        })
    }));
    upgrades
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(upgrades: &[(&str, i64)]) -> BTreeMap<String, i64> {
        upgrades.iter().map(|(name, height)| ((*name).to_owned(), *height)).collect()
    }

    fn names(upgrades: &[Upgrade]) -> Vec<(&str, Option<i64>, bool)> {
        upgrades.iter().map(|next| (next.name.as_str(), next.network_version, next.is_known_to_node)).collect()
    }

    #[test]
    fn what_the_node_is_set_to() {
        let told = told(&[
            ("UpgradeFireHorseHeight", 6_052_800),
            ("UpgradeSolsticeHeight", 6_470_279),
            ("UpgradeEquinoxHeight", 7_000_000),
            ("UpgradeXxHeight", 9_999_999),
            ("UpgradeNeverHeight", i64::MAX - 1),
            ("BreezeGasTampingDuration", 9_000_000),
        ]);
        let at = |height, version| next(Some(&told), Some("mainnet"), Some(version), height);
        let equinox = ("Equinox", None, true);
        assert_eq!(names(&at(6_470_278, 28)), [equinox, ("Solstice", Some(29), true)]);
        assert_eq!(names(&at(6_470_279, 29)), [equinox]);
        assert_eq!(names(&at(7_000_000, 30)), []);
    }

    #[test]
    fn what_the_node_lacks() {
        let told = told(&[("UpgradeFireHorseHeight", 6_052_800)]);
        let at = |network, version, height| next(Some(&told), Some(network), version, height);
        let ahead = at("mainnet", Some(28), 6_400_000);
        assert_eq!(names(&ahead), [("Solstice", Some(29), false)]);
        assert_eq!(ahead[0].height, 6_470_279);
        // A chain that went on without it is another one.
        assert_eq!(names(&at("mainnet", Some(28), 6_500_000)), [("Solstice", Some(29), false)]);
        assert_eq!(at("calibrationnet", Some(28), 6_100_000)[0].height, 4_109_133);
        assert_eq!(names(&at("mainnet", Some(29), 6_500_000)), [], "it made it");
        assert_eq!(names(&at("a devnet", Some(28), 1)), [("FireHorse", Some(28), true)]);
        assert_eq!(names(&at("mainnet", None, 6_400_000)), []);
        assert_eq!(next(None, Some("mainnet"), Some(28), 6_400_000), []);
        assert_eq!(next(Some(&BTreeMap::new()), Some("mainnet"), Some(28), 6_400_000), []);
    }
}
