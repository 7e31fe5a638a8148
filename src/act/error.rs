//! Why an effect could not be performed.

use std::time::Duration;

use kube::core::Status;
use thiserror::Error;

use crate::model::Key;

/// An effect that failed: on what, doing what, and what the server said.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("can't {action} {object}: {said}")]
pub struct EffectError {
    /// What was to be written. Boxed, as failures are rare and passed through many hands.
    pub object: Box<Key>,
    /// What was to be done with it, as a verb.
    pub action: &'static str,
    /// What sort of failure it is.
    pub problem: Problem,
    /// What the server said.
    pub said: String,
    /// How long it asked to be left alone.
    pub retry_after: Option<Duration>,
}

/// Sorts of failure, by what helps against them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    /// The object is not the one that was seen any more. A new decision helps.
    Conflict,
    /// The object is gone, or its kind is.
    NotFound,
    /// Siskin may not do this. Its role in the cluster helps.
    Forbidden,
    /// The server did not answer in time. The write may have been done all the same.
    Timeout,
    /// The server has too much to do.
    Busy,
    /// Anything else.
    Other,
}

impl Problem {
    /// The word for metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Conflict => "Conflict",
            Self::NotFound => "NotFound",
            Self::Forbidden => "Forbidden",
            Self::Timeout => "Timeout",
            Self::Busy => "Busy",
            Self::Other => "Error",
        }
    }
}

impl EffectError {
    pub(super) fn new(object: &Key, action: &'static str, problem: Problem, said: &str) -> Self {
        Self { object: Box::new(object.clone()), action, problem, said: said.to_owned(), retry_after: None }
    }

    pub(super) fn from_client(object: &Key, action: &'static str, error: &kube::Error) -> Self {
        let kube::Error::Api(status) = error else {
            return Self::new(object, action, Problem::Other, &error.to_string());
        };
        let seconds = status.details.as_ref().map(|details| details.retry_after_seconds).filter(|seconds| *seconds > 0);
        let retry_after = seconds.map(|seconds| Duration::from_secs(u64::from(seconds)));
        Self { retry_after, ..Self::new(object, action, sort(status), &status.message) }
    }

    /// Whether the object had changed, so that the next attempt has every chance.
    pub fn conflict(&self) -> bool {
        self.problem == Problem::Conflict
    }
}

/// Sorts an API server's refusal. A JSON patch whose `test` fails is answered with 422 like an invalid object, and even
/// with the same reason, but without any field that is to blame.
fn sort(status: &Status) -> Problem {
    match status.code {
        409 => Problem::Conflict,
        422 if status.details.as_ref().is_none_or(|details| details.causes.is_empty()) => Problem::Conflict,
        404 => Problem::NotFound,
        401 | 403 => Problem::Forbidden,
        429 | 503 => Problem::Busy,
        504 => Problem::Timeout,
        _ => Problem::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(status: serde_json::Value) -> Problem {
        sort(&serde_json::from_value(status).unwrap())
    }

    #[test]
    fn a_failed_test_of_a_json_patch_is_a_conflict_and_an_invalid_object_is_not() {
        // Both as an API server of 1.37 answers them.
        let failed_test = serde_json::json!({
            "status": "Failure", "reason": "Invalid", "code": 422, "details": {},
            "message": "the server rejected our request due to an error in our request",
        });
        let invalid = serde_json::json!({
            "status": "Failure", "reason": "Invalid", "code": 422, "message": "Service \"web\" is invalid: spec.ports: Required value",
            "details": {"name": "web", "kind": "Service", "causes": [{"reason": "FieldValueRequired", "message": "Required value", "field": "spec.ports"}]},
        });
        assert_eq!((problem(failed_test), problem(invalid)), (Problem::Conflict, Problem::Other));
    }
}
