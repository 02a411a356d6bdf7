//! Filecoin addresses, as far as monitoring needs them: ids (`f01234`) and what merely looks like an address.

/// The number in an id address like `f01234` (`t01234` on test networks).
pub fn actor_id(address: &str) -> Option<u64> {
    let digits = address.strip_prefix("f0").or_else(|| address.strip_prefix("t0"))?;
    digits.parse().ok()
}

/// Whether two addresses are the same but for the network's prefix letter.
pub fn same(a: &str, b: &str) -> bool {
    fn body(address: &str) -> &str {
        address.get(1..).unwrap_or_default()
    }
    a == b || (!body(a).is_empty() && body(a) == body(b) && a.len() == b.len())
}

/// Whether Lotus could mean this as an address. `<empty>` is how it writes none.
pub fn is_address(text: &str) -> bool {
    (text.starts_with('f') || text.starts_with('t'))
        && text.len() > 2
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
