//! Names for known addresses, and wallets to watch, from a file of the operator's: `{"names": {"f01777": "Client"}, "watch": ["f1…"]}`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Error, Result};
use serde::Deserialize;

use crate::lotus::address;
use crate::tolerant;

/// What the operator knows about addresses. Empty where there is no file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AddressBook {
    names: BTreeMap<String, String>,
    watch: Vec<String>,
}

impl AddressBook {
    /// Reads the file. An error says what is wrong with it.
    pub fn read(path: &Path) -> Result<Self> {
        let file = || format!("address book {}", path.display());
        let text = std::fs::read_to_string(path).with_context(|| format!("{}: cannot read it", file()))?;
        let book: AddressBook = tolerant::from_json(text.as_bytes())
            .map_err(Error::msg)
            .with_context(|| format!("{}: expected {{\"names\": {{ADDRESS: NAME}}, \"watch\": [ADDRESS]}}", file()))?;
        let addresses = book.names.keys().chain(&book.watch);
        for address in addresses {
            anyhow::ensure!(
                address::is_address(address),
                "{}: {address:?} is not an address like f01234 or f1…",
                file()
            );
        }
        Ok(book)
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
