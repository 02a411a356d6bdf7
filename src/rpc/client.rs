//! One node during one run: sends calls, singly or in batches, and learns how it copes with them.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answers::{Body, ParseCall, elements, named_elements, read_body, whole};
use super::batch::{Call, Slot, subject};
use super::habits::{Habits, Shared};
use super::json::{self, Source};
use super::{Answers, Batch, Budget, CallError, Cause, Cost, Dialect, Share, Transport};

/// Forest refuses more calls than this in one batch; Lotus has no limit.
const MAX_BATCH_CALLS: usize = 100;

/// After this many timeouts in a row, a node is left alone for the rest of the run.
const TIMEOUTS_TO_GIVE_UP: u32 = 2;

/// Calls that are made one by one at the same time, where a batch did not come in time. Where one is late again, and none is answered, it is
/// the node that is slow.
const PARALLEL_CALLS: usize = 4;

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
    dialect: &'static Dialect,
    transport: Arc<dyn Transport>,
    budget: Budget,
    last_id: AtomicU64,
    single_calls_only: AtomicBool,
    timeouts_in_a_row: AtomicU32,
    given_up: AtomicBool,
    counters: Arc<Counters>,
    pub(super) habits: Arc<Shared>,
}

impl Client {
    /// `name` is how messages call the node, like `miner 127.0.0.1:2345`; `path` is where it answers, like `/rpc/v0`; `habits` are what earlier
    /// runs learnt about it.
    pub fn new(
        name: String,
        path: &'static str,
        transport: Arc<dyn Transport>,
        budget: Budget,
        habits: Habits,
    ) -> Self {
        Client {
            name,
            path,
            dialect: &Dialect::LOTUS,
            transport,
            budget,
            last_id: AtomicU64::new(0),
            single_calls_only: AtomicBool::new(false),
            timeouts_in_a_row: AtomicU32::new(0),
            given_up: AtomicBool::new(false),
            counters: Arc::default(),
            habits: Arc::new(Shared::new(habits)),
        }
    }

    /// A client of a node that calls its methods otherwise than Lotus does.
    pub(super) fn speaking(self, dialect: &'static Dialect) -> Self {
        Client { dialect, ..self }
    }

    /// A client of the same node that gives up on it for itself only.
    pub fn apart(&self) -> Client {
        Client {
            name: self.name.clone(),
            path: self.path,
            dialect: self.dialect,
            transport: self.transport.clone(),
            budget: self.budget,
            last_id: AtomicU64::new(0),
            single_calls_only: AtomicBool::new(self.single_calls_only.load(Ordering::Relaxed)),
            timeouts_in_a_row: AtomicU32::new(0),
            given_up: AtomicBool::new(self.given_up.load(Ordering::Relaxed)),
            counters: self.counters.clone(),
            habits: self.habits.clone(),
        }
    }

    /// How messages call the node.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it answers.
    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    /// Takes this node's secrets out of a text that it wrote.
    pub fn redact(&self, text: &str) -> String {
        (self.dialect.redact)(&self.transport.redact(text))
    }

    /// Whether an empty body is that of a call which the node cannot answer.
    pub(super) fn may_be_silent(&self) -> bool {
        self.dialect.may_be_silent
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

    /// What was learnt about the node, in earlier runs and in this one.
    pub fn habits(&self) -> Habits {
        self.habits.get()
    }

    /// The node reported its version. What was learnt about another one does not apply.
    pub fn is_version(&self, version: &str) {
        self.habits.is_version(version);
    }

    /// What was learnt is about another program.
    pub fn forget_habits(&self) {
        self.habits.forget();
    }

    /// Asks no further in this run.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// Makes one call, like `call::<String>("ActorAddress", json!([]))`.
    pub fn call<T>(&self, method: &'static str, params: Value) -> Result<T, CallError>
    where
        T: for<'de> Deserialize<'de> + Send + 'static,
    {
        let mut batch = Batch::new();
        let ticket = batch.add(method, params);
        self.send(&batch).get(ticket)
    }

    /// Makes one call whose answer is a list that may be too long to be kept: `take` gets one element after the other, or what is wrong with
    /// it. Null is an empty list. Such an answer may take twice the time of another.
    pub fn each<T>(
        &self,
        method: &'static str,
        params: Value,
        mut take: impl FnMut(Result<T, String>),
    ) -> Result<(), CallError>
    where
        T: for<'de> Deserialize<'de>,
    {
        self.call_with(method, params, Share::Double, &mut |_, value| elements(value, &mut take)).map(|_| ())
    }

    /// Like [`Client::each`], for an object of such lists: each element comes with the name of its list, and before the first one comes the
    /// name alone.
    pub fn each_named<T>(
        &self,
        method: &'static str,
        params: Value,
        mut take: impl FnMut(&str, Option<Result<T, String>>),
    ) -> Result<(), CallError>
    where
        T: for<'de> Deserialize<'de>,
    {
        self.call_with(method, params, Share::Double, &mut |_, value| named_elements(value, &mut take)).map(|_| ())
    }

    /// Makes one call that may take only half the time of another, as it may have to wait for somebody else.
    pub(super) fn call_briefly<T>(&self, method: &'static str, params: Value) -> Result<T, CallError>
    where
        T: for<'de> Deserialize<'de> + Send + 'static,
    {
        let answer = self.call_with(method, params, Share::Half, &mut |_, value| whole::<T>(value))?;
        answer.downcast::<T>().map(|value| *value).map_err(|_| self.misshaped(method, "another type"))
    }

    fn call_with(
        &self,
        method: &'static str,
        params: Value,
        share: Share,
        parse: ParseCall,
    ) -> Result<Box<dyn Any + Send>, CallError> {
        let slot = match self.not_to_be_sent(method) {
            Some(cause) => Err(cause),
            None => self.send_single(self.path, method, &params, share, parse),
        };
        self.learn(method, &slot, |_| false);
        slot.map_err(|cause| CallError {
            node: self.name.clone(),
            about: subject(&params),
            method: method.into(),
            cause,
        })
    }

    /// Sends a batch, in as few requests as the node allows, and waits for its answers.
    pub fn send(&self, batch: &Batch) -> Answers {
        self.send_to(self.path, batch)
    }

    /// Like [`Client::send`], to another path of the node than its usual one.
    pub fn send_to(&self, path: &str, batch: &Batch) -> Answers {
        let mut slots: Vec<Option<Slot>> =
            batch.calls.iter().map(|call| self.not_to_be_sent(call.method).map(Err)).collect();
        let open =
            |slots: &[Option<Slot>]| (0..slots.len()).filter(|index| slots[*index].is_none()).collect::<Vec<_>>();
        let is_slow = |index: &usize| batch.calls.len() > 1 && self.habits.is_slow(batch.calls[*index].method);
        let (slow, usual): (Vec<usize>, Vec<usize>) = open(&slots).into_iter().partition(is_slow);
        let late = thread::scope(|scope| {
            // What kept the others waiting before is asked beside them.
            let late = (!slow.is_empty()).then(|| scope.spawn(|| self.one_by_one(path, batch, &slow, Share::Whole)));
            for indices in usual.chunks(MAX_BATCH_CALLS) {
                self.send_chunk(path, batch, indices, &mut slots);
            }
            late.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        for (index, slot) in late.into_iter().flatten() {
            slots[index] = Some(slot);
        }
        let slots: Vec<Slot> = slots.into_iter().map(|slot| slot.unwrap_or(Err(Cause::NoAnswer))).collect();
        for (call, slot) in batch.calls.iter().zip(&slots) {
            self.learn(call.method, slot, call.is_expected);
        }
        Answers::new(&self.name, batch, slots)
    }

    /// The error that an answer to a method is not what it should be.
    pub fn misshaped(&self, method: &'static str, why: impl Into<String>) -> CallError {
        let (node, cause) = (self.name.clone(), Cause::Shape(why.into()));
        CallError { node, about: String::new(), method: method.into(), cause }
    }

    /// Why a call is not made: the node does not have it, or it is not one that this program may make.
    fn not_to_be_sent(&self, method: &str) -> Option<Cause> {
        if !(self.dialect.allows)(method) {
            return Some(Cause::Failed("never asked by this program".to_owned()));
        }
        self.habits.lacks(method).then_some(Cause::NoSuchMethod)
    }

    /// Remembers that the node does not have a method, and counts errors.
    fn learn(&self, method: &str, slot: &Slot, is_expected: fn(&Cause) -> bool) {
        match slot {
            Err(cause) if cause.is_missing_method() => self.habits.note_missing(method),
            Err(cause) if !is_expected(cause) => self.count_errors(1),
            Err(_) | Ok(_) => {}
        }
    }

    pub(super) fn count_errors(&self, errors: usize) {
        self.counters.errors.fetch_add(errors as u64, Ordering::Relaxed);
    }

    /// Makes the calls of these numbers: in one batch, or as the node allows.
    fn send_chunk(&self, path: &str, batch: &Batch, indices: &[usize], slots: &mut [Option<Slot>]) {
        let calls: Vec<&Call> = indices.iter().map(|index| &batch.calls[*index]).collect();
        if let [call] = calls[..] {
            slots[indices[0]] = Some(self.send_one(path, call, Share::Whole));
            return;
        }
        let mut answered: Vec<Option<Slot>> = indices.iter().map(|_| None).collect();
        let failure = match self.single_calls_only.load(Ordering::Relaxed) {
            true => Err(BatchFailure::NoBatches),
            false => self.send_batch(path, &calls, &mut answered),
        };
        let open: Vec<usize> = (0..indices.len()).filter(|at| answered[*at].is_none()).map(|at| indices[at]).collect();
        for (index, slot) in indices.iter().zip(answered) {
            slots[*index] = slot;
        }
        match failure {
            Ok(()) => {}
            Err(BatchFailure::NoBatches | BatchFailure::Garbled) => {
                if matches!(failure, Err(BatchFailure::NoBatches)) {
                    self.single_calls_only.store(true, Ordering::Relaxed);
                }
                for index in open {
                    slots[index] = Some(self.send_one(path, &batch.calls[index], Share::Whole));
                }
            }
            Err(BatchFailure::TimedOut) => self.find_slow(path, batch, &open, slots),
            Err(BatchFailure::Failed(cause)) => {
                for index in open {
                    slots[index] = Some(Err(cause.clone()));
                }
            }
        }
    }

    /// A batch did not come in time: one call in it may have kept the others waiting. They are made one by one, and those that are late again are
    /// remembered, where others are not.
    fn find_slow(&self, path: &str, batch: &Batch, open: &[usize], slots: &mut [Option<Slot>]) {
        let answers = self.one_by_one(path, batch, open, Share::Half);
        let is_late = |slot: &Slot| matches!(slot, Err(Cause::TimedOut(_) | Cause::BudgetSpent));
        let is_alive = answers.iter().any(|(_, slot)| slot.as_ref().err().is_none_or(Cause::is_answer));
        if is_alive {
            self.timeouts_in_a_row.store(0, Ordering::Relaxed);
            for index in open {
                let method = batch.calls[*index].method;
                let of_method = || answers.iter().filter(|(other, _)| batch.calls[*other].method == method);
                self.habits.note_speed(method, of_method().all(|(_, slot)| is_late(slot)));
            }
        } else {
            self.timeouts_in_a_row.fetch_add(1, Ordering::Relaxed);
        }
        for (index, slot) in answers {
            slots[index] = Some(slot);
        }
    }

    /// Makes these calls each by itself, some at the same time. How long they take says nothing about the node.
    fn one_by_one(&self, path: &str, batch: &Batch, indices: &[usize], share: Share) -> Vec<(usize, Slot)> {
        let (next, late, answered) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        let answers = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..indices.len().min(PARALLEL_CALLS) {
                scope.spawn(|| {
                    while let Some(index) = indices.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let call = &batch.calls[*index];
                        let is_node_slow = late.load(Ordering::Relaxed) > 0 && !answered.load(Ordering::Relaxed);
                        let slot =
                            if is_node_slow { Err(Cause::GivenUp) } else { self.apart().send_one(path, call, share) };
                        if slot.as_ref().err().is_none_or(Cause::is_answer) {
                            answered.store(true, Ordering::Relaxed);
                            self.habits.note_speed(call.method, false);
                        }
                        late.fetch_add(usize::from(matches!(slot, Err(Cause::TimedOut(_)))), Ordering::Relaxed);
                        answers.lock().unwrap_or_else(PoisonError::into_inner).push((*index, slot));
                    }
                });
            }
        });
        answers.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn send_batch(&self, path: &str, calls: &[&Call], slots: &mut [Option<Slot>]) -> Result<(), BatchFailure> {
        let first_id = self.reserve_ids(calls.len());
        let requests: Vec<Request> =
            calls.iter().zip(first_id..).map(|(call, id)| self.request(call.method, &call.params, id)).collect();
        let mut parse = |index: usize, value: &mut json::Value| (calls[index].parse)(value);
        match self.post(path, &requests, first_id, Share::Whole, slots, &mut parse) {
            Ok(Body::Answers) => Ok(()),
            Ok(Body::RefusedBatch) => Err(BatchFailure::NoBatches),
            Ok(Body::Garbled) => Err(BatchFailure::Garbled),
            Ok(Body::NotJsonRpc(cause)) => Err(BatchFailure::Failed(cause)),
            Err(Cause::TimedOut(_)) => Err(BatchFailure::TimedOut),
            Err(cause) => Err(BatchFailure::Failed(cause)),
        }
    }

    fn send_one(&self, path: &str, call: &Call, share: Share) -> Slot {
        self.send_single(path, call.method, &call.params, share, &mut |_, value| (call.parse)(value))
    }

    fn send_single(&self, path: &str, method: &'static str, params: &Value, share: Share, parse: ParseCall) -> Slot {
        let first_id = self.reserve_ids(1);
        let mut slots = [None];
        let body = self.post(path, &self.request(method, params, first_id), first_id, share, &mut slots, parse)?;
        match (slots, body) {
            ([Some(slot)], _) => slot,
            (_, Body::NotJsonRpc(cause)) => Err(cause),
            _ => Err(Cause::NoAnswer),
        }
    }

    fn request<'a>(&self, method: &str, params: &'a Value, id: u64) -> Request<'a> {
        Request { jsonrpc: "2.0", id, method: format!("{}{method}", self.dialect.prefix), params }
    }

    fn reserve_ids(&self, count: usize) -> u64 {
        self.last_id.fetch_add(count as u64, Ordering::Relaxed) + 1
    }

    /// Posts one call, or a list of them, and reads the answers into the slots.
    fn post<B: Serialize>(
        &self,
        path: &str,
        request: &B,
        first_id: u64,
        share: Share,
        slots: &mut [Option<Slot>],
        parse: ParseCall,
    ) -> Result<Body, Cause> {
        let calls = slots.len();
        let mut body = Ok(Body::Answers);
        self.exchange(path, request, calls, share, &mut |status, source| {
            body = match refused_by_status(status) {
                // An older node does not have the path at all.
                Some(Cause::Http(404)) if path != self.path => Err(Cause::NoSuchMethod),
                Some(cause) => Err(cause),
                None => Ok(read_body(status, source, first_id, self, slots, parse)?),
            };
            Ok(())
        })?;
        body
    }

    /// One HTTP exchange, within the share of a request in the budget, and not at all with a node that has been given up.
    pub(super) fn exchange<B: Serialize>(
        &self,
        path: &str,
        request: &B,
        calls: usize,
        share: Share,
        read: &mut dyn FnMut(u16, &mut Source) -> io::Result<()>,
    ) -> Result<(), Cause> {
        if let Some(why) = self.transport.gone() {
            return Err(Cause::Gone(why.to_owned()));
        }
        if self.given_up.load(Ordering::Relaxed)
            || self.timeouts_in_a_row.load(Ordering::Relaxed) >= TIMEOUTS_TO_GIVE_UP
        {
            return Err(Cause::GivenUp);
        }
        let timeout = self.budget.for_request(share);
        if timeout.is_zero() {
            return Err(Cause::BudgetSpent);
        }
        let body = serde_json::to_vec(request).map_err(|error| Cause::Failed(error.to_string()))?;
        self.counters.calls.fetch_add(calls as u64, Ordering::Relaxed);
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let result = self.transport.post(path, &body, timeout, &mut |status, reader| {
            let mut source = Source::new(reader);
            let read = read(status, &mut source);
            self.counters.received_bytes.fetch_add(source.bytes(), Ordering::Relaxed);
            read
        });
        match &result {
            Err(Cause::TimedOut(_)) => {
                self.timeouts_in_a_row.fetch_add(1, Ordering::Relaxed);
            }
            // Nor would a node that floods do anything else the next time.
            Err(Cause::Unreachable(_) | Cause::TooLarge(_)) => self.give_up(),
            _ => self.timeouts_in_a_row.store(0, Ordering::Relaxed),
        }
        result
    }
}

/// What a status other than that of a JSON-RPC answer means.
pub(super) fn refused_by_status(status: u16) -> Option<Cause> {
    match status {
        401 => Some(Cause::BadToken),
        300..=399 | 404 | 413 | 429 => Some(Cause::Http(status)),
        _ => None,
    }
}

enum BatchFailure {
    /// The server understood JSON-RPC, but not a list of calls.
    NoBatches,
    /// The list of answers was not whole JSON: one answer in it may be at fault.
    Garbled,
    TimedOut,
    Failed(Cause),
}

#[derive(Serialize)]
struct Request<'a> {
    jsonrpc: &'static str,
    id: u64,
    method: String,
    params: &'a Value,
}
