//! What a token grants, according to itself: the middle of a JWT of Lotus or Forest is `{"Allow": ["read", …]}`. Nobody is asked, and the
//! signature is the node's to check.

use serde::Deserialize;

use crate::secret::Secret;

/// What a node lets the exporter do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Granted {
    /// Everything: nobody is asked for a token.
    Everything,
    /// What a node grants everyone, without a token.
    Anonymous,
    /// What the token states; None if it states nothing.
    Token(Option<Vec<String>>),
}

impl Granted {
    /// Reads it from a token.
    pub fn by(token: &Secret) -> Granted {
        Granted::Token(allowed(token.reveal()))
    }
}

fn allowed(token: &str) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Payload {
        #[serde(rename = "Allow")]
        allow: Vec<String>,
    }
    let payload = token.split('.').nth(1)?;
    let payload: Payload = serde_json::from_slice(&from_base64(payload)?).ok()?;
    // Whatever else stands there is not to be printed.
    let known = ["read", "write", "sign", "admin"];
    Some(
        known
            .into_iter()
            .filter(|name| payload.allow.iter().any(|allowed| allowed == name))
            .map(str::to_owned)
            .collect(),
    )
}

/// Base64 of RFC 4648, of section 4 or 5, without padding or with it.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(six)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_shows_what_it_grants() {
        let of = |middle: &str| Granted::by(&Secret::new(format!("eyJhbGciOiJIUzI1NiJ9.{middle}.c2ln")));
        let is = |names: &[&str]| Granted::Token(Some(names.iter().map(|name| (*name).to_owned()).collect()));
        assert_eq!(of("eyJBbGxvdyI6WyJyZWFkIiwid3JpdGUiXX0"), is(&["read", "write"]));
        assert_eq!(of("eyJBbGxvdyI6WyJyZWFkIiwid3JpdGUiXX0="), is(&["read", "write"]));
        assert_eq!(of("eyJBbGxvdyI6W119"), is(&[]));
        // {"Allow":["admin","a secret"]}
        assert_eq!(of("eyJBbGxvdyI6WyJhZG1pbiIsImEgc2VjcmV0Il19"), is(&["admin"]));
        for other in ["", "made-up-for-admin", "e30", "eyJBbGxvdyI6MX0", "!", "\u{e9}"] {
            assert_eq!(of(other), Granted::Token(None), "{other}");
        }
        assert_eq!(Granted::by(&Secret::new("opaque")), Granted::Token(None));
    }
}
