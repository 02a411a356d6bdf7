//! The alerts' thresholds, read from the rules that this binary carries, so that `check` and `status` judge by the same ones. Only
//! Prometheus knows what a user sets in own.yaml.

use anyhow::{Context, Result};

use crate::bundle;

const PATH: &str = "compose/prometheus/rules/thresholds.yaml";

/// Every threshold of the alerts.
pub struct Thresholds {
    all: Vec<Threshold>,
}

struct Threshold {
    alert: String,
    severity: String,
    /// Tells several numbers of one alert and severity apart; mostly empty.
    of: String,
    value: f64,
}

impl Thresholds {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// The suite in this binary is damaged.
    pub fn read() -> Result<Thresholds> {
        let text = String::from_utf8(bundle::file(PATH)?).context(PATH)?;
        Ok(Thresholds { all: parse(&text) })
    }

    /// The threshold of an alert in a severity, `of` empty where there is only one. None where the rules have no such threshold.
    pub fn get(&self, alert: &str, severity: &str, of: &str) -> Option<f64> {
        let is_it = |known: &&Threshold| known.alert == alert && known.severity == severity && known.of == of;
        self.all.iter().find(is_it).map(|known| known.value)
    }
}

/// A rule is a line that ends in `or vector(VALUE)`, and the line after it, with the labels.
fn parse(text: &str) -> Vec<Threshold> {
    let lines = || text.lines().map(str::trim);
    lines()
        .zip(lines().skip(1))
        .filter_map(|(rule, labels)| {
            let value = rule.strip_prefix("expr:")?.rsplit_once("or vector(")?.1.strip_suffix(')')?;
            let labels = labels.strip_prefix("labels: {")?.strip_suffix('}')?;
            let label = |name: &str| {
                let mut pairs = labels.split(", ").filter_map(|pair| pair.split_once(": "));
                pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
            };
            Some(Threshold {
                alert: label("alert")?,
                severity: label("severity")?,
                of: label("of").unwrap_or_default(),
                value: value.parse().ok()?,
            })
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_threshold_of_the_rules_is_read() {
        let text = String::from_utf8(bundle::file(PATH).unwrap()).unwrap();
        let thresholds = Thresholds::read().unwrap();
        assert_eq!(thresholds.all.len(), text.matches("- record:").count());
        assert_eq!(thresholds.get("FarcasterChainBehind", "critical", ""), Some(20.0));
        assert_eq!(thresholds.get("FarcasterBlocksOrphaned", "warning", "share"), Some(0.1));
        assert_eq!(thresholds.get("FarcasterChainBehind", "info", ""), None);
    }
}
