//! Completions for shells, from the tables of commands and options.

use super::commands::{self, COMMANDS, Spec};
use super::options::Takes::{Many, Nothing, One, Optionally};
use super::options::{COMMON, Opt};

/// The program that is completed.
const PROGRAM: &str = "lotus-exporter-farcaster";

/// The shells that can be completed for.
const SHELLS: &[&str] = &["bash", "zsh", "fish"];

/// The script for a shell, where there is one.
pub fn of(shell: &str) -> Option<String> {
    match shell {
        "bash" => Some(bash()),
        "zsh" => Some(zsh()),
        "fish" => Some(fish()),
        _ => None,
    }
}

/// What the word after an option, or an operand, is.
#[derive(PartialEq)]
enum Word {
    File,
    Folder,
    Other,
}

fn word(placeholder: &str) -> Word {
    match placeholder {
        "FILE" | "PATH" | "BASE" => Word::File,
        "DIR" | "OUT" => Word::Folder,
        _ => Word::Other,
    }
}

/// The words that an operand can be, where they are known.
fn choices(placeholder: &str) -> Vec<&'static str> {
    match placeholder {
        "SHELL" => SHELLS.to_vec(),
        "[COMMAND]" => COMMANDS.iter().map(|command| command.name).collect(),
        _ => Vec::new(),
    }
}

fn options(spec: &Spec) -> impl Iterator<Item = &'static Opt> {
    spec.options.iter().chain(COMMON)
}

/// The option as typed, one word for each of its forms.
fn forms(option: &Opt) -> Vec<String> {
    let short = option.short.map(|short| format!("-{short}"));
    short.into_iter().chain([format!("--{}", option.name)]).collect()
}

/// The first line of what it does.
fn summary(help: &str) -> String {
    let words: Vec<&str> = help.split_whitespace().collect();
    let text = words.join(" ");
    text.split(['(', ';', ':']).next().unwrap_or_default().trim().to_owned()
}

fn bash() -> String {
    let mut text = format!("# bash completion for {PROGRAM}\n_lotus_exporter_farcaster() {{\n");
    text += "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=''\n";
    text += "  [[ $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} != -* ]] && command=${COMP_WORDS[1]}\n";
    text += "  COMPREPLY=()\n  case $command:$before in\n";
    for (wanted, generator) in [(Word::File, "compgen -f"), (Word::Folder, "compgen -d"), (Word::Other, "")] {
        let mut patterns = Vec::new();
        for spec in commands::all() {
            let takes = |option: &&Opt| matches!(option.takes, One(it) | Many(it) if word(it) == wanted);
            patterns.extend(options(spec).filter(takes).flat_map(forms).map(|form| format!("{}:{form}", spec.name)));
        }
        let reply = match generator {
            "" => String::new(),
            _ => format!("mapfile -t COMPREPLY < <({generator} -- \"$word\") && "),
        };
        text += &format!("    {}) {reply}return ;;\n", patterns.join(" | "));
    }
    text += "  esac\n  local words='' files=''\n  case $command in\n";
    for spec in commands::all() {
        let mut words: Vec<String> = options(spec).flat_map(forms).collect();
        if spec.name.is_empty() {
            words.extend(COMMANDS.iter().map(|command| command.name.to_owned()));
        }
        words.extend(spec.operands.iter().flat_map(|operand| choices(operand.name)).map(str::to_owned));
        let has_files = spec.operands.iter().any(|operand| word(operand.name) != Word::Other);
        let files = if has_files { " files=yes" } else { "" };
        text += &format!(
            "    {}) words='{}'{files} ;;\n",
            if spec.name.is_empty() { "''" } else { spec.name },
            words.join(" ")
        );
    }
    text += "  esac\n  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n";
    text += "  [[ -z $files || $word == -* ]] || mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -- \"$word\")\n}\n";
    text += &format!("complete -o filenames -F _lotus_exporter_farcaster {PROGRAM}\n");
    text
}

fn zsh() -> String {
    let mut text = format!("#compdef {PROGRAM}\n\n_lotus_exporter_farcaster() {{\n");
    text += "  local -a commands\n  commands=(\n";
    for command in COMMANDS {
        text += &format!("    '{}:{}'\n", command.name, zsh_escaped(&summary(command.help)));
    }
    text += "  )\n  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n    _describe command commands\n    return\n  fi\n";
    text += "  local command=''\n  if [[ $words[2] != -* ]]; then\n    command=$words[2]\n    shift words\n    (( CURRENT-- ))\n  fi\n";
    text += "  case $command in\n";
    for spec in commands::all() {
        let name = if spec.name.is_empty() { "''" } else { spec.name };
        text += &format!("    {name})\n      _arguments -s");
        for option in options(spec) {
            let repeat = if matches!(option.takes, Many(_)) { "*" } else { "" };
            let action = match option.takes {
                Nothing => String::new(),
                Optionally(it) => format!("::{it}:"),
                One(it) | Many(it) => format!(":{it}:{}", zsh_action(it)),
            };
            for form in forms(option) {
                let equals = match option.takes {
                    Optionally(_) if form.starts_with("--") => "=-",
                    One(_) | Many(_) if form.starts_with("--") => "=",
                    _ => "",
                };
                text +=
                    &format!(" \\\n        '{repeat}{form}{equals}[{}]{action}'", zsh_escaped(&summary(option.help)));
            }
        }
        for operand in spec.operands {
            let known = choices(operand.name);
            let action =
                if known.is_empty() { zsh_action(operand.name).to_owned() } else { format!("({})", known.join(" ")) };
            text += &format!(" \\\n        ':{}:{action}'", operand.name.trim_matches(['[', ']']));
        }
        text += " ;;\n";
    }
    text += "  esac\n}\n\n";
    // Both ways: as a file of $fpath, where the shell calls it for the first completion, and sourced.
    text += "if [[ $funcstack[1] == _lotus-exporter-farcaster ]]; then\n  _lotus_exporter_farcaster \"$@\"\nelse\n";
    text += &format!("  compdef _lotus_exporter_farcaster {PROGRAM}\nfi\n");
    text
}

fn zsh_action(placeholder: &str) -> &'static str {
    match word(placeholder) {
        Word::File => "_files",
        Word::Folder => "_files -/",
        Word::Other => "",
    }
}

fn zsh_escaped(text: &str) -> String {
    text.replace('\'', "'\\''").replace('[', "\\[").replace(']', "\\]").replace(':', "\\:")
}

fn fish() -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let mut text = format!("# fish completion for {PROGRAM}\ncomplete -c {PROGRAM} -f\n");
    let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    let none = format!("not __fish_seen_subcommand_from {}", names.join(" "));
    for command in COMMANDS {
        text +=
            &format!("complete -c {PROGRAM} -n '{none}' -a {} -d {}\n", command.name, quoted(&summary(command.help)));
    }
    for spec in commands::all() {
        let when =
            if spec.name.is_empty() { none.clone() } else { format!("__fish_seen_subcommand_from {}", spec.name) };
        for option in options(spec) {
            let short = option.short.map(|short| format!(" -s {short}")).unwrap_or_default();
            let value = match option.takes {
                Nothing | Optionally(_) => String::new(),
                One(it) | Many(it) => format!(" {}", fish_value(it)),
            };
            text += &format!(
                "complete -c {PROGRAM} -n '{when}'{short} -l {}{value} -d {}\n",
                option.name,
                quoted(&summary(option.help))
            );
        }
        for operand in spec.operands {
            match choices(operand.name) {
                known if !known.is_empty() => {
                    text += &format!("complete -c {PROGRAM} -n '{when}' -a '{}'\n", known.join(" "))
                }
                _ if word(operand.name) != Word::Other => text += &format!("complete -c {PROGRAM} -n '{when}' -F\n"),
                _ => {}
            }
        }
    }
    text
}

fn fish_value(placeholder: &str) -> &'static str {
    match word(placeholder) {
        Word::File => "-r -F",
        Word::Folder => "-x -a '(__fish_complete_directories)'",
        Word::Other => "-x",
    }
}
