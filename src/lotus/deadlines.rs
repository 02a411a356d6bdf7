//! The object in which the chain keeps a miner's deadlines.

use super::epoch::DEADLINES_PER_PERIOD;

/// How many of a CID's last bytes, which are those of its hash, tell it from others.
const BYTES_OF_HASH: usize = 16;

/// What tells the CID of each deadline from others, in their order; the object as ChainReadObj returns it. Builtin-actors' `Deadlines`
/// (actors/miner/src/deadline_state.rs) is in CBOR an array of one array of 48 CIDs, each with tag 42. None for anything else.
pub fn hashes(object: &[u8]) -> Option<Vec<String>> {
    let mut rest = object.strip_prefix(&[0x81, 0x98, DEADLINES_PER_PERIOD as u8])?;
    let mut hashes = Vec::new();
    for _ in 0..DEADLINES_PER_PERIOD {
        let (length, bytes) = rest.strip_prefix(&[0xd8, 0x2a, 0x58])?.split_first()?;
        let cid = bytes.get(..usize::from(*length))?;
        rest = bytes.get(cid.len()..)?;
        let hash = cid.get(cid.len().checked_sub(BYTES_OF_HASH)?..)?;
        hashes.push(hash.iter().map(|byte| format!("{byte:02x}")).collect());
    }
    rest.is_empty().then_some(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(count: u8, last_bytes: impl Fn(u8) -> u8) -> Vec<u8> {
        let mut object = vec![0x81, 0x98, count];
        for index in 0..count {
            object.extend([0xd8, 0x2a, 0x58, 39, 0, 1, 0x71, 0xa0, 0xe4, 2, 0x20]);
            object.extend([7; 31]);
            object.push(last_bytes(index));
        }
        object
    }

    #[test]
    fn each_deadline_has_its_hash() {
        let (before, after) = (object(48, |_| 1), object(48, |index| if index == 5 { 2 } else { 1 }));
        let (before, after) = (hashes(&before).unwrap_or_default(), hashes(&after).unwrap_or_default());
        assert_eq!((before.len(), before.first().map(String::len)), (48, Some(32)));
        let changed: Vec<usize> = (0..48).filter(|index| before.get(*index) != after.get(*index)).collect();
        assert_eq!(changed, [5]);
    }

    #[test]
    fn anything_else_has_none() {
        let whole = object(48, |_| 1);
        let mut longer = whole.clone();
        longer.push(0);
        let mut short_cid = vec![0x81, 0x98, 48];
        short_cid.extend([0xd8, 0x2a, 0x58, 2, 0, 1].repeat(48));
        for object in [&whole[..0], &whole[..700], &whole[..whole.len() - 1], &longer, &object(47, |_| 1), &short_cid] {
            assert_eq!(hashes(object), None);
        }
    }
}
