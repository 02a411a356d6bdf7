//! The help texts, at most 100 columns wide, from the tables of options and commands.

use super::commands::{COLLECT, COMMANDS, Spec};
use super::options::{COMMON, OPTIONS, Opt};

/// The help text for everything.
pub fn help() -> String {
    let mut commands = String::new();
    for command in COMMANDS {
        commands += &format!("  {}\n", usage(command));
        commands += &command.help.lines().map(|line| format!("      {}\n", line.trim())).collect::<String>();
        commands += &list(own(command), "    ");
    }
    let options = list(COLLECT.options.iter().chain(COMMON), "  ");
    let exit_codes: String = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code}  {meaning}\n")).collect();
    HELP.replace("{purpose}", PURPOSE)
        .replace("{examples}", &paragraphs(EXAMPLES))
        .replace("{options}", &options)
        .replace("{commands}", &commands)
        .replace("{environment}", &paragraphs(ENVIRONMENT))
        .replace("{exit_codes}", &exit_codes)
}

/// The options that a command has besides those of collecting, or of the same name and with another meaning.
pub fn own(command: &Spec) -> impl Iterator<Item = &'static Opt> + Clone {
    let is_of_collecting = |option: &&Opt| OPTIONS.iter().any(|of| (of.name, of.help) == (option.name, option.help));
    command.options.iter().filter(move |option| !is_of_collecting(option))
}

/// Each term on its own line, and what it is about below it.
fn paragraphs(terms: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (term, about) in terms {
        text += &format!("  {term}\n");
        text += &about.lines().map(|line| format!("      {}\n", line.trim())).collect::<String>();
    }
    text
}

/// The help text for a command.
pub fn help_of(command: &Spec) -> String {
    if command.name.is_empty() {
        return help();
    }
    let help: Vec<_> = command.help.lines().map(str::trim).collect();
    let options = list(command.options.iter().chain(COMMON), "  ");
    let mut text = format!("{}.\n\nUsage: lotus-exporter-farcaster {}\n", help.join("\n"), usage(command));
    text += &format!("\nOptions:\n{options}");
    for operand in command.operands {
        if let Some(variable) = operand.variable {
            text += &format!("\n{} may be left out if {variable} in the environment names it.\n", operand.name);
        }
    }
    text
}

/// Like `healthcheck [OPTIONS] FILE`.
pub fn usage(command: &Spec) -> String {
    let options = if command.options.is_empty() { "" } else { " [OPTIONS]" };
    let operands = command.operands.iter().map(|operand| format!(" {}", operand.name));
    format!("{}{options}{}", command.name, operands.collect::<String>())
}

/// The options with their help, one below the other.
fn list<'a>(options: impl Iterator<Item = &'a Opt> + Clone, indent: &str) -> String {
    let widths = options.clone().map(|option| option.usage().len());
    let column = 2 + widths.max().unwrap_or(0);
    let mut text = String::new();
    for option in options {
        let default = option.default.map(|it| format!(" [default: {it}]"));
        let help = format!("{}{}", option.help, default.unwrap_or_default());
        let mut left = option.usage();
        for line in help.lines().map(str::trim) {
            text += &format!("{indent}{left:column$}{line}\n");
            left.clear();
        }
    }
    text
}

/// What the program is for, in lines.
pub const PURPOSE: &str = "\
Shows what matters about Filecoin storage providers in Prometheus: asks the Lotus daemon,
miners and Boost over their APIs and writes metrics, to stdout or to a text file for
node_exporter.";

/// Command lines, and what they do.
pub const EXAMPLES: &[(&str, &str)] = &[
    ("lotus-exporter-farcaster", "Find the nodes as the Lotus tools do, ask them once, print the metrics."),
    ("lotus-exporter-farcaster --demo", "The same with a simulated farm, without any node."),
    (
        "lotus-exporter-farcaster --interval 1m --textfile /var/lib/prometheus/node-exporter/farcaster.prom",
        "Refresh the file every minute.",
    ),
    ("lotus-exporter-farcaster check", "Find out what is wrong, and what to do."),
];

/// Environment variables, and what they are for.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "FARCASTER_<OPTION>",
        "Stands for an option that is not typed: its name in capitals, _ for -.\n\
         FARCASTER_MINER_REPO and FARCASTER_MINER_ID take comma lists. FARCASTER_VERBOSE and\n\
         FARCASTER_QUIET are 1, true, yes or 0, false, no. FARCASTER_DEMO takes the same words (1 is\n\
         on, not one sector), or a number of sectors from 2 up. An empty variable counts as unset.",
    ),
    (
        "FULLNODE_API_INFO, MINER_API_INFO, BOOST_API_INFO",
        "Token and address of a node, as `lotus auth api-info` prints them.",
    ),
    (
        "FULLNODE_API_INFO_FILE, MINER_API_INFO_FILE, BOOST_API_INFO_FILE",
        "Files that hold the same, so that no token is in the environment.",
    ),
    ("LOTUS_PATH, LOTUS_MINER_PATH, BOOST_PATH", "Repos of the nodes, where a token and an address are found."),
    ("BOOST_GRAPHQL_URL", "Where Boost answers GraphQL, like http://127.0.0.1:8080, if its repo does not name it."),
];

/// Exit statuses, and what they mean.
pub const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "complete and valid text was written, even when nodes are down; the command did its work"),
    ("1", "it could not be written; the command prints why it failed"),
    ("2", "wrong usage"),
];

const HELP: &str = "\
{purpose}

Usage: lotus-exporter-farcaster [OPTIONS]
       lotus-exporter-farcaster COMMAND ...

Examples:
{examples}
Options:
{options}
Commands, each with a --help of its own:
{commands}
Environment:
{environment}
Exit codes:
{exit_codes}";
