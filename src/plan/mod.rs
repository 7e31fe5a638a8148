//! The state machine, pure: from what was observed to what should be.
//!
//! [`needs`] says what has to be asked before a decision (numbers of Prometheus, why pods do not start), [`decide`]
//! gives the next status, the effects in the order in which they must happen, and when to look again. Neither does
//! I/O, and the time is an argument.

use std::time::Duration;

use jiff::Timestamp;

use crate::{act::Effect, measure::MeasureRequest, observe::Observed};

/// What has to be asked before a decision.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Prometheus, for a look.
    pub measurement: Option<MeasureRequest>,
    /// Why the canary's pods are not ready: the canary Deployment's name.
    pub troubles: Option<String>,
    /// Whether Prometheus takes these queries.
    pub checks: Vec<QueryToCheck>,
}

/// A query whose wording has to be checked before it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryToCheck {
    /// `template/metric`.
    pub metric: String,
    /// The base URL that the metric names, if it names one.
    pub address: Option<String>,
    /// The rendered PromQL.
    pub query: String,
}

/// What should be done now.
#[derive(Clone, Debug)]
pub struct Plan {
    /// In this order; the first that fails ends the plan.
    pub effects: Vec<Effect>,
    /// When to look again, if nothing happens before.
    pub again: Duration,
}

/// What has to be asked before [`decide`].
pub fn needs(observed: &Observed, now: Timestamp) -> Needs;

/// What should be done now.
pub fn decide(observed: &Observed, now: Timestamp) -> Plan;
