//! Other programs that write the text file, or the same series in a file beside it. In the first case node_exporter serves whichever wrote
//! last; in the second it rejects what is there twice. In both cases figures come and go without any message.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::healthcheck;
use crate::state::State;

/// The section of the state with what was last written: the time of the run, by file and nodes.
const SECTION: &str = "text_file";

/// A file written longer ago says nothing about who is writing now.
const REMEMBERED_SECONDS: f64 = 86_400.0;

/// What every series of this exporter begins with.
const OURS: &str = "farcaster_";

/// What every series of the Python exporter begins with, whose successor this one is.
const PYTHON: &str = "lotus_";

/// Remembers that a run for these nodes wrote `text` to `path`, or is about to.
pub fn remember(state: &State, path: &Path, nodes: &[String], text: &str) {
    let Some(now) = healthcheck::run_timestamp(text) else {
        return;
    };
    let mut written: BTreeMap<String, f64> = state.recall(SECTION);
    written.retain(|_, at| now - *at < REMEMBERED_SECONDS);
    written.insert(key(path, nodes), now);
    state.remember(SECTION, &written);
}

/// A line for each rival of an exporter that asks these nodes and is about to write `text` to `path`.
pub fn lines(state: &State, path: &Path, nodes: &[String], text: &str) -> Vec<String> {
    let written: BTreeMap<String, f64> = state.recall(SECTION);
    let last = written.get(&key(path, nodes)).copied();
    let own: HashSet<&str> = text.lines().filter_map(series).collect();
    let mut lines: Vec<String> = writer(path, last).into_iter().collect();
    for other in beside(path) {
        // What cannot be read, node_exporter does not read either.
        if let Ok(Some((count, example))) = common(&other, &own) {
            lines.push(format!(
                "{} has {count} series that are in {}, too, such as {example}, and node_exporter rejects duplicates: let one exporter serve all nodes, and remove the file that is no longer written",
                other.display(),
                path.display()
            ));
        }
    }
    lines
}

/// Nodes that the file at `path` is about, and that are none of these.
pub fn other_nodes(path: &Path, nodes: &[String]) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let up = text.lines().filter_map(|line| line.strip_prefix("farcaster_endpoint_up{"));
    let addresses = up.filter_map(|labels| labels.split("address=\"").nth(1)?.split('"').next());
    let others = addresses.filter(|address| !address.is_empty() && !nodes.iter().any(|node| node == address));
    others.map(str::to_owned).collect()
}

fn key(path: &Path, nodes: &[String]) -> String {
    format!("{} {}", path.display(), nodes.join(" "))
}

/// Who wrote the file, if it was not this exporter, whose last run was at `last`.
fn writer(path: &Path, last: Option<f64>) -> Option<String> {
    let file = path.display();
    let text = fs::read_to_string(path).ok().filter(|text| !text.is_empty())?;
    if text.lines().any(|line| line.starts_with(PYTHON)) {
        return Some(format!(
            "{file} has metrics that begin with {PYTHON}, as the Python lotus-exporter-farcaster writes them: remove its cron job or unit, \
             or give it another file"
        ));
    }
    match (healthcheck::run_timestamp(&text), last?) {
        (None, _) => Some(format!("another program writes {file}: stop it, or give it another file")),
        (Some(ended), last) if ended > last => Some(format!(
            "another exporter has written {file} since this one's last run, so figures of one and the other take turns: let one exporter \
             serve all nodes, and stop the other"
        )),
        _ => None,
    }
}

/// The other files that node_exporter reads in the same folder.
fn beside(path: &Path) -> Vec<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_other = |entry: &fs::DirEntry| Some(entry.file_name().as_os_str()) != path.file_name();
    let files = files.filter(is_other).map(|entry| entry.path());
    let mut files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|end| end == "prom") && file.is_file()).collect();
    files.sort();
    files
}

/// How many series of a file are among these, and one of them. Read as it comes: whoever wrote it may have written much.
fn common(file: &Path, own: &HashSet<&str>) -> io::Result<Option<(usize, String)>> {
    let mut reader = BufReader::new(File::open(file)?);
    let (mut line, mut found) = (Vec::new(), None::<(usize, String)>);
    while reader.read_until(b'\n', &mut line)? > 0 {
        if let Some(series) = std::str::from_utf8(&line).ok().and_then(series).filter(|series| own.contains(series)) {
            found.get_or_insert_with(|| (0, series.to_owned())).0 += 1;
        }
        line.clear();
    }
    Ok(found)
}

/// The name and the labels in a line of ours.
fn series(line: &str) -> Option<&str> {
    let (series, _) = line.trim_end().rsplit_once(' ')?;
    series.starts_with(OURS).then_some(series)
}
