//! The command `bundle`: the suite's other files, carried in the binary, so that a single file brings the whole suite to a machine without
//! network.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use crate::textfile;

/// What build.rs packed of the files that `bundle.txt` lists.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/suite"));

/// So large is the suite at most, unpacked.
const MAX_BYTES: usize = 16 << 20;

/// Every file: its path in the repository and its content.
fn files() -> Result<Vec<(String, Vec<u8>)>> {
    let unpacked = miniz_oxide::inflate::decompress_to_vec_with_limit(PACKED, MAX_BYTES)
        .map_err(|error| anyhow!("the suite in this binary is damaged ({error}): get the binary again"))?;
    let mut rest = unpacked.as_slice();
    let mut files = Vec::new();
    while !rest.is_empty() {
        let file = next_file(&mut rest).context("the suite in this binary is damaged: get the binary again")?;
        files.push(file);
    }
    Ok(files)
}

/// The content of one file of the suite.
pub(crate) fn file(path: &str) -> Result<Vec<u8>> {
    let file = files()?.into_iter().find(|(known, _)| known == path);
    file.map(|(_, content)| content).with_context(|| format!("this binary carries no {path}"))
}

/// A line with the path, a line with the number of bytes, and the bytes.
fn next_file(rest: &mut &[u8]) -> Option<(String, Vec<u8>)> {
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&rest[..end]).ok()?.to_owned();
        *rest = &rest[end + 1..];
        Some(line)
    };
    let (path, bytes) = (line()?, line()?.parse().ok()?);
    let (content, after) = rest.split_at_checked(bytes)?;
    *rest = after;
    Some((path, content.to_vec()))
}

/// The paths, one a line.
pub fn list() -> &'static str {
    include_str!("bundle.txt")
}

/// Writes every file below `folder`, which is made where it is missing. Returns how many were written: those that are there already, as
/// they should be, are left alone.
///
/// # Errors
///
/// A file that is there with another content, which may be somebody's work, is not replaced, and then nothing is written at all. Else where
/// a folder or file cannot be written.
pub fn write(folder: &Path) -> Result<usize> {
    let mut missing = Vec::new();
    let mut changed = Vec::new();
    for (path, content) in files()? {
        match fs::read(folder.join(&path)) {
            Ok(there) if there == content => {}
            Ok(_) => changed.push(path),
            Err(error) if error.kind() == ErrorKind::NotFound => missing.push((path, content)),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.join(path).display())),
        }
    }
    if !changed.is_empty() {
        bail!(
            "{} has other versions of {}: nothing was written; name an empty folder, or move these away",
            folder.display(),
            changed.join(", ")
        );
    }
    for (path, content) in &missing {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        textfile::replace(&path, content, 0o644)?;
    }
    Ok(missing.len())
}
