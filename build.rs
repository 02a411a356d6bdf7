//! Gives the build its commit, for `--version`, and packs the suite, for `bundle`.
//!
//! `FARCASTER_COMMIT`, if set, is taken as it is: containers and Nix build without a `.git`. Otherwise git is asked, but only if these
//! sources are themselves a work tree: a crate unpacked inside another project must not name that project's commit. Uncommitted changes
//! are not marked, since nothing would make cargo ask again once they are undone.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=FARCASTER_COMMIT");
    let given = std::env::var("FARCASTER_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = given.or_else(from_git).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=FARCASTER_COMMIT={commit}");
    pack_suite();
}

/// Packs the files that src/bundle.txt lists, to a tenth: one after another, each after a line with its path and a line with its size.
fn pack_suite() {
    println!("cargo::rerun-if-changed=src/bundle.txt");
    let mut suite = Vec::new();
    for path in
        std::fs::read_to_string("src/bundle.txt").unwrap_or_else(|error| panic!("src/bundle.txt: {error}")).lines()
    {
        println!("cargo::rerun-if-changed={path}");
        let content = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        suite.extend(format!("{path}\n{}\n", content.len()).into_bytes());
        suite.extend(content);
    }
    let folder = std::env::var("OUT_DIR").unwrap_or_else(|error| panic!("OUT_DIR: {error}"));
    let packed = miniz_oxide::deflate::compress_to_vec(&suite, 10);
    std::fs::write(Path::new(&folder).join("suite"), packed).unwrap_or_else(|error| panic!("{folder}: {error}"));
}

fn from_git() -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    // What changes when another commit is checked out or created.
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        if let Some(path) = git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
