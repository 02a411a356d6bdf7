//! Tells on stderr which nodes keep `check` waiting: at once on a terminal, where it goes away again; elsewhere once, after some seconds.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::rpc::{Cause, Granted, Node, ReadAnswer, Transport};

/// A node that answers sooner needs no progress line.
const SILENT_FOR: Duration = Duration::from_secs(2);

const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// The requests that are on their way, by node and number.
type Waiting = Arc<Mutex<BTreeMap<(String, u64), Instant>>>;

/// Nodes that tell when they are being asked.
pub struct Progress {
    waiting: Waiting,
}

impl Progress {
    /// Watches these nodes from now on.
    pub fn watch(nodes: &mut [Node]) -> Progress {
        let waiting = Waiting::default();
        for node in nodes.iter_mut() {
            watch(node, &waiting);
        }
        Progress { waiting }
    }

    /// Does the work, and shows silent nodes meanwhile.
    pub fn during<T>(&self, most: Duration, work: impl FnOnce() -> T) -> T {
        let (done, is_done) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || self.tell(most, &is_done));
            let result = work();
            drop(done);
            result
        })
    }

    fn tell(&self, most: Duration, is_done: &mpsc::Receiver<()>) {
        let (started, is_terminal) = (Instant::now(), io::stderr().is_terminal());
        let mut has_told = false;
        while let Err(RecvTimeoutError::Timeout) = is_done.recv_timeout(BETWEEN_LOOKS) {
            let silent = self.silent();
            if silent.is_empty() || (has_told && !is_terminal) {
                continue;
            }
            has_told = true;
            let (begin, end) = if is_terminal { ("\r\x1b[K", "") } else { ("lotus-exporter-farcaster: ", "\n") };
            let (so_far, most) = (started.elapsed().as_secs(), most.as_secs());
            // If stderr is closed, there is nobody to show it to.
            let _ =
                write!(io::stderr(), "{begin}waiting for {} ({so_far} s; {most} s at most){end}", silent.join(", "));
        }
        if has_told && is_terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn silent(&self) -> Vec<String> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = waiting.iter().filter(|(_, since)| since.elapsed() >= SILENT_FOR);
        let mut names: Vec<String> = silent.map(|((name, _), _)| name.clone()).collect();
        names.dedup();
        names
    }
}

fn watch(node: &mut Node, waiting: &Waiting) {
    let name = format!("{} {}", node.kind.as_str(), node.address);
    let inner = node.transport.clone();
    node.transport = Arc::new(Watched { name, inner, waiting: waiting.clone(), last: Mutex::new(0) });
    if let Some(graphql) = &mut node.graphql {
        watch(graphql, waiting);
    }
}

/// A transport that notes what is on its way.
struct Watched {
    name: String,
    inner: Arc<dyn Transport>,
    waiting: Waiting,
    last: Mutex<u64>,
}

impl Transport for Watched {
    fn post(&self, path: &str, body: &[u8], timeout: Duration, read: ReadAnswer) -> Result<(), Cause> {
        let number = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            *last += 1;
            *last
        };
        let key = (self.name.clone(), number);
        let lock = || self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        lock().insert(key.clone(), Instant::now());
        let result = self.inner.post(path, body, timeout, read);
        lock().remove(&key);
        result
    }

    fn gone(&self) -> Option<&str> {
        self.inner.gone()
    }

    fn granted(&self) -> Granted {
        self.inner.granted()
    }

    fn redact(&self, text: &str) -> String {
        self.inner.redact(text)
    }
}
