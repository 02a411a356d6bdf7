//! The command `status`: one run that publishes nothing, shown on one screen, or again and again.
//!
//! What is shown is how things stand by the text of the run (`standing`), so that it cannot differ from what dashboards and alerts say.

mod layout;
mod screen;
mod terminal;

use std::thread;
use std::time::Instant;

use anyhow::Result;

use crate::cli;
use crate::exporter::{self, Env, Gathered, Log, Notice, Notices, Output};
use crate::expose::Facts;
use crate::standing::facts::{Endpoint, Standing};
use crate::standing::pace::Pace;
use crate::state::State;
use crate::thresholds::Thresholds;
use crate::words;
pub use layout::Look;
use terminal::Terminal;

/// Back to the top left corner; to be followed by lines that each end in [`CLEAR_LINE`], and by [`CLEAR_BELOW`].
const HOME: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K\n";
const CLEAR_BELOW: &str = "\x1b[J";

/// Shows how things stand, once or until it is ended. Nothing is changed that an end at any moment would have to change back: the cursor stays
/// visible, and the screen is the one that was there.
///
/// # Errors
///
/// It could not be written to stdout.
pub fn run(asked: &cli::Status, env: Env) -> Result<()> {
    let thresholds = Thresholds::read()?;
    let (state, mut notices) = memory(asked, env);
    let mut pace = Pace::default();
    let mut started = Instant::now();
    let mut is_first = true;
    loop {
        let mut standing = ask(asked, env, &state, std::mem::take(&mut notices));
        pace.add(&mut standing);
        standing.judge(&thresholds);
        let text = match asked.is_json {
            true => json(&standing, asked.watch.is_some())?,
            false => {
                let terminal = Terminal::of_stdout(asked.width, env);
                let screen = screen::draw(&standing, terminal.look);
                if asked.watch.is_some() { redrawn(&screen, &terminal, is_first) } else { screen }
            }
        };
        let Output::Wanted = exporter::write_to_stdout(&text)? else { return Ok(()) };
        let Some(interval) = asked.watch else { return Ok(()) };
        is_first = false;
        started = exporter::next_start(started, interval, Instant::now());
        thread::sleep(started.saturating_duration_since(Instant::now()));
    }
}

/// What an exporter remembers here, to be read alone. What is wrong with it is said where the folder was named.
fn memory(asked: &cli::Status, env: Env) -> (State, Notices) {
    let Some(folder) = exporter::state_folder(&asked.options, env) else {
        return (State::in_memory(), Notices::default());
    };
    let (state, line) = State::copy_of(&folder);
    let mut notices = Notices::default();
    notices.add(Notice::Memory, line);
    (state, notices)
}

/// One run, as it stands.
fn ask(asked: &cli::Status, env: Env, state: &State, mut notices: Notices) -> Standing {
    // What would be written, and where, is no matter of this command.
    let options = &asked.options;
    let nodes = exporter::nodes(options, env, state, &mut notices, &Log::new(options.verbosity));
    let Gathered { report, text, notices } = exporter::gather(options, env, state, &nodes, notices);
    let standing = read(&text, &options.miner_ids);
    let addresses = exporter::addresses(&nodes);
    let is_shown = |line: &String| is_about_what_is_shown(line, &addresses, &standing.endpoints);
    let (messages, remarks) = (notices.into_lines().into_iter(), report.remarks.into_iter());
    let (messages, remarks) = (messages.filter(is_shown).collect(), remarks.filter(is_shown).collect());
    Standing { messages, remarks, ..standing }
}

/// Whether a line is about none of the nodes, or about one of those that are shown: the others are of other miners.
fn is_about_what_is_shown(line: &str, addresses: &[String], shown: &[Endpoint]) -> bool {
    let names = |address: &str| {
        let mut ends = line.match_indices(address).map(|(start, _)| start + address.len());
        // 127.0.0.1:12 is not named by 127.0.0.1:1234.
        ends.any(|end| !line[end..].starts_with(|next: char| next.is_ascii_digit()))
    };
    let is_shown = |address: &str| shown.iter().any(|endpoint| endpoint.address == address);
    let named: Vec<&String> = addresses.iter().filter(|address| names(address)).collect();
    named.is_empty() || named.into_iter().any(|address| is_shown(address))
}

/// What the text of a run tells, of these miners alone or of all.
fn read(text: &str, selected: &[String]) -> Standing {
    Standing::read(&Facts::read(text), selected)
}

/// One document, on one line where others follow.
fn json(standing: &Standing, is_one_of_many: bool) -> Result<String> {
    let json = if is_one_of_many { serde_json::to_string(standing)? } else { serde_json::to_string_pretty(standing)? };
    Ok(json + "\n")
}

/// The screen over the last one, cut where a terminal ends; one below the other where it is none.
fn redrawn(screen: &str, terminal: &Terminal, is_first: bool) -> String {
    if !terminal.is_terminal {
        return if is_first { screen.to_owned() } else { format!("\n{screen}") };
    }
    let lines: Vec<&str> = screen.lines().collect();
    // The last line of the terminal is the cursor's.
    let room = terminal.lines.map_or(usize::MAX, |lines| lines.saturating_sub(1).max(1));
    let mut text = if is_first { format!("{HOME}{CLEAR_BELOW}") } else { HOME.to_owned() };
    let shown = if lines.len() > room { room - 1 } else { lines.len() };
    for line in &lines[..shown] {
        text += line;
        text += CLEAR_LINE;
    }
    if shown < lines.len() {
        let more = words::of((lines.len() - shown) as f64, "more line");
        text += &format!("and {more}: a taller window or --miner-id shows them{CLEAR_LINE}");
    }
    text + CLEAR_BELOW
}

/// The screen of a run's text, for whoever has no nodes to ask.
///
/// # Errors
///
/// The suite in this binary is damaged.
pub fn screen_of(text: &str, selected: &[String], look: Look) -> Result<String> {
    let mut standing = read(text, selected);
    standing.judge(&Thresholds::read()?);
    Ok(screen::draw(&standing, look))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: &str = "one\ntwo\nthree\nfour\n";

    fn terminal(lines: Option<usize>) -> Terminal {
        Terminal { look: Look { width: 80, is_utf8: true, is_coloured: true }, lines, is_terminal: true }
    }

    #[test]
    fn a_screen_is_drawn_over_the_last_one_and_ends_where_the_terminal_does() {
        assert_eq!(
            redrawn(SCREEN, &terminal(Some(5)), true),
            "\x1b[H\x1b[Jone\x1b[K\ntwo\x1b[K\nthree\x1b[K\nfour\x1b[K\n\x1b[J"
        );
        assert!(redrawn(SCREEN, &terminal(None), false).starts_with("\x1b[Hone\x1b[K\n"));
        let cut = redrawn(SCREEN, &terminal(Some(4)), false);
        assert!(cut.contains("two\x1b[K\nand 2 more lines: ") && !cut.contains("three"), "{cut}");
        assert_eq!(cut.matches('\n').count(), 3);
    }

    #[test]
    fn what_failed_of_other_miners_is_left_out() {
        let endpoint = |address: &str| Endpoint {
            endpoint: "miner".to_owned(),
            address: address.to_owned(),
            miner_id: None,
            is_up: true,
        };
        let (addresses, shown) = (["a:12", "a:1234"].map(str::to_owned), [endpoint("a:1234")]);
        let is_shown = |line| is_about_what_is_shown(line, &addresses, &shown);
        assert!(is_shown("miner a:1234: no") && is_shown("a warning") && is_shown("miner a:12, miner a:1234: no"));
        assert!(!is_shown("miner a:12: no") && !is_shown("miner a:12"));
    }

    /// Whatever ends it, at any moment, there is nothing to bring back: no mode is set, such as those that hide the cursor.
    #[test]
    fn no_mode_of_the_terminal_is_changed() {
        for lines in [None, Some(1), Some(3), Some(50)] {
            assert!(!redrawn(SCREEN, &terminal(lines), true).contains("\x1b[?"));
        }
    }

    #[test]
    fn what_is_no_terminal_gets_one_screen_below_the_other() {
        let file = Terminal { is_terminal: false, ..terminal(None) };
        assert_eq!(redrawn(SCREEN, &file, true) + &redrawn(SCREEN, &file, false), format!("{SCREEN}\n{SCREEN}"));
    }
}
