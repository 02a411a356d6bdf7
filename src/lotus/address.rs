//! Filecoin addresses, as far as monitoring needs them: ids (`f01234`) and what merely looks like an address.

/// The number in an id address like `f01234` (`t01234` on test networks).
pub fn actor_id(address: &str) -> Option<u64> {
    let digits = address.strip_prefix("f0").or_else(|| address.strip_prefix("t0"))?;
    // `parse` would take a sign, too.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Whether two addresses are the same but for the network's prefix letter.
pub fn same(a: &str, b: &str) -> bool {
    fn body(address: &str) -> &str {
        address.get(1..).unwrap_or_default()
    }
    a == b || (!body(a).is_empty() && body(a) == body(b) && a.len() == b.len())
}

/// Whether Lotus could mean this as an address: the network's letter, the protocol (0 to 4), and what it makes of the address. `<empty>` is how
/// it writes none.
pub fn is_address(text: &str) -> bool {
    match text.as_bytes() {
        [b'f' | b't', b'0', ..] => actor_id(text).is_some(),
        [b'f' | b't', b'1'..=b'4', rest @ ..] => !rest.is_empty() && rest.iter().all(u8::is_ascii_alphanumeric),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_digits() {
        assert_eq!(actor_id("f01234"), Some(1234));
        assert_eq!(actor_id("t00"), Some(0));
        for no_id in
            ["f0", "f0+23", "f0-23", "f0 23", "f0x17", "f1234", "F01234", "f018446744073709551616", "f0\u{663}", ""]
        {
            assert_eq!(actor_id(no_id), None, "{no_id}");
        }
    }

    #[test]
    fn valid_and_invalid_addresses() {
        for address in [
            "f01234",
            "t3sfo2jcdfqllsmyupcflj45umqodpa7rswpiuoqc62asu7uu5h7bt7hdhyx3r4jd3kglr7bbvz4jaeg2maqsq",
            "f1abjxfbp274xpdqcpuaykwkfb43omjotacm2p3za",
            "f2plku564ddywnmb5b2ky7dhk4mb6uacsxuuev3pi",
            "f410fkkld55ioe7qg24wvt7fu6pbknb56ht7pt4zamxa",
        ] {
            assert!(is_address(address), "{address}");
        }
        for nonsense in [
            "<empty>", "", "f", "f0", "f1", "fnord", "f0+23", "f0abc", "f5abc", "a01234", "F01234", "f1a b", "f1a\"b",
            "f1ä",
        ] {
            assert!(!is_address(nonsense), "{nonsense}");
        }
    }

    #[test]
    fn networks_differ_only_in_the_letter() {
        assert!(same("f01234", "t01234") && !same("f01234", "f01235"));
        assert!(!same("f", "t"));
    }
}
