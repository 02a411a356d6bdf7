//! Jobs of cron that write the text file too, such as that of the Python exporter, whose successor this one is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::check::findings::{Findings, Mark, Section};

/// Files with jobs, and folders of such files. Those of users can be read by root alone.
const PLACES: &[&str] = &["/etc/crontab", "/etc/cron.d", "/var/spool/cron/crontabs", "/var/spool/cron"];

/// The program of the Python exporter.
const PYTHON: &str = "lotus-exporter-farcaster.py";

/// What a line of this exporter has that writes the file itself.
const OURS: &str = "--textfile";

/// More is not read of a file.
const MAX_BYTES: u64 = 1 << 20;

pub fn add(path: &Path, findings: &mut Findings) {
    for file in PLACES.iter().flat_map(|place| files(Path::new(place))) {
        let Ok(text) = fs::read(&file) else { continue };
        for (number, mark, what) in rivals(&String::from_utf8_lossy(&text), &path.display().to_string()) {
            let what = format!("cron: line {number} of {} {what}", file.display());
            findings.add(Section::TextFile, mark, what);
        }
    }
}

/// Lines that write the file, by number, and the message about each.
fn rivals(crontab: &str, path: &str) -> Vec<(usize, Mark, String)> {
    let lines = (1..).zip(crontab.lines().map(str::trim));
    let jobs = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    jobs.filter_map(|(number, line)| {
        let is_same_file = line.contains(path);
        let remedy = "remove the line, or give it another file";
        if is_same_file && !line.contains(OURS) {
            let who = if line.contains(PYTHON) { "the Python exporter" } else { "another program" };
            return Some((number, Mark::Wrong, format!("has {who} write {path}, too: {remedy}")));
        }
        let what = "still runs the Python exporter: remove it once nobody needs the old metrics";
        line.contains(PYTHON).then(|| (number, Mark::Remark, what.to_owned()))
    })
    .collect()
}

/// The file, or the files in the folder.
fn files(place: &Path) -> Vec<PathBuf> {
    let is_small = |path: &PathBuf| fs::metadata(path).is_ok_and(|of| of.is_file() && of.len() <= MAX_BYTES);
    let mut files: Vec<PathBuf> = match fs::read_dir(place) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => vec![place.to_owned()],
    };
    files.retain(is_small);
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_that_write_the_file() {
        let path = "/var/lib/prometheus/node-exporter/farcaster.prom";
        let crontab = format!(
            "# writes {path}\n\
             FILE={path}\n\
             * * * * * lotus /usr/local/bin/lotus-exporter-farcaster.py > {path}.$$ && mv {path}.$$ {path}\n\
             * * * * * lotus lotus-exporter-farcaster --textfile {path}\n\
             * * * * * lotus lotus-exporter-farcaster.py > /other.prom\n\
             0 5 * * * root backup\n"
        );
        let found: Vec<_> = rivals(&crontab, path).into_iter().map(|(number, mark, _)| (number, mark)).collect();
        assert_eq!(found, [(2, Mark::Wrong), (3, Mark::Wrong), (5, Mark::Remark)]);
        let words = &rivals(&crontab, path)[1].2;
        assert!(words.contains("the Python exporter write") && words.contains("remove the line"), "{words}");
    }
}
