//! A text that must never be printed: an API token, or the user and password of a URL.

use std::fmt;

/// A secret. `Debug` hides it, there is no `Display`, and [`Secret::reveal`] is the only way to read it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` without the whitespace around it, such as the newline at the end of a token file.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().trim().to_owned())
    }

    /// The secret itself, to be sent to the node that it belongs to and nowhere else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_it_at_any_depth() {
        let nested = Some(vec![Secret::new("eyJhbGciOi")]);
        assert_eq!(format!("{nested:?}"), "Some([[secret]])");
        assert!(!format!("{nested:#?}").contains("eyJ"));
    }

    #[test]
    fn reveals_what_was_given_without_surrounding_whitespace() {
        assert_eq!(Secret::new(String::from(" a.b.c\r\n")).reveal(), "a.b.c");
    }
}
