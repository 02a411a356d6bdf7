//! `init-secrets`: a random password for Grafana's admin, created once.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Report;
use crate::files;
use crate::secret::Secret;
use crate::textfile;

const NAME: &str = "grafana_admin_password";

/// As many characters give 24 * log2(56), more than 139 bits.
const LENGTH: usize = 24;

/// A password of somebody's own may be shorter, but not as short as this.
const SHORTEST: usize = 8;

/// Letters and digits without those that are taken for each other: 0 and O, 1, l and I, o.
const ALPHABET: &[u8; 56] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz";

/// Makes the password in `folder`, unless a good one is there.
///
/// # Errors
///
/// The existing one is unusable, or none can be created. The message names the file and what to do.
pub fn run(folder: &Path) -> Result<Report> {
    let path = folder.join(NAME);
    let file = path.display();
    let done = match files::read_configuration(&path) {
        Ok(text) => {
            let characters = text.trim().chars().count();
            if characters < SHORTEST {
                let what = if characters == 0 { "is empty" } else { "holds a password that is too short" };
                bail!(
                    "{file} {what}: remove it to get a random one, or write one of at least {SHORTEST} characters to it"
                );
            }
            format!("{file} exists already, with the password of Grafana's user admin")
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let password = random_password()?;
            textfile::replace(&path, format!("{}\n", password.reveal()).as_bytes(), 0o400)?;
            format!("created {file}, with a random password for Grafana's user admin")
        }
        Err(error) => {
            bail!("{file} cannot be used ({error}): remove it to get a random password, or let this user read it")
        }
    };
    let how = format!("read it with: docker compose exec grafana cat {file}");
    Ok(Report { done: vec![done, how], wrong: Vec::new() })
}

fn random_password() -> Result<Secret> {
    let source = "/dev/urandom";
    let mut password = String::new();
    while password.len() < LENGTH {
        let mut bytes = [0; LENGTH];
        File::open(source)
            .and_then(|mut file| file.read_exact(&mut bytes))
            .with_context(|| format!("{source} cannot be read"))?;
        password.extend(bytes.into_iter().filter_map(character).take(LENGTH - password.len()));
    }
    Ok(Secret::new(password))
}

/// The character for a random byte, or none: bytes past the last whole round of the alphabet would favour its beginning.
fn character(byte: u8) -> Option<char> {
    let (byte, length) = (usize::from(byte), ALPHABET.len());
    (byte < 256 / length * length).then(|| char::from(ALPHABET[byte % length]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_as_likely_as_any_other() {
        let drawn: Vec<char> = (0..=255).filter_map(character).collect();
        assert_eq!(drawn.len(), 4 * ALPHABET.len());
        for letter in ALPHABET {
            assert_eq!(drawn.iter().filter(|drawn| **drawn == char::from(*letter)).count(), 4);
        }
    }
}
