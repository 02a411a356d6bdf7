//! The text file: whether it is there, whole, fresh, about these nodes, and open to who reads it and who writes it.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::node_exporter::Reader;
use crate::check::findings::{Findings, Mark, Section};
use crate::{healthcheck, rivals, textfile};

const HERE: Section = Section::TextFile;

pub fn add(path: &Path, nodes: &[String], readers: &[Reader], findings: &mut Findings) {
    let file = path.display();
    let is_there = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let what = format!(
                "{file} is not there yet: no run of the exporter has written it; was it started with this --textfile?"
            );
            findings.add(HERE, Mark::Wrong, what);
            false
        }
        _ => true,
    };
    if is_there {
        match healthcheck::healthy(path, healthcheck::DEFAULT_MAX_AGE) {
            Ok(()) => findings.add(HERE, Mark::Right, format!("{file} is fresh and complete")),
            Err(error) => findings.add(HERE, Mark::Wrong, format!("{error:#}")),
        };
        let others = rivals::other_nodes(path, nodes);
        if !others.is_empty() {
            let what = format!(
                "{file} is about {}, which this check did not find: another exporter, or one with different settings, writes it",
                others.join(", ")
            );
            findings.add(HERE, Mark::Wrong, what);
        }
        readable(path, readers, findings);
    }
    match textfile::probe(path) {
        Ok(()) => findings.add(HERE, Mark::Right, "this user can write it"),
        Err(error) => findings.add(HERE, Mark::Wrong, format!("{error:#}")),
    };
}

/// Whether node_exporter can read it: by its user where it runs here, else by what everybody may.
fn readable(path: &Path, readers: &[Reader], findings: &mut Findings) {
    let file = path.display();
    let of_this_folder: Vec<&Reader> = readers.iter().filter(|reader| reader.reads_folder_of(path)).collect();
    for reader in &of_this_folder {
        let who = format!("node_exporter ({})", reader.process.called());
        if let Some(closed) = reader.process.cannot_read(path) {
            let (closed, what) = (closed.display(), if closed.is_dir() { "o+rx" } else { "o+r" });
            let what = format!(
                "{who} cannot read {file}, since {closed} is not accessible to its user: chmod {what} {closed}"
            );
            findings.add(HERE, Mark::Wrong, what);
        } else {
            findings.add(HERE, Mark::Right, format!("{who} can read it"));
        }
    }
    if !of_this_folder.is_empty() {
        return;
    }
    let mode = |path: &Path| fs::metadata(path).map_or(0o777, |of| of.mode());
    if mode(path) & 0o004 == 0 {
        let what = format!("only some users can read {file}, perhaps not that of node_exporter: chmod o+r {file}");
        findings.add(HERE, Mark::Wrong, what);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if mode(folder) & 0o005 != 0o005 {
        let folder = folder.display();
        let what =
            format!("only some users can look into {folder}, perhaps not that of node_exporter: chmod o+rx {folder}");
        findings.add(HERE, Mark::Remark, what);
    }
}
