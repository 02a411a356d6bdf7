//! A miner's vesting table: three quarters of what a block brings come free over 180 days, twice a day.
//!
//! The table is VestingFunds in actors/miner/src/vesting_state.rs of builtin-actors (v16 and later): its first entry stands in the miner's
//! state, the others in an object of their own, a list of epochs and amounts in CBOR (RFC 8949).

use super::fil::Fil;

/// Entries in a table at most: 180 days of two, and some more for periods of the past.
const MAX_ENTRIES: u64 = 1000;

/// An amount that comes free once an epoch is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fund {
    /// The epoch.
    pub epoch: i64,
    /// The amount.
    pub amount: Fil,
}

/// Reads a table's other entries. None where the object is something else.
pub fn read_tail(object: &[u8]) -> Option<Vec<Fund>> {
    let mut cbor = Cbor { rest: object };
    let count = cbor.head(LIST)?;
    if count > MAX_ENTRIES {
        return None;
    }
    let funds = (0..count).map(|_| cbor.fund()).collect::<Option<Vec<Fund>>>()?;
    cbor.rest.is_empty().then_some(funds)
}

/// Major types of CBOR.
const NATURAL: u8 = 0;
const BYTES: u8 = 2;
const LIST: u8 = 4;

/// What is left to read of an object.
struct Cbor<'a> {
    rest: &'a [u8],
}

impl Cbor<'_> {
    fn fund(&mut self) -> Option<Fund> {
        if self.head(LIST)? != 2 {
            return None;
        }
        let epoch = i64::try_from(self.head(NATURAL)?).ok()?;
        let length = usize::try_from(self.head(BYTES)?).ok()?;
        let amount = amount(self.take(length)?)?;
        Some(Fund { epoch, amount })
    }

    /// The number that an item of this type begins with: itself, or its length.
    fn head(&mut self, major_type: u8) -> Option<u64> {
        let &[first] = self.take(1)? else { return None };
        if first >> 5 != major_type {
            return None;
        }
        let length = match first & 0x1f {
            small @ 0..=23 => return Some(small.into()),
            exponent @ 24..=27 => 1_usize << (exponent - 24),
            _ => return None,
        };
        Some(self.take(length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn take(&mut self, length: usize) -> Option<&[u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}

/// An amount as Filecoin writes big numbers: nothing for 0, otherwise 0 for a positive one and its bytes, the highest first.
fn amount(bytes: &[u8]) -> Option<Fil> {
    let magnitude = match bytes {
        [] => return Some(Fil::default()),
        [0, magnitude @ ..] if magnitude.len() < 16 => magnitude,
        _ => return None,
    };
    let atto = magnitude.iter().fold(0, |number: i128, byte| number << 8 | i128::from(*byte));
    Some(Fil { atto }).filter(|amount| amount.can_exist())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// `[[6570000, 1.5 FIL], [6571440, 0]]`, by hand: 6570000 is 0x644010, 6571440 is 0x6445b0, and 1.5e18 is 0x14d1120d7b160000.
    const TAIL: [u8; 23] = [
        0x82, 0x82, 0x1a, 0x00, 0x64, 0x40, 0x10, 0x49, 0x00, 0x14, 0xd1, 0x12, 0x0d, 0x7b, 0x16, 0x00, 0x00, 0x82,
        0x1a, 0x00, 0x64, 0x45, 0xb0,
    ];

    fn tail() -> Vec<u8> {
        [&TAIL[..], &[0x40]].concat()
    }

    #[test]
    fn a_table_is_read() {
        let funds = read_tail(&tail()).unwrap();
        let one_and_a_half = Fil { atto: 1_500_000_000_000_000_000 };
        assert_eq!(
            funds,
            [Fund { epoch: 6_570_000, amount: one_and_a_half }, Fund { epoch: 6_571_440, amount: Fil::default() }]
        );
        assert_eq!(read_tail(&[0x80]), Some(vec![]));
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let whole = tail();
        for length in 0..whole.len() {
            assert_eq!(read_tail(&whole[..length]), None, "{length} bytes of it");
        }
        let changed = |at: usize, byte: u8| {
            let mut other = whole.clone();
            other[at] = byte;
            read_tail(&other)
        };
        assert_eq!(read_tail(&[&whole[..], &[0]].concat()), None, "more than it says");
        assert_eq!(changed(0, 0xa2), None, "a dictionary");
        assert_eq!(changed(1, 0x83), None, "three parts");
        assert_eq!(changed(2, 0x3a), None, "an epoch below 0");
        assert_eq!(changed(8, 0x01), None, "an amount below 0");
        // More FIL than there are, and more entries than a table has.
        assert_eq!(read_tail(&[&[0x81, 0x82, 0x01, 0x4e, 0x00][..], &[0xff; 13]].concat()), None);
        assert_eq!(read_tail(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
