//! The command `bundle`: the suite's other files, carried in the binary, so that a single file brings the whole suite to a machine without
//! network.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path};

use anyhow::{Context, Result, anyhow};

use crate::textfile;

/// What build.rs packed of the files that `bundle.txt` lists.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/suite"));

/// So large is the suite at most, unpacked.
const MAX_BYTES: usize = 16 << 20;

/// Every file: its path in the repository and its content.
fn files() -> Result<Vec<(String, Vec<u8>)>> {
    let unpacked = miniz_oxide::inflate::decompress_to_vec_with_limit(PACKED, MAX_BYTES)
        .map_err(|error| anyhow!("the suite in this binary is damaged ({error}): download the binary again"))?;
    let mut rest = unpacked.as_slice();
    let mut files = Vec::new();
    while !rest.is_empty() {
        let file = next_file(&mut rest).context("the suite in this binary is damaged: download the binary again")?;
        files.push(file);
    }
    Ok(files)
}

/// The content of one file of the suite.
pub(crate) fn file(path: &str) -> Result<Vec<u8>> {
    let file = files()?.into_iter().find(|(known, _)| known == path);
    file.map(|(_, content)| content).with_context(|| format!("this binary does not contain {path}"))
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

/// What `write` did. Paths are relative to the folder.
#[derive(Debug, Default, PartialEq)]
pub struct Report {
    /// How many files were written or replaced.
    pub written: usize,
    /// What was changed in the folder and is new in this suite: the new version is beside it, with `.new` after its name.
    pub kept: Vec<String>,
    /// What an older suite wrote and this one has no more.
    pub removed: Vec<String>,
    /// The same, but it was changed in the folder, and so is left there.
    pub obsolete: Vec<String>,
}

/// Writes every file below `folder`, which is created if it is missing. What somebody changed there is kept, unless `force`: [`RECORD`] tells
/// that from what an older suite wrote.
///
/// # Errors
///
/// Where a folder or file cannot be read, written or removed.
pub fn write(folder: &Path, force: bool) -> Result<Report> {
    let (files, known) = (files()?, Record::read(folder)?);
    let (mut record, mut report) = (Record::default(), Report::default());
    for (path, content) in &files {
        let there = read(&folder.join(path))?;
        let is_changed = there.as_ref().is_some_and(|there| there != content && !known.has(path, there));
        if is_changed && !force {
            if !known.has(path, content) {
                put(folder, &format!("{path}.new"), content)?;
                report.kept.push(path.clone());
            }
        } else if there.as_ref() != Some(content) {
            put(folder, path, content)?;
            report.written += 1;
        }
        record.add(path, content);
    }
    for path in known.0.keys().filter(|path| files.iter().all(|(kept, _)| kept != *path)) {
        let Some(there) = read(&folder.join(path))? else { continue };
        if force || known.has(path, &there) {
            let file = folder.join(path);
            fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
            report.removed.push(path.clone());
        } else {
            report.obsolete.push(path.clone());
        }
    }
    put(folder, RECORD, record.text().as_bytes())?;
    Ok(report)
}

/// The content of a file, if it is there.
fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn put(folder: &Path, path: &str, content: &[u8]) -> Result<()> {
    let path = folder.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    textfile::replace(&path, content, 0o644)
}

impl Report {
    /// The report as lines for people.
    pub fn text(&self, folder: &Path) -> String {
        let files = if self.written == 1 { "1 file" } else { &format!("{} files", self.written) };
        let mut lines = vec![format!("{files} written to {}", folder.display())];
        lines.extend(self.removed.iter().map(|path| format!("removed {path}: this version has no such file")));
        lines.extend(self.kept.iter().map(|path| {
            format!("kept {path}, which was changed here: the new version is {path}.new (compare them, or replace it with --force)")
        }));
        lines.extend(self.obsolete.iter().map(|path| {
            format!("kept {path}, which was changed here, though this version has no such file: remove it if you do not need it")
        }));
        lines.join("\n") + "\n"
    }
}

/// The file in the folder of the suite that says what was written there.
const RECORD: &str = ".bundle";

/// The hash of what was last written for each path, or laid beside a file that was changed. Nobody is kept from forging one, who could as well
/// change the files; it has to tell versions apart, and for that 64 bits of FNV-1a do, whose few lines stay the same for ever.
#[derive(Default)]
struct Record(BTreeMap<String, u64>);

impl Record {
    fn read(folder: &Path) -> Result<Record> {
        let text = read(&folder.join(RECORD))?.unwrap_or_default();
        let lines = String::from_utf8_lossy(&text);
        let entries = lines.lines().filter_map(|line| {
            let (hash, path) = line.split_once(' ')?;
            // Files are removed by what stands here: none outside of the folder.
            let is_inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
            let hash = u64::from_str_radix(hash, 16).ok()?;
            is_inside.then(|| (path.to_owned(), hash))
        });
        Ok(Record(entries.collect()))
    }

    fn add(&mut self, path: &str, content: &[u8]) {
        self.0.insert(path.to_owned(), fnv1a(content));
    }

    fn has(&self, path: &str, content: &[u8]) -> bool {
        self.0.get(path) == Some(&fnv1a(content))
    }

    fn text(&self) -> String {
        self.0.iter().map(|(path, hash)| format!("{hash:016x} {path}\n")).collect()
    }
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
