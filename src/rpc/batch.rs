//! Calls that are made together, and their answers.

use std::any::Any;
use std::cell::RefCell;
use std::marker::PhantomData;

use serde::Deserialize;
use serde_json::Value;

use super::answers::{Gather, LongField, Parser, gathered, split, whole};
use super::{CallError, Cause};
use crate::lotus::address;

/// Calls to be made together.
#[derive(Default)]
pub struct Batch {
    pub(super) calls: Vec<Call>,
}

/// What an answer is about: the first parameter, where it is an address.
pub(super) fn subject(params: &Value) -> String {
    let first = params.get(0).and_then(Value::as_str).filter(|text| address::is_address(text));
    first.unwrap_or_default().to_owned()
}

pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) params: Value,
    pub(super) parse: Parser,
    /// Which failures are answers too, and not errors.
    pub(super) is_expected: fn(&Cause) -> bool,
}

/// Stands for the answer to one call of a [`Batch`].
pub struct Ticket<T> {
    index: usize,
    answer: PhantomData<fn() -> T>,
}

impl<T> Clone for Ticket<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ticket<T> {}

impl Batch {
    /// No calls yet.
    pub fn new() -> Self {
        Batch::default()
    }

    /// Adds a call of a method, without the prefix that Lotus' have, whose answer is a `T`. It is read as a whole, so an answer of megabytes is dropped.
    pub fn add<T>(&mut self, method: &'static str, params: Value) -> Ticket<T>
    where
        T: for<'de> Deserialize<'de> + Send + 'static,
    {
        self.push(Call { method, params, parse: whole::<T>, is_expected: |_| false })
    }

    /// Such a failure is an answer, too: it is not counted as an error.
    pub fn expect<T>(&mut self, ticket: Ticket<T>, is_expected: fn(&Cause) -> bool) -> Ticket<T> {
        if let Some(call) = self.calls.get_mut(ticket.index) {
            call.is_expected = is_expected;
        }
        ticket
    }

    /// Like [`Batch::add`], for an object with one field that may be long, which is read as it comes. The rest of it is the `T`.
    pub fn add_split<T, L>(&mut self, method: &'static str, params: Value) -> Ticket<(T, Option<L>)>
    where
        T: for<'de> Deserialize<'de> + Send + 'static,
        L: LongField,
    {
        self.push(Call { method, params, parse: split::<T, L>, is_expected: |_| false })
    }

    /// Like [`Batch::add`], for a list of any length, which is gathered element by element. Null is an empty list.
    pub fn add_each<G: Gather>(&mut self, method: &'static str, params: Value) -> Ticket<G> {
        self.push(Call { method, params, parse: gathered::<G>, is_expected: |_| false })
    }

    fn push<T>(&mut self, call: Call) -> Ticket<T> {
        self.calls.push(call);
        Ticket { index: self.calls.len() - 1, answer: PhantomData }
    }
}

/// What became of a call: the value that was read, a `T` of its ticket.
pub(super) type Slot = Result<Box<dyn Any + Send>, Cause>;

/// The answers to a [`Batch`].
pub struct Answers {
    node: String,
    /// What each call is about, and its method.
    calls: Vec<(String, &'static str)>,
    slots: RefCell<Vec<Slot>>,
}

impl Answers {
    pub(super) fn new(node: &str, batch: &Batch, slots: Vec<Slot>) -> Self {
        let calls = batch.calls.iter().map(|call| (subject(&call.params), call.method)).collect();
        Answers { node: node.to_owned(), calls, slots: RefCell::new(slots) }
    }

    /// The first error, where no call at all was answered.
    pub fn reached(&self) -> Result<(), CallError> {
        let slots = self.slots.borrow();
        let is_answer = |slot: &Slot| slot.as_ref().err().is_none_or(Cause::is_answer);
        match (slots.iter().any(is_answer), slots.first()) {
            (false, Some(Err(cause))) => Err(self.error(0, cause.clone())),
            _ => Ok(()),
        }
    }

    fn error(&self, index: usize, cause: Cause) -> CallError {
        let (about, method) = self.calls.get(index).cloned().unwrap_or_default();
        CallError { node: self.node.clone(), about, method: method.into(), cause }
    }

    /// The answer to one call, which is given away once.
    pub fn get<T: 'static>(&self, ticket: Ticket<T>) -> Result<T, CallError> {
        let mut slots = self.slots.borrow_mut();
        let slot = slots.get_mut(ticket.index).map(|slot| match slot {
            Ok(_) => std::mem::replace(slot, Err(Cause::NoAnswer)),
            Err(cause) => Err(cause.clone()),
        });
        let answer = slot.unwrap_or(Err(Cause::NoAnswer));
        let value = answer.and_then(|value| value.downcast::<T>().map_err(|_| Cause::NoAnswer));
        value.map(|value| *value).map_err(|cause| self.error(ticket.index, cause))
    }
}
