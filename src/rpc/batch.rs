//! Calls that are made together, and their answers.

use std::marker::PhantomData;
use std::ops::Range;

use serde::Deserialize;
use serde_json::Value;

use super::{CallError, Cause, tolerant};

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
    pub(super) methods: Vec<&'static str>,
    pub(super) bodies: Vec<Vec<u8>>,
    pub(super) slots: Vec<Slot>,
}

impl Answers {
    /// The answer to one call. It may borrow from the answers.
    pub fn get<'a, T: Deserialize<'a>>(&'a self, ticket: Ticket<T>) -> Result<T, CallError> {
        let fail = |cause| CallError {
            node: self.node.clone(),
            method: self.methods.get(ticket.index).copied().unwrap_or_default(),
            cause,
        };
        let (body, range) = match self.slots.get(ticket.index) {
            Some(Ok(place)) => place.clone(),
            Some(Err(cause)) => return Err(fail(cause.clone())),
            None => return Err(fail(Cause::NoAnswer)),
        };
        let text = if range.is_empty() { b"null" } else { &self.bodies[body][range] };
        tolerant::from_json(text).map_err(|why| fail(Cause::Shape(why)))
    }
}
