//! The command line as typed, with what the environment adds to it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::options::Takes::{Many, Nothing, One, Optionally};
use super::options::{CONTRADICTIONS, Operand, Opt};
use super::values::{Reader, shown};

/// The options as typed: only which stand there, where, and with which values. And what stands there without being an option.
#[derive(Default)]
pub struct Typed {
    options: BTreeMap<&'static str, Given>,
    operands: Vec<OsString>,
}

struct Given {
    /// The option or the variable, for messages.
    source: String,
    values: Vec<OsString>,
}

impl Typed {
    pub fn add(&mut self, option: &Opt, source: String, value: OsString) {
        let given = self.options.entry(option.name).or_insert(Given { source, values: Vec::new() });
        given.values.push(value);
    }

    pub fn add_operand(&mut self, value: OsString) {
        self.operands.push(value);
    }

    /// How many operands there are so far.
    pub fn operands(&self) -> usize {
        self.operands.len()
    }

    /// Completes the operands by what the environment says, and insists that none is missing.
    pub fn complete_operands(
        &mut self,
        command: &str,
        operands: &[Operand],
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<()> {
        for operand in &operands[self.operands.len()..] {
            let value = operand.variable.and_then(env).filter(|value| !value.is_empty());
            self.operands.extend(value.map(OsString::from));
        }
        for (index, operand) in operands.iter().enumerate() {
            // An unset shell variable leaves an empty value.
            if operand.is_optional || operand.unless.is_some_and(|option| self.has(option)) {
                continue;
            }
            if self.operands.get(index).is_none_or(|value| value.is_empty()) {
                let variable = operand.variable.map(|variable| format!(", or {variable} in the environment"));
                bail!("{command} needs {}{}", operand.name, variable.unwrap_or_default());
            }
        }
        Ok(())
    }

    /// The operand of this number. There are as many as the command has, once they are complete.
    pub fn operand(&self, index: usize) -> PathBuf {
        self.operands.get(index).map(PathBuf::from).unwrap_or_default()
    }

    /// Adds what the environment says of the options that the command line leaves open.
    pub fn add_environment(&mut self, options: &[Opt], env: &dyn Fn(&str) -> Option<String>) -> Result<()> {
        let open: Vec<_> = options.iter().filter(|option| !self.settles(option.name)).collect();
        for option in open {
            let variable = option.variable();
            let Some(value) = env(&variable).filter(|value| !value.is_empty()) else {
                continue;
            };
            match (&option.takes, switch(&value)) {
                (One(_), _) | (Optionally(_), None) => self.add(option, variable, value.into()),
                (Many(_), _) => {
                    let items = value.split(',').map(str::trim);
                    for item in items.filter(|item| !item.is_empty()) {
                        self.add(option, variable.clone(), item.into());
                    }
                }
                (_, Some(false)) => {}
                (Optionally(_), Some(true)) => self.add(option, variable, option.bare()),
                (Nothing, Some(true)) => self.add(option, variable, OsString::new()),
                (Nothing, None) => {
                    let value = shown(&value);
                    bail!("{variable}: {value} is not 1, true, yes, 0, false or no");
                }
            }
        }
        Ok(())
    }

    /// Whether an option stands here, or one that contradicts it.
    fn settles(&self, name: &str) -> bool {
        self.has(name)
            || CONTRADICTIONS
                .iter()
                .any(|&(one, other, _)| (name == one && self.has(other)) || (name == other && self.has(one)))
    }

    pub fn has(&self, name: &str) -> bool {
        self.options.contains_key(name)
    }

    pub fn source(&self, name: &'static str) -> &str {
        self.options.get(name).map_or(name, |given| &given.source)
    }

    /// Every value of an option, in the order typed.
    pub fn all<T>(&self, name: &str, (expected, read): Reader<T>) -> Result<Vec<T>> {
        let Some(Given { source, values }) = self.options.get(name) else {
            return Ok(Vec::new());
        };
        let read = |value: &OsString| {
            let text = value.to_string_lossy();
            read(&text).with_context(|| format!("{source}: {} is not {expected}", shown(&text)))
        };
        values.iter().map(read).collect()
    }

    /// The value of an option that has one: the last, where it is repeated.
    pub fn last<T>(&self, name: &str, reader: Reader<T>) -> Result<Option<T>> {
        Ok(self.all(name, reader)?.pop())
    }

    pub fn paths(&self, name: &str) -> Vec<PathBuf> {
        let values = self.options.get(name).map(|given| &given.values);
        values.into_iter().flatten().map(PathBuf::from).collect()
    }
}

/// A boolean of the environment, where it is one.
fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Some(true),
        "0" | "false" | "no" => Some(false),
        _ => None,
    }
}
