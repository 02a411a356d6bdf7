//! Values in the text forms that Lotus' JSON has: times, content identifiers, addresses, peer ids, bitfields.
//! Identifiers are derived from a hash; they have the right form and length, and refer to nothing.

use std::ops::Range;

use serde_json::{Value, json};

use super::noise::splitmix64;
use crate::lotus::epoch::civil_date;

/// RFC 3339 with nine digits of a second. The offset is whole hours east of UTC, 0 being written `Z`.
pub(super) fn rfc3339(unix_seconds: f64, offset_hours: i64) -> String {
    let nanoseconds = (unix_seconds * 1e9) as i64 + offset_hours * 3_600_000_000_000;
    let seconds = nanoseconds.div_euclid(1_000_000_000);
    let (days, second_of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_date(days);
    let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
    let fraction = nanoseconds.rem_euclid(1_000_000_000);
    let zone = match offset_hours {
        0 => "Z".to_owned(),
        hours => format!("{hours:+03}:00"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:09}{zone}")
}

/// What a content identifier names: its codec and hash function, which give the text its first letters.
#[derive(Clone, Copy)]
pub(super) enum Cid {
    /// A block, message or state root: `bafy2bzace…`.
    Chain,
    /// The code of an actor: `bafk2bzace…`.
    Code,
    /// A piece or CommD: `baga6ea4seaq…`.
    Piece,
    /// A sealed sector, CommR: `bagboea4b5abc…`.
    Sealed,
}

/// A content identifier as Lotus' JSON writes it: `{"/": "bafy…"}`.
pub(super) fn cid(kind: Cid, hash: u64) -> Value {
    let mut raw: Vec<u8> = match kind {
        Cid::Chain => vec![0x01, 0x71, 0xa0, 0xe4, 0x02, 0x20],
        Cid::Code => vec![0x01, 0x55, 0xa0, 0xe4, 0x02, 0x20],
        Cid::Piece => vec![0x01, 0x81, 0xe2, 0x03, 0x92, 0x20, 0x20],
        Cid::Sealed => vec![0x01, 0x82, 0xe2, 0x03, 0x81, 0xe8, 0x02, 0x20],
    };
    raw.extend(bytes(hash, 32));
    json!({ "/": format!("b{}", encode(&raw, 5, b"abcdefghijklmnopqrstuvwxyz234567")) })
}

/// An address of a protocol other than 0: `f1…` and `f2…` have 41 characters, `f3…` has 86.
pub(super) fn address(protocol: u8, hash: u64) -> String {
    let length = if protocol == 3 { 52 } else { 24 };
    let body = encode(&bytes(hash, length), 5, b"abcdefghijklmnopqrstuvwxyz234567");
    format!("f{protocol}{body}")
}

/// A libp2p peer id.
pub(super) fn peer_id(hash: u64) -> String {
    const BASE58: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let body = bytes(hash, 44).into_iter().map(|byte| char::from(BASE58[usize::from(byte) % 58]));
    body.fold("12D3KooW".to_owned(), |mut id, letter| {
        id.push(letter);
        id
    })
}

/// A random UUID.
pub(super) fn uuid(hash: u64) -> String {
    let low = splitmix64(hash);
    let (time, version) = (hash >> 16, hash & 0xfff);
    let (variant, node) = (low >> 48 & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
    format!("{:08x}-{:04x}-4{version:03x}-{variant:04x}-{node:012x}", time >> 16, time & 0xffff)
}

/// `length` bytes as Go writes a byte slice: base64 with padding.
pub(super) fn base64(hash: u64, length: usize) -> String {
    base64_of(&bytes(hash, length))
}

/// Bytes likewise.
pub(super) fn base64_of(bytes: &[u8]) -> String {
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = encode(bytes, 6, BASE64);
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// A bitfield of the numbers in `runs` (ascending, apart from each other), as Lotus writes it: lengths of runs of zeros
/// and ones in turn, starting with zeros; empty is `[0]`.
pub(super) fn bitfield(runs: &[Range<u64>]) -> Value {
    let mut lengths = Vec::with_capacity(2 * runs.len() + 1);
    let mut end = 0;
    for run in runs.iter().filter(|run| !run.is_empty()) {
        if run.start == end && !lengths.is_empty() {
            if let Some(ones) = lengths.last_mut() {
                *ones += run.end - run.start;
            }
        } else {
            lengths.extend([run.start - end, run.end - run.start]);
        }
        end = run.end;
    }
    if lengths.is_empty() {
        lengths.push(0);
    }
    json!(lengths)
}

/// `length` bytes that depend on `hash` only.
fn bytes(hash: u64, length: usize) -> Vec<u8> {
    (0u64..).flat_map(|i| splitmix64(hash ^ splitmix64(i)).to_be_bytes()).take(length).collect()
}

/// Groups of `bits` bits, most significant first, each as one letter of the alphabet; no padding.
fn encode(bytes: &[u8], bits: u32, alphabet: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    let (mut buffer, mut held) = (0u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        held += 8;
        while held >= bits {
            held -= bits;
            text.push(char::from(alphabet[(buffer >> held) as usize]));
            buffer &= (1 << held) - 1;
        }
    }
    if held > 0 {
        text.push(char::from(alphabet[(buffer << (bits - held)) as usize]));
    }
    text
}
