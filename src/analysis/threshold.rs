//! Numbers of the canary with hard limits.

use super::{Gap, Sight};
use crate::{
    judge::{Limit, LimitState},
    measure::MetricOutcome,
};

/// A limit and how often in a row it was broken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LimitWatch {
    pub(super) limit: Limit,
    pub(super) state: LimitState,
}

impl LimitWatch {
    pub(super) fn look(&mut self, outcome: Option<&MetricOutcome>) -> Sight {
        let (value, gap) = match outcome {
            Some(MetricOutcome::Value(Ok(value))) => (Some(*value), None),
            other => (None, Some(Gap::of(other))),
        };
        let reading = self.state.look(&self.limit, value);
        Sight { fresh: value.is_some(), gap, limit: Some(reading), ..Sight::default() }
    }
}
