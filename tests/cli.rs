//! The program as a user meets it: options, exit codes, files, signals.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Answer, Exporter, Farm, MINER, Metrics, finish};

/// Names of everything in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Waits until a condition holds.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "never: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Uses the shell's builtin: not every machine has a program for it.
fn signal(child: &Child, name: &str) {
    let sent =
        Command::new("/bin/sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Whether whoever started the tests has SIGINT ignored, as nohup and shells in the background do, and every program that they start inherits.
fn is_interrupt_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(ignored.trim(), 16).unwrap() & 1 << (2 - 1) != 0
}

#[test]
fn help() {
    for option in ["--help", "-h"] {
        let run = Exporter::new().arg(option).run();
        assert_eq!(run.status.code(), Some(0));
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), (lotus_farcaster::cli::help().as_str(), ""));
    }
}

#[test]
fn help_for_a_command() {
    let run = Exporter::new().args(&["healthcheck", "--help"]).run();
    assert_eq!((run.status.code(), run.stderr.as_str()), (Some(0), ""));
    assert!(run.stdout.contains("Usage: lotus-exporter-farcaster healthcheck [OPTIONS] FILE\n"), "{}", run.stdout);
}

#[test]
fn version() {
    let run = Exporter::new().arg("--version").run();
    assert_eq!(run.status.code(), Some(0));
    let words: Vec<&str> = run.stdout.split_whitespace().collect();
    assert_eq!(words[..3], ["lotus-exporter-farcaster", env!("CARGO_PKG_VERSION"), "(commit"]);
}

#[test]
fn a_man_page_and_completions() {
    for (args, begins) in [
        (&["man"][..], ".TH LOTUS\\-EXPORTER\\-FARCASTER 1 "),
        (&["completions", "bash"], "# bash completion"),
        (&["completions", "zsh"], "#compdef lotus-exporter-farcaster\n"),
        (&["completions", "fish"], "# fish completion"),
    ] {
        let run = Exporter::new().args(args).run();
        assert_eq!((run.status.code(), run.stderr.as_str()), (Some(0), ""), "{args:?}");
        assert!(run.stdout.starts_with(begins) && run.stdout.contains("interval"), "{args:?}: {}", run.stdout);
    }
}

#[test]
fn what_is_mistyped_and_what_was_meant() {
    for (arg, message) in [
        ("chek", "unknown command \"chek\": did you mean check? (see --help)\n"),
        ("--intervall=1m", "unknown option --intervall: did you mean --interval? (see --help)\n"),
    ] {
        let run = Exporter::new().arg(arg).run();
        assert_eq!(run.status.code(), Some(2));
        assert_eq!(run.stderr, format!("lotus-exporter-farcaster: {message}"));
    }
    let run = Exporter::new().arg("--demo").env("FARCASTER_MAXROWS", "1").run();
    assert_eq!(run.status.code(), Some(0));
    let line = "FARCASTER_MAXROWS sets no option and is ignored: did you mean FARCASTER_MAX_ROWS?\n";
    assert_eq!(run.stderr, format!("lotus-exporter-farcaster: {line}"));
}

#[test]
fn wrong_usage() {
    for args in [
        &["--bogus"][..],
        &["collect"],
        &["--textfile", "x.txt"],
        &["--timeout", "soon"],
        &["healthcheck"],
        &["init-nodes", "--interval", "1m", "out"],
    ] {
        let run = Exporter::new().args(args).run();
        assert_eq!(run.status.code(), Some(2), "{args:?}");
        assert_eq!(run.stdout, "");
        assert!(
            run.stderr.contains(args[0].trim_start_matches('-')) && run.stderr.contains("--help"),
            "{}",
            run.stderr
        );
    }
    let run = Exporter::new().env("FARCASTER_MAX_ROWS", "many").run();
    assert_eq!(run.status.code(), Some(2));
    assert!(run.stderr.contains("FARCASTER_MAX_ROWS"), "{}", run.stderr);
}

#[test]
fn a_text_that_cannot_be_written() {
    let exporter = Exporter::new();
    let path = exporter.home().join("missing/farcaster.prom");
    let run = exporter.arg("--textfile").arg(&path).run();
    assert_eq!(run.status.code(), Some(1));
    assert!(run.stderr.contains("cannot write") && run.stderr.contains("mkdir -p"), "{}", run.stderr);

    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let exporter = Exporter::new();
    let mut child = exporter.command().stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let run = finish(&mut child);
    assert_eq!(run.status.code(), Some(1));
    assert!(run.stderr.contains("cannot write to stdout"), "{}", run.stderr);
}

/// `lotus-exporter-farcaster | head` is not a failure.
#[test]
fn a_reader_that_went_away_is_not_a_failure() {
    let farm = Farm::start();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let exporter = farm.exporter();
    let mut child = exporter.command().stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let run = finish(&mut child);
    assert_eq!((run.status.code(), run.stderr.as_str()), (Some(0), ""));
    assert!(farm.daemon.count("MpoolPending") > 0);
}

#[test]
fn a_text_file() {
    let farm = Farm::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("farcaster.prom");
    let run = farm.exporter().umask("077").arg("--textfile").arg(&path).run();
    assert_eq!((run.status.code(), run.stdout.as_str(), run.stderr.as_str()), (Some(0), "", ""));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644);
    assert_eq!(names(folder.path()), ["farcaster.prom"]);

    let (printed, _) = farm.exporter().collect();
    let written = Metrics::parse(&fs::read_to_string(&path).unwrap());
    let keys = |metrics: &Metrics| metrics.0.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&written), keys(&printed));
}

#[test]
fn a_text_file_that_cannot_be_replaced_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("farcaster.prom");
    fs::create_dir(&path).unwrap();
    let run = Exporter::new().arg("--textfile").arg(&path).run();
    assert_eq!(run.status.code(), Some(2), "a folder is no file to write to");
    assert_eq!(names(folder.path()), ["farcaster.prom"]);
}

#[test]
fn again_and_again() {
    let farm = Farm::start();
    let exporter = farm.exporter();
    let path = exporter.home().join("farcaster.prom");
    let exporter = exporter.args(&["--interval", "50ms", "--timeout", "50ms"]).arg("--textfile").arg(&path);
    let mut child = exporter.spawn();
    let ended = || -> Option<f64> {
        let text = fs::read_to_string(&path).ok()?;
        Metrics::parse(&text).value("farcaster_run_timestamp_seconds", &[])
    };
    wait_until("a first text", || ended().is_some());
    let first = ended().unwrap();
    wait_until("a second text", || ended().unwrap() > first);
    let second = ended().unwrap();
    wait_until("a third text", || ended().unwrap() > second);
    child.kill().unwrap();
    finish(&mut child);
}

/// What is wrong is reported once, and not in every run; what goes wrong again is reported again.
#[test]
fn again_and_again_without_filling_the_log() {
    let farm = Farm::start();
    farm.daemon.answer("StateMinerPower", Answer::Error(1, "the first problem".to_owned()));
    let exporter = farm.exporter();
    let path = exporter.home().join("farcaster.prom");
    let exporter = exporter.args(&["--interval", "1s"]).arg("--textfile").arg(&path);
    let mut child = exporter.spawn();
    let runs = |count: usize| wait_until("so many runs", || farm.daemon.count("ChainHead") >= count);
    runs(3);
    farm.daemon.answer("WalletList", Answer::Error(1, "the second problem".to_owned()));
    runs(6);
    child.kill().unwrap();
    let run = finish(&mut child);
    let said = |words: &str| run.stderr.lines().filter(|line| line.contains(words)).count();
    assert_eq!((said("the first problem"), said("the second problem")), (1, 1), "{}", run.stderr);
}

/// After a run that cannot write, the next one is tried.
#[test]
fn a_disk_that_comes_back() {
    let exporter = Exporter::new();
    let folder = exporter.home().join("missing");
    let path = folder.join("farcaster.prom");
    let exporter = exporter.args(&["--interval", "20ms"]).arg("--textfile").arg(&path);
    let mut child = exporter.spawn();
    thread::sleep(Duration::from_millis(100));
    fs::create_dir(&folder).unwrap();
    wait_until("a text", || path.exists());
    child.kill().unwrap();
    assert!(finish(&mut child).stderr.contains("mkdir -p"));
}

#[test]
fn sigterm_ends_the_wait_for_the_next_run() {
    let farm = Farm::start();
    let exporter = farm.exporter();
    let path = exporter.home().join("farcaster.prom");
    let exporter = exporter.args(&["--interval", "1h"]).arg("--textfile").arg(&path);
    for name in ["TERM", "INT"] {
        let mut child = exporter.spawn();
        wait_until("a text", || path.exists());
        signal(&child, name);
        let mut expected = if name == "TERM" { 15 } else { 2 };
        if name == "INT" && is_interrupt_ignored() {
            thread::sleep(Duration::from_millis(100));
            assert!(child.try_wait().unwrap().is_none(), "it ended by a signal that it was told to ignore");
            signal(&child, "TERM");
            expected = 15;
        }
        let run = finish(&mut child);
        assert_eq!(run.status.signal(), Some(expected));
        assert!(Metrics::parse(&fs::read_to_string(&path).unwrap()).has("farcaster_miner_balance_fil", &[]));
        fs::remove_file(&path).unwrap();
    }
}

/// Five hundred texts, of processes killed at any moment: the file is always there, and always whole, and so is the state.
#[test]
fn no_torn_file_whenever_it_is_killed() {
    let exporter = Exporter::new().args(&["--interval=1ms", "-v"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("farcaster.prom");
    let state = exporter.home().join(".local/state/lotus-farcaster/state.json");
    let exporter = exporter.arg("--textfile").arg(&path);
    let series = |text: &str| Metrics::parse(text).0.into_keys().collect::<Vec<_>>();
    let expected = series(&Exporter::new().run().stdout);
    let (mut runs, mut random) = (0, 88_172_645_463_325_252_u64);
    while runs < 500 {
        let mut child = exporter.spawn();
        if runs == 0 {
            wait_until("a text", || path.exists());
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        thread::sleep(Duration::from_micros(10_000 + random % 100_000));
        child.kill().unwrap();
        runs += finish(&mut child).stderr.matches("run of ").count();
        assert_eq!(series(&fs::read_to_string(&path).unwrap()), expected);
        serde_json::from_slice::<serde_json::Value>(&fs::read(&state).unwrap()).unwrap();
        let others = names(folder.path()).into_iter().filter(|name| name != "farcaster.prom");
        assert!(others.into_iter().all(|name| !name.ends_with(".prom")), "node_exporter would read it");
    }
}

#[test]
fn max_rows() {
    let farm = Farm::start();
    let (all, _) = farm.exporter().collect();
    let (metrics, stderr) = farm.exporter().args(&["--max-rows", "2"]).collect();
    assert_eq!(stderr, "");
    let families = metrics.label("farcaster_truncated_rows", "family");
    assert_eq!(families, all.label("farcaster_truncated_rows", "family"));
    for family in families {
        let (left, before) = (metrics.family(family).len(), all.family(family).len());
        assert_eq!(left, before.min(2), "{family}");
        let left_out = metrics.value("farcaster_truncated_rows", &[("family", family)]);
        assert_eq!(left_out, Some((before - left) as f64), "{family}");
    }
    // The worst and oldest come first: sector 27 failed, 109 waits the longest.
    let pipeline = metrics.label("farcaster_miner_pipeline_sector_state_timestamp_seconds", "sector");
    assert_eq!(pipeline.into_iter().collect::<Vec<_>>(), ["109", "27"]);
    // Everything that is not a row is complete.
    assert_eq!(metrics.family("farcaster_miner_sectors"), all.family("farcaster_miner_sectors"));
    let (none, _) = farm.exporter().args(&["--max-rows", "0"]).collect();
    assert!(!none.has("farcaster_miner_faulty_sector", &[]));
    assert_eq!(none.value("farcaster_truncated_rows", &[("family", "farcaster_miner_faulty_sector")]), Some(2.0));
}

#[test]
fn an_address_book() {
    let farm = Farm::start();
    let (before, _) = farm.exporter().collect();
    let exporter = farm.exporter();
    let folder = exporter.home().join(".config/lotus-farcaster");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("addresses.json");
    fs::write(&path, json!({"names": {"f0300": "Client"}, "watch": ["f0400", "f0300"]}).to_string()).unwrap();
    let (metrics, stderr) = exporter.collect();
    assert_eq!(stderr, "");
    let client = [("id_address", "f0300"), ("name", "Client")];
    assert_eq!(
        metrics.value("farcaster_wallet_balance_fil", &client),
        Some(10.0),
        "once, although watched and a wallet"
    );
    assert!(metrics.has("farcaster_wallet_balance_fil", &[("id_address", "f0400")]));
    assert!(metrics.has("farcaster_mpool_local_message_first_seen_timestamp_seconds", &[("to_name", "Client")]));

    for bad in ["{", "[]", r#"{"names": {"Client": "f0300"}}"#, r#"{"watches": []}"#] {
        let exporter = farm.exporter().arg("--addresses").arg(&path);
        fs::write(&path, bad).unwrap();
        let (after, stderr) = exporter.collect();
        assert!(stderr.contains(path.to_str().unwrap()), "{stderr}");
        assert!(["running without it", "left out"].iter().any(|end| stderr.contains(end)), "{stderr}");
        assert!(after.failed().is_empty());
        assert_eq!(after.family("farcaster_wallet_balance_fil"), before.family("farcaster_wallet_balance_fil"));
    }
    let (after, stderr) = farm.exporter().args(&["--addresses", "/nowhere/book.json"]).collect();
    assert!(stderr.contains("/nowhere/book.json") && stderr.contains("running without it"), "{stderr}");
    assert!(after.failed().is_empty());
}

#[test]
fn options_in_the_environment() {
    let farm = Farm::start();
    let exporter = farm.exporter();
    let path = exporter.home().join("from-the-environment.prom");
    let exporter = exporter
        .env("FARCASTER_TEXTFILE", path.to_str().unwrap())
        .env("FARCASTER_MAX_ROWS", "1")
        .env("FARCASTER_TIMEOUT", "33s")
        .env("FARCASTER_MINER_ID", "f05678,f01234")
        .env("FARCASTER_VERBOSE", "yes");
    let run = exporter.run();
    assert_eq!((run.status.code(), run.stdout.as_str()), (Some(0), ""));
    assert!(run.stderr.contains("run of "), "{}", run.stderr);
    let metrics = Metrics::parse(&fs::read_to_string(&path).unwrap());
    assert_eq!(metrics.value("farcaster_run_timeout_seconds", &[]), Some(33.0));
    assert_eq!(metrics.family("farcaster_miner_faulty_sector").len(), 1);
    assert!(metrics.failed().is_empty());
}

#[test]
fn quiet_and_verbose() {
    let farm = Farm::start();
    farm.daemon.answer("StateMinerPower", Answer::Error(1, "no".to_owned()));
    let run = farm.exporter().arg("--quiet").run();
    assert_eq!((run.status.code(), run.stderr.as_str()), (Some(0), ""));
    let run = farm.exporter().arg("--verbose").run();
    assert!(run.stderr.contains(&format!("daemon 127.0.0.1:{} from FULLNODE_API_INFO", farm.daemon.port)));
    assert!(run.stderr.contains("run of "), "{}", run.stderr);
}

/// Lists of all sectors and of all their files are rarely asked for, and the calls do not grow with every run.
#[test]
fn what_is_remembered_is_not_asked_again() {
    let farm = Farm::start();
    let exporter = farm.exporter();
    let (first, _) = exporter.collect();
    let state = exporter.home().join(".local/state/lotus-farcaster/state.json");
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o7777, 0o600);
    let (second, _) = exporter.collect();
    for method in ["SectorsListInStates", "StorageList", "StorageInfo", "SectorsStatus"] {
        let once = match method {
            "SectorsListInStates" => 2, // those in motion, and those held
            "StorageInfo" => 4,
            "SectorsStatus" => 7,
            _ => 1,
        };
        assert_eq!(farm.miner.count(method), once, "{method}");
    }
    for family in [
        "farcaster_mpool_local_message_first_seen_timestamp_seconds",
        "farcaster_miner_pipeline_sector_state_timestamp_seconds",
        "farcaster_miner_expired_sectors",
        "farcaster_storage_info",
    ] {
        assert_eq!(first.family(family), second.family(family), "{family}");
    }
    let looked_up = [("collector", "expired_sectors"), ("miner_id", MINER)];
    let data = "farcaster_collector_data_timestamp_seconds";
    assert_eq!(first.value(data, &looked_up), second.value(data, &looked_up), "its age shows");
}

#[test]
fn a_state_that_is_damaged_or_cannot_be_kept() {
    let farm = Farm::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    for damaged in ["", "{", "[]", r#"{"version":1,"sections":{"storage/f01234":7,"mpool":{"first_seen_seconds":[]}}}"#]
    {
        fs::write(&file, damaged).unwrap();
        let (metrics, stderr) = farm.exporter().arg("--state-dir").arg(folder.path()).collect();
        assert!(metrics.failed().is_empty(), "{stderr}");
        assert_eq!(stderr.is_empty(), damaged.contains("version"), "{stderr}");
        assert!(fs::read_to_string(&file).unwrap().contains("first_seen_seconds"), "a new one was begun");
    }

    let later = r#"{"version":99,"sections":{}}"#;
    fs::write(&file, later).unwrap();
    let (metrics, stderr) = farm.exporter().arg("--state-dir").arg(folder.path()).collect();
    assert!(metrics.failed().is_empty() && stderr.contains("newer exporter"), "{stderr}");
    assert_eq!(fs::read_to_string(&file).unwrap(), later);

    let (metrics, stderr) = farm.exporter().args(&["--state-dir", "/proc/nowhere"]).collect();
    assert!(metrics.failed().is_empty() && stderr.contains("/proc/nowhere"), "{stderr}");
}

/// With the files that Lotus leaves in its repos, no configuration is needed.
#[test]
fn repos_are_found() {
    let farm = Farm::start();
    let exporter = Exporter::new();
    let token = support::token(support::Permission::Admin);
    for (repo, node) in [(".lotus", &farm.daemon), (".lotusminer", &farm.miner)] {
        let repo = exporter.home().join(repo);
        fs::create_dir(&repo).unwrap();
        fs::write(repo.join("api"), format!("/ip4/127.0.0.1/tcp/{}/http", node.port)).unwrap();
        fs::write(repo.join("token"), &token).unwrap();
        fs::set_permissions(repo.join("token"), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let (metrics, stderr) = exporter.collect();
    assert_eq!((stderr.as_str(), metrics.failed()), ("", vec![]));
    assert!(metrics.has("farcaster_worker_info", &[("miner_id", MINER)]));
}

/// On stdout, one text follows another until nobody reads them.
#[test]
fn a_loop_on_stdout_ends_with_its_reader() {
    use std::io::{BufRead, BufReader};
    let exporter = Exporter::new().args(&["--demo=50", "--interval", "20ms"]);
    let mut child =
        exporter.command().stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let texts = lines.filter(|line| line.starts_with("farcaster_run_timestamp_seconds ")).take(3);
    assert_eq!(texts.count(), 3);
    wait_until("its end", || child.try_wait().unwrap().is_some());
    assert!(child.wait().unwrap().success());
}

#[test]
fn with_require_nodes_nothing_is_written_while_there_is_none_or_a_demo_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("farcaster.prom");
    let run = Exporter::new().args(&["--require-nodes", "--textfile"]).arg(&path).run();
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("no node was found"), "{}", run.stderr);
    assert!(!path.exists());

    // The reason why none was found is printed as well.
    let exporter = Exporter::new().args(&["--require-nodes", "--textfile"]).arg(&path);
    let run = exporter.env("FULLNODE_API_INFO_FILE", "/nowhere/info").run();
    assert!(run.stderr.contains("no node was found"), "{}", run.stderr);
    assert!(run.stderr.contains("FULLNODE_API_INFO_FILE names a file that cannot be read"), "{}", run.stderr);
    assert!(!path.exists());

    let demo = Exporter::new().args(&["--demo", "--textfile"]).arg(&path).run();
    assert_eq!(demo.status.code(), Some(0), "{}", demo.stderr);
    let of_demo = fs::read_to_string(&path).unwrap();
    let farm = Farm::start();
    let run = farm.exporter().args(&["--require-nodes", "--textfile"]).arg(&path).run();
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("a demo is writing"), "{}", run.stderr);
    assert_eq!(fs::read_to_string(&path).unwrap(), of_demo);

    // The demo has ended, which its file does not show.
    let ended = |line: &str| {
        if line.starts_with("farcaster_run_timestamp_seconds ") {
            line.split_once(' ').unwrap().0.to_owned() + " 1600000000"
        } else {
            line.to_owned()
        }
    };
    let old: String = of_demo.lines().map(|line| ended(line) + "\n").collect();
    fs::write(&path, old).unwrap();
    let run = farm.exporter().args(&["--require-nodes", "--textfile"]).arg(&path).run();
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
    assert!(fs::read_to_string(&path).unwrap().contains(&format!("miner_id=\"{MINER}\"")));
}
