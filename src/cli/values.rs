//! What the values of options have to be.

use std::str::FromStr;
use std::time::Duration;

/// What a value has to be, as messages name it, and the function that reads it.
pub type Reader<T> = (&'static str, fn(&str) -> Option<T>);

pub const DURATION: Reader<Duration> =
    ("a duration like 30s, 1m30s, 1h, 2d or 500ms, more than zero and at most 7d", duration);
pub const MINER_ID: Reader<String> = ("a miner id like f01234", miner_id);
pub const ROWS: Reader<usize> = ("a whole number, 0 or more", whole_number);
pub const PORT: Reader<u16> = ("a port from 1 to 65535", port);
pub const COLUMNS: Reader<usize> = ("a number of columns from 60 to 200", columns);
pub const SECTORS: Reader<u64> = ("a number of sectors from 1 to 2000000", demo_sectors);
pub const MINERS: Reader<usize> = ("a number of miners from 1 to 200", demo_miners);
pub const LABELS: Reader<String> = ("labels like job=\"farcaster\",instance=\"local\"", labels);
pub const URL: Reader<String> = ("a URL like http://HOST:PORT", url);

fn url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:/[]".contains(c);
    (rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[') && rest.chars().all(is_plain))
        .then(|| text.to_owned())
}

fn port(text: &str) -> Option<u16> {
    whole_number(text).filter(|port| *port > 0)
}

fn duration(text: &str) -> Option<Duration> {
    let bare_seconds = format!("{text}s");
    let mut rest = match whole_number::<u64>(text) {
        Some(_) => &bare_seconds,
        None => text,
    };
    let mut milliseconds: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let unit_end = after.find(|c: char| c.is_ascii_digit());
        let (unit, after) = after.split_at(unit_end.unwrap_or(after.len()));
        let unit_milliseconds = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 24 * 3_600_000,
            _ => return None,
        };
        let part = whole_number::<u64>(number)?.checked_mul(unit_milliseconds)?;
        milliseconds = milliseconds.checked_add(part)?;
        rest = after;
    }
    let allowed = (1..=7 * 24 * 3_600_000).contains(&milliseconds);
    allowed.then(|| Duration::from_millis(milliseconds))
}

/// A number of digits only: the standard parser would take a sign as well.
fn whole_number<N: FromStr>(text: &str) -> Option<N> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// A miner's id address without leading zeros. The network's letter stays as typed.
fn miner_id(text: &str) -> Option<String> {
    ["f0", "t0"].into_iter().find_map(|prefix| {
        let id: u64 = whole_number(text.strip_prefix(prefix)?)?;
        Some(format!("{prefix}{id}"))
    })
}

fn columns(text: &str) -> Option<usize> {
    whole_number(text).filter(|columns| (60..=200).contains(columns))
}

/// More than a run could answer for in its time and in a usual machine's memory: a million takes seconds and 1.5 GB.
fn demo_sectors(text: &str) -> Option<u64> {
    whole_number(text).filter(|sectors| (1..=2_000_000).contains(sectors))
}

fn demo_miners(text: &str) -> Option<usize> {
    whole_number(text).filter(|miners| (1..=200).contains(miners))
}

fn labels(text: &str) -> Option<String> {
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    let is_label = |label: &str| {
        let value = label.split_once('=').filter(|(name, _)| is_word(name)).map(|(_, value)| value);
        value.and_then(|value| value.strip_prefix('"')?.strip_suffix('"')).is_some_and(is_plain)
    };
    text.split(',').all(is_label).then(|| text.to_owned())
}

/// A refused value as a message may repeat it. Logs outlive the mistake of passing an API info
/// string where a value belongs, so what looks like one (a token, an address) stays out.
pub fn shown(value: &str) -> String {
    if value.len() > 60 || value.contains([':', '@']) {
        let characters = value.chars().count();
        format!("a text of {characters} characters (not repeated here)")
    } else {
        format!("{value:?}")
    }
}
