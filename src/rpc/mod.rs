//! JSON-RPC 2.0 as Lotus, lotus-miner and their relatives use it: typed calls, batches, one time budget for a whole run, and errors that
//! say what to do. How the bytes travel is a [`Transport`]'s business, so that a simulated farm can answer too.

mod answers;
mod batch;
mod client;
pub mod curio;
mod dialect;
mod error;
mod fields;
mod granted;
pub mod graphql;
mod habits;
pub mod http;
mod json;
mod problems;
mod resolver;

pub use answers::{Gather, LongField, MAX_ANSWER_BYTES};
pub use batch::{Answers, Batch, Ticket};
pub use client::Client;
use dialect::Dialect;
pub use error::{CallError, Cause, lacks_permission};
pub use granted::Granted;
pub use habits::Habits;

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::discover::Kind;

/// Carries one request to a node and brings back its answer.
pub trait Transport: Send + Sync {
    /// Posts `body` to `path` (like `/rpc/v1`) below the node's base URL. `read` gets the HTTP status and the body of the answer as it comes. The
    /// whole exchange takes at most `timeout`.
    fn post(&self, path: &str, body: &[u8], timeout: Duration, read: ReadAnswer) -> Result<(), Cause>;

    /// Why the node is not to be asked at all, where that is known beforehand.
    fn gone(&self) -> Option<&str> {
        None
    }

    /// What the node lets this exporter do, where that is known without asking.
    fn granted(&self) -> Granted {
        Granted::Everything
    }

    /// Takes whatever must not be printed out of a text that the node wrote.
    fn redact(&self, text: &str) -> String {
        text.to_owned()
    }
}

/// Reads an answer as it comes.
pub type ReadAnswer<'a> = &'a mut dyn FnMut(u16, &mut dyn Read) -> io::Result<()>;

/// A node to ask.
#[derive(Clone)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// `host:port`, as a label and in messages.
    pub address: String,
    /// What it is remembered by when its address changes: the repo that names it, otherwise the address.
    pub known_as: String,
    /// How to reach it.
    pub transport: Arc<dyn Transport>,
    /// Where it answers GraphQL, as Boost does beside its JSON-RPC.
    pub graphql: Option<Box<Node>>,
    /// How others in the network would reach it, where this program reaches it by the loopback of this machine, and it should be for nobody
    /// else.
    pub elsewhere: Option<Arc<dyn Transport>>,
}

/// The time that one run may take, and how much of it one request may use.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    ends: Instant,
    request: Duration,
}

impl Budget {
    /// A budget that starts now. One request gets at most a quarter of it, so that a node that hangs is found out in time for the others.
    pub fn new(run: Duration) -> Self {
        Budget { ends: Instant::now() + run, request: run / 4 }
    }

    fn for_request(&self, share: Share) -> Duration {
        let share = match share {
            Share::Half => self.request / 2,
            Share::Whole => self.request,
            Share::Double => self.request * 2,
        };
        self.ends.saturating_duration_since(Instant::now()).min(share)
    }
}

/// How much a request may take of what is usual for one.
#[derive(Clone, Copy)]
enum Share {
    /// A call of a batch that was late already.
    Half,
    /// Nearly all.
    Whole,
    /// A call with a long answer.
    Double,
}

/// What talking to one node has cost it so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Calls sent, alone or in batches.
    pub calls: u64,
    /// HTTP requests sent.
    pub requests: u64,
    /// Calls that brought an error or nothing, other than a method the node does not have and what was to be expected.
    pub errors: u64,
    /// Bytes of the answers' bodies.
    pub received_bytes: u64,
}

impl std::ops::Add for Cost {
    type Output = Cost;

    fn add(self, other: Cost) -> Cost {
        Cost {
            calls: self.calls + other.calls,
            requests: self.requests + other.requests,
            errors: self.errors + other.errors,
            received_bytes: self.received_bytes + other.received_bytes,
        }
    }
}
