//! Why an effect could not be performed.

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
    /// The server did not answer in time.
    Timeout,
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
            Self::Other => "Error",
        }
    }
}

impl EffectError {
    pub(super) fn new(object: &Key, action: &'static str, problem: Problem, said: &str) -> Self {
        Self { object: Box::new(object.clone()), action, problem, said: said.to_owned() }
    }

    pub(super) fn from_client(object: &Key, action: &'static str, error: &kube::Error) -> Self {
        let kube::Error::Api(status) = error else {
            return Self::new(object, action, Problem::Other, &error.to_string());
        };
        Self::new(object, action, sort(status.code, &status.reason, &status.message), &status.message)
    }

    /// Whether the object had changed, so that the next attempt has every chance.
    pub fn conflict(&self) -> bool {
        self.problem == Problem::Conflict
    }
}

/// A JSON patch whose `test` fails is answered with 422 like an invalid object, but without a field that is to blame.
fn sort(code: u16, reason: &str, message: &str) -> Problem {
    match code {
        409 => Problem::Conflict,
        422 if reason != "Invalid" || message.contains("test failed") => Problem::Conflict,
        404 => Problem::NotFound,
        401 | 403 => Problem::Forbidden,
        504 => Problem::Timeout,
        _ => Problem::Other,
    }
}
