//! Amounts of FIL, exact to the attoFIL as Lotus answers them.

use std::iter::Sum;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::tolerant::Int;

/// All FIL that there will ever be: two billion.
pub const ALL_FIL: f64 = 2e9;

const ATTO_PER_FIL: u128 = 1_000_000_000_000_000_000;

/// An amount in attoFIL. There will never be more than [`Fil::ALL`], so an `i128` holds any sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fil {
    /// The whole amount in attoFIL; negative amounts exist (debts, differences).
    pub atto: i128,
}

impl Fil {
    /// All of it, [`ALL_FIL`].
    pub const ALL: Fil = Fil { atto: ALL_FIL as i128 * ATTO_PER_FIL as i128 };

    /// Whether there can be as much of it, owned or owed.
    pub fn can_exist(self) -> bool {
        self.atto.unsigned_abs() <= Fil::ALL.atto.unsigned_abs()
    }

    /// The amount in FIL, as the float nearest to the exact value.
    pub fn to_f64(self) -> f64 {
        let sign = if self.atto < 0 { "-" } else { "" };
        let atto = self.atto.unsigned_abs();
        // Parsing rounds once and correctly; dividing floats would round three times.
        let decimal = format!("{sign}{}.{:018}", atto / ATTO_PER_FIL, atto % ATTO_PER_FIL);
        decimal.parse().unwrap_or(f64::NAN)
    }
}

impl Sum for Fil {
    fn sum<I: Iterator<Item = Fil>>(amounts: I) -> Fil {
        Fil { atto: amounts.map(|amount| amount.atto).sum() }
    }
}

impl std::ops::AddAssign for Fil {
    fn add_assign(&mut self, other: Fil) {
        self.atto += other.atto;
    }
}

impl Serialize for Fil {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.atto)
    }
}

impl<'de> Deserialize<'de> for Fil {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Int(atto) = Int::deserialize(deserializer)?;
        Some(Fil { atto }).filter(|fil| fil.can_exist()).ok_or_else(|| Error::custom("more FIL than can exist"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn fil(json: &str) -> f64 {
        serde_json::from_str::<Fil>(json).unwrap().to_f64()
    }

    #[test]
    fn amounts_keep_what_a_float_can_hold() {
        assert_eq!(fil(r#""1""#), 1e-18);
        assert_eq!(fil(r#""66268000000000000000""#), 66.268);
        assert_eq!(fil(r#""123456789012345678901234567""#), 123_456_789.012_345_67);
        assert_eq!(fil(r#""-500000000000000000""#), -0.5);
        assert_eq!(fil("100"), 1e-16);
    }

    #[test]
    fn amounts_are_remembered_to_the_atto() {
        let amount = Fil { atto: 123_456_789_012_345_678_901_234_567 };
        let json = serde_json::to_string(&amount).unwrap();
        assert_eq!(serde_json::from_str::<Fil>(&json).unwrap(), amount);
    }

    #[test]
    fn what_is_not_an_amount_is_refused() {
        for json in [r#""1.5""#, r#""""#, r#""1e18""#, "null", "{}"] {
            assert!(serde_json::from_str::<Fil>(json).is_err(), "{json}");
        }
        let all = Fil::ALL.atto;
        for (atto, is_some) in
            [(all, true), (-all, true), (all + 1, false), (-all - 1, false), (i128::MAX, false), (i128::MIN, false)]
        {
            assert_eq!(serde_json::from_str::<Fil>(&format!("\"{atto}\"")).is_ok(), is_some, "{atto}");
        }
    }
}
