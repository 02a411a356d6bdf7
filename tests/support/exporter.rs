//! Runs the real binary in an environment that holds nothing but what a test puts there.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Metrics;

/// No test takes this long unless the program hangs.
const HUNG: Duration = Duration::from_secs(60);

/// The program with its arguments and environment, in a home folder of its own that outlives its runs.
pub struct Exporter {
    home: TempDir,
    args: Vec<OsString>,
    env: BTreeMap<String, OsString>,
    umask: Option<&'static str>,
}

impl Exporter {
    /// No arguments, and nothing in the environment but HOME.
    pub fn new() -> Exporter {
        Exporter { home: tempfile::tempdir().unwrap(), args: Vec::new(), env: BTreeMap::new(), umask: None }
    }

    pub fn arg(mut self, arg: impl Into<OsString>) -> Exporter {
        self.args.push(arg.into());
        self
    }

    pub fn args(self, args: &[&str]) -> Exporter {
        args.iter().fold(self, |exporter, arg| exporter.arg(*arg))
    }

    /// Puts arguments before all others: the program wants its command first.
    pub fn command_first(mut self, args: &[&str]) -> Exporter {
        self.args.splice(0..0, args.iter().map(OsString::from));
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Exporter {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    pub fn umask(mut self, umask: &'static str) -> Exporter {
        self.umask = Some(umask);
        self
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn command(&self) -> Command {
        let built = env!("CARGO_BIN_EXE_lotus-exporter-farcaster");
        let binary = std::env::var("FARCASTER_TEST_BINARY").unwrap_or_else(|_| built.to_owned());
        let mut command = match self.umask {
            None => Command::new(&binary),
            Some(umask) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\""), &binary]);
                shell
            }
        };
        command.args(&self.args).env_clear().env("HOME", self.home.path()).envs(&self.env);
        command.stdin(Stdio::null());
        command
    }

    /// Starts it, with its output captured for the test.
    pub fn spawn(&self) -> Child {
        self.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs it until it ends.
    pub fn run(&self) -> Run {
        let run = finish(&mut self.spawn());
        for secret in self.secrets() {
            assert!(!shows(&run.stdout, &secret), "stdout shows a token: {}", run.stdout);
            assert!(!shows(&run.stderr, &secret), "stderr shows a token: {}", run.stderr);
        }
        run
    }

    /// The tokens in the environment.
    fn secrets(&self) -> Vec<String> {
        let infos = self.env.iter().filter(|(name, _)| name.ends_with("_API_INFO"));
        let infos = infos.flat_map(|(_, infos)| infos.to_str().unwrap().split(','));
        let mut secrets: Vec<String> = infos.filter_map(|info| Some(info.split_once(":/")?.0.to_owned())).collect();
        secrets.dedup();
        secrets
    }

    /// Runs it until it ends, which must be with success and valid text, and reads the text.
    pub fn collect(&self) -> (Metrics, String) {
        let run = self.run();
        assert_eq!(run.status.code(), Some(0), "{}", run.stderr);
        (Metrics::parse(&run.stdout), run.stderr)
    }
}

/// What a run left behind.
#[derive(Debug)]
pub struct Run {
    pub stdout: String,
    pub stderr: String,
    pub status: ExitStatus,
}

/// Whether a text contains a part of a secret that is long enough to be useful.
fn shows(text: &str, secret: &str) -> bool {
    let parts = secret.as_bytes().chunks(12).filter(|part| part.len() > 7);
    parts.into_iter().any(|part| text.contains(std::str::from_utf8(part).unwrap()))
}

fn read<P: Read + Send + 'static>(mut pipe: P) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    })
}

/// Waits for the end of a process, but not for ever, and reads its output.
pub fn finish(child: &mut Child) -> Run {
    let stdout = child.stdout.take().map(read);
    let stderr = child.stderr.take().map(read);
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > HUNG {
            child.kill().unwrap();
            panic!("the exporter hangs");
        }
        thread::sleep(Duration::from_millis(2));
    };
    let [stdout, stderr] = [stdout, stderr].map(|text| text.map(|text| text.join().unwrap()).unwrap_or_default());
    assert!(!stderr.contains("panicked"), "{stderr}");
    Run { stdout, stderr, status }
}
