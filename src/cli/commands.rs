//! The table of all commands. A new command is a row here, a variant of [`Command`] and an arm in `main.rs`.

use anyhow::{Context, Result, ensure};

use super::command::{
    Check, CheckFormat, Command, DEFAULT_DEMO_MINERS, DEFAULT_DEMO_SECTORS, DEFAULT_HISTORY, DEFAULT_MAX_ROWS,
    DEFAULT_NODE_EXPORTER_PORT, DEFAULT_SLOW_INTERVAL, DEFAULT_STORE, DEFAULT_TIMEOUT, DemoHistory, InitNodes, Options,
    Status, Targets, Verbosity,
};
use super::help::help_of;
use super::nearest::hint;
use super::options::Takes::{Many, Nothing, One, Optionally};
use super::options::{CONTRADICTIONS, OPTIONS, Operand, Opt, of_collecting};
use super::typed::Typed;
use super::values::{COLUMNS, DURATION, LABELS, MINER_ID, MINERS, PORT, ROWS, SECTORS, URL, shown};
use super::{completions, manual};
use crate::healthcheck;

pub struct Spec {
    /// The word that asks for it. Collecting needs none.
    pub name: &'static str,
    /// What stands after the word, each exactly once.
    pub operands: &'static [Operand],
    /// The options that it takes besides `--help` and `--version`.
    pub options: &'static [Opt],
    /// Whether `FARCASTER_*` variables stand for options that are not typed.
    pub has_variables: bool,
    /// What it does, with line breaks where the help text has them.
    pub help: &'static str,
    pub validate: fn(&Typed) -> Result<Command>,
}

/// What is done where no command is named.
pub const COLLECT: Spec =
    Spec { name: "", operands: &[], options: OPTIONS, has_variables: true, help: "", validate: collect };

/// What `check` takes: all that collecting does, and how to print what it found.
const CHECK_OPTIONS: [Opt; OPTIONS.len() + 2] = {
    let json = Opt::new("json", Nothing, "Print the findings as JSON (schema: docs/check.schema.json)");
    let report = Opt::new(
        "report",
        Nothing,
        "Print the findings as Markdown for a bug report, without tokens,\n\
         hosts, miners, wallets and folders",
    );
    let mut all = [report; OPTIONS.len() + 2];
    let mut index = 0;
    while index < OPTIONS.len() {
        all[index] = OPTIONS[index];
        index += 1;
    }
    all[OPTIONS.len()] = json;
    all
};

#[rustfmt::skip] // one option, a few lines
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "check",
        operands: &[],
        options: &CHECK_OPTIONS,
        has_variables: true,
        help: "Ask the nodes once, publish nothing, and print what was found, what answers,\n\
               what is wrong and what to do; exit with 1 if anything is wrong. It accepts\n\
               all options for collecting",
        validate: |typed| {
            let format = match (typed.has("json"), typed.has("report")) {
                (true, _) => CheckFormat::Json,
                (_, true) => CheckFormat::Report,
                _ => CheckFormat::Text,
            };
            Ok(Command::Check(Check { options: options(typed)?, format }))
        },
    },
    Spec {
        name: "status",
        operands: &[],
        options: &[
            Opt::new("watch", Optionally("DURATION"), "Redraw at this interval until Ctrl-C, every 30s if none is given"),
            Opt::new("json", Nothing, "Print the facts as JSON (schema: docs/status.schema.json)"),
            Opt::new("width", One("COLUMNS"), "Columns of the screen, 60 to 200\n")
                .default("the terminal's, at most 100, else COLUMNS, else 100"),
            Opt::new("miner-id", Many("ID"),
                "Show this miner only, like f01234, from the chain alone if no\n\
                 lotus-miner here runs it; repeat it for several"),
            of_collecting("timeout"),
            of_collecting("slow-interval"),
            of_collecting("daemon-repo"),
            of_collecting("miner-repo"),
            of_collecting("boost-repo"),
            of_collecting("curio"),
            of_collecting("addresses"),
            of_collecting("max-rows"),
            Opt::new("state-dir", One("DIR"),
                "Folder of what an exporter remembers, which is read if it can be and\n\
                 never written\n").default("STATE_DIRECTORY, else $XDG_STATE_HOME/lotus-farcaster"),
            of_collecting("demo"),
            of_collecting("demo-miners"),
            of_collecting("verbose"),
            of_collecting("quiet"),
        ],
        has_variables: true,
        help: "Ask the nodes once, publish nothing, and show how the miners stand on one\n\
               screen, what is wrong first",
        validate: |typed| {
            // Here --miner-id selects, also among the demo's.
            let contradictions: Vec<_> = CONTRADICTIONS.iter().copied().filter(|(_, other, _)| *other != "miner-id").collect();
            Ok(Command::Status(Status {
                options: options_with(typed, &contradictions)?,
                watch: typed.last("watch", DURATION)?,
                is_json: typed.has("json"),
                width: typed.last("width", COLUMNS)?,
            }))
        },
    },
    Spec {
        name: "targets",
        operands: &[],
        options: &[
            Opt::new("port", One("PORT"), "Port of their node_exporter").default("9100"),
            Opt::new("to", One("FILE"), "Write the list to this file, complete or not at all, and not to stdout"),
            of_collecting("miner-id"),
            of_collecting("timeout"),
            of_collecting("daemon-repo"),
            of_collecting("miner-repo"),
            of_collecting("boost-repo"),
            of_collecting("curio"),
            of_collecting("demo"),
            of_collecting("demo-miners"),
            of_collecting("verbose"),
            of_collecting("quiet"),
        ],
        has_variables: true,
        help: "Ask the nodes once for the machines of their workers, and list them as\n\
               targets of node_exporter for Prometheus (file_sd)",
        validate: |typed| {
            Ok(Command::Targets(Targets {
                options: options(typed)?,
                port: typed.last("port", PORT)?.unwrap_or(DEFAULT_NODE_EXPORTER_PORT),
                file: typed.paths("to").pop(),
            }))
        },
    },
    Spec {
        name: "bundle",
        operands: &[Operand { name: "DIR", variable: None, unless: Some("list"), is_optional: false }],
        options: &[
            Opt::new("list", Nothing, "Print the names of the files without writing them"),
            Opt::new("force", Nothing,
                "Also replace files that were changed there; without it, the new version\n\
                 is written beside each, with .new after its name"),
        ],
        has_variables: false,
        help: "Write the rest of the suite to this folder: dashboards, rules, the stack of\n\
               containers, systemd units, documents, licences",
        validate: |typed| {
            let folder = (!typed.has("list")).then(|| typed.operand(0));
            Ok(Command::Bundle { folder, force: typed.has("force") })
        },
    },
    Spec {
        name: "healthcheck",
        operands: &[Operand { name: "FILE", variable: Some("FARCASTER_TEXTFILE"), unless: None, is_optional: false }],
        options: &[
            Opt::new("max-age", One("DURATION"), "Longest time since the run that wrote it").default("5m"),
        ],
        has_variables: true,
        help: "Exit with 0 if this text file of the exporter is there, whole and fresh,\n\
               otherwise print why and exit with 1",
        validate: |typed| {
            let max_age = typed.last("max-age", DURATION)?.unwrap_or(healthcheck::DEFAULT_MAX_AGE);
            Ok(Command::Healthcheck { file: typed.operand(0), max_age })
        },
    },
    Spec {
        name: "demo-history",
        operands: &[Operand::new("FILE")],
        options: &[
            Opt::new("demo", Optionally("SECTORS"), "How large the farm is").default("2000"),
            Opt::new("demo-miners", One("N"), "Number of lotus-miners").default("2"),
            Opt::new("duration", One("DURATION"), "How far back it goes").default("6h"),
            Opt::new("labels", One("LABELS"), "Labels for every sample, like job=\"farcaster\",instance=\"local\""),
            Opt::new("state-dir", One("DIR"),
                "Folder with which a demo can continue (--demo --state-dir DIR); if it\n\
                 remembers something already, no history is written"),
        ],
        has_variables: true,
        help: "Write the simulated farm's last hours to this file, in OpenMetrics, for\n\
               `promtool tsdb create-blocks-from openmetrics`",
        validate: |typed| {
            Ok(Command::DemoHistory(DemoHistory {
                demo_sectors: typed.last("demo", SECTORS)?.unwrap_or(DEFAULT_DEMO_SECTORS),
                demo_miners: typed.last("demo-miners", MINERS)?.unwrap_or(DEFAULT_DEMO_MINERS),
                duration: typed.last("duration", DURATION)?.unwrap_or(DEFAULT_HISTORY),
                labels: typed.last("labels", LABELS)?.unwrap_or_default(),
                state_dir: typed.paths("state-dir").pop(),
                file: typed.operand(0),
            }))
        },
    },
    Spec {
        name: "init-secrets",
        operands: &[Operand::new("DIR")],
        options: &[],
        has_variables: false,
        help: "Create a random password for Grafana's admin in this folder, unless there\n\
               is one; print where it is, and never the password",
        validate: |typed| Ok(Command::InitSecrets { folder: typed.operand(0) }),
    },
    Spec {
        name: "init-nodes",
        operands: &[Operand::new("OUT")],
        options: &[
            Opt::new("daemon", One("DIR"), "Repo of the Lotus daemon, or the folder that holds its .lotus"),
            Opt::new("miner", One("DIR"), "Repo of the lotus-miner, or the folder that holds its .lotusminer"),
            Opt::new("boost", One("DIR"), "Repo of Boost, or the folder that holds its .boost"),
            Opt::new("secrets", One("DIR"),
                "Folder that may hold fullnode_api_info, miner_api_info and\n\
                 boost_api_info; each takes precedence over the repo, for remote nodes\n\
                 and several miners"),
            Opt::new("demo-file", One("FILE"),
                "Text file of a demo; while one is written there, nothing is done"),
        ],
        has_variables: false,
        help: "Copy address and token of each node, and nothing else of its repo, to\n\
               fullnode_api_info, miner_api_info and boost_api_info in the folder OUT",
        validate: |typed| {
            let path = |name| typed.paths(name).pop();
            Ok(Command::InitNodes(InitNodes {
                daemon: path("daemon"),
                miner: path("miner"),
                boost: path("boost"),
                secrets: path("secrets"),
                demo_file: path("demo-file"),
                out: typed.operand(0),
            }))
        },
    },
    Spec {
        name: "init-alertmanager",
        operands: &[Operand::new("BASE"), Operand::new("OUT")],
        options: &[
            Opt::new("secrets", One("DIR"),
                "Folder that may hold slack_webhook_url, discord_webhook_url,\n\
                 pagerduty_routing_key, webhook_url, ntfy_url, telegram.json, email.json"),
        ],
        has_variables: false,
        help: "Write to OUT the Alertmanager configuration of the file BASE with those\n\
               receivers that files in the folder of --secrets describe",
        validate: |typed| {
            let secrets = typed.paths("secrets").pop();
            ensure!(secrets.is_some(), "init-alertmanager needs --secrets DIR");
            let secrets = secrets.unwrap_or_default();
            Ok(Command::InitAlertmanager { secrets, base: typed.operand(0), out: typed.operand(1) })
        },
    },
    Spec {
        name: "init-edge",
        operands: &[Operand::new("OUT")],
        options: &[
            Opt::new("secrets", One("DIR"), "Folder that holds centre_token, and may hold centre_ca.pem"),
        ],
        has_variables: false,
        help: "Copy the token that this site sends with, and the authority of the\n\
               centre's certificate, to the folder OUT",
        validate: |typed| {
            let secrets = typed.paths("secrets").pop();
            ensure!(secrets.is_some(), "init-edge needs --secrets DIR");
            Ok(Command::InitEdge { secrets: secrets.unwrap_or_default(), out: typed.operand(0) })
        },
    },
    Spec {
        name: "init-centre",
        operands: &[Operand::new("OUT")],
        options: &[
            Opt::new("secrets", One("DIR"),
                "Folder that holds the token of each site in sites/NAME, and may hold\n\
                 centre_cert.pem and centre_key.pem"),
            Opt::new("store", One("URL"), "Where VictoriaMetrics listens").default(DEFAULT_STORE),
        ],
        has_variables: false,
        help: "Write to the folder OUT vmauth.yml, which lets each site write to\n\
               VictoriaMetrics under its name, and sites.yaml, rules that say which\n\
               sites are expected",
        validate: |typed| {
            let secrets = typed.paths("secrets").pop();
            ensure!(secrets.is_some(), "init-centre needs --secrets DIR");
            let store = typed.last("store", URL)?.unwrap_or_else(|| DEFAULT_STORE.to_owned());
            Ok(Command::InitCentre { secrets: secrets.unwrap_or_default(), store, out: typed.operand(0) })
        },
    },
    Spec {
        name: "completions",
        operands: &[Operand::new("SHELL")],
        options: &[],
        has_variables: false,
        help: "Print a completion script for bash, zsh or fish",
        validate: |typed| {
            let shell = typed.operand(0);
            let text = shell.to_str().and_then(completions::of);
            text.map(Command::Print).with_context(|| {
                format!("completions: {} is not bash, zsh or fish", shown(&shell.to_string_lossy()))
            })
        },
    },
    Spec {
        name: "man",
        operands: &[],
        options: &[],
        has_variables: false,
        help: "Print the man page, for `man -l -` or a file in man1",
        validate: |_| Ok(Command::Print(manual::page())),
    },
    Spec {
        name: "help",
        operands: &[Operand { name: "[COMMAND]", variable: None, unless: None, is_optional: true }],
        options: &[],
        has_variables: false,
        help: "Print this help, or that of a command",
        validate: |typed| {
            let word = typed.operand(0);
            let word = word.to_string_lossy();
            let spec = all().find(|spec| spec.name == word);
            let spec = spec.with_context(|| {
                let hint = hint(&word, COMMANDS.iter().map(|command| command.name));
                format!("unknown command {}{hint}", shown(&word))
            })?;
            Ok(Command::Print(help_of(spec)))
        },
    },
    Spec {
        name: "version",
        operands: &[],
        options: &[],
        has_variables: false,
        help: "Print the version",
        validate: |_| Ok(Command::Version),
    },
];

/// Every command, and collecting.
pub fn all() -> impl Iterator<Item = &'static Spec> {
    [&COLLECT].into_iter().chain(COMMANDS)
}

fn collect(typed: &Typed) -> Result<Command> {
    options(typed).map(Command::Collect)
}

/// The options for collecting, complete and in agreement with each other.
pub fn options(typed: &Typed) -> Result<Options> {
    options_with(typed, CONTRADICTIONS)
}

fn options_with(typed: &Typed, contradictions: &[(&'static str, &'static str, &str)]) -> Result<Options> {
    for &(one, other, why) in contradictions {
        if typed.has(one) && typed.has(other) {
            let (one, other) = (typed.source(one), typed.source(other));
            anyhow::bail!("{one} and {other} contradict each other: {why}");
        }
    }

    let textfile = typed.paths("textfile").pop();
    if let Some(path) = &textfile {
        let source = typed.source("textfile");
        // Of the text and not of the last component: `farcaster.prom/` is a folder.
        ensure!(
            path.as_os_str().as_encoded_bytes().ends_with(b".prom"),
            "{source}: the path does not end in .prom, and node_exporter reads no other \
             files; to print to stdout, leave {source} out"
        );
        let folder = path.is_dir();
        ensure!(!folder, "{source}: {} is a folder", path.display());
    }

    let mut miner_ids: Vec<String> = Vec::new();
    for id in typed.all("miner-id", MINER_ID)? {
        // f01234 and t01234 are one miner: the letter only says which network prints it.
        if !miner_ids.iter().any(|known| known[1..] == id[1..]) {
            miner_ids.push(id);
        }
    }

    Ok(Options {
        textfile,
        interval: typed.last("interval", DURATION)?,
        timeout: typed.last("timeout", DURATION)?.unwrap_or(DEFAULT_TIMEOUT),
        slow_interval: typed.last("slow-interval", DURATION)?.unwrap_or(DEFAULT_SLOW_INTERVAL),
        daemon_repo: typed.paths("daemon-repo").pop(),
        miner_repos: typed.paths("miner-repo"),
        boost_repo: typed.paths("boost-repo").pop(),
        curio: typed.all("curio", URL)?,
        miner_ids,
        addresses: typed.paths("addresses").pop(),
        max_rows: typed.last("max-rows", ROWS)?.unwrap_or(DEFAULT_MAX_ROWS),
        state_dir: typed.paths("state-dir").pop(),
        demo: typed.last("demo", SECTORS)?,
        demo_miners: typed.last("demo-miners", MINERS)?.unwrap_or(DEFAULT_DEMO_MINERS),
        require_nodes: typed.has("require-nodes"),
        verbosity: match (typed.has("verbose"), typed.has("quiet")) {
            (true, _) => Verbosity::Verbose,
            (_, true) => Verbosity::Quiet,
            _ => Verbosity::Normal,
        },
    })
}
