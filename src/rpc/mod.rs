//! JSON-RPC 2.0 as Lotus, lotus-miner and their relatives speak it: typed calls, batches, one time budget for a whole run, and errors that
//! say what to do. How the bytes travel is a [`Transport`]'s business, so that a simulated farm can answer too.

mod batch;
mod error;
pub mod graphql;
pub mod http;
mod problems;

pub use batch::{Answers, Batch, Ticket};
use batch::{Call, Slot};
pub use error::{CallError, Cause};

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::discover::Kind;
use crate::tolerant;

/// Forest refuses more calls than this in one batch; Lotus has no limit.
const MAX_BATCH_CALLS: usize = 100;

/// After so many answers in a row that did not come in time, a node is left alone for the rest of the run.
const TIMEOUTS_TO_GIVE_UP: u32 = 2;

/// What is read at once of an answer that is read as it comes.
const STREAM_BUFFER_BYTES: usize = 64 << 10;

/// Carries one request to a node and brings back its answer.
pub trait Transport: Send + Sync {
    /// Posts `body` to `path` (like `/rpc/v1`) below the node's base URL. The whole exchange takes at most `timeout`.
    fn post(&self, path: &str, body: &[u8], timeout: Duration) -> Result<Reply, Cause>;

    /// Like [`Transport::post`], for answers that are too long to be kept: `read` gets the HTTP status and the body as it comes.
    fn stream(&self, path: &str, body: &[u8], timeout: Duration, read: ReadAnswer) -> Result<(), Cause>;

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
    /// How to reach it.
    pub transport: Arc<dyn Transport>,
    /// Where it answers GraphQL, as Boost does beside its JSON-RPC.
    pub graphql: Option<Box<Node>>,
}

/// An HTTP answer, read to its end.
pub struct Reply {
    /// The HTTP status code.
    pub status: u16,
    /// The decoded body.
    pub body: Vec<u8>,
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

    fn for_request(&self, shares: u32) -> Duration {
        self.ends.saturating_duration_since(Instant::now()).min(self.request * shares)
    }
}

/// What talking to one node has cost it so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Calls sent, alone or in batches.
    pub calls: u64,
    /// HTTP requests sent.
    pub requests: u64,
    /// Calls that brought an error or nothing, other than a method the node does not have.
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

#[derive(Default)]
struct Counters {
    calls: AtomicU64,
    requests: AtomicU64,
    errors: AtomicU64,
    received_bytes: AtomicU64,
}

/// One node during one run. Threads may share it.
pub struct Client {
    name: String,
    path: &'static str,
    transport: Arc<dyn Transport>,
    budget: Budget,
    last_id: AtomicU64,
    single_calls_only: AtomicBool,
    timeouts_in_a_row: AtomicU32,
    given_up: AtomicBool,
    counters: Arc<Counters>,
}

impl Client {
    /// `name` is how messages call the node, like `miner 127.0.0.1:2345`; `path` is where it answers, like `/rpc/v0`.
    pub fn new(name: String, path: &'static str, transport: Arc<dyn Transport>, budget: Budget) -> Self {
        Client {
            name,
            path,
            transport,
            budget,
            last_id: AtomicU64::new(0),
            single_calls_only: AtomicBool::new(false),
            timeouts_in_a_row: AtomicU32::new(0),
            given_up: AtomicBool::new(false),
            counters: Arc::default(),
        }
    }

    /// A client of the same node that gives up on it for itself only.
    pub fn apart(&self) -> Client {
        Client {
            name: self.name.clone(),
            path: self.path,
            transport: self.transport.clone(),
            budget: self.budget,
            last_id: AtomicU64::new(0),
            single_calls_only: AtomicBool::new(self.single_calls_only.load(Ordering::Relaxed)),
            timeouts_in_a_row: AtomicU32::new(0),
            given_up: AtomicBool::new(self.given_up.load(Ordering::Relaxed)),
            counters: self.counters.clone(),
        }
    }

    /// How messages call the node.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes this node's secrets out of a text that it wrote.
    pub fn redact(&self, text: &str) -> String {
        self.transport.redact(text)
    }

    /// What this client has cost its node.
    pub fn cost(&self) -> Cost {
        Cost {
            calls: self.counters.calls.load(Ordering::Relaxed),
            requests: self.counters.requests.load(Ordering::Relaxed),
            errors: self.counters.errors.load(Ordering::Relaxed),
            received_bytes: self.counters.received_bytes.load(Ordering::Relaxed),
        }
    }

    /// Makes one call, like `call::<String>("ActorAddress", json!([]))`.
    pub fn call<T: for<'de> Deserialize<'de>>(&self, method: &'static str, params: Value) -> Result<T, CallError> {
        let mut batch = Batch::new();
        let ticket = batch.add(method, params);
        self.send(&batch).get(ticket)
    }

    /// Sends a batch, in as few requests as the node allows, and waits for its answers.
    pub fn send(&self, batch: &Batch) -> Answers {
        self.send_to(self.path, batch)
    }

    /// Like [`Client::send`], to another path of the node than its usual one.
    pub fn send_to(&self, path: &str, batch: &Batch) -> Answers {
        let mut answers = Answers {
            node: self.name.clone(),
            methods: batch.calls.iter().map(|call| call.method.into()).collect(),
            bodies: Vec::new(),
            slots: Vec::new(),
        };
        for calls in batch.calls.chunks(MAX_BATCH_CALLS) {
            self.send_chunk(path, calls, &mut answers);
        }
        let errors = answers.slots.iter().filter_map(|slot| slot.as_ref().err());
        self.count_errors(errors.filter(|cause| !cause.is_missing_method()).count());
        answers
    }

    fn count_errors(&self, errors: usize) {
        self.counters.errors.fetch_add(errors as u64, Ordering::Relaxed);
    }

    /// Makes one call whose answer may be too long to be kept: the result is read as it comes, into a `T` that does not grow with it. Such an
    /// answer may take twice the time of another.
    pub fn stream<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, CallError> {
        let call = Call { method, params };
        let mut outcome = Err(Cause::NoAnswer);
        let request = Request::new(&call, self.reserve_ids(1));
        let exchanged = self.exchange(&request, 1, 2, |body, timeout| {
            let mut read = |status, reader: &mut dyn Read| {
                let mut counted = Counted { reader, bytes: 0 };
                let read = read_streamed(status, &mut counted, &*self.transport);
                self.counters.received_bytes.fetch_add(counted.bytes, Ordering::Relaxed);
                outcome = read?;
                Ok(())
            };
            self.transport.stream(self.path, body, timeout, &mut read)
        });
        exchanged.and(outcome).map_err(|cause| {
            if !cause.is_missing_method() {
                self.counters.errors.fetch_add(1, Ordering::Relaxed);
            }
            CallError { node: self.name.clone(), method: method.into(), cause }
        })
    }

    fn send_chunk(&self, path: &str, calls: &[Call], answers: &mut Answers) {
        if calls.len() > 1 && !self.single_calls_only.load(Ordering::Relaxed) {
            match self.send_batch(path, calls, answers) {
                Ok(()) => return,
                Err(BatchFailure::NoBatches) => self.single_calls_only.store(true, Ordering::Relaxed),
                Err(BatchFailure::Garbled) => {}
                Err(BatchFailure::Failed(cause)) => {
                    // One line says it for all of them.
                    let first = answers.slots.len();
                    let together = format!("{} and {} more calls", calls[0].method, calls.len() - 1);
                    answers.methods[first..first + calls.len()].fill(together.into());
                    answers.slots.extend(calls.iter().map(|_| Err(cause.clone())));
                    return;
                }
            }
        }
        for call in calls {
            let slot = self.send_single(path, call, answers);
            answers.slots.push(slot);
        }
    }

    fn send_batch(&self, path: &str, calls: &[Call], answers: &mut Answers) -> Result<(), BatchFailure> {
        let first_id = self.reserve_ids(calls.len());
        let requests: Vec<Request> = calls.iter().zip(first_id..).map(|(call, id)| Request::new(call, id)).collect();
        let reply = self.post(path, &requests, calls.len()).map_err(BatchFailure::Failed)?;
        let responses: Vec<Response> = match serde_json::from_slice(&reply.body) {
            Ok(responses) => responses,
            Err(_) => return Err(refused_batch(&reply, &*self.transport)),
        };
        let mut slots: Vec<Slot> = calls.iter().map(|_| Err(Cause::NoAnswer)).collect();
        let body = answers.bodies.len();
        for response in responses {
            let index = response.id.as_ref().and_then(|Id(id)| id.checked_sub(first_id));
            if let Some(slot) = index.and_then(|index| slots.get_mut(index as usize)) {
                *slot = response.outcome(&reply.body, body, &*self.transport);
            }
        }
        answers.bodies.push(reply.body);
        answers.slots.append(&mut slots);
        Ok(())
    }

    fn send_single(&self, path: &str, call: &Call, answers: &mut Answers) -> Slot {
        let id = self.reserve_ids(1);
        let reply = self.post(path, &Request::new(call, id), 1)?;
        let response: Response =
            tolerant::from_json(&reply.body).map_err(|_| not_json_rpc(&reply, &*self.transport))?;
        if response.error.is_none() && response.id.as_ref().is_none_or(|Id(got)| *got != id) {
            return Err(Cause::NoAnswer);
        }
        let slot = response.outcome(&reply.body, answers.bodies.len(), &*self.transport);
        answers.bodies.push(reply.body);
        slot
    }

    fn reserve_ids(&self, count: usize) -> u64 {
        self.last_id.fetch_add(count as u64, Ordering::Relaxed) + 1
    }

    fn post<B: Serialize>(&self, path: &str, request: &B, calls: usize) -> Result<Reply, Cause> {
        let reply = self.exchange(request, calls, 1, |body, timeout| self.transport.post(path, body, timeout))?;
        self.counters.received_bytes.fetch_add(reply.body.len() as u64, Ordering::Relaxed);
        match refused_by_status(reply.status) {
            // An older node does not have the path at all.
            Some(Cause::Http(404)) if path != self.path => Err(Cause::NoSuchMethod),
            Some(cause) => Err(cause),
            None => Ok(reply),
        }
    }

    /// One HTTP exchange, within so many times the share of a request in the budget, and not at all with a node that has been given up.
    fn exchange<B: Serialize, T>(
        &self,
        request: &B,
        calls: usize,
        shares: u32,
        send: impl FnOnce(&[u8], Duration) -> Result<T, Cause>,
    ) -> Result<T, Cause> {
        if self.given_up.load(Ordering::Relaxed)
            || self.timeouts_in_a_row.load(Ordering::Relaxed) >= TIMEOUTS_TO_GIVE_UP
        {
            return Err(Cause::GivenUp);
        }
        let timeout = self.budget.for_request(shares);
        if timeout.is_zero() {
            return Err(Cause::BudgetSpent);
        }
        let body = serde_json::to_vec(request).map_err(|error| Cause::Failed(error.to_string()))?;
        self.counters.calls.fetch_add(calls as u64, Ordering::Relaxed);
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let result = send(&body, timeout);
        match &result {
            Err(Cause::TimedOut(_)) => {
                self.timeouts_in_a_row.fetch_add(1, Ordering::Relaxed);
            }
            // Nor would a node that floods do anything else the next time.
            Err(Cause::Unreachable(_) | Cause::TooLarge(_)) => self.given_up.store(true, Ordering::Relaxed),
            _ => self.timeouts_in_a_row.store(0, Ordering::Relaxed),
        }
        result
    }
}

/// What a status other than that of a JSON-RPC answer means.
fn refused_by_status(status: u16) -> Option<Cause> {
    match status {
        401 => Some(Cause::BadToken),
        300..=399 | 404 | 413 | 429 => Some(Cause::Http(status)),
        _ => None,
    }
}

/// A reader that counts.
struct Counted<'a> {
    reader: &'a mut dyn Read,
    bytes: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

fn read_streamed<T: DeserializeOwned>(
    status: u16,
    reader: &mut Counted,
    transport: &dyn Transport,
) -> io::Result<Result<T, Cause>> {
    #[derive(Deserialize)]
    struct Streamed<T> {
        result: Option<T>,
        error: Option<ErrorObject>,
    }
    if let Some(cause) = refused_by_status(status) {
        return Ok(Err(cause));
    }
    let streamed = serde_json::from_reader::<_, Streamed<T>>(BufReader::with_capacity(STREAM_BUFFER_BYTES, reader));
    Ok(match streamed {
        Ok(Streamed { error: Some(error), .. }) => {
            Err(Cause::from_error_object(error.code, &transport.redact(&error.message)))
        }
        Ok(Streamed { result: Some(result), .. }) => Ok(result),
        Ok(_) => serde_json::from_str("null").map_err(|error| Cause::Shape(error.to_string())),
        Err(error) if error.is_io() => return Err(error.into()),
        Err(error) => Err(Cause::Shape(error.to_string())),
    })
}

enum BatchFailure {
    /// The server understood JSON-RPC, but not a list of calls.
    NoBatches,
    /// The list of answers was not whole JSON: one answer in it may be at fault.
    Garbled,
    Failed(Cause),
}

fn refused_batch(reply: &Reply, transport: &dyn Transport) -> BatchFailure {
    if tolerant::from_json::<Response>(&reply.body).is_ok_and(|whole| whole.error.is_some()) {
        BatchFailure::NoBatches
    } else if reply.body.trim_ascii_start().starts_with(b"[") {
        BatchFailure::Garbled
    } else {
        BatchFailure::Failed(not_json_rpc(reply, transport))
    }
}

fn not_json_rpc(reply: &Reply, transport: &dyn Transport) -> Cause {
    if reply.status != 200 {
        return Cause::Http(reply.status);
    }
    // A secret that is cut would not be found any more, so the cut comes last; nor does the first one cut any that would be shown.
    let start = transport.redact(&String::from_utf8_lossy(&reply.body[..reply.body.len().min(4096)]));
    Cause::NotJsonRpc(start.chars().take(40).collect())
}

#[derive(Serialize)]
struct Request<'a> {
    jsonrpc: &'static str,
    id: u64,
    method: String,
    params: &'a Value,
}

impl<'a> Request<'a> {
    fn new(call: &'a Call, id: u64) -> Self {
        Request { jsonrpc: "2.0", id, method: format!("Filecoin.{}", call.method), params: &call.params }
    }
}

/// An absent `result` is the null of Lotus before v1.27.1.
#[derive(Deserialize)]
struct Response<'a> {
    #[serde(default)]
    id: Option<Id>,
    #[serde(default, borrow)]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<ErrorObject>,
}

#[derive(Deserialize)]
struct ErrorObject {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

impl Response<'_> {
    fn outcome(self, body: &[u8], body_index: usize, transport: &dyn Transport) -> Slot {
        if let Some(error) = self.error {
            return Err(Cause::from_error_object(error.code, &transport.redact(&error.message)));
        }
        let Some(result) = self.result else {
            return Ok((body_index, 0..0));
        };
        // The raw value is a part of the body, so the difference is where it starts.
        let start = result.get().as_ptr() as usize - body.as_ptr() as usize;
        Ok((body_index, start..start + result.get().len()))
    }
}

struct Id(u64);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        tolerant::Int::deserialize(deserializer).map(|tolerant::Int(id)| Id(u64::try_from(id).unwrap_or_default()))
    }
}
