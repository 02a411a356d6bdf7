//! Calls that are made together, and their answers.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::Range;

use serde::Deserialize;
use serde_json::Value;

use super::{CallError, Cause};
use crate::tolerant;

/// Calls to be made together.
#[derive(Default)]
pub struct Batch {
    pub(super) calls: Vec<Call>,
}

pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) params: Value,
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

    /// Adds a call of `Filecoin.<method>`, whose answer is a `T`.
    pub fn add<T>(&mut self, method: &'static str, params: Value) -> Ticket<T> {
        self.calls.push(Call { method, params });
        Ticket { index: self.calls.len() - 1, answer: PhantomData }
    }
}

/// Where an answer stands: which body, and what part of it.
pub(super) type Slot = Result<(usize, Range<usize>), Cause>;

/// The answers to a [`Batch`], parsed when they are asked for.
pub struct Answers {
    pub(super) node: String,
    pub(super) methods: Vec<Cow<'static, str>>,
    pub(super) bodies: Vec<Vec<u8>>,
    pub(super) slots: Vec<Slot>,
}

impl Answers {
    /// The first error, where no call at all was answered.
    pub fn reached(&self) -> Result<(), CallError> {
        let is_answer = |slot: &Slot| slot.as_ref().err().is_none_or(Cause::is_answer);
        match (self.slots.iter().any(is_answer), self.slots.first()) {
            (false, Some(Err(cause))) => Err(self.error(0, cause.clone())),
            _ => Ok(()),
        }
    }

    fn error(&self, index: usize, cause: Cause) -> CallError {
        let method = self.methods.get(index).cloned().unwrap_or_default();
        CallError { node: self.node.clone(), method, cause }
    }

    /// The answer to one call. It may borrow from the answers.
    pub fn get<'a, T: Deserialize<'a>>(&'a self, ticket: Ticket<T>) -> Result<T, CallError> {
        let fail = |cause| self.error(ticket.index, cause);
        let (body, range) = match self.slots.get(ticket.index) {
            Some(Ok(place)) => place.clone(),
            Some(Err(cause)) => return Err(fail(cause.clone())),
            None => return Err(fail(Cause::NoAnswer)),
        };
        let text = if range.is_empty() { b"null" } else { &self.bodies[body][range] };
        tolerant::from_json(text).map_err(|why| fail(Cause::Shape(why)))
    }
}
