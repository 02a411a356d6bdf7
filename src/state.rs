//! What is remembered between runs: named sections, each with the JSON of one collector, in one small file. Losing it loses history, never
//! correctness.

use std::collections::BTreeMap;
use std::fs::{self, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{textfile, tolerant};

/// The file's name in the state folder.
const FILE_NAME: &str = "state.json";

/// A file with a higher version was written by a newer exporter, and is left alone.
const VERSION: u32 = 1;

/// Processes that share a folder take turns by locking this file.
const LOCK_NAME: &str = "state.lock";

const SECONDS_BETWEEN_LOCK_TRIES: f64 = 0.05;

/// The memory of the exporter. Threads may share it; processes take turns.
#[derive(Debug, Default)]
pub struct State {
    sections: Mutex<Sections>,
    folder: Option<PathBuf>,
    /// What is in memory could not be saved, and is newer than the file.
    is_ahead: AtomicBool,
}

type Sections = BTreeMap<String, Box<RawValue>>;

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    sections: Sections,
}

/// A run's turn with the memory.
#[derive(Debug)]
pub struct Turn<'a> {
    state: &'a State,
    /// The file to save to, and the lock on it, where this turn may save.
    lock: Option<(PathBuf, fs::File)>,
    /// Another process has its turn: what that remembers is what counts.
    is_others: bool,
}

impl State {
    /// A memory that ends with the process.
    pub fn in_memory() -> Self {
        State::default()
    }

    /// A memory kept in a folder, which is made when it is first needed.
    pub fn in_folder(folder: &Path) -> Self {
        State { folder: Some(folder.to_owned()), ..State::default() }
    }

    /// A memory that ends with the process, and begins with what a folder holds, which is left as it is. What is wrong with that is returned in
    /// words.
    pub fn copy_of(folder: &Path) -> (Self, Option<String>) {
        match read(&folder.join(FILE_NAME)) {
            Ok(sections) => (State { sections: Mutex::new(sections.unwrap_or_default()), ..State::default() }, None),
            Err(_) => {
                let path = folder.join(FILE_NAME);
                let line = format!(
                    "{}: cannot read the exporter's state, so figures from its history are missing: run as the exporter's user, \
                     or name another --state-dir",
                    path.display()
                );
                (State::in_memory(), Some(line))
            }
        }
    }

    /// Begins a run: waits for other processes, at most so long, and reads what they left. What is wrong is returned in words; the run can go
    /// on with what is remembered in this process, and keeps it in the folder again as soon as that is possible.
    pub fn begin(&self, patience: Duration) -> (Turn<'_>, Vec<String>) {
        let mut turn = Turn { state: self, lock: None, is_others: false };
        let Some(folder) = &self.folder else {
            return (turn, Vec::new());
        };
        let mut lines = Vec::new();
        let lock = match lock(folder, patience) {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => {
                lines.push(format!(
                    "another exporter uses the state in {}: this run is not remembered; give each its own --state-dir",
                    folder.display()
                ));
                turn.is_others = true;
                None
            }
            Err(error) => {
                lines.push(format!("{error:#}; keeping the state in memory only"));
                None
            }
        };
        let path = folder.join(FILE_NAME);
        let is_ours = match read(&path) {
            Ok(Some(_)) if self.is_ahead.load(Ordering::Relaxed) => true,
            Ok(Some(sections)) => {
                *self.sections.lock().unwrap_or_else(PoisonError::into_inner) = sections;
                true
            }
            Ok(None) => true,
            Err(unreadable) => {
                // One line is enough if the folder itself is unusable.
                if lines.is_empty() {
                    lines.push(format!("{:#}", unreadable.error));
                }
                unreadable.may_be_replaced
            }
        };
        turn.lock = lock.filter(|_| is_ours).map(|lock| (path, lock));
        (turn, lines)
    }

    /// Forgets everything, where it turns out to be about something else.
    pub fn forget(&self) {
        self.sections.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What a section holds. One that is missing, damaged or of an older shape is empty.
    pub fn recall<T: DeserializeOwned + Default>(&self, section: &str) -> T {
        let sections = self.sections.lock().unwrap_or_else(PoisonError::into_inner);
        let text = sections.get(section).map(|raw| raw.get());
        text.and_then(|text| tolerant::from_json(text.as_bytes()).ok()).unwrap_or_default()
    }

    /// Replaces what a section holds.
    pub fn remember<T: Serialize>(&self, section: &str, content: &T) {
        let Ok(raw) = serde_json::value::to_raw_value(content) else {
            return;
        };
        let mut sections = self.sections.lock().unwrap_or_else(PoisonError::into_inner);
        sections.insert(section.to_owned(), raw);
    }
}

impl Turn<'_> {
    /// Ends the turn: writes the file, where this turn may, and lets other processes have theirs.
    pub fn save(self) -> Result<()> {
        let Some((path, _lock)) = &self.lock else {
            self.state.is_ahead.store(!self.is_others, Ordering::Relaxed);
            return Ok(());
        };
        let sections = self.state.sections.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = serde_json::to_vec(&File { version: VERSION, sections })?;
        let saved = textfile::replace(path, &text, 0o600);
        self.state.is_ahead.store(saved.is_err(), Ordering::Relaxed);
        saved.context("cannot save the state; it is kept in memory until that works again")
    }
}

/// Why a state file could not be read.
struct Unreadable {
    error: anyhow::Error,
    may_be_replaced: bool,
}

/// The sections in the file; None if there is no file yet.
fn read(path: &Path) -> Result<Option<Sections>, Unreadable> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let error = anyhow::Error::new(error).context(format!("{}: cannot read the state", path.display()));
            return Err(Unreadable { error, may_be_replaced: false });
        }
    };
    match serde_json::from_slice::<File>(&text) {
        Ok(file) if file.version <= VERSION => Ok(Some(file.sections)),
        Ok(file) => Err(Unreadable {
            error: anyhow::anyhow!(
                "{}: written by a newer exporter (file version {}; this one knows {VERSION}): leaving it alone, and running without it; \
                 use another --state-dir, or remove the file",
                path.display(),
                file.version
            ),
            may_be_replaced: false,
        }),
        Err(error) => Err(Unreadable {
            error: anyhow::Error::new(error)
                .context(format!("{}: the state is damaged; starting a new one", path.display())),
            may_be_replaced: true,
        }),
    }
}

/// Makes the folder and takes its lock, which the operating system gives back when the process ends, however it ends. None where another
/// process does not let go of it.
fn lock(folder: &Path, patience: Duration) -> Result<Option<fs::File>> {
    let cannot = || format!("cannot keep state in {}", folder.display());
    fs::create_dir_all(folder).with_context(cannot)?;
    let path = folder.join(LOCK_NAME);
    let file = fs::File::options().create(true).append(true).open(&path).with_context(cannot)?;
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if started.elapsed() < patience => {
                thread::sleep(Duration::from_secs_f64(SECONDS_BETWEEN_LOCK_TRIES));
            }
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
    }
}

/// The default folder for the state: systemd's, otherwise the user's.
pub fn default_folder(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(folders) = env("STATE_DIRECTORY").filter(|value| !value.is_empty()) {
        return folders.split(':').next().map(PathBuf::from);
    }
    let base = match env("XDG_STATE_HOME").filter(|value| value.starts_with('/')) {
        Some(base) => PathBuf::from(base),
        None => Path::new(&env("HOME").filter(|home| home.starts_with('/'))?).join(".local/state"),
    };
    Some(base.join("lotus-farcaster"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const NO_PATIENCE: Duration = Duration::from_millis(120);

    /// A run that adds one to a count; the count, and what went wrong.
    fn run(state: &State) -> (u64, String) {
        let (turn, mut lines) = state.begin(NO_PATIENCE);
        let count = state.recall::<u64>("count") + 1;
        state.remember("count", &count);
        lines.extend(turn.save().err().map(|error| format!("{error:#}")));
        (count, lines.join("\n"))
    }

    fn clean(count: u64) -> (u64, String) {
        (count, String::new())
    }

    #[test]
    fn one_process_and_many_remember_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("made/when/needed");
        let state = State::in_folder(&folder);
        assert_eq!(run(&state), clean(1));
        assert_eq!(run(&state), clean(2));
        assert_eq!(run(&State::in_folder(&folder)), clean(3));
        // Another process was here in between.
        assert_eq!(run(&state), clean(4));
        assert_eq!(run(&State::in_memory()), clean(1));
    }

    #[test]
    fn damage_is_reported_once_and_repaired() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        run(&State::in_folder(folder.path()));
        let whole = fs::read(&path).unwrap();
        for damaged in [&b""[..], b"{", b"null", &whole[..whole.len() / 2], b"\xff\xfe", b"{\"version\":1}"] {
            fs::write(&path, damaged).unwrap();
            let state = State::in_folder(folder.path());
            let (count, line) = run(&state);
            assert!(count == 1 && line.contains("damaged") && line.contains(FILE_NAME), "{line}");
            assert_eq!(run(&State::in_folder(folder.path())), clean(2));
        }
    }

    #[test]
    fn a_damaged_file_does_not_take_what_the_process_still_knows() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::in_folder(folder.path());
        run(&state);
        fs::write(folder.path().join(FILE_NAME), "{").unwrap();
        assert_eq!(run(&state).0, 2);
        assert_eq!(run(&State::in_folder(folder.path())), clean(3));
    }

    #[test]
    fn a_damaged_section_leaves_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"version": 1, "sections": {"count": 41, "pipeline/f01": "surprise"}}"#;
        fs::write(folder.path().join(FILE_NAME), text).unwrap();
        let state = State::in_folder(folder.path());
        assert_eq!(run(&state), clean(42));
        assert_eq!(state.recall::<BTreeMap<String, u64>>("pipeline/f01"), BTreeMap::new());
    }

    /// Serde would fill the fields with the list's elements.
    #[test]
    fn a_list_is_not_a_section_of_a_struct() {
        #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        struct Totals {
            wins: u64,
        }
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"version": 1, "sections": {"a": [18446744073709551615], "b": {"wins": 3}}}"#;
        fs::write(folder.path().join(FILE_NAME), text).unwrap();
        let state = State::in_folder(folder.path());
        let _turn = state.begin(NO_PATIENCE);
        assert_eq!(state.recall::<Totals>("a"), Totals::default());
        assert_eq!(state.recall::<Totals>("b"), Totals { wins: 3 });
    }

    #[test]
    fn a_file_of_a_later_exporter_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let text = r#"{"version": 2, "sections": {"count": 9}}"#;
        fs::write(&path, text).unwrap();
        let state = State::in_folder(folder.path());
        assert!(run(&state).1.contains("newer exporter"));
        assert_eq!(run(&state).0, 2);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn where_nothing_can_be_written_the_process_remembers() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a-file");
        fs::write(&file, "").unwrap();
        let state = State::in_folder(&file);
        let (count, line) = run(&state);
        assert!(count == 1 && line.contains("a-file"), "{line}");
        assert_eq!(run(&state).0, 2);
    }

    #[test]
    fn a_failed_save_is_made_up_for_and_nothing_older_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let state = State::in_folder(folder.path());
        assert_eq!(run(&state), clean(1));
        let saved = fs::read(&path).unwrap();
        // A folder in its place cannot be replaced by a file.
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(run(&state).1.contains("cannot"));
        fs::remove_dir(&path).unwrap();
        fs::write(&path, saved).unwrap();
        assert_eq!(run(&state).0, 3);
        assert_eq!(run(&State::in_folder(folder.path())), clean(4));
    }

    #[test]
    fn processes_take_turns_and_none_waits_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (State::in_folder(folder.path()), State::in_folder(folder.path()));
        let (turn, _) = first.begin(NO_PATIENCE);
        let (_, line) = run(&second);
        assert!(line.contains("another exporter"), "{line}");
        first.remember("count", &7u64);
        turn.save().unwrap();
        assert_eq!(run(&second), clean(8));
    }

    #[test]
    fn the_default_folder_is_systemds_or_the_users() {
        let env = |pairs: &'static [(&str, &str)]| {
            move |name: &str| {
                let pair = pairs.iter().find(|(key, _)| *key == name);
                pair.map(|(_, value)| (*value).to_owned())
            }
        };
        let folder = |pairs| default_folder(&env(pairs)).map(|folder| folder.display().to_string());
        let both = &[("STATE_DIRECTORY", "/var/lib/private/a:/b"), ("HOME", "/h")];
        assert_eq!(folder(both).as_deref(), Some("/var/lib/private/a"));
        assert_eq!(folder(&[("XDG_STATE_HOME", "/x"), ("HOME", "/h")]).as_deref(), Some("/x/lotus-farcaster"));
        assert_eq!(folder(&[("HOME", "/h")]).as_deref(), Some("/h/.local/state/lotus-farcaster"));
        assert_eq!(folder(&[]), None);
    }
}
