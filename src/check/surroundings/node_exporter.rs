//! The node_exporter that runs here: whether it reads the folder of the text file, and what its last scrape showed.

use std::path::{Path, PathBuf};

use super::http;
use super::processes::{self, Process, reachable};
use crate::check::findings::{Findings, Mark, Section};

const HERE: Section = Section::NodeExporter;

/// The folder that Debian's reads by default.
const DEBIAN: (&str, &str) = ("prometheus-node-exporter", "/var/lib/prometheus/node-exporter");

const DEFAULT_LISTEN: &str = ":9100";

/// So many are asked.
const MAX_ASKED: usize = 3;

/// A node_exporter.
pub struct Reader {
    pub process: Process,
    /// The folders that it reads.
    folders: Vec<PathBuf>,
}

pub fn running() -> Vec<Reader> {
    let processes = processes::running(&["node_exporter", DEBIAN.0]);
    processes.into_iter().map(Reader::new).collect()
}

impl Reader {
    fn new(process: Process) -> Reader {
        let mut folders: Vec<PathBuf> =
            process.values("collector.textfile.directory").into_iter().map(PathBuf::from).collect();
        let is_debians = process.args.first().is_some_and(|program| program.ends_with(DEBIAN.0));
        if folders.is_empty() && is_debians {
            folders.push(PathBuf::from(DEBIAN.1));
        }
        if process.has("no-collector.textfile") {
            folders.clear();
        }
        Reader { process, folders }
    }

    /// Whether it reads the folder that this file is in.
    pub fn reads_folder_of(&self, path: &Path) -> bool {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Ok(folder) = folder.canonicalize() else { return false };
        !self.process.is_contained && self.folders.iter().any(|of| of.canonicalize().is_ok_and(|of| of == folder))
    }

    fn reads(&self) -> String {
        if self.folders.is_empty() {
            return "no folder of text files".to_owned();
        }
        self.folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
    }

    /// `host:port` where it answers, and what prevents asking it there.
    fn address(&self) -> (String, bool) {
        let listen = self.process.values("web.listen-address").first().copied().unwrap_or(DEFAULT_LISTEN);
        (reachable(listen), self.process.values("web.config.file").is_empty())
    }
}

/// Adds what is found, and returns the ports of those that run here.
pub fn add(path: &Path, readers: &[Reader], findings: &mut Findings) -> Vec<String> {
    if readers.is_empty() {
        findings.add(HERE, Mark::Remark, "no node_exporter runs on this machine, or none that this user can see");
    }
    let is_read = readers.iter().any(|reader| reader.reads_folder_of(path));
    let mut ports = Vec::new();
    for reader in readers.iter().take(MAX_ASKED) {
        let (who, pid) = (format!("node_exporter ({})", reader.process.called()), reader.process.pid);
        if reader.process.is_contained {
            let what = format!("{who} runs in a container: check cannot tell whether its folder is the text file's");
            findings.add(HERE, Mark::Remark, what);
            continue;
        }
        let (address, is_plain) = reader.address();
        ports.extend(address.rsplit_once(':').map(|(_, port)| port.to_owned()));
        let file = path.display();
        if !reader.reads_folder_of(path) {
            let what = format!(
                "{who} reads {}, where {file} is not: start it with --collector.textfile.directory, or write to a folder that it reads",
                reader.reads()
            );
            let mark = if is_read { Mark::Remark } else { Mark::Wrong };
            findings.add(HERE, mark, what);
            continue;
        }
        findings.add(HERE, Mark::Right, format!("{who} reads the folder of {file}"));
        if is_plain {
            scrape(path, pid, &address, findings);
        } else {
            let what = format!("{who} has a --web.config.file, so its metrics are not asked for here");
            findings.add(HERE, Mark::Remark, what);
        }
    }
    ports
}

/// What a scrape shows about text files.
#[derive(Debug, Default, PartialEq)]
struct Scrape {
    has_error: bool,
    /// Files that it has read.
    files: Vec<String>,
}

impl Scrape {
    fn take(&mut self, line: &str) {
        let sample = |name: &str| line.strip_prefix(name).map(str::trim);
        self.has_error |= sample("node_textfile_scrape_error ").is_some_and(|value| value != "0");
        let file = sample("node_textfile_mtime_seconds{file=\"").and_then(|rest| rest.split('"').next());
        self.files.extend(file.map(str::to_owned));
    }

    /// Whether it has read the file. Old versions tell the name alone.
    fn has(&self, path: &Path) -> bool {
        let name = path.file_name();
        self.files.iter().any(|file| Path::new(file).file_name() == name)
    }
}

fn scrape(path: &Path, pid: u32, address: &str, findings: &mut Findings) {
    let mut scrape = Scrape::default();
    if let Err(error) = http::lines(&format!("http://{address}/metrics"), |line| scrape.take(line)) {
        let what = format!("node_exporter (pid {pid}) at {address} {error}, so what it reads is not known");
        findings.add(HERE, Mark::Remark, what);
        return;
    }
    let file = path.display();
    if scrape.has_error {
        let what = format!(
            "node_exporter (pid {pid}) cannot read a file in the folder of {file} (node_textfile_scrape_error is 1): its log names the file and the line"
        );
        findings.add(HERE, Mark::Wrong, what);
    }
    match scrape.has(path) {
        true => findings.add(HERE, Mark::Right, format!("its last scrape has {file}")),
        false => findings.add(
            HERE,
            Mark::Wrong,
            format!("its last scrape does not have {file} (node_textfile_mtime_seconds)"),
        ),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_scrape_tells() {
        let mut scrape = Scrape::default();
        for line in [
            "# HELP node_textfile_scrape_error 1 if there was an error",
            "node_textfile_mtime_seconds{file=\"/var/lib/x/farcaster.prom\"} 1.7e+09",
            "node_textfile_scrape_error 0",
        ] {
            scrape.take(line);
        }
        assert!(
            !scrape.has_error && scrape.has(Path::new("/y/farcaster.prom")) && !scrape.has(Path::new("/y/other.prom"))
        );
        scrape.take("node_textfile_scrape_error 1");
        assert!(scrape.has_error);
    }
}
