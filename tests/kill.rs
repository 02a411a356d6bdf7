//! The exporter killed at any moment: what it writes is whole, the text as well as the state.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const EXPORTER: &str = env!("CARGO_BIN_EXE_lotus-exporter-farcaster");

fn exporter(folder: &Path) -> Command {
    let mut command = Command::new(EXPORTER);
    command.env_clear().arg("--demo=100").arg("--state-dir").arg(folder.join("state"));
    command
}

fn looping(folder: &Path) -> Child {
    let mut command = exporter(folder);
    command.arg("--interval=1ms").arg("--textfile").arg(folder.join("farcaster.prom"));
    command.stderr(Stdio::null()).spawn().unwrap()
}

/// A run that says what it finds wrong with the state.
fn run_once(folder: &Path) -> Output {
    exporter(folder).output().unwrap()
}

fn sealed(text: &str) -> f64 {
    let counts = text.lines().filter(|line| line.starts_with("farcaster_miner_task_duration_seconds_count"));
    counts.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
}

#[test]
fn neither_text_nor_state_is_ever_torn() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(run_once(folder).status.success());
    let mut counted = 0.0;
    for kills in 0..60u64 {
        let mut child = looping(folder);
        // Long enough for some runs to be over, and each time a little different.
        std::thread::sleep(Duration::from_micros(140_000 + kills * 1_733 % 20_000));
        child.kill().unwrap();
        child.wait().unwrap();

        let text = std::fs::read_to_string(folder.join("farcaster.prom")).unwrap();
        assert!(
            text.ends_with('\n') && text.contains("\nfarcaster_run_timestamp_seconds "),
            "after {kills} kills: {text}"
        );
        let state = std::fs::read(folder.join("state/state.json")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&state)
            .unwrap_or_else(|error| panic!("after {kills} kills: {error}"));
        let next = run_once(folder);
        assert_eq!(String::from_utf8_lossy(&next.stderr), "", "after {kills} kills");
        let now_counted = sealed(&String::from_utf8(next.stdout).unwrap());
        assert!(now_counted >= counted, "after {kills} kills: {now_counted} < {counted}");
        counted = now_counted;
    }
    // What a kill leaves behind is of no harm, and few.
    let left = std::fs::read_dir(folder).unwrap().count();
    assert!(left < 60, "{left} files are left");
    let served = std::fs::read_dir(folder)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "prom"));
    assert_eq!(served.count(), 1, "node_exporter would serve a torn file");
}
