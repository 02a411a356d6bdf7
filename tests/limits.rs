//! The bounds of the program and of what runs it are one table.

#![allow(clippy::unwrap_used)]

use lotus_farcaster::limits::{MEMORY_LIMIT_MB, PEAK_MEMORY_MB, TASKS_LIMIT, TEXT_VOLUME_MB};

fn read(name: &str) -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The number behind `key` where it first stands after `start`, and what follows it in the line.
fn number(text: &str, start: &str, key: &str) -> (u64, String) {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start:?}"));
    let (_, rest) = rest.split_once(key).unwrap_or_else(|| panic!("no {key:?} after {start:?}"));
    let line = rest.lines().next().unwrap().trim_start_matches('"');
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    (line[..digits].parse().unwrap(), line[digits..].to_owned())
}

#[test]
fn compose_systemd_and_nixos_allow_what_the_program_needs() {
    let compose = read("compose.yaml");
    assert_eq!(number(&compose, "\nx-farcaster:", "mem_limit: "), (MEMORY_LIMIT_MB, "m".to_owned()));
    assert_eq!(number(&compose, "\nx-hardened:", "pids_limit: ").0, TASKS_LIMIT);
    assert_eq!(number(&compose, "\n  textfile:", "nr_blocks=").0 * 4096, TEXT_VOLUME_MB << 20);
    for unit in ["", "-once", "-check"].map(|kind| format!("systemd/lotus-farcaster{kind}.service")) {
        let unit = read(&unit);
        assert_eq!(number(&unit, "[Service]", "\nMemoryMax="), (MEMORY_LIMIT_MB, "M".to_owned()));
        assert_eq!(number(&unit, "[Service]", "\nTasksMax=").0, TASKS_LIMIT);
    }
    let nix = read("nix/module.nix");
    assert_eq!(number(&nix, "serviceConfig", "MemoryMax = "), (MEMORY_LIMIT_MB, "M\";".to_owned()));
    assert_eq!(number(&nix, "serviceConfig", "TasksMax = ").0, TASKS_LIMIT);
    // The text lies in memory, too.
    const { assert!(PEAK_MEMORY_MB + TEXT_VOLUME_MB < MEMORY_LIMIT_MB) };
}

#[test]
fn the_documents_have_the_same_numbers() {
    let architecture = read("docs/ARCHITECTURE.md");
    for (what, limit) in [
        ("| memory of a run |", format!("{PEAK_MEMORY_MB} MB")),
        ("| memory given |", format!("{MEMORY_LIMIT_MB} MB")),
        ("| text file in the stack |", format!("{TEXT_VOLUME_MB} MB")),
        ("| threads |", TASKS_LIMIT.to_string()),
    ] {
        let line = architecture.lines().find(|line| line.starts_with(what)).unwrap_or_else(|| panic!("no {what:?}"));
        assert!(line.contains(&format!("| {limit} |")), "{line} has not {limit}");
    }
}
