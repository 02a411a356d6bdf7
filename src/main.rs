//! `lotus-exporter-farcaster`: from arguments to a command to an exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use lotus_farcaster::cli::{self, Command};
use lotus_farcaster::{COMMIT, bundle, check, demo_history, exporter, healthcheck, init, status, targets};

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// What was asked for could not be done, or the answer is no.
const EXIT_FAILURE: u8 = 1;
const EXIT_WRONG_USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    for line in cli::misspelt(std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned())) {
        say(&line);
    }
    let (result, failure) = match cli::parse(arguments, &env) {
        Ok(command) => (run(command), EXIT_FAILURE),
        Err(error) => (Err(error), EXIT_WRONG_USAGE),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EXIT_FAILURE),
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::from(failure)
        }
    }
}

/// Writes a line for people. A failed write to stderr cannot be reported anywhere.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "lotus-exporter-farcaster: {line}");
}

/// Does it. False means that something is wrong, and was said.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::Print(text) => print(&text)?,
        Command::Version => print(&version())?,
        Command::Collect(options) => exporter::run(&options, &env)?,
        Command::Check(command) => return check::run(&command, &env),
        Command::Status(asked) => status::run(&asked, &env)?,
        Command::Targets(asked) => targets::run(&asked, &env)?,
        Command::Bundle { folder: None, .. } => print(bundle::list())?,
        Command::Bundle { folder: Some(folder), force } => print(&bundle::write(&folder, force)?.text(&folder))?,
        Command::DemoHistory(options) => {
            let runs = demo_history::run(&options)?;
            print(&format!("{runs} runs written to {}\n", options.file.display()))?;
        }
        Command::Healthcheck { file, max_age } => {
            healthcheck::healthy(&file, max_age)?;
            print(&format!("{} is whole and fresh\n", file.display()))?;
        }
        Command::InitSecrets { folder } => init::secrets::run(&folder)?.print()?,
        Command::InitNodes(options) => {
            let report = init::nodes::run(&options, &env)?;
            report.print()?;
            return Ok(report.wrong.is_empty());
        }
        // Who is told of alerts must not decide whether there are any: what is wrong is said, and is no failure.
        Command::InitAlertmanager { secrets, base, out } => init::alertmanager::run(&secrets, &base, &out)?.print()?,
        Command::InitEdge { secrets, out } => init::farm::edge(&secrets, &out)?.print()?,
        // As with receivers: one site's mistake must not keep the others from sending.
        Command::InitCentre { secrets, store, out } => init::farm::centre(&secrets, &store, &out)?.print()?,
    }
    Ok(true)
}

fn env(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

fn version() -> String {
    format!("lotus-exporter-farcaster {} (commit {COMMIT})\n", env!("CARGO_PKG_VERSION"))
}

fn print(text: &str) -> Result<()> {
    exporter::write_to_stdout(text).map(|_| ())
}
