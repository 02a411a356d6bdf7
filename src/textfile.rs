//! Files that appear complete or not at all: the metrics for node_exporter, and the state.
//!
//! The text goes to a temporary file beside the target, which then takes the target's name. A
//! reader sees the old document or the new one, never a part, and a failed write leaves the old one.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow, bail, ensure};

/// A temporary file this old belongs to a process that was killed: no write takes that long.
const ABANDONED_AFTER: Duration = Duration::from_secs(600);

/// As many symbolic links in a row as Linux itself follows.
const MAX_LINKS: usize = 40;

/// Writes `text` to `path` atomically, readable by everyone (mode 0644) whatever the umask:
/// node_exporter usually runs as another user.
///
/// # Errors
///
/// As [`replace`].
pub fn write(path: &Path, text: &str) -> Result<()> {
    replace(path, text.as_bytes(), 0o644)
}

/// Replaces the content of `path` by `bytes` atomically, with exactly the permission bits `mode`.
///
/// Where `path` is a symbolic link, the file it points to is replaced (or made) and the link stays.
///
/// # Errors
///
/// When `path` is something other than a file, or a step fails: the message names the path, the
/// step and, where there is one, the remedy. The file is then as it was before.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let target = Target::of(path)?;
    remove_abandoned(&target.folder, &target.name);
    let (temporary, file) = target.temporary()?;
    let steps = || {
        file.set_permissions(Permissions::from_mode(mode)).map_err(|e| ("setting the mode", e))?;
        (&file).write_all(bytes).map_err(|e| ("writing the temporary file", e))?;
        file.sync_all().map_err(|e| ("flushing the temporary file to disk", e))?;
        fs::rename(&temporary, target.folder.join(&target.name)).map_err(|e| ("renaming the temporary file", e))
    };
    if let Err((step, error)) = steps() {
        let _ = fs::remove_file(&temporary);
        return Err(target.failed(step, error));
    }
    // Only a power cut makes a difference here, and some file systems cannot flush a folder.
    let _ = File::open(&target.folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Whether [`replace`] could write to `path` now. Nothing stays behind; that another user's file may be replaced is not tried.
///
/// # Errors
///
/// As [`replace`].
pub fn probe(path: &Path) -> Result<()> {
    let target = Target::of(path)?;
    let (temporary, _) = target.temporary()?;
    fs::remove_file(temporary).map_err(|error| target.failed("removing a temporary file", error))?;
    match target.stuck() {
        Some(why) => bail!("cannot write {}{why}", path.display()),
        None => Ok(()),
    }
}

/// A file to be replaced.
struct Target<'a> {
    /// As it was named, for messages.
    path: &'a Path,
    folder: PathBuf,
    name: OsString,
}

impl Target<'_> {
    fn of(path: &Path) -> Result<Target<'_>> {
        // Before following links by hand: /dev/stdout leads through links to what has no name.
        if let Ok(existing) = fs::metadata(path)
            && !existing.is_file()
        {
            let kind = if existing.is_dir() { "a folder" } else { "a device, pipe or socket" };
            bail!("cannot write {}: it is {kind}, not a regular file", path.display());
        }
        let target = follow_links(path)?;
        let (Some(name), Some(folder)) = (target.file_name(), target.parent()) else {
            bail!("cannot write {}: it does not name a file", path.display());
        };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Ok(Target { path, folder: folder.to_owned(), name: name.to_owned() })
    }

    /// A new file beside it, for nobody else until it has its mode.
    fn temporary(&self) -> Result<(PathBuf, File)> {
        let temporary = self.folder.join(temporary_name(&self.name));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary);
        file.map(|file| (temporary, file)).map_err(|error| self.failed("creating a temporary file", error))
    }

    fn failed(&self, step: &str, error: io::Error) -> anyhow::Error {
        let (path, folder) = (self.path.display(), self.folder.display());
        let stuck = self.stuck().filter(|_| error.kind() == ErrorKind::PermissionDenied);
        let remedy = stuck.unwrap_or_else(|| remedy(error.kind(), &self.folder));
        anyhow!("cannot write {path}: {step} in {folder}: {error}{remedy}")
    }

    /// Why this user may not replace the file that is there, and what to do, as the end of a sentence: in a sticky folder only the owner of
    /// the file or of the folder may, and root.
    fn stuck(&self) -> Option<String> {
        let this = fs::metadata("/proc/self").ok()?.uid();
        let folder = fs::metadata(&self.folder).ok()?;
        let owner = fs::symlink_metadata(self.folder.join(&self.name)).ok()?.uid();
        let is_stuck = folder.mode() & 0o1000 != 0 && ![owner, folder.uid(), 0].contains(&this);
        is_stuck.then(|| {
            format!(
                "; {folder} is sticky, so that only the user with id {owner}, who owns the file, may replace it: remove the file as that user, \
                 and make sure that nothing else writes it, or remove the sticky bit (chmod -t {folder})",
                folder = self.folder.display()
            )
        })
    }
}

/// The file that `path` means: itself, or what it links to, even when that does not exist yet.
fn follow_links(path: &Path) -> Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&target) {
            // A relative link starts at the folder that it is in.
            Ok(next) => target = target.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(target),
        }
    }
    ensure!(!target.is_symlink(), "cannot write {}: its symbolic links form a loop", path.display());
    Ok(target)
}

/// A fresh name that node_exporter ignores, since it does not end in `.prom`. Random and not made
/// of the process id, which is 1 in every container.
fn temporary_name(target: &OsStr) -> String {
    let random = RandomState::new().build_hasher().finish();
    format!(".{}.{random:016x}.tmp", target.display())
}

/// Whether [`temporary_name`] made `name` for `target`.
fn is_temporary_of(name: &OsStr, target: &OsStr) -> bool {
    let random =
        name.to_str().and_then(|name| name.strip_prefix(&format!(".{}.", target.display()))?.strip_suffix(".tmp"));
    random.is_some_and(|random| random.len() == 16 && random.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Best effort: a file that cannot be removed now does no harm, and the next write tries again.
fn remove_abandoned(folder: &Path, target: &OsStr) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if is_temporary_of(&entry.file_name(), target) && age().is_some_and(|age| age > ABANDONED_AFTER) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// What to do about an error met in `folder`, as the end of a sentence.
fn remedy(error: ErrorKind, folder: &Path) -> String {
    let folder = folder.display();
    match error {
        ErrorKind::NotFound => format!("; create the folder: mkdir -p {folder}"),
        ErrorKind::NotADirectory => format!("; {folder} must be a folder"),
        ErrorKind::PermissionDenied => {
            format!("; allow {} to write in the folder", this_user())
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("; free some space on the disk that holds {folder}")
        }
        ErrorKind::ReadOnlyFilesystem => {
            format!("; mount {folder} writable, or name it in ReadWritePaths= where systemd protects it")
        }
        ErrorKind::ResourceBusy => "; a file mounted by itself cannot be replaced: mount its folder".to_owned(),
        _ => String::new(),
    }
}

/// The user this process runs as, by number: `$USER` says who logged in, not who runs.
fn this_user() -> String {
    match fs::metadata("/proc/self") {
        Ok(process) => format!("the user with id {}", process.uid()),
        Err(_) => "the user that runs this".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::process::Command;
    use std::time::SystemTime;

    /// Sorted names of everything in `folder`.
    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn message(result: Result<()>) -> String {
        format!("{:#}", result.unwrap_err())
    }

    const TARGET: &str = "FARCASTER_TEST_TARGET";

    /// Runs the test of this name again in a process that `shell` has prepared (a umask, a limit),
    /// which no safe Rust can do for itself. There, the test finds `TARGET` in its environment.
    fn again(test: &str, shell: &str, target: &Path) {
        let test = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
        let child = Command::new("sh")
            .args(["-c", &format!("{shell}; exec \"$@\""), "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", &test])
            .env(TARGET, target)
            .output()
            .unwrap();
        let report = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && report.contains("1 passed"), "{child:?}");
    }

    #[test]
    fn makes_and_replaces_the_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("farcaster.prom");
        write(&path, "a much longer first document\n").unwrap();
        write(&path, "second\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second\n");
        assert_eq!(names(folder.path()), ["farcaster.prom"]);
    }

    #[test]
    fn mode_is_exact_whatever_the_umask() {
        if let Some(target) = std::env::var_os(TARGET) {
            write(Path::new(&target), "text\n").unwrap();
            return replace(&Path::new(&target).with_extension("json"), b"{}", 0o600).unwrap();
        }
        for umask in ["000", "077", "777"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("farcaster.prom");
            let shell = format!("umask {umask}");
            again("mode_is_exact_whatever_the_umask", &shell, &path);
            assert_eq!(mode(&path), 0o644, "umask {umask}");
            assert_eq!(mode(&path.with_extension("json")), 0o600, "umask {umask}");
        }
    }

    #[test]
    fn a_write_that_fails_midway_keeps_the_old_file_and_leaves_nothing() {
        if let Some(target) = std::env::var_os(TARGET) {
            let error = message(write(Path::new(&target), &"x".repeat(1 << 20)));
            assert!(error.contains("writing the temporary file"), "{error}");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("farcaster.prom");
        write(&path, "old\n").unwrap();
        again("a_write_that_fails_midway_keeps_the_old_file_and_leaves_nothing", "trap '' XFSZ; ulimit -f 8", &path);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old\n");
        assert_eq!(names(folder.path()), ["farcaster.prom"]);
    }

    #[test]
    fn a_probe_says_what_a_write_would_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("farcaster.prom");
        probe(&path).unwrap();
        assert!(names(folder.path()).is_empty());
        let error = message(probe(&folder.path().join("absent/farcaster.prom")));
        assert!(error.contains("mkdir -p"), "{error}");
    }

    #[test]
    fn a_missing_folder_is_named_with_the_way_to_make_it() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("absent");
        let error = message(write(&missing.join("farcaster.prom"), "text\n"));
        assert!(error.contains("absent/farcaster.prom: creating"), "{error}");
        assert!(error.contains(&format!("mkdir -p {}", missing.display())), "{error}");
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = message(write(&file.join("farcaster.prom"), "text\n"));
        assert!(error.contains(&format!("{} must be a folder", file.display())), "{error}");
    }

    #[test]
    fn what_is_no_regular_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("farcaster.prom");
        fs::create_dir(&inner).unwrap();
        assert!(message(write(&inner, "text\n")).contains("it is a folder"));
        assert!(message(write(Path::new("/dev/null"), "text\n")).contains("it is a device"));
        assert!(message(write(Path::new("/"), "text\n")).contains("it is a folder"));
        assert!(message(write(Path::new(""), "text\n")).contains("does not name a file"));
        assert_eq!(names(folder.path()), ["farcaster.prom"]);
    }

    #[test]
    fn remedies_name_what_the_operator_has_to_change() {
        let folder = Path::new("/srv/metrics");
        let own_id = fs::metadata("/proc/self").unwrap().uid();
        for (kind, words) in [
            (ErrorKind::PermissionDenied, format!("id {own_id} ")),
            (ErrorKind::StorageFull, "free some space on the disk that holds /srv/metrics".into()),
            (ErrorKind::ReadOnlyFilesystem, "ReadWritePaths=".into()),
            (ErrorKind::ResourceBusy, "mount its folder".into()),
        ] {
            let remedy = remedy(kind, folder);
            assert!(remedy.contains(&words), "{kind}: {remedy}");
        }
    }

    #[test]
    fn a_link_stays_and_its_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let [links, files] = ["links", "files"].map(|name| folder.path().join(name));
        fs::create_dir(&links).unwrap();
        fs::create_dir(&files).unwrap();
        let path = links.join("farcaster.prom");
        symlink("second", &path).unwrap();
        symlink("../files/real.prom", links.join("second")).unwrap();

        for text in ["made through a dangling link\n", "replaced\n"] {
            write(&path, text).unwrap();
            assert_eq!(fs::read_to_string(files.join("real.prom")).unwrap(), text);
            assert!(path.is_symlink() && links.join("second").is_symlink());
        }
        assert_eq!(names(&links), ["farcaster.prom", "second"]);
        assert_eq!(names(&files), ["real.prom"]);
    }

    #[test]
    fn links_in_a_circle_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("farcaster.prom");
        symlink("farcaster.prom", &path).unwrap();
        assert!(message(write(&path, "text\n")).contains("form a loop"));
        assert!(path.is_symlink());
    }

    #[test]
    fn temporary_names_differ_and_are_none_that_node_exporter_reads() {
        let target = OsStr::new("farcaster.prom");
        let made: std::collections::HashSet<_> = (0..1000).map(|_| temporary_name(target)).collect();
        assert_eq!(made.len(), 1000);
        assert!(made.iter().all(|name| !name.ends_with(".prom")));
    }

    #[test]
    fn only_old_temporaries_of_the_same_target_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, age_seconds| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age_seconds)).unwrap();
        };
        let path = folder.path().join("farcaster.prom");
        let kept = [
            temporary_name(OsStr::new("farcaster.prom")),
            temporary_name(OsStr::new("farcaster-miner2.prom")),
            temporary_name(OsStr::new("farcaster.prom.2")),
            ".farcaster.prom.0123456789abcdef.tmp.prom".to_owned(),
            ".farcaster.prom.cafe.tmp".to_owned(),
            ".farcaster.prom.handwritten-note.tmp".to_owned(),
        ];
        make(&kept[0], 60);
        kept[1..].iter().for_each(|name| make(name, 86_400));
        make(&temporary_name(OsStr::new("farcaster.prom")), 86_400);
        make(&temporary_name(OsStr::new("farcaster.prom")), 601);

        write(&path, "text\n").unwrap();
        let mut expected = kept.to_vec();
        expected.push("farcaster.prom".to_owned());
        expected.sort();
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn a_reader_always_sees_a_whole_document() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("farcaster.prom");
        let document = |round: usize| format!("{round}\n").repeat(1 + round * 37 % 4000);
        write(&path, &document(0)).unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                (1..=500).for_each(|round| write(&path, &document(round)).unwrap());
            });
            loop {
                let text = fs::read_to_string(&path).unwrap();
                let round = text.lines().next().unwrap().parse().unwrap();
                assert!(text == document(round), "round {round}: {} bytes", text.len());
                if writer.is_finished() {
                    break;
                }
            }
        });
        assert_eq!(fs::read_to_string(&path).unwrap(), document(500));
    }

    #[test]
    fn two_writers_of_one_file_do_not_disturb_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("farcaster.prom");
        let documents = ["a\n".repeat(10_000), "b\n".repeat(5_000)];
        std::thread::scope(|scope| {
            for document in &documents {
                scope.spawn(|| (0..100).for_each(|_| write(&path, document).unwrap()));
            }
        });
        assert!(documents.contains(&fs::read_to_string(&path).unwrap()));
        assert_eq!(names(folder.path()), ["farcaster.prom"]);
    }
}
