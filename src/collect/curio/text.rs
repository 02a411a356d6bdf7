//! What Curio writes for people: durations, amounts, addresses of machines and miners.

use crate::lotus::address;
use crate::tolerant::Problems;

/// Seconds of a duration as Go writes it: `2h6m30s`, `15ms`, `-1s`.
pub fn seconds(text: &str) -> Option<f64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let mut sum = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "µs" | "μs" | "us" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * unit;
        rest = after;
    }
    Some(sign * sum)
}

/// An amount as Lotus shortens it, of three decimals: `1726.265 FIL`, `1.983 μFIL`, `0`.
pub fn short_fil(text: &str) -> Option<f64> {
    if text == "0" {
        return Some(0.0);
    }
    let (number, unit) = text.split_once(' ')?;
    let scale = match unit.strip_suffix("FIL")? {
        "" => 1.0,
        "m" => 1e-3,
        "μ" | "µ" => 1e-6,
        "n" => 1e-9,
        "p" => 1e-12,
        "f" => 1e-15,
        "a" => 1e-18,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * scale).filter(|amount| amount.is_finite())
}

/// `0`, or `12.50 USDFC`. A dash is an answer that Curio did not believe.
pub fn usdfc(text: &str) -> Option<f64> {
    let number = text.strip_suffix(" USDFC").unwrap_or(text);
    number.parse::<f64>().ok().filter(|amount| amount.is_finite())
}

/// The host of `host:port`.
pub fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

/// The miner that a row of an answer is about. A row that does not tell is noted: what is known of the miners is not whole then.
pub fn miner_of(miner: Option<String>, method: &str, problems: &mut Problems) -> Option<String> {
    let miner = miner.filter(|miner| address::actor_id(miner).is_some());
    if miner.is_none() {
        problems.note(format_args!("{method}[]: a row without a miner"));
    }
    miner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, is) in
            [("43s", 43.0), ("4m16s", 256.0), ("2h6m30s", 7590.0), ("27h0m0s", 97_200.0), ("0s", 0.0), ("2.35s", 2.35)]
        {
            assert_eq!(seconds(text), Some(is), "{text}");
        }
        assert_eq!(seconds("15ms"), Some(0.015));
        assert_eq!(seconds("-1m1s"), Some(-61.0));
        for other in ["", "s", "12", "3 days", "1w", "-", "1.2.3s"] {
            assert_eq!(seconds(other), None, "{other}");
        }
    }

    #[test]
    fn short_amounts_have_units() {
        assert_eq!(short_fil("1726.265 FIL"), Some(1726.265));
        assert_eq!(short_fil("0"), Some(0.0));
        assert!((short_fil("1.983 μFIL").unwrap_or_default() - 1.983e-6).abs() < 1e-12);
        assert!((short_fil("238.419 nFIL").unwrap_or_default() - 238.419e-9).abs() < 1e-15);
        for other in ["", "1", "1 USD", "1 xFIL", "x FIL", "inf FIL"] {
            assert_eq!(short_fil(other), None, "{other}");
        }
        assert_eq!((usdfc("0 USDFC"), usdfc("— USDFC"), usdfc("12.50 USDFC")), (Some(0.0), None, Some(12.5)));
    }
}
