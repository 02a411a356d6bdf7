//! What a token grants, according to itself: the middle of a JWT of Lotus or Forest is `{"Allow": ["read", …]}`. Nobody is asked, and the
//! signature is the node's to check.

use serde::Deserialize;

use crate::base64;
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
    let payload: Payload = serde_json::from_slice(&base64::decode(payload)?).ok()?;
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
