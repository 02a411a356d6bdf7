//! Every option, read from the command line and from the environment, right and wrong.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::options::OPTIONS;
use super::*;

fn run(args: &[&str], env: &[(&str, &str)]) -> Result<Command> {
    let env = |name: &str| {
        let found = env.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.to_string())
    };
    parse(args.iter().map(OsString::from), &env)
}

fn options(args: &[&str], env: &[(&str, &str)]) -> Options {
    match run(args, env) {
        Ok(Command::Collect(options)) => options,
        other => panic!("{args:?} {env:?}: {other:?}"),
    }
}

fn error(args: &[&str], env: &[(&str, &str)]) -> String {
    match run(args, env) {
        Err(error) => format!("{error:#}"),
        Ok(command) => panic!("{args:?} {env:?}: {command:?}"),
    }
}

/// The option and another that it cannot do without, with values that are not the defaults.
const SAMPLES: &[&[(&str, &str)]] = &[
    &[("textfile", "x.prom")],
    &[("interval", "20m")],
    &[("timeout", "20s")],
    &[("slow-interval", "2h")],
    &[("daemon-repo", "/d")],
    &[("miner-repo", "/m")],
    &[("boost-repo", "/b")],
    &[("curio", "http://10.0.0.7:4701")],
    &[("miner-id", "f01")],
    &[("addresses", "names")],
    &[("max-rows", "7")],
    &[("state-dir", "/s")],
    &[("require-nodes", "")],
    &[("demo", "5000")],
    &[("demo-miners", "7"), ("demo", "5000")],
    &[("verbose", "")],
    &[("quiet", "")],
];

fn variable(option: &str) -> String {
    format!("FARCASTER_{}", option.to_uppercase().replace('-', "_"))
}

#[test]
fn every_option_works_alike_typed_and_from_the_environment() {
    for sample in SAMPLES {
        let mut typed = Vec::new();
        let mut env = Vec::new();
        for &(name, value) in *sample {
            let equals = if value.is_empty() { "" } else { "=" };
            typed.push(format!("--{name}{equals}{value}"));
            env.push((variable(name), if value.is_empty() { "yes" } else { value }));
        }
        let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
        let env: Vec<_> = env.iter().map(|(k, v)| (k.as_str(), *v)).collect();
        assert_ne!(options(&typed, &[]), options(&typed[1..], &[]), "no effect: {typed:?}");
        assert_eq!(options(&typed, &[]), options(&[], &env), "{sample:?}");
    }
}

/// The words behind the dashes of the options in a help text's section `Options:`.
fn shown(help: &str) -> Vec<&str> {
    let (_, listed) = help.split_once("\nOptions:\n").unwrap();
    let listed = listed.split("\n\n").next().unwrap();
    let usages = listed.lines().map(str::trim).filter(|line| line.starts_with('-'));
    let usages = usages.map(|line| line.split_once("  ").unwrap().0);
    let words = usages.flat_map(|usage| usage.split([' ', ',', '[']));
    words.filter(|word| word.starts_with('-')).collect()
}

#[test]
fn help_shows_the_options_that_exist_and_no_others() {
    for spec in commands::all() {
        let unknown = |option: &str| {
            let args: Vec<&str> = [spec.name, option].into_iter().filter(|arg| !arg.is_empty()).collect();
            run(&args, &[]).is_err_and(|error| {
                let error = error.to_string();
                ["unknown option", " takes no -", " only (see"].iter().any(|words| error.contains(words))
            })
        };
        let help = help::help_of(spec);
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        let shown = shown(&help);
        for option in &shown {
            assert!(!unknown(option), "{}: {option} is in the help text only", spec.name);
        }
        // What the parser accepts: all of the table, and every letter that it does not refuse.
        let mut accepted: Vec<_> = spec.options.iter().chain(COMMON).map(|o| format!("--{}", o.name)).collect();
        let letters = ('!'..='~').filter(|&letter| letter != '-').map(|c| format!("-{c}"));
        accepted.extend(letters.filter(|option| !unknown(option)));
        for option in &accepted {
            assert!(shown.contains(&option.as_str()), "{}: {option} is missing from the help text", spec.name);
        }
    }
    assert_eq!(COLLECT.options.len(), SAMPLES.len(), "an option without a sample");
}

#[test]
fn the_help_text_lists_every_command_with_its_options() {
    let help = help();
    let (_, listed) = help.split_once("\nCommands, ").unwrap();
    let (listed, _) = listed.split_once("\nEnvironment:").unwrap();
    for command in COMMANDS {
        let begins = [" ", "\n"].map(|end| format!("\n  {}{end}", command.name));
        assert!(begins.iter().any(|line| listed.contains(line)), "{}", command.name);
        // Those of collecting stand above.
        let own = command.options.iter().filter(|option| !OPTIONS.iter().any(|other| other.name == option.name));
        for option in own {
            assert!(listed.contains(&format!("{} ", option.usage())), "{} --{}", command.name, option.name);
        }
        let own = run(&[command.name, "--help"], &[]).unwrap();
        assert!(
            matches!(own, Command::Print(text) if text.contains(&format!("Usage: lotus-exporter-farcaster {}", command.name)))
        );
        assert_eq!(run(&[command.name, "-V"], &[]).unwrap(), Command::Version);
    }
}

#[test]
fn commands() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let healthcheck = |file: &str, max_age| Command::Healthcheck { file: file.into(), max_age };
    let init_centre = |store: &str| {
        let (secrets, out) = ("s".into(), "out".into());
        Command::InitCentre { secrets, store: store.to_owned(), out }
    };
    for (args, env, expected) in [
        (&["healthcheck", "x.prom"][..], &[][..], healthcheck("x.prom", minutes(5))),
        (&["healthcheck", "--max-age", "2m", "x"], &[("FARCASTER_MAX_AGE", "9m")], healthcheck("x", minutes(2))),
        (&["healthcheck"], &[("FARCASTER_TEXTFILE", "y"), ("FARCASTER_MAX_AGE", "9m")], healthcheck("y", minutes(9))),
        (&["healthcheck", "x"], &[("FARCASTER_TEXTFILE", "y")], healthcheck("x", minutes(5))),
        (&["init-secrets", "d"], &[("FARCASTER_DEMO", "wrong")], Command::InitSecrets { folder: "d".into() }),
        (
            &["init-nodes", "out"],
            &[("FARCASTER_DAEMON", "no")],
            Command::InitNodes(InitNodes { out: "out".into(), ..InitNodes::default() }),
        ),
        (
            &["init-nodes", "--daemon=d", "--miner=m", "--boost=b", "--secrets=s", "--demo-file=f", "--", "out"],
            &[],
            Command::InitNodes(InitNodes {
                daemon: Some("d".into()),
                miner: Some("m".into()),
                boost: Some("b".into()),
                secrets: Some("s".into()),
                demo_file: Some("f".into()),
                out: "out".into(),
            }),
        ),
        (
            &["status", "--watch", "--miner-id", "f01"],
            &[("FARCASTER_JSON", "yes"), ("FARCASTER_WIDTH", "80"), ("FARCASTER_TEXTFILE", "?")],
            Command::Status(Status {
                options: options(&["--miner-id", "f01"], &[]),
                watch: Some(Duration::from_secs(DEFAULT_WATCH_SECONDS)),
                is_json: true,
                width: Some(80),
            }),
        ),
        (
            &["init-alertmanager", "base", "--secrets", "s", "out"],
            &[],
            Command::InitAlertmanager { secrets: "s".into(), base: "base".into(), out: "out".into() },
        ),
        (&["init-edge", "--secrets=s", "out"], &[], Command::InitEdge { secrets: "s".into(), out: "out".into() }),
        (
            &["init-centre", "--secrets=s", "out"],
            &[("FARCASTER_STORE", "no")],
            init_centre("http://victoria-metrics:9090"),
        ),
        (
            &["init-centre", "--secrets=s", "--store", "https://[::1]:8428/x", "out"],
            &[],
            init_centre("https://[::1]:8428/x"),
        ),
    ] {
        assert_eq!(run(args, env).unwrap(), expected, "{args:?}");
    }
    // What the exporter beside it is set to is no matter of a command.
    let wrong: Vec<_> = SAMPLES.iter().map(|sample| variable(sample[0].0)).collect();
    let wrong: Vec<_> = wrong.iter().map(|name| (name.as_str(), "?")).collect();
    for args in [&["healthcheck", "x"][..], &["init-secrets", "x"], &["init-nodes", "x"]] {
        run(args, &wrong).unwrap();
    }
}

#[test]
fn wrong_usage_of_commands() {
    for (args, words) in [
        (&["bogus"][..], "unknown command \"bogus\" (see --help)"),
        (&["healthcheck"], "healthcheck needs FILE, or FARCASTER_TEXTFILE in the environment (see healthcheck --help)"),
        (&["healthcheck", ""], "healthcheck needs FILE"),
        (&["healthcheck", "x", "y"], "unexpected argument \"y\""),
        (&["healthcheck", "--interval=1m", "x"], "healthcheck takes no --interval"),
        (&["healthcheck", "-v", "x"], "healthcheck takes no -v"),
        (&["healthcheck", "--bogus"], "unknown option --bogus"),
        (&["healthcheck", "--max-age=0", "x"], "--max-age: \"0\" is not a duration"),
        (&["init-secrets"], "init-secrets needs DIR"),
        (&["init-edge", "out"], "init-edge needs --secrets DIR"),
        (&["init-centre", "out"], "init-centre needs --secrets DIR"),
        (&["init-centre", "--secrets=s", "--store=victoria:8428", "out"], "is not a URL like http://HOST:PORT"),
        (&["init-nodes", "--daemon", "d"], "init-nodes needs OUT"),
        (&["init-nodes", "--daemon", "", "out"], "--daemon needs a value"),
        (&["init-alertmanager", "base", "out"], "init-alertmanager needs --secrets"),
        (&["init-alertmanager", "--secrets", "s", "base"], "init-alertmanager needs OUT"),
        (&["--max-age=5m"], "--max-age is an option of the command healthcheck only (see --help)"),
        (&["--verbose", "healthcheck", "x"], "unexpected argument \"healthcheck\": a command comes first"),
    ] {
        let error = error(args, &[]);
        assert!(error.contains(words) && error.ends_with("--help)"), "{args:?}: {error}");
    }
}

#[test]
fn defaults_are_those_that_the_help_text_names() {
    let defaults = options(&[], &[]);
    assert_eq!(defaults.timeout, Duration::from_secs(40));
    assert_eq!(defaults.max_rows, 500);
    assert_eq!(defaults.verbosity, Verbosity::Normal);
    assert_eq!((defaults.demo, defaults.interval), (None, None));
    let help = help();
    assert!(help.contains("[default: 40s]") && help.contains("[default: 500]"));
    assert_eq!(options(&["--demo"], &[]).demo, Some(2000));
    assert!(help.contains("of 2000 sectors by default"));
}

#[test]
fn what_is_typed_wins_over_the_environment() {
    let env = [
        ("FARCASTER_TIMEOUT", "nonsense"),
        ("FARCASTER_MINER_ID", "f01, f02,,t0003"),
        ("FARCASTER_QUIET", "1"),
        ("FARCASTER_DAEMON_REPO", "/d"),
    ];
    let typed = options(&["--timeout", "5", "--miner-id=f09", "-v"], &env);
    assert_eq!(typed.timeout, Duration::from_secs(5));
    assert_eq!(typed.miner_ids, ["f09"]);
    assert_eq!(typed.verbosity, Verbosity::Verbose);
    assert_eq!(options(&[], &env[1..]).miner_ids, ["f01", "f02", "t03"]);
    // What contradicts the environment wins too.
    let demo = options(&["--demo", "--timeout=5"], &env);
    assert_eq!((demo.demo, demo.daemon_repo), (Some(2000), None));
    assert_eq!(demo.miner_ids, [""; 0]);
    let nodes = options(&["--boost-repo=/b"], &[("FARCASTER_DEMO", "1")]);
    assert_eq!(nodes.demo, None);
    // The last of several counts.
    assert_eq!(options(&["--max-rows=1", "--max-rows=2"], &[]).max_rows, 2);
}

#[test]
fn variables_can_be_empty_on_or_off() {
    let demo = |value| options(&[], &[("FARCASTER_DEMO", value)]).demo;
    for (value, sectors) in [("", None), ("0", None), ("No", None), ("false", None)] {
        assert_eq!(demo(value), sectors, "{value:?}");
    }
    for (value, sectors) in [("1", 2000), ("True", 2000), ("yes", 2000), ("2", 2)] {
        assert_eq!(demo(value), Some(sectors), "{value:?}");
    }
    assert_eq!(options(&["--demo=1"], &[]).demo, Some(1));
    assert_eq!(demo("2000000"), Some(2_000_000));
    let unset: Vec<_> = SAMPLES.iter().map(|sample| variable(sample[0].0)).collect();
    let unset: Vec<_> = unset.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(options(&[], &unset), options(&[], &[]));
    let off = [("FARCASTER_VERBOSE", "no"), ("FARCASTER_QUIET", "0")];
    assert_eq!(options(&[], &off).verbosity, Verbosity::Normal);
}

#[test]
fn help_and_version_are_answered_before_anything_is_validated() {
    for help in ["-h", "--help", "-vh"] {
        assert_eq!(run(&["--timeout=x", help, "?"], &[]).unwrap(), Command::Print(super::help()));
    }
    let wrong = [("FARCASTER_QUIET", "perhaps")];
    for version in ["-V", "--version"] {
        assert_eq!(run(&[version], &wrong).unwrap(), Command::Version);
    }
    let env = [("FARCASTER_VERSION", "v5"), ("FARCASTER_HELP", "1")];
    assert_eq!(options(&[], &env), options(&[], &[]));
}

#[test]
fn the_number_of_a_demo_may_be_a_separate_word() {
    assert_eq!(options(&["--demo", "5000"], &[]), options(&["--demo=5000"], &[]));
    assert_eq!(options(&["--demo", "--verbose"], &[]), options(&["--demo=2000", "--verbose"], &[]));
}

#[test]
fn help_and_version_are_words_too() {
    assert_eq!(run(&["help"], &[]).unwrap(), run(&["--help"], &[]).unwrap());
    assert_eq!(run(&["help", "check"], &[]).unwrap(), run(&["check", "--help"], &[]).unwrap());
    assert_eq!(run(&["version"], &[]).unwrap(), run(&["--version"], &[]).unwrap());
    assert!(error(&["help", "bundel"], &[]).contains("unknown command \"bundel\": did you mean bundle?"));
}

#[test]
fn variables_that_nearly_match_an_option_are_named() {
    let lines = |names: &[&str]| misspelt(names.iter().map(|name| (*name).to_owned()));
    let line = "FARCASTER_INTERVALL sets no option and is ignored: did you mean FARCASTER_INTERVAL?";
    assert_eq!(lines(&["FARCASTER_INTERVALL", "FARCASTER_INTERVAL", "HOME"]), [line]);
    assert!(lines(&["FARCASTER_MINERID"])[0].contains("FARCASTER_MINER_ID?"));
    let of_others = [
        "FARCASTER_VERSION",
        "FARCASTER_COMMIT",
        "FARCASTER_IMAGE",
        "FARCASTER_GRAFANA_BIND",
        "FARCASTER_RETENTION_TIME",
    ];
    assert_eq!(lines(&of_others), [""; 0]);
}

#[test]
fn completions_are_for_shells_that_exist() {
    assert!(error(&["completions"], &[]).contains("completions needs SHELL"));
    assert!(error(&["completions", "tcsh"], &[]).contains("\"tcsh\" is not bash, zsh or fish"));
}

#[test]
fn durations() {
    let seconds = |text: &str| options(&["--timeout", text], &[]).timeout.as_secs_f64();
    for (text, expected) in [
        ("30s", 30.0),
        ("1m", 60.0),
        ("500ms", 0.5),
        ("1h", 3600.0),
        ("1m30s", 90.0),
        ("1h0m5s250ms", 3605.25),
        ("45", 45.0),
        ("604800", 604_800.0),
        ("168h", 604_800.0),
        ("7d", 604_800.0),
        ("1d12h", 129_600.0),
    ] {
        assert_eq!(seconds(text), expected, "{text}");
    }
    let wrong = "0|0s|0h0ms|-5|-5s|+5|1.5s|s|5 s|30s |5S|8d|1m30|m5|\u{665}s|5\u{e9}|\
         169h|604801|604800s1ms|\
         99999999999999999999h|18446744073709551615ms1ms|18446744073709551615h";
    for text in wrong.split('|') {
        let error = error(&["--timeout", text], &[]);
        let words = format!("--timeout: {text:?} is not a duration");
        assert!(error.contains(&words), "{error}");
    }
}

#[test]
fn miner_ids_are_canonical_and_unique() {
    let ids = ["f001234", "f02", "t02", "f01234", "f00"].map(|id| format!("--miner-id={id}"));
    let ids = ids.each_ref().map(String::as_str);
    assert_eq!(options(&ids, &[]).miner_ids, ["f01234", "f02", "f00"]);
}

#[test]
fn wrong_usage_names_the_option_and_the_reason() {
    let folder = tempfile::Builder::new().suffix(".prom").tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let huge = "f0".to_owned() + &"9".repeat(30);
    for (args, words) in [
        (&["--bogus"][..], "unknown option --bogus"),
        (&["--bogus=x"], "unknown option --bogus"),
        (&["-x"], "unknown option -x"),
        (&["--demo", "many"], "unexpected argument \"many\""),
        (&["--demo", "5000", "6000"], "unexpected argument \"6000\""),
        (&["--intervall=1m"], "unknown option --intervall: did you mean --interval?"),
        (&["--deamon-repo=/d"], "unknown option --deamon-repo: did you mean --daemon-repo?"),
        (&["chek"], "unknown command \"chek\": did you mean check?"),
        (&["frobnicate"], "unknown command \"frobnicate\" (see"),
        (&["--", "-v"], "unexpected argument \"-v\""),
        (&["--verbose=1"], "--verbose takes no value"),
        (&["--textfile"], "--textfile needs a value"),
        (&["--state-dir", ""], "--state-dir needs a value"),
        (&["--state-dir", "--demo"], "--state-dir needs a value"),
        (&["--demo="], "--demo needs a value"),
        (&["--demo=0"], "--demo: \"0\" is not a number of sectors"),
        (&["--demo=2000001"], "--demo: \"2000001\""),
        (&["--demo", "--demo-miners=0"], "--demo-miners: \"0\" is not a number of miners from 1 to 200"),
        (&["--max-rows=-1"], "--max-rows: \"-1\" is not a whole number"),
        (&["--max-rows=1e3"], "--max-rows: \"1e3\""),
        (&["--miner-id=1234"], "--miner-id: \"1234\" is not a miner id like f01234"),
        (&["--miner-id=f0"], "--miner-id: \"f0\""),
        (&["--miner-id=f1abc"], "--miner-id: \"f1abc\""),
        (&["--miner-id=f0+1"], "--miner-id: \"f0+1\""),
        (&["--miner-id", &huge], "--miner-id: "),
        (&["--textfile=x.prom.txt"], "--textfile: the path does not end in .prom"),
        (&["--textfile=x.prom/"], "--textfile: the path does not end in .prom"),
        (&["--textfile", folder], "is a folder"),
        (&["-vq"], "--verbose and --quiet contradict each other"),
        (&["--demo", "--daemon-repo=/d"], "--demo and --daemon-repo"),
        (&["--demo", "--miner-repo=/m"], "--demo and --miner-repo"),
        (&["--demo", "--boost-repo=/b"], "--demo and --boost-repo"),
        (&["--demo", "--curio=http://a:4701"], "--demo and --curio"),
        (&["--curio=10.0.0.7:4701"], "is not a URL like http://HOST:PORT"),
        (&["--demo", "--miner-id=f01"], "the demo asks no node"),
    ] {
        let error = error(args, &[]);
        assert!(error.contains(words), "{args:?}: {error}");
        assert!(error.ends_with("(see --help)"), "{args:?}: {error}");
    }
}

#[test]
fn wrong_variables_are_named() {
    for (env, words) in [
        (&[("FARCASTER_TIMEOUT", "soon")][..], "FARCASTER_TIMEOUT: \"soon\" is not"),
        (&[("FARCASTER_VERBOSE", "perhaps")], "FARCASTER_VERBOSE: \"perhaps\" is not 1, true"),
        (&[("FARCASTER_DEMO", "on")], "FARCASTER_DEMO: \"on\" is not"),
        (&[("FARCASTER_MINER_ID", "f01,x")], "FARCASTER_MINER_ID: \"x\" is not"),
        (&[("FARCASTER_TEXTFILE", "x")], "FARCASTER_TEXTFILE: the path does not end"),
        (
            &[("FARCASTER_DEMO", "1"), ("FARCASTER_MINER_REPO", "/m")],
            "FARCASTER_DEMO and FARCASTER_MINER_REPO contradict",
        ),
    ] {
        let error = error(&[], env);
        assert!(error.contains(words), "{env:?}: {error}");
        assert!(error.ends_with("(see --help)"), "{env:?}: {error}");
    }
}

#[test]
fn no_error_repeats_what_may_be_a_token() {
    let info = "eyJhbGciOiJIUzI1NiJ9.eyJBbGxvdyI6W119.c2lnbmF0dXJl:/ip4/127.0.0.1/tcp/1234/http";
    let token = &"eyJhbGciOiJIUzI1NiJ9.".repeat(5);
    let short = "c2lnbmF0dXJl:/ip4/127.0.0.1/tcp/1234";
    for secret in [info, token, short, "c2lnbmF0dXJl@host"] {
        let option = format!("--verbose={secret}");
        for (args, env) in [
            (&[secret][..], &[][..]),
            (&["--miner-id", secret], &[]),
            (&[&option], &[]),
            (&["--textfile", secret], &[]),
            (&[], &[("FARCASTER_MINER_ID", secret)]),
            (&[], &[("FARCASTER_QUIET", secret)]),
        ] {
            let error = error(args, env);
            assert!(!error.contains("eyJ") && !error.contains("c2ln"), "{error}");
        }
    }
}
