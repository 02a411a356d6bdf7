//! Names for known addresses, and wallets to watch, from a file of the operator's: `{"names": {"f01777": "Client"}, "watch": ["f1…"]}`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::files;
use crate::lotus::address;

const EXPECTED: &str = r#"{"names": {ADDRESS: NAME}, "watch": [ADDRESS]}"#;

/// What the operator knows about addresses. Empty if there is no file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AddressBook {
    names: BTreeMap<String, String>,
    watch: Vec<String>,
}

impl AddressBook {
    /// Reads the file. What is wrong with single entries, which are left out, is returned in words.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not an address book at all.
    pub fn read(path: &Path) -> Result<(Self, Vec<String>)> {
        let file = format!("address book {}", path.display());
        let text = files::read_configuration(path).with_context(|| format!("{file}: cannot read it"))?;
        let fields = parse(&text).with_context(|| format!("{file}: expected {EXPECTED}"))?;
        let mut book = AddressBook::default();
        let mut problems = Vec::new();
        for (field, value) in fields {
            match (field.as_str(), value) {
                ("names", Value::Object(names)) => book.add_names(names, &mut problems),
                ("watch", Value::Array(addresses)) => book.add_watched(addresses, &mut problems),
                ("names" | "watch", Value::Null) => {}
                ("names" | "watch", _) => problems.push(format!("{field:?} has the wrong shape: expected {EXPECTED}")),
                _ => problems.push(format!("unknown field {field:?}: expected {EXPECTED}")),
            }
        }
        let problems = problems.into_iter().map(|problem| format!("{file}: {problem}; left out")).collect();
        Ok((book, problems))
    }

    fn add_names(&mut self, names: Map<String, Value>, problems: &mut Vec<String>) {
        for (address, name) in names {
            match name {
                Value::String(_) if !address::is_address(&address) => problems.push(not_an_address(&address)),
                Value::String(name) => drop(self.names.insert(address, name)),
                _ => problems.push(format!("the name of {address:?} is not text in quotes")),
            }
        }
    }

    fn add_watched(&mut self, addresses: Vec<Value>, problems: &mut Vec<String>) {
        for address in addresses {
            match address {
                Value::String(address) if address::is_address(&address) => self.watch.push(address),
                Value::String(address) => problems.push(not_an_address(&address)),
                other => problems.push(not_an_address(&other.to_string())),
            }
        }
    }

    /// The name given to the first of these addresses that has one.
    pub fn name(&self, addresses: &[&str]) -> Option<&str> {
        let named = addresses.iter().find_map(|address| self.names.get(*address));
        named.map(String::as_str)
    }

    /// Addresses whose balance is published although no node or miner here has them.
    pub fn watched(&self) -> &[String] {
        &self.watch
    }
}

fn not_an_address(text: &str) -> String {
    format!("{text:?} is not an address like f01234 or f1…")
}

/// The fields of the file.
fn parse(text: &str) -> Result<Map<String, Value>> {
    match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => bail!("it is JSON, but not an object"),
        Err(_) if is_toml(text) => bail!("this is TOML, and the address book is JSON"),
        Err(error) => Err(anyhow!(error)),
    }
}

/// Whether the first line with content is TOML: a section, or a key with a value.
fn is_toml(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let is_key = |key: &str| key.trim().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.\"'".contains(&b));
    lines.next().is_some_and(|line| {
        let is_section =
            line.starts_with('[') && line.trim_end_matches(']').len() > 1 && !line.contains(['"', '{', ',']);
        is_section || (!line.starts_with('{') && line.split_once('=').is_some_and(|(key, _)| is_key(key)))
    })
}
