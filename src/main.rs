//! `lotus-exporter-farcaster`: from arguments to a command to an exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use lotus_farcaster::cli::{self, Command};
use lotus_farcaster::{COMMIT, exporter};

/// The text could not be written.
const EXIT_NOT_WRITTEN: u8 = 1;
const EXIT_WRONG_USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    let (result, failure) = match cli::parse(arguments, &env) {
        Ok(Command::Help) => (print(&cli::help()), EXIT_NOT_WRITTEN),
        Ok(Command::Version) => (print(&version()), EXIT_NOT_WRITTEN),
        Ok(Command::Collect(options)) => (exporter::run(&options, &env), EXIT_NOT_WRITTEN),
        Err(error) => (Err(error), EXIT_WRONG_USAGE),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody listens there is nobody to tell.
            let _ = writeln!(io::stderr(), "lotus-exporter-farcaster: {error:#}");
            ExitCode::from(failure)
        }
    }
}

fn env(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

fn version() -> String {
    format!("lotus-exporter-farcaster {} (commit {COMMIT})\n", env!("CARGO_PKG_VERSION"))
}

fn print(text: &str) -> anyhow::Result<()> {
    exporter::write_to_stdout(text).map(|_| ())
}
