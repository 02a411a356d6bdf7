//! What runs on this machine, by proc(5).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A program that runs here.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    pub pid: u32,
    /// Its command line, the program first.
    pub args: Vec<String>,
    pub uid: u32,
    pub groups: Vec<u32>,
    /// Whether it runs in a container, where paths and ports are its own.
    pub is_contained: bool,
}

/// The processes of programs that are called so.
pub fn running(names: &[&str]) -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut found: Vec<Process> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| {
            let folder = PathBuf::from(format!("/proc/{pid}"));
            let args = arguments(&fs::read(folder.join("cmdline")).ok()?);
            let name = Path::new(args.first()?).file_name()?.to_str()?;
            if !names.contains(&name) {
                return None;
            }
            let status = fs::read_to_string(folder.join("status")).ok()?;
            let (uid, groups) = user(&status)?;
            Some(Process { pid, args, uid, groups, is_contained: is_contained(&folder) })
        })
        .collect();
    found.sort_by_key(|process| process.pid);
    found
}

impl Process {
    /// The values of an option, as Go programs take them: `--name=VALUE` or `--name VALUE`.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let mut values = Vec::new();
        let mut args = self.args.iter().skip(1);
        while let Some(arg) = args.next() {
            let Some(rest) = arg.strip_prefix("--").and_then(|arg| arg.strip_prefix(name)) else { continue };
            match rest.strip_prefix('=') {
                Some(value) => values.push(value),
                None if rest.is_empty() => values.extend(args.next().map(String::as_str)),
                None => {}
            }
        }
        values
    }

    pub fn has(&self, flag: &str) -> bool {
        self.args.iter().any(|arg| arg.strip_prefix("--") == Some(flag))
    }

    /// Why its user cannot read a file, if that is so: the folder or the file that does not let it.
    pub fn cannot_read(&self, path: &Path) -> Option<PathBuf> {
        let path = path.canonicalize().ok()?;
        let may = |path: &Path, bit: u32| {
            let Ok(of) = path.metadata() else { return true };
            let shift = if of.uid() == self.uid {
                6
            } else if self.groups.contains(&of.gid()) {
                3
            } else {
                0
            };
            self.uid == 0 || of.mode() >> shift & bit != 0
        };
        let (read, pass) = (4, 1);
        let folder = path.parent()?;
        let closed = folder.ancestors().collect::<Vec<_>>().into_iter().rev().find(|folder| !may(folder, pass));
        let unreadable = || [folder, path.as_path()].into_iter().find(|path| !may(path, read));
        closed.or_else(unreadable).map(Path::to_owned)
    }

    pub fn called(&self) -> String {
        format!("pid {}, user id {}", self.pid, self.uid)
    }
}

/// The address at which a server that listens at `listen` answers on this machine.
pub fn reachable(listen: &str) -> String {
    match listen.rsplit_once(':') {
        Some(("" | "0.0.0.0" | "[::]" | "*", port)) => format!("127.0.0.1:{port}"),
        _ => listen.to_owned(),
    }
}

fn arguments(cmdline: &[u8]) -> Vec<String> {
    let args = cmdline.split(|byte| *byte == 0).filter(|arg| !arg.is_empty());
    args.map(|arg| String::from_utf8_lossy(arg).into_owned()).collect()
}

/// The effective user, and all groups.
fn user(status: &str) -> Option<(u32, Vec<u32>)> {
    let numbers = |field: &str| -> Option<Vec<u32>> {
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        Some(line.split_whitespace().filter_map(|number| number.parse().ok()).collect())
    };
    let uid = *numbers("Uid:")?.get(1)?;
    let mut groups = numbers("Groups:").unwrap_or_default();
    groups.extend(numbers("Gid:")?.get(1));
    Some((uid, groups))
}

/// Whether it sees other files than this process, or is known to be an engine's.
fn is_contained(folder: &Path) -> bool {
    let namespace = |folder: &Path| fs::read_link(folder.join("ns/mnt"));
    if let (Ok(theirs), Ok(ours)) = (namespace(folder), namespace(Path::new("/proc/self"))) {
        return theirs != ours;
    }
    let group = |folder: &Path| fs::read_to_string(folder.join("cgroup")).unwrap_or_default();
    let theirs = group(folder);
    let is_of_engine = ["docker", "containerd", "libpod", "kubepods", "lxc"].iter().any(|name| theirs.contains(name));
    is_of_engine && theirs != group(Path::new("/proc/self"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn process(args: &[&str]) -> Process {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Process { pid: 1, args, uid: 4242, groups: vec![4243], is_contained: false }
    }

    #[test]
    fn options_of_another_program() {
        let args =
            ["node_exporter", "--a.b=1", "--a.b", "2", "--a.bc=3", "--web.config.file", "x", "--no-collector.textfile"];
        let process = process(&args);
        assert_eq!(process.values("a.b"), ["1", "2"]);
        assert_eq!(process.values("web.config.file"), ["x"]);
        assert!(process.has("no-collector.textfile") && !process.has("no-collector"));
        assert_eq!(arguments(b"a\0--b=c d\0\0"), ["a", "--b=c d"]);
    }

    #[test]
    fn where_a_server_answers() {
        for (listen, address) in [
            (":9100", "127.0.0.1:9100"),
            ("[::]:9100", "127.0.0.1:9100"),
            ("10.0.0.5:1", "10.0.0.5:1"),
            ("[::1]:1", "[::1]:1"),
        ] {
            assert_eq!(reachable(listen), address);
        }
    }

    #[test]
    fn users_of_processes() {
        let status = "Name:\tnode\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n";
        assert_eq!(user(status), Some((2, vec![9, 10, 6])));
        assert_eq!(user("Name:\tnode\n"), None);
    }

    #[test]
    fn what_a_user_cannot_read() {
        let folder = tempfile::tempdir().unwrap();
        let (inner, file) = (folder.path().join("in"), folder.path().join("in/farcaster.prom"));
        fs::create_dir(&inner).unwrap();
        fs::write(&file, "").unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for (outer_mode, inner_mode, file_mode, closed) in [
            (0o755, 0o755, 0o644, None),
            (0o700, 0o755, 0o644, Some(folder.path())),
            (0o755, 0o711, 0o644, Some(&*inner)),
            (0o755, 0o744, 0o644, Some(&*inner)),
            (0o755, 0o755, 0o640, Some(&*file)),
        ] {
            mode(folder.path(), outer_mode);
            mode(&inner, inner_mode);
            mode(&file, file_mode);
            let closed = closed.map(|path| path.canonicalize().unwrap());
            assert_eq!(process(&[]).cannot_read(&file), closed, "{outer_mode:o} {inner_mode:o} {file_mode:o}");
            assert_eq!(Process { uid: 0, ..process(&[]) }.cannot_read(&file), None);
        }
    }
}
