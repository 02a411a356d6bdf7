//! What has to be there before a stack of containers starts: a password, the nodes' addresses and tokens, the Alertmanager configuration, and
//! in a farm the sites' tokens.
//!
//! Each command may run again at every start. Its output never contains a secret.

pub mod alertmanager;
pub mod farm;
pub mod nodes;
pub mod receivers;
pub mod secrets;

use std::io::{self, Write};

use anyhow::Result;

use crate::exporter;

/// What a command did and found.
#[derive(Debug, Default, PartialEq)]
pub struct Report {
    /// What was done, for stdout.
    pub done: Vec<String>,
    /// What is wrong and what to do about it, for stderr.
    pub wrong: Vec<String>,
}

impl Report {
    /// Prints both.
    ///
    /// # Errors
    ///
    /// Stdout cannot be written.
    pub fn print(&self) -> Result<()> {
        for line in &self.wrong {
            // A failed write to stderr cannot be reported anywhere.
            let _ = writeln!(io::stderr(), "lotus-exporter-farcaster: {line}");
        }
        let text: String = self.done.iter().map(|line| format!("{line}\n")).collect();
        exporter::write_to_stdout(&text).map(|_| ())
    }
}
