//! `init-alertmanager`: the Alertmanager configuration with the receivers that the files of secrets describe. Text in, text out: what is
//! inserted are scalars of JSON, which are scalars of YAML as well.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

use super::Report;
use super::farm;
use super::receivers::{self, FILES, Read, Receiver, WATCHDOG};
use crate::textfile;

/// The severities of alerts, the least first. The configuration has a receiver that is named after each.
const SEVERITIES: &[&str] = &["info", "warning", "critical"];

/// The lowest that a receiver gets, if the name of its file does not end in one.
const USUAL: usize = 1;

/// Other files that have a place in the folder of secrets.
const OTHER_FILES: &[&str] = &[
    "fullnode_api_info",
    "miner_api_info",
    "boost_api_info",
    "grafana_admin_password",
    farm::SITES,
    farm::TOKEN,
    farm::AUTHORITY,
    farm::CERTIFICATE[0],
    farm::CERTIFICATE[1],
];

/// Writes to `out` the configuration in `base` with the receivers that the files in `secrets` describe. A file that is wrong is reported
/// and left out, so that the others still work.
///
/// # Errors
///
/// `base` cannot be read or has no place for receivers, or `out` cannot be written.
pub fn run(secrets: &Path, base: &Path, out: &Path) -> Result<Report> {
    let mut report = Report { done: Vec::new(), wrong: unknown_files(secrets) };
    let file = base.display();
    let mut text = crate::files::read_configuration(base).with_context(|| format!("{file} cannot be read"))?;
    let files = files();
    let mut in_use = vec![false; files.len()];
    let mut wrong = |error: anyhow::Error| {
        let message = format!("{error:#}; alerts are not sent there");
        if !report.wrong.contains(&message) {
            report.wrong.push(message);
        }
    };
    for (number, severity) in SEVERITIES.iter().enumerate() {
        let mut found = Vec::new();
        for (file, in_use) in files.iter().zip(&mut in_use).filter(|(file, _)| file.least <= number) {
            match receivers::read(&secrets.join(&file.name), file.read, severity) {
                Ok(receiver) => {
                    *in_use |= receiver.is_some();
                    found.extend(receiver);
                }
                Err(error) => wrong(error),
            }
        }
        text = insert(&text, severity, &found).with_context(|| no_place(base, severity))?;
    }
    let (name, read) = WATCHDOG;
    let watchdog = receivers::read(&secrets.join(name), read, "none").unwrap_or_else(|error| {
        wrong(error);
        None
    });
    text = insert(&text, "watchdog", watchdog.as_slice()).with_context(|| no_place(base, "watchdog"))?;
    textfile::replace(out, text.as_bytes(), 0o440)?;
    let names: Vec<&str> =
        files.iter().zip(in_use).filter(|(_, in_use)| *in_use).map(|(file, _)| file.name.as_str()).collect();
    report.done.push(match names.is_empty() {
        true => format!(
            "wrote {}: alerts are sent to nobody, because {} describes no receiver",
            out.display(),
            secrets.display()
        ),
        false => format!("wrote {}: alerts are sent to {}", out.display(), names.join(", ")),
    });
    if watchdog.is_some() {
        report.done.push(format!("while alerting works, {name} is called every five minutes"));
    }
    Ok(report)
}

/// A file that may describe a receiver.
struct File {
    name: String,
    read: Read,
    /// The lowest severity that it gets.
    least: usize,
}

/// All of them: `NAME`, and `NAME.SEVERITY`.
fn files() -> Vec<File> {
    let of_kind = |(name, read): &(&str, Read)| {
        let usual = File { name: (*name).to_owned(), read: *read, least: USUAL };
        let own = |(least, severity): (usize, &&str)| File { name: format!("{name}.{severity}"), read: *read, least };
        std::iter::once(usual).chain(SEVERITIES.iter().enumerate().map(own)).collect::<Vec<_>>()
    };
    FILES.iter().flat_map(of_kind).collect()
}

fn no_place(base: &Path, name: &str) -> String {
    format!("{} has no receiver `- name: {name}` on its own line", base.display())
}

/// A misspelt name would silently mean that nobody is alerted.
fn unknown_files(secrets: &Path) -> Vec<String> {
    let entries = match fs::read_dir(secrets) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            return vec![format!("{} cannot be listed ({error}): alerts are sent to nobody", secrets.display())];
        }
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_known = |name: &str| {
        files().iter().any(|file| file.name == name)
            || name == WATCHDOG.0
            || OTHER_FILES.contains(&name)
            || name.starts_with(['.', '_'])
            || name.to_lowercase().starts_with("readme")
            || [".md", ".example", "~"].iter().any(|end| name.ends_with(end))
    };
    let known: Vec<&str> = FILES.iter().map(|(known, _)| *known).chain([WATCHDOG.0]).collect();
    let mut unknown: Vec<String> = names
        .filter(|name| !is_known(name))
        .map(|name| {
            format!(
                "{} is ignored: the files that describe receivers are {}; all but the last may end in .info, .warning or .critical",
                secrets.join(name).display(),
                known.join(", ")
            )
        })
        .collect();
    unknown.sort();
    unknown
}

/// The configuration with settings below the line that names a receiver, where it has one.
fn insert(config: &str, name: &str, receivers: &[Receiver]) -> Option<String> {
    let is_place = |line: &str| {
        let value = line.trim_start().strip_prefix("- name:").map(|value| value.split(" #").next().unwrap_or(value));
        value.is_some_and(|value| value.trim().trim_matches(['"', '\'']) == name)
    };
    let place = config.lines().position(is_place)?;
    let mut lines: Vec<String> = config.lines().map(str::to_owned).collect();
    let depth = lines[place].len() - lines[place].trim_start().len() + 2;
    lines.splice(place + 1..place + 1, render(receivers, &" ".repeat(depth)));
    Some(lines.join("\n") + "\n")
}

/// The settings as lines of YAML, each list once.
fn render(receivers: &[Receiver], indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, receiver) in receivers.iter().enumerate() {
        let list = receiver.list;
        if receivers[..index].iter().any(|earlier| earlier.list == list) {
            continue;
        }
        lines.push(format!("{indent}{list}:"));
        for receiver in receivers.iter().filter(|receiver| receiver.list == list) {
            for (number, (key, value)) in receiver.settings.iter().enumerate() {
                let dash = if number == 0 { "- " } else { "  " };
                lines.push(format!("{indent}  {dash}{key}: {}", ascii(&value.to_string())));
            }
        }
    }
    lines
}

/// JSON with every character that YAML might not take as it stands written by its number.
fn ascii(json: &str) -> String {
    let escape = |c: char| if c.is_ascii() { c.to_string() } else { format!("\\U{:08x}", u32::from(c)) };
    json.chars().map(escape).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_below_the_name_and_each_list_is_unique() {
        let receiver = |list, value: &str| Receiver { list, settings: vec![("a", value.into()), ("b", 1.into())] };
        let receivers = [receiver("x_configs", "q\"\n"), receiver("y_configs", "ü"), receiver("x_configs", "2")];
        let config = "receivers:\n- name: other\n-  name: no\n- name: 'it' # comment\nmore: 1";
        let expected = "receivers:\n- name: other\n-  name: no\n- name: 'it' # comment\n\
            \x20 x_configs:\n    - a: \"q\\\"\\n\"\n      b: 1\n    - a: \"2\"\n      b: 1\n\
            \x20 y_configs:\n    - a: \"\\U000000fc\"\n      b: 1\nmore: 1\n";
        assert_eq!(insert(config, "it", &receivers).unwrap(), expected);
        assert_eq!(insert(config, "other", &[]).unwrap(), format!("{config}\n"));
        assert_eq!(insert(config, "absent", &receivers), None);
    }
}
