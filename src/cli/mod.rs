//! The command line and the `FARCASTER_*` environment, in two stages: options as typed
//! (`Typed`), then validated ([`Command`]).

mod command;
mod commands;
mod completions;
mod help;
mod manual;
mod nearest;
mod options;
#[cfg(test)]
mod tests;
mod typed;
mod values;

use std::ffi::OsString;

use anyhow::{Result, anyhow, bail};
use lexopt::Arg;

pub use command::*;
use commands::{COLLECT, COMMANDS, Spec};
pub use help::help;
use nearest::{hint, nearest};
use options::Takes::{Many, Nothing, One, Optionally};
use options::{COMMON, Opt};
use typed::Typed;
use values::shown;

/// Reads the command line (without the program's name) and, for what it leaves open, the
/// environment. The command stands first; without one the nodes are asked.
///
/// # Errors
///
/// Every error is wrong usage; its message names the option or variable and points at `--help`.
pub fn parse(args: impl IntoIterator<Item = OsString>, env: &dyn Fn(&str) -> Option<String>) -> Result<Command> {
    let mut args = args.into_iter().peekable();
    let mut spec = &COLLECT;
    if let Some(word) = args.next_if(|first| !first.is_empty() && !first.as_encoded_bytes().starts_with(b"-")) {
        let Some(known) = COMMANDS.iter().find(|command| word == command.name) else {
            let word = word.to_string_lossy();
            let hint = hint(&word, COMMANDS.iter().map(|command| command.name));
            bail!("unknown command {}{hint} (see --help)", shown(&word));
        };
        spec = known;
    }
    let space = if spec.name.is_empty() { "" } else { " " };
    read(spec, args, env).map_err(|error| anyhow!("{error:#} (see {}{space}--help)", spec.name))
}

fn read(spec: &Spec, args: impl Iterator<Item = OsString>, env: &dyn Fn(&str) -> Option<String>) -> Result<Command> {
    let mut typed = Typed::default();
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(explain)? {
        let Some(option) = spec.options.iter().chain(COMMON).find(|option| option.is(&arg)) else {
            match arg {
                Arg::Value(operand) if typed.operands() < spec.operands.len() => typed.add_operand(operand),
                arg => return Err(refuse(spec, arg)),
            }
            continue;
        };
        let value = match option.takes {
            Nothing if option.name == "help" => return Ok(Command::Print(help::help_of(spec))),
            Nothing if option.name == "version" => return Ok(Command::Version),
            Nothing => OsString::new(),
            Optionally(_) => match parser.optional_value() {
                Some(value) => value,
                None => next_number(&mut parser).unwrap_or_else(|| option.bare()),
            },
            One(_) | Many(_) => parser.value().map_err(explain)?,
        };
        let source = format!("--{}", option.name);
        // An unset shell variable leaves an empty value or the next option in its place.
        let missing = value.is_empty() || value.as_encoded_bytes().starts_with(b"--");
        if missing && !matches!(option.takes, Nothing) {
            bail!("{source} needs a value");
        }
        typed.add(option, source, value);
    }
    typed.complete_operands(spec.name, spec.operands, env)?;
    if spec.has_variables {
        typed.add_environment(spec.options, env)?;
    }
    (spec.validate)(&typed)
}

/// The number that stands after an option whose value is optional, like `--demo 5000`.
fn next_number(parser: &mut lexopt::Parser) -> Option<OsString> {
    let mut rest = parser.try_raw_args()?;
    rest.next_if(|next| !next.is_empty() && next.as_encoded_bytes().iter().all(u8::is_ascii_digit))
}

/// What to say of variables that begin with `FARCASTER_` and stand for no option, but nearly: whoever set them meant one. Others are left
/// alone; images and the stack of containers have some of their own.
pub fn misspelt(variables: impl Iterator<Item = String>) -> Vec<String> {
    let known: Vec<String> = commands::all().flat_map(|spec| spec.options).map(Opt::variable).collect();
    let unknown = variables.filter(|name| name.starts_with("FARCASTER_") && !known.contains(name));
    let near = unknown.filter_map(|name| {
        let meant = nearest(&name["FARCASTER_".len()..], known.iter().map(|known| &known["FARCASTER_".len()..]))?;
        Some(format!("{name} sets no option and is ignored: did you mean FARCASTER_{meant}?"))
    });
    near.collect()
}

/// Why an argument has no place in this command.
fn refuse(spec: &Spec, arg: Arg) -> anyhow::Error {
    if let Arg::Value(word) = &arg
        && COMMANDS.iter().any(|command| *word == *command.name)
    {
        return anyhow!("unexpected argument {word:?}: a command comes first");
    }
    let owner = commands::all().find(|other| other.options.iter().any(|option| option.is(&arg)));
    let name = match arg {
        Arg::Long(name) => format!("--{name}"),
        Arg::Short(short) => format!("-{short}"),
        Arg::Value(_) => String::new(),
    };
    match owner {
        Some(owner) if owner.name.is_empty() => anyhow!("{} takes no {name}", spec.name),
        Some(owner) => anyhow!("{name} is an option of the command {} only", owner.name),
        None => {
            let hint = name.strip_prefix("--").map(|typed| {
                let known = spec.options.iter().chain(COMMON).map(|option| option.name);
                nearest(typed, known).map(|name| format!(": did you mean --{name}?")).unwrap_or_default()
            });
            anyhow!("{}{}", explain(arg.unexpected()), hint.unwrap_or_default())
        }
    }
}

/// lexopt's errors in our words, and without values that could be secret.
fn explain(error: lexopt::Error) -> anyhow::Error {
    match error {
        lexopt::Error::MissingValue { option: Some(option) } => anyhow!("{option} needs a value"),
        lexopt::Error::UnexpectedValue { option, .. } => anyhow!("{option} takes no value"),
        lexopt::Error::UnexpectedOption(option) => anyhow!("unknown option {option}"),
        lexopt::Error::UnexpectedArgument(value) => {
            anyhow!("unexpected argument {}", shown(&value.to_string_lossy()))
        }
        other => other.into(),
    }
}
