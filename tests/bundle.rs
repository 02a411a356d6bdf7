//! `bundle`: the whole suite from the single file that was copied to a machine without a network.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use support::Exporter;

/// What in the repository belongs to the suite; folders count with everything in them.
const SUITE: [&str; 17] = [
    ".env.example",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "ansible",
    "compose",
    "compose.centre.yaml",
    "compose.edge.yaml",
    "compose.yaml",
    "dashboards",
    "docker",
    "docs",
    "systemd",
];

/// The user's own rules: thresholds, and alerts that are switched off.
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

/// What users add to the folders meant for it, which git ignores, is not part of the suite.
fn is_users(path: &Path) -> bool {
    let folders = ["ansible/tokens", "compose/secrets", "compose/exporter", "compose/prometheus/targets"];
    let is_in_them = folders.iter().any(|folder| path.starts_with(folder)) && !path.ends_with("README.md");
    is_in_them || path == Path::new(OWN_RULES) || path == Path::new("ansible/inventory.yaml")
}

fn suite() -> BTreeSet<PathBuf> {
    let all = SUITE.iter().flat_map(|name| files(&repository().join(name)));
    // Pictures are as large as all the rest.
    all.filter(|path| !is_users(path) && !path.starts_with("docs/pictures")).collect()
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
    let mut written: BTreeSet<PathBuf> = files_below(&target);
    assert!(written.remove(Path::new(".bundle")), "nothing says what was written");
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
fn what_is_missing_comes_back() {
    let folder = bundled();
    fs::remove_file(folder.path().join("README.md")).unwrap();
    assert_eq!(bundle(folder.path()).stdout, format!("1 file written to {}\n", folder.path().display()));
    assert!(folder.path().join("README.md").is_file());
}

#[test]
fn a_changed_file_is_kept_and_the_new_version_is_written_beside_it() {
    let folder = bundled();
    let place = |name: &str| folder.path().join(name);
    let original = fs::read(place("compose.yaml")).unwrap();
    // As after an upgrade: an older version wrote something else, and somebody changed that.
    pretend_older(folder.path(), "compose.yaml", "old\n");
    fs::write(place("compose.yaml"), "mine\n").unwrap();

    let run = bundle(folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
    assert!(
        run.stdout.contains("kept compose.yaml, which was changed here: the new version is compose.yaml.new"),
        "{}",
        run.stdout
    );
    assert_eq!(fs::read_to_string(place("compose.yaml")).unwrap(), "mine\n");
    assert_eq!(fs::read(place("compose.yaml.new")).unwrap(), original);

    // The next time nothing is new, and the file beside it may be deleted.
    fs::remove_file(place("compose.yaml.new")).unwrap();
    let run = bundle(folder.path());
    assert_eq!(run.stdout, format!("0 files written to {}\n", folder.path().display()));
    assert!(!place("compose.yaml.new").exists());

    let run = Exporter::new().args(&["bundle", "--force"]).arg(folder.path()).run();
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
    assert_eq!(fs::read(place("compose.yaml")).unwrap(), original);
}

#[test]
fn files_of_an_older_version_are_replaced_or_removed() {
    let folder = bundled();
    let place = |name: &str| folder.path().join(name);
    let original = fs::read(place("docs/STACK.md")).unwrap();
    pretend_older(folder.path(), "docs/STACK.md", "old\n");
    for name in ["compose/prometheus/rules/gone.yaml", "dashboards/gone.json", "../outside"] {
        pretend_older(folder.path(), name, "old\n");
    }
    fs::write(place("dashboards/gone.json"), "mine\n").unwrap();

    let run = bundle(folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
    assert_eq!(fs::read(place("docs/STACK.md")).unwrap(), original);
    assert!(!place("docs/STACK.md.new").exists());
    assert!(!place("compose/prometheus/rules/gone.yaml").exists());
    assert!(run.stdout.contains("removed compose/prometheus/rules/gone.yaml"), "{}", run.stdout);
    assert!(run.stdout.contains("kept dashboards/gone.json, which was changed here, though"), "{}", run.stdout);
    assert_eq!(fs::read_to_string(place("dashboards/gone.json")).unwrap(), "mine\n");
    assert!(place("../outside").exists(), "a file outside of the folder was removed");
}

#[test]
fn without_a_record_every_difference_counts_as_a_change() {
    let folder = bundled();
    fs::remove_file(folder.path().join(".bundle")).unwrap();
    fs::write(folder.path().join("compose.yaml"), "mine\n").unwrap();
    let run = bundle(folder.path());
    assert!(run.stdout.contains("kept compose.yaml"), "{}", run.stdout);
    assert_eq!(fs::read_to_string(folder.path().join("compose.yaml")).unwrap(), "mine\n");
}

/// A folder with the suite in it.
struct Bundled {
    folder: PathBuf,
    _around: tempfile::TempDir,
}

impl Bundled {
    fn path(&self) -> &Path {
        &self.folder
    }
}

fn bundled() -> Bundled {
    let around = tempfile::tempdir().unwrap();
    let folder = around.path().join("suite");
    let run = bundle(&folder);
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
    Bundled { folder, _around: around }
}

/// Writes a file as another version of the suite would have, which had this content for it.
fn pretend_older(folder: &Path, name: &str, content: &str) {
    let path = folder.join(name);
    fs::write(path, content).unwrap();
    let record = folder.join(".bundle");
    let text = fs::read_to_string(&record).unwrap();
    let others: String =
        text.lines().filter(|line| !line.ends_with(&format!(" {name}"))).map(|line| format!("{line}\n")).collect();
    let hash = content
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    fs::write(record, format!("{others}{hash:016x} {name}\n")).unwrap();
}

#[test]
fn the_users_own_rules_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(bundle(folder.path()).status.code(), Some(0));
    assert!(!folder.path().join(OWN_RULES).exists(), "the bundle has one, which would replace the user's");
    fs::write(folder.path().join(OWN_RULES), "groups: []\n").unwrap();
    let run = bundle(folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
    assert_eq!(fs::read_to_string(folder.path().join(OWN_RULES)).unwrap(), "groups: []\n");
}

#[test]
fn a_folder_that_cannot_be_created_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let run = bundle(&folder.path().join("file/suite"));
    assert_eq!(run.status.code(), Some(1));
    assert!(run.stderr.contains("file/suite"), "{}", run.stderr);
}
