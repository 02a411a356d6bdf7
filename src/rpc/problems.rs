//! Which errors of a call are problems of the collector that made it.

use super::{CallError, Cause};
use crate::tolerant::Problems;

impl Problems {
    /// The answer; any error is a problem.
    pub fn ok<T>(&mut self, answer: Result<T, CallError>) -> Option<T> {
        answer.map_err(|error| self.error(error)).ok()
    }

    /// The answer; a node without the method is not a problem.
    pub fn if_supported<T>(&mut self, answer: Result<T, CallError>) -> Option<T> {
        match answer {
            Err(error) if error.cause.is_missing_method() => None,
            other => self.ok(other),
        }
    }

    /// The answer; a node without the method, or a token without the permission, is not a problem.
    pub fn if_allowed<T>(&mut self, answer: Result<T, CallError>) -> Option<T> {
        match answer {
            Err(error) if matches!(error.cause, Cause::NeedsPermission(_)) => None,
            other => self.if_supported(other),
        }
    }
}
