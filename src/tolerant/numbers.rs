//! Numbers as Go and its relatives write them in JSON: bare, or as strings.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::Problems;

/// A whole number, written as a number or as a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Int(pub i128);

impl Int {
    /// The number, where it is not negative and fits.
    pub fn to_u64(self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }

    /// The number, where it is not negative and fits; any other is reported under its name.
    pub fn natural(self, name: &str, problems: &mut Problems) -> Option<u64> {
        let number = self.to_u64();
        if number.is_none() {
            problems.note(format_args!("{name}: {} is not a possible count", self.0));
        }
        number
    }
}

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Int;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Int, E> {
                Ok(Int(value.into()))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Int, E> {
                Ok(Int(value.into()))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Int, E> {
                if value.fract() == 0.0 && value.abs() < 1e30 {
                    Ok(Int(value as i128))
                } else {
                    Err(E::custom(format!("{value} is not a whole number")))
                }
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Int, E> {
                value.parse().map(Int).map_err(|_| E::custom("a string that is not a whole number"))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// A number that may have a fraction, written as a number or as a string; never infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Float(pub f64);

impl<'de> Deserialize<'de> for Float {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Float;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Float, E> {
                Ok(Float(value as f64))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Float, E> {
                Ok(Float(value as f64))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Float, E> {
                Ok(Float(value))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Float, E> {
                match value.parse::<f64>() {
                    Ok(number) if number.is_finite() => Ok(Float(number)),
                    _ => Err(E::custom("a string that is not a number")),
                }
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// Counts the elements of a list without keeping them; null is an empty list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count(pub u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list or null")
            }
            fn visit_unit<E: Error>(self) -> Result<Count, E> {
                Ok(Count(0))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Count, A::Error> {
                let mut count = 0;
                while access.next_element::<serde::de::IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Count(count))
            }
        }
        deserializer.deserialize_any(Elements)
    }
}
