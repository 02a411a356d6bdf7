//! What is remembered between runs: named sections, each with the JSON of one collector, in one small file. Losing it loses history, never
//! correctness.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::textfile;

/// The file's name in the state folder.
const FILE_NAME: &str = "state.json";

/// A file that says another version was written by a later exporter, and is left alone.
const VERSION: u32 = 1;

/// The memory of the exporter. Threads may share it.
#[derive(Debug, Default)]
pub struct State {
    sections: Mutex<BTreeMap<String, Box<RawValue>>>,
    file: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    sections: BTreeMap<String, Box<RawValue>>,
}

impl State {
    /// A memory that ends with the process.
    pub fn in_memory() -> Self {
        State::default()
    }

    /// The memory kept in a folder, which is made at the first save. On an error there is a memory that ends with the process, and the error.
    pub fn open(folder: &Path) -> (Self, Result<()>) {
        let path = folder.join(FILE_NAME);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let state = State { file: Some(path), ..State::default() };
                return (state, Ok(()));
            }
            Err(error) => {
                let error = anyhow::Error::new(error)
                    .context(format!("{}: cannot read the state; running without memory", path.display()));
                return (State::default(), Err(error));
            }
        };
        match serde_json::from_slice::<File>(&text) {
            Ok(file) if file.version == VERSION => {
                let state = State { sections: Mutex::new(file.sections), file: Some(path) };
                (state, Ok(()))
            }
            Ok(file) => {
                let error = anyhow::anyhow!(
                    "{}: written by a later exporter (version {} of the file); running without memory, and leaving it alone",
                    path.display(),
                    file.version
                );
                (State::default(), Err(error))
            }
            Err(error) => {
                let error = anyhow::Error::new(error)
                    .context(format!("{}: the state is damaged; starting a new one", path.display()));
                let state = State { file: Some(path), ..State::default() };
                (state, Err(error))
            }
        }
    }

    /// What a section holds. One that is missing, damaged or of an older shape is empty.
    pub fn recall<T: DeserializeOwned + Default>(&self, section: &str) -> T {
        let sections = self.sections.lock().unwrap_or_else(PoisonError::into_inner);
        let text = sections.get(section).map(|raw| raw.get());
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// Replaces what a section holds.
    pub fn remember<T: Serialize>(&self, section: &str, content: &T) {
        let Ok(raw) = serde_json::value::to_raw_value(content) else {
            return;
        };
        let mut sections = self.sections.lock().unwrap_or_else(PoisonError::into_inner);
        sections.insert(section.to_owned(), raw);
    }

    /// Writes the file, where there is one to write.
    pub fn save(&self) -> Result<()> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let text = {
            let sections = self.sections.lock().unwrap_or_else(PoisonError::into_inner);
            serde_json::to_vec(&File { version: VERSION, sections: sections.clone() })?
        };
        let saved = || format!("{}: cannot save the state", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(saved)?;
        }
        textfile::replace(path, &text, 0o600).with_context(saved)
    }
}

/// The folder that state is kept in where none is named: systemd's, else the user's.
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
