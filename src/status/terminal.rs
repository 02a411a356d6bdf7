//! What is known of the terminal, without asking the kernel: that takes code that Rust cannot vouch for, and `stty` does it.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use super::layout::Look;
use crate::exporter::Env;

/// Lines that are longer are hard to read, and what the screen is made for.
const MOST_COLUMNS: usize = 100;

const LEAST_COLUMNS: usize = 60;

/// Where the screen is shown.
pub struct Terminal {
    pub look: Look,
    /// Its lines, where it is a terminal that tells.
    pub lines: Option<usize>,
    pub is_terminal: bool,
}

impl Terminal {
    /// What stdout is now: a terminal may have been resized since the last screen.
    pub fn of_stdout(width: Option<usize>, env: Env) -> Terminal {
        let is_terminal = io::stdout().is_terminal();
        let size = if is_terminal { size() } else { None };
        let told = || env("COLUMNS").and_then(|columns| columns.parse().ok());
        let columns = size.map(|(_, columns)| columns).or_else(told).unwrap_or(MOST_COLUMNS);
        Terminal {
            look: Look {
                width: width.unwrap_or(columns.clamp(LEAST_COLUMNS, MOST_COLUMNS)),
                is_utf8: is_utf8(env),
                is_coloured: is_terminal && wants_colour(env),
            },
            lines: size.map(|(lines, _)| lines),
            is_terminal,
        }
    }
}

/// Lines and columns of the terminal, where both are known.
fn size() -> Option<(usize, usize)> {
    let terminal = io::stdout().as_fd().try_clone_to_owned().ok()?;
    let output = Command::new("stty").arg("size").stdin(terminal).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (lines, columns) = text.trim().split_once(' ')?;
    let size: (usize, usize) = (lines.parse().ok()?, columns.parse().ok()?);
    (size.0 > 0 && size.1 > 0).then_some(size)
}

/// See https://no-color.org.
fn wants_colour(env: Env) -> bool {
    let is_refused = env("NO_COLOR").is_some_and(|value| !value.is_empty());
    !is_refused && env("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Whether the locale is one of UTF-8: the first of these variables that is set counts.
fn is_utf8(env: Env) -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| env(name).filter(|value| !value.is_empty()));
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    locale.ends_with("utf-8") || locale.ends_with("utf8") || locale.contains("utf-8@") || locale.contains("utf8@")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_colour_where_none_is_wanted() {
        let wants = |variable: &'static str, value: &'static str| {
            wants_colour(&|name| (name == variable).then(|| value.to_owned()))
        };
        assert!(wants("TERM", "xterm-256color") && wants("NO_COLOR", ""));
        assert!(!wants("TERM", "dumb") && !wants("NO_COLOR", "1"));
    }

    #[test]
    fn the_locale_says_whether_blocks_can_be_shown() {
        let shows = |pairs: &'static [(&str, &str)]| {
            is_utf8(&|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(
            shows(&[("LANG", "en_US.UTF-8")])
                && shows(&[("LANG", "C.utf8")])
                && shows(&[("LC_ALL", "de_DE.UTF-8@euro")])
        );
        assert!(shows(&[("LC_ALL", ""), ("LC_CTYPE", "C.UTF-8"), ("LANG", "C")]));
        assert!(!shows(&[]) && !shows(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]) && !shows(&[("LANG", "en_US")]));
    }
}
