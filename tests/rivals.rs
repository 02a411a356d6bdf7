//! Others that write the same text file, or the same series beside it, are noticed: by the exporter, and by `check`.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use support::{Exporter, Farm, Node, Permission, finish, token};

fn exporter_of(farm: &Farm, miner: &Node, path: &Path) -> Exporter {
    let admin = token(Permission::Admin);
    let exporter = Exporter::new().env("FULLNODE_API_INFO", &farm.daemon.info(&admin));
    exporter.env("MINER_API_INFO", &miner.info(&admin)).arg("--textfile").arg(path)
}

/// What a run that writes its file prints.
fn said(exporter: &Exporter) -> String {
    let run = exporter.run();
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
    run.stderr
}

#[test]
fn two_exporters_that_write_one_file() {
    let farm = Farm::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("farcaster.prom");
    let [one, two] = [&farm.miner, &farm.other].map(|miner| exporter_of(&farm, miner, &path));
    for _ in 0..3 {
        assert_eq!(said(&one), "", "alone");
    }
    assert_eq!(said(&two), "", "it cannot know yet");
    for _ in 0..2 {
        for exporter in [&one, &two] {
            let stderr = said(exporter);
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
            assert!(stderr.contains("another exporter has written") && stderr.contains("farcaster.prom"), "{stderr}");
        }
    }
    // It wrote last: nobody has written since.
    assert_eq!(said(&two), "");
    fs::remove_file(&path).unwrap();
    assert_eq!(said(&one), "");
}

#[test]
fn two_exporters_of_one_user_that_write_one_file() {
    let farm = Farm::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("farcaster.prom");
    let of = |miner| exporter_of(&farm, miner, &path).arg("--state-dir").arg(folder.path().join("state"));
    let (one, two) = (of(&farm.miner), of(&farm.other));
    assert_eq!((said(&one), said(&two)), (String::new(), String::new()));
    let stderr = said(&one);
    assert!(stderr.contains("another exporter has written"), "{stderr}");
}

#[test]
fn a_failed_write_is_not_a_rival() {
    let farm = Farm::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text/farcaster.prom");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let exporter = exporter_of(&farm, &farm.miner, &path);
    said(&exporter);
    let (text, aside) = (path.parent().unwrap(), folder.path().join("aside"));
    fs::rename(text, &aside).unwrap();
    assert_eq!(exporter.run().status.code(), Some(1));
    fs::rename(&aside, text).unwrap();
    assert_eq!(said(&exporter), "");
}

#[test]
fn other_programs_that_write_the_file() {
    let farm = Farm::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("farcaster.prom");
    let exporter = exporter_of(&farm, &farm.miner, &path);
    let python = "# HELP lotus_info lotus daemon information\nlotus_info{miner_id=\"f01234\"} 1\n";
    fs::write(&path, python).unwrap();
    let stderr = said(&exporter);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("the Python lotus-exporter-farcaster") && stderr.contains("cron job"), "{stderr}");
    fs::write(&path, "node_reboot_required 1\n").unwrap();
    let stderr = said(&exporter);
    assert!(stderr.contains("another program writes"), "{stderr}");

    fs::write(&path, python).unwrap();
    let check = exporter_of(&farm, &farm.miner, &path);
    let run = check_with(check);
    assert!(run.contains("WRONG") && run.contains("the Python lotus-exporter-farcaster"), "{run}");
    assert_eq!(fs::read_to_string(&path).unwrap(), python);
}

/// What `check` prints with an exporter's settings in its environment.
fn check_with(exporter: Exporter) -> String {
    let mut command = exporter.command();
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let variables: Vec<_> =
        command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    command = std::process::Command::new(command.get_program());
    command.arg("check").args(arguments).env_clear().envs(variables).stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = finish(&mut command.spawn().unwrap());
    assert_eq!(run.status.code(), Some(i32::from(run.stdout.contains("WRONG"))), "{}", run.stdout);
    run.stdout
}

#[test]
fn the_same_series_in_two_files_of_one_folder() {
    let farm = Farm::start();
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one.prom", "two.prom"].map(|name| folder.path().join(name));
    fs::write(folder.path().join("smartmon.prom"), "smartmon_ok 1\n").unwrap();
    fs::write(folder.path().join("note.txt"), "farcaster_run_timestamp_seconds 1\n").unwrap();
    assert_eq!(said(&exporter_of(&farm, &farm.miner, &one)), "");
    let stderr = said(&exporter_of(&farm, &farm.other, &two));
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for word in ["one.prom has ", "two.prom", "farcaster_", "one exporter serve all"] {
        assert!(stderr.contains(word), "{word}: {stderr}");
    }
    let found = check_with(exporter_of(&farm, &farm.other, &two));
    assert!(found.contains("one.prom has "), "{found}");
    fs::remove_file(&one).unwrap();
    let found = check_with(exporter_of(&farm, &farm.other, &two));
    assert!(!found.contains("one.prom"), "{found}");
}

#[test]
fn check_notices_a_file_of_other_nodes() {
    let farm = Farm::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("farcaster.prom");
    said(&exporter_of(&farm, &farm.other, &path));
    let found = check_with(exporter_of(&farm, &farm.miner, &path));
    let other = format!("127.0.0.1:{}", farm.other.port);
    let line = found.lines().find(|line| line.contains("is about")).unwrap_or_else(|| panic!("{found}"));
    assert!(line.contains("WRONG") && line.contains(&other) && line.contains("another exporter"), "{line}");
}

/// A folder like /tmp, with a file that another user has left there. Only root can create one.
#[test]
fn a_file_of_another_user_in_a_sticky_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("farcaster.prom");
    fs::write(&path, "").unwrap();
    if std::os::unix::fs::chown(&path, Some(4242), None).is_err() {
        return;
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    let binary = folder.path().join("exporter");
    // A copy made by this process could not be run while another test's child still has it open.
    let mut copy = std::process::Command::new("cp");
    assert!(copy.arg(env!("CARGO_BIN_EXE_lotus-exporter-farcaster")).arg(&binary).status().unwrap().success());
    for command in [&["--demo=200", "--textfile"][..], &["check", "--demo=200", "--textfile"]] {
        let mut exporter = std::process::Command::new(&binary);
        exporter.args(command).arg(&path).env_clear().uid(65_534).stdout(Stdio::piped()).stderr(Stdio::piped());
        let run = finish(&mut exporter.spawn().unwrap());
        assert_eq!(run.status.code(), Some(1), "{run:?}");
        let text = run.stdout + &run.stderr;
        for word in ["is sticky", "id 4242", "chmod -t"] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
}
