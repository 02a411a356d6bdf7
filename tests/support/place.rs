//! A folder in which commands are run that prepare a stack of containers.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::Exporter;

/// A folder to play in, with runs of the program in it.
pub struct Place(pub TempDir);

impl Place {
    pub fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    pub fn write(&self, name: &str, text: &str) -> &Place {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        fs::write(path, text).unwrap();
        self
    }

    pub fn folder(&self, name: &str) -> &Place {
        fs::create_dir_all(self.0.path().join(name)).unwrap();
        self
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    pub fn exists(&self, name: &str) -> bool {
        self.0.path().join(name).exists()
    }

    pub fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.0.path().join(name)).unwrap().permissions().mode() & 0o7777
    }

    /// Exit code, stdout and stderr of a command whose words that begin with `@` are paths here.
    pub fn run(&self, command: &str) -> (i32, String, String) {
        self.run_with(command, "", "")
    }

    pub fn run_with(&self, command: &str, variable: &str, value: &str) -> (i32, String, String) {
        let args = command.split_whitespace().map(|word| match word.strip_prefix('@') {
            Some(name) => self.0.path().join(name).into_os_string(),
            None => word.into(),
        });
        let exporter = args.fold(Exporter::new().umask("077"), Exporter::arg);
        // What the exporter in the same container is told.
        let exporter = if variable.is_empty() { exporter } else { exporter.env(variable, value) };
        let run = exporter.env("FARCASTER_INTERVAL", "1m").env("FARCASTER_DEMO", "?").run();
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains("S3CRET"), "{text}");
        }
        (run.status.code().unwrap(), run.stdout, run.stderr)
    }

    /// What a command says that must end well, without anything wrong.
    pub fn good(&self, command: &str) -> String {
        let (code, stdout, stderr) = self.run(command);
        assert_eq!((code, stderr.as_str()), (0, ""), "{command}");
        stdout
    }

    /// What a command says that must fail.
    pub fn bad(&self, command: &str) -> String {
        let (code, _, stderr) = self.run(command);
        assert_eq!(code, 1, "{command}: {stderr}");
        stderr
    }
}

/// That a text has all of these words in it.
pub fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}
