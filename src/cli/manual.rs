//! The man page, in the macros of man(7), from the tables that the help texts come from.

use super::commands::{COLLECT, COMMANDS};
use super::help::{ENVIRONMENT, EXAMPLES, EXIT_CODES, PURPOSE, own, usage};
use super::options::{COMMON, Opt};

/// When the command line last changed, as the page's footer says.
const DATE: &str = "2026-11-26";

const LINE_BYTES: usize = 80;

const FILES: &[(&str, &str)] = &[
    ("~/.lotus, ~/.lotusminer, ~/.boost", "Repos of the nodes, where no option and no variable names others."),
    ("~/.config/lotus-farcaster/addresses.json", "Names for addresses, and wallets to watch."),
    ("~/.local/state/lotus-farcaster", "What is remembered between runs, where systemd sets no STATE_DIRECTORY."),
];

/// The page of section 1.
pub fn page() -> String {
    let mut page = Page(format!(
        ".TH LOTUS\\-EXPORTER\\-FARCASTER 1 \"{DATE}\" \"lotus\\-farcaster {}\" \"User Commands\"\n",
        escaped(env!("CARGO_PKG_VERSION"))
    ));
    page.section("NAME");
    page.text("lotus-exporter-farcaster - Filecoin storage providers in Prometheus");
    page.section("SYNOPSIS");
    page.0 += ".B lotus\\-exporter\\-farcaster\n[\\fIOPTIONS\\fR]\n.br\n";
    page.0 += ".B lotus\\-exporter\\-farcaster\n\\fICOMMAND\\fR ...\n";
    page.section("DESCRIPTION");
    page.text(PURPOSE);
    page.section("OPTIONS");
    COLLECT.options.iter().chain(COMMON).for_each(|option| page.option(option));
    page.section("COMMANDS");
    for command in COMMANDS {
        page.term(&usage(command));
        page.text(&format!("{}.", command.help));
        if own(command).next().is_some() {
            page.0 += ".RS\n";
            own(command).for_each(|option| page.option(option));
            page.0 += ".RE\n";
        }
    }
    for (section, terms) in
        [("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES), ("EXIT STATUS", EXIT_CODES), ("EXAMPLES", EXAMPLES)]
    {
        page.section(section);
        for (term, about) in terms {
            page.term(term);
            page.text(about);
        }
    }
    page.section("SEE ALSO");
    page.text("Metrics, alerts and the stack are described in the documents that the command `bundle` writes.");
    page.0
}

struct Page(String);

impl Page {
    fn section(&mut self, name: &str) {
        self.0 += &format!(".SH {name}\n");
    }

    fn term(&mut self, term: &str) {
        self.0 += &format!(".TP\n.B {}\n", escaped(term));
    }

    fn option(&mut self, option: &Opt) {
        self.term(option.usage().trim());
        let default = option.default.map(|default| format!(" The default is {default}.")).unwrap_or_default();
        self.text(&format!("{}.{default}", option.help.trim()));
    }

    /// A paragraph, in lines as short as they should be in a roff source.
    fn text(&mut self, text: &str) {
        let mut line = String::new();
        for word in text.split_whitespace().map(escaped) {
            if !line.is_empty() && line.len() + word.len() >= LINE_BYTES {
                self.0 += &format!("{}\n", line.trim_end());
                line.clear();
            }
            line += &format!("{word} ");
        }
        self.0 += &format!("{}\n", line.trim_end());
    }
}

/// A text in which roff finds nothing to do.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
