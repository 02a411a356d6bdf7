//! `bundle`: the whole suite out of the one file that was carried to a machine without network.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use support::Exporter;

/// What of the repository belongs to the suite; of folders, all that is in them.
const SUITE: [&str; 12] = [
    ".env.example",
    "CHANGELOG.md",
    "Dockerfile",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "compose",
    "compose.yaml",
    "dashboards",
    "docker",
    "docs",
    "systemd",
];

/// The rules of the user's own: thresholds, and alerts that are switched off.
const OWN_RULES: &str = "compose/prometheus/rules/own.yaml";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder`, or the file itself, relative to the repository.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.strip_prefix(repository()).unwrap().to_owned()];
    }
    fs::read_dir(path).unwrap().flat_map(|entry| files(&entry.unwrap().path())).collect()
}

/// What a user adds to the folders that are there for it, which git ignores, is nobody else's.
fn is_users(path: &Path) -> bool {
    let folders = ["compose/secrets", "compose/exporter", "compose/prometheus/targets"];
    let is_in_them = folders.iter().any(|folder| path.starts_with(folder)) && !path.ends_with("README.md");
    is_in_them || path == Path::new(OWN_RULES)
}

fn suite() -> BTreeSet<PathBuf> {
    let all = SUITE.iter().flat_map(|name| files(&repository().join(name)));
    all.filter(|path| !is_users(path)).collect()
}

fn bundle(folder: &Path) -> support::Run {
    Exporter::new().arg("bundle").arg(folder).run()
}

#[test]
fn the_bundle_is_the_suite_of_the_repository_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("new/suite");
    let run = bundle(&target);
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
    let written: BTreeSet<PathBuf> = files_below(&target);
    assert_eq!(written, suite());
    for path in written {
        let same = fs::read(target.join(&path)).unwrap() == fs::read(repository().join(&path)).unwrap();
        assert!(same, "{}", path.display());
    }
}

fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(folder, &mut found);
    found.into_iter().map(|path| path.strip_prefix(folder).unwrap().to_owned()).collect()
}

#[test]
fn the_list_names_every_file_and_writes_nothing() {
    let exporter = Exporter::new().args(&["bundle", "--list"]);
    let run = exporter.run();
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
    let listed: BTreeSet<PathBuf> = run.stdout.lines().map(PathBuf::from).collect();
    assert_eq!(listed, suite());
    assert!(files_below(exporter.home()).is_empty());
}

#[test]
fn what_somebody_changed_is_not_replaced_and_what_is_missing_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(bundle(folder.path()).status.code(), Some(0));
    fs::remove_file(folder.path().join("README.md")).unwrap();
    assert_eq!(bundle(folder.path()).status.code(), Some(0));
    assert!(folder.path().join("README.md").is_file());

    fs::write(folder.path().join("compose.yaml"), "mine\n").unwrap();
    fs::remove_file(folder.path().join("README.md")).unwrap();
    let run = bundle(folder.path());
    assert_eq!(run.status.code(), Some(1));
    assert!(run.stderr.contains("compose.yaml") && run.stderr.contains("nothing was written"), "{}", run.stderr);
    assert_eq!(fs::read_to_string(folder.path().join("compose.yaml")).unwrap(), "mine\n");
    assert!(!folder.path().join("README.md").exists());
}

#[test]
fn rules_of_the_users_own_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(bundle(folder.path()).status.code(), Some(0));
    assert!(!folder.path().join(OWN_RULES).exists(), "the bundle has one, which would replace the user's");
    fs::write(folder.path().join(OWN_RULES), "groups: []\n").unwrap();
    let run = bundle(folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
    assert_eq!(fs::read_to_string(folder.path().join(OWN_RULES)).unwrap(), "groups: []\n");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let run = bundle(&folder.path().join("file/suite"));
    assert_eq!(run.status.code(), Some(1));
    assert!(run.stderr.contains("file/suite"), "{}", run.stderr);
}
